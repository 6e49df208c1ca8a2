/*
 * cerebro_pg.h
 *	  The one private header of the extension: what its modules offer each
 *	  other.
 *
 *	 host      cer_status -> ereport, memory contexts under cer_host
 *	 archive   writing the extension's tables as the extension's owner
 *	 settings  the session settings that give a task's expressions their meaning
 *	 task      rows of cerebro.task, in memory; create_task
 *	 read      the task's query -> chunks of coded rows
 *	 row       the task's expressions over one row of its relation
 *	 engine    the engine process: start, frames, stop
 *	 progress  what trains now, in files below pg_stat_tmp
 *	 train     train(): reader -> engine -> archive
 *	 job       queued training, background workers, attempts that failed
 *	 model     archived parts -> cer_model, cached per backend
 *	 deploy    deployments; score  score_row, predict; evaluate  the test rows
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
} ArchiveScope;

/*
 * Between enter and leave SPI runs as the extension's owner, with search_path
 * pg_catalog; an error restores the user by itself (AtEOXact).  SPI_connect is
 * done and undone here.  Never run a user's expression in between.
 */
extern void archive_enter(ArchiveScope *scope);
extern void archive_leave(ArchiveScope *scope);

/* ------------------------------------------------------------------ task */

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
} TaskTargets;

extern TaskTargets task_get_targets(const Task *task);

/* query, parsed and analysed under the task's settings (caller sets them). */
extern Query *task_analyze(const Task *task);

/* Columns as the library wants them, in the current memory context. */
extern cer_column *task_get_columns(const Task *task, const Query *query);

/* The class that a label's text stands for, or -1 (NULL and unknown labels). */
extern int task_find_class(const Task *task, const char *label);

/* -------------------------------------------------------------- settings */

/* NewGUCNestLevel + the task's settings; undone by AtEOXact_GUC(false, level),
 * for which settings_leave is the name here. */
extern int settings_enter(const Task *task);
extern void settings_leave(int level);
/* The session's values of these settings, as name=value. */
extern char **settings_capture(int *n_settings);

/* ------------------------------------------------------------------ read */

/* Where rows go.  Chunks and values are borrowed for the call. */
typedef struct RowSink
{
	void *self;
	void (*chunk)(void *self, const cer_chunk *chunk);
	/* new dictionary values of an input: codes first, first + 1, ... */
	void (*values)(void *self, size_t input, uint32 first,
	               const cer_text *values, size_t n_values);
} RowSink;

typedef struct ReadStats
{
	int64 n_rows;      /* labelled rows in all parts */
	int64 n_unlabeled; /* rows left out: label NULL */
	int64 *class_rows; /* (CER_N_PARTS, n_classes) */
	uint64 row_hash;   /* of key and label, order-independent, all parts */
	double seconds;
} ReadStats;

/* Which columns of a task are read, and how each is stored. */
typedef struct ReadPlan
{
	int n_inputs;
	int *columns; /* of the task's query, from 0 */
	cer_input *inputs;
	unsigned parts; /* bit per cer_part_of_rows that is sent to the sink */
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

/* The data version that stats describe: found, or made (with a NOTICE). */
extern int32 task_get_data_version(const Task *task, const ReadStats *stats);

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
extern Oid row_evaluator_get_type(const RowEvaluator *evaluator, int target);

/* How one SQL value becomes a cer_value's number or a category's text. */
typedef struct ValueCoder ValueCoder;
extern ValueCoder *value_coder_make(Oid type);
extern cer_column_type value_coder_get_type(const ValueCoder *coder);
extern cer_storage value_coder_get_storage(const ValueCoder *coder);
extern double value_coder_get_number(ValueCoder *coder, Datum value);
/* Borrowed until the coder's next call. */
extern cer_text value_coder_get_text(ValueCoder *coder, Datum value);
extern void value_coder_add_key(ValueCoder *coder, Datum value, bool is_null,
                                cer_key_hash *hash);

/* Part of a row by its key (random), group, time or column value. */
extern cer_part_of_rows
task_get_part(const Task *task, uint64 row_key, Datum split, bool split_is_null,
              ValueCoder *split_coder);

/* ------------------------------------------------------ engine and training */

extern void progress_init(void); /* called by _PG_init */
extern void job_init(void);
extern void train_init(void);

/* ------------------------------------------------------- models and scoring */

/* A model's parts as the extension's owner; rights are the caller's affair. */
extern const cer_model *model_load(cer_arena *arena, int32 model);
extern void score_init(void);

#endif
