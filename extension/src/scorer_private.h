/*
 * scorer_private.h
 *	  A scorer, for the files that make its rows values.
 */
#ifndef CEREBRO_SCORER_PRIVATE_H
#define CEREBRO_SCORER_PRIVATE_H

#include "fe.h"
#include "input_coder.h"
#include "model_rows.h"
#include "scorer.h"

#include "lib/ilist.h"

/* When something was found: what an older snapshot sees may be older. */
typedef struct FoundAt
{
	TransactionId xmax;
	uint32 n_running;  /* below xmax */
	uint64 xact;       /* of this session, */
	CommandId command; /* and in it */
} FoundAt;

struct Scorer
{
	dlist_node node;       /* among the kept ones, the latest first */
	MemoryContext context; /* of all below and of itself */
	int n_users;
	bool is_kept;

	/* what it is for */
	Oid table; /* cerebro.model */
	int32 id;  /* model */
	cer_weight_layout layout;
	RowType row;
	struct Basis *basis; /* of its evaluator */
	uint64 generation;   /* of the basis */
	uint64 serial;
	ScoreCall opened; /* a deployment that was found to mean it, */
	Oid opened_by;    /* and may be used by; InvalidOid: none was */
	FoundAt opened_at;
	struct Basis *opened_on; /* what says so */
	uint64 opened_generation;

	/* of a model that reads other tables: whose rights were asked, and how */
	Oid user;
	Oid reader; /* who lends rights; or InvalidOid */
	bool has_row_security;
	bool allows_functions;

	/* how rows become values */
	Task *task;
	const cer_model *model;
	ModelRows *tensor_rows; /* of tensors above model_memory, or NULL */
	size_t n_inputs;
	RowEvaluator *evaluator;
	InputCoder *coders; /* by input */
	Datum *datums;
	bool *nulls;

	struct ScorerKept *kept; /* of dimensions, between statements */

	/* one row */
	cer_value *values;
	float *proba;
	void *scratch;
};

struct ScorerMap
{
	int n_columns;
	int *by_input;     /* attribute of the slot; NULL: expressions are run */
	int n_attributes;  /* of the row type */
	int *by_attribute; /* attribute of the slot, or -1 */
};

#define SCORER_QUERY_ROWS 16384 /* of a batch that a query looks up */

/* The group of the model's that is made of just the dimension's inputs, if
 * something of it can be kept; or -1. */
extern int
scorer_find_group(const cer_model *model, const FeSplit *split, int dimension);
/* Arithmetic of one of its rows, in the planner's units. */
extern double scorer_get_group_cost(const cer_model *model, int group);
/* Of one that has begun. */
extern FeWay
scorer_lookup_get_way(const ScorerLookup *lookup, bool *is_grouped);
/* Whether aggregates are had by a grouped pass is a choice of its own. */
extern FeWay
scorer_choose_way(const Scorer *scorer, double n_rows, bool *is_grouped);

/* Which partials are added up before rows come; by dimension. */
typedef struct ScorerSums
{
	bool *are_folded; /* it has those of all tables behind it */
	bool *are_whole;  /* there are none, or it has them */
	int n_combined;   /* 0: none */
	int *combined;    /* dimensions, in the order of their groups */
	double n_combinations;
} ScorerSums;

extern void scorer_sums_init(void);
extern void scorer_plan_sums(const Scorer *scorer, const FeSplit *split,
                             const ScorerWish *wish, ScorerSums *sums);
extern const char *
scorer_describe_sum(const Scorer *scorer, const FeSplit *split, int dimension,
                    const ScorerSums *sums);
extern List *
scorer_describe_combination(const FeSplit *split, const ScorerSums *sums);

/* Bytes that kept partials may still take; those of other scorers give way. */
extern Size scorer_get_free_memory(const Scorer *scorer);

#endif
