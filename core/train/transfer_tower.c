/*
 * train/transfer_tower.c
 *	  Layers that see one table of FE: which of the old network's they are, and
 *	  towers of tables that it did not have.
 *
 * What takes a new tower has zeros for it, so that the network computes what
 * the old one did: behind a concat its rows of the next layer's weights, in a
 * sum the tower's own last layer.  The tower of a table that is gone is left
 * out, with what took it: what it made of rows nobody knows any more.
 */
#include "train/transfer_private.h"

#include "base/text.h"
#include "nn/operator.h"

/* ------------------------------------------------------------ views */

/* The places in the vector of all features of what the view takes; returns how
 * many they are. */
static size_t
list_features(const cer_input_shape *shape, const cer_view *view, int32_t *to)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n_numbers; i++)
		to[n++] = (int32_t) view->numbers[i];
	for (size_t i = 0; i < view->n_tables; i++)
	{
		size_t first = cer_features_find_table(shape, view->tables[i]);
		size_t end = cer_features_find_table(shape, view->tables[i] + 1);

		for (size_t at = first; at < end; at++)
			to[n++] = (int32_t) at;
	}
	return n;
}

/* Where in what the old view takes each of all old features stands. */
static bool
find_places(cer_alignment *a, const cer_view *view, cer_map *places)
{
	const cer_input_shape *shape = a->old->shape;
	size_t n_all = a->inputs->features.n_old;
	cer_map list;
	size_t n;

	if (!cer_align_make_map(a, n_all, n_all, &list) ||
	    !cer_align_make_map(a, n_all, n_all, places))
		return false;
	n = list_features(shape, view, list.at);
	for (size_t i = 0; i < n; i++)
		places->at[list.at[i]] = (int32_t) i;
	return true;
}

bool
cer_align_features(cer_alignment *a, const cer_node *now, const cer_node *old,
                   cer_map *floats)
{
	cer_map places;

	if (!find_places(a, old->view, &places) ||
	    !cer_align_make_map(a, now->n_out, old->n_out, floats))
		return false;
	floats->is_choice = a->inputs->features.is_choice;
	list_features(a->now->shape, now->view, floats->at);
	for (size_t i = 0; i < now->n_out; i++)
	{
		int32_t was = a->inputs->features.at[floats->at[i]];

		floats->at[i] = was == NOWHERE ? NOWHERE : places.at[was];
	}
	return true;
}

static bool
is_all(const cer_net *net, const cer_view *view)
{
	return view->n_numbers == net->shape->n_numbers &&
	       view->n_tables == net->shape->n_tables &&
	       view->n_lifts == net->shape->n_lifts;
}

bool
cer_align_sees_all(const cer_alignment *a, const cer_node *now,
                   const cer_node *old)
{
	return is_all(a->now, now->view) && is_all(a->old, old->view);
}

/* ------------------------------------------------------------ towers */

static bool
sees_table(const cer_node *node, cer_text alias)
{
	return node->n_inputs == 0 && node->view != NULL &&
	       cer_text_equals(node->view->alias, alias);
}

bool
cer_align_sees_same(const cer_node *now, const cer_node *old)
{
	if (now->view == NULL || old->view == NULL)
		return now->view == old->view;
	return sees_table(old, now->view->alias);
}

/* Whether the node begins layers over a table that the other net lacks. */
static bool
is_only_in(const cer_node *node, const cer_net *other)
{
	if (node->n_inputs > 0 || node->view == NULL)
		return false;
	for (size_t i = 0; i < other->n_nodes; i++)
		if (sees_table(&other->nodes[i], node->view->alias))
			return false;
	return true;
}

bool
cer_align_is_new_table(const cer_alignment *a, size_t now)
{
	return is_only_in(&a->now->nodes[now], a->old);
}

bool
cer_align_is_gone_table(const cer_alignment *a, size_t old)
{
	return is_only_in(&a->old->nodes[old], a->now);
}

/* Whether all that the node takes is made from `begin` on. */
static bool
is_of_tower(const cer_net *net, size_t begin, size_t node)
{
	const cer_node *n = &net->nodes[node];

	if (n->n_inputs == 0)
		return n->view != NULL &&
		       cer_text_equals(n->view->alias, net->nodes[begin].view->alias);
	for (size_t i = 0; i < n->n_inputs; i++)
		if (n->inputs[i].node < begin)
			return false;
	return true;
}

/* The first that takes what the node makes; NULL: none does. */
static const cer_node *
find_taker(const cer_net *net, size_t node)
{
	for (size_t i = node + 1; i < net->n_nodes; i++)
		for (size_t j = 0; j < net->nodes[i].n_inputs; j++)
			if (net->nodes[i].inputs[j].node == node)
				return &net->nodes[i];
	return NULL;
}

/* A part of a sum that makes zeros, and is moved by what it is told: at 0 a
 * relu would pass nothing back for ever. */
static bool
begins_with_zeros(cer_alignment *a, size_t begin, size_t end)
{
	const cer_node *last = &a->now->nodes[end - 1];

	return (last->op != &cer_op_activate || last->activation != CER_RELU) &&
	       cer_align_make_zero(a, begin, end);
}

/* Behind its last layer, which *taker puts beside others or adds to them; the
 * beginning: something else takes it. */
static size_t
find_end(const cer_net *net, size_t begin, const cer_node **taker)
{
	size_t end = begin + 1;

	while (end < net->n_nodes && is_of_tower(net, begin, end))
		end++;
	*taker = find_taker(net, end - 1);
	return *taker != NULL && ((*taker)->op == &cer_op_concat ||
	                          (*taker)->op == &cer_op_sum)
	           ? end
	           : begin;
}

size_t
cer_align_leave_tower(cer_alignment *a, size_t begin)
{
	const cer_node *taker;
	size_t end = find_end(a->old, begin, &taker);

	a->is_gone[end > begin ? end - 1 : begin] = end > begin;
	return end;
}

size_t
cer_align_place_tower(cer_alignment *a, size_t begin)
{
	const cer_node *taker;
	size_t end = find_end(a->now, begin, &taker);

	if (end == begin)
		return begin;
	for (size_t i = begin; i < end; i++)
		a->places[i] =
			(cer_place_of_node){.role = CER_ROLE_NEW, .old = SIZE_MAX};
	if (taker->op == &cer_op_sum && !begins_with_zeros(a, begin, end))
		a->losses |= CER_LOSS_TOWER;
	a->places[end - 1].is_tower = true;
	return end;
}
