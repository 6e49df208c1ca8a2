/*
 * train.h
 *	  Training one triple: rows -> engine -> archive.
 */
#ifndef CEREBRO_TRAIN_H
#define CEREBRO_TRAIN_H

#include "attempt.h"
#include "engine.h"

extern int train_threads;      /* cerebro.threads */
extern int train_memory_limit; /* cerebro.engine_memory, MB */

/* What came back of a part; its bytes in the training's context. */
typedef struct TrainedPart
{
	char *name;
	cer_part_kind kind;
	uint32 n_dims;
	uint64 dims[CER_MAX_DIMS];
	Size size;
	Size n_received;
	char *data;
} TrainedPart;

/* All of it lives in its own context, across transactions. */
typedef struct Training
{
	MemoryContext context;
	Attempt *attempt;
	Task *task;
	const cer_mst *mst;

	/* rows */
	Engine *engine;
	ReadStats stats;
	int64 n_sent;
	int32 data_version;
	const char *query; /* what FE reads; NULL: the task's own columns */

	/* what came back */
	TimestampTz began_at; /* of the first epoch */
	List *epochs;         /* of cer_epoch */
	cer_epoch best;
	uint32 n_parts;
	TrainedPart *parts;
	cer_triple_done done;
	char *kernel_class;
	bool is_done;
} Training;

/*
 * Checks the task as the current role.  triple is the attempt's as its author
 * wrote it: places in errors are places in it.
 */
extern Training *training_new(Attempt *attempt, const char *triple);
extern void training_free(Training *training);

/* In a transaction with an active snapshot: everything that reads rows. */
extern void training_read(Training *training);
/* Needs no transaction. */
extern void training_run(Training *training);
/* In a transaction: model, parts, epochs and the job's row. */
extern void training_archive(Training *training);

/* Raises what a background worker would raise before it reads a row. */
extern void train_check_queued(const Task *task, const char *triple);
/* The triple in its canonical form, palloc'ed; raises where it is none. */
extern char *train_canonical(const char *triple);
/* The metric that a task is judged by. */
extern double train_get_metric(const Task *task, const cer_metrics *metrics);

#endif
