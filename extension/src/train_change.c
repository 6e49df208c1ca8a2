/*
 * train_change.c
 *	  cerebro.train_change(): a model out of another one, by a change.
 *
 *	 same states, later epochs	 goes on from a kept state, as train() would,
 *								 else begins as the other one did
 *	 anything else				 begins with the other model's weights, which
 *								 the engine fits to the new network
 *	 warm => false				 trains from scratch, and remembers the parent
 *
 * What a training begins with is an artefact, "start": its id is made of the
 * parent's state, the state whose moments go with it, and the new network.
 */
#include "cerebro_pg.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "ensemble.h"
#include "job.h"
#include "job_sql.h"
#include "scores.h"
#include "subxact.h"
#include "train.h"

/* What the archive has of the parent. */
struct ParentModel
{
	int32 id;
	char *change;  /* from its triple to the new one */
	bool is_like;  /* their optimizers keep the same of steps before */
	bool is_whole; /* all that follows is known */
	cer_id first;  /* the state after its first epoch */
	cer_id best;
	bool has_moments;
	cer_id moments; /* its last state that is kept */
	double log_loss;
	int n_classes;
	cer_artefact *start; /* that it began with; NULL: from scratch */

	/* the new training */
	Story *warm; /* as it is told if it begins with the parent's weights */
	bool is_continued;
	bool has_begun;
	cer_start begun;
};

PG_FUNCTION_INFO_V1(cerebro_train_change);

extern Datum cerebro_mst_add(PG_FUNCTION_ARGS);

/* ---------------------------------------------------------------- parent */

static bool
read_id(int column, cer_id *id)
{
	bool is_null;
	Datum value = sql_get(column, &is_null);

	if (is_null || VARSIZE_ANY_EXHDR(DatumGetByteaPP(value)) != CER_ID_SIZE)
		return false;
	memcpy(id->bytes, VARDATA_ANY(DatumGetByteaPP(value)), CER_ID_SIZE);
	return true;
}

static const char parent_sql[] =
	"SELECT (SELECT state FROM cerebro.epoch e"
	" WHERE e.model OPERATOR(pg_catalog.=) m.id"
	" AND e.epoch OPERATOR(pg_catalog.=) 1),"
	" (SELECT state FROM cerebro.epoch e"
	" WHERE e.model OPERATOR(pg_catalog.=) m.id"
	" AND e.epoch OPERATOR(pg_catalog.=) m.best_epoch),"
	" (SELECT state FROM cerebro.epoch e"
	" WHERE e.model OPERATOR(pg_catalog.=) m.id AND EXISTS"
	" (SELECT FROM cerebro.state_part s"
	" WHERE s.state OPERATOR(pg_catalog.=) e.state)"
	" ORDER BY e.epoch DESC LIMIT 1),"
	" ($2::cerebro.mst OPERATOR(cerebro.-) m.mst)::pg_catalog.text,"
	" m.valid_log_loss, m.mst::pg_catalog.text"
	" FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) $1";

static bool
keeps_moments(const char *from, const char *to)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	const cer_mst *msts[2];
	cer_error err;

	host_check(cer_mst_parse(arena, host_text(from), &msts[0], &err), &err);
	host_check(cer_mst_parse(arena, host_text(to), &msts[1], &err), &err);
	return cer_mst_keeps_moments(msts[0], msts[1]);
}

static void
read_parent(ParentModel *parent, const char *triple, MemoryContext context)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	bool is_null;

	archive_enter(&scope);
	sql_add_int4(&args, parent->id);
	sql_add_text(&args, triple);
	if (sql_run(parent_sql, &args) > 0)
	{
		parent->is_whole =
			read_id(1, &parent->first) && read_id(2, &parent->best);
		parent->has_moments = read_id(3, &parent->moments);
		parent->change = MemoryContextStrdup(
			context, TextDatumGetCString(sql_get(4, &is_null)));
		parent->log_loss = DatumGetFloat8(sql_get(5, &is_null));
		parent->is_like =
			keeps_moments(TextDatumGetCString(sql_get(6, &is_null)), triple);
	}
	archive_leave(&scope);
}

/* As the current role, who must be allowed to read it. */
void
training_find_parent(Training *training)
{
	const AttemptRecord *record = &training->attempt->record;
	ParentModel *parent;
	Model model;

	if (record->parent == 0 || !record->is_warm)
		return;
	model_open_to(record->parent, RIGHT_READ, &model);
	parent = palloc0(sizeof(ParentModel));
	parent->id = model.id;
	parent->n_classes = model_count_classes(&model);
	read_parent(parent, training->attempt->triple, training->context);
	parent->start = story_read_start(model.id);
	if (parent->is_whole)
		training->parent = parent;
	else
		ereport(NOTICE,
		        (errmsg("model %d does not know the states of its training",
		                model.id),
		         errdetail("Training begins from scratch.")));
}

/* ----------------------------------------------------------------- story */

static bool
is_same(const cer_id *a, const cer_id *b)
{
	return memcmp(a->bytes, b->bytes, CER_ID_SIZE) == 0;
}

/* Begun as the parent was: with the parent's states?  What a start is made of
 * says for which network. */
static Story *
tell_as_parent(ParentModel *parent, const StorySource *source)
{
	StorySource like = *source;
	Story *story;
	cer_id first;

	like.start = parent->start;
	story = story_make(&like);
	if (parent->start != NULL &&
	    (parent->start->n_inputs == 0 ||
	     !is_same(&story_get(story)->initial.id, &parent->start->inputs[0])))
		return NULL;
	first = story_get_state(story, 1);
	return is_same(&first, &parent->first) ? story : NULL;
}

static Story *
tell_warm(const ParentModel *parent, const StorySource *source)
{
	cer_story_start from = {.weights = parent->best,
	                        .has_moments = parent->has_moments,
	                        .moments = parent->moments,
	                        .change = host_text(parent->change)};
	StorySource like = *source;

	like.start = story_make_start(story_make(source), &from);
	return story_make(&like);
}

Story *
training_tell(Training *training, const StorySource *source)
{
	ParentModel *parent = training->parent;
	Story *story;

	if (parent == NULL)
		return story_make(source);
	parent->warm = tell_warm(parent, source);
	story = tell_as_parent(parent, source);
	parent->is_continued = story != NULL;
	return story != NULL ? story : parent->warm;
}

/* ----------------------------------------------------------------- start */

#define MODEL_PARTS                                                           \
	(1U << CER_PART_HEADER | 1U << CER_PART_ENCODER | 1U << CER_PART_TENSOR | \
	 1U << CER_PART_MEANS)
#define MOMENT_PARTS \
	(1U << CER_PART_STATE | 1U << CER_PART_MOMENT1 | 1U << CER_PART_MOMENT2)

static List *
read_moments(const ParentModel *parent)
{
	List *all = parent->has_moments ? story_read_state(&parent->moments) : NIL;
	List *moments = NIL;
	ListCell *cell;

	foreach (cell, all)
	{
		cer_part *part = lfirst(cell);

		if (MOMENT_PARTS & 1U << part->kind)
			moments = lappend(moments, part);
	}
	return moments;
}

static int32
find_parent_of(int32 model)
{
	ArchiveScan *scan = archive_scan_by_id("model", model);
	bool is_null = true;
	Datum parent = 0;

	if (archive_scan_next(scan))
		parent = archive_scan_get(scan, "parent", &is_null);
	archive_scan_end(scan);
	return is_null ? 0 : DatumGetInt32(parent);
}

/* Begins as the parent did, with the model before it.  False: that one, or what
 * of its states went with it, is not there any more or not for this role. */
static bool
send_start_of_parent(Training *training)
{
	const cer_artefact *start = training->parent->start;
	ParentModel before = {.id = find_parent_of(training->parent->id)};
	List *moments;
	List *parts;

	if (before.id == 0 || !model_may_open(before.id, RIGHT_READ))
		return false;
	read_parent(&before, training->attempt->triple, training->context);
	before.has_moments = start->n_inputs > 2;
	if (before.has_moments)
		before.moments = start->inputs[2];
	moments = read_moments(&before);
	if (!before.is_whole || start->n_inputs < 2 ||
	    !is_same(&before.best, &start->inputs[1]) ||
	    (before.has_moments && moments == NIL))
		return false;
	parts = model_read_parts(before.id, MODEL_PARTS);
	train_send_start(training, 0, list_concat(parts, moments));
	return true;
}

/* No state is there to go on from. */
void
training_send_parent(Training *training)
{
	ParentModel *parent = training->parent;
	List *parts;

	if (parent == NULL || (parent->is_continued && parent->start == NULL))
		return;
	if (parent->is_continued && send_start_of_parent(training))
		return;
	training->story = parent->warm;
	parent->is_continued = false;
	parts = model_read_parts(parent->id, MODEL_PARTS);
	train_send_start(training, 0, list_concat(parts, read_moments(parent)));
}

static void
tell_begun(const ParentModel *parent)
{
	const cer_start *begun = &parent->begun;
	const char *optimizer =
		begun->has_moments ? " and its optimizer's state" : "";

	if (!begun->is_warm)
		ereport(NOTICE, (errmsg("nothing of model %d can be kept: %s",
		                        parent->id, begun->text),
		                 errdetail("Training begins from scratch.")));
	else if (begun->is_exact)
		ereport(NOTICE,
		        (errmsg("begins with the weights of model %d%s: %s", parent->id,
		                optimizer, begun->text),
		         errdetail("It predicts what model %d does.", parent->id)));
	else
		ereport(
			NOTICE,
			(errmsg("begins with the weights of model %d%s: %s", parent->id,
		            optimizer, begun->text),
		     errdetail("Its loss on validation rows is %.4f now, where "
		               "model %d has %.4f.",
		               begun->valid.log_loss, parent->id, parent->log_loss)));
}

void
training_handle_begun(Training *training, const cer_start *begun)
{
	ParentModel *parent = training->parent;

	if (parent == NULL)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
		                errmsg("the engine process began with a model that "
		                       "it was not given")));
	if (parent->is_continued)
	{
		ereport(NOTICE,
		        (errmsg("begins as model %d began: no state of its training "
		                "is used",
		                parent->id)));
		return;
	}
	parent->begun = *begun;
	parent->has_begun = true;
	tell_begun(parent);
}

/* What the new network has to be otherwise. */
static char *
describe_change(const Training *training)
{
	const ParentModel *parent = training->parent;
	int n_more = training->task->n_classes - parent->n_classes;

	if (n_more == 0)
		return parent->change;
	return psprintf("%s%s%d class%s more", parent->change,
	                parent->change[0] != '\0' ? ", " : "", n_more,
	                n_more == 1 ? "" : "es");
}

/* Before it: what the archive has tells, but for what the engine makes of it. */
const char *
training_expect_start(const Training *training)
{
	const ParentModel *parent = training->parent;
	int32 model = training->attempt->record.parent;

	if (model == 0)
		return NULL;
	if (parent == NULL)
		return "from scratch";
	if (training->story == NULL &&
	    parent->n_classes < training->task->n_classes)
		return psprintf("weights of model %d, fitted to the change: %s", model,
		                describe_change(training));
	if (training->story == NULL)
		return psprintf("weights of model %d, or a state of its training: it "
		                "shows once rows are read",
		                model);
	if (parent->is_continued && training->expected.n_found > 0)
		return psprintf("goes on from model %d", model);
	if (parent->is_continued && parent->start == NULL)
		return psprintf("from scratch, as no state of model %d is kept", model);
	if (parent->is_continued &&
	    model_may_open(find_parent_of(model), RIGHT_READ))
		return psprintf("as model %d began", model);
	return psprintf("weights of model %d%s, fitted to the change: %s", model,
	                parent->has_moments && parent->is_like
	                    ? " with the optimizer's state"
	                    : "",
	                describe_change(training));
}

const char *
training_describe_start(const Training *training)
{
	const ParentModel *parent = training->parent;

	if (training->attempt->record.parent == 0)
		return NULL;
	if (parent == NULL)
		return "from scratch";
	if (parent->is_continued && parent->start != NULL && training->n_found == 0)
		return "begins as it did";
	if (parent->is_continued)
		return "goes on";
	if (!parent->has_begun)
		return "begins with its weights"; /* its epochs were found */
	if (!parent->begun.is_warm)
		return psprintf("from scratch: %s", parent->begun.text);
	return psprintf("%s: %s", parent->begun.is_exact ? "same function" : "near",
	                parent->begun.text);
}

/* In an archive scope, once the model's row is there. */
void
training_write_parent(const Training *training)
{
	const AttemptRecord *record = &training->attempt->record;
	const ParentModel *parent = training->parent;
	bool is_known = parent != NULL && parent->has_begun;
	SqlArgs args = {0};

	if (record->parent == 0)
		return;
	sql_add_int4(&args, record->model);
	sql_add_int4(&args, record->parent);
	sql_add_text(&args, training_describe_start(training));
	sql_add(&args, FLOAT8OID,
	        Float8GetDatum(is_known ? parent->begun.valid.log_loss : 0),
	        !is_known);
	sql_run("UPDATE cerebro.model m SET parent = $2, start = $3,"
	        " start_log_loss = $4, change = (SELECT"
	        " m.mst OPERATOR(cerebro.-) p.mst FROM cerebro.model p"
	        " WHERE p.id OPERATOR(pg_catalog.=) $2)"
	        " WHERE m.id OPERATOR(pg_catalog.=) $1",
	        &args);
}

/* ---------------------------------------------------------------- effect */

static bool
has_rows_of_parent(const Training *training)
{
	Model parent;

	return training->attempt->record.parent != 0 &&
	       model_find(training->attempt->record.parent, &parent) &&
	       parent.data_version == training->data_version;
}

static void
write_effect(void *self)
{
	const AttemptRecord *record = self;
	ScoresDifference effect = scores_compare(record->model, record->parent);
	ArchiveScope scope;
	SqlArgs args = {0};

	archive_enter(&scope);
	sql_add_int4(&args, record->model);
	sql_add_double(&args, effect.mean);
	sql_add_double(&args, effect.standard_error);
	sql_run("UPDATE cerebro.model SET effect = $2, effect_error = $3"
	        " WHERE id OPERATOR(pg_catalog.=) $1",
	        &args);
	archive_leave(&scope);
}

/* A parent that goes meanwhile, or lost its scores, does not cost the model. */
void
training_write_effect(const Training *training)
{
	AttemptRecord *record = &training->attempt->record;
	ErrorData *error = NULL;

	/* to see what this command has archived */
	CommandCounterIncrement();
	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();
	if (has_rows_of_parent(training))
		error = subxact_try(write_effect, record);
	PopActiveSnapshot();
	if (error == NULL)
		return;
	if (subxact_is_cancel(error))
		ReThrowError(error);
	ereport(WARNING, (errmsg("the effect of the change on model %d is not kept",
	                         record->parent),
	                  errdetail("%s", error->message)));
}

/* -------------------------------------------------------------- function */

char *
train_apply_change(const Model *model, FunctionCallInfo fcinfo)
{
	LOCAL_FCINFO(call, 2);
	FmgrInfo function;
	ArchiveScan *scan = archive_scan_by_id("model", model->id);
	Datum result;

	if (!archive_scan_next(scan))
		model_report_missing(model->id);
	memset(&function, 0, sizeof(function));
	function.fn_addr = cerebro_mst_add;
	function.fn_nargs = 2;
	function.fn_strict = true;
	function.fn_mcxt = CurrentMemoryContext;
	InitFunctionCallInfoData(*call, &function, 2, InvalidOid, NULL, NULL);
	call->args[0].value = PointerGetDatum(
		PG_DETOAST_DATUM_COPY(archive_scan_get(scan, "mst", NULL)));
	call->args[0].isnull = false;
	call->args[1].value = PG_GETARG_DATUM(1);
	call->args[1].isnull = false;
	archive_scan_end(scan);
	result = cerebro_mst_add(call);
	return TextDatumGetCString(result);
}

Datum
cerebro_train_change(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"model", "change", "warm", "wait"};
	TrainRequest request = {0};
	Model model;

	train_check_given(fcinfo, "cerebro.train_change()", arguments, 2);
	train_check_may_write("cerebro.train_change()");
	request.is_warm = train_plans_warm() && PG_GETARG_BOOL(2);
	model_open_to(PG_GETARG_INT32(0), RIGHT_READ, &model);
	ensemble_check_none(&model);
	request.task = task_find_by_id(model.task, true);
	request.triple = train_apply_change(&model, fcinfo);
	request.parent = model.id;
	PG_RETURN_INT32(train_request(&request, PG_GETARG_BOOL(3)));
}
