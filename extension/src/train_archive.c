/*
 * train_archive.c
 *	  A trained network becomes rows: model, epochs, parts, contents, job.
 *
 * Bytes are kept under their SHA-256 in chunks: what two models share is there
 * once.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "job.h"
#include "job_sql.h"
#include "train.h"

#define CONTENT_CHUNK ((Size) 1024 * 1024)

static const char *const part_kind_names[] = {[CER_PART_HEADER] = "header",
                                              [CER_PART_ENCODER] = "encoder",
                                              [CER_PART_TENSOR] = "tensor",
                                              [CER_PART_VALID_SCORES] =
                                                  "valid_scores"};

static void
hash(const void *data, Size size, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
	    pg_cryptohash_update(context, data, size) < 0 ||
	    pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) < 0)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
		                errmsg("could not compute a SHA-256 hash")));
	pg_cryptohash_free(context);
}

/*
 * Whether the content is there, and locked so that no drop_model takes it
 * before this transaction's model_part names it: see model_drop.c.
 */
static bool
lock_content(const uint8 *id)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, id, PG_SHA256_DIGEST_LENGTH);
	return sql_run("SELECT FROM cerebro.content"
	               " WHERE id OPERATOR(pg_catalog.=) $1 LIMIT 1 FOR KEY SHARE",
	               &args) > 0;
}

/* Empty content is one chunk without bytes. */
static void
write_content(const uint8 *id, const char *data, Size size)
{
	Size done = 0;
	int32 chunk = 0;

	do
	{
		Size n = Min(size - done, CONTENT_CHUNK);
		SqlArgs args = {0};

		CHECK_FOR_INTERRUPTS();
		sql_add_bytes(&args, id, PG_SHA256_DIGEST_LENGTH);
		sql_add_int4(&args, chunk++);
		sql_add_bytes(&args, data + done, n);
		sql_run("INSERT INTO cerebro.content (id, chunk, bytes)"
		        " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		        &args);
		pfree(DatumGetPointer(args.values[2]));
		done += n;
	} while (done < size);
}

static Datum
make_dims(const TrainedPart *part)
{
	Datum dims[CER_MAX_DIMS];

	for (uint32 i = 0; i < part->n_dims; i++)
		dims[i] = Int64GetDatum(part->dims[i]);
	return PointerGetDatum(construct_array(dims, part->n_dims, INT8OID,
	                                       sizeof(int64), FLOAT8PASSBYVAL,
	                                       TYPALIGN_DOUBLE));
}

static void
write_part(int32 model, int32 ordinal, const TrainedPart *part)
{
	uint8 id[PG_SHA256_DIGEST_LENGTH];
	SqlArgs args = {0};

	hash(part->data, part->size, id);
	while (!lock_content(id))
		write_content(id, part->data, part->size);
	sql_add_int4(&args, model);
	sql_add_int4(&args, ordinal);
	sql_add_text(&args, part->name);
	sql_add_text(&args, part_kind_names[part->kind]);
	sql_add(&args, INT8ARRAYOID, make_dims(part), false);
	sql_add_bytes(&args, id, sizeof(id));
	sql_run("INSERT INTO cerebro.model_part"
	        " (model, ordinal, name, kind, dims, content)"
	        " VALUES ($1, $2, $3, $4, $5, $6)",
	        &args);
}

static void
write_epoch(int32 model, const cer_epoch *epoch)
{
	SqlArgs args = {0};

	sql_add_int4(&args, model);
	sql_add_int4(&args, epoch->epoch);
	sql_add_double(&args, epoch->train_loss);
	sql_add_double(&args, epoch->valid.log_loss);
	sql_add_double(&args, epoch->valid.auc);
	sql_add_double(&args, epoch->valid.accuracy);
	sql_add_double(&args, epoch->seconds);
	sql_add_double(&args, epoch->rows_per_second);
	sql_run("INSERT INTO cerebro.epoch (model, epoch, train_loss,"
	        " valid_log_loss, valid_auc, valid_accuracy, seconds,"
	        " rows_per_second) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	        &args);
}

/* The task may be gone since the rows were read: no row, then. */
static void
write_model(const Training *training)
{
	const AttemptRecord *record = &training->attempt->record;
	SqlArgs args = {0};

	sql_add_int4(&args, record->model);
	sql_add_int4(&args, record->task);
	sql_add_int4(&args, training->data_version);
	sql_add_int8(&args, record->job);
	sql_add_text(&args, training->attempt->triple);
	sql_add_role(&args, record->owner);
	sql_add_int8(&args, training->done.n_weights);
	sql_add_int4(&args, training->done.n_epochs);
	sql_add_int4(&args, training->best.epoch);
	sql_add_double(&args, training->best.valid.log_loss);
	sql_add_double(&args, training->best.valid.auc);
	sql_add_double(&args, training->best.valid.accuracy);
	sql_add_double(&args, training->done.seconds);
	sql_add_text(&args, "native");
	sql_add_text(&args, training->kernel_class);
	sql_add_text(&args, CER_VERSION);
	sql_add_text(&args, training->query);
	if (sql_run("INSERT INTO cerebro.model (id, task, data_version, job,"
	            " triple, owner, n_weights, n_epochs, best_epoch,"
	            " valid_log_loss, valid_auc, valid_accuracy, seconds,"
	            " executor, kernel_class, version, query)"
	            " SELECT $1, t.id, v.id, $4, $5, $6, $7, $8, $9, $10, $11,"
	            " $12, $13, $14, $15, $16, $17 FROM cerebro.task t"
	            " JOIN cerebro.data_version v"
	            " ON v.task OPERATOR(pg_catalog.=) t.id"
	            " WHERE t.id OPERATOR(pg_catalog.=) $2"
	            " AND v.id OPERATOR(pg_catalog.=) $3",
	            &args) == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("task \"%s\" was dropped while it was trained "
		                       "for",
		                       training->task->name)));
}

void
training_archive(Training *training)
{
	Attempt *attempt = training->attempt;
	int32 model = attempt->record.model;
	ArchiveScope scope;
	ListCell *cell;

	attempt->record.phase = PHASE_ARCHIVE;
	attempt_update(attempt, true);
	archive_enter(&scope);
	write_model(training);
	foreach (cell, training->epochs)
		write_epoch(model, lfirst(cell));
	for (uint32 i = 0; i < training->n_parts; i++)
		write_part(model, i, &training->parts[i]);
	archive_leave(&scope);
	attempt->subxact = GetCurrentSubTransactionId();
	attempt_end(attempt, training->done.is_stopped ? JOB_STOPPED : JOB_DONE,
	            training->done.is_stopped ? "no better epoch within patience"
	                                      : "");
	attempt_record(attempt);
}
