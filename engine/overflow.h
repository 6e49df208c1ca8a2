/*
 * overflow.h
 *	  Memory that lies in a file, for rows that are more than memory may hold.
 */
#ifndef ENGINE_OVERFLOW_H
#define ENGINE_OVERFLOW_H

#include "cerebro.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct overflow
{
	int fd;
	char *base; /* NULL: there is none */
	size_t limit;
	atomic_size_t used; /* bytes on disk */
	atomic_size_t next; /* place in the file: none is used twice */
} overflow;

/* Before the sandbox is shut; the file has no name. */
extern cer_status
overflow_open(overflow *o, cer_text folder, size_t limit, cer_error *err);
/* NULL: there is no room. */
extern void *overflow_allocate(overflow *o, size_t size);
extern bool overflow_has(const overflow *o, const void *block);
extern void overflow_release(overflow *o, void *block, size_t size);

#endif
