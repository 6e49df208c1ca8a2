/*
 * story.c
 *	  What a training will make, by id, and what of it is there already.
 *
 * Whoever has read the rows may use whatever was made of the same rows: it is
 * what an own training would make, bit by bit.  A model is another's work and
 * is given to those only who may use it.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "content.h"
#include "job_sql.h"
#include "story.h"

/* States that are looked up at once. */
#define LOOK_AHEAD 64

struct Story
{
	MemoryContext context;
	cer_story told;
	cer_arena *scratch;
	cer_id *states; /* after epoch 1, 2, ... */
	uint32 n_states;
	uint32 max_states;
};

static bool
hash(void *self, const void *data, size_t size, uint8 *digest)
{
	return content_hash(data, size, digest);
}

static const cer_hasher hasher = {NULL, hash};

Story *
story_make(const StorySource *source)
{
	Story *story = palloc0(sizeof(Story));
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	cer_story_source from = {
		.mst = source->mst,
		.plan = source->plan,
		.inputs = source->inputs,
		.n_classes = source->n_classes,
		.rows = source->rows,
		.columns = source->columns,
		.kernel_class = host_text(cer_get_kernel_class()),
		.start = source->start,
	};
	cer_error err = {0};

	host_check(cer_story_make(arena, &hasher, &from, &story->told, &err), &err);
	story->context = CurrentMemoryContext;
	story->scratch = host_make_arena(CurrentMemoryContext);
	return story;
}

void
story_stop(Story *story, const cer_mst *mst)
{
	cer_error err = {0};

	host_check(cer_story_stop(host_make_arena(story->context), &hasher, mst,
	                          &story->told, &err),
	           &err);
}

const cer_story *
story_get(const Story *story)
{
	return &story->told;
}

static void
make_epoch(const Story *story, uint32 epoch, cer_artefact *artefact)
{
	const cer_id *before =
		epoch > 1 ? &story->states[epoch - 2] : &story->told.begin;
	cer_error err = {0};

	cer_arena_clear(story->scratch);
	host_check(cer_story_make_epoch(story->scratch, &hasher, &story->told,
	                                epoch, before, artefact, &err),
	           &err);
}

static void
reserve_states(Story *story)
{
	if (story->n_states < story->max_states)
		return;
	story->max_states = Max(64, 2 * story->max_states);
	if (story->states == NULL)
		story->states = MemoryContextAlloc(story->context,
		                                   story->max_states * sizeof(cer_id));
	else
		story->states =
			repalloc_huge(story->states, story->max_states * sizeof(cer_id));
}

cer_id
story_get_state(Story *story, uint32 epoch)
{
	while (story->n_states < epoch)
	{
		cer_artefact made;

		reserve_states(story);
		make_epoch(story, story->n_states + 1, &made);
		story->states[story->n_states++] = made.id;
	}
	return epoch == 0 ? story->told.begin : story->states[epoch - 1];
}

/* ---------------------------------------------------------------- starts */

cer_artefact *
story_make_start(const Story *story, const cer_story_start *from)
{
	cer_artefact *start = palloc0(sizeof(cer_artefact));
	cer_error err = {0};

	host_check(cer_story_make_start(host_make_arena(CurrentMemoryContext),
	                                &hasher, &story->told, from, start, &err),
	           &err);
	return start;
}

static cer_text
copy_text(Datum value)
{
	return host_text(TextDatumGetCString(value));
}

static void
copy_inputs(ArrayType *array, cer_artefact *artefact)
{
	Datum *ids;
	bool *nulls;
	int n;
	cer_id *inputs;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &ids, &nulls,
	                  &n);
	inputs = palloc(sizeof(cer_id) * Max(1, n));
	for (int i = 0; i < n; i++)
	{
		bytea *id = DatumGetByteaPP(ids[i]);

		if (nulls[i] || VARSIZE_ANY_EXHDR(id) != CER_ID_SIZE)
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
			                errmsg("an artefact has an input that is none")));
		memcpy(inputs[i].bytes, VARDATA_ANY(id), CER_ID_SIZE);
	}
	artefact->inputs = inputs;
	artefact->n_inputs = n;
}

cer_artefact *
story_read_start(int32 model)
{
	MemoryContext caller = CurrentMemoryContext;
	cer_artefact *start = NULL;
	ArchiveScope scope;
	SqlArgs args = {0};
	bool is_null;

	archive_enter(&scope);
	sql_add_int4(&args, model);
	if (sql_run("SELECT a.id, a.operation, a.parameters, a.inputs"
	            " FROM cerebro.model_artefact m JOIN cerebro.artefact a"
	            " ON a.id OPERATOR(pg_catalog.=) m.artefact"
	            " WHERE m.model OPERATOR(pg_catalog.=) $1"
	            " AND a.operation OPERATOR(pg_catalog.=) 'start'",
	            &args) > 0)
	{
		MemoryContext inside = MemoryContextSwitchTo(caller);

		start = palloc0(sizeof(cer_artefact));
		memcpy(start->id.bytes,
		       VARDATA_ANY(DatumGetByteaPP(sql_get(1, &is_null))), CER_ID_SIZE);
		start->operation = copy_text(sql_get(2, &is_null));
		start->parameters = copy_text(sql_get(3, &is_null));
		copy_inputs(DatumGetArrayTypePCopy(sql_get(4, &is_null)), start);
		MemoryContextSwitchTo(inside);
	}
	archive_leave(&scope);
	return start;
}

/* --------------------------------------------------------------- finding */

/* Whoever drops it at this moment is waited for. */
int32
story_find_model(const Story *story, int32 task, int32 data_version,
                 const char *triple)
{
	Oid role = GetUserId();
	ArchiveScope scope;
	SqlArgs args = {0};
	int32 found = 0;
	bool is_null;
	char *sql;

	archive_enter(&scope);
	sql_add_bytes(&args, story->told.training.id.bytes, CER_ID_SIZE);
	sql_add_int4(&args, task);
	sql_add_int4(&args, data_version);
	sql_add_text(&args, triple);
	sql_add(&args, OIDOID, ObjectIdGetDatum(role), false);
	sql = psprintf(
		"SELECT id FROM cerebro.model"
		" WHERE training OPERATOR(pg_catalog.=) $1"
		" AND task OPERATOR(pg_catalog.=) $2"
		" AND data_version OPERATOR(pg_catalog.=) $3"
		" AND mst OPERATOR(cerebro.=) $4::cerebro.mst"
		" AND (cerebro.is_owner(owner, $5) OR EXISTS (SELECT FROM cerebro.model_grant g"
		" WHERE g.model OPERATOR(pg_catalog.=) model.id"
		" AND g.privilege OPERATOR(pg_catalog.<>) 'use'"
		" AND cerebro.is_owner(g.role, $5))) ORDER BY id LIMIT 1%s",
		XactReadOnly ? "" : " FOR KEY SHARE");
	if (sql_run(sql, &args) > 0)
		found = DatumGetInt32(sql_get(1, &is_null));
	archive_leave(&scope);
	return found;
}

/* An epoch that some model went through. */
typedef struct KnownEpoch
{
	bool is_known;
	bool is_kept; /* the state after it is */
	cer_epoch epoch;
} KnownEpoch;

static double
get_double(HeapTuple row, int column)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);

	return is_null ? NAN : DatumGetFloat8(value);
}

static void
read_known(HeapTuple row, KnownEpoch *known)
{
	bool is_null;

	known->is_known = true;
	known->epoch.train_loss = get_double(row, 2);
	known->epoch.valid.log_loss = get_double(row, 3);
	known->epoch.valid.auc = get_double(row, 4);
	known->epoch.valid.accuracy = get_double(row, 5);
	known->epoch.seconds = get_double(row, 6);
	known->epoch.rows_per_second = get_double(row, 7);
	known->is_kept =
		DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 8, &is_null));
}

static Datum
make_ids(Story *story, uint32 first, int n)
{
	Datum ids[LOOK_AHEAD];

	for (int i = 0; i < n; i++)
	{
		cer_id id = story_get_state(story, first + i);
		SqlArgs args = {0};

		sql_add_bytes(&args, id.bytes, CER_ID_SIZE);
		ids[i] = args.values[0];
	}
	return PointerGetDatum(
		construct_array(ids, n, BYTEAOID, -1, false, TYPALIGN_INT));
}

/* What is known of epochs first, first + 1, ...; in an archive scope. */
static void
look_up(Story *story, int64 job, uint32 first, int n, KnownEpoch *known)
{
	SqlArgs args = {0};
	uint64 n_rows;

	memset(known, 0, n * sizeof(*known));
	sql_add(&args, BYTEAARRAYOID, make_ids(story, first, n), false);
	sql_add_int8(&args, job);
	n_rows = sql_run(
		"SELECT DISTINCT ON (e.state) e.state, e.train_loss, e.valid_log_loss,"
		" e.valid_auc, e.valid_accuracy, e.seconds, e.rows_per_second,"
		" EXISTS (SELECT FROM cerebro.state_part p"
		" WHERE p.state OPERATOR(pg_catalog.=) e.state)"
		" FROM (SELECT state, train_loss, valid_log_loss, valid_auc,"
		" valid_accuracy, seconds, rows_per_second FROM cerebro.epoch"
		" WHERE state OPERATOR(pg_catalog.=) ANY ($1)"
		" AND $2 OPERATOR(pg_catalog.=) 0 UNION ALL"
		" SELECT state, train_loss, valid_log_loss, valid_auc, valid_accuracy,"
		" seconds, rows_per_second FROM cerebro.job_epoch"
		" WHERE state OPERATOR(pg_catalog.=) ANY ($1)"
		" AND (job OPERATOR(pg_catalog.=) $2"
		" OR $2 OPERATOR(pg_catalog.=) 0)) e"
		" ORDER BY e.state",
		&args);
	for (uint64 row = 0; row < n_rows; row++)
	{
		bool is_null;
		bytea *state = DatumGetByteaPP(SPI_getbinval(
			SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &is_null));

		for (int i = 0; i < n; i++)
		{
			cer_id id = story_get_state(story, first + i);

			if (memcmp(VARDATA_ANY(state), id.bytes, CER_ID_SIZE) != 0)
				continue;
			read_known(SPI_tuptable->vals[row], &known[i]);
			known[i].epoch.epoch = first + i;
		}
	}
}

/* How far known epochs go as this triple would have gone. */
typedef struct Replay
{
	const cer_mst *mst;
	size_t n_epochs;
	size_t patience;
	double best_loss;
	uint32 best_epoch;
	uint32 last_kept;
	bool is_over;
	List *epochs;
} Replay;

static void
replay(Replay *r, const KnownEpoch *known, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	cer_epoch *epoch = palloc(sizeof(cer_epoch));
	double loss;

	MemoryContextSwitchTo(caller);
	*epoch = known->epoch;
	loss = cer_mst_get_loss(r->mst, &epoch->valid);
	epoch->is_best = loss < r->best_loss || r->best_epoch == 0;
	if (epoch->is_best)
	{
		r->best_loss = loss;
		r->best_epoch = epoch->epoch;
	}
	caller = MemoryContextSwitchTo(context);
	r->epochs = lappend(r->epochs, epoch);
	MemoryContextSwitchTo(caller);
	if (known->is_kept)
		r->last_kept = epoch->epoch;
	r->is_over =
		epoch->epoch >= r->n_epochs ||
		(r->patience > 0 && epoch->epoch - r->best_epoch >= r->patience);
}

List *
story_find_epochs(Story *story, const cer_mst *mst, int64 job)
{
	Replay r = {.mst = mst,
	            .n_epochs = cer_mst_get_epochs(mst),
	            .patience = cer_mst_get_patience(mst),
	            .best_loss = INFINITY};
	MemoryContext caller = CurrentMemoryContext;
	ArchiveScope scope;
	uint32 next = 1;

	archive_enter(&scope);
	while (!r.is_over && next <= r.n_epochs)
	{
		int n = (int) Min(LOOK_AHEAD, r.n_epochs - next + 1);
		KnownEpoch known[LOOK_AHEAD];
		int i = 0;

		look_up(story, job, next, n, known);
		for (; i < n && known[i].is_known && !r.is_over; i++)
			replay(&r, &known[i], caller);
		if (i < n)
			break;
		next += n;
	}
	archive_leave(&scope);
	return list_truncate(r.epochs, r.last_kept);
}

/* Under a snapshot of now: this very command may have made it. */
List *
story_read_state(const cer_id *state)
{
	SqlArgs args = {0};
	List *parts;

	sql_add_bytes(&args, state->bytes, CER_ID_SIZE);
	PushActiveSnapshot(GetTransactionSnapshot());
	parts = content_read_parts(
		archive_scan_by_bytes("state_part", args.values[0]), ~0u);
	PopActiveSnapshot();
	return parts;
}

/* --------------------------------------------------------------- writing */

static Datum
make_inputs(const cer_artefact *artefact)
{
	Datum *ids = palloc(sizeof(Datum) * Max(1, artefact->n_inputs));

	for (size_t i = 0; i < artefact->n_inputs; i++)
	{
		SqlArgs args = {0};

		sql_add_bytes(&args, artefact->inputs[i].bytes, CER_ID_SIZE);
		ids[i] = args.values[0];
	}
	return PointerGetDatum(construct_array(ids, (int) artefact->n_inputs,
	                                       BYTEAOID, -1, false, TYPALIGN_INT));
}

/* Locked, if it is there, so that no drop_model takes it: see model_drop.c. */
static bool
lock_artefact(const cer_artefact *artefact)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, artefact->id.bytes, CER_ID_SIZE);
	return sql_run("SELECT FROM cerebro.artefact"
	               " WHERE id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
	               &args) > 0;
}

static bool
insert_artefact(Oid owner, const cer_artefact *artefact, ArtefactCost cost)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, artefact->id.bytes, CER_ID_SIZE);
	sql_add_text(&args,
	             pnstrdup(artefact->operation.data, artefact->operation.size));
	sql_add_text(
		&args, pnstrdup(artefact->parameters.data, artefact->parameters.size));
	sql_add(&args, BYTEAARRAYOID, make_inputs(artefact), false);
	sql_add(&args, INT8OID, Int64GetDatum(cost.bytes), cost.bytes < 0);
	sql_add_double(&args, cost.seconds < 0 ? NAN : cost.seconds);
	sql_add_role(&args, owner);
	return sql_run("INSERT INTO cerebro.artefact"
	               " (id, operation, parameters, inputs, bytes, seconds, owner)"
	               " VALUES ($1, $2, $3, $4, $5, $6, $7)"
	               " ON CONFLICT DO NOTHING",
	               &args) > 0;
}

void
story_write_artefact(int32 model, Oid owner, const cer_artefact *artefact,
                     ArtefactCost cost)
{
	SqlArgs args = {0};

	CHECK_FOR_INTERRUPTS();
	while (!lock_artefact(artefact) && !insert_artefact(owner, artefact, cost))
		;
	sql_add_int4(&args, model);
	sql_add_bytes(&args, artefact->id.bytes, CER_ID_SIZE);
	sql_run("INSERT INTO cerebro.model_artefact (model, artefact)"
	        " VALUES ($1, $2) ON CONFLICT DO NOTHING",
	        &args);
}

static const ArtefactCost no_cost = {-1, -1};

void
story_write_beginning(const Story *story, int32 model, Oid owner,
                      double read_seconds)
{
	const cer_story *told = &story->told;
	ArtefactCost reading = {-1, read_seconds};

	story_write_artefact(model, owner, &told->rows, reading);
	for (size_t i = 0; i < told->n_inputs; i++)
		story_write_artefact(model, owner, &told->columns[i], no_cost);
	for (size_t i = 0; i < told->n_inputs; i++)
		story_write_artefact(model, owner, &told->encoders[i], no_cost);
	story_write_artefact(model, owner, &told->initial, no_cost);
	if (told->start.n_inputs > 0)
		story_write_artefact(model, owner, &told->start, no_cost);
	story_write_artefact(model, owner, &told->training, no_cost);
}

void
story_write_epoch(Story *story, int32 model, Oid owner, uint32 epoch,
                  ArtefactCost cost)
{
	cer_artefact artefact;

	(void) story_get_state(story, epoch);
	make_epoch(story, epoch, &artefact);
	story_write_artefact(model, owner, &artefact, cost);
}

void
story_write_end(Story *story, int32 model, Oid owner, uint32 best_epoch)
{
	static const char *const operations[] = {"metrics", "scores"};
	cer_id inputs[] = {story_get_state(story, best_epoch), story->told.rows.id};

	for (int i = 0; i < lengthof(operations); i++)
	{
		cer_artefact artefact = {.operation = host_text(operations[i]),
		                         .parameters = host_text("validation rows"),
		                         .n_inputs = lengthof(inputs),
		                         .inputs = inputs};
		cer_error err = {0};

		cer_arena_clear(story->scratch);
		host_check(cer_artefact_make(story->scratch, &hasher, &artefact, &err),
		           &err);
		story_write_artefact(model, owner, &artefact, no_cost);
	}
}
