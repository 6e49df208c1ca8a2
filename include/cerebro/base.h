/*
 * cerebro/base.h
 *	  How things fail, what the library asks of its host, memory and texts.
 *
 * A part of cerebro.h, which is what to include.
 */
#ifndef CEREBRO_BASE_H
#define CEREBRO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- status */

typedef enum cer_status
{
	CER_OK = 0,

	/* input: what the user wrote or the data hold */
	CER_SYNTAX = 10,       /* text does not follow the grammar */
	CER_UNKNOWN_NAME = 11, /* no such column, encoder, structure, setting */
	CER_BAD_VALUE = 12,    /* a value outside its range, or of another kind */
	CER_BAD_DATA = 13,    /* rows that cannot be learnt from (one class, ...) */
	CER_BAD_FORMAT = 14,  /* foreign bytes: not a frame or part of ours */
	CER_BAD_VERSION = 15, /* ours, but of a version that is not known here */

	/* resources */
	CER_NO_MEMORY = 20,
	CER_TOO_BIG = 21, /* over a limit of the library or of the host */

	/* use */
	CER_CANCELED = 30, /* the host said so */
	CER_BAD_CALL = 31, /* a call out of order */

	/* internal */
	CER_NOT_FINITE = 40, /* loss or weight became NaN or infinite */
	CER_INTERNAL = 41
} cer_status;

/* Fixed size, so that failing never allocates.  Texts end with NUL. */
typedef struct cer_error
{
	cer_status status;
	int line;   /* from 1; 0: no position */
	int column; /* from 1, in characters */
	char message[256];
	char detail[512];
	char hint[256];
} cer_error;

/* Fills err (NULL is allowed) and returns status, for `return cer_fail(...)`. */
extern cer_status
cer_fail(cer_error *err, cer_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---------------------------------------------------------------- host */

typedef void (*cer_task_fn)(void *arg, size_t task);

typedef enum cer_log_level
{
	CER_LOG_DEBUG,
	CER_LOG_NOTICE,
	CER_LOG_WARNING
} cer_log_level;

/*
 * What the library asks of whoever uses it.  Callbacks never jump through a
 * frame of the library.  run_tasks calls fn(arg, i) once for each i below
 * n_tasks, in any order, on any threads, and returns when all are done; it may
 * be called some thousand times a second.
 */
typedef struct cer_host
{
	void *self;
	void *(*allocate)(void *self, size_t size); /* NULL: none left */
	void (*release)(void *self, void *block, size_t size);
	bool (*is_canceled)(void *self); /* polled once per batch */
	void (*log)(void *self, cer_log_level level, const char *message);
	void (*run_tasks)(void *self, cer_task_fn fn, void *arg, size_t n_tasks);
	size_t n_threads; /* a hint: how many tasks run at once */
} cer_host;

/* malloc, one thread, never canceled, silent: for tests and simple programs */
extern const cer_host cer_host_plain;

/* ---------------------------------------------------------------- memory */

/* Blocks freed together; every allocation is aligned to 64 bytes. */
typedef struct cer_arena cer_arena;

extern cer_arena *cer_arena_new(const cer_host *host);
extern void cer_arena_free(cer_arena *arena);
extern void cer_arena_clear(cer_arena *arena);
extern void *cer_arena_allocate(cer_arena *arena, size_t size); /* or NULL */
extern size_t cer_arena_get_size(const cer_arena *arena);

/* Text with a length; not ended by NUL unless the comment says so. */
typedef struct cer_text
{
	const char *data;
	size_t size;
} cer_text;

#endif
