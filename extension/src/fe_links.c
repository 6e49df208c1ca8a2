/*
 * fe_links.c
 *	  Which tables of a model's FE are joined through others: a snowflake's outer
 *	  tables, through the inner ones.
 *
 * Scores are added up along them, so that they are read of the model's query as
 * it is kept: in whatever state the catalog is, they are the same.
 */
#include "fe_private.h"

#include "nodes/nodeFuncs.h"
#include "parser/parser.h"

/* Aliases that a condition names, as far as they are not the table's own. */
typedef struct Named
{
	const char *own;
	const char *first; /* NULL: none */
	bool are_several;
	bool has_others; /* what is no column of an alias */
} Named;

static bool
note_named(Node *node, void *context)
{
	Named *named = context;
	const ColumnRef *column = (const ColumnRef *) node;
	const char *alias;

	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, note_named, context);
	if (list_length(column->fields) != 2)
	{
		named->has_others = true;
		return false;
	}
	alias = strVal(linitial(column->fields));
	if (strcmp(alias, named->own) == 0)
		return false;
	if (named->first != NULL && strcmp(alias, named->first) != 0)
		named->are_several = true;
	named->first = alias;
	return false;
}

static const char *
get_alias(const Node *table)
{
	const Alias *alias = NULL;

	if (IsA(table, RangeVar))
		alias = ((const RangeVar *) table)->alias;
	else if (IsA(table, RangeSubselect))
		alias = ((const RangeSubselect *) table)->alias;
	return alias != NULL ? alias->aliasname : NULL;
}

/* The alias that the join's table is joined through; NULL: none but the
 * source's. */
static const char *
find_through(const JoinExpr *join)
{
	const char *own = get_alias(join->rarg);
	Named named = {.own = own};

	if (own == NULL)
		return NULL;
	(void) note_named(join->quals, &named);
	if (named.first == NULL || named.are_several || named.has_others ||
	    strcmp(named.first, FE_SOURCE) == 0)
		return NULL;
	return named.first;
}

static const Node *
parse_from(const char *query)
{
	int level = task_enter_deparse();
	List *raw = raw_parser(query, RAW_PARSE_DEFAULT);
	const SelectStmt *select =
		castNode(SelectStmt, linitial_node(RawStmt, raw)->stmt);

	settings_leave(level);
	return linitial(select->fromClause);
}

cer_table_link *
fe_list_links(const char *query, int *n)
{
	List *found = NIL;
	cer_table_link *links;
	ListCell *cell;

	*n = 0;
	if (query == NULL)
		return NULL;
	for (const Node *from = parse_from(query); IsA(from, JoinExpr);
	     from = ((const JoinExpr *) from)->larg)
		if (find_through((const JoinExpr *) from) != NULL)
			found = lappend(found, unconstify(Node *, from));
	links = palloc((list_length(found) + 1) * sizeof(cer_table_link));
	foreach (cell, found)
	{
		const JoinExpr *join = lfirst(cell);
		const char *alias = get_alias(join->rarg);
		const char *through = find_through(join);

		links[(*n)++] = (cer_table_link){{alias, strlen(alias)},
		                                 {through, strlen(through)}};
	}
	return links;
}
