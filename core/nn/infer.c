/*
 * nn/infer.c
 *	  The network for scoring.
 *
 *	 z = sum over tables of rows of P + numbers W [+ gathered embeddings W]
 *	 x = f(z + b), again and again, softmax
 *
 * P = E W is folded for each embedding, unless that would take more memory
 * than it saves time; sums go in the order of training (op_first.c).  Widths
 * are padded with zeros, whose activations meet zero weights.
 */
#include "nn/infer.h"
#include "base/error.h"
#include "nn/kernels.h"
#include "nn/op_first.h"
#include "nn/operator.h"

#include <string.h>

#define BLOCK_ROWS        64                 /* scored together */
#define MAX_FOLDED_FLOATS ((size_t) 1 << 21) /* of one table: 8 MiB */

/* A matrix product and what follows it. */
typedef struct infer_layer
{
	size_t n_in;
	size_t n_out;           /* padded, unless narrow */
	const float *weights;   /* packed */
	const float *weights_t; /* narrow: (n_out, n_in), else NULL */
	const float *bias;      /* n_out */
	cer_activation activation;
} infer_layer;

typedef struct infer_table
{
	size_t n_codes;
	size_t width;         /* gathered: of the embedding; else 0 */
	const float *rows;    /* P (n_codes, padded units), or E (n_codes, width) */
	const float *weights; /* gathered: packed slice of the first layer */
} infer_table;

struct cer_infer
{
	const cer_kernels *kernels;
	size_t n_numbers;
	size_t n_classes;
	size_t n_tables;
	const infer_table *tables;
	size_t n_summed; /* tables that are not gathered */
	size_t n_layers; /* the first is that of the numbers */
	const infer_layer *layers;
	size_t widest; /* floats of a row that a buffer must hold */
	size_t most_inputs;
};

/* ------------------------------------------------------------ making */

typedef struct infer_maker
{
	cer_arena *arena;
	const cer_net *net;
	const float *weights;
	cer_infer *infer;
} infer_maker;

static float *
allocate_floats(cer_arena *arena, size_t n)
{
	float *floats = cer_arena_allocate(arena, n * sizeof(float));

	if (floats != NULL)
		memset(floats, 0, n * sizeof(float));
	return floats;
}

static cer_status
pack_weights(const infer_maker *maker, size_t n_in, size_t n_out,
             const float *weights, const float **packed)
{
	float *made =
		allocate_floats(maker->arena, cer_dense_packed_size(n_in, n_out));

	if (made == NULL)
		return CER_NO_MEMORY;
	cer_dense_pack(n_in, n_out, weights, made);
	*packed = made;
	return CER_OK;
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
	if (pack_weights(maker, width, n_units, maker->weights + rows->offset,
	                 &dense.w) != CER_OK)
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
	const cer_node *first = &net->nodes[0];
	const cer_net_tensor *rows = cer_first_get_rows(net, first, i);
	const cer_net_tensor *embedding = cer_first_get_embedding(net, first, i);
	size_t n_units = (size_t) rows->dims[1];
	size_t width = net->shape->tables[i].width;

	table->n_codes = net->shape->tables[i].n_codes;
	if (embedding == NULL)
		return copy_rows(maker, rows, cer_dense_pad(n_units), &table->rows);
	if (table->n_codes <= MAX_FOLDED_FLOATS / cer_dense_pad(n_units))
		return fold_table(maker, embedding, rows, table);
	table->width = width;
	if (copy_rows(maker, embedding, width, &table->rows) != CER_OK)
		return CER_NO_MEMORY;
	return pack_weights(maker, width, n_units, maker->weights + rows->offset,
	                    &table->weights);
}

static cer_status
make_tables(const infer_maker *maker)
{
	cer_infer *infer = maker->infer;
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

static cer_status
transpose_weights(const infer_maker *maker, const cer_node *node,
                  const cer_net_tensor *weights, const float **transposed)
{
	float *made = allocate_floats(maker->arena, node->n_in * node->n_out);

	if (made == NULL)
		return CER_NO_MEMORY;
	maker->infer->kernels->transpose(node->n_in, node->n_out,
	                                 maker->weights + weights->offset,
	                                 node->n_out, made, node->n_in);
	*transposed = made;
	return CER_OK;
}

/* The layer of a product's node; the next node activates it. */
static cer_status
make_layer(const infer_maker *maker, const cer_node *node, infer_layer *layer)
{
	const cer_net *net = maker->net;
	bool is_first = node->op == &cer_op_first;
	const cer_net_tensor *weights = is_first
	                                    ? cer_first_get_numbers(net, node)
	                                    : &net->tensors[node->first_tensor];
	const cer_node *activate = node + 1;
	size_t bias = net->tensors[activate->first_tensor].offset;
	bool is_narrow = !is_first && node->n_out <= CER_NARROW_OUTPUTS;
	float *padded;

	layer->n_in = is_first ? net->shape->n_numbers : node->n_in;
	layer->n_out = is_narrow ? node->n_out : cer_dense_pad(node->n_out);
	layer->activation = activate->activation;
	padded = allocate_floats(maker->arena, layer->n_out);
	if (padded == NULL)
		return CER_NO_MEMORY;
	memcpy(padded, maker->weights + bias, node->n_out * sizeof(float));
	layer->bias = padded;
	if (weights == NULL)
		return CER_OK;
	if (is_narrow)
		return transpose_weights(maker, node, weights, &layer->weights_t);
	return pack_weights(maker, layer->n_in, node->n_out,
	                    maker->weights + weights->offset, &layer->weights);
}

static cer_status
make_layers(const infer_maker *maker)
{
	const cer_net *net = maker->net;
	cer_infer *infer = maker->infer;
	size_t size = net->n_nodes * sizeof(infer_layer);
	infer_layer *layers = cer_arena_allocate(maker->arena, size);

	if (layers == NULL)
		return CER_NO_MEMORY;
	memset(layers, 0, size);
	for (size_t i = 0; i < net->n_nodes; i++)
	{
		const cer_node *node = &net->nodes[i];
		infer_layer *layer = &layers[infer->n_layers];

		if (node->op != &cer_op_first && node->op != &cer_op_dense)
			continue;
		if (make_layer(maker, node, layer) != CER_OK)
			return CER_NO_MEMORY;
		infer->n_layers++;
		if (layer->n_out > infer->widest)
			infer->widest = layer->n_out;
		if (layer->n_in > infer->most_inputs)
			infer->most_inputs = layer->n_in;
	}
	infer->layers = layers;
	return CER_OK;
}

cer_status
cer_infer_make(cer_arena *arena, const cer_net *net, const float *weights,
               const cer_infer **infer, cer_error *err)
{
	cer_infer *made = cer_arena_allocate(arena, sizeof(*made));
	infer_maker maker = {arena, net, weights, made};

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	memset(made, 0, sizeof(*made));
	made->kernels = cer_kernels_choose();
	made->n_numbers = net->shape->n_numbers;
	made->n_classes = net->shape->n_classes;
	made->n_tables = net->shape->n_tables;
	if (make_tables(&maker) != CER_OK || make_layers(&maker) != CER_OK)
		return cer_fail_memory(err, net->n_weights * sizeof(float));
	*infer = made;
	return CER_OK;
}

/* ------------------------------------------------------------ scoring */

/*
 * Scratch: two buffers of activations, gathered embeddings, the places of
 * inputs that are not zero, the rows to be summed.
 */
typedef struct infer_scratch
{
	float *from;
	float *to;
	uint32_t *used;
	const float **sources;
} infer_scratch;

static size_t
align_up(size_t n)
{
	return (n + 63) & ~(size_t) 63;
}

static size_t
get_buffer_size(const cer_infer *infer, size_t n_rows)
{
	size_t n = n_rows < BLOCK_ROWS ? n_rows : BLOCK_ROWS;

	return align_up(n * infer->widest * sizeof(float));
}

size_t
cer_infer_get_scratch_size(const cer_infer *infer, size_t n_rows)
{
	return 2 * get_buffer_size(infer, n_rows) +
	       align_up(infer->most_inputs * sizeof(uint32_t)) +
	       align_up(infer->n_tables * sizeof(float *));
}

static void
init_scratch(const cer_infer *infer, size_t n_rows, char *memory,
             infer_scratch *scratch)
{
	size_t buffer_size = get_buffer_size(infer, n_rows);

	scratch->from = (float *) memory;
	scratch->to = (float *) (memory + buffer_size);
	scratch->used = (uint32_t *) (memory + 2 * buffer_size);
	scratch->sources =
		(const float **) (memory + 2 * buffer_size +
	                      align_up(infer->most_inputs * sizeof(uint32_t)));
}

/* A code that the model does not know is unseen. */
static inline const float *
find_row(const infer_table *table, uint32_t code, size_t stride)
{
	size_t row = code < table->n_codes ? code : CER_CODE_UNSEEN;

	return table->rows + row * stride;
}

static void
sum_tables(const cer_infer *infer, size_t n_rows, const uint32_t *codes,
           const infer_scratch *scratch)
{
	size_t n = infer->layers[0].n_out;

	for (size_t row = 0; row < n_rows; row++, codes += infer->n_tables)
	{
		size_t n_sources = 0;

		for (size_t i = 0; i < infer->n_tables; i++)
			if (infer->tables[i].width == 0)
				scratch->sources[n_sources++] =
					find_row(&infer->tables[i], codes[i], n);
		infer->kernels->add_rows(n, n_sources, scratch->sources,
		                         scratch->to + row * n);
	}
}

/* Adds the product of one table's embeddings, put together in `from`. */
static void
add_gathered(const cer_infer *infer, size_t table_index, size_t n_rows,
             const uint32_t *codes, const infer_scratch *scratch)
{
	const infer_table *table = &infer->tables[table_index];
	size_t n = infer->layers[0].n_out;
	cer_dense dense = {.n_rows = n_rows,
	                   .n_in = table->width,
	                   .n_out = n,
	                   .accumulate = true,
	                   .x = scratch->from,
	                   .x_stride = table->width,
	                   .w = table->weights,
	                   .y = scratch->to,
	                   .y_stride = n,
	                   .scratch = scratch->used};

	for (size_t row = 0; row < n_rows; row++)
		memcpy(scratch->from + row * table->width,
		       find_row(table, codes[row * infer->n_tables + table_index],
		                table->width),
		       table->width * sizeof(float));
	infer->kernels->dense(&dense);
}

static void
activate(const cer_infer *infer, const infer_layer *layer, size_t n_rows,
         float *z)
{
	for (size_t row = 0; row < n_rows; row++)
		infer->kernels->activate[layer->activation](
			layer->n_out, layer->bias, z + row * layer->n_out, NULL);
}

static void
run_first(const cer_infer *infer, size_t n_rows, const float *numbers,
          const uint32_t *codes, const infer_scratch *scratch)
{
	const infer_layer *layer = &infer->layers[0];
	cer_dense dense = {.n_rows = n_rows,
	                   .n_in = layer->n_in,
	                   .n_out = layer->n_out,
	                   .accumulate = true,
	                   .x = numbers,
	                   .x_stride = infer->n_numbers,
	                   .w = layer->weights,
	                   .y = scratch->to,
	                   .y_stride = layer->n_out,
	                   .scratch = scratch->used};

	if (infer->n_summed > 0)
		sum_tables(infer, n_rows, codes, scratch);
	else
		memset(scratch->to, 0, n_rows * layer->n_out * sizeof(float));
	if (layer->n_in > 0)
		infer->kernels->dense(&dense);
	for (size_t i = 0; i < infer->n_tables; i++)
		if (infer->tables[i].width > 0)
			add_gathered(infer, i, n_rows, codes, scratch);
	activate(infer, layer, n_rows, scratch->to);
}

static void
run_layer(const cer_infer *infer, const infer_layer *layer, size_t n_rows,
          size_t x_stride, const infer_scratch *scratch)
{
	cer_dense dense = {.n_rows = n_rows,
	                   .n_in = layer->n_in,
	                   .n_out = layer->n_out,
	                   .x = scratch->from,
	                   .x_stride = x_stride,
	                   .w = layer->weights,
	                   .y = scratch->to,
	                   .y_stride = layer->n_out,
	                   .scratch = scratch->used};
	cer_narrow narrow = {.n_rows = n_rows,
	                     .n_in = layer->n_in,
	                     .n_out = layer->n_out,
	                     .x = scratch->from,
	                     .x_stride = x_stride,
	                     .w_t = layer->weights_t,
	                     .y = scratch->to};

	if (layer->weights_t != NULL)
		infer->kernels->narrow(&narrow);
	else
		infer->kernels->dense(&dense);
	activate(infer, layer, n_rows, scratch->to);
}

static void
write_proba(const cer_infer *infer, size_t n_rows, const float *logits,
            float *proba)
{
	size_t stride = infer->layers[infer->n_layers - 1].n_out;
	cer_softmax softmax = {
		.n_rows = n_rows, .n_classes = infer->n_classes, .logits = proba};

	for (size_t row = 0; row < n_rows; row++)
		memcpy(proba + row * infer->n_classes, logits + row * stride,
		       infer->n_classes * sizeof(float));
	infer->kernels->softmax(&softmax);
}

static void
run_block(const cer_infer *infer, size_t n_rows, const float *numbers,
          const uint32_t *codes, infer_scratch *scratch)
{
	run_first(infer, n_rows, numbers, codes, scratch);
	for (size_t i = 1; i < infer->n_layers; i++)
	{
		float *swap = scratch->from;

		scratch->from = scratch->to;
		scratch->to = swap;
		run_layer(infer, &infer->layers[i], n_rows, infer->layers[i - 1].n_out,
		          scratch);
	}
}

void
cer_infer_run(const cer_infer *infer, size_t n_rows, const float *numbers,
              const uint32_t *codes, float *proba, void *scratch)
{
	size_t n;

	for (size_t done = 0; done < n_rows; done += n)
	{
		infer_scratch buffers;

		n = n_rows - done < BLOCK_ROWS ? n_rows - done : BLOCK_ROWS;
		init_scratch(infer, n_rows, scratch, &buffers);
		run_block(infer, n, numbers + done * infer->n_numbers,
		          codes + done * infer->n_tables, &buffers);
		write_proba(infer, n, buffers.to, proba + done * infer->n_classes);
	}
}

const char *
cer_infer_get_kernel_class(const cer_infer *infer)
{
	return infer->kernels->name;
}
