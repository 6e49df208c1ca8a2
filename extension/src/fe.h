/*
 * fe.h
 *	  A triple's FE against the catalog: JOIN, AGGREGATE and expressions become
 *	  one query over the task's source.
 *
 *	 SELECT inputs, then what the task adds (label, keys, split, as_of, known)
 *	 FROM (task's query) source
 *		  LEFT JOIN planes ON ...
 *		  LEFT JOIN LATERAL (SELECT ... newest row ...) weather ON true
 *		  LEFT JOIN LATERAL (SELECT aggregates ...) orders ON true
 *
 * The query has the layout of a task's own, so that whatever reads a task
 * reads it: it is handed on as a copy of the task.  Its text is kept with the
 * model: ways between tables and times that are declared later change nothing.
 * Without JOIN, AGGREGATE and expressions the task's own query will do.
 *
 * Tables are found by the search path that is stored with the task, functions
 * and operators in pg_catalog; all is read with the rights of who asks.
 */
#ifndef CEREBRO_FE_H
#define CEREBRO_FE_H

#include "input_coder.h"

typedef struct Features
{
	/* all that FE could choose from, as the library wants them */
	cer_column *columns;
	int n_columns;

	/* what is read: a task and, by input, positions among its columns */
	const Task *task;
	size_t *inputs;
	size_t n_inputs;
	const char *query; /* to be kept with the model; NULL: the task's own */
} Features;

/*
 * Under the task's settings (the caller enters them).  Raises where the triple
 * asks for what is not there.  Without looking the data are not read: whether
 * a JOIN finds one row at most, and whether it always finds one, stays open.
 */
extern Features *fe_make(const Task *task, const cer_mst *mst, bool is_looking);

/* The task as a model reads it: itself, or a copy with the model's query. */
extern Task *fe_open(Task *task, const Model *model);

/* Tables of a model's query that are joined through others. */
extern cer_table_link *fe_list_links(const char *query, int *n);

/* What cannot be read together with what stands before it: a name, and which
 * model has it. */
typedef struct FeConflict
{
	int model;
	const char *name; /* NULL: there is none */
} FeConflict;

/* A query with all that models of the task read, under the task's settings;
 * NULL: the task's own will do, or there is a conflict. */
extern char *fe_unite(const Task *task, const Model *models, int n_models,
                      FeConflict *conflict);

/*
 * The query of a task that fe_open returned, which was analysed, for another
 * way: with a grouped pass where it has an AGGREGATE.  NULL: there is none.
 */
extern Query *fe_group_query(const Task *task, const Query *query);
/* Which of the two is read, cut to the same targets. */
extern Query *fe_choose_query(const Task *task, Query *query, Query *grouped);

/* Raises: a row came twice, as a JOIN has come to find several. */
extern void fe_fail_twice(const Task *task) pg_attribute_noreturn();

/* ---------------------------------------------------------------- scoring */

/* Values of a model's inputs for rows of any type, looked up in batches. */
typedef struct FeLookup FeLookup;

/* targets are positions in the query of task, which fe_open returned. */
extern FeLookup *fe_lookup_make(const Task *task, TupleDesc record,
                                const int *targets, int n_targets);
/* Whether it runs no code but PostgreSQL's own. */
extern bool fe_lookup_is_lasting(const FeLookup *lookup);
extern Oid fe_lookup_get_type(const FeLookup *lookup, int target);
/* What its queries and plans rest on. */
extern struct Basis *fe_lookup_get_basis(const FeLookup *lookup);
/* What reads the columns of a row that is added. */
extern const RowEvaluator *fe_lookup_get_evaluator(const FeLookup *lookup);

/*
 * Dimensions are tables that are joined by equalities to the source alone, or to
 * another dimension alone: the inputs that one of them gives can be had by a
 * pass over it.
 */
typedef struct FeInput
{
	int dimension; /* or one of the following */
	int place;     /* among its targets, the columns read, the rest's */
} FeInput;

#define FE_OF_SOURCE (-1)

#define FE_INPUT_OF_SOURCE (-1)
#define FE_INPUT_OF_QUERY  (-2)

typedef struct FeSplit FeSplit;

/* As things are now; one that was had before stays valid. */
extern const FeSplit *fe_lookup_get_split(FeLookup *lookup);
extern int fe_split_count_dimensions(const FeSplit *split);
extern const char *fe_split_get_alias(const FeSplit *split, int dimension);
/* Inputs that the dimension gives; returns how many. */
extern int
fe_split_get_targets(const FeSplit *split, int dimension, const int **targets);
/* The relation of whose rows what is computed may be kept; or InvalidOid. */
extern Oid fe_split_get_relation(const FeSplit *split, int dimension);
/* The dimension, one before it, that it is joined to; or FE_OF_SOURCE. */
extern int fe_split_get_through(const FeSplit *split, int dimension);
/* Whether others are joined to it. */
extern bool fe_split_has_outer(const FeSplit *split, int dimension);
extern double fe_split_get_rows(const FeSplit *split, int dimension);
/* Of one pass over it, as the planner counts. */
extern double fe_split_get_cost(const FeSplit *split, int dimension);
extern const FeInput *fe_split_get_input(const FeSplit *split, int target);

/* How other tables are read. */
typedef enum FeWay
{
	FE_PASS,  /* dimensions in one pass each; the rest as FE_BATCH */
	FE_PROBE, /* the query, planned for few rows: by index */
	FE_BATCH  /* the query, planned for many: by hash */
} FeWay;

typedef struct FeCosts
{
	double ways[FE_BATCH + 1]; /* as the planner counts; INFINITY: impossible */
	bool are_grouped[FE_BATCH + 1]; /* with aggregates by a grouped pass */
} FeCosts;

/* The setting cerebro.plan_join. */
typedef enum FeJoinPlan
{
	FE_JOIN_AUTO,
	FE_JOIN_PASS,
	FE_JOIN_PROBE,
	FE_JOIN_BATCH
} FeJoinPlan;

extern void fe_init(void);
extern FeJoinPlan fe_get_join_plan(void);

/* Whether there is a grouped pass. */
extern bool fe_lookup_has_groups(FeLookup *lookup);
/* Of looking n_rows rows up; false: FE_PROBE costs less than to compare it. */
extern bool fe_lookup_estimate(FeLookup *lookup, double n_rows, FeCosts *costs);
/* So many are looked up by FE_PROBE: in the end it is compared. */
extern void fe_lookup_note_probe(FeLookup *lookup, double n_rows);

/*
 * One use of a lookup, in the current memory context: of single rows, or of the
 * batches of one statement, which see one snapshot; what they share (hashed
 * tables) is made once.  Rows are added, looked up at once, and read by their
 * place in the batch; what is read stays until fe_run_clear.
 */
typedef struct FeRun FeRun;
/* split: of the lookup, for FE_PASS. */
extern FeRun *
fe_run_make(FeLookup *lookup, const FeSplit *split, FeWay way, bool is_scan);
/* Its query has aggregates by a grouped pass, where it can. */
extern void fe_run_group(FeRun *run);
extern void fe_run_end(FeRun *run);
/* Room for so many rows; before any is added. */
extern void fe_run_reserve(FeRun *run, int n_rows);
extern void fe_run_clear(FeRun *run);
/* Returns the bytes of what it copied of the row, short values aside. */
extern Size fe_run_add(FeRun *run, HeapTupleHeader record);
/* The same for columns that lie in a slot; see row_evaluate_slot. */
extern Size fe_run_add_slot(FeRun *run, const TupleTableSlot *slot,
                            const int *by_attribute);
extern void fe_run_look_up(FeRun *run);
/* By FE_PASS only of inputs of FE_INPUT_OF_QUERY, by their place. */
extern void
fe_run_get(const FeRun *run, int row, const Datum **values, const bool **nulls);

/*
 * By FE_PASS: rows of a dimension, numbered from 1, or 0 for what a row without
 * a match has.  take gets the targets of each; where they are a relation's rows
 * ctid and xmin follow, that are NULL for 0.
 */
typedef struct FeTaker
{
	void *self;
	void (*take)(void *self, uint32 row, const Datum *values,
	             const bool *nulls);
	Size max_size; /* bytes of keys */
} FeTaker;

/* The last dimension first.  false: the keys take more than max_size. */
extern bool fe_run_pass(FeRun *run, int dimension, const FeTaker *taker);
/*
 * What a pass found, for other processes of the statement: in place of their
 * own passes.  Size 0: it cannot be shared.
 */
extern Size fe_run_get_shared_size(const FeRun *run, int dimension);
extern void fe_run_share(const FeRun *run, int dimension, char *to);
extern void fe_run_attach(FeRun *run, int dimension, char *from);
/* By FE_PASS: a column of all rows that were added, by their place. */
extern ValueColumn fe_run_get_column(const FeRun *run, int place);
/* By FE_PASS, of all rows that were added: their rows of the dimension; the
 * first dimension first. */
extern void fe_run_find(const FeRun *run, int dimension, uint32 *rows);
/* Of a dimension that is joined to another one: its row, by row of that one;
 * NULL: one finds several. */
extern const uint32 *fe_run_get_links(const FeRun *run, int dimension);

/*
 * A WARNING for each reference from a task's query by which a JOIN would see
 * rows of the very time of a prediction.
 */
extern void fe_warn_of_times(const Query *query);

#endif
