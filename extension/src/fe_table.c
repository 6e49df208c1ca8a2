/*
 * fe_table.c
 *	  The tables that FE names: their columns, what identifies a row of them.
 */
#include "fe_private.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

char *
fe_text(cer_text text)
{
	return pnstrdup(text.data, text.size);
}

FePlace
fe_at(const Fe *fe, const cer_fe_item *item)
{
	return (FePlace){fe->text, item->line, item->column};
}

/* As the library ends its messages. */
void
fe_fail(FePlace place, int sqlstate, char *message, char *detail, char *hint)
{
	ereport(
		ERROR,
		(errcode(sqlstate),
	     errmsg("%s at line %d, column %d", message, place.line, place.column),
	     detail ? errdetail("%s", detail) : 0, hint ? errhint("%s", hint) : 0,
	     internalerrquery(place.text),
	     internalerrposition(
			 host_find_position(place.text, place.line, place.column))));
}

/* ---------------------------------------------------------------- lookup */

static bool
has_columns(Oid relation)
{
	switch (get_rel_relkind(relation))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			return true;
		default:
			return false;
	}
}

/* The table or view of the search_path whose name is nearest, or NULL. */
static const char *
find_closest_relation(const char *name)
{
	Relation pg_class = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(pg_class, InvalidOid, false, NULL, 0, NULL);
	List *names = NIL;
	char **array;
	ListCell *cell;
	int n = 0;

	for (HeapTuple tuple; (tuple = systable_getnext(scan)) != NULL;)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if (has_columns(form->oid) && !IsCatalogNamespace(form->relnamespace) &&
		    RelationIsVisible(form->oid))
			names = lappend(names, pstrdup(NameStr(form->relname)));
	}
	systable_endscan(scan);
	table_close(pg_class, AccessShareLock);
	array = palloc((list_length(names) + 1) * sizeof(char *));
	foreach (cell, names)
		array[n++] = lfirst(cell);
	return name_find_closest(name, array, n);
}

static char *
make_relation_hint(const char *schema, const char *name)
{
	const char *closest = schema ? NULL : find_closest_relation(name);

	if (closest)
		return psprintf("Perhaps you meant \"%s\".", closest);
	return schema ? NULL
	              : "Tables are found by the search_path that was set when the "
	                "task was made; name the schema, too.";
}

static Oid
find_relation(const Fe *fe, const cer_fe_item *item)
{
	char *schema = item->qualifier.size > 0 ? fe_text(item->qualifier) : NULL;
	char *name = fe_text(item->names[0]);
	Oid relation =
		RangeVarGetRelid(makeRangeVar(schema, name, -1), AccessShareLock, true);

	if (!OidIsValid(relation))
		fe_fail(fe_at(fe, item), ERRCODE_UNDEFINED_TABLE,
		        psprintf("unknown table \"%s\"",
		                 schema ? psprintf("%s.%s", schema, name) : name),
		        NULL, make_relation_hint(schema, name));
	if (!has_columns(relation))
		fe_fail(fe_at(fe, item), ERRCODE_WRONG_OBJECT_TYPE,
		        psprintf("\"%s\" is no table or view", name), NULL, NULL);
	return relation;
}

/* ---------------------------------------------------------------- columns */

static void
add_view_origins(Oid relation, AttrNumber attribute, FeColumn *column)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);
	Query *query = makeNode(Query);
	Var *var = makeVar(1, attribute, column->type, -1, InvalidOid, 0);

	entry->rtekind = RTE_RELATION;
	entry->relid = relation;
	entry->relkind = get_rel_relkind(relation);
	query->rtable = list_make1(entry);
	column->plain = fe_trace(query, (Node *) var);
	column->origins = fe_collect(query, (Node *) var, true);
}

static void
add_columns(FeTable *table)
{
	Relation relation = table_open(table->relation, AccessShareLock);
	TupleDesc desc = RelationGetDescr(relation);

	table->columns = palloc0((desc->natts + 1) * sizeof(FeColumn));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		FeColumn *column = &table->columns[table->n_columns];

		if (attribute->attisdropped)
			continue;
		column->name = pstrdup(NameStr(attribute->attname));
		column->type = attribute->atttypid;
		column->collation = attribute->attcollation;
		add_view_origins(table->relation, attribute->attnum, column);
		table->n_columns++;
	}
	table_close(relation, NoLock);
}

int
fe_table_find_column(const FeTable *table, const char *name)
{
	for (int i = 0; i < table->n_columns; i++)
		if (strcmp(table->columns[i].name, name) == 0)
			return i;
	return -1;
}

FeTable *
fe_find_table(const Fe *fe, const char *alias)
{
	ListCell *cell;

	foreach (cell, fe->tables)
	{
		FeTable *table = lfirst(cell);

		if (strcmp(table->alias, alias) == 0)
			return table;
	}
	return NULL;
}

/* ------------------------------------------------------------ uniqueness */

/* Whether values that the index takes for two are two to an equality, too. */
static bool
is_as_fine(Relation index, int key, Oid collation)
{
	return !OidIsValid(collation) || collation == index->rd_indcollation[key] ||
	       get_collation_isdeterministic(collation);
}

/* Of its two collations either may be the one that decides. */
static bool
is_collation_of(Relation index, int key, const FeEqual *equal,
                const FeTable *table)
{
	return is_as_fine(index, key,
	                  equal->left->columns[equal->left_column].collation) &&
	       is_as_fine(index, key, table->columns[equal->column].collation);
}

/* Whether the equality that joins a column is the one of the index. */
static bool
is_equality_of(Relation index, int key, const FeEqual *equal,
               const FeTable *table)
{
	Oid left = equal->left->columns[equal->left_column].type;
	Oid right = table->columns[equal->column].type;
	Node *node = fe_equality(NULL, left, NULL, right);
	Oid operator=
		LookupOperName(NULL, ((A_Expr *) node)->name, getBaseType(left),
	                   getBaseType(right), true, -1);

	if (!OidIsValid(operator)) /* of binary compatible types */
	{
		Operator found = oper(NULL, ((A_Expr *) node)->name, getBaseType(left),
		                      getBaseType(right), true, -1);

		if (found == NULL)
			return false;
		operator= oprid(found);
		ReleaseSysCache(found);
	}
	return op_in_opfamily(operator, index->rd_opfamily[key]) &&
	       is_collation_of(index, key, equal, table);
}

static bool
is_joined_by(const FeTable *table, Relation index, int key, const char *name)
{
	for (int i = 0; i < table->n_equals; i++)
		if (strcmp(table->columns[table->equals[i].column].name, name) == 0)
			return is_equality_of(index, key, &table->equals[i], table);
	return false;
}

/* The same for equalities of ON. */
static bool
is_asked_for(const FeTable *table, Relation index, int key)
{
	AttrNumber attribute = index->rd_index->indkey.values[key];
	int n = list_length(table->on_columns);

	for (int i = 0; i < n; i++)
		if (list_nth_int(table->on_columns, i) == attribute &&
		    get_op_opfamily_strategy(list_nth_oid(table->on_operators, i),
		                             index->rd_opfamily[key]) ==
		        BTEqualStrategyNumber &&
		    is_as_fine(index, key, list_nth_oid(table->on_collations, i)))
			return true;
	return false;
}

static Var *
get_var_of(Node *node, Index rte)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return IsA(node, Var) && ((Var *) node)->varno == rte &&
	               ((Var *) node)->varlevelsup == 0
	           ? (Var *) node
	           : NULL;
}

static void
note_equality(FeTable *table, const OpExpr *expr, Index rte)
{
	for (int side = 0; side < 2; side++)
	{
		const Var *var = get_var_of(list_nth(expr->args, side), rte);
		Node *other = list_nth(expr->args, 1 - side);

		if (var == NULL || bms_is_member((int) rte, pull_varnos(NULL, other)) ||
		    contain_volatile_functions(other))
			continue;
		table->on_columns = lappend_int(table->on_columns, var->varattno);
		table->on_operators = lappend_oid(table->on_operators, expr->opno);
		table->on_collations =
			lappend_oid(table->on_collations, expr->inputcollid);
	}
}

/* Of a condition's parts that all have to hold; rte: the table's. */
void
fe_note_equalities(FeTable *table, const Node *condition, Index rte)
{
	ListCell *cell;

	if (IsA(condition, BoolExpr) &&
	    ((const BoolExpr *) condition)->boolop == AND_EXPR)
		foreach (cell, ((const BoolExpr *) condition)->args)
			fe_note_equalities(table, lfirst(cell), rte);
	if (IsA(condition, OpExpr) &&
	    list_length(((const OpExpr *) condition)->args) == 2)
		note_equality(table, (const OpExpr *) condition, rte);
}

/*
 * A unique index at work for all rows, over columns only.  One of a key WITHOUT
 * OVERLAPS is none: among its operators others stand where the equality does.
 */
static bool
is_unique_index(Relation index)
{
	return index->rd_rel->relam == BTREE_AM_OID &&
	       index->rd_index->indisunique && index->rd_index->indisvalid &&
	       index->rd_index->indimmediate &&
	       RelationGetIndexPredicate(index) == NIL &&
	       RelationGetIndexExpressions(index) == NIL;
}

static bool
proves_single(const FeTable *table, Relation index)
{
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		char *name = get_attname(table->relation,
		                         index->rd_index->indkey.values[i], false);

		if (!is_joined_by(table, index, i, name) &&
		    !is_asked_for(table, index, i))
			return false;
	}
	return true;
}

static void
note_key(FeTable *table, Relation index)
{
	int column;

	if (IndexRelationGetNumberOfKeyAttributes(index) != 1)
		return;
	column = fe_table_find_column(
		table,
		get_attname(table->relation, index->rd_index->indkey.values[0], false));
	table->keys = bms_add_member(table->keys, column);
}

/* An index does not cover the rows of tables that inherit. */
static List *
get_indexes(Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION &&
	               has_subclass(RelationGetRelid(relation))
	           ? NIL
	           : RelationGetIndexList(relation);
}

/* Whether the equalities find one row at most; notes lone keys on the way. */
bool
fe_is_unique(FeTable *table)
{
	Relation relation = table_open(table->relation, AccessShareLock);
	List *indexes = get_indexes(relation);
	bool is_unique = false;
	ListCell *cell;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (is_unique_index(index))
		{
			note_key(table, index);
			is_unique |= proves_single(table, index);
		}
		index_close(index, NoLock);
	}
	table_close(relation, NoLock);
	return is_unique;
}

/* ---------------------------------------------------------------- indexes */

/* Fewer rows are gone through fast enough. */
#define MANY_ROWS 1000

static bool
begins_with_equal(const FeTable *table, Relation index)
{
	AttrNumber first = index->rd_index->indkey.values[0];

	for (int i = 0; i < table->n_equals; i++)
		if (get_attnum(table->relation,
		               table->columns[table->equals[i].column].name) == first)
			return true;
	return false;
}

static bool
has_index(const FeTable *table, Relation relation)
{
	bool found = false;
	ListCell *cell;

	foreach (cell, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		found |= begins_with_equal(table, index);
		index_close(index, NoLock);
	}
	return found;
}

/* The columns by which rows are found, then that of their time. */
static char *
print_index_columns(const FeTable *table)
{
	char **names = palloc((table->n_equals + 1) * sizeof(char *));
	int n = 0;

	for (int i = 0; i < table->n_equals; i++)
		names[n++] = table->columns[table->equals[i].column].name;
	if (table->time >= 0)
		names[n++] = table->columns[table->time].name;
	return names_print(names, n);
}

void
fe_tell_of_index(const Fe *fe, const FeTable *table)
{
	Relation relation;

	if (!fe->is_looking || table->n_equals == 0)
		return;
	relation = table_open(table->relation, AccessShareLock);
	if ((relation->rd_rel->relkind == RELKIND_RELATION ||
	     relation->rd_rel->relkind == RELKIND_MATVIEW) &&
	    relation->rd_rel->reltuples >= MANY_ROWS && !has_index(table, relation))
		ereport(NOTICE,
		        (errmsg("rows of \"%s\" are looked for once for each row of "
		                "the source, without an index",
		                table->alias),
		         errhint("CREATE INDEX ON %s (%s) makes it fast.",
		                 quote_identifier(RelationGetRelationName(relation)),
		                 print_index_columns(table))));
	table_close(relation, NoLock);
}

FeTable *
fe_table_make(const Fe *fe, const cer_fe_item *item)
{
	FeTable *table = palloc0(sizeof(FeTable));

	table->item = item;
	table->alias = fe_text(item->alias);
	table->relation = find_relation(fe, item);
	if (strcmp(table->alias, FE_SOURCE) == 0)
		fe_fail(fe_at(fe, item), ERRCODE_DUPLICATE_ALIAS,
		        "\"" FE_SOURCE "\" is the name of the task's own rows", NULL,
		        "Give the table another alias.");
	add_columns(table);
	fe_note_time(fe, table);
	return table;
}
