/*
 * read_guard.c
 *	  Which feature fails on the data.
 *
 * The executor does not tell which of a row's values it was computing when it
 * divided by zero.  So rows are read in a subtransaction, and after an error on
 * the data it is looked for, under the same snapshot: the query is run again
 * with half of the inputs, then with half of those that fail, and so on until
 * one is left.  Before that, without inputs: the source, the label or a JOIN's
 * condition may be what fails.  What is found takes the place of a line in the
 * error's context; all else of the error stays.
 */
#include "read_guard.h"

#include "fe.h"
#include "subxact.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "parser/parsetree.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MARK           "features of a task" /* a line of the context */
#define SEARCH_SECONDS 30
#define ROWS_PER_LOOK  1024 /* at the clock */
#define MAX_SHOWN      400  /* bytes of an expression */

/* In which class of SQLSTATE what an expression does with values ends. */
static bool
is_of_data(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_CARDINALITY_VIOLATION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION: /* of a domain */
		case ERRCODE_EXTERNAL_ROUTINE_EXCEPTION:
		case ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION:
		case ERRCODE_PLPGSQL_ERROR:
			return true;
		default:
			return false;
	}
}

/* ----------------------------------------------------------------- probes */

typedef enum Outcome
{
	PASSED,
	FAILED_ALIKE, /* with the same SQLSTATE */
	FAILED_SAME,  /* and the same message */
	UNKNOWN       /* time is over, or another error */
} Outcome;

typedef struct Search
{
	const ReadGuard *guard;
	const ErrorData *error;
	TimestampTz end;
	uint64 n_rows;
	bool is_late;
	MemoryContext context; /* reset after each probe */
} Search;

/* A query runs as long as it likes between two rows; a cancel ends that. */
static void
skip_row(void *self, TupleTableSlot *slot)
{
	Search *search = self;

	if (++search->n_rows % ROWS_PER_LOOK != 0 ||
	    GetCurrentTimestamp() < search->end)
		return;
	search->is_late = true;
	ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED),
	                errmsg("the feature that fails was not found in time")));
}

typedef struct Probe
{
	Search *search;
	Query *query;
} Probe;

static void
run_probe(void *self)
{
	Probe *probe = self;

	query_run_parallel(probe->query, probe->search->guard->task->query, NULL,
	                   skip_row, probe->search);
}

static Outcome
judge(const Search *search, ErrorData *error)
{
	if (error == NULL)
		return PASSED;
	if (!search->is_late && (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
	                         error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN))
		ReThrowError(error);
	if (error->sqlerrcode != search->error->sqlerrcode)
		return UNKNOWN;
	return strcmp(error->message, search->error->message) == 0 ? FAILED_SAME
	                                                           : FAILED_ALIKE;
}

/* The JOINs of FROM, the first of them first. */
static List *
list_joins(const Query *query)
{
	Node *node = linitial(query->jointree->fromlist);
	List *joins = NIL;

	for (; IsA(node, JoinExpr); node = ((JoinExpr *) node)->larg)
		joins = lcons(node, joins);
	return joins;
}

/* n_inputs 0: what the task adds instead; the later JOINs find nothing. */
static Outcome
probe(Search *search, int first, int n_inputs, int n_joins)
{
	const ReadGuard *guard = search->guard;
	MemoryContext caller = MemoryContextSwitchTo(search->context);
	Probe probe = {search, copyObject(guard->query)};
	int n = n_inputs == 0 ? guard->first_input : n_inputs;
	int start = n_inputs == 0 ? 0 : guard->first_input + first;
	int *targets = palloc(n * sizeof(int));
	List *joins = list_joins(probe.query);
	Outcome outcome;

	for (int i = 0; i < n; i++)
		targets[i] = start + i;
	query_keep_targets(probe.query, targets, n);
	for (int i = n_joins; i < list_length(joins); i++)
		list_nth_node(JoinExpr, joins, i)->quals = makeBoolConst(false, false);
	outcome = judge(search, subxact_try(run_probe, &probe));
	MemoryContextSwitchTo(caller);
	MemoryContextReset(search->context);
	return outcome;
}

/* ------------------------------------------------------------------ names */

/* What the author wrote. */
static char *
show_sql(cer_text sql)
{
	int size = pg_mbcliplen(sql.data, (int) sql.size, MAX_SHOWN);

	return psprintf("%.*s%s", size, sql.data,
	                size < (int) sql.size ? " ..." : "");
}

static void
append_condition(StringInfo shown, const char *word, cer_text sql)
{
	if (sql.size > 0)
		appendStringInfo(shown, " ... %s (%s)", word, show_sql(sql));
}

/* Its conditions fail with it. */
static char *
show_aggregate(const cer_fe_item *item, const cer_fe_value *value)
{
	StringInfoData shown;

	initStringInfo(&shown);
	appendStringInfoString(&shown, show_sql(value->sql));
	if (item->link == CER_LINK_ON)
		append_condition(&shown, "ON", item->link_sql);
	append_condition(&shown, "WHERE", item->sql);
	return shown.data;
}

static bool
is_name(cer_text text, const char *name, size_t size)
{
	return text.size == size && memcmp(text.data, name, size) == 0;
}

/* Of an aggregate "alias.value". */
static const cer_fe_value *
find_value(const cer_fe_item *item, const char *name)
{
	size_t size = item->alias.size;

	if (strlen(name) <= size || name[size] != '.' ||
	    !is_name(item->alias, name, size))
		return NULL;
	for (size_t i = 0; i < item->n_values; i++)
		if (is_name(item->values[i].name, name + size + 1,
		            strlen(name + size + 1)))
			return &item->values[i];
	return NULL;
}

static const cer_fe_item *
get_items(const Search *search, size_t *n_items)
{
	*n_items = 0;
	return search->guard->task->mst == NULL
	           ? NULL
	           : cer_mst_get_items(search->guard->task->mst, n_items);
}

static char *
describe_input(const Search *search, int input)
{
	const cer_input *at = &search->guard->plan->inputs[input];
	char *name = pnstrdup(at->name.data, at->name.size);
	size_t n_items;
	const cer_fe_item *items = get_items(search, &n_items);

	for (size_t i = 0; i < n_items; i++)
	{
		const cer_fe_item *item = &items[i];
		const cer_fe_value *value;

		if (item->kind == CER_FE_DERIVED &&
		    is_name(item->names[0], name, strlen(name)))
			return psprintf("expression \"%s\" of FE at line %d, column %d: %s",
			                name, item->line, item->column,
			                show_sql(item->sql));
		if (item->kind != CER_FE_AGGREGATE)
			continue;
		value = find_value(item, name);
		if (value != NULL)
			return psprintf("aggregate \"%s\" of FE at line %d, column %d: %s",
			                name, item->line, item->column,
			                show_aggregate(item, value));
	}
	return psprintf("feature \"%s\"", name);
}

static char *
describe_join(const Search *search, const JoinExpr *join)
{
	int at = IsA(join->rarg, RangeTblRef)
	             ? ((RangeTblRef *) join->rarg)->rtindex
	             : join->rtindex;
	const char *alias =
		rt_fetch(at, search->guard->query->rtable)->eref->aliasname;
	size_t n_items;
	const cer_fe_item *items = get_items(search, &n_items);

	for (size_t i = 0; i < n_items; i++)
		if (items[i].kind == CER_FE_JOIN &&
		    is_name(items[i].alias, alias, strlen(alias)) &&
		    items[i].link == CER_LINK_ON)
			return psprintf(
				"condition of JOIN \"%s\" of FE at line %d, column %d: %s",
				alias, items[i].line, items[i].column,
				show_sql(items[i].link_sql));
	return psprintf("rows of \"%s\" that FE reads", alias);
}

static char *
describe_several(const Search *search, int first, int n)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = first; i < first + n && names.len < MAX_SHOWN; i++)
	{
		cer_text name = search->guard->plan->inputs[i].name;

		appendStringInfo(&names, "%s\"%.*s\"", i > first ? ", " : "",
		                 (int) name.size, name.data);
	}
	return psprintf("one of %d features: %s%s", n, names.data,
	                names.len < MAX_SHOWN ? "" : " ...");
}

/* ----------------------------------------------------------------- search */

static bool
has_failed(Outcome outcome)
{
	return outcome == FAILED_ALIKE || outcome == FAILED_SAME;
}

/* No input fails; the first JOIN with which it begins, or none at all. */
static char *
find_join(Search *search)
{
	List *joins = list_joins(search->guard->query);
	Outcome outcome = probe(search, 0, 0, 0);

	for (int i = 0; i < list_length(joins) && outcome == PASSED; i++)
	{
		outcome = probe(search, 0, 0, i + 1);
		if (has_failed(outcome))
			return describe_join(search, list_nth(joins, i));
	}
	return has_failed(outcome) ? psprintf("source, label, key or split of task "
	                                      "\"%s\"",
	                                      search->guard->task->name)
	                           : NULL;
}

/* Where both halves fail, that with the very message. */
static char *
find_input(Search *search)
{
	int first = 0;
	int n = search->guard->plan->n_inputs;
	Outcome outcome = UNKNOWN; /* of these alone */

	while (n > 1)
	{
		int half = n / 2;
		Outcome left = probe(search, first, half, INT_MAX);
		Outcome right = UNKNOWN;

		if (left == UNKNOWN)
			return describe_several(search, first, n);
		if (left == FAILED_ALIKE)
			right = probe(search, first + half, n - half, INT_MAX);
		if (left == PASSED || right == FAILED_SAME)
		{
			first += half;
			half = n - half;
			left = right;
		}
		outcome = left;
		n = half;
	}
	if (outcome == UNKNOWN)
		outcome = probe(search, first, n, INT_MAX);
	return has_failed(outcome) ? describe_input(search, first) : NULL;
}

static char *
find(const ReadGuard *guard, const ErrorData *error)
{
	Search search = {
		.guard = guard,
		.error = error,
		.end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
	                                       SEARCH_SECONDS * 1000),
		.context = AllocSetContextCreate(CurrentMemoryContext, "cerebro probe",
	                                     ALLOCSET_DEFAULT_SIZES),
	};
	Outcome outcome = probe(&search, 0, 0, INT_MAX);

	if (has_failed(outcome))
		return find_join(&search);
	return outcome == PASSED ? find_input(&search) : NULL;
}

/* ---------------------------------------------------------------- reading */

static void
mark(void *arg)
{
	const ReadGuard *guard = arg;

	if (!*guard->fails_coding && is_of_data(geterrcode()))
		errcontext(MARK);
	*guard->fails_coding = false; /* of the next message nothing is known */
}

/* What was found stands where the mark was. */
static void
tell(const ReadGuard *guard, ErrorData *error)
{
	char *at = error->context == NULL ? NULL : strstr(error->context, MARK);
	char *found;

	if (at == NULL)
		return;
	found = find(guard, error);
	if (found == NULL)
		found = psprintf("rows of task \"%s\"", guard->task->name);
	error->context = psprintf("%.*s%s%s", (int) (at - error->context),
	                          error->context, found, at + strlen(MARK));
}

void
read_guard_run(const ReadGuard *guard, void (*run)(void *), void *self)
{
	ReadGuard own = *guard;
	ErrorContextCallback marker = {
		.previous = error_context_stack, .callback = mark, .arg = &own};
	ErrorData *error;

	if (guard->plan->n_inputs == 0 || IsInParallelMode())
	{
		run(self);
		return;
	}
	own.query = copyObject(guard->query); /* planning writes to it */
	error_context_stack = &marker;
	error = subxact_try(run, self);
	error_context_stack = marker.previous;
	if (error == NULL)
		return;
	tell(&own, error);
	ReThrowError(error);
}
