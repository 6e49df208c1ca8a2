/*
 * nn/infer.c
 *	  The network for scoring.
 *
 *	 x = f(z + b), again and again, softmax
 *
 * z is the first layer's (infer_first.c), then products of x.  Widths are
 * padded with zeros, whose activations meet zero weights.  Nets that are not
 * such a chain are scored node by node (infer_graph.c).
 *
 * Values that would be denormal are zero, as in training; the host's mode is
 * put back.
 */
#include "nn/infer_private.h"
#include "base/denormals.h"
#include "base/size.h"
#include "nn/zeros.h"

#include <string.h>

#define BLOCK_ROWS 64 /* scored together */

/* Rows of a layer's input, stride floats from each other, or pairs of bf16
 * numbers, and of its output. */
typedef struct infer_rows
{
	size_t n_rows;
	const float *from;
	size_t stride;
	bool are_pairs;
	float *to;
} infer_rows;

/*
 * Scratch: two buffers of activations, the places of inputs that are not zero
 * (listed, or as bits) or inputs rounded, what the first layer needs.
 */
typedef struct infer_scratch
{
	float *from;
	float *to;
	uint32_t *used;
	void *first;
} infer_scratch;

static size_t
align_up(size_t n)
{
	return (n + 63) & ~(size_t) 63;
}

static size_t
get_buffer_size(const cer_infer *infer, size_t n_rows)
{
	return align_up(cer_at_most(n_rows, BLOCK_ROWS) * infer->widest *
	                sizeof(float));
}

static size_t
get_used_size(const cer_infer *infer, size_t n_rows)
{
	size_t n = cer_at_most(n_rows, BLOCK_ROWS);
	size_t of_row = infer->most_pairs * sizeof(uint32_t);
	size_t size = infer->most_inputs * sizeof(uint32_t);

	if (of_row < infer->most_blocks * sizeof(uint64_t))
		of_row = infer->most_blocks * sizeof(uint64_t);
	return align_up(size < n * of_row ? n * of_row : size);
}

size_t
cer_infer_get_scratch_size(const cer_infer *infer, size_t n_rows)
{
	if (infer->graph != NULL)
		return cer_infer_graph_get_scratch_size(infer->graph, n_rows);
	return 2 * get_buffer_size(infer, n_rows) + get_used_size(infer, n_rows) +
	       cer_infer_first_get_scratch_size(infer->first,
	                                        cer_at_most(n_rows, BLOCK_ROWS));
}

static void
init_scratch(const cer_infer *infer, size_t n_rows, char *memory,
             infer_scratch *scratch)
{
	size_t buffer_size = get_buffer_size(infer, n_rows);

	scratch->from = (float *) memory;
	scratch->to = (float *) (memory + buffer_size);
	scratch->used = (uint32_t *) (memory + 2 * buffer_size);
	scratch->first = memory + 2 * buffer_size + get_used_size(infer, n_rows);
}

static void
activate(const cer_infer *infer, const infer_layer *layer, size_t n_rows,
         float *z)
{
	cer_lines lines = {n_rows, layer->n_out, layer->gain, layer->bias, z, z};

	if (layer->gain != NULL)
		infer->kernels->activate_lines[layer->activation](&lines);
	else
		infer->kernels->activate_rows[layer->activation](n_rows, layer->n_out,
		                                                 layer->bias, z, NULL);
}

static void
multiply_rounded(const infer_layer *layer, const infer_rows *rows,
                 uint32_t *scratch)
{
	bool is_relu = layer->activation == CER_RELU;
	cer_bf16_rows product = {.n_rows = rows->n_rows,
	                         .x = rows->from,
	                         .x_stride = rows->stride,
	                         .x_pairs_row = rows->stride / 2,
	                         .y = rows->to,
	                         .y_stride = layer->n_out,
	                         .bias = is_relu ? layer->bias : NULL,
	                         .n_columns = layer->n_out,
	                         .scratch = scratch};

	if (rows->are_pairs)
		product.x_pairs = (const uint32_t *) (const void *) rows->from;
	if (layer->makes_pairs)
		product.y_pairs = (uint32_t *) (void *) rows->to;
	cer_bf16_weights_multiply(layer->rounded, &product);
}

/* Zeros are left out where that is faster; no bit depends on it. */
static void
multiply_floats(const cer_infer *infer, const infer_layer *layer,
                const cer_dense *dense)
{
	uint64_t *used = (uint64_t *) (void *) dense->scratch;

	if (layer->leaves_zeros && dense->n_rows > 1 &&
	    cer_zeros_are_worth(cer_zeros_find(infer->kernels, dense, used),
	                        dense->n_rows * dense->n_in))
		cer_zeros_multiply(infer->kernels, dense, used);
	else
		infer->kernels->dense(dense);
}

/* The product alone, unless it does the relu; scratch has a place for each
 * input. */
static void
multiply(const cer_infer *infer, const infer_layer *layer,
         const infer_rows *rows, uint32_t *scratch)
{
	cer_dense dense = {.n_rows = rows->n_rows,
	                   .n_in = layer->n_in,
	                   .n_out = layer->n_out,
	                   .x = rows->from,
	                   .x_stride = rows->stride,
	                   .w = layer->weights,
	                   .y = rows->to,
	                   .y_stride = layer->n_out,
	                   .scratch = scratch};
	cer_narrow narrow = {.n_rows = rows->n_rows,
	                     .n_in = layer->n_in,
	                     .n_out = layer->n_out,
	                     .x = rows->from,
	                     .x_stride = rows->stride,
	                     .w_t = layer->weights_t,
	                     .y = rows->to};

	if (layer->weights_t != NULL)
		infer->kernels->narrow(&narrow);
	else if (layer->rounded != NULL)
		multiply_rounded(layer, rows, scratch);
	else
		multiply_floats(infer, layer, &dense);
}

static void
run_layer(const cer_infer *infer, size_t i, size_t n_rows,
          const infer_scratch *scratch)
{
	const infer_layer *layer = &infer->layers[i];
	infer_rows rows = {.n_rows = n_rows,
	                   .from = scratch->from,
	                   .stride = layer[-1].n_out,
	                   .are_pairs = layer[-1].makes_pairs,
	                   .to = scratch->to};

	multiply(infer, layer, &rows, scratch->used);
	if (layer->rounded == NULL || layer->activation != CER_RELU)
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
swap_buffers(infer_scratch *scratch)
{
	float *swap = scratch->from;

	scratch->from = scratch->to;
	scratch->to = swap;
}

static void
finish_first(const cer_infer *infer, size_t n_rows, infer_scratch *scratch)
{
	const infer_layer *layer = &infer->layers[0];

	if (!layer->makes_pairs)
	{
		activate(infer, layer, n_rows, scratch->to);
		return;
	}
	swap_buffers(scratch);
	infer->bf16->round_relu(n_rows, layer->n_out, layer->bias, scratch->from,
	                        (uint32_t *) (void *) scratch->to);
}

static void
run_first(const cer_infer *infer, const cer_encoded *rows,
          const cer_partials *partials, infer_scratch *scratch)
{
	const infer_layer *layer = &infer->layers[0];
	cer_first_pairs pairs = {.bias = layer->bias,
	                         .z = scratch->from,
	                         .pairs = (uint32_t *) (void *) scratch->to};

	if (partials == NULL && layer->makes_pairs &&
	    cer_infer_first_can_finish(infer->first))
	{
		cer_infer_first_run_pairs(infer->first, rows, &pairs, scratch->first);
		return;
	}
	cer_infer_first_run(infer->first, rows->n_rows, rows, partials, scratch->to,
	                    scratch->first);
	finish_first(infer, rows->n_rows, scratch);
}

/* Of rows that another chain brought to the last layer that it shares; they
 * stay as they are. */
static void
run_branch(const cer_infer_branch *branch, size_t n_rows, float *from,
           float *proba, void *scratch)
{
	const cer_infer *infer = branch->infer;
	infer_scratch buffers;
	float *spare;

	init_scratch(infer, n_rows, scratch, &buffers);
	spare = buffers.from;
	buffers.from = from;
	for (size_t i = branch->n_shared; i < infer->n_layers; i++)
	{
		float *made = buffers.to;

		run_layer(infer, i, n_rows, &buffers);
		buffers.from = made;
		buffers.to = spare;
		spare = made;
	}
	write_proba(infer, n_rows, buffers.from, proba);
}

/* A tree at work: which rows are in its buffers. */
typedef struct tree_run
{
	const cer_infer_tree *tree;
	size_t first;
	size_t n_rows;
	infer_scratch buffers;
	void *of_branches;
} tree_run;

/* Those that leave behind so many layers. */
static void
run_branches(const tree_run *run, size_t n_layers)
{
	for (size_t i = 0; i < run->tree->n_branches; i++)
	{
		const cer_infer_branch *branch = &run->tree->branches[i];

		if (branch->n_shared == n_layers)
			run_branch(branch, run->n_rows, run->buffers.to,
			           branch->proba + run->first * branch->infer->n_classes,
			           run->of_branches);
	}
}

static void
run_block(tree_run *run, const cer_encoded *rows, const cer_partials *partials)
{
	const cer_infer *infer = run->tree->infer;

	run_first(infer, rows, partials, &run->buffers);
	run_branches(run, 1);
	for (size_t i = 1; i < infer->n_layers; i++)
	{
		swap_buffers(&run->buffers);
		run_layer(infer, i, rows->n_rows, &run->buffers);
		run_branches(run, i + 1);
	}
	write_proba(infer, rows->n_rows, run->buffers.to,
	            run->tree->proba + run->first * infer->n_classes);
}

static cer_partials
skip_partials(const cer_partials *partials, size_t n_rows)
{
	if (partials == NULL)
		return (cer_partials){0};
	return (cer_partials){partials->groups, partials->first + n_rows};
}

static cer_encoded
take_block(const cer_infer *infer, const cer_encoded *rows, size_t first)
{
	return (cer_encoded){
		.n_rows = cer_at_most(rows->n_rows - first, BLOCK_ROWS),
		.numbers = rows->numbers + first * infer->n_numbers,
		.codes = rows->codes + first * infer->n_codes,
	};
}

static void
run_blocks(const cer_infer_tree *tree, const cer_encoded *rows,
           const cer_partials *partials, char *scratch)
{
	const cer_infer *infer = tree->infer;
	tree_run run = {.tree = tree,
	                .of_branches = scratch + cer_infer_get_scratch_size(
												 infer, rows->n_rows)};

	init_scratch(infer, rows->n_rows, scratch, &run.buffers);
	for (; run.first < rows->n_rows; run.first += BLOCK_ROWS)
	{
		cer_encoded block = take_block(infer, rows, run.first);
		cer_partials kept = skip_partials(partials, run.first);

		run.n_rows = block.n_rows;
		run_block(&run, &block, partials != NULL ? &kept : NULL);
	}
}

static size_t
get_branch_size(const cer_infer *infer, size_t n_rows)
{
	return 2 * get_buffer_size(infer, n_rows) + get_used_size(infer, n_rows);
}

size_t
cer_infer_get_tree_scratch_size(const cer_infer_tree *tree, size_t n_rows)
{
	size_t most = 0;

	for (size_t i = 0; i < tree->n_branches; i++)
	{
		size_t size = get_branch_size(tree->branches[i].infer, n_rows);

		if (size > most)
			most = size;
	}
	return cer_infer_get_scratch_size(tree->infer, n_rows) + most;
}

void
cer_infer_run_tree(const cer_infer_tree *tree, const cer_encoded *rows,
                   const cer_partials *partials, void *scratch)
{
	unsigned before = cer_denormals_flush();

	if (tree->infer->graph != NULL)
		cer_infer_graph_run(tree->infer->graph, rows, partials, tree->proba,
		                    scratch);
	else
		run_blocks(tree, rows, partials, scratch);
	cer_denormals_restore(before);
}

/* What was folded does not tell its layers by those of the net. */
size_t
cer_infer_count_layers(const cer_infer *infer)
{
	return infer->is_folded ? 0 : infer->n_layers;
}

/* Behind the last one both must go on with the same kind of numbers. */
size_t
cer_infer_count_shared(const cer_infer *infer, const cer_infer *other, size_t n)
{
	while (n > 0 &&
	       infer->layers[n - 1].makes_pairs != other->layers[n - 1].makes_pairs)
		n--;
	return n;
}

void
cer_infer_run(const cer_infer *infer, size_t n_rows, const float *numbers,
              const uint32_t *codes, float *proba, void *scratch)
{
	cer_encoded rows = {.n_rows = n_rows, .numbers = numbers, .codes = codes};

	cer_infer_run_partials(infer, &rows, NULL, proba, scratch);
}

void
cer_infer_run_partials(const cer_infer *infer, const cer_encoded *rows,
                       const cer_partials *partials, float *proba,
                       void *scratch)
{
	cer_infer_run_tree(&(cer_infer_tree){.infer = infer, .proba = proba}, rows,
	                   partials, scratch);
}

/* ------------------------------------------------------------ partials */

/* NULL: a chain. */
static const cer_towers *
get_towers(const cer_infer *infer)
{
	return infer->graph != NULL ? cer_infer_graph_get_towers(infer->graph)
	                            : NULL;
}

size_t
cer_infer_count_groups(const cer_infer *infer)
{
	const cer_towers *towers = get_towers(infer);

	return towers != NULL ? towers->n_towers
	                      : cer_infer_first_count_groups(infer->first);
}

cer_text
cer_infer_get_alias(const cer_infer *infer, size_t group)
{
	const cer_towers *towers = get_towers(infer);

	return towers != NULL ? towers->towers[group].alias
	                      : cer_infer_first_get_alias(infer->first, group);
}

bool
cer_infer_can_keep(const cer_infer *infer, size_t group)
{
	const cer_towers *towers = get_towers(infer);

	return towers == NULL || towers->towers[group].is_kept;
}

bool
cer_infer_has_towers(const cer_infer *infer)
{
	const cer_towers *towers = get_towers(infer);

	return towers != NULL && towers->n_towers > 0;
}

double
cer_infer_get_group_cost(const cer_infer *infer, size_t group)
{
	const cer_towers *towers = get_towers(infer);

	return towers != NULL ? towers->towers[group].cost
	                      : cer_infer_first_get_cost(infer->first, group);
}

size_t
cer_infer_get_parent(const cer_infer *infer, size_t group)
{
	const cer_towers *towers = get_towers(infer);

	return towers != NULL ? towers->n_towers
	                      : cer_infer_first_get_parent(infer->first, group);
}

size_t
cer_infer_get_partial_width(const cer_infer *infer)
{
	const cer_towers *towers = get_towers(infer);

	return towers != NULL ? towers->width
	                      : cer_infer_first_get_width(infer->first);
}

void
cer_infer_run_group(const cer_infer *infer, size_t group,
                    const cer_encoded *rows, float *partials, void *scratch)
{
	size_t width = cer_infer_get_partial_width(infer);
	unsigned before = cer_denormals_flush();

	if (infer->graph != NULL)
		cer_infer_graph_run_tower(infer->graph, group, rows, partials, scratch);
	for (size_t done = 0; infer->graph == NULL && done < rows->n_rows;
	     done += BLOCK_ROWS)
	{
		cer_encoded block = take_block(infer, rows, done);

		cer_infer_first_run_group(infer->first, group, block.n_rows, &block,
		                          partials + done * width, scratch);
	}
	cer_denormals_restore(before);
}

/* ------------------------------------------------------------ rows by code */

size_t
cer_infer_find_missing(const cer_infer *infer, const cer_left_out *tensor,
                       const cer_encoded *rows, uint32_t *missing)
{
	return infer->graph != NULL
	           ? cer_infer_graph_find_missing(infer->graph, tensor->tensor,
	                                          rows, missing)
	           : cer_infer_first_find_missing(infer->first, tensor->table, rows,
	                                          missing);
}

void
cer_infer_put_row(const cer_infer *infer, const cer_left_out *tensor,
                  const cer_row *row, void *scratch)
{
	unsigned before = cer_denormals_flush();

	if (infer->graph != NULL)
		cer_infer_graph_put_row(infer->graph, tensor->tensor, row, scratch);
	else
		cer_infer_first_put_row(infer->first, tensor->table, row, scratch);
	cer_denormals_restore(before);
}

const cer_infer_first *
cer_infer_get_first(const cer_infer *infer)
{
	return infer->first;
}

const char *
cer_infer_get_kernel_class(const cer_infer *infer)
{
	return infer->kernels->name;
}
