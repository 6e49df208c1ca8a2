/*
 * sandbox.h
 *	  What the engine may not do to the machine, by its own choice.
 */
#ifndef ENGINE_SANDBOX_H
#define ENGINE_SANDBOX_H

#include "cerebro.h"

/* First of all: die with the parent, be first to go when memory is short. */
extern void sandbox_enter(void);

/* After all threads are started: from here on only arithmetic and the socket.
 */
extern cer_status sandbox_shut(cer_error *err);

#endif
