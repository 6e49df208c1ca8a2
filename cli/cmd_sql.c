/*
 * cmd_sql.c
 *	  `cerebro sql`: psql, connected.
 *
 * psql runs as whoever called, not as the server's user: so \i, \copy and -f
 * see the caller's files.  Every argument but --connect, --home and --help is
 * psql's own.
 */
#include "cluster.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct psql_call
{
	const char **argv;
	int argc;
} psql_call;

static void
add_argument(psql_call *psql, const char *argument)
{
	psql->argv =
		memory_resize(psql->argv, (size_t) psql->argc + 2, sizeof *psql->argv);
	psql->argv[psql->argc++] = argument;
	psql->argv[psql->argc] = NULL;
}

/* Takes `--name value` or `--name=value` out of the arguments. */
static bool
take_option(const invocation *call, int *at, const char *name,
            const char **value)
{
	const char *argument = call->argv[*at];
	size_t size = strlen(name);

	if (strncmp(argument, name, size) != 0)
		return false;
	if (argument[size] == '=')
		*value = argument + size + 1;
	else if (argument[size] == '\0' && *at + 1 < call->argc)
		*value = call->argv[++*at];
	else
		return false;
	return true;
}

static const char *
find_psql(const char *bin)
{
	const char *beside = keep_printf("%s/psql", bin == NULL ? "" : bin);

	return bin != NULL && access(beside, X_OK) == 0 ? beside : "psql";
}

/*
 * By the environment, not by --dbname: a name of a database or -d, -U and the
 * like then change that part only.
 */
static void
point_to(const private_cluster *cluster)
{
	setenv("PGHOST", cluster->socket_dir, 1);
	setenv("PGPORT", CLUSTER_PORT, 1);
	setenv("PGUSER", CLUSTER_ROLE, 1);
	setenv("PGDATABASE", CLUSTER_DATABASE, 1);
}

static exit_code
choose_server(const global_options *global, psql_call *psql)
{
	private_cluster cluster;
	exit_code code;

	if (global->connect != NULL)
	{
		psql->argv[0] = "psql";
		add_argument(psql, keep_printf("--dbname=%s", global->connect));
		return EXIT_OK;
	}
	code = cluster_find(global, &cluster);
	if (code == EXIT_OK)
		code = cluster_start(&cluster);
	if (code != EXIT_OK)
		return code;
	psql->argv[0] = find_psql(cluster.bin);
	point_to(&cluster);
	return EXIT_OK;
}

/* A script stops at its first error; -v ON_ERROR_STOP=0 after it wins. */
static void
add_defaults(psql_call *psql)
{
	if (!isatty(STDIN_FILENO) || psql->argc > 1)
		add_argument(psql, "--set=ON_ERROR_STOP=1");
	add_argument(psql, "--set=COMP_KEYWORD_CASE=upper");
}

static int
run_sql(const invocation *call, const void *values)
{
	global_options global = call->global;
	psql_call psql = {0};
	psql_call own = {0};
	exit_code code;

	(void) values;
	for (int i = 0; i < call->argc; i++)
		if (!take_option(call, &i, "--connect", &global.connect) &&
		    !take_option(call, &i, "--home", &global.home))
			add_argument(&own, call->argv[i]);
	add_argument(&psql, "psql");
	code = choose_server(&global, &psql);
	if (code != EXIT_OK)
		return (int) code;
	add_defaults(&psql);
	if (call->global.is_quiet)
		add_argument(&psql, "--quiet");
	for (int i = 0; i < own.argc; i++)
		add_argument(&psql, own.argv[i]);
	signal(SIGPIPE, SIG_DFL);
	execvp(psql.argv[0], (char *const *) psql.argv);
	message_error("could not run psql: %m");
	message_hint("Install it with `apt-get install postgresql-client`.");
	return EXIT_FAILED;
}

static const option_row sql_rows[] = {
	{"connect", 0, "CONNINFO", "use this server (libpq string or URI)",
     OPTION_TEXT, 0},
	{"home", 0, "DIR", "folder of the private server", OPTION_TEXT, 0},
	{"help", 0, NULL, "print this and leave", OPTION_FLAG, 0},
	{0}};

const command sql_command = {
	.name = "sql",
	.arguments = "[-c SQL | -f FILE | any option of psql]… [DATABASE]",
	.summary = "run SQL: psql, connected to the server",
	.options = sql_rows,
	.details = "Everything else goes to psql: `psql --help` lists its options. "
			   "A script stops at\nits first error unless you say -v "
			   "ON_ERROR_STOP=0. The exit status is psql's.\n",
	.takes_any_option = true,
	.run = run_sql,
};
