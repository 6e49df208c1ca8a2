/*
 * keys.c
 *	  Which columns identify the rows of a table.
 *
 * A single column must be unique, without NULL, and look like a key: be named
 * like one or stand first.  Without one, sets of two and three columns are
 * tried on the first rows, and those that survive are proved by the load.  A
 * set that could be unique by chance (its columns have many more combinations
 * than there are rows) is no key.
 */
#include "import.h"

#include <stdlib.h>
#include <string.h>

#define MAX_KEY_BYTES     64
#define MAX_TRIED_COLUMNS 16
#define MAX_CANDIDATES    6
#define MAX_PROVED_ITEMS  (48UL << 20) /* hashes of all sets of a table */
#define CHANCE_COLLISIONS 10.0         /* that chance would have made */
#define SAMPLING_ERROR    0.7          /* of estimated counts, at the worst */
#define HASH_FACTOR       0x9E3779B97F4A7C15ULL

/* ------------------------------------------------------------------- names */

static bool
ends_with(const char *text, const char *end)
{
	size_t size = strlen(text);
	size_t end_size = strlen(end);

	return size > end_size && strcmp(text + size - end_size, end) == 0;
}

/* "customer" and "customer_id" in the table "customers". */
static bool
is_named_after(const char *column, const char *table)
{
	size_t size = strlen(table);

	if (size > 3 && strcmp(table + size - 3, "ies") == 0 &&
	    strncmp(column, table, size - 3) == 0 && column[size - 3] == 'y')
		return true;
	if (size > 1 && table[size - 1] == 's')
		size--;
	return strncmp(column, table, size) == 0 &&
	       (column[size] == '\0' || column[size] == '_' ||
	        strcmp(column + size, "id") == 0);
}

static double
score_name(const char *name, const char *table)
{
	static const char *const names[] = {"id",   "key", "code", "uuid",
	                                    "guid", "pk",  "rowid"};
	static const char *const endings[] = {"_id",  "_key", "_code", "_no",
	                                      "_num", "_nr",  "_uuid", "id"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return 3;
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
		if (ends_with(name, endings[i]))
			return is_named_after(name, table) ? 4 : 2;
	return is_named_after(name, table) ? 2 : 0;
}

/* ---------------------------------------------------------- single columns */

static bool
can_be_key(const import_column *column)
{
	switch (column->type)
	{
		case TYPE_INTEGER:
		case TYPE_BIGINT:
		case TYPE_UUID:
		case TYPE_DATE:
		case TYPE_TIMESTAMP:
		case TYPE_TIMESTAMPTZ:
			return !column->has_null;
		case TYPE_TEXT:
			return !column->has_null && column->max_size <= MAX_KEY_BYTES &&
			       column->n_quoted_empty == 0;
		default:
			return false;
	}
}

static key_candidate *
add_candidate(import_table *table)
{
	key_candidate *key;

	table->keys =
		memory_resize(table->keys, table->n_keys + 1, sizeof *table->keys);
	key = &table->keys[table->n_keys++];
	memset(key, 0, sizeof *key);
	return key;
}

static void
find_single_keys(import_table *table)
{
	for (size_t i = 0; i < table->n_columns; i++)
	{
		import_column *column = &table->columns[i];
		double score = score_name(column->name, table->name) + (i == 0);
		key_candidate *key;

		if (!column->is_unique || !can_be_key(column) || score == 0)
			continue;
		key = add_candidate(table);
		key->columns[0] = i;
		key->n_columns = 1;
		key->score = score;
		key->values = column->values;
		key->is_complete = true;
		key->is_borrowed = true;
	}
}

/* --------------------------------------------------------- several columns */

uint64_t
import_join_hashes(uint64_t first, uint64_t second)
{
	uint64_t joined = (first ^ (second >> 29) ^ (second << 31)) * HASH_FACTOR;

	return joined ^ (joined >> 32) ^ second * 0xD6E8FEB86659FD93ULL;
}

static uint64_t
hash_cells(const import_table *table, const key_candidate *key, size_t row)
{
	const uint64_t *cells = table->cells + row * table->n_columns;
	uint64_t hash = cells[key->columns[0]];

	for (size_t i = 1; i < key->n_columns; i++)
		hash = import_join_hashes(hash, cells[key->columns[i]]);
	return hash;
}

static bool
is_unique_in_sample(const import_table *table, const key_candidate *key)
{
	hash_set set = {0};
	bool is_unique = true;

	for (size_t row = 0; is_unique && row < table->n_sampled; row++)
		is_unique = hash_set_add(&set, hash_cells(table, key, row));
	hash_set_release(&set);
	return is_unique;
}

/* Would as many combinations drawn at random have collided? */
static bool
is_beyond_chance(const import_table *table, const key_candidate *key)
{
	double n_rows = (double) table->n_rows;
	double n_combinations = 1;

	for (size_t i = 0; i < key->n_columns; i++)
		n_combinations *=
			(double) distinct_estimate(&table->columns[key->columns[i]].sample);
	return n_combinations >= SAMPLING_ERROR * n_rows &&
	       n_rows * n_rows / 2 / n_combinations >= CHANCE_COLLISIONS;
}

/* Codes and moments make keys; plain numbers are mostly measures. */
static double
score_columns(const import_table *table, const key_candidate *key)
{
	double score = 0;

	for (size_t i = 0; i < key->n_columns; i++)
	{
		size_t at = key->columns[i];
		const import_column *column = &table->columns[at];

		score += score_name(column->name, table->name);
		score +=
			column->type == TYPE_INTEGER || column->type == TYPE_BIGINT ? 0 : 2;
		score -= 0.5 * (double) at / (double) table->n_columns;
	}
	return score;
}

/* Most values first: an index on them is built twice as fast. */
static void
order_columns(const import_table *table, key_candidate *key)
{
	for (size_t i = 1; i < key->n_columns; i++)
		for (size_t k = i; k > 0; k--)
		{
			size_t before = key->columns[k - 1];

			if (distinct_estimate(&table->columns[before].sample) >=
			    distinct_estimate(&table->columns[key->columns[k]].sample))
				break;
			key->columns[k - 1] = key->columns[k];
			key->columns[k] = before;
		}
}

static void
try_columns(import_table *table, const key_candidate *columns)
{
	key_candidate key = *columns;

	if (!is_beyond_chance(table, &key) || !is_unique_in_sample(table, &key))
		return;
	key.score = score_columns(table, &key);
	order_columns(table, &key);
	*add_candidate(table) = key;
}

/* Adds one more column to key, from the tried ones after the last. */
static void
extend_columns(import_table *table, key_candidate *key, size_t n_wanted,
               size_t from)
{
	if (key->n_columns == n_wanted)
	{
		try_columns(table, key);
		return;
	}
	for (size_t i = from, n_tried = 0;
	     i < table->n_columns && n_tried < MAX_TRIED_COLUMNS; i++)
	{
		const import_column *column = &table->columns[i];

		if (!can_be_key(column) || distinct_estimate(&column->sample) < 2)
			continue;
		n_tried++;
		key->columns[key->n_columns++] = i;
		extend_columns(table, key, n_wanted, i + 1);
		key->n_columns--;
	}
}

static int
compare_scores(const void *a, const void *b)
{
	const key_candidate *first = a;
	const key_candidate *second = b;

	return first->score < second->score   ? 1
	       : first->score > second->score ? -1
	                                      : 0;
}

void
import_find_keys(const import_job *job, import_table *table)
{
	if (!job->has_keys || table->n_rows == 0)
		return;
	find_single_keys(table);
	for (size_t n = 2; n <= MAX_KEY_COLUMNS && table->n_keys == 0; n++)
	{
		key_candidate key = {0};

		extend_columns(table, &key, n, 0);
	}
	qsort(table->keys, table->n_keys, sizeof *table->keys, compare_scores);
	if (table->n_keys > MAX_CANDIDATES)
		table->n_keys = MAX_CANDIDATES;
	while (table->n_keys > 0 && table->keys[0].n_columns > 1 &&
	       table->n_keys * table->n_rows > MAX_PROVED_ITEMS)
		table->n_keys--;
	for (size_t k = 0; k < table->n_keys; k++)
		for (size_t i = 0; i < table->keys[k].n_columns; i++)
			table->columns[table->keys[k].columns[i]].is_hashed |=
				!table->keys[k].is_complete;
}

static bool
is_unique(key_candidate *key, uint64_t n_rows)
{
	hash_set_reserve(&key->values, n_rows);
	for (uint64_t row = 0; row < n_rows; row++)
		if (!hash_set_add(&key->values, key->hashes[row]))
		{
			hash_set_release(&key->values);
			return false;
		}
	return true;
}

/* Best first, so that mostly one set is made. */
void
import_prove_keys(import_table *table, uint64_t n_rows)
{
	bool has_key = false;

	for (size_t i = 0; i < table->n_keys; i++)
	{
		key_candidate *key = &table->keys[i];

		if (!key->is_complete)
			key->is_complete = !has_key && is_unique(key, n_rows);
		key->is_refuted = !key->is_complete;
		has_key |= key->is_complete;
		free(key->hashes);
		key->hashes = NULL;
	}
}

/* The best of those that every row confirmed. */
void
import_choose_key(import_table *table)
{
	for (size_t i = 0; table->key == NULL && i < table->n_keys; i++)
		if (!table->keys[i].is_refuted)
			table->key = &table->keys[i];
}
