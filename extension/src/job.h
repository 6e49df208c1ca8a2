/*
 * job.h
 *	  Queued training and the background workers behind it.
 */
#ifndef CEREBRO_JOB_H
#define CEREBRO_JOB_H

#include "attempt.h"

extern int job_max_workers; /* cerebro.train_workers */

/* A row of cerebro.job, as training needs it. */
typedef struct Job
{
	int64 id;
	int32 task;
	int32 model;  /* the id that its model will have */
	int32 parent; /* that it is a change of; 0: none */
	bool is_warm; /* begins with its weights */
	char *triple;
	Oid owner;
	Oid login;
	int n_settings;
	char **settings; /* name=value */
	TimestampTz queued_at;
} Job;

extern int64 job_new_id(void);
extern int32 job_new_model_id(void);
/* Writes a queued row; a worker starts when the transaction commits. */
extern void job_queue(const Job *job);
/* The same for a job that is there and stopped: login, settings, model. */
extern void job_requeue(const Job *job);
/* In an archive scope: what the jobs of a task have kept, see job_epoch.c. */
extern void job_epoch_drop_all(int32 task);
/*
 * Writes the row of an attempt, or brings it up to date; nothing where its
 * task is gone.
 */
extern void job_record(const AttemptRecord *record, const char *triple);

/*
 * Makes the oldest queued job of this login running, unless as many as allowed
 * are already; NULL: none.  The job lives in the context.
 */
extern Job *job_claim(Oid login, MemoryContext context);

/* -------------------------------------------------------------- workers */

/* False: no worker slot is free.  Both need no transaction. */
extern bool job_start_keeper(Oid database);
extern bool job_start_worker(Oid database, Oid login);

/*
 * A transaction of a worker that writes rows of the archive, whatever the
 * database has as defaults for sessions.
 */
extern void job_begin(void);
extern void job_commit(void);

/* Records what is over, then starts what is queued: own transactions. */
extern void job_keep(void);
/* The same for a session that looks at progress, without waiting for it. */
extern void job_look_after(List *files);

#endif
