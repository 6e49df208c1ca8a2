/*
 * scorer.c
 *	  What a row needs to be scored, made once and shared.
 *
 * Rights, and which model a deployment means, are looked up when a use asks
 * first.  All that a row needs then is a Scorer; those that run no code of a
 * task's author are kept for coming statements.  Both are made again when
 * something that they rest on may have changed: the deployment, rights, a
 * relation, a type, a function, the user (basis.c).  After that a row costs its
 * expressions, a look-up per category and the network, and allocates nothing.
 * Nothing is written, so that standbys and parallel workers score too.
 */
#include "basis.h"
#include "scorer_kept.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* An expression's scorer, for as long as the expression lives. */
struct ScorerUse
{
	Scorer *scorer; /* NULL until it is found */
	ScoreCall call;
	Oid user;
	uint64 time; /* of changes, when it was found */
	MemoryContextCallback callback;
};

#define MAX_KEPT 16

static uint64 last_serial;
static uint64 last_xact; /* that ended here */
static dlist_head kept = DLIST_STATIC_INIT(kept);

static void forget(Scorer *scorer);

/* ----------------------------------------------------------------- aborts */

/*
 * What an error left half done is not used again, where an executor or a store
 * of rows may have been at work.
 */
static void
forget_lookups(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &kept)
	{
		Scorer *scorer = dlist_container(Scorer, node, iter.cur);

		if (scorer_has_lookup(scorer))
			forget(scorer);
	}
}

static void
end_xact(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		forget_lookups();
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE)
		last_xact++;
}

static void
end_subxact(SubXactEvent event, SubTransactionId subxact,
            SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_lookups();
}

void
score_init(void)
{
	basis_init();
	fe_init();
	scorer_sums_init();
	RegisterXactCallback(end_xact, NULL);
	RegisterSubXactCallback(end_subxact, NULL);
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
		Oid type = row_evaluator_get_type(scorer->evaluator, (int) i);

		input_coder_init(&scorer->coders[i], scorer->model, i, type);
	}
}

/* Who lends the model rights to other tables; InvalidOid: nobody, or it reads
 * none. */
static Oid
get_reader(const Model *model)
{
	return model->query != NULL ? model->reader : InvalidOid;
}

/* Everything for rows of one type, in the current memory context. */
static Scorer *
make_scorer(const Model *model, TupleDesc desc)
{
	Scorer *scorer = palloc0(sizeof(Scorer));
	uint64 since = basis_get_time();
	size_t n;
	char *scratch;

	scorer->context = CurrentMemoryContext;
	scorer->serial = ++last_serial;
	scorer->table = archive_get_relid("model");
	scorer->id = model->id;
	scorer->layout = model->layout;
	scorer->user = GetUserId();
	scorer->reader = get_reader(model);
	scorer->has_row_security = row_security;
	scorer->allows_functions = allow_user_functions;
	scorer->task = fe_open(task_find_by_id(model->task, false), model);
	scorer->model =
		model_borrow_copy(CurrentMemoryContext, model->id, model->layout);
	scorer->tensor_rows = model_rows_make(model->id, scorer->model);
	n = scorer->n_inputs = cer_model_count_inputs(scorer->model);
	scorer->coders = palloc0(Max(n, 1) * sizeof(InputCoder));
	scorer->datums = palloc(n * sizeof(Datum));
	scorer->nulls = palloc(n * sizeof(bool));
	scorer->values =
		palloc(cer_model_count_values(scorer->model) * sizeof(cer_value));
	scorer->proba =
		palloc(cer_model_count_classes(scorer->model) * sizeof(float));
	scratch = palloc(cer_model_get_scratch_size(scorer->model, 1) + 64);
	scorer->scratch = (void *) TYPEALIGN(64, scratch);
	make_evaluator(scorer, desc);
	scorer->basis = row_evaluator_get_basis(scorer->evaluator);
	scorer->generation = basis_get_generation(scorer->basis);
	basis_look_from(scorer->basis, since);
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

static void
keep(Scorer *scorer)
{
	int n = 0;
	dlist_mutable_iter iter;

	if (!row_evaluator_is_lasting(scorer->evaluator))
		return;
	dlist_push_head(&kept, &scorer->node);
	scorer->is_kept = true;
	dlist_foreach_modify(iter, &kept) if (++n > MAX_KEPT)
		forget(dlist_container(Scorer, node, iter.cur));
}

static Size
sum_partials(const Scorer *scorer)
{
	Size size = 0;

	for (const ScorerKept *kept = scorer->kept; kept != NULL;
	     kept = scorer_kept_next(kept))
		size += scorer_kept_get_size(kept);
	return size;
}

Size
scorer_get_free_memory(const Scorer *scorer)
{
	Size limit = model_get_free_memory();
	Size size = sum_partials(scorer);
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &kept)
	{
		Scorer *other = dlist_container(Scorer, node, iter.cur);

		if (other == scorer || other->kept == NULL)
			continue;
		size += sum_partials(other);
		if (size > limit / 2)
		{
			size -= sum_partials(other);
			forget(other);
		}
	}
	return limit > size ? limit - size : 0;
}

/* Queries are analysed and planned with somebody's rights. */
static bool
is_mine(const Scorer *scorer)
{
	return !scorer_has_lookup(scorer) ||
	       (scorer->user == GetUserId() &&
	        scorer->has_row_security == row_security &&
	        scorer->allows_functions == allow_user_functions);
}

/* Nothing that it rests on has changed. */
static bool
is_current(const Scorer *scorer)
{
	return basis_get_generation(scorer->basis) == scorer->generation;
}

static Scorer *
find_kept(const Model *model, RowType row)
{
	Oid table = archive_get_relid("model");
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &kept)
	{
		Scorer *scorer = dlist_container(Scorer, node, iter.cur);

		if (!is_current(scorer))
			forget(scorer);
		else if (scorer->id == model->id && scorer->layout == model->layout &&
		         scorer->reader == get_reader(model) &&
		         scorer->table == table && scorer->row.type == row.type &&
		         scorer->row.typmod == row.typmod && is_mine(scorer))
			return scorer;
	}
	return NULL;
}

/* In a context of its own that an error frees until all is made. */
static Scorer *
add_scorer(const Model *model, RowType row)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro scorer", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TupleDesc desc = lookup_rowtype_tupdesc_copy(row.type, row.typmod);
	Scorer *scorer = make_scorer(model, desc);

	scorer->row = row;
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, CacheMemoryContext);
	keep(scorer);
	return scorer;
}

/* --------------------------------------------------------- using a scorer */

static void
check_answer(const Scorer *scorer, ScoreAnswer answer)
{
	if (answer != ANSWER_PROBABILITY || scorer_count_classes(scorer) == 2)
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("model %d has %d classes, so that no single "
	                       "probability answers",
	                       scorer->id, scorer_count_classes(scorer)),
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

ScorerUse *
scorer_use_make(MemoryContext context)
{
	ScorerUse *use = MemoryContextAllocZero(context, sizeof(ScorerUse));

	use->callback.func = end_use;
	use->callback.arg = use;
	MemoryContextRegisterResetCallback(context, &use->callback);
	return use;
}

void
scorer_hold(Scorer *scorer, MemoryContext context)
{
	scorer_use_make(context)->scorer = scorer;
	scorer->n_users++;
}

/* Opens what the call names, for the current user. */
static void
open_model(const ScoreCall *call, Model *model)
{
	if (call->is_deployment)
		deployment_open(call->id, call->answer, model);
	else
		model_open_to(call->id, RIGHT_USE, model);
}

/*
 * Whether what one statement finds may be told to others: not where snapshots
 * stay as they are, and parallel workers may not take the one that tells.
 */
static bool
may_remember(const ScoreCall *call)
{
	return call->is_deployment && !IsolationUsesXactSnapshot() &&
	       !IsInParallelMode();
}

static FoundAt
get_snapshot_time(void)
{
	Snapshot snapshot = GetActiveSnapshot();

	return (FoundAt){snapshot->xmax,
	                 snapshot->takenDuringRecovery ? (uint32) snapshot->subxcnt
	                                               : snapshot->xcnt,
	                 last_xact, snapshot->curcid};
}

/* A cursor's snapshot, or a function's, may be older than a statement before. */
static bool
is_before(const FoundAt *a, const FoundAt *b)
{
	if (a->xmax != b->xmax)
		return TransactionIdPrecedes(a->xmax, b->xmax);
	return a->n_running > b->n_running ||
	       (a->xact == b->xact && a->command < b->command);
}

/*
 * What a statement before found of the deployment, and nothing happened since:
 * switches, rights and functions announce what changes.  Models that are named
 * by number do not, when they are dropped.
 */
static Scorer *
find_opened(const ScoreCall *call, RowType row)
{
	dlist_iter iter;
	FoundAt now;

	if (!may_remember(call))
		return NULL;
	AcceptInvalidationMessages();
	now = get_snapshot_time();
	dlist_foreach(iter, &kept)
	{
		Scorer *scorer = dlist_container(Scorer, node, iter.cur);

		if (scorer->opened_by == GetUserId() && scorer->opened.id == call->id &&
		    scorer->opened.answer == call->answer &&
		    scorer->row.type == row.type && scorer->row.typmod == row.typmod &&
		    basis_get_generation(scorer->opened_on) ==
		        scorer->opened_generation &&
		    is_current(scorer) && is_mine(scorer) &&
		    !is_before(&now, &scorer->opened_at))
			return scorer;
	}
	return NULL;
}

/*
 * The announcement of a switch may have come before the statement's snapshot
 * sees the switch: then what it finds is old already.  Of a switch that the
 * latest snapshot does not see, the announcement is still to come.
 */
static bool
is_latest(const ScoreCall *call, const Model *model)
{
	Model latest;
	bool is_same;

	PushActiveSnapshot(GetLatestSnapshot());
	is_same = deployment_find_model(call->id, &latest) &&
	          latest.id == model->id && latest.layout == model->layout &&
	          latest.has_owner_rights == model->has_owner_rights;
	PopActiveSnapshot();
	return is_same;
}

/* Deployments, grants on models, functions: all that a call of a deployment is
 * opened by. */
static void
remember(Scorer *scorer, const ScoreCall *call)
{
	if (scorer->opened_on == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(scorer->context);

		scorer->opened_on = basis_make();
		basis_add_relation(scorer->opened_on, archive_get_relid("deployment"));
		basis_add_relation(scorer->opened_on, archive_get_relid("model_grant"));
		basis_add_functions(scorer->opened_on);
		MemoryContextSwitchTo(caller);
	}
	scorer->opened = *call;
	scorer->opened_by = GetUserId();
	scorer->opened_at = get_snapshot_time();
	scorer->opened_generation = basis_get_generation(scorer->opened_on);
}

/* As things are in the catalogs. */
static Scorer *
open_scorer(const ScoreCall *call, RowType row)
{
	uint64 now = basis_get_time();
	Scorer *scorer;
	Model model;

	open_model(call, &model);
	scorer = find_kept(&model, row);
	if (scorer == NULL)
		scorer = add_scorer(&model, row);
	if (may_remember(call) && is_latest(call, &model) &&
	    now == basis_get_time())
		remember(scorer, call);
	return scorer;
}

static Scorer *
find_scorer(ScorerUse *use, const ScoreCall *call, RowType row)
{
	/* in the middle of a statement its own snapshot counts */
	bool is_first = use->scorer == NULL;
	uint64 now;
	Scorer *scorer;

	end_use(use);
	scorer = is_first ? find_opened(call, row) : NULL;
	now = basis_get_time();
	if (scorer == NULL)
		scorer = open_scorer(call, row);
	scorer->n_users++;
	use->scorer = scorer;
	use->call = *call;
	use->user = GetUserId();
	use->time = now;
	check_answer(scorer, call->answer);
	return scorer;
}

Scorer *
scorer_use_get(ScorerUse *use, const ScoreCall *call, RowType row)
{
	Scorer *scorer = use->scorer;

	if (scorer != NULL && use->time == basis_get_time() &&
	    use->call.id == call->id &&
	    use->call.is_deployment == call->is_deployment &&
	    use->user == GetUserId() && scorer->row.type == row.type &&
	    scorer->row.typmod == row.typmod)
		return scorer;
	return find_scorer(use, call, row);
}

bool
scorer_use_has(const ScorerUse *use, const Scorer *scorer)
{
	return use->scorer == scorer;
}

uint64
scorer_get_serial(const Scorer *scorer)
{
	return scorer->serial;
}

int32
scorer_get_model_id(const Scorer *scorer)
{
	return scorer->id;
}

const cer_model *
scorer_get_model(const Scorer *scorer)
{
	return scorer->model;
}

bool
scorer_reads_as(const Scorer *scorer, const Scorer *other)
{
	return scorer->task->id == other->task->id &&
	       strcmp(scorer->task->query, other->task->query) == 0 &&
	       scorer->reader == other->reader &&
	       cer_model_encodes_as(scorer->model, other->model);
}

int
scorer_count_classes(const Scorer *scorer)
{
	return (int) cer_model_count_classes(scorer->model);
}

char *
scorer_get_class(const Scorer *scorer, int i)
{
	return scorer->task->classes[i];
}

/* ------------------------------------------------------ rows to values */

static void
encode(Scorer *scorer, cer_value *values, size_t stride)
{
	for (size_t i = 0; i < scorer->n_inputs; i++)
		input_coder_put(&scorer->coders[i], scorer->datums[i], scorer->nulls[i],
		                values, stride);
}

void
scorer_encode_record(Scorer *scorer, HeapTupleHeader record, cer_value *values,
                     size_t stride)
{
	row_evaluate(scorer->evaluator, record, scorer->datums, scorer->nulls);
	encode(scorer, values, stride);
}

static void
fail_column(Scorer *scorer, AttrNumber attribute)
{
	elog(ERROR, "column %d of rows of model %d is not at hand", attribute,
	     scorer->id);
}

ScorerMap *
scorer_map_make(Scorer *scorer, const int *columns)
{
	ScorerMap *map = palloc0(sizeof(ScorerMap));
	RowEvaluator *evaluator = scorer->evaluator;
	Bitmapset *read = row_evaluator_get_attributes(evaluator);
	int i = -1;

	map->n_attributes = row_evaluator_count_attributes(evaluator);
	map->by_attribute = palloc(Max(map->n_attributes, 1) * sizeof(int));
	for (int k = 0; k < map->n_attributes; k++)
		map->by_attribute[k] = -1;
	while ((i = bms_next_member(read, i)) >= 0)
	{
		if (columns[i - 1] < 0)
			fail_column(scorer, (AttrNumber) i);
		map->by_attribute[i - 1] = columns[i - 1];
		map->n_columns = Max(map->n_columns, columns[i - 1] + 1);
	}
	if (!row_evaluator_is_plain(evaluator))
		return map;
	map->by_input = palloc(Max(scorer->n_inputs, 1) * sizeof(int));
	for (size_t input = 0; input < scorer->n_inputs; input++)
		map->by_input[input] =
			columns[row_evaluator_get_attribute(evaluator, (int) input) - 1];
	return map;
}

int
scorer_map_count(const ScorerMap *map)
{
	return map->n_columns;
}

void
scorer_encode_slot(Scorer *scorer, const ScorerMap *map,
                   const TupleTableSlot *slot, cer_value *values, size_t stride)
{
	if (map->by_input == NULL)
	{
		row_evaluate_slot(scorer->evaluator, slot, map->by_attribute,
		                  scorer->datums, scorer->nulls);
		encode(scorer, values, stride);
		return;
	}
	for (size_t i = 0; i < scorer->n_inputs; i++)
	{
		int column = map->by_input[i];

		input_coder_put(&scorer->coders[i], slot->tts_values[column],
		                slot->tts_isnull[column], values, stride);
	}
}

bool
scorer_has_lookup(const Scorer *scorer)
{
	return row_evaluator_get_lookup(scorer->evaluator) != NULL;
}

void
scorer_fetch(const Scorer *scorer, const cer_fetch *fetch, void *scratch)
{
	if (scorer->tensor_rows != NULL)
		model_rows_fetch(scorer->tensor_rows, fetch, scratch);
}

const float *
scorer_score(Scorer *scorer, HeapTupleHeader record)
{
	cer_score_rows row = {.n_rows = 1, .values = scorer->values, .stride = 1};

	scorer_encode_record(scorer, record, scorer->values, 1);
	scorer_fetch(scorer, &(cer_fetch){.rows = &row}, scorer->scratch);
	cer_model_score(scorer->model, 1, scorer->values, scorer->proba,
	                scorer->scratch);
	return scorer->proba;
}

const char *
scorer_get_table(const Scorer *scorer)
{
	char *name = OidIsValid(scorer->task->relation)
	                 ? get_rel_name(scorer->task->relation)
	                 : NULL;

	return name != NULL ? name : "source";
}

/* Of tensors that are not in memory; the most likely class is the model's. */
static void
fetch_explained(Scorer *scorer, ModelRows *explained,
                const cer_score_rows *rows)
{
	if (explained != NULL)
		model_rows_fetch_explained(explained, rows);
	if (scorer->tensor_rows != NULL)
	{
		Size size = cer_model_get_scratch_size(scorer->model, rows->n_rows);
		char *scratch = palloc(size + 64);

		scorer_fetch(scorer, &(cer_fetch){.rows = rows},
		             (void *) TYPEALIGN(64, scratch));
		pfree(scratch);
	}
}

void
scorer_explain_rows(Scorer *scorer, cer_arena *arena,
                    const cer_score_rows *rows, cer_explanation *explanations)
{
	ModelRows *explained;
	cer_explainer *explainer =
		model_get_explainer(scorer->id, scorer->layout, &explained);
	cer_error err = {0};

	fetch_explained(scorer, explained, rows);
	host_check(cer_explainer_run(arena, explainer, rows, explanations, &err),
	           &err);
}

void
scorer_explain(Scorer *scorer, cer_arena *arena, HeapTupleHeader record,
               cer_explanation *explanation, const float **proba)
{
	cer_score_rows row = {.n_rows = 1, .values = scorer->values, .stride = 1};

	*proba = scorer_score(scorer, record);
	scorer_explain_rows(scorer, arena, &row, explanation);
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
