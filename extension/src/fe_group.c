/*
 * fe_group.c
 *	  Aggregates of FE by one grouped pass over their table, instead of one
 *	  look-up for each row of the source.
 *
 *	 LEFT JOIN LATERAL (SELECT sum(o.amount) AS total FROM orders o
 *						WHERE o.customer = source.id AND o.paid) o ON true
 * is
 *	 LEFT JOIN (SELECT sum(o.amount) AS total, o.customer AS " key 1"
 *				FROM orders o WHERE o.paid GROUP BY o.customer) " o rows"
 *		 ON " o rows"." key 1" = source.id
 *	 LEFT JOIN (SELECT sum(o.amount) AS total FROM orders o WHERE false)
 *		 " o none" ON true
 *	 LEFT JOIN LATERAL (SELECT CASE WHEN " o rows"." key 1" IS NOT NULL
 *		 THEN " o rows".total ELSE " o none".total END AS total) o ON true
 *
 * where nothing but equalities looks at the source.  Rows of one key come in
 * the same order in both, so that sums of floating-point numbers have the same
 * bits.  Which is the cheaper the planner's costs tell.
 */
#include "fe_private.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* An aggregate of FROM, as it was parsed and as it was analysed. */
typedef struct Grouping
{
	const JoinExpr *raw; /* that has it on its right */
	const RangeSubselect *subselect;
	const SelectStmt *select; /* of the values */
	const SelectStmt *rows;   /* with the conditions: the same, or below it */
	const Query *query;       /* of rows */
	int level;                /* from there to the source */
	List *owns;               /* raw: own sides of the equalities */
	List *others;             /* raw: the sides of the source */
	List *operators;          /* names */
	List *rest;               /* raw: conditions that see own rows alone */
} Grouping;

/* ------------------------------------------------------------- conditions */

static bool
sees_source(const Grouping *grouping, Node *node)
{
	for (int level = 1; level <= grouping->level; level++)
		if (contain_vars_of_level(node, level))
			return true;
	return false;
}

/* Equal values are in one group, and what is in it is equal to them. */
static bool
is_of_groups(Oid operator, Oid type)
{
	TypeCacheEntry *entry =
		lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY | TYPECACHE_EQ_OPR);

	return OidIsValid(entry->eq_opr) && OidIsValid(entry->btree_opf) &&
	       get_op_opfamily_strategy(operator, entry->btree_opf) ==
	           BTEqualStrategyNumber;
}

/* Which side is of own rows: 0 or 1, or -1: it is no such equality. */
static int
find_own_side(const Grouping *grouping, Node *condition)
{
	const OpExpr *equal = (const OpExpr *) condition;

	if (!IsA(equal, OpExpr) || list_length(equal->args) != 2)
		return -1;
	for (int side = 0; side < 2; side++)
	{
		Node *own = list_nth(equal->args, side);
		Node *other = list_nth(equal->args, 1 - side);

		if (!sees_source(grouping, own) && contain_vars_of_level(own, 0) &&
		    !contain_vars_of_level(other, 0) && !contain_subplans(own) &&
		    is_of_groups(equal->opno, exprType(own)))
			return side;
	}
	return -1;
}

static bool
add_condition(Grouping *grouping, Node *raw, Node *condition)
{
	A_Expr *equal = (A_Expr *) raw;
	int side;

	if (!sees_source(grouping, condition))
	{
		grouping->rest = lappend(grouping->rest, raw);
		return true;
	}
	side = find_own_side(grouping, condition);
	if (side < 0 || !IsA(raw, A_Expr) || equal->kind != AEXPR_OP)
		return false;
	grouping->owns =
		lappend(grouping->owns, side == 0 ? equal->lexpr : equal->rexpr);
	grouping->others =
		lappend(grouping->others, side == 0 ? equal->rexpr : equal->lexpr);
	grouping->operators = lappend(grouping->operators, equal->name);
	return true;
}

static bool
split_conditions(Grouping *grouping)
{
	List *raws = fe_list_conjuncts(grouping->rows->whereClause);
	List *conditions = fe_list_conjuncts(grouping->query->jointree->quals);
	ListCell *raw;
	ListCell *cell;

	if (list_length(raws) != list_length(conditions))
		return false;
	forboth(raw, raws, cell, conditions)
	{
		if (!add_condition(grouping, lfirst(raw), lfirst(cell)))
			return false;
	}
	return grouping->owns != NIL;
}

/* ---------------------------------------------------------------- finding */

static bool
is_aggregate(const Query *query)
{
	return query->hasAggs && query->groupClause == NIL &&
	       query->groupingSets == NIL && query->havingQual == NULL &&
	       query->limitCount == NULL && query->sortClause == NIL &&
	       query->cteList == NIL && query->setOperations == NULL &&
	       !query->hasSubLinks && !query->hasTargetSRFs &&
	       list_length(query->jointree->fromlist) == 1 &&
	       IsA(linitial(query->jointree->fromlist), RangeTblRef);
}

static RangeTblEntry *
get_only_table(const Query *query)
{
	const RangeTblRef *at = linitial(query->jointree->fromlist);

	return rt_fetch(at->rtindex, query->rtable);
}

/* Rows that stand in an order are one level below. */
static bool
find_rows(Grouping *grouping, Query *query)
{
	const RangeTblEntry *table = get_only_table(query);
	Node *from = linitial(grouping->select->fromClause);

	grouping->rows = grouping->select;
	grouping->query = query;
	grouping->level = 1;
	if (table->rtekind != RTE_SUBQUERY || !table->lateral)
		return true;
	if (query->jointree->quals != NULL || !IsA(from, RangeSubselect))
		return false;
	grouping->rows = (const SelectStmt *) ((RangeSubselect *) from)->subquery;
	grouping->query = table->subquery;
	grouping->level = 2;
	return list_length(grouping->query->jointree->fromlist) == 1 &&
	       grouping->query->groupClause == NIL &&
	       grouping->query->limitCount == NULL &&
	       grouping->query->sortClause != NIL && !grouping->query->hasSubLinks;
}

/* Of ordered rows it is a column that they hand on. */
static bool
are_keys_at_hand(const Grouping *grouping)
{
	ListCell *cell;

	if (grouping->level == 1)
		return true;
	foreach (cell, grouping->owns)
		if (!IsA(lfirst(cell), ColumnRef) ||
		    !IsA(llast(((ColumnRef *) lfirst(cell))->fields), String))
			return false;
	return true;
}

static bool
have_names(const List *targets)
{
	ListCell *cell;

	foreach (cell, targets)
		if (lfirst_node(ResTarget, cell)->name == NULL)
			return false;
	return true;
}

static bool
find_grouping(const Query *query, const JoinExpr *raw, const JoinExpr *join,
              Grouping *grouping)
{
	RangeTblEntry *table;

	memset(grouping, 0, sizeof(*grouping));
	if (join->jointype != JOIN_LEFT || !IsA(join->rarg, RangeTblRef) ||
	    !IsA(raw->rarg, RangeSubselect) || join->quals == NULL ||
	    !IsA(join->quals, Const))
		return false;
	table = rt_fetch(((RangeTblRef *) join->rarg)->rtindex, query->rtable);
	if (table->rtekind != RTE_SUBQUERY || !table->lateral ||
	    !is_aggregate(table->subquery))
		return false;
	grouping->raw = raw;
	grouping->subselect = (const RangeSubselect *) raw->rarg;
	grouping->select = (const SelectStmt *) grouping->subselect->subquery;
	return grouping->subselect->alias != NULL &&
	       grouping->subselect->alias->colnames == NIL &&
	       have_names(grouping->select->targetList) &&
	       find_rows(grouping, table->subquery) && split_conditions(grouping) &&
	       are_keys_at_hand(grouping) &&
	       !sees_source(grouping, (Node *) table->subquery->targetList);
}

/* ----------------------------------------------------------------- making */

static char *
name_key(int i)
{
	return psprintf(" key %d", i + 1);
}

/* By the key first: rows of a group stay as they are, however it is made. */
static void
sort_by_keys(const Grouping *grouping, SelectStmt *rows)
{
	List *sorts = NIL;
	ListCell *cell;

	foreach (cell, grouping->owns)
	{
		SortBy *sort = makeNode(SortBy);

		sort->node = copyObject(lfirst(cell));
		sort->location = -1;
		sorts = lappend(sorts, sort);
	}
	rows->sortClause = list_concat(sorts, rows->sortClause);
}

/* A key as the values' own level has it. */
static Node *
make_key(const Grouping *grouping, const SelectStmt *select, Node *own)
{
	const RangeSubselect *from = linitial(select->fromClause);
	const ColumnRef *column = (const ColumnRef *) own;

	return grouping->level == 1 ? copyObject(own)
	                            : fe_column(from->alias->aliasname,
	                                        strVal(llast(column->fields)));
}

static SelectStmt *
get_rows(const Grouping *grouping, SelectStmt *select)
{
	RangeSubselect *from = linitial(select->fromClause);

	if (grouping->level == 1)
		return select;
	from->lateral = false;
	return (SelectStmt *) from->subquery;
}

/* Values of all groups. */
static Node *
make_groups(const Grouping *grouping, const char *alias)
{
	SelectStmt *select = copyObject(unconstify(SelectStmt *, grouping->select));
	SelectStmt *rows = get_rows(grouping, select);
	ListCell *cell;

	rows->whereClause = fe_and(copyObject(grouping->rest));
	if (grouping->level == 2)
		sort_by_keys(grouping, rows);
	foreach (cell, grouping->owns)
	{
		Node *key = make_key(grouping, select, lfirst(cell));

		select->targetList =
			lappend(select->targetList,
		            fe_target(key, name_key(foreach_current_index(cell))));
		select->groupClause = lappend(select->groupClause, copyObject(key));
	}
	return fe_subselect(select, alias, NIL);
}

/* Values of no rows. */
static Node *
make_none(const Grouping *grouping, const char *alias)
{
	SelectStmt *select = copyObject(unconstify(SelectStmt *, grouping->select));

	get_rows(grouping, select)->whereClause =
		(Node *) makeBoolExpr(NOT_EXPR, list_make1(fe_true()), -1);
	return fe_subselect(select, alias, NIL);
}

static Node *
make_on(const Grouping *grouping, const char *groups)
{
	List *conditions = NIL;

	for (int i = 0; i < list_length(grouping->owns); i++)
		conditions =
			lappend(conditions,
		            makeA_Expr(AEXPR_OP, list_nth(grouping->operators, i),
		                       fe_column(groups, name_key(i)),
		                       copyObject(list_nth(grouping->others, i)), -1));
	return fe_and(conditions);
}

/* Of the groups, or where the row has none, of no rows. */
static Node *
make_values(const Grouping *grouping, const char *groups, const char *none)
{
	List *targets = NIL;
	SelectStmt *select = makeNode(SelectStmt);
	ListCell *cell;

	foreach (cell, grouping->select->targetList)
	{
		const char *name = lfirst_node(ResTarget, cell)->name;
		CaseExpr *expr = makeNode(CaseExpr);
		CaseWhen *when = makeNode(CaseWhen);

		when->expr = (Expr *) fe_is_null(fe_column(groups, name_key(0)), true);
		when->result = (Expr *) fe_column(groups, name);
		when->location = -1;
		expr->args = list_make1(when);
		expr->defresult = (Expr *) fe_column(none, name);
		expr->location = -1;
		targets = lappend(targets, fe_target((Node *) expr, name));
	}
	select->targetList = targets;
	return fe_lateral(select, grouping->subselect->alias->aliasname);
}

static void
regroup(const Grouping *grouping)
{
	const char *alias = grouping->subselect->alias->aliasname;
	char *groups = psprintf(" rows of %s", alias);
	char *none = psprintf(" none of %s", alias);
	JoinExpr *join = unconstify(JoinExpr *, grouping->raw);
	Node *values = make_values(grouping, groups, none);

	join->larg = fe_left_join(join->larg, make_groups(grouping, groups),
	                          make_on(grouping, groups));
	join->larg = fe_left_join(join->larg, make_none(grouping, none), fe_true());
	join->rarg = values;
}

bool
fe_group(SelectStmt *select, const Query *query)
{
	Node *raw = linitial(select->fromClause);
	Node *join = linitial(query->jointree->fromlist);
	bool has_any = false;

	while (IsA(raw, JoinExpr) && IsA(join, JoinExpr))
	{
		Node *left = ((JoinExpr *) raw)->larg;
		Grouping grouping;

		if (find_grouping(query, (JoinExpr *) raw, (JoinExpr *) join,
		                  &grouping))
		{
			regroup(&grouping);
			has_any = true;
		}
		raw = left;
		join = ((JoinExpr *) join)->larg;
	}
	return has_any;
}

/* ---------------------------------------------------------------- reading */

Query *
fe_group_query(const Task *task, const Query *query)
{
	int level;
	RawStmt *statement;
	Query *grouped = NULL;

	if (task->base == NULL || fe_get_join_plan() == FE_JOIN_PROBE ||
	    fe_get_join_plan() == FE_JOIN_BATCH)
		return NULL;
	level = task_enter_deparse();
	statement =
		linitial_node(RawStmt, raw_parser(task->query, RAW_PARSE_DEFAULT));
	source_check_literals(task, statement);
	if (fe_group(castNode(SelectStmt, statement->stmt), query))
	{
		grouped =
			parse_analyze_fixedparams(statement, task->query, NULL, 0, NULL);
		source_check_code(task, grouped);
	}
	settings_leave(level);
	return grouped;
}

static double
get_cost(const Query *query, const char *text)
{
	return query_plan_get_cost(query_plan_make(query, text)).total;
}

Query *
fe_choose_query(const Task *task, Query *query, Query *grouped)
{
	if (grouped == NULL)
		return query;
	if (fe_get_join_plan() == FE_JOIN_PASS)
		return grouped;
	return get_cost(grouped, task->query) < get_cost(query, task->query)
	           ? grouped
	           : query;
}
