/*
 * task_classes.c
 *	  cerebro.add_classes(): values that the label has had since the task was
 *	  made become classes.
 *
 * They come behind those that are there, which keep their codes: so the classes
 * of a model, of its scores and of its data version are the task's first ones,
 * as many as there were.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(cerebro_add_classes);

int
model_count_classes(const Model *model)
{
	ArchiveScan *scan = archive_scan_by_id("data_version", model->data_version);
	int n;

	if (!archive_scan_next(scan))
		elog(ERROR, "there is no data version %d", model->data_version);
	n = ARR_DIMS(
		DatumGetArrayTypeP(archive_scan_get(scan, "class_rows", NULL)))[1];
	archive_scan_end(scan);
	return n;
}

/* Classes in memory: names and how many. */
typedef struct Classes
{
	char **names;
	int n;
} Classes;

/* What the label is now and the task does not know, in order. */
static Classes
find_new(const Task *task)
{
	Task seen = *task;
	Classes new = {0};

	task_learn_classes(&seen, task_analyze(task));
	new.names = palloc(Max(1, seen.n_classes) * sizeof(char *));
	for (int i = 0; i < seen.n_classes; i++)
		if (task_find_class(task, seen.classes[i]) < 0)
			new.names[new.n++] = seen.classes[i];
	return new;
}

static void
check_name(const Task *task, const Classes *new, char *name)
{
	if (name_find(name, new->names, new->n) >= 0)
		return;
	if (task_find_class(task, name) >= 0)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
		                errmsg("\"%s\" is a class of task \"%s\" already", name,
		                       task->name)));
	name_fail("label value", name, new->names, new->n);
}

/* Of the new ones those that are named, in their order; all of them. */
static Classes
choose(const Task *task, const Classes *new, Datum array)
{
	Classes chosen = {.names = palloc(Max(1, new->n) * sizeof(char *))};
	Classes named;

	named.names = texts_from_array(array, &named.n);
	if (named.n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("argument \"%s\" of %s is empty", "classes",
		                       "cerebro.add_classes()"),
		                errhint("Leave it out: all new values become "
		                        "classes.")));
	for (int i = 0; i < named.n; i++)
		check_name(task, new, named.names[i]);
	for (int i = 0; i < new->n; i++)
		if (name_find(new->names[i], named.names, named.n) >= 0)
			chosen.names[chosen.n++] = new->names[i];
	return chosen;
}

static void
append(Task *task, const Classes *new)
{
	int n = task->n_classes + new->n;
	char **all = palloc(n * sizeof(char *));

	if (n > MAX_CLASSES)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		         errmsg("the label has more than %d classes", MAX_CLASSES)));
	memcpy(all, task->classes, task->n_classes * sizeof(char *));
	memcpy(all + task->n_classes, new->names, new->n * sizeof(char *));
	task->classes = all;
	task->n_classes = n;
}

/* Who has added classes meanwhile was first. */
static void
store(const Task *task, Datum before)
{
	Datum values[] = {Int32GetDatum(task->id),
	                  texts_to_array(task->classes, task->n_classes), before};
	ArchiveScope scope;

	archive_enter(&scope);
	SPI_execute_with_args("UPDATE cerebro.task SET classes = $2 WHERE id = $1 "
	                      "AND classes = $3",
	                      3, (Oid[]){INT4OID, TEXTARRAYOID, TEXTARRAYOID},
	                      values, NULL, false, 0);
	if (SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
		                errmsg("task \"%s\" was changed meanwhile", task->name),
		                errhint("Call cerebro.add_classes again.")));
	archive_leave(&scope);
}

static void
tell(const Task *task, const Classes *new)
{
	int n_before = task->n_classes - new->n;
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < new->n; i++)
		appendStringInfo(&names, "%s\"%s\"", i > 0 ? ", " : "", new->names[i]);
	ereport(NOTICE,
	        (errmsg_plural("task \"%s\" has %d class more: %s",
	                       "task \"%s\" has %d classes more: %s", new->n,
	                       task->name, new->n, names.data),
	         errdetail("Models that are there go on with the %d that they "
	                   "know.%s",
	                   n_before,
	                   n_before == 2 ? " Those to come answer with a class, "
	                                   "where these answer with one "
	                                   "probability."
	                                 : "")));
}

static void
add_classes(Task *task, const Classes *new)
{
	Datum before = texts_to_array(task->classes, task->n_classes);
	ReadStats stats;

	int level;

	append(task, new);
	level = settings_enter(task);
	task_survey(task, &stats);
	settings_leave(level);
	store(task, before);
	tell(task, new);
	profile_keep(task, &stats, task_get_data_version(task, &stats));
	task_report(task, &stats);
}

Datum
cerebro_add_classes(PG_FUNCTION_ARGS)
{
	Task *task;
	Classes new;
	int level;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
		                errmsg("argument \"%s\" of %s is NULL", "task",
		                       "cerebro.add_classes()")));
	PreventCommandIfReadOnly("cerebro.add_classes()");
	task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	level = settings_enter(task);
	new = find_new(task);
	if (!PG_ARGISNULL(1))
		new = choose(task, &new, PG_GETARG_DATUM(1));
	settings_leave(level);
	if (new.n > 0)
		add_classes(task, &new);
	else
		ereport(NOTICE, (errmsg("the label of task \"%s\" has no values that "
		                        "are not classes",
		                        task->name)));
	PG_RETURN_DATUM(texts_to_array(new.names, new.n));
}
