/*
 * fe_raw.c
 *	  Pieces of a query as the parser would have made them.  Names are nodes,
 *	  never text that is pasted together.
 */
#include "fe_private.h"

#include "catalog/namespace.h"
#include "catalog/pg_operator.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

Node *
fe_column(const char *alias, const char *column)
{
	ColumnRef *ref = makeNode(ColumnRef);

	ref->fields =
		list_make2(makeString(pstrdup(alias)), makeString(pstrdup(column)));
	ref->location = -1;
	return (Node *) ref;
}

static Node *
make_operator(List *name, Node *left, Node *right)
{
	return (Node *) makeA_Expr(AEXPR_OP, name, left, right, -1);
}

/* An operator of PostgreSQL's own. */
Node *
fe_operator(const char *name, Node *left, Node *right)
{
	return make_operator(
		list_make2(makeString("pg_catalog"), makeString(pstrdup(name))), left,
		right);
}

/* By the type's own equality, wherever its operator lies. */
Node *
fe_equality(Node *left, Oid left_type, Node *right, Oid right_type)
{
	TypeCacheEntry *type = lookup_type_cache(left_type, TYPECACHE_EQ_OPR);
	HeapTuple tuple;
	Form_pg_operator form;
	List *name;

	if (left_type != right_type || !OidIsValid(type->eq_opr))
		return fe_operator("=", left, right);
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(type->eq_opr));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", type->eq_opr);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = list_make2(makeString(get_namespace_name(form->oprnamespace)),
	                  makeString(pstrdup(NameStr(form->oprname))));
	ReleaseSysCache(tuple);
	return make_operator(name, left, right);
}

Node *
fe_and(List *conditions)
{
	if (list_length(conditions) <= 1)
		return conditions == NIL ? NULL : linitial(conditions);
	return (Node *) makeBoolExpr(AND_EXPR, conditions, -1);
}

/* Parsed or analysed. */
List *
fe_list_conjuncts(Node *quals)
{
	if (quals == NULL)
		return NIL;
	if (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR)
		return ((BoolExpr *) quals)->args;
	return list_make1(quals);
}

Node *
fe_integer(int value)
{
	A_Const *constant = makeNode(A_Const);

	constant->val.ival.type = T_Integer;
	constant->val.ival.ival = value;
	constant->location = -1;
	return (Node *) constant;
}

Node *
fe_true(void)
{
	A_Const *constant = makeNode(A_Const);
	TypeCast *cast = makeNode(TypeCast);

	constant->val.sval.type = T_String;
	constant->val.sval.sval = "t";
	constant->location = -1;
	cast->arg = (Node *) constant;
	cast->typeName = SystemTypeName("bool");
	cast->location = -1;
	return (Node *) cast;
}

Node *
fe_is_null(Node *node, bool is_not)
{
	NullTest *test = makeNode(NullTest);

	test->arg = (Expr *) node;
	test->nulltesttype = is_not ? IS_NOT_NULL : IS_NULL;
	test->location = -1;
	return (Node *) test;
}

ResTarget *
fe_target(Node *node, const char *name)
{
	ResTarget *target = makeNode(ResTarget);

	target->name = pstrdup(name);
	target->val = node;
	target->location = -1;
	return target;
}

RangeVar *
fe_relation(Oid relation, const char *alias)
{
	RangeVar *var =
		makeRangeVar(get_namespace_name(get_rel_namespace(relation)),
	                 get_rel_name(relation), -1);

	var->alias = makeAlias(alias, NIL);
	return var;
}

Node *
fe_subselect(SelectStmt *select, const char *alias, List *names)
{
	RangeSubselect *subselect = makeNode(RangeSubselect);

	subselect->subquery = (Node *) select;
	subselect->alias = makeAlias(alias, names);
	return (Node *) subselect;
}

/* Sees what stands before it in FROM. */
Node *
fe_lateral(SelectStmt *select, const char *alias)
{
	Node *node = fe_subselect(select, alias, NIL);

	((RangeSubselect *) node)->lateral = true;
	return node;
}

SelectStmt *
fe_select(List *targets, Node *from, Node *where)
{
	SelectStmt *select = makeNode(SelectStmt);

	select->targetList = targets;
	select->fromClause = list_make1(from);
	select->whereClause = where;
	return select;
}

Node *
fe_left_join(Node *left, Node *right, Node *on)
{
	JoinExpr *join = makeNode(JoinExpr);

	join->jointype = JOIN_LEFT;
	join->larg = left;
	join->rarg = right;
	join->quals = on;
	return (Node *) join;
}

/*
 * Names of relations and types stand qualified; what an author wrote without
 * a schema means PostgreSQL's own.  Analysis may write into the tree: a copy.
 */
Query *
fe_analyze(Node *select, const char *text)
{
	RawStmt *statement = makeNode(RawStmt);
	int level = task_enter_deparse();
	Query *query;

	statement->stmt = copyObject(select);
	query = parse_analyze_fixedparams(statement, text, NULL, 0, NULL);
	settings_leave(level);
	return query;
}
