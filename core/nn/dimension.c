/*
 * nn/dimension.c
 *	  Which tables of FE are worth being computed by their rows, and which rows
 *	  of them differ.
 *
 * Two rows are one if the bytes that the network takes of them have the same
 * hash of 128 bits.
 */
#include "nn/dimension.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/size.h"
#include "nn/operator.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ------------------------------------------------------------ spans */

static void
append_span(cer_span *spans, size_t *n, uint32_t first, uint32_t size)
{
	if (*n > 0 && spans[*n - 1].first + spans[*n - 1].n == first)
		spans[*n - 1].n += size;
	else
		spans[(*n)++] = (cer_span){first, size};
}

cer_status
cer_spans_make(cer_arena *arena, const cer_input_shape *shape,
               const cer_view *view, cer_spans *spans, cer_error *err)
{
	size_t size = (view->n_numbers + 1) * sizeof(cer_span);
	cer_span *made = cer_arena_allocate(arena, size);
	size_t n = 0;

	if (made == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < view->n_numbers; i++)
	{
		cer_number_place place = {view->numbers[i], CER_NO_STEP};

		if (shape->places != NULL)
			place = shape->places[view->numbers[i]];
		if (place.step == CER_NO_STEP)
			append_span(made, &n, place.stored, 1);
		else if (place.step == 0)
			append_span(made, &n, place.stored, CER_RAMP_FLOATS);
	}
	*spans = (cer_spans){n, made};
	return CER_OK;
}

/* ------------------------------------------------------------ hashes */

/* What of an encoded row belongs to a table. */
typedef struct table_rows
{
	const cer_encoded *rows;
	const cer_view *view;
	cer_spans spans;
	size_t n_stored; /* from row to row */
	size_t n_codes;
	size_t n_words;        /* of a row that belong to it */
	XXH128_hash_t *hashes; /* by row */
} table_rows;

static cer_status
table_rows_make(cer_arena *arena, const cer_input_shape *shape,
                const cer_view *view, const cer_encoded *rows, table_rows *made,
                cer_error *err)
{
	size_t size = cer_size_multiply(rows->n_rows, sizeof(XXH128_hash_t));

	*made = (table_rows){.rows = rows,
	                     .view = view,
	                     .n_stored = cer_encoded_step_numbers(rows, shape),
	                     .n_codes = cer_encoded_step_codes(rows, shape)};
	made->hashes = cer_arena_allocate(arena, size);
	if (made->hashes == NULL)
		return cer_fail_memory(err, size);
	CER_TRY(cer_spans_make(arena, shape, view, &made->spans, err));
	made->n_words = view->n_tables;
	for (size_t i = 0; i < made->spans.n; i++)
		made->n_words += made->spans.all[i].n;
	return CER_OK;
}

#define HASHED_WORDS ((size_t) 64) /* of a row, at once */

typedef struct row_hash
{
	uint32_t words[HASHED_WORDS];
	size_t n;
	XXH128_hash_t hash; /* of what was there before */
} row_hash;

/* A chain: what was hashed before is hashed with the next piece. */
static void
hash_words(row_hash *h)
{
	h->hash = XXH3_128bits_withSeed(h->words, h->n * sizeof(uint32_t),
	                                h->hash.low64 ^ (h->hash.high64 << 1));
	h->n = 0;
}

static inline void
add_word(row_hash *h, const void *word)
{
	if (h->n == HASHED_WORDS)
		hash_words(h);
	memcpy(&h->words[h->n++], word, sizeof(uint32_t));
}

/* Of a row that is hashed at once. */
static XXH128_hash_t
hash_short_row(const table_rows *t, const float *numbers, const uint32_t *codes)
{
	uint32_t words[HASHED_WORDS];
	size_t n = 0;

	for (size_t i = 0; i < t->spans.n; i++)
		for (size_t k = 0; k < t->spans.all[i].n; k++)
			memcpy(&words[n++], &numbers[t->spans.all[i].first + k],
			       sizeof(uint32_t));
	for (size_t i = 0; i < t->view->n_tables; i++)
		words[n++] = codes[t->view->tables[i]];
	return XXH3_128bits_withSeed(words, n * sizeof(uint32_t), 0);
}

static XXH128_hash_t
hash_row(const table_rows *t, size_t row)
{
	const float *numbers = t->rows->numbers + row * t->n_stored;
	const uint32_t *codes = t->rows->codes + row * t->n_codes;
	row_hash h;

	if (t->n_words <= HASHED_WORDS)
		return hash_short_row(t, numbers, codes);
	h.n = 0;
	h.hash = (XXH128_hash_t){0, 0};
	for (size_t i = 0; i < t->spans.n; i++)
		for (size_t k = 0; k < t->spans.all[i].n; k++)
			add_word(&h, &numbers[t->spans.all[i].first + k]);
	for (size_t i = 0; i < t->view->n_tables; i++)
		add_word(&h, &codes[t->view->tables[i]]);
	hash_words(&h);
	return h.hash;
}

#define HASH_ROWS ((size_t) 4096)

static void
hash_some(void *arg, size_t task)
{
	const table_rows *t = arg;
	size_t first = task * HASH_ROWS;
	size_t left = t->rows->n_rows - first;
	size_t last = first + (left < HASH_ROWS ? left : HASH_ROWS);

	for (size_t row = first; row < last; row++)
		t->hashes[row] = hash_row(t, row);
}

/* ------------------------------------------------------------ which differ */

/* Rows met so far, by hash: open addressing, at most half full.  It begins
 * small, as a table that few rows differ in stays in the nearest cache. */
typedef struct row_set
{
	size_t n_places;  /* a power of two */
	uint32_t *places; /* 1 + number of a row that was met; 0: free */
	size_t n;
	XXH128_hash_t *hashes; /* by number */
} row_set;

#define FIRST_PLACES ((size_t) 1024)

static cer_status
row_set_make(cer_arena *arena, size_t n_rows, row_set *set, cer_error *err)
{
	size_t n_places = FIRST_PLACES;

	while (n_places < 2 * n_rows)
		n_places *= 2;
	*set = (row_set){.n_places = FIRST_PLACES};
	set->places = cer_arena_allocate(arena, n_places * sizeof(uint32_t));
	set->hashes = cer_arena_allocate(arena, n_rows * sizeof(XXH128_hash_t));
	if (set->places == NULL || set->hashes == NULL)
		return cer_fail_memory(err, n_places * sizeof(uint32_t));
	memset(set->places, 0, set->n_places * sizeof(uint32_t));
	return CER_OK;
}

static size_t
row_set_find(const row_set *set, XXH128_hash_t hash)
{
	size_t place = hash.low64 & (set->n_places - 1);

	while (set->places[place] != 0 &&
	       !XXH128_isEqual(set->hashes[set->places[place] - 1], hash))
		place = (place + 1) & (set->n_places - 1);
	return place;
}

/* There is room for as many as rows need. */
static void
row_set_grow(row_set *set)
{
	set->n_places *= 2;
	memset(set->places, 0, set->n_places * sizeof(uint32_t));
	for (size_t i = 0; i < set->n; i++)
		set->places[row_set_find(set, set->hashes[i])] = (uint32_t) i + 1;
}

/* Its number; the next one if it is new. */
static uint32_t
row_set_add(row_set *set, XXH128_hash_t hash)
{
	size_t place = row_set_find(set, hash);
	uint32_t number = set->places[place];

	if (number > 0)
		return number - 1;
	set->hashes[set->n++] = hash;
	set->places[place] = (uint32_t) set->n;
	number = (uint32_t) set->n - 1;
	if (2 * set->n > set->n_places)
		row_set_grow(set);
	return number;
}

static void
row_set_clear(row_set *set)
{
	memset(set->places, 0, set->n_places * sizeof(uint32_t));
	set->n = 0;
}

/* ------------------------------------------------------------ the choice */

#define SAMPLE_BATCHES 8

/* Rows are in order of hashed keys: those that follow on each other are a
 * batch as good as any. */
static cer_status
estimate_distinct(cer_arena *arena, const cer_input_shape *shape,
                  const cer_view *view, const cer_encoded *train, size_t batch,
                  size_t *n_distinct, cer_error *err)
{
	cer_encoded sample = *train;
	size_t n_batches = train->n_rows / batch;
	size_t sum = 0;
	table_rows t;
	row_set set;

	if (n_batches > SAMPLE_BATCHES)
		n_batches = SAMPLE_BATCHES;
	sample.n_rows = n_batches * batch;
	CER_TRY(table_rows_make(arena, shape, view, &sample, &t, err));
	CER_TRY(row_set_make(arena, batch, &set, err));
	for (size_t i = 0; i < n_batches; i++)
	{
		row_set_clear(&set);
		for (size_t row = i * batch; row < (i + 1) * batch; row++)
			row_set_add(&set, hash_row(&t, row));
		sum += set.n;
	}
	*n_distinct = (sum + n_batches - 1) / n_batches;
	return CER_OK;
}

/*
 * Processor cycles of a row of the layer, for each of its units: products run
 * near the peak, rows of tables are added and their gradients scattered from
 * and to caches.  Measured on one core with wide registers; the same numbers
 * everywhere, as bits depend on the choice.
 */
#define NUMBER_CYCLES   0.13
#define TABLE_CYCLES    0.40
#define EMBEDDED_CYCLES 0.19 /* of each place */
#define ADD_CYCLES      0.50 /* what a dimension's row adds, and its gradient */
#define ROW_CYCLES      25.0
#define BATCH_CYCLES    4000.0
#define MARGIN          1.1

static bool
is_worth_it(const cer_net *net, const cer_view *view, size_t n_units,
            size_t batch, size_t n_distinct)
{
	double n = (double) n_units;
	double share = (double) n_distinct / (double) batch;
	double joined = NUMBER_CYCLES * (double) view->n_numbers;
	double more = ADD_CYCLES * n + ROW_CYCLES + BATCH_CYCLES / (double) batch;

	for (size_t i = 0; i < view->n_tables; i++)
	{
		const cer_table_shape *table = &net->shape->tables[view->tables[i]];
		bool is_gathered = table->width > 0 && 2 * table->n_codes > batch;

		joined += is_gathered ? EMBEDDED_CYCLES * (double) table->width
		                      : TABLE_CYCLES;
	}
	return joined * n * (1.0 - share) > MARGIN * more;
}

/* Of all first layers; they have the same features. */
static size_t
count_units(const cer_net *net)
{
	size_t n = 0;

	for (size_t i = 0; i < net->n_nodes; i++)
		if (net->nodes[i].op == &cer_op_first)
			n += net->nodes[i].n_out;
	return n;
}

static cer_status
plan_view(cer_arena *work, const cer_net *net, const cer_view *view,
          const cer_encoded *train, size_t batch, cer_dimension_plan *plan,
          cer_error *err)
{
	size_t n_units = count_units(net);

	*plan = (cer_dimension_plan){0};
	if (view->alias.size == 0 || batch == 0 ||
	    !is_worth_it(net, view, n_units, batch, 1))
		return CER_OK;
	CER_TRY(estimate_distinct(work, net->shape, view, train, batch,
	                          &plan->n_expected, err));
	if (is_worth_it(net, view, n_units, batch, plan->n_expected))
		plan->view = view;
	return CER_OK;
}

cer_status
cer_dimensions_plan(cer_arena *arena, const cer_net *net,
                    const cer_encoded *train, size_t batch,
                    cer_dimension_plan **plans, size_t *n_plans, cer_error *err)
{
	cer_arena *work;
	const cer_view *views;
	cer_dimension_plan *made;
	size_t n_views;
	size_t n = 0;
	cer_status status = CER_OK;

	*n_plans = 0;
	if (net->shape->n_aliases == 0 || count_units(net) == 0)
		return CER_OK;
	CER_TRY(cer_view_make_tables(arena, net->shape, &views, &n_views, err));
	made = cer_arena_allocate(arena, n_views * sizeof(*made));
	work = cer_arena_new(cer_arena_get_host(arena));
	if (made == NULL || work == NULL)
		return cer_fail_memory(err, n_views * sizeof(*made));
	for (size_t i = 0; i < n_views && status == CER_OK; i++)
	{
		status = plan_view(work, net, &views[i], train, batch, &made[n], err);
		n += made[n].view != NULL;
	}
	cer_arena_free(work);
	*plans = made;
	*n_plans = n;
	return status;
}

/* ------------------------------------------------------------ rows */

/* What the rows that differ are: the first ones that have each. */
static cer_status
keep_dimension(cer_arena *arena, const cer_input_shape *shape,
               const table_rows *t, const uint32_t *first, cer_dimension *made,
               cer_error *err)
{
	size_t n_tables = t->view->n_tables;
	size_t size = cer_size_multiply(made->n_rows, n_tables * sizeof(uint32_t));
	uint32_t *codes = cer_arena_allocate(arena, size);

	if (codes == NULL)
		return cer_fail_memory(err, size);
	made->codes = codes;
	for (size_t i = 0; i < made->n_rows; i++)
	{
		const uint32_t *from = t->rows->codes + first[i] * t->n_codes;

		for (size_t k = 0; k < n_tables; k++)
			*codes++ = from[t->view->tables[k]];
	}
	return cer_view_copy_numbers(arena, shape, t->view, t->rows, first,
	                             made->n_rows, &made->numbers, &made->n_numbers,
	                             err);
}

/* Numbers in order of the rows. */
static cer_status
find_dimension(cer_arena *arena, cer_arena *work, const cer_input_shape *shape,
               table_rows *t, cer_dimension *made, cer_error *err)
{
	const cer_host *host = cer_arena_get_host(arena);
	size_t n_rows = t->rows->n_rows;
	uint32_t *of = cer_arena_allocate(arena, n_rows * sizeof(*of));
	uint32_t *first = cer_arena_allocate(work, n_rows * sizeof(*first));
	row_set set;

	CER_TRY(row_set_make(work, n_rows, &set, err));
	if (of == NULL || first == NULL)
		return cer_fail_memory(err, n_rows * sizeof(*of));
	host->run_tasks(host->self, hash_some, t,
	                (n_rows + HASH_ROWS - 1) / HASH_ROWS);
	for (size_t row = 0; row < n_rows; row++)
	{
		size_t n = set.n;

		of[row] = row_set_add(&set, t->hashes[row]);
		if (set.n > n)
			first[n] = (uint32_t) row;
	}
	*made = (cer_dimension){.n_rows = set.n, .of = of};
	return keep_dimension(arena, shape, t, first, made, err);
}

cer_status
cer_dimensions_find(cer_arena *arena, const cer_host *host, const cer_net *net,
                    const cer_dimension_plan *plans, size_t n_plans,
                    cer_encoded *rows, cer_error *err)
{
	size_t size = n_plans * sizeof(cer_dimension);
	cer_dimension *made = cer_arena_allocate(arena, size);

	if (made == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < n_plans; i++)
	{
		cer_arena *work = cer_arena_new(host);
		cer_status status =
			work != NULL ? CER_OK : cer_fail_memory(err, rows->n_rows);
		table_rows t;

		if (status == CER_OK)
			status =
				table_rows_make(work, net->shape, plans[i].view, rows, &t, err);
		if (status == CER_OK)
			status = find_dimension(arena, work, net->shape, &t, &made[i], err);
		cer_arena_free(work);
		CER_TRY(status);
	}
	rows->n_dimensions = n_plans;
	rows->dimensions = made;
	return cer_dimensions_keep_rest(
		arena, net->shape, &(cer_dimension_list){plans, n_plans}, rows, err);
}
