/*
 * data/encode_fit.c
 *	  Fits the encoders of a plan to the training rows of a dataset.
 *
 * Inputs are measured side by side, as many at once as the host runs threads,
 * each in memory of its own; what they become does not depend on how many.
 */
#include "data/encoder.h"

#include "base/size.h"
#include "base/text.h"

#include <string.h>

#define MAX_WORKERS 16

typedef struct fit_state
{
	const cer_host *host;
	cer_arena *arena; /* of the encoders */
	cer_arena *work;  /* gone when they are fitted */
	const cer_data_view *view;
	const cer_plan *plan;
	cer_encoders *encoders;
	size_t n_workers;
	cer_fit_input fits[MAX_WORKERS];
} fit_state;

static cer_status run_fit(fit_state *state, cer_error *err);

cer_status
cer_encoders_fit(cer_arena *arena, const cer_host *host, const cer_plan *plan,
                 const cer_dataset *dataset, const cer_encoders **encoders,
                 cer_error *err)
{
	fit_state state = {.host = host, .arena = arena, .plan = plan};
	cer_status status;

	CER_TRY(cer_dataset_check(dataset, err));
	state.view = cer_dataset_get_view(dataset);
	state.work = cer_arena_new(host);
	if (state.work == NULL)
		return cer_fail_memory(err, sizeof(state));
	status = run_fit(&state, err);
	cer_arena_free(state.work);
	if (status == CER_OK)
		*encoders = state.encoders;
	return status;
}

/* The dataset may hold more columns than this plan needs. */
static cer_status
choose_encoder(fit_state *state, size_t input, cer_error *err)
{
	const cer_plan_input *planned = &state->plan->inputs[input];
	const cer_data_column *column = cer_data_find(state->view, planned->name);
	cer_encoder *encoder = &state->encoders->encoders[input];
	bool is_of_codes;

	if (column == NULL)
		return cer_fail(err, CER_BAD_CALL, "the dataset has no column \"%.*s\"",
		                CER_SHOW(planned->name));
	is_of_codes = column->input.storage == CER_CODE32;
	memset(encoder, 0, sizeof(*encoder));
	encoder->spec = planned->encoder;
	encoder->type = cer_encoder_type_find(planned->encoder.kind, is_of_codes);
	if (encoder->type == NULL || encoder->spec.width > CER_MAX_EMBED_WIDTH)
		return cer_fail(
			err, CER_BAD_VALUE, "column \"%.*s\" cannot be encoded by %s",
			CER_SHOW(planned->name), cer_encoder_name(planned->encoder.kind));
	if (!encoder->type->is_table)
		encoder->spec.kind = encoder->type->kinds[1];
	encoder->n_scaled = 1;
	encoder->input.storage = column->input.storage;
	return cer_text_copy(state->arena, planned->name, &encoder->input.name,
	                     err);
}

static cer_status
choose_encoders(fit_state *state, cer_error *err)
{
	size_t n_inputs = state->plan->n_inputs;
	size_t size = n_inputs * sizeof(cer_encoder);

	state->encoders =
		cer_arena_allocate(state->arena, sizeof(*state->encoders));
	if (state->encoders == NULL)
		return cer_fail_memory(err, sizeof(*state->encoders));
	state->encoders->n_inputs = n_inputs;
	state->encoders->encoders = cer_arena_allocate(state->arena, size);
	if (state->encoders->encoders == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < n_inputs; i++)
		CER_TRY(choose_encoder(state, i, err));
	return CER_OK;
}

/* Room for sorting numbers, one for each worker, used again and again. */
static cer_status
make_workers(fit_state *state, cer_error *err)
{
	size_t n_rows = state->view->part_start[CER_TRAIN + 1];
	size_t size = cer_size_multiply(n_rows, sizeof(uint64_t));

	state->n_workers = state->host->n_threads;
	if (state->n_workers < 1)
		state->n_workers = 1;
	if (state->n_workers > MAX_WORKERS)
		state->n_workers = MAX_WORKERS;
	if (state->n_workers > state->encoders->n_inputs)
		state->n_workers = state->encoders->n_inputs;
	for (size_t i = 0; i < state->n_workers; i++)
	{
		cer_fit_input *fit = &state->fits[i];

		fit->work = state->work;
		fit->n_rows = n_rows;
		fit->keys = cer_arena_allocate(state->work, size);
		fit->scratch = cer_arena_allocate(state->work, size);
		if (fit->keys == NULL || fit->scratch == NULL)
			return cer_fail_memory(err, size);
	}
	return CER_OK;
}

static cer_status
prepare_fit(fit_state *state, cer_fit_input *fit, cer_encoder *encoder,
            cer_error *err)
{
	size_t size;

	fit->encoder = encoder;
	fit->column = cer_data_find(state->view, encoder->input.name);
	if (!encoder->type->is_of_codes)
		return CER_OK;
	size = (fit->column->dictionary.n_values + 1) * sizeof(*fit->counts);
	fit->counts = cer_arena_allocate(state->work, size);
	if (fit->counts == NULL)
		return cer_fail_memory(err, size);
	memset(fit->counts, 0, size);
	return CER_OK;
}

static void
measure(void *arg, size_t worker)
{
	cer_fit_input *fit = (cer_fit_input *) arg + worker;

	fit->encoder->type->measure(fit);
}

/* Encoders first, first + 1, ..., one for each worker. */
static cer_status
fit_some(fit_state *state, size_t first, size_t n, cer_error *err)
{
	const cer_host *host = state->host;

	if (host->is_canceled(host->self))
		return cer_fail(err, CER_CANCELED, "canceled while fitting encoders");
	for (size_t i = 0; i < n; i++)
		CER_TRY(prepare_fit(state, &state->fits[i],
		                    &state->encoders->encoders[first + i], err));
	host->run_tasks(host->self, measure, state->fits, n);
	for (size_t i = 0; i < n; i++)
	{
		cer_fit_input *fit = &state->fits[i];

		if (fit->encoder->type->settle != NULL)
			CER_TRY(fit->encoder->type->settle(state->arena, fit, err));
	}
	return CER_OK;
}

static cer_status
run_fit(fit_state *state, cer_error *err)
{
	size_t n_inputs = state->plan->n_inputs;

	CER_TRY(choose_encoders(state, err));
	CER_TRY(make_workers(state, err));
	for (size_t first = 0; first < n_inputs; first += state->n_workers)
	{
		size_t left = n_inputs - first;

		CER_TRY(fit_some(state, first,
		                 left < state->n_workers ? left : state->n_workers,
		                 err));
	}
	return cer_encoders_make_shape(state->arena, state->encoders,
	                               state->view->n_classes, err);
}
