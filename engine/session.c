/*
 * session.c
 *	  One conversation with the server: a group of triples over the same rows.
 *
 * The main thread reads rows, then trains; the watching thread listens in the
 * meantime.  However it ends, the engine waits for the server to close the
 * socket and leaves with status 0.
 */
#include "session.h"

#include "executor.h"
#include "sandbox.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

cer_status
session_send(session *s, const cer_message *message, cer_error *err)
{
	return channel_send(&s->ch, message, err);
}

void
session_set_phase(session *s, uint32_t triple, cer_phase phase)
{
	s->teller.status.triple = triple;
	teller_set_phase(&s->teller, phase);
}

bool
session_is_canceled(session *s)
{
	return atomic_load_explicit(&s->w.is_canceled, memory_order_relaxed);
}

bool
session_is_stopped(session *s)
{
	return atomic_load_explicit(&s->w.is_stopped, memory_order_relaxed) ||
	       session_is_cut(s);
}

bool
session_is_cut(session *s)
{
	return atomic_load_explicit(&s->w.is_cut, memory_order_relaxed);
}

/* ---------------------------------------------------------- conversation */

static cer_status
read_frame(session *s, cer_arena *arena, cer_frame_type type,
           cer_message *message, cer_error *err)
{
	cer_status status = channel_read(&s->ch, arena, message, err);

	if (status == CER_OK && message->type != type)
		return cer_fail(err, CER_BAD_FORMAT, "frame %d where %d was due",
		                (int) message->type, (int) type);
	return status;
}

/* Limits, threads, executor. */
static cer_status
be_greeted(session *s, cer_arena *arena, const executor **ex, cer_error *err)
{
	cer_message message;
	cer_status status = read_frame(s, arena, CER_FRAME_HELLO, &message, err);

	if (status != CER_OK)
		return status;
	*ex = executor_find(message.hello.executor);
	if (*ex == NULL)
		return cer_fail(
			err, CER_UNKNOWN_NAME, "this engine has no executor \"%.*s\"",
			(int) message.hello.executor.size, message.hello.executor.data);
	s->mem.limit = message.hello.memory_limit;
	if (message.hello.disk_limit > 0)
		status = overflow_open(&s->mem.disk, message.hello.disk,
		                       message.hello.disk_limit, err);
	if (status != CER_OK)
		return status;
	s->pool = threads_new(message.hello.n_threads);
	if (s->pool == NULL)
		return cer_fail(err, CER_NO_MEMORY,
		                "could not start %u threads in the engine process",
		                message.hello.n_threads);
	teller_set_threads(&s->teller, true);
	return watch_start(&s->w, &s->ch, err);
}

/* Everything that needs the system is done: shut the door, then say so. */
static cer_status
be_ready(session *s, cer_error *err)
{
	cer_message message = {.type = CER_FRAME_READY};
	cer_status status;

	memory_note_base(&s->mem);
	status = sandbox_shut(err);
	message.ready.n_threads = (uint32_t) s->teller.host.n_threads;
	return status == CER_OK ? session_send(s, &message, err) : status;
}

/* A group lives as long as the session: its payload is kept. */
static cer_status
read_group(session *s, cer_arena *arena, cer_message *message, cer_error *err)
{
	cer_status status = read_frame(s, arena, CER_FRAME_GROUP, message, err);

	if (status == CER_OK)
		cer_buffer_init(&s->ch.in, &s->teller.host);
	return status;
}

static cer_status
take_rows(session *s, const executor *ex, void *state, cer_error *err)
{
	cer_arena *arena = cer_arena_new(&s->teller.host);
	cer_message message = {0};
	cer_status status = CER_OK;
	uint64_t n_rows = 0;

	if (arena == NULL)
		return cer_fail(err, CER_NO_MEMORY, "out of memory");
	while (status == CER_OK && message.type != CER_FRAME_END)
	{
		cer_arena_clear(arena);
		status = channel_read(&s->ch, arena, &message, err);
		if (status != CER_OK)
			break;
		if (message.type == CER_FRAME_VALUES)
			status = ex->add_values(state, &message.values, err);
		else if (message.type == CER_FRAME_ROWS &&
		         message.rows.position == n_rows)
		{
			n_rows += message.rows.chunk.n_rows;
			status = ex->add_rows(state, &message.rows, err);
		}
		else if (message.type == CER_FRAME_ORDER)
			status = ex->order(state, err);
		else if (message.type == CER_FRAME_START)
			status = ex->add_state(state, &message.state, err);
		else if (message.type == CER_FRAME_SKIP)
			status = ex->skip(state, message.skip.triple, err);
		else if (message.type == CER_FRAME_CANCEL)
			status = cer_fail(err, CER_CANCELED, "canceled by the server");
		else if (message.type != CER_FRAME_END || message.end.n_rows != n_rows)
			status = cer_fail(err, CER_BAD_FORMAT,
			                  "frame %d does not follow row %llu",
			                  (int) message.type, (unsigned long long) n_rows);
	}
	cer_arena_free(arena);
	return status;
}

static cer_status
converse(session *s, uint32_t *triple, cer_error *err)
{
	cer_arena *arena = cer_arena_new(&s->teller.host);
	const executor *ex = NULL;
	void *state = NULL;
	cer_message group;
	cer_message done = {.type = CER_FRAME_DONE};
	cer_status status;

	if (arena == NULL)
		return cer_fail(err, CER_NO_MEMORY, "out of memory");
	status = be_greeted(s, arena, &ex, err);
	if (status == CER_OK)
		status = read_group(s, arena, &group, err);
	if (status == CER_OK)
		status = be_ready(s, err);
	if (status == CER_OK)
		status = ex->start(s, &group.group, &state, err);
	if (status == CER_OK)
		status = take_rows(s, ex, state, err);
	if (status != CER_OK)
		return status;
	watch_begin(&s->w);
	status = ex->train(state, triple, err);
	return status == CER_OK ? session_send(s, &done, err) : status;
}

/* ---------------------------------------------------------------- ending */

/* The limit is the server's setting: say so. */
void
session_explain(const session *s, cer_error *error)
{
	size_t refused = atomic_load(&s->mem.refused);

	if (error->status != CER_NO_MEMORY || refused == 0)
		return;
	snprintf(error->message, sizeof(error->message),
	         "training needs more than cerebro.engine_memory (%zu MB)",
	         s->mem.limit >> 20);
	snprintf(error->detail, sizeof(error->detail),
	         "The engine process asked for %zu more bytes when it held %zu.",
	         refused, atomic_load(&s->mem.held));
	snprintf(
		error->hint, sizeof(error->hint),
		s->mem.disk.base != NULL
			? "Raise cerebro.engine_memory or cerebro.engine_disk, or train "
			  "on fewer columns or rows."
			: "Raise cerebro.engine_memory, train on fewer columns, or say "
			  "PT shuffle = 100000: rows that memory does not hold lie in "
			  "a file then.");
}

static void
tell_error(session *s, uint32_t triple, const cer_error *err)
{
	cer_message message = {.type = CER_FRAME_ERROR};

	message.error.triple = triple;
	message.error.error = *err;
	session_explain(s, &message.error.error);
	s->mem.limit += (size_t) 1 << 20; /* the last words must not fail */
	session_send(s, &message, NULL);
}

/* Reads and forgets until the socket closes, which ends the process. */
static void __attribute__((noreturn)) wait_for_end(session *s)
{
	static char nothing[4096];

	for (;;)
		if (read(s->ch.fd, nothing, sizeof(nothing)) <= 0)
			_exit(0);
}

void
session_run(int fd)
{
	static session s; /* as long as the process */
	cer_error err = {0};
	uint32_t triple = CER_NO_TRIPLE;
	cer_status status;

	s.mem.limit = (size_t) 16 << 20; /* until the server tells another */
	recycle_init(&s.mem.pages);
	teller_init(&s.teller, &s, 0);
	channel_init(&s.ch, fd, &s.teller.host);
	status = converse(&s, &triple, &err);
	if (status != CER_OK)
		tell_error(&s, triple, &err);
	wait_for_end(&s);
}
