/*
 * deployment.c
 *	  Which functions belong to a deployment, and who may use it.
 *
 *		row 3 of cerebro.deployment: model 17
 *			late(flights)		SELECT cerebro.score_row(3, $1)
 *			late_proba(flights) SELECT cerebro.score_row_proba(3, $1)
 *			late_why(flights)	SELECT cerebro.why_row(3, $1)
 *
 * The functions are their owner's: renamed, moved, granted, dumped and dropped
 * as any others, so nothing here remembers their names.  A function belongs to
 * a deployment when it takes the relation's row, its body is the one above, and
 * its owner has the right to the model: who could forge that could as well call
 * cerebro.predict.
 */
#include "deployment.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "model_copy.h"

const AnswerRow deployment_answers[N_ANSWERS] = {
	[ANSWER_PROBABILITY] = {"", "score_row", "pg_catalog.float4",
                            "CEREBRO: probability that %s is %s"},
	[ANSWER_CLASS] = {"", "score_row_class", "pg_catalog.text",
                      "CEREBRO: most likely value of %s"},
	[ANSWER_PROBA] = {"_proba", "score_row_proba", "pg_catalog.jsonb",
                      "CEREBRO: probability of each value of %s"},
	[ANSWER_WHY] = {"_why", "why_row", "pg_catalog.jsonb",
                    "CEREBRO: what each feature adds to the prediction of %s"},
};

typedef struct Deployment
{
	int32 id;
	Oid relation;
	int32 model;
	cer_weight_layout layout;
	bool has_owner_rights;
	char *schema; /* and name, as it was deployed */
	char *name;
	char *kernel_class;
} Deployment;

/* Of which this session was told that the processor is another one. */
static List *told = NIL;

/* ------------------------------------------- functions of a deployment */

bool
deployment_is_owner_rights(const char *rights)
{
	if (strcmp(rights, "owner") == 0)
		return true;
	if (strcmp(rights, "invoker") == 0)
		return false;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("there are no rights \"%s\"", rights),
	                errhint("Rights are invoker (who calls reads other tables) "
	                        "and owner (the function's owner does).")));
}

const char *
deployment_name_rights(const Model *model)
{
	return model->has_owner_rights ? "owner" : "invoker";
}

static bool
deployment_find(int32 id, Deployment *deployment)
{
	ArchiveScan *scan = archive_scan_by_id("deployment", id);
	bool found = archive_scan_next(scan);

	if (found)
	{
		deployment->id = id;
		deployment->relation =
			DatumGetObjectId(archive_scan_get(scan, "relation", NULL));
		deployment->model =
			DatumGetInt32(archive_scan_get(scan, "model", NULL));
		deployment->layout = copy_find_layout(
			TextDatumGetCString(archive_scan_get(scan, "layout", NULL)));
		deployment->has_owner_rights = deployment_is_owner_rights(
			TextDatumGetCString(archive_scan_get(scan, "rights", NULL)));
		deployment->schema =
			TextDatumGetCString(archive_scan_get(scan, "schema", NULL));
		deployment->name =
			TextDatumGetCString(archive_scan_get(scan, "name", NULL));
		deployment->kernel_class =
			TextDatumGetCString(archive_scan_get(scan, "kernel_class", NULL));
	}
	archive_scan_end(scan);
	return found;
}

/* With the layout that answers, and whether it reads with its owner's rights. */
static bool
find_model_of(const Deployment *deployment, Model *model)
{
	if (!model_find(deployment->model, model))
		return false;
	model->layout = deployment->layout;
	model->has_owner_rights = deployment->has_owner_rights;
	return true;
}

bool
deployment_find_model(int32 id, Model *model)
{
	Deployment deployment;

	return deployment_find(id, &deployment) &&
	       find_model_of(&deployment, model);
}

char *
deployment_make_body(int32 deployment, ScoreAnswer answer)
{
	return psprintf("SELECT cerebro.%s(%d, $1)",
	                deployment_answers[answer].scorer, deployment);
}

/* A function's body, or NULL where it is not SQL text over one argument. */
static char *
get_body(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;
	char *body = NULL;
	bool is_null;
	Datum source;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
	if (proc->prolang == SQLlanguageId && proc->pronargs == 1 && !is_null)
		body = TextDatumGetCString(source);
	ReleaseSysCache(tuple);
	return body;
}

/* Functions over the row type that have the body. */
List *
deployment_find_functions(Oid row_type, const char *body)
{
	Relation depend = table_open(DependRelationId, AccessShareLock);
	List *functions = NIL;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
	            F_OIDEQ, ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
	            F_OIDEQ, ObjectIdGetDatum(row_type));
	scan =
		systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend row = (Form_pg_depend) GETSTRUCT(tuple);
		char *found =
			row->classid == ProcedureRelationId ? get_body(row->objid) : NULL;

		if (found != NULL && strcmp(found, body) == 0)
			functions = list_append_unique_oid(functions, row->objid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return functions;
}

/* The deployment that a function's body names, or 0. */
int32
deployment_find_of_function(Oid function, ScoreAnswer *answer)
{
	const char *body = get_body(function);
	const char *paren = body ? strchr(body, '(') : NULL;
	int32 id;

	if (paren == NULL || sscanf(paren, "(%d", &id) != 1)
		return 0;
	for (int i = 0; i < N_ANSWERS; i++)
		if (strcmp(body, deployment_make_body(id, i)) == 0)
		{
			*answer = i;
			return id;
		}
	return 0;
}

Oid
deployment_get_function_owner(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Of the functions that have the body, those whose owner may use the model. */
static bool
is_function_of(Oid function, const Model *model)
{
	return owner_has(model->owner, deployment_get_function_owner(function));
}

bool
deployment_has_function(int32 id, Oid function)
{
	Model model;

	if (!deployment_find_model(id, &model))
		deployment_report_missing(id);
	return is_function_of(function, &model);
}

/* ---------------------------------------------------------------- opening */

/*
 * Those that the current user may use of the functions whose owner has the
 * right to the model.  Whoever lacks EXECUTE could else call the scorer by
 * itself.
 */
static List *
find_executable(const List *functions, const Model *model)
{
	Oid denied = InvalidOid;
	List *found = NIL;
	ListCell *cell;

	foreach (cell, functions)
	{
		Oid function = lfirst_oid(cell);

		if (!is_function_of(function, model))
			continue;
		if (compat_function_aclcheck(function, GetUserId()) == ACLCHECK_OK)
			found = lappend_oid(found, function);
		denied = function;
	}
	if (found != NIL)
		return found;
	if (OidIsValid(denied))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION,
		               get_func_name(denied));
	model_check_right(model,
	                  deployment_get_function_owner(linitial_oid(functions)));
	elog(ERROR, "rights to model %d changed", model->id);
}

/* Whether the function is called as the deployment was. */
static bool
has_name(Oid function, const Deployment *deployment, ScoreAnswer answer)
{
	char *name =
		psprintf("%s%s", deployment->name, deployment_answers[answer].suffix);
	char *schema = get_namespace_name(get_func_namespace(function));

	return schema != NULL && strcmp(schema, deployment->schema) == 0 &&
	       strcmp(get_func_name(function), name) == 0;
}

/*
 * Who lends the rights: the owner of a function that the user may EXECUTE.
 * Another role that has the model can make one of the same body, and so lend
 * its own rights: the one with the deployment's name counts first.
 */
static Oid
find_reader(const List *functions, const Deployment *deployment,
            ScoreAnswer answer)
{
	Oid owner = deployment_get_function_owner(linitial_oid(functions));
	bool is_one = true;
	ListCell *cell;

	foreach (cell, functions)
	{
		Oid function = lfirst_oid(cell);

		if (has_name(function, deployment, answer))
			return deployment_get_function_owner(function);
		is_one &= deployment_get_function_owner(function) == owner;
	}
	if (!is_one)
		ereport(ERROR,
		        (errcode(ERRCODE_AMBIGUOUS_FUNCTION),
		         errmsg("functions of deployment %d have different owners, "
		                "whose rights are not the same",
		                deployment->id),
		         errhint("Give the function its name %s%s again, or drop the "
		                 "others.",
		                 deployment->name, deployment_answers[answer].suffix)));
	return owner;
}

/* Once in a session: a restored dump may be on another machine. */
static void
tell_of_processor(const Deployment *deployment)
{
	const char *here = cer_get_kernel_class();
	MemoryContext before;

	if (strcmp(deployment->kernel_class, here) == 0 || IsParallelWorker() ||
	    list_member_int(told, deployment->id))
		return;
	before = MemoryContextSwitchTo(TopMemoryContext);
	told = lappend_int(told, deployment->id);
	MemoryContextSwitchTo(before);
	ereport(WARNING,
	        (errmsg("%s was deployed on a processor with %s; this one computes "
	                "with %s",
	                quote_qualified_identifier(deployment->schema,
	                                           deployment->name),
	                deployment->kernel_class, here),
	         errdetail("Scores may differ in their last digits from those "
	                   "computed there."),
	         errhint("To answer with those of this processor, deploy model %d "
	                 "again.",
	                 deployment->model)));
}

void
deployment_report_missing(int32 id)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
	                errmsg("deployment %d does not exist", id),
	                errhint("The view cerebro.deployments lists what is "
	                        "deployed.")));
}

void
deployment_open(int32 id, ScoreAnswer answer, Model *model)
{
	Deployment deployment;
	Oid row_type;
	List *functions;

	if (!deployment_find(id, &deployment))
		deployment_report_missing(id);
	row_type = get_rel_type_id(deployment.relation);
	functions = OidIsValid(row_type)
	                ? deployment_find_functions(
						  row_type, deployment_make_body(id, answer))
	                : NIL;
	if (functions == NIL)
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_FUNCTION),
		         errmsg("deployment %d has no function that calls cerebro.%s",
		                id, deployment_answers[answer].scorer),
		         errhint("Deploy model %d again, and do not change the body of "
		                 "the function.",
		                 deployment.model)));
	if (!find_model_of(&deployment, model))
		elog(ERROR, "model %d of deployment %d does not exist",
		     deployment.model, id);
	functions = find_executable(functions, model);
	if (model->has_owner_rights)
		model->reader = find_reader(functions, &deployment, answer);
	tell_of_processor(&deployment);
}
