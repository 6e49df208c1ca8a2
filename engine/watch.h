/*
 * watch.h
 *	  A thread that listens to the server while the others compute.
 */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include "channel.h"

#include <semaphore.h>
#include <stdatomic.h>

typedef struct watch
{
	channel *ch;
	sem_t begin;
	atomic_bool is_canceled;
	atomic_bool is_stopped; /* no triple begins any more */
	atomic_bool is_cut;     /* nor does one that began go on */
} watch;

/* Starts the thread, which sleeps: threads come before the sandbox is shut. */
extern cer_status watch_start(watch *w, channel *ch, cer_error *err);
/* From now on the thread is the only reader of the channel. */
extern void watch_begin(watch *w);

#endif
