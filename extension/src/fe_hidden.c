/*
 * fe_hidden.c
 *	  What a task hides from features: its label, the time when that was known,
 *	  excluded columns, and all that they are made of, in whatever table.
 *
 * A label may be made of other rows (orders that are still to come).  Those of
 * a table with a time column are seen as far as they were there by as_of; it
 * is only columns of the row itself that are hidden there, too.
 */
#include "fe_private.h"

#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

void
fe_note_hidden(Fe *fe)
{
	for (int i = 0; i < fe->task->n_columns; i++)
	{
		TargetEntry *entry =
			list_nth_node(TargetEntry, fe->base->targetList, i);
		List *origins;

		if (fe->uses[i] != USE_LABEL && fe->uses[i] != USE_EXCLUDED)
			continue;
		origins = fe_collect(fe->base, (Node *) entry->expr, false);
		fe->hidden = list_concat(fe->hidden, origins);
		if (fe->uses[i] == USE_LABEL)
			fe->hidden_label = list_concat(fe->hidden_label, origins);
	}
}

/* A column of a partition is its table's of that name. */
static bool
is_same(const FeOrigin *a, const FeOrigin *b)
{
	char *name;
	char *other;

	if (a->relation != b->relation && !fe_is_part(a->relation, b->relation))
		return false;
	if (a->attribute == 0 || b->attribute == 0)
		return true;
	if (a->relation == b->relation)
		return a->attribute == b->attribute;
	name = get_attname(a->relation, a->attribute, true);
	other = get_attname(b->relation, b->attribute, true);
	return name != NULL && other != NULL && strcmp(name, other) == 0;
}

/* Whether what a table's rows are made of is hidden. */
static bool
is_hidden(const Fe *fe, const FeTable *table, const List *origins,
          const List *hidden)
{
	bool is_cut = fe_is_cut(fe, table);
	ListCell *left;
	ListCell *right;

	foreach (left, origins)
		foreach (right, hidden)
		{
			const FeOrigin *origin = lfirst(right);

			if (is_same(lfirst(left), origin) &&
			    !(is_cut && origin->is_of_others))
				return true;
		}
	return false;
}

FeHiding
fe_hides(const Fe *fe, const FeTable *table, const List *origins)
{
	if (is_hidden(fe, table, origins, fe->hidden_label))
		return FE_LABEL_READ;
	return is_hidden(fe, table, origins, fe->hidden) ? FE_EXCLUDED_READ
	                                                 : FE_NOTHING_READ;
}

FeHiding
fe_hides_column(const Fe *fe, const FeTable *table, int column)
{
	if (table->item != NULL)
		return fe_hides(fe, table, table->columns[column].origins);
	switch (fe->uses[column])
	{
		case USE_LABEL:
			return FE_LABEL_READ;
		case USE_EXCLUDED:
			return FE_EXCLUDED_READ;
		default:
			return FE_NOTHING_READ;
	}
}

char *
fe_print_hiding(FeHiding hiding)
{
	return hiding == FE_LABEL_READ ? "The label is computed from it."
	                               : "The task excludes it.";
}

/* ------------------------------------------------------------ expressions */

typedef struct HiddenSearch
{
	const Fe *fe;
	const Query *query;
	char *name; /* of what is found */
	FeHiding hiding;
} HiddenSearch;

/* All of a row is hidden where a column of it is; of the source it always is.*/
static bool
search_row(HiddenSearch *search, const FeTable *table)
{
	search->name = psprintf("whole rows of %s", table->alias);
	search->hiding = FE_LABEL_READ;
	if (table->item == NULL)
		return true;
	for (int i = 0; i < table->n_columns; i++)
		if (fe_hides_column(search->fe, table, i) != FE_NOTHING_READ)
			return true;
	return false;
}

static bool
search_column(HiddenSearch *search, const FeTable *table, const char *name)
{
	int column = fe_table_find_column(table, name);

	search->name = table->item == NULL ? pstrdup(name)
	                                   : psprintf("%s.%s", table->alias, name);
	search->hiding =
		column < 0 ? FE_LABEL_READ : fe_hides_column(search->fe, table, column);
	return search->hiding != FE_NOTHING_READ;
}

static bool
search_hidden(Node *node, void *context)
{
	HiddenSearch *search = context;
	const Var *var = (const Var *) node;
	RangeTblEntry *entry;
	const FeTable *table;

	if (node == NULL)
		return false;
	if (!IsA(node, Var))
		return expression_tree_walker(node, search_hidden, context);
	entry = rt_fetch(var->varno, search->query->rtable);
	table = fe_find_table(search->fe, entry->eref->aliasname);
	if (table == NULL)
		elog(ERROR, "FE reads an unknown table \"%s\"", entry->eref->aliasname);
	if (table->item != NULL && table->item->kind == CER_FE_AGGREGATE)
		return false; /* its values have been looked at */
	if (var->varattno <= 0)
		return search_row(search, table);
	return search_column(
		search, table,
		strVal(list_nth(entry->eref->colnames, var->varattno - 1)));
}

void
fe_check_hidden(const Fe *fe, const FeText *text, Query *query, Node *node)
{
	HiddenSearch search = {.fe = fe, .query = query};

	if (search_hidden(node, &search))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("the %s reads \"%s\", which cannot be a feature",
		                       text->what, search.name),
		                errdetail("%s", fe_print_hiding(search.hiding))));
}
