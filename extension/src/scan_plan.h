/*
 * scan_plan.h
 *	  Between the two halves of rewriting a plan: the tree (scan_tree.c) and one
 *	  node of it (scan_plan.c).
 */
#ifndef CEREBRO_SCAN_PLAN_H
#define CEREBRO_SCAN_PLAN_H

#include "nodes/plannodes.h"

typedef struct Rewriter
{
	PlannedStmt *stmt;
	int last_id; /* of plan nodes */
} Rewriter;

/* The node, with nodes above it that compute its calls. */
extern Plan *scan_split(Rewriter *rewriter, Plan *plan);

#endif
