/*
 * nn/outline.c
 *	  The outline of a net over fitted encoders: an input for each, then the
 *	  layers.
 */
#include "nn/outline.h"

#include "base/text.h"
#include "data/encoder.h"
#include "data/shape.h"
#include "lang/origin.h"
#include "lang/writer.h"
#include "nn/operator.h"

#include <string.h>

/* ------------------------------------------------------------ inputs */

static cer_encoder_kind
get_kind(const cer_encoder *encoder)
{
	if (encoder->vocabulary != NULL && !encoder->is_bag)
		return encoder->width > 0 ? CER_ENCODER_EMBED : CER_ENCODER_ONEHOT;
	return encoder->type->kinds[1];
}

static const cer_table_shape *
get_table(const cer_encoders *encoders, const cer_encoder *encoder)
{
	return encoder->n_codes > 0 && !encoder->is_bag
	           ? &encoders->shape.tables[encoder->table]
	           : NULL;
}

static cer_status
put_table(cer_arena *arena, const cer_encoder *encoder,
          const cer_table_shape *table, cer_outline_node *node, cer_error *err)
{
	cer_writer detail = {.arena = arena};
	cer_writer shape = {.arena = arena};
	cer_writer tensor = {.arena = arena};
	cer_text *name = cer_arena_allocate(arena, sizeof(*name));

	size_t n_codes = table->n_codes;

	for (size_t i = 1; i < encoder->n_codes; i++)
		n_codes += table[i].n_codes;
	cer_writer_format(&detail, "%zu codes", n_codes);
	if (encoder->n_codes > 1)
		cer_writer_format(&detail, ", %zu of them", encoder->n_codes);
	cer_writer_format(&shape, "%zu", table->width > 0 ? table->width : n_codes);
	CER_TRY(cer_writer_finish(&detail, &node->detail, err));
	CER_TRY(cer_writer_finish(&shape, &node->shape, err));
	if (table->width == 0)
		return CER_OK;
	cer_writer_put(&tensor, "embed(");
	cer_writer_add(&tensor, table->name);
	cer_writer_put(&tensor, ")");
	if (name == NULL)
		return cer_fail_memory(err, sizeof(*name));
	CER_TRY(cer_writer_finish(&tensor, name, err));
	node->tensors = name;
	node->n_tensors = 1;
	node->n_parameters = (uint64_t) table->n_codes * table->width;
	return CER_OK;
}

/* What the encoder leaves to be learnt; NULL: nothing. */
static const cer_lift *
get_lift(const cer_encoders *encoders, const cer_encoder *encoder)
{
	const cer_lift *lift = encoders->shape.lifts;

	if (encoder->type->lift == NULL)
		return NULL;
	for (const cer_encoder *e = encoders->encoders; e < encoder; e++)
		lift += e->type->lift != NULL;
	return lift;
}

static cer_status
put_numbers(cer_arena *arena, const cer_encoder *encoder, const cer_lift *lift,
            cer_outline_node *node, cer_error *err)
{
	cer_writer shape = {.arena = arena};

	cer_writer detail = {.arena = arena};

	if (encoder->spec.kind == CER_ENCODER_PLE && encoder->n_points > 1)
		cer_writer_format(&detail, "%zu bins", encoder->n_points - 1);
	if (encoder->has_missing)
		cer_writer_format(&detail, "%sand whether missing",
		                  encoder->n_points > 1 ? ", " : "");
	if (encoder->is_bag)
		cer_writer_format(&detail, "%zu codes, %s of up to %zu", lift->n_rows,
		                  lift->is_mean ? "mean" : "sum", lift->n_codes);
	if (lift != NULL)
		node->n_parameters = cer_lift_count_weights(lift);
	CER_TRY(cer_writer_finish(&detail, &node->detail, err));
	cer_writer_format(&shape, "%zu",
	                  encoder->n_scaled + encoder->n_learnt +
	                      (size_t) encoder->has_missing);
	return cer_writer_finish(&shape, &node->shape, err);
}

static cer_status
describe_input(cer_arena *arena, const cer_encoders *encoders, size_t input,
               cer_outline_node *node, cer_error *err)
{
	const cer_encoder *encoder = &encoders->encoders[input];
	const cer_table_shape *table = get_table(encoders, encoder);
	cer_writer path = {.arena = arena};

	node->is_input = true;
	node->operation = cer_text_of(cer_encoder_name(get_kind(encoder)));
	node->detail = (cer_text){"", 0};
	cer_writer_put(&path, "FE.");
	cer_writer_add(&path, encoder->input.name);
	CER_TRY(cer_writer_finish(&path, &node->path, err));
	return table != NULL ? put_table(arena, encoder, table, node, err)
	                     : put_numbers(arena, encoder,
	                                   get_lift(encoders, encoder), node, err);
}

/* ------------------------------------------------------------ layers */

static cer_status
put_shape(cer_arena *arena, const cer_net *net, cer_outline_group group,
          cer_text *shape, cer_error *err)
{
	cer_writer to = {.arena = arena};
	uint64_t m;
	uint64_t n;

	cer_outline_measure(net, group, &m, &n);
	if (m > 1)
		cer_writer_format(&to, "%llu x ", (unsigned long long) m);
	cer_writer_format(&to, "%llu", (unsigned long long) n);
	return cer_writer_finish(&to, shape, err);
}

static cer_status
add_layers(cer_arena *arena, const cer_outline_layers *layers,
           cer_outline_node *nodes, cer_error *err)
{
	for (size_t i = 0; i < layers->n_groups; i++)
	{
		cer_outline_group group = layers->groups[i];

		CER_TRY(cer_outline_describe(arena, layers, i, &nodes[i], err));
		CER_TRY(put_shape(arena, layers->net, group, &nodes[i].shape, err));
		nodes[i].n_parameters = cer_outline_count(layers->net, group);
	}
	return CER_OK;
}

static cer_status
make_outline(cer_arena *arena, cer_outline_layers *layers, cer_outline *outline,
             cer_error *err)
{
	size_t n_inputs = layers->n_inputs;
	cer_outline_node *nodes;
	size_t size;

	CER_TRY(cer_outline_find_groups(arena, layers->net, &layers->groups,
	                                &layers->n_groups, err));
	outline->n_nodes = n_inputs + layers->n_groups;
	size = outline->n_nodes * sizeof(*nodes);
	nodes = cer_arena_allocate(arena, size);
	if (nodes == NULL)
		return cer_fail_memory(err, size);
	memset(nodes, 0, size);
	outline->nodes = nodes;
	for (size_t i = 0; i < n_inputs; i++)
		CER_TRY(describe_input(arena, layers->encoders, i, &nodes[i], err));
	CER_TRY(add_layers(arena, layers, nodes + n_inputs, err));
	for (size_t i = 0; i < outline->n_nodes; i++)
		outline->n_parameters += nodes[i].n_parameters;
	return CER_OK;
}

cer_status
cer_outline_make_of_encoders(cer_arena *arena, const cer_mst *mst,
                             const cer_encoders *encoders,
                             const cer_outline **outline, cer_error *err)
{
	cer_outline *made = cer_arena_allocate(arena, sizeof(*made));
	cer_outline_layers layers = {.n_inputs = encoders->n_encoders,
	                             .encoders = encoders};
	const cer_input_shape *shape = cer_encoders_get_shape(encoders);
	const cer_layer *structure;

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	*made = (cer_outline){0};
	CER_TRY(cer_mst_trace(arena, mst, &structure, err));
	CER_TRY(cer_shape_make(arena, shape, mst, &shape, err));
	CER_TRY(cer_net_make(arena, shape, structure, &layers.net, err));
	CER_TRY(make_outline(arena, &layers, made, err));
	*outline = made;
	return CER_OK;
}

cer_status
cer_outline_make(cer_arena *arena, const cer_host *host, const cer_mst *mst,
                 const cer_plan *plan, const cer_dataset *dataset,
                 const cer_outline **outline, cer_error *err)
{
	const cer_encoders *encoders;

	CER_TRY(cer_encoders_fit(arena, host, plan, dataset, &encoders, err));
	return cer_outline_make_of_encoders(arena, mst, encoders, outline, err);
}
