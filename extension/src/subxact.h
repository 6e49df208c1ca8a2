/*
 * subxact.h
 *	  A function run in a subtransaction: what it did is undone by an error.
 */
#ifndef CEREBRO_SUBXACT_H
#define CEREBRO_SUBXACT_H

#include "cerebro_pg.h"

/*
 * NULL, or the error that ended it: in the caller's memory, to be looked at or
 * thrown again by ReThrowError.
 */
extern ErrorData *subxact_try(void (*run)(void *), void *self);
/* Somebody asked for the end of it: not an error of what was run. */
extern bool subxact_is_cancel(const ErrorData *error);

#endif
