/*
 * cmd_demo.c
 *	  `cerebro demo`: plays the steps of demo.c.
 *
 * Everything lives in schema demo, so that a second run replaces the first and
 * touches nothing else.
 */
#include "connect.h"
#include "demo.h"
#include "import_command.h"
#include "progress.h"
#include "result.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS        150
#define PROGRESS_TOTAL 1000
#define INDENT         "   "

typedef struct demo_state
{
	const invocation *call;
	PGconn *conn;
	PGconn *watcher; /* looks at the progress of conn's statement */
	progress_bar progress;
	int n_titles;
	const char *best_model;
} demo_state;

/* ----------------------------------------------------------------- printing */

static const char *
style(message_style style)
{
	return message_get_style(STDOUT_FILENO, style);
}

static void
print_title(demo_state *state, const char *title)
{
	printf("\n%s%d  %s%s\n", style(STYLE_BOLD), ++state->n_titles, title,
	       style(STYLE_PLAIN));
}

static void
print_lines(const char *text, message_style look)
{
	while (*text != '\0')
	{
		int size = (int) strcspn(text, "\n");

		printf(INDENT "%s%.*s%s\n", style(look), size, text,
		       style(STYLE_PLAIN));
		text += size;
		text += *text == '\n';
	}
}

static void
print_sql(const char *sql)
{
	putchar('\n');
	print_lines(keep_printf("%s;", sql), STYLE_CYAN);
	putchar('\n');
	fflush(stdout);
}

static void
print_notice(void *arg, const PGresult *result)
{
	const demo_state *state = arg;
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);

	if (message == NULL ||
	    (state->progress.is_shown && strncmp(message, "epoch", 5) == 0))
		return;
	if (state->progress.is_shown)
		fputs("\r\033[K", stderr);
	print_lines(message, STYLE_DIM);
	if (detail != NULL)
		print_lines(detail, STYLE_DIM);
	fflush(stdout);
}

/* ------------------------------------------------------------------- waiting */

static const char *
get_text(const PGresult *result, const char *column)
{
	return PQgetvalue(result, 0, PQfnumber(result, column));
}

static void
show_progress(demo_state *state)
{
	PGresult *result = PQexec(
		state->watcher,
		keep_printf("SELECT coalesce(phase, '') AS phase,"
	                " coalesce(epoch, 0) AS epoch,"
	                " coalesce(epochs, 0) AS epochs,"
	                " coalesce(round(metric::numeric, 4)::text, '') AS metric,"
	                " coalesce(round(rows_per_second)::text, '') AS speed"
	                " FROM cerebro.progress WHERE pid = %d",
	                PQbackendPID(state->conn)));

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
	{
		long epoch = strtol(get_text(result, "epoch"), NULL, 10);
		long epochs = strtol(get_text(result, "epochs"), NULL, 10);
		const char *metric = get_text(result, "metric");
		const char *label =
			epochs > 0 ? keep_printf("   epoch %ld of %ld", epoch, epochs)
					   : keep_printf("   %s", get_text(result, "phase"));

		progress_show(
			&state->progress, label,
			epochs > 0 ? (uint64_t) (epoch * PROGRESS_TOTAL / epochs) : 0,
			*metric == '\0' ? NULL
							: keep_printf("log-loss %s  %s rows/s", metric,
		                                  get_text(result, "speed")));
	}
	PQclear(result);
}

/* The result of what was sent; shows how far it is meanwhile. */
static PGresult *
wait_for_result(demo_state *state)
{
	struct pollfd ready = {.fd = PQsocket(state->conn), .events = POLLIN};
	PGresult *result;
	PGresult *next;

	while (PQconsumeInput(state->conn) == 1 && PQisBusy(state->conn))
		if (poll(&ready, 1, POLL_MS) == 0 && state->progress.is_shown)
			show_progress(state);
	result = PQgetResult(state->conn);
	while ((next = PQgetResult(state->conn)) != NULL)
		PQclear(next);
	return result;
}

static PGresult *
run_sql(demo_state *state, const demo_step *step, const char *sql)
{
	PGresult *result;

	progress_start(&state->progress, PROGRESS_TOTAL, step->kind != DEMO_TRAIN);
	if (PQsendQuery(state->conn, sql) != 1)
		return NULL;
	result = wait_for_result(state);
	progress_clear(&state->progress);
	state->progress.is_shown = false;
	return result;
}

/* --------------------------------------------------------------------- steps */

static exit_code
find_best_model(demo_state *state)
{
	PGresult *result;

	if (state->best_model != NULL)
		return EXIT_OK;
	result = connect_query(state->conn,
	                       "SELECT model FROM cerebro.leaderboard('" DEMO_TASK
	                       "') LIMIT 1",
	                       "could not find the best model");
	if (result != NULL && PQntuples(result) == 1)
		state->best_model = keep_printf("%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return state->best_model == NULL ? EXIT_FAILED : EXIT_OK;
}

static const char *
fill_in_model(demo_state *state, const char *sql)
{
	const char *mark = strstr(sql, "%MODEL%");

	if (mark == NULL)
		return sql;
	if (find_best_model(state) != EXIT_OK)
		return NULL;
	return keep_printf("%.*s%s%s", (int) (mark - sql), sql, state->best_model,
	                   mark + strlen("%MODEL%"));
}

static exit_code
play_step(demo_state *state, const demo_step *step)
{
	double started_at = progress_get_time();
	const char *sql = fill_in_model(state, step->sql);
	PGresult *result;
	exit_code code = EXIT_OK;

	if (sql == NULL)
		return EXIT_FAILED;
	if (step->title != NULL)
		print_title(state, step->title);
	else
		putchar('\n');
	print_lines(step->text, STYLE_PLAIN);
	print_sql(sql);
	result = run_sql(state, step, sql);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		result_print(result, INDENT);
	else if (PQresultStatus(result) == PGRES_COMMAND_OK)
		printf(INDENT "%s\n", PQcmdStatus(result));
	else
		code = connect_explain(state->conn, result, "the demo stopped here");
	PQclear(result);
	if (code == EXIT_OK && step->kind == DEMO_TRAIN)
		printf(INDENT "%s%.1f s%s\n", style(STYLE_DIM),
		       progress_get_time() - started_at, style(STYLE_PLAIN));
	fflush(stdout);
	return code;
}

/* ----------------------------------------------------------------- beginning */

/* What an earlier demo left; nothing else may go. */
static exit_code
clear_stage(demo_state *state)
{
	PGresult *result = connect_query(
		state->conn,
		"SELECT coalesce(n.nspname, '" DEMO_SCHEMA "') = '" DEMO_SCHEMA "'"
		" FROM cerebro.tasks t"
		" LEFT JOIN pg_catalog.pg_class c ON c.oid = t.relation"
		" LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
		" WHERE t.name = '" DEMO_TASK "'"
		" AND t.owner = current_user::regrole",
		"could not look for the task");
	bool is_there = result != NULL && PQntuples(result) > 0;
	bool is_ours = is_there && *PQgetvalue(result, 0, 0) == 't';

	PQclear(result);
	if (result == NULL)
		return EXIT_FAILED;
	if (is_there && !is_ours)
	{
		message_error("you have a task \"" DEMO_TASK "\" of your own, which "
		              "the demo would replace");
		message_hint("Play the demo elsewhere: cerebro demo --home DIR");
		return EXIT_FAILED;
	}
	/* the schema holds the deployed function, which keeps the task's models */
	return connect_execute(
		state->conn,
		keep_printf("BEGIN; SET LOCAL client_min_messages = warning;"
	                "DROP SCHEMA IF EXISTS " DEMO_SCHEMA " CASCADE; %s COMMIT",
	                is_there ? "SELECT cerebro.drop_task('" DEMO_TASK "');"
	                         : ""),
		"could not clear the last demo");
}

static const char *
find_data(const invocation *call)
{
	char path[PATH_MAX];
	ssize_t size;
	const char *slash;

	if (call->argc > 0)
		return call->argv[0];
	size = readlink("/proc/self/exe", path, sizeof path - 1);
	if (size <= 0)
		return "data/flights";
	path[size] = '\0';
	slash = strrchr(path, '/');
	return keep_printf("%.*s/../data/flights", (int) (slash - path), path);
}

static exit_code
find_files(const invocation *call, char **paths)
{
	const char *folder = find_data(call);

	for (size_t i = 0; demo_files[i] != NULL; i++)
	{
		paths[i] = keep_printf("%s/%s", folder, demo_files[i]);
		if (access(paths[i], R_OK) == 0)
			continue;
		message_error("%s: %m", paths[i]);
		message_hint("tools/fetch-flights gets the flights; `cerebro demo "
		             "DIR` names another folder.");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

static exit_code
import_flights(demo_state *state, char **paths)
{
	invocation call = *state->call;
	exit_code code;

	print_title(state, "Five files become five tables");
	print_lines(demo_import_text, STYLE_PLAIN);
	putchar('\n');
	print_lines("$ cerebro import --schema " DEMO_SCHEMA
	            " airlines.csv airports.csv planes.csv weather.csv "
	            "flights.csv",
	            STYLE_CYAN);
	putchar('\n');
	fflush(stdout);
	for (call.argc = 0; demo_files[call.argc] != NULL;)
		call.argc++;
	call.argv = paths;
	call.global.is_quiet = false;
	code = import_into_schema(&call, DEMO_SCHEMA);
	return code;
}

static void
close_connections(demo_state *state)
{
	PQfinish(state->watcher);
	if (state->conn != NULL)
		connect_close(state->conn);
	state->watcher = NULL;
	state->conn = NULL;
}

static exit_code
open_connections(demo_state *state)
{
	exit_code code;

	state->conn = connect_open(state->call, &code);
	if (state->conn == NULL)
		return code;
	PQsetNoticeReceiver(state->conn, print_notice, state);
	state->watcher = connect_again(state->conn);
	return connect_execute(state->conn,
	                       "SET client_min_messages = warning;"
	                       "CREATE EXTENSION IF NOT EXISTS cerebro;"
	                       "RESET client_min_messages;"
	                       "SET search_path = " DEMO_SCHEMA ", public, cerebro",
	                       "could not set the search_path");
}

/* Lines to be copied: they name this program and this server. */
static void
print_end(const invocation *call)
{
	const global_options *global = &call->global;
	const char *program = call->program;
	const char *left[3];
	int width = 0;

	if (global->connect != NULL)
		program = keep_printf("%s --connect '%s'", program, global->connect);
	else if (global->home != NULL)
		program = keep_printf("%s --home '%s'", program, global->home);
	for (size_t i = 0; i < 3; i++)
	{
		left[i] = demo_end[i][0] == NULL
		              ? "docs/language.md"
		              : keep_printf("%s %s", program, demo_end[i][0]);
		if ((int) strlen(left[i]) > width)
			width = (int) strlen(left[i]);
	}
	for (size_t i = 0; i < 3; i++)
		printf("  %-*s   %s\n", width, left[i], demo_end[i][1]);
}

static exit_code
play(demo_state *state, char **paths)
{
	double started_at = progress_get_time();
	exit_code code = open_connections(state);

	if (code == EXIT_OK)
		code = clear_stage(state);
	close_connections(state);
	if (code == EXIT_OK)
		code = import_flights(state, paths);
	if (code == EXIT_OK)
		code = open_connections(state);
	for (const demo_step *step = demo_steps;
	     code == EXIT_OK && step->sql != NULL; step++)
		code = play_step(state, step);
	close_connections(state);
	if (code != EXIT_OK)
		return code;
	printf("\n%sDone in %.0f seconds.%s Where to go next:\n", style(STYLE_BOLD),
	       progress_get_time() - started_at, style(STYLE_PLAIN));
	print_end(state->call);
	return EXIT_OK;
}

static int
run_demo(const invocation *call, const void *values)
{
	demo_state state = {.call = call};
	char *paths[16];
	exit_code code;

	(void) values;
	if (call->argc > 1)
	{
		message_error("\"%s\" is one argument too many", call->argv[1]);
		return EXIT_USAGE;
	}
	if (call->global.is_json)
	{
		message_error("a story is not told in JSON");
		return EXIT_USAGE;
	}
	code = find_files(call, paths);
	if (code != EXIT_OK)
		return (int) code;
	printf("%sCEREBRO: will this flight arrive late?%s\n\n", style(STYLE_BOLD),
	       style(STYLE_PLAIN));
	fputs(demo_start_text, stdout);
	fflush(stdout);
	return (int) play(&state, paths);
}

const command demo_command = {
	.name = "demo",
	.arguments = "[DIR]",
	.summary = "from five tables to predictions, told step by step",
	.details = "DIR holds the flights (default: data/flights of the folder "
			   "where the program was\nbuilt). Everything is made in schema "
			   "demo; playing it again replaces it.\n",
	.is_story = true,
	.run = run_demo,
};
