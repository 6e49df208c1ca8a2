/*
 * scorer_dimension.h
 *	  Rows of dimensions while a statement is scored, for the files that find them
 *	  and add them up.
 */
#ifndef CEREBRO_SCORER_DIMENSION_H
#define CEREBRO_SCORER_DIMENSION_H

#include "scorer_kept.h"

typedef struct Dimension
{
	struct ScorerLookup *lookup;
	int index;
	int n_targets;
	const int *targets; /* inputs */
	int n_values;
	int *places; /* of their values among a row's */
	int group;   /* whose partials are kept; -1: none are */

	/* by row of the dimension; 0: no match */
	uint32 n_rows;
	uint32 capacity;
	cer_value *values; /* (rows, n_values); of partials: those not made yet */
	ScorerKept *kept;  /* has partials, of these rows and of others; or NULL: */
	float *partials;   /* (rows, width) */
	uint32 *in_kept;   /* by row: its partial's place among those kept */
	cer_value *coded;  /* (rows, n_values) beside partials; or NULL */
	uint32 *found;     /* by row of the batch, where there are coded ones */
	uint32 n_pending;  /* rows whose values have come, without partials yet; */
	uint32 pending_at; /* their places begin here */
	bool is_too_large;

	/* sums in place of partials */
	float *sums; /* (rows, width): with those of tables behind it; or NULL */
	bool is_elsewhere; /* sums of another one have its own */
	Size stride;       /* of its rows in combinations; 0: in none */
} Dimension;

/* Sums of the first tables, for rows of theirs that come together. */
typedef struct Combination
{
	int n; /* 0: there are none */
	Dimension **dimensions;
	Size n_rows; /* products of their rows */
	float *sums; /* (rows, width), as far as they are */
	bool *are_made;
	uint32 *codes; /* by row of the batch */
} Combination;

struct ScorerLookup
{
	Scorer *scorer;
	ScorerShare share;
	MemoryContext context;
	MemoryContext kept; /* of dimensions */
	FeWay way;
	bool is_grouped;
	bool keeps_values;
	const FeSplit *split;
	const FeSplit *kept_split; /* with which partials stay; NULL: none do */
	FeRun *run;

	/* itself, then those whose models read the same: they have what follows
	 * n_dimensions, and of the rest what they need */
	int n_members;
	struct ScorerLookup **members;

	int n_direct; /* inputs that the source gives */
	int *direct;  /* inputs, */
	int *places;  /* and columns that they are */
	int n_rest;   /* inputs that the query gives, in its order */
	int *rest;
	int n_dimensions;
	Dimension *dimensions;
	ScorerSums plan;
	Combination combination;
	Size max_size;
	int n_rows;    /* of the batch */
	uint32 *found; /* by row: its row of a dimension */

	/* partials of the batch */
	size_t width;
	int capacity;
	int n_groups;
	const float ***rows;         /* by group: by row, or NULL */
	const float *const **groups; /* the same, from some row on */
	bool has_partials;
};

/* Of one that is to be filled: what it is. */
extern void scorer_describe_dimension(ScorerLookup *lookup, int i);
/* Reads one; false: it takes more memory than may be. */
extern bool scorer_pass_dimension(ScorerLookup *lookup, int i);
/* Once the dimension's partials are there, and those of tables behind it. */
extern void scorer_fold(Dimension *dimension);
/* Once all are. */
extern void scorer_combine(ScorerLookup *lookup);
/* For batches of so many rows. */
extern void scorer_reserve_combination(ScorerLookup *lookup, int n_rows);
/* Takes the found rows of the dimension; after the last one writes the rows'
 * sums. */
extern void scorer_take_combined(ScorerLookup *lookup, Dimension *dimension);
/* By row of the dimension. */
extern const float *scorer_get_partial(const Dimension *dimension, uint32 row);

#endif
