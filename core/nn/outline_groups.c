/*
 * nn/outline_groups.c
 *	  Which nodes of a net are one layer to people, and what to say of it.
 *
 * A layer becomes several operators (a product, a bias with its activation,
 * factors of members): their origin is one.  What nobody wrote, the output or
 * the encoded row as a vector, is told apart by its name.
 */
#include "nn/outline.h"

#include "base/text.h"
#include "data/encoder.h"
#include "lang/origin.h"
#include "lang/writer.h"
#include "nn/operator.h"

#include <string.h>

#define INPUT_TENSOR "embed("

/* Of "planes/dense(64)[0]", a node of a tower: what stands before the slash. */
static cer_text
get_tower(const cer_node *node)
{
	const char *slash = memchr(node->name.data, '/', node->name.size);

	if (slash == NULL)
		return (cer_text){"", 0};
	return (cer_text){node->name.data, (size_t) (slash - node->name.data)};
}

static bool
are_one_layer(const cer_node *a, const cer_node *b)
{
	if (a->origin != NULL || b->origin != NULL)
		return a->origin == b->origin &&
		       cer_text_equals(get_tower(a), get_tower(b));
	return cer_text_equals(a->name, b->name);
}

cer_status
cer_outline_find_groups(cer_arena *arena, const cer_net *net,
                        cer_outline_group **groups, size_t *n_groups,
                        cer_error *err)
{
	size_t size = net->n_nodes * sizeof(**groups);
	cer_outline_group *made = cer_arena_allocate(arena, size);
	size_t n = 0;

	if (made == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < net->n_nodes; i++)
		if (n > 0 && are_one_layer(&net->nodes[i - 1], &net->nodes[i]))
			made[n - 1].end = i + 1;
		else
			made[n++] = (cer_outline_group){i, i + 1};
	*groups = made;
	*n_groups = n;
	return CER_OK;
}

/* ------------------------------------------------------------ numbers */

/* A table of embeddings is its input's. */
static bool
is_of_input(const cer_net_tensor *tensor)
{
	size_t size = strlen(INPUT_TENSOR);

	return tensor->name.size > size &&
	       memcmp(tensor->name.data, INPUT_TENSOR, size) == 0;
}

uint64_t
cer_outline_count(const cer_net *net, cer_outline_group group)
{
	uint64_t n = 0;

	for (size_t i = group.begin; i < group.end; i++)
		for (size_t j = 0; j < net->nodes[i].n_tensors; j++)
		{
			const cer_net_tensor *tensor =
				&net->tensors[net->nodes[i].first_tensor + j];

			if (!tensor->is_statistic && !is_of_input(tensor))
				n += tensor->size;
		}
	return n;
}

/* Tokens that were joined stand as one vector until somebody takes them. */
void
cer_outline_measure(const cer_net *net, cer_outline_group group, uint64_t *m,
                    uint64_t *n)
{
	size_t last = group.end - 1;

	*m = net->nodes[last].m;
	*n = net->nodes[last].n_out;
	for (size_t i = group.end; i < net->n_nodes && *m == 1; i++)
		for (size_t j = 0; j < net->nodes[i].n_inputs; j++)
			if (net->nodes[i].inputs[j].node == last)
			{
				*m = net->nodes[i].inputs[j].m;
				*n = net->nodes[i].inputs[j].n;
			}
}

/* ------------------------------------------------------------ words */

/* Each word once. */
static bool
has_word(const cer_writer *to, const char *word)
{
	size_t size = strlen(word);

	for (size_t i = 0; i + size <= to->size; i++)
		if (memcmp(to->data + i, word, size) == 0)
			return true;
	return false;
}

static void
put_word(cer_writer *to, const char *word)
{
	if (has_word(to, word))
		return;
	cer_writer_put(to, to->size > 0 ? ", " : "");
	cer_writer_put(to, word);
}

static void
put_count(cer_writer *to, const char *word, double number)
{
	if (has_word(to, word))
		return;
	put_word(to, word);
	cer_writer_put(to, " ");
	cer_writer_put_number(to, number);
}

/* What the operation's own name says is not said again. */
static void
put_detail(cer_writer *to, const cer_node *node, cer_text operation)
{
	const char *activation = cer_activation_name(node->activation);
	static const char *const pools[] = {
		[CER_POOL_MEAN] = "mean",   [CER_POOL_MAX] = "max",
		[CER_POOL_FIRST] = "first", [CER_POOL_ATTENTION] = "attention",
		[CER_POOL_LAST] = "last",
	};

	if (node->op == &cer_op_attend)
		put_count(to, "heads", (double) node->count);
	if (node->op == &cer_op_pool)
		put_word(to, pools[node->pool]);
	if (node->op == &cer_op_norm)
		put_word(to, "layer");
	if (node->op == &cer_op_standardize)
		put_word(to, "batch");
	if (node->activation != CER_IDENTITY && !cer_text_is(operation, activation))
		put_word(to, activation);
	if (node->dropout > 0.0)
		put_count(to, "dropout", node->dropout);
}

static cer_status
put_name(cer_arena *arena, const cer_node *node, cer_outline_node *to,
         cer_error *err)
{
	const cer_origin *origin = node->origin;

	to->path = (cer_text){"", 0};
	to->operation = node->name;
	if (get_tower(node).data == node->name.data)
	{
		size_t size = get_tower(node).size + 1;

		to->operation =
			(cer_text){node->name.data + size, node->name.size - size};
	}
	if (origin == NULL)
		return CER_OK;
	to->operation = origin->name;
	return cer_origin_print(arena, origin, &to->path, err);
}

/* ------------------------------------------------------------ lists */

static cer_status
list_tensors(cer_arena *arena, const cer_net *net, cer_outline_group group,
             cer_outline_node *node, cer_error *err)
{
	size_t size = net->n_tensors * sizeof(cer_text);
	cer_text *names = cer_arena_allocate(arena, size);

	if (names == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = group.begin; i < group.end; i++)
		for (size_t j = 0; j < net->nodes[i].n_tensors; j++)
		{
			const cer_net_tensor *tensor =
				&net->tensors[net->nodes[i].first_tensor + j];

			if (!is_of_input(tensor))
				names[node->n_tensors++] = tensor->name;
		}
	node->tensors = names;
	return CER_OK;
}

static size_t
find_group(const cer_outline_group *groups, size_t node)
{
	size_t group = 0;

	while (node >= groups[group].end)
		group++;
	return group;
}

static void
add_input(cer_outline_node *node, size_t *inputs, size_t input)
{
	for (size_t i = 0; i < node->n_inputs; i++)
		if (inputs[i] == input)
			return;
	inputs[node->n_inputs++] = input;
}

static bool
has_place(const uint32_t *places, size_t n, size_t place)
{
	for (size_t i = 0; i < n; i++)
		if (places[i] == place)
			return true;
	return false;
}

/* Does a view of the encoded row have what an input becomes? */
static bool
is_in_view(const cer_outline_layers *layers, const cer_view *view, size_t input)
{
	const cer_encoder *encoder;

	if (layers->encoders == NULL || view == NULL)
		return true;
	encoder = &layers->encoders->encoders[input];
	if (encoder->n_codes > 0)
		return has_place(view->tables, view->n_tables, encoder->table);
	return has_place(view->numbers, view->n_numbers, encoder->first);
}

static void
add_inputs(const cer_outline_layers *layers, size_t group, const cer_node *from,
           cer_outline_node *node, size_t *inputs)
{
	for (size_t i = 0; from->n_inputs == 0 && i < layers->n_inputs; i++)
		if (is_in_view(layers, from->view, i))
			add_input(node, inputs, i);
	for (size_t i = 0; i < from->n_inputs; i++)
	{
		size_t other = find_group(layers->groups, from->inputs[i].node);

		if (other != group)
			add_input(node, inputs, layers->n_inputs + other);
	}
}

static cer_status
list_inputs(cer_arena *arena, const cer_outline_layers *layers, size_t group,
            cer_outline_node *node, cer_error *err)
{
	cer_outline_group range = layers->groups[group];
	size_t most = layers->n_inputs;
	size_t *inputs;

	for (size_t i = range.begin; i < range.end; i++)
		most += layers->net->nodes[i].n_inputs;
	inputs = cer_arena_allocate(arena, most * sizeof(size_t));
	if (inputs == NULL)
		return cer_fail_memory(err, most * sizeof(size_t));
	for (size_t i = range.begin; i < range.end; i++)
		add_inputs(layers, group, &layers->net->nodes[i], node, inputs);
	node->inputs = inputs;
	return CER_OK;
}

cer_status
cer_outline_describe(cer_arena *arena, const cer_outline_layers *layers,
                     size_t group, cer_outline_node *node, cer_error *err)
{
	cer_outline_group range = layers->groups[group];
	const cer_node *nodes = layers->net->nodes;
	cer_text tower = get_tower(&nodes[range.begin]);
	cer_writer detail = {.arena = arena};

	CER_TRY(put_name(arena, &nodes[range.begin], node, err));
	cer_writer_add(&detail, tower);
	for (size_t i = range.begin; i < range.end; i++)
		put_detail(&detail, &nodes[i], node->operation);
	CER_TRY(cer_writer_finish(&detail, &node->detail, err));
	CER_TRY(list_tensors(arena, layers->net, range, node, err));
	return list_inputs(arena, layers, group, node, err);
}
