/*
 * keep.c
 *	  archive_plan and archive_pack: states whole, as changes, or by id alone.
 *
 * What a state takes is counted without the contents that models have as well:
 * those stay in any case.  Times are estimates: seconds of the epochs to be
 * computed again and of the reading before them, and unpacking at a measured
 * rate.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "content.h"
#include "job_sql.h"

PG_FUNCTION_INFO_V1(cerebro_archive_plan);
PG_FUNCTION_INFO_V1(cerebro_archive_pack);

/* Bytes a second, of bytes unpacked: bench/archive measures 0.4 to 1 GB/s. */
#define UNPACK_RATE 4e8
#define READ_RATE   1e9

typedef struct KeptState
{
	bytea *id;
	int32 model; /* the first that went through it */
	int32 epoch;
	int64 now_bytes;
	double seconds_before; /* of epochs since the state before, and reading */
} KeptState;

typedef struct KeepPlan
{
	int n;
	KeptState *states;
	cer_keep_node *nodes;
	cer_keep *choices;
	uint64_t bytes;
} KeepPlan;

static const char *const keep_names[] = {[CER_KEEP_WHOLE] = "whole",
                                         [CER_KEEP_CHANGE] = "change",
                                         [CER_KEEP_ID] = "id"};

/* --------------------------------------------------------------- reading */

/* States whose models are all the role's; the one before is the last one that
 * is kept of the same training. */
static const char states_sql[] =
	"SELECT DISTINCT ON (e.epoch, e.state) e.state, e.model, e.epoch,"
	" (SELECT b.state FROM cerebro.epoch b"
	" WHERE b.model OPERATOR(pg_catalog.=) e.model"
	" AND b.epoch OPERATOR(pg_catalog.<) e.epoch"
	" AND EXISTS (SELECT FROM cerebro.state_part p"
	" WHERE p.state OPERATOR(pg_catalog.=) b.state)"
	" ORDER BY b.epoch DESC LIMIT 1),"
	" (SELECT pg_catalog.sum(b.seconds) FROM cerebro.epoch b"
	" WHERE b.model OPERATOR(pg_catalog.=) e.model"
	" AND b.epoch OPERATOR(pg_catalog.<=) e.epoch"
	" AND b.epoch OPERATOR(pg_catalog.>) COALESCE("
	" (SELECT pg_catalog.max(c.epoch) FROM cerebro.epoch c"
	" WHERE c.model OPERATOR(pg_catalog.=) e.model"
	" AND c.epoch OPERATOR(pg_catalog.<) e.epoch"
	" AND EXISTS (SELECT FROM cerebro.state_part p"
	" WHERE p.state OPERATOR(pg_catalog.=) c.state)), 0)),"
	" COALESCE((SELECT pg_catalog.max(a.seconds) FROM cerebro.model_artefact m"
	" JOIN cerebro.artefact a ON a.id OPERATOR(pg_catalog.=) m.artefact"
	" WHERE m.model OPERATOR(pg_catalog.=) e.model"
	" AND a.operation OPERATOR(pg_catalog.=) 'rows'), 1)"
	" FROM cerebro.epoch e"
	" WHERE EXISTS (SELECT FROM cerebro.state_part p"
	" WHERE p.state OPERATOR(pg_catalog.=) e.state)"
	" AND NOT EXISTS (SELECT FROM cerebro.epoch o JOIN cerebro.model m"
	" ON m.id OPERATOR(pg_catalog.=) o.model"
	" WHERE o.state OPERATOR(pg_catalog.=) e.state"
	" AND NOT cerebro.is_owner(m.owner, $1))"
	" ORDER BY e.epoch, e.state, e.model";

static size_t
find_state(const KeepPlan *plan, int n, Datum id)
{
	bytea *wanted = DatumGetByteaPP(id);

	for (int i = n; i-- > 0;)
		if (memcmp(VARDATA_ANY(wanted), VARDATA_ANY(plan->states[i].id),
		           CER_ID_SIZE) == 0)
			return i;
	return CER_KEEP_NO_PARENT;
}

static void
read_state(KeepPlan *plan, int i, HeapTuple row, TupleDesc desc)
{
	KeptState *state = &plan->states[i];
	cer_keep_node *node = &plan->nodes[i];
	bool is_null;
	Datum before;

	state->id = DatumGetByteaPCopy(SPI_getbinval(row, desc, 1, &is_null));
	state->model = DatumGetInt32(SPI_getbinval(row, desc, 2, &is_null));
	state->epoch = DatumGetInt32(SPI_getbinval(row, desc, 3, &is_null));
	before = SPI_getbinval(row, desc, 4, &is_null);
	node->parent = is_null ? CER_KEEP_NO_PARENT : find_state(plan, i, before);
	node->again_seconds = DatumGetFloat8(SPI_getbinval(row, desc, 5, &is_null));
	/* rows are read once, however many epochs follow */
	if (node->parent == CER_KEEP_NO_PARENT)
		node->again_seconds +=
			DatumGetFloat8(SPI_getbinval(row, desc, 6, &is_null));
}

static void
read_states(KeepPlan *plan, Oid role)
{
	SqlArgs args = {0};
	SPITupleTable *table;

	sql_add(&args, OIDOID, ObjectIdGetDatum(role), false);
	plan->n = (int) sql_run(states_sql, &args);
	table = SPI_tuptable;
	plan->states = palloc0(sizeof(KeptState) * (plan->n + 1));
	plan->nodes = palloc0(sizeof(cer_keep_node) * (plan->n + 1));
	plan->choices = palloc0(sizeof(cer_keep) * (plan->n + 1));
	for (int i = 0; i < plan->n; i++)
		read_state(plan, i, table->vals[i], table->tupdesc);
}

/* --------------------------------------------------------------- measuring */

/* Contents of a state that no model has, each beside that of the same part of
 * the state before. */
static const char contents_sql[] =
	"SELECT p.content, b.content, p.kind OPERATOR(pg_catalog.<>) 'state',"
	" (SELECT pg_catalog.sum(pg_catalog.length(c.bytes)) FROM cerebro.content c"
	" WHERE c.id OPERATOR(pg_catalog.=) p.content)"
	" FROM cerebro.state_part p LEFT JOIN cerebro.state_part b"
	" ON b.state OPERATOR(pg_catalog.=) $2"
	" AND b.kind OPERATOR(pg_catalog.=) p.kind"
	" AND b.name OPERATOR(pg_catalog.=) p.name"
	" AND b.content OPERATOR(pg_catalog.<>) p.content"
	" WHERE p.state OPERATOR(pg_catalog.=) $1"
	" AND NOT EXISTS (SELECT FROM cerebro.model_part m"
	" WHERE m.content OPERATOR(pg_catalog.=) p.content)";

static uint64
read_contents(const KeepPlan *plan, int i)
{
	size_t parent = plan->nodes[i].parent;
	bool has_parent = parent != CER_KEEP_NO_PARENT;
	SqlArgs args = {0};

	sql_add(&args, BYTEAOID, PointerGetDatum(plan->states[i].id), false);
	sql_add(&args, BYTEAOID,
	        has_parent ? PointerGetDatum(plan->states[parent].id) : (Datum) 0,
	        !has_parent);
	return sql_run(contents_sql, &args);
}

static void
measure_content(KeepPlan *plan, int i, HeapTuple row, TupleDesc desc)
{
	cer_keep_node *node = &plan->nodes[i];
	bool is_null;
	bool has_base;
	Datum id = SPI_getbinval(row, desc, 1, &is_null);
	Datum base = SPI_getbinval(row, desc, 2, &is_null);
	int64 whole;

	has_base = !is_null && DatumGetBool(SPI_getbinval(row, desc, 3, &is_null));
	plan->states[i].now_bytes +=
		DatumGetInt64(SPI_getbinval(row, desc, 4, &is_null));
	whole = content_estimate(id, PACKING_PLANES, (Datum) 0);
	node->whole_bytes += whole;
	node->change_bytes +=
		has_base ? Min(whole, content_estimate(id, PACKING_CHANGE, base))
				 : whole;
}

static void
measure_state(KeepPlan *plan, int i, double limit)
{
	cer_keep_node *node = &plan->nodes[i];
	uint64 n = read_contents(plan, i);
	SPITupleTable *table = SPI_tuptable;

	PushActiveSnapshot(GetTransactionSnapshot());
	for (uint64 k = 0; k < n; k++)
	{
		CHECK_FOR_INTERRUPTS();
		measure_content(plan, i, table->vals[k], table->tupdesc);
	}
	PopActiveSnapshot();
	SPI_freetuptable(table);
	node->whole_seconds = (double) node->whole_bytes / UNPACK_RATE;
	node->change_seconds = node->whole_seconds;
	node->limit_seconds = limit;
}

/* In an archive scope. */
static KeepPlan *
make_plan(Oid role, double limit)
{
	KeepPlan *plan = palloc0(sizeof(KeepPlan));
	cer_host host;
	cer_error err = {0};

	read_states(plan, role);
	for (int i = 0; i < plan->n; i++)
		measure_state(plan, i, limit);
	host = host_make();
	host_check(cer_keep_plan(&host, plan->nodes, plan->n, plan->choices,
	                         &plan->bytes, &err),
	           &err);
	return plan;
}

/* ---------------------------------------------------------------- telling */

static double
get_seconds(const KeepPlan *plan, int i, const double *seconds)
{
	const cer_keep_node *node = &plan->nodes[i];
	double before =
		node->parent == CER_KEEP_NO_PARENT ? 0 : seconds[node->parent];

	switch (plan->choices[i])
	{
		case CER_KEEP_WHOLE:
			return node->whole_seconds;
		case CER_KEEP_CHANGE:
			return before + node->change_seconds;
		default:
			return before + node->again_seconds;
	}
}

static int64
get_bytes(const KeepPlan *plan, int i)
{
	switch (plan->choices[i])
	{
		case CER_KEEP_WHOLE:
			return (int64) plan->nodes[i].whole_bytes;
		case CER_KEEP_CHANGE:
			return (int64) plan->nodes[i].change_bytes;
		default:
			return 0;
	}
}

static void
put_plan(const KeepPlan *plan, ReturnSetInfo *result)
{
	double *seconds = palloc(sizeof(double) * (plan->n + 1));

	for (int i = 0; i < plan->n; i++)
	{
		const KeptState *state = &plan->states[i];
		Datum values[6];
		bool nulls[6] = {0};

		seconds[i] = get_seconds(plan, i, seconds);
		values[0] = Int32GetDatum(state->model);
		values[1] = Int32GetDatum(state->epoch);
		values[2] = CStringGetTextDatum(keep_names[plan->choices[i]]);
		values[3] = Int64GetDatum(get_bytes(plan, i));
		values[4] = Int64GetDatum(state->now_bytes);
		values[5] = Float8GetDatum(seconds[i]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

static double
get_limit(FunctionCallInfo fcinfo)
{
	double limit = PG_GETARG_FLOAT8(0);

	if (isnan(limit) || limit < 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("a state cannot be had in %g seconds", limit),
		         errhint("Give the seconds that a training may wait for the "
		                 "state that it goes on from.")));
	return limit;
}

Datum
cerebro_archive_plan(PG_FUNCTION_ARGS)
{
	Oid role = GetUserId();
	double limit = get_limit(fcinfo);
	ArchiveScope scope;

	InitMaterializedSRF(fcinfo, 0);
	archive_enter(&scope);
	put_plan(make_plan(role, limit), (ReturnSetInfo *) fcinfo->resultinfo);
	archive_leave(&scope);
	return (Datum) 0;
}

/* ---------------------------------------------------------------- packing */

static void
repack_state(const KeepPlan *plan, int i)
{
	uint64 n = read_contents(plan, i);
	SPITupleTable *table = SPI_tuptable;

	for (uint64 k = 0; k < n; k++)
	{
		HeapTuple row = table->vals[k];
		bool is_null;
		Datum id = SPI_getbinval(row, table->tupdesc, 1, &is_null);
		Datum base = SPI_getbinval(row, table->tupdesc, 2, &is_null);
		bool is_change = !is_null && plan->choices[i] == CER_KEEP_CHANGE;

		CHECK_FOR_INTERRUPTS();
		(void) content_repack(id, is_change ? PACKING_CHANGE : PACKING_PLANES,
		                      base);
	}
	SPI_freetuptable(table);
}

Datum
cerebro_archive_pack(PG_FUNCTION_ARGS)
{
	Oid role = GetUserId();
	double limit = get_limit(fcinfo);
	ArchiveScope scope;
	KeepPlan *plan;
	int64 before = 0;

	PreventCommandIfReadOnly("cerebro.archive_pack()");
	archive_enter(&scope);
	plan = make_plan(role, limit);
	for (int i = 0; i < plan->n; i++)
		before += plan->states[i].now_bytes;
	/* what stays first: then nothing is a change against what goes */
	for (int i = 0; i < plan->n; i++)
		if (plan->choices[i] != CER_KEEP_ID)
			repack_state(plan, i);
	for (int i = 0; i < plan->n; i++)
		if (plan->choices[i] == CER_KEEP_ID)
			state_drop(PointerGetDatum(plan->states[i].id));
	archive_leave(&scope);
	PG_RETURN_INT64(before - (int64) plan->bytes);
}
