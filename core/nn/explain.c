/*
 * nn/explain.c
 *	  What the inputs of a row add to its prediction: integrated gradients.
 *
 *	 z(a) = z(baseline) + a (z(row) - z(baseline)),	0 <= a <= 1
 *	 contribution of input i = integral of f'(z(a)) d_i,
 *	 d_i = z(baseline with input i) - z(baseline)
 *
 * The first layer is a sum over inputs, so that the straight line of inputs is
 * one of z, and its weights need not be looked at.  Derivatives go forward: the
 * d_i are rows that pass through the same layers beside z(a), multiplied by the
 * slopes of its activations.  One derivative, along the sum of all d_i, tells
 * where the integral needs short steps, as what it should come to is known of
 * each; derivatives of all inputs are made once.
 */
#include "nn/explain.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "nn/infer_private.h"

#include <math.h>
#include <string.h>

#define FIRST_STEPS 32

typedef struct explainer
{
	cer_arena *arena;
	const cer_infer *infer;
	size_t class_index;
	double temperature;
	size_t n_inputs;
	size_t width;       /* of the first layer */
	const float *start; /* z of the baseline */
	const float *whole; /* z of the row minus that */
	const float *parts; /* (n_inputs, width): d_i */

	/* z(a), then derivatives, before and after a layer */
	float *from;
	float *to;
	float *slopes;
	uint32_t *used;
	double *gradient; /* of the log-odds, by logit */
} explainer;

cer_status
cer_infer_check_explain(const cer_infer *infer, cer_error *err)
{
	if (infer->graph == NULL)
		return CER_OK;
	cer_fail(err, CER_BAD_VALUE,
	         "predictions of a network with \"%.*s\" cannot be explained",
	         CER_SHOW(infer->odd_node->name));
	cer_error_set_detail(err, "Contributions are known for dense layers one "
	                          "after the other over all features.");
	cer_error_set_hint(err, "Train a model AS mlp(...).");
	return CER_BAD_VALUE;
}

/* ------------------------------------------------------------ the function */

/*
 * Log-odds of the class, and their gradient by logits:
 * l[k] - log(sum over others of exp(l)), l = logits / temperature.
 */
static double
get_log_odds(const explainer *e, const float *logits)
{
	size_t n = e->infer->n_classes;
	double most = -INFINITY;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		if (i != e->class_index && logits[i] / e->temperature > most)
			most = logits[i] / e->temperature;
	for (size_t i = 0; i < n; i++)
		if (i != e->class_index)
			sum += exp(logits[i] / e->temperature - most);
	for (size_t i = 0; i < n; i++)
		e->gradient[i] = i == e->class_index
		                     ? 1 / e->temperature
		                     : -exp(logits[i] / e->temperature - most) / sum /
		                           e->temperature;
	return logits[e->class_index] / e->temperature - most - log(sum);
}

/* Bias and activation of row 0, their slopes times the derivatives. */
static void
activate(const explainer *e, const cer_infer_layer *layer, size_t n_rows,
         float *z)
{
	e->infer->kernels->activate_rows[layer->activation](
		1, layer->n_out, layer->bias, z, e->slopes);
	for (size_t row = 1; row < n_rows; row++)
		for (size_t i = 0; i < layer->n_out; i++)
			z[row * layer->n_out + i] *= e->slopes[i];
}

/* Logits of e->from's row 0 and their derivatives; they lie one after the other,
 * as far apart as the last layer is wide. */
static const float *
run_layers(explainer *e, size_t n_rows)
{
	const cer_infer *infer = e->infer;

	activate(e, &infer->layers[0], n_rows, e->from);
	for (size_t i = 1; i < infer->n_layers; i++)
	{
		float *swap = e->to;
		cer_infer_rows rows = {n_rows, e->from, infer->layers[i - 1].n_out,
		                       e->to};

		cer_infer_multiply(infer, &infer->layers[i], &rows, e->used);
		activate(e, &infer->layers[i], n_rows, e->to);
		e->to = e->from;
		e->from = swap;
	}
	return e->from;
}

/* Log-odds at a; to sums, what weight times the derivatives along d are. */
static double
add_point(explainer *e, double a, const float *d, size_t n_d, double weight,
          double *sums)
{
	size_t stride = e->infer->layers[e->infer->n_layers - 1].n_out;
	const float *logits;
	double log_odds;

	for (size_t i = 0; i < e->width; i++)
		e->from[i] = (float) (e->start[i] + a * (double) e->whole[i]);
	if (n_d > 0)
		memcpy(e->from + e->width, d, n_d * e->width * sizeof(float));
	logits = run_layers(e, 1 + n_d);
	log_odds = get_log_odds(e, logits);
	for (size_t row = 0; row < n_d; row++)
		for (size_t i = 0; i < e->infer->n_classes; i++)
			sums[row] +=
				weight * e->gradient[i] * logits[(row + 1) * stride + i];
	return log_odds;
}

/* ------------------------------------------------------------ the integral */

/* A piece of the line: the derivative at its middle stands for all of it. */
typedef struct interval
{
	double begin;
	double end;
	double from; /* log-odds at begin */
	double to;
	double error; /* of the derivative's integral: known, as both ends are */
} interval;

static double
get_middle(const interval *piece)
{
	return (piece->begin + piece->end) / 2;
}

static void
measure(explainer *e, interval *piece)
{
	double sum = 0;

	(void) add_point(e, get_middle(piece), e->whole, 1,
	                 piece->end - piece->begin, &sum);
	piece->error = fabs(piece->to - piece->from - sum);
}

static void
divide(explainer *e, interval *piece, interval *other)
{
	*other = *piece;
	other->begin = piece->end = get_middle(piece);
	other->from = piece->to = add_point(e, piece->end, NULL, 0, 0, NULL);
	measure(e, piece);
	measure(e, other);
}

static size_t
find_worst(const interval *pieces, size_t n)
{
	size_t worst = 0;

	for (size_t i = 1; i < n; i++)
		if (pieces[i].error > pieces[worst].error)
			worst = i;
	return worst;
}

static double
add_errors(const interval *pieces, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += pieces[i].error;
	return sum;
}

static bool
is_canceled(const explainer *e)
{
	const cer_host *host = cer_arena_get_host(e->arena);

	return host->is_canceled(host->self);
}

/* Pieces of the line, shorter where the derivative jumps. */
static cer_status
find_pieces(explainer *e, interval *pieces, size_t *n_pieces)
{
	double from = add_point(e, 0, NULL, 0, 0, NULL);
	size_t n = FIRST_STEPS;

	for (size_t i = 0; i < n; i++)
	{
		pieces[i].begin = (double) i / (double) n;
		pieces[i].end = (double) (i + 1) / (double) n;
		pieces[i].from = from;
		pieces[i].to = from = add_point(e, pieces[i].end, NULL, 0, 0, NULL);
		measure(e, &pieces[i]);
	}
	while (n < CER_EXPLAIN_MAX_STEPS &&
	       add_errors(pieces, n) > CER_EXPLAIN_RESIDUAL / 2)
	{
		if (is_canceled(e))
			return CER_CANCELED;
		divide(e, &pieces[find_worst(pieces, n)], &pieces[n]);
		n++;
	}
	*n_pieces = n;
	return CER_OK;
}

/* The integral of derivatives along every d_i. */
static cer_status
integrate(explainer *e, const interval *pieces, size_t n_pieces, double *sums)
{
	for (size_t i = 0; i < e->n_inputs; i++)
		sums[i] = 0;
	for (size_t i = 0; i < n_pieces; i++)
	{
		if (is_canceled(e))
			return CER_CANCELED;
		(void) add_point(e, get_middle(&pieces[i]), e->parts, e->n_inputs,
		                 pieces[i].end - pieces[i].begin, sums);
	}
	return CER_OK;
}

/* ------------------------------------------------------------ preparing */

/* z of each encoded row, without bias. */
static cer_status
make_sums(explainer *e, const cer_explain_rows *rows, float *z)
{
	const cer_infer *infer = e->infer;
	void *scratch = cer_arena_allocate(
		e->arena, cer_infer_first_get_scratch_size(infer->first, 1));

	if (scratch == NULL)
		return CER_NO_MEMORY;
	for (size_t row = 0; row < rows->n_inputs + 2; row++)
	{
		cer_encoded one = {
			.n_rows = 1,
			.numbers = rows->encoded->numbers + row * infer->n_numbers,
			.codes = rows->encoded->codes + row * infer->n_codes};

		cer_infer_first_run(infer->first, 1, &one, NULL, z + row * e->width,
		                    scratch);
	}
	for (size_t i = e->width; i < (rows->n_inputs + 2) * e->width; i++)
		z[i] -= z[i % e->width];
	e->start = z;
	e->whole = z + e->width;
	e->parts = z + 2 * e->width;
	return CER_OK;
}

static cer_status
init_explainer(explainer *e, const cer_explain_rows *rows)
{
	size_t size = (rows->n_inputs + 1) * e->infer->widest * sizeof(float);
	float *z = cer_arena_allocate(e->arena, (rows->n_inputs + 2) * e->width *
	                                            sizeof(float));

	e->from = cer_arena_allocate(e->arena, size);
	e->to = cer_arena_allocate(e->arena, size);
	e->slopes = cer_arena_allocate(e->arena, e->infer->widest * sizeof(float));
	e->used = cer_arena_allocate(e->arena, (e->infer->most_inputs + 1) *
	                                           sizeof(uint32_t));
	e->gradient = cer_arena_allocate(e->arena, e->infer->n_classes *
	                                               sizeof(*e->gradient));
	if (z == NULL || e->gradient == NULL || e->from == NULL || e->to == NULL ||
	    e->slopes == NULL || e->used == NULL)
		return CER_NO_MEMORY;
	return make_sums(e, rows, z);
}

/* ------------------------------------------------------------ explaining */

static cer_status
explain(explainer *e, interval *pieces, cer_explanation *made,
        double *contributions)
{
	made->class_index = e->class_index;
	made->n_inputs = e->n_inputs;
	made->baseline = add_point(e, 0, NULL, 0, 0, NULL);
	made->log_odds = add_point(e, 1, NULL, 0, 0, NULL);
	made->residual = made->log_odds - made->baseline;
	CER_TRY(find_pieces(e, pieces, &made->n_steps));
	CER_TRY(integrate(e, pieces, made->n_steps, contributions));
	for (size_t i = 0; i < e->n_inputs; i++)
		made->residual -= contributions[i];
	made->contributions = contributions;
	return CER_OK;
}

cer_status
cer_infer_explain(cer_arena *arena, const cer_infer *infer,
                  const cer_explain_rows *rows, cer_explanation *explanation,
                  cer_error *err)
{
	explainer e = {.arena = arena,
	               .infer = infer,
	               .class_index = rows->class_index,
	               .temperature = rows->temperature,
	               .n_inputs = rows->n_inputs};
	size_t size = (rows->n_inputs + 1) * sizeof(double);
	double *contributions = cer_arena_allocate(arena, size);
	interval *pieces =
		cer_arena_allocate(arena, CER_EXPLAIN_MAX_STEPS * sizeof(*pieces));

	CER_TRY(cer_infer_check_explain(infer, err));
	e.width = infer->layers[0].n_out;
	if (contributions == NULL || pieces == NULL ||
	    init_explainer(&e, rows) != CER_OK)
		return cer_fail_memory(err, rows->n_inputs * e.width * sizeof(float));
	if (explain(&e, pieces, explanation, contributions) != CER_OK)
		return cer_fail(err, CER_CANCELED, "explaining was canceled");
	return CER_OK;
}
