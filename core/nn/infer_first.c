/*
 * nn/infer_first.c
 *	  The first layer in scoring.
 *
 *	 z = sum over tables of rows of P + numbers W [+ gathered embeddings W]
 *
 * P = E W is folded for each embedding, unless that would take more memory
 * than it saves time; sums go in the order of training (op_first.c).  Widths
 * are padded with zeros.
 */
#include "nn/infer_first.h"
#include "nn/op_first.h"

#include <string.h>

#define MAX_FOLDED_FLOATS ((size_t) 1 << 21) /* of one table: 8 MiB */

typedef struct infer_table
{
	size_t n_codes;
	size_t width;         /* gathered: of the embedding; else 0 */
	const float *rows;    /* P (n_codes, padded units), or E (n_codes, width) */
	const float *weights; /* gathered: packed slice of the first layer */
} infer_table;

struct cer_infer_first
{
	const cer_kernels *kernels;
	size_t n_out; /* padded */
	size_t n_numbers;
	const float *weights; /* of numbers, packed */
	size_t n_tables;
	const infer_table *tables;
	size_t n_summed;    /* tables that are not gathered */
	size_t widest;      /* gathered embedding */
	size_t most_inputs; /* of a product */
};

/* ------------------------------------------------------------ making */

typedef struct infer_maker
{
	cer_arena *arena;
	const cer_net *net;
	const cer_node *node;
	const float *weights;
	cer_infer_first *infer;
} infer_maker;

static float *
allocate_floats(cer_arena *arena, size_t n)
{
	float *floats = cer_arena_allocate(arena, n * sizeof(float));

	if (floats != NULL)
		memset(floats, 0, n * sizeof(float));
	return floats;
}

/* P = E W by the kernels that score, so that its bits are theirs. */
static cer_status
fold_table(const infer_maker *maker, const cer_net_tensor *embedding,
           const cer_net_tensor *rows, infer_table *table)
{
	size_t width = (size_t) embedding->dims[1];
	size_t n_units = (size_t) rows->dims[1];
	size_t stride = cer_dense_pad(n_units);
	float *p = allocate_floats(maker->arena, table->n_codes * stride);
	uint32_t *scratch =
		cer_arena_allocate(maker->arena, width * sizeof(uint32_t));
	cer_dense dense = {.n_rows = table->n_codes,
	                   .n_in = width,
	                   .n_out = stride,
	                   .y = p,
	                   .y_stride = stride,
	                   .x = maker->weights + embedding->offset,
	                   .x_stride = width,
	                   .scratch = scratch};

	if (p == NULL || scratch == NULL)
		return CER_NO_MEMORY;
	dense.w = cer_dense_make_packed(maker->arena, width, n_units,
	                                maker->weights + rows->offset);
	if (dense.w == NULL)
		return CER_NO_MEMORY;
	maker->infer->kernels->dense(&dense);
	table->rows = p;
	return CER_OK;
}

static cer_status
copy_rows(const infer_maker *maker, const cer_net_tensor *tensor, size_t stride,
          const float **copy)
{
	size_t n_rows = (size_t) tensor->dims[0];
	size_t n = (size_t) tensor->dims[1];
	float *made = allocate_floats(maker->arena, n_rows * stride);

	if (made == NULL)
		return CER_NO_MEMORY;
	for (size_t row = 0; row < n_rows; row++)
		memcpy(made + row * stride, maker->weights + tensor->offset + row * n,
		       n * sizeof(float));
	*copy = made;
	return CER_OK;
}

static cer_status
make_table(const infer_maker *maker, size_t i, infer_table *table)
{
	const cer_net *net = maker->net;
	const cer_node *first = maker->node;
	const cer_net_tensor *rows = cer_first_get_rows(net, first, i);
	const cer_net_tensor *embedding = cer_first_get_embedding(net, first, i);
	size_t n_units = (size_t) rows->dims[1];
	size_t width = embedding != NULL ? (size_t) embedding->dims[1] : 0;

	table->n_codes = net->shape->tables[i].n_codes;
	if (embedding == NULL)
		return copy_rows(maker, rows, cer_dense_pad(n_units), &table->rows);
	if (table->n_codes <= MAX_FOLDED_FLOATS / cer_dense_pad(n_units))
		return fold_table(maker, embedding, rows, table);
	table->width = width;
	if (copy_rows(maker, embedding, width, &table->rows) != CER_OK)
		return CER_NO_MEMORY;
	table->weights = cer_dense_make_packed(maker->arena, width, n_units,
	                                       maker->weights + rows->offset);
	return table->weights != NULL ? CER_OK : CER_NO_MEMORY;
}

static cer_status
make_tables(const infer_maker *maker)
{
	cer_infer_first *infer = maker->infer;
	size_t size = infer->n_tables * sizeof(infer_table);
	infer_table *tables = cer_arena_allocate(maker->arena, size);

	if (tables == NULL)
		return CER_NO_MEMORY;
	memset(tables, 0, size);
	infer->tables = tables;
	for (size_t i = 0; i < infer->n_tables; i++)
	{
		if (make_table(maker, i, &tables[i]) != CER_OK)
			return CER_NO_MEMORY;
		infer->n_summed += tables[i].width == 0;
		if (tables[i].width > infer->widest)
			infer->widest = tables[i].width;
		if (tables[i].width > infer->most_inputs)
			infer->most_inputs = tables[i].width;
	}
	return CER_OK;
}

const cer_infer_first *
cer_infer_first_make(cer_arena *arena, const cer_kernels *kernels,
                     const cer_net *net, const cer_node *node,
                     const float *weights)
{
	cer_infer_first *made = cer_arena_allocate(arena, sizeof(*made));
	infer_maker maker = {arena, net, node, weights, made};
	const cer_net_tensor *numbers = cer_first_get_numbers(net, node);

	if (made == NULL)
		return NULL;
	memset(made, 0, sizeof(*made));
	made->kernels = kernels;
	made->n_out = cer_dense_pad(node->n_out);
	made->n_numbers = net->shape->n_numbers;
	made->most_inputs = made->n_numbers;
	made->n_tables = net->shape->n_tables;
	if (make_tables(&maker) != CER_OK)
		return NULL;
	if (numbers == NULL)
		return made;
	made->weights = cer_dense_make_packed(arena, made->n_numbers, node->n_out,
	                                      weights + numbers->offset);
	return made->weights != NULL ? made : NULL;
}

/* ------------------------------------------------------------ scoring */

/* Gathered embeddings, the places of inputs that are not zero, the rows to be
 * summed. */
typedef struct first_scratch
{
	float *z;
	float *gathered;
	uint32_t *used;
	const float **sources;
} first_scratch;

static size_t
align_up(size_t n)
{
	return (n + 63) & ~(size_t) 63;
}

size_t
cer_infer_first_get_width(const cer_infer_first *first)
{
	return first->n_out;
}

size_t
cer_infer_first_get_scratch_size(const cer_infer_first *first, size_t n_rows)
{
	return align_up(n_rows * first->widest * sizeof(float)) +
	       align_up((first->most_inputs + 16) * sizeof(uint32_t)) +
	       align_up(first->n_tables * sizeof(float *));
}

/* A code that the model does not know is unseen. */
static inline const float *
find_row(const infer_table *table, uint32_t code, size_t stride)
{
	size_t row = code < table->n_codes ? code : CER_CODE_UNSEEN;

	return table->rows + row * stride;
}

static void
sum_tables(const cer_infer_first *infer, size_t n_rows, const uint32_t *codes,
           const first_scratch *scratch)
{
	size_t n = infer->n_out;

	for (size_t row = 0; row < n_rows; row++, codes += infer->n_tables)
	{
		size_t n_sources = 0;

		for (size_t i = 0; i < infer->n_tables; i++)
			if (infer->tables[i].width == 0)
				scratch->sources[n_sources++] =
					find_row(&infer->tables[i], codes[i], n);
		infer->kernels->add_rows(n, n_sources, scratch->sources,
		                         scratch->z + row * n);
	}
}

/* Adds the product of one table's embeddings, put together in `from`. */
static void
add_gathered(const cer_infer_first *infer, size_t table_index, size_t n_rows,
             const uint32_t *codes, const first_scratch *scratch)
{
	const infer_table *table = &infer->tables[table_index];
	size_t n = infer->n_out;
	cer_dense dense = {.n_rows = n_rows,
	                   .n_in = table->width,
	                   .n_out = n,
	                   .accumulate = true,
	                   .x = scratch->gathered,
	                   .x_stride = table->width,
	                   .w = table->weights,
	                   .y = scratch->z,
	                   .y_stride = n,
	                   .scratch = scratch->used};

	for (size_t row = 0; row < n_rows; row++)
		memcpy(scratch->gathered + row * table->width,
		       find_row(table, codes[row * infer->n_tables + table_index],
		                table->width),
		       table->width * sizeof(float));
	infer->kernels->dense(&dense);
}

void
cer_infer_first_run(const cer_infer_first *infer, size_t n_rows,
                    const cer_encoded *rows, float *z, void *scratch)
{
	char *memory = scratch;
	size_t gathered_size = align_up(n_rows * infer->widest * sizeof(float));
	size_t used_size = align_up((infer->most_inputs + 16) * sizeof(uint32_t));
	first_scratch parts = {
		.z = z,
		.gathered = scratch,
		.used = (uint32_t *) (memory + gathered_size),
		.sources = (const float **) (memory + gathered_size + used_size),
	};
	cer_dense dense = {.n_rows = n_rows,
	                   .n_in = infer->n_numbers,
	                   .n_out = infer->n_out,
	                   .accumulate = true,
	                   .x = rows->numbers,
	                   .x_stride = infer->n_numbers,
	                   .w = infer->weights,
	                   .y = z,
	                   .y_stride = infer->n_out,
	                   .scratch = parts.used};

	if (infer->n_summed > 0)
		sum_tables(infer, n_rows, rows->codes, &parts);
	else
		memset(z, 0, n_rows * infer->n_out * sizeof(float));
	if (infer->n_numbers > 0)
		infer->kernels->dense(&dense);
	for (size_t i = 0; i < infer->n_tables; i++)
		if (infer->tables[i].width > 0)
			add_gathered(infer, i, n_rows, rows->codes, &parts);
}
