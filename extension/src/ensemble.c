/*
 * ensemble.c
 *	  cerebro.ensemble(): models put together into one of its own.
 *
 * Nothing is trained and no row is read: scores of validation rows are kept
 * with each model.  The parts of the ensemble are rows that refer to the bytes
 * of its members.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "content.h"
#include "ensemble.h"
#include "fe.h"
#include "job.h"
#include "job_sql.h"
#include "scores.h"

#define MAX_CHOICES 1000

PG_FUNCTION_INFO_V1(cerebro_ensemble);

typedef struct Ensemble
{
	Oid owner;    /* who asks: in an archive scope it is somebody else */
	int n_models; /* that are offered */
	Model *models;
	const char *query; /* NULL: the task's own */
	KeptScores *scores;
	const uint16 *labels;
	uint32 *counts; /* by model: how often it was chosen */
	int n_choices;
	int n_members; /* those chosen at all */
	double *weights;
	double temperature;
	float *proba; /* (n_rows, n_classes) of validation rows */
	cer_metrics metrics;
} Ensemble;

/* ----------------------------------------------------------------- checks */

static void
check_alike(const Model *a, const Model *b)
{
	if (a->data_version != b->data_version)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		     errmsg("models %d and %d cannot be put together", a->id, b->id),
		     errdetail("They were trained on data versions %d and %d.",
		               a->data_version, b->data_version),
		     errhint("Train one of them again on today's rows.")));
}

void
ensemble_check_none(const Model *model)
{
	ArchiveScan *scan = archive_scan_by_id("ensemble_member", model->id);
	bool is_one = archive_scan_next(scan);

	archive_scan_end(scan);
	if (is_one)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("model %d is an ensemble itself", model->id),
		                errhint("Name its members, which "
		                        "cerebro.ensemble_member lists.")));
}

static void
open_models(Ensemble *e, ArrayType *ids)
{
	Datum *values;
	bool *nulls;

	deconstruct_array(ids, INT4OID, sizeof(int32), true, TYPALIGN_INT, &values,
	                  &nulls, &e->n_models);
	if (e->n_models == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("an ensemble of no models")));
	e->models = palloc0(sizeof(Model) * e->n_models);
	for (int i = 0; i < e->n_models; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("a model of an ensemble is NULL")));
		model_open_to(DatumGetInt32(values[i]), RIGHT_READ, &e->models[i]);
		ensemble_check_none(&e->models[i]);
		check_alike(&e->models[0], &e->models[i]);
		for (int j = 0; j < i; j++)
			if (e->models[j].id == e->models[i].id)
				ereport(ERROR,
				        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				         errmsg("model %d is named twice", e->models[i].id)));
	}
}

static void
read_scores(Ensemble *e)
{
	e->scores = palloc(sizeof(KeptScores) * e->n_models);
	for (int i = 0; i < e->n_models; i++)
	{
		CHECK_FOR_INTERRUPTS();
		e->scores[i] = scores_read(&e->models[i]);
		if (i == 0)
			e->labels = scores_read_labels(&e->models[0], e->scores[0].n_rows);
		scores_check_shapes(&e->models[0], &e->scores[0], &e->scores[i],
		                    e->labels);
	}
}

/* --------------------------------------------------------------- choosing */

static void
choose(Ensemble *e, int n_choices)
{
	const uint16_t **scores = palloc(sizeof(*scores) * e->n_models);
	cer_ensemble_source source = {.n_models = e->n_models,
	                              .n_rows = e->scores[0].n_rows,
	                              .n_classes = e->scores[0].n_classes,
	                              .scores = scores,
	                              .labels = e->labels};
	double loss;
	cer_error err = {0};

	for (int i = 0; i < e->n_models; i++)
		scores[i] = e->scores[i].scores;
	e->counts = palloc0(sizeof(uint32) * e->n_models);
	host_check(cer_ensemble_choose(host_make_arena(CurrentMemoryContext),
	                               &source, n_choices, e->counts, &loss, &err),
	           &err);
	for (int i = 0; i < e->n_models; i++)
	{
		e->n_choices += (int) e->counts[i];
		e->n_members += e->counts[i] > 0;
	}
}

/* The mean of the members' scores, its temperature, its metrics. */
static void
average(Ensemble *e)
{
	size_t n_rows = e->scores[0].n_rows;
	size_t n_classes = e->scores[0].n_classes;
	cer_host host = host_make();
	cer_error err = {0};

	e->proba = MemoryContextAllocHuge(CurrentMemoryContext,
	                                  sizeof(float) * n_rows * n_classes);
	memset(e->proba, 0, sizeof(float) * n_rows * n_classes);
	for (int i = 0; i < e->n_models; i++)
	{
		float weight = (float) e->counts[i] / (float) e->n_choices;

		for (size_t j = 0; e->counts[i] > 0 && j < n_rows * n_classes; j++)
			e->proba[j] += weight * (float) e->scores[i].scores[j] / 65535.0f;
	}
	e->temperature =
		cer_temperature_find(n_rows, n_classes, e->proba, e->labels);
	cer_temperature_apply(e->temperature, n_rows, n_classes, e->proba);
	host_check(cer_metrics_compute(&host, n_rows, n_classes, e->proba,
	                               e->labels, &e->metrics, &err),
	           &err);
}

/* ---------------------------------------------------------------- writing */

/* Until the end of the transaction nobody drops what is referred to here. */
static void
lock_member(int32 member)
{
	SqlArgs args = {0};

	sql_add_int4(&args, member);
	if (sql_run("SELECT FROM cerebro.model WHERE id OPERATOR(pg_catalog.=) $1"
	            " FOR KEY SHARE",
	            &args) == 0)
		model_report_missing(member);
}

/* What FE is, as the first model has it. */
static char *
make_request(const Ensemble *e, const char *request)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	const cer_mst *mst;
	cer_text made;
	SqlArgs args = {0};
	bool is_null;
	char *of_model;
	cer_error err = {0};

	if (request != NULL)
		return pstrdup(request);
	sql_add_int4(&args, e->models[0].id);
	sql_run("SELECT mst::pg_catalog.text FROM cerebro.model"
	        " WHERE id OPERATOR(pg_catalog.=) $1",
	        &args);
	of_model = TextDatumGetCString(sql_get(1, &is_null));
	host_check(cer_mst_parse(arena, host_text(of_model), &mst, &err), &err);
	host_check(cer_auto_request(arena, mst, &mst, &err), &err);
	host_check(cer_mst_print(arena, mst, &made, &err), &err);
	return pnstrdup(made.data, made.size);
}

static void
write_model(const Ensemble *e, int32 id, const char *request)
{
	SqlArgs args = {0};

	sql_add_int4(&args, id);
	sql_add_int4(&args, e->models[0].id);
	sql_add_text(&args, request);
	sql_add_role(&args, e->owner);
	sql_add_double(&args, e->metrics.log_loss);
	sql_add_double(&args, e->metrics.auc);
	sql_add_double(&args, e->metrics.accuracy);
	sql_add_text(&args, CER_VERSION);
	sql_add_text(&args, e->query);
	sql_add_double(&args, e->temperature);
	sql_run("INSERT INTO cerebro.model (id, task, data_version, mst, owner,"
	        " n_weights, n_epochs, best_epoch, valid_log_loss, valid_auc,"
	        " valid_accuracy, seconds, executor, kernel_class, version, query,"
	        " temperature, request)"
	        " SELECT $1, m.task, m.data_version, $3::cerebro.mst, $4, 0, 0, 0,"
	        " $5, $6, $7, 0, m.executor, m.kernel_class, $8, $9,"
	        " $10, $3::cerebro.mst FROM cerebro.model m"
	        " WHERE m.id OPERATOR(pg_catalog.=) $2",
	        &args);
}

/* What all members read, in one query. */
static void
unite_queries(Ensemble *e)
{
	Task *task = task_find_by_id(e->models[0].task, false);
	Model *members = palloc(sizeof(Model) * e->n_members);
	FeConflict conflict = {0};
	int n = 0;
	int level;

	for (int i = 0; i < e->n_models; i++)
		if (e->counts[i] > 0)
			members[n++] = e->models[i];
	level = settings_enter(task);
	e->query = fe_unite(task, members, n, &conflict);
	settings_leave(level);
	if (conflict.name != NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("model %d cannot be put together with the others",
		                members[conflict.model].id),
		         errdetail("\"%s\" of its FE is not what it is in theirs.",
		                   conflict.name),
		         errhint("Give one of them another name or alias, or leave the "
		                 "model out.")));
}

/* The member's row, its parts and what they came from. */
static void
write_member(int32 id, int ordinal, const Model *member, double weight)
{
	static const char *const commands[] = {
		"INSERT INTO cerebro.ensemble_member"
		" (model, ordinal, member, weight, mst)"
		" SELECT $1, $2, m.id, $4, m.mst FROM cerebro.model m"
		" WHERE m.id OPERATOR(pg_catalog.=) $3",
		"INSERT INTO cerebro.model_part"
		" (model, ordinal, name, kind, dims, content)"
		" SELECT $1, ((SELECT pg_catalog.max(o.ordinal)"
		" FROM cerebro.model_part o WHERE o.model OPERATOR(pg_catalog.=) $1)"
		" OPERATOR(pg_catalog.+)"
		" pg_catalog.row_number() OVER (ORDER BY p.ordinal))::integer,"
		" pg_catalog.concat($2, '/', p.name), p.kind, p.dims, p.content"
		" FROM cerebro.model_part p"
		" WHERE p.model OPERATOR(pg_catalog.=) $3"
		" AND p.kind OPERATOR(pg_catalog.<>) 'valid_scores'"
		" AND $4 IS NOT NULL",
		"INSERT INTO cerebro.model_artefact (model, artefact)"
		" SELECT $1, a.artefact FROM cerebro.model_artefact a"
		" WHERE a.model OPERATOR(pg_catalog.=) $3"
		" AND $2 IS NOT NULL AND $4 IS NOT NULL ON CONFLICT DO NOTHING",
		"UPDATE cerebro.model SET n_weights = model.n_weights"
		" OPERATOR(pg_catalog.+) m.n_weights FROM cerebro.model m"
		" WHERE model.id OPERATOR(pg_catalog.=) $1"
		" AND m.id OPERATOR(pg_catalog.=) $3"
		" AND $2 IS NOT NULL AND $4 IS NOT NULL",
	};

	for (int i = 0; i < lengthof(commands); i++)
	{
		SqlArgs args = {0};

		sql_add_int4(&args, id);
		sql_add_int4(&args, ordinal);
		sql_add_int4(&args, member->id);
		sql_add_double(&args, weight);
		sql_run(commands[i], &args);
	}
}

static void
write_part(const PartTable *table, int32 ordinal, const cer_part *part)
{
	TrainedPart trained = {.name = pnstrdup(part->name.data, part->name.size),
	                       .kind = part->kind,
	                       .n_dims = part->n_dims,
	                       .size = part->size,
	                       .n_received = part->size,
	                       .data = unconstify(void *, part->data)};

	memcpy(trained.dims, part->dims, sizeof(trained.dims));
	content_write_part(table, ordinal, &trained);
}

static void
write_own_parts(Ensemble *e, int32 id)
{
	PartTable table = content_model_parts(id);
	size_t n = e->scores[0].n_rows * e->scores[0].n_classes;
	uint16 *scores =
		palloc_extended(Max(n, 1) * sizeof(uint16), MCXT_ALLOC_HUGE);
	cer_ensemble ensemble = {e->temperature, e->n_members, e->weights};
	cer_part header;
	cer_part valid = {.name = host_text("valid_scores"),
	                  .kind = CER_PART_VALID_SCORES,
	                  .n_dims = 2,
	                  .dims = {e->scores[0].n_rows, e->scores[0].n_classes},
	                  .data = scores,
	                  .size = n * sizeof(uint16)};
	cer_error err = {0};

	for (size_t i = 0; i < n; i++)
		scores[i] = (uint16) Min(e->proba[i] * 65535.0f + 0.5f, 65535.0f);
	host_check(cer_ensemble_make_header(host_make_arena(CurrentMemoryContext),
	                                    &ensemble, &header, &err),
	           &err);
	write_part(&table, 0, &header);
	write_part(&table, 1, &valid);
}

static void
write_members(Ensemble *e, int32 id)
{
	int ordinal = 0;

	e->weights = palloc(sizeof(double) * e->n_members);
	for (int i = 0; i < e->n_models; i++)
		if (e->counts[i] > 0)
			e->weights[ordinal++] =
				(double) e->counts[i] / (double) e->n_choices;
	write_own_parts(e, id);
	ordinal = 0;
	for (int i = 0; i < e->n_models; i++)
	{
		if (e->counts[i] == 0)
			continue;
		lock_member(e->models[i].id);
		write_member(id, ordinal + 1, &e->models[i], e->weights[ordinal]);
		ordinal++;
	}
}

static void
tell_members(const Ensemble *e, int32 id)
{
	StringInfoData members;
	int n = 0;

	initStringInfo(&members);
	for (int i = 0; i < e->n_models; i++)
		if (e->counts[i] > 0)
		{
			appendStringInfo(&members, "%s%d (%.2f)", n > 0 ? ", " : "",
			                 e->models[i].id, e->weights[n]);
			n++;
		}
	ereport(NOTICE, (errmsg("model %d: an ensemble of %d  %s", id, e->n_members,
	                        scores_print_metrics(&e->metrics)),
	                 errdetail("Models and weights: %s.", members.data)));
}

int32
ensemble_make(ArrayType *ids, int n_choices, const char *request)
{
	Ensemble e = {.owner = GetUserId()};
	ArchiveScope scope;
	int32 id;

	open_models(&e, ids);
	read_scores(&e);
	choose(&e, n_choices);
	for (int i = 0; request != NULL && e.n_members == 1; i++)
		if (e.counts[i] > 0)
			return e.models[i].id;
	unite_queries(&e);
	average(&e);
	id = job_new_model_id();
	archive_enter(&scope);
	write_model(&e, id, make_request(&e, request));
	write_members(&e, id);
	archive_leave(&scope);
	tell_members(&e, id);
	return id;
}

Datum
cerebro_ensemble(PG_FUNCTION_ARGS)
{
	int32 size = PG_GETARG_INT32(1);

	PreventCommandIfReadOnly("cerebro.ensemble()");
	PreventCommandDuringRecovery("cerebro.ensemble()");
	if (size < 1 || size > MAX_CHOICES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("size %d of an ensemble", size),
		                errhint("It is how often a model is chosen: from 1 "
		                        "to %d.",
		                        MAX_CHOICES)));
	PG_RETURN_INT32(ensemble_make(PG_GETARG_ARRAYTYPE_P(0), size, NULL));
}
