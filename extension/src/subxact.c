/*
 * subxact.c
 *	  A function run in a subtransaction.
 */
#include "subxact.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

static const char *
keep_text(const char *text)
{
	return text == NULL ? NULL
	                    : MemoryContextStrdup(TopTransactionContext, text);
}

/*
 * Texts that ReThrowError does not copy.  Compiled just in time, a query has
 * them in memory that is gone after an abort; and a training's is, too, before
 * the error is reported.
 */
static void
keep_texts(ErrorData *error)
{
	error->filename = keep_text(error->filename);
	error->funcname = keep_text(error->funcname);
	error->domain = keep_text(error->domain);
	error->context_domain = keep_text(error->context_domain);
	error->message_id = keep_text(error->message_id);
}

/* Ends the subtransaction that an error has broken; the error, copied. */
static ErrorData *
take_error(MemoryContext caller, ResourceOwner owner)
{
	ErrorData *error;

	MemoryContextSwitchTo(caller);
	error = CopyErrorData();
	keep_texts(error);
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return error;
}

ErrorData *
subxact_try(void (*run)(void *), void *self)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		run(self);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		error = take_error(caller, owner);
	}
	PG_END_TRY();
	return error;
}

bool
subxact_is_cancel(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
	       error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN;
}
