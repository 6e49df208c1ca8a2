/*
 * scan_column.c
 *	  Columns between the stages of a node that is split: what a stage needs of
 *	  its child, where that has it, and expressions in terms of it.
 */
#include "scan.h"
#include "scan_plan.h"

#include "access/tupconvert.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/rel.h"
#include "utils/typcache.h"

/* ------------------------------------------------- columns of a child */

/* An update of a foreign table has its whole rows as records, too. */
static bool
is_same_column(const Node *a, const Node *b)
{
	const Var *x = (const Var *) a;
	const Var *y = (const Var *) b;

	if (IsA(a, Var) && IsA(b, Var))
		return x->varno == y->varno && x->varattno == y->varattno &&
		       (x->varattno != InvalidAttrNumber || x->vartype == y->vartype);
	return equal(a, b);
}

/* Attribute from 1, or a system column's number; 0: none. */
int
scan_find_column(const Columns *columns, const Node *node)
{
	int attribute = 0;
	ListCell *cell;

	foreach (cell, columns->list)
	{
		attribute++;
		if (is_same_column(lfirst(cell), node))
			return attribute;
	}
	if (columns->is_physical && IsA(node, Var) &&
	    ((const Var *) node)->varattno < 0)
		return ((const Var *) node)->varattno;
	return 0;
}

void
scan_add_column(Columns *columns, Node *node)
{
	if (scan_find_column(columns, node) == 0)
		columns->list = lappend(columns->list, node);
}

/* ------------------------------------------------------- a call's row */

/* A whole row of the scanned table, maybe as one of its parent; or NULL. */
Var *
scan_get_whole_row(const Node *row)
{
	while (IsA(row, ConvertRowtypeExpr))
		row = (Node *) ((ConvertRowtypeExpr *) row)->arg;
	if (IsA(row, Var) && ((Var *) row)->varattno == InvalidAttrNumber &&
	    !IS_SPECIAL_VARNO(((Var *) row)->varno))
		return (Var *) row;
	return NULL;
}

Node *
scan_get_row(const FuncExpr *call)
{
	return lsecond(call->args);
}

/* For each attribute of the parent's row type, the child's, or 0. */
static List *
map_converted(const Var *row, Oid parent_type)
{
	TupleDesc from = lookup_rowtype_tupdesc(row->vartype, -1);
	TupleDesc to = lookup_rowtype_tupdesc(parent_type, -1);
	AttrMap *map = compat_build_attrmap_by_name(from, to);
	List *attributes = NIL;

	for (int i = 0; i < map->maplen; i++)
		attributes = lappend_int(attributes, map->attnums[i]);
	free_attrmap(map);
	ReleaseTupleDesc(from);
	ReleaseTupleDesc(to);
	return attributes;
}

static List *
map_whole_row(const Columns *columns, const Node *node)
{
	Var *row = scan_get_whole_row(node);
	List *attributes = map_converted(row, exprType(node));
	ListCell *cell;

	foreach (cell, attributes)
	{
		Var column = *row;

		column.varattno = (AttrNumber) lfirst_int(cell);
		if (column.varattno != 0)
			lfirst_int(cell) = scan_find_column(columns, (Node *) &column);
	}
	return attributes;
}

static List *
map_fields(const Columns *columns, const RowExpr *row)
{
	List *attributes = NIL;
	ListCell *cell;

	foreach (cell, row->args)
		attributes =
			lappend_int(attributes, scan_find_column(columns, lfirst(cell)));
	return attributes;
}

/* How a stage whose child has the columns gets at the call's row. */
ScanCallPlan *
scan_plan_call(const Columns *columns, bool has_rows, FuncExpr *call)
{
	ScanCallPlan *made = palloc0(sizeof(ScanCallPlan));
	Node *row = scan_get_row(call);

	made->call = call;
	if (IsA(row, RowExpr))
		made->columns = map_fields(columns, (RowExpr *) row);
	else if (has_rows && scan_get_whole_row(row) != NULL)
		made->columns = map_whole_row(columns, row);
	else if ((made->record = scan_find_column(columns, row)) == 0)
		elog(ERROR, "the row of a call is not in a scan's output");
	return made;
}

/* ------------------------------------------------- what stages need */

/* All columns of a row: which of them a model reads is known when it runs. */
static void
need_whole_row(Need *needed, const Var *row)
{
	TupleDesc desc = lookup_rowtype_tupdesc(row->vartype, -1);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped)
			scan_add_column(needed->columns,
			                (Node *) makeVar(row->varno, attribute->attnum,
			                                 attribute->atttypid,
			                                 attribute->atttypmod,
			                                 attribute->attcollation, 0));
	}
	ReleaseTupleDesc(desc);
}

static void
need_row(Need *needed, Node *row)
{
	ListCell *cell;

	if (IsA(row, RowExpr))
		foreach (cell, ((RowExpr *) row)->args)
			scan_add_column(needed->columns, lfirst(cell));
	else if (needed->has_rows && scan_get_whole_row(row) != NULL)
		need_whole_row(needed, scan_get_whole_row(row));
	else
		scan_add_column(needed->columns, row);
}

bool
scan_need(Node *node, Need *needed)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || list_member(needed->computed, node))
		scan_add_column(needed->columns, node);
	else if (list_member(needed->coming, node))
		need_row(needed, scan_get_row((FuncExpr *) node));
	else if (IsA(node, Aggref) || IsA(node, GroupingFunc) ||
	         IsA(node, WindowFunc))
		scan_add_column(needed->columns, node);
	else
		return expression_tree_walker(node, scan_need, needed);
	return false;
}

/* ------------------------------------------------------ replacing */

Node *
scan_replace_columns(Node *node, Replacement *with)
{
	int attribute;

	if (node == NULL)
		return NULL;
	attribute = scan_find_column(with->columns, node);
	if (attribute > 0)
		return (Node *) makeVar(with->varno, (AttrNumber) attribute,
		                        exprType(node), exprTypmod(node),
		                        exprCollation(node), 0);
	if (IsA(node, Var))
		elog(ERROR, "column %d of relation %d is not in a scan's output",
		     ((Var *) node)->varattno, (int) ((Var *) node)->varno);
	return expression_tree_mutator(node, scan_replace_columns, with);
}

List *
scan_replace_all(List *list, const Columns *columns, int varno)
{
	Replacement with = {columns, varno};

	return (List *) scan_replace_columns((Node *) list, &with);
}
