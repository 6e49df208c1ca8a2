/*
 * store/explain_odds.c
 *	  The log-odds that are explained, and their gradient.
 *
 * From logits l of vectors v (members of an ensemble layer) of networks m:
 *
 *	 s = mean over v of softmax(l), p = s^(1/T) / sum, P = sum of w p,
 *	 F = log(P_c^(1/U) / sum of others' P^(1/U))
 *
 * all kept as logarithms, with temperatures T and U.
 */
#include "store/explain_private.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------ log-odds */

/* log of the sum of exp(scale x), but for the one left out. */
static double
add_logs(const double *x, size_t n, double scale, size_t left_out)
{
	double most = -INFINITY;
	double sum = 0.0;

	for (size_t i = 0; i < n; i++)
		if (i != left_out)
			most = fmax(most, scale * x[i]);
	for (size_t i = 0; i < n; i++)
		if (i != left_out)
			sum += exp(scale * x[i] - most);
	return most + log(sum);
}

static void
scale_logs(double *x, size_t n, double scale)
{
	double all = add_logs(x, n, scale, SIZE_MAX);

	for (size_t i = 0; i < n; i++)
		x[i] = scale * x[i] - all;
}

/* x = log(exp(x) + exp(y)) */
static void
add_log(double *x, double y)
{
	double most = fmax(*x, y);

	*x = most + log(exp(*x - most) + exp(y - most));
}

/* Of vectors of logarithms, that of the mean. */
static void
find_mean(const double *vectors, size_t n_vectors, size_t n_classes,
          double *mean)
{
	double log_n = log((double) n_vectors);

	for (size_t i = 0; i < n_classes; i++)
		mean[i] = vectors[i] - log_n;
	for (size_t v = 1; v < n_vectors; v++)
		for (size_t i = 0; i < n_classes; i++)
			add_log(&mean[i], vectors[v * n_classes + i] - log_n);
}

/* s and p of one point. */
static void
answer(const cer_explained_net *n, size_t point, size_t n_classes)
{
	size_t size = n->n_vectors * n_classes;
	double *vectors = n->log_vectors + point * size;
	double *shares = n->log_shares + point * n_classes;
	double *proba = n->log_proba + point * n_classes;

	for (size_t i = 0; i < size; i++)
		vectors[i] = (double) n->logits[point * size + i];
	for (size_t v = 0; v < n->n_vectors; v++)
		scale_logs(vectors + v * n_classes, n_classes, 1.0);
	find_mean(vectors, n->n_vectors, n_classes, shares);
	memcpy(proba, shares, n_classes * sizeof(double));
	scale_logs(proba, n_classes, 1.0 / n->model->temperature);
}

/* F of one point. */
static double
join_answers(const cer_explainer *e, size_t point, size_t class_index)
{
	size_t n = e->n_classes;
	double *mean = e->log_mean + point * n;

	for (size_t k = 0; k < e->n_nets; k++)
	{
		const cer_explained_net *net = &e->nets[k];

		answer(net, point, n);
		for (size_t i = 0; i < n; i++)
		{
			double proba = net->log_weight + net->log_proba[point * n + i];

			if (k == 0)
				mean[i] = proba;
			else
				add_log(&mean[i], proba);
		}
	}
	return mean[class_index] / e->temperature -
	       add_logs(mean, n, 1.0 / e->temperature, class_index);
}

/* ------------------------------------------------------------ gradients */

/* The gradient of F by P, for all networks the same. */
static void
find_mean_grads(const cer_explainer *e, size_t point, size_t class_index,
                double *grads)
{
	const double *mean = e->log_mean + point * e->n_classes;
	double power = 1.0 / e->temperature;
	double others = add_logs(mean, e->n_classes, power, class_index);

	for (size_t i = 0; i < e->n_classes; i++)
		grads[i] =
			i == class_index ? power : -power * exp(power * mean[i] - others);
}

/* From gradients by log P to those by log s. */
static void
find_share_grads(const cer_explainer *e, const cer_explained_net *n,
                 size_t point, const double *by_mean, double *grads)
{
	const double *mean = e->log_mean + point * e->n_classes;
	const double *proba = n->log_proba + point * e->n_classes;
	double sum = 0.0;

	for (size_t i = 0; i < e->n_classes; i++)
	{
		grads[i] = by_mean[i] * exp(n->log_weight + proba[i] - mean[i]);
		sum += grads[i];
	}
	for (size_t i = 0; i < e->n_classes; i++)
		grads[i] = (grads[i] - exp(proba[i]) * sum) / n->model->temperature;
}

/* And on to logits. */
static void
write_grads(const cer_explained_net *n, size_t point, size_t n_classes,
            const double *by_share, float *to)
{
	const double *shares = n->log_shares + point * n_classes;

	for (size_t v = 0; v < n->n_vectors; v++, to += n_classes)
	{
		const double *vector =
			n->log_vectors + (point * n->n_vectors + v) * n_classes;
		double share = 1.0 / (double) n->n_vectors;
		double sum = 0.0;

		for (size_t i = 0; i < n_classes; i++)
			sum += by_share[i] * exp(vector[i] - shares[i]) * share;
		for (size_t i = 0; i < n_classes; i++)
			to[i] = (float) (by_share[i] * exp(vector[i] - shares[i]) * share -
			                 exp(vector[i]) * sum);
	}
}

void
cer_explainer_go_back(const cer_explainer *e, size_t n_points,
                      const cer_explain_point *points)
{
	double *by_mean = e->grads;
	double *by_share = e->grads + e->n_classes;

	for (size_t k = 0; k < e->n_nets; k++)
	{
		const cer_explained_net *n = &e->nets[k];
		float *grads = cer_explain_net_get_grads(n->net);

		for (size_t point = 0; point < n_points; point++)
		{
			find_mean_grads(e, point, e->classes[points[point].line], by_mean);
			find_share_grads(e, n, point, by_mean, by_share);
			write_grads(n, point, e->n_classes, by_share,
			            grads + point * n->n_vectors * e->n_classes);
		}
		cer_explain_net_go_back(n->net, n_points);
	}
}

void
cer_explainer_run_points(const cer_explainer *e, size_t n_points,
                         const cer_explain_point *points, double *log_odds)
{
	for (size_t k = 0; k < e->n_nets; k++)
		e->nets[k].logits =
			cer_explain_net_run(e->nets[k].net, n_points, points);
	for (size_t point = 0; point < n_points; point++)
		log_odds[point] =
			join_answers(e, point, e->classes[points[point].line]);
}
