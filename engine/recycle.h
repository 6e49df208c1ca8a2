/*
 * recycle.h
 *	  Pages that were used before, for large blocks.
 */
#ifndef ENGINE_RECYCLE_H
#define ENGINE_RECYCLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define RECYCLE_LEAST     ((size_t) 64 << 10) /* bytes of a block */
#define RECYCLE_MAX_KEPT  ((size_t) 32 << 20)
#define RECYCLE_MAX_SPANS 512

typedef struct recycle_span
{
	char *at;
	size_t size;
	bool is_pieced; /* of several mappings: the system does not move it */
} recycle_span;

typedef struct recycle
{
	pthread_mutex_t lock;
	_Atomic size_t kept; /* bytes */
	size_t n_pieces;
	size_t n_spans;
	recycle_span spans[RECYCLE_MAX_SPANS];
} recycle;

extern void recycle_init(recycle *r);
/* Blocks of RECYCLE_LEAST bytes or more, not cleared; NULL: no memory. */
extern void *recycle_allocate(recycle *r, size_t size);
extern void recycle_release(recycle *r, void *block, size_t size);

#endif
