/*
 * session.h
 *	  One conversation with the server: a group of triples over the same rows.
 */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "channel.h"
#include "memory.h"
#include "threads.h"
#include "watch.h"

typedef struct session
{
	cer_host host; /* self is the session */
	memory mem;
	channel ch;
	watch w;
	threads *pool;
	cer_group_status status;    /* of the triple in work */
	const cer_trainer *trainer; /* whose status is told; or NULL */
	double status_sent_at;      /* seconds of the monotonic clock */
	double training_began_at;
} session;

/* What the session does for its executor. */
extern cer_status
session_send(session *s, const cer_message *message, cer_error *err);
/* From here on the triple is in this phase; told at once. */
extern void session_set_phase(session *s, uint32_t triple, cer_phase phase);
extern double session_clock(void);
/* Processor seconds and largest resident size of the process so far. */
extern void session_get_cost(double *cpu_seconds, uint64_t *peak_bytes);

/* Runs until the server closes the socket; does not return. */
extern void session_run(int fd) __attribute__((noreturn));

#endif
