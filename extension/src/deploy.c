/*
 * deploy.c
 *	  deploy and undeploy.
 *
 * deploy makes functions as the caller would with CREATE FUNCTION, so that
 * PostgreSQL checks its rights.  To deploy under a name again changes the
 * deployment's row, not the function, so that grants and views stay.
 */
#include "deployment.h"

#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "model_copy.h"

/* What is to be created, or was found. */
typedef struct Target
{
	Oid schema;
	char *name;
	Oid row_type;
} Target;

PG_FUNCTION_INFO_V1(cerebro_deploy);
PG_FUNCTION_INFO_V1(cerebro_undeploy);

/* ------------------------------------------------------------------ names */

/* The first schema of search_path where the caller may create functions. */
static Oid
find_creation_schema(const char *name)
{
	ListCell *cell;

	foreach (cell, fetch_search_path(false))
	{
		Oid schema = lfirst_oid(cell);

		if (!isAnyTempNamespace(schema) && !IsCatalogNamespace(schema) &&
		    schema != get_namespace_oid("cerebro", false) &&
		    compat_schema_aclcheck(schema, GetUserId()) == ACLCHECK_OK)
			return schema;
	}
	ereport(ERROR,
	        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	         errmsg("no schema of search_path is one where you may create "
	                "functions"),
	         errhint("Name a schema of yours: 'my_schema.%s'.", name)));
}

List *
deploy_parse_name(text *name)
{
	char *word = text_to_cstring(name);
	List *parts;

	if (!SplitIdentifierString(pstrdup(word), '.', &parts) || parts == NIL)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_NAME),
		         errmsg("\"%s\" is not the name of a function", word),
		         errdetail("Expected a name, or schema.name, as SQL has it."),
		         errhint("The deployed function is called so: 'late' or "
		                 "'my_schema.late'.")));
	return textToQualifiedNameList(name);
}

static void
parse_name(text *text_name, Target *target)
{
	List *names = deploy_parse_name(text_name);
	char *schema;

	DeconstructQualifiedName(names, &schema, &target->name);
	if (strlen(target->name) + strlen("_proba") >= NAMEDATALEN)
		ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG),
		                errmsg("name \"%s\" is too long", target->name),
		                errdetail("The function of all classes is called like "
		                          "it, with \"_proba\" behind.")));
	target->schema = schema ? get_namespace_oid(schema, false)
	                        : find_creation_schema(target->name);
}

/* Target's schema.name, with the answer's suffix, ready for SQL. */
static char *
print_name(const Target *target, ScoreAnswer answer)
{
	char *name =
		psprintf("%s%s", target->name, deployment_answers[answer].suffix);

	return quote_qualified_identifier(get_namespace_name(target->schema), name);
}

static Oid
find_function(const Target *target, ScoreAnswer answer)
{
	char *name =
		psprintf("%s%s", target->name, deployment_answers[answer].suffix);
	List *names = list_make2(makeString(get_namespace_name(target->schema)),
	                         makeString(name));

	return LookupFuncName(names, 1, &target->row_type, true);
}

/* ----------------------------------------------------------- SQL commands */

static void
execute(const char *command)
{
	int result = SPI_execute(command, false, 0);

	if (result < 0)
		elog(ERROR, "\"%s\" failed: %s", command,
		     SPI_result_code_string(result));
}

/* Makes one function, as the caller and with no rights of others. */
static void
create_function(const Target *target, ScoreAnswer answer, int32 deployment,
                const Task *task)
{
	char *signature = psprintf("%s(%s)", print_name(target, answer),
	                           format_type_be_qualified(target->row_type));
	char *comment =
		answer == ANSWER_PROBABILITY
			? psprintf(deployment_answers[answer].comment, task->label,
	                   task->classes[1])
			: psprintf(deployment_answers[answer].comment, task->label);

	execute(
		psprintf("CREATE FUNCTION %s RETURNS %s LANGUAGE sql STABLE "
	             "PARALLEL SAFE AS %s",
	             signature, deployment_answers[answer].type,
	             quote_literal_cstr(deployment_make_body(deployment, answer))));
	execute(psprintf("REVOKE ALL ON FUNCTION %s FROM PUBLIC", signature));
	execute(
		psprintf("ALTER FUNCTION %s DEPENDS ON EXTENSION cerebro", signature));
	execute(psprintf("COMMENT ON FUNCTION %s IS %s", signature,
	                 quote_literal_cstr(comment)));
}

/* It stays when SPI is left. */
static Datum
get_first(const SPITupleTable *table, bool *is_null)
{
	Form_pg_attribute about = TupleDescAttr(table->tupdesc, 0);
	Datum value = SPI_getbinval(table->vals[0], table->tupdesc, 1, is_null);

	return *is_null ? 0
	                : SPI_datumTransfer(value, about->attbyval, about->attlen);
}

Datum
deploy_write(const char *command, int n_args, const Oid *types,
             const Datum *values, bool *is_null)
{
	char nulls[9];
	ArchiveScope scope;
	Datum result = (Datum) 0;
	bool is_absent = true;

	Assert(n_args <= lengthof(nulls));
	for (int i = 0; i < n_args; i++)
		nulls[i] = values[i] == 0 && types[i] == FLOAT4ARRAYOID ? 'n' : ' ';
	archive_enter(&scope);
	if (SPI_execute_with_args(command, n_args, unconstify(Oid *, types),
	                          unconstify(Datum *, values), nulls, false, 0) < 0)
		elog(ERROR, "\"%s\" failed", command);
	if (SPI_tuptable != NULL && SPI_processed > 0)
		result = get_first(SPI_tuptable, &is_absent);
	archive_leave(&scope);
	if (is_null != NULL)
		*is_null = is_absent;
	return result;
}

void
deploy_announce(void)
{
	CacheInvalidateRelcacheByRelid(archive_get_relid("deployment"));
}

/* Rows whose functions were dropped by DROP FUNCTION or DROP TABLE. */
static void
forget_dropped(void)
{
	(void) deploy_write("DELETE FROM cerebro.deployment d WHERE NOT EXISTS "
	                    "(SELECT FROM cerebro.deployments l "
	                    "WHERE l.id OPERATOR(pg_catalog.=) d.id)",
	                    0, NULL, NULL, NULL);
}

/* ----------------------------------------------------------------- deploy */

static void
check_relation(const Model *model, const Task *task)
{
	if (!OidIsValid(task->relation))
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("model %d cannot be deployed: the source of task "
		                "\"%s\" is not over one table or view",
		                model->id, task->name),
		         errdetail("A deployed function takes a row of one relation."),
		         errhint("Put the query into a view and make a task whose "
		                 "source is SELECT * FROM that view; or use "
		                 "cerebro.predict.")));
	if (get_rel_type_id(task->relation) == InvalidOid)
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_TABLE),
		         errmsg("model %d cannot be deployed: the relation of task "
		                "\"%s\" does not exist any more",
		                model->id, task->name),
		         errhint("Make a task over a relation that exists.")));
}

void
deploy_lock_model(int32 id)
{
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(id)};

	if (DatumGetInt32(
			deploy_write("SELECT id FROM cerebro.model "
	                     "WHERE id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
	                     1, types, values, NULL)) != id)
		model_report_missing(id);
}

/* Nobody else deploys under the name until this transaction ends. */
static void
lock_name(const Target *target)
{
	uint32 hash = hash_combine(target->schema, target->row_type);

	hash = hash_combine(hash, string_hash(target->name, NAMEDATALEN));
	LockDatabaseObject(archive_get_relid("deployment"), hash, 0, ExclusiveLock);
}

void
deploy_lock_function(Oid function)
{
	Target target = {.schema = get_func_namespace(function),
	                 .name = get_func_name(function)};
	Oid *types;
	int n_types;

	(void) get_func_signature(function, &types, &n_types);
	target.row_type = types[0];
	lock_name(&target);
}

/* The next line of a deployment's history. */
static void
record_event(int32 deployment, const Model *model, int32 back_to)
{
	Oid types[] = {INT4OID, INT4OID, INT4OID, REGROLEOID, TEXTOID, TEXTOID};
	Datum values[] = {
		Int32GetDatum(deployment),
		Int32GetDatum(model->id),
		Int32GetDatum(back_to),
		ObjectIdGetDatum(GetUserId()),
		CStringGetTextDatum(cer_weight_layout_name(model->layout)),
		CStringGetTextDatum(deployment_name_rights(model))};

	(void) deploy_write(
		"INSERT INTO cerebro.deployment_event "
		"(deployment, ordinal, model, back_to, owner, layout, rights) "
		"SELECT $1, 1 OPERATOR(pg_catalog.+) COALESCE(pg_catalog.max(ordinal), "
		"0), $2, NULLIF($3, 0), $4, $5, $6 FROM cerebro.deployment_event "
		"WHERE deployment OPERATOR(pg_catalog.=) $1",
		6, types, values, NULL);
}

static int32
insert_deployment(const Target *target, const Task *task, const Model *model)
{
	Oid types[] = {TEXTOID,        TEXTOID, REGCLASSOID, INT4OID, REGROLEOID,
	               FLOAT4ARRAYOID, TEXTOID, TEXTOID,     TEXTOID};
	Datum values[] = {
		CStringGetTextDatum(get_namespace_name(target->schema)),
		CStringGetTextDatum(target->name),
		ObjectIdGetDatum(task->relation),
		Int32GetDatum(model->id),
		ObjectIdGetDatum(GetUserId()),
		deploy_make_quantiles(model->id),
		CStringGetTextDatum(cer_weight_layout_name(model->layout)),
		CStringGetTextDatum(deployment_name_rights(model)),
		CStringGetTextDatum(cer_get_kernel_class())};
	int32 id = DatumGetInt32(deploy_write(
		"INSERT INTO cerebro.deployment "
		"(schema, name, relation, model, owner, quantiles, layout, rights, "
		"kernel_class) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
		9, types, values, NULL));

	record_event(id, model, 0);
	return id;
}

static void
check_absent(const Target *target, ScoreAnswer answer)
{
	if (!OidIsValid(find_function(target, answer)))
		return;
	ereport(ERROR, (errcode(ERRCODE_DUPLICATE_FUNCTION),
	                errmsg("function %s(%s) exists already and is not a "
	                       "deployed model",
	                       print_name(target, answer),
	                       format_type_be(target->row_type)),
	                errhint("Choose another name, or drop the function.")));
}

static Oid
create_deployment(const Target *target, const Task *task, const Model *model)
{
	ScoreAnswer answer =
		model_count_classes(model) == 2 ? ANSWER_PROBABILITY : ANSWER_CLASS;
	int32 id;

	check_absent(target, ANSWER_PROBA);
	check_absent(target, ANSWER_WHY);
	id = insert_deployment(target, task, model);
	SPI_connect();
	create_function(target, answer, id, task);
	create_function(target, ANSWER_PROBA, id, task);
	create_function(target, ANSWER_WHY, id, task);
	SPI_finish();
	return find_function(target, answer);
}

/* A deployment that was made before there was one of its functions gets it. */
static void
add_missing(const Target *target, int32 id, const Task *task)
{
	static const ScoreAnswer others[] = {ANSWER_PROBA, ANSWER_WHY};

	SPI_connect();
	for (int i = 0; i < lengthof(others); i++)
	{
		ScoreAnswer answer = others[i];

		if (deployment_find_functions(target->row_type,
		                              deployment_make_body(id, answer)) != NIL)
			continue;
		if (!OidIsValid(find_function(target, answer)))
			create_function(target, answer, id, task);
		else
			ereport(NOTICE,
			        (errmsg("function %s is not made, as another one has its "
			                "name",
			                print_name(target, answer))));
	}
	SPI_finish();
}

static void
check_answer(Oid function, ScoreAnswer answer, const Model *model)
{
	int n_classes = model_count_classes(model);

	if ((answer == ANSWER_PROBABILITY) == (n_classes == 2))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
	         errmsg("function %s cannot answer with a model of %d classes",
	                format_procedure(function), n_classes),
	         errdetail("The function returns %s.",
	                   format_type_be(get_func_rettype(function))),
	         errhint("Use another name, or cerebro.undeploy first.")));
}

void
deploy_check_owner(Oid function)
{
	if (!compat_function_ownercheck(function, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FUNCTION,
		               get_func_name(function));
}

/* A body can name anybody's deployment: whose functions it has counts. */
static void
check_owner_of_all(int32 deployment, ScoreAnswer answer, Oid row_type)
{
	List *functions = deployment_find_functions(
		row_type, deployment_make_body(deployment, answer));
	ListCell *cell;

	/* of now: another session may have deployed while this one waited */
	PushActiveSnapshot(GetLatestSnapshot());
	foreach (cell, functions)
		if (deployment_has_function(deployment, lfirst_oid(cell)))
			deploy_check_owner(lfirst_oid(cell));
	PopActiveSnapshot();
}

void
deploy_switch(Oid function, const Task *task, const Model *model, int32 back_to)
{
	Oid types[] = {INT4OID, INT4OID, REGROLEOID, FLOAT4ARRAYOID,
	               TEXTOID, TEXTOID, TEXTOID};
	Datum values[] = {
		0,
		Int32GetDatum(model->id),
		ObjectIdGetDatum(GetUserId()),
		deploy_make_quantiles(model->id),
		CStringGetTextDatum(cer_weight_layout_name(model->layout)),
		CStringGetTextDatum(deployment_name_rights(model)),
		CStringGetTextDatum(cer_get_kernel_class())};
	ScoreAnswer answer = ANSWER_PROBABILITY;
	int32 id = deployment_find_of_function(function, &answer);

	deploy_check_owner(function);
	check_owner_of_all(id, answer, get_rel_type_id(task->relation));
	/* each function lends its own owner's rights */
	for (int i = 0; model->has_owner_rights && i < N_ANSWERS; i++)
		check_owner_of_all(id, i, get_rel_type_id(task->relation));
	model_check_right(model, deployment_get_function_owner(function));
	check_answer(function, answer, model);
	values[0] = Int32GetDatum(id);
	if (DatumGetInt32(deploy_write(
			"UPDATE cerebro.deployment SET model = $2, owner = $3, "
			"quantiles = $4, layout = $5, rights = $6, kernel_class = $7, "
			"created_at = pg_catalog.now() "
			"WHERE id OPERATOR(pg_catalog.=) $1 RETURNING id",
			7, types, values, NULL)) != id)
		deployment_report_missing(id);
	record_event(id, model, back_to);
}

/* Whether it is the function that a deployment is called after. */
static bool
is_main(ScoreAnswer answer)
{
	return answer == ANSWER_PROBABILITY || answer == ANSWER_CLASS;
}

/* Whether the name is free, or an error where another function has it. */
static bool
is_deployed(const Target *target, Oid function)
{
	ScoreAnswer answer = ANSWER_PROBA;

	if (!OidIsValid(function))
		return false;
	if (deployment_find_of_function(function, &answer) == 0 || !is_main(answer))
		check_absent(target, ANSWER_PROBABILITY);
	return true;
}

bool
deploy_has_owner_rights(int32 deployment)
{
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(deployment)};
	bool is_null;
	Datum rights = deploy_write("SELECT rights FROM cerebro.deployment "
	                            "WHERE id OPERATOR(pg_catalog.=) $1",
	                            1, types, values, &is_null);

	return !is_null && deployment_is_owner_rights(TextDatumGetCString(rights));
}

/* Those that are named, else those that the deployment has; the model's query
 * is checked for who will read. */
static void
choose_rights(Model *model, const Task *task, const char *rights, Oid function)
{
	ScoreAnswer answer;
	Model checked;

	if (rights != NULL)
		model->has_owner_rights = deployment_is_owner_rights(rights);
	else if (OidIsValid(function))
		model->has_owner_rights = deploy_has_owner_rights(
			deployment_find_of_function(function, &answer));
	if (!model->has_owner_rights)
		return;
	model->reader = OidIsValid(function)
	                    ? deployment_get_function_owner(function)
	                    : GetUserId();
	/* its query is the same in all layouts; this one's copy is too new */
	checked = *model;
	checked.layout = CER_LAYOUT_FP32;
	score_check_relation(&checked, task);
}

static Oid
deploy(FunctionCallInfo fcinfo)
{
	Target target;
	Model model;
	Task *task;
	ScoreAnswer answer;
	Oid function;
	bool is_old;

	model_open(PG_GETARG_INT32(0), &model);
	task = task_find_by_id(model.task, true);
	check_relation(&model, task);
	score_check_relation(&model, task);
	model.layout = copy_find_layout(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	parse_name(PG_GETARG_TEXT_PP(1), &target);
	target.row_type = get_rel_type_id(task->relation);
	lock_name(&target);
	deploy_lock_model(model.id);
	forget_dropped();
	function = find_function(&target, ANSWER_PROBABILITY);
	is_old = is_deployed(&target, function);
	if (is_old)
		deploy_check_owner(function);
	copy_make(&model, task);
	choose_rights(&model, task,
	              PG_ARGISNULL(3) ? NULL
	                              : text_to_cstring(PG_GETARG_TEXT_PP(3)),
	              function);
	if (is_old)
	{
		deploy_switch(function, task, &model, 0);
		add_missing(&target, deployment_find_of_function(function, &answer),
		            task);
	}
	else
		function = create_deployment(&target, task, &model);
	copy_drop_unused();
	deploy_announce();
	return function;
}

/* A model that its own statement trained, as an argument, is there, too. */
Datum
cerebro_deploy(PG_FUNCTION_ARGS)
{
	Oid function;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	PreventCommandIfReadOnly("cerebro.deploy()");
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	function = deploy(fcinfo);
	PopActiveSnapshot();
	PG_RETURN_OID(function);
}

/* --------------------------------------------------------------- undeploy */

Oid
deploy_find_function(text *name)
{
	List *names = deploy_parse_name(name);
	FuncCandidateList candidate =
		FuncnameGetCandidates(names, 1, NIL, false, false, false, true);
	Oid found = InvalidOid;

	for (; candidate != NULL; candidate = candidate->next)
	{
		ScoreAnswer answer = ANSWER_PROBA;

		if (deployment_find_of_function(candidate->oid, &answer) == 0 ||
		    !is_main(answer))
			continue;
		if (OidIsValid(found))
			ereport(
				ERROR,
				(errcode(ERRCODE_AMBIGUOUS_FUNCTION),
			     errmsg("more than one deployed function is called %s",
			            NameListToString(names)),
			     errhint("Drop the right ones by DROP FUNCTION name(row "
			             "type), name_proba(row type), name_why(row type).")));
		found = candidate->oid;
	}
	if (!OidIsValid(found))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
		                errmsg("no deployed function is called %s",
		                       NameListToString(names)),
		                errhint("The view cerebro.deployments lists what is "
		                        "deployed.")));
	return found;
}

static Oid
get_row_type(Oid function)
{
	Oid *types;
	int n_types;

	(void) get_func_signature(function, &types, &n_types);
	return types[0];
}

/* The caller's functions of the deployment; others' look-alikes stay. */
static void
drop_functions(Oid row_type, const char *body)
{
	List *functions = deployment_find_functions(row_type, body);
	ListCell *cell;

	foreach (cell, functions)
		if (compat_function_ownercheck(lfirst_oid(cell), GetUserId()))
			execute(psprintf("DROP FUNCTION %s",
			                 format_procedure_qualified(lfirst_oid(cell))));
}

/* Ends the deployment; the model stays. */
Datum
cerebro_undeploy(PG_FUNCTION_ARGS)
{
	ScoreAnswer answer;
	Oid function, row_type;
	int32 id;

	PreventCommandIfReadOnly("cerebro.undeploy()");
	function = deploy_find_function(PG_GETARG_TEXT_PP(0));
	deploy_check_owner(function);
	id = deployment_find_of_function(function, &answer);
	row_type = get_row_type(function);
	SPI_connect();
	for (int i = 0; i < N_ANSWERS; i++)
		drop_functions(row_type, deployment_make_body(id, i));
	SPI_finish();
	forget_dropped();
	copy_drop_unused();
	deploy_announce();
	PG_RETURN_VOID();
}
