/*
 * threads.h
 *	  The threads behind a host's run_tasks.
 *
 * All of them are started by threads_new: the sandbox allows none later.  They
 * block every signal: the main thread handles them.
 */
#ifndef ENGINE_THREADS_H
#define ENGINE_THREADS_H

#include "cerebro.h"

typedef struct threads threads;

/* n_threads counts the caller; 0: one per core this process may use.  NULL when
 * a thread or memory cannot be had. */
extern threads *threads_new(size_t n_threads);
extern size_t threads_count(const threads *pool);
/* As cer_host.run_tasks; the caller works, too. */
extern void
threads_run(threads *pool, cer_task_fn fn, void *arg, size_t n_tasks);

#endif
