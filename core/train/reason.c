/*
 * train/reason.c
 *	  Why a run came to a number that is not finite, by what can be seen of it:
 *	  the batch's inputs, the weights, the gradient of the step before, which
 *	  still stands where it was made, how losses went, and the first layer that
 *	  overflowed.
 *
 *	 inputs are large				the encoder
 *	 weights are, before any step	what it begins with
 *	 a recurrent layer's gradient	nothing clips it, or it is infinite
 *	 weights are, or the loss grew	the steps
 *	 none of these					the layer itself
 */
#include "train/reason.h"
#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>

/* Inputs, weights and gradients are about 1; beyond this they say why. */
#define LARGE 1e3
#define GROWN 10.0 /* times the least loss */

/* The largest of many; one that is not finite is larger than all. */
typedef struct extreme
{
	double size;
	cer_text name;
} extreme;

static void
find_larger(const float *x, size_t n, cer_text name, extreme *largest)
{
	for (size_t i = 0; i < n; i++)
	{
		double size = isfinite(x[i]) ? fabs((double) x[i]) : INFINITY;

		if (size > largest->size)
			*largest = (extreme){size, name};
	}
}

static extreme
find_input(const cer_run *run)
{
	const cer_batch *batch = &run->graph->batch;
	const cer_input_shape *shape = run->net->shape;
	extreme largest = {0};

	for (size_t i = 0; i < batch->n_rows; i++)
		for (size_t j = 0; j < shape->n_numbers; j++)
		{
			const float *row = cer_encoded_get_numbers(
				batch->rows, shape, cer_batch_get_row(batch, i));
			float x = cer_shape_get_number(shape, row, j);

			find_larger(&x, 1, shape->number_names[j], &largest);
		}
	return largest;
}

/* Of weights or gradients. */
static extreme
find_in_tensors(const cer_run *run, const float *flat, size_t first, size_t n)
{
	extreme largest = {0};

	for (size_t i = first; i < first + n; i++)
	{
		const cer_net_tensor *tensor = cer_net_get_tensor(run->net, i);

		if (!tensor->is_statistic)
			find_larger(flat + tensor->offset, tensor->size, tensor->name,
			            &largest);
	}
	return largest;
}

/* Where the largest gradient of all is a recurrent layer's. */
static extreme
find_recurrent(const cer_run *run)
{
	const float *grads = cer_graph_get_grads(run->graph);
	extreme all = find_in_tensors(run, grads, 0, run->net->n_tensors);
	extreme largest = {0};

	for (size_t i = 0; i < run->net->n_nodes; i++)
	{
		const cer_node *node = &run->net->nodes[i];
		extreme of =
			find_in_tensors(run, grads, node->first_tensor, node->n_tensors);

		if (node->op == &cer_op_recurrent && of.size > largest.size)
			largest = of;
	}
	return largest.size < all.size ? (extreme){0} : largest;
}

/* ", first in layer "x"" */
static void
describe_place(const cer_run *run, char *text, size_t size)
{
	const cer_node *node = cer_graph_find_not_finite(run->graph);

	text[0] = '\0';
	if (node != NULL)
		snprintf(text, size, ", first in layer \"%.*s\"", CER_SHOW(node->name));
}

static void
explain_steps(const cer_run *run, bool has_grown, const char *place,
              cer_error *err)
{
	if (has_grown)
		cer_error_set_detail(
			err,
			"The loss grew from %.3g to %.3g, then beyond what numbers can "
			"hold%s: the steps of the optimizer are too large for these data.",
			run->least_loss, run->last_loss, place);
	else
		cer_error_set_detail(
			err,
			"The weights grew beyond what numbers can hold%s: the steps of "
			"the optimizer are too large for these data.",
			place);
	cer_error_set_hint(err, "Lower the learning rate, for example lr = %g.",
	                   run->config.settings->lr / 10.0);
}

static void
explain_layer(const char *place, double largest_weight, cer_error *err)
{
	cer_error_set_detail(
		err,
		"Numbers grew from layer to layer beyond what numbers can hold%s, "
		"though inputs are small and no weight is larger than %.3g.",
		place, largest_weight);
	cer_error_set_hint(err, "Put norm(layer) between such layers, or take "
	                        "fewer of them.");
}

static void
explain_input(const extreme *input, cer_error *err)
{
	cer_error_set_detail(
		err,
		"The number \"%.*s\" of a row is as large as %.3g: inputs are "
		"about 1.",
		CER_SHOW(input->name), input->size);
	cer_error_set_hint(err, "Let another encoder bound it, for example robust "
	                        "or quantile.");
}

static void
explain_start(const extreme *weight, const char *place, cer_error *err)
{
	cer_error_set_detail(
		err,
		"No step is done yet: the weights that the training begins with "
		"are as large as %.3g in \"%.*s\"%s.",
		weight->size, CER_SHOW(weight->name), place);
	cer_error_set_hint(err, "Begin from scratch, or with another model.");
}

static void
explain_recurrent(const extreme *gradient, double clip, const char *place,
                  cer_error *err)
{
	if (clip > 0.0)
	{
		cer_error_set_detail(err,
		                     "Gradients of a recurrent layer grew from token "
		                     "to token beyond what numbers can hold: clipping "
		                     "is of no use then%s.",
		                     place);
		cer_error_set_hint(err, "Begin with smaller weights, or let the layer "
		                        "go over fewer tokens.");
		return;
	}
	cer_error_set_detail(
		err,
		"The gradient of \"%.*s\" was as large as %.3g in the step "
		"before, and nothing clips it%s.",
		CER_SHOW(gradient->name), gradient->size, place);
	cer_error_set_hint(err, "Clip gradients, for example clip = 1.");
}

void
cer_reason_explain(const cer_run *run, cer_error *err)
{
	bool is_begun = run->optimizer->n_steps > 0;
	bool has_grown = run->last_loss > GROWN * run->least_loss;
	extreme input = find_input(run);
	extreme weight =
		find_in_tensors(run, run->graph->weights, 0, run->net->n_tensors);
	extreme recurrent = is_begun ? find_recurrent(run) : (extreme){0};
	double clip = run->config.settings->clip;
	char place[128];

	describe_place(run, place, sizeof(place));
	if (input.size > LARGE)
		explain_input(&input, err);
	else if (!is_begun && weight.size > LARGE)
		explain_start(&weight, place, err);
	else if (recurrent.size > LARGE)
		explain_recurrent(&recurrent, clip, place, err);
	else if (has_grown || weight.size > LARGE)
		explain_steps(run, has_grown, place, err);
	else
		explain_layer(place, weight.size, err);
}
