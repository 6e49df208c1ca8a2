/*
 * recycle.c
 *	  Pages that were used before, for large blocks.
 *
 * A page that the system gives costs about as much as reading it from memory
 * ten times, and many times that where a host has to give it first.  Rows are
 * put in order column by column, where a column's old blocks are free when the
 * next one's new block is asked for: their pages are moved there, whose
 * addresses follow on each other then.
 *
 * Few bytes are kept, and few blocks made of pieces: each is a mapping, of which
 * a process may have some ten thousand.
 */
#define _GNU_SOURCE /* mremap */
#include "recycle.h"

#include <sys/mman.h>

#define GRAIN      ((size_t) 64 << 10) /* whole pages, of whatever size */
#define MAX_PIECED ((size_t) 16 << 20) /* bytes of a block made of pieces */
#define MAX_PIECES 8192

static size_t
round_up(size_t size)
{
	return (size + GRAIN - 1) / GRAIN * GRAIN;
}

void
recycle_init(recycle *r)
{
	pthread_mutex_init(&r->lock, NULL);
	r->kept = 0;
	r->n_pieces = 0;
	r->n_spans = 0;
}

static char *
map(void *at, size_t size, int flags)
{
	void *block = mmap(at, size, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return block == MAP_FAILED ? NULL : block;
}

static void
drop_span(recycle *r, size_t i)
{
	r->spans[i] = r->spans[--r->n_spans];
}

/* The end of a span that is large enough; NULL: there is none. */
static char *
take_end(recycle *r, size_t size)
{
	for (size_t i = 0; i < r->n_spans; i++)
	{
		recycle_span *span = &r->spans[i];
		char *end = span->at + span->size;

		if (span->size < size)
			continue;
		span->size -= size;
		r->kept -= size;
		if (span->size == 0)
			drop_span(r, i);
		return end - size;
	}
	return NULL;
}

/* False: nothing was moved, and there may be a gap. */
static bool
move(recycle *r, recycle_span *span, char *to, size_t size)
{
	if (mremap(span->at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	    MAP_FAILED)
		return false;
	span->at += size;
	span->size -= size;
	r->kept -= size;
	r->n_pieces++;
	return true;
}

/* Its first bytes become used pages; false: there is a gap. */
static bool
fill(recycle *r, char *block, size_t size)
{
	size_t done = 0;

	for (size_t i = r->n_spans; i-- > 0 && done < size;)
	{
		recycle_span *span = &r->spans[i];
		size_t n = span->size < size - done ? span->size : size - done;

		if (span->is_pieced)
			continue;
		if (move(r, span, block + done, n))
			done += n;
		else if (map(block + done, n, MAP_FIXED) == NULL)
			return false;
		else
			span->is_pieced = true;
		if (span->size == 0)
			drop_span(r, i);
	}
	return true;
}

static char *
make(recycle *r, size_t size)
{
	char *block = map(NULL, size, 0);
	bool is_pieced = size <= MAX_PIECED && r->n_pieces < MAX_PIECES;

	if (block == NULL || !is_pieced || fill(r, block, size))
		return block;
	munmap(block, size);
	return NULL;
}

void *
recycle_allocate(recycle *r, size_t size)
{
	size_t whole = round_up(size);
	char *block;

	if (whole < size)
		return NULL;
	pthread_mutex_lock(&r->lock);
	block = take_end(r, whole);
	if (block == NULL)
		block = make(r, whole);
	pthread_mutex_unlock(&r->lock);
	return block;
}

void
recycle_release(recycle *r, void *block, size_t size)
{
	size_t whole = round_up(size);
	bool is_kept;

	pthread_mutex_lock(&r->lock);
	is_kept = r->n_spans < RECYCLE_MAX_SPANS && whole <= RECYCLE_MAX_KEPT &&
	          r->kept <= RECYCLE_MAX_KEPT - whole;
	if (is_kept)
	{
		r->spans[r->n_spans++] = (recycle_span){.at = block, .size = whole};
		r->kept += whole;
	}
	pthread_mutex_unlock(&r->lock);
	if (!is_kept)
		munmap(block, whole);
}
