/*
 * group.c
 *	  The triples of a group, trained together over one dataset.
 *
 *	 lanes	  a thread each: take a triple, train it to its end, take the next
 *	 rest	  all threads for one triple after the other: those that are left
 *			  when half of the threads would be idle, and those for which there
 *			  was no memory beside others
 *
 * A network on one thread needs no other one to wait for, and its weights stay
 * in that core's cache: two at a time, on a thread each, are faster than one
 * after the other on two.  Rows are encoded once for all triples whose FE is
 * the same; these follow on each other, so that few encodings are there at a
 * time.  Neither lane nor order nor neighbours change a bit of what a triple
 * becomes.
 *
 * A triple that fails is told, and the others go on.
 */
#include "group.h"

#include <string.h>

typedef struct group
{
	session *s;
	cer_dataset *dataset;
	shared_rows *rows; /* one for each encoding that is asked for */
	size_t n_rows;
	size_t n_lanes;
	bool repeats_rows;
	run *runs;
	size_t n_runs;
	uint32_t *order; /* of runs: those of one encoding together */
	size_t n_order;

	/* under the lock */
	pthread_mutex_t lock;
	size_t next;    /* in order: from here on none has begun */
	size_t n_left;  /* neither done nor failed */
	uint32_t *rest; /* set aside, for all threads */
	size_t n_rest;
	uint32_t triple; /* of what ends all of the group: */
	cer_error error; /* its status is CER_OK as long as nothing does */
} group;

static void
lock(group *g)
{
	pthread_mutex_lock(&g->lock);
}

static void
unlock(group *g)
{
	pthread_mutex_unlock(&g->lock);
}

/* ------------------------------------------------------------------ rows */

static shared_rows *
find_rows(group *g, const cer_plan *plan)
{
	for (size_t i = 0; i < g->n_rows; i++)
		if (cer_plan_is_same(g->rows[i].plan, plan))
			return &g->rows[i];
	g->rows[g->n_rows] = (shared_rows){.plan = plan};
	pthread_mutex_init(&g->rows[g->n_rows].lock, NULL);
	return &g->rows[g->n_rows++];
}

static void
share_rows(group *g)
{
	for (size_t i = 0; i < g->n_runs; i++)
		if (!g->runs[i].is_skipped)
		{
			g->runs[i].rows = find_rows(g, g->runs[i].plan);
			g->runs[i].rows->n_users++;
		}
	for (size_t i = 0; i < g->n_rows; i++)
		for (size_t j = 0; j < g->n_runs; j++)
			if (g->runs[j].rows == &g->rows[i])
				g->order[g->n_order++] = (uint32_t) j;
	g->n_left = g->n_order;
	cer_dataset_set_readers(g->dataset, g->n_rows);
}

/* By whoever needs them first, who makes others wait. */
static cer_status
have_rows(group *g, run *r, cer_error *err)
{
	shared_rows *rows = r->rows;
	cer_status status = CER_OK;

	pthread_mutex_lock(&rows->lock);
	if (rows->encoding == NULL)
	{
		status = cer_encoding_new(&r->teller.host, r->plan, g->dataset,
		                          &rows->encoding, err);
		if (status == CER_OK && g->repeats_rows)
			cer_encoding_repeat_rows(rows->encoding);
	}
	pthread_mutex_unlock(&rows->lock);
	return status;
}

/* The last one to need them lets them go. */
static void
leave_rows(run *r)
{
	shared_rows *rows = r->rows;

	pthread_mutex_lock(&rows->lock);
	if (--rows->n_users == 0)
	{
		cer_encoding_free(rows->encoding);
		rows->encoding = NULL;
	}
	pthread_mutex_unlock(&rows->lock);
}

/* ----------------------------------------------------------------- a run */

static cer_status
begin(group *g, run *r, cer_error *err)
{
	cer_status status;

	if (r->began_at == 0)
		r->began_at = host_clock();
	status = have_rows(g, r, err);
	return status == CER_OK ? run_begin(r, err) : status;
}

static void
tell_failure(group *g, const run *r, const cer_error *error)
{
	cer_message message = {.type = CER_FRAME_TRIPLE_FAILED};

	message.error.triple = r->triple;
	message.error.error = *error;
	session_explain(g->s, &message.error.error);
	session_send(g->s, &message, NULL);
}

static void
finish(group *g, run *r, const cer_error *error)
{
	run_release(r);
	leave_rows(r);
	r->is_over = true;
	lock(g);
	g->n_left--;
	if (error->status == CER_CANCELED && g->error.status == CER_OK)
	{
		g->error = *error;
		g->triple = r->triple;
	}
	unlock(g);
	if (error->status != CER_OK && error->status != CER_CANCELED)
		tell_failure(g, r, error);
}

/* What the server cut off ends with what there is of it. */
static cer_status
end_cut(group *g, run *r, cer_status status, cer_error *err)
{
	if (status != CER_CANCELED || !session_is_cut(g->s) ||
	    session_is_canceled(g->s))
		return status;
	memset(err, 0, sizeof(*err));
	return run_cut(r, err);
}

/* ----------------------------------------------------------------- lanes */

/* NULL: nothing is left to begin, or nothing more is to. */
static run *
take(group *g)
{
	run *r = NULL;

	lock(g);
	if (g->error.status == CER_OK && !session_is_stopped(g->s) &&
	    g->next < g->n_order)
		r = &g->runs[g->order[g->next++]];
	unlock(g);
	return r;
}

static void
set_aside(group *g, const run *r)
{
	lock(g);
	g->rest[g->n_rest++] = r->triple;
	unlock(g);
}

/* Fewer triples than would keep half of the threads busy. */
static bool
is_idle(group *g)
{
	bool is_few;

	lock(g);
	is_few = g->n_left * 2 <= g->n_lanes;
	unlock(g);
	return is_few;
}

/* False: there was no memory beside the others. */
static bool
train_in_lane(group *g, run *r)
{
	cer_error error = {0};
	cer_status status = begin(g, r, &error);

	while (status == CER_OK && !r->is_finished && !is_idle(g))
		status = run_go_on(r, &error);
	if (status == CER_OK && r->is_finished)
		status = run_end(r, &error);
	if (status == CER_OK && !r->is_finished)
	{
		set_aside(g, r); /* as it is */
		return true;
	}
	status = end_cut(g, r, status, &error);
	if (status == CER_NO_MEMORY && g->n_lanes > 1 && !r->is_cut)
	{
		run_release(r);
		set_aside(g, r);
		return false;
	}
	else
	{
		error.status = status;
		finish(g, r, &error);
	}
	return true;
}

static void
run_lane(void *arg, size_t lane)
{
	group *g = arg;
	run *r;

	(void) lane;
	while ((r = take(g)) != NULL)
		if (!train_in_lane(g, r))
			return;
}

/* ------------------------------------------------------------------ rest */

static void
train_alone(group *g, run *r)
{
	cer_error error = {0};
	cer_status status = CER_OK;

	teller_set_threads(&r->teller, true);
	if (r->trainer == NULL)
		status = begin(g, r, &error);
	while (status == CER_OK && !r->is_finished)
		status = run_go_on(r, &error);
	if (status == CER_OK)
		status = run_end(r, &error);
	error.status = end_cut(g, r, status, &error);
	finish(g, r, &error);
}

/* First those that hold memory, then those for which there was none. */
static void
train_rest(group *g)
{
	run *r;

	for (size_t i = 0; i < g->n_rest && g->error.status == CER_OK; i++)
		if (g->runs[g->rest[i]].trainer != NULL)
			train_alone(g, &g->runs[g->rest[i]]);
	for (size_t i = 0; i < g->n_rest && g->error.status == CER_OK; i++)
		if (!g->runs[g->rest[i]].is_over)
			train_alone(g, &g->runs[g->rest[i]]);
	while ((r = take(g)) != NULL)
		train_alone(g, r);
}

/* ---------------------------------------------------------- all of a group */

/* With all threads, while no lane has anything to do yet. */
static void
encode_first(group *g)
{
	run *r = &g->runs[g->order[0]];

	teller_set_threads(&r->teller, true);
	session_set_phase(g->s, r->triple, CER_PHASE_ENCODE);
	(void) have_rows(g, r, NULL); /* what fails fails again in its lane */
	teller_set_threads(&r->teller, false);
}

static cer_status
make_group(group *g, cer_arena *arena, cer_error *err)
{
	size_t n = g->n_runs;

	g->rows = cer_arena_allocate(arena, n * sizeof(*g->rows));
	g->order = cer_arena_allocate(arena, n * sizeof(*g->order));
	g->rest = cer_arena_allocate(arena, n * sizeof(*g->rest));
	if (g->rows == NULL || g->order == NULL || g->rest == NULL)
		return cer_fail(err, CER_NO_MEMORY,
		                "out of memory for a group of triples");
	pthread_mutex_init(&g->lock, NULL);
	share_rows(g);
	return CER_OK;
}

cer_status
group_train(session *s, const group_work *work, uint32_t *triple,
            cer_error *err)
{
	group g = {.s = s,
	           .dataset = work->dataset,
	           .n_lanes = threads_count(s->pool),
	           .runs = work->runs,
	           .n_runs = work->n_runs,
	           .repeats_rows = work->repeats_rows};
	cer_status status = make_group(&g, work->arena, err);

	if (status != CER_OK || g.n_order == 0)
		return status;
	if (!is_idle(&g))
	{
		encode_first(&g);
		threads_run(s->pool, run_lane, &g, g.n_lanes);
	}
	train_rest(&g);
	*triple = g.triple;
	if (g.error.status != CER_OK && err != NULL)
		*err = g.error;
	return g.error.status;
}
