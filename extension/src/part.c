/*
 * part.c
 *	  cerebro.part(task, row): the part that a row belongs to, or would if it
 *	  had a label.
 */
#include "cerebro_pg.h"
#include "basis.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(cerebro_part);

/* What a call site keeps between rows. */
typedef struct PartCache
{
	MemoryContext context; /* of all of it */
	char *name;
	Oid user;
	uint64 generation;
	Oid type;
	int32 typmod;
	const Task *task;
	RowEvaluator *evaluator; /* keys, then the split expression */
	ValueCoder **key;
	SplitRule *split;
	bool has_split;
	Datum *values;
	bool *nulls;
	Datum parts[CER_N_PARTS];
} PartCache;

static bool
is_cached(const PartCache *cache, const text *name, HeapTupleHeader record)
{
	return cache != NULL && cache->user == GetUserId() &&
	       cache->generation == basis_get_time() &&
	       cache->type == HeapTupleHeaderGetTypeId(record) &&
	       cache->typmod == HeapTupleHeaderGetTypMod(record) &&
	       strlen(cache->name) == VARSIZE_ANY_EXHDR(name) &&
	       memcmp(cache->name, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) == 0;
}

static void
init_rule(PartCache *cache)
{
	const Task *task = cache->task;
	int level = settings_enter(task);

	cache->key = palloc(task->n_key * sizeof(ValueCoder *));
	for (int i = 0; i < task->n_key; i++)
		cache->key[i] =
			value_coder_make(row_evaluator_get_type(cache->evaluator, i));
	cache->split = split_rule_make(
		task, cache->has_split
				  ? row_evaluator_get_type(cache->evaluator, task->n_key)
				  : InvalidOid);
	settings_leave(level);
}

static void
init_evaluator(PartCache *cache)
{
	const Task *task = cache->task;
	TaskTargets targets = task_get_targets(task);
	int *needed = palloc((task->n_key + 1) * sizeof(int));
	TupleDesc record = lookup_rowtype_tupdesc(cache->type, cache->typmod);

	for (int i = 0; i < task->n_key; i++)
		needed[i] = targets.first_key + i;
	needed[task->n_key] = targets.split;
	cache->has_split = targets.split >= 0;
	cache->evaluator = row_evaluator_make(task, record, needed,
	                                      task->n_key + cache->has_split);
	ReleaseTupleDesc(record);
	cache->values = palloc((task->n_key + 1) * sizeof(Datum));
	cache->nulls = palloc((task->n_key + 1) * sizeof(bool));
}

static PartCache *
make_cache(FmgrInfo *site, const text *name, HeapTupleHeader record)
{
	MemoryContext context = AllocSetContextCreate(site->fn_mcxt, "cerebro part",
	                                              ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	PartCache *cache = palloc0(sizeof(PartCache));

	cache->context = context;
	cache->name = text_to_cstring(name);
	cache->user = GetUserId();
	cache->generation = basis_get_time(); /* of before */
	cache->type = HeapTupleHeaderGetTypeId(record);
	cache->typmod = HeapTupleHeaderGetTypMod(record);
	cache->task = task_find(cache->name);
	init_evaluator(cache);
	init_rule(cache);
	for (int i = 0; i < CER_N_PARTS; i++)
		cache->parts[i] = CStringGetTextDatum(part_names[i]);
	MemoryContextSwitchTo(caller);
	return cache;
}

static PartCache *
get_cache(FunctionCallInfo fcinfo, const text *name, HeapTupleHeader record)
{
	PartCache *cache = fcinfo->flinfo->fn_extra;

	if (is_cached(cache, name, record))
		return cache;
	if (cache != NULL)
	{
		fcinfo->flinfo->fn_extra = NULL;
		MemoryContextDelete(cache->context);
	}
	cache = make_cache(fcinfo->flinfo, name, record);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

/* NULL where a value of the key, or of what names the part, is missing. */
Datum
cerebro_part(PG_FUNCTION_ARGS)
{
	HeapTupleHeader record = PG_GETARG_HEAPTUPLEHEADER(1);
	PartCache *cache = get_cache(fcinfo, PG_GETARG_TEXT_PP(0), record);
	int n_key = cache->task->n_key;
	cer_key_hash hash;
	cer_part_of_rows part;

	row_evaluate(cache->evaluator, record, cache->values, cache->nulls);
	cer_key_hash_start(&hash, (uint64) cache->task->hash_key);
	for (int i = 0; i < n_key; i++)
	{
		if (cache->nulls[i])
			PG_RETURN_NULL();
		value_coder_add_key(cache->key[i], cache->values[i], false, &hash);
	}
	if (cache->has_split && cache->nulls[n_key] &&
	    cache->task->split.kind != CER_SPLIT_GROUP)
		PG_RETURN_NULL();
	part =
		split_rule_get_part(cache->split, cer_key_hash_finish(&hash),
	                        cache->has_split ? cache->values[n_key] : (Datum) 0,
	                        cache->has_split ? cache->nulls[n_key] : true);
	PG_RETURN_DATUM(cache->parts[part]);
}
