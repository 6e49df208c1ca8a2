/*
 * watch.c
 *	  A thread that listens to the server while the others compute.
 *
 * It leaves with the whole process as soon as the socket closes, whatever the
 * other threads are busy with; they are asked to stop by CANCEL.
 */
#include "watch.h"

#include <signal.h>
#include <string.h>

#define STACK_SIZE ((size_t) 256 << 10)

static void *
run(void *arg)
{
	watch *w = arg;
	cer_arena *arena;
	cer_message message;

	while (sem_wait(&w->begin) != 0)
		;
	arena = cer_arena_new(w->ch->host);
	/* anything that is not a frame of ours stops the work as well */
	while (arena != NULL)
	{
		if (channel_read(w->ch, arena, &message, NULL) != CER_OK ||
		    message.type == CER_FRAME_CANCEL)
			atomic_store(&w->is_canceled, true);
		else if (message.type == CER_FRAME_STOP)
			atomic_store(&w->is_stopped, true);
		else if (message.type == CER_FRAME_CUT)
			atomic_store(&w->is_cut, true);
		cer_arena_clear(arena);
	}
	atomic_store(&w->is_canceled, true);
	return NULL;
}

/* Signals are the main thread's. */
static int
start_thread(watch *w)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	int rc;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&thread, &attributes, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return rc;
}

cer_status
watch_start(watch *w, channel *ch, cer_error *err)
{
	int rc;

	w->ch = ch;
	atomic_init(&w->is_canceled, false);
	atomic_init(&w->is_stopped, false);
	atomic_init(&w->is_cut, false);
	sem_init(&w->begin, 0, 0);
	rc = start_thread(w);
	if (rc == 0)
		return CER_OK;
	return cer_fail(err, CER_NO_MEMORY,
	                "could not start a thread of the engine process: %s",
	                strerror(rc));
}

void
watch_begin(watch *w)
{
	sem_post(&w->begin);
}
