/*
 * fe_dimension.c
 *	  Which tables of a model's FE are dimensions: joined to the source alone, by
 *	  equalities of columns whose values are equal when their bytes are.
 *
 * What only such a table gives can be read once for a statement, in one pass,
 * instead of once for each row of the source.  The query that does it is made
 * of the same pieces as the model's own, so that rights, policies and
 * expressions are the same.
 */
#include "fe_dimension.h"
#include "fe_private.h"

#include "access/heapam.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#define SOURCE 1 /* its place among the query's tables */

/* --------------------------------------------------------------- equalities */

/* Blanks at the end of a char(n) do not count, whatever its support function
 * says: an index has them of one length, two tables need not. */
bool
fe_is_equal_by_bytes(const OpExpr *equal, Oid type)
{
	TypeCacheEntry *entry =
		lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY | TYPECACHE_EQ_OPR);
	Oid function;

	if (entry->eq_opr != equal->opno || !OidIsValid(entry->btree_opf) ||
	    getBaseType(type) == BPCHAROID)
		return false;
	function = get_opfamily_proc(entry->btree_opf, entry->btree_opintype,
	                             entry->btree_opintype, BTEQUALIMAGE_PROC);
	return OidIsValid(function) &&
	       DatumGetBool(
			   OidFunctionCall1Coll(function, equal->inputcollid,
	                                ObjectIdGetDatum(entry->btree_opintype)));
}

static Node *
strip_relabel(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* The column of the task's query, from 0, or -1. */
static int
get_source_column(Node *node)
{
	const Var *var = (const Var *) strip_relabel(node);

	if (!IsA(var, Var) || var->varno != SOURCE || var->varlevelsup > 0 ||
	    var->varattno <= 0)
		return -1;
	return var->varattno - 1;
}

static bool
is_of(Node *node, int table)
{
	Bitmapset *tables = compat_pull_tables(node);
	int only;

	return bms_get_singleton_member(tables, &only) && only == table &&
	       !contain_volatile_functions(node) && !contain_subplans(node);
}

/* Which side is the table's: 0 or 1, or -1: the condition is no such one. */
static int
find_side(Node *condition, int table)
{
	const OpExpr *equal = (const OpExpr *) condition;

	if (!IsA(equal, OpExpr) || list_length(equal->args) != 2)
		return -1;
	for (int side = 0; side < 2; side++)
	{
		Node *own = list_nth(equal->args, side);
		Node *other = list_nth(equal->args, 1 - side);

		if (is_of(own, table) && get_source_column(other) >= 0 &&
		    exprType(own) == exprType(other) &&
		    fe_is_equal_by_bytes(equal, exprType(own)))
			return side;
	}
	return -1;
}

/* --------------------------------------------------------------- dimensions */

typedef struct JoinPair
{
	const JoinExpr *raw;
	const JoinExpr *join;
} JoinPair;

static bool
is_simple_table(const Query *query, const JoinPair *pair)
{
	const RangeTblEntry *table;

	if (pair->join->jointype != JOIN_LEFT ||
	    !IsA(pair->join->rarg, RangeTblRef))
		return false;
	table = rt_fetch(((RangeTblRef *) pair->join->rarg)->rtindex,
	                 unconstify(Query *, query)->rtable);
	return table->rtekind == RTE_RELATION ||
	       (table->rtekind == RTE_SUBQUERY && !table->lateral);
}

/* Fills the key; targets gets the raw expressions of the table's side. */
static bool
find_keys(FeDimension *dimension, const JoinPair *pair, int table,
          List **targets)
{
	List *raws = fe_list_conjuncts(pair->raw->quals);
	List *conditions = fe_list_conjuncts(pair->join->quals);
	int n = list_length(conditions);

	if (n == 0 || list_length(raws) != n)
		return false;
	dimension->n_keys = n;
	dimension->keys = palloc(n * sizeof(FeHashColumn));
	dimension->key_columns = palloc(n * sizeof(int));
	for (int i = 0; i < n; i++)
	{
		Node *condition = list_nth(conditions, i);
		const A_Expr *raw = list_nth(raws, i);
		int side = find_side(condition, table);
		List *args;

		if (side < 0 || !IsA(raw, A_Expr) || raw->kind != AEXPR_OP)
			return false;
		args = ((OpExpr *) condition)->args;
		dimension->key_columns[i] = get_source_column(list_nth(args, 1 - side));
		get_typlenbyval(exprType(list_nth(args, side)),
		                &dimension->keys[i].size,
		                &dimension->keys[i].is_by_value);
		*targets = lappend(
			*targets,
			fe_target(copyObject(side == 0 ? raw->lexpr : raw->rexpr), "key"));
	}
	return true;
}

static Node *
get_target(const Query *query, int target)
{
	return (Node *) list_nth_node(TargetEntry, query->targetList, target)->expr;
}

bool
fe_dimension_is_source(const Query *query, int target, int *column)
{
	Node *node = get_target(query, target);

	*column = IsA(node, Var) ? get_source_column(node) : -1;
	return *column >= 0;
}

/* Fills the targets that only the table gives; whether all are columns. */
static bool
find_targets(const FeDimensionSearch *search, FeDimension *dimension, int table)
{
	bool are_columns = true;

	dimension->targets = palloc((search->n_targets + 1) * sizeof(int));
	for (int i = 0; i < search->n_targets; i++)
	{
		Node *node = get_target(search->query, i);

		if (!is_of(node, table))
			continue;
		dimension->targets[dimension->n_targets++] = i;
		are_columns &= IsA(node, Var);
	}
	return are_columns;
}

static List *
list_raw_targets(const FeDimensionSearch *search, const FeDimension *dimension)
{
	List *targets = NIL;

	for (int i = 0; i < dimension->n_targets; i++)
		targets = lappend(
			targets,
			copyObject(list_nth(search->select->targetList,
		                        search->raw_targets[dimension->targets[i]])));
	return targets;
}

static Query *
analyze(const FeDimensionSearch *search, SelectStmt *select)
{
	Query *query = fe_analyze((Node *) select, search->task->query);

	source_check_code(search->task, query);
	return query;
}

/* FROM of no row of the table: what a row without a match has. */
static Node *
make_nothing(Node *table)
{
	SelectStmt *one = makeNode(SelectStmt);

	return fe_left_join(
		fe_subselect(one, "one", NIL), table,
		(Node *) makeBoolExpr(NOT_EXPR, list_make1(fe_true()), -1));
}

/* Whose values mean the same until an invalidation comes. */
static bool
is_plain_type(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return get_typtype(type) == TYPTYPE_ENUM;
	}
}

static bool
are_plain(const FeDimensionSearch *search, const FeDimension *dimension)
{
	for (int i = 0; i < dimension->n_targets; i++)
		if (!is_plain_type(
				exprType(get_target(search->query, dimension->targets[i]))))
			return false;
	return true;
}

/*
 * The table whose rows are the dimension's, if what is computed of a row can be
 * known again by where it lies: a heap without others that inherit from it.
 * Its system columns take the right to all columns.
 */
static Oid
find_relation(const RangeTblEntry *table)
{
	Relation relation;
	Oid found = InvalidOid;

	if (table->rtekind != RTE_RELATION || table->relkind != RELKIND_RELATION ||
	    has_subclass(table->relid) ||
	    pg_class_aclcheck(table->relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return InvalidOid;
	relation = table_open(table->relid, NoLock);
	if (relation->rd_tableam == GetHeapamTableAmRoutine())
		found = table->relid;
	table_close(relation, NoLock);
	return found;
}

/* Targets that tell where a row lies, and who wrote it. */
static List *
list_ids(const FeDimension *dimension)
{
	if (!OidIsValid(dimension->relation))
		return NIL;
	return list_make2(fe_target(fe_column(dimension->alias, "ctid"), "id"),
	                  fe_target(fe_column(dimension->alias, "xmin"), "by"));
}

static FeDimension *
make_dimension(const FeDimensionSearch *search, const JoinPair *pair)
{
	FeDimension *dimension = palloc0(sizeof(FeDimension));
	int table = is_simple_table(search->query, pair)
	                ? ((RangeTblRef *) pair->join->rarg)->rtindex
	                : 0;
	List *keys = NIL;
	List *targets;
	bool are_columns;

	if (table == 0 || !find_keys(dimension, pair, table, &keys))
		return NULL;
	dimension->alias =
		pstrdup(rt_fetch(table, unconstify(Query *, search->query)->rtable)
	                ->eref->aliasname);
	are_columns = find_targets(search, dimension, table);
	targets = list_raw_targets(search, dimension);
	if (are_columns && are_plain(search, dimension))
		dimension->relation = find_relation(
			rt_fetch(table, unconstify(Query *, search->query)->rtable));
	dimension->rows =
		analyze(search, fe_select(list_concat(list_concat_copy(keys, targets),
	                                          list_ids(dimension)),
	                              copyObject(pair->raw->rarg), NULL));
	if (!are_columns)
		dimension->missing = analyze(
			search, fe_select(copyObject(targets),
		                      make_nothing(copyObject(pair->raw->rarg)), NULL));
	return dimension;
}

List *
fe_dimension_find(const FeDimensionSearch *search)
{
	Node *raw = linitial(search->select->fromClause);
	Node *join = linitial(search->query->jointree->fromlist);
	List *found = NIL;

	while (IsA(raw, JoinExpr) && IsA(join, JoinExpr))
	{
		JoinPair pair = {(const JoinExpr *) raw, (const JoinExpr *) join};
		FeDimension *dimension = make_dimension(search, &pair);

		if (dimension != NULL)
			found = lcons(dimension, found);
		raw = pair.raw->larg;
		join = pair.join->larg;
	}
	return found;
}
