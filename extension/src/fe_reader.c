/*
 * fe_reader.c
 *	  With whose rights a model's query reads other tables.
 *
 * As in a function of SECURITY DEFINER the role is the user while the query is
 * analysed, planned and run, so that privileges, row policies and user mappings
 * are the role's; it can do nothing there but read.  An error that ends the
 * transaction, or the subtransaction, makes the user before the user again.
 *
 * An expression that fails on a row may print the row's values.  Who asks may
 * not see them: the server's log has the message.
 */
#include "fe_reader.h"

#include "miscadmin.h"
#include "utils/memutils.h"

FeReader
fe_reader_enter(Oid role)
{
	FeReader reader = {false};

	GetUserIdAndSecContext(&reader.user, &reader.security);
	reader.is_lent = OidIsValid(role) && role != reader.user;
	if (reader.is_lent)
		SetUserIdAndSecContext(role, reader.security |
		                                 SECURITY_LOCAL_USERID_CHANGE |
		                                 SECURITY_RESTRICTED_OPERATION);
	return reader;
}

void
fe_reader_leave(const FeReader *reader)
{
	if (reader->is_lent)
		SetUserIdAndSecContext(reader->user, reader->security);
}

/* Rights, and what is of the server rather than of rows; names in messages may
 * be values (of casts to regclass). */
static bool
tells_no_values(int code)
{
	static const int categories[] = {
		MAKE_SQLSTATE('0', 'A', '0', '0', '0'), /* what there is not */
		MAKE_SQLSTATE('2', '1', '0', '0', '0'), /* one row, or many */
		MAKE_SQLSTATE('4', '0', '0', '0', '0'), /* rollback */
		MAKE_SQLSTATE('5', '3', '0', '0', '0'), /* resources */
		MAKE_SQLSTATE('5', '4', '0', '0', '0'), /* limits */
		MAKE_SQLSTATE('5', '5', '0', '0', '0'), /* states */
		MAKE_SQLSTATE('5', '7', '0', '0', '0'), /* operators */
		MAKE_SQLSTATE('5', '8', '0', '0', '0'), /* system */
	};

	for (int i = 0; i < lengthof(categories); i++)
		if (ERRCODE_TO_CATEGORY(code) == categories[i])
			return true;
	return code == ERRCODE_INSUFFICIENT_PRIVILEGE;
}

static void
hide(const Task *task, const ErrorData *error)
{
	ereport(LOG_SERVER_ONLY,
	        (errmsg("what a model for task \"%s\" reads with its owner's "
	                "rights failed: %s",
	                task->name, error->message)));
	ereport(ERROR,
	        (errcode(error->sqlerrcode),
	         errmsg("what a model for task \"%s\" reads failed", task->name),
	         errdetail("It is read with the rights of the function's owner: "
	                   "the server's log has the message."),
	         errhint("The owner of the function sees the error itself.")));
}

void
fe_reader_do(const Task *task, void (*work)(void *), void *self)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		work(self);
	}
	PG_CATCH();
	{
		ErrorData *error;

		if (tells_no_values(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		hide(task, error);
	}
	PG_END_TRY();
}
