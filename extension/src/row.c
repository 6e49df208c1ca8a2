/*
 * row.c
 *	  The task's expressions over one row.
 *
 *	 row of the task's relation:  query's target, with the source's own
 *								  expression in the place of each source column
 *	 any other record:			  query's target, with the record's column of
 *								  the same name in its place
 *
 * Plain columns are handed on from the deformed row; what else there is runs in
 * the executor, under the task's settings where its value can depend on them.
 */
#include "cerebro_pg.h"
#include "basis.h"
#include "fe.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "executor/tuptable.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef struct RowTarget
{
	Oid type;
	AttrNumber attribute; /* plain column of the record, from 1; else 0 */
	ExprState *state;     /* of what is no plain column */
} RowTarget;

struct RowEvaluator
{
	const Task *task;
	int n_targets;
	RowTarget *targets;
	Basis *basis;
	AttrNumber last_attribute; /* that a plain column needs */
	Bitmapset *attributes;     /* all that are read, from 1 */
	TupleTableSlot *slot;
	TupleTableSlot *columns; /* as slot, without a tuple; NULL until needed */
	HeapTupleData tuple;
	ExprContext *context;
	bool has_expressions;
	SettingsImage *settings; /* NULL: no value depends on them */
	FeLookup *lookup;        /* of a model that reads other tables; else NULL */
	FeRun *run;              /* of single rows */
};

/* ------------------------------------------- records matched by name */

typedef struct NameMap
{
	const Task *task;
	const Query *query;
	TupleDesc record;
} NameMap;

static AttrNumber
find_attribute(const NameMap *map, const char *name)
{
	for (int i = 0; i < map->record->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(map->record, i);

		if (!attribute->attisdropped &&
		    strcmp(NameStr(attribute->attname), name) == 0)
			return attribute->attnum;
	}
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
	                errmsg("the row has no column \"%s\"", name),
	                errdetail("Task \"%s\" needs the columns of its source, or "
	                          "a row of the relation that the source reads.",
	                          map->task->name)));
}

static Node *
make_record_column(const NameMap *map, const Var *column)
{
	TargetEntry *entry;
	Form_pg_attribute attribute;
	Node *var;
	Node *coerced;

	if (column->varattno <= 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("task \"%s\" reads whole rows of its source",
		                       map->task->name),
		                errdetail("Its columns cannot be found by name in "
		                          "other rows.")));
	entry = list_nth_node(TargetEntry, map->query->targetList,
	                      column->varattno - 1);
	attribute =
		TupleDescAttr(map->record, find_attribute(map, entry->resname) - 1);
	var = (Node *) makeVar(1, attribute->attnum, attribute->atttypid,
	                       attribute->atttypmod, attribute->attcollation, 0);
	coerced = coerce_to_target_type(NULL, var, attribute->atttypid,
	                                column->vartype, -1, COERCION_ASSIGNMENT,
	                                COERCE_IMPLICIT_CAST, -1);
	if (coerced == NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_DATATYPE_MISMATCH),
		         errmsg("column \"%s\" of the row is of type %s",
		                entry->resname, format_type_be(attribute->atttypid)),
		         errdetail("Task \"%s\" has it as %s.", map->task->name,
		                   format_type_be(column->vartype))));
	return coerced;
}

static Node *
map_by_name(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return make_record_column(context, (Var *) node);
	return expression_tree_mutator(node, map_by_name, context);
}

/* --------------------------------------------- rows of the relation */

static bool
has_system_column(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varattno < 0;
	return expression_tree_walker(node, has_system_column, context);
}

/* The name in the stored query may be another relation's by now. */
static void
check_relation(const Task *task, const Query *source)
{
	if (source_find_relation(source) == task->relation)
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                errmsg("the query of task \"%s\" does not read %s any more",
	                       task->name, get_rel_name(task->relation)),
	                errdetail("Another relation has its name now."),
	                errhint("Give it its name back, or create the task "
	                        "again.")));
}

static Node *
map_by_source(const Task *task, const Query *query, Node *node)
{
	RangeTblEntry *source = rt_fetch(1, query->rtable);

	check_relation(task, source->subquery);
	node = compat_replace_vars(node, source, source->subquery->targetList);
	if (has_system_column(node, NULL))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("task \"%s\" reads a system column", task->name),
		                errdetail("It is not part of a row's value.")));
	return node;
}

static bool
is_relation_row(const Task *task, TupleDesc record)
{
	return OidIsValid(task->relation) &&
	       record->tdtypeid == get_rel_type_id(task->relation);
}

/* ----------------------------------------------------------- evaluator */

/* Immutable by declaration, yet written as a setting says. */
static bool
prints_or_parses(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceViaIO) || IsA(node, XmlExpr))
		return true;
	return expression_tree_walker(node, prints_or_parses, context);
}

static bool
depends_on_settings(Node *node)
{
	return contain_mutable_functions(node) || prints_or_parses(node, NULL);
}

/* As the executor does for what it evaluates: a table may change meanwhile. */
static void
check_attribute(const RowEvaluator *evaluator, const Var *var)
{
	TupleDesc record = evaluator->slot->tts_tupleDescriptor;

	if (var->varattno > record->natts ||
	    TupleDescAttr(record, var->varattno - 1)->atttypid != var->vartype)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("column %d of the row is not of type %s",
		                       var->varattno, format_type_be(var->vartype))));
}

static void
add_attributes(RowEvaluator *evaluator, Node *expr)
{
	TupleDesc record = evaluator->slot->tts_tupleDescriptor;
	Bitmapset *read = NULL;
	int i = -1;

	pull_varattnos(expr, 1, &read);
	while ((i = bms_next_member(read, i)) >= 0)
	{
		int attribute = i + FirstLowInvalidHeapAttributeNumber;

		if (attribute > 0)
			evaluator->attributes =
				bms_add_member(evaluator->attributes, attribute);
		else if (attribute == 0) /* the whole row */
			for (int k = 0; k < record->natts; k++)
				if (!TupleDescAttr(record, k)->attisdropped)
					evaluator->attributes =
						bms_add_member(evaluator->attributes, k + 1);
	}
}

/* Returns whether the value can depend on the task's settings. */
static bool
init_target(RowEvaluator *evaluator, RowTarget *target, Node *node)
{
	Expr *expr = expression_planner((Expr *) node);

	target->type = exprType((Node *) expr);
	if (IsA(expr, Var) && ((Var *) expr)->varattno > 0)
	{
		check_attribute(evaluator, (Var *) expr);
		target->attribute = ((Var *) expr)->varattno;
		evaluator->attributes =
			bms_add_member(evaluator->attributes, target->attribute);
		evaluator->last_attribute =
			Max(evaluator->last_attribute, target->attribute);
		return false;
	}
	add_attributes(evaluator, (Node *) expr);
	target->state = ExecInitExpr(expr, NULL);
	evaluator->has_expressions = true;
	return depends_on_settings((Node *) expr);
}

static Node *
make_node(const Task *task, const Query *query, TupleDesc record, int target)
{
	TargetEntry *entry = list_nth_node(TargetEntry, query->targetList, target);
	NameMap map = {.task = task, .query = query, .record = record};
	Node *node = copyObject((Node *) entry->expr);

	if (is_relation_row(task, record))
		return map_by_source(task, query, node);
	node = map_by_name(node, &map);
	source_check_expression(task, node); /* its casts, too */
	return node;
}

static void
init_targets(RowEvaluator *evaluator, TupleDesc record, const int *targets,
             int n_targets)
{
	const Task *task = evaluator->task;
	int level = settings_enter(task);
	Query *query = task_analyze(task);
	bool has_settings = false;

	source_check_row_code(task, query);
	basis_add_query(evaluator->basis, query);
	basis_add_row(evaluator->basis, record);
	evaluator->targets = palloc0((n_targets + 1) * sizeof(RowTarget));
	evaluator->slot =
		/* with defaults: OLD of a trigger may lack columns added later */
		MakeSingleTupleTableSlot(CreateTupleDescCopyConstr(record),
	                             &TTSOpsHeapTuple);
	evaluator->context = CreateStandaloneExprContext();
	evaluator->context->ecxt_scantuple = evaluator->slot;
	for (int i = 0; i < n_targets; i++)
		has_settings |= init_target(evaluator, &evaluator->targets[i],
		                            make_node(task, query, record, targets[i]));
	if (has_settings)
		evaluator->settings = settings_image_make();
	settings_leave(level);
}

RowEvaluator *
row_evaluator_make(const Task *task, TupleDesc record, const int *targets,
                   int n_targets)
{
	RowEvaluator *evaluator = palloc0(sizeof(RowEvaluator));

	evaluator->task = task;
	evaluator->n_targets = n_targets;
	if (task->base != NULL)
	{
		evaluator->lookup = fe_lookup_make(task, record, targets, n_targets);
		evaluator->basis = fe_lookup_get_basis(evaluator->lookup);
		evaluator->run = fe_run_make(evaluator->lookup, NULL, FE_BATCH, false);
	}
	else
	{
		evaluator->basis = basis_make();
		init_targets(evaluator, record, targets, n_targets);
	}
	return evaluator;
}

struct FeLookup *
row_evaluator_get_lookup(RowEvaluator *evaluator)
{
	return evaluator->lookup;
}

struct Basis *
row_evaluator_get_basis(const RowEvaluator *evaluator)
{
	return evaluator->basis;
}

bool
row_evaluator_is_plain(const RowEvaluator *evaluator)
{
	return !evaluator->has_expressions && evaluator->lookup == NULL;
}

/* What runs code is not: whether it may run is asked per statement. */
bool
row_evaluator_is_lasting(const RowEvaluator *evaluator)
{
	return evaluator->lookup != NULL ? fe_lookup_is_lasting(evaluator->lookup)
	                                 : row_evaluator_is_plain(evaluator);
}

Oid
row_evaluator_get_type(const RowEvaluator *evaluator, int target)
{
	return evaluator->lookup != NULL
	           ? fe_lookup_get_type(evaluator->lookup, target)
	           : evaluator->targets[target].type;
}

/* What looks at the columns of a row that is to be evaluated. */
static const RowEvaluator *
get_reader(const RowEvaluator *evaluator)
{
	return evaluator->lookup != NULL
	           ? fe_lookup_get_evaluator(evaluator->lookup)
	           : evaluator;
}

int
row_evaluator_count_attributes(const RowEvaluator *evaluator)
{
	return get_reader(evaluator)->slot->tts_tupleDescriptor->natts;
}

Bitmapset *
row_evaluator_get_attributes(const RowEvaluator *evaluator)
{
	return get_reader(evaluator)->attributes;
}

AttrNumber
row_evaluator_get_attribute(const RowEvaluator *evaluator, int target)
{
	return evaluator->targets[target].attribute;
}

static void
evaluate_expressions(RowEvaluator *evaluator, Datum *values, bool *nulls)
{
	for (int i = 0; i < evaluator->n_targets; i++)
		if (evaluator->targets[i].state != NULL)
			values[i] = ExecEvalExprSwitchContext(
				evaluator->targets[i].state, evaluator->context, &nulls[i]);
}

static void
evaluate_under_settings(RowEvaluator *evaluator, Datum *values, bool *nulls)
{
	int level;

	if (evaluator->settings == NULL ||
	    settings_image_is_current(evaluator->settings))
	{
		evaluate_expressions(evaluator, values, nulls);
		return;
	}
	level = settings_enter(evaluator->task);
	evaluate_expressions(evaluator, values, nulls);
	settings_leave(level);
}

static void
look_up(RowEvaluator *evaluator, HeapTupleHeader record, Datum *values,
        bool *nulls)
{
	const Datum *found;
	const bool *are_null;

	fe_run_clear(evaluator->run);
	fe_run_add(evaluator->run, record);
	fe_run_look_up(evaluator->run);
	fe_run_get(evaluator->run, 0, &found, &are_null);
	memcpy(values, found, evaluator->n_targets * sizeof(Datum));
	memcpy(nulls, are_null, evaluator->n_targets);
}

/* The targets, given a slot in which what they read is there. */
static void
evaluate_targets(RowEvaluator *evaluator, TupleTableSlot *slot, Datum *values,
                 bool *nulls)
{
	for (int i = 0; i < evaluator->n_targets; i++)
	{
		AttrNumber attribute = evaluator->targets[i].attribute;

		if (attribute == 0)
			continue;
		values[i] = slot->tts_values[attribute - 1];
		nulls[i] = slot->tts_isnull[attribute - 1];
	}
	if (evaluator->has_expressions)
	{
		ResetExprContext(evaluator->context);
		evaluator->context->ecxt_scantuple = slot;
		evaluate_under_settings(evaluator, values, nulls);
	}
}

/* Values that are no plain data stay until the next call. */
void
row_evaluate(RowEvaluator *evaluator, HeapTupleHeader record, Datum *values,
             bool *nulls)
{
	TupleTableSlot *slot = evaluator->slot;

	if (evaluator->lookup != NULL)
	{
		look_up(evaluator, record, values, nulls);
		return;
	}
	evaluator->tuple.t_len = HeapTupleHeaderGetDatumLength(record);
	ItemPointerSetInvalid(&evaluator->tuple.t_self);
	evaluator->tuple.t_tableOid = InvalidOid;
	evaluator->tuple.t_data = record;
	ExecStoreHeapTuple(&evaluator->tuple, slot, false);
	if (evaluator->last_attribute > 0)
		slot_getsomeattrs(slot, evaluator->last_attribute);
	evaluate_targets(evaluator, slot, values, nulls);
}

static TupleTableSlot *
get_columns(RowEvaluator *evaluator)
{
	MemoryContext caller;

	if (evaluator->columns != NULL)
		return evaluator->columns;
	caller = MemoryContextSwitchTo(GetMemoryChunkContext(evaluator));
	evaluator->columns = MakeSingleTupleTableSlot(
		evaluator->slot->tts_tupleDescriptor, &TTSOpsVirtual);
	MemoryContextSwitchTo(caller);
	return evaluator->columns;
}

void
row_evaluate_slot(RowEvaluator *evaluator, const TupleTableSlot *slot,
                  const int *by_attribute, Datum *values, bool *nulls)
{
	TupleTableSlot *columns = get_columns(evaluator);

	ExecClearTuple(columns);
	for (int i = 0; i < columns->tts_tupleDescriptor->natts; i++)
	{
		int column = by_attribute[i];

		columns->tts_values[i] = column < 0 ? 0 : slot->tts_values[column];
		columns->tts_isnull[i] = column < 0 || slot->tts_isnull[column];
	}
	ExecStoreVirtualTuple(columns);
	evaluate_targets(evaluator, columns, values, nulls);
}
