/*
 * store/state.c
 *	  A training between two epochs: parts and back.
 */
#include "store/state.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/size.h"
#include "base/text.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#define FORMAT_VERSION 3 /* 1 had no share of the rate, 2 no steps before */

/* --------------------------------------------------------------- packing */

static void
write_header(cer_byte_writer *to, const cer_run_state *state)
{
	cer_write_number(to, FORMAT_VERSION, 1);
	cer_write_number(to, state->epoch, sizeof(uint32_t));
	cer_write_number(to, state->best_epoch, sizeof(uint32_t));
	cer_write_double(to, state->best_loss);
	cer_write_number(to, state->n_steps, sizeof(uint64_t));
	cer_write_double(to, state->share);
	cer_write_number(to, state->last_lower, sizeof(uint32_t));
	cer_write_number(to, state->n_before, sizeof(uint64_t));
}

static cer_status
make_header(cer_arena *arena, const cer_run_state *state, cer_part *part,
            cer_error *err)
{
	cer_byte_writer to = {0};

	write_header(&to, state);
	to.data = cer_arena_allocate(arena, to.size);
	if (to.data == NULL)
		return cer_fail_memory(err, to.size);
	to.size = 0;
	write_header(&to, state);
	*part = (cer_part){.name = cer_text_of(CER_STATE_NAME),
	                   .kind = CER_PART_STATE,
	                   .n_dims = 1,
	                   .dims = {to.size},
	                   .data = to.data,
	                   .size = to.size};
	return CER_OK;
}

/* One flat array as parts of one kind. */
static cer_status
make_tensors(cer_arena *arena, const cer_net *net, const float *flat,
             cer_part_kind kind, cer_part *parts, cer_error *err)
{
	for (size_t i = 0; i < cer_net_count_tensors(net); i++)
	{
		const cer_net_tensor *tensor = cer_net_get_tensor(net, i);

		parts[i] = (cer_part){.kind = kind,
		                      .n_dims = tensor->n_dims,
		                      .data = flat + tensor->offset,
		                      .size = tensor->size * sizeof(float)};
		memcpy(parts[i].dims, tensor->dims, sizeof(parts[i].dims));
		CER_TRY(cer_text_copy(arena, tensor->name, &parts[i].name, err));
	}
	return CER_OK;
}

/* The flat arrays of a state and what their parts are called. */
typedef struct state_array
{
	cer_part_kind kind;
	const float *flat;
} state_array;

#define MAX_ARRAYS 5

static size_t
list_arrays(const cer_run_state *state, state_array *arrays)
{
	size_t n = 0;

	arrays[n++] = (state_array){CER_PART_TENSOR, state->weights};
	arrays[n++] = (state_array){CER_PART_MOMENT1, state->m};
	if (state->v != NULL)
		arrays[n++] = (state_array){CER_PART_MOMENT2, state->v};
	if (state->average != NULL)
		arrays[n++] = (state_array){CER_PART_AVERAGE, state->average};
	if (state->best_epoch != state->epoch)
		arrays[n++] = (state_array){CER_PART_BEST, state->best};
	return n;
}

cer_status
cer_state_pack(cer_arena *arena, const cer_run *run, const cer_part **parts,
               size_t *n_parts, cer_error *err)
{
	size_t n_tensors = cer_net_count_tensors(run->net);
	state_array arrays[MAX_ARRAYS];
	cer_run_state state;
	cer_part *made;
	size_t n_arrays;
	size_t n;

	cer_run_get_state(run, &state);
	if (state.epoch == 0)
		return cer_fail(err, CER_BAD_CALL, "no epoch is done yet");
	n_arrays = list_arrays(&state, arrays);
	n = 1 + n_arrays * n_tensors;
	made = cer_arena_allocate(arena, n * sizeof(*made));
	if (made == NULL)
		return cer_fail_memory(err, n * sizeof(*made));
	CER_TRY(make_header(arena, &state, made, err));
	for (size_t i = 0; i < n_arrays; i++)
		CER_TRY(make_tensors(arena, run->net, arrays[i].flat, arrays[i].kind,
		                     made + 1 + i * n_tensors, err));
	*parts = made;
	*n_parts = n;
	return CER_OK;
}

/* ------------------------------------------------------------- unpacking */

typedef struct part_list
{
	const cer_part *parts;
	size_t n_parts;
} part_list;

static const cer_part *
find_part(const part_list *list, cer_part_kind kind, cer_text name)
{
	for (size_t i = 0; i < list->n_parts; i++)
		if (list->parts[i].kind == kind &&
		    cer_text_equals(list->parts[i].name, name))
			return &list->parts[i];
	return NULL;
}

static cer_status
fail_damaged(cer_error *err)
{
	return cer_fail(err, CER_BAD_FORMAT, "the state of a training is damaged");
}

static cer_status
read_header(const part_list *list, cer_run_state *state, cer_error *err)
{
	const cer_part *part =
		find_part(list, CER_PART_STATE, cer_text_of(CER_STATE_NAME));
	cer_byte_reader from = {0};
	uint64_t version;

	if (part == NULL)
		return fail_damaged(err);
	from = (cer_byte_reader){.data = part->data, .left = part->size};
	version = cer_read_number(&from, 1);
	if (version < 1 || version > FORMAT_VERSION)
		return cer_fail(err, CER_BAD_VERSION,
		                "the state of a training has an unknown version");
	state->epoch = (uint32_t) cer_read_number(&from, sizeof(uint32_t));
	state->best_epoch = (uint32_t) cer_read_number(&from, sizeof(uint32_t));
	state->best_loss = cer_read_double(&from);
	state->n_steps = cer_read_number(&from, sizeof(uint64_t));
	state->share = version > 1 ? cer_read_double(&from) : 1.0;
	if (version > 1)
		state->last_lower = (uint32_t) cer_read_number(&from, sizeof(uint32_t));
	state->n_before =
		version > 2 ? cer_read_number(&from, sizeof(uint64_t)) : 0;
	if (from.is_bad || from.left > 0 || isnan(state->best_loss) ||
	    !(state->share > 0.0 && state->share <= 1.0))
		return fail_damaged(err);
	return CER_OK;
}

static cer_status
read_tensor(const part_list *list, const cer_net_tensor *tensor,
            cer_part_kind kind, float *flat, cer_error *err)
{
	const cer_part *part = find_part(list, kind, tensor->name);
	float *to = flat + tensor->offset;

	if (part == NULL || part->n_dims != tensor->n_dims ||
	    memcmp(part->dims, tensor->dims,
	           tensor->n_dims * sizeof(*part->dims)) != 0 ||
	    part->size != cer_size_multiply(tensor->size, sizeof(float)))
		return cer_fail(err, CER_BAD_FORMAT,
		                "the state does not fit tensor \"%.*s\" of the triple",
		                CER_SHOW(tensor->name));
	if (part->size > 0)
		memcpy(to, part->data, part->size);
	for (size_t i = 0; i < tensor->size; i++)
		if (!isfinite(to[i]))
			return fail_damaged(err);
	return CER_OK;
}

static cer_status
read_array(cer_arena *arena, const part_list *list, const cer_net *net,
           state_array *array, cer_error *err)
{
	size_t size = cer_size_multiply(cer_net_count_weights(net), sizeof(float));
	float *flat = cer_arena_allocate(arena, size);

	if (flat == NULL)
		return cer_fail_memory(err, size);
	memset(flat, 0, size);
	for (size_t i = 0; i < cer_net_count_tensors(net); i++)
		CER_TRY(read_tensor(list, cer_net_get_tensor(net, i), array->kind, flat,
		                    err));
	array->flat = flat;
	return CER_OK;
}

static cer_status
read_state(cer_arena *arena, const part_list *list, const cer_run *run,
           cer_run_state *state, cer_error *err)
{
	state_array weights = {.kind = CER_PART_TENSOR};
	state_array m = {.kind = CER_PART_MOMENT1};
	state_array v = {.kind = CER_PART_MOMENT2};
	state_array best = {.kind = CER_PART_BEST};
	state_array average = {.kind = CER_PART_AVERAGE};
	size_t n_arrays;
	bool has_best;

	CER_TRY(read_header(list, state, err));
	CER_TRY(read_array(arena, list, run->net, &weights, err));
	CER_TRY(read_array(arena, list, run->net, &m, err));
	if (run->optimizer->v != NULL)
		CER_TRY(read_array(arena, list, run->net, &v, err));
	if (run->average != NULL)
		CER_TRY(read_array(arena, list, run->net, &average, err));
	has_best = state->best_epoch != state->epoch;
	n_arrays = 2u + (v.flat != NULL) + (average.flat != NULL) + has_best;
	if (list->n_parts != 1 + n_arrays * cer_net_count_tensors(run->net))
		return fail_damaged(err);
	if (has_best)
		CER_TRY(read_array(arena, list, run->net, &best, err));
	state->weights = weights.flat;
	state->m = m.flat;
	state->v = v.flat;
	state->average = average.flat;
	state->best = average.flat ? average.flat : weights.flat;
	if (has_best)
		state->best = best.flat;
	return CER_OK;
}

cer_status
cer_state_unpack(cer_run *run, const cer_part *parts, size_t n_parts,
                 cer_error *err)
{
	cer_arena *arena = cer_arena_new(run->config.host);
	part_list list = {parts, n_parts};
	cer_run_state state = {0};
	cer_status status;

	if (arena == NULL)
		return cer_fail_memory(err, sizeof(state));
	status = read_state(arena, &list, run, &state, err);
	if (status == CER_OK)
		status = cer_run_set_state(run, &state, err);
	cer_arena_free(arena);
	return status;
}

cer_status
cer_state_read_moments(cer_arena *arena, const cer_part *parts, size_t n_parts,
                       const cer_net *net, cer_run_state *state, cer_error *err)
{
	part_list list = {parts, n_parts};
	state_array m = {.kind = CER_PART_MOMENT1};
	state_array v = {.kind = CER_PART_MOMENT2};
	bool has_first = false;
	bool has_second = false;

	memset(state, 0, sizeof(*state));
	for (size_t i = 0; i < n_parts; i++)
	{
		has_first = has_first || parts[i].kind == CER_PART_MOMENT1;
		has_second = has_second || parts[i].kind == CER_PART_MOMENT2;
	}
	if (!has_first)
		return CER_OK;
	CER_TRY(read_header(&list, state, err));
	CER_TRY(read_array(arena, &list, net, &m, err));
	state->m = m.flat;
	if (has_second)
		CER_TRY(read_array(arena, &list, net, &v, err));
	state->v = v.flat;
	return CER_OK;
}

/* --------------------------------------------------------------- trainer */

cer_status
cer_trainer_get_state(cer_arena *arena, const cer_trainer *trainer,
                      const cer_part **parts, size_t *n_parts, cer_error *err)
{
	return cer_state_pack(arena, trainer->run, parts, n_parts, err);
}

cer_status
cer_trainer_set_state(cer_trainer *trainer, const cer_part *parts,
                      size_t n_parts, cer_error *err)
{
	return cer_state_unpack(trainer->run, parts, n_parts, err);
}

bool
cer_trainer_is_finished(const cer_trainer *trainer)
{
	return cer_run_is_finished(trainer->run);
}
