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

/* One after the other. */
static size_t
get_window(const cer_order *order)
{
	return order->window > 0 && order->window < order->n_rows ? order->window
	                                                          : order->n_rows;
}

static size_t
count_windows(const cer_order *order)
{
	size_t window = get_window(order);

	return window > 0 ? (order->n_rows + window - 1) / window : 0;
}

cer_status
cer_order_init(cer_arena *arena, cer_order *order, uint64_t seed,
               cer_error *err)
{
	size_t n = order->n_rows;
	size_t n_windows = count_windows(order);
	size_t largest = get_window(order);

	if (n_windows > largest)
		largest = n_windows;
	order->epoch = 0;
	cer_random_init(&order->random, seed, (cer_text){"order of rows", 13});
	cer_random_init(&order->of_windows, seed,
	                (cer_text){"order of windows", 16});
	order->rows = cer_arena_allocate(arena, n * sizeof(uint32_t));
	order->windows = cer_arena_allocate(arena, n_windows * sizeof(uint32_t));
	order->numbers = cer_arena_allocate(arena, n_windows * sizeof(uint64_t));
	order->keys = cer_arena_allocate(arena, largest * sizeof(uint64_t));
	order->scratch = cer_arena_allocate(arena, largest * sizeof(uint64_t));
	if (order->rows == NULL || order->keys == NULL || order->scratch == NULL ||
	    order->windows == NULL || order->numbers == NULL)
		return cer_fail_memory(err, n * sizeof(uint64_t));
	for (size_t i = 0; i < n_windows; i++)
		order->numbers[i] = i;
	return CER_OK;
}

/* Keys of things: rows of a window, or windows. */
typedef struct drawing
{
	const cer_order *order;
	const cer_random *random;
	const uint64_t *things;
	size_t n;
} drawing;

static void
draw_keys(void *arg, size_t task)
{
	const drawing *d = arg;
	size_t first = task * TASK_ROWS;
	size_t left = d->n - first;
	size_t n = left < TASK_ROWS ? left : TASK_ROWS;
	uint64_t *keys = d->order->keys + first;

	d->order->kernels->draw(n, d->random, d->order->epoch, d->things + first,
	                        keys);
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

typedef void (*task_runner)(void *self, cer_task_fn fn, void *arg,
                            size_t n_tasks);

static void
run_in_turn(void *self, cer_task_fn fn, void *arg, size_t n_tasks)
{
	(void) self;
	for (size_t task = 0; task < n_tasks; task++)
		fn(arg, task);
}

/* Positions first, first + 1, ... of the things in random order. */
static void
shuffle(drawing *d, task_runner run, uint32_t first, uint32_t *to)
{
	const cer_order *order = d->order;

	run(order->host->self, draw_keys, d, (d->n + TASK_ROWS - 1) / TASK_ROWS);
	sort_digit(order->keys, order->scratch, d->n, 32);
	sort_digit(order->scratch, order->keys, d->n, 32 + DIGIT);
	sort_digit(order->keys, order->scratch, d->n, 32 + 2 * DIGIT);
	for (size_t i = 0; i < d->n; i++)
		to[i] = first + (uint32_t) order->scratch[i];
}

static void
shuffle_windows(cer_order *order, task_runner run, uint32_t epoch)
{
	size_t window = get_window(order);
	drawing windows = {order, &order->of_windows, order->numbers,
	                   count_windows(order)};
	uint32_t *to = order->rows;

	order->epoch = epoch;
	shuffle(&windows, run, 0, order->windows);
	for (size_t i = 0; i < windows.n; i++)
	{
		size_t first = order->windows[i] * window;
		size_t left = order->n_rows - first;
		drawing rows = {order, &order->random, order->row_keys + first,
		                left < window ? left : window};

		shuffle(&rows, run, (uint32_t) first, to);
		to += rows.n;
	}
}

void
cer_order_shuffle(cer_order *order, uint32_t epoch)
{
	if (order->epoch != epoch)
		shuffle_windows(order, order->host->run_tasks, epoch);
}

void
cer_order_shuffle_ahead(cer_order *order, uint32_t epoch)
{
	shuffle_windows(order, run_in_turn, epoch);
}
