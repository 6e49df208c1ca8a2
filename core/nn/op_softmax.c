/*
 * nn/op_softmax.c
 *	  Softmax and cross-entropy: logits to probabilities; in training also the
 *	  loss, and its gradient (p - label) / rows of the batch.
 *
 * Labels may be smoothed (Szegedy and others 2016), in training only.
 *
 * A row may count more or less: by its class, and by how well it is answered.
 * The focal loss -(1 - p)^g log p (Lin and others 2017) has the gradient of
 * cross-entropy times (1 - p)^g - g p (1 - p)^(g - 1) log p.
 *
 * A row that is a mix of two (see mix.h) has the loss of either label, by its
 * shares.
 *
 * Members of an ensemble are trained by the mean of their losses, never by the
 * loss of their mean; what is predicted is the mean of their probabilities.
 */
#include "nn/operator.h"

#include <float.h>
#include <math.h>
#include <string.h>

static cer_status
softmax_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	(void) builder;
	(void) node;
	(void) err;
	return CER_OK;
}

static double
softmax_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 10.0 * (double) (node->n_out * node->inputs[0].m);
}

static cer_status
softmax_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	(void) err;
	/* a label and two factors for each vector of a tile */
	cer_graph_need_scratch(graph, 3 * graph->tile_rows * node->in.m);
	return CER_OK;
}

/* The mean of a row's vectors. */
static void
average_members(const cer_tile *tile, const cer_graph_node *node)
{
	size_t n = node->out.n;
	size_t m = node->in.m;

	for (size_t row = tile->first; row < tile->first + tile->n_rows; row++)
	{
		const float *from = cer_get_data(&node->in, row);
		float *to = cer_get_data(&node->out, row);

		for (size_t i = 0; i < n; i++)
		{
			float sum = 0.0f;

			for (size_t j = 0; j < m; j++)
				sum += from[j * n + i];
			to[i] = sum / (float) m;
		}
	}
}

static void
softmax_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_graph *graph = tile->graph;
	cer_softmax softmax = {
		.n_rows = tile->n_rows * node->in.m,
		.n_classes = node->out.n,
		.logits = cer_get_data(&node->in, tile->first),
	};

	if (graph->batch.is_training)
		return;
	graph->kernels->softmax(&softmax);
	if (node->in.m > 1)
		average_members(tile, node);
}

/* Each row's label, once for each of its vectors. */
static const uint16_t *
repeat_labels(const cer_tile *tile, size_t m)
{
	uint16_t *labels = (uint16_t *) tile->scratch;

	for (size_t row = 0; row < tile->n_rows; row++)
		for (size_t i = 0; i < m; i++)
			labels[row * m + i] = tile->graph->labels[tile->first + row];
	return labels;
}

/*
 * With a share s of each label given to all classes alike: grad, which is
 * (p - label) scale, becomes (p - (1 - s) label - s / n) scale; returns the
 * loss, (1 - s) times the old one plus s times the mean of all classes'.
 */
static double
smooth_labels(const cer_softmax *softmax, double share)
{
	size_t n = softmax->n_classes;
	double part = share / (double) n;
	float shift = (float) part * softmax->scale;
	double others = 0.0;

	for (size_t row = 0; row < softmax->n_rows; row++)
	{
		float *grad = softmax->logits + row * n;
		size_t label = softmax->labels[row];

		for (size_t i = 0; i < n; i++)
		{
			if (i != label)
				others -= log(fmax(grad[i] / softmax->scale, FLT_MIN));
			grad[i] -= shift;
		}
		grad[label] += (float) share * softmax->scale;
	}
	return (1.0 - share + part) * softmax->loss + part * others;
}

/* Of logits: ln of the sum of their exponentials, and their sum. */
typedef struct row_sums
{
	size_t n;
	double log;
	double all;
} row_sums;

static row_sums
sum_row(const float *logits, size_t n)
{
	double most = (double) logits[0];
	row_sums sums = {.n = n};

	for (size_t i = 1; i < n; i++)
		most = fmax(most, (double) logits[i]);
	for (size_t i = 0; i < n; i++)
	{
		sums.log += exp((double) logits[i] - most);
		sums.all += (double) logits[i];
	}
	sums.log = most + log(sums.log);
	return sums;
}

/* The factor of a row's gradient and its loss. */
static double
weigh_row(const cer_loss *loss, double weight, double *row_loss)
{
	double p = exp(-*row_loss);
	double left = 1.0 - p;
	double factor;

	if (loss->focal <= 0.0 || left <= 0.0)
		factor = loss->focal > 0.0 ? 0.0 : weight;
	else
		factor = weight *
		         (pow(left, loss->focal) +
		          loss->focal * p * pow(left, loss->focal - 1.0) * *row_loss);
	if (loss->focal > 0.0)
		*row_loss *= pow(left, loss->focal);
	*row_loss *= weight;
	return factor;
}

/* Of a row by one label: the factor of its gradient and its loss. */
static double
find_factor(const cer_loss *loss, const row_sums *sums, const float *logits,
            size_t label, double *row_loss)
{
	double weight = loss->class_weights ? loss->class_weights[label] : 1.0;
	double n = (double) sums->n;

	*row_loss = sums->log - (double) logits[label];
	if (loss->smoothing > 0.0)
		*row_loss = (1.0 - loss->smoothing) * *row_loss +
		            loss->smoothing / n * (n * sums->log - sums->all);
	return weigh_row(loss, weight, row_loss);
}

/* Of logits; returns the sum of losses. */
static double
find_factors(const cer_softmax *softmax, const cer_loss *loss, float *factors)
{
	size_t n = softmax->n_classes;
	double sum = 0.0;

	for (size_t row = 0; row < softmax->n_rows; row++)
	{
		const float *logits = softmax->logits + row * n;
		row_sums sums = sum_row(logits, n);
		double row_loss;

		factors[row] = (float) find_factor(loss, &sums, logits,
		                                   softmax->labels[row], &row_loss);
		sum += row_loss;
	}
	return sum;
}

static void
scale_rows(const cer_softmax *softmax, const float *factors)
{
	size_t n = softmax->n_classes;

	for (size_t row = 0; row < softmax->n_rows; row++)
		for (size_t i = 0; i < n; i++)
			softmax->logits[row * n + i] *= factors[row];
}

/* Loss and gradient of a tile's logits, which the gradient overwrites. */
static double
run_loss(const cer_tile *tile, cer_softmax *softmax)
{
	const cer_loss *loss = &tile->graph->loss;
	bool is_weighted = loss->focal > 0.0 || loss->class_weights != NULL;
	float *factors = tile->scratch + softmax->n_rows;
	double weighted = is_weighted ? find_factors(softmax, loss, factors) : 0.0;

	tile->graph->kernels->softmax(softmax);
	if (loss->smoothing > 0.0)
		softmax->loss = smooth_labels(softmax, loss->smoothing);
	if (!is_weighted)
		return softmax->loss;
	scale_rows(softmax, factors);
	return weighted;
}

/* ------------------------------------------------------------ mixed rows */

/* A vector of a row that is a mix: by its own label and by its partner's. */
typedef struct mixed_vector
{
	size_t labels[2];
	double shares[2];
} mixed_vector;

static mixed_vector
find_mix(const cer_graph *graph, size_t row)
{
	double share = (double) graph->mix.shares[row];

	return (mixed_vector){
		{graph->labels[row], graph->labels[cer_mix_get_partner(graph, row)]},
		{share, 1.0 - share}};
}

/* Two factors a vector: of its gradient by either label.  Returns the sum of
 * losses. */
static double
find_mixed_factors(const cer_tile *tile, const cer_softmax *softmax, size_t m,
                   float *factors)
{
	size_t n = softmax->n_classes;
	double sum = 0.0;

	for (size_t i = 0; i < softmax->n_rows; i++)
	{
		mixed_vector mix = find_mix(tile->graph, tile->first + i / m);
		const float *logits = softmax->logits + i * n;
		row_sums sums = sum_row(logits, n);

		for (size_t j = 0; j < 2; j++)
		{
			double row_loss;
			double factor = find_factor(&tile->graph->loss, &sums, logits,
			                            mix.labels[j], &row_loss);

			factors[2 * i + j] = (float) (mix.shares[j] * factor);
			sum += mix.shares[j] * row_loss;
		}
	}
	return sum;
}

/* p becomes the gradient, p f - the smoothed labels by their factors. */
static void
take_labels(const cer_tile *tile, const cer_softmax *softmax, size_t m,
            const float *factors)
{
	size_t n = softmax->n_classes;
	float smoothing = (float) tile->graph->loss.smoothing;

	for (size_t i = 0; i < softmax->n_rows; i++)
	{
		mixed_vector mix = find_mix(tile->graph, tile->first + i / m);
		const float *f = factors + 2 * i;
		float all = f[0] + f[1];
		float *grad = softmax->logits + i * n;

		for (size_t j = 0; j < n; j++)
			grad[j] = all * (grad[j] - smoothing / (float) n);
		for (size_t j = 0; j < 2; j++)
			grad[mix.labels[j]] -= (1.0f - smoothing) * f[j];
		for (size_t j = 0; j < n; j++)
			grad[j] *= softmax->scale;
	}
}

static double
run_mixed_loss(const cer_tile *tile, cer_softmax *softmax, size_t m)
{
	float *factors = tile->scratch + softmax->n_rows;
	double loss = find_mixed_factors(tile, softmax, m, factors);

	softmax->labels = NULL;
	tile->graph->kernels->softmax(softmax);
	take_labels(tile, softmax, m, factors);
	return loss;
}

static void
softmax_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_batch *batch = &tile->graph->batch;
	size_t m = node->in.m;
	size_t n = m * node->in.n;
	float *grad = cer_get_grad(&node->in, tile->first);
	cer_softmax softmax = {
		.n_rows = tile->n_rows * m,
		.n_classes = node->in.n,
		.logits = grad,
		.labels =
			m > 1 ? repeat_labels(tile, m) : tile->graph->labels + tile->first,
		.scale = (float) (1.0 / (double) (batch->n_rows * m)),
	};

	memcpy(grad, cer_get_data(&node->in, tile->first),
	       tile->n_rows * n * sizeof(float));
	memset(grad + tile->n_rows * n, 0,
	       (tile->n_all - tile->n_rows) * n * sizeof(float));
	*tile->loss =
		(tile->graph->mix.shares != NULL ? run_mixed_loss(tile, &softmax, m)
	                                     : run_loss(tile, &softmax)) /
		(double) m;
}

const cer_operator cer_op_softmax = {
	.name = "softmax",
	.shape = softmax_shape,
	.cost = softmax_cost,
	.prepare = softmax_prepare,
	.forward = softmax_forward,
	.backward = softmax_backward,
};
