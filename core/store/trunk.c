/*
 * store/trunk.c
 *	  What models have in common, and scoring by several of them.
 *
 *	 rows -> encoded rows -> layer 1 -> layer 2 -> output		the model
 *					|			   \-> its own layers			shares one layer
 *					\-> its own net								shares none
 *
 * What encoding and each layer are made of is written down when a model is
 * made: names and shapes, and ids of the bytes that they were stored in.  What
 * reads the same has the same bits.
 */
#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "nn/net.h"
#include "store/model_private.h"

#include <string.h>

#define ALIGNMENT ((size_t) 64)

/* --------------------------------------------------------- writing it down */

typedef struct trunk_maker
{
	cer_arena *arena;
	const cer_model_copy *copy;
	const cer_stored *stored;
	bool lacks_id; /* of a part that was asked for */
} trunk_maker;

typedef void (*trunk_writer)(trunk_maker *maker, size_t i, cer_byte_writer *to);

/* Twice: to learn the size, then into memory. */
static cer_status
write_down(trunk_maker *maker, trunk_writer write, size_t i, cer_text *text,
           cer_error *err)
{
	cer_byte_writer to = {0};

	write(maker, i, &to);
	to.data = cer_arena_allocate(maker->arena, to.size);
	if (to.data == NULL)
		return cer_fail_memory(err, to.size);
	to.size = 0;
	write(maker, i, &to);
	*text = (cer_text){to.data, to.size};
	return CER_OK;
}

static void
write_id(trunk_maker *maker, cer_part_kind kind, cer_text name,
         cer_byte_writer *to)
{
	const cer_model_copy *copy = maker->copy;
	cer_text id = {NULL, 0};

	for (size_t i = 0; i < copy->n_parts; i++)
		if (copy->parts[i].kind == kind && copy->parts[i].id != NULL &&
		    cer_text_equals(copy->parts[i].name, name))
			id = (cer_text){(const char *) copy->parts[i].id, CER_ID_SIZE};
	maker->lacks_id |= id.size == 0;
	cer_write_text(to, id);
}

static void
write_encoding(trunk_maker *maker, size_t i, cer_byte_writer *to)
{
	const cer_model_header *header = &maker->stored->header;

	(void) i;
	cer_write_number(to, header->n_classes, sizeof(uint32_t));
	for (size_t k = 0; k < header->n_inputs; k++)
	{
		cer_write_number(to, header->inputs[k].storage, 1);
		cer_write_text(to, header->inputs[k].name);
		write_id(maker, CER_PART_ENCODER, header->inputs[k].name, to);
	}
}

static void
write_tensors(trunk_maker *maker, const cer_node *node, cer_byte_writer *to)
{
	const cer_net *net = maker->stored->net;

	cer_write_number(to, node->n_tensors, sizeof(uint32_t));
	for (size_t i = 0; i < node->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &net->tensors[node->first_tensor + i];

		cer_write_number(to, tensor->n_dims, sizeof(uint32_t));
		for (uint32_t k = 0; k < tensor->n_dims; k++)
			cer_write_number(to, tensor->dims[k], sizeof(uint64_t));
		/* of the first layer: which input's rows they are */
		cer_write_number(to, tensor->table, sizeof(uint64_t));
		write_id(maker, CER_PART_TENSOR, tensor->name, to);
	}
}

/* Of the first layer: the order in which tables are added up. */
static void
write_links(const trunk_maker *maker, cer_byte_writer *to)
{
	cer_write_number(to, maker->copy->n_links, sizeof(uint32_t));
	for (size_t i = 0; i < maker->copy->n_links; i++)
	{
		cer_write_text(to, maker->copy->links[i].alias);
		cer_write_text(to, maker->copy->links[i].through);
	}
}

/* A product, and what follows it: see infer.c. */
static void
write_layer(trunk_maker *maker, size_t i, cer_byte_writer *to)
{
	const cer_node *product = &maker->stored->net->nodes[2 * i];
	const cer_node *activate = product + 1;

	cer_write_number(to, maker->copy->layout, 1);
	cer_write_number(to, product->n_in, sizeof(uint64_t));
	cer_write_number(to, product->n_out, sizeof(uint64_t));
	cer_write_number(to, activate->activation, sizeof(uint32_t));
	cer_write_number(to, activate->has_bias, 1);
	if (i == 0)
		write_links(maker, to);
	write_tensors(maker, product, to);
	write_tensors(maker, activate, to);
}

cer_status
cer_trunk_make(cer_arena *arena, const cer_model_copy *copy,
               const cer_stored *stored, cer_model *model, cer_error *err)
{
	trunk_maker maker = {.arena = arena, .copy = copy, .stored = stored};
	size_t n_layers = cer_infer_count_layers(model->infer);
	size_t size = n_layers * sizeof(cer_text);
	cer_text *layers = cer_arena_allocate(arena, size);

	if (layers == NULL && size > 0)
		return cer_fail_memory(err, size);
	CER_TRY(write_down(&maker, write_encoding, 0, &model->encoding, err));
	for (size_t i = 0; i < n_layers; i++)
		CER_TRY(write_down(&maker, write_layer, i, &layers[i], err));
	model->n_layers = n_layers;
	model->layers = layers;
	if (maker.lacks_id)
		model->encoding.size = 0;
	return CER_OK;
}

/* ------------------------------------------------------------- comparing it */

bool
cer_model_encodes_as(const cer_model *model, const cer_model *other)
{
	return model->encoding.size > 0 &&
	       cer_text_equals(model->encoding, other->encoding);
}

size_t
cer_model_count_layers(const cer_model *model)
{
	return model->n_layers;
}

size_t
cer_model_count_shared(const cer_model *model, const cer_model *other)
{
	size_t n = 0;

	if (!cer_model_encodes_as(model, other))
		return 0;
	while (n < model->n_layers && n < other->n_layers &&
	       cer_text_equals(model->layers[n], other->layers[n]))
		n++;
	return cer_infer_count_shared(model->infer, other->infer, n);
}

/* ------------------------------------------------------------------ scoring */

static size_t
align_up(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

static size_t
get_branches_size(const cer_together *together)
{
	return align_up(together->n_followers * sizeof(cer_infer_branch));
}

/* branches has room for one of each follower. */
static cer_infer_tree
make_tree(const cer_together *together, cer_infer_branch *branches)
{
	cer_infer_tree tree = {.infer = together->model->infer,
	                       .proba = together->proba,
	                       .branches = branches};

	for (size_t i = 0; i < together->n_followers; i++)
	{
		const cer_follower *follower = &together->followers[i];

		if (follower->n_shared > 0)
			branches[tree.n_branches++] = (cer_infer_branch){
				follower->model->infer, follower->n_shared, follower->proba};
	}
	return tree;
}

/* Scratch: encoded rows, branches, what the networks need one after the
 * other. */
size_t
cer_together_get_scratch_size(const cer_together *together, size_t n_rows)
{
	size_t most = cer_infer_get_scratch_size(together->model->infer, n_rows);

	for (size_t i = 0; i < together->n_followers; i++)
	{
		const cer_follower *follower = &together->followers[i];
		cer_infer_branch branch = {.infer = follower->model->infer};
		cer_infer_tree tree = {together->model->infer, NULL, 1, &branch};
		size_t size =
			follower->n_shared > 0
				? cer_infer_get_tree_scratch_size(&tree, n_rows)
				: cer_infer_get_scratch_size(follower->model->infer, n_rows);

		if (size > most)
			most = size;
	}
	return cer_model_get_encoded_size(together->model, n_rows) +
	       get_branches_size(together) + most;
}

static bool
reads_input(const cer_model *model, const float *const *const *partials,
            size_t input)
{
	size_t group = model->groups[input];

	return partials == NULL || group == cer_model_count_groups(model) ||
	       partials[group] == NULL;
}

/* Inputs that the model reads, or a follower whose first layer is its own. */
static void
note_read(const cer_together *together, const cer_score_rows *rows,
          bool *is_read)
{
	const cer_model *model = together->model;

	for (size_t i = 0; i < model->n_inputs; i++)
		is_read[i] = reads_input(model, rows->partials, i);
	for (size_t k = 0; k < together->n_followers; k++)
	{
		const cer_follower *follower = &together->followers[k];

		for (size_t i = 0; follower->n_shared == 0 && i < model->n_inputs; i++)
			is_read[i] |= reads_input(follower->model, follower->partials, i);
	}
}

static void
run_followers(const cer_together *together, const cer_encoded *encoded,
              void *scratch)
{
	for (size_t i = 0; i < together->n_followers; i++)
	{
		const cer_follower *follower = &together->followers[i];
		cer_partials partials = {.groups = follower->partials};

		if (follower->n_shared == 0)
			cer_infer_run_partials(follower->model->infer, encoded,
			                       follower->partials != NULL ? &partials
			                                                  : NULL,
			                       follower->proba, scratch);
	}
}

static void
apply_temperatures(const cer_together *together, size_t n_rows)
{
	const cer_model *model = together->model;

	cer_temperature_apply(model->temperature, n_rows, model->n_classes,
	                      together->proba);
	for (size_t i = 0; i < together->n_followers; i++)
	{
		const cer_follower *follower = &together->followers[i];

		cer_temperature_apply(follower->model->temperature, n_rows,
		                      follower->model->n_classes, follower->proba);
	}
}

void
cer_together_score(const cer_together *together, const cer_score_rows *rows,
                   void *scratch)
{
	cer_encoded_places places =
		cer_model_divide_scratch(together->model, rows->n_rows, scratch);
	cer_partials partials = {.groups = rows->partials};
	char *rest = places.rest + get_branches_size(together);
	cer_infer_tree tree =
		make_tree(together, (cer_infer_branch *) (void *) places.rest);
	cer_encoded encoded;

	note_read(together, rows, places.is_read);
	encoded = cer_model_encode_rows(together->model, rows, &places);
	cer_infer_run_tree(&tree, &encoded,
	                   rows->partials != NULL ? &partials : NULL, rest);
	run_followers(together, &encoded, rest);
	apply_temperatures(together, rows->n_rows);
}
