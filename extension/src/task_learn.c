/*
 * task_learn.c
 *	  What only the data tell about a task: its classes, and the cuts of a
 *	  split by time.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

typedef struct TimeValue
{
	double number;
	Datum value;
} TimeValue;

typedef struct Learner
{
	LabelCoder *label;
	ValueCoder *time; /* NULL: no cuts are wanted */
	Oid time_type;
	int16 time_size;
	bool time_by_value;
	MemoryContext context; /* of the times: the query's own ends before */
	TimeValue *times;
	int64 n_times;
	int64 max_times; /* allocated */
} Learner;

static void
add_time(Learner *learner, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(learner->context);

	if (learner->n_times == learner->max_times)
	{
		learner->max_times *= 2;
		learner->times = repalloc_huge(learner->times,
		                               learner->max_times * sizeof(TimeValue));
	}
	learner->times[learner->n_times++] = (TimeValue){
		.number = value_coder_get_number(learner->time, value),
		.value = datumCopy(value, learner->time_by_value, learner->time_size),
	};
	MemoryContextSwitchTo(old);
}

static void
learn_row(void *self, TupleTableSlot *slot)
{
	Learner *learner = self;

	if (slot->tts_isnull[0])
		return;
	(void) label_coder_get_class(learner->label, slot->tts_values[0]);
	if (learner->time != NULL && !slot->tts_isnull[1])
		add_time(learner, slot->tts_values[1]);
}

static void
init_times(Learner *learner, Oid type)
{
	learner->context = CurrentMemoryContext;
	learner->time = value_coder_make(type);
	learner->time_type = type;
	get_typlenbyval(type, &learner->time_size, &learner->time_by_value);
	learner->max_times = 1024;
	learner->times = palloc(learner->max_times * sizeof(TimeValue));
}

static int
compare_times(const void *left, const void *right)
{
	double a = ((const TimeValue *) left)->number;
	double b = ((const TimeValue *) right)->number;

	return (a > b) - (a < b);
}

/* The time before which a share of the rows lies; equal times stay together. */
static char *
print_cut(const Learner *learner, double share)
{
	int64 at = (int64) (share * (double) learner->n_times);
	Oid output;
	bool is_varlena;

	getTypeOutputInfo(learner->time_type, &output, &is_varlena);
	return OidOutputFunctionCall(
		output, learner->times[Min(at, learner->n_times - 1)].value);
}

static void
set_cuts(Task *task, const Learner *learner)
{
	const double *share = task->split.share;

	if (learner->n_times == 0)
		return; /* no rows, which is found out later */
	qsort(learner->times, learner->n_times, sizeof(TimeValue), compare_times);
	task->n_cuts = CER_N_PARTS - 1;
	task->split_cuts = palloc(task->n_cuts * sizeof(char *));
	task->split_cuts[0] = print_cut(learner, share[CER_TRAIN]);
	task->split_cuts[1] =
		print_cut(learner, share[CER_TRAIN] + share[CER_VALID]);
}

/* Written as the type writes it: 'today' is not the same day for ever. */
static void
set_literal_cuts(Task *task, Oid type)
{
	Oid input;
	Oid parameter;
	Oid output;
	bool is_varlena;

	getTypeInputInfo(type, &input, &parameter);
	getTypeOutputInfo(type, &output, &is_varlena);
	task->n_cuts = CER_N_PARTS - 1;
	task->split_cuts = palloc(task->n_cuts * sizeof(char *));
	for (int i = 0; i < task->n_cuts; i++)
	{
		cer_text cut = task->split.cuts[i];
		Datum value = OidInputFunctionCall(input, pnstrdup(cut.data, cut.size),
		                                   parameter, -1);

		task->split_cuts[i] = OidOutputFunctionCall(output, value);
	}
}

static int
compare_integers(const void *left, const void *right)
{
	int64 a = strtoll(*(char *const *) left, NULL, 10);
	int64 b = strtoll(*(char *const *) right, NULL, 10);

	return (a > b) - (a < b);
}

static int
compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *) left, *(char *const *) right);
}

static char *
list_classes(const Task *task)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < task->n_classes && i < 20; i++)
		appendStringInfo(&list, "%s\"%s\"", i > 0 ? ", " : "",
		                 task->classes[i]);
	if (task->n_classes > 20)
		appendStringInfo(&list, " and %d more", task->n_classes - 20);
	return list.data;
}

static bool
is_default_positive(const char *class)
{
	return strcmp(class, "true") == 0 || strcmp(class, "1") == 0;
}

/* Of two classes, which one is predicted; -1: nobody said. */
static int
find_positive(const Task *task, const char *positive)
{
	if (positive != NULL)
		return task_find_class(task, positive);
	for (int i = 0; i < task->n_classes; i++)
		if (is_default_positive(task->classes[i]))
			return i;
	return -1;
}

static void
fail_positive(const Task *task, const char *positive)
{
	if (positive != NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("positive class \"%s\" is not a value of the "
		                "label",
		                positive),
		         errhint("The label's values are %s.", list_classes(task))));
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("the label does not tell which class is the positive one"),
	         errdetail("Its values are %s.", list_classes(task)),
	         errhint("Name the one to predict, for example positive => %s.",
	                 quote_literal_cstr(task->classes[1]))));
}

/* The positive class stands second. */
static void
order_two_classes(Task *task, const char *positive)
{
	int at = find_positive(task, positive);
	char *other;

	if (at < 0)
		fail_positive(task, positive);
	other = task->classes[1 - at];
	task->classes[1] = task->classes[at];
	task->classes[0] = other;
}

static void
order_classes(Task *task, const char *positive)
{
	if (task->n_classes == 2)
		order_two_classes(task, positive);
	else if (positive != NULL && task->n_classes > 2)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("a positive class needs a label of two classes"),
		                errdetail("This one has %d: %s.", task->n_classes,
		                          list_classes(task)),
		                errhint("Compare in the label: label => %s.",
		                        quote_literal_cstr(
									psprintf("(%s) = %s", task->label,
		                                     quote_literal_cstr(positive))))));
}

static void
set_boolean_classes(Task *task)
{
	task->n_classes = 2;
	task->classes = palloc(2 * sizeof(char *));
	task->classes[0] = "false";
	task->classes[1] = "true";
}

static void
set_classes(Task *task, LabelCoder *label, Oid type)
{
	task->classes = label_coder_get_labels(label, &task->n_classes);
	qsort(task->classes, task->n_classes, sizeof(char *),
	      type == INT2OID || type == INT4OID || type == INT8OID
	          ? compare_integers
	          : compare_texts);
}

static Oid
get_type(const Query *query, int target)
{
	TargetEntry *entry = list_nth_node(TargetEntry, query->targetList, target);

	return getBaseType(exprType((Node *) entry->expr));
}

static void
read_values(Task *task, Query *query, Learner *learner)
{
	TaskTargets targets = task_get_targets(task);
	int kept[] = {targets.label, targets.split};

	query_keep_targets(query, kept, learner->time != NULL ? 2 : 1);
	query_run(query, task->query, learn_row, learner);
}

void
task_learn_classes(Task *task, Query *query)
{
	Oid type = get_type(query, task_get_targets(task).label);
	Learner learner = {.label = label_coder_make(type, NULL)};

	read_values(task, query, &learner);
	set_classes(task, learner.label, type);
}

void
task_learn(Task *task, Query *query, const char *positive)
{
	TaskTargets targets = task_get_targets(task);
	Oid type = get_type(query, targets.label);
	bool is_boolean = type == BOOLOID;
	bool is_timed = task->split.kind == CER_SPLIT_TIME && !task->split.has_cuts;
	Learner learner = {.label = label_coder_make(type, NULL)};

	if (targets.split >= 0) /* refuses a type that cannot split */
		(void) split_rule_make(task, get_type(query, targets.split));
	if (task->split.has_cuts)
		set_literal_cuts(task, get_type(query, targets.split));
	if (is_timed)
		init_times(&learner, get_type(query, targets.split));
	if (is_timed || !is_boolean)
		read_values(task, query, &learner);
	if (is_timed)
		set_cuts(task, &learner);
	if (is_boolean)
		set_boolean_classes(task);
	else
		set_classes(task, learner.label, type);
	order_classes(task, positive);
}
