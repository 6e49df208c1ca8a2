/*
 * base/arena.c
 *	  Memory that is freed together.
 *
 * Blocks form a list, newest first.  A block's size doubles up to a limit;
 * what is larger than a quarter of it gets a block of its own.
 */
#include "base/arena.h"

#include <string.h>

#define ALIGNMENT   64
#define FIRST_BLOCK ((size_t) 4096)
#define LAST_BLOCK  ((size_t) 1 << 20)

typedef struct block
{
	struct block *next;
	size_t size; /* of the whole, header included */
	size_t used; /* from the block's start */
} block;

struct cer_arena
{
	cer_host host; /* a copy: the arena may outlive the caller's */
	block *blocks;
	size_t next_size;
	size_t total;
};

static size_t
align_up(size_t n)
{
	return (n + (ALIGNMENT - 1)) & ~(size_t) (ALIGNMENT - 1);
}

cer_arena *
cer_arena_new(const cer_host *host)
{
	cer_arena *arena = host->allocate(host->self, sizeof(*arena));

	if (arena == NULL)
		return NULL;
	arena->host = *host;
	arena->blocks = NULL;
	arena->next_size = FIRST_BLOCK;
	arena->total = 0;
	return arena;
}

void
cer_arena_clear(cer_arena *arena)
{
	while (arena->blocks != NULL)
	{
		block *first = arena->blocks;

		arena->blocks = first->next;
		arena->host.release(arena->host.self, first, first->size);
	}
	arena->next_size = FIRST_BLOCK;
	arena->total = 0;
}

void
cer_arena_free(cer_arena *arena)
{
	cer_host host;

	if (arena == NULL)
		return;
	cer_arena_clear(arena);
	host = arena->host;
	host.release(host.self, arena, sizeof(*arena));
}

const cer_host *
cer_arena_get_host(const cer_arena *arena)
{
	return &arena->host;
}

size_t
cer_arena_get_size(const cer_arena *arena)
{
	return arena->total;
}

/* First aligned offset in a block: the host need not align to 64 itself. */
static size_t
first_offset(const block *b)
{
	uintptr_t start = (uintptr_t) b;

	return (size_t) (align_up(start + sizeof(block)) - start);
}

static block *
add_block(cer_arena *arena, size_t need)
{
	size_t size = arena->next_size;
	bool own = need > size / 4;
	block *b;

	if (own)
		size = need + sizeof(block) + ALIGNMENT;
	else if (arena->next_size < LAST_BLOCK)
		arena->next_size *= 2;
	b = arena->host.allocate(arena->host.self, size);
	if (b == NULL)
		return NULL;
	b->size = size;
	b->used = first_offset(b);
	arena->total += size;
	if (own && arena->blocks != NULL)
	{
		/* keep filling the block in front */
		b->next = arena->blocks->next;
		arena->blocks->next = b;
	}
	else
	{
		b->next = arena->blocks;
		arena->blocks = b;
	}
	return b;
}

void *
cer_arena_allocate(cer_arena *arena, size_t size)
{
	block *b = arena->blocks;
	size_t need;
	void *result;

	if (size > SIZE_MAX / 2)
		return NULL;
	need = align_up(size > 0 ? size : 1);
	if (b == NULL || b->size - b->used < need)
	{
		b = add_block(arena, need);
		if (b == NULL)
			return NULL;
	}
	result = (char *) b + b->used;
	b->used += need;
	return result;
}

float *
cer_arena_allocate_floats(cer_arena *arena, size_t n)
{
	float *floats = n <= SIZE_MAX / sizeof(float)
	                    ? cer_arena_allocate(arena, n * sizeof(float))
	                    : NULL;

	if (floats != NULL)
		memset(floats, 0, n * sizeof(float));
	return floats;
}
