/*
 * arena_state.c
 *	  An arena as the state of a group of tests.
 */
#include "arena_state.h"

#include "cerebro.h"

int
arena_state_make(void **state)
{
	*state = cer_arena_new(&cer_host_plain);
	return *state == NULL;
}

int
arena_state_free(void **state)
{
	cer_arena_free(*state);
	return 0;
}
