/*
 * store/stored.c
 *	  A stored network: its parts, checked and put together.
 *
 * Parts come from tables that their owner may have written to, or from a dump:
 * every name, size and count is checked against what the header's triple makes
 * of the encoders, and memory for weights is asked for only when all of their
 * bytes are known to be there.
 */
#include "store/parts.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/size.h"
#include "base/text.h"
#include "data/encode.h"
#include "data/shape.h"

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

cer_status
cer_weights_check(cer_text tensor, size_t n, const float *weights,
                  cer_error *err)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(weights[i]))
			return cer_fail(err, CER_BAD_FORMAT,
			                "tensor \"%.*s\" holds a weight that is not finite",
			                CER_SHOW(tensor));
	return CER_OK;
}

static cer_status
copy_tensor(const cer_part *part, float *to, cer_error *err)
{
	size_t n = part->size / sizeof(float);

	if (n > 0 && part->data == NULL)
		return cer_fail(err, CER_TOO_BIG, "tensor \"%.*s\" is not in memory",
		                CER_SHOW(part->name));
	if (n > 0)
		memcpy(to, part->data, part->size);
	return cer_weights_check(part->name, n, to, err);
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
		if (tensor->offset == CER_TENSOR_LEFT_OUT)
			continue;
		CER_TRY(copy_tensor(part, made + tensor->offset, err));
	}
	*weights = made;
	return CER_OK;
}

/* Those whose parts have no data. */
static cer_status
leave_out(cer_arena *arena, part_list *list, const cer_net **net,
          cer_error *err)
{
	size_t n_tensors = cer_net_count_tensors(*net);
	bool *is_left_out = cer_arena_allocate(arena, n_tensors);
	size_t n = 0;

	if (is_left_out == NULL)
		return cer_fail_memory(err, n_tensors);
	CER_TRY(check_count(list, CER_PART_TENSOR, n_tensors, err));
	for (size_t i = 0; i < n_tensors; i++)
	{
		const cer_net_tensor *tensor = cer_net_get_tensor(*net, i);
		const cer_part *part;

		CER_TRY(find_tensor(list, tensor, &part, err));
		is_left_out[i] = part->data == NULL && part->size > 0;
		n += is_left_out[i];
	}
	return n == 0 ? CER_OK
	              : cer_net_leave_out(arena, *net, is_left_out, net, err);
}

/* "neighbours.rows", or a member's: "2/neighbours.rows". */
static bool
is_of_kept_rows(const cer_part *part)
{
	static const char name[] = CER_KEPT_ROWS;
	size_t size = sizeof(name) - 1;
	size_t before = part->name.size - size;

	if (part->kind != CER_PART_TENSOR || part->n_dims != 2 ||
	    part->name.size < size ||
	    memcmp(part->name.data + before, name, size) != 0)
		return false;
	return before == 0 || part->name.data[before - 1] == '/';
}

/* How many training rows it keeps, the size of what it keeps of them says:
 * members keep as many. */
static cer_status
make_shape(cer_arena *arena, const part_list *list,
           const cer_encoders *encoders, const cer_mst *mst,
           const cer_input_shape **shape, cer_error *err)
{
	cer_input_shape made = *cer_encoders_get_shape(encoders);

	for (size_t i = 0; i < list->n_parts; i++)
		if (is_of_kept_rows(&list->parts[i]))
			made.n_rows = (size_t) list->parts[i].dims[0];
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
	if (stored->may_lack_tensors)
		CER_TRY(leave_out(arena, &list, &stored->net, err));
	return read_weights(work, &list, stored->net, &stored->weights, err);
}
