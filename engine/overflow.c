/*
 * overflow.c
 *	  Memory that lies in a file, for rows that are more than memory may hold.
 *
 *	 one mapping, far larger than the file:	 |aaaa|....|cc|bbbbbb|
 *											 0						 next
 *
 * A block is written to disk where the system needs its memory for others, and
 * read again when it is asked for.  Room on disk is taken before a block is
 * given out: a full disk is a failed allocation, not a signal.  What is
 * released becomes a hole in the file.
 */
#define _GNU_SOURCE /* O_TMPFILE, fallocate */
#include "overflow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_PATH 4096
#define PAGE     ((size_t) 4096)
/* Addresses, not bytes; rows come and go a few times. */
#define TIMES    ((size_t) 8)
#define MAX_SPAN ((size_t) 1 << 42)

static size_t
round_up(size_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

static int
open_nameless(const char *folder)
{
	char path[MAX_PATH + 32];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "%.*s/cerebro_engine.XXXXXX", MAX_PATH,
	         folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static cer_status
fail_to_open(cer_text folder, cer_error *err)
{
	cer_status status = cer_fail(
		err, CER_NO_MEMORY, "could not make a file for rows in \"%.*s\": %s",
		(int) folder.size, folder.data, strerror(errno));

	if (err != NULL)
		snprintf(err->hint, sizeof(err->hint),
		         "Train without PT shuffle, or mend the folder.");
	return status;
}

cer_status
overflow_open(overflow *o, cer_text folder, size_t limit, cer_error *err)
{
	char path[MAX_PATH + 1];
	size_t span = limit < MAX_SPAN / TIMES ? limit * TIMES : MAX_SPAN;

	snprintf(path, sizeof(path), "%.*s", (int) folder.size, folder.data);
	o->fd = open_nameless(path);
	if (o->fd < 0 || ftruncate(o->fd, (off_t) span) != 0)
		return fail_to_open(folder, err);
	o->base = mmap(NULL, span, PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_NORESERVE, o->fd, 0);
	if (o->base == MAP_FAILED)
	{
		o->base = NULL;
		return fail_to_open(folder, err);
	}
	o->limit = limit;
	return CER_OK;
}

/* The file's end, as far as addresses go. */
static size_t
get_span(const overflow *o)
{
	return o->limit < MAX_SPAN / TIMES ? o->limit * TIMES : MAX_SPAN;
}

void *
overflow_allocate(overflow *o, size_t size)
{
	size_t whole = round_up(size);
	size_t used;
	size_t at;

	if (o->base == NULL || whole > o->limit)
		return NULL;
	used = atomic_fetch_add(&o->used, whole);
	if (used <= o->limit - whole)
	{
		at = atomic_fetch_add(&o->next, whole);
		if (at <= get_span(o) - whole &&
		    fallocate(o->fd, 0, (off_t) at, (off_t) whole) == 0)
			return o->base + at;
	}
	atomic_fetch_sub(&o->used, whole);
	return NULL;
}

bool
overflow_has(const overflow *o, const void *block)
{
	const char *at = block;

	return o->base != NULL && at >= o->base && at < o->base + get_span(o);
}

void
overflow_release(overflow *o, void *block, size_t size)
{
	size_t whole = round_up(size);
	off_t at = (char *) block - o->base;

	(void) madvise(block, whole, MADV_DONTNEED);
	(void) fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
	                 (off_t) whole);
	atomic_fetch_sub(&o->used, whole);
}
