/*
 * extract_id.c
 *	  Under which ids rows and columns of a task's query are kept.
 *
 *	 rows:		  the task's query without its columns, label, keys, split, and
 *				  the state of the tables that these are read from
 *	 own column:  rows, its expression
 *	 of FE:		  rows, its expression, the joins that it needs, and the state
 *				  of the tables of those
 *
 * Queries are told apart by their trees with views expanded, printed without
 * what depends on the rest of a triple: places in the text, aliases, numbers of
 * range table entries, and which columns are read of a table.  So planes.year
 * is the same column wherever JOIN planes stands.
 */
#include "extract.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "content.h"
#include "tables.h"

#define MAX_KEYS     64
#define FIRST_NUMBER 100000 /* no query has as many entries */

/* ---------------------------------------------------------------- printing */

/* What of an entry depends on the rest of the query, or on its author. */
static bool
neutralize(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *) node;

		entry->alias = NULL;
		if (entry->eref != NULL)
			entry->eref->aliasname = "";
		compat_forget_read_columns(entry);
		return false;
	}
	if (IsA(node, JoinExpr))
		((JoinExpr *) node)->alias = NULL;
	if (IsA(node, Query))
	{
		compat_forget_permissions((Query *) node);
		return query_tree_walker((Query *) node, neutralize, context,
		                         QTW_EXAMINE_RTES_BEFORE);
	}
	return expression_tree_walker(node, neutralize, context);
}

static const char *const places[] = {" :location ", " :stmt_location ",
                                     " :stmt_len "};

static const char *
skip_place(const char *at)
{
	for (int i = 0; i < lengthof(places); i++)
	{
		size_t size = strlen(places[i]);

		if (strncmp(at, places[i], size) == 0)
			return at + size + strspn(at + size, "-0123456789");
	}
	return at;
}

/* The node is scribbled on.  Blanks within names are written with a \ before. */
static void
print_node(StringInfo text, Node *node)
{
	const char *at;

	(void) neutralize(node, NULL);
	at = nodeToString(node);
	while (*at != '\0')
	{
		const char *next = *at == ' ' ? skip_place(at) : at;

		if (next == at)
			appendStringInfoChar(text, *at++);
		at = Max(at, next);
	}
	appendStringInfoChar(text, '\n');
}

static cer_id
hash_text(const StringInfo text)
{
	cer_id id;

	if (!content_hash(text->data, text->len, id.bytes))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
		                errmsg("could not compute a SHA-256 hash")));
	return id;
}

static void
add_id(StringInfo text, const cer_id *id)
{
	appendBinaryStringInfo(text, (const char *) id->bytes, CER_ID_SIZE);
}

/* ------------------------------------------------------------------ states */

typedef struct Identity
{
	const Task *task;
	Query *base; /* the task's own, expanded */
	bool is_base_telling;
	cer_id base_id; /* with all its targets */
	ExtractIds *ids;
	List *known_tables; /* of OIDs, and their states: */
	List *known_states;

	/* of FE */
	Query *query; /* expanded; NULL: the task's own is read */
	List *links;  /* of JoinExpr, the innermost first */
} Identity;

static bytea *
get_known_state(Identity *identity, Oid table)
{
	bytea *state;
	ListCell *cell;

	foreach (cell, identity->known_tables)
		if (lfirst_oid(cell) == table)
			return list_nth(identity->known_states,
			                foreach_current_index(cell));
	state = table_get_state(table);
	identity->known_tables = lappend_oid(identity->known_tables, table);
	identity->known_states = lappend(identity->known_states, state);
	return state;
}

/* False: the state of some table cannot be told. */
static bool
print_states(Identity *identity, StringInfo text, TableWalk *walk)
{
	ListCell *cell;

	if (!walk->is_telling)
		return false;
	list_sort(walk->tables, list_oid_cmp);
	foreach (cell, walk->tables)
	{
		bytea *state = get_known_state(identity, lfirst_oid(cell));

		if (state == NULL)
			return false;
		appendStringInfo(text, "%u ", lfirst_oid(cell));
		appendBinaryStringInfo(text, VARDATA(state), VARSIZE(state) - VARHDRSZ);
	}
	tables_print_types(text, walk);
	if (walk->is_of_user)
		appendStringInfo(text, " of %u %u", GetUserId(), GetSessionUserId());
	return true;
}

/* -------------------------------------------------------------------- rows */

/* How a row's label, key and split become class, hash and part. */
static void
print_task(StringInfo text, const Task *task)
{
	appendStringInfo(text, "%d " INT64_FORMAT " %s\n", task->id, task->hash_key,
	                 task->split_text);
	for (int i = 0; i < task->n_cuts; i++)
		appendStringInfo(text, "%s\n", task->split_cuts[i]);
	for (int i = 0; i < task->n_classes; i++)
		appendStringInfo(text, "%s\n", task->classes[i]);
	for (int i = 0; i < task->n_settings; i++)
		appendStringInfo(text, "%s\n", task->settings[i]);
}

/* The query without its columns, but for what makes a row of them. */
static Query *
make_row_query(const Task *task, const Query *base)
{
	TaskTargets targets = task_get_targets(task);
	Query *query = copyObject(unconstify(Query *, base));
	int kept[MAX_KEYS + 2];
	int n = 0;

	kept[n++] = targets.label;
	for (int i = 0; i < task->n_key; i++)
		kept[n++] = targets.first_key + i;
	if (targets.split >= 0)
		kept[n++] = targets.split;
	query_keep_targets(query, kept, n);
	return query;
}

static bool
identify_rows(Identity *identity)
{
	TableWalk walk = {.is_telling = true};
	Query *query = make_row_query(identity->task, identity->base);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "rows ");
	print_task(&text, identity->task);
	tables_walk(&walk, (Node *) query);
	if (!walk.is_telling)
		return false;
	print_node(&text, (Node *) query);
	if (walk.is_of_user) /* two roles do not drop each other's */
		appendStringInfo(&text, " of %u", GetUserId());
	identity->ids->query = hash_text(&text);
	if (!print_states(identity, &text, &walk))
		return false;
	identity->ids->rows = hash_text(&text);
	return true;
}

static void
identify_base(Identity *identity)
{
	TableWalk walk = {.is_telling = true};
	StringInfoData text;

	tables_walk(&walk, (Node *) identity->base);
	identity->is_base_telling = walk.is_telling;
	initStringInfo(&text);
	print_node(&text, (Node *) copyObject(identity->base));
	identity->base_id = hash_text(&text);
}

/* ------------------------------------------------------------------- links */

/* FE's FROM: the task's rows, and a LEFT JOIN for each table.  False: another. */
static bool
find_links(Identity *identity)
{
	Query *query = identity->query;
	Node *node;
	RangeTblEntry *source;
	StringInfoData text;
	cer_id id;

	if (list_length(query->jointree->fromlist) != 1 ||
	    query->jointree->quals != NULL)
		return false;
	node = linitial(query->jointree->fromlist);
	while (IsA(node, JoinExpr))
	{
		JoinExpr *join = (JoinExpr *) node;

		if (join->jointype != JOIN_LEFT || !IsA(join->rarg, RangeTblRef))
			return false;
		identity->links = lcons(join, identity->links);
		node = join->larg;
	}
	if (!IsA(node, RangeTblRef) || ((RangeTblRef *) node)->rtindex != 1)
		return false;
	source = rt_fetch(1, query->rtable);
	if (source->rtekind != RTE_SUBQUERY)
		return false;
	initStringInfo(&text);
	print_node(&text, (Node *) copyObject(source->subquery));
	id = hash_text(&text);
	return memcmp(&id, &identity->base_id, sizeof(id)) == 0;
}

static RangeTblEntry *
get_joined(const Identity *identity, const JoinExpr *join, int *number)
{
	*number = ((const RangeTblRef *) join->rarg)->rtindex;
	return rt_fetch(*number, identity->query->rtable);
}

/* The newest row is one by its order: nothing is left to chance by LIMIT. */
static Query *
copy_subquery(const RangeTblEntry *entry)
{
	Query *query = copyObject(entry->subquery);

	if (query->sortClause != NIL)
		query->limitCount = NULL;
	return query;
}

/* Entries that the expression needs, the joins' of those entries included. */
static Bitmapset *
find_needed(const Identity *identity, Node *expr)
{
	Bitmapset *needed = compat_pull_tables(expr);

	for (int i = list_length(identity->links) - 1; i >= 0; i--)
	{
		const JoinExpr *join = list_nth(identity->links, i);
		int number;
		RangeTblEntry *entry = get_joined(identity, join, &number);

		if (!bms_is_member(number, needed))
			continue;
		needed = bms_add_members(needed, compat_pull_tables(join->quals));
		if (entry->rtekind == RTE_SUBQUERY)
			needed = bms_add_members(
				needed,
				pull_varnos_of_level(NULL, (Node *) entry->subquery, 1));
	}
	return needed;
}

/* Entries are numbered in the order of those that are needed. */
static void
renumber(const Identity *identity, const Bitmapset *needed, Node *node,
         int level)
{
	int next = FIRST_NUMBER;
	ListCell *cell;

	ChangeVarNodes(node, 1, next++, level);
	foreach (cell, identity->links)
	{
		const JoinExpr *join = lfirst(cell);
		int number;

		(void) get_joined(identity, join, &number);
		if (!bms_is_member(number, needed))
			continue;
		ChangeVarNodes(node, number, next++, level);
		ChangeVarNodes(node, join->rtindex, next++, level);
	}
}

/* False: an entry of a kind that FE does not make. */
static bool
print_entry(const Identity *identity, StringInfo text, const Bitmapset *needed,
            const RangeTblEntry *entry)
{
	Node *policies = (Node *) copyObject(entry->securityQuals);

	if (entry->rtekind == RTE_RELATION)
		appendStringInfo(text, "relation %u %d\n", entry->relid, entry->inh);
	else if (entry->rtekind == RTE_SUBQUERY)
	{
		Query *query = copyObject(entry->subquery);

		renumber(identity, needed, (Node *) query, 1);
		print_node(text, (Node *) query);
	}
	else
		return false;
	if (policies != NULL)
	{
		renumber(identity, needed, policies, 0);
		print_node(text, policies);
	}
	return true;
}

static void
walk_entry(TableWalk *walk, RangeTblEntry *entry)
{
	if (entry->rtekind == RTE_SUBQUERY)
		tables_walk(walk, (Node *) copy_subquery(entry));
	else
		tables_walk(walk, (Node *) entry);
	tables_walk(walk, (Node *) entry->securityQuals);
}

static bool
print_links(const Identity *identity, StringInfo text, const Bitmapset *needed,
            TableWalk *walk)
{
	ListCell *cell;

	foreach (cell, identity->links)
	{
		const JoinExpr *join = lfirst(cell);
		int number;
		RangeTblEntry *entry = get_joined(identity, join, &number);
		Node *quals = copyObject(join->quals);

		if (!bms_is_member(number, needed))
			continue;
		walk_entry(walk, entry);
		tables_walk(walk, quals);
		if (!print_entry(identity, text, needed, entry))
			return false;
		if (quals != NULL)
		{
			renumber(identity, needed, quals, 0);
			print_node(text, quals);
		}
	}
	return true;
}

/* ----------------------------------------------------------------- columns */

static void
start_column(const Identity *identity, StringInfo text, cer_storage storage)
{
	initStringInfo(text);
	appendStringInfo(text, "column %d ", (int) storage);
	add_id(text, &identity->ids->rows);
}

static bool
identify_own(Identity *identity, int target, cer_storage storage, cer_id *id)
{
	TargetEntry *entry =
		list_nth_node(TargetEntry, identity->base->targetList, target);
	TableWalk walk = {.is_telling = true};
	StringInfoData text;

	tables_walk(&walk, (Node *) entry->expr);
	start_column(identity, &text, storage);
	print_node(&text, (Node *) copyObject(entry->expr));
	if (!print_states(identity, &text, &walk))
		return false;
	*id = hash_text(&text);
	return true;
}

static bool
identify_fe(Identity *identity, Node *expr, cer_storage storage, cer_id *id)
{
	Bitmapset *needed = find_needed(identity, expr);
	TableWalk walk = {.is_telling = identity->is_base_telling};
	Node *node = copyObject(expr);
	StringInfoData text;

	start_column(identity, &text, storage);
	add_id(&text, &identity->base_id);
	tables_walk(&walk, node);
	if (!print_links(identity, &text, needed, &walk))
		return false;
	renumber(identity, needed, node, 0);
	print_node(&text, node);
	if (!print_states(identity, &text, &walk))
		return false;
	*id = hash_text(&text);
	return true;
}

/* The join that an expression reads alone; 0: none, or more than that. */
static int
find_join(const Identity *identity, int target)
{
	TargetEntry *entry;
	int join;

	if (identity->query == NULL)
		return 0;
	entry = list_nth_node(TargetEntry, identity->query->targetList, target);
	if (!bms_get_singleton_member(compat_pull_tables((Node *) entry->expr),
	                              &join))
		return 0;
	return join > 1 ? join : 0;
}

/* A column of the source is the same whether FE joins something or not. */
static bool
identify_column(Identity *identity, int target, cer_storage storage, cer_id *id)
{
	TargetEntry *entry;
	Var *var;

	if (identity->query == NULL)
		return identify_own(identity, target, storage, id);
	entry = list_nth_node(TargetEntry, identity->query->targetList, target);
	var = (Var *) entry->expr;
	if (IsA(var, Var) && var->varno == 1 && var->varattno > 0)
		return identify_own(identity, var->varattno - 1, storage, id);
	return identify_fe(identity, (Node *) entry->expr, storage, id);
}

bool
extract_identify(const Task *task, const Query *query, const ReadPlan *plan,
                 ExtractIds *ids)
{
	const Task *own = task->base != NULL ? task->base : task;
	Identity identity = {.task = own, .ids = ids};

	if (own->n_key == 0 || own->n_key > MAX_KEYS)
		return false;
	identity.base =
		tables_expand(task->base != NULL ? task_analyze(own) : query);
	if (!identify_rows(&identity))
		return false;
	if (task->base != NULL)
	{
		identity.query = tables_expand(query);
		identify_base(&identity);
		if (!find_links(&identity))
			return false;
	}
	ids->is_known = palloc0((plan->n_inputs + 1) * sizeof(bool));
	ids->columns = palloc((plan->n_inputs + 1) * sizeof(cer_id));
	ids->joins = palloc((plan->n_inputs + 1) * sizeof(int));
	for (int i = 0; i < plan->n_inputs; i++)
	{
		ids->is_known[i] =
			identify_column(&identity, plan->columns[i],
		                    plan->inputs[i].storage, &ids->columns[i]);
		ids->joins[i] = find_join(&identity, plan->columns[i]);
	}
	return true;
}

bool
extract_identify_query(const Query *query, cer_id *id)
{
	ExtractIds ids = {0};
	Identity identity = {.ids = &ids};
	TableWalk walk = {.is_telling = true};
	Query *expanded = tables_expand(query);
	StringInfoData text;

	/* LIMIT 1 of a query that only asks whether there is a row */
	expanded->limitCount = NULL;
	tables_walk(&walk, (Node *) expanded);
	initStringInfo(&text);
	appendStringInfoString(&text, "query ");
	print_node(&text, (Node *) expanded);
	if (!print_states(&identity, &text, &walk))
		return false;
	*id = hash_text(&text);
	return true;
}
