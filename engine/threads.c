/*
 * threads.c
 *	  The threads behind a host's run_tasks.
 *
 * Tasks are claimed one by one: remaining counts down, the task's index is
 * n_tasks less what remained.  A claimed task is unfinished, so its job stays
 * until it is done: whoever claims reads the job afterwards and needs no lock.
 *
 * Batches come some thousand times a second, so threads first look for work
 * for a while and only then sleep on a futex.  With more threads than cores
 * they sleep at once, and let those work that have something to do.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "threads.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS       4000 /* looks before sleeping: about 50 microseconds */
#define MAX_THREADS 1024
#define STACK_BYTES ((size_t) 1 << 20)

struct threads
{
	size_t n_threads; /* the caller among them */
	int n_spins;

	/* the job: written by the caller while nothing remains unfinished */
	cer_task_fn fn;
	void *arg;
	size_t n_tasks;

	/* each in a cache line of its own: all threads write them */
	_Alignas(64) _Atomic uint32_t remaining;  /* tasks not claimed yet */
	_Alignas(64) _Atomic uint32_t unfinished; /* tasks not done yet */
	_Alignas(64) _Atomic uint32_t job; /* counts jobs; futex of workers */
	_Atomic uint32_t n_sleeping;
	_Atomic uint32_t caller_sleeps;
};

static void
sleep_while(_Atomic uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void
wake_all(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static inline void
pause_briefly(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

static bool
claim(threads *pool, size_t *task)
{
	uint32_t left = atomic_load(&pool->remaining);

	while (left > 0)
		if (atomic_compare_exchange_weak(&pool->remaining, &left, left - 1))
		{
			*task = pool->n_tasks - left;
			return true;
		}
	return false;
}

static void
work(threads *pool)
{
	size_t task;

	while (claim(pool, &task))
	{
		pool->fn(pool->arg, task);
		if (atomic_fetch_sub(&pool->unfinished, 1) == 1 &&
		    atomic_load(&pool->caller_sleeps) > 0)
			wake_all(&pool->unfinished);
	}
}

static void
wait_for_job(threads *pool)
{
	uint32_t job;

	for (int i = 0; i < pool->n_spins; i++)
	{
		if (atomic_load_explicit(&pool->remaining, memory_order_relaxed) > 0)
			return;
		pause_briefly();
	}
	job = atomic_load(&pool->job);
	atomic_fetch_add(&pool->n_sleeping, 1);
	if (atomic_load(&pool->remaining) == 0)
		sleep_while(&pool->job, job);
	atomic_fetch_sub(&pool->n_sleeping, 1);
}

static void *
run_worker(void *arg)
{
	for (;;)
	{
		wait_for_job(arg);
		work(arg);
	}
	return NULL;
}

static void
wait_for_workers(threads *pool)
{
	uint32_t left;

	for (int i = 0; i < pool->n_spins; i++)
	{
		if (atomic_load(&pool->unfinished) == 0)
			return;
		pause_briefly();
	}
	atomic_store(&pool->caller_sleeps, 1);
	while ((left = atomic_load(&pool->unfinished)) > 0)
		sleep_while(&pool->unfinished, left);
	atomic_store(&pool->caller_sleeps, 0);
}

void
threads_run(threads *pool, cer_task_fn fn, void *arg, size_t n_tasks)
{
	if (pool->n_threads == 1 || n_tasks <= 1)
	{
		for (size_t task = 0; task < n_tasks; task++)
			fn(arg, task);
		return;
	}
	pool->fn = fn;
	pool->arg = arg;
	pool->n_tasks = n_tasks;
	atomic_store(&pool->unfinished, (uint32_t) n_tasks);
	atomic_store(&pool->remaining, (uint32_t) n_tasks);
	atomic_fetch_add(&pool->job, 1);
	if (atomic_load(&pool->n_sleeping) > 0)
		wake_all(&pool->job);
	work(pool);
	wait_for_workers(pool);
}

size_t
threads_count(const threads *pool)
{
	return pool->n_threads;
}

static size_t
count_cores(void)
{
	cpu_set_t cores;

	if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
		return 1;
	return (size_t) CPU_COUNT(&cores);
}

/* Threads inherit the mask: the caller's is blocked while they start. */
static bool
start_workers(threads *pool)
{
	pthread_attr_t attributes;
	sigset_t all;
	sigset_t before;
	bool started = true;

	sigfillset(&all);
	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (size_t i = 1; i < pool->n_threads && started; i++)
	{
		pthread_t thread;

		started = pthread_create(&thread, &attributes, run_worker, pool) == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return started;
}

/* A pool lives as long as its process, as do workers that have started when a
 * later one could not: the engine leaves then. */
threads *
threads_new(size_t n_threads)
{
	size_t n_cores = count_cores();
	threads *pool = aligned_alloc(64, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	if (n_threads == 0)
		n_threads = n_cores;
	*pool = (threads){
		.n_threads = n_threads < MAX_THREADS ? n_threads : MAX_THREADS,
		.n_spins = n_threads <= n_cores ? SPINS : 0,
	};
	return start_workers(pool) ? pool : NULL;
}
