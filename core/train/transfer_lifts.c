/*
 * train/transfer_lifts.c
 *	  What encoders leave to be learnt: which of the old network's is which of
 *	  the new one's, and its tensors.
 *
 * A lift is told by its name, that of the column and its encoder.  Rows of a
 * bag go by the values that they stand for; other tensors are taken whole.
 */
#include "train/transfer_weights.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

/* The encoder's place among the lifts of its shape. */
static size_t
find_lift(const cer_encoders *encoders, const cer_encoder *encoder)
{
	size_t n = 0;

	for (const cer_encoder *e = encoders->encoders; e < encoder; e++)
		n += e->type->lift != NULL;
	return n;
}

cer_status
cer_lift_maps_make(cer_arena *arena, const cer_input_shape *shape,
                   cer_input_maps *maps, cer_error *err)
{
	size_t n = shape->n_lifts;

	maps->lifts = cer_arena_allocate(arena, n * sizeof(*maps->lifts) + 1);
	maps->bags = cer_arena_allocate(arena, n * sizeof(*maps->bags) + 1);
	if (maps->lifts == NULL || maps->bags == NULL)
		return cer_fail_memory(err, n * sizeof(*maps->bags));
	memset(maps->bags, 0, n * sizeof(*maps->bags));
	for (size_t i = 0; i < n; i++)
		maps->lifts[i] = NOWHERE;
	return CER_OK;
}

cer_status
cer_lift_map(cer_arena *arena, const cer_encoder_pair *pair,
             cer_input_maps *maps, cer_error *err)
{
	size_t now = find_lift(pair->all_now, pair->now);
	size_t old = find_lift(pair->all_old, pair->old);
	const cer_lift *lift = &pair->all_now->shape.lifts[now];
	const cer_lift *other = &pair->all_old->shape.lifts[old];
	bool has_values = pair->now->is_bag && pair->now->vocabulary != NULL;

	if (pair->now->type != pair->old->type || lift->n_out != other->n_out ||
	    lift->n_inner != other->n_inner ||
	    (!has_values && lift->n_rows != other->n_rows))
		return CER_OK;
	maps->lifts[now] = (int32_t) old;
	return has_values ? cer_map_values(arena, pair->now, pair->old,
	                                   &maps->bags[now], maps, err)
	                  : CER_OK;
}

/* ------------------------------------------------------------ the operator */

/* The first number of a lift in a view's vector; SIZE_MAX: it has none. */
static size_t
find_column(const cer_net *net, const cer_view *view, int32_t lift)
{
	size_t at = 0;

	for (size_t i = 0; i < view->n_lifts; i++)
	{
		if (view->lifts[i] == (uint32_t) lift)
			return at;
		at += net->shape->lifts[view->lifts[i]].n_out;
	}
	return SIZE_MAX;
}

bool
cer_lifts_place(cer_alignment *a, size_t now, size_t old, cer_map *floats)
{
	const cer_node *node = &a->now->nodes[now];
	const cer_node *other = &a->old->nodes[old];
	size_t at = 0;

	if (cer_map_make(a->arena, node->n_out, other->n_out, floats, NULL) !=
	    CER_OK)
		return false;
	for (size_t i = 0; i < node->view->n_lifts; i++)
	{
		uint32_t lift = node->view->lifts[i];
		size_t n = a->now->shape->lifts[lift].n_out;
		size_t from =
			a->inputs->lifts[lift] == NOWHERE
				? SIZE_MAX
				: find_column(a->old, other->view, a->inputs->lifts[lift]);

		for (size_t k = 0; from != SIZE_MAX && k < n; k++)
			floats->at[at + k] = (int32_t) (from + k);
		at += n;
	}
	return true;
}

/* ------------------------------------------------------------ tensors */

static const cer_net_tensor *
find_tensor(const cer_net *net, const cer_node *node, cer_text name)
{
	for (size_t i = 0; i < node->n_tensors; i++)
		if (cer_text_equals(net->tensors[node->first_tensor + i].name, name))
			return &net->tensors[node->first_tensor + i];
	return NULL;
}

/* A tensor's lift: its name is that, a word and brackets around it. */
static size_t
find_lift_of(const cer_net *net, const cer_view *view, cer_text tensor)
{
	for (size_t i = 0; i < view->n_lifts; i++)
	{
		cer_text name = net->shape->lifts[view->lifts[i]].name;

		if (tensor.size > name.size + 1 &&
		    memcmp(tensor.data + tensor.size - 1 - name.size, name.data,
		           name.size) == 0 &&
		    tensor.data[tensor.size - 2 - name.size] == '(')
			return view->lifts[i];
	}
	return SIZE_MAX;
}

cer_status
cer_move_lifts(const cer_move *move, cer_alignment *a, size_t now,
               cer_error *err)
{
	const cer_node *node = &a->now->nodes[now];
	const cer_node *old = &a->old->nodes[a->places[now].old];

	for (size_t i = 0; i < node->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &a->now->tensors[node->first_tensor + i];
		size_t lift = find_lift_of(a->now, node->view, tensor->name);
		cer_tensor_move t = {.now = tensor,
		                     .old = find_tensor(a->old, old, tensor->name),
		                     .keeps_new = true,
		                     .gain = 1.0};

		if (lift == SIZE_MAX || a->inputs->lifts[lift] == NOWHERE ||
		    t.old == NULL)
			continue;
		if (a->inputs->bags[lift].at != NULL)
			t.rows = &a->inputs->bags[lift];
		else if (t.now->size != t.old->size)
			continue;
		CER_TRY(cer_move_tensor(move, &t, err));
	}
	return CER_OK;
}
