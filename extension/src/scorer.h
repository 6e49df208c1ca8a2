/*
 * scorer.h
 *	  What a row needs to be scored: a model, and how rows of one type become
 *	  its values.
 *
 *	 ScorerUse -> Scorer -> model (model.c)
 *	 one per expression or scan node	one per (model, row type), shared
 */
#ifndef CEREBRO_SCORER_H
#define CEREBRO_SCORER_H

#include "cerebro_pg.h"

#include "nodes/pg_list.h"
#include "utils/dsa.h"

/* What a call asks, known before its first row. */
typedef struct ScoreCall
{
	bool is_deployment; /* id is a deployment's, else a model's */
	ScoreAnswer answer;
	int32 id;
} ScoreCall;

/* Rows of one type. */
typedef struct RowType
{
	Oid type;
	int32 typmod;
} RowType;

typedef struct Scorer Scorer;
typedef struct ScorerUse ScorerUse;

/* Lets go of its scorer when the context is reset. */
extern ScorerUse *scorer_use_make(MemoryContext context);
/* The scorer for the call as things are now, for the current user; errors
 * where it may not have it. */
extern Scorer *
scorer_use_get(ScorerUse *use, const ScoreCall *call, RowType row);

/* The scorer stays until the context is reset. */
extern void scorer_hold(Scorer *scorer, MemoryContext context);

/* Whether the use still holds the scorer. */
extern bool scorer_use_has(const ScorerUse *use, const Scorer *scorer);

/* No other scorer of this process has or had it: addresses come again. */
extern uint64 scorer_get_serial(const Scorer *scorer);
extern int32 scorer_get_model_id(const Scorer *scorer);
/* Whether rows, of one type, have the same values for both, and models encode
 * them alike. */
extern bool scorer_reads_as(const Scorer *scorer, const Scorer *other);
extern const cer_model *scorer_get_model(const Scorer *scorer);
extern int scorer_count_classes(const Scorer *scorer);
extern char *scorer_get_class(const Scorer *scorer, int i);

/* Before rows are scored or become partials: what they need of tensors that are
 * not in memory. */
extern void
scorer_fetch(const Scorer *scorer, const cer_fetch *fetch, void *scratch);

/* The record's values: that of input i at values + i * stride. */
extern void scorer_encode_record(Scorer *scorer, HeapTupleHeader record,
                                 cer_value *values, size_t stride);
/*
 * Where the columns of a row lie among the attributes of a slot; in columns,
 * for each attribute of the row type, an index from 0, or -1.
 */
typedef struct ScorerMap ScorerMap;
extern ScorerMap *scorer_map_make(Scorer *scorer, const int *columns);
/* How many attributes of the slot are read at most. */
extern int scorer_map_count(const ScorerMap *map);
/* The attributes of the slot must be there. */
extern void scorer_encode_slot(Scorer *scorer, const ScorerMap *map,
                               const TupleTableSlot *slot, cer_value *values,
                               size_t stride);
/*
 * What the processes of one statement share of the tables that a model reads:
 * in the statement's shared memory, for the rows of one call.
 */
typedef struct ScorerShared ScorerShared;
extern Size scorer_shared_get_size(void);
extern void scorer_shared_init(ScorerShared *shared);

typedef struct ScorerShare
{
	ScorerShared *shared; /* NULL: there is none */
	dsa_area *area;       /* for more */
} ScorerShare;

/*
 * A model that reads other tables finds a row's values there.  One lookup is
 * of the rows of one statement, in the current memory context: it chooses by
 * what the planner estimates how tables are read.
 *
 * Rows are added to a cleared lookup, in the order of their places, and looked
 * up at once; then all their values are there, but for those of inputs whose
 * part of the model's first layer was kept: its partials tell.
 */
typedef struct ScorerLookup ScorerLookup;
extern bool scorer_has_lookup(const Scorer *scorer);
/* What a lookup is asked for. */
typedef struct ScorerWish
{
	double n_rows;     /* are expected in all */
	bool keeps_values; /* those that partials stand for, too */
} ScorerWish;

/* followers: scorers that read as this one does; of rows of other tables they
 * keep what is of their own models. */
extern ScorerLookup *
scorer_lookup_begin(Scorer *scorer, const List *followers,
                    const ScorerWish *wish, const ScorerShare *share);
/* For its partials alone. */
extern ScorerLookup *
scorer_lookup_get_follower(const ScorerLookup *lookup, int i);
/* Whether it may rest on what other processes found: then it must not be used
 * once that is gone. */
extern bool scorer_lookup_is_shared(const ScorerLookup *lookup);
extern void scorer_lookup_end(ScorerLookup *lookup);
/* For batches of so many rows, whose values are n_rows apart or more. */
extern void scorer_lookup_reserve(ScorerLookup *lookup, int n_rows);
extern void scorer_lookup_clear(ScorerLookup *lookup);
/* How many rows are best looked up at once. */
extern int scorer_lookup_get_limit(const ScorerLookup *lookup);
/* Whether rows are looked up one by one, as is best for few. */
extern bool scorer_lookup_is_by_row(const ScorerLookup *lookup);

/* Where the values of a row go: that of input i at values + i * stride. */
typedef struct ValueRows
{
	cer_value *values; /* of row 0 */
	size_t stride;
} ValueRows;

/* Both return the bytes that wide values of the row take. */
extern Size
scorer_lookup_add_record(ScorerLookup *lookup, HeapTupleHeader record);
extern Size scorer_lookup_add_slot(ScorerLookup *lookup, const ScorerMap *map,
                                   const TupleTableSlot *slot);
/* Uses the current memory context for its work, and resets it. */
extern void scorer_lookup_run(ScorerLookup *lookup, const ValueRows *to);
/* For cer_model_score_partials, rows from `first` on; NULL: none are kept. */
extern const float *const *const *
scorer_lookup_get_partials(ScorerLookup *lookup, int first);
/* Of a lookup that keeps values: adds to a row's those that partials stand for. */
extern void scorer_lookup_fill(const ScorerLookup *lookup, int row,
                               cer_value *values, size_t stride);
/* What it does for each table of FE, for EXPLAIN: List of char *; limit is
 * raised to its rows at once.  begun is NULL: what one of the wish would do. */
extern List *scorer_lookup_describe(Scorer *scorer, const ScorerLookup *begun,
                                    const ScorerWish *wish, int *limit);

/* What the model's own features are of, for people. */
extern const char *scorer_get_table(const Scorer *scorer);
/* What features add to the predictions of CER_EXPLAIN_ROWS rows at most. */
extern void
scorer_explain_rows(Scorer *scorer, cer_arena *arena,
                    const cer_score_rows *rows, cer_explanation *explanations);
/* The same of one row; proba as scorer_score's. */
extern void
scorer_explain(Scorer *scorer, cer_arena *arena, HeapTupleHeader record,
               cer_explanation *explanation, const float **proba);
/* ANSWER_WHY, see why.c. */
extern Datum
scorer_print_why(const Scorer *scorer, const cer_explanation *explanation,
                 const float *proba);
/* One row's probabilities, lent until the next call. */
extern const float *scorer_score(Scorer *scorer, HeapTupleHeader record);

extern Datum scorer_make_answer(const Scorer *scorer, ScoreAnswer answer,
                                const float *proba);

#endif
