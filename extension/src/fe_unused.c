/*
 * fe_unused.c
 *	  JOINs of which FE takes nothing: said, as nobody writes them for that.
 *
 * A JOIN is of use where a feature, an AGGREGATE or the condition of another
 * JOIN reads a column of it.
 */
#include "fe_private.h"

#include "nodes/bitmapset.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

typedef struct Uses
{
	Index depth;
	Bitmapset *relations; /* of the outermost FROM, that something reads */
} Uses;

static bool note_uses(Node *node, Uses *uses);

/* A condition is no use of the table that it finds rows of. */
static void
note_join(const JoinExpr *join, Uses *uses)
{
	Uses of_condition = {.depth = uses->depth};

	(void) note_uses(join->quals, &of_condition);
	if (IsA(join->rarg, RangeTblRef))
		of_condition.relations = bms_del_member(
			of_condition.relations, castNode(RangeTblRef, join->rarg)->rtindex);
	uses->relations = bms_add_members(uses->relations, of_condition.relations);
	(void) note_uses(join->larg, uses);
	(void) note_uses(join->rarg, uses);
}

static bool
note_uses(Node *node, Uses *uses)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == uses->depth)
		uses->relations =
			bms_add_member(uses->relations, ((Var *) node)->varno);
	if (IsA(node, JoinExpr) && uses->depth == 0)
	{
		note_join((JoinExpr *) node, uses);
		return false;
	}
	if (IsA(node, Query))
	{
		uses->depth++;
		(void) query_tree_walker((Query *) node, note_uses, uses, 0);
		uses->depth--;
		return false;
	}
	return expression_tree_walker(node, note_uses, uses);
}

static void
tell(const char *alias)
{
	ereport(
		NOTICE,
		(errmsg("JOIN of \"%s\" adds nothing: no column of it is named", alias),
	     errhint("Name those that are to be features, as in FE %s.column, "
	             "or say FE * for all columns.",
	             quote_identifier(alias))));
}

void
fe_tell_unused(const Fe *fe, Query *query)
{
	Uses uses = {0};
	ListCell *cell;

	if (!fe->is_looking)
		return;
	(void) query_tree_walker(query, note_uses, &uses, QTW_IGNORE_JOINALIASES);
	foreach (cell, fe->tables)
	{
		const FeTable *table = lfirst(cell);
		ListCell *entry;

		if (table->item == NULL || table->item->kind != CER_FE_JOIN)
			continue;
		foreach (entry, query->rtable)
			if (strcmp(lfirst_node(RangeTblEntry, entry)->eref->aliasname,
			           table->alias) == 0 &&
			    !bms_is_member(foreach_current_index(entry) + 1,
			                   uses.relations))
				tell(table->alias);
	}
}
