/*
 * base/arena.h
 *	  What only the library asks of an arena.
 */
#ifndef CER_BASE_ARENA_H
#define CER_BASE_ARENA_H

#include "cerebro.h"

/* For a second arena, of a shorter life. */
extern const cer_host *cer_arena_get_host(const cer_arena *arena);
/* Zeros; NULL: no memory. */
extern float *cer_arena_allocate_floats(cer_arena *arena, size_t n);

#endif
