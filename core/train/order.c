/*
 * train/order.c
 *	  The order of rows in an epoch.
 *
 * A key is the random number above, the row's index below: three passes of a
 * radix sort over the upper 32 bits order the rows, and ties stay in order of
 * rows, which is that of their keys.
 */
#include "train/order.h"
#include "base/error.h"

#include <string.h>

#define TASK_ROWS ((size_t) 1 << 14)
#define DIGIT     11
#define N_DIGITS  ((size_t) 1 << DIGIT)

cer_status
cer_order_init(cer_arena *arena, cer_order *order, uint64_t seed,
               cer_error *err)
{
	size_t n = order->n_rows;

	cer_random_init(&order->random, seed, (cer_text){"order of rows", 13});
	order->rows = cer_arena_allocate(arena, n * sizeof(uint32_t));
	order->keys = cer_arena_allocate(arena, n * sizeof(uint64_t));
	order->scratch = cer_arena_allocate(arena, n * sizeof(uint64_t));
	if (order->rows == NULL || order->keys == NULL || order->scratch == NULL)
		return cer_fail_memory(err, n * sizeof(uint64_t));
	return CER_OK;
}

static void
draw_keys(void *arg, size_t task)
{
	const cer_order *order = arg;
	size_t first = task * TASK_ROWS;
	size_t left = order->n_rows - first;
	size_t n = left < TASK_ROWS ? left : TASK_ROWS;
	uint64_t *keys = order->keys + first;

	order->kernels->draw(n, &order->random, order->epoch,
	                     order->row_keys + first, keys);
	for (size_t i = 0; i < n; i++)
		keys[i] = keys[i] << 32 | (first + i);
}

static void
sort_digit(const uint64_t *from, uint64_t *to, size_t n, unsigned shift)
{
	uint32_t starts[N_DIGITS];
	uint32_t start = 0;

	memset(starts, 0, sizeof(starts));
	for (size_t i = 0; i < n; i++)
		starts[from[i] >> shift & (N_DIGITS - 1)]++;
	for (size_t digit = 0; digit < N_DIGITS; digit++)
	{
		uint32_t count = starts[digit];

		starts[digit] = start;
		start += count;
	}
	for (size_t i = 0; i < n; i++)
		to[starts[from[i] >> shift & (N_DIGITS - 1)]++] = from[i];
}

void
cer_order_shuffle(cer_order *order, uint32_t epoch)
{
	size_t n = order->n_rows;

	order->epoch = epoch;
	order->host->run_tasks(order->host->self, draw_keys, order,
	                       (n + TASK_ROWS - 1) / TASK_ROWS);
	sort_digit(order->keys, order->scratch, n, 32);
	sort_digit(order->scratch, order->keys, n, 32 + DIGIT);
	sort_digit(order->keys, order->scratch, n, 32 + 2 * DIGIT);
	for (size_t i = 0; i < n; i++)
		order->rows[i] = (uint32_t) order->scratch[i];
}
