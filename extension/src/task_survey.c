/*
 * task_survey.c
 *	  One reading of all keys and labels of a new task: does the key identify a
 *	  row, can a network learn from the parts, what to tell the author.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "executor/tuptable.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* Below this many rows a part's metrics say little. */
#define FEW_ROWS 100
/* A class's share differs between parts by more than chance, and matters. */
#define MANY_ERRORS 5.0
#define LARGE_DRIFT 0.2

typedef struct KeyList
{
	uint64 *keys;
	int64 n_keys;
	int64 max_keys; /* allocated */
} KeyList;

static void
keep_keys(void *self, const cer_chunk *chunk)
{
	KeyList *list = self;

	if (list->n_keys + (int64) chunk->n_rows > list->max_keys)
	{
		list->max_keys = 2 * list->max_keys + (int64) chunk->n_rows;
		list->keys = repalloc_huge(list->keys, list->max_keys * sizeof(uint64));
	}
	memcpy(list->keys + list->n_keys, chunk->row_keys,
	       chunk->n_rows * sizeof(uint64));
	list->n_keys += (int64) chunk->n_rows;
}

static int
compare_keys(const void *left, const void *right)
{
	uint64 a = *(const uint64 *) left;
	uint64 b = *(const uint64 *) right;

	return (a > b) - (a < b);
}

/* ------------------------------------------------------- a key met twice */

/* Rows whose key has one hash: are their keys equal, or do they collide? */
typedef struct KeySearch
{
	const Task *task;
	ValueCoder **coders;
	FmgrInfo *outputs;
	uint64 hash;
	MemoryContext context; /* of the text: the query's own ends before */
	char *first;           /* text of the key that has the hash */
	bool is_equal;
} KeySearch;

static char *
print_key(const KeySearch *search, const TupleTableSlot *slot)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < search->task->n_key; i++)
		appendStringInfo(
			&text, "%s%s", i > 0 ? ", " : "",
			OutputFunctionCall(&search->outputs[i], slot->tts_values[1 + i]));
	return text.data;
}

static void
search_row(void *self, TupleTableSlot *slot)
{
	KeySearch *search = self;
	MemoryContext old;
	cer_key_hash hash;
	char *text;

	if (search->is_equal || slot->tts_isnull[0])
		return;
	cer_key_hash_start(&hash, (uint64) search->task->hash_key);
	for (int i = 0; i < search->task->n_key; i++)
		value_coder_add_key(search->coders[i], slot->tts_values[1 + i], false,
		                    &hash);
	if (cer_key_hash_finish(&hash) != search->hash)
		return;
	old = MemoryContextSwitchTo(search->context);
	text = print_key(search, slot);
	MemoryContextSwitchTo(old);
	search->is_equal = search->first && strcmp(search->first, text) == 0;
	search->first = text;
}

static void
init_search(KeySearch *search, const Query *query)
{
	TaskTargets targets = task_get_targets(search->task);
	int n_key = search->task->n_key;

	search->coders = palloc(n_key * sizeof(ValueCoder *));
	search->outputs = palloc(n_key * sizeof(FmgrInfo));
	for (int i = 0; i < n_key; i++)
	{
		TargetEntry *entry = list_nth_node(TargetEntry, query->targetList,
		                                   targets.first_key + i);
		Oid type = exprType((Node *) entry->expr);
		Oid output;
		bool is_varlena;

		search->coders[i] = value_coder_make(type);
		getTypeOutputInfo(type, &output, &is_varlena);
		fmgr_info(output, &search->outputs[i]);
	}
}

static char **
find_primary_key(const Task *task, int *n_names)
{
	RangeTblEntry *source = rt_fetch(1, task_analyze(task)->rtable);

	return source_find_key(source->subquery, task->relation, n_names);
}

/* A key that would do, as the hint of an error. */
static const char *
make_key_hint(const Task *task)
{
	int n_names;
	char **names = find_primary_key(task, &n_names);
	char *key;

	if (n_names > 0)
		return psprintf("The primary key is (%s): leave key out.",
		                names_print(names, n_names));
	names = profile_find_key(task, &n_names);
	if (n_names == 0)
		return "No few columns of the source do; give its rows a number.";
	key = OidOutputFunctionCall(F_ARRAY_OUT, texts_to_array(names, n_names));
	return psprintf("Perhaps key => %s, as the rows are now.",
	                quote_literal_cstr(key));
}

/* Two different keys with one 64-bit hash are no error of the author's. */
static void
check_twice(const Task *task, uint64 hash)
{
	KeySearch search = {
		.task = task, .hash = hash, .context = CurrentMemoryContext};
	Query *query = task_analyze(task);
	int *kept = palloc((1 + task->n_key) * sizeof(int));

	init_search(&search, query);
	kept[0] = task_get_targets(task).label;
	for (int i = 0; i < task->n_key; i++)
		kept[1 + i] = task_get_targets(task).first_key + i;
	query_keep_targets(query, kept, 1 + task->n_key);
	query_run(query, task->query, search_row, &search);
	if (search.is_equal)
		ereport(ERROR,
		        (errcode(ERRCODE_UNIQUE_VIOLATION),
		         errmsg("key (%s) does not identify a row",
		                names_print(task->key, task->n_key)),
		         errdetail("(%s) is there more than once.", search.first),
		         errhint("%s", make_key_hint(task))));
}

static void
check_keys(const Task *task, KeyList *list)
{
	qsort(list->keys, list->n_keys, sizeof(uint64), compare_keys);
	for (int64 i = 1; i < list->n_keys; i++)
		if (list->keys[i] == list->keys[i - 1])
			check_twice(task, list->keys[i]);
}

/* ------------------------------------------------------ classes and parts */

static int64
count_part(const Task *task, const ReadStats *stats, int part)
{
	int64 n = 0;

	for (int class = 0; class < task->n_classes; class ++)
		n += stats->class_rows[part * task->n_classes + class];
	return n;
}

static int64
count_class(const Task *task, const ReadStats *stats, int class)
{
	int64 n = 0;

	for (int part = 0; part < CER_N_PARTS; part++)
		n += stats->class_rows[part * task->n_classes + class];
	return n;
}

static void
check_classes(const Task *task, const ReadStats *stats)
{
	int n_present = 0;
	int present = 0;

	if (stats->n_rows == 0)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
		                errmsg("the source has no labelled rows"),
		                stats->n_unlabeled > 0
		                    ? errdetail("The label is NULL in all " INT64_FORMAT
		                                " rows.",
		                                stats->n_unlabeled)
		                    : errdetail("It has no rows at all.")));
	for (int class = 0; class < task->n_classes; class ++)
	{
		if (count_class(task, stats, class) == 0)
			continue;
		n_present++;
		present = class;
	}
	if (n_present < 2)
		ereport(ERROR,
		        (errcode(ERRCODE_DATA_EXCEPTION),
		         errmsg("the label has only one class, \"%s\"",
		                task->classes[present]),
		         errdetail("All " INT64_FORMAT " labelled rows are of it: "
		                   "there is nothing to tell apart.",
		                   stats->n_rows),
		         errhint("Check the label, and whether the source leaves the "
		                 "other classes out.")));
}

static const char *
get_split_hint(const Task *task)
{
	switch (task->split.kind)
	{
		case CER_SPLIT_RANDOM:
			return "Give the part a larger share in the split, or the task "
				   "more rows.";
		case CER_SPLIT_GROUP:
			return "Give the part a larger share in the split, or group by "
				   "something of more values.";
		case CER_SPLIT_TIME:
			return "Choose other shares or cuts, for example split => "
				   "'time(column, ''2013-10-01'', ''2013-11-01'')'.";
		default:
			return "Rows of each part are told by train, valid and test in "
				   "the split's column.";
	}
}

static void
check_part(const Task *task, const ReadStats *stats, int part)
{
	int64 n_rows = count_part(task, stats, part);

	if (n_rows == 0 && part != CER_TEST)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
		                errmsg("the split leaves no rows for the %s part",
		                       part_names[part]),
		                errhint("%s", get_split_hint(task))));
	if (n_rows == 0)
		ereport(WARNING, (errmsg("the split leaves no rows for the test part"),
		                  errdetail("cerebro.evaluate will have nothing to "
		                            "measure on."),
		                  errhint("%s", get_split_hint(task))));
	else if (n_rows < FEW_ROWS)
		ereport(WARNING,
		        (errmsg("the %s part has only " INT64_FORMAT " rows",
		                part_names[part], n_rows),
		         errdetail("What is learnt or measured there says little."),
		         errhint("%s", get_split_hint(task))));
}

#define MAX_NAMED 5

static const char few_classes_hint[] =
	"Choose a label of fewer classes: compare a number (label => 'value > "
	"15'), or map rare values to one.";

/* One message a part, however many classes are missing there. */
static void
check_classes_of_part(const Task *task, const ReadStats *stats, int part)
{
	StringInfoData missing;
	int n_missing = 0;

	initStringInfo(&missing);
	for (int class = 0; class < task->n_classes; class ++)
	{
		if (stats->class_rows[part * task->n_classes + class] > 0)
			continue;
		if (n_missing++ < MAX_NAMED)
			appendStringInfo(&missing, "%s\"%s\"", missing.len > 0 ? ", " : "",
			                 task->classes[class]);
	}
	if (n_missing > MAX_NAMED)
		appendStringInfo(&missing, " and %d more", n_missing - MAX_NAMED);
	if (n_missing > 0)
		ereport(part == CER_TRAIN && task->n_classes == 2 ? ERROR : WARNING,
		        (errcode(ERRCODE_DATA_EXCEPTION),
		         errmsg_plural("class %s has no rows in the %s part",
		                       "classes %s have no rows in the %s part",
		                       (unsigned long) n_missing, missing.data,
		                       part_names[part]),
		         errhint("%s", n_missing > MAX_NAMED ? few_classes_hint
		                                             : get_split_hint(task))));
}

static double
get_share(const Task *task, const ReadStats *stats, int part, int class)
{
	return (double) stats->class_rows[part * task->n_classes + class] /
	       (double) count_part(task, stats, part);
}

/*
 * How far a class's share is from that in training, in standard errors; a
 * class without rows there was told of before.
 */
static double
measure_drift(const Task *task, const ReadStats *stats, int part, int class)
{
	double n = (double) count_part(task, stats, part);
	double n_train = (double) count_part(task, stats, CER_TRAIN);
	double share = get_share(task, stats, part, class);
	double train = get_share(task, stats, CER_TRAIN, class);
	double both = (share * n + train * n_train) / (n + n_train);
	double variance = both * (1 - both) * (1 / n + 1 / n_train);

	return variance > 0 && share > 0 && train > 0
	           ? fabs(share - train) / sqrt(variance)
	           : 0;
}

/* Of two classes the positive one, else the one that is furthest off. */
static int
find_worst_class(const Task *task, const ReadStats *stats, int part)
{
	int worst = task->n_classes == 2 ? 1 : 0;

	for (int class = 0; task->n_classes > 2 && class < task->n_classes;
	     class ++)
		if (measure_drift(task, stats, part, class) >
		    measure_drift(task, stats, part, worst))
			worst = class;
	return worst;
}

/* Told where it is no chance and large enough to matter. */
static void
check_shares_of_part(const Task *task, const ReadStats *stats, int part)
{
	int worst = find_worst_class(task, stats, part);
	double train = get_share(task, stats, CER_TRAIN, worst);
	double share = get_share(task, stats, part, worst);

	if (measure_drift(task, stats, part, worst) < MANY_ERRORS ||
	    fabs(share - train) < LARGE_DRIFT * train)
		return;
	ereport(WARNING,
	        (errmsg("class \"%s\" is %.1f %% of the %s part but %.1f %% of the "
	                "train part",
	                task->classes[worst], 100 * share, part_names[part],
	                100 * train),
	         errdetail("The parts are not alike: what is learnt on one may not "
	                   "hold on the other."),
	         errhint("%s", get_split_hint(task))));
}

static void
check_parts(const Task *task, const ReadStats *stats)
{
	for (int part = 0; part < CER_N_PARTS; part++)
		check_part(task, stats, part);
	for (int part = 0; part < CER_N_PARTS; part++)
		if (count_part(task, stats, part) > 0)
			check_classes_of_part(task, stats, part);
	for (int part = CER_VALID; part < CER_N_PARTS; part++)
		if (count_part(task, stats, part) > 0)
			check_shares_of_part(task, stats, part);
}

static void
check_has_key(const Task *task)
{
	if (task->n_key == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("the task needs a key: columns that identify a row"),
		         errdetail("The source is not over one table with a primary "
		                   "key among its columns."),
		         errhint("%s", make_key_hint(task))));
}

void
task_survey(Task *task, ReadStats *stats)
{
	KeyList list = {.max_keys = 1024};
	RowSink sink = {.self = &list, .chunk = keep_keys};
	ReadPlan plan = {.parts = (1u << CER_N_PARTS) - 1, .is_own = true};

	check_has_key(task);
	list.keys = palloc(list.max_keys * sizeof(uint64));
	task_read(task, &plan, &sink, stats);
	check_classes(task, stats);
	check_keys(task, &list);
	pfree(list.keys);
	check_parts(task, stats);
}

/* ---------------------------------------------------------------- report */

/* Of two classes the positive one, else the one with the most rows. */
static int
choose_class(const Task *task, const ReadStats *stats)
{
	int class = task->n_classes == 2 ? 1 : 0;

	for (int i = 0; task->n_classes > 2 && i < task->n_classes; i++)
		if (count_class(task, stats, i) > count_class(task, stats, class))
			class = i;
	return class;
}

static char *
print_part(const Task *task, const ReadStats *stats, int part)
{
	int64 *rows = stats->class_rows + part * task->n_classes;
	int64 n_rows = count_part(task, stats, part);
	int class = choose_class(task, stats);

	if (n_rows == 0)
		return psprintf("%s 0 rows", part_names[part]);
	return psprintf(
		"%s " INT64_FORMAT " rows, %.1f %% \"%s\"", part_names[part], n_rows,
		100.0 * (double) rows[class] / (double) n_rows, task->classes[class]);
}

void
task_report(const Task *task, const ReadStats *stats)
{
	char *unlabeled = stats->n_unlabeled == 0
	                      ? ""
	                      : psprintf("; " INT64_FORMAT " rows without a label",
	                                 stats->n_unlabeled);

	ereport(NOTICE,
	        (errmsg("task \"%s\": " INT64_FORMAT " rows of %d classes%s",
	                task->name, stats->n_rows, task->n_classes, unlabeled),
	         errdetail("%s; %s; %s.", print_part(task, stats, CER_TRAIN),
	                   print_part(task, stats, CER_VALID),
	                   print_part(task, stats, CER_TEST))));
}
