/*
 * nn/op_first_rare.c
 *	  Numbers of the first layer that are mostly zero, in training.
 *
 * That a value is missing is said by a number that is 0 in nearly all rows, and
 * what is counted is often 0.  Such numbers have no part in the product of all
 * rows: they are added, and so are their gradients, where they are not zero.
 */
#include "base/error.h"
#include "nn/op_first_private.h"

#include <string.h>

#define WORD_PLACES  64
#define SAMPLE_ROWS  2048
#define MOST_PART    6 /* of the sample's rows, the first, may be not zero */
#define FEWEST_PART  8 /* of the numbers: fewer are not worth telling apart */
#define BLOCK_FACTOR 2.0

/* A number that is not zero. */
typedef struct rare_entry
{
	uint32_t row; /* of the batch */
	uint32_t number;
	float value;
} rare_entry;

struct first_rare
{
	size_t n;
	const uint32_t *numbers;
	uint32_t *number_of; /* by place in a stored row */
	size_t n_words;      /* of 64 places, of a stored row */
	uint64_t *marked;    /* places of these numbers, */
	uint64_t *picked;    /* and of those that are multiplied */
	rare_entry *entries; /* by tile, (tile_rows, n), of which there are */
	uint32_t *n_entries; /* so many */
};

/* ------------------------------------------------------------ finding */

static bool
is_stored(const cer_input_shape *shape, size_t number)
{
	return shape->places == NULL || shape->places[number].step == CER_NO_STEP;
}

static bool
is_rare(const cer_input_shape *shape, const cer_encoded *rows, size_t number)
{
	size_t n = rows->n_rows < SAMPLE_ROWS ? rows->n_rows : SAMPLE_ROWS;
	size_t n_used = 0;

	for (size_t i = 0; i < n; i++)
		n_used += cer_shape_get_number(shape,
		                               cer_encoded_get_numbers(
										   rows, shape, i * (rows->n_rows / n)),
		                               number) != 0.0f;
	return n_used * MOST_PART <= n;
}

cer_status
cer_first_find_rare(cer_arena *arena, const cer_input_shape *shape,
                    const cer_encoded *rows, const uint32_t **numbers,
                    size_t *n, cer_error *err)
{
	size_t size = shape->n_numbers * sizeof(uint32_t);
	uint32_t *found = cer_arena_allocate(arena, size);
	size_t n_found = 0;

	if (found == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < shape->n_numbers; i++)
		if (is_stored(shape, i) && is_rare(shape, rows, i))
			found[n_found++] = (uint32_t) i;
	*numbers = found;
	*n = n_found * FEWEST_PART >= shape->n_numbers ? n_found : 0;
	return CER_OK;
}

/* ------------------------------------------------------------ planning */

cer_status
cer_first_leave_rare(const cer_graph *graph, const cer_view *view,
                     const cer_view **less, cer_error *err)
{
	size_t size = view->n_numbers * sizeof(uint32_t);
	cer_view *made = cer_arena_allocate(graph->arena, sizeof(*made));
	uint32_t *numbers = cer_arena_allocate(graph->arena, size);
	size_t next = 0;

	if (made == NULL || numbers == NULL)
		return cer_fail_memory(err, size);
	*made = *view;
	made->n_numbers = 0;
	made->numbers = numbers;
	for (size_t i = 0; i < view->n_numbers; i++)
		if (next < graph->n_rare && graph->rare[next] == view->numbers[i])
			next++;
		else
			numbers[made->n_numbers++] = view->numbers[i];
	*less = made;
	return CER_OK;
}

static void
mark(uint64_t *words, size_t place)
{
	words[place / WORD_PLACES] |= (uint64_t) 1 << place % WORD_PLACES;
}

/* What is there by place, in words of 64 places. */
static cer_status
allocate_places(const cer_graph *graph, struct first_rare *rare, cer_error *err)
{
	size_t n_stored = cer_shape_count_stored(graph->net->shape);
	size_t size;

	rare->n_words = (n_stored + WORD_PLACES - 1) / WORD_PLACES;
	size = 2 * rare->n_words * sizeof(uint64_t);
	rare->marked = cer_arena_allocate(graph->arena, size);
	rare->number_of =
		cer_arena_allocate(graph->arena, n_stored * sizeof(uint32_t));
	if (rare->marked == NULL || rare->number_of == NULL)
		return cer_fail_memory(err, size);
	memset(rare->marked, 0, size);
	rare->picked = rare->marked + rare->n_words;
	return CER_OK;
}

static cer_status
allocate(cer_graph *graph, struct first_rare **rare, cer_error *err)
{
	size_t n_tiles = graph->batch_rows / graph->tile_rows;
	size_t size = graph->batch_rows * graph->n_rare * sizeof(rare_entry);
	struct first_rare *made = cer_arena_allocate(graph->arena, sizeof(*made));

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	*made = (struct first_rare){
		.n = graph->n_rare,
		.numbers = graph->rare,
		.entries = cer_arena_allocate(graph->arena, size),
		.n_entries =
			cer_arena_allocate(graph->arena, n_tiles * sizeof(uint32_t)),
	};
	if (made->entries == NULL || made->n_entries == NULL)
		return cer_fail_memory(err, size);
	CER_TRY(allocate_places(graph, made, err));
	cer_graph_need_scratch(graph, graph->tile_rows * made->n_words *
	                                  sizeof(uint64_t) / sizeof(float));
	*rare = made;
	return CER_OK;
}

static void update_rare(const cer_graph *graph, const cer_graph_node *node,
                        const cer_block *block);

cer_status
cer_first_prepare_rare(cer_graph *graph, const cer_graph_node *node,
                       const cer_ramps *plain, struct first_rare **rare,
                       cer_error *err)
{
	const cer_input_shape *shape = graph->net->shape;
	struct first_rare *made = NULL;
	cer_block *block = cer_graph_add_block(graph, err);

	if (block == NULL)
		return CER_NO_MEMORY;
	CER_TRY(allocate(graph, &made, err));
	for (size_t i = 0; i < made->n; i++)
	{
		uint32_t number = made->numbers[i];
		size_t place =
			shape->places != NULL ? shape->places[number].stored : number;

		made->number_of[place] = number;
		mark(made->marked, place);
	}
	for (size_t i = 0; i < plain->n_plain; i++)
		mark(made->picked, plain->plain_stored[i]);
	block->run = update_rare;
	block->node = node;
	block->cost = BLOCK_FACTOR / MOST_PART *
	              (double) (made->n * node->out.n * graph->batch_rows);
	*rare = made;
	return CER_OK;
}

/* ------------------------------------------------------------ tiles */

static rare_entry *
get_entries(const cer_graph *graph, const struct first_rare *rare, size_t tile)
{
	return rare->entries + tile * graph->tile_rows * rare->n;
}

static void
list_entries(const cer_tile *tile, const struct first_rare *rare,
             const cer_divide *divided)
{
	rare_entry *first = get_entries(tile->graph, rare, tile->index);
	rare_entry *entry = first;
	const uint64_t *used = divided->used;

	for (size_t row = 0; row < divided->n_rows; row++)
		for (size_t word = 0; word < rare->n_words; word++)
			for (uint64_t left = *used++; left != 0; left &= left - 1)
			{
				size_t place =
					word * WORD_PLACES + (size_t) __builtin_ctzll(left);
				size_t from = divided->rows != NULL ? divided->rows[row] : row;

				*entry++ = (rare_entry){
					(uint32_t) (tile->first + row), rare->number_of[place],
					divided->from[from * divided->stride + place]};
			}
	rare->n_entries[tile->index] = (uint32_t) (entry - first);
}

void
cer_first_divide(const cer_tile *tile, const first_state *state,
                 const cer_divide *rows)
{
	const struct first_rare *rare = state->rare;
	size_t n = state->numbers.n;
	cer_divide divide = *rows;

	divide.n_rows = tile->n_rows;
	divide.n = cer_shape_count_stored(tile->graph->net->shape);
	divide.picked = rare->picked;
	divide.marked = rare->marked;
	divide.n_picked = n;
	divide.to = state->numbers.data + tile->first * n;
	divide.used = (uint64_t *) (void *) tile->scratch;
	tile->graph->kernels->divide(&divide);
	memset(divide.to + tile->n_rows * n, 0,
	       (tile->n_all - tile->n_rows) * n * sizeof(float));
	list_entries(tile, rare, &divide);
}

void
cer_first_add_rare(const cer_tile *tile, const cer_graph_node *node)
{
	const first_state *state = node->state;
	const struct first_rare *rare = state->rare;
	const float *weights = tile->graph->weights + state->numbers_offset;
	const rare_entry *entry = get_entries(tile->graph, rare, tile->index);
	size_t n = node->out.n;

	for (uint32_t i = 0; i < rare->n_entries[tile->index]; i++, entry++)
		tile->graph->kernels->add_scaled(n, entry->value,
		                                 weights + entry->number * n,
		                                 node->out.data + entry->row * n);
}

/* ------------------------------------------------------------ blocks */

static void
sum_gradients(const cer_graph *graph, const cer_graph_node *node, size_t tile,
              float *grads)
{
	const first_state *state = node->state;
	const struct first_rare *rare = state->rare;
	const rare_entry *entry = get_entries(graph, rare, tile);
	size_t n = node->out.n;

	for (uint32_t i = 0; i < rare->n_entries[tile]; i++, entry++)
		graph->kernels->add_scaled(n, entry->value,
		                           node->out.grad + entry->row * n,
		                           grads + entry->number * n);
}

static void
update_rare(const cer_graph *graph, const cer_graph_node *node,
            const cer_block *block)
{
	const first_state *state = node->state;
	const struct first_rare *rare = state->rare;
	float *grads = graph->grads + state->numbers_offset;
	size_t n = node->out.n;

	(void) block;
	for (size_t i = 0; i < rare->n; i++)
		memset(grads + rare->numbers[i] * n, 0, n * sizeof(float));
	for (size_t tile = 0; tile < cer_graph_count_tiles(graph); tile++)
		sum_gradients(graph, node, tile, grads);
	for (size_t i = 0; i < rare->n; i++)
		cer_graph_step(graph, state->numbers_offset + rare->numbers[i] * n, n);
}
