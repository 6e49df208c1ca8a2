/*
 * train/transfer_means.c
 *	  Means of encoded training rows, by which a transfer tells what an input
 *	  that is gone contributed.
 */
#include "train/transfer_weights.h"

#include "base/arena.h"
#include "base/error.h"
#include "nn/op_first.h"

#include <string.h>

#define MEANS_ROWS    ((size_t) 1024)
#define MEANS_STEPS   ((size_t) 64)
#define MEANS_COLUMNS ((size_t) 64)
#define MEANS_BLOCKS  ((size_t) 64)

size_t
cer_means_count(const cer_input_shape *shape)
{
	size_t n = shape->n_numbers;

	for (size_t i = 0; i < shape->n_tables; i++)
		n += shape->tables[i].n_codes;
	return n;
}

/* Some rows at a time, as they lie in a cache. */
typedef struct means_block
{
	const float *rows;
	size_t n_rows;
	size_t stride;
	float *sums;
} means_block;

/* Each sum has its own order of rows, whatever the width of the machine. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* What rows store at from + i, i below n, row by row as they lie in memory. */
WIDE static void
sum_stored(const means_block *block, size_t from, size_t n, double *sums)
{
	const float *row = block->rows + from;

	memset(sums, 0, n * sizeof(*sums));
	for (size_t i = 0; i < block->n_rows; i++, row += block->stride)
		for (size_t j = 0; j < n; j++)
			sums[j] += (double) row[j];
}

static size_t
get_stored(const cer_input_shape *shape, size_t number)
{
	return shape->places != NULL ? shape->places[number].stored : number;
}

/* Numbers that are stored as they are, from there on, n of them. */
static void
add_stored(const cer_input_shape *shape, const means_block *block, size_t from,
           size_t n)
{
	double sums[MEANS_COLUMNS];

	sum_stored(block, from, n, sums);
	for (size_t i = 0; i < shape->n_numbers; i++)
	{
		size_t stored = get_stored(shape, i);

		if ((shape->places == NULL || shape->places[i].step == CER_NO_STEP) &&
		    stored >= from && stored < from + n)
			block->sums[i] += (float) sums[stored - from];
	}
}

/* Numbers from + i of a ramp, i below n, of rows at places from there on. */
static void
add_steps(const means_block *block, const cer_ramp *ramp, size_t from, size_t n)
{
	const float *row = block->rows + ramp->stored;
	double shares[MEANS_STEPS] = {0};
	double counts[MEANS_STEPS + 1] = {0}; /* n: of rows beyond */
	double beyond = 0.0;

	for (size_t i = 0; i < block->n_rows; i++, row += block->stride)
	{
		size_t place = (size_t) row[0];

		if (place < from)
			continue;
		place -= from;
		counts[place < n ? place : n] += 1.0;
		if (place < n)
			shares[place] += (double) row[1];
	}
	for (size_t i = n; i-- > 0;)
	{
		beyond += counts[i + 1];
		block->sums[ramp->begin + from + i] += (float) (beyond + shares[i]);
	}
}

static void
add_block(const cer_input_shape *shape, const means_block *block)
{
	for (size_t from = 0; from < block->stride; from += MEANS_COLUMNS)
	{
		size_t left = block->stride - from;

		add_stored(shape, block, from,
		           left < MEANS_COLUMNS ? left : MEANS_COLUMNS);
	}
	for (size_t i = 0; i < shape->n_ramps; i++)
		for (size_t from = 0; from < shape->ramps[i].n; from += MEANS_STEPS)
		{
			size_t left = shape->ramps[i].n - from;

			add_steps(block, &shape->ramps[i], from,
			          left < MEANS_STEPS ? left : MEANS_STEPS);
		}
}

/* Some blocks side by side, each with sums of its own: these are added in the
 * order of the rows, whoever made them. */
typedef struct means_window
{
	const cer_input_shape *shape;
	const cer_encoded *rows;
	size_t first; /* block */
	float *sums;  /* (MEANS_BLOCKS, n_numbers) */
} means_window;

static void
sum_block(void *arg, size_t task)
{
	const means_window *window = arg;
	size_t n_numbers = window->shape->n_numbers;
	size_t stride = cer_encoded_step_numbers(window->rows, window->shape);
	size_t first = (window->first + task) * MEANS_ROWS;
	size_t left = window->rows->n_rows - first;
	means_block block = {.rows = window->rows->numbers + first * stride,
	                     .n_rows = left < MEANS_ROWS ? left : MEANS_ROWS,
	                     .stride = stride,
	                     .sums = window->sums + task * n_numbers};

	memset(block.sums, 0, n_numbers * sizeof(float));
	add_block(window->shape, &block);
}

static cer_status
add_numbers(cer_arena *arena, const cer_input_shape *shape,
            const cer_encoded *rows, float *sums, cer_error *err)
{
	const cer_host *host = cer_arena_get_host(arena);
	size_t n_blocks = (rows->n_rows + MEANS_ROWS - 1) / MEANS_ROWS;
	size_t size = MEANS_BLOCKS * shape->n_numbers * sizeof(float);
	means_window window = {.shape = shape, .rows = rows};

	window.sums = cer_arena_allocate(arena, size);
	if (window.sums == NULL)
		return cer_fail_memory(err, size);
	for (; window.first < n_blocks; window.first += MEANS_BLOCKS)
	{
		size_t left = n_blocks - window.first;
		size_t n = left < MEANS_BLOCKS ? left : MEANS_BLOCKS;

		host->run_tasks(host->self, sum_block, &window, n);
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < shape->n_numbers; j++)
				sums[j] += window.sums[i * shape->n_numbers + j];
	}
	return CER_OK;
}

/* Tables side by side. */
typedef struct means_tables
{
	const cer_input_shape *shape;
	const cer_encoded *rows;
	uint32_t *counts; /* twice as many as shares */
	float *shares;    /* table by table */
} means_tables;

/* Two counts of a code in turns: one need not wait for the other. */
static void
count_codes(void *arg, size_t table)
{
	const means_tables *t = arg;
	const cer_encoded *rows = t->rows;
	size_t n_codes = t->shape->tables[table].n_codes;
	size_t stride = cer_encoded_step_codes(rows, t->shape);
	size_t at = 0;
	uint32_t *counts;

	for (size_t i = 0; i < table; i++)
		at += t->shape->tables[i].n_codes;
	counts = t->counts + 2 * at;
	memset(counts, 0, 2 * n_codes * sizeof(*counts));
	for (size_t row = 0; row < rows->n_rows; row++)
	{
		uint32_t code = rows->codes[row * stride + table];

		counts[2 * (code < n_codes ? code : CER_CODE_UNSEEN) + row % 2]++;
	}
	for (size_t i = 0; i < n_codes; i++)
		t->shares[at + i] =
			(float) ((double) (counts[2 * i] + counts[2 * i + 1]) *
		             (1.0 / (double) rows->n_rows));
}

static cer_status
find_shares(cer_arena *arena, const cer_input_shape *shape,
            const cer_encoded *rows, float *shares, cer_error *err)
{
	const cer_host *host = cer_arena_get_host(arena);
	size_t n = cer_means_count(shape) - shape->n_numbers;
	means_tables tables = {.shape = shape, .rows = rows, .shares = shares};

	tables.counts = cer_arena_allocate(arena, 2 * n * sizeof(uint32_t) + 1);
	if (tables.counts == NULL)
		return cer_fail_memory(err, 2 * n * sizeof(uint32_t));
	if (shape->n_tables > 0)
		host->run_tasks(host->self, count_codes, &tables, shape->n_tables);
	return CER_OK;
}

cer_status
cer_means_make(cer_arena *arena, const cer_input_shape *shape,
               const cer_encoded *rows, float *means, cer_error *err)
{
	memset(means, 0, cer_means_count(shape) * sizeof(float));
	if (rows->n_rows == 0)
		return CER_OK;
	CER_TRY(add_numbers(arena, shape, rows, means, err));
	for (size_t i = 0; i < shape->n_numbers; i++)
		means[i] /= (float) rows->n_rows;
	return find_shares(arena, shape, rows, means + shape->n_numbers, err);
}
