/*
 * fe.c
 *	  A triple's FE over a task: what there is to choose from, what is read.
 */
#include "fe_private.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

/* ----------------------------------------------------------------- source */

static FeTable *
make_source(const Fe *fe)
{
	FeTable *source = palloc0(sizeof(FeTable));

	source->alias = FE_SOURCE;
	source->relation = fe->task->relation;
	source->time = -1;
	source->n_columns = fe->task->n_columns;
	source->columns = palloc0((source->n_columns + 1) * sizeof(FeColumn));
	for (int i = 0; i < source->n_columns; i++)
	{
		TargetEntry *entry =
			list_nth_node(TargetEntry, fe->base->targetList, i);

		source->columns[i].name = entry->resname;
		source->columns[i].type = exprType((Node *) entry->expr);
		source->columns[i].collation = exprCollation((Node *) entry->expr);
		source->columns[i].plain = fe_trace(fe->base, (Node *) entry->expr);
	}
	return source;
}

/* ----------------------------------------------------------------- tables */

static void
add_tables(Fe *fe)
{
	List *joins = NIL;
	List *aggregates = NIL;
	ListCell *cell;

	for (size_t i = 0; i < fe->n_items; i++)
	{
		const cer_fe_item *item = &fe->items[i];

		if (item->kind == CER_FE_JOIN)
			joins = lappend(joins, fe_table_make(fe, item));
		if (item->kind == CER_FE_AGGREGATE)
			aggregates = lappend(aggregates, fe_table_make(fe, item));
	}
	fe_add_joins(fe, joins);
	foreach (cell, aggregates)
		fe_add_aggregate(fe, lfirst(cell));
}

/* ---------------------------------------------------------------- targets */

FeTarget *
fe_add_target(Fe *fe, const cer_fe_item *item, char *name, Node *node)
{
	FeTarget *target = palloc0(sizeof(FeTarget));
	ListCell *cell;

	foreach (cell, fe->targets)
		if (strcmp(((FeTarget *) lfirst(cell))->name, name) == 0)
			fe_fail(fe_at(fe, item), ERRCODE_DUPLICATE_COLUMN,
			        psprintf("column \"%s\" is there already", name), NULL,
			        "Give the table another alias, or the expression another "
			        "name.");
	if (strlen(name) >= NAMEDATALEN)
		fe_fail(fe_at(fe, item), ERRCODE_NAME_TOO_LONG,
		        psprintf("name \"%s\" is too long", name),
		        psprintf("A name has at most %d bytes.", NAMEDATALEN - 1),
		        "Give the table a shorter alias.");
	target->name = name;
	target->node = node;
	target->is_in_star = true;
	fe->targets = lappend(fe->targets, target);
	return target;
}

static void
add_source_targets(Fe *fe)
{
	cer_column *columns = task_get_columns(fe->task, fe->base);
	const FeTable *source = linitial(fe->tables);

	for (int i = 0; i < source->n_columns; i++)
	{
		char *name = source->columns[i].name;
		FeTarget *target =
			fe_add_target(fe, NULL, name, fe_column(FE_SOURCE, name));

		target->is_in_star = columns[i].is_in_star;
		target->is_label = columns[i].is_label;
		target->is_excluded = columns[i].is_excluded;
	}
}

static void
hide(const Fe *fe, const FeTable *table, int column, FeTarget *target)
{
	FeHiding hiding = fe_hides_column(fe, table, column);

	target->is_label = hiding == FE_LABEL_READ;
	target->is_excluded = hiding == FE_EXCLUDED_READ;
	target->is_in_star &= hiding == FE_NOTHING_READ;
}

/* Whether the equality says all that the column could: the key, or its twin. */
static bool
is_identifier(const FeTable *table, int column)
{
	for (int i = 0; i < table->n_equals; i++)
		if (table->equals[i].column == column)
			return true;
	return bms_is_member(column, table->keys);
}

/* FE * leaves out what only identifies the joined row. */
static void
add_join_targets(Fe *fe, const FeTable *table)
{
	for (int i = 0; i < table->n_columns; i++)
	{
		FeColumn *column = &table->columns[i];
		FeTarget *target = fe_add_target(
			fe, table->item, psprintf("%s.%s", table->alias, column->name),
			fe_column(table->alias, column->name));

		target->is_in_star = !is_identifier(table, i);
		hide(fe, table, i, target);
	}
	if (table->indicator != NULL)
		hide(fe, table, 0,
		     fe_add_target(fe, table->item,
		                   psprintf("%s.%s", table->alias, table->indicator),
		                   fe_is_matched(table, true)));
}

static void
add_aggregate_targets(Fe *fe, const FeTable *table)
{
	for (size_t i = 0; i < table->item->n_values; i++)
	{
		char *name = fe_text(table->item->values[i].name);

		fe_add_target(fe, table->item, psprintf("%s.%s", table->alias, name),
		              fe_column(table->alias, name))
			->is_in_star = false; /* it is a feature in any case */
	}
}

static void
add_expression(Fe *fe, const cer_fe_item *item)
{
	char *name = fe_text(item->names[0]);
	SelectStmt *select;
	FeText text;
	Node *node;

	fe_text_enter(&text, fe_at(fe, item), psprintf("expression \"%s\"", name),
	              item->sql);
	node = fe_text_parse(fe, &text, true);
	select = fe_select(list_make1(fe_target(copyObject(node), name)),
	                   fe_from(fe, list_length(fe->tables)), NULL);
	(void) fe_text_check(fe, &text, fe_analyze((Node *) select, text.text));
	fe_text_leave(&text);
	fe_add_target(fe, item, name, node)->is_in_star = false;
}

static void
add_targets(Fe *fe)
{
	ListCell *cell;

	add_source_targets(fe);
	foreach (cell, fe->tables)
	{
		const FeTable *table = lfirst(cell);

		if (table->item == NULL)
			continue;
		if (table->item->kind == CER_FE_JOIN)
			add_join_targets(fe, table);
		else
			add_aggregate_targets(fe, table);
	}
	for (size_t i = 0; i < fe->n_items; i++)
		if (fe->items[i].kind == CER_FE_DERIVED)
			add_expression(fe, &fe->items[i]);
	fe_add_arrays(fe);
}

/* ------------------------------------------------------------------ query */

static List *
make_service_targets(const Fe *fe)
{
	TaskTargets targets = task_get_targets(fe->task);
	List *names = list_make1(FE_LABEL);
	List *made = NIL;
	ListCell *cell;

	for (int i = 0; i < fe->task->n_key; i++)
		names = lappend(names, fe_key_name(i));
	if (targets.split >= 0)
		names = lappend(names, FE_SPLIT);
	if (targets.as_of >= 0)
		names = lappend(names, FE_AS_OF);
	if (targets.label_known >= 0)
		names = lappend(names, FE_KNOWN);
	foreach (cell, names)
		made = lappend(
			made, fe_target(fe_column(FE_SOURCE, lfirst(cell)), lfirst(cell)));
	return made;
}

/* All targets, then what the task adds. */
static Query *
make_query(const Fe *fe)
{
	List *targets = NIL;
	ListCell *cell;

	foreach (cell, fe->targets)
	{
		FeTarget *target = lfirst(cell);

		targets = lappend(targets, fe_target(target->node, target->name));
	}
	targets = list_concat(targets, make_service_targets(fe));
	return fe_analyze(
		(Node *) fe_select(targets, fe_from(fe, list_length(fe->tables)), NULL),
		fe->task->query);
}

static cer_column *
make_columns(const Fe *fe, const Query *query)
{
	int n = list_length(fe->targets);
	cer_column *columns = palloc(n * sizeof(cer_column));

	for (int i = 0; i < n; i++)
	{
		const FeTarget *target = list_nth(fe->targets, i);
		TargetEntry *entry = list_nth_node(TargetEntry, query->targetList, i);
		ValueCoder *coder = value_coder_make(exprType((Node *) entry->expr));

		columns[i].name = host_text(target->name);
		columns[i].type = value_coder_get_type(coder);
		columns[i].unit = value_coder_get_unit(coder);
		columns[i].is_in_star =
			target->is_in_star && cer_column_is_single(&columns[i]);
		columns[i].is_label = target->is_label;
		columns[i].is_excluded = target->is_excluded;
		pfree(coder);
	}
	return columns;
}

/* The chosen inputs and what the task adds: a task that reads just these. */
static Task *
make_task(const Fe *fe, Query *query, const Features *features)
{
	int n_targets = list_length(query->targetList);
	int *kept = palloc(n_targets * sizeof(int));
	Task *task = palloc(sizeof(Task));
	int n = 0;
	int level;

	for (size_t i = 0; i < features->n_inputs; i++)
		kept[n++] = (int) features->inputs[i];
	for (int i = features->n_columns; i < n_targets; i++)
		kept[n++] = i;
	query_keep_targets(query, kept, n);
	*task = *fe->task;
	task->base = fe->task;
	task->author = GetUserId();
	task->mst = fe->mst;
	task->n_columns = (int) features->n_inputs;
	level = task_enter_deparse();
	task->query = pg_get_querydef(query, false);
	settings_leave(level);
	return task;
}

static void
choose_inputs(Features *features, const cer_mst *mst)
{
	const cer_plan *plan;
	cer_error err;

	host_check_mst(cer_plan_make(host_make_arena(CurrentMemoryContext), mst,
	                             features->columns, features->n_columns, &plan,
	                             &err),
	               &err, mst);
	features->n_inputs = cer_plan_count_inputs(plan);
	features->inputs = palloc((features->n_inputs + 1) * sizeof(size_t));
	for (size_t i = 0; i < features->n_inputs; i++)
		features->inputs[i] = cer_plan_get_column(plan, i);
}

static void
make_features(Fe *fe, Features *features)
{
	Query *query;

	fe->tables = list_make1(make_source(fe));
	fe_note_hidden(fe);
	add_tables(fe);
	add_targets(fe);
	query = make_query(fe);
	features->columns = make_columns(fe, query);
	features->n_columns = list_length(fe->targets);
	choose_inputs(features, fe->mst);
	features->task = make_task(fe, query, features);
	fe_tell_unused(fe, query);
	features->query = features->task->query;
	for (size_t i = 0; i < features->n_inputs; i++)
		features->inputs[i] = i;
}

static bool
is_plain(const Fe *fe)
{
	for (size_t i = 0; i < fe->n_items; i++)
	{
		if (fe_is_of_arrays(&fe->items[i]))
			return false;
		switch (fe->items[i].kind)
		{
			case CER_FE_DERIVED:
			case CER_FE_JOIN:
			case CER_FE_AGGREGATE:
				return false;
			default:
				break;
		}
	}
	return true;
}

Features *
fe_make(const Task *task, const cer_mst *mst, bool is_looking)
{
	Features *features = palloc0(sizeof(Features));
	Fe fe = {.task = task, .mst = mst, .is_looking = is_looking};

	fe.items = cer_mst_get_items(mst, &fe.n_items);
	fe.base = task_analyze(task);
	if (is_plain(&fe))
	{
		features->task = task;
		features->columns = task_get_columns(task, fe.base);
		features->n_columns = task->n_columns;
		choose_inputs(features, mst);
		return features;
	}
	source_check_code(task, fe.base);
	fe.text = host_print_mst(mst);
	fe.uses = task_get_uses(task, fe.base);
	fe.times = fe_list_times();
	make_features(&fe, features);
	return features;
}

/* Inputs stand before what the task adds. */
static int
count_inputs(const Task *task, const char *query)
{
	int level = task_enter_deparse();
	List *raw = raw_parser(query, RAW_PARSE_DEFAULT);
	SelectStmt *select =
		castNode(SelectStmt, linitial_node(RawStmt, raw)->stmt);

	settings_leave(level);
	return list_length(select->targetList) -
	       (task_get_targets(task).n - task->n_columns);
}

Task *
fe_open(Task *task, const Model *model)
{
	Task *opened;

	if (model->query == NULL)
		return task;
	opened = palloc(sizeof(Task));
	*opened = *task;
	opened->base = task;
	opened->mst = NULL;
	opened->author = model->owner;
	opened->reader = model->reader;
	opened->query = pstrdup(model->query);
	opened->n_columns = count_inputs(task, model->query);
	return opened;
}
