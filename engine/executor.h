/*
 * executor.h
 *	  What trains a group of triples.  A new executor is one file and a row of
 *	  the table in executor.c.
 */
#ifndef ENGINE_EXECUTOR_H
#define ENGINE_EXECUTOR_H

#include "session.h"

typedef struct executor
{
	const char *name;
	/* The group stays valid; state is the executor's own. */
	cer_status (*start)(session *s, const cer_group *group, void **state,
	                    cer_error *err);
	cer_status (*add_values)(void *state, const cer_values *values,
	                         cer_error *err);
	cer_status (*add_rows)(void *state, const cer_rows *rows, cer_error *err);
	/* All rows are there: what can be done before it is known which triples are
	 * trained.  Need not be called. */
	cer_status (*order)(void *state, cer_error *err);
	/* A piece of the state that a triple starts from. */
	cer_status (*add_state)(void *state, const cer_group_state *piece,
	                        cer_error *err);
	/* A triple that is not to be trained. */
	cer_status (*skip)(void *state, uint32_t triple, cer_error *err);
	/* Trains the others; sends epochs, parts and TRIPLE_DONE of each, or that
	 * it failed. */
	cer_status (*train)(void *state, uint32_t *triple, cer_error *err);
} executor;

extern const executor native_executor;

extern const executor *executor_find(cer_text name);

#endif
