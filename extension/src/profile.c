/*
 * profile.c
 *	  cerebro.profile(task): what the columns of a data version look like.
 *
 *	 rows by key and label -> data version; has it a profile already?
 *	 all columns of train and valid rows -> dataset -> cer_profile_make -> rows
 *	 of cerebro.column_profile
 *
 * The test part is not looked at.  Of very many rows a sample by key is read.
 * Where the rows are gone the profile that is kept is shown.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include <math.h>

#include "fe.h"
#include "subxact.h"

PG_FUNCTION_INFO_V1(cerebro_profile);

#define MAX_ROWS  1.0e6
#define MAX_CELLS 5.0e7 /* rows by columns that are held at once */

#define SEEN_PARTS (1u << CER_TRAIN | 1u << CER_VALID)

/* One row of the result. */
typedef struct ProfileRow
{
	const char *name;
	const char *type;
	const char *used_as;
	const cer_profile_column *column; /* NULL: not looked at */
	const char *note;
} ProfileRow;

typedef struct Profile
{
	const Task *task;
	Query *query;
	ColumnUse *uses;
	cer_column *columns;
	size_t *inputs; /* columns that are read */
	size_t n_inputs;
	ReadStats stats;
	double share;                     /* of the rows that was looked at */
	const cer_profile_column *result; /* by input */
} Profile;

static const char *const use_names[] = {
	[USE_LABEL] = "label",
	[USE_KEY] = "key",
	[USE_SPLIT] = "split",
	[USE_EXCLUDED] = "excluded",
};

/* --------------------------------------------------------------- reading */

static int64
count_seen_rows(const Profile *profile)
{
	const Task *task = profile->task;
	int64 n = 0;

	for (int part = 0; part < CER_N_PARTS; part++)
		for (int class = 0; class < task->n_classes; class ++)
			if (SEEN_PARTS & (1u << part))
				n += profile->stats.class_rows[part * task->n_classes + class];
	return n;
}

static double
choose_share(const Profile *profile)
{
	double n_rows = (double) count_seen_rows(profile);
	double max_rows =
		Min(MAX_ROWS, MAX_CELLS / (double) Max(1, profile->n_inputs));

	return n_rows > max_rows ? max_rows / n_rows : 1.0;
}

static cer_dataset *
read_dataset(Profile *profile, const cer_host *host)
{
	ReadPlan *plan =
		read_plan_make(profile->task, profile->query, profile->inputs,
	                   profile->n_inputs, SEEN_PARTS);

	plan->share = profile->share;
	return task_read_dataset(profile->task, plan, host);
}

static cer_dataset *
make_profile(Profile *profile)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	cer_host host = host_make();
	cer_dataset *dataset;
	cer_error err = {0};

	profile->share = choose_share(profile);
	dataset = read_dataset(profile, &host);
	host_check(cer_profile_make(arena, &host, dataset, &profile->result, &err),
	           &err);
	return dataset;
}

/* All columns that can be read, but those of one use. */
static void
find_inputs(Profile *profile, ColumnUse unwanted)
{
	const Task *task = profile->task;

	profile->uses = task_get_uses(task, profile->query);
	profile->columns = task_get_columns(task, profile->query);
	profile->inputs = palloc((task->n_columns + 1) * sizeof(size_t));
	for (int i = 0; i < task->n_columns; i++)
		if (cer_column_is_single(&profile->columns[i]) &&
		    profile->uses[i] != unwanted)
			profile->inputs[profile->n_inputs++] = i;
}

static void
read_stats(Profile *profile)
{
	ReadPlan plan = {.is_own = true};

	task_read(profile->task, &plan, NULL, &profile->stats);
}

/* --------------------------------------------------------------- storing */

static bool
has_profile(int32 version)
{
	Datum values[] = {Int32GetDatum(version)};
	ArchiveScope scope;
	bool found;

	archive_enter(&scope);
	SPI_execute_with_args("SELECT FROM cerebro.column_profile "
	                      "WHERE data_version = $1",
	                      1, (Oid[]){INT4OID}, values, NULL, true, 1);
	found = SPI_processed > 0;
	archive_leave(&scope);
	return found;
}

/* Shares are for people: four digits say all that there is to say. */
static float4
round_share(double share, int digits)
{
	double scale = pow(10.0, digits);

	return (float4) (rint(share * scale) / scale);
}

static void
store_row(int32 version, int ordinal, const ProfileRow *row)
{
	const cer_profile_column *column = row->column;
	char nulls[] = "         ";
	Datum values[] = {
		Int32GetDatum(version),
		Int32GetDatum(ordinal),
		CStringGetTextDatum(row->name),
		CStringGetTextDatum(row->type),
		CStringGetTextDatum(row->used_as),
		Int64GetDatum(column ? (int64) column->n_distinct : 0),
		Float4GetDatum(column ? round_share(column->missing, 6) : 0),
		Float4GetDatum(column ? round_share(column->association, 4) : 0),
		CStringGetTextDatum(row->note),
	};
	Oid types[] = {INT4OID, INT4OID,   TEXTOID,   TEXTOID, TEXTOID,
	               INT8OID, FLOAT4OID, FLOAT4OID, TEXTOID};

	if (column == NULL)
		memset(nulls + 5, 'n', 3);
	SPI_execute_with_args(
		"INSERT INTO cerebro.column_profile (data_version, ordinal, "
		"column_name, type, used_as, n_distinct, missing, association, note) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, '')) "
		"ON CONFLICT DO NOTHING",
		lengthof(values), types, values, nulls, false, 0);
}

static const char *
print_balance(const Profile *profile)
{
	const Task *task = profile->task;
	double n_rows = (double) Max(1, count_seen_rows(profile));
	StringInfoData text;

	initStringInfo(&text);
	for (int class = 0; class < task->n_classes && class < 8; class ++)
	{
		int64 n = profile->stats.class_rows[class] +
		          profile->stats.class_rows[task->n_classes + class];

		appendStringInfo(&text, "%s%s %.1f %%", class > 0 ? ", " : "",
		                 task->classes[class], 100.0 * (double) n / n_rows);
	}
	if (task->n_classes > 8)
		appendStringInfo(&text, ", %d more", task->n_classes - 8);
	return text.data;
}

static const char *
get_type_name(const Query *query, int target)
{
	TargetEntry *entry = list_nth_node(TargetEntry, query->targetList, target);

	return format_type_with_typemod(exprType((Node *) entry->expr),
	                                exprTypmod((Node *) entry->expr));
}

static void
store_label(const Profile *profile, int32 version)
{
	const Task *task = profile->task;
	StringInfoData note;
	ProfileRow row = {
		.name = task->label,
		.type = get_type_name(profile->query, task->n_columns),
		.used_as = "label",
	};

	initStringInfo(&note);
	appendStringInfo(&note,
	                 "%s of " INT64_FORMAT " rows for training and validation; "
	                 "a row's key: %s",
	                 print_balance(profile), count_seen_rows(profile),
	                 names_print(task->key, task->n_key));
	if (profile->share < 1.0)
		appendStringInfo(&note,
		                 "; the columns are judged by a sample of %.2g %%",
		                 100.0 * profile->share);
	row.note = note.data;
	store_row(version, 0, &row);
}

static const char *
get_use_name(const Profile *profile, int column)
{
	if (profile->uses[column] != USE_FEATURE)
		return use_names[profile->uses[column]];
	switch (profile->columns[column].type)
	{
		case CER_TYPE_NUMBER:
			return "number";
		case CER_TYPE_CATEGORY:
			return "category";
		default:
			return "nothing";
	}
}

/* What the data say about a column that can be read. */
static const char *
get_note(const Profile *profile, int column, const cer_profile_column *result)
{
	if (profile->uses[column] == USE_LABEL)
		return "the label is computed from it";
	return result->note;
}

static void
store_columns(const Profile *profile, int32 version)
{
	const cer_profile_column *result = profile->result;

	for (int i = 0; i < profile->task->n_columns; i++)
	{
		bool is_read = cer_column_is_single(&profile->columns[i]);
		ProfileRow row = {
			.name = profile->columns[i].name.data,
			.type = get_type_name(profile->query, i),
			.used_as = get_use_name(profile, i),
			.column = is_read ? result : NULL,
			.note = is_read ? get_note(profile, i, result)
		            : profile->columns[i].type == CER_TYPE_ARRAY
		                ? "arrays are features where FE says how: bag"
		                : "values of this type cannot be a feature",
		};

		store_row(version, i + 1, &row);
		if (is_read)
			result++;
	}
}

static void
store_profile(const Profile *profile, int32 version)
{
	Datum values[] = {Int32GetDatum(version)};
	ArchiveScope scope;

	archive_enter(&scope);
	SPI_execute_with_args("DELETE FROM cerebro.column_profile "
	                      "WHERE data_version = $1",
	                      1, (Oid[]){INT4OID}, values, NULL, false, 0);
	store_label(profile, version);
	store_columns(profile, version);
	archive_leave(&scope);
}

/* --------------------------------------------------------------- result */

static void
return_profile(FunctionCallInfo fcinfo, int32 version)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum values[] = {Int32GetDatum(version)};
	ArchiveScope scope;

	InitMaterializedSRF(fcinfo, 0);
	archive_enter(&scope);
	SPI_execute_with_args(
		"SELECT column_name, type, used_as, n_distinct, missing, association, "
		"note FROM cerebro.column_profile WHERE data_version = $1 "
		"ORDER BY ordinal",
		1, (Oid[]){INT4OID}, values, NULL, false, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	archive_leave(&scope);
}

/*
 * Columns that together identify a row, as far as the rows that are looked at
 * tell; none: no few columns do.
 */
char **
profile_find_key(const Task *task, int *n_key)
{
	Profile profile = {.task = task};
	cer_host host = host_make();
	cer_profile_key key = {0};
	cer_error err = {0};
	cer_dataset *dataset;
	char **names = palloc(CER_MAX_KEY * sizeof(char *));

	read_stats(&profile);
	profile.query = task_analyze(task);
	find_inputs(&profile, USE_LABEL);
	dataset = make_profile(&profile);
	host_check(cer_profile_find_key(&host, dataset, profile.result, &key, &err),
	           &err);
	for (size_t i = 0; i < key.n_inputs; i++)
		names[i] =
			pstrdup(profile.columns[profile.inputs[key.inputs[i]]].name.data);
	cer_dataset_free(dataset);
	*n_key = (int) key.n_inputs;
	return names;
}

/* --------------------------------------------------------------- no source */

static void
try_to_analyze(void *task)
{
	(void) task_analyze(task);
}

/* Something that the task's query reads is not there any more. */
static bool
is_gone(const ErrorData *error)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_COLUMN:
		case ERRCODE_UNDEFINED_FUNCTION:
		case ERRCODE_UNDEFINED_OBJECT:
		case ERRCODE_UNDEFINED_SCHEMA:
			return true;
		default:
			return false;
	}
}

/* 0: there is none. */
static int32
find_last_profile(const Task *task)
{
	Datum values[] = {Int32GetDatum(task->id)};
	ArchiveScope scope;
	int32 version = 0;
	bool is_null;

	archive_enter(&scope);
	SPI_execute_with_args("SELECT p.data_version"
	                      " FROM cerebro.column_profile p"
	                      " JOIN cerebro.data_version v"
	                      " ON v.id = p.data_version"
	                      " WHERE v.task = $1"
	                      " ORDER BY p.data_version DESC",
	                      1, (Oid[]){INT4OID}, values, NULL, true, 1);
	if (SPI_processed > 0)
		version = DatumGetInt32(SPI_getbinval(
			SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	archive_leave(&scope);
	return version;
}

/* The data version whose profile is all that is left; 0: the rows are there. */
static int32
find_kept(Task *task)
{
	ErrorData *error = subxact_try(try_to_analyze, task);
	int32 version;

	if (error == NULL)
		return 0;
	version = is_gone(error) ? find_last_profile(task) : 0;
	if (version == 0)
		ReThrowError(error);
	ereport(NOTICE,
	        (errmsg("the rows of task \"%s\" cannot be read any more: %s",
	                task->name, error->message),
	         errdetail("This is the profile that was kept with data version "
	                   "%d.",
	                   version)));
	return version;
}

/* What a standby and a read-only transaction can tell; 0: nothing. */
static int32
find_stored(Task *task)
{
	int32 version = find_last_profile(task);

	if (version != 0)
		ereport(NOTICE,
		        (errmsg("this is the profile that was kept with data version "
		                "%d",
		                version),
		         errdetail("A read-only transaction cannot make another where "
		                   "rows have changed since.")));
	return version;
}

/* --------------------------------------------------------------- keeping */

static void
make_and_store(Profile *profile, int32 version)
{
	int level = settings_enter(profile->task);

	profile->query = task_analyze(profile->task);
	find_inputs(profile, USE_NONE);
	cer_dataset_free(make_profile(profile));
	settings_leave(level);
	store_profile(profile, version);
}

typedef struct FirstProfile
{
	Profile profile;
	int32 version;
} FirstProfile;

static void
try_to_make(void *self)
{
	FirstProfile *first = self;

	make_and_store(&first->profile, first->version);
}

/*
 * What the rows look like must be known before they can go.  A column that
 * cannot be read is no reason to have no task: an error tells when it is used.
 */
void
profile_keep(const Task *task, const ReadStats *stats, int32 version)
{
	FirstProfile first = {.profile = {.task = task, .stats = *stats},
	                      .version = version};
	ErrorData *error = subxact_try(try_to_make, &first);

	if (error == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
	    error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		ReThrowError(error);
	ereport(NOTICE,
	        (errmsg("task \"%s\" has no profile yet: %s", task->name,
	                error->message),
	         errhint("cerebro.profile makes it when the columns can be read; "
	                 "without one none is left when the rows are gone.")));
}

Datum
cerebro_profile(PG_FUNCTION_ARGS)
{
	Task *task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	bool refresh = PG_GETARG_BOOL(1);
	Profile profile = {.task = task};
	int32 version;

	version = XactReadOnly && !refresh ? find_stored(task) : 0;
	if (version == 0)
		PreventCommandIfReadOnly("cerebro.profile()");
	if (version == 0 && !refresh)
		version = find_kept(task);
	if (version != 0)
	{
		return_profile(fcinfo, version);
		return (Datum) 0;
	}
	read_stats(&profile);
	version = task_get_data_version(task, &profile.stats);
	if (refresh || !has_profile(version))
		make_and_store(&profile, version);
	if (task->as_of != NULL)
		fe_warn_of_times(task_analyze(task));
	return_profile(fcinfo, version);
	return (Datum) 0;
}
