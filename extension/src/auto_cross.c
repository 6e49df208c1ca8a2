/*
 * auto_cross.c
 *	  AS auto gives columns that tell more together features of their own:
 *
 *	 pairs of many rows	a table: "month x day" = (month::text || ' ' ||
 *						day::text) : embed
 *	 cells of few rows	a rate: "carrier x flight" = (carrier::text || ' ' ||
 *						flight::text) : rate, numbers in bins: floor(hour / 2)
 *
 * Which ones is measured on training rows (core/data/cross.c, cross_cells.c),
 * of very many a share by key.  Only where FE has *: who lists columns wants these.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "auto.h"
#include "fe.h"

#define MAX_ROWS  3.0e5
#define MAX_CELLS 1.0e7 /* rows by columns that are held at once */
/* Of the budget, but for a second: what is looked at for each row of a pair. */
#define SEARCH_SHARE   0.15
#define STEPS_A_SECOND 1.0e8

typedef struct CrossSearch
{
	const Task *task;
	size_t n_rows;
	double budget; /* seconds */
	const Features *features;
	const Query *query;
	cer_crosses found;
	cer_cells cells;
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

/* Of one of the task's own columns, else InvalidOid. */
static Oid
get_type(const CrossSearch *search, size_t column)
{
	const cer_column *described = &search->features->columns[column];
	TargetEntry *target =
		list_nth_node(TargetEntry, search->query->targetList, (int) column);

	if (memchr(described->name.data, '.', described->name.size) != NULL)
		return InvalidOid;
	return exprType((Node *) target->expr);
}

/* Its floor over a width is a number whose text is the same everywhere. */
static bool
may_bin(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
			return true;
		default:
			return false;
	}
}

/* With a text that depends on nothing but the value. */
static bool
may_cross(Oid type)
{
	switch (type)
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

static bool
is_whole(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/*
 * A rate is of the other rows' labels, whenever these were known, and tells of a
 * group by its other rows: of groups that are not in training it tells nothing.
 */
static bool
may_have_rates(const Task *task)
{
	return task->label_known == NULL && task->split.kind != CER_SPLIT_GROUP;
}

/* As many rows as there is time for: of each pair all classes. */
static double
count_rows(const CrossSearch *search)
{
	double n = (double) Max(2, search->features->n_inputs);
	double of_row = n * (n - 1) / 2 * (search->task->n_classes + 2);
	double seconds = Max(1.0, search->budget * SEARCH_SHARE);

	return Min(Min(MAX_ROWS, MAX_CELLS / n), seconds * STEPS_A_SECOND / of_row);
}

static ReadPlan *
plan_read(const CrossSearch *search)
{
	const Features *features = search->features;
	ReadPlan *plan =
		read_plan_make(features->task, search->query, features->inputs,
	                   features->n_inputs, 1u << CER_TRAIN);
	double most = count_rows(search);

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
	bool *bins = palloc0(sizeof(bool) * Max(1, features->n_inputs));
	cer_error err = {0};
	cer_dataset *dataset;

	for (size_t i = 0; i < features->n_inputs; i++)
	{
		Oid type = get_type(search, features->inputs[i]);

		may[i] = may_cross(type);
		bins[i] = may_bin(type);
	}
	dataset = task_read_dataset(features->task, plan_read(search), &host);
	host_check(cer_crosses_find(&host, dataset, may, &search->found, &err),
	           &err);
	if (may_have_rates(search->task))
		host_check(
			cer_cells_find(&host, dataset, may, bins, &search->cells, &err),
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

static size_t
get_column(const CrossSearch *search, const cer_cell *cell, size_t i)
{
	return search->features->inputs[cell->inputs[i]];
}

/* hour, or hour / 2: of whole numbers SQL's quotient goes towards 0, so that a
 * bin would be twice as wide. */
static void
add_part(const CrossSearch *search, const cer_cell *cell, size_t i,
         StringInfo name, StringInfo value)
{
	cer_text column = get_name(search, cell->inputs[i]);
	char *text = pnstrdup(column.data, column.size);
	double width = cell->widths[i];

	if (i > 0)
	{
		appendStringInfoString(name, " x ");
		appendStringInfoString(value, " || ' ' || ");
	}
	appendStringInfoString(name, text);
	if (width > 0)
	{
		appendStringInfo(name, " / %g", width);
		appendStringInfo(
			value, "floor(%s%s / %g)::text", quote_identifier(text),
			is_whole(get_type(search, get_column(search, cell, i))) ? "::float8"
																	: "",
			width);
	}
	else
		appendStringInfo(value, "%s::text", quote_identifier(text));
}

static void
add_cell(const CrossSearch *search, const cer_cell *cell, StringInfo items)
{
	StringInfoData name;
	StringInfoData value;

	initStringInfo(&name);
	initStringInfo(&value);
	for (size_t i = 0; i < cell->n_inputs; i++)
		add_part(search, cell, i, &name, &value);
	ereport(DEBUG1, (errmsg_internal("rates of %s tell %.4f more of the "
	                                 "entropy",
	                                 name.data, cell->gain)));
	appendStringInfoString(&name, " rate");
	if (has_column(search, name.data) || name.len >= NAMEDATALEN)
		return;
	appendStringInfo(items, ", %s = (%s) : rate", quote_identifier(name.data),
	                 value.data);
}

const cer_mst *
auto_add_crosses(const Task *task, cer_arena *arena, const cer_mst *mst,
                 size_t n_rows)
{
	CrossSearch search = {
		.task = task, .n_rows = n_rows, .budget = cer_mst_get_budget(mst)};
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
	for (size_t i = 0; i < search.cells.n; i++)
		add_cell(&search, &search.cells.found[i], &items);
	if (items.len > 0)
		host_check(cer_auto_add(arena, mst, host_text(items.data), &made, &err),
		           &err);
	return made;
}
