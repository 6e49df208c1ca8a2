/*
 * train/embed_decay.c
 *	  What codes stand for is drawn towards 0 by the rows that have them.
 *
 * The loss of a row takes embed_decay / 2 times the squares of its embeddings
 * in (and of its codes' rows in wide and tokens), as factorizations do (Zhou and
 * others 2008).  Of a batch that is, on average, embed_decay times the share of
 * the training rows that have a code, times its weights: this goes to the
 * gradient in each step, so that nothing depends on where a batch ends.
 * Unlike the decay of adamw, what it leaves does not depend on how Adam
 * scales the steps of rare codes.
 *
 * Tables of few codes are left alone: there is nothing to learn by heart.
 */
#include "train/optimizer.h"

#include "base/error.h"

#include <string.h>

#define LEAST_CODES 10

static bool
is_decaying(const cer_net_tensor *tensor)
{
	return tensor->table > 0 && tensor->dims[0] >= LEAST_CODES;
}

/* By code of the table: its share of the rows, times the decay. */
static void
count_codes(const cer_optimizer_state *o, const cer_encoded *train,
            const cer_net_tensor *tensor, float *decays)
{
	size_t stride = cer_encoded_step_codes(train, o->graph->net->shape);
	size_t width = tensor->size / tensor->dims[0];
	float of_one = (float) (o->settings->embed_decay / (double) train->n_rows);

	for (size_t row = 0; row < train->n_rows; row++)
		decays[train->codes[row * stride + tensor->table - 1] * width] += 1.0f;
	for (size_t code = 0; code < tensor->dims[0]; code++)
	{
		float *of_code = decays + code * width;

		of_code[0] *= of_one;
		for (size_t i = 1; i < width; i++)
			of_code[i] = of_code[0];
	}
}

static cer_status
add_tensor(cer_arena *arena, const cer_optimizer_state *o,
           const cer_encoded *train, const cer_net_tensor *tensor,
           const float **blocks, cer_error *err)
{
	size_t size = tensor->size * sizeof(float);
	float *decays = cer_arena_allocate(arena, size);

	if (decays == NULL)
		return cer_fail_memory(err, size);
	memset(decays, 0, size);
	count_codes(o, train, tensor, decays);
	for (size_t at = 0; at < tensor->size; at += CER_TENSOR_FLOATS)
		blocks[(tensor->offset + at) / CER_TENSOR_FLOATS] = decays + at;
	return CER_OK;
}

cer_status
cer_optimizer_add_embed_decay(cer_arena *arena, cer_optimizer_state *optimizer,
                              const cer_encoded *train, cer_error *err)
{
	const cer_net *net = optimizer->graph->net;
	size_t size = net->n_weights / CER_TENSOR_FLOATS * sizeof(float *);
	const float **blocks = cer_arena_allocate(arena, size);
	bool is_needed = false;

	if (blocks == NULL)
		return cer_fail_memory(err, size);
	memset(blocks, 0, size);
	for (size_t i = 0; i < net->n_tensors; i++)
	{
		if (!is_decaying(&net->tensors[i]))
			continue;
		is_needed = true;
		CER_TRY(
			add_tensor(arena, optimizer, train, &net->tensors[i], blocks, err));
	}
	optimizer->decays = is_needed ? blocks : NULL;
	return CER_OK;
}

void
cer_optimizer_decay_embeds(const cer_optimizer_state *optimizer, size_t offset,
                           size_t n)
{
	const float *weights = optimizer->weights + offset;
	float *grads = optimizer->graph->grads + offset;
	const float *decays;

	if (optimizer->decays == NULL)
		return;
	decays = optimizer->decays[offset / CER_TENSOR_FLOATS];
	if (decays == NULL)
		return;
	decays += offset % CER_TENSOR_FLOATS;
	for (size_t i = 0; i < n; i++)
		grads[i] += decays[i] * weights[i];
}
