/*
 * cmd_start.c
 *	  The verbs that look after the private server: start, stop, status.
 */
#include "cluster.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct stop_options
{
	bool force;
} stop_options;

static int
print_status_json(const private_cluster *cluster, const cluster_state *state,
                  const char *version)
{
	text_buffer json = {0};

	text_print(&json, "{\"running\": %s, \"home\": ",
	           state->is_running ? "true" : "false");
	text_add_json(&json, cluster->home);
	if (state->is_running)
	{
		text_print(&json, ", \"pid\": %ld, \"uptime_s\": %ld, \"socket\": ",
		           state->pid, (long) time(NULL) - state->started_at);
		text_add_json(&json, keep_printf("%s/.s.PGSQL.%s", cluster->socket_dir,
		                                 CLUSTER_PORT));
		text_print(&json, ", \"server_version\": ");
		text_add_json(&json, version);
		text_print(&json, ", \"conninfo\": ");
		text_add_json(&json, cluster_get_conninfo(cluster, CLUSTER_DATABASE));
	}
	text_print(&json, ", \"log\": ");
	text_add_json(&json, cluster->log);
	text_print(&json, ", \"version\": \"%s\"}", CER_VERSION);
	puts(json.data);
	text_release(&json);
	return EXIT_OK;
}

static const char *
get_server_version(const private_cluster *cluster)
{
	PGconn *conn = PQconnectdb(cluster_get_conninfo(cluster, CLUSTER_DATABASE));
	const char *version = PQparameterStatus(conn, "server_version");

	version = version == NULL ? NULL : keep_printf("%s", version);
	PQfinish(conn);
	return version;
}

static int
print_status(const invocation *call, const private_cluster *cluster)
{
	cluster_state state = cluster_get_state(cluster);
	const char *version = state.is_running ? get_server_version(cluster) : NULL;
	long uptime_s = (long) time(NULL) - state.started_at;

	if (call->global.is_json)
		return print_status_json(cluster, &state, version);
	printf("home      %s\n", cluster->home);
	if (!state.is_running)
	{
		printf("state     %s\n", state.is_made ? "stopped" : "not made yet");
		return EXIT_OK;
	}
	printf("state     running for %ld h %02ld min, process %ld\n",
	       uptime_s / 3600, uptime_s / 60 % 60, state.pid);
	printf("server    PostgreSQL %s, cerebro %s\n",
	       version == NULL ? "(does not answer)" : version, CER_VERSION);
	printf("connect   psql \"%s\"\n",
	       cluster_get_conninfo(cluster, CLUSTER_DATABASE));
	printf("log       %s\n", cluster->log);
	return EXIT_OK;
}

static exit_code
find_private(const invocation *call, private_cluster *cluster)
{
	if (call->argc > 0)
	{
		message_error("\"%s\" is one argument too many", call->argv[0]);
		return EXIT_USAGE;
	}
	if (call->global.connect != NULL)
	{
		message_error("`cerebro %s` is for the private server, --connect "
		              "names another one",
		              call->command->name);
		return EXIT_USAGE;
	}
	return cluster_find(&call->global, cluster);
}

static int
run_start(const invocation *call, const void *values)
{
	private_cluster cluster;
	exit_code code = find_private(call, &cluster);

	(void) values;
	if (code == EXIT_OK)
		code = cluster_start(&cluster);
	if (code != EXIT_OK || call->global.is_quiet)
		return (int) code;
	return print_status(call, &cluster);
}

static exit_code
stop_running(private_cluster *cluster, bool is_forced)
{
	exit_code code = cluster_lock(cluster);

	if (code == EXIT_OK && cluster_get_state(cluster).is_running)
		code = cluster_stop(cluster, is_forced);
	cluster_unlock(cluster);
	return code;
}

static int
run_stop(const invocation *call, const void *values)
{
	const stop_options *options = values;
	private_cluster cluster;
	exit_code code = find_private(call, &cluster);

	if (code != EXIT_OK)
		return (int) code;
	if (cluster_get_state(&cluster).is_running)
		code = stop_running(&cluster, options->force);
	else
		message_note("the server was not running");
	if (code == EXIT_OK && call->global.is_json)
		return print_status(call, &cluster);
	return (int) code;
}

static int
run_status(const invocation *call, const void *values)
{
	private_cluster cluster;
	exit_code code = find_private(call, &cluster);

	(void) values;
	return code == EXIT_OK ? print_status(call, &cluster) : (int) code;
}

static const option_row stop_rows[] = {
	{"force", 'f', NULL, "end the sessions that are connected", OPTION_FLAG,
     offsetof(stop_options, force)},
	{0}};

const command start_command = {
	.name = "start",
	.arguments = "",
	.summary = "start the private server, made at first use",
	.is_private = true,
	.run = run_start,
};

const command stop_command = {
	.name = "stop",
	.arguments = "",
	.summary = "stop the private server",
	.options = stop_rows,
	.values_size = sizeof(stop_options),
	.is_private = true,
	.run = run_stop,
};

const command status_command = {
	.name = "status",
	.arguments = "",
	.summary = "tell where the private server is and whether it runs",
	.is_private = true,
	.run = run_status,
};
