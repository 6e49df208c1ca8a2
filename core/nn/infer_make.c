/*
 * nn/infer_make.c
 *	  Making the network for scoring: what is folded, then a chain of layers or
 *	  any graph.
 */
#include "nn/infer_private.h"
#include "base/arena.h"
#include "base/denormals.h"
#include "base/error.h"
#include "base/text.h"
#include "nn/fold.h"
#include "nn/operator.h"
#include "nn/zeros.h"

#include <string.h>

typedef struct infer_maker
{
	cer_arena *arena;
	const cer_net *net;
	const float *weights;
	cer_infer *infer;
	const cer_infer_spec *spec;
} infer_maker;

static cer_status
transpose_weights(const infer_maker *maker, const cer_node *node,
                  const cer_net_tensor *weights, const float **transposed)
{
	float *made =
		cer_arena_allocate_floats(maker->arena, node->n_in * node->n_out);

	if (made == NULL)
		return CER_NO_MEMORY;
	maker->infer->kernels->transpose(node->n_in, node->n_out,
	                                 maker->weights + weights->offset,
	                                 node->n_out, made, node->n_in);
	*transposed = made;
	return CER_OK;
}

static cer_status
round_weights(const infer_maker *maker, const cer_node *node,
              const cer_net_tensor *weights, infer_layer *layer)
{
	cer_infer *infer = maker->infer;
	size_t n_pairs = cer_bf16_count_pairs(node->n_in);

	layer->rounded =
		cer_bf16_weights_make(maker->arena, infer->bf16, node->n_in,
	                          node->n_out, maker->weights + weights->offset);
	if (n_pairs > infer->most_pairs)
		infer->most_pairs = n_pairs;
	return layer->rounded != NULL ? CER_OK : CER_NO_MEMORY;
}

/* Padded: tensor i of the node, whose vectors have n floats. */
static cer_status
copy_vector(const infer_maker *maker, const cer_node *node, size_t i, size_t n,
            const float **copy)
{
	const cer_net_tensor *tensor = &maker->net->tensors[node->first_tensor + i];
	float *padded = cer_arena_allocate_floats(maker->arena, n);

	if (padded == NULL)
		return CER_NO_MEMORY;
	if (i < node->n_tensors)
		memcpy(padded, maker->weights + tensor->offset,
		       node->n_out * sizeof(float));
	*copy = padded;
	return CER_OK;
}

/* The layer of a product's node; the next node activates it. */
static cer_status
make_layer(const infer_maker *maker, const cer_node *node, infer_layer *layer)
{
	const cer_net *net = maker->net;
	bool is_first = node->op == &cer_op_first;
	const cer_net_tensor *weights = &net->tensors[node->first_tensor];
	const cer_node *activate = node + 1;
	bool is_narrow = !is_first && node->n_out <= CER_NARROW_OUTPUTS;

	layer->n_in = node->n_in;
	layer->n_out = is_narrow ? node->n_out : cer_dense_pad(node->n_out);
	layer->activation = activate->activation;
	if (activate->has_gain)
		CER_TRY(copy_vector(maker, activate, 0, layer->n_out, &layer->gain));
	CER_TRY(copy_vector(maker, activate, activate->has_gain, layer->n_out,
	                    &layer->bias));
	if (is_first)
		return CER_OK;
	if (is_narrow)
		return transpose_weights(maker, node, weights, &layer->weights_t);
	if (maker->infer->bf16 != NULL)
		return round_weights(maker, node, weights, layer);
	layer->weights =
		cer_dense_make_packed(maker->arena, layer->n_in, node->n_out,
	                          maker->weights + weights->offset);
	return layer->weights != NULL ? CER_OK : CER_NO_MEMORY;
}

/* Between two products of bf16 with a relu nothing is kept as floats. */
static void
note_pairs(infer_layer *layers, size_t n_layers)
{
	for (size_t i = 0; i + 1 < n_layers; i++)
		layers[i].makes_pairs =
			layers[i + 1].rounded != NULL && layers[i].activation == CER_RELU &&
			layers[i].gain == NULL && (i == 0 || layers[i].rounded != NULL);
}

/* Where a relu goes before a product of floats. */
static void
note_zeros(cer_infer *infer, infer_layer *layers)
{
	for (size_t i = 1; i < infer->n_layers; i++)
	{
		size_t n_blocks = cer_zeros_count_blocks(layers[i].n_in);

		layers[i].leaves_zeros = layers[i].weights != NULL &&
		                         layers[i - 1].activation == CER_RELU &&
		                         layers[i].n_in >= CER_ZEROS_MIN_WIDTH &&
		                         layers[i].n_out >= CER_ZEROS_MIN_WIDTH;
		if (layers[i].leaves_zeros && n_blocks > infer->most_blocks)
			infer->most_blocks = n_blocks;
	}
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
	for (size_t i = 0; i + 1 < net->n_nodes; i += 2)
	{
		infer_layer *layer = &layers[infer->n_layers];

		if (make_layer(maker, &net->nodes[i], layer) != CER_OK)
			return CER_NO_MEMORY;
		infer->n_layers++;
		if (layer->n_out > infer->widest)
			infer->widest = layer->n_out;
		if (layer->n_in > infer->most_inputs)
			infer->most_inputs = layer->n_in;
	}
	note_pairs(layers, infer->n_layers);
	note_zeros(infer, layers);
	infer->layers = layers;
	return CER_OK;
}

/* first -> activate -> dense -> activate -> ... -> softmax */
static bool
is_chain(const cer_net *net)
{
	size_t n = net->n_nodes;

	if (net->nodes[0].op != &cer_op_first || net->nodes[0].is_wide)
		return false;
	for (size_t i = 0; i + 1 < n; i++)
	{
		const cer_node *node = &net->nodes[i];

		if (node->m != 1 ||
		    (i > 0 && (node->n_inputs != 1 || node->inputs[0].node + 1 != i)))
			return false;
		if (i % 2 == 1 && node->op != &cer_op_activate)
			return false;
		if (i % 2 == 0 && i > 0 && node->op != &cer_op_dense)
			return false;
	}
	return n % 2 == 1 && net->nodes[n - 1].op == &cer_op_softmax;
}

/* Of those that have a row for each code rows may come one by one. */
static cer_status
check_left_out(const cer_net *net, cer_error *err)
{
	for (size_t i = 0; i < net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &net->tensors[i];

		if (tensor->offset == CER_TENSOR_LEFT_OUT && tensor->table == 0)
			return cer_fail(err, CER_TOO_BIG,
			                "tensor \"%.*s\" is needed whole, not by rows",
			                CER_SHOW(tensor->name));
	}
	return CER_OK;
}

static cer_status
make_infer(const infer_maker *maker)
{
	cer_infer *infer = maker->infer;
	const cer_net *net = maker->net;

	if (!is_chain(net))
	{
		cer_infer_graph_spec spec = {net, maker->weights, infer->kernels,
		                             infer->bf16, maker->spec->cache_size};

		infer->graph = cer_infer_graph_make(maker->arena, &spec);
		return infer->graph != NULL ? CER_OK : CER_NO_MEMORY;
	}
	infer->first = cer_infer_first_make(
		maker->arena,
		&(cer_infer_first_spec){.net = net,
	                            .node = &net->nodes[0],
	                            .weights = maker->weights,
	                            .kernels = infer->kernels,
	                            .bf16 = infer->bf16,
	                            .cache_size = maker->spec->cache_size,
	                            .n_links = maker->spec->n_links,
	                            .links = maker->spec->links});
	return infer->first != NULL ? make_layers(maker) : CER_NO_MEMORY;
}

/* As the net is folded; weights that are altered are for a while. */
static cer_status
make_folded(infer_maker *maker)
{
	cer_arena *work = cer_arena_new(cer_arena_get_host(maker->arena));
	cer_folded folded;
	cer_status status = CER_NO_MEMORY;

	if (work == NULL)
		return CER_NO_MEMORY;
	if (cer_net_fold(maker->arena, work, maker->net, maker->weights, &folded) ==
	    CER_OK)
	{
		maker->infer->is_folded = folded.net != maker->net;
		maker->net = folded.net;
		maker->weights = folded.weights;
		status = make_infer(maker);
	}
	cer_arena_free(work);
	return status;
}

cer_status
cer_infer_make(cer_arena *arena, const cer_infer_spec *spec,
               const cer_infer **infer, cer_error *err)
{
	const cer_net *net = spec->net;
	cer_infer *made = cer_arena_allocate(arena, sizeof(*made));
	infer_maker maker = {arena, net, spec->weights, made, spec};
	unsigned before;
	cer_status status;

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	CER_TRY(check_left_out(net, err));
	memset(made, 0, sizeof(*made));
	made->kernels = cer_kernels_choose();
	made->bf16 = spec->has_bf16_products ? cer_bf16_find(made->kernels) : NULL;
	made->n_numbers = cer_shape_count_stored(net->shape);
	made->n_classes = net->shape->n_classes;
	made->n_codes = cer_shape_count_codes(net->shape);
	before = cer_denormals_flush();
	status = make_folded(&maker);
	cer_denormals_restore(before);
	if (status != CER_OK)
		return cer_fail_memory(err, net->n_weights * sizeof(float));
	*infer = made;
	return CER_OK;
}
