/*
 * train/transfer_narrow.c
 *	  Which units of a layer stay when it becomes narrower.
 *
 * Those that the loss would miss most: the squares of the weights that a unit
 * feeds, each times the mean square of its gradient, which the optimizer keeps
 * as its second moment (LeCun, Denker, Solla: Optimal Brain Damage, 1989).  A
 * unit that is dead has no gradients, however large its weights are.  Without
 * moments the squares alone.
 */
#include "train/transfer_private.h"

#include "base/error.h"

#include <string.h>

typedef struct units
{
	const cer_alignment *a;
	size_t n;
	double *worth;      /* by unit */
	bool *hands_on;     /* by node: the layer's units, each for itself */
	bool is_fed;        /* something was found that they feed */
	bool is_only_dense; /* and it is nothing but dense layers */
} units;

static void
add_worth(units *u, const cer_node *dense)
{
	const cer_net_tensor *tensor = &u->a->old->tensors[dense->first_tensor];
	const float *w = u->a->source->weights + tensor->offset;
	const float *v =
		u->a->source->moments == CER_MOMENTS_ADAM && u->a->source->v != NULL
			? u->a->source->v + tensor->offset
			: NULL;
	size_t n_columns = tensor->size / u->n;

	for (size_t i = 0; i < u->n; i++)
		for (size_t k = 0; k < n_columns; k++)
		{
			double weight = (double) w[i * n_columns + k];
			double factor = v == NULL ? 1.0 : (double) v[i * n_columns + k];

			u->worth[i] += weight * weight * factor;
		}
	u->is_fed = true;
}

static bool
takes_units(const units *u, const cer_node *node)
{
	for (size_t i = 0; i < node->n_inputs; i++)
		if (u->hands_on[node->inputs[i].node])
			return true;
	return false;
}

/* Whether each unit becomes one, whatever the others are or nearly so. */
static bool
is_by_unit(const cer_operator *op)
{
	return op == &cer_op_activate || op == &cer_op_scale ||
	       op == &cer_op_norm || op == &cer_op_moments ||
	       op == &cer_op_standardize || op == &cer_op_factor;
}

static void
look_at(units *u, size_t i)
{
	const cer_node *node = &u->a->old->nodes[i];

	if (!takes_units(u, node))
		return;
	if (is_by_unit(node->op) && node->inputs[0].n == u->n)
		u->hands_on[i] = true;
	else if (node->op == &cer_op_dense && node->inputs[0].n == u->n)
		add_worth(u, node);
	else
		u->is_only_dense = false;
}

static bool
weigh_units(units *u, size_t layer)
{
	const cer_net *net = u->a->old;

	u->n = net->nodes[layer].n_out;
	u->worth = cer_arena_allocate(u->a->arena, u->n * sizeof(*u->worth));
	u->hands_on =
		cer_arena_allocate(u->a->arena, net->n_nodes * sizeof(*u->hands_on));
	if (u->worth == NULL || u->hands_on == NULL)
		return false;
	memset(u->worth, 0, u->n * sizeof(*u->worth));
	memset(u->hands_on, 0, net->n_nodes * sizeof(*u->hands_on));
	u->hands_on[layer] = true;
	u->is_only_dense = true;
	for (size_t i = layer + 1; i < net->n_nodes; i++)
		look_at(u, i);
	return u->is_fed && u->is_only_dense;
}

/* How many are worth more; of those that are worth the same the first one. */
static size_t
get_rank(const units *u, size_t unit)
{
	size_t rank = 0;

	for (size_t i = 0; i < u->n; i++)
		rank += u->worth[i] > u->worth[unit] ||
		        (u->worth[i] == u->worth[unit] && i < unit);
	return rank;
}

bool
cer_align_choose_units(cer_alignment *a, size_t old, size_t n, cer_map *map)
{
	units u = {.a = a};
	size_t k = 0;

	if (!a->may_lose || a->source == NULL || n == 0 ||
	    n >= a->old->nodes[old].n_out || !weigh_units(&u, old) ||
	    !cer_align_make_map(a, n, u.n, map))
		return false;
	for (size_t i = 0; i < u.n; i++)
		if (get_rank(&u, i) < n)
			map->at[k++] = (int32_t) i;
	a->losses |= CER_LOSS_UNITS;
	return true;
}
