/*
 * nn/mix.c
 *	  Mixup: shares of rows, rows that are mixed, gradients that are divided.
 */
#include "nn/mix.h"

#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------ shares */

/*
 * Beta(a, a) without rejection (Devroye 1996, from Bailey's way to Student's t):
 * with u and v uniform, g = u^(1/a) and c = cos 2 pi v it is
 *
 *	 (1 + c sqrt(1 - g) / sqrt(g + (1 - g) c^2)) / 2
 *
 * The halves keep u above 0 and c off it, so that a small a, where g may be 0,
 * gives 0 or 1.
 */
float
cer_mix_draw(const cer_mix *mix, uint32_t epoch, uint64_t row_key)
{
	cer_random_place place = {
		{0, epoch, (uint32_t) row_key, (uint32_t) (row_key >> 32)}};
	uint32_t bits[4];
	double g;
	double c;

	cer_random_get_fast(&mix->random, &place, bits);
	g = pow(((double) bits[0] + 0.5) * 0x1p-32, 1.0 / mix->alpha);
	c = cos(2.0 * 3.14159265358979323846 * ((double) bits[1] + 0.5) * 0x1p-32);
	return (float) (0.5 +
	                0.5 * c * sqrt(1.0 - g) / sqrt(g + (1.0 - g) * c * c));
}

cer_status
cer_mix_prepare(cer_graph *graph, double alpha, cer_error *err)
{
	cer_mix *mix = &graph->mix;

	mix->alpha = alpha;
	cer_random_init(&mix->random, graph->seed, cer_text_of("mixup"));
	mix->shares = cer_graph_allocate_floats(graph, graph->batch_rows);
	return mix->shares != NULL
	           ? CER_OK
	           : cer_fail_memory(err, graph->batch_rows * sizeof(float));
}

void
cer_mix_begin(const cer_tile *tile)
{
	const cer_graph *graph = tile->graph;

	for (size_t at = tile->first; at < tile->first + tile->n_rows; at++)
		graph->mix.shares[at] =
			cer_mix_get_partner(graph, at) == at
				? 1.0f
				: cer_mix_draw(&graph->mix, graph->batch.epoch,
		                       graph->row_keys[at]);
}

/* ------------------------------------------------------------ nodes */

cer_status
cer_mix_connect(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	size_t n = graph->batch_rows * cer_get_width(&node->out);

	node->is_mixed = true;
	if (!node->node->keeps_output)
		return CER_OK;
	node->mixed = cer_graph_allocate_floats(graph, n);
	return node->mixed != NULL ? CER_OK
	                           : cer_fail_memory(err, n * sizeof(float));
}

static float *
get_mixed(const cer_graph_node *node, size_t row)
{
	return node->mixed != NULL ? node->mixed + row * cer_get_width(&node->out)
	                           : cer_get_data(&node->out, row);
}

/* Of two rows the larger count. */
static void
raise_counts(const cer_graph_node *node, size_t row)
{
	float *a = cer_get_data(&node->out, row);
	float *b = cer_get_data(&node->out, row + 1);

	for (size_t i = 0; i < cer_get_width(&node->out); i++)
		a[i] = b[i] = a[i] > b[i] ? a[i] : b[i];
}

/* Whoever has no partner, and rows that fill up, stay. */
static void
keep_rest(const cer_tile *tile, const cer_graph_node *node, size_t row)
{
	size_t n = tile->first + tile->n_all - row;

	if (node->mixed != NULL)
		memcpy(get_mixed(node, row), cer_get_data(&node->out, row),
		       n * cer_get_width(&node->out) * sizeof(float));
}

void
cer_mix_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const float *shares = tile->graph->mix.shares;
	size_t end = tile->first + tile->n_rows / 2 * 2;
	size_t row = tile->first;

	for (; row < end; row += 2)
	{
		cer_mixing mixing = {
			.n = cer_get_width(&node->out),
			.own = {shares[row], shares[row + 1]},
			.other = {1.0f - shares[row], 1.0f - shares[row + 1]},
			.from = {cer_get_data(&node->out, row),
		             cer_get_data(&node->out, row + 1)},
			.to = {get_mixed(node, row), get_mixed(node, row + 1)},
		};

		if (node->node->op->is_count)
			raise_counts(node, row);
		else
			tile->graph->kernels->mix(&mixing);
	}
	keep_rest(tile, node, row);
}

void
cer_mix_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const float *shares = tile->graph->mix.shares;
	size_t end = tile->first + tile->n_rows / 2 * 2;

	for (size_t row = tile->first; row < end; row += 2)
	{
		float *a = cer_get_grad(&node->out, row);
		float *b = cer_get_grad(&node->out, row + 1);
		cer_mixing mixing = {
			.n = cer_get_width(&node->out),
			.own = {shares[row], shares[row + 1]},
			.other = {1.0f - shares[row + 1], 1.0f - shares[row]},
			.from = {a, b},
			.to = {a, b},
		};

		if (!node->node->op->is_count)
			tile->graph->kernels->mix(&mixing);
	}
}
