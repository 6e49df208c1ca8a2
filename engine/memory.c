/*
 * memory.c
 *	  Memory under a limit of our own.
 */
#include "memory.h"

#include <stdlib.h>

void *
memory_allocate(void *self, size_t size)
{
	memory *m = self;
	size_t before = atomic_fetch_add(&m->used, size);
	void *block = NULL;

	if (size <= m->limit && before <= m->limit - size)
		block = malloc(size);
	if (block == NULL)
	{
		atomic_fetch_sub(&m->used, size);
		atomic_store(&m->refused, size);
		atomic_store(&m->held, before);
	}
	return block;
}

void
memory_release(void *self, void *block, size_t size)
{
	memory *m = self;

	free(block);
	atomic_fetch_sub(&m->used, size);
}
