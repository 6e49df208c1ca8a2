/*
 * store/model.c
 *	  A model that can score, from its stored parts.
 *
 * Parts come from tables that their owner may have written to, or from a dump:
 * every name, size and count is checked against what the header's triple makes
 * of the encoders, and memory for weights is asked for only when all of their
 * bytes are known to be there.
 */
#include "store/model_private.h"
#include "store/parts.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/size.h"
#include "base/text.h"
#include "data/shape.h"
#include "nn/view.h"

#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "tensors are stored lowest byte first");

/* Parts and where the last one was found: they are mostly asked for in order. */
typedef struct part_list
{
	const cer_part *parts;
	size_t n_parts;
	size_t next;
} part_list;

static const cer_part *
find_part(part_list *list, cer_part_kind kind, cer_text name);
static cer_status read_header(cer_arena *arena, part_list *list,
                              cer_model_header *header, cer_error *err);
static cer_status
read_encoders(cer_arena *arena, part_list *list, const cer_model_header *header,
              const cer_encoders **encoders, cer_error *err);
static cer_status
read_weights(cer_arena *arena, part_list *list, const cer_net *net,
             const float **weights, cer_error *err);
static cer_status fill_model(cer_arena *arena, const cer_model_header *header,
                             cer_model *model, cer_error *err);

static cer_status find_groups(cer_arena *arena, const cer_input_shape *shape,
                              cer_model *model, cer_error *err);

/* How many training rows it keeps, the size of what it keeps of them says. */
static cer_status
make_shape(cer_arena *arena, part_list *list, const cer_encoders *encoders,
           const cer_mst *mst, const cer_input_shape **shape, cer_error *err)
{
	cer_input_shape made = *cer_encoders_get_shape(encoders);
	const cer_part *kept =
		find_part(list, CER_PART_TENSOR, cer_text_of(CER_KEPT_ROWS));

	if (kept != NULL && kept->n_dims == 2)
		made.n_rows = (size_t) kept->dims[0];
	return cer_shape_make(arena, &made, mst, shape, err);
}

cer_status
cer_stored_read(cer_arena *arena, cer_arena *work, const cer_part *parts,
                size_t n_parts, cer_stored *stored, cer_error *err)
{
	part_list list = {parts, n_parts, 0};
	const cer_input_shape *shape;

	CER_TRY(read_header(work, &list, &stored->header, err));
	CER_TRY(cer_mst_parse(work, stored->header.triple, &stored->mst, err));
	CER_TRY(cer_mst_check_bound(stored->mst, err));
	CER_TRY(
		read_encoders(arena, &list, &stored->header, &stored->encoders, err));
	CER_TRY(
		make_shape(work, &list, stored->encoders, stored->mst, &shape, err));
	CER_TRY(
		cer_net_make(arena, shape, stored->mst->structure, &stored->net, err));
	return read_weights(work, &list, stored->net, &stored->weights, err);
}

/* What work holds, weights as stored among it, goes when the model is made. */
static cer_status
make_model(cer_arena *arena, cer_arena *work, const cer_model_copy *copy,
           cer_model *model, cer_error *err)
{
	cer_stored stored;
	cer_infer_spec spec;

	CER_TRY(
		cer_stored_read(arena, work, copy->parts, copy->n_parts, &stored, err));
	model->encoders = stored.encoders;
	spec = (cer_infer_spec){stored.net, stored.weights,
	                        copy->layout == CER_LAYOUT_BF16};
	CER_TRY(cer_infer_make(arena, &spec, &model->infer, err));
	CER_TRY(fill_model(arena, &stored.header, model, err));
	return find_groups(arena, stored.net->shape, model, err);
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
	return CER_OK;
}

cer_status
cer_model_make(cer_arena *arena, const cer_part *parts, size_t n_parts,
               const cer_model **model, cer_error *err)
{
	cer_model_copy copy = {CER_LAYOUT_FP32, parts, n_parts};

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

/* Scratch: encoded numbers, encoded codes, which inputs are read, what the
 * network needs. */
size_t
cer_model_get_scratch_size(const cer_model *model, size_t n_rows)
{
	if (model->members != NULL)
		return cer_members_get_scratch_size(model->members, n_rows);
	return align_up(n_rows * model->n_numbers * sizeof(float)) +
	       align_up(n_rows * model->n_codes * sizeof(uint32_t)) +
	       align_up(model->n_inputs) +
	       cer_infer_get_scratch_size(model->infer, n_rows);
}

/* Where a row's, or many rows', encoded numbers and codes are in scratch. */
typedef struct encoded_rows
{
	float *numbers;
	uint32_t *codes;
	bool *is_read;
	char *rest;
} encoded_rows;

static encoded_rows
divide_scratch(const cer_model *model, size_t n_rows, char *scratch)
{
	char *codes = scratch + align_up(n_rows * model->n_numbers * sizeof(float));
	char *is_read =
		codes + align_up(n_rows * model->n_codes * sizeof(uint32_t));

	return (encoded_rows){(float *) scratch, (uint32_t *) codes,
	                      (bool *) is_read,
	                      is_read + align_up(model->n_inputs)};
}

void
cer_model_score(const cer_model *model, size_t n_rows, const cer_value *values,
                float *proba, void *scratch)
{
	cer_member_rows all = {.n_rows = n_rows, .values = values};
	encoded_rows rows;
	size_t n_values;

	if (model->members != NULL)
	{
		cer_members_score(model->members, &all, proba, scratch);
		return;
	}
	rows = divide_scratch(model, n_rows, scratch);
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

static cer_encoded
encode_rows(const cer_model *model, const cer_score_rows *rows,
            const encoded_rows *to)
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
	encoded_rows places = divide_scratch(model, rows->n_rows, scratch);
	cer_encoded encoded;

	for (size_t i = 0; i < model->n_inputs; i++)
		places.is_read[i] = model->groups[i] == group;
	encoded = encode_rows(model, rows, &places);
	cer_infer_run_group(model->infer, group, &encoded, partials, places.rest);
}

void
cer_model_score_partials(const cer_model *model, const cer_score_rows *rows,
                         float *proba, void *scratch)
{
	cer_partials partials = {.groups = rows->partials};
	encoded_rows places;
	cer_encoded encoded;

	if (rows->n_rows == 0)
		return;
	if (model->members != NULL)
	{
		cer_model_score_columns(model, rows->n_rows, rows->values, rows->stride,
		                        proba, scratch);
		return;
	}
	places = divide_scratch(model, rows->n_rows, scratch);
	for (size_t i = 0; i < model->n_inputs; i++)
		places.is_read[i] = rows->partials == NULL ||
		                    model->groups[i] == cer_model_count_groups(model) ||
		                    rows->partials[model->groups[i]] == NULL;
	encoded = encode_rows(model, rows, &places);
	cer_infer_run_partials(model->infer, &encoded,
	                       rows->partials != NULL ? &partials : NULL, proba,
	                       places.rest);
	cer_temperature_apply(model->temperature, rows->n_rows, model->n_classes,
	                      proba);
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

/* NULL: there is none. */
static const cer_part *
find_part(part_list *list, cer_part_kind kind, cer_text name)
{
	for (size_t i = 0; i < list->n_parts; i++)
	{
		size_t at = (list->next + i) % list->n_parts;
		const cer_part *part = &list->parts[at];

		if (part->kind != kind || !cer_text_equals(part->name, name))
			continue;
		list->next = at + 1;
		return part;
	}
	return NULL;
}

static cer_status
find_needed(part_list *list, cer_part_kind kind, cer_text name,
            const cer_part **part, cer_error *err)
{
	static const char *const kinds[] = {
		[CER_PART_HEADER] = "header",
		[CER_PART_ENCODER] = "encoder",
		[CER_PART_TENSOR] = "tensor",
	};

	*part = find_part(list, kind, name);
	if (*part != NULL)
		return CER_OK;
	return cer_fail(err, CER_BAD_FORMAT, "the model lacks its %s \"%.*s\"",
	                kinds[kind], CER_SHOW(name));
}

static cer_status
check_count(const part_list *list, cer_part_kind kind, size_t expected,
            cer_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n_parts; i++)
		n += list->parts[i].kind == kind;
	if (n == expected)
		return CER_OK;
	return cer_fail(err, CER_BAD_FORMAT,
	                "the model has %zu parts of kind %d, its header makes %zu",
	                n, (int) kind, expected);
}

static cer_status
read_header(cer_arena *arena, part_list *list, cer_model_header *header,
            cer_error *err)
{
	const cer_part *part;

	CER_TRY(check_count(list, CER_PART_HEADER, 1, err));
	CER_TRY(find_needed(list, CER_PART_HEADER, cer_text_of(CER_HEADER_NAME),
	                    &part, err));
	return cer_model_header_unpack(arena, (cer_text){part->data, part->size},
	                               header, err);
}

/* The header says which inputs there are; encoders must be theirs. */
static cer_status
check_inputs(const cer_model_header *header, const cer_encoders *encoders,
             cer_error *err)
{
	for (size_t i = 0; i < header->n_inputs; i++)
	{
		const cer_input *input = cer_encoders_get_input(encoders, i);

		if (input->storage != header->inputs[i].storage ||
		    !cer_text_equals(input->name, header->inputs[i].name))
			return cer_fail(err, CER_BAD_FORMAT,
			                "the encoder of input \"%.*s\" is of another",
			                CER_SHOW(header->inputs[i].name));
	}
	return CER_OK;
}

static cer_status
read_encoders(cer_arena *arena, part_list *list, const cer_model_header *header,
              const cer_encoders **encoders, cer_error *err)
{
	size_t size = header->n_inputs * sizeof(cer_text);
	cer_text *bytes = cer_arena_allocate(arena, size);

	if (bytes == NULL)
		return cer_fail_memory(err, size);
	CER_TRY(check_count(list, CER_PART_ENCODER, header->n_inputs, err));
	for (size_t i = 0; i < header->n_inputs; i++)
	{
		const cer_part *part;

		CER_TRY(find_needed(list, CER_PART_ENCODER, header->inputs[i].name,
		                    &part, err));
		bytes[i] = (cer_text){part->data, part->size};
	}
	CER_TRY(cer_encoders_unpack(arena, bytes, header->n_inputs,
	                            header->n_classes, encoders, err));
	return check_inputs(header, *encoders, err);
}

static cer_status
find_tensor(part_list *list, const cer_net_tensor *tensor,
            const cer_part **part, cer_error *err)
{
	const cer_part *found;
	bool is_alike;

	CER_TRY(find_needed(list, CER_PART_TENSOR, tensor->name, &found, err));
	is_alike = found->n_dims == tensor->n_dims &&
	           found->size == cer_size_multiply(tensor->size, sizeof(float));
	for (uint32_t i = 0; is_alike && i < tensor->n_dims; i++)
		is_alike = found->dims[i] == tensor->dims[i];
	if (!is_alike)
		return cer_fail(err, CER_BAD_FORMAT,
		                "tensor \"%.*s\" has another size than the triple says",
		                CER_SHOW(tensor->name));
	*part = found;
	return CER_OK;
}

static cer_status
copy_tensor(const cer_part *part, float *to, cer_error *err)
{
	size_t n = part->size / sizeof(float);

	if (n > 0)
		memcpy(to, part->data, part->size);
	for (size_t i = 0; i < n; i++)
		if (!isfinite(to[i]))
			return cer_fail(err, CER_BAD_FORMAT,
			                "tensor \"%.*s\" holds a weight that is not finite",
			                CER_SHOW(part->name));
	return CER_OK;
}

static cer_status
read_weights(cer_arena *arena, part_list *list, const cer_net *net,
             const float **weights, cer_error *err)
{
	size_t n_tensors = cer_net_count_tensors(net);
	size_t size =
		cer_size_multiply(cer_net_count_weights(net), sizeof(**weights));
	const cer_part *part;
	float *made;

	CER_TRY(check_count(list, CER_PART_TENSOR, n_tensors, err));
	for (size_t i = 0; i < n_tensors; i++)
		CER_TRY(find_tensor(list, cer_net_get_tensor(net, i), &part, err));
	made = cer_arena_allocate(arena, size);
	if (made == NULL)
		return cer_fail_memory(err, size);
	memset(made, 0, size);
	for (size_t i = 0; i < n_tensors; i++)
	{
		const cer_net_tensor *tensor = cer_net_get_tensor(net, i);

		CER_TRY(find_tensor(list, tensor, &part, err));
		CER_TRY(copy_tensor(part, made + tensor->offset, err));
	}
	*weights = made;
	return CER_OK;
}
