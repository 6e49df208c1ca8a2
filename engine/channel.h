/*
 * channel.h
 *	  Frames over the socket to the server.
 */
#ifndef ENGINE_CHANNEL_H
#define ENGINE_CHANNEL_H

#include "cerebro.h"

#include <pthread.h>

typedef struct channel
{
	int fd;
	const cer_host *host;
	pthread_mutex_t send_lock; /* one frame at a time leaves */
	cer_buffer out;            /* guarded by send_lock */
	cer_buffer in;             /* of whoever reads: one thread at a time */
} channel;

extern void channel_init(channel *ch, int fd, const cer_host *host);
extern void channel_release(channel *ch);

/*
 * Waits for the next message, which is valid until the next read.  A closed
 * socket ends the process: there is nobody left to work for.
 */
extern cer_status channel_read(channel *ch, cer_arena *arena,
                               cer_message *message, cer_error *err);

/* Any thread may send.  A closed socket ends the process here, too. */
extern cer_status
channel_send(channel *ch, const cer_message *message, cer_error *err);

#endif
