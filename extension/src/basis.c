/*
 * basis.c
 *	  What something that is kept in this process rests on, and whether that has
 *	  changed.
 *
 *	 announcement -> time + 1, and in a small table: what changed, when
 *	 basis			 list of what it rests on, and until when it was looked at
 *
 * Who keeps something asks for its generation: while the time stands still that
 * is one comparison.  Announcements come where nothing may fail, so the table
 * is of a fixed size; when it is full all counts as changed, once.
 */
#include "basis.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "tcop/tcopprot.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Kinds of what can change: relations by Oid, rows of caches by hash. */
#define KIND_NONE     0
#define KIND_RELATION 1
#define KIND_CACHE    2 /* and more: of caches below */

static const int caches[] = {PROCOID, TYPEOID,        ENUMOID,
                             AUTHOID, AUTHMEMROLEMEM, NAMESPACEOID};
#define N_CACHES ((int) lengthof(caches))

typedef struct Change
{
	uint32 kind;
	uint32 value;
	uint64 at;
} Change;

#define N_CHANGES  2048
#define MAX_FILLED (N_CHANGES / 4 * 3)

static uint64 now = 1;
static uint64 all_at; /* when all counted as changed */
static uint64 cache_at[N_CACHES];
static uint64 cache_reset_at[N_CACHES]; /* no row was named */
static Change changes[N_CHANGES];       /* by hash; none twice */
static int n_filled;

struct Basis
{
	uint64 generation;
	uint64 seen;             /* until when changes were looked at */
	bool rests_on[N_CACHES]; /* all of the cache */
	int n;
	int capacity;
	Change *parts; /* at is not used */
};

/* --------------------------------------------------------------- changes */

static Change *
find_change(uint32 kind, uint32 value)
{
	uint32 at = (value * 0x9E3779B1u ^ kind * 0x85EBCA6Bu) % N_CHANGES;

	while (changes[at].kind != KIND_NONE &&
	       (changes[at].kind != kind || changes[at].value != value))
		at = (at + 1) % N_CHANGES;
	return &changes[at];
}

static void
change_all(void)
{
	memset(changes, 0, sizeof(changes));
	n_filled = 0;
	all_at = ++now;
}

static void
note_change(uint32 kind, uint32 value)
{
	Change *change = find_change(kind, value);

	if (change->kind == KIND_NONE && ++n_filled > MAX_FILLED)
	{
		change_all();
		return;
	}
	*change = (Change){kind, value, ++now};
}

static void
change_relation(Datum arg, Oid relation)
{
	if (OidIsValid(relation))
		note_change(KIND_RELATION, relation);
	else
		change_all();
}

static int
find_cache(int id)
{
	for (int i = 0; i < N_CACHES; i++)
		if (caches[i] == id)
			return i;
	return -1;
}

static void
change_cache(Datum arg, int id, uint32 hash)
{
	int cache = find_cache(id);

	note_change(KIND_CACHE + cache, hash);
	cache_at[cache] = now;
	if (hash == 0)
		cache_reset_at[cache] = now;
}

void
basis_init(void)
{
	CacheRegisterRelcacheCallback(change_relation, (Datum) 0);
	for (int i = 0; i < N_CACHES; i++)
		CacheRegisterSyscacheCallback(caches[i], change_cache, (Datum) 0);
}

uint64
basis_get_time(void)
{
	return now;
}

/* ---------------------------------------------------------------- making */

Basis *
basis_make(void)
{
	Basis *basis = palloc0(sizeof(Basis));

	basis->generation = basis->seen = now;
	basis->rests_on[find_cache(AUTHOID)] = true;
	basis->rests_on[find_cache(AUTHMEMROLEMEM)] = true;
	basis->capacity = 16;
	basis->parts = palloc(basis->capacity * sizeof(Change));
	return basis;
}

/* Whether it is new. */
static bool
add(Basis *basis, uint32 kind, uint32 value)
{
	for (int i = 0; i < basis->n; i++)
		if (basis->parts[i].kind == kind && basis->parts[i].value == value)
			return false;
	if (basis->n == basis->capacity)
	{
		basis->capacity *= 2;
		basis->parts = repalloc(basis->parts, basis->capacity * sizeof(Change));
	}
	basis->parts[basis->n++] = (Change){kind, value, 0};
	return true;
}

static bool
add_row_of(Basis *basis, int cache, Oid id)
{
	return add(basis, KIND_CACHE + find_cache(cache),
	           GetSysCacheHashValue1(cache, ObjectIdGetDatum(id)));
}

void
basis_add_relation(Basis *basis, Oid relation)
{
	Oid schema = get_rel_namespace(relation);

	(void) add(basis, KIND_RELATION, relation);
	/* by whose name queries find it */
	if (OidIsValid(schema))
		(void) add_row_of(basis, NAMESPACEOID, schema);
}

static void
add_columns(Basis *basis, Oid type)
{
	TupleDesc row = lookup_rowtype_tupdesc(type, -1);

	basis_add_row(basis, row);
	ReleaseTupleDesc(row);
}

/* With the types that its values are made of. */
void
basis_add_type(Basis *basis, Oid type)
{
	Oid element = get_element_type(type);

	if (OidIsValid(element))
		basis_add_type(basis, element);
	if (type < FirstNormalObjectId || !add_row_of(basis, TYPEOID, type))
		return;
	switch (get_typtype(type))
	{
		case TYPTYPE_ENUM:
			basis->rests_on[find_cache(ENUMOID)] = true;
			break;
		case TYPTYPE_DOMAIN:
			basis_add_type(basis, getBaseType(type));
			break;
		case TYPTYPE_RANGE:
			basis_add_type(basis, get_range_subtype(type));
			break;
		case TYPTYPE_MULTIRANGE:
			basis_add_type(basis, get_multirange_range(type));
			break;
		case TYPTYPE_COMPOSITE:
			basis_add_relation(basis, get_typ_typrelid(type));
			add_columns(basis, type);
			break;
		default:
			break;
	}
}

void
basis_add_row(Basis *basis, TupleDesc row)
{
	if (row->tdtypeid != RECORDOID)
		basis_add_type(basis, row->tdtypeid);
	for (int i = 0; i < row->natts; i++)
		if (!TupleDescAttr(row, i)->attisdropped)
			basis_add_type(basis, TupleDescAttr(row, i)->atttypid);
}

/* --------------------------------------------------------------- queries */

static bool
has_type(const Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_Aggref:
		case T_WindowFunc:
		case T_FuncExpr:
		case T_OpExpr:
		case T_FieldSelect:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CaseExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_CoerceToDomain:
			return true;
		default:
			return false;
	}
}

static bool
add_types(Node *node, void *basis)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, add_types, basis, 0);
	if (has_type(node))
		basis_add_type(basis, exprType(node));
	return expression_tree_walker(node, add_types, basis);
}

static void
add_parts(Basis *basis, const List *relations, const List *items)
{
	ListCell *cell;

	foreach (cell, relations)
		basis_add_relation(basis, lfirst_oid(cell));
	foreach (cell, items)
	{
		const PlanInvalItem *item = lfirst(cell);
		int cache = find_cache(item->cacheId);

		if (cache >= 0)
			(void) add(basis, KIND_CACHE + cache, item->hashValue);
	}
}

void
basis_add_query(Basis *basis, const Query *query)
{
	MemoryContext work = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro basis", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	List *rewritten = pg_rewrite_query(copyObject(unconstify(Query *, query)));
	List *relations;
	List *items;
	bool has_row_security;

	(void) add_types((Node *) rewritten, basis);
	extract_query_dependencies((Node *) rewritten, &relations, &items,
	                           &has_row_security);
	add_parts(basis, relations, items);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* Partitions, too. */
void
basis_add_plan(Basis *basis, const PlannedStmt *plan)
{
	add_parts(basis, plan->relationOids, plan->invalItems);
}

void
basis_add_basis(Basis *basis, const Basis *other)
{
	for (int i = 0; i < N_CACHES; i++)
		basis->rests_on[i] |= other->rests_on[i];
	for (int i = 0; i < other->n; i++)
		(void) add(basis, other->parts[i].kind, other->parts[i].value);
}

void
basis_add_functions(Basis *basis)
{
	basis->rests_on[find_cache(PROCOID)] = true;
	basis->rests_on[find_cache(NAMESPACEOID)] = true;
}

/* ---------------------------------------------------------------- asking */

static bool
has_changed(const Basis *basis)
{
	bool has = all_at > basis->seen;

	for (int i = 0; i < N_CACHES; i++)
		has |= cache_reset_at[i] > basis->seen ||
		       (basis->rests_on[i] && cache_at[i] > basis->seen);
	for (int i = 0; !has && i < basis->n; i++)
		has = find_change(basis->parts[i].kind, basis->parts[i].value)->at >
		      basis->seen;
	return has;
}

void
basis_look_from(Basis *basis, uint64 time)
{
	basis->seen = Min(basis->seen, time);
}

uint64
basis_get_generation(Basis *basis)
{
	if (basis->seen == now)
		return basis->generation;
	if (has_changed(basis))
		basis->generation = now;
	basis->seen = now;
	return basis->generation;
}
