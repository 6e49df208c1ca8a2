/*
 * model_drop.c
 *	  drop_model, and drop_task's part of it: the model's rows, and the bytes
 *	  that no other model shares.
 *
 * Contents, states and artefacts are shared by their hash.  Whoever stores a
 * model touches the rows of those that it found there, so that the row locks taken here wait for
 * it; what is shared is then decided by a snapshot taken after the wait, in
 * every isolation level.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "content.h"
#include "job.h"

PG_FUNCTION_INFO_V1(cerebro_drop_model);

/* One command with a parameter, under a snapshot of this very moment. */
static uint64
execute_with(const char *command, Oid type, Datum value)
{
	Oid types[] = {type};
	Datum values[] = {value};
	SPIPlanPtr plan = SPI_prepare(command, 1, types);
	Snapshot now = RegisterSnapshot(GetLatestSnapshot());

	if (plan == NULL ||
	    SPI_execute_snapshot(plan, values, NULL, now, InvalidSnapshot, false,
	                         true, 0) < 0)
		elog(ERROR, "\"%s\" failed", command);
	UnregisterSnapshot(now);
	return SPI_processed;
}

/* On a model or task. */
static uint64
execute_now(const char *command, int32 id)
{
	return execute_with(command, INT4OID, Int32GetDatum(id));
}

/* Waits for whoever deploys the model at this moment. */
static void
check_not_deployed(int32 model)
{
	execute_now("SELECT FROM cerebro.model "
	            "WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	            model);
	if (execute_now("SELECT pg_catalog.format('%s', function) "
	                "FROM cerebro.deployments "
	                "WHERE model OPERATOR(pg_catalog.=) $1 ORDER BY id",
	                model) == 0)
		return;
	ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
	                errmsg("model %d is deployed as %s", model,
	                       SPI_getvalue(SPI_tuptable->vals[0],
	                                    SPI_tuptable->tupdesc, 1)),
	                errhint("Deploy another model under that name, or end the "
	                        "deployment with cerebro.undeploy.")));
}

/* Whoever reuses what is here waits, or is waited for. */
static void
lock_shared(int32 model)
{
	execute_now("SELECT FROM cerebro.artefact a WHERE EXISTS "
	            "(SELECT FROM cerebro.model_artefact m "
	            "WHERE m.artefact OPERATOR(pg_catalog.=) a.id "
	            "AND m.model OPERATOR(pg_catalog.=) $1) FOR UPDATE",
	            model);
	execute_now("SELECT FROM cerebro.state_part s WHERE EXISTS "
	            "(SELECT FROM cerebro.epoch e "
	            "WHERE e.state OPERATOR(pg_catalog.=) s.state "
	            "AND e.model OPERATOR(pg_catalog.=) $1) FOR UPDATE",
	            model);
	execute_now(
		"SELECT FROM cerebro.content c WHERE EXISTS "
		"(SELECT FROM cerebro.model_part p "
		"WHERE p.content OPERATOR(pg_catalog.=) c.id "
		"AND p.model OPERATOR(pg_catalog.=) $1) "
		"OR EXISTS (SELECT FROM cerebro.state_part s "
		"JOIN cerebro.epoch e ON e.state OPERATOR(pg_catalog.=) s.state "
		"WHERE s.content OPERATOR(pg_catalog.=) c.id "
		"AND e.model OPERATOR(pg_catalog.=) $1) FOR UPDATE",
		model);
}

/* Contents that may have nobody left once the model is gone: bytea[]. */
static Datum
list_contents(int32 model)
{
	bool is_null;
	Datum ids;

	execute_now(
		"SELECT COALESCE(pg_catalog.array_agg(DISTINCT content), '{}') FROM "
		"(SELECT p.content FROM cerebro.model_part p "
		"WHERE p.model OPERATOR(pg_catalog.=) $1 UNION ALL "
		"SELECT s.content FROM cerebro.state_part s "
		"JOIN cerebro.epoch e ON e.state OPERATOR(pg_catalog.=) s.state "
		"WHERE e.model OPERATOR(pg_catalog.=) $1) parts",
		model);
	ids = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
	                    &is_null);
	return PointerGetDatum(DatumGetArrayTypePCopy(ids));
}

/* What nobody has any more; then what only that was a change of. */
static void
delete_contents(Datum ids)
{
	uint64 n;

	do
	{
		bool is_null;
		Datum bases;

		execute_with(
			"WITH gone AS (DELETE FROM cerebro.content c "
			"WHERE c.id OPERATOR(pg_catalog.=) ANY ($1) "
			"AND NOT EXISTS (SELECT FROM cerebro.model_part p "
			"WHERE p.content OPERATOR(pg_catalog.=) c.id) "
			"AND NOT EXISTS (SELECT FROM cerebro.state_part s "
			"WHERE s.content OPERATOR(pg_catalog.=) c.id) "
			"AND NOT EXISTS (SELECT FROM cerebro.content d "
			"WHERE d.base OPERATOR(pg_catalog.=) c.id) RETURNING c.base) "
			"SELECT pg_catalog.count(*), "
			"$1 OPERATOR(pg_catalog.||) COALESCE(pg_catalog.array_agg(base) "
			"FILTER (WHERE base IS NOT NULL), '{}') FROM gone",
			BYTEAARRAYOID, ids);
		n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
		                                SPI_tuptable->tupdesc, 1, &is_null));
		bases = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2,
		                      &is_null);
		ids = PointerGetDatum(DatumGetArrayTypePCopy(bases));
	} while (n > 0);
}

/* The bytes of a state go, not what is known of it. */
void
state_drop(Datum state)
{
	bool is_null;
	Datum ids;

	execute_with("SELECT FROM cerebro.state_part "
	             "WHERE state OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	             BYTEAOID, state);
	execute_with("SELECT FROM cerebro.content c WHERE EXISTS "
	             "(SELECT FROM cerebro.state_part s "
	             "WHERE s.content OPERATOR(pg_catalog.=) c.id "
	             "AND s.state OPERATOR(pg_catalog.=) $1) FOR UPDATE",
	             BYTEAOID, state);
	execute_with("WITH gone AS (DELETE FROM cerebro.state_part "
	             "WHERE state OPERATOR(pg_catalog.=) $1 RETURNING content) "
	             "SELECT COALESCE(pg_catalog.array_agg(content), '{}') "
	             "FROM gone",
	             BYTEAOID, state);
	ids = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
	                    &is_null);
	delete_contents(PointerGetDatum(DatumGetArrayTypePCopy(ids)));
}

static void
delete_states(int32 model)
{
	execute_now("DELETE FROM cerebro.state_part s WHERE EXISTS "
	            "(SELECT FROM cerebro.epoch e "
	            "WHERE e.state OPERATOR(pg_catalog.=) s.state "
	            "AND e.model OPERATOR(pg_catalog.=) $1) "
	            "AND NOT EXISTS (SELECT FROM cerebro.epoch e "
	            "WHERE e.state OPERATOR(pg_catalog.=) s.state "
	            "AND e.model OPERATOR(pg_catalog.<>) $1) "
	            "AND NOT EXISTS (SELECT FROM cerebro.job_epoch e "
	            "WHERE e.state OPERATOR(pg_catalog.=) s.state)",
	            model);
}

static void
delete_artefacts(int32 model)
{
	execute_now("DELETE FROM cerebro.artefact a WHERE EXISTS "
	            "(SELECT FROM cerebro.model_artefact m "
	            "WHERE m.artefact OPERATOR(pg_catalog.=) a.id "
	            "AND m.model OPERATOR(pg_catalog.=) $1) "
	            "AND NOT EXISTS (SELECT FROM cerebro.model_artefact m "
	            "WHERE m.artefact OPERATOR(pg_catalog.=) a.id "
	            "AND m.model OPERATOR(pg_catalog.<>) $1)",
	            model);
}

static void
delete_model(int32 model)
{
	Datum contents;

	lock_shared(model);
	contents = list_contents(model);
	delete_states(model);
	delete_artefacts(model);
	execute_now("DELETE FROM cerebro.deployment "
	            "WHERE model OPERATOR(pg_catalog.=) $1",
	            model);
	execute_now("DELETE FROM cerebro.model "
	            "WHERE id OPERATOR(pg_catalog.=) $1",
	            model);
	delete_contents(contents);
}

/* Before all else, in the order of those who archive: what they are about to
 * write is there, or they find the task gone. */
static void
lock_task(int32 task)
{
	(void) execute_now("SELECT FROM cerebro.task "
	                   "WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	                   task);
	(void) execute_now("SELECT FROM cerebro.job "
	                   "WHERE task OPERATOR(pg_catalog.=) $1 "
	                   "ORDER BY id FOR UPDATE",
	                   task);
}

/* All models of a task; inside an archive scope. */
void
model_drop_all(int32 task)
{
	uint64 n;
	int32 *models;
	bool is_null;

	lock_task(task);
	n = execute_now("SELECT id FROM cerebro.model "
	                "WHERE task OPERATOR(pg_catalog.=) $1 ORDER BY id",
	                task);
	models = palloc(Max(n, 1) * sizeof(int32));
	for (uint64 i = 0; i < n; i++)
		models[i] = DatumGetInt32(SPI_getbinval(
			SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null));
	for (uint64 i = 0; i < n; i++)
	{
		check_not_deployed(models[i]);
		delete_model(models[i]);
	}
	job_epoch_drop_all(task);
}

Datum
cerebro_drop_model(PG_FUNCTION_ARGS)
{
	ArchiveScope scope;
	Model model;

	PreventCommandIfReadOnly("cerebro.drop_model()");
	model_open(PG_GETARG_INT32(0), &model);
	archive_enter(&scope);
	check_not_deployed(model.id);
	delete_model(model.id);
	archive_leave(&scope);
	PG_RETURN_VOID();
}
