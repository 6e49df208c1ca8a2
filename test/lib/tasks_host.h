/*
 * tasks_host.h
 *	  A host that runs tasks on threads of its own, in a scrambled order.
 */
#ifndef CER_TEST_TASKS_HOST_H
#define CER_TEST_TASKS_HOST_H

#include "cerebro.h"

typedef struct tasks_host
{
	cer_host host;
	uint64_t state;   /* of the scrambling */
	size_t n_calls;   /* of run_tasks */
	size_t cancel_at; /* is_canceled says so from this call on */
	size_t n_asked;   /* calls of is_canceled */
} tasks_host;

/* n_threads of its own for each call of run_tasks: slow, but thorough. */
extern void tasks_host_init(tasks_host *host, size_t n_threads);

#endif
