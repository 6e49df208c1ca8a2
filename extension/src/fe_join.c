/*
 * fe_join.c
 *	  JOINs: in which order, by which way, and what is to be proven of each.
 *
 * A JOIN finds one row at most: a unique index proves it, JOIN LAST takes one
 * anyway, all others are looked at.  Where rows may find none, a column of its
 * own says so.
 */
#include "fe_private.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "extract.h"

/* --------------------------------------------------------------- looking */

/* One row of a query, as text, if there is one. */
typedef struct Finding
{
	bool is_found;
	List *values;          /* of char * */
	MemoryContext context; /* of the values: the query's own ends before */
} Finding;

static void
keep_row(void *self, TupleTableSlot *slot)
{
	Finding *finding = self;
	TupleDesc desc = slot->tts_tupleDescriptor;
	MemoryContext old = MemoryContextSwitchTo(finding->context);

	finding->is_found = true;
	for (int i = 0; i < desc->natts; i++)
	{
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(TupleDescAttr(desc, i)->atttypid, &output,
		                  &is_varlena);
		finding->values =
			lappend(finding->values,
		            slot->tts_isnull[i]
		                ? "NULL"
		                : OidOutputFunctionCall(output, slot->tts_values[i]));
	}
	MemoryContextSwitchTo(old);
}

/* An error on the data, as of a division in ON. */
static void
report_look(void *arg)
{
	const FeTable *table = arg;
	const cer_fe_item *item = table->item;

	errcontext("rows that JOIN of \"%s\" of FE at line %d, column %d finds%s%s",
	           table->alias, item->line, item->column,
	           item->link == CER_LINK_ON ? ": " : "",
	           item->link == CER_LINK_ON ? fe_text(item->link_sql) : "");
}

static void
run_look(const Fe *fe, const FeTable *table, Query *query, Finding *finding)
{
	ErrorContextCallback context = {.previous = error_context_stack,
	                                .callback = report_look,
	                                .arg = unconstify(FeTable *, table)};

	error_context_stack = &context;
	query_run(query, fe->task->query, keep_row, finding);
	error_context_stack = context.previous;
}

/* A column of the row is wanted only where is_shown. */
static Finding
find_row(const Fe *fe, const FeTable *table, SelectStmt *select, bool is_shown)
{
	Finding finding = {.context = CurrentMemoryContext};
	FindingMemory memory;
	Query *query;

	select->limitCount = fe_integer(1);
	select->limitOption = LIMIT_OPTION_COUNT;
	query = fe_analyze((Node *) select, fe->task->query);
	source_check_code(fe->task, query);
	if (extract_recall_finding(query, &memory) &&
	    !(memory.is_found && is_shown))
	{
		finding.is_found = memory.is_found;
		return finding;
	}
	run_look(fe, table, query, &finding);
	memory.is_found = finding.is_found;
	extract_keep_finding(fe->task, &memory);
	return finding;
}

static Node *
make_count(void)
{
	FuncCall *call =
		makeFuncCall(SystemFuncName("count"), NIL, COERCE_EXPLICIT_CALL, -1);

	call->agg_star = true;
	return (Node *) call;
}

static char *
print_texts(List *texts, int n)
{
	char **array = palloc((n + 1) * sizeof(char *));

	for (int i = 0; i < n; i++)
		array[i] = list_nth(texts, i);
	return names_print(array, n);
}

/* Looks for a row of the source that several rows match. */
static void
check_single(const Fe *fe, const FeTable *table, Node *from)
{
	int n_key = fe->task->n_key;
	SelectStmt *select = fe_select(NIL, from, fe_is_matched(table, true));
	Finding finding;

	for (int i = 0; i < n_key; i++)
	{
		Node *key = fe_column(FE_SOURCE, fe_key_name(i));

		select->targetList =
			lappend(select->targetList, fe_target(key, fe_key_name(i)));
		select->groupClause = lappend(select->groupClause, key);
	}
	select->targetList =
		lappend(select->targetList, fe_target(make_count(), "n"));
	select->havingClause = fe_operator(">", make_count(), fe_integer(1));
	finding = find_row(fe, table, select, true);
	if (finding.is_found)
		fe_fail(
			fe_at(fe, table->item), ERRCODE_CARDINALITY_VIOLATION,
			psprintf("JOIN of \"%s\" finds several rows for one", table->alias),
			psprintf("The row of the source with (%s) = (%s) has %s "
		             "matches.",
		             names_print(fe->task->key, n_key),
		             print_texts(finding.values, n_key),
		             (char *) list_nth(finding.values, n_key)),
			table->time >= 0 ? "Join by more columns, take the newest with "
							   "JOIN LAST, or AGGREGATE the rows."
							 : "Join by more columns, or AGGREGATE the "
							   "rows.");
}

/* ------------------------------------------------------------- unmatched */

/* The last of those a column hands on: that of a table, behind views. */
static const FeOrigin *
get_base(const FeColumn *column)
{
	return column->plain == NIL ? NULL : llast(column->plain);
}

static bool
is_equal_pair(const FeTable *table, AttrNumber child, AttrNumber parent)
{
	for (int i = 0; i < table->n_equals; i++)
	{
		const FeEqual *equal = &table->equals[i];
		const FeOrigin *origin =
			get_base(&equal->left->columns[equal->left_column]);
		char *name = table->columns[equal->column].name;

		if (origin != NULL && origin->attribute == child &&
		    get_attnum(table->relation, name) == parent)
			return true;
	}
	return false;
}

static bool
is_valid_constraint(Oid constraint)
{
	HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	bool is_valid = HeapTupleIsValid(tuple) &&
	                ((Form_pg_constraint) GETSTRUCT(tuple))->convalidated;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return is_valid;
}

static bool
is_join_key(const ForeignKeyCacheInfo *key, const FeTable *table)
{
	if (key->confrelid != table->relation || key->nkeys != table->n_equals ||
	    !is_valid_constraint(key->conoid))
		return false;
	for (int i = 0; i < key->nkeys; i++)
		if (!is_equal_pair(table, key->conkey[i], key->confkey[i]))
			return false;
	return true;
}

static bool
has_foreign_key(Oid child, const FeTable *table)
{
	Relation relation = table_open(child, AccessShareLock);
	bool found = false;
	ListCell *cell;

	foreach (cell, RelationGetFKeyList(relation))
		found |= is_join_key(lfirst(cell), table);
	table_close(relation, NoLock);
	return found;
}

static bool
is_not_null(const FeOrigin *origin)
{
	HeapTuple tuple =
		SearchSysCache2(ATTNUM, ObjectIdGetDatum(origin->relation),
	                    Int16GetDatum(origin->attribute));
	bool is_not_null = HeapTupleIsValid(tuple) &&
	                   ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return is_not_null;
}

/*
 * Proven without looking: a foreign key of the source's own relation, all of
 * whose columns are NOT NULL.  Row policies may hide what it refers to.
 */
static bool
is_always_matched(const Fe *fe, const FeTable *table)
{
	Oid child = fe->task->relation;
	bool is_proven =
		OidIsValid(child) && !fe_is_cut(fe, table) &&
		fe_is_told_by_column(table) && table->item->link != CER_LINK_ON &&
		check_enable_rls(table->relation, InvalidOid, true) == RLS_NONE;

	for (int i = 0; i < table->n_equals && is_proven; i++)
	{
		const FeEqual *equal = &table->equals[i];
		const FeOrigin *origin =
			get_base(&equal->left->columns[equal->left_column]);

		is_proven = equal->left->item == NULL && origin != NULL &&
		            origin->relation == child && is_not_null(origin);
	}
	return is_proven && has_foreign_key(child, table);
}

static bool
has_unmatched(const Fe *fe, const FeTable *table, Node *from)
{
	SelectStmt *select = fe_select(list_make1(fe_target(fe_true(), "found")),
	                               from, fe_is_matched(table, false));

	return find_row(fe, table, select, false).is_found;
}

static char *
name_indicator(const FeTable *table)
{
	char *name = "is_matched";

	while (fe_table_find_column(table, name) >= 0)
		name = psprintf("%s_", name);
	return name;
}

/* ------------------------------------------------------------- conditions */

static void
check_visible(const Fe *fe, const FeTable *table, const FeTable *of, int column)
{
	FeHiding hiding = fe_hides_column(fe, of, column);

	if (hiding != FE_NOTHING_READ)
		fe_fail(fe_at(fe, table->item), ERRCODE_INVALID_PARAMETER_VALUE,
		        psprintf("\"%s\" is found by column \"%s\", which cannot be a "
		                 "feature",
		                 table->alias, of->columns[column].name),
		        fe_print_hiding(hiding), NULL);
}

/*
 * What the task hides may not decide which row is found.  Rows that are
 * aggregated may hold it: only those known by then are looked at.
 */
void
fe_check_equals(const Fe *fe, const FeTable *table)
{
	for (int i = 0; i < table->n_equals; i++)
	{
		const FeEqual *equal = &table->equals[i];

		check_visible(fe, table, equal->left, equal->left_column);
		if (table->item->kind == CER_FE_JOIN)
			check_visible(fe, table, table, equal->column);
	}
}

/* The condition alone: SELECT (condition) FROM earlier tables, the table. */
static void
check_on(const Fe *fe, FeTable *table)
{
	Fe with = *fe; /* and the table */
	SelectStmt *select;
	FeText text;
	Query *query;
	Node *node;

	if (table->item->link != CER_LINK_ON)
		return;
	fe_text_enter(&text, fe_at(fe, table->item), "condition",
	              table->item->link_sql);
	select = fe_select(
		list_make1(fe_target(fe_text_parse(fe, &text, true), "condition")),
		fe_from(fe, list_length(fe->tables)), NULL);
	select->fromClause =
		lappend(select->fromClause, fe_relation(table->relation, table->alias));
	query = fe_analyze((Node *) select, text.text);
	with.tables = lappend(list_copy(fe->tables), table);
	node = fe_text_check(&with, &text, query);
	if (exprType(node) != BOOLOID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("the condition is of type %s, not boolean",
		                       format_type_be(exprType(node)))));
	fe_note_equalities(table, node, (Index) list_length(query->rtable));
	fe_text_leave(&text);
}

static void
check_last(const Fe *fe, const FeTable *table)
{
	if (table->item->is_last && table->time < 0)
		fe_fail(fe_at(fe, table->item),
		        ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		        psprintf("JOIN LAST of \"%s\", which has no time column",
		                 table->alias),
		        NULL,
		        psprintf("Declare it: SELECT cerebro.set_time(%s, 'column').",
		                 quote_literal_cstr(get_rel_name(table->relation))));
}

static bool
is_time_column(const Node *node, const FeTable *table)
{
	const ColumnRef *ref = (const ColumnRef *) node;

	return node != NULL && IsA(node, ColumnRef) &&
	       list_length(ref->fields) == 2 &&
	       strcmp(strVal(linitial(ref->fields)), table->alias) == 0 &&
	       IsA(llast(ref->fields), String) &&
	       strcmp(strVal(llast(ref->fields)),
	              table->columns[table->time].name) == 0;
}

/* Whether a condition asks, among others, for rows of one time. */
static bool
asks_for_time(const Node *node, const FeTable *table)
{
	const A_Expr *expr = (const A_Expr *) node;
	ListCell *cell;

	if (IsA(node, BoolExpr) && ((BoolExpr *) node)->boolop == AND_EXPR)
		foreach (cell, ((BoolExpr *) node)->args)
			if (asks_for_time(lfirst(cell), table))
				return true;
	return IsA(node, A_Expr) && expr->kind == AEXPR_OP &&
	       strcmp(strVal(llast(expr->name)), "=") == 0 &&
	       (is_time_column(expr->lexpr, table) ||
	        is_time_column(expr->rexpr, table));
}

static void
find_time_equality(const Fe *fe, FeTable *table)
{
	if (table->time < 0 || table->item->is_last)
		return;
	for (int i = 0; i < table->n_equals; i++)
		table->is_time_equal |= table->equals[i].column == table->time;
	if (table->item->link == CER_LINK_ON)
		table->is_time_equal = asks_for_time(fe_parse_on(fe, table), table);
}

static void
tell_time_equality(const Fe *fe, const FeTable *table)
{
	if (!fe->is_looking || !table->is_time_equal || !fe_is_cut(fe, table))
		return;
	ereport(NOTICE,
	        (errmsg("JOIN of \"%s\" sees rows of the very time of the "
	                "prediction",
	                table->alias),
	         errdetail("It is joined by its time column \"%s\".",
	                   table->columns[table->time].name),
	         errhint("Where such rows are written later, use JOIN LAST, which "
	                 "sees earlier ones only.")));
}

/* ------------------------------------------------------------------- join */

static void
look(const Fe *fe, FeTable *table)
{
	Node *from = fe_from(fe, list_length(fe->tables));

	if (!table->is_single)
		check_single(fe, table, from);
	/* of the newest rows that would be as much as to read them all */
	if (table->indicator != NULL && !table->item->is_last &&
	    !has_unmatched(fe, table, from))
		table->indicator = NULL;
}

static void
add_join(Fe *fe, FeTable *table)
{
	fe_check_equals(fe, table);
	check_last(fe, table);
	check_on(fe, table);
	find_time_equality(fe, table);
	tell_time_equality(fe, table);
	if (table->item->is_last)
		fe_tell_of_index(fe, table);
	table->is_single = fe_is_unique(table) || table->item->is_last;
	fe->tables = lappend(fe->tables, table);
	if (!is_always_matched(fe, table))
		table->indicator = name_indicator(table);
	if (fe->is_looking)
		look(fe, table);
}

/*
 * In rounds: each joins what the tables before it lead to, so that the nearest
 * way counts and the order in which FE was written does not.
 */
void
fe_add_joins(Fe *fe, List *waiting)
{
	while (waiting != NIL)
	{
		List *found = NIL;
		List *left = NIL;
		ListCell *cell;

		foreach (cell, waiting)
			if (fe_link(fe, lfirst(cell), false))
				found = lappend(found, lfirst(cell));
			else
				left = lappend(left, lfirst(cell));
		if (found == NIL)
			(void) fe_link(fe, linitial(left), true);
		foreach (cell, found)
			add_join(fe, lfirst(cell));
		waiting = left;
	}
}
