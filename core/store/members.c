/*
 * store/members.c
 *	  A model that is several.
 *
 * The header part: version (1), temperature, members (4), for each its weight.
 * Weights add up to 1; a probability is the weighted mean of the members', then
 * brought to the temperature.
 *
 * Members may read different inputs.  A number is one value of a row, whoever
 * reads it; a category has the values of each member that does, one member
 * after the other, as each has codes of its own.
 */
#include "store/members.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/size.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FORMAT_VERSION 1
#define ALIGNMENT      ((size_t) 64)
#define MAX_PREFIX     16 /* of a member's names: its number and a stroke */

typedef struct member
{
	const cer_model *model;
	float weight;
	size_t n_values;
	const size_t *values; /* by value of its own: that of the ensemble */
} member;

typedef struct joint_input
{
	const cer_input *input;
	size_t value; /* the first */
	size_t n_values;
	size_t *places; /* by member: the input's number there, or NOWHERE */
} joint_input;

#define NOWHERE SIZE_MAX

struct cer_members
{
	size_t n_members;
	member *members;
	size_t n_inputs;
	joint_input *inputs;
	size_t n_values;
	size_t n_classes;
	double temperature;
};

/* ------------------------------------------------------------- header */

static cer_status
fail_damaged(cer_error *err)
{
	return cer_fail(err, CER_BAD_FORMAT,
	                "the header of the ensemble is damaged");
}

static void
write_header(cer_byte_writer *to, const cer_ensemble *ensemble)
{
	cer_write_number(to, FORMAT_VERSION, 1);
	cer_write_double(to, ensemble->temperature);
	cer_write_number(to, ensemble->n_members, sizeof(uint32_t));
	for (size_t i = 0; i < ensemble->n_members; i++)
		cer_write_double(to, ensemble->weights[i]);
}

cer_status
cer_ensemble_make_header(cer_arena *arena, const cer_ensemble *ensemble,
                         cer_part *part, cer_error *err)
{
	cer_byte_writer to = {0};

	write_header(&to, ensemble);
	to.data = cer_arena_allocate(arena, to.size);
	if (to.data == NULL)
		return cer_fail_memory(err, to.size);
	to.size = 0;
	write_header(&to, ensemble);
	*part = (cer_part){.name = cer_text_of(CER_MEMBERS_NAME),
	                   .kind = CER_PART_HEADER,
	                   .n_dims = 1,
	                   .dims = {to.size},
	                   .data = to.data,
	                   .size = to.size};
	return CER_OK;
}

const cer_part *
cer_members_find_header(const cer_part *parts, size_t n_parts)
{
	for (size_t i = 0; i < n_parts; i++)
		if (parts[i].kind == CER_PART_HEADER &&
		    cer_text_is(parts[i].name, CER_MEMBERS_NAME))
			return &parts[i];
	return NULL;
}

static cer_status
read_header(cer_arena *arena, const cer_part *part, cer_members *made,
            cer_error *err)
{
	cer_byte_reader from = {.data = part->data, .left = part->size};
	uint64_t version = cer_read_number(&from, 1);
	double sum = 0.0;
	size_t size;

	if (version != FORMAT_VERSION)
		return cer_fail(err, CER_BAD_VERSION,
		                "the ensemble has an unknown format");
	made->temperature = cer_read_double(&from);
	made->n_members = (size_t) cer_read_number(&from, sizeof(uint32_t));
	if (made->n_members == 0 || made->n_members > from.left / sizeof(double) ||
	    !(made->temperature > 0.0 && isfinite(made->temperature)))
		return fail_damaged(err);
	size = made->n_members * sizeof(member);
	made->members = cer_arena_allocate(arena, size);
	if (made->members == NULL)
		return cer_fail_memory(err, size);
	memset(made->members, 0, size);
	for (size_t i = 0; i < made->n_members; i++)
	{
		double weight = cer_read_double(&from);

		if (!(weight > 0.0 && weight <= 1.0))
			return fail_damaged(err);
		made->members[i].weight = (float) weight;
		sum += weight;
	}
	return from.is_bad || from.left > 0 || fabs(sum - 1.0) > 1e-6
	           ? fail_damaged(err)
	           : CER_OK;
}

/* ------------------------------------------------------------- making */

/* Whose names begin with the member's number. */
static size_t
list_parts(const cer_part *parts, size_t n_parts, size_t number,
           cer_part *of_member)
{
	char prefix[MAX_PREFIX];
	size_t size = (size_t) snprintf(prefix, sizeof(prefix), "%zu/", number + 1);
	size_t n = 0;

	for (size_t i = 0; i < n_parts; i++)
	{
		if (parts[i].name.size <= size ||
		    memcmp(parts[i].name.data, prefix, size) != 0)
			continue;
		of_member[n] = parts[i];
		of_member[n].name.data += size;
		of_member[n++].name.size -= size;
	}
	return n;
}

size_t
cer_parts_count_left_out(const cer_part *parts, size_t n_parts)
{
	size_t n = 0;

	for (size_t i = 0; i < n_parts; i++)
		n += parts[i].data == NULL && parts[i].size > 0;
	return n;
}

/* Of the room for rows of tensors that are not there: a share for each. */
cer_model_copy
cer_members_get_copy(const cer_model_copy *copy, size_t number,
                     cer_part *of_member)
{
	cer_model_copy one = *copy;
	size_t n_all = cer_parts_count_left_out(copy->parts, copy->n_parts);

	one.parts = of_member;
	one.n_parts = list_parts(copy->parts, copy->n_parts, number, of_member);
	if (n_all > 0)
		one.cache_size = copy->cache_size / n_all *
		                 cer_parts_count_left_out(of_member, one.n_parts);
	return one;
}

static cer_status
make_models(cer_arena *arena, cer_arena *work, const cer_model_copy *copy,
            cer_members *made, cer_error *err)
{
	size_t size = cer_size_multiply(copy->n_parts, sizeof(cer_part));
	cer_part *of_member = cer_arena_allocate(work, size);
	size_t n_used = 1;

	if (of_member == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < made->n_members; i++)
	{
		cer_model_copy one = cer_members_get_copy(copy, i, of_member);

		n_used += one.n_parts;
		if (cer_members_find_header(of_member, one.n_parts) != NULL)
			return cer_fail(err, CER_BAD_FORMAT,
			                "member %zu of the ensemble is an ensemble", i + 1);
		CER_TRY(cer_model_make_copy(arena, &one, &made->members[i].model, err));
	}
	if (n_used != copy->n_parts)
		return cer_fail(err, CER_BAD_FORMAT,
		                "the ensemble has parts of no member");
	return CER_OK;
}

static size_t
find_input(const cer_members *made, const cer_input *input)
{
	for (size_t i = 0; i < made->n_inputs; i++)
		if (cer_text_equals(made->inputs[i].input->name, input->name))
			return i;
	return made->n_inputs;
}

static cer_status
add_input(cer_arena *arena, cer_members *made, const cer_input *input,
          cer_error *err)
{
	joint_input *joint = &made->inputs[made->n_inputs++];
	size_t size = made->n_members * sizeof(*joint->places);

	*joint = (joint_input){.input = input,
	                       .places = cer_arena_allocate(arena, size)};
	if (joint->places == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < made->n_members; i++)
		joint->places[i] = NOWHERE;
	return CER_OK;
}

static cer_status
join_member(cer_arena *arena, cer_members *made, size_t number, cer_error *err)
{
	const cer_model *model = made->members[number].model;

	for (size_t i = 0; i < cer_model_count_inputs(model); i++)
	{
		const cer_input *input = cer_model_get_input(model, i);
		size_t at = find_input(made, input);

		if (at == made->n_inputs)
			CER_TRY(add_input(arena, made, input, err));
		if (made->inputs[at].input->storage != input->storage)
			return cer_fail(err, CER_BAD_FORMAT,
			                "members of the ensemble read \"%.*s\" as "
			                "different types",
			                CER_SHOW(input->name));
		made->inputs[at].places[number] = i;
	}
	return CER_OK;
}

static bool
has_codes(const joint_input *joint)
{
	return joint->input->storage == CER_CODE32;
}

/* Codes of the input that the members before this one make. */
static size_t
count_codes(const cer_members *made, const joint_input *joint, size_t number)
{
	size_t n = 0;

	for (size_t i = 0; i < number; i++)
		if (joint->places[i] != NOWHERE)
			n += cer_model_count_values_of(made->members[i].model,
			                               joint->places[i]);
	return n;
}

static cer_status
place_values(cer_members *made, cer_error *err)
{
	for (size_t i = 0; i < made->n_inputs; i++)
	{
		joint_input *joint = &made->inputs[i];

		joint->value = made->n_values;
		joint->n_values =
			has_codes(joint) ? count_codes(made, joint, made->n_members) : 1;
		if (joint->n_values > CER_MAX_INPUT_VALUES)
			return cer_fail(err, CER_TOO_BIG,
			                "members of the ensemble make more than %d codes "
			                "of \"%.*s\"",
			                CER_MAX_INPUT_VALUES, CER_SHOW(joint->input->name));
		made->n_values += joint->n_values;
	}
	return CER_OK;
}

/* Of one member: where each of its values stands. */
static void
map_values(const cer_members *made, size_t number, size_t *values)
{
	const cer_model *model = made->members[number].model;

	for (size_t i = 0; i < made->n_inputs; i++)
	{
		const joint_input *joint = &made->inputs[i];
		size_t place = joint->places[number];
		size_t at = joint->value;

		if (place == NOWHERE)
			continue;
		if (has_codes(joint))
			at += count_codes(made, joint, number);
		for (size_t j = 0; j < cer_model_count_values_of(model, place); j++)
			values[cer_model_get_value(model, place) + j] = at + j;
	}
}

static cer_status
map_member(cer_arena *arena, cer_members *made, size_t number, cer_error *err)
{
	member *of = &made->members[number];
	size_t *values;

	of->n_values = cer_model_count_values(of->model);
	values = cer_arena_allocate(arena, of->n_values * sizeof(*values));
	if (values == NULL)
		return cer_fail_memory(err, of->n_values * sizeof(*values));
	map_values(made, number, values);
	of->values = values;
	return CER_OK;
}

static cer_status
join_inputs(cer_arena *arena, cer_members *made, cer_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < made->n_members; i++)
		n += cer_model_count_inputs(made->members[i].model);
	made->inputs = cer_arena_allocate(arena, n * sizeof(*made->inputs));
	if (made->inputs == NULL)
		return cer_fail_memory(err, n * sizeof(*made->inputs));
	for (size_t i = 0; i < made->n_members; i++)
		CER_TRY(join_member(arena, made, i, err));
	CER_TRY(place_values(made, err));
	for (size_t i = 0; i < made->n_members; i++)
		CER_TRY(map_member(arena, made, i, err));
	return CER_OK;
}

static cer_status
check_alike(cer_members *made, cer_error *err)
{
	made->n_classes = cer_model_count_classes(made->members[0].model);
	for (size_t i = 1; i < made->n_members; i++)
		if (cer_model_count_classes(made->members[i].model) != made->n_classes)
			return cer_fail(err, CER_BAD_FORMAT,
			                "members of the ensemble have other classes");
	return CER_OK;
}

cer_status
cer_members_make(cer_arena *arena, const cer_model_copy *copy,
                 const cer_members **members, cer_error *err)
{
	cer_arena *work = cer_arena_new(cer_arena_get_host(arena));
	cer_members *made = cer_arena_allocate(arena, sizeof(*made));
	cer_status status;

	if (work == NULL || made == NULL)
	{
		cer_arena_free(work);
		return cer_fail_memory(err, sizeof(*made));
	}
	memset(made, 0, sizeof(*made));
	status = read_header(
		arena, cer_members_find_header(copy->parts, copy->n_parts), made, err);
	if (status == CER_OK)
		status = make_models(arena, work, copy, made, err);
	if (status == CER_OK)
		status = check_alike(made, err);
	if (status == CER_OK)
		status = join_inputs(arena, made, err);
	cer_arena_free(work);
	if (status == CER_OK)
		*members = made;
	return status;
}

/* ------------------------------------------------------------- asking */

size_t
cer_members_count_inputs(const cer_members *members)
{
	return members->n_inputs;
}

const cer_input *
cer_members_get_input(const cer_members *members, size_t input)
{
	return members->inputs[input].input;
}

cer_text
cer_members_get_alias(const cer_members *members, size_t input)
{
	const size_t *places = members->inputs[input].places;
	size_t i = 0;

	while (places[i] == NOWHERE)
		i++;
	return cer_model_get_alias(members->members[i].model, places[i]);
}

const cer_model *
cer_members_get_first(const cer_members *members)
{
	return members->members[0].model;
}

size_t
cer_members_count(const cer_members *members)
{
	return members->n_members;
}

const cer_model *
cer_members_get_model(const cer_members *members, size_t i)
{
	return members->members[i].model;
}

double
cer_members_get_weight(const cer_members *members, size_t i)
{
	return (double) members->members[i].weight;
}

double
cer_members_get_temperature(const cer_members *members)
{
	return members->temperature;
}

size_t
cer_members_find_input(const cer_members *members, size_t i, size_t input)
{
	return find_input(members,
	                  cer_model_get_input(members->members[i].model, input));
}

void
cer_members_pick(const cer_members *members, size_t i, const cer_value *values,
                 cer_value *picked)
{
	const member *of = &members->members[i];

	for (size_t j = 0; j < of->n_values; j++)
		picked[j] = values[of->values[j]];
}

size_t
cer_members_count_values(const cer_members *members)
{
	return members->n_values;
}

size_t
cer_members_get_value(const cer_members *members, size_t input,
                      size_t *n_values)
{
	*n_values = members->inputs[input].n_values;
	return members->inputs[input].value;
}

void
cer_members_encode_text(const cer_members *members, size_t input, cer_text text,
                        cer_value *values, size_t stride)
{
	const joint_input *joint = &members->inputs[input];

	for (size_t i = 0; i < members->n_members; i++)
	{
		const cer_model *model = members->members[i].model;

		if (joint->places[i] == NOWHERE)
			continue;
		cer_model_encode_text(model, joint->places[i], text, values, stride);
		values += stride * cer_model_count_values_of(model, joint->places[i]);
	}
}

/* ------------------------------------------------------------- scoring */

static size_t
align_up(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/* Scratch: a member's probabilities, its values, what it needs. */
size_t
cer_members_get_scratch_size(const cer_members *members, size_t n_rows)
{
	size_t most = 0;

	for (size_t i = 0; i < members->n_members; i++)
	{
		size_t size =
			cer_model_get_scratch_size(members->members[i].model, n_rows);

		most = size > most ? size : most;
	}
	return align_up(n_rows * members->n_classes * sizeof(float)) +
	       align_up(n_rows * members->n_values * sizeof(cer_value)) + most;
}

typedef struct member_scratch
{
	float *proba;
	cer_value *values;
	void *rest;
} member_scratch;

static member_scratch
divide_scratch(const cer_members *members, size_t n_rows, void *scratch)
{
	char *values = (char *) scratch +
	               align_up(n_rows * members->n_classes * sizeof(float));

	return (member_scratch){
		.proba = scratch,
		.values = (cer_value *) (void *) values,
		.rest =
			values + align_up(n_rows * members->n_values * sizeof(cer_value))};
}

/* The member's values, in the layout of all of them. */
static void
pick_values(const member *of, const cer_member_rows *rows, size_t n_all,
            cer_value *to)
{
	for (size_t j = 0; j < of->n_values; j++)
	{
		size_t from = of->values[j];

		if (rows->is_by_column)
			memcpy(to + j * rows->n_rows, rows->values + from * rows->stride,
			       rows->n_rows * sizeof(*to));
		else
			for (size_t row = 0; row < rows->n_rows; row++)
				to[row * of->n_values + j] = rows->values[row * n_all + from];
	}
}

static void
score_member(const member *of, const cer_member_rows *rows, float *proba,
             void *scratch)
{
	if (rows->is_by_column)
		cer_model_score_columns(of->model, rows->n_rows, rows->values,
		                        rows->stride, proba, scratch);
	else
		cer_model_score(of->model, rows->n_rows, rows->values, proba, scratch);
}

void
cer_members_score(const cer_members *members, const cer_member_rows *rows,
                  float *proba, void *scratch)
{
	size_t n = rows->n_rows * members->n_classes;
	member_scratch parts = divide_scratch(members, rows->n_rows, scratch);

	memset(proba, 0, n * sizeof(float));
	for (size_t i = 0; i < members->n_members; i++)
	{
		const member *of = &members->members[i];
		cer_member_rows its = *rows;

		pick_values(of, rows, members->n_values, parts.values);
		its.values = parts.values;
		its.stride = rows->n_rows;
		score_member(of, &its, parts.proba, parts.rest);
		for (size_t j = 0; j < n; j++)
			proba[j] += of->weight * parts.proba[j];
	}
	cer_temperature_apply(members->temperature, rows->n_rows,
	                      members->n_classes, proba);
}

/* ---------------------------------------------------- rows by their codes */

/* The member that has the left-out tensor, whose number becomes its own. */
static const member *
find_left_out(const cer_members *members, size_t *left_out)
{
	const member *of = members->members;

	for (; *left_out >= cer_model_count_left_out(of->model); of++)
		*left_out -= cer_model_count_left_out(of->model);
	return of;
}

cer_status
cer_members_name_left_out(cer_arena *arena, size_t number, cer_left_out *tensor,
                          cer_error *err)
{
	size_t size = tensor->name.size + MAX_PREFIX;
	char *name = cer_arena_allocate(arena, size);

	if (name == NULL)
		return cer_fail_memory(err, size);
	tensor->name.size = (size_t) snprintf(name, size, "%zu/%.*s", number + 1,
	                                      CER_SHOW(tensor->name));
	tensor->name.data = name;
	return CER_OK;
}

cer_status
cer_members_list_left_out(cer_arena *arena, const cer_members *members,
                          const cer_left_out **list, size_t *n, cer_error *err)
{
	cer_left_out *made;
	size_t n_made = 0;

	*n = 0;
	for (size_t i = 0; i < members->n_members; i++)
		*n += cer_model_count_left_out(members->members[i].model);
	made = cer_arena_allocate(arena, *n * sizeof(*made));
	if (made == NULL)
		return cer_fail_memory(err, *n * sizeof(*made));
	for (size_t i = 0; i < members->n_members; i++)
	{
		const cer_model *model = members->members[i].model;

		for (size_t k = 0; k < cer_model_count_left_out(model); k++)
		{
			made[n_made] = *cer_model_get_left_out(model, k);
			CER_TRY(cer_members_name_left_out(arena, i, &made[n_made++], err));
		}
	}
	*list = made;
	return CER_OK;
}

size_t
cer_members_find_missing(const cer_members *members, size_t left_out,
                         const cer_score_rows *rows, uint32_t *missing,
                         void *scratch)
{
	const member *of = find_left_out(members, &left_out);
	cer_member_rows all = {rows->n_rows, rows->values, true, rows->stride};
	member_scratch parts = divide_scratch(members, rows->n_rows, scratch);
	cer_score_rows its = {
		.n_rows = rows->n_rows, .values = parts.values, .stride = rows->n_rows};

	pick_values(of, &all, members->n_values, parts.values);
	return cer_model_find_missing(
		of->model, left_out, &(cer_fetch){.rows = &its}, missing, parts.rest);
}

cer_status
cer_members_put_row(const cer_members *members, size_t left_out, uint32_t code,
                    const float *row, void *scratch, cer_error *err)
{
	const member *of = find_left_out(members, &left_out);

	return cer_model_put_row(of->model, left_out, code, row, scratch, err);
}
