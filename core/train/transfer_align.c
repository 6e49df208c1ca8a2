/*
 * train/transfer_align.c
 *	  Which operator of a new network is which of an old one.
 *
 * Both lists are gone through in order.  At each operator the search tries, in
 * this order: it is the old one's next; it begins a layer that is new and hands
 * on what it gets; it is the old one's next, only wider; it begins a layer that
 * is new and hands on part of what it gets.  What does not end well is taken
 * back, up to a number of steps that no sensible change needs.
 *
 *	 old	first . relu . dense(128) . relu . output
 *	 new	first . relu . dense(256) . relu . dense(128) . relu . output
 *						 '- identity ---'
 *
 * Copies of a unit follow from the widths alone, so that sums of wider layers
 * fit together.
 */
#include "train/transfer_private.h"

#include "base/error.h"

#include <string.h>

#define MAX_STEPS ((size_t) 4000)
#define MAX_BLOCK ((size_t) 32) /* operators of a new residual block */

static bool align_from(cer_alignment *a, size_t now, size_t old);

/* ------------------------------------------------------------ matching */

/* How an operator's output follows from its inputs. */
typedef enum map_rule
{
	RULE_SAME,    /* everything must be as it was */
	RULE_CLASSES, /* as it was, but that there may be more classes */
	RULE_FIRST,
	RULE_FEATURES,
	RULE_TOKENS,
	RULE_LIFTS,
	RULE_INPUT, /* unit by unit */
	RULE_NORM,  /* over all units of a vector */
	RULE_DENSE,
	RULE_MEMBERS,
	RULE_ALIKE, /* unit by unit, of inputs that are mapped alike */
	RULE_CONCAT,
	RULE_WITHIN,       /* of all units of a vector */
	RULE_OVER_VECTORS, /* of all vectors of a row */
	RULE_ONE_OF_VECTORS
} map_rule;

static map_rule
find_rule(const cer_operator *op)
{
	static const struct
	{
		const cer_operator *op;
		map_rule rule;
	} rules[] = {
		{&cer_op_first, RULE_FIRST},         {&cer_op_features, RULE_FEATURES},
		{&cer_op_lift, RULE_LIFTS},          {&cer_op_tokens, RULE_TOKENS},
		{&cer_op_activate, RULE_INPUT},      {&cer_op_scale, RULE_INPUT},
		{&cer_op_moments, RULE_INPUT},       {&cer_op_standardize, RULE_INPUT},
		{&cer_op_factor, RULE_INPUT},        {&cer_op_learnt, RULE_INPUT},
		{&cer_op_norm, RULE_NORM},           {&cer_op_dense, RULE_DENSE},
		{&cer_op_members, RULE_MEMBERS},     {&cer_op_sum, RULE_ALIKE},
		{&cer_op_product, RULE_ALIKE},       {&cer_op_cross, RULE_ALIKE},
		{&cer_op_concat, RULE_CONCAT},       {&cer_op_glu, RULE_WITHIN},
		{&cer_op_attend, RULE_OVER_VECTORS}, {&cer_op_fm, RULE_ONE_OF_VECTORS},
		{&cer_op_pool, RULE_ONE_OF_VECTORS}, {&cer_op_softmax, RULE_CLASSES},
		{&cer_op_neighbours, RULE_CLASSES},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].op == op)
			return rules[i].rule;
	return RULE_SAME;
}

/* Whether its units are classes, of which there are more. */
static bool
is_of_classes(const cer_alignment *a, size_t now)
{
	return a->logits != NULL && a->logits[now];
}

/* Groups of units that one vector will be divided into. */
static size_t
count_groups(const cer_net *net, size_t node)
{
	for (size_t i = node + 1; i < net->n_nodes; i++)
		for (size_t j = 0; j < net->nodes[i].n_inputs; j++)
		{
			const cer_edge *edge = &net->nodes[i].inputs[j];

			if (edge->node == node && edge->m > net->nodes[node].m)
				return edge->m / net->nodes[node].m;
		}
	return 1;
}

/* Outputs of the features alone, side by side for each member. */
static bool
place_first(cer_alignment *a, size_t now, size_t old, cer_place_of_node *place)
{
	size_t k = count_groups(a->now, now);
	size_t n = a->now->nodes[now].n_out;
	size_t n_old = a->old->nodes[old].n_out;

	if (k != count_groups(a->old, old) ||
	    !cer_align_map_units(a, 1, 1, &place->vectors))
		return false;
	if (is_of_classes(a, now))
		return cer_classes_map(a, n, n_old, &place->floats);
	if (n < n_old)
		return k == 1 && cer_align_choose_units(a, old, n, &place->floats);
	if (n / k < n_old / k || !cer_align_make_map(a, n, n_old, &place->floats))
		return false;
	for (size_t i = 0; i < n; i++)
		place->floats.at[i] =
			(int32_t) (i / (n / k) * (n_old / k) + i % (n / k) % (n_old / k));
	return true;
}

/* A vector for each feature, after CLS if there is one. */
static bool
place_tokens(cer_alignment *a, size_t now, size_t old, cer_place_of_node *place)
{
	const cer_node *node = &a->now->nodes[now];
	const cer_node *other = &a->old->nodes[old];
	size_t cls = node->is_first;

	if (!cer_align_sees_all(a, node, other) ||
	    node->is_first != other->is_first || node->n_out != other->n_out ||
	    !cer_align_map_units(a, node->n_out, other->n_out, &place->floats) ||
	    !cer_align_make_map(a, node->m, other->m, &place->vectors))
		return false;
	if (cls)
		place->vectors.at[0] = 0;
	for (size_t i = 0; i < a->inputs->tokens.n; i++)
		if (a->inputs->tokens.at[i] != NOWHERE)
			place->vectors.at[cls + i] =
				(int32_t) cls + a->inputs->tokens.at[i];
	return true;
}

/* Where the width is the input's it stays so, as for what is added to it. */
static bool
place_dense(cer_alignment *a, const cer_node *now, const cer_node *old,
            const cer_place_of_node *in, cer_place_of_node *place)
{
	place->vectors = in->vectors;
	if (is_of_classes(a, (size_t) (now - a->now->nodes)))
	{
		if (!cer_classes_map(a, now->n_out, old->n_out, &place->floats))
			return false;
	}
	else if (now->op == &cer_op_dense && now->n_out < old->n_out &&
	         cer_align_choose_units(a, (size_t) (old - a->old->nodes),
	                                now->n_out, &place->floats))
		return true;
	else if (now->n_out == in->floats.n && old->n_out == in->floats.n_old)
		place->floats = in->floats;
	else if (!cer_align_map_units(a, now->n_out, old->n_out, &place->floats))
		return false;
	if (now->op == &cer_op_members)
		return now->m == old->m &&
		       cer_align_map_units(a, now->m, old->m, &place->vectors);
	return true;
}

/* Whether one of the old network stands for several. */
static bool
has_repeats(cer_alignment *a, const cer_map *map)
{
	cer_map seen;

	if (!cer_align_make_map(a, map->n_old, map->n, &seen))
		return true;
	for (size_t i = 0; i < map->n; i++)
	{
		if (map->at[i] == NOWHERE)
			continue;
		if (seen.at[map->at[i]] != NOWHERE)
			return true;
		seen.at[map->at[i]] = (int32_t) i;
	}
	return false;
}

static bool
is_new_tower(const cer_alignment *a, const cer_edge *edge)
{
	return a->places[edge->node].is_tower;
}

static bool
is_gone_tower(const cer_alignment *a, const cer_edge *edge)
{
	return a->is_gone[edge->node];
}

/* From this input of an old node on, the first that is not gone; floats of
 * those that are gone are passed over. */
static size_t
skip_gone(const cer_alignment *a, const cer_node *old, size_t input,
          size_t *floats)
{
	for (; input < old->n_inputs && is_gone_tower(a, &old->inputs[input]);
	     input++)
		*floats += old->inputs[input].n;
	return input;
}

static bool
place_concat(cer_alignment *a, const cer_node *now, const cer_node *old,
             cer_place_of_node *place)
{
	size_t at = 0;
	size_t at_old = 0;
	size_t taken = 0;
	size_t n_choices = 0;
	size_t n_copies = 0;

	if (!cer_align_make_map(a, now->n_out, old->n_out, &place->floats))
		return false;
	for (size_t i = 0; i < now->n_inputs; i++)
	{
		cer_map floats;

		if (is_new_tower(a, &now->inputs[i]))
		{
			at += now->inputs[i].n;
			continue;
		}
		taken = skip_gone(a, old, taken, &at_old);
		if (!cer_align_view(a, &now->inputs[i], &old->inputs[taken++], &floats,
		                    &place->vectors))
			return false;
		for (size_t j = 0; j < floats.n; j++)
			if (floats.at[j] != NOWHERE)
				place->floats.at[at + j] = (int32_t) at_old + floats.at[j];
		n_choices += floats.is_choice && has_repeats(a, &floats);
		n_copies += !floats.is_choice && floats.n > floats.n_old;
		at += floats.n;
		at_old += floats.n_old;
	}
	skip_gone(a, old, taken, &at_old);
	place->floats.is_choice = n_choices > 0;
	return at == now->n_out && at_old == old->n_out &&
	       (n_choices == 0 || n_copies == 0);
}

static bool
place_alike(cer_alignment *a, const cer_node *now, const cer_node *old,
            const cer_place_of_node *in, cer_place_of_node *place)
{
	size_t taken = 0;
	size_t n_gone = 0;

	for (size_t i = 0; i < now->n_inputs; i++)
	{
		cer_map floats;
		cer_map vectors;

		if (is_new_tower(a, &now->inputs[i]))
			continue;
		taken = skip_gone(a, old, taken, &n_gone);
		if (!cer_align_view(a, &now->inputs[i], &old->inputs[taken++], &floats,
		                    &vectors) ||
		    !cer_map_is_same(&floats, &in->floats) ||
		    !cer_map_is_same(&vectors, &in->vectors))
			return false;
	}
	place->floats = in->floats;
	place->vectors = in->vectors;
	return true;
}

static bool
place_same(cer_alignment *a, const cer_node *now, const cer_node *old,
           cer_place_of_node *place)
{
	for (size_t i = 0; i < now->n_inputs; i++)
	{
		cer_map floats;
		cer_map vectors;

		if (!cer_align_view(a, &now->inputs[i], &old->inputs[i], &floats,
		                    &vectors) ||
		    !cer_map_is_identity(&floats) || !cer_map_is_identity(&vectors))
			return false;
	}
	return now->n_out == old->n_out && now->m == old->m &&
	       cer_align_map_units(a, now->n_out, old->n_out, &place->floats) &&
	       cer_align_map_units(a, now->m, old->m, &place->vectors);
}

static bool
place_classes(cer_alignment *a, const cer_node *now, const cer_node *old,
              cer_place_of_node *place)
{
	cer_map floats;

	if (!is_of_classes(a, (size_t) (now - a->now->nodes)))
		return place_same(a, now, old, place);
	if (now->op == &cer_op_neighbours)
		a->losses |= CER_LOSS_ROWS; /* there are some of the new classes */
	return cer_align_view(a, &now->inputs[0], &old->inputs[0], &floats,
	                      &place->vectors) &&
	       (now->op == &cer_op_softmax || cer_map_is_identity(&floats)) &&
	       cer_map_is_identity(&place->vectors) && now->m == old->m &&
	       cer_align_map_units(a, now->m, old->m, &place->vectors) &&
	       cer_classes_map(a, now->n_out, old->n_out, &place->floats);
}

/* All tokens meet: one more, or one less, is seen by all. */
static bool
place_over_vectors(cer_alignment *a, const cer_node *now, const cer_node *old,
                   const cer_place_of_node *in, cer_place_of_node *place)
{
	bool is_picked = now->op == &cer_op_pool && now->pool == CER_POOL_FIRST;

	if (now->op != &cer_op_fm && !cer_map_is_identity(&in->floats))
		return false;
	if (!cer_map_is_identity(&in->vectors) && now->op != &cer_op_fm &&
	    !is_picked)
		a->losses |= CER_LOSS_TOKENS;
	place->floats = in->floats;
	place->vectors = in->vectors;
	if (now->op == &cer_op_attend)
		return now->n_out == old->n_out &&
		       cer_align_map_units(a, now->n_out, old->n_out, &place->floats);
	if (now->op == &cer_op_fm && !cer_map_is_identity(&in->floats))
		return false;
	return now->m == old->m &&
	       cer_align_map_units(a, now->n_out, old->n_out, &place->floats) &&
	       cer_align_map_units(a, now->m, old->m, &place->vectors);
}

static bool
place_by_input(cer_alignment *a, const cer_node *now, const cer_node *old,
               map_rule rule, cer_place_of_node *place)
{
	cer_place_of_node in = {0};
	size_t first = 0;
	size_t n_gone = 0;
	size_t first_old = skip_gone(a, old, 0, &n_gone);

	while (is_new_tower(a, &now->inputs[first]))
		first++;
	if (!cer_align_view(a, &now->inputs[first], &old->inputs[first_old],
	                    &in.floats, &in.vectors))
		return false;
	switch (rule)
	{
		case RULE_DENSE:
		case RULE_MEMBERS:
			return place_dense(a, now, old, &in, place);
		case RULE_ALIKE:
			return place_alike(a, now, old, &in, place);
		case RULE_OVER_VECTORS:
		case RULE_ONE_OF_VECTORS:
			return place_over_vectors(a, now, old, &in, place);
		case RULE_WITHIN:
			place->vectors = in.vectors;
			return cer_map_is_identity(&in.floats) &&
			       now->n_out == old->n_out &&
			       cer_align_map_units(a, now->n_out, old->n_out,
			                           &place->floats);
		case RULE_NORM:
			if (!cer_map_is_even(&in.floats))
				a->losses |= CER_LOSS_NORM;
			break;
		default:
			break;
	}
	place->floats = in.floats;
	place->vectors = in.vectors;
	if (now->m != in.vectors.n) /* members begin */
		return now->m == old->m &&
		       cer_align_map_units(a, now->m, old->m, &place->vectors);
	return true;
}

static bool
place_node(cer_alignment *a, size_t now, size_t old, cer_place_of_node *place)
{
	const cer_node *node = &a->now->nodes[now];
	const cer_node *other = &a->old->nodes[old];
	map_rule rule = find_rule(node->op);

	switch (rule)
	{
		case RULE_FIRST:
			return place_first(a, now, old, place);
		case RULE_FEATURES:
			return cer_align_features(a, node, other, &place->floats) &&
			       cer_align_map_units(a, 1, 1, &place->vectors);
		case RULE_LIFTS:
			return cer_lifts_place(a, now, old, &place->floats) &&
			       cer_align_map_units(a, 1, 1, &place->vectors);
		case RULE_TOKENS:
			return place_tokens(a, now, old, place);
		case RULE_CONCAT:
			return place_concat(a, node, other, place);
		case RULE_SAME:
			return place_same(a, node, other, place);
		case RULE_CLASSES:
			return place_classes(a, node, other, place);
		default:
			return place_by_input(a, node, other, rule, place);
	}
}

/* ------------------------------------------------------------ steps */

/* Nothing but dropout. */
static bool
is_idle(const cer_node *node)
{
	return node->op == &cer_op_activate && !node->has_bias &&
	       node->activation == CER_IDENTITY;
}

/* The node whose value an idle one hands on. */
static size_t
find_maker(const cer_net *net, size_t node)
{
	while (is_idle(&net->nodes[node]))
		node = net->nodes[node].inputs[0].node;
	return node;
}

static bool
takes_the_same(const cer_alignment *a, const cer_node *now, const cer_node *old)
{
	bool may_grow = now->op == &cer_op_concat || now->op == &cer_op_sum;
	size_t taken = 0;
	size_t n_kept = 0;
	size_t n_gone = 0;

	for (size_t i = 0; i < now->n_inputs; i++)
	{
		const cer_place_of_node *place = &a->places[now->inputs[i].node];

		if (may_grow && place->is_tower)
			continue;
		taken = skip_gone(a, old, taken, &n_gone);
		if (place->old == SIZE_MAX || taken == old->n_inputs ||
		    find_maker(a->old, place->old) !=
		        find_maker(a->old, old->inputs[taken].node))
			return false;
		taken++;
		n_kept++;
	}
	taken = skip_gone(a, old, taken, &n_gone);
	return taken == old->n_inputs && (n_kept > 0 || now->n_inputs == 0);
}

static bool
is_alike(const cer_alignment *a, const cer_node *now, const cer_node *old)
{
	bool is_same = now->activation == old->activation;

	if (!is_same && a->may_lose)
		is_same =
			now->activation != CER_IDENTITY && old->activation != CER_IDENTITY;
	return is_same && now->op == old->op && now->has_bias == old->has_bias &&
	       now->is_wide == old->is_wide && now->count == old->count &&
	       now->begin == old->begin && now->pool == old->pool &&
	       now->n_tensors == old->n_tensors;
}

/* Wider by design where a factor follows from the number of inputs. */
static void
note_factor(cer_alignment *a, const cer_node *now, const cer_node *old)
{
	if (now->op == &cer_op_factor && now->factor != old->factor)
		a->places[now->inputs[0].node].gain = old->factor / now->factor;
}

/* As wide as the towers before it, of which there are fewer: a gate's layer. */
static bool
goes_by_towers(const cer_alignment *a, const cer_node *now, const cer_node *old)
{
	return a->n_towers_fewer > 0 && now->n_out == now->n_in &&
	       old->n_out == old->n_in;
}

static bool
try_match(cer_alignment *a, size_t now, size_t old, bool may_be_wider)
{
	const cer_node *node = &a->now->nodes[now];
	const cer_node *other = &a->old->nodes[old];
	cer_place_of_node *place = &a->places[now];
	unsigned losses = a->losses;
	size_t n_wider = a->n_wider;
	size_t n_narrower = a->n_narrower;
	bool is_wider;

	/* tables of inputs may have other tensors */
	if ((node->n_inputs > 0 && !is_alike(a, node, other)) ||
	    (node->n_inputs == 0 && !cer_align_sees_same(node, other)) ||
	    node->op != other->op || node->is_wide != other->is_wide ||
	    (a->logits != NULL && a->logits[now] != a->old_logits[old]) ||
	    !takes_the_same(a, node, other))
		return false;
	*place =
		(cer_place_of_node){.role = CER_ROLE_KEPT, .old = old, .gain = 1.0};
	if (!place_node(a, now, old, place))
		return false;
	is_wider = place->floats.n > place->floats.n_old &&
	           !is_of_classes(a, now) && node->op != &cer_op_features &&
	           node->n_tensors > 0 &&
	           (node->op == &cer_op_dense || node->op == &cer_op_first ||
	            node->op == &cer_op_members);
	if (is_wider && !may_be_wider)
		return false;
	a->n_wider += is_wider;
	a->n_narrower += place->floats.n < place->floats.n_old &&
	                 (node->op == &cer_op_dense || node->op == &cer_op_first) &&
	                 !goes_by_towers(a, node, other);
	if (node->activation != other->activation)
		a->losses |= CER_LOSS_ACTIVATION;
	note_factor(a, node, other);
	if (align_from(a, now + 1, old + 1))
		return true;
	if (node->op == &cer_op_factor)
		a->places[node->inputs[0].node].gain = 1.0;
	a->losses = losses;
	a->n_wider = n_wider;
	a->n_narrower = n_narrower;
	return false;
}

/* What is never negative, relu leaves alone. */
static bool
is_left_alone(const cer_alignment *a, const cer_node *activate, size_t input)
{
	const cer_node *maker = &a->now->nodes[find_maker(a->now, input)];

	if (activate->activation == CER_IDENTITY)
		return true;
	return (activate->activation == CER_RELU ||
	        activate->activation == CER_LEAKY_RELU ||
	        activate->activation == CER_ELU) &&
	       maker->op == &cer_op_activate && maker->activation == CER_RELU;
}

static bool
hands_on(cer_alignment *a, size_t now, size_t from, const cer_map *floats,
         const cer_map *vectors, cer_role role)
{
	a->places[now] = (cer_place_of_node){.role = role,
	                                     .old = a->places[from].old,
	                                     .floats = *floats,
	                                     .vectors = *vectors,
	                                     .gain = 1.0};
	return true;
}

static bool
has_all(const cer_map *in, const cer_map *units)
{
	for (size_t i = 0; i < units->n; i++)
	{
		size_t j = 0;

		while (j < in->n && in->at[j] != units->at[i])
			j++;
		if (j == in->n)
			return false;
	}
	return true;
}

/* The units that a new layer hands on; of a narrow one those that matter. */
static bool
choose_handed_on(cer_alignment *a, const cer_place_of_node *in, size_t n,
                 bool is_narrow, cer_map *units)
{
	if (!is_narrow)
		return cer_align_map_units(a, n, in->floats.n_old, units);
	return cer_align_choose_units(a, in->old, n, units) &&
	       has_all(&in->floats, units);
}

/* dense, activate */
static bool
try_identity(cer_alignment *a, size_t now, size_t old, bool is_narrow)
{
	const cer_node *dense = &a->now->nodes[now];
	const cer_node *activate = dense + 1;
	const cer_place_of_node *in;
	unsigned losses = a->losses;
	cer_map units;

	if (now + 1 >= a->now->n_nodes || dense->op != &cer_op_dense ||
	    activate->op != &cer_op_activate || activate->inputs[0].node != now)
		return false;
	in = &a->places[dense->inputs[0].node];
	if (in->old == SIZE_MAX || dense->inputs[0].n != in->floats.n ||
	    !is_left_alone(a, activate, dense->inputs[0].node) ||
	    !choose_handed_on(a, in, dense->n_out, is_narrow, &units))
		return false;
	hands_on(a, now, dense->inputs[0].node, &units, &in->vectors,
	         CER_ROLE_IDENTITY);
	hands_on(a, now + 1, now, &units, &in->vectors, CER_ROLE_ZERO);
	a->n_deeper++;
	a->n_narrower += is_narrow;
	if (align_from(a, now + 2, old))
		return true;
	a->n_deeper--;
	a->n_narrower -= is_narrow;
	a->losses = losses;
	return false;
}

/* The input that goes by a new block, to be added to its output; or NULL. */
static const cer_edge *
find_bypass(const cer_alignment *a, size_t begin, size_t end)
{
	const cer_node *node = &a->now->nodes[end];
	size_t i = node->op == &cer_op_cross ? 2 : 0;
	bool is_joint = (node->op == &cer_op_sum && node->n_inputs == 2) ||
	                node->op == &cer_op_cross;

	if (!is_joint || node->inputs[1].node != end - 1 ||
	    node->inputs[i].node >= begin ||
	    a->places[node->inputs[i].node].old == SIZE_MAX)
		return NULL;
	return &node->inputs[i];
}

bool
cer_align_make_zero(cer_alignment *a, size_t begin, size_t end)
{
	size_t last = end - 1;

	for (size_t i = begin; i < end; i++)
		a->places[i] =
			(cer_place_of_node){.role = CER_ROLE_NEW, .old = SIZE_MAX};
	while (last > begin && a->now->nodes[last].op == &cer_op_activate &&
	       a->now->nodes[last].activation != CER_SIGMOID)
		a->places[last--].role = CER_ROLE_ZERO;
	if (a->now->nodes[last].op != &cer_op_dense)
		return false;
	a->places[last].role = CER_ROLE_ZERO;
	return true;
}

/* skip(... > dense), or a cross layer */
static bool
try_block(cer_alignment *a, size_t now, size_t old)
{
	for (size_t end = now + 1; end < a->now->n_nodes && end < now + MAX_BLOCK;
	     end++)
	{
		const cer_edge *by = find_bypass(a, now, end);
		const cer_place_of_node *place;

		if (by == NULL)
			continue;
		if (!cer_align_make_zero(a, now, end))
			return false;
		place = &a->places[by->node];
		hands_on(a, end, by->node, &place->floats, &place->vectors,
		         CER_ROLE_KEPT);
		a->n_deeper++;
		if (align_from(a, end + 1, old))
			return true;
		a->n_deeper--;
		return false;
	}
	return false;
}

/* Layers over a table that the old network does not know. */
static bool
try_tower(cer_alignment *a, size_t now, size_t old)
{
	unsigned losses = a->losses;
	size_t end = cer_align_place_tower(a, now);

	a->n_towers++;
	if (end > now && align_from(a, end, old))
		return true;
	a->n_towers--;
	a->losses = losses;
	return false;
}

/* Layers over a table that the new network does not know. */
static bool
leave_tower(cer_alignment *a, size_t now, size_t old)
{
	unsigned losses = a->losses;
	size_t end = cer_align_leave_tower(a, old);

	a->n_towers_fewer++;
	a->losses |= CER_LOSS_TABLE;
	if (end > old && align_from(a, now, end))
		return true;
	a->n_towers_fewer--;
	a->losses = losses;
	return false;
}

static bool
try_idle(cer_alignment *a, size_t now, size_t old)
{
	const cer_node *node = &a->now->nodes[now];
	size_t from = node->inputs[0].node;
	const cer_place_of_node *place = &a->places[from];

	return place->old != SIZE_MAX && node->inputs[0].n == place->floats.n &&
	       hands_on(a, now, from, &place->floats, &place->vectors,
	                CER_ROLE_KEPT) &&
	       align_from(a, now + 1, old);
}

static bool
align_from(cer_alignment *a, size_t now, size_t old)
{
	if (now == a->now->n_nodes && old == a->old->n_nodes)
		return true;
	if (now == a->now->n_nodes || ++a->n_steps > MAX_STEPS)
		return false;
	if (cer_align_is_new_table(a, now))
		return try_tower(a, now, old);
	if (old < a->old->n_nodes && cer_align_is_gone_table(a, old))
		return leave_tower(a, now, old);
	if (is_idle(&a->now->nodes[now]))
		return try_idle(a, now, old);
	if (old < a->old->n_nodes && is_idle(&a->old->nodes[old]))
		return align_from(a, now, old + 1);
	return (old < a->old->n_nodes && try_match(a, now, old, false)) ||
	       try_block(a, now, old) || try_identity(a, now, old, false) ||
	       (old < a->old->n_nodes && try_match(a, now, old, true)) ||
	       try_identity(a, now, old, true);
}

cer_status
cer_align(cer_alignment *a, bool *is_found, cer_error *err)
{
	size_t size = a->now->n_nodes * sizeof(*a->places);
	size_t n_old = a->old->n_nodes;

	a->places = cer_arena_allocate(a->arena, size);
	a->is_gone = cer_arena_allocate(a->arena, n_old * sizeof(*a->is_gone));
	if (a->places == NULL || a->is_gone == NULL)
		return cer_fail_memory(err, size);
	*is_found = false;
	for (int may_lose = 0; may_lose < 2 && !*is_found; may_lose++)
	{
		memset(a->places, 0, size);
		memset(a->is_gone, 0, n_old * sizeof(*a->is_gone));
		a->may_lose = may_lose == 1;
		a->losses = 0;
		a->n_steps = a->n_wider = a->n_deeper = a->n_narrower = 0;
		a->n_towers = a->n_towers_fewer = 0;
		*is_found = align_from(a, 0, 0);
	}
	return CER_OK;
}
