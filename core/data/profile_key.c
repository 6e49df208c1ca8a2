/*
 * data/profile_key.c
 *	  A smallest set of columns that identifies a row.
 *
 * Sets of one, two, ... columns are tried, each until the first two rows that
 * agree in all of its columns: with many such pairs they are found after a few
 * rows (a birthday's work), so that only sets that are nearly keys are read to
 * the end.  Rows agree if 64-bit hashes of their values do; a pair by chance
 * would lose a key, never make a false one.
 *
 * Of the keys of one size the one with the fewest possible combinations of
 * values is taken: the more there are, the likelier it is one by chance.  For
 * the same reason numbers with fractions come in only where nothing else does.
 */
#include "data/profile_private.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

#define MAX_CANDIDATES 20  /* 4,845 sets of four */
#define MEASUREMENT    1e9 /* weight of a column of numbers with fractions */

typedef struct candidate
{
	size_t input;
	bool is_measurement; /* numbers with fractions */
	double n_distinct;
	double weight; /* n_distinct, more for measurements */
} candidate;

typedef struct finder
{
	const cer_host *host;
	const cer_data_view *view;
	cer_error *err;
	size_t n_candidates;
	candidate candidates[MAX_CANDIDATES];
	size_t n_chosen;
	size_t chosen[CER_MAX_KEY]; /* of the candidates, ascending */
	double best_weight;
	cer_profile_key best;
	size_t mask;     /* of slots */
	uint64_t *slots; /* hashes; 0: empty */
} finder;

static uint64_t
mix(uint64_t hash, uint64_t value)
{
	/* the finalizer of SplitMix64 (Steele, Lea, Flood 2014) */
	uint64_t z = (hash ^ value) + 0x9E3779B97F4A7C15;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
	return z ^ (z >> 31);
}

static uint64_t
get_bits(const cer_data_column *column, size_t row)
{
	double number;
	uint64_t bits;

	if (column->codes != NULL)
		return column->codes[row];
	number = cer_data_get_number(column, row) + 0.0;
	memcpy(&bits, &number, sizeof(bits));
	return bits;
}

static uint64_t
hash_row(const finder *f, size_t row)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < f->n_chosen; i++)
	{
		size_t input = f->candidates[f->chosen[i]].input;

		hash = mix(hash, get_bits(&f->view->columns[input], row));
	}
	return hash != 0 ? hash : 1;
}

/* False: it was there. */
static bool
add_hash(finder *f, uint64_t hash)
{
	size_t slot = (size_t) hash & f->mask;

	while (f->slots[slot] != 0)
	{
		if (f->slots[slot] == hash)
			return false;
		slot = (slot + 1) & f->mask;
	}
	f->slots[slot] = hash;
	return true;
}

static void
remove_hashes(finder *f, size_t n_rows)
{
	/* few were added: empty their runs only */
	if (n_rows > f->mask / 16)
	{
		memset(f->slots, 0, (f->mask + 1) * sizeof(*f->slots));
		return;
	}
	for (size_t row = 0; row < n_rows; row++)
	{
		size_t slot = (size_t) hash_row(f, row) & f->mask;

		for (; f->slots[slot] != 0; slot = (slot + 1) & f->mask)
			f->slots[slot] = 0;
	}
}

static bool
is_key(finder *f)
{
	size_t row = 0;

	while (row < f->view->n_rows && add_hash(f, hash_row(f, row)))
		row++;
	remove_hashes(f, row);
	return row == f->view->n_rows;
}

/* The set in hand as the best key, its inputs in their order. */
static void
keep_set(finder *f)
{
	f->best.n_inputs = f->n_chosen;
	for (size_t i = 0; i < f->n_chosen; i++)
	{
		size_t input = f->candidates[f->chosen[i]].input;
		size_t j = i;

		for (; j > 0 && f->best.inputs[j - 1] > input; j--)
			f->best.inputs[j] = f->best.inputs[j - 1];
		f->best.inputs[j] = input;
	}
}

/* Takes the set in hand if it is a key and better than the best so far. */
static void
try_set(finder *f)
{
	double n_combinations = 1;
	double weight = 1;

	for (size_t i = 0; i < f->n_chosen; i++)
	{
		n_combinations *= f->candidates[f->chosen[i]].n_distinct;
		weight *= f->candidates[f->chosen[i]].weight;
	}
	if (n_combinations < (double) f->view->n_rows || weight >= f->best_weight ||
	    !is_key(f))
		return;
	f->best_weight = weight;
	keep_set(f);
}

/* The next set of the same size in lexicographic order; false: none. */
static bool
advance(finder *f)
{
	size_t i = f->n_chosen;

	while (i > 0)
	{
		i--;
		if (f->chosen[i] + f->n_chosen - i < f->n_candidates)
		{
			f->chosen[i]++;
			for (size_t j = i + 1; j < f->n_chosen; j++)
				f->chosen[j] = f->chosen[j - 1] + 1;
			return true;
		}
	}
	return false;
}

static cer_status
try_size(finder *f, size_t size)
{
	f->n_chosen = size;
	for (size_t i = 0; i < size; i++)
		f->chosen[i] = i;
	do
	{
		if (f->host->is_canceled(f->host->self))
			return cer_fail(f->err, CER_CANCELED, "canceled");
		try_set(f);
	} while (advance(f));
	return CER_OK;
}

/* ------------------------------------------------------------ candidates */

static bool
is_whole(const cer_data_column *column, size_t n_rows)
{
	for (size_t row = 0; row < n_rows; row++)
	{
		double number = cer_data_get_number(column, row);

		if (number != floor(number))
			return false;
	}
	return true;
}

static bool
is_measurement(const cer_data_column *column, size_t n_rows)
{
	return column->input.storage != CER_CODE32 && !is_whole(column, n_rows);
}

/* Which to do without when there are too many: measurements, then those of
 * few values. */
static bool
is_less_use(const candidate *a, const candidate *b)
{
	if (a->is_measurement != b->is_measurement)
		return a->is_measurement;
	return a->n_distinct < b->n_distinct;
}

static void
add_candidate(finder *f, size_t input, uint64_t n_distinct)
{
	candidate added = {.input = input,
	                   .n_distinct = (double) n_distinct,
	                   .is_measurement = is_measurement(
						   &f->view->columns[input], f->view->n_rows)};
	candidate *least = &f->candidates[0];

	added.weight = added.n_distinct * (added.is_measurement ? MEASUREMENT : 1);
	if (f->n_candidates < MAX_CANDIDATES)
	{
		f->candidates[f->n_candidates++] = added;
		return;
	}
	for (size_t i = 1; i < MAX_CANDIDATES; i++)
		if (is_less_use(&f->candidates[i], least))
			least = &f->candidates[i];
	if (is_less_use(least, &added))
		*least = added;
}

/* By weight: sets of small weight are tried early, and rule others out. */
static void
sort_candidates(finder *f)
{
	for (size_t i = 1; i < f->n_candidates; i++)
	{
		candidate c = f->candidates[i];
		size_t j = i;

		for (; j > 0 && c.weight < f->candidates[j - 1].weight; j--)
			f->candidates[j] = f->candidates[j - 1];
		f->candidates[j] = c;
	}
}

/* At least twice as many slots as rows. */
static cer_status
make_slots(finder *f, cer_arena *arena)
{
	size_t n_slots = 1024;

	while (n_slots / 2 < f->view->n_rows)
		n_slots *= 2;
	f->mask = n_slots - 1;
	return cer_profile_allocate(arena, n_slots, sizeof(*f->slots), &f->slots,
	                            f->err);
}

static cer_status
run(finder *f, cer_arena *arena, const cer_profile_column *columns)
{
	for (size_t input = 0; input < f->view->n_inputs; input++)
		if (columns[input].missing == 0 && !columns[input].is_constant)
			add_candidate(f, input, columns[input].n_distinct);
	sort_candidates(f);
	CER_TRY(make_slots(f, arena));
	for (size_t size = 1; size <= CER_MAX_KEY && size <= f->n_candidates;
	     size++)
	{
		CER_TRY(try_size(f, size));
		if (f->best.n_inputs > 0)
			break;
	}
	return CER_OK;
}

cer_status
cer_profile_find_key(const cer_host *host, const cer_dataset *dataset,
                     const cer_profile_column *columns, cer_profile_key *key,
                     cer_error *err)
{
	finder f = {.host = host,
	            .view = cer_dataset_get_view(dataset),
	            .err = err,
	            .best_weight = INFINITY};
	cer_arena *arena;
	cer_status status;

	if (f.view == NULL)
		return cer_fail(err, CER_BAD_CALL, "the dataset is not finished");
	arena = cer_arena_new(host);
	if (arena == NULL)
		return cer_fail_memory(err, 1);
	status = run(&f, arena, columns);
	cer_arena_free(arena);
	if (status != CER_OK)
		return status;
	*key = f.best;
	return CER_OK;
}
