/*
 * read_guard.h
 *	  A run of the query that a task is read with; an error on the data is told
 *	  with the feature that fails.
 */
#ifndef CEREBRO_READ_GUARD_H
#define CEREBRO_READ_GUARD_H

#include "cerebro_pg.h"

#include "nodes/parsenodes.h"

typedef struct ReadGuard
{
	const Task *task;
	const ReadPlan *plan;
	Query *query;    /* targets that the task adds, then the inputs */
	int first_input; /* among its targets */
	/* what is told now is an error of the reader, not of the query */
	bool *fails_coding;
} ReadGuard;

/* Calls run(self), which runs the query or a copy of it. */
extern void
read_guard_run(const ReadGuard *guard, void (*run)(void *), void *self);

#endif
