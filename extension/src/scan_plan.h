/*
 * scan_plan.h
 *	  Between the parts of rewriting a plan: the tree (scan_tree.c), one node of
 *	  it (scan_plan.c), and the columns of its stages (scan_column.c).
 */
#ifndef CEREBRO_SCAN_PLAN_H
#define CEREBRO_SCAN_PLAN_H

#include "scan.h"

#include "nodes/plannodes.h"

typedef struct Rewriter
{
	PlannedStmt *stmt;
	int last_id;      /* of plan nodes */
	bool is_parallel; /* below a node that gathers rows of several processes */
} Rewriter;

/* The node, with nodes above it that compute its calls. */
extern Plan *scan_split(Rewriter *rewriter, Plan *plan);

/* ---------------------------------------------------------------- columns */

/*
 * What a child yields: for each attribute of its output, the expression in
 * terms of the split node.
 */
typedef struct Columns
{
	List *list;
	bool is_physical; /* rows of a table as they lie: with system columns */
} Columns;

/* Attribute of a column, from 1, or 0; below 0: a system column. */
extern int scan_find_column(const Columns *columns, const Node *node);
extern void scan_add_column(Columns *columns, Node *node);
/* A whole row of the scanned table, maybe as one of its parent; or NULL. */
extern Var *scan_get_whole_row(const Node *row);
/* The row that a call takes. */
extern Node *scan_get_row(const FuncExpr *call);
extern ScanCallPlan *
scan_plan_call(const Columns *columns, bool has_rows, FuncExpr *call);

typedef struct Need
{
	const List *computed; /* calls whose answers are there */
	const List *coming;   /* calls that are computed later */
	bool has_rows;        /* whole rows of the table are its columns */
	Columns *columns;     /* out */
} Need;

/* Adds to columns what node needs. */
extern bool scan_need(Node *node, Need *needed);

typedef struct Replacement
{
	const Columns *columns;
	int varno;
} Replacement;

/* Expressions with columns in their place. */
extern Node *scan_replace_columns(Node *node, Replacement *with);
extern List *scan_replace_all(List *list, const Columns *columns, int varno);

#endif
