/*
 * data/encode_fit.c
 *	  Fits the encoders of a plan to the training rows of a dataset.
 *
 * Encoders that FE leaves open are chosen first, from the same rows.  Then all are
 * measured side by side, as many at once as the host runs threads, each in
 * memory of its own; what they become does not depend on how many.
 */
#include "data/encoder.h"

#include "base/size.h"
#include "base/sort.h"
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
	cer_choice_input *choices; /* by input */
	cer_encoders *encoders;
	size_t n_workers;
	cer_fit_input fits[MAX_WORKERS];
	double *counts[MAX_WORKERS]; /* of classes */
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

/* ---- which encoders ---- */

/* The dataset may hold more columns than this plan needs. */
static cer_status
find_columns(fit_state *state, cer_error *err)
{
	size_t size = state->plan->n_inputs * sizeof(*state->choices);

	state->choices = cer_arena_allocate(state->work, size);
	if (state->choices == NULL)
		return cer_fail_memory(err, size);
	memset(state->choices, 0, size);
	for (size_t i = 0; i < state->plan->n_inputs; i++)
	{
		const cer_plan_input *planned = &state->plan->inputs[i];
		cer_choice_input *choice = &state->choices[i];

		choice->planned = planned;
		choice->view = state->view;
		choice->column = cer_data_find(state->view, planned->name);
		if (choice->column == NULL)
			return cer_fail(err, CER_BAD_CALL,
			                "the dataset has no column \"%.*s\"",
			                CER_SHOW(planned->name));
	}
	return CER_OK;
}

static void
choose(void *arg, size_t worker)
{
	cer_encoders_choose(((cer_choice_input **) arg)[worker]);
}

/* Those that FE leaves open, as many side by side as there are workers. */
static cer_status
choose_open(fit_state *state, cer_error *err)
{
	const cer_host *host = state->host;
	cer_choice_input *open[MAX_WORKERS];
	size_t n = 0;

	for (size_t i = 0; i < state->plan->n_inputs; i++)
	{
		cer_choice_input *choice = &state->choices[i];

		if (choice->planned->n_encoders > 0)
			continue;
		choice->memory = state->fits[n].keys;
		choice->counts = state->counts[n];
		open[n++] = choice;
		if (n < state->n_workers)
			continue;
		if (host->is_canceled(host->self))
			return cer_fail(err, CER_CANCELED,
			                "canceled while fitting encoders");
		host->run_tasks(host->self, choose, open, n);
		n = 0;
	}
	if (n > 0)
		host->run_tasks(host->self, choose, open, n);
	return CER_OK;
}

static const cer_encoder_spec *
get_specs(const cer_choice_input *choice, size_t *n)
{
	*n = choice->planned->n_encoders;
	if (*n > 0)
		return choice->planned->encoders;
	*n = choice->n_chosen;
	return choice->chosen;
}

/* The language has seen to it; a caller of the library may not have. */
static bool
is_in_range(const cer_encoder_spec *spec)
{
	bool is_hash =
		spec->kind == CER_ENCODER_HASH || spec->kind == CER_ENCODER_NGRAM;

	return spec->width <= (is_hash ? CER_MAX_HASH_ROWS : CER_MAX_EMBED_WIDTH) &&
	       spec->depth <= CER_MAX_EMBED_WIDTH && spec->gram <= CER_MAX_GRAM &&
	       spec->most <= CER_MAX_GRAMS;
}

static cer_status
make_encoder(const cer_choice_input *choice, const cer_encoded_input *input,
             const cer_encoder_spec *spec, cer_encoder *encoder, cer_error *err)
{
	const cer_encoder_type *type = cer_encoder_type_find(
		spec->kind, choice->column->input.storage == CER_CODE32);

	if (spec->kind == CER_ENCODER_PLE && spec->depth > 0)
		type = cer_encoder_type_find_id(CER_LEARNT_PLE);
	if (type == NULL || !is_in_range(spec) ||
	    type->is_of_codes != (choice->column->input.storage == CER_CODE32))
		return cer_fail(
			err, CER_BAD_VALUE, "column \"%.*s\" cannot be encoded by %s",
			CER_SHOW(input->input.name), cer_encoder_name(spec->kind));
	cer_encoder_init(encoder, type);
	encoder->spec = *spec;
	encoder->unit = choice->planned->unit;
	encoder->input = input->input;
	return CER_OK;
}

static cer_status
make_encoders_of(fit_state *state, size_t i, cer_error *err)
{
	const cer_choice_input *choice = &state->choices[i];
	cer_encoders *encoders = state->encoders;
	cer_encoded_input *input = &encoders->inputs[i];
	const cer_encoder_spec *specs = get_specs(choice, &input->n);

	input->first = encoders->n_encoders;
	input->input.storage = choice->column->input.storage;
	CER_TRY(cer_text_copy(state->arena, choice->planned->name,
	                      &input->input.name, err));
	for (size_t k = 0; k < input->n; k++)
		CER_TRY(make_encoder(choice, input, &specs[k],
		                     &encoders->encoders[encoders->n_encoders++], err));
	return CER_OK;
}

static cer_status
allocate_encoders(fit_state *state, cer_error *err)
{
	size_t n_inputs = state->plan->n_inputs;
	size_t size = n_inputs * sizeof(cer_encoded_input);
	size_t n_all = 0;
	size_t n;

	for (size_t i = 0; i < n_inputs; i++)
	{
		get_specs(&state->choices[i], &n);
		n_all += n;
	}
	state->encoders =
		cer_arena_allocate(state->arena, sizeof(*state->encoders));
	if (state->encoders == NULL)
		return cer_fail_memory(err, sizeof(*state->encoders));
	memset(state->encoders, 0, sizeof(*state->encoders));
	state->encoders->n_inputs = n_inputs;
	state->encoders->inputs = cer_arena_allocate(state->arena, size);
	state->encoders->encoders =
		cer_arena_allocate(state->arena, n_all * sizeof(cer_encoder));
	if (state->encoders->inputs == NULL || state->encoders->encoders == NULL)
		return cer_fail_memory(err, size + n_all * sizeof(cer_encoder));
	memset(state->encoders->inputs, 0, size);
	return CER_OK;
}

static cer_status
make_encoders(fit_state *state, cer_error *err)
{
	CER_TRY(choose_open(state, err));
	CER_TRY(allocate_encoders(state, err));
	for (size_t i = 0; i < state->plan->n_inputs; i++)
		CER_TRY(make_encoders_of(state, i, err));
	return CER_OK;
}

/* ---- workers ---- */

/* Room for sorting rows, one for each worker, used again and again. */
static cer_status
make_workers(fit_state *state, cer_error *err)
{
	size_t n_rows = state->view->part_start[CER_TRAIN + 1];
	size_t size = cer_size_multiply(n_rows, 2 * sizeof(cer_sort_item));
	size_t counts_size = 4 * state->view->n_classes * sizeof(double);

	state->n_workers = state->host->n_threads;
	if (state->n_workers < 1)
		state->n_workers = 1;
	if (state->n_workers > MAX_WORKERS)
		state->n_workers = MAX_WORKERS;
	if (state->n_workers > state->plan->n_inputs)
		state->n_workers = state->plan->n_inputs;
	for (size_t i = 0; i < state->n_workers; i++)
	{
		cer_fit_input *fit = &state->fits[i];

		fit->work = state->work;
		fit->n_rows = n_rows;
		fit->keys = cer_arena_allocate(state->work, size);
		state->counts[i] = cer_arena_allocate(state->work, counts_size);
		if (fit->keys == NULL || state->counts[i] == NULL)
			return cer_fail_memory(err, size);
		fit->scratch = fit->keys + n_rows;
	}
	return CER_OK;
}

static cer_status
prepare_fit(fit_state *state, cer_fit_input *fit, cer_encoder *encoder,
            cer_error *err)
{
	size_t size;

	fit->encoder = encoder;
	fit->view = state->view;
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
	CER_TRY(find_columns(state, err));
	CER_TRY(make_workers(state, err));
	CER_TRY(make_encoders(state, err));
	for (size_t first = 0; first < state->encoders->n_encoders;
	     first += state->n_workers)
	{
		size_t left = state->encoders->n_encoders - first;

		CER_TRY(fit_some(state, first,
		                 left < state->n_workers ? left : state->n_workers,
		                 err));
	}
	cer_arrays_finish(state->encoders->encoders, state->encoders->n_encoders);
	return cer_encoders_make_shape(state->arena, state->encoders,
	                               state->view->n_classes, err);
}
