/*
 * test_threads.c
 *	  The engine's threads: each task once, more threads than cores, signals
 *	  for the main thread only, sleep when idle.
 */
#include "../../engine/threads.c"

#include "cmocka_all.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MAX_TASKS 1000

typedef struct job
{
	_Atomic uint32_t counts[MAX_TASKS];
	_Atomic uint32_t n_blocked; /* tasks on threads that block SIGTERM */
	_Atomic uint32_t n_waiting; /* tasks that wait for each other */
	pthread_t main;
} job;

static void
count_task(void *arg, size_t task)
{
	atomic_fetch_add(&((job *) arg)->counts[task], 1);
}

static void
check_counts(threads *pool, size_t n_tasks)
{
	static job j;

	memset(&j, 0, sizeof(j));
	threads_run(pool, count_task, &j, n_tasks);
	for (size_t i = 0; i < MAX_TASKS; i++)
		assert_int_equal(j.counts[i], i < n_tasks);
}

static void
test_threads__each_task_once(void **state)
{
	static const size_t n_threads[] = {1, 2, 3, 16};
	static threads *pools[4]; /* pools are never freed: not leaked so */

	(void) state;
	for (size_t i = 0; i < 4; i++)
	{
		threads *pool = pools[i] = threads_new(n_threads[i]);

		assert_non_null(pool);
		assert_int_equal(threads_count(pool), n_threads[i]);
		for (size_t n_tasks = 0; n_tasks <= MAX_TASKS; n_tasks += 1 + n_tasks)
			for (int again = 0; again < 50; again++)
				check_counts(pool, n_tasks);
	}
}

/* Tasks that return only when all of them run at the same time. */
static void
wait_task(void *arg, size_t task)
{
	job *j = arg;

	(void) task;
	atomic_fetch_add(&j->n_waiting, 1);
	while (atomic_load(&j->n_waiting) < 3)
		sched_yield();
}

static void
test_threads__run_at_once(void **state)
{
	static job j;
	const struct timespec pause = {0, 20000000};
	threads *pool = threads_new(3);

	(void) state;
	threads_run(pool, wait_task, &j, 3);
	/* also when the workers have gone to sleep */
	nanosleep(&pause, NULL);
	atomic_store(&j.n_waiting, 0);
	threads_run(pool, wait_task, &j, 3);
	assert_int_equal(j.n_waiting, 3);
}

static void
look_at_signals(void *arg, size_t task)
{
	job *j = arg;
	sigset_t blocked;

	wait_task(arg, task);
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	assert_int_equal(sigismember(&blocked, SIGTERM),
	                 !pthread_equal(pthread_self(), j->main));
	atomic_fetch_add(&j->n_blocked, (uint32_t) sigismember(&blocked, SIGTERM));
}

static void
test_threads__block_signals(void **state)
{
	static job j;
	threads *pool = threads_new(3);

	(void) state;
	j.main = pthread_self();
	threads_run(pool, look_at_signals, &j, 3);
	assert_int_equal(j.n_blocked, 2);
}

static double
get_cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       1e-6 * (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void
test_threads__sleep_when_idle(void **state)
{
	const struct timespec pause = {0, 200000000};
	threads *pool = threads_new(0);
	double before;

	(void) state;
	check_counts(pool, 100);
	before = get_cpu_seconds();
	nanosleep(&pause, NULL);
	assert_true(get_cpu_seconds() - before < 0.05);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads__each_task_once),
		cmocka_unit_test(test_threads__run_at_once),
		cmocka_unit_test(test_threads__block_signals),
		cmocka_unit_test(test_threads__sleep_when_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
