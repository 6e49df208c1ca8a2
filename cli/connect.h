/*
 * connect.h
 *	  A connection to the server that the options name, and what the verbs do
 *	  with it.  Ctrl-C asks the server to cancel what runs.
 */
#ifndef CLI_CONNECT_H
#define CLI_CONNECT_H

#include "cli.h"

#include <libpq-fe.h>

/* NULL: told why, and *code says what to end with. */
extern PGconn *connect_open(const invocation *call, exit_code *code);
extern void connect_close(PGconn *conn);
/* One more to the same database; not under Ctrl-C; closed by PQfinish. */
extern PGconn *connect_again(const PGconn *conn);
/* Whether Ctrl-C was pressed since the connection was opened. */
extern bool connect_is_canceled(void);

/* Tells the server's error as ours. */
extern exit_code
connect_explain(PGconn *conn, const PGresult *result, const char *what);
/* Runs a statement; a failure is told with what was tried. */
extern exit_code
connect_execute(PGconn *conn, const char *sql, const char *what);
/* A query's rows, or NULL and a message. */
extern PGresult *connect_query(PGconn *conn, const char *sql, const char *what);
/* Quoted identifier that lasts until the program ends. */
extern const char *connect_quote(PGconn *conn, const char *name);
extern const char *connect_quote_text(PGconn *conn, const char *value);

#endif
