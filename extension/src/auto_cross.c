/*
 * auto_cross.c
 *	  AS auto gives pairs of columns that tell more together a table of their
 *	  own: FE *, "month x day" = (month::text || ' ' || day::text) : embed.
 *
 * Which pairs is measured on training rows (core/data/cross.c), of very many a
 * share by key.  Only where FE has *: who lists columns wants these.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "auto.h"
#include "fe.h"

#define MAX_ROWS  3.0e5
#define MAX_CELLS 1.0e7 /* rows by columns that are held at once */

typedef struct CrossSearch
{
	const Task *task;
	size_t n_rows;
	const Features *features;
	const Query *query;
	cer_crosses found;
} CrossSearch;

static bool
has_star(const cer_mst *mst)
{
	size_t n;
	const cer_fe_item *items = cer_mst_get_items(mst, &n);

	for (size_t i = 0; i < n; i++)
		if (items[i].kind == CER_FE_STAR)
			return true;
	return false;
}

/* Of the task's own, with a text that depends on nothing but the value. */
static bool
may_cross(const CrossSearch *search, size_t column)
{
	const cer_column *described = &search->features->columns[column];
	TargetEntry *target =
		list_nth_node(TargetEntry, search->query->targetList, (int) column);

	if (memchr(described->name.data, '.', described->name.size) != NULL)
		return false;
	switch (exprType((Node *) target->expr))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case BOOLOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return true;
		default:
			return false;
	}
}

static ReadPlan *
plan_read(const CrossSearch *search)
{
	const Features *features = search->features;
	ReadPlan *plan =
		read_plan_make(features->task, search->query, features->inputs,
	                   features->n_inputs, 1u << CER_TRAIN);
	double most = Min(MAX_ROWS, MAX_CELLS / (double) Max(1, plan->n_inputs));

	plan->is_own = features->query == NULL;
	plan->share =
		(double) search->n_rows > most ? most / (double) search->n_rows : 1.0;
	return plan;
}

static void
find(CrossSearch *search)
{
	const Features *features = search->features;
	cer_host host = host_make();
	bool *may = palloc0(sizeof(bool) * Max(1, features->n_inputs));
	cer_error err = {0};
	cer_dataset *dataset;

	for (size_t i = 0; i < features->n_inputs; i++)
		may[i] = may_cross(search, features->inputs[i]);
	dataset = task_read_dataset(features->task, plan_read(search), &host);
	host_check(cer_crosses_find(&host, dataset, may, &search->found, &err),
	           &err);
	cer_dataset_free(dataset);
}

static cer_text
get_name(const CrossSearch *search, size_t input)
{
	return search->features->columns[search->features->inputs[input]].name;
}

static bool
has_column(const CrossSearch *search, const char *name)
{
	cer_text wanted = host_text(name);

	for (int i = 0; i < search->features->n_columns; i++)
	{
		cer_text other = search->features->columns[i].name;

		if (other.size == wanted.size &&
		    memcmp(other.data, wanted.data, other.size) == 0)
			return true;
	}
	return false;
}

static void
add_item(const CrossSearch *search, const cer_cross *cross, StringInfo items)
{
	cer_text a = get_name(search, cross->inputs[0]);
	cer_text b = get_name(search, cross->inputs[1]);
	char *left = pnstrdup(a.data, a.size);
	char *right = pnstrdup(b.data, b.size);
	char *name = psprintf("%s x %s", left, right);

	ereport(DEBUG1, (errmsg_internal("%s tells %.4f more of the entropy", name,
	                                 cross->gain)));
	if (has_column(search, name) || strlen(name) >= NAMEDATALEN)
		return;
	appendStringInfo(items, ", %s = (%s::text || ' ' || %s::text) : embed",
	                 quote_identifier(name), quote_identifier(left),
	                 quote_identifier(right));
}

const cer_mst *
auto_add_crosses(const Task *task, cer_arena *arena, const cer_mst *mst,
                 size_t n_rows)
{
	CrossSearch search = {.task = task, .n_rows = n_rows};
	StringInfoData items;
	const cer_mst *made = mst;
	cer_error err = {0};
	int level;

	cer_auto_try any = {.choice = cer_auto_get_default(), .epochs = 1};
	const cer_mst *bound;

	if (!has_star(mst))
		return mst;
	host_check(cer_auto_make(arena, mst, &any, &bound, &err), &err);
	level = settings_enter(task);
	search.features = fe_make(task, bound, true);
	search.query = task_analyze(search.features->task);
	find(&search);
	settings_leave(level);
	initStringInfo(&items);
	for (size_t i = 0; i < search.found.n; i++)
		add_item(&search, &search.found.found[i], &items);
	if (items.len > 0)
		host_check(cer_auto_add(arena, mst, host_text(items.data), &made, &err),
		           &err);
	return made;
}
