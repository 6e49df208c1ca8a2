/*
 * score.c
 *	  One row through a model: score_row for deployed functions, predict for
 *	  everybody with the right to a model.
 *
 * Rights, and which model a deployment means, are looked up at the first call
 * of an expression.  All that a row needs then is a Scorer; those that run no
 * code of a task's author are kept for coming statements.  Both are made again
 * when something that they rest on may have changed: the deployment, rights,
 * the relation, a type, a function, the user.  Invalidations tell; they advance
 * one counter, which each call compares.  After that a row costs its
 * expressions, a look-up per category and the network, and allocates nothing.
 * Nothing is written, so that standbys and parallel workers score too.
 *
 *	 fn_extra -> ScorerUse -> Scorer -> model (model.c)
 *	 one per expression		  one per (model, row type), shared
 */
#include "cerebro_pg.h"
#include "fe.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

typedef struct Scorer
{
	dlist_node node;       /* among the kept ones, the latest first */
	MemoryContext context; /* of all below and of itself */
	int n_users;
	bool is_kept;

	/* what it is for */
	Oid table; /* cerebro.model */
	int32 id;  /* model */
	Oid type;  /* of rows */
	int32 typmod;
	uint64 generation;

	/* how rows become values */
	Task *task;
	const cer_model *model;
	size_t n_inputs;
	RowEvaluator *evaluator;
	bool *is_code; /* by input: a category */
	ValueCoder **coders;
	Datum *datums;
	bool *nulls;

	/* one row */
	cer_value *values;
	float *proba;
	void *scratch;
} Scorer;

/* An expression's scorer, for as long as its function context lives. */
typedef struct ScorerUse
{
	Scorer *scorer; /* NULL until it is found */
	int32 id;       /* deployment or model, as the call gives it */
	Oid user;
	uint64 generation;
	MemoryContextCallback callback;
} ScorerUse;

#define MAX_KEPT 16

/* Opens what an id names, for the current user. */
typedef void (*OpenFunction)(int32 id, ScoreAnswer answer, Model *model);

static uint64 generation = 1;
static dlist_head kept = DLIST_STATIC_INIT(kept);

PG_FUNCTION_INFO_V1(cerebro_score_row);
PG_FUNCTION_INFO_V1(cerebro_score_row_class);
PG_FUNCTION_INFO_V1(cerebro_score_row_proba);
PG_FUNCTION_INFO_V1(cerebro_predict);
PG_FUNCTION_INFO_V1(cerebro_predict_class);
PG_FUNCTION_INFO_V1(cerebro_predict_proba);
PG_FUNCTION_INFO_V1(cerebro_score_support);

/* ----------------------------------------------------------- invalidation */

static void
forget_relation(Datum arg, Oid relid)
{
	generation++;
}

static void
forget_object(Datum arg, int cache, uint32 hash)
{
	generation++;
}

void
score_init(void)
{
	static const int caches[] = {PROCOID, TYPEOID, AUTHOID, AUTHMEMROLEMEM};

	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	for (int i = 0; i < lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], forget_object, (Datum) 0);
}

uint64
score_get_generation(void)
{
	return generation;
}

/* -------------------------------------------------------- making a scorer */

int *
score_find_targets(const cer_model *model, const cer_column *columns,
                   int n_columns)
{
	size_t n_inputs = cer_model_count_inputs(model);
	int *targets = palloc(Max(n_inputs, 1) * sizeof(int));

	for (size_t i = 0; i < n_inputs; i++)
	{
		cer_text name = cer_model_get_input(model, i)->name;
		int column = 0;

		while (column < n_columns &&
		       (columns[column].name.size != name.size ||
		        memcmp(columns[column].name.data, name.data, name.size) != 0))
			column++;
		if (column == n_columns)
			ereport(ERROR,
			        (errcode(ERRCODE_UNDEFINED_COLUMN),
			         errmsg("column \"%.*s\", which the model reads, is not "
			                "in the task's source any more",
			                (int) name.size, name.data)));
		targets[i] = column;
	}
	return targets;
}

void
score_check_storage(const cer_input *input, cer_storage storage)
{
	if ((input->storage == CER_CODE32) == (storage == CER_CODE32))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_DATATYPE_MISMATCH),
	         errmsg("column \"%.*s\" was a %s when the model was trained and "
	                "is a %s now",
	                (int) input->name.size, input->name.data,
	                input->storage == CER_CODE32 ? "category" : "number",
	                storage == CER_CODE32 ? "category" : "number"),
	         errhint("Cast the column, or train a new model.")));
}

static void
make_evaluator(Scorer *scorer, TupleDesc desc)
{
	int level = settings_enter(scorer->task);
	Query *query = task_analyze(scorer->task);
	cer_column *columns = task_get_columns(scorer->task, query);
	int *targets =
		score_find_targets(scorer->model, columns, scorer->task->n_columns);

	settings_leave(level);
	scorer->evaluator =
		row_evaluator_make(scorer->task, desc, targets, (int) scorer->n_inputs);
	for (size_t i = 0; i < scorer->n_inputs; i++)
	{
		const cer_input *input = cer_model_get_input(scorer->model, i);
		Oid type = row_evaluator_get_type(scorer->evaluator, (int) i);

		scorer->is_code[i] = input->storage == CER_CODE32;
		scorer->coders[i] = value_coder_make(type);
		score_check_storage(input, value_coder_get_storage(scorer->coders[i]));
	}
}

/* Everything for rows of one type, in the current memory context. */
static Scorer *
make_scorer(const Model *model, TupleDesc desc)
{
	Scorer *scorer = palloc0(sizeof(Scorer));
	size_t n;
	char *scratch;

	scorer->context = CurrentMemoryContext;
	scorer->table = archive_get_relid("model");
	scorer->id = model->id;
	scorer->generation = generation; /* of before: what comes counts */
	scorer->task = fe_open(task_find_by_id(model->task, false), model);
	scorer->model = model_borrow(CurrentMemoryContext, model->id);
	n = scorer->n_inputs = cer_model_count_inputs(scorer->model);
	scorer->is_code = palloc(n * sizeof(bool));
	scorer->coders = palloc(n * sizeof(ValueCoder *));
	scorer->datums = palloc(n * sizeof(Datum));
	scorer->nulls = palloc(n * sizeof(bool));
	scorer->values = palloc(n * sizeof(cer_value));
	scorer->proba =
		palloc(cer_model_count_classes(scorer->model) * sizeof(float));
	scratch = palloc(cer_model_get_scratch_size(scorer->model, 1) + 64);
	scorer->scratch = (void *) TYPEALIGN(64, scratch);
	make_evaluator(scorer, desc);
	return scorer;
}

/* ------------------------------------------------------- keeping scorers */

static void
drop_if_unused(Scorer *scorer)
{
	if (!scorer->is_kept && scorer->n_users == 0)
		MemoryContextDelete(scorer->context);
}

static void
forget(Scorer *scorer)
{
	dlist_delete(&scorer->node);
	scorer->is_kept = false;
	drop_if_unused(scorer);
}

void
score_forget(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &kept)
		forget(dlist_container(Scorer, node, iter.cur));
}

/* What runs code is not kept: whether it may run is asked per statement. */
static void
keep(Scorer *scorer)
{
	int n = 0;
	dlist_mutable_iter iter;

	if (!row_evaluator_is_plain(scorer->evaluator))
		return;
	dlist_push_head(&kept, &scorer->node);
	scorer->is_kept = true;
	dlist_foreach_modify(iter, &kept) if (++n > MAX_KEPT)
		forget(dlist_container(Scorer, node, iter.cur));
}

static Scorer *
find_kept(const Model *model, HeapTupleHeader row)
{
	Oid table = archive_get_relid("model");
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &kept)
	{
		Scorer *scorer = dlist_container(Scorer, node, iter.cur);

		if (scorer->generation != generation)
			forget(scorer);
		else if (scorer->id == model->id && scorer->table == table &&
		         scorer->type == HeapTupleHeaderGetTypeId(row) &&
		         scorer->typmod == HeapTupleHeaderGetTypMod(row))
			return scorer;
	}
	return NULL;
}

/* In a context of its own that an error frees until all is made. */
static Scorer *
add_scorer(const Model *model, HeapTupleHeader row)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro scorer", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TupleDesc desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(row),
	                                             HeapTupleHeaderGetTypMod(row));
	Scorer *scorer = make_scorer(model, desc);

	scorer->type = HeapTupleHeaderGetTypeId(row);
	scorer->typmod = HeapTupleHeaderGetTypMod(row);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, CacheMemoryContext);
	keep(scorer);
	return scorer;
}

/* --------------------------------------------------------- using a scorer */

static void
check_answer(const Scorer *scorer, ScoreAnswer answer)
{
	if (answer != ANSWER_PROBABILITY || scorer->task->n_classes == 2)
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("model %d has %d classes, so that no single "
	                       "probability answers",
	                       scorer->id, scorer->task->n_classes),
	                errhint("Use cerebro.predict_class or "
	                        "cerebro.predict_proba.")));
}

static void
end_use(void *arg)
{
	ScorerUse *use = arg;
	Scorer *scorer = use->scorer;

	use->scorer = NULL;
	if (scorer == NULL)
		return;
	scorer->n_users--;
	drop_if_unused(scorer);
}

static ScorerUse *
make_use(FmgrInfo *function)
{
	ScorerUse *use =
		MemoryContextAllocZero(function->fn_mcxt, sizeof(ScorerUse));

	use->callback.func = end_use;
	use->callback.arg = use;
	MemoryContextRegisterResetCallback(function->fn_mcxt, &use->callback);
	function->fn_extra = use;
	return use;
}

static Scorer *
find_scorer(FunctionCallInfo fcinfo, OpenFunction open, ScoreAnswer answer,
            HeapTupleHeader row)
{
	ScorerUse *use = fcinfo->flinfo->fn_extra;
	uint64 now = generation;
	Scorer *scorer;
	Model model;

	if (use == NULL)
		use = make_use(fcinfo->flinfo);
	end_use(use);
	open(PG_GETARG_INT32(0), answer, &model);
	scorer = find_kept(&model, row);
	if (scorer == NULL)
		scorer = add_scorer(&model, row);
	scorer->n_users++;
	use->scorer = scorer;
	use->id = PG_GETARG_INT32(0);
	use->user = GetUserId();
	use->generation = now;
	check_answer(scorer, answer);
	return scorer;
}

static Scorer *
get_scorer(FunctionCallInfo fcinfo, OpenFunction open, ScoreAnswer answer,
           HeapTupleHeader row)
{
	ScorerUse *use = fcinfo->flinfo->fn_extra;

	if (use != NULL && use->scorer != NULL && use->generation == generation &&
	    use->id == PG_GETARG_INT32(0) && use->user == GetUserId() &&
	    use->scorer->type == HeapTupleHeaderGetTypeId(row) &&
	    use->scorer->typmod == HeapTupleHeaderGetTypMod(row))
		return use->scorer;
	return find_scorer(fcinfo, open, answer, row);
}

/* --------------------------------------------------------------- scoring */

static cer_value
get_value(Scorer *scorer, size_t input)
{
	bool is_code = scorer->is_code[input];
	Datum datum = scorer->datums[input];
	ValueCoder *coder = scorer->coders[input];

	if (scorer->nulls[input])
		return is_code ? (cer_value){.code = 0} : (cer_value){.number = NAN};
	if (!is_code)
		return (cer_value){.number = value_coder_get_number(coder, datum)};
	return (cer_value){
		.code = cer_model_find_code(scorer->model, input,
	                                value_coder_get_text(coder, datum))};
}

static void
score(Scorer *scorer, HeapTupleHeader row)
{
	row_evaluate(scorer->evaluator, row, scorer->datums, scorer->nulls);
	for (size_t i = 0; i < scorer->n_inputs; i++)
		scorer->values[i] = get_value(scorer, i);
	cer_model_score(scorer->model, 1, scorer->values, scorer->proba,
	                scorer->scratch);
}

static text *
print_class(const Scorer *scorer)
{
	int best = 0;

	for (int i = 1; i < scorer->task->n_classes; i++)
		if (scorer->proba[i] > scorer->proba[best])
			best = i;
	return cstring_to_text(scorer->task->classes[best]);
}

/* A probability as the shortest decimal that reads back as the same real. */
static Numeric
make_numeric(float value)
{
	char digits[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(value, digits);
	return DatumGetNumeric(
		DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
	                        ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static Jsonb *
print_proba(const Scorer *scorer)
{
	JsonbParseState *state = NULL;
	JsonbValue *object;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < scorer->task->n_classes; i++)
	{
		char *name = scorer->task->classes[i];
		JsonbValue key = {.type = jbvString};
		JsonbValue value = {.type = jbvNumeric};

		key.val.string.val = name;
		key.val.string.len = (int) strlen(name);
		value.val.numeric = make_numeric(scorer->proba[i]);
		(void) pushJsonbValue(&state, WJB_KEY, &key);
		(void) pushJsonbValue(&state, WJB_VALUE, &value);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(object);
}

static Datum
answer_row(FunctionCallInfo fcinfo, OpenFunction open, ScoreAnswer answer)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(1);
	Scorer *scorer = get_scorer(fcinfo, open, answer, row);

	score(scorer, row);
	switch (answer)
	{
		case ANSWER_PROBABILITY:
			return Float4GetDatum(scorer->proba[1]);
		case ANSWER_CLASS:
			return PointerGetDatum(print_class(scorer));
		case ANSWER_PROBA:
			return PointerGetDatum(print_proba(scorer));
	}
	pg_unreachable();
}

/* ---------------------------------------------------------- SQL functions */

Datum
cerebro_score_row(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, deployment_open, ANSWER_PROBABILITY);
}

Datum
cerebro_score_row_class(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, deployment_open, ANSWER_CLASS);
}

Datum
cerebro_score_row_proba(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, deployment_open, ANSWER_PROBA);
}

static void
open_model(int32 id, ScoreAnswer answer, Model *model)
{
	model_open(id, model);
}

Datum
cerebro_predict(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, open_model, ANSWER_PROBABILITY);
}

Datum
cerebro_predict_class(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, open_model, ANSWER_CLASS);
}

Datum
cerebro_predict_proba(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, open_model, ANSWER_PROBA);
}

/* A deployment is checked here, before its first row. */
void
score_check_relation(const Model *model, const Task *task)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro scorer", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);

	(void) make_scorer(model, lookup_rowtype_tupdesc_copy(
								  get_rel_type_id(task->relation), -1));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* --------------------------------------------------------------- planning */

/*
 * Measured in calls of a cheap operator (25 ns, cpu_operator_cost): a row of
 * 25 columns takes 1 us besides the network, 70,000 weights take 2.2 us.
 */
#define OPERATORS_PER_WEIGHT 0.00125
#define OPERATORS_PER_ROW    40

static bool
estimate_cost(SupportRequestCost *request)
{
	Node *first = request->node && IsA(request->node, FuncExpr)
	                  ? linitial(((FuncExpr *) request->node)->args)
	                  : NULL;
	Model model;

	if (first == NULL || !IsA(first, Const) || ((Const *) first)->constisnull ||
	    !ActiveSnapshotSet())
		return false;
	if (!deployment_find_model(DatumGetInt32(((Const *) first)->constvalue),
	                           &model))
		return false;
	request->startup = 0;
	request->per_tuple =
		cpu_operator_cost *
		(OPERATORS_PER_ROW + OPERATORS_PER_WEIGHT * (double) model.n_weights);
	return true;
}

/*
 * Asked while the first statement of a session that scores is planned, so that
 * the library is loaded by then.
 */
Datum
cerebro_score_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestCost) &&
	    estimate_cost((SupportRequestCost *) request))
		PG_RETURN_POINTER(request);
	PG_RETURN_POINTER(NULL);
}
