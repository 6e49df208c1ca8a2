/*
 * source_check.c
 *	  Whose code a task's query runs.
 *
 * Somebody's expressions are their code: whoever trains or scores with another
 * role's task would run that role's functions with the own rights.  So only
 * functions of PostgreSQL itself are run for others, and of those none that
 * runs SQL given as text.
 */
#include "cerebro_pg.h"

#include "access/transam.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

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
	if (function < FirstNormalObjectId &&
	    get_func_namespace(function) == PG_CATALOG_NAMESPACE)
		return false;
	return true;
}

/*
 * Values of domains, and of rows that may hold some, are checked by their
 * owner's expressions when they are made.
 */
static bool
makes_foreign_value(Node *node, ForeignCode *code)
{
	char kind;

	if (!IsA(node, FuncExpr) && !IsA(node, CoerceViaIO) &&
	    !IsA(node, CoerceToDomain) && !IsA(node, RowExpr))
		return false;
	code->type = exprType(node);
	if (OidIsValid(get_element_type(code->type)))
		code->type = get_element_type(code->type);
	kind = get_typtype(code->type);
	return code->type >= FirstNormalObjectId &&
	       (kind == TYPTYPE_DOMAIN || kind == TYPTYPE_COMPOSITE);
}

static bool
has_foreign_code(Node *node, void *context)
{
	ForeignCode *code = context;

	if (node == NULL)
		return false;
	code->function = InvalidOid;
	if (makes_foreign_value(node, code))
		return true;
	if (check_functions_in_node(node, is_foreign_function, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_foreign_code, context, 0);
	return expression_tree_walker(node, has_foreign_code, context);
}

static void
fail_foreign_code(const Task *task, const ForeignCode *code)
{
	char *what =
		OidIsValid(code->function)
			? psprintf("function %s", format_procedure(code->function))
			: psprintf("the checks of type %s", format_type_be(code->type));

	ereport(ERROR,
	        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	         errmsg("task \"%s\" of role \"%s\" runs %s", task->name,
	                GetUserNameFromId(task->owner, false), what),
	         errdetail("It would run with your rights."),
	         errhint("If you trust it, SET cerebro.allow_user_functions = "
	                 "on.")));
}

void
source_check_code(const Task *task, const Query *query)
{
	ForeignCode code;
	List *expanded;
	ListCell *cell;

	if (task->owner == GetUserId() || allow_user_functions)
		return;
	expanded = pg_rewrite_query(copyObject(unconstify(Query *, query)));
	foreach (cell, expanded)
		if (has_foreign_code(lfirst(cell), &code))
			fail_foreign_code(task, &code);
}
