/*
 * constraints.c
 *	  Keys and references that the data confirmed, told to the server.  Each is
 *	  tried under a savepoint: the server has the last word.
 */
#include "import.h"

#include <stdio.h>
#include <string.h>

#define SQLSTATE_CLASS_CONSTRAINT "23"

const char *
import_list_columns(PGconn *conn, const import_table *table,
                    const size_t *columns, size_t n)
{
	const char *list = "";

	for (size_t i = 0; i < n; i++)
	{
		const char *name = table->columns[columns[i]].name;

		list = keep_printf("%s%s%s", list, i == 0 ? "" : ", ",
		                   conn == NULL ? name : connect_quote(conn, name));
	}
	return list;
}

/* '{a,b}' for a parameter of type text[]. */
static const char *
print_array(const import_table *table, const size_t *columns, size_t n)
{
	const char *list = "{";

	for (size_t i = 0; i < n; i++)
	{
		text_buffer item = {0};

		/* JSON's quoting of quotes and backslashes is an array's too */
		text_add_json(&item, table->columns[columns[i]].name);
		list = keep_printf("%s%s%s", list, i == 0 ? "" : ",", item.data);
		text_release(&item);
	}
	return keep_printf("%s}", list);
}

/* Runs a statement that the data may refute; *holds tells whether they did. */
static exit_code
try_statement(import_job *job, const char *sql, const char *what, bool *holds)
{
	exit_code code = connect_execute(job->conn, "SAVEPOINT trial", what);
	PGresult *result;
	const char *state;

	*holds = false;
	if (code != EXIT_OK)
		return code;
	result = PQexec(job->conn, sql);
	state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	*holds = PQresultStatus(result) == PGRES_COMMAND_OK;
	if (!*holds &&
	    (state == NULL || strncmp(state, SQLSTATE_CLASS_CONSTRAINT, 2) != 0))
		code = connect_explain(job->conn, result, what);
	PQclear(result);
	if (code != EXIT_OK)
		return code;
	return connect_execute(
		job->conn, *holds ? "RELEASE trial" : "ROLLBACK TO trial", what);
}

exit_code
import_declare_key(import_job *job, import_table *table)
{
	const key_candidate *key = table->key;
	const char *columns;

	if (key == NULL)
		return EXIT_OK;
	columns =
		import_list_columns(job->conn, table, key->columns, key->n_columns);
	return try_statement(
		job,
		keep_printf("ALTER TABLE %s ADD PRIMARY KEY (%s)", table->quoted_name,
	                columns),
		keep_printf("could not declare the key of %s", table->quoted_name),
		&table->is_key_declared);
}

static exit_code
declare_foreign_key(import_job *job, import_reference *reference)
{
	const key_candidate *key = reference->key;
	const char *sql =
		keep_printf("ALTER TABLE %s ADD FOREIGN KEY (%s) REFERENCES %s (%s)",
	                reference->child->quoted_name,
	                import_list_columns(job->conn, reference->child,
	                                    reference->columns, key->n_columns),
	                reference->parent->quoted_name,
	                import_list_columns(job->conn, reference->parent,
	                                    key->columns, key->n_columns));

	return try_statement(job, sql,
	                     keep_printf("could not declare a reference of %s",
	                                 reference->child->quoted_name),
	                     &reference->is_declared);
}

static exit_code
record_relationship(import_job *job, import_reference *reference)
{
	const key_candidate *key = reference->key;
	const char *values[] = {
		reference->child->quoted_name,
		print_array(reference->child, reference->columns, key->n_columns),
		reference->parent->quoted_name,
		print_array(reference->parent, key->columns, key->n_columns)};
	PGresult *result =
		PQexecParams(job->conn,
	                 "SELECT cerebro.add_relationship($1::pg_catalog.regclass,"
	                 " $2::pg_catalog.text[], $3::pg_catalog.regclass,"
	                 " $4::pg_catalog.text[])",
	                 4, NULL, values, NULL, NULL, 0);
	exit_code code = EXIT_OK;

	reference->is_recorded = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!reference->is_recorded)
		code = connect_explain(job->conn, result,
		                       "could not record a relationship");
	PQclear(result);
	return code;
}

static exit_code
has_relationships(import_job *job, bool *has)
{
	PGresult *result = connect_query(
		job->conn,
		"SELECT pg_catalog.to_regproc('cerebro.add_relationship') IS NOT NULL",
		"could not look for the extension");

	if (result == NULL)
		return EXIT_FAILED;
	*has = *PQgetvalue(result, 0, 0) == 't';
	PQclear(result);
	return EXIT_OK;
}

exit_code
import_declare_reference(import_job *job, import_reference *reference)
{
	exit_code code = EXIT_OK;
	bool has = false;

	if (!reference->parent->is_key_declared)
		return EXIT_OK;
	if (reference->n_matched == reference->n_rows)
		code = declare_foreign_key(job, reference);
	if (code != EXIT_OK || reference->is_declared)
		return code;
	code = has_relationships(job, &has);
	return code == EXIT_OK && has ? record_relationship(job, reference) : code;
}
