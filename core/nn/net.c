/*
 * nn/net.c
 *	  A network: its operators in order, the names and places of weights.
 *
 * Names of tensors, which key their initial weights:
 *	 first.numbers				(n_numbers, units), keyed by each number's name
 *	 first(INPUT)				rows of the first layer for an input: by code,
 *								or by place in the embedding
 *	 embed(INPUT)				(n_codes, width)
 *	 first.bias					(units)
 *	 dense(UNITS)[I].weight		the I-th dense layer of that many units
 *	 dense(UNITS)[I].bias
 *	 output.weight, output.bias
 *
 * Tensors start at multiples of 16 floats; gaps stay zero.
 */
#include "base/error.h"
#include "base/text.h"
#include "nn/operator.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_UNITS     ((size_t) 1 << 16)
#define MAX_WEIGHTS   ((size_t) 1 << 30) /* floats */
#define TENSOR_FLOATS 16

/* first + middle + last */
static cer_status
join_text(cer_arena *arena, cer_text parts[3], cer_text *to, cer_error *err)
{
	size_t size = parts[0].size + parts[1].size + parts[2].size;
	char *data = cer_arena_allocate(arena, size + 1);

	if (data == NULL)
		return cer_fail_memory(err, size + 1);
	to->data = data;
	to->size = size;
	for (size_t i = 0; i < 3; i++)
	{
		memcpy(data, parts[i].data, parts[i].size);
		data += parts[i].size;
	}
	*data = '\0';
	return CER_OK;
}

static cer_status
copy_texts(cer_arena *arena, const cer_text *from, size_t n, cer_text **to,
           cer_error *err)
{
	*to = cer_arena_allocate(arena, n * sizeof(cer_text));
	if (*to == NULL)
		return cer_fail_memory(err, n * sizeof(cer_text));
	for (size_t i = 0; i < n; i++)
		CER_TRY(cer_text_copy(arena, from[i], &(*to)[i], err));
	return CER_OK;
}

static cer_status
copy_shape(cer_arena *arena, const cer_input_shape *from,
           const cer_input_shape **to, cer_error *err)
{
	cer_input_shape *shape = cer_arena_allocate(arena, sizeof(*shape));
	size_t tables_size = from->n_tables * sizeof(cer_table_shape);
	cer_table_shape *tables = cer_arena_allocate(arena, tables_size);
	cer_text *names;

	if (shape == NULL || tables == NULL)
		return cer_fail_memory(err, sizeof(*shape) + tables_size);
	*shape = *from;
	CER_TRY(
		copy_texts(arena, from->number_names, from->n_numbers, &names, err));
	for (size_t i = 0; i < from->n_tables; i++)
	{
		tables[i] = from->tables[i];
		CER_TRY(
			cer_text_copy(arena, from->tables[i].name, &tables[i].name, err));
	}
	shape->number_names = names;
	shape->tables = tables;
	*to = shape;
	return CER_OK;
}

/* ------------------------------------------------------------ tensors */

static cer_status
name_tensor(cer_net_builder *builder, const cer_tensor_spec *spec,
            cer_text *name, cer_error *err)
{
	cer_text parts[3] = {spec->name, {".", 1}, {"", 0}};

	parts[2] = cer_text_of(spec->suffix);
	if (parts[2].data[parts[2].size - 1] == '(')
	{
		/* a kind of tensor that belongs to an input */
		parts[0] = parts[2];
		parts[1] = spec->name;
		parts[2] = cer_text_of(")");
	}
	return join_text(builder->arena, parts, name, err);
}

cer_status
cer_net_add_tensor(cer_net_builder *builder, cer_node *node,
                   const cer_tensor_spec *spec, cer_error *err)
{
	cer_net *net = builder->net;
	cer_net_tensor *tensor = &net->tensors[net->n_tensors];
	uint64_t n_rows = spec->n_rows > 0 ? spec->n_rows : 1;

	if (net->n_tensors == builder->tensor_capacity)
		return cer_fail(err, CER_INTERNAL, "more tensors than planned");
	if (n_rows > MAX_WEIGHTS ||
	    n_rows * spec->n_columns > MAX_WEIGHTS - net->n_weights)
		return cer_fail(err, CER_TOO_BIG,
		                "network has more than %zu weights at \"%.*s\"",
		                MAX_WEIGHTS, CER_SHOW(spec->name));
	memset(tensor, 0, sizeof(*tensor));
	CER_TRY(name_tensor(builder, spec, &tensor->name, err));
	tensor->n_dims = spec->n_rows > 0 ? 2 : 1;
	tensor->dims[0] = spec->n_rows > 0 ? spec->n_rows : spec->n_columns;
	tensor->dims[1] = spec->n_rows > 0 ? spec->n_columns : 0;
	tensor->offset = net->n_weights;
	tensor->size = (size_t) (n_rows * spec->n_columns);
	tensor->initial = spec->initial;
	tensor->scale = (float) spec->scale;
	tensor->row_names = spec->row_names;
	net->n_parameters += tensor->size;
	net->n_weights +=
		(tensor->size + TENSOR_FLOATS - 1) / TENSOR_FLOATS * TENSOR_FLOATS;
	if (node->n_tensors == 0)
		node->first_tensor = net->n_tensors;
	node->n_tensors++;
	net->n_tensors++;
	return CER_OK;
}

/* ------------------------------------------------------------ nodes */

static cer_status
add_node(cer_net_builder *builder, const cer_node *spec, cer_error *err)
{
	cer_node *node = &builder->net->nodes[builder->net->n_nodes];

	*node = *spec;
	CER_TRY(cer_text_copy(builder->arena, spec->name, &node->name, err));
	CER_TRY(node->op->shape(builder, node, err));
	builder->net->n_nodes++;
	return CER_OK;
}

/* How many dense layers before layer i have as many units. */
static size_t
count_same_before(const cer_layer *layers, size_t i)
{
	size_t n = 0;

	for (size_t j = 1; j < i; j++)
		n += layers[j].units == layers[i].units;
	return n;
}

/* Layer i of n_layers hidden ones and the output. */
static cer_status
add_layer(cer_net_builder *builder, const cer_layer *layers, size_t n_layers,
          size_t i, cer_error *err)
{
	bool is_output = i == n_layers;
	char name[64];
	cer_node node = {
		.op = i == 0 ? &cer_op_first : &cer_op_dense,
		.n_in = i == 0 ? 0 : layers[i - 1].units,
		.n_out = is_output ? builder->net->shape->n_classes : layers[i].units,
		.activation = is_output ? CER_IDENTITY : layers[i].activation,
		.dropout = is_output ? 0.0 : layers[i].dropout,
	};

	if (i == 0)
		snprintf(name, sizeof(name), "first");
	else if (is_output)
		snprintf(name, sizeof(name), "output");
	else
		snprintf(name, sizeof(name), "dense(%zu)[%zu]", node.n_out,
		         count_same_before(layers, i));
	node.name = cer_text_of(name);
	CER_TRY(add_node(builder, &node, err));
	node.op = &cer_op_activate;
	node.n_in = node.n_out;
	return add_node(builder, &node, err);
}

static cer_status
check_layers(const cer_input_shape *shape, const cer_layer *layers,
             size_t n_layers, cer_error *err)
{
	if (shape->n_numbers == 0 && shape->n_tables == 0)
		return cer_fail(err, CER_BAD_DATA, "network has no inputs");
	if (shape->n_classes < 2)
		return cer_fail(err, CER_BAD_DATA,
		                "network needs at least two classes, got %zu",
		                shape->n_classes);
	for (size_t i = 0; i < n_layers; i++)
		if (layers[i].units == 0 || layers[i].units > MAX_UNITS)
			return cer_fail(err, CER_BAD_VALUE,
			                "layer %zu has %zu units, allowed are 1 to %zu",
			                i + 1, layers[i].units, MAX_UNITS);
	return CER_OK;
}

static cer_status
allocate_net(cer_net_builder *builder, const cer_input_shape *shape,
             size_t n_layers, cer_error *err)
{
	cer_arena *arena = builder->arena;
	size_t n_nodes = 2 * n_layers + 3;
	cer_net *net = cer_arena_allocate(arena, sizeof(*net));

	builder->tensor_capacity = 1 + 2 * shape->n_tables + 2 * (n_layers + 1);
	if (net == NULL)
		return cer_fail_memory(err, sizeof(*net));
	memset(net, 0, sizeof(*net));
	net->nodes = cer_arena_allocate(arena, n_nodes * sizeof(cer_node));
	net->tensors = cer_arena_allocate(arena, (builder->tensor_capacity + 1) *
	                                             sizeof(cer_net_tensor));
	if (net->nodes == NULL || net->tensors == NULL)
		return cer_fail_memory(err, n_nodes * sizeof(cer_node));
	builder->net = net;
	return copy_shape(arena, shape, &net->shape, err);
}

cer_status
cer_net_make(cer_arena *arena, const cer_input_shape *shape,
             const cer_layer *layers, size_t n_layers, const cer_net **net,
             cer_error *err)
{
	cer_net_builder builder = {.arena = arena};
	cer_node softmax = {
		.op = &cer_op_softmax,
		.name = {"softmax", 7},
		.n_in = shape->n_classes,
		.n_out = shape->n_classes,
	};

	CER_TRY(check_layers(shape, layers, n_layers, err));
	CER_TRY(allocate_net(&builder, shape, n_layers, err));
	for (size_t i = 0; i <= n_layers; i++)
		CER_TRY(add_layer(&builder, layers, n_layers, i, err));
	CER_TRY(add_node(&builder, &softmax, err));
	*net = builder.net;
	return CER_OK;
}

/* ------------------------------------------------------------ questions */

size_t
cer_net_count_weights(const cer_net *net)
{
	return net->n_weights;
}

size_t
cer_net_count_tensors(const cer_net *net)
{
	return net->n_tensors;
}

const cer_net_tensor *
cer_net_get_tensor(const cer_net *net, size_t tensor)
{
	return &net->tensors[tensor];
}

double
cer_net_get_cost(const cer_net *net)
{
	double cost = 0.0;

	for (size_t i = 0; i < net->n_nodes; i++)
		cost += net->nodes[i].op->cost(net, &net->nodes[i]);
	return cost;
}
