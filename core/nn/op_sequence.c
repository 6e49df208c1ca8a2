/*
 * nn/op_sequence.c
 *	  Arrays of an encoded row as tokens in order.
 *
 *	 lengths	how many tokens of the row are there: those of its longest array
 *	 sequence	y (tokens, arrays): the t-th element of each array, 0 where the
 *				array has ended
 *	 cut		y = x for tokens that are there, 0 for others
 *
 * Layers over tokens take what lengths made as another input, so that tokens
 * which are not there count nowhere.
 */
#include "base/error.h"
#include "nn/operator.h"
#include "nn/source.h"

#include <math.h>
#include <string.h>

static double
move_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return (double) (node->n_out * node->m);
}

/* Nothing before it has weights, or is moved by lengths. */
static void
no_backward(const cer_tile *tile, const cer_graph_node *node)
{
	(void) tile;
	(void) node;
}

/* ------------------------------------------------------------ the row */

/* Elements that a row has of an array, whose share of the most is coded. */
static size_t
count_elements(const cer_tile *tile, const cer_array *array,
               const cer_source_row *row)
{
	float share = cer_source_get_number(tile, row, array->length);

	if (!(share > 0.0f))
		return 0;
	if (share >= 1.0f)
		return array->n_elements;
	return (size_t) lrintf(share * (float) array->n_elements);
}

static void
lengths_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_view *view = node->node->view;
	cer_source_row row;

	for (size_t at = tile->first; at < tile->first + tile->n_all; at++)
	{
		size_t most = 0;

		for (size_t i = 0; cer_source_get(tile, at, &row) && i < view->n_arrays;
		     i++)
		{
			size_t n = count_elements(tile, &view->arrays[i], &row);

			most = n > most ? n : most;
		}
		*cer_get_data(&node->out, at) = (float) most;
	}
}

static void
sequence_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_view *view = node->node->view;
	size_t n = node->out.n;
	cer_source_row row;

	memset(cer_get_data(&node->out, tile->first), 0,
	       tile->n_all * cer_get_width(&node->out) * sizeof(float));
	for (size_t at = tile->first; at < tile->first + tile->n_all; at++)
		for (size_t i = 0; cer_source_get(tile, at, &row) && i < view->n_arrays;
		     i++)
		{
			const cer_array *array = &view->arrays[i];
			size_t n_elements = count_elements(tile, array, &row);
			float *y = cer_get_data(&node->out, at) + i;

			for (size_t t = 0; t < n_elements; t++)
				y[t * n] = cer_source_get_number(tile, &row, array->first + t);
		}
}

const cer_operator cer_op_lengths = {
	.name = "lengths",
	.shape = cer_op_no_tensors,
	.cost = move_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = lengths_forward,
	.backward = no_backward,
	.is_count = true,
};

const cer_operator cer_op_sequence = {
	.name = "sequence",
	.shape = cer_op_no_tensors,
	.cost = move_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = sequence_forward,
	.backward = no_backward,
};

/* ------------------------------------------------------------ cut */

/* Each row's members' tokens that are there, zeros after them. */
static void
cut_tokens(const cer_tile *tile, const cer_graph_node *node, const float *from,
           float *to)
{
	size_t n_tokens = node->node->n_tokens;
	size_t n = node->out.n;

	for (size_t row = tile->first; row < tile->first + tile->n_all; row++)
	{
		size_t n_there = cer_count_there(node, row, n_tokens);

		for (size_t v = 0; v < node->out.m; v += n_tokens)
		{
			size_t at = (row * node->out.m + v) * n;

			memcpy(to + at, from + at, n_there * n * sizeof(float));
			memset(to + at + n_there * n, 0,
			       (n_tokens - n_there) * n * sizeof(float));
		}
	}
}

static void
cut_forward(const cer_tile *tile, const cer_graph_node *node)
{
	cut_tokens(tile, node, node->in.data, node->out.data);
}

static void
cut_backward(const cer_tile *tile, const cer_graph_node *node)
{
	cut_tokens(tile, node, node->out.grad, node->in.grad);
}

const cer_operator cer_op_cut = {
	.name = "cut",
	.shape = cer_op_no_tensors,
	.cost = move_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = cut_forward,
	.backward = cut_backward,
};
