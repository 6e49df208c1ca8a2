/*
 * existing.c
 *	  Tables that were there before, as parents of what is imported: those of
 *	  the same schema whose primary key a new column could refer to.
 */
#include "import.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define MAX_KEYS_READ "2000000" /* rows; larger tables are no lookup tables */

/* Only types whose text in a file is the server's own. */
static const char find_keys[] =
	"SELECT c.relname, a.attname,"
	" pg_catalog.format_type(a.atttypid, NULL), k.n"
	" FROM pg_catalog.pg_index i"
	" JOIN pg_catalog.pg_class c ON c.oid = i.indrelid"
	" CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[])"
	"  WITH ORDINALITY k(attnum, n)"
	" JOIN pg_catalog.pg_attribute a"
	"  ON a.attrelid = c.oid AND a.attnum = k.attnum"
	" WHERE i.indisprimary AND c.relkind IN ('r', 'p')"
	" AND c.relnamespace = pg_catalog.to_regnamespace($1)"
	" AND c.reltuples <= " MAX_KEYS_READ " AND i.indnatts <= 3"
	" AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"
	" AND pg_catalog.has_table_privilege(c.oid, 'REFERENCES')"
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute o"
	"  WHERE o.attrelid = c.oid AND o.attnum = ANY (i.indkey)"
	"  AND o.atttypid NOT IN ('int4'::pg_catalog.regtype,"
	"   'int8'::pg_catalog.regtype, 'text'::pg_catalog.regtype,"
	"   'varchar'::pg_catalog.regtype, 'uuid'::pg_catalog.regtype,"
	"   'date'::pg_catalog.regtype))"
	" ORDER BY c.relname, k.n";

static value_type
get_type(const char *name)
{
	for (int type = 0; type < N_TYPES; type++)
		if (strcmp(value_get_type_name((value_type) type), name) == 0)
			return (value_type) type;
	return TYPE_TEXT; /* character varying */
}

static void
add_key_column(import_table *table, const char *name, const char *type)
{
	key_candidate *key = &table->keys[0];
	import_column *column = &table->columns[table->n_columns];

	column->name = keep_printf("%s", name);
	column->type = get_type(type);
	key->columns[key->n_columns++] = table->n_columns++;
}

static import_table *
add_table(import_job *job, const char *name)
{
	import_table *table = &job->existing[job->n_existing++];

	table->fd = -1;
	table->name = keep_printf("%s", name);
	table->quoted_name =
		keep_printf("%s.%s", connect_quote(job->conn, job->schema),
	                connect_quote(job->conn, table->name));
	table->columns = memory_new(MAX_KEY_COLUMNS * sizeof *table->columns);
	table->keys = memory_new(sizeof *table->keys);
	table->n_keys = 1;
	table->keys[0].is_complete = true;
	table->key = &table->keys[0];
	table->is_key_declared = true;
	return table;
}

exit_code
import_find_existing(import_job *job)
{
	const char *values[] = {connect_quote(job->conn, job->schema)};
	PGresult *result =
		PQexecParams(job->conn, find_keys, 1, NULL, values, NULL, NULL, 0);
	exit_code code = EXIT_OK;
	import_table *table = NULL;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		code = connect_explain(job->conn, result,
		                       "could not look for tables with keys");
	else
		job->existing =
			memory_new((size_t) PQntuples(result) * sizeof *job->existing);
	for (int row = 0; code == EXIT_OK && row < PQntuples(result); row++)
	{
		if (strcmp(PQgetvalue(result, row, 3), "1") == 0)
			table = add_table(job, PQgetvalue(result, row, 0));
		add_key_column(table, PQgetvalue(result, row, 1),
		               PQgetvalue(result, row, 2));
	}
	PQclear(result);
	return code;
}

static void
add_key_row(import_table *table, const PGresult *result)
{
	uint64_t hash = 0;

	for (int i = 0; i < PQnfields(result); i++)
	{
		uint64_t value = XXH3_64bits(PQgetvalue(result, 0, i),
		                             (size_t) PQgetlength(result, 0, i));

		hash = i == 0 ? value : import_join_hashes(hash, value);
	}
	hash_set_add(&table->keys[0].values, hash);
	table->n_rows++;
}

/* Reads the keys of a table that a new one may refer to. */
exit_code
import_read_keys(import_job *job, import_table *table)
{
	const char *sql = keep_printf("SELECT %s FROM %s",
	                              import_list_columns(job->conn, table,
	                                                  table->keys[0].columns,
	                                                  table->keys[0].n_columns),
	                              table->quoted_name);
	PGresult *result;
	exit_code code = EXIT_OK;

	if (PQsendQuery(job->conn, sql) != 1 || PQsetSingleRowMode(job->conn) != 1)
		return connect_explain(job->conn, NULL, table->name);
	while ((result = PQgetResult(job->conn)) != NULL)
	{
		if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
			add_key_row(table, result);
		else if (PQresultStatus(result) != PGRES_TUPLES_OK)
			code = connect_explain(job->conn, result, table->name);
		PQclear(result);
	}
	return code;
}
