/*
 * tasks_host.c
 *	  A host that runs tasks on threads of its own, in a scrambled order.
 */
#include "tasks_host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct job
{
	cer_task_fn fn;
	void *arg;
	const size_t *order;
	size_t first;
	size_t step;
	size_t n_tasks;
} job;

static void *
run_some(void *arg)
{
	const job *j = arg;

	for (size_t i = j->first; i < j->n_tasks; i += j->step)
		j->fn(j->arg, j->order[i]);
	return NULL;
}

static uint64_t
next_bits(tasks_host *host)
{
	host->state = host->state * 6364136223846793005u + 1442695040888963407u;
	return host->state >> 33;
}

static void
scramble(tasks_host *host, size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		size_t other = (size_t) next_bits(host) % (i + 1);

		order[i] = order[other];
		order[other] = i;
	}
}

static void
run_tasks(void *self, cer_task_fn fn, void *arg, size_t n_tasks)
{
	tasks_host *host = self;
	size_t n = host->host.n_threads;
	size_t *order = calloc(n_tasks + 1, sizeof(*order));
	pthread_t *threads = calloc(n, sizeof(*threads));
	job *jobs = calloc(n, sizeof(*jobs));

	host->n_calls++;
	scramble(host, order, n_tasks);
	for (size_t i = 0; i < n; i++)
	{
		jobs[i] = (job){fn, arg, order, i, n, n_tasks};
		if (pthread_create(&threads[i], NULL, run_some, &jobs[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(jobs);
	free(threads);
	free(order);
}

static bool
is_canceled(void *self)
{
	tasks_host *host = self;

	return host->n_asked++ >= host->cancel_at;
}

void
tasks_host_init(tasks_host *host, size_t n_threads)
{
	memset(host, 0, sizeof(*host));
	host->host = cer_host_plain;
	host->host.self = host;
	host->host.n_threads = n_threads;
	host->host.run_tasks = run_tasks;
	host->host.is_canceled = is_canceled;
	host->cancel_at = SIZE_MAX;
}
