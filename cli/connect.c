/*
 * connect.c
 *	  Connections of the verbs, Ctrl-C, and errors of the server told as ours.
 */
#include "connect.h"
#include "cluster.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static PGcancel *volatile running;
static volatile sig_atomic_t canceled;

static void
handle_interrupt(int number)
{
	char ignored[256];
	PGcancel *cancel = running;

	(void) number;
	canceled = 1;
	if (cancel != NULL)
		PQcancel(cancel, ignored, sizeof ignored);
}

bool
connect_is_canceled(void)
{
	return canceled != 0;
}

static PGconn *
connect_with(const char *conninfo)
{
	const char *const keywords[] = {"dbname", "fallback_application_name",
	                                "client_encoding", NULL};
	const char *const values[] = {conninfo, "cerebro", "UTF8", NULL};

	return PQconnectdbParams(keywords, values, 1);
}

static const char *
get_conninfo(const invocation *call, exit_code *code)
{
	private_cluster cluster;

	*code = EXIT_OK;
	if (call->global.connect != NULL)
		return call->global.connect;
	*code = cluster_find(&call->global, &cluster);
	if (*code == EXIT_OK)
		*code = cluster_start(&cluster);
	return *code == EXIT_OK ? cluster_get_conninfo(&cluster, CLUSTER_DATABASE)
	                        : NULL;
}

PGconn *
connect_open(const invocation *call, exit_code *code)
{
	const char *conninfo = get_conninfo(call, code);
	struct sigaction action = {.sa_handler = handle_interrupt,
	                           .sa_flags = SA_RESTART};
	PGconn *conn;

	if (conninfo == NULL)
		return NULL;
	conn = connect_with(conninfo);
	if (PQstatus(conn) != CONNECTION_OK)
	{
		message_error("could not connect");
		message_detail("%s", PQerrorMessage(conn));
		PQfinish(conn);
		*code = EXIT_SERVER;
		return NULL;
	}
	running = PQgetCancel(conn);
	sigaction(SIGINT, &action, NULL);
	return conn;
}

PGconn *
connect_again(const PGconn *conn)
{
	const char *const keywords[] = {
		"host", "port", "user", "dbname", "password", "application_name", NULL};
	const char *const values[] = {PQhost(conn), PQport(conn), PQuser(conn),
	                              PQdb(conn),   PQpass(conn), "cerebro",
	                              NULL};

	return PQconnectdbParams(keywords, values, 0);
}

void
connect_close(PGconn *conn)
{
	PGcancel *cancel = running;

	signal(SIGINT, SIG_DFL);
	running = NULL;
	PQfreeCancel(cancel);
	PQfinish(conn);
}

static void
tell_field(const PGresult *result, int field,
           void (*tell)(const char *format, ...))
{
	const char *text = PQresultErrorField(result, field);

	if (text != NULL)
		tell("%s", text);
}

exit_code
connect_explain(PGconn *conn, const PGresult *result, const char *what)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (canceled)
	{
		message_error("%s: stopped by Ctrl-C", what);
		return EXIT_CANCELED;
	}
	if (message == NULL)
		message = PQerrorMessage(conn);
	message_error("%s: %.*s", what, (int) strcspn(message, "\n"), message);
	tell_field(result, PG_DIAG_MESSAGE_DETAIL, message_detail);
	tell_field(result, PG_DIAG_MESSAGE_HINT, message_hint);
	return PQstatus(conn) == CONNECTION_OK ? EXIT_FAILED : EXIT_SERVER;
}

exit_code
connect_execute(PGconn *conn, const char *sql, const char *what)
{
	PGresult *result = PQexec(conn, sql);
	exit_code code = EXIT_OK;

	if (PQresultStatus(result) != PGRES_COMMAND_OK &&
	    PQresultStatus(result) != PGRES_TUPLES_OK)
		code = connect_explain(conn, result, what);
	PQclear(result);
	return code;
}

PGresult *
connect_query(PGconn *conn, const char *sql, const char *what)
{
	PGresult *result = PQexec(conn, sql);

	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	connect_explain(conn, result, what);
	PQclear(result);
	return NULL;
}

const char *
connect_quote(PGconn *conn, const char *name)
{
	char *quoted = PQescapeIdentifier(conn, name, strlen(name));
	const char *kept = keep_printf("%s", quoted == NULL ? "" : quoted);

	PQfreemem(quoted);
	return kept;
}

const char *
connect_quote_text(PGconn *conn, const char *value)
{
	char *quoted = PQescapeLiteral(conn, value, strlen(value));
	const char *kept = keep_printf("%s", quoted == NULL ? "" : quoted);

	PQfreemem(quoted);
	return kept;
}
