/*
 * base/host.c
 *	  The plain host: malloc, one thread, never canceled, silent.
 */
#include "cerebro.h"

#include <stdlib.h>

static void *
plain_allocate(void *self, size_t size)
{
	(void) self;
	return malloc(size);
}

static void
plain_release(void *self, void *block, size_t size)
{
	(void) self;
	(void) size;
	free(block);
}

static bool
plain_is_canceled(void *self)
{
	(void) self;
	return false;
}

static void
plain_log(void *self, cer_log_level level, const char *message)
{
	(void) self;
	(void) level;
	(void) message;
}

static void
plain_run_tasks(void *self, cer_task_fn fn, void *arg, size_t n_tasks)
{
	(void) self;
	for (size_t task = 0; task < n_tasks; task++)
		fn(arg, task);
}

const cer_host cer_host_plain = {
	.allocate = plain_allocate,
	.release = plain_release,
	.is_canceled = plain_is_canceled,
	.log = plain_log,
	.run_tasks = plain_run_tasks,
	.n_threads = 1,
};
