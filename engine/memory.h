/*
 * memory.h
 *	  Memory under a limit of our own, so that the engine fails by itself and
 *	  with a message before the kernel has to choose a process to kill.
 */
#ifndef ENGINE_MEMORY_H
#define ENGINE_MEMORY_H

#include "overflow.h"
#include "recycle.h"

#include <stdatomic.h>
#include <stddef.h>

typedef struct memory
{
	size_t limit; /* bytes; set before the second thread starts */
	size_t base;  /* bytes of the process beside what is asked for here */
	atomic_size_t used;
	atomic_size_t most_held;
	atomic_size_t refused; /* size of the last request over the limit */
	atomic_size_t held;    /* when it was refused */
	recycle pages;         /* of large blocks; set up with the limit */
	overflow disk;         /* for large blocks beyond half of the limit */
} memory;

/* While files can be opened: what the process holds by itself. */
extern void memory_note_base(memory *m);
/* Bytes of the process at most, so far and with what is asked for by now. */
extern size_t memory_get_planned(memory *m);
extern void *memory_allocate(void *self, size_t size);
extern void memory_release(void *self, void *block, size_t size);

#endif
