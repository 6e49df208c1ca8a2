/*
 * arena_state.h
 *	  An arena as the state of a group of tests.
 */
#ifndef CER_TEST_ARENA_STATE_H
#define CER_TEST_ARENA_STATE_H

/* For cmocka_run_group_tests: *state is the arena. */
extern int arena_state_make(void **state);
extern int arena_state_free(void **state);

#endif
