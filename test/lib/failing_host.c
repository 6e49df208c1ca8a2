/*
 * failing_host.c
 *	  A host whose n-th allocation fails.
 */
#include "failing_host.h"

#include "cmocka_all.h"

#define MAX_FAILURES 100000

static void *
allocate(void *self, size_t size)
{
	failing_host *host = self;
	void *block;

	if (host->n_allocations++ == host->fails_at)
		return NULL;
	block = cer_host_plain.allocate(cer_host_plain.self, size);
	if (block != NULL)
	{
		host->n_live++;
		host->live_bytes += size;
	}
	return block;
}

static void
release(void *self, void *block, size_t size)
{
	failing_host *host = self;

	if (block != NULL)
	{
		assert_true(host->n_live > 0);
		assert_true(host->live_bytes >= size);
		host->n_live--;
		host->live_bytes -= size;
	}
	cer_host_plain.release(cer_host_plain.self, block, size);
}

void
failing_host_init(failing_host *host, size_t fails_at)
{
	host->host = cer_host_plain;
	host->host.self = host;
	host->host.allocate = allocate;
	host->host.release = release;
	host->n_allocations = 0;
	host->fails_at = fails_at;
	host->n_live = 0;
	host->live_bytes = 0;
}

size_t
failing_host_run(failing_fn fn, void *arg)
{
	for (size_t n = 0; n < MAX_FAILURES; n++)
	{
		failing_host host;
		cer_status status;

		failing_host_init(&host, n);
		status = fn(&host.host, arg);
		assert_int_equal(host.n_live, 0);
		assert_int_equal(host.live_bytes, 0);
		if (status == CER_OK)
		{
			assert_true(host.n_allocations <= n);
			return n;
		}
		assert_int_equal(status, CER_NO_MEMORY);
	}
	fail_msg("no success after %d failures", MAX_FAILURES);
	return 0;
}

typedef struct in_arena
{
	failing_arena_fn fn;
	void *arg;
} in_arena;

static cer_status
run_in_arena(const cer_host *host, void *arg)
{
	const in_arena *work = arg;
	cer_arena *arena = cer_arena_new(host);
	cer_status status;

	if (arena == NULL)
		return CER_NO_MEMORY;
	status = work->fn(arena, work->arg);
	cer_arena_free(arena);
	return status;
}

size_t
failing_host_run_arena(failing_arena_fn fn, void *arg)
{
	in_arena work = {fn, arg};

	return failing_host_run(run_in_arena, &work);
}
