/*
 * scan.h
 *	  The plan node that scores rows in batches.
 *
 *	 scan_call	which expressions are calls of a model, that a node can compute
 *	 scan_plan	a finished plan -> one with nodes in it; scan_tree its tree,
 *				scan_column what stages need, scan_pack how plans hold it
 *	 scan_condition	what the planner assumes of a score that is compared
 *	 scan_hook	when that is done
 *	 scan_node	the node at work; scan_batch	its rows; scan_deform	their columns;
 *				scan_why	what features add to their predictions
 *
 * A node computes its calls for every row of its child, no sooner than a
 * projection in its place would have: what stands before a call, in the order
 * in which PostgreSQL evaluates conditions, has been evaluated.
 *
 *	 Custom Scan (CerebroScore)		Output: id, score_row(3, t.*)
 *	   slot: passed columns | calls		<- custom_scan_tlist
 *	   -> Seq Scan on t				Output: all columns, as they lie
 */
#ifndef CEREBRO_SCAN_H
#define CEREBRO_SCAN_H

#include "scorer.h"

#include "nodes/extensible.h"
#include "nodes/plannodes.h"

/* ------------------------------------------------------------------ calls */

typedef struct ScanFunction
{
	const char *name; /* in schema cerebro */
	bool is_deployment;
	ScoreAnswer answer;
} ScanFunction;

/* The function's row of a table, or NULL: not one of ours. */
extern const ScanFunction *scan_find_function(Oid function);
/* A call of a constant model, over a row whose type is known. */
extern bool scan_is_call(const Node *node);
extern ScoreCall scan_get_call(const FuncExpr *call);
/* The model that it means. */
extern bool scan_find_model(const ScoreCall *call, Model *model);
/*
 * Adds to calls those in node that are evaluated whenever node is, once each;
 * those under CASE and the like, or of volatile rows, are left to their
 * functions.
 */
extern List *scan_collect_calls(Node *node, List *calls);
/* Whether a statement's plan can have calls, by what it depends on. */
extern bool scan_may_have_calls(const PlannedStmt *stmt);
extern bool scan_is_marked(const PlannedStmt *stmt);
extern void scan_mark(PlannedStmt *stmt);

/* cerebro.score_compare */
extern Oid scan_get_compare_function(void);

/* ------------------------------------------------------------- conditions */

/* Comparisons of scores become calls of score_compare; whether there are any. */
extern bool scan_mark_conditions(Query *query);
/* And back again. */
extern List *scan_restore_conditions(List *quals);

/* ------------------------------------------------------------------- plan */

/* Of the statement's nodes; new ones get later ones. */
extern int scan_find_last_id(PlannedStmt *stmt);
/* Puts nodes into the statement's plans, in place. */
extern void scan_rewrite(PlannedStmt *stmt);
/* For a cursor that goes backward: rows are kept, a node cannot give them
 * twice. */
extern void scan_keep_scrolling(PlannedStmt *stmt);
/* At each node of the statement's plans. */
typedef void (*ScanVisitor)(Plan *plan, void *context);
extern void scan_visit(PlannedStmt *stmt, ScanVisitor visitor, void *context);
/* A plan with parallel workers, who cannot read what models of its calls do. */
extern bool scan_must_be_serial(PlannedStmt *stmt);
/* Nobody but the leader executes it, in place. */
extern void scan_make_serial(PlannedStmt *stmt);
/* Restores the conditions that were marked for the planner. */
extern void scan_restore(PlannedStmt *stmt);

/*
 * custom_private of a node: a list of what each call is, and the attribute of
 * the child's slot (from 1; below 0 a system column) that each passed column
 * is.  The calls' columns stand in custom_scan_tlist behind the passed ones.
 */
typedef struct ScanCallPlan
{
	FuncExpr *call;
	int record;    /* attribute of the child that is the row; 0: */
	List *columns; /* for each attribute of its type one, or 0 */
} ScanCallPlan;

typedef struct ScanPlan
{
	List *calls; /* of ScanCallPlan */
	List *passed;
	bool is_on_scan; /* the child is a table's scan: WHERE CURRENT OF */
	Node *count;     /* at most so many rows are asked for, */
	Node *offset;    /* and so many before them; NULL: not known */
} ScanPlan;

extern List *scan_plan_pack(const ScanPlan *plan);
extern void scan_plan_unpack(const List *list, ScanPlan *plan);

/* ------------------------------------------------------------------- node */

extern const CustomScanMethods scan_methods;
extern void scan_init(void);

#endif
