/*
 * host.c
 *	  The server as the library's host: memory contexts under cer_host, and the
 *	  one place where a cer_status becomes an error of PostgreSQL.
 *
 * No callback throws: a longjmp would skip the library's frames.
 */
#include "cerebro_pg.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

typedef struct StatusRow
{
	cer_status status;
	int sqlstate;
} StatusRow;

static const StatusRow status_rows[] = {
	{CER_SYNTAX, ERRCODE_SYNTAX_ERROR},
	{CER_UNKNOWN_NAME, ERRCODE_UNDEFINED_OBJECT},
	{CER_BAD_VALUE, ERRCODE_INVALID_PARAMETER_VALUE},
	{CER_BAD_DATA, ERRCODE_DATA_EXCEPTION},
	{CER_BAD_FORMAT, ERRCODE_DATA_CORRUPTED},
	{CER_BAD_VERSION, ERRCODE_FEATURE_NOT_SUPPORTED},
	{CER_NO_MEMORY, ERRCODE_OUT_OF_MEMORY},
	{CER_TOO_BIG, ERRCODE_PROGRAM_LIMIT_EXCEEDED},
	{CER_CANCELED, ERRCODE_QUERY_CANCELED},
	{CER_BAD_CALL, ERRCODE_INTERNAL_ERROR},
	{CER_NOT_FINITE, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE},
	{CER_INTERNAL, ERRCODE_INTERNAL_ERROR},
};

static int
find_sqlstate(cer_status status)
{
	for (int i = 0; i < lengthof(status_rows); i++)
		if (status_rows[i].status == status)
			return status_rows[i].sqlstate;
	return ERRCODE_INTERNAL_ERROR;
}

/* The library's message with its place in the text, where it has one. */
static const char *
make_message(const cer_error *err)
{
	if (err->line <= 0 || strstr(err->message, " at line ") != NULL)
		return err->message;
	return psprintf("%s at line %d, column %d", err->message, err->line,
	                err->column);
}

void
host_check(cer_status status, const cer_error *err)
{
	if (status == CER_OK)
		return;
	if (status == CER_CANCELED)
		CHECK_FOR_INTERRUPTS(); /* tells why: user, timeout, shutdown */
	if (err == NULL || err->message[0] == '\0')
		ereport(ERROR, (errcode(find_sqlstate(status)),
		                errmsg("the library failed with status %d", status)));
	host_save(NULL, status, err);
	pg_unreachable();
}

int
host_find_position(const char *text, int line, int column)
{
	const char *at = text;

	if (line <= 0 || *text == '\0')
		return 0;
	for (; line > 1; line--)
	{
		at = strchr(at, '\n');
		if (at == NULL)
			return 0;
		at++;
	}
	return pg_mbstrlen_with_len(text, (int) (at - text)) + column;
}

void
host_check_text(cer_status status, const cer_error *err, const char *text)
{
	int position = 0;

	if (status != CER_OK && err != NULL)
		position = host_find_position(text, err->line, err->column);

	if (position == 0)
	{
		host_check(status, err);
		return;
	}
	ereport(ERROR,
	        (errcode(find_sqlstate(status)), errmsg("%s", make_message(err)),
	         err->detail[0] ? errdetail("%s", err->detail) : 0,
	         err->hint[0] ? errhint("%s", err->hint) : 0,
	         internalerrquery(text), internalerrposition(position)));
}

const char *
host_print_mst(const cer_mst *mst)
{
	cer_text text;
	cer_error err;

	host_check(
		cer_mst_print(host_make_arena(CurrentMemoryContext), mst, &text, &err),
		&err);
	return text.data;
}

void
host_check_mst(cer_status status, const cer_error *err, const cer_mst *mst)
{
	if (status != CER_OK)
		host_check_text(status, err, host_print_mst(mst));
}

void
host_save(Node *context, cer_status status, const cer_error *err)
{
	compat_errsave(context, (errcode(find_sqlstate(status)),
	                         errmsg("%s", make_message(err)),
	                         err->detail[0] ? errdetail("%s", err->detail) : 0,
	                         err->hint[0] ? errhint("%s", err->hint) : 0));
}

static void *
host_allocate(void *self, size_t size)
{
	if (!AllocHugeSizeIsValid(size))
		return NULL;
	return MemoryContextAllocExtended(self, size,
	                                  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
}

static void
host_release(void *self, void *block, size_t size)
{
	if (block != NULL)
		pfree(block);
}

static bool
host_is_canceled(void *self)
{
	return InterruptPending && (QueryCancelPending || ProcDiePending);
}

/*
 * A message may fail to be sent; that must not jump, nor may an interrupt be
 * served here.
 */
static void
host_log(void *self, cer_log_level level, const char *message)
{
	int elevel = level == CER_LOG_DEBUG    ? DEBUG1
	             : level == CER_LOG_NOTICE ? NOTICE
	                                       : WARNING;
	MemoryContext caller = CurrentMemoryContext;

	HOLD_INTERRUPTS();
	PG_TRY();
	{
		ereport(elevel, (errmsg("%s", message)));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
	RESUME_INTERRUPTS();
}

static void
host_run_tasks(void *self, cer_task_fn fn, void *arg, size_t n_tasks)
{
	for (size_t i = 0; i < n_tasks; i++)
		fn(arg, i);
}

cer_host
host_make(void)
{
	return (cer_host){
		.self = CurrentMemoryContext,
		.allocate = host_allocate,
		.release = host_release,
		.is_canceled = host_is_canceled,
		.log = host_log,
		.run_tasks = host_run_tasks,
		.n_threads = 1,
	};
}

cer_arena *
host_make_arena(MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	cer_host host = host_make();
	cer_arena *arena = cer_arena_new(&host);

	MemoryContextSwitchTo(caller);
	if (arena == NULL)
		host_check(CER_NO_MEMORY, &(cer_error){.message = "out of memory"});
	return arena;
}

cer_text
host_text(const char *string)
{
	return (cer_text){.data = string, .size = string ? strlen(string) : 0};
}
