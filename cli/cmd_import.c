/*
 * cmd_import.c
 *	  `cerebro import FILE…`: the steps, in one transaction.
 */
#include "import_command.h"
#include "import_report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUICK_STATISTICS 25

typedef struct import_options
{
	const char *table;
	const char *schema;
	text_list null;
	const char *delimiter;
	bool no_header;
	bool no_keys;
	bool replace;
} import_options;

/* ----------------------------------------------------------------- options */

static exit_code
read_delimiter(import_job *job, const char *delimiter)
{
	if (delimiter == NULL)
		return EXIT_OK;
	if (strcmp(delimiter, "tab") == 0 || strcmp(delimiter, "\\t") == 0)
		delimiter = "\t";
	job->delimiter = *delimiter;
	if (delimiter[0] != '\0' && delimiter[1] == '\0' &&
	    strchr("\"\r\n", *delimiter) == NULL && (*delimiter & 0x80) == 0)
		return EXIT_OK;
	message_error("a delimiter is one character, or the word tab");
	return EXIT_USAGE;
}

static exit_code
read_missing(import_job *job, const text_list *null)
{
	job->missing.is_given = null->n_items > 0;
	job->missing.n_texts = null->n_items;
	if (null->n_items > MAX_MISSING)
	{
		message_error("at most %d texts can mean missing", MAX_MISSING);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < null->n_items; i++)
		job->missing.texts[i] = null->items[i];
	return EXIT_OK;
}

/* May the server call something so? */
static bool
is_name(const char *what, const char *name)
{
	size_t size = strlen(name);

	if (size > MAX_NAME_BYTES)
		message_error("the name of a %s has at most %d bytes, not %zu", what,
		              MAX_NAME_BYTES, size);
	else if (size == 0)
		message_error("the name of a %s cannot be empty", what);
	else if (!csv_is_utf8(name, size))
		message_error("the name of a %s is not in UTF-8", what);
	else
		return true;
	message_hint("Name another with --%s.", what);
	return false;
}

static exit_code
check_arguments(const invocation *call, const import_options *options)
{
	if (call->argc == 0)
	{
		message_error("no file given");
		message_hint("For example: cerebro import flights.csv planes.csv");
		return EXIT_USAGE;
	}
	if (options->table != NULL && call->argc > 1)
	{
		message_error("--table names one table, but there are %d files",
		              call->argc);
		message_hint("Import them one by one.");
		return EXIT_USAGE;
	}
	if (options->schema != NULL && !is_name("schema", options->schema))
		return EXIT_USAGE;
	return EXIT_OK;
}

/* ------------------------------------------------------------------- files */

static exit_code
name_table(import_job *job, size_t at, const char *given)
{
	import_table *table = &job->tables[at];

	table->name = given != NULL ? given : import_get_table_name(table->path);
	if (*table->name == '\0' ||
	    (given == NULL && strcmp(table->path, "-") == 0))
	{
		message_error("%s: the file has no name that a table could have",
		              strcmp(table->path, "-") == 0 ? "standard input"
		                                            : table->path);
		message_hint("Name the table with --table.");
		return EXIT_USAGE;
	}
	if (!is_name("table", table->name))
		return EXIT_USAGE;
	for (size_t i = 0; i < at; i++)
		if (strcmp(job->tables[i].name, table->name) == 0)
		{
			message_error("%s and %s would both become table \"%s\"",
			              job->tables[i].path, table->path, table->name);
			message_hint("Import one of them by itself, with --table.");
			return EXIT_USAGE;
		}
	return EXIT_OK;
}

static exit_code
open_files(import_job *job, const invocation *call,
           const import_options *options)
{
	exit_code code = EXIT_OK;

	job->n_tables = (size_t) call->argc;
	job->tables = memory_new(job->n_tables * sizeof *job->tables);
	for (size_t i = 0; i < job->n_tables; i++)
		job->tables[i].fd = -1;
	for (size_t i = 0; code == EXIT_OK && i < job->n_tables; i++)
	{
		import_table *table = &job->tables[i];

		table->path = call->argv[i];
		table->has_header = job->has_header;
		table->delimiter = job->delimiter;
		code = name_table(job, i, options->table);
		if (code == EXIT_OK)
			code = import_open_file(job, table);
	}
	return code;
}

static void
release_column(import_column *column)
{
	hash_set_release(&column->values);
	hash_set_release(&column->sample.set);
}

static void
release_table(import_table *table)
{
	for (size_t i = 0; i < table->n_keys; i++)
		if (!table->keys[i].is_borrowed)
			hash_set_release(&table->keys[i].values);
	for (size_t i = 0; i < table->n_columns; i++)
		release_column(&table->columns[i]);
	free(table->keys);
	free(table->columns);
	free(table->cells);
	import_close_file(table);
}

static void
release_job(import_job *job)
{
	for (size_t i = 0; i < job->n_tables; i++)
		release_table(&job->tables[i]);
	for (size_t i = 0; i < job->n_existing; i++)
		release_table(&job->existing[i]);
	for (size_t i = 0; i < job->n_references; i++)
		free(job->references[i].pending);
	free(job->existing);
	free(job->tables);
	free(job->references);
}

/* ------------------------------------------------------------------ server */

/* The one value of a query, or NULL. */
static exit_code
get_value(import_job *job, const char *sql, const char **value)
{
	PGresult *result =
		connect_query(job->conn, sql, "could not look for the schema");

	*value = NULL;
	if (result == NULL)
		return EXIT_FAILED;
	if (!PQgetisnull(result, 0, 0))
		*value = keep_printf("%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return EXIT_OK;
}

static exit_code
make_schema(import_job *job, const char *name)
{
	const char *quoted = connect_quote(job->conn, name);
	const char *there;
	exit_code code =
		get_value(job,
	              keep_printf("SELECT pg_catalog.to_regnamespace(%s)",
	                          connect_quote_text(job->conn, quoted)),
	              &there);

	job->schema = name;
	if (code != EXIT_OK || there != NULL)
		return code;
	return connect_execute(job->conn, keep_printf("CREATE SCHEMA %s", quoted),
	                       "could not make the schema");
}

static exit_code
choose_schema(import_job *job, const char *given)
{
	exit_code code;

	if (given != NULL)
		return make_schema(job, given);
	code = get_value(job, "SELECT pg_catalog.current_schema()", &job->schema);
	if (code != EXIT_OK || job->schema != NULL)
		return code;
	message_error("no schema of the search_path exists");
	message_hint("Name one with --schema.");
	return EXIT_FAILED;
}

static exit_code
drop_tables(const import_job *job)
{
	const char *list = "";

	for (size_t i = 0; i < job->n_tables; i++)
		list = keep_printf("%s%s%s", list, i == 0 ? "" : ", ",
		                   job->tables[i].quoted_name);
	return connect_execute(job->conn,
	                       keep_printf("DROP TABLE IF EXISTS %s", list),
	                       "could not replace the tables");
}

static exit_code
check_absent(const import_job *job, const import_table *table)
{
	PGresult *result = connect_query(
		job->conn,
		keep_printf("SELECT pg_catalog.to_regclass(%s)",
	                connect_quote_text(job->conn, table->quoted_name)),
		"could not look for the table");
	bool is_there = result != NULL && !PQgetisnull(result, 0, 0);

	PQclear(result);
	if (result == NULL)
		return EXIT_SERVER;
	if (!is_there)
		return EXIT_OK;
	message_error("table %s exists already", table->quoted_name);
	message_hint("--replace drops it first; --table or --schema choose "
	             "another place.");
	return EXIT_FAILED;
}

static void
ignore_notice(void *arg, const char *message)
{
	(void) arg;
	(void) message;
}

static exit_code
start_transaction(import_job *job, const import_options *options)
{
	exit_code code;

	PQsetNoticeProcessor(job->conn, ignore_notice, NULL);
	code = connect_execute(job->conn,
	                       "BEGIN; SET LOCAL DateStyle = 'ISO, YMD';"
	                       " SET LOCAL maintenance_work_mem = '256MB'",
	                       "could not start");
	if (code == EXIT_OK)
		code = choose_schema(job, options->schema);
	for (size_t i = 0; code == EXIT_OK && i < job->n_tables; i++)
	{
		import_table *table = &job->tables[i];

		table->quoted_name =
			keep_printf("%s.%s", connect_quote(job->conn, job->schema),
		                connect_quote(job->conn, table->name));
		if (!job->is_replacing)
			code = check_absent(job, table);
	}
	return code == EXIT_OK && job->is_replacing ? drop_tables(job) : code;
}

/* ------------------------------------------------------------------- steps */

static exit_code
survey_files(import_job *job)
{
	exit_code code = EXIT_OK;

	for (size_t i = 0; code == EXIT_OK && i < job->n_tables; i++)
		code = import_survey(job, &job->tables[i]);
	if (code != EXIT_OK)
		return code;
	import_choose_types(job);
	for (size_t i = 0; i < job->n_tables; i++)
		import_find_keys(job, &job->tables[i]);
	return job->has_keys ? import_find_references(job) : EXIT_OK;
}

/* The smallest that is left: what others refer to is mostly small, and its
 * keys are then known when the others are read. */
static import_table *
get_next_table(import_job *job)
{
	import_table *next = NULL;

	for (size_t i = 0; i < job->n_tables; i++)
		if (!job->tables[i].is_loaded &&
		    (next == NULL || job->tables[i].n_rows < next->n_rows))
			next = &job->tables[i];
	return next;
}

static exit_code
load_files(import_job *job)
{
	exit_code code = EXIT_OK;
	import_table *table;

	while (code == EXIT_OK && (table = get_next_table(job)) != NULL)
	{
		code = import_make_table(job, table);
		if (code == EXIT_OK)
			code = import_load(job, table);
	}
	return code;
}

/* A quick look for the first queries.  As columns are named, autovacuum still
 * counts the rows as new, and will look as closely as the server is told to. */
static exit_code
analyze(import_job *job, const import_table *table)
{
	text_buffer sql = {0};
	exit_code code;

	text_print(&sql, "SET LOCAL default_statistics_target = %d; ANALYZE %s (",
	           QUICK_STATISTICS, table->quoted_name);
	for (size_t i = 0; i < table->n_columns; i++)
		text_print(&sql, "%s%s", i == 0 ? "" : ", ",
		           connect_quote(job->conn, table->columns[i].name));
	text_print(&sql, ")");
	code = connect_execute(job->conn, sql.data, "could not analyze the table");
	text_release(&sql);
	return code;
}

static exit_code
declare(import_job *job)
{
	exit_code code = EXIT_OK;

	progress_show(&job->progress, "keys", job->progress.total, NULL);
	for (size_t i = 0; i < job->n_tables; i++)
		import_choose_key(&job->tables[i]);
	import_choose_references(job);
	for (size_t i = 0; code == EXIT_OK && i < job->n_tables; i++)
		code = import_declare_key(job, &job->tables[i]);
	for (size_t i = 0; code == EXIT_OK && i < job->n_tables; i++)
		code = analyze(job, &job->tables[i]);
	for (size_t i = 0; code == EXIT_OK && i < job->n_references; i++)
		code = import_declare_reference(job, &job->references[i]);
	return code;
}

static exit_code
run_steps(import_job *job, const import_options *options)
{
	exit_code code = start_transaction(job, options);

	if (code == EXIT_OK)
		code = survey_files(job);
	if (code == EXIT_OK)
		code = load_files(job);
	if (code == EXIT_OK)
		code = declare(job);
	if (connect_is_canceled())
		code = EXIT_CANCELED;
	/* what comes after the server has committed comes too late */
	if (code == EXIT_OK)
		code = connect_execute(job->conn, "COMMIT", "could not commit");
	progress_clear(&job->progress);
	if (code == EXIT_CANCELED)
		message_error("stopped by Ctrl-C; no table was made");
	return code;
}

static exit_code
import_files(import_job *job, const invocation *call,
             const import_options *options)
{
	exit_code code = open_files(job, call, options);
	double started_at = progress_get_time();
	uint64_t n_bytes = 0;

	for (size_t i = 0; i < job->n_tables; i++)
		n_bytes += job->tables[i].n_bytes;
	progress_start(&job->progress, 2 * n_bytes,
	               call->global.is_quiet || call->global.is_json);
	if (code == EXIT_OK)
		job->conn = connect_open(call, &code);
	if (job->conn == NULL)
		return code;
	code = run_steps(job, options);
	if (code == EXIT_OK && call->global.is_json)
		import_report_json(job, progress_get_time() - started_at);
	else if (code == EXIT_OK && !call->global.is_quiet)
		import_report(job, progress_get_time() - started_at);
	connect_close(job->conn);
	return code;
}

static exit_code
import_with(const invocation *call, const import_options *options)
{
	import_job job = {.has_header = !options->no_header,
	                  .has_keys = !options->no_keys,
	                  .is_replacing = options->replace};
	exit_code code = check_arguments(call, options);

	if (code == EXIT_OK)
		code = read_delimiter(&job, options->delimiter);
	if (code == EXIT_OK)
		code = read_missing(&job, &options->null);
	if (code == EXIT_OK)
		code = import_files(&job, call, options);
	release_job(&job);
	return code;
}

exit_code
import_into_schema(const invocation *call, const char *schema)
{
	import_options options = {.schema = schema};

	return import_with(call, &options);
}

static int
run_import(const invocation *call, const void *values)
{
	return (int) import_with(call, values);
}

static const option_row import_rows[] = {
	{"table", 't', "NAME", "name of the table (default: the file's)",
     OPTION_TEXT, offsetof(import_options, table)},
	{"schema", 's', "NAME", "schema of the tables, made if missing",
     OPTION_TEXT, offsetof(import_options, schema)},
	{"null", 0, "TEXT", "this text means missing (repeat for more)",
     OPTION_TEXTS, offsetof(import_options, null)},
	{"delimiter", 'd', "CHAR", "between values: a character, or tab",
     OPTION_TEXT, offsetof(import_options, delimiter)},
	{"no-header", 0, NULL, "the first line is a row, not names", OPTION_FLAG,
     offsetof(import_options, no_header)},
	{"no-keys", 0, NULL, "look for no keys and references", OPTION_FLAG,
     offsetof(import_options, no_keys)},
	{"replace", 0, NULL, "drop tables of the same names first", OPTION_FLAG,
     offsetof(import_options, replace)},
	{0}};

const command import_command = {
	.name = "import",
	.arguments = "FILE.csv…",
	.summary = "make tables from CSV files, with types, keys and references",
	.details =
		"Each file is read whole before a type is chosen. The delimiter is "
		"found among , ;\ntab and |. `-` is standard input; what gzip "
		"compressed is read as it is. All tables\nare made, or none.\n\n"
		"Missing values: an empty value, and in a column that is otherwise of "
		"numbers,\ndates or the like also NA N/A n/a #N/A NULL null Null NaN "
		"nan None \\N ? - and . —\na text that means missing in one column "
		"then means it in every unquoted value of\nall files, but for columns "
		"of two-letter codes. --null replaces these rules.\n\n"
		"A key has at most three columns. A reference that holds for all rows "
		"becomes a\nFOREIGN KEY; one that holds for most is recorded in "
		"cerebro.relationship.\n",
	.options = import_rows,
	.values_size = sizeof(import_options),
	.run = run_import,
};
