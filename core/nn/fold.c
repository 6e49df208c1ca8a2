/*
 * nn/fold.c
 *	  Lines of units, and where they go; see the header.
 *
 *	 moments, standardize		activate: y = gain x + bias
 *	 line, activate				one activate: y = f(gain x + bias)
 *	 dense, activate			columns of W times gain
 *	 line, dense, activate		rows of W times gain; bias W is added to the bias
 *	 dense, factor				W times the factor
 *
 * A first layer keeps its weights, as their rows may come one by one (see
 * nn/row_store.h): the activate behind it has the gain.  So does that of
 * members, whose products are several.  Sums and products are rounded once.
 */
#include "nn/fold.h"
#include "base/arena.h"
#include "base/error.h"
#include "nn/op_norm_batch.h"
#include "nn/operator.h"

#include <string.h>

typedef struct folder
{
	const cer_net *net;
	cer_node *nodes; /* copies */
	size_t *into;    /* by node: itself, or whose output takes its place */
	float *weights;
} folder;

/* ------------------------------------------------------------ who takes what */

/* The node whose output stands for that of `node`. */
static size_t
resolve(const folder *f, size_t node)
{
	while (f->into[node] != node)
		node = f->into[node];
	return node;
}

static size_t
get_input(const folder *f, size_t node)
{
	return resolve(f, f->nodes[node].inputs[0].node);
}

static void
leave_out(folder *f, size_t node)
{
	f->into[node] = f->nodes[node].inputs[0].node;
}

static bool
is_there(const folder *f, size_t node)
{
	return f->into[node] == node;
}

static size_t
count_uses(const folder *f, size_t node)
{
	size_t n = 0;

	for (size_t i = node + 1; i < f->net->n_nodes; i++)
		for (size_t j = 0; is_there(f, i) && j < f->nodes[i].n_inputs; j++)
			n += resolve(f, f->nodes[i].inputs[j].node) == node;
	return n;
}

/* The node that alone takes the vectors of `node`, as they are; NULL: there is
 * none. */
static cer_node *
find_only_user(const folder *f, size_t node)
{
	const cer_node *from = &f->nodes[node];

	if (count_uses(f, node) != 1)
		return NULL;
	for (size_t i = node + 1; i < f->net->n_nodes; i++)
	{
		const cer_edge *edge = f->nodes[i].inputs;

		if (is_there(f, i) && f->nodes[i].n_inputs == 1 &&
		    resolve(f, edge->node) == node)
			return edge->n == from->n_out && edge->m == from->m ? &f->nodes[i]
			                                                    : NULL;
	}
	return NULL;
}

/* ------------------------------------------------------------ lines */

static float *
get_tensor(const folder *f, const cer_node *node, size_t i)
{
	return f->weights + f->net->tensors[node->first_tensor + i].offset;
}

/* Floats of a tensor of the node, which has one for each unit. */
static size_t
count_units(const folder *f, const cer_node *node)
{
	return f->net->tensors[node->first_tensor].size;
}

static float *
get_gain(const folder *f, const cer_node *node)
{
	return node->has_gain ? get_tensor(f, node, 0) : NULL;
}

static float *
get_bias(const folder *f, const cer_node *node)
{
	return node->has_bias ? get_tensor(f, node, node->has_gain) : NULL;
}

static bool
is_line(const cer_node *node)
{
	return node->op == &cer_op_activate && node->activation == CER_IDENTITY;
}

/* Of all that an activate may do this is left out: a first layer is followed by
 * one, where products are in a row. */
static bool
is_dropout(const folder *f, const cer_node *node)
{
	return is_line(node) && node->n_tensors == 0 && node->n_inputs > 0 &&
	       f->nodes[resolve(f, node->inputs[0].node)].op != &cer_op_first;
}

/* Standardize becomes a line; what it takes are moments, which pass x on. */
static void
make_line(folder *f, size_t index)
{
	cer_node *node = &f->nodes[index];
	const cer_node *moments = &f->nodes[node->inputs[0].node];

	cer_standard_find_line(&(cer_standard_line){
		.n = count_units(f, node),
		.mean = get_tensor(f, moments, 0),
		.variance = get_tensor(f, moments, 1),
		.gain = get_tensor(f, node, 0),
		.bias = get_tensor(f, node, 1),
		.factor = get_tensor(f, node, 0),
		.shift = get_tensor(f, node, 1),
	});
	node->op = &cer_op_activate;
	node->has_gain = node->has_bias = node->is_in_place = true;
	leave_out(f, node->inputs[0].node);
}

/* Gain and bias of one line after another. */
static void
compose(const folder *f, const cer_node *first, cer_node *then)
{
	const float *gain = get_gain(f, first);
	const float *bias = get_bias(f, first);
	float *to_gain = get_gain(f, then);
	float *to_bias = get_bias(f, then);

	if (first->n_tensors == 0)
		return;
	if (to_gain == NULL && (gain != NULL || to_bias == NULL))
	{
		/* the first one's tensors are those of both */
		float *of_first = get_bias(f, first);

		for (size_t i = 0; to_bias != NULL && i < count_units(f, first); i++)
			of_first[i] += to_bias[i];
		then->first_tensor = first->first_tensor;
		then->n_tensors = first->n_tensors;
		then->has_gain = first->has_gain;
		then->has_bias = first->has_bias;
		then->count = first->count;
		return;
	}
	for (size_t i = 0; i < count_units(f, then); i++)
	{
		double by = to_gain != NULL ? (double) to_gain[i] : 1.0;

		to_bias[i] = (float) ((double) bias[i] * by + (double) to_bias[i]);
		if (gain != NULL)
			to_gain[i] = (float) ((double) gain[i] * by);
	}
}

/* A line goes into the activate behind it; one without numbers, which dropout
 * was, is none. */
static void
join_lines(folder *f, size_t index)
{
	const cer_node *node = &f->nodes[index];
	cer_node *next = find_only_user(f, index);

	if (is_dropout(f, node))
		leave_out(f, index);
	if (is_dropout(f, node) || next == NULL || next->op != &cer_op_activate ||
	    (node->n_tensors > 0 && next->n_tensors > 0 &&
	     node->count != next->count))
		return;
	compose(f, node, next);
	leave_out(f, index);
}

/* ------------------------------------------------------------ products */

static bool
is_product(const cer_node *node)
{
	return node->op == &cer_op_dense && node->n_first == 0;
}

/* A product takes a factor for each output that follows it. */
static void
scale_outputs(const folder *f, const cer_node *product, const float *gain)
{
	float *w = get_tensor(f, product, 0);

	for (size_t i = 0; i < product->n_in; i++)
		for (size_t j = 0; j < product->n_out; j++)
			w[i * product->n_out + j] *= gain[j];
}

static void
fold_into_product_before(folder *f, size_t index)
{
	cer_node *node = &f->nodes[index];
	size_t before = get_input(f, index);

	if (node->count > 0 || !is_product(&f->nodes[before]) ||
	    find_only_user(f, before) != node)
		return;
	scale_outputs(f, &f->nodes[before], get_gain(f, node));
	node->has_gain = false;
	node->first_tensor++;
	node->n_tensors--;
}

/* y = (gain x + bias) W: a row of W for each unit of the line. */
static void
scale_inputs(const folder *f, const cer_node *line, const cer_node *product,
             const cer_node *activate)
{
	const float *gain = get_gain(f, line);
	const float *bias = get_bias(f, line);
	const float *to_gain = get_gain(f, activate);
	float *to_bias = get_bias(f, activate);
	float *w = get_tensor(f, product, 0);

	for (size_t j = 0; j < product->n_out; j++)
	{
		double sum = 0.0;

		for (size_t i = 0; i < product->n_in; i++)
			sum += (double) bias[i] * (double) w[i * product->n_out + j];
		if (to_gain != NULL)
			sum *= (double) to_gain[j];
		to_bias[j] = (float) ((double) to_bias[j] + sum);
	}
	for (size_t i = 0; i < product->n_in; i++)
		for (size_t j = 0; j < product->n_out; j++)
			w[i * product->n_out + j] *= gain[i];
}

/* Behind a first layer a line stays, as products in a row want it. */
static void
fold_into_product_behind(folder *f, size_t index)
{
	const cer_node *line = &f->nodes[index];
	const cer_node *product = find_only_user(f, index);
	const cer_node *activate;

	if (line->count > 0 || product == NULL || !is_product(product) ||
	    f->nodes[get_input(f, index)].op == &cer_op_first)
		return;
	activate = find_only_user(f, (size_t) (product - f->nodes));
	if (activate == NULL || activate->op != &cer_op_activate ||
	    activate->count > 0 || !activate->has_bias)
		return;
	scale_inputs(f, line, product, activate);
	leave_out(f, index);
}

static void
fold_factor(folder *f, size_t index)
{
	const cer_node *node = &f->nodes[index];
	size_t before = get_input(f, index);
	const cer_node *product = &f->nodes[before];
	float *w;

	if (!is_product(product) || find_only_user(f, before) != node)
		return;
	w = get_tensor(f, product, 0);
	for (size_t i = 0; i < product->n_in * product->n_out; i++)
		w[i] = (float) ((double) w[i] * node->factor);
	leave_out(f, index);
}

/* ------------------------------------------------------------ all */

/* Lines first, then those that are joined, then what is left of them. */
static void
fold_all(folder *f)
{
	size_t n = f->net->n_nodes;

	for (size_t i = 0; i < n; i++)
		if (f->nodes[i].op == &cer_op_standardize)
			make_line(f, i);
		else if (f->nodes[i].op == &cer_op_factor)
			fold_factor(f, i);
	for (size_t i = 0; i < n; i++)
		if (is_there(f, i) && is_line(&f->nodes[i]))
			join_lines(f, i);
	for (size_t i = 0; i < n; i++)
	{
		if (is_there(f, i) && f->nodes[i].has_gain)
			fold_into_product_before(f, i);
		if (is_there(f, i) && f->nodes[i].has_gain && is_line(&f->nodes[i]))
			fold_into_product_behind(f, i);
	}
}

/* What is there, one after the other; places has room for each node. */
static cer_status
pack_nodes(const folder *f, cer_arena *arena, size_t *places, cer_net *net)
{
	net->nodes = cer_arena_allocate(arena, f->net->n_nodes * sizeof(cer_node));
	net->n_nodes = 0;
	if (net->nodes == NULL)
		return CER_NO_MEMORY;
	for (size_t i = 0; i < f->net->n_nodes; i++)
	{
		cer_node node = f->nodes[i];
		size_t size = node.n_inputs * sizeof(cer_edge);
		cer_edge *inputs = cer_arena_allocate(arena, size);

		if (inputs == NULL)
			return CER_NO_MEMORY;
		if (!is_there(f, i))
			continue;
		for (size_t j = 0; j < node.n_inputs; j++)
		{
			inputs[j] = node.inputs[j];
			inputs[j].node = places[resolve(f, inputs[j].node)];
		}
		node.inputs = inputs;
		/* what others need it need not copy: it writes elsewhere */
		if (node.has_gain && count_uses(f, get_input(f, i)) > 1)
			node.is_in_place = false;
		places[i] = net->n_nodes;
		net->nodes[net->n_nodes++] = node;
	}
	return CER_OK;
}

static bool
has_something(const folder *f)
{
	for (size_t i = 0; i < f->net->n_nodes; i++)
		if (f->nodes[i].op == &cer_op_standardize ||
		    f->nodes[i].op == &cer_op_factor || is_dropout(f, &f->nodes[i]))
			return true;
	return false;
}

cer_status
cer_net_fold(cer_arena *arena, cer_arena *of_weights, const cer_net *net,
             const float *weights, cer_folded *folded)
{
	size_t n = net->n_nodes;
	cer_net *made = cer_arena_allocate(arena, sizeof(*made));
	folder f = {.net = net,
	            .nodes = cer_arena_allocate(of_weights, n * sizeof(cer_node)),
	            .into = cer_arena_allocate(of_weights, n * sizeof(size_t))};
	size_t *places = cer_arena_allocate(of_weights, n * sizeof(size_t));

	*folded = (cer_folded){net, weights};
	if (made == NULL || f.nodes == NULL || f.into == NULL || places == NULL)
		return CER_NO_MEMORY;
	memcpy(f.nodes, net->nodes, n * sizeof(cer_node));
	for (size_t i = 0; i < n; i++)
		f.into[i] = i;
	if (!has_something(&f))
		return CER_OK;
	f.weights = cer_arena_allocate_floats(of_weights, net->n_weights);
	if (f.weights == NULL)
		return CER_NO_MEMORY;
	memcpy(f.weights, weights, net->n_weights * sizeof(float));
	fold_all(&f);
	*made = *net;
	*folded = (cer_folded){made, f.weights};
	return pack_nodes(&f, arena, places, made);
}
