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
 * Categories are tried first, then whole numbers, as a key of measurements is
 * one by chance.
 */
#include "data/profile_private.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

#define MAX_CANDIDATES 20 /* 4,845 sets of four */

typedef struct candidate
{
	size_t input;
	int rank; /* 0 category, 1 whole numbers, 2 other numbers */
	double n_distinct;
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
	size_t mask;                /* of slots */
	uint64_t *slots;            /* hashes; 0: empty */
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
	double n_combinations = 1;

	for (size_t i = 0; i < f->n_chosen; i++)
		n_combinations *= f->candidates[f->chosen[i]].n_distinct;
	if (n_combinations < (double) f->view->n_rows)
		return false;
	while (row < f->view->n_rows && add_hash(f, hash_row(f, row)))
		row++;
	remove_hashes(f, row);
	return row == f->view->n_rows;
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

/* Tries the sets of a size; n_chosen stays 0 where none is a key. */
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
		if (is_key(f))
			return CER_OK;
	} while (advance(f));
	f->n_chosen = 0;
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
comes_before(const candidate *a, const candidate *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return a->n_distinct > b->n_distinct;
}

static void
sort_candidates(finder *f)
{
	for (size_t i = 1; i < f->n_candidates; i++)
	{
		candidate c = f->candidates[i];
		size_t j = i;

		for (; j > 0 && comes_before(&c, &f->candidates[j - 1]); j--)
			f->candidates[j] = f->candidates[j - 1];
		f->candidates[j] = c;
	}
}

/* Keeps those of the most values when there are too many. */
static void
add_candidate(finder *f, size_t input, uint64_t n_distinct)
{
	const cer_data_column *column = &f->view->columns[input];
	size_t least = 0;

	if (f->n_candidates < MAX_CANDIDATES)
		least = f->n_candidates++;
	else
	{
		for (size_t i = 1; i < MAX_CANDIDATES; i++)
			if (f->candidates[i].n_distinct < f->candidates[least].n_distinct)
				least = i;
		if ((double) n_distinct <= f->candidates[least].n_distinct)
			return;
	}
	f->candidates[least] =
		(candidate){.input = input,
	                .rank = column->input.storage == CER_CODE32 ? 0
	                        : is_whole(column, f->view->n_rows) ? 1
	                                                            : 2,
	                .n_distinct = (double) n_distinct};
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
		if (f->n_chosen > 0)
			break;
	}
	return CER_OK;
}

cer_status
cer_profile_find_key(const cer_host *host, const cer_dataset *dataset,
                     const cer_profile_column *columns, cer_profile_key *key,
                     cer_error *err)
{
	finder f = {
		.host = host, .view = cer_dataset_get_view(dataset), .err = err};
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
	key->n_inputs = f.n_chosen;
	for (size_t i = 0; i < f.n_chosen; i++)
		key->inputs[i] = f.candidates[f.chosen[i]].input;
	return CER_OK;
}
