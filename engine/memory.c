/*
 * memory.c
 *	  Memory under a limit of our own.
 *
 * Who asks for whole huge pages, as the library does for what it trains with,
 * gets them: small pages cost 3 % of the time of mlp(256, 256).  Rows are not
 * worth it: where memory is in pieces, the system first puts together what is
 * asked for, and that takes longer than they save.
 *
 * Where there is a file to overflow to, large blocks go there once half of the
 * limit is used: see overflow.c.
 */
#define _GNU_SOURCE /* madvise */
#include "memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE      ((size_t) 4096)
#define HUGE_PAGE ((size_t) 2 << 20)
#define UNASKED   ((size_t) 2 << 20) /* of libraries and stacks, once they work */

static bool
is_whole(size_t size)
{
	return size > 0 && (size + PAGE - 1) / PAGE * PAGE % HUGE_PAGE == 0;
}

/* Where the system has no huge pages to give, it is ordinary memory. */
static void *
allocate_huge(size_t size)
{
	size_t whole = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	void *block = aligned_alloc(HUGE_PAGE, whole);

	if (block != NULL)
		(void) madvise(block, whole, MADV_HUGEPAGE);
	return block;
}

/* Rows come in blocks; what a network needs beside them stays in memory. */
#define OVERFLOW_BLOCK ((size_t) 65536)

static bool
overflows(memory *m, size_t size)
{
	return m->disk.base != NULL && size >= OVERFLOW_BLOCK &&
	       (size > m->limit / 2 || atomic_load(&m->used) > m->limit / 2 - size);
}

/* Pages that are kept are resident, too. */
static void
note_held(memory *m)
{
	size_t held = atomic_load(&m->used) + m->pages.kept;
	size_t most = atomic_load(&m->most_held);

	while (held > most &&
	       !atomic_compare_exchange_weak(&m->most_held, &most, held))
		;
}

void
memory_note_base(memory *m)
{
	size_t resident = 0;
	size_t code = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file == NULL)
		return;
	/* of the code some pages will come: it is counted whole */
	if (fscanf(file, "%*u %zu %*u %zu", &resident, &code) == 2)
		m->base = UNASKED + (resident + code) * (size_t) sysconf(_SC_PAGESIZE);
	fclose(file);
}

size_t
memory_get_planned(memory *m)
{
	return m->base + atomic_load(&m->most_held);
}

void *
memory_allocate(void *self, size_t size)
{
	memory *m = self;
	size_t before;
	void *block = overflows(m, size) ? overflow_allocate(&m->disk, size) : NULL;

	if (block != NULL)
		return block;
	before = atomic_fetch_add(&m->used, size);
	if (size <= m->limit && before <= m->limit - size)
		block = is_whole(size)          ? allocate_huge(size)
		        : size >= RECYCLE_LEAST ? recycle_allocate(&m->pages, size)
		                                : malloc(size);
	if (block == NULL)
	{
		atomic_fetch_sub(&m->used, size);
		atomic_store(&m->refused, size);
		atomic_store(&m->held, before);
	}
	else
		note_held(m);
	return block;
}

void
memory_release(void *self, void *block, size_t size)
{
	memory *m = self;

	if (overflow_has(&m->disk, block))
	{
		overflow_release(&m->disk, block, size);
		return;
	}
	if (size >= RECYCLE_LEAST && !is_whole(size))
		recycle_release(&m->pages, block, size);
	else
		free(block);
	atomic_fetch_sub(&m->used, size);
}
