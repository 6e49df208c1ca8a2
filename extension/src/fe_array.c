/*
 * fe_array.c
 *	  Columns of arrays: a target for each element, and one for how many there
 *	  are, beside the column's own.
 *
 *	 readings : sequence(3)  ->  "readings[1]" "readings[2]" "readings[3]"
 *								 "readings[]"
 *
 * So arrays travel, are hashed, kept and scored as numbers are.  Of arrays with
 * several dimensions nothing is seen: they have 0 elements.
 */
#include "fe_private.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static Node *
make_element(Node *array, int i)
{
	A_Indirection *indirection = makeNode(A_Indirection);
	A_Indices *indices = makeNode(A_Indices);

	indices->uidx = fe_integer(i);
	indirection->arg = array;
	indirection->indirection = list_make1(indices);
	return (Node *) indirection;
}

static Node *
call(const char *name, List *arguments)
{
	return (Node *) makeFuncCall(SystemFuncName(pstrdup(name)), arguments,
	                             COERCE_EXPLICIT_CALL, -1);
}

/* CASE array_ndims(x) WHEN 1 THEN array_length(x, 1) END */
static Node *
make_length(Node *array)
{
	CaseExpr *expr = makeNode(CaseExpr);
	CaseWhen *when = makeNode(CaseWhen);

	when->expr = (Expr *) fe_integer(1);
	when->result =
		(Expr *) call("array_length", list_make2(array, fe_integer(1)));
	when->location = -1;
	expr->arg = (Expr *) call("array_ndims", list_make1(array));
	expr->args = list_make1(when);
	expr->location = -1;
	return (Node *) expr;
}

/* How many elements of its arrays an item asks for; 0: it is of no arrays. */
static size_t
count_elements(const cer_fe_item *item)
{
	if (item->kind != CER_FE_COLUMN && item->kind != CER_FE_DERIVED)
		return 0;
	for (size_t i = 0; i < item->n_encoders; i++)
		if (item->encoders[i].kind == CER_ENCODER_SEQUENCE)
			return item->encoders[i].width;
	return 0;
}

bool
fe_is_of_arrays(const cer_fe_item *item)
{
	return count_elements(item) > 0;
}

static FeTarget *
find_target(const Fe *fe, const char *name)
{
	ListCell *cell;

	foreach (cell, fe->targets)
		if (strcmp(((FeTarget *) lfirst(cell))->name, name) == 0)
			return lfirst(cell);
	return NULL;
}

static void
add_part(Fe *fe, const cer_fe_item *item, const FeTarget *array, char *name,
         Node *node)
{
	FeTarget *target = fe_add_target(fe, item, name, node);

	target->is_in_star = false;
	target->is_label = array->is_label;
	target->is_excluded = array->is_excluded;
}

static void
check_array(const Fe *fe, const cer_fe_item *item, const FeTarget *array)
{
	SelectStmt *select =
		fe_select(list_make1(fe_target(copyObject(array->node), array->name)),
	              fe_from(fe, list_length(fe->tables)), NULL);
	Query *query = fe_analyze((Node *) select, fe->task->query);
	TargetEntry *entry = linitial_node(TargetEntry, query->targetList);
	Oid type = exprType((Node *) entry->expr);

	if (!OidIsValid(get_element_type(getBaseType(type))))
		fe_fail(fe_at(fe, item), ERRCODE_DATATYPE_MISMATCH,
		        psprintf("encoder sequence needs arrays, but column \"%s\" is "
		                 "of type %s",
		                 array->name, format_type_be(type)),
		        NULL, NULL);
}

/* A column that is not there is for the plan to tell. */
static void
add_elements(Fe *fe, const cer_fe_item *item)
{
	char *name = fe_text(item->names[0]);
	FeTarget *array;

	if (item->qualifier.size > 0)
		name = psprintf("%s.%s", fe_text(item->qualifier), name);
	array = find_target(fe, name);
	if (array == NULL)
		return;
	check_array(fe, item, array);
	for (size_t i = 1; i <= count_elements(item); i++)
		add_part(fe, item, array, psprintf("%s[%zu]", name, i),
		         make_element(copyObject(array->node), (int) i));
	add_part(fe, item, array, psprintf("%s[]", name),
	         make_length(copyObject(array->node)));
}

void
fe_add_arrays(Fe *fe)
{
	for (size_t i = 0; i < fe->n_items; i++)
		if (fe_is_of_arrays(&fe->items[i]))
			add_elements(fe, &fe->items[i]);
}
