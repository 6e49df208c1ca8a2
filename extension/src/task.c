/*
 * task.c
 *	  Rows of cerebro.task, in memory.
 *
 * A task's query holds the source's columns first, then what the task adds:
 *
 *	 column 1 .. column n | label | key 1 .. key k | split | as_of | known
 *
 * where the last three stand there only if the task has them.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#define TASK_COLUMNS                                                      \
	"id, name, owner::pg_catalog.oid, source, relation::pg_catalog.oid, " \
	"query, n_columns, label, classes, key, exclude, split, split_cuts, " \
	"hash_key, metric, as_of, label_known, settings"

enum
{
	COLUMN_ID = 1,
	COLUMN_NAME,
	COLUMN_OWNER,
	COLUMN_SOURCE,
	COLUMN_RELATION,
	COLUMN_QUERY,
	COLUMN_N_COLUMNS,
	COLUMN_LABEL,
	COLUMN_CLASSES,
	COLUMN_KEY,
	COLUMN_EXCLUDE,
	COLUMN_SPLIT,
	COLUMN_SPLIT_CUTS,
	COLUMN_HASH_KEY,
	COLUMN_METRIC,
	COLUMN_AS_OF,
	COLUMN_LABEL_KNOWN,
	COLUMN_SETTINGS
};

static char *
get_text(HeapTuple row, int column)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

static Datum
get_value(HeapTuple row, int column)
{
	bool is_null;

	return SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);
}

static char **
get_texts(HeapTuple row, int column, int *n_texts)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);

	*n_texts = 0;
	return is_null ? NULL : texts_from_array(value, n_texts);
}

/* In the current memory context. */
static Task *
make_task(HeapTuple row)
{
	Task *task = palloc0(sizeof(Task));

	task->id = DatumGetInt32(get_value(row, COLUMN_ID));
	task->name = get_text(row, COLUMN_NAME);
	task->owner = DatumGetObjectId(get_value(row, COLUMN_OWNER));
	task->source = get_text(row, COLUMN_SOURCE);
	task->relation = DatumGetObjectId(get_value(row, COLUMN_RELATION));
	task->query = get_text(row, COLUMN_QUERY);
	task->n_columns = DatumGetInt32(get_value(row, COLUMN_N_COLUMNS));
	task->label = get_text(row, COLUMN_LABEL);
	task->classes = get_texts(row, COLUMN_CLASSES, &task->n_classes);
	task->key = get_texts(row, COLUMN_KEY, &task->n_key);
	task->exclude = get_texts(row, COLUMN_EXCLUDE, &task->n_exclude);
	task->split_text = get_text(row, COLUMN_SPLIT);
	task->split_cuts = get_texts(row, COLUMN_SPLIT_CUTS, &task->n_cuts);
	task->hash_key = DatumGetInt64(get_value(row, COLUMN_HASH_KEY));
	task->metric = get_text(row, COLUMN_METRIC);
	task->as_of = get_text(row, COLUMN_AS_OF);
	task->label_known = get_text(row, COLUMN_LABEL_KNOWN);
	task->settings = get_texts(row, COLUMN_SETTINGS, &task->n_settings);
	task_parse_split(task);
	return task;
}

void
task_parse_split(Task *task)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	cer_error err = {0};

	host_check(
		cer_split_parse(arena, host_text(task->split_text), &task->split, &err),
		&err);
}

static void
execute(const char *sql, int n_args, Oid *types, Datum *values)
{
	if (SPI_execute_with_args(sql, n_args, types, values, NULL, true, 0) !=
	    SPI_OK_SELECT)
		elog(ERROR, "could not read cerebro.task");
}

static void
fail_unknown(const char *name, Oid user)
{
	Datum values[] = {ObjectIdGetDatum(user)};
	char **names;

	execute("SELECT DISTINCT name FROM cerebro.task "
	        "WHERE cerebro.is_owner(owner, $1) ORDER BY name",
	        1, (Oid[]){OIDOID}, values);
	names = palloc((SPI_processed + 1) * sizeof(char *));
	for (uint64 i = 0; i < SPI_processed; i++)
		names[i] = get_text(SPI_tuptable->vals[i], 1);
	name_fail("task", name, names, (int) SPI_processed);
}

/*
 * One's own task comes first; of others' tasks with one name none can be
 * meant more than another.
 */
static HeapTuple
choose_by_name(const char *name, Oid user)
{
	Datum values[] = {CStringGetTextDatum(name), ObjectIdGetDatum(user)};

	execute("SELECT " TASK_COLUMNS " FROM cerebro.task WHERE name = $1 "
	        "AND cerebro.is_owner(owner, $2) "
	        "ORDER BY owner::oid = $2 DESC, id LIMIT 2",
	        2, (Oid[]){TEXTOID, OIDOID}, values);
	if (SPI_processed == 0)
		fail_unknown(name, user);
	if (SPI_processed == 2 && DatumGetObjectId(get_value(SPI_tuptable->vals[0],
	                                                     COLUMN_OWNER)) != user)
		ereport(ERROR,
		        (errcode(ERRCODE_AMBIGUOUS_PARAMETER),
		         errmsg("task name \"%s\" is ambiguous", name),
		         errdetail("Several roles of which you are a member own a "
		                   "task with this name."),
		         errhint("SET ROLE to the owner of the one you mean, or give "
		                 "one of them another name with "
		                 "cerebro.rename_task(id, ...); cerebro.tasks has "
		                 "their ids.")));
	return SPI_tuptable->vals[0];
}

Task *
task_find(const char *name)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid user = GetUserId();
	ArchiveScope scope;
	HeapTuple row;
	Task *task;

	archive_enter(&scope);
	row = choose_by_name(name, user);
	MemoryContextSwitchTo(caller);
	task = make_task(row);
	archive_leave(&scope);
	return task;
}

Task *
task_find_by_id(int32 id, bool check)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum values[] = {Int32GetDatum(id), ObjectIdGetDatum(GetUserId()),
	                  BoolGetDatum(check)};
	ArchiveScope scope;
	Task *task;

	archive_enter(&scope);
	execute("SELECT " TASK_COLUMNS " FROM cerebro.task WHERE id = $1 "
	        "AND (NOT $3 OR cerebro.is_owner(owner, $2))",
	        3, (Oid[]){INT4OID, OIDOID, BOOLOID}, values);
	if (SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("task %d does not exist", id)));
	MemoryContextSwitchTo(caller);
	task = make_task(SPI_tuptable->vals[0]);
	archive_leave(&scope);
	return task;
}

TaskTargets
task_get_targets(const Task *task)
{
	TaskTargets targets;
	int next = task->n_columns;

	targets.label = next++;
	targets.first_key = next;
	next += task->n_key;
	targets.split = task->split.sql.size > 0 ? next++ : -1;
	targets.as_of = task->as_of != NULL ? next++ : -1;
	targets.label_known = task->label_known != NULL ? next++ : -1;
	targets.n = next;
	return targets;
}

/* The stored text is SQL as it is written under these settings, always. */
int
task_enter_deparse(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"standard_conforming_strings", "on"},
		{"transform_null_equals", "off"},
	};
	int level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
		                         PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
		                         false);
	return level;
}

static bool
is_about_a_name(int sqlstate)
{
	return sqlstate == ERRCODE_UNDEFINED_COLUMN ||
	       sqlstate == ERRCODE_UNDEFINED_TABLE ||
	       sqlstate == ERRCODE_UNDEFINED_FUNCTION ||
	       sqlstate == ERRCODE_UNDEFINED_OBJECT;
}

static void
report_task(void *arg)
{
	const Task *task = arg;
	int position = geterrposition();

	if (is_about_a_name(geterrcode()))
		errhint("It was there when the %s. Give it its name back, or %s again.",
		        task->base ? "model was trained" : "task was made",
		        task->base ? "train" : "create the task");
	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(task->query);
	}
	errcontext("query of %s \"%s\"", task->base ? "a model for task" : "task",
	           task->name);
}

Query *
task_analyze(const Task *task)
{
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = report_task,
		.arg = unconstify(Task *, task),
	};
	int level = task_enter_deparse();
	List *raw;
	Query *query;

	error_context_stack = &context;
	raw = raw_parser(task->query, RAW_PARSE_DEFAULT);
	source_check_literals(task, linitial_node(RawStmt, raw));
	query = parse_analyze_fixedparams(linitial_node(RawStmt, raw), task->query,
	                                  NULL, 0, NULL);
	if (query->commandType != CMD_SELECT ||
	    list_length(query->targetList) != task_get_targets(task).n)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("the stored query does not fit the task"),
		                errhint("Drop the task and create it again.")));
	error_context_stack = context.previous;
	settings_leave(level);
	return query;
}

/* Which of the source's columns an added expression reads, from 1. */
static Bitmapset *
get_columns_of(const Query *query, int target)
{
	TargetEntry *entry;
	Bitmapset *attributes = NULL;
	Bitmapset *columns = NULL;
	int at = -1;

	if (target < 0)
		return NULL;
	entry = list_nth_node(TargetEntry, query->targetList, target);
	pull_varattnos((Node *) entry->expr, 1, &attributes);
	while ((at = bms_next_member(attributes, at)) >= 0)
		columns =
			bms_add_member(columns, at + FirstLowInvalidHeapAttributeNumber);
	return columns;
}

static bool
has_column(const Bitmapset *columns, int column)
{
	return bms_is_member(0, columns) || /* the whole row */
	       bms_is_member(column + 1, columns);
}

/*
 * FE * leaves out what the label, or the time when it was known, is computed
 * from (what as_of reads is known by then); a lone key, as nothing generalises
 * from it; and the column that names a row's part or group.
 */
ColumnUse *
task_get_uses(const Task *task, const Query *query)
{
	TaskTargets targets = task_get_targets(task);
	ColumnUse *uses = palloc((task->n_columns + 1) * sizeof(ColumnUse));
	Bitmapset *label = get_columns_of(query, targets.label);
	Bitmapset *known =
		bms_difference(get_columns_of(query, targets.label_known),
	                   get_columns_of(query, targets.as_of));
	Bitmapset *key =
		task->n_key == 1 ? get_columns_of(query, targets.first_key) : NULL;
	Bitmapset *split = task->split.kind == CER_SPLIT_TIME
	                       ? NULL
	                       : get_columns_of(query, targets.split);

	for (int i = 0; i < task->n_columns; i++)
	{
		TargetEntry *entry = list_nth_node(TargetEntry, query->targetList, i);

		if (name_find(entry->resname, task->exclude, task->n_exclude) >= 0)
			uses[i] = USE_EXCLUDED;
		else if (has_column(label, i) || has_column(known, i))
			uses[i] = USE_LABEL;
		else if (has_column(key, i))
			uses[i] = USE_KEY;
		else if (has_column(split, i))
			uses[i] = USE_SPLIT;
		else
			uses[i] = USE_FEATURE;
	}
	return uses;
}

cer_column *
task_get_columns(const Task *task, const Query *query)
{
	cer_column *columns = palloc((task->n_columns + 1) * sizeof(cer_column));
	ColumnUse *uses = task_get_uses(task, query);
	Bitmapset *label = get_columns_of(query, task_get_targets(task).label);

	for (int i = 0; i < task->n_columns; i++)
	{
		TargetEntry *entry = list_nth_node(TargetEntry, query->targetList, i);
		ValueCoder *coder = value_coder_make(exprType((Node *) entry->expr));

		columns[i].name = host_text(pstrdup(entry->resname));
		columns[i].type = value_coder_get_type(coder);
		columns[i].unit = value_coder_get_unit(coder);
		columns[i].is_in_star =
			uses[i] == USE_FEATURE && cer_column_is_single(&columns[i]);
		columns[i].is_label = has_column(label, i);
		columns[i].is_excluded = uses[i] == USE_EXCLUDED;
		pfree(coder);
	}
	return columns;
}

int
task_find_class(const Task *task, const char *label)
{
	for (int i = 0; label != NULL && i < task->n_classes; i++)
		if (strcmp(task->classes[i], label) == 0)
			return i;
	return -1;
}
