/*
 * run.c
 *	  One triple of a group in training.
 *
 *	 begin -> go on (an epoch) ... -> end
 *
 * Several are in work at the same time, each on a thread of its own, or one on
 * all threads: the bits are the same, so a run may change from one to the other
 * between two epochs.
 */
#define _GNU_SOURCE /* CLOCK_THREAD_CPUTIME_ID */
#include "run.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

/* ---------------------------------------------------------------- status */

/* Rows per second since training began, validation included. */
static double
get_speed(const run *r, double now)
{
	const cer_train_status *train = &r->teller.status.train;
	double seconds = now - r->training_began_at;
	double n_epochs = train->epoch > 0 ? (double) (train->epoch - 1) : 0;

	if (seconds <= 0)
		return 0;
	return (n_epochs * (double) train->n_rows + (double) train->n_done) /
	       seconds;
}

static void
refresh(teller *t, double now)
{
	run *r = (run *) ((char *) t - offsetof(run, teller));

	if (r->trainer == NULL)
		return;
	cer_trainer_get_status(r->trainer, &t->status.train);
	t->status.rows_per_second = get_speed(r, now);
}

void
run_init(run *r, session *s, uint32_t triple)
{
	memset(r, 0, sizeof(*r));
	r->s = s;
	r->triple = triple;
	teller_init(&r->teller, s, triple);
	r->teller.refresh = refresh;
}

/* ------------------------------------------------------------------ cost */

/* Of what this run uses: its thread, or the process. */
static double
read_cpu(const run *r)
{
	struct timespec now;

	clock_gettime(r->teller.has_pool ? CLOCK_PROCESS_CPUTIME_ID
	                                 : CLOCK_THREAD_CPUTIME_ID,
	              &now);
	return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

/* --------------------------------------------------------------- sending */

static void
set_phase(run *r, cer_phase phase)
{
	if (phase == CER_PHASE_TRAIN)
		r->training_began_at = host_clock();
	teller_set_phase(&r->teller, phase);
}

static cer_status
send_epoch(run *r, const cer_epoch *epoch, cer_error *err)
{
	cer_message message = {.type = CER_FRAME_EPOCH};

	if (epoch->epoch <= r->n_told)
		return CER_OK;
	message.epoch.triple = r->triple;
	message.epoch.epoch = *epoch;
	r->n_told = epoch->epoch;
	return session_send(r->s, &message, err);
}

/* Of the state after an epoch, or of the best model. */
static cer_status
send_parts(run *r, const uint32_t *epoch, cer_error *err)
{
	cer_arena *arena = cer_arena_new(&r->teller.host);
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
		status = send_part(r->s, &place, &parts[i], epoch, err);
	}
	cer_arena_free(arena);
	return status;
}

static bool
is_kept(run *r, uint32_t epoch)
{
	uint32_t every = r->wish->keep_every;
	double now = host_clock();
	bool is_due = r->wish->keep_seconds > 0 &&
	              now - r->kept_at >= (double) r->wish->keep_seconds;

	is_due = is_due || (every > 0 && (epoch % every == 0 ||
	                                  cer_trainer_is_finished(r->trainer)));
	return is_due && epoch > r->n_kept;
}

static cer_status
send_state(run *r, uint32_t epoch, cer_error *err)
{
	if (!is_kept(r, epoch))
		return CER_OK;
	r->kept_at = host_clock();
	r->n_kept = epoch;
	return send_parts(r, &epoch, err);
}

static cer_status
send_done(run *r, cer_error *err)
{
	const char *kernels = cer_trainer_get_kernel_class(r->trainer);
	cer_message message = {.type = CER_FRAME_TRIPLE_DONE};
	cer_triple_done *done = &message.triple_done;
	cer_train_status now;
	double cpu_seconds;

	done->triple = r->triple;
	cer_trainer_get_status(r->trainer, &now);
	done->is_cut = r->is_cut;
	done->is_stopped = !r->is_cut && now.epoch < cer_mst_get_epochs(r->mst);
	done->n_epochs = now.epoch;
	done->n_weights = cer_trainer_count_weights(r->trainer);
	done->seconds = host_clock() - r->began_at;
	host_get_cost(&cpu_seconds, &done->peak_bytes);
	done->cpu_seconds = r->cpu_seconds;
	done->kernel_class = (cer_text){kernels, strlen(kernels)};
	return session_send(r->s, &message, err);
}

/* ----------------------------------------------------------------- steps */

cer_status
run_begin(run *r, cer_error *err)
{
	double cpu = read_cpu(r);
	cer_status status;

	set_phase(r, CER_PHASE_ENCODE);
	status = cer_trainer_new_over(&r->teller.host, r->mst, r->rows->encoding,
	                              &r->trainer, err);
	if (status == CER_OK)
	{
		set_phase(r, CER_PHASE_TRAIN);
		status = start_use(r->s, r->triple, &r->start, r->trainer, err);
		r->teller.status.planned_bytes = memory_get_planned(&r->s->mem);
	}
	if (status == CER_OK)
		r->is_finished = cer_trainer_is_finished(r->trainer);
	r->kept_at = host_clock();
	r->cpu_seconds += read_cpu(r) - cpu;
	return status;
}

cer_status
run_go_on(run *r, cer_error *err)
{
	double cpu = read_cpu(r);
	cer_epoch epoch;
	cer_status status =
		cer_trainer_run_epoch(r->trainer, &epoch, &r->is_finished, err);

	r->cpu_seconds += read_cpu(r) - cpu;
	if (status == CER_OK)
		status = send_epoch(r, &epoch, err);
	if (status == CER_OK)
		status = send_state(r, epoch.epoch, err);
	return status;
}

cer_status
run_end(run *r, cer_error *err)
{
	double cpu = read_cpu(r);
	cer_status status;

	set_phase(r, CER_PHASE_PACK);
	status = send_parts(r, NULL, err);
	r->cpu_seconds += read_cpu(r) - cpu;
	return status == CER_OK ? send_done(r, err) : status;
}

cer_status
run_cut(run *r, cer_error *err)
{
	cer_status status;

	if (r->trainer == NULL || r->n_told == 0)
		return CER_OK;
	r->is_cut = true;
	status = cer_trainer_stop(r->trainer, err);
	return status == CER_OK ? run_end(r, err) : status;
}

void
run_release(run *r)
{
	cer_trainer_free(r->trainer);
	r->trainer = NULL;
	r->is_finished = false;
}
