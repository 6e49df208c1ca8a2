/*
 * threads.c
 *	  The threads behind a host's run_tasks.
 *
 * Each thread has a share of a job's tasks: thread t those of index t, t + n
 * threads, t + 2 n threads, ...  So job after job the same thread works on what
 * lies in its cache, and claims tasks in a cache line of its own; when its share
 * is done it helps others with theirs.  A share counts down what is left of it;
 * a claimed task is unfinished, so its job stays until it is done: whoever
 * claims reads the job afterwards and needs no lock.
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
#define STACK_BYTES ((size_t) 8 << 20) /* kernels are made on it, too */

/* In a cache line of its own: mostly one thread writes it. */
typedef struct share
{
	_Alignas(64) _Atomic uint32_t left; /* tasks not claimed yet */
} share;

typedef struct worker
{
	struct threads *pool;
	size_t index;
} worker;

struct threads
{
	size_t n_threads; /* the caller among them */
	int n_spins;
	share *shares; /* by thread */
	worker *workers;

	/* the job: written by the caller while nothing is unfinished */
	cer_task_fn fn;
	void *arg;
	size_t n_tasks;

	/* each in a cache line of its own: all threads write them */
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

static size_t
count_share(const threads *pool, size_t thread)
{
	return (pool->n_tasks + pool->n_threads - 1 - thread) / pool->n_threads;
}

static bool
claim(threads *pool, size_t thread, size_t *task)
{
	_Atomic uint32_t *counter = &pool->shares[thread].left;
	uint32_t left = atomic_load(counter);

	while (left > 0)
		if (atomic_compare_exchange_weak(counter, &left, left - 1))
		{
			*task =
				thread + (count_share(pool, thread) - left) * pool->n_threads;
			return true;
		}
	return false;
}

/* A share's tasks, as many as are left; returns how many. */
static uint32_t
work_on(threads *pool, size_t thread)
{
	uint32_t n_done = 0;
	size_t task;

	for (; claim(pool, thread, &task); n_done++)
		pool->fn(pool->arg, task);
	return n_done;
}

/*
 * Done tasks are reported share by share: a share's last claimed task keeps the
 * job, so all of them may be of one job only.
 */
static void
work(threads *pool, size_t thread)
{
	for (size_t i = 0; i < pool->n_threads; i++)
	{
		uint32_t n = work_on(pool, (thread + i) % pool->n_threads);

		if (n > 0 && atomic_fetch_sub(&pool->unfinished, n) == n &&
		    atomic_load(&pool->caller_sleeps) > 0)
			wake_all(&pool->unfinished);
	}
}

static bool
has_work(const threads *pool, size_t thread)
{
	return atomic_load_explicit(&pool->shares[thread].left,
	                            memory_order_relaxed) > 0;
}

static void
wait_for_job(threads *pool, size_t thread)
{
	uint32_t job;

	for (int i = 0; i < pool->n_spins; i++)
	{
		if (has_work(pool, thread))
			return;
		pause_briefly();
	}
	job = atomic_load(&pool->job);
	atomic_fetch_add(&pool->n_sleeping, 1);
	if (atomic_load(&pool->shares[thread].left) == 0)
		sleep_while(&pool->job, job);
	atomic_fetch_sub(&pool->n_sleeping, 1);
}

static void *
run_worker(void *arg)
{
	const worker *self = arg;

	for (;;)
	{
		wait_for_job(self->pool, self->index);
		work(self->pool, self->index);
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
	for (size_t i = 0; i < pool->n_threads; i++)
		atomic_store_explicit(&pool->shares[i].left,
		                      (uint32_t) count_share(pool, i),
		                      memory_order_release);
	atomic_fetch_add(&pool->job, 1);
	if (atomic_load(&pool->n_sleeping) > 0)
		wake_all(&pool->job);
	work(pool, 0);
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

		pool->workers[i] = (worker){pool, i};
		started = pthread_create(&thread, &attributes, run_worker,
		                         &pool->workers[i]) == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return started;
}

static bool
allocate_shares(threads *pool)
{
	pool->shares = aligned_alloc(64, pool->n_threads * sizeof(share));
	pool->workers = calloc(pool->n_threads, sizeof(worker));
	if (pool->shares == NULL || pool->workers == NULL)
		return false;
	for (size_t i = 0; i < pool->n_threads; i++)
		atomic_init(&pool->shares[i].left, 0);
	return true;
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
	return allocate_shares(pool) && start_workers(pool) ? pool : NULL;
}
