/*
 * split.c
 *	  Which part a row belongs to.
 *
 *	 random  threshold on the keyed hash of the row's key
 *	 group	 threshold on the keyed hash of the group's value
 *	 time	 two cuts: before the first train, before the second valid, else test
 *	 column	 the row says so: train, valid, test
 *
 * A row never changes its part while its key, group or time stays.
 */
#include "cerebro_pg.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

const char *const part_names[CER_N_PARTS] = {"train", "valid", "test"};

struct SplitRule
{
	cer_split_kind kind;
	double share[CER_N_PARTS];
	double cuts[CER_N_PARTS - 1];
	uint64 hash_key;
	Oid type;
	ValueCoder *coder; /* NULL for random */
};

/* A cut as written, in the type of the split expression. */
static double
get_cut(const SplitRule *rule, const char *cut)
{
	Oid input;
	Oid parameter;

	getTypeInputInfo(getBaseType(rule->type), &input, &parameter);
	return value_coder_get_number(
		rule->coder,
		OidInputFunctionCall(input, unconstify(char *, cut), parameter, -1));
}

static void
set_cuts(SplitRule *rule, const Task *task)
{
	for (int i = 0; i < task->n_cuts && i < CER_N_PARTS - 1; i++)
		rule->cuts[i] = get_cut(rule, task->split_cuts[i]);
	if (task->n_cuts == CER_N_PARTS - 1 && rule->cuts[0] > rule->cuts[1])
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("the cuts of the split are out of order"),
		         errdetail("Validation would begin at %s and end before, at "
		                   "%s.",
		                   task->split_cuts[0], task->split_cuts[1]),
		         errhint("Write the earlier cut first.")));
}

static void
check_type(const SplitRule *rule)
{
	cer_column_type type = value_coder_get_type(rule->coder);

	if (rule->kind == CER_SPLIT_TIME && type != CER_TYPE_NUMBER)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("a split by time cannot order type %s",
		                       format_type_be(rule->type)),
		                errhint("Cast the expression to a date, a timestamp "
		                        "or a number.")));
	if (rule->kind == CER_SPLIT_COLUMN && type != CER_TYPE_CATEGORY)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("a split by column needs text, not type %s",
		                       format_type_be(rule->type)),
		                errhint("The values must be train, valid and test; "
		                        "CASE makes them of anything.")));
}

SplitRule *
split_rule_make(const Task *task, Oid type)
{
	SplitRule *rule = palloc0(sizeof(SplitRule));

	rule->kind = task->split.kind;
	rule->hash_key = (uint64) task->hash_key;
	rule->type = type;
	memcpy(rule->share, task->split.share, sizeof(rule->share));
	if (rule->kind == CER_SPLIT_RANDOM)
		return rule;
	rule->coder = value_coder_make(type);
	check_type(rule);
	if (rule->kind == CER_SPLIT_TIME)
		set_cuts(rule, task);
	return rule;
}

static void
fail_null(const char *what)
{
	ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
	                errmsg("a row's %s for the split is NULL", what),
	                errhint("Leave such rows out of the source, or give them "
	                        "a value with COALESCE.")));
}

static cer_part_of_rows
get_part_by_time(SplitRule *rule, Datum split)
{
	double time = value_coder_get_number(rule->coder, split);

	return time < rule->cuts[0]   ? CER_TRAIN
	       : time < rule->cuts[1] ? CER_VALID
	                              : CER_TEST;
}

static cer_part_of_rows
get_part_by_name(SplitRule *rule, Datum split)
{
	cer_text text = value_coder_get_text(rule->coder, split);

	for (int part = 0; part < CER_N_PARTS; part++)
		if (text.size == strlen(part_names[part]) &&
		    memcmp(text.data, part_names[part], text.size) == 0)
			return part;
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("a row's part is \"%s\"",
	                pnstrdup(text.data, Min(text.size, 64))),
	         errhint("The values must be train, valid and test; leave other "
	                 "rows out of the source.")));
}

cer_part_of_rows
split_rule_get_part(SplitRule *rule, uint64 row_key, Datum split, bool is_null)
{
	cer_key_hash hash;

	switch (rule->kind)
	{
		case CER_SPLIT_RANDOM:
			return cer_split_get_part(rule->share, row_key);
		case CER_SPLIT_GROUP:
			cer_key_hash_start(&hash, rule->hash_key);
			value_coder_add_key(rule->coder, split, is_null, &hash);
			return cer_split_get_part(rule->share, cer_key_hash_finish(&hash));
		case CER_SPLIT_TIME:
			if (is_null)
				fail_null("time");
			return get_part_by_time(rule, split);
		case CER_SPLIT_COLUMN:
			if (is_null)
				fail_null("part");
			return get_part_by_name(rule, split);
	}
	elog(ERROR, "unknown kind of split: %d", rule->kind);
}
