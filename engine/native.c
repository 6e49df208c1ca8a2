/*
 * native.c
 *	  The executor of our own: the library's trainer.
 *
 * Triples of a group train one after the other over one dataset.
 */
#include "executor.h"
#include "state.h"

#include <string.h>

typedef struct native
{
	session *s;
	const cer_group *group;
	cer_arena *arena; /* lives as long as the session */
	const cer_mst **triples;
	const cer_plan **plans;
	start_state *starts; /* by triple */
	uint32_t *n_values;  /* of each input's dictionary so far */
	cer_dataset *dataset;
} native;

/* ----------------------------------------------------------------- start */

static bool
is_same(cer_text a, cer_text b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* A group shares its rows: every triple reads just the columns that come. */
static cer_status
check_inputs(const cer_group *group, const cer_plan *plan, cer_error *err)
{
	bool fits = cer_plan_count_inputs(plan) == group->n_inputs;

	for (size_t i = 0; i < group->n_inputs && fits; i++)
		fits = is_same(group->columns[cer_plan_get_column(plan, i)].name,
		               group->inputs[i].name);
	if (!fits)
		return cer_fail(err, CER_BAD_FORMAT,
		                "a triple reads other columns than its group");
	return CER_OK;
}

static cer_status
plan_triple(native *n, size_t triple, cer_error *err)
{
	const cer_group *group = n->group;
	cer_status status = cer_mst_parse(n->arena, group->triples[triple].text,
	                                  &n->triples[triple], err);

	if (status == CER_OK)
		status = cer_plan_make(n->arena, n->triples[triple], group->columns,
		                       group->n_columns, &n->plans[triple], err);
	if (status == CER_OK)
		status = check_inputs(group, n->plans[triple], err);
	return status;
}

static native *
make_state(session *s, const cer_group *group)
{
	cer_arena *arena = cer_arena_new(&s->host);
	native *n = arena ? cer_arena_allocate(arena, sizeof(*n)) : NULL;

	if (n == NULL)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->s = s;
	n->group = group;
	n->arena = arena;
	n->triples =
		cer_arena_allocate(arena, group->n_triples * sizeof(*n->triples));
	n->plans = cer_arena_allocate(arena, group->n_triples * sizeof(*n->plans));
	n->n_values =
		cer_arena_allocate(arena, group->n_inputs * sizeof(*n->n_values));
	n->starts =
		cer_arena_allocate(arena, group->n_triples * sizeof(*n->starts));
	if (n->triples == NULL || n->plans == NULL || n->n_values == NULL ||
	    n->starts == NULL)
		return NULL;
	memset(n->starts, 0, group->n_triples * sizeof(*n->starts));
	memset(n->n_values, 0, group->n_inputs * sizeof(*n->n_values));
	return n;
}

static cer_status
start(session *s, const cer_group *group, void **state, cer_error *err)
{
	native *n = make_state(s, group);
	cer_status status = CER_OK;

	if (n == NULL)
		return cer_fail(err, CER_NO_MEMORY,
		                "out of memory for a group of triples");
	for (size_t i = 0; i < group->n_triples && status == CER_OK; i++)
		status = plan_triple(n, i, err);
	if (status == CER_OK)
		status = cer_dataset_new(&s->host, group->inputs, group->n_inputs,
		                         group->n_classes, &n->dataset, err);
	*state = n;
	return status;
}

/* ------------------------------------------------------------------ rows */

static cer_status
add_values(void *state, const cer_values *values, cer_error *err)
{
	native *n = state;

	if (values->input >= n->group->n_inputs ||
	    values->first != n->n_values[values->input] + 1)
		return cer_fail(err, CER_BAD_FORMAT, "values of input %u out of order",
		                values->input);
	n->n_values[values->input] += (uint32_t) values->n_values;
	return cer_dataset_add_values(n->dataset, values->input, values->values,
	                              values->n_values, err);
}

static cer_status
add_rows(void *state, const cer_rows *rows, cer_error *err)
{
	native *n = state;
	bool fits = rows->n_columns == n->group->n_inputs;

	for (size_t i = 0; i < rows->n_columns && fits; i++)
		fits = rows->storages[i] == n->group->inputs[i].storage;
	if (!fits)
		return cer_fail(err, CER_BAD_FORMAT,
		                "rows of other columns than their group's");
	return cer_dataset_append(n->dataset, &rows->chunk, err);
}

static cer_status
add_state(void *state, const cer_group_state *piece, cer_error *err)
{
	native *n = state;

	if (piece->piece.triple >= n->group->n_triples)
		return cer_fail(err, CER_BAD_FORMAT,
		                "a state of a triple outside its group");
	n->starts[piece->piece.triple].is_other = piece->epoch == 0;
	return start_add(&n->starts[piece->piece.triple], n->arena, &piece->piece,
	                 err);
}

/* -------------------------------------------------------------- training */

/* One triple's way from rows to parts. */
typedef struct run
{
	native *n;
	uint32_t triple;
	cer_trainer *trainer;
	double began_at;
	double cpu_began_at;
	double kept_at; /* the last state sent, or the beginning */
} run;

static cer_status
send_epoch(run *r, const cer_epoch *epoch, cer_error *err)
{
	cer_message message = {.type = CER_FRAME_EPOCH};

	message.epoch.triple = r->triple;
	message.epoch.epoch = *epoch;
	return session_send(r->n->s, &message, err);
}

/* A model's parts, or with an epoch those of the state after it. */
static cer_status
send_parts(run *r, const uint32_t *epoch, cer_error *err)
{
	cer_arena *arena = cer_arena_new(&r->n->s->host);
	cer_group_part place = {.triple = r->triple};
	const cer_part *parts;
	size_t n_parts = 0;
	cer_status status;

	if (arena == NULL)
		return cer_fail(err, CER_NO_MEMORY, "out of memory for the model");
	if (epoch == NULL)
		status =
			cer_trainer_make_parts(arena, r->trainer, &parts, &n_parts, err);
	else
		status =
			cer_trainer_get_state(arena, r->trainer, &parts, &n_parts, err);
	place.n_parts = (uint32_t) n_parts;
	for (size_t i = 0; status == CER_OK && i < n_parts; i++)
	{
		place.ordinal = (uint32_t) i;
		status = send_part(r->n->s, &place, &parts[i], epoch, err);
	}
	cer_arena_free(arena);
	return status;
}

static bool
is_kept(run *r, uint32_t epoch)
{
	const cer_group_triple *triple = &r->n->group->triples[r->triple];
	uint32_t every = triple->keep_every;
	double now = session_clock();
	bool is_due = triple->keep_seconds > 0 &&
	              now - r->kept_at >= (double) triple->keep_seconds;

	is_due = is_due || (every > 0 && (epoch % every == 0 ||
	                                  cer_trainer_is_finished(r->trainer)));
	if (is_due)
		r->kept_at = now;
	return is_due;
}

static cer_status
run_epochs(run *r, cer_error *err)
{
	bool is_finished = cer_trainer_is_finished(r->trainer);
	cer_status status = CER_OK;
	cer_epoch epoch;

	while (!is_finished && status == CER_OK)
	{
		status = cer_trainer_run_epoch(r->trainer, &epoch, &is_finished, err);
		if (status == CER_OK)
			status = send_epoch(r, &epoch, err);
		if (status == CER_OK && is_kept(r, epoch.epoch))
			status = send_parts(r, &epoch.epoch, err);
	}
	return status;
}

static cer_status
send_done(run *r, cer_error *err)
{
	const char *kernels = cer_trainer_get_kernel_class(r->trainer);
	size_t epochs = cer_mst_get_epochs(r->n->triples[r->triple]);
	cer_message message = {.type = CER_FRAME_TRIPLE_DONE};
	cer_triple_done *done = &message.triple_done;
	cer_train_status now;

	done->triple = r->triple;
	cer_trainer_get_status(r->trainer, &now);
	done->is_stopped = now.epoch < epochs;
	done->n_epochs = now.epoch;
	done->n_weights = cer_trainer_count_weights(r->trainer);
	done->seconds = session_clock() - r->began_at;
	session_get_cost(&done->cpu_seconds, &done->peak_bytes);
	done->cpu_seconds -= r->cpu_began_at;
	done->kernel_class = (cer_text){kernels, strlen(kernels)};
	return session_send(r->n->s, &message, err);
}

static cer_status
run_triple(run *r, cer_error *err)
{
	session *s = r->n->s;
	cer_status status;

	session_set_phase(s, r->triple, CER_PHASE_ENCODE);
	status = cer_trainer_new(&s->host, r->n->triples[r->triple],
	                         r->n->plans[r->triple], r->n->dataset, &r->trainer,
	                         err);
	if (status != CER_OK)
		return status;
	s->trainer = r->trainer;
	session_set_phase(s, r->triple, CER_PHASE_TRAIN);
	status = start_use(s, r->triple, &r->n->starts[r->triple], r->trainer, err);
	if (status == CER_OK)
		status = run_epochs(r, err);
	s->trainer = NULL;
	if (status == CER_OK)
	{
		session_set_phase(s, r->triple, CER_PHASE_PACK);
		status = send_parts(r, NULL, err);
	}
	if (status == CER_OK)
		status = send_done(r, err);
	cer_trainer_free(r->trainer);
	return status;
}

static cer_status
train(void *state, uint32_t *triple, cer_error *err)
{
	native *n = state;
	cer_status status;

	session_set_phase(n->s, 0, CER_PHASE_ORDER);
	status = cer_dataset_finish(n->dataset, err);
	cer_dataset_set_readers(n->dataset, n->group->n_triples);
	for (uint32_t i = 0; status == CER_OK && i < n->group->n_triples; i++)
	{
		uint64_t peak_bytes;
		run r = {.n = n,
		         .triple = i,
		         .began_at = session_clock(),
		         .kept_at = session_clock()};

		session_get_cost(&r.cpu_began_at, &peak_bytes);
		*triple = i;
		status = run_triple(&r, err);
	}
	return status;
}

const executor native_executor = {.name = "native",
                                  .start = start,
                                  .add_values = add_values,
                                  .add_rows = add_rows,
                                  .add_state = add_state,
                                  .train = train};
