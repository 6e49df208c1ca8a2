/*
 * scan_joins.h
 *	  A node's child that is hash joins: its rows, without the joins.
 */
#ifndef CEREBRO_SCAN_JOINS_H
#define CEREBRO_SCAN_JOINS_H

#include "cerebro_pg.h"

#include "commands/explain.h"
#include "nodes/execnodes.h"

typedef struct ScanJoins ScanJoins;

/* In the current memory context; NULL where the child is something else, or
 * cerebro.plan_join says otherwise. */
extern ScanJoins *scan_joins_make(PlanState *child);
/* As ExecProcNode of the child, whose own joins stay idle. */
extern TupleTableSlot *scan_joins_next(ScanJoins *joins);
/* As ExecReScan of the child. */
extern void scan_joins_rescan(ScanJoins *joins);
/* Of each table that is looked up, for EXPLAIN: List of char *. */
extern List *
scan_joins_describe(const ScanJoins *joins, const ExplainState *es);

#endif
