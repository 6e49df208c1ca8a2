/*
 * references.c
 *	  Which columns hold keys of another table.
 *
 * Values decide, names support: text codes that are nearly all keys of the
 * other table are a reference whatever their name; numbers, which coincide
 * easily, need a name that says so.  The load counts the matches exactly.
 */
#include "import.h"

#include <stdlib.h>
#include <string.h>

#define MIN_NAMED_SHARE   0.5 /* of a column's values, or of its rows */
#define MIN_UNNAMED_SHARE 0.8
#define MIN_UNNAMED_BYTES 2

/* -------------------------------------------------------------------- names */

static bool
is_common_name(const char *name)
{
	static const char *const names[] = {
		"id",    "name", "year", "code",  "type",   "key",   "date",
		"month", "day",  "hour", "value", "status", "count", "number"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool
has_word(const char *name, const char *word, size_t size)
{
	for (const char *at = name; (at = strstr(at, word)) != NULL; at++)
		if ((at == name || at[-1] == '_') &&
		    (at[size] == '\0' || at[size] == '_' || at[size] == 's' ||
		     strcmp(at + size, "id") == 0))
			return true;
	return false;
}

/* The column speaks of the table: customer_id, of customers. */
static bool
mentions_table(const char *column, const char *table)
{
	size_t size = strlen(table);
	const char *singular = table;

	if (size > 3 && strcmp(table + size - 3, "ies") == 0)
		singular = keep_printf("%.*sy", (int) (size - 3), table);
	else if (size > 2 && table[size - 1] == 's')
		singular = keep_printf("%.*s", (int) (size - 1), table);
	return has_word(column, singular, strlen(singular));
}

/* manager_id of the key id, of the same table. */
static bool
ends_with_key(const char *column, const char *key)
{
	size_t size = strlen(column);
	size_t key_size = strlen(key);

	return size > key_size + 1 && column[size - key_size - 1] == '_' &&
	       strcmp(column + size - key_size, key) == 0;
}

static double
score_names(const import_table *child, const import_column *column,
            const import_table *parent, const import_column *key)
{
	if (mentions_table(column->name, parent->name) && child != parent)
		return 3;
	if (strcmp(column->name, key->name) == 0 && !is_common_name(key->name))
		return 2;
	if (child == parent && ends_with_key(column->name, key->name))
		return 1;
	return 0;
}

/* ----------------------------------------------------------- single columns */

static bool
have_like_types(const import_column *a, const import_column *b)
{
	bool is_whole_a = a->type == TYPE_INTEGER || a->type == TYPE_BIGINT;
	bool is_whole_b = b->type == TYPE_INTEGER || b->type == TYPE_BIGINT;

	return a->type == b->type || (is_whole_a && is_whole_b);
}

static import_reference *
add_reference(import_job *job, import_table *child, import_table *parent,
              key_candidate *key)
{
	import_reference *reference;

	job->references = memory_resize(job->references, job->n_references + 1,
	                                sizeof *job->references);
	reference = &job->references[job->n_references++];
	memset(reference, 0, sizeof *reference);
	reference->child = child;
	reference->parent = parent;
	reference->key = key;
	return reference;
}

static bool
is_plausible(const import_column *column, const key_candidate *key,
             double name_score)
{
	double share = distinct_measure_overlap(&column->sample, &key->values);

	if (name_score > 0)
		return share >= MIN_NAMED_SHARE;
	return column->type == TYPE_TEXT && share >= MIN_UNNAMED_SHARE &&
	       column->max_size >= MIN_UNNAMED_BYTES &&
	       distinct_estimate(&column->sample) > 1;
}

static void
try_column(import_job *job, import_table *child, size_t at,
           import_table *parent)
{
	import_column *column = &child->columns[at];
	key_candidate *key = &parent->keys[0];
	import_column *key_column = &parent->columns[key->columns[0]];
	double name_score = score_names(child, column, parent, key_column);
	import_reference *reference;

	if (column == key_column || column->kinds == 0 ||
	    !have_like_types(column, key_column) ||
	    (child == parent && name_score == 0) ||
	    !is_plausible(column, key, name_score))
		return;
	reference = add_reference(job, child, parent, key);
	reference->columns[0] = at;
	reference->name_score = name_score;
	column->is_hashed = true;
}

/* ---------------------------------------------------------- several columns */

static bool
find_same_columns(const import_table *child, const import_table *parent,
                  const key_candidate *key, size_t *columns)
{
	for (size_t k = 0; k < key->n_columns; k++)
	{
		const import_column *wanted = &parent->columns[key->columns[k]];
		size_t at = 0;

		while (at < child->n_columns &&
		       strcmp(child->columns[at].name, wanted->name) != 0)
			at++;
		if (at == child->n_columns ||
		    !have_like_types(&child->columns[at], wanted))
			return false;
		columns[k] = at;
	}
	return true;
}

static void
try_columns(import_job *job, import_table *child, import_table *parent,
            key_candidate *key)
{
	import_reference *reference;
	size_t columns[MAX_KEY_COLUMNS];

	if (child == parent || !find_same_columns(child, parent, key, columns))
		return;
	reference = add_reference(job, child, parent, key);
	memcpy(reference->columns, columns, sizeof columns);
	reference->name_score = 2;
	for (size_t i = 0; i < key->n_columns; i++)
		child->columns[columns[i]].is_hashed = true;
}

static void
find_references_between(import_job *job, import_table *child,
                        import_table *parent)
{
	if (parent->n_keys == 0)
		return;
	if (parent->keys[0].n_columns == 1)
		for (size_t i = 0; i < child->n_columns; i++)
			try_column(job, child, i, parent);
	else
		for (size_t k = 0; k < parent->n_keys; k++)
			try_columns(job, child, parent, &parent->keys[k]);
}

/* Whether any new column could refer to the table, before its keys are read. */
static bool
is_of_interest(const import_job *job, const import_table *parent)
{
	const import_column *key = &parent->columns[0];
	size_t columns[MAX_KEY_COLUMNS];

	for (size_t c = 0; c < job->n_tables; c++)
	{
		const import_table *child = &job->tables[c];

		if (parent->n_columns > 1 &&
		    find_same_columns(child, parent, &parent->keys[0], columns))
			return true;
		for (size_t i = 0; parent->n_columns == 1 && i < child->n_columns; i++)
			if (have_like_types(&child->columns[i], key) &&
			    (key->type == TYPE_TEXT ||
			     score_names(child, &child->columns[i], parent, key) > 0))
				return true;
	}
	return false;
}

static exit_code
find_references_to_existing(import_job *job)
{
	exit_code code = import_find_existing(job);

	for (size_t p = 0; code == EXIT_OK && p < job->n_existing; p++)
	{
		import_table *parent = &job->existing[p];

		if (!is_of_interest(job, parent))
			continue;
		code = import_read_keys(job, parent);
		for (size_t c = 0; code == EXIT_OK && c < job->n_tables; c++)
			find_references_between(job, &job->tables[c], parent);
	}
	return code;
}

exit_code
import_find_references(import_job *job)
{
	for (size_t c = 0; c < job->n_tables; c++)
		for (size_t p = 0; p < job->n_tables; p++)
			find_references_between(job, &job->tables[c], &job->tables[p]);
	return find_references_to_existing(job);
}

/* ----------------------------------------------------------------- choosing */

static double
get_share(const import_reference *reference)
{
	return reference->n_rows == 0
	           ? 0
	           : (double) reference->n_matched / (double) reference->n_rows;
}

static bool
holds(const import_reference *reference)
{
	return reference->key == reference->parent->key &&
	       get_share(reference) >= (reference->name_score > 0
	                                    ? MIN_NAMED_SHARE
	                                    : MIN_UNNAMED_SHARE);
}

static bool
has_same_columns(const import_reference *a, const import_reference *b)
{
	return a->child == b->child && a->key->n_columns == b->key->n_columns &&
	       memcmp(a->columns, b->columns,
	              a->key->n_columns * sizeof a->columns[0]) == 0;
}

/* The better match, then the better name, then the smaller parent. */
static bool
is_better(const import_reference *a, const import_reference *b)
{
	if (a->name_score != b->name_score)
		return a->name_score > b->name_score;
	if (get_share(a) != get_share(b))
		return get_share(a) > get_share(b);
	return a->parent->n_rows < b->parent->n_rows;
}

static bool
is_outdone(const import_job *job, size_t at)
{
	const import_reference *reference = &job->references[at];

	for (size_t i = 0; i < job->n_references; i++)
		if (i != at && holds(&job->references[i]) &&
		    has_same_columns(&job->references[i], reference) &&
		    (is_better(&job->references[i], reference) ||
		     (i < at && !is_better(reference, &job->references[i]))))
			return true;
	return false;
}

static bool
has_columns(const size_t *columns, const key_candidate *key)
{
	return memcmp(columns, key->columns, key->n_columns * sizeof columns[0]) ==
	       0;
}

static bool
is_reverse(const import_reference *a, const import_reference *b)
{
	return a->child == b->parent && a->parent == b->child &&
	       a->key->n_columns == b->key->n_columns &&
	       has_columns(a->columns, b->key) && has_columns(b->columns, a->key);
}

/* Two tables with the same keys refer to each other: the closer match stays,
 * else the better name, else the first. */
static bool
is_turned_round(const import_job *job, size_t at)
{
	const import_reference *reference = &job->references[at];

	for (size_t i = 0; i < job->n_references; i++)
	{
		const import_reference *other = &job->references[i];
		double closer = get_share(other) - get_share(reference);

		if (i == at || !is_reverse(other, reference) || !holds(other))
			continue;
		if (closer == 0)
			closer = other->name_score - reference->name_score;
		if (closer > 0 || (closer == 0 && i < at))
			return true;
	}
	return false;
}

/* Keeps what the rows confirmed, one reference for a set of columns. */
void
import_choose_references(import_job *job)
{
	bool *is_kept = memory_new(job->n_references);
	size_t n_kept = 0;

	for (size_t i = 0; i < job->n_references; i++)
		is_kept[i] = holds(&job->references[i]) && !is_outdone(job, i) &&
		             !is_turned_round(job, i);
	for (size_t i = 0; i < job->n_references; i++)
	{
		free(job->references[i].pending);
		job->references[i].pending = NULL;
		if (is_kept[i])
			job->references[n_kept++] = job->references[i];
	}
	job->n_references = n_kept;
	free(is_kept);
}
