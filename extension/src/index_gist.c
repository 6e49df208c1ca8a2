/*
 * index_gist.c
 *	  A tree of boxes over triples, to find the nearest ones.
 *
 * A leaf holds a triple's summary, a point of few dimensions; what is above it
 * holds the smallest box around its points.  Both are stored as bytea: one
 * summary or two, not aligned.  The library bounds the distance from below; the
 * executor asks for the true one where the bound says that it may be near.
 */
#include "type.h"

#include "access/gist.h"
#include "access/stratnum.h"
#include "common/hashfn.h"
#include "utils/sortsupport.h"

#include <math.h>

#include "index.h"

/* What index_gist.c and SQL agree upon. */
enum
{
	STRATEGY_EQUAL = 1,        /* mst = mst */
	STRATEGY_PATTERN = 2,      /* mst @>> mst_pattern */
	STRATEGY_NEAR_MST = 15,    /* ORDER BY mst <-> mst */
	STRATEGY_NEAR_PATTERN = 16 /* ORDER BY mst <-> mst_pattern */
};

/*
 * The distance may be off by its last bits.  Not so where all that it counts is
 * whole or a half; there ties are many, and the executor would look at each.
 */
#define BOUND_SLACK 1e-9

PG_FUNCTION_INFO_V1(cerebro_mst_gist_consistent);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_union);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_compress);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_penalty);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_picksplit);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_same);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_distance);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_sortsupport);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_built_penalty);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_built_picksplit);
PG_FUNCTION_INFO_V1(cerebro_mst_gist_built_sortsupport);

/* ------------------------------------------------------------------ boxes */

/* Of bytes that another version wrote: a box around everything. */
static void
make_largest(cer_summary_box *box)
{
	static bool is_told = false;

	memset(&box->least, 0, sizeof(box->least));
	memset(&box->most, 0xff, sizeof(box->most));
	if (is_told)
		return;
	is_told = true;
	ereport(WARNING, (errmsg("an index of triples was made by another version "
	                         "of cerebro and is slow"),
	                  errhint("REINDEX makes it anew.")));
}

static void
read_box(Datum key, cer_summary_box *box)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(key);
	Size size = VARSIZE_ANY_EXHDR(stored);

	if (size == sizeof(*box))
		memcpy(box, VARDATA_ANY(stored), size);
	else if (size == sizeof(box->least))
	{
		memcpy(&box->least, VARDATA_ANY(stored), size);
		box->most = box->least;
	}
	else
		make_largest(box);
}

static Datum
make_key(const void *data, Size size)
{
	bytea *key = palloc(VARHDRSZ + size);

	SET_VARSIZE(key, VARHDRSZ + size);
	memcpy(VARDATA(key), data, size);
	return PointerGetDatum(key);
}

static Datum
make_box(const cer_summary_box *box)
{
	return make_key(box, sizeof(*box));
}

Datum
cerebro_mst_gist_compress(PG_FUNCTION_ARGS)
{
	GISTENTRY *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	TypeScratch *scratch;
	GISTENTRY *compressed;
	cer_summary summary;

	if (!entry->leafkey)
		PG_RETURN_POINTER(entry);
	scratch = type_enter(fcinfo);
	cer_mst_summarize(type_read(&scratch->args[0], fcinfo->flinfo->fn_mcxt,
	                            &type_mst, entry->key),
	                  &summary);
	compressed = palloc(sizeof(*compressed));
	gistentryinit(*compressed, make_key(&summary, sizeof(summary)), entry->rel,
	              entry->page, entry->offset, false);
	PG_RETURN_POINTER(compressed);
}

Datum
cerebro_mst_gist_union(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	int *size = (int *) PG_GETARG_POINTER(1);
	cer_summary_box all;
	Datum key;

	read_box(entries->vector[0].key, &all);
	for (int i = 1; i < entries->n; i++)
	{
		cer_summary_box one;

		read_box(entries->vector[i].key, &one);
		cer_summary_box_extend(&all, &one);
	}
	key = make_box(&all);
	*size = VARSIZE(DatumGetPointer(key));
	return key;
}

Datum
cerebro_mst_gist_same(PG_FUNCTION_ARGS)
{
	bool *is_same = (bool *) PG_GETARG_POINTER(2);
	cer_summary_box a;
	cer_summary_box b;

	read_box(PG_GETARG_DATUM(0), &a);
	read_box(PG_GETARG_DATUM(1), &b);
	*is_same = memcmp(&a, &b, sizeof(a)) == 0;
	PG_RETURN_POINTER(is_same);
}

/* ------------------------------------------------------------------ growth */

/*
 * There are two indexes of one kind, which differ in what lies together: what
 * sees the same columns, or what is built and trained alike, for patterns that
 * leave FE free.  index_choose.c says which one answers.
 */
static const cer_probe *
get_weights(FunctionCallInfo fcinfo, void (*init)(cer_probe *))
{
	FmgrInfo *info = fcinfo->flinfo;

	if (info->fn_extra == NULL)
	{
		info->fn_extra = MemoryContextAlloc(info->fn_mcxt, sizeof(cer_probe));
		init(info->fn_extra);
	}
	return info->fn_extra;
}

/* By how much the box's edges grow, as far as searches will notice. */
static Datum
set_penalty(FunctionCallInfo fcinfo, const cer_probe *weights)
{
	GISTENTRY *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY *added = (GISTENTRY *) PG_GETARG_POINTER(1);
	float *penalty = (float *) PG_GETARG_POINTER(2);
	cer_summary_box box;
	cer_summary_box one;
	uint32 sum = 0;

	read_box(entry->key, &box);
	read_box(added->key, &one);
	for (int i = 0; i < CER_SUMMARY_DIMS; i++)
	{
		int32 growth = Max(box.least.at[i] - one.least.at[i], 0) +
		               Max(one.most.at[i] - box.most.at[i], 0);

		sum += (uint32) Min(growth, weights->limit[i]) * weights->weight[i];
	}
	*penalty = (float) sum;
	PG_RETURN_POINTER(penalty);
}

Datum
cerebro_mst_gist_penalty(PG_FUNCTION_ARGS)
{
	return set_penalty(fcinfo, get_weights(fcinfo, cer_probe_init));
}

Datum
cerebro_mst_gist_built_penalty(PG_FUNCTION_ARGS)
{
	return set_penalty(fcinfo, get_weights(fcinfo, cer_probe_init_built));
}

static Datum
pick_split(FunctionCallInfo fcinfo, const cer_probe *weights)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC *split = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	int n = entries->n - FirstOffsetNumber;
	cer_summary_box *boxes = palloc(sizeof(*boxes) * n);
	cer_summary_box left;
	cer_summary_box right;
	OffsetNumber *order;
	int n_left;

	for (int i = 0; i < n; i++)
		read_box(entries->vector[i + FirstOffsetNumber].key, &boxes[i]);
	order = index_split(boxes, n, weights, &n_left, &left, &right);
	for (int i = 0; i < n; i++)
		order[i] += FirstOffsetNumber;
	split->spl_left = order;
	split->spl_nleft = n_left;
	split->spl_ldatum = make_box(&left);
	split->spl_right = order + n_left;
	split->spl_nright = n - n_left;
	split->spl_rdatum = make_box(&right);
	PG_RETURN_POINTER(split);
}

Datum
cerebro_mst_gist_picksplit(PG_FUNCTION_ARGS)
{
	return pick_split(fcinfo, get_weights(fcinfo, cer_probe_init));
}

Datum
cerebro_mst_gist_built_picksplit(PG_FUNCTION_ARGS)
{
	return pick_split(fcinfo, get_weights(fcinfo, cer_probe_init_built));
}

/* ------------------------------------------------------------------ order */

/*
 * For building an index at once: what has the same names in FE lies together,
 * within it what has the same words in AS, and within it what is near.
 */
static int
compare_keys(Datum a, Datum b, SortSupport support)
{
	cer_summary_box x;
	cer_summary_box y;

	read_box(a, &x);
	read_box(b, &y);
	return cer_summary_compare(&x.least, &y.least);
}

Datum
cerebro_mst_gist_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport support = (SortSupport) PG_GETARG_POINTER(0);

	support->comparator = compare_keys;
	PG_RETURN_VOID();
}

/* What has the same words in AS and PT, and within it what is near in both. */
static int
compare_built(Datum a, Datum b, SortSupport support)
{
	cer_summary_box x;
	cer_summary_box y;

	read_box(a, &x);
	read_box(b, &y);
	return cer_summary_compare_built(&x.least, &y.least);
}

Datum
cerebro_mst_gist_built_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport support = (SortSupport) PG_GETARG_POINTER(0);

	support->comparator = compare_built;
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------ search */

/* A structure that many triples have, and how far it is from the query's. */
typedef struct Shape
{
	uint16 at[CER_SUMMARY_SHAPE]; /* 0 first: none yet */
	double distance;              /* negative: unknown */
} Shape;

#define N_SHAPES 512

/* From there on structures have other words, and are not worth a measurement. */
#define FAR_STRUCTURE 1.0

/* The query of a scan, in fn_extra. */
typedef struct Search
{
	TypeValue query;
	uint64 n_parsed; /* the query that probe was made from */
	cer_probe probe;
	cer_arena *arena; /* of one call */
	Shape shapes[N_SHAPES];
} Search;

static Search *
get_search(FunctionCallInfo fcinfo, bool is_pattern)
{
	FmgrInfo *info = fcinfo->flinfo;
	Search *search = info->fn_extra;
	const void *query;

	if (search == NULL)
	{
		search = MemoryContextAllocZero(info->fn_mcxt, sizeof(Search));
		search->arena = host_make_arena(info->fn_mcxt);
		info->fn_extra = search;
	}
	query =
		type_read(&search->query, info->fn_mcxt,
	              is_pattern ? &type_pattern : &type_mst, PG_GETARG_DATUM(1));
	if (search->n_parsed == search->query.n_parsed)
		return search;
	if (is_pattern)
		cer_pattern_probe(query, &search->probe);
	else
		cer_mst_probe(query, &search->probe);
	search->n_parsed = search->query.n_parsed;
	memset(search->shapes, 0, sizeof(search->shapes));
	return search;
}

static Shape *
find_shape(Search *search, const uint16 *at)
{
	Size size = CER_SUMMARY_SHAPE * sizeof(*at);
	Shape *shape =
		&search->shapes[hash_bytes((const unsigned char *) at, (int) size) %
	                    N_SHAPES];
	cer_error err;

	if (memcmp(shape->at, at, size) == 0)
		return shape;
	shape->at[0] = 0;
	cer_arena_clear(search->arena);
	host_check(cer_pattern_measure_shape(search->arena, search->query.value, at,
	                                     &shape->distance, &err),
	           &err);
	memcpy(shape->at, at, size);
	return shape;
}

static double
take_slack(double bound)
{
	return bound == rint(2 * bound) / 2 ? bound : Max(bound - BOUND_SLACK, 0);
}

/* Triples of one structure are told apart by nothing where the pattern names
 * only that: the bound is the distance, and the executor looks at no more. */
static double
get_bound(Search *search, const GISTENTRY *entry)
{
	const uint16 *at = NULL;
	cer_summary_box box;
	double structure;
	double rest;

	read_box(entry->key, &box);
	structure = cer_probe_bound_structure(&search->probe, &box);
	rest = cer_probe_bound_rest(&search->probe, &box);
	if (search->probe.has_structure && structure < FAR_STRUCTURE)
		at = cer_summary_box_get_shape(&box);
	if (at != NULL)
	{
		double distance = find_shape(search, at)->distance;

		if (distance >= 0)
			return take_slack(rest) + distance;
	}
	return take_slack(structure + rest);
}

static bool
may_contain(const cer_probe *probe, const GISTENTRY *entry)
{
	cer_summary_box box;

	read_box(entry->key, &box);
	return cer_probe_may_contain(probe, &box);
}

Datum
cerebro_mst_gist_consistent(PG_FUNCTION_ARGS)
{
	const GISTENTRY *entry = (const GISTENTRY *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	bool *recheck = (bool *) PG_GETARG_POINTER(4);

	*recheck = true;
	if (strategy == STRATEGY_PATTERN)
		PG_RETURN_BOOL(may_contain(&get_search(fcinfo, true)->probe, entry));
	if (strategy != STRATEGY_EQUAL)
		elog(ERROR, "unknown strategy %d", strategy);
	PG_RETURN_BOOL(get_bound(get_search(fcinfo, false), entry) == 0);
}

Datum
cerebro_mst_gist_distance(PG_FUNCTION_ARGS)
{
	const GISTENTRY *entry = (const GISTENTRY *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	bool *recheck = (bool *) PG_GETARG_POINTER(4);

	*recheck = true;
	PG_RETURN_FLOAT8(get_bound(
		get_search(fcinfo, strategy == STRATEGY_NEAR_PATTERN), entry));
}
