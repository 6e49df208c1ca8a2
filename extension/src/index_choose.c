/*
 * index_choose.c
 *	  Which of two indexes of near triples answers: the one in which those that
 *	  see the same columns lie together, or the one in which those do that are
 *	  built and trained alike.  To the planner they cost the same, so that the
 *	  other one is put out of its sight.
 *
 * A pattern whose FE names nothing, or "*", is near to triples of any columns:
 * in the first index they are everywhere.
 */
#include "type.h"

#include "access/gist.h"
#include "catalog/pg_am_d.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "optimizer/tlist.h"
#include "utils/lsyscache.h"

#include "index.h"

extern Datum cerebro_mst_distance(PG_FUNCTION_ARGS);
extern Datum cerebro_mst_pattern_distance(PG_FUNCTION_ARGS);
extern Datum cerebro_mst_pattern_distance_to(PG_FUNCTION_ARGS);
extern Datum cerebro_mst_gist_sortsupport(PG_FUNCTION_ARGS);
extern Datum cerebro_mst_gist_built_sortsupport(PG_FUNCTION_ARGS);

/* What lies together in an index. */
typedef enum Nearness
{
	NEAR_NOTHING, /* it is none of ours, or the query does not ask for it */
	NEAR_SEEN,
	NEAR_BUILT
} Nearness;

static get_relation_info_hook_type next_info;

static PGFunction
get_address(Oid function)
{
	FmgrInfo info;

	fmgr_info(function, &info);
	return info.fn_addr;
}

/* ------------------------------------------------------------------ query */

/* What the query is ordered by first, if it is an operator of two, or NULL. */
static const OpExpr *
find_order(const Query *query)
{
	Node *expr;

	if (query->sortClause == NIL)
		return NULL;
	expr = get_sortgroupclause_expr(
		linitial_node(SortGroupClause, query->sortClause), query->targetList);
	if (!IsA(expr, OpExpr) || list_length(((OpExpr *) expr)->args) != 2)
		return NULL;
	return (const OpExpr *) expr;
}

static Nearness
judge_pattern(Node *node)
{
	TypeValue value = {0};
	Const *pattern;

	if (!IsA(node, Const) || castNode(Const, node)->constisnull)
		return NEAR_SEEN;
	pattern = castNode(Const, node);
	return cer_pattern_names_features(type_read(&value, CurrentMemoryContext,
	                                            &type_pattern,
	                                            pattern->constvalue))
	           ? NEAR_SEEN
	           : NEAR_BUILT;
}

static Nearness
find_wanted(const Query *query)
{
	const OpExpr *order = find_order(query);
	PGFunction address;

	if (order == NULL)
		return NEAR_NOTHING;
	address = get_address(get_opcode(order->opno));
	if (address == cerebro_mst_distance)
		return NEAR_SEEN;
	if (address == cerebro_mst_pattern_distance)
		return judge_pattern(lsecond(order->args));
	if (address == cerebro_mst_pattern_distance_to)
		return judge_pattern(linitial(order->args));
	return NEAR_NOTHING;
}

/* ------------------------------------------------------------------ indexes */

static Nearness
get_nearness(const IndexOptInfo *index)
{
	Oid function;
	PGFunction address;

	if (index->relam != GIST_AM_OID || index->nkeycolumns != 1 ||
	    index->indpred != NIL || index->indexkeys[0] == 0)
		return NEAR_NOTHING;
	function = get_opfamily_proc(index->opfamily[0], index->opcintype[0],
	                             index->opcintype[0], GIST_SORTSUPPORT_PROC);
	if (!OidIsValid(function))
		return NEAR_NOTHING;
	address = get_address(function);
	if (address == cerebro_mst_gist_sortsupport)
		return NEAR_SEEN;
	return address == cerebro_mst_gist_built_sortsupport ? NEAR_BUILT
	                                                     : NEAR_NOTHING;
}

static bool
has_other(const RelOptInfo *rel, const IndexOptInfo *index, Nearness wanted)
{
	ListCell *cell;

	foreach (cell, rel->indexlist)
	{
		const IndexOptInfo *other = lfirst_node(IndexOptInfo, cell);

		if (other->nkeycolumns == 1 &&
		    other->indexkeys[0] == index->indexkeys[0] &&
		    get_nearness(other) == wanted)
			return true;
	}
	return false;
}

static void
choose(PlannerInfo *root, Oid relation, bool is_parent, RelOptInfo *rel)
{
	Nearness wanted;
	ListCell *cell;

	if (next_info)
		next_info(root, relation, is_parent, rel);
	if (list_length(rel->indexlist) < 2)
		return;
	wanted = find_wanted(root->parse);
	if (wanted == NEAR_NOTHING)
		return;
	foreach (cell, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, cell);
		Nearness nearness = get_nearness(index);

		if (nearness != NEAR_NOTHING && nearness != wanted &&
		    has_other(rel, index, wanted))
			rel->indexlist = foreach_delete_current(rel->indexlist, cell);
	}
}

void
index_init(void)
{
	next_info = get_relation_info_hook;
	get_relation_info_hook = choose;
}
