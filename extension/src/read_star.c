/*
 * read_star.c
 *	  Which joins of a plan can be taken apart, and what is read then.
 *
 * A table is one that lies as it is read (a sequential scan), of no more bytes
 * than a hash table may have.  Of joins below the topmost one only those that
 * hand on columns as they are: an expression there is left to PostgreSQL.
 */
#include "read_star.h"

#include "access/table.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* ------------------------------------------------------------------ which */

static bool
has_subplan(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan))
		return true;
	return expression_tree_walker(node, has_subplan, context);
}

/* Where the type alone is another, the value is the same. */
static Expr *
strip(Expr *expr)
{
	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	return expr;
}

static bool
are_columns(const List *targets)
{
	ListCell *cell;

	foreach (cell, targets)
		if (!IsA(lfirst_node(TargetEntry, cell)->expr, Var))
			return false;
	return true;
}

static bool
is_small_table(const PlannedStmt *stmt, const Plan *plan)
{
	Index number;
	Relation relation;
	Size size;

	if (!IsA(plan, SeqScan) || plan->parallel_aware || plan->initPlan != NIL)
		return false;
	number = ((const Scan *) plan)->scanrelid;
	relation = table_open(rt_fetch(number, stmt->rtable)->relid, NoLock);
	size = (Size) RelationGetNumberOfBlocks(relation) * BLCKSZ;
	table_close(relation, NoLock);
	return size <= get_hash_memory_limit();
}

static bool
are_plain_keys(const HashJoin *join, const Hash *hash)
{
	ListCell *cell;

	foreach (cell, hash->hashkeys)
		if (!IsA(strip(lfirst(cell)), Var))
			return false;
	foreach (cell, join->hashoperators)
		if (!op_strict(lfirst_oid(cell)))
			return false;
	return !has_subplan((Node *) join->hashkeys, NULL);
}

static bool
is_plain_join(const HashJoin *join)
{
	const Plan *plan = &join->join.plan;

	return (join->join.jointype == JOIN_LEFT ||
	        join->join.jointype == JOIN_INNER) &&
	       join->join.inner_unique && join->join.joinqual == NIL &&
	       plan->qual == NIL && plan->initPlan == NIL &&
	       !has_subplan((Node *) plan->targetlist, NULL);
}

static bool
is_lookup(const PlannedStmt *stmt, const Plan *plan)
{
	const HashJoin *join = (const HashJoin *) plan;
	const Hash *hash;

	if (!IsA(plan, HashJoin) || !is_plain_join(join))
		return false;
	hash = (const Hash *) innerPlan(plan);
	return !hash->plan.parallel_aware && hash->plan.initPlan == NIL &&
	       are_plain_keys(join, hash) &&
	       is_small_table(stmt, outerPlan(&hash->plan));
}

/* From the top. */
static List *
find_joins(const PlannedStmt *stmt, Plan *plan)
{
	List *joins = NIL;

	while (is_lookup(stmt, plan) &&
	       (joins == NIL || are_columns(plan->targetlist)))
	{
		joins = lappend(joins, plan);
		plan = outerPlan(plan);
	}
	return joins;
}

/* ---------------------------------------------------------------- columns */

typedef struct Resolver
{
	Star *star;
	List *joins; /* HashJoin, from the top */
	int level;   /* whose expression it is */
} Resolver;

static Var *
make_column(AttrNumber column, const Var *var)
{
	return makeVar(INDEX_VAR, column, var->vartype, var->vartypmod,
	               var->varcollid, 0);
}

static Node *
get_column(Star *star, int place, const Var *var)
{
	int n = list_length(star->columns);
	Var *column;

	for (int i = 0; i < n; i++)
		if (list_nth_int(star->places, i) == place &&
		    list_nth_int(star->attributes, i) == var->varattno)
			return (Node *) make_column((AttrNumber) (i + 1), var);
	column = make_column((AttrNumber) (n + 1), var);
	star->columns = lappend(star->columns,
	                        makeTargetEntry((Expr *) copyObject(column),
	                                        (AttrNumber) (n + 1), NULL, false));
	star->places = lappend_int(star->places, place);
	star->attributes = lappend_int(star->attributes, var->varattno);
	return (Node *) column;
}

/* Number of the join at a level, as they are done from the lowest one up. */
static int
get_place(const Resolver *resolver, int level)
{
	return list_length(resolver->joins) - 1 - level;
}

static Node *
resolve_var(const Var *var, const Resolver *resolver)
{
	int level = resolver->level;

	while (var->varno == OUTER_VAR && level + 1 < list_length(resolver->joins))
	{
		const Plan *below = list_nth(resolver->joins, ++level);

		var = (const Var *) list_nth_node(TargetEntry, below->targetlist,
		                                  var->varattno - 1)
		          ->expr;
	}
	return get_column(resolver->star,
	                  var->varno == INNER_VAR ? get_place(resolver, level) : -1,
	                  var);
}

static Node *
resolve(Node *node, Resolver *resolver)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return resolve_var((const Var *) node, resolver);
	return expression_tree_mutator(node, resolve, resolver);
}

/* A plan without joins: its columns, as they are. */
static void
take_columns(Star *star)
{
	ListCell *cell;

	foreach (cell, star->base->targetlist)
	{
		TargetEntry *entry = flatCopyTargetEntry(lfirst(cell));
		Node *node = (Node *) entry->expr;
		Var var = {.varattno = entry->resno,
		           .vartype = exprType(node),
		           .vartypmod = exprTypmod(node),
		           .varcollid = exprCollation(node)};

		entry->expr = (Expr *) get_column(star, -1, &var);
		star->targets = lappend(star->targets, entry);
	}
}

/* ------------------------------------------------------------------- joins */

static StarJoin *
make_join(Resolver *resolver, const HashJoin *join, const Hash *hash)
{
	StarJoin *made = palloc0(sizeof(StarJoin));
	ListCell *cell;

	made->type = join->join.jointype;
	made->operators = list_copy(join->hashoperators);
	made->collations = list_copy(join->hashcollations);
	foreach (cell, join->hashkeys)
		made->keys = lappend(made->keys,
		                     resolve((Node *) strip(lfirst(cell)), resolver));
	foreach (cell, hash->hashkeys)
	{
		const Var *var = (const Var *) strip(lfirst(cell));

		made->attributes = lappend_int(made->attributes, var->varattno);
		made->types = lappend_oid(made->types, var->vartype);
	}
	return made;
}

static void
add_join(Resolver *resolver)
{
	const Plan *join = list_nth(resolver->joins, resolver->level);
	const Plan *hash = innerPlan(join);

	resolver->star->joins = lappend(
		resolver->star->joins,
		make_join(resolver, (const HashJoin *) join, (const Hash *) hash));
	resolver->star->inner = lappend(resolver->star->inner, outerPlan(hash));
}

Star *
star_find(const PlannedStmt *stmt, Plan *plan)
{
	Star *star = palloc0(sizeof(Star));
	Resolver resolver = {star, find_joins(stmt, plan), 0};
	int n_joins = list_length(resolver.joins);

	star->base = plan;
	if (n_joins == 0)
	{
		take_columns(star);
		return star;
	}
	star->base = outerPlan(llast(resolver.joins));
	star->targets = (List *) resolve((Node *) plan->targetlist, &resolver);
	for (resolver.level = n_joins - 1; resolver.level >= 0; resolver.level--)
		add_join(&resolver);
	return star;
}

/* ----------------------------------------------------------------- packing */

List *
star_pack(const Star *star)
{
	List *joins = NIL;
	ListCell *cell;

	foreach (cell, star->joins)
	{
		const StarJoin *join = lfirst(cell);
		List *packed =
			list_make5(makeInteger((int) join->type), join->operators,
		               join->collations, join->keys, join->attributes);

		joins = lappend(joins, lappend(packed, join->types));
	}
	return list_make5(joins, star->columns, star->places, star->attributes,
	                  star->targets);
}

static StarJoin *
unpack_join(List *packed)
{
	StarJoin *join = palloc0(sizeof(StarJoin));

	join->type = (JoinType) intVal(linitial(packed));
	join->operators = list_nth(packed, 1);
	join->collations = list_nth(packed, 2);
	join->keys = list_nth(packed, 3);
	join->attributes = list_nth(packed, 4);
	join->types = list_nth(packed, 5);
	return join;
}

Star *
star_unpack(List *packed)
{
	Star *star = palloc0(sizeof(Star));
	ListCell *cell;

	foreach (cell, linitial_node(List, packed))
		star->joins = lappend(star->joins, unpack_join(lfirst(cell)));
	star->columns = list_nth(packed, 1);
	star->places = list_nth(packed, 2);
	star->attributes = list_nth(packed, 3);
	star->targets = list_nth(packed, 4);
	return star;
}
