/*
 * train/trainer.c
 *	  A triple in training.
 *
 *	 dataset -> encoders -> encoded rows -> run
 *				 \------ encoding -----/  \-> run of another triple
 *
 * The dataset's raw columns go when its last reader has encoded them.
 */
#include "train/trainer.h"
#include "base/error.h"
#include "data/shape.h"

#include <string.h>

static cer_status
encode_rows(cer_encoding *encoding, const cer_plan *plan, cer_error *err)
{
	cer_arena *arena = encoding->arena;
	const cer_host *host = &encoding->host;

	CER_TRY(cer_encoders_fit(arena, host, plan, encoding->dataset,
	                         &encoding->encoders, err));
	CER_TRY(cer_encoders_apply(arena, host, encoding->encoders,
	                           encoding->dataset, CER_VALID, false,
	                           &encoding->valid, err));
	return cer_encoders_apply(arena, host, encoding->encoders,
	                          encoding->dataset, CER_TRAIN, true,
	                          &encoding->train, err);
}

cer_status
cer_encoding_new(const cer_host *host, const cer_plan *plan,
                 cer_dataset *dataset, cer_encoding **encoding, cer_error *err)
{
	cer_arena *arena = cer_arena_new(host);
	cer_encoding *made =
		arena != NULL ? cer_arena_allocate(arena, sizeof(*made)) : NULL;
	cer_status status;

	if (made == NULL)
	{
		cer_arena_free(arena);
		return cer_fail_memory(err, sizeof(*made));
	}
	memset(made, 0, sizeof(*made));
	made->host = *host;
	made->arena = arena;
	made->dataset = dataset;
	status = encode_rows(made, plan, err);
	if (status == CER_OK)
		*encoding = made;
	else
		cer_arena_free(arena);
	return status;
}

void
cer_encoding_free(cer_encoding *encoding)
{
	if (encoding != NULL)
		cer_arena_free(encoding->arena);
}

void
cer_encoding_repeat_rows(cer_encoding *encoding)
{
	encoding->repeats_rows = true;
}

size_t
cer_encoding_get_size(const cer_encoding *encoding)
{
	return cer_arena_get_size(encoding->arena);
}

static cer_status
start_run(cer_trainer *trainer, cer_error *err)
{
	cer_input_shape shape = *cer_encoders_get_shape(trainer->encoders);
	cer_run_config config = {
		.host = &trainer->host,
		.kernels = cer_kernels_choose(),
		.make_gemm = cer_gemm_make_xsmm,
		.structure = trainer->mst->structure,
		.settings = &trainer->mst->settings,
		.train = &trainer->train,
		.valid = &trainer->valid,
		.repeats_rows = trainer->repeats_rows,
	};

	shape.n_rows = trainer->train.n_rows;
	CER_TRY(cer_shape_make(trainer->arena, &shape, trainer->mst, &config.shape,
	                       err));
	if (config.settings->products == CER_PRODUCTS_BF16)
		CER_TRY(cer_bf16_choose(config.kernels, &config.bf16, err));
	return cer_run_make(trainer->arena, &config, &trainer->run, err);
}

cer_status
cer_trainer_new_over(const cer_host *host, const cer_mst *mst,
                     const cer_encoding *encoding, cer_trainer **trainer,
                     cer_error *err)
{
	cer_arena *arena = cer_arena_new(host);
	cer_trainer *made =
		arena != NULL ? cer_arena_allocate(arena, sizeof(*made)) : NULL;
	cer_status status;

	if (made == NULL)
	{
		cer_arena_free(arena);
		return cer_fail_memory(err, sizeof(*made));
	}
	*made = (cer_trainer){.host = *host,
	                      .arena = arena,
	                      .mst = mst,
	                      .dataset = encoding->dataset,
	                      .encoders = encoding->encoders,
	                      .train = encoding->train,
	                      .valid = encoding->valid,
	                      .repeats_rows = encoding->repeats_rows};
	status = start_run(made, err);
	if (status == CER_OK)
		*trainer = made;
	else
		cer_trainer_free(made);
	return status;
}

cer_status
cer_trainer_new(const cer_host *host, const cer_mst *mst, const cer_plan *plan,
                cer_dataset *dataset, cer_trainer **trainer, cer_error *err)
{
	cer_encoding *encoding;
	cer_status status;

	CER_TRY(cer_encoding_new(host, plan, dataset, &encoding, err));
	status = cer_trainer_new_over(host, mst, encoding, trainer, err);
	if (status == CER_OK)
		(*trainer)->own = encoding;
	else
		cer_encoding_free(encoding);
	return status;
}

void
cer_trainer_free(cer_trainer *trainer)
{
	cer_encoding *own;

	if (trainer == NULL)
		return;
	own = trainer->own;
	cer_arena_free(trainer->arena);
	cer_encoding_free(own);
}

size_t
cer_trainer_count_weights(const cer_trainer *trainer)
{
	return trainer->run->net->n_parameters;
}

size_t
cer_trainer_get_size(const cer_trainer *trainer)
{
	return cer_arena_get_size(trainer->arena) +
	       (trainer->own ? cer_encoding_get_size(trainer->own) : 0) +
	       cer_dataset_get_size(trainer->dataset);
}

static const char *
get_kernel_class(const cer_run *run)
{
	return run->config.bf16 != NULL ? run->config.bf16->name
	                                : run->config.kernels->name;
}

const char *
cer_trainer_get_kernel_class(const cer_trainer *trainer)
{
	return get_kernel_class(trainer->run);
}

void
cer_trainer_get_status(const cer_trainer *trainer, cer_train_status *status)
{
	const cer_run_status *now = &trainer->run->status;

	status->epoch = atomic_load(&now->epoch);
	status->n_epochs = (uint32_t) cer_mst_get_epochs(trainer->mst);
	status->n_done = atomic_load(&now->n_done);
	status->n_rows = trainer->train.n_rows;
	status->train_loss = atomic_load(&now->train_loss);
}

cer_status
cer_trainer_run_epoch(cer_trainer *trainer, cer_epoch *report,
                      bool *is_finished, cer_error *err)
{
	return cer_run_epoch(trainer->run, report, is_finished, err);
}

/* An epoch that was cut off leaves no trace: the best one's weights are kept
 * apart. */
cer_status
cer_trainer_stop(cer_trainer *trainer, cer_error *err)
{
	cer_run *run = trainer->run;
	const cer_mst *stopped;

	if (run->best_epoch == 0)
		return cer_fail(err, CER_BAD_CALL, "no epoch is done yet");
	CER_TRY(
		cer_mst_stop(trainer->arena, trainer->mst, run->epoch, &stopped, err));
	trainer->mst = stopped;
	run->config.settings = &stopped->settings;
	atomic_store(&run->status.epoch, run->epoch);
	return CER_OK;
}

cer_status
cer_trainer_get_trained(const cer_trainer *trainer, cer_trained *trained,
                        cer_error *err)
{
	const cer_run *run = trainer->run;

	if (run->best_epoch == 0)
		return cer_fail(err, CER_BAD_CALL, "no epoch is done yet");
	*trained = (cer_trained){
		.mst = trainer->mst,
		.encoders = trainer->encoders,
		.net = run->net,
		.weights = run->best_weights,
		.kernel_class = get_kernel_class(run),
		.train = &trainer->train,
		.n_valid = trainer->valid.n_rows,
		.valid_proba = run->best_proba,
		.temperature = 1.0,
	};
	return CER_OK;
}

double
cer_mst_get_loss(const cer_mst *mst, const cer_metrics *valid)
{
	return cer_run_get_loss(&mst->settings, valid);
}
