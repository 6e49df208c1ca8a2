/*
 * attempt.h
 *	  One attempt to train, as it stands in a small file below pg_stat_tmp.
 *
 * The file is there from the first row read until the job's row is committed.
 * It tells every session how far the work is, survives a crash of the server,
 * and is all that somebody else needs to write the row of an attempt whose own
 * transaction is gone.
 */
#ifndef CEREBRO_ATTEMPT_H
#define CEREBRO_ATTEMPT_H

#include "cerebro_pg.h"

#include "access/xact.h"
#include "datatype/timestamp.h"
#include "lib/ilist.h"

/* In the order of the statuses of cerebro.job. */
typedef enum JobStatus
{
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_DONE,
	JOB_STOPPED,
	JOB_FAILED,
	JOB_CANCELLED
} JobStatus;

extern const char *job_status_name(JobStatus status);

typedef enum AttemptPhase
{
	PHASE_START,
	PHASE_WAIT, /* for an engine that ends */
	PHASE_READ,
	PHASE_ORDER,
	PHASE_ENCODE,
	PHASE_TRAIN,
	PHASE_PACK,
	PHASE_ARCHIVE,
	N_PHASES
} AttemptPhase;

extern const char *attempt_phase_name(AttemptPhase phase);

#define REASON_SIZE 512

/* The file's content, followed by the triple's text.  Native byte order: the
 * file never leaves its server. */
typedef struct AttemptRecord
{
	uint32 magic;
	uint32 serial; /* differs from the last word while it is being written */

	/* who and what */
	Oid database;
	Oid owner;
	Oid login;
	int32 task;
	int32 model;  /* its id, if it comes to be */
	int32 parent; /* that it is a change of; 0: none */
	bool is_warm; /* begins with its weights */
	int32 pid;
	int64 job;
	TimestampTz process_started_at;
	bool is_background;

	/* how far */
	JobStatus status;
	AttemptPhase phase;
	int32 epoch;
	int32 n_epochs;
	int64 n_done;  /* rows of the phase or epoch in work */
	int64 n_total; /* 0: not known */
	double rows_per_second;
	double loss;
	double metric; /* best so far, on validation rows; NaN: none yet */
	TimestampTz queued_at;
	TimestampTz started_at;
	TimestampTz updated_at;
	TimestampTz ended_at;

	/* what it cost */
	int32 n_epochs_done;
	int64 n_rows;
	double read_seconds;
	double train_seconds;
	double cpu_seconds;
	int64 planned_bytes; /* by the engine, when training began; 0: before */
	int64 peak_bytes;

	char reason[REASON_SIZE];
	char task_name[NAMEDATALEN];
	uint32 triple_size;
	uint32 serial_again;
} AttemptRecord;

typedef struct Attempt
{
	AttemptRecord record;
	char *triple;
	dlist_node node;          /* of this process's attempts */
	SubTransactionId subxact; /* that its result belongs to */
	bool is_recorded;         /* the job's row is written, not committed */
} Attempt;

/* ---------------------------------------------------------- this process */

extern void attempt_init(void);

/* Files and transactions: the caller fills job, task, triple, owner, times. */
extern Attempt *attempt_begin(const AttemptRecord *record, const char *triple);
/* Another triple: what became of it instead. */
extern void attempt_set_triple(Attempt *attempt, const char *triple);
/* Writes the file when the last time is long enough ago, or at once. */
extern void attempt_update(Attempt *attempt, bool at_once);
extern void attempt_end(Attempt *attempt, JobStatus status, const char *reason);
/* With the error that is being handled: failed, or cancelled. */
extern void attempt_end_by_error(Attempt *attempt);

/* Writes the job's row in the current transaction; the file goes when that
 * commits. */
extern void attempt_record(Attempt *attempt);

/* As strlcpy, without cutting a character in two. */
extern void attempt_copy_text(char *to, const char *from, Size size);

/* ------------------------------------------------------------- everybody */

/* Attempts of this database, own ones included; triple is palloc'ed. */
typedef struct AttemptFile
{
	AttemptRecord record;
	char *triple;
	bool is_alive; /* its process is */
} AttemptFile;

extern List *attempt_list(void); /* of AttemptFile */
extern bool attempt_find(int64 job, AttemptFile *file);
/* Ended, or interrupted: status and reason say so afterwards. */
extern bool attempt_is_over(AttemptFile *file);
extern void attempt_forget(Oid database, int64 job);

#endif
