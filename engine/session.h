/*
 * session.h
 *	  One conversation with the server: a group of triples over the same rows.
 */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "channel.h"
#include "host.h"
#include "memory.h"
#include "threads.h"
#include "watch.h"

typedef struct session
{
	memory mem;
	channel ch;
	watch w;
	threads *pool;
	teller teller; /* before triples are in work */
} session;

/* What the session does for its executor. */
extern cer_status
session_send(session *s, const cer_message *message, cer_error *err);
extern bool session_is_canceled(session *s);
/* No triple is to begin any more. */
extern bool session_is_stopped(session *s);
/* Nor is one that began to go on. */
extern bool session_is_cut(session *s);
/* Says which setting it is where memory was at its limit. */
extern void session_explain(const session *s, cer_error *error);
/* From here on the group is in this phase; told at once. */
extern void session_set_phase(session *s, uint32_t triple, cer_phase phase);

/* Runs until the server closes the socket; does not return. */
extern void session_run(int fd) __attribute__((noreturn));

#endif
