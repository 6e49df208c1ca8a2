/*
 * job_worker.h
 *	  Entry points of background workers.
 */
#ifndef CEREBRO_JOB_WORKER_H
#define CEREBRO_JOB_WORKER_H

#include "cerebro_pg.h"

/* Where a worker belongs; travels in bgw_extra. */
typedef struct WorkerPlace
{
	Oid database;
	Oid login; /* InvalidOid: no role's worker */
} WorkerPlace;

/* Signals and the connection, by this process's place. */
extern WorkerPlace worker_connect(void);

PGDLLEXPORT void cerebro_job_keeper_main(Datum arg);
PGDLLEXPORT void cerebro_job_worker_main(Datum arg);

#endif
