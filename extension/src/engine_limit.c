/*
 * engine_limit.c
 *	  How many engines work at once in all databases of a server, and how
 *	  urgently.
 *
 * Each engine has a slot: a lock of the session that nobody can take by SQL, so
 * that it goes with the process, however that ends.  A session that finds none
 * free fails, as it may hold what others wait for; a background worker waits
 * before it opens a transaction.
 */
#include "engine.h"

#include <sys/resource.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

#define LOCK_CLASS 0x43455245 /* "CERE" */
#define WAIT_MS    200
#define NO_SLOT    (-1)

static int max_engines = 0;
static int engine_nice = 0;
static int slot = NO_SLOT; /* a session has one engine at most */

void
engine_limit_init(void)
{
	DefineCustomIntVariable(
		"cerebro.max_engines",
		"Engine processes that work at the same time in all databases.",
		"0 means any number. Background jobs wait for one that ends, sessions "
		"are refused.",
		&max_engines, 0, 0, 1024, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"cerebro.engine_nice",
		"How far engine processes stand back for others.",
		"The nice level: 0 as the server, 19 only what nobody else wants.",
		&engine_nice, 0, 0, 19, PGC_USERSET, 0, NULL, NULL, NULL);
}

static LOCKTAG
make_tag(int i)
{
	LOCKTAG tag = {.locktag_field1 = 0,
	               .locktag_field2 = LOCK_CLASS,
	               .locktag_field3 = (uint32) i,
	               .locktag_type = LOCKTAG_USERLOCK,
	               .locktag_lockmethodid = USER_LOCKMETHOD};

	return tag;
}

static bool
take_free_slot(void)
{
	for (int i = 0; i < max_engines && slot == NO_SLOT; i++)
	{
		LOCKTAG tag = make_tag(i);

		if (LockAcquire(&tag, ExclusiveLock, true, true) !=
		    LOCKACQUIRE_NOT_AVAIL)
			slot = i;
	}
	return slot != NO_SLOT;
}

bool
engine_limit_try(void)
{
	return max_engines == 0 || slot != NO_SLOT || take_free_slot();
}

void
engine_limit_wait(void)
{
	while (!engine_limit_try())
	{
		(void) WaitLatch(MyLatch,
		                 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
		                 WAIT_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
engine_limit_take(void)
{
	if (engine_limit_try())
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
	         errmsg("too many engines are at work already"),
	         errdetail("cerebro.max_engines is %d.", max_engines),
	         errhint("Train with wait => false: background jobs wait for one "
	                 "that ends.")));
}

void
engine_limit_release(void)
{
	LOCKTAG tag = make_tag(slot);

	if (slot == NO_SLOT)
		return;
	slot = NO_SLOT;
	LockRelease(&tag, ExclusiveLock, true);
}

/* Its own children only, and only downwards: it cannot be refused. */
void
engine_limit_step_back(pid_t pid)
{
	if (engine_nice > 0)
		(void) setpriority(PRIO_PROCESS, (id_t) pid, engine_nice);
}
