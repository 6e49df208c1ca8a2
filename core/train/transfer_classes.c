/*
 * train/transfer_classes.c
 *	  Classes that the old network did not know.
 *
 * Softmax takes what all its logits have in common for nothing.  So weights that
 * are zero beside the others are their mean: a new class starts with the mean of
 * the old ones' weights and biases, and its last bias is lower by c.  Of k old
 * classes with logits z each of m new ones gets, whatever the row,
 *
 *	 p < exp(mean z - c) / sum exp z <= exp(-c) / k
 *
 * as a mean of exponentials is at least that of their mean.  c is such that all
 * m get 5e-7 at most.  So the network predicts what the old one did.
 *
 * From there it would take the optimizer hundreds of steps to come to where new
 * classes are likely at all.  So training's first step is one that needs no
 * gradients: the biases of new classes go to where rows give them their share
 * of the training rows.  What old classes get, beside each other, stays.
 */
#include "train/transfer_weights.h"

#include "base/error.h"
#include "base/size.h"
#include "nn/op_first.h"
#include "nn/operator.h"

#include <math.h>
#include <string.h>

#define NEW_SHARE   5e-7
#define MOST_HEIGHT 40.0
#define MOST_ROWS   ((size_t) 16384)

/* ------------------------------------------------------------ which nodes */

/* Its columns are classes; what it takes is something else. */
static bool
makes_logits(const cer_operator *op)
{
	return op == &cer_op_dense || op == &cer_op_members ||
	       op == &cer_op_first || op == &cer_op_neighbours;
}

/* Class by class, and so that a mean stays one. */
static bool
hands_on_logits(const cer_node *node)
{
	return node->op == &cer_op_softmax || node->op == &cer_op_factor ||
	       node->op == &cer_op_sum || node->op == &cer_op_concat ||
	       (node->op == &cer_op_activate && node->activation == CER_IDENTITY);
}

/* False: classes go a way that is not known here. */
static bool
mark_logits(const cer_net *net, bool *marks)
{
	memset(marks, 0, net->n_nodes * sizeof(*marks));
	marks[net->n_nodes - 1] = true;
	for (size_t i = net->n_nodes; i-- > 0;)
	{
		const cer_node *node = &net->nodes[i];

		if (!marks[i] || makes_logits(node->op))
			continue;
		if (!hands_on_logits(node))
			return false;
		for (size_t j = 0; j < node->n_inputs; j++)
			marks[node->inputs[j].node] = true;
	}
	return true;
}

cer_status
cer_classes_find(cer_alignment *a, bool *is_found, cer_error *err)
{
	size_t n = a->now->shape->n_classes;
	size_t n_old = a->old->shape->n_classes;
	size_t size = a->now->n_nodes + a->old->n_nodes;
	bool *marks;

	*is_found = n >= n_old;
	if (n <= n_old)
		return CER_OK;
	marks = cer_arena_allocate(a->arena, size * sizeof(*marks));
	if (marks == NULL)
		return cer_fail_memory(err, size * sizeof(*marks));
	*is_found = mark_logits(a->now, marks) &&
	            mark_logits(a->old, marks + a->now->n_nodes);
	a->logits = marks;
	a->old_logits = marks + a->now->n_nodes;
	a->n_classes_more = n - n_old;
	return CER_OK;
}

/* ------------------------------------------------------------ which units */

bool
cer_classes_map(cer_alignment *a, size_t n, size_t n_old, cer_map *map)
{
	size_t classes = a->now->shape->n_classes;
	size_t classes_old = a->old->shape->n_classes;

	if (n % classes != 0 || n / classes * classes_old != n_old ||
	    !cer_align_make_map(a, n, n_old, map))
		return false;
	for (size_t i = 0; i < n; i++)
		if (i % classes < classes_old)
			map->at[i] = (int32_t) (i / classes * classes_old + i % classes);
	return true;
}

/* ------------------------------------------------------------ weights */

/* Each new class's of one row's columns. */
static void
fill_row(float *row, size_t n, size_t n_old)
{
	double sum = 0.0;

	for (size_t i = 0; i < n_old; i++)
		sum += (double) row[i];
	for (size_t i = n_old; i < n; i++)
		row[i] = (float) (sum / (double) n_old);
}

static void
fill_tensor(const cer_move *move, const cer_alignment *a,
            const cer_net_tensor *tensor)
{
	size_t n = a->now->shape->n_classes;
	float *weights = cer_move_get(move, tensor);

	for (size_t at = 0; at < tensor->size; at += n)
		fill_row(weights + at, n, a->old->shape->n_classes);
}

/* Of a layer over features: not their embeddings. */
static void
fill_first(const cer_move *move, const cer_alignment *a, const cer_node *node)
{
	const cer_net_tensor *numbers = cer_first_get_numbers(a->now, node);

	if (numbers != NULL)
		fill_tensor(move, a, numbers);
	for (size_t i = 0; i < a->now->shape->n_tables; i++)
		fill_tensor(move, a, cer_first_get_rows(a->now, node, i));
}

static void
fill_node(const cer_move *move, const cer_alignment *a, const cer_node *node)
{
	if (node->op == &cer_op_neighbours)
		return; /* rows, none of a new class */
	if (node->op == &cer_op_first)
	{
		fill_first(move, a, node);
		return;
	}
	for (size_t i = 0; i < node->n_tensors; i++)
		fill_tensor(move, a, &a->now->tensors[node->first_tensor + i]);
}

/* ------------------------------------------------------------ biases */

/* What is added to biases, by class. */
typedef struct shift
{
	const cer_net *net;
	float *weights; /* flat */
	const float *by_class;
} shift;

static void
shift_bias(const shift *s, const cer_node *node)
{
	const cer_net_tensor *bias = &s->net->tensors[node->first_tensor];

	for (size_t i = 0; i < bias->size; i++)
		s->weights[bias->offset + i] +=
			s->by_class[i % s->net->shape->n_classes];
}

/* The last bias on the way to softmax; of a sum's parts one has it.  False:
 * there is none. */
static bool
shift_logits(const shift *s, size_t at)
{
	const cer_node *node = &s->net->nodes[at];

	if (node->op == &cer_op_neighbours)
		return true; /* a class without rows is as low */
	if (makes_logits(node->op))
		return false;
	if (node->op == &cer_op_activate && node->has_bias)
	{
		shift_bias(s, node);
		return true;
	}
	for (size_t i = 0; i < node->n_inputs; i++)
	{
		bool is_shifted = shift_logits(s, node->inputs[i].node);

		if (node->op == &cer_op_concat && !is_shifted)
			return false;
		if (node->op != &cer_op_concat && is_shifted)
			return true;
	}
	return node->op == &cer_op_concat;
}

cer_status
cer_classes_fill(const cer_move *move, const cer_alignment *a, bool *is_made,
                 cer_error *err)
{
	size_t n = a->now->shape->n_classes;
	size_t n_old = a->old->shape->n_classes;
	float *down = cer_arena_allocate(move->arena, n * sizeof(*down));
	shift s = {a->now, move->to->weights, down};

	if (down == NULL)
		return cer_fail_memory(err, n * sizeof(*down));
	for (size_t i = 0; i < n; i++)
		down[i] = i < n_old ? 0.0f
		                    : (float) -log((double) (n - n_old) /
		                                   ((double) n_old * NEW_SHARE));
	for (size_t i = 0; i < a->now->n_nodes; i++)
		if (a->logits[i] && a->places[i].role == CER_ROLE_KEPT)
			fill_node(move, a, &a->now->nodes[i]);
	*is_made = shift_logits(&s, a->now->n_nodes - 1);
	return CER_OK;
}

/* ------------------------------------------------------------ first step */

/* Of the training rows as they count in the loss. */
static void
find_shares(const cer_run *run, double *shares)
{
	const cer_encoded *rows = run->config.train;
	const double *weights = run->graph->loss.class_weights;
	size_t n = run->config.shape->n_classes;
	double sum = 0.0;

	memset(shares, 0, n * sizeof(*shares));
	for (size_t i = 0; i < rows->n_rows; i++)
		shares[rows->labels[i]] += 1.0;
	for (size_t i = 0; weights != NULL && i < n; i++)
		shares[i] *= weights[i];
	for (size_t i = 0; i < n; i++)
		sum += shares[i];
	for (size_t i = 0; i < n; i++)
		shares[i] /= sum;
}

/* What one row gives all new classes, against the rest. */
static double
get_odds(const float *proba, size_t n, size_t n_old)
{
	double known = 0.0;
	double new = 0.0;

	for (size_t i = 0; i < n; i++)
		*(i < n_old ? &known : &new) += (double) proba[i];
	return known > 0.0 ? new / known : 0.0;
}

/* The height at which the mean of what rows give them is their share. */
static double
find_height(const double *odds, size_t n_rows, double share)
{
	double low = 0.0;
	double high = MOST_HEIGHT;

	for (int i = 0; i < 40; i++)
	{
		double height = (low + high) / 2.0;
		double sum = 0.0;

		for (size_t row = 0; row < n_rows; row++)
		{
			double now = odds[row] * exp(height);

			sum += now / (1.0 + now);
		}
		*(sum < share * (double) n_rows ? &low : &high) = height;
	}
	return (low + high) / 2.0;
}

/* Of the first training rows, which are any: they are ordered by hash. */
static cer_status
list_odds(cer_arena *arena, cer_run *run, size_t n_old, size_t n_rows,
          double **odds, cer_error *err)
{
	size_t n = run->config.shape->n_classes;
	float *proba = cer_arena_allocate(arena, n_rows * n * sizeof(*proba));

	*odds = cer_arena_allocate(arena, n_rows * sizeof(**odds));
	if (proba == NULL || *odds == NULL)
		return cer_fail_memory(err, n_rows * n * sizeof(*proba));
	cer_graph_predict(run->graph, run->config.train, 0, n_rows, proba);
	for (size_t i = 0; i < n_rows; i++)
		(*odds)[i] = get_odds(proba + i * n, n, n_old);
	return CER_OK;
}

cer_status
cer_classes_begin(cer_arena *arena, cer_run *run, size_t n_old, cer_error *err)
{
	size_t n = run->config.shape->n_classes;
	size_t n_rows = cer_at_most(run->config.train->n_rows, MOST_ROWS);
	double *shares = cer_arena_allocate(arena, n * sizeof(*shares));
	float *up = cer_arena_allocate(arena, n * sizeof(*up));
	shift s = {run->net, run->graph->weights, up};
	double share = 0.0;
	double *odds;
	double height;

	if (n == n_old)
		return CER_OK;
	if (shares == NULL || up == NULL)
		return cer_fail_memory(err, n * sizeof(*shares));
	find_shares(run, shares);
	for (size_t i = n_old; i < n; i++)
		share += shares[i];
	if (share <= 0.0 || share >= 1.0)
		return CER_OK;
	CER_TRY(list_odds(arena, run, n_old, n_rows, &odds, err));
	height = find_height(odds, n_rows, share);
	for (size_t i = 0; i < n; i++)
		up[i] = i < n_old || shares[i] <= 0.0
		            ? 0.0f
		            : (float) (height +
		                       log(shares[i] * (double) (n - n_old) / share));
	(void) shift_logits(&s, run->net->n_nodes - 1);
	if (run->average != NULL)
	{
		s.weights = run->average->weights;
		(void) shift_logits(&s, run->net->n_nodes - 1);
	}
	cer_graph_refresh(run->graph);
	return CER_OK;
}
