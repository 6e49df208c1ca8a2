/*
 * nn/initial.c
 *	  Initial weights.
 *
 * Every element's number depends on the seed, the tensor's name (or its row's)
 * and the element's row and column, so that a tensor that grows keeps what it
 * had, and an edit elsewhere changes nothing here.
 */
#include "nn/net.h"
#include "base/random.h"
#include "nn/operator.h"

#include <math.h>
#include <string.h>

double
cer_initial_bound(size_t n_in)
{
	return 1.0 / sqrt((double) (n_in > 0 ? n_in : 1));
}

void
cer_initial_choose(cer_initial_kind kind, size_t n_in, cer_tensor_spec *spec)
{
	spec->initial = CER_INITIAL_NORMAL;
	spec->scale = 1.0;
	switch (kind)
	{
		case CER_INITIAL_LECUN:
			spec->scale = cer_initial_bound(n_in);
			break;
		case CER_INITIAL_HE:
			spec->scale = sqrt(2.0) * cer_initial_bound(n_in);
			break;
		case CER_INITIAL_NTK:
			break;
		case CER_INITIAL_DEFAULT:
			spec->initial = CER_INITIAL_UNIFORM;
			spec->scale = cer_initial_bound(n_in);
			break;
	}
}

static float
draw(const cer_net_tensor *tensor, const uint32_t bits[4])
{
	if (tensor->initial == CER_INITIAL_NORMAL)
		return tensor->scale * cer_random_to_normal(bits[0], bits[1]);
	if (tensor->initial == CER_INITIAL_CONSTANT)
		return tensor->scale;
	if (tensor->initial == CER_INITIAL_SIGN)
		return bits[0] >> 31 ? tensor->scale : -tensor->scale;
	return tensor->scale * (2.0f * cer_random_to_uniform(bits[0]) - 1.0f);
}

static void
init_row(const cer_net_tensor *tensor, const cer_random *random, uint32_t row,
         size_t n_columns, float *weights)
{
	for (size_t i = 0; i < n_columns; i++)
	{
		cer_random_place place = {{(uint32_t) i, row, 0, 0}};
		uint32_t bits[4];

		cer_random_get(random, &place, bits);
		weights[i] = draw(tensor, bits);
	}
}

static void
init_tensor(const cer_net_tensor *tensor, uint64_t seed, float *weights)
{
	size_t n_rows = tensor->n_dims == 2 ? (size_t) tensor->dims[0] : 1;
	size_t n_columns = tensor->size / n_rows;
	cer_random random;

	cer_random_init(&random, seed, tensor->name);
	for (size_t row = 0; row < n_rows; row++)
	{
		if (tensor->row_names != NULL)
			cer_random_init(&random, seed, tensor->row_names[row]);
		init_row(tensor, &random,
		         tensor->row_names != NULL ? 0 : (uint32_t) row, n_columns,
		         weights + row * n_columns);
	}
}

void
cer_net_init_weights(const cer_net *net, uint64_t seed, float *weights)
{
	memset(weights, 0, net->n_weights * sizeof(float));
	for (size_t i = 0; i < net->n_tensors; i++)
		if (net->tensors[i].initial != CER_INITIAL_ZERO &&
		    net->tensors[i].size > 0)
			init_tensor(&net->tensors[i], seed,
			            weights + net->tensors[i].offset);
}
