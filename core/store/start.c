/*
 * store/start.c
 *	  A training that begins with the weights of a stored model.
 */
#include "store/parts.h"
#include "store/state.h"

#include "base/arena.h"
#include "base/error.h"
#include "train/transfer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ALIKE 1e-4f

/* NULL where a model has none, or of another shape. */
static const float *
find_means(const cer_part *parts, size_t n_parts, const cer_input_shape *shape)
{
	size_t n = cer_means_count(shape);

	for (size_t i = 0; i < n_parts; i++)
	{
		const float *means = parts[i].data;

		if (parts[i].kind != CER_PART_MEANS ||
		    parts[i].size != n * sizeof(float))
			continue;
		for (size_t j = 0; j < n; j++)
			if (!isfinite(means[j]))
				return NULL;
		return means;
	}
	return NULL;
}

static cer_status
read_source(cer_arena *arena, const cer_part *parts, size_t n_parts,
            cer_transfer_source *source, cer_error *err)
{
	cer_run_state moments = {0};
	cer_stored stored = {.may_lack_tensors = false};
	cer_moments_kind kind;

	CER_TRY(cer_stored_read(arena, arena, parts, n_parts, &stored, err));
	kind = cer_optimizer_get_moments(&stored.mst->settings);
	CER_TRY(cer_state_read_moments(arena, parts, n_parts, stored.net, &moments,
	                               err));
	if ((moments.v == NULL) != (kind == CER_MOMENTS_VELOCITY))
		memset(&moments, 0, sizeof(moments));
	*source = (cer_transfer_source){
		.encoders = stored.encoders,
		.net = stored.net,
		.weights = stored.weights,
		.moments = kind,
		.m = moments.m,
		.v = moments.v,
		.n_steps = moments.n_steps + moments.n_before,
		.means =
			find_means(parts, n_parts, cer_encoders_get_shape(stored.encoders)),
	};
	return CER_OK;
}

/* As far as floats tell. */
static bool
are_alike(const float *a, const float *b, size_t n)
{
	float most = 0.0f;
	float distance = 0.0f;

	for (size_t i = 0; i < n; i++)
	{
		most = fmaxf(most, fabsf(a[i]));
		distance = fmaxf(distance, fabsf(a[i] - b[i]));
	}
	return distance <= ALIKE * most;
}

/* Rows that the network keeps are no longer those of its source: the tables
 * have others now, or others come first among them. */
static bool
keeps_others(const cer_run *run, const float *weights)
{
	const cer_net *net = run->net;

	for (size_t i = 0; i < net->n_nodes; i++)
		for (size_t j = 0;
		     net->nodes[i].op->keep && j < net->nodes[i].n_tensors; j++)
		{
			const cer_net_tensor *tensor =
				&net->tensors[net->nodes[i].first_tensor + j];

			if (!are_alike(weights + tensor->offset,
			               run->graph->weights + tensor->offset, tensor->size))
				return true;
		}
	return false;
}

static void
describe_rows(cer_start *start)
{
	size_t size = strlen(start->text);

	snprintf(start->text + size, sizeof(start->text) - size,
	         ", " CER_OTHER_ROWS);
	start->is_exact = false;
}

static cer_status
begin(cer_arena *arena, cer_trainer *trainer, const cer_part *parts,
      size_t n_parts, cer_start *start, cer_error *err)
{
	cer_transfer_source source;
	cer_transfer_result result;
	cer_run_state state = {0};

	CER_TRY(read_source(arena, parts, n_parts, &source, err));
	CER_TRY(cer_transfer_make(arena, &source, trainer, &result, &start->is_warm,
	                          err));
	memcpy(start->text, result.text, sizeof(start->text));
	state.weights =
		start->is_warm ? result.weights : trainer->run->graph->weights;
	if (start->is_warm)
	{
		state.m = result.m;
		state.v = result.v;
		state.n_before = source.n_steps;
		start->is_exact = result.is_exact;
		start->has_moments = result.m != NULL;
	}
	CER_TRY(cer_run_begin_with(trainer->run, &state, &start->valid, err));
	if (!start->is_warm)
		return CER_OK;
	if (start->is_exact && keeps_others(trainer->run, result.weights))
		describe_rows(start);
	return cer_classes_begin(arena, trainer->run, source.net->shape->n_classes,
	                         err);
}

bool
cer_mst_keeps_moments(const cer_mst *from, const cer_mst *to)
{
	return cer_optimizer_get_moments(&from->settings) ==
	       cer_optimizer_get_moments(&to->settings);
}

cer_status
cer_trainer_start(cer_trainer *trainer, const cer_part *parts, size_t n_parts,
                  cer_start *start, cer_error *err)
{
	cer_arena *arena = cer_arena_new(&trainer->host);
	cer_status status;

	if (arena == NULL)
		return cer_fail_memory(err, sizeof(*start));
	memset(start, 0, sizeof(*start));
	status = begin(arena, trainer, parts, n_parts, start, err);
	cer_arena_free(arena);
	return status;
}
