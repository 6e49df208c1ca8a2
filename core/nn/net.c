/*
 * nn/net.c
 *	  A network: its operators in order, the names and places of weights; see
 *	  build.c for how a structure becomes operators.
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

#define MAX_WEIGHTS ((size_t) 1 << 30) /* floats */

/* One after the other. */
static cer_status
join_text(cer_arena *arena, cer_text parts[5], cer_text *to, cer_error *err)
{
	size_t size = parts[0].size + parts[1].size + parts[2].size +
	              parts[3].size + parts[4].size;
	char *data = cer_arena_allocate(arena, size + 1);

	if (data == NULL)
		return cer_fail_memory(err, size + 1);
	to->data = data;
	to->size = size;
	for (size_t i = 0; i < 5; i++)
	{
		if (parts[i].size > 0)
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
copy_lifts(cer_arena *arena, const cer_input_shape *from, cer_input_shape *to,
           cer_error *err)
{
	size_t size = from->n_lifts * sizeof(cer_lift);
	cer_lift *lifts = cer_arena_allocate(arena, size);

	if (lifts == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < from->n_lifts; i++)
	{
		size_t edges_size = (from->lifts[i].n_inner + 1) * sizeof(float);
		float *edges = cer_arena_allocate(arena, edges_size);

		if (edges == NULL)
			return cer_fail_memory(err, edges_size);
		lifts[i] = from->lifts[i];
		CER_TRY(cer_text_copy(arena, from->lifts[i].name, &lifts[i].name, err));
		if (lifts[i].edges == NULL)
			continue;
		memcpy(edges, from->lifts[i].edges, edges_size);
		lifts[i].edges = edges;
	}
	to->lifts = lifts;
	return CER_OK;
}

static cer_status
copy_shape(cer_arena *arena, const cer_input_shape *from,
           const cer_input_shape **to, cer_error *err)
{
	cer_input_shape *shape = cer_arena_allocate(arena, sizeof(*shape));
	size_t tables_size = from->n_tables * sizeof(cer_table_shape);
	cer_table_shape *tables = cer_arena_allocate(arena, tables_size);
	size_t places_size =
		from->places != NULL ? from->n_numbers * sizeof(cer_number_place) : 0;
	size_t ramps_size = from->n_ramps * sizeof(cer_ramp);
	cer_number_place *places = cer_arena_allocate(arena, places_size);
	cer_ramp *ramps = cer_arena_allocate(arena, ramps_size);
	size_t inputs_size =
		from->number_inputs != NULL ? from->n_numbers * sizeof(uint32_t) : 0;
	uint32_t *inputs = cer_arena_allocate(arena, inputs_size);
	cer_text *names;
	cer_text *aliases;

	if (shape == NULL || inputs == NULL || tables == NULL || places == NULL ||
	    ramps == NULL)
		return cer_fail_memory(err, sizeof(*shape) + tables_size + places_size);
	*shape = *from;
	if (places_size > 0)
		shape->places = memcpy(places, from->places, places_size);
	if (inputs_size > 0)
		shape->number_inputs = memcpy(inputs, from->number_inputs, inputs_size);
	if (ramps_size > 0)
		shape->ramps = memcpy(ramps, from->ramps, ramps_size);
	CER_TRY(
		copy_texts(arena, from->number_names, from->n_numbers, &names, err));
	CER_TRY(copy_texts(arena, from->aliases, from->n_aliases, &aliases, err));
	for (size_t i = 0; i < from->n_tables; i++)
	{
		tables[i] = from->tables[i];
		CER_TRY(
			cer_text_copy(arena, from->tables[i].name, &tables[i].name, err));
	}
	shape->number_names = names;
	shape->tables = tables;
	shape->aliases = aliases;
	CER_TRY(copy_lifts(arena, from, shape, err));
	*to = shape;
	return CER_OK;
}

/* ------------------------------------------------------------ tensors */

static cer_status
name_tensor(cer_net_builder *builder, const cer_tensor_spec *spec,
            cer_text *name, cer_error *err)
{
	cer_text parts[5] = {spec->name, {".", 1}};

	parts[2] = cer_text_of(spec->suffix);
	if (parts[2].data[parts[2].size - 1] == '(')
	{
		/* a kind of tensor that belongs to an input */
		parts[0] = builder->prefix;
		parts[1] = cer_text_of(builder->prefix.size > 0 ? "/" : "");
		parts[3] = spec->name;
		parts[4] = cer_text_of(")");
	}
	return join_text(builder->arena, parts, name, err);
}

static cer_status
grow_tensors(cer_net_builder *builder, cer_error *err)
{
	cer_net *net = builder->net;
	size_t capacity = 2 * builder->tensor_capacity + 32;
	cer_net_tensor *tensors =
		cer_arena_allocate(builder->arena, capacity * sizeof(cer_net_tensor));

	if (tensors == NULL)
		return cer_fail_memory(err, capacity * sizeof(cer_net_tensor));
	if (net->n_tensors > 0)
		memcpy(tensors, net->tensors, net->n_tensors * sizeof(cer_net_tensor));
	net->tensors = tensors;
	builder->tensor_capacity = capacity;
	return CER_OK;
}

static size_t
pad_tensor(size_t n)
{
	return (n + CER_TENSOR_FLOATS - 1) / CER_TENSOR_FLOATS * CER_TENSOR_FLOATS;
}

cer_status
cer_net_add_tensor(cer_net_builder *builder, cer_node *node,
                   const cer_tensor_spec *spec, cer_error *err)
{
	cer_net *net = builder->net;
	cer_net_tensor *tensor;
	uint64_t n_rows = spec->n_rows > 0 ? spec->n_rows : 1;

	if (net->n_tensors == builder->tensor_capacity)
		CER_TRY(grow_tensors(builder, err));
	tensor = &net->tensors[net->n_tensors];
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
	tensor->is_statistic = spec->is_statistic;
	tensor->rate = spec->rate > 0.0 ? (float) spec->rate : 1.0f;
	tensor->n_hidden = node->is_output ? 0 : spec->n_hidden;
	tensor->table = spec->table;
	if (!spec->is_statistic)
		net->n_parameters += tensor->size;
	net->n_weights += pad_tensor(tensor->size);
	if (node->n_tensors == 0)
		node->first_tensor = net->n_tensors;
	node->n_tensors++;
	net->n_tensors++;
	return CER_OK;
}

static bool
has_tensor(const cer_net *net, cer_text name)
{
	for (size_t i = 0; i < net->n_tensors; i++)
		if (cer_text_equals(net->tensors[i].name, name))
			return true;
	return false;
}

void
cer_net_choose_suffix(const cer_net_builder *builder, const char *kind,
                      cer_text input, char suffix[CER_MAX_SUFFIX])
{
	cer_tensor_spec spec = {.name = input, .suffix = suffix};
	cer_net_builder named = *builder;
	cer_text name;

	snprintf(suffix, CER_MAX_SUFFIX, "%s(", kind);
	for (size_t i = 1; name_tensor(&named, &spec, &name, NULL) == CER_OK &&
	                   has_tensor(builder->net, name);
	     i++)
		snprintf(suffix, CER_MAX_SUFFIX, "%s[%zu](", kind, i);
}

cer_status
cer_net_add_gain(cer_net_builder *builder, cer_node *node, size_t count,
                 cer_error *err)
{
	cer_tensor_spec gain = {
		.name = node->name,
		.suffix = "gain",
		.n_rows = count,
		.n_columns = node->n_out,
		.initial = CER_INITIAL_CONSTANT,
		.scale = 1.0,
	};
	cer_tensor_spec bias = {
		.name = node->name,
		.suffix = "bias",
		.n_rows = count,
		.n_columns = node->n_out,
	};

	CER_TRY(cer_net_add_tensor(builder, node, &gain, err));
	return cer_net_add_tensor(builder, node, &bias, err);
}

/* ------------------------------------------------------------ nodes */

static cer_status
grow_nodes(cer_net_builder *builder, cer_error *err)
{
	cer_net *net = builder->net;
	size_t capacity = 2 * builder->node_capacity + 16;
	cer_node *nodes =
		cer_arena_allocate(builder->arena, capacity * sizeof(cer_node));

	if (nodes == NULL)
		return cer_fail_memory(err, capacity * sizeof(cer_node));
	if (net->n_nodes > 0)
		memcpy(nodes, net->nodes, net->n_nodes * sizeof(cer_node));
	net->nodes = nodes;
	builder->node_capacity = capacity;
	return CER_OK;
}

cer_status
cer_net_add_node(cer_net_builder *builder, const cer_node *spec, cer_error *err)
{
	cer_net *net = builder->net;
	size_t size = spec->n_inputs * sizeof(cer_edge);
	cer_edge *inputs = cer_arena_allocate(builder->arena, size);
	cer_node *node;

	if (inputs == NULL)
		return cer_fail_memory(err, size);
	if (net->n_nodes == builder->node_capacity)
		CER_TRY(grow_nodes(builder, err));
	node = &net->nodes[net->n_nodes];
	*node = *spec;
	if (size > 0)
		memcpy(inputs, spec->inputs, size);
	node->inputs = inputs;
	CER_TRY(cer_text_copy(builder->arena, spec->name, &node->name, err));
	CER_TRY(node->op->shape(builder, node, err));
	net->n_nodes++;
	return CER_OK;
}

static cer_status
check_shape(const cer_input_shape *shape, cer_error *err)
{
	if (shape->n_numbers + shape->n_tables + shape->n_lifts == 0)
		return cer_fail(err, CER_BAD_DATA, "network has no inputs");
	if (shape->n_classes < 2)
		return cer_fail(err, CER_BAD_DATA,
		                "network needs at least two classes, got %zu",
		                shape->n_classes);
	return CER_OK;
}

static cer_status
make_net(cer_net_builder builder, const cer_input_shape *shape,
         const cer_layer *structure, const cer_net **net, cer_error *err)
{
	cer_arena *arena = builder.arena;

	if (structure == NULL)
		return cer_fail(err, CER_BAD_CALL, "there is no structure to build");
	CER_TRY(check_shape(shape, err));
	builder.net = cer_arena_allocate(arena, sizeof(*builder.net));
	if (builder.net == NULL)
		return cer_fail_memory(err, sizeof(*builder.net));
	memset(builder.net, 0, sizeof(*builder.net));
	builder.net->structure = structure;
	CER_TRY(copy_shape(arena, shape, &builder.net->shape, err));
	CER_TRY(cer_net_build(&builder, structure, err));
	*net = builder.net;
	return CER_OK;
}

cer_status
cer_net_make(cer_arena *arena, const cer_input_shape *shape,
             const cer_layer *structure, const cer_net **net, cer_error *err)
{
	return make_net((cer_net_builder){.arena = arena}, shape, structure, net,
	                err);
}

cer_status
cer_net_make_whole(cer_arena *arena, const cer_net *net, const cer_net **whole,
                   cer_error *err)
{
	return make_net((cer_net_builder){.arena = arena, .is_whole = true},
	                net->shape, net->structure, whole, err);
}

/* ------------------------------------------------------------ leaving out */

cer_status
cer_net_leave_out(cer_arena *arena, const cer_net *net, const bool *is_left_out,
                  const cer_net **less, cer_error *err)
{
	size_t size = net->n_tensors * sizeof(cer_net_tensor);
	cer_net *made = cer_arena_allocate(arena, sizeof(*made));
	cer_net_tensor *tensors = cer_arena_allocate(arena, size);

	if (made == NULL || tensors == NULL)
		return cer_fail_memory(err, size);
	memcpy(tensors, net->tensors, size);
	*made = *net;
	made->tensors = tensors;
	made->n_weights = 0;
	for (size_t i = 0; i < net->n_tensors; i++)
	{
		tensors[i].offset =
			is_left_out[i] ? CER_TENSOR_LEFT_OUT : made->n_weights;
		if (!is_left_out[i])
			made->n_weights += pad_tensor(tensors[i].size);
	}
	*less = made;
	return CER_OK;
}

/* ------------------------------------------------------------ questions */

size_t
cer_net_count_left_out(const cer_net *net)
{
	size_t n = 0;

	for (size_t i = 0; i < net->n_tensors; i++)
		n += net->tensors[i].offset == CER_TENSOR_LEFT_OUT;
	return n;
}

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
