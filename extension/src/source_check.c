/*
 * source_check.c
 *	  Whose code a task's query runs.
 *
 * Somebody's expressions are their code: whoever trains or scores with another
 * role's task would run that role's functions with the own rights.  So only
 * functions of PostgreSQL itself are run for others, and of those none that
 * runs SQL given as text or does more than compute.
 *
 * Names in a stored query are resolved at each use, so that what they meant
 * when the task was made proves nothing: all is checked as it is now.
 */
#include "cerebro_pg.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

bool allow_user_functions = false;

void
source_init(void)
{
	DefineCustomBoolVariable(
		"cerebro.allow_user_functions",
		"Lets tasks of other roles run functions that are not PostgreSQL's.",
		"A task's expressions are code of its owner; they run with the rights "
		"of whoever uses the task.",
		&allow_user_functions, false, PGC_USERSET, 0, NULL, NULL, NULL);
}

/* Functions that run SQL of their arguments or of whole schemas. */
static const Oid sql_runners[] = {
	F_TABLE_TO_XML,
	F_QUERY_TO_XML,
	F_CURSOR_TO_XML,
	F_TABLE_TO_XMLSCHEMA,
	F_QUERY_TO_XMLSCHEMA,
	F_CURSOR_TO_XMLSCHEMA,
	F_TABLE_TO_XML_AND_XMLSCHEMA,
	F_QUERY_TO_XML_AND_XMLSCHEMA,
	F_SCHEMA_TO_XML,
	F_SCHEMA_TO_XMLSCHEMA,
	F_SCHEMA_TO_XML_AND_XMLSCHEMA,
	F_DATABASE_TO_XML,
	F_DATABASE_TO_XMLSCHEMA,
	F_DATABASE_TO_XML_AND_XMLSCHEMA,
};

/* ---------------------------------------------------------- literals */

/*
 * A literal becomes a value while a query is analysed, before anybody can look
 * at it: '(1)'::author.pair runs the checks of the author's domains.  Written
 * as '(1)'::text::author.pair it is a conversion, that is checked as any other.
 */
static bool
is_string(const Node *node)
{
	return node != NULL && IsA(node, A_Const) &&
	       !((const A_Const *) node)->isnull &&
	       nodeTag(&((const A_Const *) node)->val) == T_String;
}

static Node *
make_text(Node *literal)
{
	TypeCast *cast = makeNode(TypeCast);

	cast->arg = literal;
	cast->typeName = SystemTypeName("text");
	cast->location = -1;
	return (Node *) cast;
}

/* A deparsed name without a schema may be one of pg_temp, too. */
static bool
is_system_type(const TypeName *name)
{
	if (list_length(name->names) > 1)
		return strcmp(strVal(linitial(name->names)), "pg_catalog") == 0;
	return SearchSysCacheExists2(TYPENAMENSP,
	                             PointerGetDatum(strVal(linitial(name->names))),
	                             ObjectIdGetDatum(PG_CATALOG_NAMESPACE));
}

static bool
retype_literals(Node *node, void *context)
{
	ListCell *cell;

	if (node == NULL)
		return false;
	if (IsA(node, TypeCast))
	{
		TypeCast *cast = (TypeCast *) node;

		if (!is_string(cast->arg))
			return retype_literals(cast->arg, context);
		if (!is_system_type(cast->typeName))
			cast->arg = make_text(cast->arg);
		return false;
	}
	if (IsA(node, List))
		foreach (cell, (List *) node)
			if (is_string(lfirst(cell)))
				lfirst(cell) = make_text(lfirst(cell));
	return raw_expression_tree_walker(node, retype_literals, context);
}

/* Of one's own task, read by one's own FE, all code is one's own. */
static bool
is_trusted(const Task *task)
{
	Oid user = GetUserId();

	/* somebody else's rights are lent to nobody's code */
	if (OidIsValid(task->reader))
		return false;
	return allow_user_functions ||
	       (task->owner == user &&
	        (!OidIsValid(task->author) || task->author == user));
}

/* An expression as parsed, with its literals so that no type's code reads them. */
Node *
source_retype_literals(Node *node)
{
	List *one = list_make1(node);

	(void) retype_literals((Node *) one, NULL);
	return linitial(one);
}

void
source_check_literals(const Task *task, RawStmt *statement)
{
	if (!is_trusted(task))
		(void) retype_literals(statement->stmt, NULL);
}

/* --------------------------------------------------------- expressions */

/* What is run that is not PostgreSQL's own. */
typedef struct ForeignCode
{
	Oid function;
	Oid type;
} ForeignCode;

static bool
is_foreign_function(Oid function, void *context)
{
	ForeignCode *code = context;

	code->function = function;
	for (int i = 0; i < lengthof(sql_runners); i++)
		if (function == sql_runners[i])
			return true;
	return function >= FirstNormalObjectId ||
	       get_func_namespace(function) != PG_CATALOG_NAMESPACE ||
	       func_volatile(function) == PROVOLATILE_VOLATILE;
}

/*
 * Values of domains, and of rows and ranges that may hold some, are checked by
 * their owner's expressions when they are made.
 */
static bool
is_foreign_type(Oid type, ForeignCode *code)
{
	char kind;

	if (OidIsValid(get_element_type(type)))
		type = get_element_type(type);
	if (type < FirstNormalObjectId)
		return false;
	kind = get_typtype(type);
	if (kind == TYPTYPE_MULTIRANGE)
		return is_foreign_type(get_multirange_range(type), code);
	if (kind == TYPTYPE_RANGE)
		return is_foreign_type(get_range_subtype(type), code);
	code->type = type;
	return kind == TYPTYPE_DOMAIN || kind == TYPTYPE_COMPOSITE;
}

static bool
has_foreign_type(const List *types, ForeignCode *code)
{
	ListCell *cell;

	foreach (cell, types)
		if (is_foreign_type(lfirst_oid(cell), code))
			return true;
	return false;
}

static bool
makes_foreign_value(Node *node, ForeignCode *code)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
		case T_Aggref:
		case T_CoerceViaIO:
		case T_CoerceToDomain:
		case T_RowExpr:
			return is_foreign_type(exprType(node), code);
		case T_RangeTblFunction: /* AS t(column type, ...) */
			return has_foreign_type(((RangeTblFunction *) node)->funccoltypes,
			                        code);
		case T_TableFunc:
			return has_foreign_type(((TableFunc *) node)->coltypes, code);
		default:
			return compat_is_json_expr(node) &&
			       is_foreign_type(exprType(node), code);
	}
}

/*
 * JSON of a value of somebody's type is made by a cast of theirs, if there is
 * one, which no node names.
 */
static bool
prints_foreign_type(Node *node, void *context)
{
	ForeignCode *code = context;
	Oid type;

	if (node == NULL || IsA(node, SortGroupClause))
		return false;
	if (IsA(node, List) || IsA(node, TargetEntry))
		return expression_tree_walker(node, prints_foreign_type, context);
	type = exprType(node);
	if (type < FirstNormalObjectId && type != RECORDOID &&
	    type != RECORDARRAYOID)
		return false;
	code->type = type;
	return true;
}

static bool
makes_foreign_json(Node *node, ForeignCode *code)
{
	Oid type;

	if (!IsA(node, FuncExpr) && !IsA(node, Aggref) && !IsA(node, WindowFunc) &&
	    !compat_is_json_expr(node))
		return false;
	type = exprType(node);
	return (type == JSONOID || type == JSONBOID) &&
	       expression_tree_walker(node, prints_foreign_type, code);
}

static bool
has_foreign_code(Node *node, void *context)
{
	ForeignCode *code = context;

	if (node == NULL)
		return false;
	code->function = InvalidOid;
	if (makes_foreign_value(node, code) || makes_foreign_json(node, code))
		return true;
	if (check_functions_in_node(node, is_foreign_function, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_foreign_code, context, 0);
	return expression_tree_walker(node, has_foreign_code, context);
}

static char *
print_foreign_code(const ForeignCode *code)
{
	return OidIsValid(code->function)
	           ? psprintf("function %s", format_procedure(code->function))
	           : psprintf("the checks or casts of type %s",
	                      format_type_be(code->type));
}

const char *
source_find_foreign_code(Node *node)
{
	ForeignCode code;

	return has_foreign_code(node, &code) ? print_foreign_code(&code) : NULL;
}

static void
fail_lent(const Task *task, const ForeignCode *code)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	         errmsg("what a model for task \"%s\" reads runs %s", task->name,
	                print_foreign_code(code)),
	         errdetail("With the rights of a function's owner nothing runs "
	                   "but functions of PostgreSQL itself."),
	         errhint("Deploy the model with rights => 'invoker'.")));
}

static void
fail_foreign_code(const Task *task, const ForeignCode *code)
{
	Oid author = OidIsValid(task->author) ? task->author : task->owner;

	if (OidIsValid(task->reader))
		fail_lent(task, code);
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	     errmsg("%s \"%s\" of role \"%s\" runs %s",
	            OidIsValid(task->author) ? "a model for task" : "task",
	            task->name, owner_get_name(author), print_foreign_code(code)),
	     errdetail("It would run with your rights."),
	     errhint("If you trust it, SET cerebro.allow_user_functions = "
	             "on.")));
}

/* Of the relation that the task's query reads: what they say of its rows. */
static void
drop_policies(const Query *query, Oid relation)
{
	const RangeTblEntry *source = linitial(query->rtable);
	ListCell *cell;

	if (source->rtekind != RTE_SUBQUERY)
		return;
	foreach (cell, source->subquery->rtable)
		if (((RangeTblEntry *) lfirst(cell))->relid == relation)
			((RangeTblEntry *) lfirst(cell))->securityQuals = NIL;
}

/* With what views and policies add to it, but not those of the relation. */
static bool
is_foreign(const Query *query, Oid relation, ForeignCode *code)
{
	List *expanded = pg_rewrite_query(copyObject(unconstify(Query *, query)));
	ListCell *cell;

	foreach (cell, expanded)
	{
		if (OidIsValid(relation))
			drop_policies(lfirst_node(Query, cell), relation);
		if (has_foreign_code(lfirst(cell), code))
			return true;
	}
	return false;
}

bool
source_runs_foreign_code(const Query *query)
{
	ForeignCode code;

	return is_foreign(query, InvalidOid, &code);
}

void
source_check_code(const Task *task, const Query *query)
{
	ForeignCode code;

	if (!is_trusted(task) && is_foreign(query, InvalidOid, &code))
		fail_foreign_code(task, &code);
}

/* A row of the relation is at hand: its policies are not asked again. */
void
source_check_row_code(const Task *task, const Query *query)
{
	ForeignCode code;

	if (!is_trusted(task) && is_foreign(query, task->relation, &code))
		fail_foreign_code(task, &code);
}

static Oid
find_owner(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Policies of relations that are the owner's, or a superuser's. */
static bool
drop_policies_of(Node *node, void *owner)
{
	RangeTblEntry *entry = (RangeTblEntry *) node;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, drop_policies_of, owner,
		                         QTW_EXAMINE_RTES_BEFORE);
	if (!IsA(node, RangeTblEntry))
		return expression_tree_walker(node, drop_policies_of, owner);
	if (entry->rtekind == RTE_RELATION)
	{
		Oid its = find_owner(entry->relid);

		if (its == *(Oid *) owner || superuser_arg(its))
			entry->securityQuals = NIL;
	}
	return false;
}

static bool
is_foreign_to(const Query *query, Oid owner, ForeignCode *code)
{
	Node *expanded =
		(Node *) pg_rewrite_query(copyObject(unconstify(Query *, query)));

	(void) drop_policies_of(expanded, &owner);
	return has_foreign_code(expanded, code);
}

/*
 * For a row of the task's relation.  Whoever has such a row has run code of the
 * relation's owner, or could: its policies and views, checks of its columns'
 * domains.  So policies of other relations of this owner, which say what is
 * joined, run as well; and those of superusers.
 */
void
source_check_joined_code(const Task *task, const Query *query)
{
	Oid owner = find_owner(task->relation);
	ForeignCode code;

	if (OidIsValid(task->reader) || !OidIsValid(owner))
		source_check_code(task, query);
	else if (!is_trusted(task) && is_foreign_to(query, owner, &code))
		fail_foreign_code(task, &code);
}

void
source_check_expression(const Task *task, Node *node)
{
	ForeignCode code;

	if (!is_trusted(task) && has_foreign_code(node, &code))
		fail_foreign_code(task, &code);
}

/* ------------------------------------------------------------- volatile code */

static bool
is_volatile(Oid function, void *context)
{
	if (func_volatile(function) != PROVOLATILE_VOLATILE)
		return false;
	*(Oid *) context = function;
	return true;
}

static bool
find_volatile(Node *node, Oid *function)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_volatile, function))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_volatile, function, 0);
	return expression_tree_walker(node, find_volatile, function);
}

const char *
source_describe_volatile(Node *node)
{
	Oid function = InvalidOid;

	(void) find_volatile(node, &function);
	return OidIsValid(function)
	           ? psprintf("a volatile function, %s()", get_func_name(function))
	           : "a volatile function";
}
