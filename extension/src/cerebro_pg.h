/*
 * cerebro_pg.h
 *	  The one private header of the extension: what its modules offer each
 *	  other.
 *
 *	 host      cer_status -> ereport, memory contexts under cer_host
 *	 archive   writing the extension's tables as the extension's owner
 *	 names	   names as people write them
 *	 settings  the session settings that give a task's expressions their meaning
 *	 task      rows of cerebro.task, in memory; create_task
 *	 source    its texts -> one analysed query; whose code that query runs
 *	 query     running an analysed query, row by row
 *	 dictionary, label, split, value   values of a row -> codes
 *	 read      the task's query -> chunks of coded rows
 *	 fe        joins, aggregates and expressions of a triple -> a task's query
 *	 profile   what the columns of a data version look like; relationship
 *	 row       the task's expressions over one row of its relation; part
 *	 engine    the engine process: start, frames, stop
 *	 progress  what trains now, in files below pg_stat_tmp
 *	 train     train(): reader -> engine -> archive
 *	 job       queued training, background workers, attempts that failed
 *	 model     archived parts -> cer_model, cached per backend
 *	 deploy    deployments; evaluate  the test rows
 *	 scorer    rows of a type -> values of a model; score  score_row, predict
 *	 scan      the plan node that scores rows in batches
 */
#ifndef CEREBRO_PG_H
#define CEREBRO_PG_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"

#include "cerebro.h"
#include "compat.h"

/* ------------------------------------------------------------------ host */

/* Raises status as an error: SQLSTATE by one table, message, detail, hint. */
extern void host_check(cer_status status, const cer_error *err);
/* The same of what was read from a text: it is shown with the place in it. */
extern void
host_check_text(cer_status status, const cer_error *err, const char *text);
/* The same for what is found when a triple meets a task: its canonical text is
 * shown, in which the place counts. */
extern void
host_check_mst(cer_status status, const cer_error *err, const cer_mst *mst);
extern const char *host_print_mst(const cer_mst *mst);
/* Of a place in a text, in characters from 1; 0: there is none. */
extern int host_find_position(const char *text, int line, int column);
/* The same for input functions: kept in the call's context, if it keeps errors
 * (since PostgreSQL 16), else raised. */
extern void host_save(Node *context, cer_status status, const cer_error *err);
/* Memory from the current memory context at the time of the call. */
extern cer_host host_make(void);
/* An arena that dies with the context. */
extern cer_arena *host_make_arena(MemoryContext context);
extern cer_text host_text(const char *string);

/* --------------------------------------------------------------- archive */

typedef struct ArchiveScope
{
	Oid user;
	int security;
	int level; /* of settings */
} ArchiveScope;

/*
 * Between enter and leave SPI runs as the extension's owner, with search_path
 * pg_catalog; an error restores the user by itself (AtEOXact).  SPI_connect is
 * done and undone here.  Never run a user's expression in between.
 */
extern void archive_enter(ArchiveScope *scope);
extern void archive_leave(ArchiveScope *scope);
extern Oid archive_get_owner(void);

/* The role itself; if it is gone the extension's owner, whose its rows are. */
extern Oid owner_find(Oid owner);
extern const char *owner_get_name(Oid owner);
/* Whether the role is, or is a member of, the one whose the rows are. */
extern bool owner_has(Oid owner, Oid role);

/* ----------------------------------------------------------------- names */

/* Position of a name, exactly as written; -1: none. */
extern int name_find(const char *name, char *const *names, int n_names);
/* As name_find, else as SQL folds an unquoted name. */
extern int name_resolve(const char *name, char *const *names, int n_names);
extern const char *
name_find_closest(const char *name, char *const *names, int n_names);
/* Raises: what "name" does not exist; the closest name in the hint. */
extern void name_fail(const char *what, const char *name, char *const *names,
                      int n_names) pg_attribute_noreturn();
extern char *names_print(char *const *names, int n_names); /* a, b, c */
extern char **texts_from_array(Datum array, int *n_texts);
extern Datum texts_to_array(char *const *texts, int n_texts);

/* ------------------------------------------------------------------ task */

#define MAX_CLASSES 1000

/* "train", "valid", "test" by cer_part_of_rows */
extern const char *const part_names[CER_N_PARTS];

typedef struct Task
{
	int32 id;
	char *name;
	Oid owner;
	char *source;
	Oid relation; /* InvalidOid: the source is not over one relation */
	char *query;  /* source columns, then label, keys, split, as_of, known */
	int n_columns;
	char *label;
	int n_classes;
	char **classes;
	int n_key;
	char **key;
	int n_exclude;
	char **exclude;
	cer_split split;
	char *split_text;
	int n_cuts;
	char **split_cuts;
	int64 hash_key;
	char *metric;
	char *as_of; /* or NULL */
	char *label_known;
	int n_settings;
	char **settings;
	/* of a task as a model with JOINs and the like reads it: */
	const struct Task *base; /* the task itself; else NULL */
	Oid author;              /* the model's owner, whose code FE is */
	Oid reader;              /* with whose rights FE reads; or InvalidOid */
	const cer_mst *mst;      /* whose FE it is; NULL: of a kept model */
} Task;

/* The task that the current role sees under the name; its own comes first. */
extern Task *task_find(const char *name);
/* By id; with check, only where the current role may see it. */
extern Task *task_find_by_id(int32 id, bool check);

/* Positions of the service columns among query's targets, from 0; -1: none. */
typedef struct TaskTargets
{
	int label;
	int first_key; /* n_key of them */
	int split;
	int as_of;
	int label_known;
	int n; /* of all targets, the source's columns too */
} TaskTargets;

extern TaskTargets task_get_targets(const Task *task);

/* query, parsed and analysed under the task's settings (caller sets them). */
extern Query *task_analyze(const Task *task);

/* What a column of the source is there for. */
typedef enum ColumnUse
{
	USE_NONE,
	USE_FEATURE,
	USE_LABEL, /* the label is computed from it */
	USE_KEY,
	USE_SPLIT,
	USE_EXCLUDED
} ColumnUse;

/* One per column of the source, in the current memory context. */
extern ColumnUse *task_get_uses(const Task *task, const Query *query);

/* Columns as the library wants them, in the current memory context. */
extern cer_column *task_get_columns(const Task *task, const Query *query);

/* The class that a label's text stands for, or -1 (NULL and unknown labels). */
extern int task_find_class(const Task *task, const char *label);

/* split_text -> split, in the current memory context. */
extern void task_parse_split(Task *task);
/* A level of settings under which stored queries are printed and parsed. */
extern int task_enter_deparse(void);

/* ---------------------------------------------------------------- source */

extern void source_init(void);
/*
 * From source, label, key, exclude, split, as_of and label_known as written:
 * sets relation, key, n_columns and query, resolves names, refuses what
 * cannot work.  The key may be left out (n_key 0): then the primary key, if the
 * source has it.
 */
extern Query *source_analyze(Task *task);
extern Oid source_find_relation(const Query *source);
/* Where rows of a view may mean something else to whoever scores them. */
extern void source_warn_of_view(Oid relation);
extern char **source_find_key(const Query *source, Oid relation, int *n_key);
/*
 * In tasks of other roles: keeps literals from running code while the stored
 * query is analysed; refuses code that is not PostgreSQL's in what came of it,
 * or in an expression.
 */
extern void source_check_literals(const Task *task, RawStmt *statement);
extern void source_check_code(const Task *task, const Query *query);
extern void source_check_row_code(const Task *task, const Query *query);
extern void source_check_joined_code(const Task *task, const Query *query);
extern bool source_runs_foreign_code(const Query *query);
extern void source_check_expression(const Task *task, Node *node);
extern bool allow_user_functions; /* cerebro.allow_user_functions */
/* What a node runs that is not PostgreSQL's own; NULL: nothing. */
extern const char *source_find_foreign_code(Node *node);
/* A raw expression, and what it takes to analyse it without code of others. */
/* Of code that has one: "a volatile function, random()". */
extern const char *source_describe_volatile(Node *node);
extern Node *source_parse_expression(const char *what, const char *text);
extern Node *source_retype_literals(Node *node);

/* -------------------------------------------------------------- settings */

/* NewGUCNestLevel + the task's settings; undone by AtEOXact_GUC(false, level),
 * for which settings_leave is the name here. */
extern int settings_enter(const Task *task);
extern void settings_leave(int level);
/* The session's values of these settings, as name=value. */
extern char **settings_capture(int *n_settings);

/* Settings as they are now, to ask later, per row, whether they still are. */
typedef struct SettingsImage SettingsImage;
extern SettingsImage *settings_image_make(void);
extern bool settings_image_is_current(SettingsImage *image);

/* ----------------------------------------------------------------- query */

typedef void (*RowFunction)(void *self, TupleTableSlot *slot);

/* Under the active snapshot; all attributes of the slots are there. */
extern void
query_run(Query *query, const char *text, RowFunction row, void *self);
typedef void (*PlanFunction)(PlannedStmt *stmt, void *self);
/* The same with workers where they help; rows come in any order.  change, if
 * there is one, may change the plan. */
extern void
query_run_parallel(Query *query, const char *text, PlanFunction change,
                   RowFunction row, void *self);
/* A query that is planned once; lives in the current memory context. */
typedef struct QueryPlan QueryPlan;
extern QueryPlan *query_plan_make(const Query *query, const char *text);
extern void query_plan_lock(const QueryPlan *plan);
struct Basis;
/* The plan rests on what it reads. */
extern void query_plan_note(const QueryPlan *plan, struct Basis *basis);

/* As the planner estimates. */
typedef struct QueryCost
{
	double startup;
	double total;
	double rows;
} QueryCost;
extern QueryCost query_plan_get_cost(const QueryPlan *plan);
extern void query_plan_run(const QueryPlan *plan, QueryEnvironment *environment,
                           RowFunction row, void *self);
/* Raises what running it would for lack of rights; runs nothing. */
extern void query_check(Query *query, const char *text);
struct QueryDesc;
extern struct QueryDesc *
query_plan_describe(const QueryPlan *plan, QueryEnvironment *environment,
                    DestReceiver *dest);

/*
 * The plan, started once and run again and again in one snapshot; to be closed
 * by the statement that opened it, or with the current memory context.
 */
typedef struct QueryLoop QueryLoop;
extern void query_init(void); /* called by _PG_init */
extern QueryLoop *
query_loop_open(const QueryPlan *plan, QueryEnvironment *environment,
                RowFunction row, void *self);
extern void query_loop_run(QueryLoop *loop);
extern void query_loop_close(QueryLoop *loop);

extern void query_keep_targets(Query *query, const int *targets, int n_targets);

/* ------------------------------------------------------------ dictionary */

/*
 * Whether two strings of one size are equal; short ones, as most values are,
 * by two overlapping words instead of a call.
 */
static inline bool
bytes_equal(const char *left, const char *right, size_t size)
{
	uint64 a[2];
	uint64 b[2];

	if (size > 16)
		return memcmp(left, right, size) == 0;
	if (size >= 8)
	{
		memcpy(&a[0], left, 8);
		memcpy(&a[1], left + size - 8, 8);
		memcpy(&b[0], right, 8);
		memcpy(&b[1], right + size - 8, 8);
		return a[0] == b[0] && a[1] == b[1];
	}
	if (size >= 4)
	{
		uint32 c[2];
		uint32 d[2];

		memcpy(&c[0], left, 4);
		memcpy(&c[1], left + size - 4, 4);
		memcpy(&d[0], right, 4);
		memcpy(&d[1], right + size - 4, 4);
		return c[0] == d[0] && c[1] == d[1];
	}
	for (size_t i = 0; i < size; i++)
		if (left[i] != right[i])
			return false;
	return true;
}

/* Codes from 1 for byte strings, in order of arrival. */
typedef struct Dictionary Dictionary;

extern Dictionary *dictionary_make(void); /* in the current memory context */
extern uint32
dictionary_add(Dictionary *dictionary, const void *data, size_t size);
extern uint32 dictionary_find(const Dictionary *dictionary, const void *data,
                              size_t size); /* 0: none */
extern uint32 dictionary_count(const Dictionary *dictionary);
extern size_t dictionary_get_size(const Dictionary *dictionary);
/* Lent until the next value is added; the bytes stay. */
extern const cer_text *
dictionary_get_values(const Dictionary *dictionary, uint32 first);

/* ------------------------------------------------------------------ read */

/* Where rows go.  Chunks and values are borrowed for the call. */
typedef struct RowSink
{
	void *self;
	void (*chunk)(void *self, const cer_chunk *chunk);
	/* new dictionary values of an input: codes first, first + 1, ... */
	void (*values)(void *self, size_t input, uint32 first,
	               const cer_text *values, size_t n_values);
	void (*end)(void *self); /* after the last row; NULL: need not be told */
} RowSink;

/* The states of tables: equal states, equal rows. */
typedef struct TableStates
{
	int n;
	Oid *tables; /* InvalidOid: the task's own query, whose result all of its
				  * tables tell */
	bytea **states;
} TableStates;

typedef struct ReadStats
{
	int64 n_rows;      /* labelled rows in all parts */
	int64 n_unlabeled; /* rows left out: label NULL */
	int64 *class_rows; /* (CER_N_PARTS, n_classes) */
	uint64 row_hash;   /* of key and label, order-independent, all parts */
	double seconds;
	int64 n_valid; /* rows of the valid part, whatever was sent: */
	uint64 *valid_keys;
	uint16 *valid_labels;
	TableStates *tables;

	/* what columns held, where the reader cared to look: see cer_content */
	int n_contents;
	char **content_names; /* columns of the source; "": the rows */
	cer_content_hash *contents;
} ReadStats;

/* Which columns of a task are read, and how each is stored. */
typedef struct ReadPlan
{
	int n_inputs;
	int *columns; /* of the task's query, from 0 */
	cer_input *inputs;
	unsigned parts; /* bit per cer_part_of_rows that is sent to the sink */
	double share;   /* of their rows, by key hash; 0: all */
	bool is_own;    /* the task's own query is read, not one that FE made */
	TableStates *tables; /* under the same snapshot, or NULL: not known yet */

	/* NULL, or told of each labelled row's key, whatever its part: values of
	 * those types, in the key's order */
	void (*watch)(void *self, uint64 row_key, const Oid *types,
	              const Datum *values);
	void *watcher;
} ReadPlan;

/* Fills storage by each column's type. */
extern ReadPlan *
read_plan_make(const Task *task, const Query *query, const size_t *columns,
               size_t n_columns, unsigned parts);

/*
 * Runs the task's query as the current user under its settings and the active
 * snapshot; sends coded rows to the sink in chunks, dictionary values before
 * the first chunk that uses them.  Checks for interrupts.
 */
extern void task_read(const Task *task, const ReadPlan *plan,
                      const RowSink *sink, ReadStats *stats);
/* The same into a dataset of the host's memory, finished. */
extern cer_dataset *
task_read_dataset(const Task *task, const ReadPlan *plan, const cer_host *host);

/* Steps of create_task: classes and cuts from the data; counts and checks. */
extern void task_learn(Task *task, Query *query, const char *positive);
/* The label's values as they are now, in order, become the task's classes. */
extern void task_learn_classes(Task *task, Query *query);
extern void task_survey(Task *task, ReadStats *stats);
extern void task_report(const Task *task, const ReadStats *stats);

/* The data version that stats describe: found, or made (with a NOTICE). */
extern int32 task_get_data_version(const Task *task, const ReadStats *stats);

/* The same where the rows, of a version that is known, were not read again;
 * fills in how many there are. */
extern int32
task_get_kept_version(const Task *task, int32 rows, ReadStats *stats);
/* The same without a trace; 0: they would make a new one. */
extern int32
task_find_kept_version(const Task *task, int32 rows, ReadStats *stats);

/*
 * The tables of a query as analysed, under the active snapshot, as far as they
 * can be told; is_own: the whole of a task's own query.
 */
extern TableStates *task_get_tables(const Query *query, bool is_own);
/* The newest version, if tables tell that its rows are as they were; or 0. */
extern int32
task_find_data_version(const Task *task, const TableStates *tables);
/* What a version's column held ("": the rows); false: nobody has read it. */
extern bool task_get_content(int32 data_version, const char *column,
                             cer_content_hash *content);

/* --------------------------------------------------------------- profile */

/* Makes the profile of a data version as it is made. */
extern void
profile_keep(const Task *task, const ReadStats *stats, int32 version);
/* Of a task that may lack a key: one that would do, as the rows are now. */
extern char **profile_find_key(const Task *task, int *n_key);

/* ------------------------------------------------------------------- row */

/* Values of chosen query targets computed from one row of a row type. */
typedef struct RowEvaluator RowEvaluator;

/*
 * For rows of the task's relation: the source's expressions over them.  For
 * other records: the source's output columns, matched by name.  targets are
 * positions in the task's query; lives in the current memory context.
 */
extern RowEvaluator *row_evaluator_make(const Task *task, TupleDesc record,
                                        const int *targets, int n_targets);
extern void row_evaluate(RowEvaluator *evaluator, HeapTupleHeader record,
                         Datum *values, bool *nulls);
/* Whether all targets are columns of the record: no code runs, nothing fails. */
struct Basis;
/* What its values rest on, beside rows. */
extern struct Basis *row_evaluator_get_basis(const RowEvaluator *evaluator);
extern bool row_evaluator_is_plain(const RowEvaluator *evaluator);
/* Whether it may serve coming statements of the same user. */
extern bool row_evaluator_is_lasting(const RowEvaluator *evaluator);
/* Where rows are looked up (fe.h), which batches do faster; else NULL. */
extern struct FeLookup *row_evaluator_get_lookup(RowEvaluator *evaluator);
/* The record's attributes that the targets read, from 1. */
extern Bitmapset *row_evaluator_get_attributes(const RowEvaluator *evaluator);
extern int row_evaluator_count_attributes(const RowEvaluator *evaluator);
/* The attribute that a target is, or 0 where it is an expression. */
extern AttrNumber
row_evaluator_get_attribute(const RowEvaluator *evaluator, int target);
/*
 * row_evaluate for columns that lie in a slot, deformed: by_attribute has, for
 * each of the record's, its index in the slot, or -1 where it is not read.
 */
extern void
row_evaluate_slot(RowEvaluator *evaluator, const TupleTableSlot *slot,
                  const int *by_attribute, Datum *values, bool *nulls);
extern Oid row_evaluator_get_type(const RowEvaluator *evaluator, int target);

/* How one SQL value becomes a cer_value's number or a category's text. */
typedef struct ValueCoder ValueCoder;
extern ValueCoder *value_coder_make(Oid type);
extern cer_column_type value_coder_get_type(const ValueCoder *coder);
extern cer_storage value_coder_get_storage(const ValueCoder *coder);
/* What a number of a date or time counts. */
extern cer_time_unit value_coder_get_unit(const ValueCoder *coder);
/* What a reader of many rows may do itself instead of calling the coder. */
typedef enum ValueShortcut
{
	SHORTCUT_NONE,
	SHORTCUT_INT4,   /* an int32 is the number */
	SHORTCUT_FLOAT8, /* a double is the number */
	SHORTCUT_TEXT    /* the bytes of a text are the category */
} ValueShortcut;
extern ValueShortcut value_coder_get_shortcut(const ValueCoder *coder);
extern double value_coder_get_number(ValueCoder *coder, Datum value);
/* Borrowed until the coder's next call. */
extern cer_text value_coder_get_text(ValueCoder *coder, Datum value);
extern void value_coder_add_key(ValueCoder *coder, Datum value, bool is_null,
                                cer_key_hash *hash);

/* Part of a row by its key (random), group, time or column value. */
typedef struct SplitRule SplitRule;
extern SplitRule *split_rule_make(const Task *task, Oid type);
extern cer_part_of_rows
split_rule_get_part(SplitRule *rule, uint64 row_key, Datum split, bool is_null);

/* Class of a label's value; with task NULL classes are collected. */
typedef struct LabelCoder LabelCoder;
extern LabelCoder *label_coder_make(Oid type, const Task *task);
extern uint16 label_coder_get_class(LabelCoder *coder, Datum label);
extern char **label_coder_get_labels(LabelCoder *coder, int *n_labels);

/* ------------------------------------------------------ engine and training */

extern void progress_init(void); /* called by _PG_init */
extern void job_init(void);
extern void train_init(void);

/* ----------------------------------------------------- reading the archive */

/*
 * Rows of a table of ours whose primary key begins with the value, in the
 * key's order, as the active snapshot sees them and past row policies: rights
 * are the caller's affair.
 */
typedef struct ArchiveScan ArchiveScan;

extern Oid archive_get_relid(const char *table);
extern ArchiveScan *archive_scan_by_id(const char *table, int32 id);
extern ArchiveScan *archive_scan_by_bytes(const char *table, Datum id);
/* The one whose second column of the primary key equals the number. */
extern ArchiveScan *
archive_scan_by_piece(const char *table, Datum id, int32 number);
extern bool archive_scan_next(ArchiveScan *scan);
/* Borrowed until the next row; is_null may be NULL where NULL is an error. */
extern Datum
archive_scan_get(ArchiveScan *scan, const char *column, bool *is_null);
extern void archive_scan_end(ArchiveScan *scan);

/* ------------------------------------------------------- models and scoring */

typedef struct Model
{
	int32 id;
	cer_weight_layout layout; /* of its weights: of a deployment, its copy's */
	bool has_owner_rights;    /* a deployment that lends them, and whose */
	Oid reader;               /* they are; InvalidOid: the user's own */
	int32 task;
	int32 data_version;
	Oid owner;
	int64 n_weights;
	char *query; /* what its FE reads; NULL: the task's own columns */
} Model;

extern void model_init(void);
extern void opening_init(void);
/* Whether there is such a model, whoever asks. */
extern bool model_find(int32 id, Model *model);
/* How many of its task's classes it knows: the first ones. */
extern int model_count_classes(const Model *model);
/* Drops a task's models, in an archive scope; an error where one is deployed. */
extern void model_drop_all(int32 task);
/* An error unless the role owns the model. */
extern void model_check_right(const Model *model, Oid role);
extern void model_report_missing(int32 id) pg_attribute_noreturn();
/* What a grant on a model allows, each with those before it. */
typedef enum ModelRight
{
	RIGHT_USE,  /* predictions */
	RIGHT_READ, /* weights, scores, lineage */
	RIGHT_OWN
} ModelRight;

extern ModelRight model_find_right(const char *name);
/* Whether there is such a model and the current user has the right. */
extern bool model_may_open(int32 id, ModelRight right);
/* An error unless it is so. */
extern void model_open_to(int32 id, ModelRight right, Model *model);
/* The same for its owners. */
extern void model_open(int32 id, Model *model);
/* List of cer_part, of the kinds whose bits are set; rights unchecked. */
extern List *model_read_parts(int32 id, unsigned kinds);
/* Kept per backend; lent until the context is reset.  Rights unchecked. */
extern const cer_model *model_borrow(MemoryContext context, int32 id);
/* The same of a copy of its weights. */
extern const cer_model *
model_borrow_copy(MemoryContext context, int32 id, cer_weight_layout layout);
/* Bytes of cerebro.model_memory that no model takes. */
extern Size model_get_free_memory(void);
struct ModelRows;
/* Of a model that is borrowed, and lent as long; rows: of tensors that it lacks,
 * or NULL. */
extern cer_explainer *model_get_explainer(int32 id, cer_weight_layout layout,
                                          struct ModelRows **rows);

/* What a deployed function, or a call of predict, answers with. */
typedef enum ScoreAnswer
{
	ANSWER_PROBABILITY, /* real: of the positive class of two */
	ANSWER_CLASS,       /* text: the most likely one */
	ANSWER_PROBA,       /* jsonb: all classes with their probabilities */
	ANSWER_WHY          /* jsonb: what each feature adds to it, see why.c */
} ScoreAnswer;

/*
 * The model behind a deployment, for a caller who may EXECUTE the function
 * that was deployed to answer so, and with whose rights it reads.
 */
extern void deployment_open(int32 id, ScoreAnswer answer, Model *model);
/* The same for the planner: no rights, false where there is none. */
extern bool deployment_find_model(int32 id, Model *model);

extern void score_init(void);
/* Another number once a relation, type, function or right may be another. */
/* Lets go of the models that are kept ready for coming statements. */
extern void score_forget(void);

/* Where a model's inputs are among columns; an error where one is missing. */
extern int *score_find_targets(const cer_model *model,
                               const cer_column *columns, int n_columns);
/* An error unless a column is still of the kind that an input was. */
extern void score_check_storage(const cer_input *input, cer_storage storage);
/* Errors where rows of the task's relation could not be scored. */
extern void score_check_relation(const Model *model, const Task *task);

#endif
