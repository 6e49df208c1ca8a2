/*
 * scorer_kept.c
 *	  Partials of a dimension's rows that stay between statements.
 *
 *	 ids		file | ctid, xmin of the rows, in the order in which they came
 *	 partials	(rows, width)
 *	 buckets	-> rows, made once a row is not where it was expected
 *
 * Rows of a table mostly come in the order in which they came before: the one
 * behind the last found is looked at first.  What rows left behind that are
 * gone is cleared when it is more than what is there, by a statement that
 * nobody else uses it beside.  The session's memory for models bounds it.
 */
#include "scorer_kept.h"

#include "access/table.h"
#include "access/transam.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define FIRST_ROWS  256
#define SPARE_ROWS  1024
#define MAX_XID_AGE (UINT64CONST(1) << 31) /* then numbers come again */

struct ScorerKept
{
	/* what it is of */
	ScorerKept *next; /* of the scorer's */
	const FeSplit *split;
	int dimension;
	size_t width;

	MemoryContext context; /* of what follows */
	int n_users;
	Oid file;
	uint64 made_at; /* transaction */
	uint32 n_rows;
	uint32 n_settled;
	uint32 capacity;
	uint32 max_rows;
	uint32 next_place; /* after the last found */
	RowId *ids;
	float *partials;
	uint32 mask;     /* of buckets */
	uint32 *buckets; /* places + 1; NULL: not made */
};

/* -------------------------------------------------------------------- room */

static Oid
find_file(const FeSplit *split, int dimension)
{
	Relation relation =
		table_open(fe_split_get_relation(split, dimension), AccessShareLock);
	Oid file = compat_relation_file(relation);

	table_close(relation, NoLock);
	return file;
}

static void
clear(ScorerKept *kept, Oid file)
{
	MemoryContextReset(kept->context);
	kept->file = file;
	kept->made_at = U64FromFullTransactionId(ReadNextFullTransactionId());
	kept->n_rows = kept->n_settled = kept->capacity = 0;
	kept->ids = NULL;
	kept->partials = NULL;
	kept->buckets = NULL;
}

/* NULL: nothing was kept of it. */
static ScorerKept *
find_dimension(const Scorer *scorer, const FeSplit *split, int dimension)
{
	ScorerKept *kept = scorer->kept;

	while (kept != NULL &&
	       (kept->split != split || kept->dimension != dimension))
		kept = kept->next;
	return kept;
}

static ScorerKept *
get_dimension(Scorer *scorer, const FeSplit *split, int dimension)
{
	ScorerKept *kept = find_dimension(scorer, split, dimension);

	if (kept != NULL)
		return kept;
	kept = MemoryContextAllocZero(scorer->context, sizeof(ScorerKept));
	kept->split = split;
	kept->dimension = dimension;
	kept->width = cer_model_get_partial_width(scorer->model);
	kept->context = AllocSetContextCreate(scorer->context, "cerebro partials",
	                                      ALLOCSET_DEFAULT_SIZES);
	kept->next = scorer->kept;
	scorer->kept = kept;
	return kept;
}

/* Whether it may begin anew. */
static bool
is_stale(const ScorerKept *kept, Oid file, double rows)
{
	uint64 now = U64FromFullTransactionId(ReadNextFullTransactionId());

	return kept->file != file || now - kept->made_at > MAX_XID_AGE ||
	       kept->n_rows > 2 * rows + SPARE_ROWS;
}

typedef struct KeptUse
{
	MemoryContextCallback callback;
	ScorerKept *kept;
} KeptUse;

static void
end_use(void *arg)
{
	((KeptUse *) arg)->kept->n_users--;
}

static void
begin_use(ScorerKept *kept)
{
	KeptUse *use = palloc(sizeof(KeptUse));

	use->kept = kept;
	use->callback.func = end_use;
	use->callback.arg = use;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &use->callback);
	kept->n_users++;
}

static Size
get_row_size(const ScorerKept *kept)
{
	return kept->width * sizeof(float) + sizeof(RowId) + 4 * sizeof(uint32);
}

ScorerKept *
scorer_kept_open(Scorer *scorer, const FeSplit *split, int dimension)
{
	ScorerKept *kept = get_dimension(scorer, split, dimension);
	double rows = fe_split_get_rows(split, dimension);
	Oid file = find_file(split, dimension);
	double max_rows;

	if (is_stale(kept, file, rows))
	{
		if (kept->n_users > 0)
			return NULL;
		clear(kept, file);
	}
	/* what an error left without partials */
	if (kept->n_users == 0)
		kept->n_rows = kept->n_settled;
	/* arrays double when they grow */
	max_rows =
		(double) scorer_get_free_memory(scorer) / (2 * get_row_size(kept)) +
		kept->n_rows;
	kept->max_rows = (uint32) Min(max_rows, PG_UINT32_MAX / 8);
	if (rows > kept->max_rows)
		return NULL;
	kept->next_place = 0;
	begin_use(kept);
	return kept;
}

/* ------------------------------------------------------------------ finding */

static inline bool
is_same(const RowId *a, const RowId *b)
{
	return a->xmin == b->xmin && memcmp(&a->tid, &b->tid, sizeof(a->tid)) == 0;
}

static inline uint32
hash_id(const RowId *id)
{
	uint64 words = (uint64) id->xmin << 32 ^
	               (uint64) id->tid.ip_blkid.bi_hi << 48 ^
	               (uint64) id->tid.ip_blkid.bi_lo << 16 ^ id->tid.ip_posid;

	return (uint32) (words * UINT64CONST(0x9E3779B97F4A7C15) >> 32);
}

static void
enter(ScorerKept *kept, uint32 place)
{
	uint32 at = hash_id(&kept->ids[place]) & kept->mask;

	while (kept->buckets[at] != 0)
		at = (at + 1) & kept->mask;
	kept->buckets[at] = place + 1;
}

static void
make_buckets(ScorerKept *kept)
{
	uint32 n = 2 * FIRST_ROWS;

	while (n < 2 * kept->capacity)
		n *= 2;
	if (kept->buckets != NULL)
		pfree(kept->buckets);
	kept->buckets = MemoryContextAllocExtended(
		kept->context, n * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	kept->mask = n - 1;
	for (uint32 place = 0; place < kept->n_settled; place++)
		enter(kept, place);
}

static uint32
find_in_buckets(ScorerKept *kept, const RowId *id)
{
	uint32 at;

	if (kept->buckets == NULL)
		make_buckets(kept);
	at = hash_id(id) & kept->mask;
	while (kept->buckets[at] != 0 &&
	       !is_same(&kept->ids[kept->buckets[at] - 1], id))
		at = (at + 1) & kept->mask;
	return kept->buckets[at] != 0 ? kept->buckets[at] - 1 : KEPT_NONE;
}

uint32
scorer_kept_find(ScorerKept *kept, RowId id)
{
	uint32 place = kept->next_place;

	if (kept->n_settled == 0)
		return KEPT_NONE;
	if (place >= kept->n_settled || !is_same(&kept->ids[place], &id))
		place = find_in_buckets(kept, &id);
	if (place != KEPT_NONE)
		kept->next_place = place + 1;
	return place;
}

/* ------------------------------------------------------------------- adding */

static void
grow(ScorerKept *kept)
{
	Size n = Max(2 * kept->capacity, FIRST_ROWS);
	Size floats = n * kept->width * sizeof(float);

	if (kept->ids == NULL)
	{
		kept->ids = MemoryContextAllocHuge(kept->context, n * sizeof(RowId));
		kept->partials = MemoryContextAllocHuge(kept->context, floats);
	}
	else
	{
		kept->ids = repalloc_huge(kept->ids, n * sizeof(RowId));
		kept->partials = repalloc_huge(kept->partials, floats);
	}
	kept->capacity = (uint32) n;
	if (kept->buckets != NULL)
		make_buckets(kept);
}

uint32
scorer_kept_add(ScorerKept *kept, RowId id)
{
	if (kept->n_rows >= kept->max_rows)
		return KEPT_NONE;
	if (kept->n_rows == kept->capacity)
		grow(kept);
	kept->ids[kept->n_rows] = id;
	return kept->n_rows++;
}

void
scorer_kept_settle(ScorerKept *kept)
{
	while (kept->n_settled < kept->n_rows)
	{
		if (kept->buckets != NULL)
			enter(kept, kept->n_settled);
		kept->n_settled++;
	}
}

float *
scorer_kept_get_partials(const ScorerKept *kept)
{
	return kept->partials;
}

/* The one that rows without a match have is not counted. */
uint32
scorer_kept_count(const Scorer *scorer, const FeSplit *split, int dimension)
{
	const ScorerKept *kept = find_dimension(scorer, split, dimension);

	return kept != NULL && kept->n_settled > 0 ? kept->n_settled - 1 : 0;
}

const ScorerKept *
scorer_kept_next(const ScorerKept *kept)
{
	return kept->next;
}

Size
scorer_kept_get_size(const ScorerKept *kept)
{
	return MemoryContextMemAllocated(kept->context, true);
}
