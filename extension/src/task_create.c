/*
 * task_create.c
 *	  create_task, rename_task and drop_task.
 *
 *	 texts -> analysed query -> classes and cuts, where only the data tell
 *	 them -> one reading of all keys and labels: counts, checks -> rows of the
 *	 archive
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* The hash of keys is the same for all tasks: over one key they share parts. */
#define HASH_KEY INT64CONST(0x4345524542524F31)

PG_FUNCTION_INFO_V1(cerebro_create_task);
PG_FUNCTION_INFO_V1(cerebro_rename_task);
PG_FUNCTION_INFO_V1(cerebro_rename_task_by_id);
PG_FUNCTION_INFO_V1(cerebro_drop_task);

/* Arguments of create_task, in its order. */
enum
{
	ARG_NAME,
	ARG_SOURCE,
	ARG_LABEL,
	ARG_POSITIVE,
	ARG_KEY,
	ARG_EXCLUDE,
	ARG_SPLIT,
	ARG_METRIC,
	ARG_AS_OF,
	ARG_LABEL_KNOWN
};

static char *const metric_names[] = {"log_loss", "auc", "accuracy"};

static char *
get_text(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static char *
need_text(FunctionCallInfo fcinfo, int arg, const char *what)
{
	char *text = get_text(fcinfo, arg);

	if (text == NULL || text[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("a task needs a %s", what)));
	return text;
}

static void
check_name(const char *name)
{
	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
		        (errcode(ERRCODE_NAME_TOO_LONG),
		         errmsg("task name \"%s\" is too long", name),
		         errdetail("A name has at most %d bytes.", NAMEDATALEN - 1)));
}

static void
check_metric(const char *metric)
{
	if (name_find(metric, metric_names, lengthof(metric_names)) < 0)
		name_fail("metric", metric, metric_names, lengthof(metric_names));
}

static void
get_names(FunctionCallInfo fcinfo, int arg, char ***names, int *n_names)
{
	*n_names = 0;
	*names = NULL;
	if (!PG_ARGISNULL(arg))
		*names = texts_from_array(PG_GETARG_DATUM(arg), n_names);
}

static Task *
make_task(FunctionCallInfo fcinfo)
{
	Task *task = palloc0(sizeof(Task));

	task->id = -1;
	task->name = need_text(fcinfo, ARG_NAME, "name");
	check_name(task->name);
	task->owner = GetUserId();
	task->source = need_text(fcinfo, ARG_SOURCE, "source");
	task->label = need_text(fcinfo, ARG_LABEL, "label");
	get_names(fcinfo, ARG_KEY, &task->key, &task->n_key);
	get_names(fcinfo, ARG_EXCLUDE, &task->exclude, &task->n_exclude);
	task->split_text = need_text(fcinfo, ARG_SPLIT, "split");
	task_parse_split(task);
	task->hash_key = HASH_KEY;
	task->metric = need_text(fcinfo, ARG_METRIC, "metric");
	check_metric(task->metric);
	task->as_of = get_text(fcinfo, ARG_AS_OF);
	task->label_known = get_text(fcinfo, ARG_LABEL_KNOWN);
	task->settings = settings_capture(&task->n_settings);
	return task;
}

/* A name taken must not cost a reading of the data. */
static void
check_is_free(Oid owner, const char *name)
{
	Datum values[] = {ObjectIdGetDatum(owner), CStringGetTextDatum(name)};
	ArchiveScope scope;

	archive_enter(&scope);
	SPI_execute_with_args("SELECT FROM cerebro.task "
	                      "WHERE owner = $1 AND name = $2",
	                      2, (Oid[]){OIDOID, TEXTOID}, values, NULL, true, 1);
	if (SPI_processed > 0)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
		                errmsg("task \"%s\" exists already", name),
		                errhint("Choose another name, or remove it with "
		                        "cerebro.drop_task(%s); its models go with it.",
		                        quote_literal_cstr(name))));
	archive_leave(&scope);
}

static int32
insert_task(const Task *task)
{
	Datum values[] = {
		CStringGetTextDatum(task->name),
		ObjectIdGetDatum(task->owner),
		CStringGetTextDatum(task->source),
		ObjectIdGetDatum(task->relation),
		CStringGetTextDatum(task->query),
		Int32GetDatum(task->n_columns),
		CStringGetTextDatum(task->label),
		texts_to_array(task->classes, task->n_classes),
		texts_to_array(task->key, task->n_key),
		texts_to_array(task->exclude, task->n_exclude),
		CStringGetTextDatum(task->split_text),
		texts_to_array(task->split_cuts, task->n_cuts),
		Int64GetDatum(task->hash_key),
		CStringGetTextDatum(task->metric),
		task->as_of ? CStringGetTextDatum(task->as_of) : (Datum) 0,
		task->label_known ? CStringGetTextDatum(task->label_known) : (Datum) 0,
		texts_to_array(task->settings, task->n_settings),
	};
	Oid types[] = {TEXTOID,      OIDOID,       TEXTOID, OIDOID,
	               TEXTOID,      INT4OID,      TEXTOID, TEXTARRAYOID,
	               TEXTARRAYOID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID,
	               INT8OID,      TEXTOID,      TEXTOID, TEXTOID,
	               TEXTARRAYOID};
	char nulls[lengthof(values) + 1];
	bool is_null;

	memset(nulls, ' ', lengthof(values));
	nulls[3] = OidIsValid(task->relation) ? ' ' : 'n';
	nulls[11] = task->n_cuts > 0 ? ' ' : 'n';
	nulls[14] = task->as_of ? ' ' : 'n';
	nulls[15] = task->label_known ? ' ' : 'n';
	nulls[lengthof(values)] = '\0';
	if (SPI_execute_with_args(
			"INSERT INTO cerebro.task (name, owner, source, relation, query, "
			"n_columns, label, classes, key, exclude, split, split_cuts, "
			"hash_key, metric, as_of, label_known, settings) VALUES ($1, $2, "
			"$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
			"$17) RETURNING id",
			lengthof(values), types, values, nulls, false,
			0) != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "could not store the task");
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
	                                   SPI_tuptable->tupdesc, 1, &is_null));
}

static int32
store_task(Task *task)
{
	ArchiveScope scope;

	archive_enter(&scope);
	task->id = insert_task(task);
	archive_leave(&scope);
	return task->id;
}

Datum
cerebro_create_task(PG_FUNCTION_ARGS)
{
	Task *task = make_task(fcinfo);
	char *positive = get_text(fcinfo, ARG_POSITIVE);
	ReadStats stats;
	int level;

	PreventCommandIfReadOnly("cerebro.create_task()");
	check_is_free(task->owner, task->name);
	level = settings_enter(task);
	task_learn(task, source_analyze(task), positive);
	task_survey(task, &stats);
	settings_leave(level);
	store_task(task);
	profile_keep(task, &stats, task_get_data_version(task, &stats));
	task_report(task, &stats);
	PG_RETURN_INT32(task->id);
}

static void
rename_task(const Task *task, char *name)
{
	Datum values[] = {Int32GetDatum(task->id), CStringGetTextDatum(name)};
	ArchiveScope scope;

	PreventCommandIfReadOnly("cerebro.rename_task()");
	if (name[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("a task needs a name")));
	check_name(name);
	check_is_free(task->owner, name);
	archive_enter(&scope);
	SPI_execute_with_args("UPDATE cerebro.task SET name = $2 WHERE id = $1", 2,
	                      (Oid[]){INT4OID, TEXTOID}, values, NULL, false, 0);
	archive_leave(&scope);
}

Datum
cerebro_rename_task(PG_FUNCTION_ARGS)
{
	rename_task(task_find(text_to_cstring(PG_GETARG_TEXT_PP(0))),
	            text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}

Datum
cerebro_rename_task_by_id(PG_FUNCTION_ARGS)
{
	rename_task(task_find_by_id(PG_GETARG_INT32(0), true),
	            text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}

Datum
cerebro_drop_task(PG_FUNCTION_ARGS)
{
	Task *task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Datum values[] = {Int32GetDatum(task->id)};
	ArchiveScope scope;

	archive_enter(&scope);
	model_drop_all(task->id);
	SPI_execute_with_args("DELETE FROM cerebro.task WHERE id = $1", 1,
	                      (Oid[]){INT4OID}, values, NULL, false, 0);
	archive_leave(&scope);
	PG_RETURN_VOID();
}
