/*
 * store/parts.c
 *	  Makes the parts of a trained network: header, encoders, tensors, scores
 *	  of the validation rows.
 */
#include "store/parts.h"

#include "base/error.h"
#include "base/size.h"
#include "base/text.h"
#include "train/transfer.h"

#include <string.h>

#define MAX_SCORE 65535

static cer_status make_header(cer_arena *arena, const cer_trained *trained,
                              cer_part *part, cer_error *err);
static cer_status make_encoder(cer_arena *arena, const cer_trained *trained,
                               size_t input, cer_part *part, cer_error *err);
static cer_status make_tensor(cer_arena *arena, const cer_trained *trained,
                              size_t tensor, cer_part *part, cer_error *err);
static cer_status
make_valid_scores(cer_arena *arena, const cer_trained *trained, cer_part *part,
                  cer_error *err);
static cer_status make_means(cer_arena *arena, const cer_trained *trained,
                             cer_part *part, cer_error *err);

cer_status
cer_parts_make(cer_arena *arena, const cer_trained *trained,
               const cer_part **parts, size_t *n_parts, cer_error *err)
{
	size_t n_inputs = cer_encoders_count_inputs(trained->encoders);
	size_t n_tensors = cer_net_count_tensors(trained->net);
	size_t n = 3 + n_inputs + n_tensors;
	cer_part *made = cer_arena_allocate(arena, n * sizeof(*made));
	cer_part *next = made;

	if (made == NULL)
		return cer_fail_memory(err, n * sizeof(*made));
	memset(made, 0, n * sizeof(*made));
	CER_TRY(make_header(arena, trained, next++, err));
	for (size_t i = 0; i < n_inputs; i++)
		CER_TRY(make_encoder(arena, trained, i, next++, err));
	for (size_t i = 0; i < n_tensors; i++)
		CER_TRY(make_tensor(arena, trained, i, next++, err));
	CER_TRY(make_means(arena, trained, next++, err));
	CER_TRY(make_valid_scores(arena, trained, next, err));
	*parts = made;
	*n_parts = n;
	return CER_OK;
}

cer_status
cer_trainer_make_parts(cer_arena *arena, cer_trainer *trainer,
                       const cer_part **parts, size_t *n_parts, cer_error *err)
{
	cer_trained trained;

	CER_TRY(cer_trainer_get_trained(trainer, &trained, err));
	return cer_parts_make(arena, &trained, parts, n_parts, err);
}

/* Bytes: one dimension. */
static void
set_bytes(cer_part *part, cer_part_kind kind, cer_text name, cer_text bytes)
{
	*part = (cer_part){
		.name = name,
		.kind = kind,
		.n_dims = 1,
		.dims = {bytes.size},
		.data = bytes.data,
		.size = bytes.size,
	};
}

static cer_status
list_inputs(cer_arena *arena, const cer_encoders *encoders,
            cer_model_header *header, cer_error *err)
{
	cer_input *inputs;

	header->n_inputs = cer_encoders_count_inputs(encoders);
	inputs = cer_arena_allocate(arena, header->n_inputs * sizeof(*inputs));
	if (inputs == NULL)
		return cer_fail_memory(err, header->n_inputs * sizeof(*inputs));
	for (size_t i = 0; i < header->n_inputs; i++)
		inputs[i] = *cer_encoders_get_input(encoders, i);
	header->inputs = inputs;
	return CER_OK;
}

static cer_status
make_header(cer_arena *arena, const cer_trained *trained, cer_part *part,
            cer_error *err)
{
	cer_model_header header = {
		.library_version = cer_text_of(CER_VERSION),
		.language_version = CER_LANGUAGE_VERSION,
		.kernel_class = cer_text_of(trained->kernel_class),
		.n_classes = cer_encoders_get_shape(trained->encoders)->n_classes,
		.temperature = trained->temperature,
	};
	cer_text bytes;

	CER_TRY(cer_mst_print(arena, trained->mst, &header.triple, err));
	CER_TRY(list_inputs(arena, trained->encoders, &header, err));
	CER_TRY(cer_model_header_pack(arena, &header, &bytes, err));
	set_bytes(part, CER_PART_HEADER, cer_text_of(CER_HEADER_NAME), bytes);
	return CER_OK;
}

static cer_status
make_encoder(cer_arena *arena, const cer_trained *trained, size_t input,
             cer_part *part, cer_error *err)
{
	cer_text name = cer_encoders_get_input(trained->encoders, input)->name;
	cer_text bytes;

	CER_TRY(cer_encoders_pack(arena, trained->encoders, input, &bytes, err));
	CER_TRY(cer_text_copy(arena, name, &name, err));
	set_bytes(part, CER_PART_ENCODER, name, bytes);
	return CER_OK;
}

static cer_status
make_tensor(cer_arena *arena, const cer_trained *trained, size_t tensor,
            cer_part *part, cer_error *err)
{
	const cer_net_tensor *from = cer_net_get_tensor(trained->net, tensor);

	part->kind = CER_PART_TENSOR;
	part->n_dims = from->n_dims;
	memcpy(part->dims, from->dims, sizeof(part->dims));
	part->data = trained->weights + from->offset;
	part->size = from->size * sizeof(float);
	return cer_text_copy(arena, from->name, &part->name, err);
}

static uint16_t
round_score(float p)
{
	float scaled = p * MAX_SCORE + 0.5f;

	return scaled < MAX_SCORE ? (uint16_t) scaled : MAX_SCORE;
}

static cer_status
make_valid_scores(cer_arena *arena, const cer_trained *trained, cer_part *part,
                  cer_error *err)
{
	size_t n_classes = cer_encoders_get_shape(trained->encoders)->n_classes;
	size_t n = cer_size_multiply(trained->n_valid, n_classes);
	size_t size = cer_size_multiply(n, sizeof(uint16_t));
	uint16_t *scores = cer_arena_allocate(arena, size);

	if (scores == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < n; i++)
		scores[i] = round_score(trained->valid_proba[i]);
	*part = (cer_part){
		.name = cer_text_of(CER_VALID_SCORES_NAME),
		.kind = CER_PART_VALID_SCORES,
		.n_dims = 2,
		.dims = {trained->n_valid, n_classes},
		.data = scores,
		.size = size,
	};
	return CER_OK;
}

static cer_status
make_means(cer_arena *arena, const cer_trained *trained, cer_part *part,
           cer_error *err)
{
	const cer_input_shape *shape = cer_encoders_get_shape(trained->encoders);
	size_t n = cer_means_count(shape);
	float *means = cer_arena_allocate(arena, n * sizeof(float));

	if (means == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	CER_TRY(cer_means_make(arena, shape, trained->train, means, err));
	*part = (cer_part){
		.name = cer_text_of(CER_MEANS_NAME),
		.kind = CER_PART_MEANS,
		.n_dims = 1,
		.dims = {n},
		.data = means,
		.size = n * sizeof(float),
	};
	return CER_OK;
}
