/*
 * engine.c
 *	  Talking to the engine process.
 *
 * The socket does not block on this side: whoever waits to write also reads,
 * so that the two cannot wait for each other, and interrupts are served.
 *
 * An engine is stopped by whoever started it (PG_FINALLY), and by the process's
 * exit callback where a FATAL error jumps over that.
 */
#include "engine.h"

#include <sys/socket.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#define WAIT_MS     1000
#define FIRST_INPUT ((Size) 64 * 1024)

struct Engine
{
	dlist_node node;
	EngineProcess process;
	MemoryContext context; /* of all below */
	EngineHandler handler;
	void *self;
	cer_host host;
	cer_arena *arena;  /* of the message in work */
	cer_buffer output; /* what is being sent */
	cer_buffer input;  /* a frame that is not whole yet */
};

static dlist_head engines = DLIST_STATIC_INIT(engines);

static void
stop_all(int code, Datum arg)
{
	while (!dlist_is_empty(&engines))
		engine_stop(dlist_head_element(Engine, node, &engines));
}

static void
register_exit(void)
{
	static bool is_registered = false;

	if (!is_registered)
		before_shmem_exit(stop_all, (Datum) 0);
	is_registered = true;
}

/* A source whose functions train would start hundreds. */
static void
check_alone(void)
{
	if (dlist_is_empty(&engines))
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
	                errmsg("this session is training already"),
	                errdetail("A function that the task's query calls trains "
	                          "another network."),
	                errhint("Train one after the other.")));
}

Engine *
engine_start(EngineHandler handler, void *self)
{
	MemoryContext context;
	MemoryContext caller;
	Engine *engine;

	check_alone();
	register_exit();
	engine_limit_take();
	context = AllocSetContextCreate(TopMemoryContext, "cerebro engine",
	                                ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	engine = palloc0(sizeof(Engine));
	engine->context = context;
	engine->handler = handler;
	engine->self = self;
	engine->host = host_make();
	engine->arena = cer_arena_new(&engine->host);
	cer_buffer_init(&engine->output, &engine->host);
	cer_buffer_init(&engine->input, &engine->host);
	PG_TRY();
	{
		engine_process_start(&engine->process);
		engine_limit_step_back(engine->process.pid);
	}
	PG_CATCH();
	{
		engine_limit_release();
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	dlist_push_head(&engines, &engine->node);
	MemoryContextSwitchTo(caller);
	return engine;
}

void
engine_hang_up(Engine *engine)
{
	engine_process_hang_up(&engine->process);
}

void
engine_stop(Engine *engine)
{
	dlist_delete(&engine->node);
	engine_process_stop(&engine->process);
	engine_limit_release();
	MemoryContextDelete(engine->context);
}

pid_t
engine_get_pid(const Engine *engine)
{
	return engine->process.pid;
}

/* --------------------------------------------------------------- reading */

static void
handle_frame(Engine *engine, const cer_frame *frame, const void *payload)
{
	cer_message message;
	cer_error err;
	cer_status status =
		cer_message_unpack(engine->arena, frame, payload, &message, &err);

	host_check(status, &err);
	if (message.type == CER_FRAME_ERROR)
		host_check(message.error.error.status, &message.error.error);
	engine->handler(engine->self, &message);
	cer_arena_clear(engine->arena);
}

/* Size of the frame at the input's start, header included; 0: not known yet. */
static Size
peek_frame(Engine *engine, cer_frame *frame)
{
	cer_error err;

	if (engine->input.size < CER_FRAME_HEADER_SIZE)
		return 0;
	host_check(cer_frame_unpack(engine->input.data, CER_MAX_FRAME_TO_SERVER,
	                            frame, &err),
	           &err);
	return CER_FRAME_HEADER_SIZE + frame->size;
}

/* Payloads must be aligned: a frame is handled at the input's start. */
static bool
handle_input(Engine *engine)
{
	bool handled = false;
	cer_frame frame;
	Size size;

	while ((size = peek_frame(engine, &frame)) > 0 &&
	       size <= engine->input.size)
	{
		handle_frame(engine, &frame,
		             engine->input.data + CER_FRAME_HEADER_SIZE);
		engine->input.size -= size;
		memmove(engine->input.data, engine->input.data + size,
		        engine->input.size);
		handled = true;
	}
	if (size > 0)
	{
		cer_error err;

		host_check(cer_buffer_reserve(&engine->input, size, &err), &err);
	}
	return handled;
}

/* The socket is at its end though work was left. */
static void
fail_at_end(Engine *engine)
{
	engine_process_stop(&engine->process);
	engine_process_fail(&engine->process);
}

/* Reads what is there; whether any message was. */
static bool
read_input(Engine *engine)
{
	cer_error err;
	ssize_t n;

	host_check(cer_buffer_reserve(&engine->input, FIRST_INPUT, &err), &err);
	if (engine->input.size == engine->input.capacity)
		elog(ERROR, "the engine's input is full");
	n = recv(engine->process.fd, engine->input.data + engine->input.size,
	         engine->input.capacity - engine->input.size, 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (n <= 0)
		fail_at_end(engine);
	engine->input.size += n;
	return handle_input(engine);
}

/* ------------------------------------------------------- waiting, writing */

/* One wait; true when a message was handled. */
static bool
wait_for(Engine *engine, int events)
{
	int rc = WaitLatchOrSocket(MyLatch,
	                           events | WL_SOCKET_READABLE | WL_LATCH_SET |
	                               WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
	                           engine->process.fd, WAIT_MS, PG_WAIT_EXTENSION);

	if (rc & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return (rc & WL_SOCKET_READABLE) != 0 && read_input(engine);
}

void
engine_wait(Engine *engine)
{
	wait_for(engine, 0);
}

/* Bytes that the socket took; that it is closed is found by reading. */
static Size
write_some(Engine *engine, const uint8 *data, Size size)
{
	ssize_t n = send(engine->process.fd, data, size, MSG_NOSIGNAL);

	return n > 0 ? n : 0;
}

void
engine_send(Engine *engine, const cer_message *message)
{
	cer_error err;
	Size sent = 0;

	engine->output.size = 0;
	host_check(cer_message_pack(&engine->output, message, &err), &err);
	for (;;)
	{
		sent += write_some(engine, engine->output.data + sent,
		                   engine->output.size - sent);
		if (sent == engine->output.size)
			break;
		wait_for(engine, WL_SOCKET_WRITEABLE);
	}
}
