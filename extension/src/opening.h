/*
 * opening.h
 *	  Openings of test rows, recorded whatever becomes of the transaction.
 */
#ifndef CEREBRO_OPENING_H
#define CEREBRO_OPENING_H

#include "cerebro_pg.h"

#include "datatype/timestamp.h"

/* A row of cerebro.evaluation. */
typedef struct Opening
{
	Oid extension; /* a later one counts its tasks from the start */
	int32 task;
	int32 model;
	int32 data_version;
	Oid owner;
	TimestampTz opened_at;
	cer_metrics metrics;
} Opening;

/* Writes the row; returns how many openings the task has had with it. */
extern int64 opening_record(const Opening *opening);
/* In a worker: makes rows of openings whose transactions are gone. */
extern void opening_keep(void);

#endif
