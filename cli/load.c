/*
 * load.c
 *	  The second reading of a file: rows go to the server by COPY, while keys
 *	  and references are proved.
 *
 * The table was made in the same transaction, so COPY may freeze its rows and
 * a server with wal_level = minimal writes no log for them.
 */
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SEND_BYTES (1UL << 15)
#define SHOW_ROWS  4096

typedef struct load_state
{
	import_job *job;
	import_table *table;
	csv_reader reader;
	uint64_t *hashes; /* by column, of the row; 0: NULL */
	uint64_t n_rows;
	uint64_t n_bytes_before;
	text_buffer out;
} load_state;

/* -------------------------------------------------------------------- table */

exit_code
import_make_table(import_job *job, import_table *table)
{
	text_buffer sql = {0};
	exit_code code;

	text_print(&sql, "CREATE TABLE %s (", table->quoted_name);
	for (size_t i = 0; i < table->n_columns; i++)
		text_print(&sql, "%s%s %s", i == 0 ? "" : ", ",
		           connect_quote(job->conn, table->columns[i].name),
		           value_get_type_name(table->columns[i].type));
	text_print(&sql, ")");
	code = connect_execute(
		job->conn, sql.data,
		keep_printf("could not make table %s", table->quoted_name));
	text_release(&sql);
	return code;
}

/* --------------------------------------------------------------------- rows */

/* COPY's text format: a backslash before what would end a value or row. */
static char *
put_escaped(char *to, const csv_field *field)
{
	for (size_t i = 0; i < field->size; i++)
	{
		char c = field->data[i];

		if (c == '\\' || c == '\t' || c == '\n' || c == '\r')
		{
			*to++ = '\\';
			c = (char) (c == '\t'   ? 't'
			            : c == '\n' ? 'n'
			            : c == '\r' ? 'r'
			                        : c);
		}
		*to++ = c;
	}
	return to;
}

static char *
put_value(char *to, const import_column *column, const csv_field *field,
          bool is_null)
{
	if (is_null)
	{
		memcpy(to, "\\N", 2);
		return to + 2;
	}
	if (column->type == TYPE_TEXT)
		return put_escaped(to, field);
	memcpy(to, field->data, field->size);
	return to + field->size;
}

static uint64_t
join_row(const load_state *state, const size_t *columns, size_t n)
{
	uint64_t hash = state->hashes[columns[0]];

	for (size_t i = 1; i < n; i++)
		hash = import_join_hashes(hash, state->hashes[columns[i]]);
	return hash;
}

static void
make_room_for_keys(import_table *table)
{
	for (size_t i = 0; i < table->n_keys; i++)
		if (!table->keys[i].is_complete)
			table->keys[i].hashes = memory_resize(
				NULL, table->n_rows, sizeof *table->keys[i].hashes);
}

static void
keep_keys(const load_state *state)
{
	const import_table *table = state->table;

	for (size_t i = 0; i < table->n_keys; i++)
	{
		const key_candidate *key = &table->keys[i];

		if (!key->is_complete)
			key->hashes[state->n_rows] =
				join_row(state, key->columns, key->n_columns);
	}
}

static bool
has_null(const load_state *state, const import_reference *reference)
{
	for (size_t i = 0; i < reference->key->n_columns; i++)
		if (state->hashes[reference->columns[i]] == 0)
			return true;
	return false;
}

static void
keep_pending(import_reference *reference, uint64_t hash)
{
	size_t n = reference->n_pending++;

	if ((n & (n - 1)) == 0)
		reference->pending = memory_resize(
			reference->pending, n == 0 ? 1 : 2 * n, sizeof *reference->pending);
	reference->pending[n] = hash;
}

static void
count_match(const load_state *state, import_reference *reference)
{
	uint64_t hash;

	if (reference->key->is_refuted || has_null(state, reference))
		return;
	hash = join_row(state, reference->columns, reference->key->n_columns);
	reference->n_rows++;
	if (!reference->key->is_complete)
	{
		keep_pending(reference, hash);
		return;
	}
	if (hash != reference->last_hash)
	{
		reference->last_hash = hash;
		reference->has_last_matched =
			hash_set_has(&reference->key->values, hash);
	}
	reference->n_matched += reference->has_last_matched;
}

/* Room for a row whose every byte is escaped. */
static char *
reserve_row(load_state *state)
{
	size_t size = 0;

	for (size_t i = 0; i < state->table->n_columns; i++)
		size += 2 * state->reader.fields[i].size + sizeof "\\N\t";
	text_reserve(&state->out, size);
	return state->out.data + state->out.size;
}

static void
add_row(load_state *state)
{
	const import_table *table = state->table;
	char *to = reserve_row(state);

	for (size_t i = 0; i < table->n_columns; i++)
	{
		const import_column *column = &table->columns[i];
		const csv_field *field = &state->reader.fields[i];
		bool is_null = import_is_null(&state->job->missing, column, field);

		if (column->is_hashed)
			state->hashes[i] =
				is_null ? 0 : XXH3_64bits(field->data, field->size);
		to = put_value(to, column, field, is_null);
		*to++ = i + 1 == table->n_columns ? '\n' : '\t';
	}
	state->out.size = (size_t) (to - state->out.data);
}

static bool
send_rows(load_state *state)
{
	bool is_sent = PQputCopyData(state->job->conn, state->out.data,
	                             (int) state->out.size) == 1;

	state->out.size = 0;
	return is_sent;
}

static void
show(const load_state *state)
{
	progress_bar *progress = &state->job->progress;
	double elapsed = progress_get_time() - progress->started_at;
	char note[64];

	snprintf(note, sizeof note, "%.0f rows/s",
	         (double) state->n_rows / (elapsed > 0 ? elapsed : 1));
	progress_show(progress, state->table->name,
	              state->n_bytes_before + import_get_position(state->table),
	              note);
}

static exit_code
copy_record(load_state *state)
{
	import_job *job = state->job;

	if (csv_is_blank(&state->reader) && state->table->n_columns > 1)
		return EXIT_OK;
	if (state->reader.n_fields != state->table->n_columns ||
	    state->n_rows == state->table->n_rows)
	{
		message_error("%s: the file changed while it was read",
		              state->table->path);
		return EXIT_FAILED;
	}
	add_row(state);
	keep_keys(state);
	state->n_rows++;
	for (size_t i = 0; i < job->n_references; i++)
		if (job->references[i].child == state->table)
			count_match(state, &job->references[i]);
	if (state->out.size >= SEND_BYTES && !send_rows(state))
		return EXIT_SERVER;
	if (state->n_rows % SHOW_ROWS != 0)
		return EXIT_OK;
	show(state);
	return connect_is_canceled() ? EXIT_CANCELED : EXIT_OK;
}

static exit_code
copy_records(load_state *state)
{
	csv_status status = csv_read(&state->reader);
	exit_code code = EXIT_OK;

	if (state->table->has_header && status == CSV_RECORD)
		status = csv_read(&state->reader);
	for (; status == CSV_RECORD && code == EXIT_OK;
	     status = csv_read(&state->reader))
		code = copy_record(state);
	if (code == EXIT_OK && status == CSV_ERROR)
		code = import_explain_record(state->table, &state->reader);
	if (code == EXIT_OK && state->out.size > 0 && !send_rows(state))
		code = EXIT_SERVER;
	return code;
}

/* -------------------------------------------------------------------- COPY */

/* The server names the row's line of COPY, which is not that of the file. */
static exit_code
explain_copy(const load_state *state, const PGresult *result)
{
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	exit_code code =
		connect_explain(state->job->conn, result, state->table->path);

	if (context != NULL && code != EXIT_CANCELED)
		message_detail("%s", context);
	return code;
}

static exit_code
end_copy(load_state *state, exit_code code)
{
	PGconn *conn = state->job->conn;
	PGresult *result;

	PQputCopyEnd(conn, code == EXIT_OK ? NULL : "stopped");
	while ((result = PQgetResult(conn)) != NULL)
	{
		if (PQresultStatus(result) != PGRES_COMMAND_OK &&
		    (code == EXIT_OK || code == EXIT_SERVER))
			code = explain_copy(state, result);
		PQclear(result);
	}
	return code;
}

/* What waited for this table's keys can be counted now. */
static void
count_pending(import_job *job)
{
	for (size_t i = 0; i < job->n_references; i++)
	{
		import_reference *reference = &job->references[i];

		if (!reference->key->is_complete)
			continue;
		for (size_t k = 0; k < reference->n_pending; k++)
			reference->n_matched +=
				hash_set_has(&reference->key->values, reference->pending[k]);
		reference->n_pending = 0;
	}
}

exit_code
import_load(import_job *job, import_table *table)
{
	load_state state = {.job = job, .table = table};
	PGresult *result;
	exit_code code = EXIT_OK;

	/* reading was the first half of the bar */
	for (const import_table *t = job->tables; t < job->tables + job->n_tables;
	     t++)
		state.n_bytes_before += t->n_bytes + (t->is_loaded ? t->n_bytes : 0);
	result = PQexec(job->conn, keep_printf("COPY %s FROM STDIN (FREEZE)",
	                                       table->quoted_name));
	if (PQresultStatus(result) != PGRES_COPY_IN)
		code = connect_explain(job->conn, result, table->path);
	PQclear(result);
	if (code != EXIT_OK)
		return code;
	state.hashes = memory_new(table->n_columns * sizeof *state.hashes);
	make_room_for_keys(table);
	code = import_open_reader(table, &state.reader);
	if (code == EXIT_OK)
		code = copy_records(&state);
	code = end_copy(&state, code);
	csv_release(&state.reader);
	text_release(&state.out);
	free(state.hashes);
	table->is_loaded = true;
	import_prove_keys(table, state.n_rows);
	count_pending(job);
	return code;
}
