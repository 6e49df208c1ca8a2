/*
 * engine.h
 *	  The engine process as training sees it, and how it is started.
 */
#ifndef CEREBRO_ENGINE_H
#define CEREBRO_ENGINE_H

#include "cerebro_pg.h"

#include <sys/types.h>

typedef struct EngineProcess
{
	pid_t pid; /* 0: reaped */
	int fd;    /* our end of the socketpair; -1: closed */
	int exit_status;
} EngineProcess;

extern void engine_process_start(EngineProcess *process);
/* It leaves by itself, and has gone when it is stopped. */
extern void engine_process_hang_up(EngineProcess *process);
extern void engine_process_stop(EngineProcess *process);
extern void
engine_process_fail(const EngineProcess *process) pg_attribute_noreturn();

/* The most memory that it held so far; 0: cannot be told. */
extern uint64 engine_process_read_peak(pid_t pid);

/* ------------------------------------------- how many: engine_limit.c */

extern void engine_limit_init(void);
/* Takes a slot, or raises; a session that has one keeps it. */
extern void engine_limit_take(void);
/* Waits for one: outside of transactions. */
extern void engine_limit_wait(void);
extern bool engine_limit_try(void); /* false: one must end first */
extern void engine_limit_release(void);
extern void engine_limit_step_back(pid_t pid);

typedef struct Engine Engine;

/* Gets every message but errors, which are raised; lent for the call. */
typedef void (*EngineHandler)(void *self, const cer_message *message);

/* Starts the process; it must be stopped, whatever happens in between. */
extern Engine *engine_start(EngineHandler handler, void *self);
/* Nothing more is wanted of it: it leaves meanwhile, to be stopped later. */
extern void engine_hang_up(Engine *engine);
extern void engine_stop(Engine *engine);

/* Sends a message, and handles those that come meanwhile. */
extern void engine_send(Engine *engine, const cer_message *message);
/* Waits for messages and handles them; returns after some, at latest in 1 s. */
extern void engine_wait(Engine *engine);
extern pid_t engine_get_pid(const Engine *engine);

#endif
