/*
 * host.c
 *	  What the library asks of the engine.
 */
#include "host.h"

#include "session.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define STATUS_INTERVAL 0.1 /* seconds between two of a teller */

double
host_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

void
host_get_cost(double *cpu_seconds, uint64_t *peak_bytes)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	*cpu_seconds =
		(double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
	*peak_bytes = (uint64_t) usage.ru_maxrss * 1024;
}

/* Losing a status is no failure. */
static void
tell(teller *t, double now)
{
	cer_message message = {.type = CER_FRAME_STATUS};

	if (t->refresh != NULL)
		t->refresh(t, now);
	t->sent_at = now;
	host_get_cost(&t->status.cpu_seconds, &t->status.peak_bytes);
	message.status = t->status;
	session_send(t->s, &message, NULL);
}

void
teller_set_phase(teller *t, cer_phase phase)
{
	t->status.phase = phase;
	tell(t, host_clock());
}

static void *
host_allocate(void *self, size_t size)
{
	return memory_allocate(&((teller *) self)->s->mem, size);
}

static void
host_release(void *self, void *block, size_t size)
{
	memory_release(&((teller *) self)->s->mem, block, size);
}

/* A triple is; what it has by then is packed. */
static bool
is_cut(const teller *t)
{
	return t != &t->s->teller && t->status.phase != CER_PHASE_PACK &&
	       session_is_cut(t->s);
}

/* Asked once per batch. */
static bool
host_is_canceled(void *self)
{
	teller *t = self;
	double now = host_clock();

	if (now - t->sent_at >= STATUS_INTERVAL)
		tell(t, now);
	return session_is_canceled(t->s) || is_cut(t);
}

static void
host_log(void *self, cer_log_level level, const char *message)
{
	(void) self;
	(void) level;
	(void) message;
}

static void
host_run_tasks(void *self, cer_task_fn fn, void *arg, size_t n_tasks)
{
	teller *t = self;

	if (t->has_pool)
		threads_run(t->s->pool, fn, arg, n_tasks);
	else
		for (size_t task = 0; task < n_tasks; task++)
			fn(arg, task);
}

void
teller_init(teller *t, session *s, uint32_t triple)
{
	memset(t, 0, sizeof(*t));
	t->s = s;
	t->status.triple = triple;
	t->host = (cer_host){.self = t,
	                     .allocate = host_allocate,
	                     .release = host_release,
	                     .is_canceled = host_is_canceled,
	                     .log = host_log,
	                     .run_tasks = host_run_tasks,
	                     .n_threads = 1};
}

void
teller_set_threads(teller *t, bool has_pool)
{
	t->has_pool = has_pool;
	t->host.n_threads = has_pool ? threads_count(t->s->pool) : 1;
}
