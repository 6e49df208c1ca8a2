/*
 * scan_pack.c
 *	  What a node's plan says, as lists that plans can hold, and back.
 */
#include "scan.h"

List *
scan_plan_pack(const ScanPlan *plan)
{
	List *calls = NIL;
	ListCell *cell;

	foreach (cell, plan->calls)
	{
		ScanCallPlan *call = lfirst(cell);

		calls = lappend(calls, list_make3(call->call, makeInteger(call->record),
		                                  call->columns));
	}
	return list_make5(calls, plan->passed, makeInteger(plan->is_on_scan),
	                  plan->count, plan->offset);
}

void
scan_plan_unpack(const List *list, ScanPlan *plan)
{
	ListCell *cell;

	plan->calls = NIL;
	foreach (cell, linitial_node(List, list))
	{
		List *packed = lfirst_node(List, cell);
		ScanCallPlan *call = palloc(sizeof(ScanCallPlan));

		call->call = linitial_node(FuncExpr, packed);
		call->record = intVal(lsecond(packed));
		call->columns = (List *) lthird(packed);
		plan->calls = lappend(plan->calls, call);
	}
	plan->passed = (List *) lsecond(list);
	plan->is_on_scan = intVal(lthird(list)) != 0;
	plan->count = lfourth(list);
	plan->offset = list_nth(list, 4);
}
