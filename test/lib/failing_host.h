/*
 * failing_host.h
 *	  A host whose n-th allocation fails, and which knows what was not given
 *	  back.
 */
#ifndef CER_TEST_FAILING_HOST_H
#define CER_TEST_FAILING_HOST_H

#include "cerebro.h"

typedef struct failing_host
{
	cer_host host;
	size_t n_allocations; /* so far */
	size_t fails_at;      /* which allocation fails, from 0; SIZE_MAX: none */
	size_t n_live;        /* blocks not given back */
	size_t live_bytes;
} failing_host;

extern void failing_host_init(failing_host *host, size_t fails_at);

/* One attempt; must leave nothing allocated through the host. */
typedef cer_status (*failing_fn)(const cer_host *host, void *arg);

/*
 * Runs fn with the first, second, ... allocation failing, until it succeeds.
 * Asserts (cmocka) that each failure is CER_NO_MEMORY and leaves no block.
 * Returns how often it failed.
 */
extern size_t failing_host_run(failing_fn fn, void *arg);

/* The same for what works in an arena; the arena itself may fail. */
typedef cer_status (*failing_arena_fn)(cer_arena *arena, void *arg);
extern size_t failing_host_run_arena(failing_arena_fn fn, void *arg);

#endif
