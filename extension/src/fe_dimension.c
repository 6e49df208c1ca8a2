/*
 * fe_dimension.c
 *	  Which tables of a model's FE are dimensions: joined to the source, or to
 *	  one other dimension, by equalities of columns whose values are equal when
 *	  their bytes are.
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

/* The column of the table, from 0, or -1. */
static int
get_column(Node *node, int table)
{
	const Var *var = (const Var *) strip_relabel(node);

	if (!IsA(var, Var) || var->varno != table || var->varlevelsup > 0 ||
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

/* Which side is the table's, the other a column: 0 or 1, or -1: the condition
 * is no such one. */
static int
find_side(Node *condition, int table, int through)
{
	const OpExpr *equal = (const OpExpr *) condition;

	if (!IsA(equal, OpExpr) || list_length(equal->args) != 2)
		return -1;
	for (int side = 0; side < 2; side++)
	{
		Node *own = list_nth(equal->args, side);
		Node *other = list_nth(equal->args, 1 - side);

		if (is_of(own, table) && get_column(other, through) >= 0 &&
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

/* A table that may be a dimension, with what is read of it, raw. */
typedef struct Candidate
{
	FeDimension *dimension;
	const JoinPair *pair;
	List *keys;
	List *outer; /* the same keys of what it is joined to */
	List *links; /* outer of those that are joined to it */
} Candidate;

/* Fills the key, if it is of the table with that place among the query's. */
static bool
find_keys(Candidate *candidate, int through)
{
	FeDimension *dimension = candidate->dimension;
	List *raws = fe_list_conjuncts(candidate->pair->raw->quals);
	List *conditions = fe_list_conjuncts(candidate->pair->join->quals);
	int n = list_length(conditions);

	if (n == 0 || list_length(raws) != n)
		return false;
	dimension->n_keys = n;
	dimension->keys = palloc(n * sizeof(FeHashColumn));
	dimension->key_columns = palloc(n * sizeof(int));
	candidate->keys = candidate->outer = NIL;
	for (int i = 0; i < n; i++)
	{
		Node *condition = list_nth(conditions, i);
		const A_Expr *raw = list_nth(raws, i);
		int side = find_side(condition, dimension->table, through);
		List *args;

		if (side < 0 || !IsA(raw, A_Expr) || raw->kind != AEXPR_OP)
			return false;
		args = ((OpExpr *) condition)->args;
		dimension->key_columns[i] =
			get_column(list_nth(args, 1 - side), through);
		get_typlenbyval(exprType(list_nth(args, side)),
		                &dimension->keys[i].size,
		                &dimension->keys[i].is_by_value);
		candidate->keys = lappend(
			candidate->keys,
			fe_target(copyObject(side == 0 ? raw->lexpr : raw->rexpr), "key"));
		candidate->outer = lappend(
			candidate->outer,
			fe_target(copyObject(side == 0 ? raw->rexpr : raw->lexpr), "link"));
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

	*column = IsA(node, Var) ? get_column(node, SOURCE) : -1;
	return *column >= 0;
}

/* Fills the targets that only the table gives; whether all are columns. */
static bool
find_targets(const FeDimensionSearch *search, FeDimension *dimension)
{
	bool are_columns = true;

	dimension->targets = palloc((search->n_targets + 1) * sizeof(int));
	for (int i = 0; i < search->n_targets; i++)
	{
		Node *node = get_target(search->query, i);

		if (!is_of(node, dimension->table))
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

	if (search->has_own_rows)
		source_check_joined_code(search->task, query);
	else
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

/* The dimension among the candidates through which the table is joined to the
 * source, or FE_OF_SOURCE. */
static bool
find_through(Candidate *candidate, List *candidates)
{
	ListCell *cell;

	candidate->dimension->through = FE_OF_SOURCE;
	if (find_keys(candidate, SOURCE))
		return true;
	foreach (cell, candidates)
	{
		Candidate *other = lfirst(cell);

		if (!find_keys(candidate, other->dimension->table))
			continue;
		candidate->dimension->through = foreach_current_index(cell);
		other->dimension->n_links += candidate->dimension->n_keys;
		other->links = list_concat(other->links, list_copy(candidate->outer));
		return true;
	}
	return false;
}

/* NULL: it is none. */
static Candidate *
make_candidate(const FeDimensionSearch *search, const JoinPair *pair,
               List *candidates)
{
	Candidate *candidate = palloc0(sizeof(Candidate));
	FeDimension *dimension = palloc0(sizeof(FeDimension));

	if (!is_simple_table(search->query, pair))
		return NULL;
	candidate->dimension = dimension;
	candidate->pair = pair;
	dimension->table = ((RangeTblRef *) pair->join->rarg)->rtindex;
	return find_through(candidate, candidates) ? candidate : NULL;
}

/* What is read of it. */
static FeDimension *
make_dimension(const FeDimensionSearch *search, const Candidate *candidate)
{
	FeDimension *dimension = candidate->dimension;
	const RangeTblEntry *table =
		rt_fetch(dimension->table, unconstify(Query *, search->query)->rtable);
	Node *from = candidate->pair->raw->rarg;
	bool are_columns = find_targets(search, dimension);
	List *targets = list_raw_targets(search, dimension);
	List *read = list_concat(list_copy(candidate->keys), targets);

	dimension->alias = pstrdup(table->eref->aliasname);
	if (are_columns && are_plain(search, dimension))
		dimension->relation = find_relation(table);
	read = list_concat(read, list_ids(dimension));
	read = list_concat(read, candidate->links);
	dimension->rows = analyze(search, fe_select(read, copyObject(from), NULL));
	if (!are_columns)
		dimension->missing =
			analyze(search, fe_select(copyObject(targets),
		                              make_nothing(copyObject(from)), NULL));
	return dimension;
}

/* The joins of FROM, in its order: List of JoinPair. */
static List *
list_joins(const FeDimensionSearch *search)
{
	Node *raw = linitial(search->select->fromClause);
	Node *join = linitial(search->query->jointree->fromlist);
	List *joins = NIL;

	while (IsA(raw, JoinExpr) && IsA(join, JoinExpr))
	{
		JoinPair *pair = palloc(sizeof(JoinPair));

		*pair = (JoinPair){(const JoinExpr *) raw, (const JoinExpr *) join};
		joins = lcons(pair, joins);
		raw = pair->raw->larg;
		join = pair->join->larg;
	}
	return joins;
}

List *
fe_dimension_find(const FeDimensionSearch *search)
{
	List *candidates = NIL;
	List *found = NIL;
	ListCell *cell;

	foreach (cell, list_joins(search))
	{
		Candidate *candidate = make_candidate(search, lfirst(cell), candidates);

		if (candidate != NULL)
			candidates = lappend(candidates, candidate);
	}
	foreach (cell, candidates)
		found = lappend(found, make_dimension(search, lfirst(cell)));
	return found;
}
