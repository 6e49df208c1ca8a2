/*
 * scorer_share.c
 *	  Rows of dimensions that the processes of one statement share.
 *
 *	 free -> in work -> there: a block in the statement's dynamic shared memory
 *				   \-> private: each process reads it for itself, as what was
 *					   found is too large, or lies in pointers
 *
 * Memory that several processes see costs pages that are new to each of them, so
 * that what is cheaply read is read by each; towers, wide layers and queries with
 * work of their own are shared, and everything where cerebro.plan_join says pass.
 *
 * All see one snapshot, and are of one user: what one of them read the others
 * would have.  Who waits for a process that fails is ended by its error.
 */
#include "scorer_share.h"
#include "scorer_dimension.h"

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/spin.h"
#include "utils/wait_event.h"

#define MAX_DIMENSIONS  16 /* of a model, that are shared */
#define MAX_SHARED_SIZE ((Size) 64 * 1024 * 1024)
#define LINE            64 /* of caches, at which partials begin */
#define BYTE_COST       0.0004 /* of a byte that is shared, in the planner's units */

typedef enum ShareState
{
	SHARE_FREE,
	SHARE_IN_WORK,
	SHARE_THERE,
	SHARE_PRIVATE
} ShareState;

struct ScorerShared
{
	slock_t lock; /* of what follows */
	ConditionVariable changed;
	bool is_begun;
	int32 model;
	cer_weight_layout layout;
	Oid user;
	Oid reader;
	FeWay way;
	bool is_grouped;
	ShareState states[MAX_DIMENSIONS];
	dsa_pointer blocks[MAX_DIMENSIONS];
};

/* A dimension's rows: partials or values, values beside partials, then what finds
 * them. */
typedef struct SharedBlock
{
	uint32 n_rows;
	bool has_partials;
	Size size;  /* of partials or values */
	Size coded; /* of values beside partials */
} SharedBlock;

Size
scorer_shared_get_size(void)
{
	return sizeof(ScorerShared);
}

void
scorer_shared_init(ScorerShared *shared)
{
	memset(shared, 0, sizeof(*shared));
	SpinLockInit(&shared->lock);
	ConditionVariableInit(&shared->changed);
}

/* --------------------------------------------------------------------- way */

static bool
is_of(const ScorerShared *shared, const Scorer *scorer)
{
	return shared->model == scorer->id && shared->layout == scorer->layout &&
	       shared->user == GetUserId() && shared->reader == scorer->reader;
}

bool
scorer_share_get_way(ScorerShare *share, const Scorer *scorer, FeWay *way,
                     bool *is_grouped)
{
	ScorerShared *shared = share->shared;
	bool is_begun;
	bool is_same;

	if (shared == NULL)
		return false;
	SpinLockAcquire(&shared->lock);
	is_begun = shared->is_begun;
	is_same = !is_begun || is_of(shared, scorer);
	if (is_begun && is_same)
	{
		*way = shared->way;
		*is_grouped = shared->is_grouped;
	}
	SpinLockRelease(&shared->lock);
	if (!is_same)
		share->shared = NULL;
	return is_begun && is_same;
}

void
scorer_share_put_way(const ScorerShare *share, const Scorer *scorer, FeWay way,
                     bool is_grouped)
{
	ScorerShared *shared = share->shared;

	if (shared == NULL)
		return;
	SpinLockAcquire(&shared->lock);
	if (!shared->is_begun)
	{
		shared->is_begun = true;
		shared->model = scorer->id;
		shared->layout = scorer->layout;
		shared->user = GetUserId();
		shared->reader = scorer->reader;
		shared->way = way;
		shared->is_grouped = is_grouped;
	}
	SpinLockRelease(&shared->lock);
}

/* ------------------------------------------------------------------ states */

static bool
claim(ScorerShared *shared, int dimension)
{
	bool is_free;

	SpinLockAcquire(&shared->lock);
	is_free = shared->states[dimension] == SHARE_FREE;
	if (is_free)
		shared->states[dimension] = SHARE_IN_WORK;
	SpinLockRelease(&shared->lock);
	return is_free;
}

static void
finish(ScorerShared *shared, int dimension, ShareState state, dsa_pointer block)
{
	SpinLockAcquire(&shared->lock);
	shared->states[dimension] = state;
	shared->blocks[dimension] = block;
	SpinLockRelease(&shared->lock);
	ConditionVariableBroadcast(&shared->changed);
}

static ShareState
get_state(ScorerShared *shared, int dimension, dsa_pointer *block)
{
	ShareState state;

	SpinLockAcquire(&shared->lock);
	state = shared->states[dimension];
	*block = shared->blocks[dimension];
	SpinLockRelease(&shared->lock);
	return state;
}

/* Not free any more: it is there, or each process's own affair. */
static ShareState
wait_for(ScorerShared *shared, int dimension, dsa_pointer *block)
{
	ShareState state;

	while ((state = get_state(shared, dimension, block)) == SHARE_IN_WORK)
		ConditionVariableSleep(&shared->changed, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	return state;
}

/* ------------------------------------------------------------------ blocks */

static Size
get_row_size(const Dimension *dimension)
{
	return dimension->group >= 0
	           ? dimension->lookup->width * sizeof(float)
	           : (Size) dimension->n_values * sizeof(cer_value);
}

static Size
get_coded_size(const Dimension *dimension)
{
	return dimension->coded != NULL
	           ? (Size) dimension->n_values * sizeof(cer_value)
	           : 0;
}

static Size
align_rows(const Dimension *dimension, Size row_size)
{
	return TYPEALIGN(LINE, dimension->n_rows * row_size);
}

static void
fill_block(const Dimension *dimension, char *to)
{
	SharedBlock *block = (SharedBlock *) to;
	Size row_size = get_row_size(dimension);

	*block = (SharedBlock){dimension->n_rows, dimension->group >= 0,
	                       align_rows(dimension, row_size),
	                       align_rows(dimension, get_coded_size(dimension))};
	to += LINE;
	for (uint32 row = 0; block->has_partials && row < block->n_rows; row++)
		memcpy(to + row * row_size, scorer_get_partial(dimension, row),
		       row_size);
	if (!block->has_partials)
		memcpy(to, dimension->values, block->n_rows * row_size);
	to += block->size;
	if (block->coded > 0)
		memcpy(to, dimension->coded, block->n_rows * get_coded_size(dimension));
	fe_run_share(dimension->lookup->run, dimension->index, to + block->coded);
}

static void
publish(const ScorerLookup *lookup, int i)
{
	const Dimension *dimension = &lookup->dimensions[i];
	Size found = fe_run_get_shared_size(lookup->run, i);
	Size size = LINE + found + align_rows(dimension, get_row_size(dimension)) +
	            align_rows(dimension, get_coded_size(dimension));
	dsa_pointer block = InvalidDsaPointer;

	if (found > 0 && size <= Min(lookup->max_size, MAX_SHARED_SIZE))
		block = dsa_allocate_extended(lookup->share.area, size,
		                              DSA_ALLOC_HUGE | DSA_ALLOC_NO_OOM);
	if (DsaPointerIsValid(block))
		fill_block(dimension, dsa_get_address(lookup->share.area, block));
	finish(lookup->share.shared, i,
	       DsaPointerIsValid(block) ? SHARE_THERE : SHARE_PRIVATE, block);
}

static void
attach(ScorerLookup *lookup, int i, dsa_pointer pointer)
{
	Dimension *dimension = &lookup->dimensions[i];
	char *from = dsa_get_address(lookup->share.area, pointer);
	const SharedBlock *block = (const SharedBlock *) from;

	scorer_describe_dimension(lookup, i);
	dimension->n_rows = block->n_rows;
	from += LINE;
	if (block->has_partials)
		dimension->partials = (float *) from;
	else
	{
		dimension->values = (cer_value *) from;
		dimension->group = -1;
	}
	from += block->size;
	if (block->coded > 0)
		dimension->coded = (cer_value *) from;
	fe_run_attach(lookup->run, i, from + block->coded);
}

/* -------------------------------------------------------------- dimensions */

static bool
is_worth_sharing(const ScorerLookup *lookup, int i)
{
	const cer_model *model = lookup->scorer->model;
	int group = scorer_find_group(model, lookup->split, i);
	double rows = fe_split_get_rows(lookup->split, i);
	double cost = fe_split_get_cost(lookup->split, i);

	if (fe_get_join_plan() == FE_JOIN_PASS)
		return true;
	if (group < 0)
		return false;
	cost += rows * scorer_get_group_cost(model, group);
	return cost > rows * (double) (lookup->width * sizeof(float)) * BYTE_COST;
}

/* Of one that is another process's. */
static bool
take(ScorerLookup *lookup, int i)
{
	dsa_pointer block;

	if (wait_for(lookup->share.shared, i, &block) == SHARE_PRIVATE)
		return scorer_pass_dimension(lookup, i);
	attach(lookup, i, block);
	return true;
}

/* Its rows find those of the ones that are joined through it. */
static bool
take_outer(ScorerLookup *lookup, int dimension, bool *are_there)
{
	for (int i = dimension + 1; i < lookup->n_dimensions; i++)
	{
		if (are_there[i] || fe_split_get_through(lookup->split, i) != dimension)
			continue;
		if (!take(lookup, i))
			return false;
		are_there[i] = true;
	}
	return true;
}

static bool
pass_and_publish(ScorerLookup *lookup, int i)
{
	if (!scorer_pass_dimension(lookup, i))
	{
		finish(lookup->share.shared, i, SHARE_PRIVATE, InvalidDsaPointer);
		return false;
	}
	publish(lookup, i);
	return true;
}

/* Leaves it to the process that has begun to read it for all. */
static bool
read_or_leave(ScorerLookup *lookup, int i, bool *is_there)
{
	bool is_shared = is_worth_sharing(lookup, i);

	*is_there = !is_shared || claim(lookup->share.shared, i);
	if (!*is_there)
		return true;
	return is_shared ? pass_and_publish(lookup, i)
	                 : scorer_pass_dimension(lookup, i);
}

static bool
pass_alone(ScorerLookup *lookup)
{
	for (int i = lookup->n_dimensions - 1; i >= 0; i--)
		if (!scorer_pass_dimension(lookup, i))
			return false;
	return true;
}

bool
scorer_share_pass(ScorerLookup *lookup)
{
	int n = lookup->n_dimensions;
	bool are_there[MAX_DIMENSIONS] = {false};

	if (lookup->share.shared == NULL || n > MAX_DIMENSIONS)
		return pass_alone(lookup);
	for (int i = n - 1; i >= 0; i--)
	{
		if (!take_outer(lookup, i, are_there))
			return false;
		if (!read_or_leave(lookup, i, &are_there[i]))
			return false;
	}
	for (int i = n - 1; i >= 0; i--)
		if (!are_there[i] && !take(lookup, i))
			return false;
	return true;
}
