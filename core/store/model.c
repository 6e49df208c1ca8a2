/*
 * store/model.c
 *	  A model that can score, from its stored parts (stored.c).
 */
#include "store/model_private.h"
#include "store/parts.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/size.h"
#include "base/text.h"
#include "data/shape.h"
#include "nn/view.h"

#include <string.h>

static cer_status list_left_out(cer_arena *arena, const cer_net *net,
                                cer_model *model, cer_error *err);
static cer_status fill_model(cer_arena *arena, const cer_model_header *header,
                             cer_model *model, cer_error *err);
static cer_status find_groups(cer_arena *arena, const cer_input_shape *shape,
                              cer_model *model, cer_error *err);

/* What work holds, weights as stored among it, goes when the model is made. */
static cer_status
make_model(cer_arena *arena, cer_arena *work, const cer_model_copy *copy,
           cer_model *model, cer_error *err)
{
	cer_stored stored = {.may_lack_tensors = true};
	cer_infer_spec spec;

	CER_TRY(
		cer_stored_read(arena, work, copy->parts, copy->n_parts, &stored, err));
	model->encoders = stored.encoders;
	spec =
		(cer_infer_spec){.net = stored.net,
	                     .weights = stored.weights,
	                     .has_bf16_products = copy->layout == CER_LAYOUT_BF16,
	                     .cache_size = copy->cache_size,
	                     .n_links = copy->n_links,
	                     .links = copy->links};
	CER_TRY(cer_infer_make(arena, &spec, &model->infer, err));
	CER_TRY(list_left_out(arena, stored.net, model, err));
	CER_TRY(fill_model(arena, &stored.header, model, err));
	CER_TRY(find_groups(arena, stored.net->shape, model, err));
	return cer_trunk_make(arena, copy, &stored, model, err);
}

/* Sums of single tables are not kept for several networks. */
static cer_status
make_of_members(cer_arena *arena, const cer_model_copy *copy, cer_model *model,
                cer_error *err)
{
	const cer_model *first;

	memset(model, 0, sizeof(*model));
	CER_TRY(cer_members_make(arena, copy, &model->members, err));
	first = cer_members_get_first(model->members);
	model->n_inputs = cer_members_count_inputs(model->members);
	model->n_classes = first->n_classes;
	model->kernel_class = first->kernel_class;
	return cer_members_list_left_out(arena, model->members, &model->left_out,
	                                 &model->n_left_out, err);
}

cer_status
cer_model_make(cer_arena *arena, const cer_part *parts, size_t n_parts,
               const cer_model **model, cer_error *err)
{
	cer_model_copy copy = {
		.layout = CER_LAYOUT_FP32, .parts = parts, .n_parts = n_parts};

	return cer_model_make_copy(arena, &copy, model, err);
}

cer_status
cer_model_make_copy(cer_arena *arena, const cer_model_copy *copy,
                    const cer_model **model, cer_error *err)
{
	cer_arena *work = cer_arena_new(cer_arena_get_host(arena));
	cer_model *made = cer_arena_allocate(arena, sizeof(*made));
	cer_status status;

	if (work == NULL || made == NULL)
		status = cer_fail_memory(err, sizeof(*made));
	else if (cer_members_find_header(copy->parts, copy->n_parts) != NULL)
		status = make_of_members(arena, copy, made, err);
	else
		status = make_model(arena, work, copy, made, err);
	cer_arena_free(work);
	if (status == CER_OK)
		*model = made;
	return status;
}

size_t
cer_model_count_inputs(const cer_model *model)
{
	return model->n_inputs;
}

const cer_input *
cer_model_get_input(const cer_model *model, size_t input)
{
	return model->members ? cer_members_get_input(model->members, input)
	                      : cer_encoders_get_input(model->encoders, input);
}

size_t
cer_model_count_classes(const cer_model *model)
{
	return model->n_classes;
}

const char *
cer_model_get_kernel_class(const cer_model *model)
{
	return model->kernel_class;
}

size_t
cer_model_count_values(const cer_model *model)
{
	return model->members ? cer_members_count_values(model->members)
	                      : cer_encoders_count_values(model->encoders);
}

size_t
cer_model_get_value(const cer_model *model, size_t input)
{
	size_t n_values;

	if (model->members != NULL)
		return cer_members_get_value(model->members, input, &n_values);
	return cer_encoders_get_value(model->encoders, input, &n_values);
}

size_t
cer_model_count_values_of(const cer_model *model, size_t input)
{
	size_t n_values;

	if (model->members != NULL)
		cer_members_get_value(model->members, input, &n_values);
	else
		cer_encoders_get_value(model->encoders, input, &n_values);
	return n_values;
}

void
cer_model_encode_text(const cer_model *model, size_t input, cer_text text,
                      cer_value *values, size_t stride)
{
	if (model->members != NULL)
		cer_members_encode_text(model->members, input, text, values, stride);
	else
		cer_encoders_encode_text(model->encoders, input, text, values, stride);
}

/* ---- scoring ---- */

#define ALIGNMENT ((size_t) 64)

static size_t
align_up(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

size_t
cer_model_get_encoded_size(const cer_model *model, size_t n_rows)
{
	return align_up(n_rows * model->n_numbers * sizeof(float)) +
	       align_up(n_rows * model->n_codes * sizeof(uint32_t)) +
	       align_up(model->n_inputs);
}

/* Scratch: encoded numbers, encoded codes, which inputs are read, what the
 * network needs. */
size_t
cer_model_get_scratch_size(const cer_model *model, size_t n_rows)
{
	if (model->members != NULL)
		return cer_members_get_scratch_size(model->members, n_rows);
	return cer_model_get_encoded_size(model, n_rows) +
	       cer_infer_get_scratch_size(model->infer, n_rows);
}

cer_encoded_places
cer_model_divide_scratch(const cer_model *model, size_t n_rows, char *scratch)
{
	char *codes = scratch + align_up(n_rows * model->n_numbers * sizeof(float));
	char *is_read =
		codes + align_up(n_rows * model->n_codes * sizeof(uint32_t));

	return (cer_encoded_places){(float *) scratch, (uint32_t *) codes,
	                            (bool *) is_read,
	                            is_read + align_up(model->n_inputs)};
}

void
cer_model_score(const cer_model *model, size_t n_rows, const cer_value *values,
                float *proba, void *scratch)
{
	cer_member_rows all = {.n_rows = n_rows, .values = values};
	cer_encoded_places rows;
	size_t n_values;

	if (model->members != NULL)
	{
		cer_members_score(model->members, &all, proba, scratch);
		return;
	}
	rows = cer_model_divide_scratch(model, n_rows, scratch);
	n_values = cer_encoders_count_values(model->encoders);
	for (size_t row = 0; row < n_rows; row++)
		cer_encoders_apply_values(model->encoders, 1, values + row * n_values,
		                          1, rows.numbers + row * model->n_numbers,
		                          rows.codes + row * model->n_codes);
	cer_infer_run(model->infer, n_rows, rows.numbers, rows.codes, proba,
	              rows.rest);
	cer_temperature_apply(model->temperature, n_rows, model->n_classes, proba);
}

void
cer_model_score_columns(const cer_model *model, size_t n_rows,
                        const cer_value *values, size_t stride, float *proba,
                        void *scratch)
{
	cer_score_rows rows = {
		.n_rows = n_rows, .values = values, .stride = stride};
	cer_member_rows all = {n_rows, values, true, stride};

	if (model->members != NULL && n_rows > 0)
		cer_members_score(model->members, &all, proba, scratch);
	if (model->members != NULL)
		return;
	cer_model_score_partials(model, &rows, proba, scratch);
}

/* ---- partials ---- */

size_t
cer_model_count_groups(const cer_model *model)
{
	return model->members ? 0 : cer_infer_count_groups(model->infer);
}

size_t
cer_model_get_group(const cer_model *model, size_t input)
{
	return model->groups[input];
}

bool
cer_model_can_keep(const cer_model *model, size_t group)
{
	return group < cer_model_count_groups(model) &&
	       cer_infer_can_keep(model->infer, group);
}

bool
cer_model_has_towers(const cer_model *model)
{
	return !model->members && cer_infer_has_towers(model->infer);
}

double
cer_model_get_group_cost(const cer_model *model, size_t group)
{
	return cer_infer_get_group_cost(model->infer, group);
}

cer_text
cer_model_get_alias(const cer_model *model, size_t input)
{
	return model->members ? cer_members_get_alias(model->members, input)
	                      : model->aliases[input];
}

cer_text
cer_model_get_group_alias(const cer_model *model, size_t group)
{
	return cer_infer_get_alias(model->infer, group);
}

size_t
cer_model_get_partial_width(const cer_model *model)
{
	return cer_model_count_groups(model) == 0
	           ? 0
	           : cer_infer_get_partial_width(model->infer);
}

size_t
cer_model_get_parent(const cer_model *model, size_t group)
{
	return cer_infer_get_parent(model->infer, group);
}

void
cer_model_sum_partials(const cer_model *model, size_t n,
                       const float *const *partials, float *sum)
{
	cer_infer_first_sum(cer_infer_get_first(model->infer), n, partials, sum);
}

cer_encoded
cer_model_encode_rows(const cer_model *model, const cer_score_rows *rows,
                      const cer_encoded_places *to)
{
	cer_value_rows read = {.n_rows = rows->n_rows,
	                       .values = rows->values,
	                       .stride = rows->stride,
	                       .is_read = to->is_read};

	cer_encoders_apply_rows(model->encoders, &read, to->numbers, to->codes);
	return (cer_encoded){
		.n_rows = rows->n_rows, .numbers = to->numbers, .codes = to->codes};
}

void
cer_model_make_partials(const cer_model *model, size_t group,
                        const cer_score_rows *rows, float *partials,
                        void *scratch)
{
	cer_encoded_places places =
		cer_model_divide_scratch(model, rows->n_rows, scratch);
	cer_encoded encoded;

	for (size_t i = 0; i < model->n_inputs; i++)
		places.is_read[i] = model->groups[i] == group;
	encoded = cer_model_encode_rows(model, rows, &places);
	cer_infer_run_group(model->infer, group, &encoded, partials, places.rest);
}

void
cer_model_score_partials(const cer_model *model, const cer_score_rows *rows,
                         float *proba, void *scratch)
{
	cer_together alone = {.model = model, .proba = proba};

	if (rows->n_rows == 0)
		return;
	if (model->members != NULL)
		cer_model_score_columns(model, rows->n_rows, rows->values, rows->stride,
		                        proba, scratch);
	else
		cer_together_score(&alone, rows, scratch);
}

/* ---- rows by key ---- */

size_t
cer_model_count_left_out(const cer_model *model)
{
	return model->n_left_out;
}

const cer_left_out *
cer_model_get_left_out(const cer_model *model, size_t i)
{
	return &model->left_out[i];
}

size_t
cer_model_find_missing(const cer_model *model, size_t left_out,
                       const cer_fetch *fetch, uint32_t *missing, void *scratch)
{
	const cer_left_out *tensor = &model->left_out[left_out];
	size_t group = tensor->group;
	const cer_score_rows *rows = fetch->rows;
	cer_encoded_places places;
	cer_encoded encoded;

	if (model->members != NULL)
		return cer_members_find_missing(model->members, left_out, rows, missing,
		                                scratch);
	places = cer_model_divide_scratch(model, rows->n_rows, scratch);
	if ((fetch->is_of_group && fetch->group != group) ||
	    (!fetch->is_of_group && rows->partials != NULL &&
	     rows->partials[group] != NULL))
		return 0;
	for (size_t i = 0; i < model->n_inputs; i++)
		places.is_read[i] = model->groups[i] == group;
	encoded = cer_model_encode_rows(model, rows, &places);
	return cer_infer_find_missing(model->infer, tensor, &encoded, missing);
}

cer_status
cer_model_put_row(const cer_model *model, size_t left_out, uint32_t code,
                  const float *row, void *scratch, cer_error *err)
{
	const cer_left_out *tensor = &model->left_out[left_out];

	if (model->members != NULL)
		return cer_members_put_row(model->members, left_out, code, row, scratch,
		                           err);
	CER_TRY(cer_weights_check(tensor->name, tensor->n_floats, row, err));
	cer_infer_put_row(model->infer, tensor, &(cer_row){code, row}, scratch);
	return CER_OK;
}

/* ---- reading parts ---- */

static cer_status
fill_model(cer_arena *arena, const cer_model_header *header, cer_model *model,
           cer_error *err)
{
	const cer_input_shape *shape = cer_encoders_get_shape(model->encoders);
	size_t size = header->kernel_class.size;
	char *kernel_class = cer_arena_allocate(arena, size + 1);

	if (kernel_class == NULL)
		return cer_fail_memory(err, size + 1);
	memcpy(kernel_class, header->kernel_class.data, size);
	kernel_class[size] = '\0';
	model->kernel_class = kernel_class;
	model->n_numbers = cer_shape_count_stored(shape);
	model->n_codes = cer_shape_count_codes(shape);
	model->n_inputs = header->n_inputs;
	model->n_classes = header->n_classes;
	model->temperature = header->temperature;
	model->members = NULL;
	return CER_OK;
}

static size_t
find_group(const cer_infer *infer, cer_text alias)
{
	size_t group = 0;

	while (group < cer_infer_count_groups(infer) &&
	       !cer_text_equals(cer_infer_get_alias(infer, group), alias))
		group++;
	return group;
}

static cer_status
find_groups(cer_arena *arena, const cer_input_shape *shape, cer_model *model,
            cer_error *err)
{
	size_t size = model->n_inputs * sizeof(size_t);
	size_t *groups = cer_arena_allocate(arena, size);
	cer_text *aliases =
		cer_arena_allocate(arena, model->n_inputs * sizeof(*aliases));

	if (groups == NULL || aliases == NULL)
		return cer_fail_memory(err, size);
	model->groups = groups;
	model->aliases = aliases;
	for (size_t i = 0; i < model->n_inputs; i++)
	{
		aliases[i] =
			cer_view_find_alias(shape, cer_model_get_input(model, i)->name);
		groups[i] = find_group(model->infer, aliases[i]);
	}
	return CER_OK;
}

cer_left_out
cer_model_make_left_out(const cer_net *net, size_t i)
{
	const cer_net_tensor *tensor = cer_net_get_tensor(net, i);

	return (cer_left_out){.name = tensor->name,
	                      .n_codes = tensor->dims[0],
	                      .n_floats = (size_t) tensor->dims[1],
	                      .tensor = i,
	                      .table = tensor->table - 1};
}

static cer_status
list_left_out(cer_arena *arena, const cer_net *net, cer_model *model,
              cer_error *err)
{
	size_t size = cer_net_count_left_out(net) * sizeof(cer_left_out);
	cer_left_out *list = cer_arena_allocate(arena, size);

	if (list == NULL)
		return cer_fail_memory(err, size);
	model->left_out = list;
	model->n_left_out = 0;
	for (size_t i = 0; i < cer_net_count_tensors(net); i++)
	{
		const cer_net_tensor *tensor = cer_net_get_tensor(net, i);

		if (tensor->offset != CER_TENSOR_LEFT_OUT)
			continue;
		list[model->n_left_out] = cer_model_make_left_out(net, i);
		list[model->n_left_out++].group = find_group(
			model->infer,
			cer_view_find_alias(net->shape,
		                        net->shape->tables[tensor->table - 1].name));
	}
	return CER_OK;
}
