/*
 * data/plan.c
 *	  FE against a source's columns: which are read, and how each is encoded.
 *
 * What an item says is noted at its column, and the columns are then listed in
 * the source's order: the order in which FE was written does not matter.  The
 * language has seen to it that no item contradicts another.
 *
 * The columns are all that FE could choose from: those of the source by their
 * names, those of joined tables and aggregates as alias.column, expressions by
 * theirs.  Who reads the rows has found them; here JOIN only lets * reach the
 * table's columns, which are there anyway.
 */
#include "data/plan.h"

#include "base/text.h"
#include "data/dataset.h"
#include "lang/suggest.h"

#include <stdio.h>
#include <string.h>

typedef struct choice
{
	bool is_named;
	bool is_excluded;
	const cer_fe_item *item; /* that names it */
	size_t n_encoders;
	const cer_encoder_spec *encoders; /* the item's */
} choice;

typedef struct source
{
	const cer_column *columns;
	size_t n_columns;
	choice *choices; /* by column */
	bool has_star;
} source;

static cer_status
note_item(source *from, const cer_fe_item *item, cer_error *err);
static cer_status list_inputs(cer_arena *arena, const source *from,
                              const cer_plan **plan, cer_error *err);

cer_status
cer_plan_make(cer_arena *arena, const cer_mst *mst, const cer_column *columns,
              size_t n_columns, const cer_plan **plan, cer_error *err)
{
	source from = {.columns = columns, .n_columns = n_columns};
	size_t size = n_columns * sizeof(*from.choices);

	if (n_columns > CER_MAX_INPUTS)
		return cer_fail(err, CER_TOO_BIG,
		                "a source of %zu columns, at most %zu", n_columns,
		                CER_MAX_INPUTS);
	CER_TRY(cer_mst_check_bound(mst, err));
	from.choices = cer_arena_allocate(arena, size);
	if (from.choices == NULL)
		return cer_fail_memory(err, size);
	memset(from.choices, 0, size);
	for (size_t i = 0; i < mst->n_items; i++)
		CER_TRY(note_item(&from, &mst->items[i], err));
	return list_inputs(arena, &from, plan, err);
}

size_t
cer_plan_count_inputs(const cer_plan *plan)
{
	return plan->n_inputs;
}

size_t
cer_plan_get_column(const cer_plan *plan, size_t input)
{
	return plan->inputs[input].column;
}

static cer_place
place_of(const cer_fe_item *item)
{
	return (cer_place){item->line, item->column};
}

static bool
is_same_encoder(const cer_encoder_spec *a, const cer_encoder_spec *b)
{
	return a->kind == b->kind && a->width == b->width && a->depth == b->depth &&
	       a->gram == b->gram && a->most == b->most && a->pool == b->pool &&
	       a->scale == b->scale;
}

bool
cer_plan_is_same(const cer_plan *a, const cer_plan *b)
{
	if (a->n_inputs != b->n_inputs)
		return false;
	for (size_t i = 0; i < a->n_inputs; i++)
	{
		const cer_plan_input *x = &a->inputs[i];
		const cer_plan_input *y = &b->inputs[i];

		if (x->column != y->column || x->n_encoders != y->n_encoders)
			return false;
		for (size_t j = 0; j < x->n_encoders; j++)
			if (!is_same_encoder(&x->encoders[j], &y->encoders[j]))
				return false;
	}
	return true;
}

/* A name as it is written: the qualifier, a dot, the column. */
typedef struct name_in_table
{
	cer_text qualifier; /* empty: none, and no dot */
	cer_text name;
} name_in_table;

/* The column's name without the qualifier, as far as it has that one. */
static bool
strip_qualifier(cer_text column, cer_text qualifier, cer_text *name)
{
	size_t size = qualifier.size;

	*name = column;
	if (size == 0)
		return true;
	if (column.size <= size || column.data[size] != '.' ||
	    memcmp(column.data, qualifier.data, size) != 0)
		return false;
	*name = (cer_text){column.data + size + 1, column.size - size - 1};
	return true;
}

static cer_status
fail_unknown(const source *from, const cer_fe_item *item,
             const name_in_table *wanted, cer_error *err)
{
	cer_suggestion suggestion;
	cer_text name;

	cer_suggestion_init(&suggestion, wanted->name);
	for (size_t i = 0; i < from->n_columns; i++)
		if (strip_qualifier(from->columns[i].name, wanted->qualifier, &name))
			cer_suggestion_offer(&suggestion, name);
	cer_fail_at(err, CER_UNKNOWN_NAME, place_of(item),
	            "unknown column \"%.*s%s%.*s\"", CER_SHOW(wanted->qualifier),
	            wanted->qualifier.size > 0 ? "." : "", CER_SHOW(wanted->name));
	cer_suggestion_hint(&suggestion, err);
	return CER_UNKNOWN_NAME;
}

static cer_status
find_column(const source *from, const cer_fe_item *item,
            const name_in_table *wanted, size_t *column, cer_error *err)
{
	cer_text name;

	for (size_t i = 0; i < from->n_columns; i++)
		if (strip_qualifier(from->columns[i].name, wanted->qualifier, &name) &&
		    cer_text_equals(name, wanted->name))
		{
			*column = i;
			return CER_OK;
		}
	return fail_unknown(from, item, wanted, err);
}

static cer_status
check_use(const cer_column *column, const cer_fe_item *item, cer_error *err)
{
	if (!column->is_label && !column->is_excluded)
		return CER_OK;
	cer_fail_at(err, CER_BAD_VALUE, place_of(item),
	            "column \"%.*s\" cannot be a feature", CER_SHOW(column->name));
	cer_error_set_detail(err, column->is_label
	                              ? "The label is computed from it."
	                              : "The task excludes it.");
	return CER_BAD_VALUE;
}

static cer_status
fail_categories(const cer_column *column, const cer_fe_item *item,
                cer_encoder_kind kind, cer_error *err)
{
	cer_fail_at(
		err, CER_BAD_VALUE, place_of(item),
		"encoder %s needs numbers, but column \"%.*s\" holds categories",
		cer_encoder_name(kind), CER_SHOW(column->name));
	cer_error_set_hint(
		err, "Encoders of categories are onehot, embed, hash, rate and ngram.");
	return CER_BAD_VALUE;
}

static cer_status
fail_no_time(const cer_column *column, const cer_fe_item *item,
             cer_encoder_kind kind, cer_error *err)
{
	cer_fail_at(
		err, CER_BAD_VALUE, place_of(item),
		"encoder %s needs a date or time, but column \"%.*s\" holds none",
		cer_encoder_name(kind), CER_SHOW(column->name));
	if (column->type == CER_TYPE_NUMBER)
		cer_error_set_hint(err, "For other numbers give a period: cycles(24).");
	else
		cer_error_set_hint(
			err, "A text may be cast: name = (column::timestamp) : parts.");
	return CER_BAD_VALUE;
}

/* Arrays by other encoders, or what is no array by bag. */
static cer_status
fail_array(const cer_column *column, const cer_fe_item *item,
           cer_encoder_kind kind, cer_error *err)
{
	bool is_array = column->type == CER_TYPE_ARRAY;

	cer_fail_at(err, CER_BAD_VALUE, place_of(item),
	            is_array
	                ? "encoder %s cannot take column \"%.*s\", which holds "
	                  "arrays"
	                : "encoder %s needs arrays, but column \"%.*s\" holds "
	                  "none",
	            cer_encoder_name(kind), CER_SHOW(column->name));
	cer_error_set_hint(
		err, is_array
				 ? "Encoders of arrays are bag and, of numbers, sequence(n)."
				 : "Arrays of what are texts, categories or whole numbers are "
				   "meant, as string_to_array(column, ',') makes them.");
	return CER_BAD_VALUE;
}

/* Numbers can be categories too, each value one; texts are no numbers. */
static cer_status
check_encoder(const cer_column *column, const cer_fe_item *item,
              const cer_encoder_spec *encoder, cer_error *err)
{
	cer_encoder_kind kind = encoder->kind;
	bool needs_time = kind == CER_ENCODER_PARTS ||
	                  (kind == CER_ENCODER_CYCLES && encoder->scale == 0);

	if ((kind == CER_ENCODER_BAG) != (column->type == CER_TYPE_ARRAY))
		return fail_array(column, item, kind, err);
	if (needs_time &&
	    (column->unit == CER_UNIT_NONE || column->type != CER_TYPE_NUMBER))
		return fail_no_time(column, item, kind, err);
	if (cer_encoder_wants_number(kind) && column->type != CER_TYPE_NUMBER)
		return fail_categories(column, item, kind, err);
	if (kind != CER_ENCODER_NGRAM || column->type == CER_TYPE_CATEGORY)
		return CER_OK;
	return cer_fail_at(
		err, CER_BAD_VALUE, place_of(item),
		"encoder %s needs text, but column \"%.*s\" holds numbers",
		cer_encoder_name(kind), CER_SHOW(column->name));
}

static cer_status
check_encoders(const cer_column *column, const cer_fe_item *item,
               cer_error *err)
{
	if (column->type == CER_TYPE_OTHER)
	{
		cer_fail_at(err, CER_BAD_VALUE, place_of(item),
		            "column \"%.*s\" cannot be a feature",
		            CER_SHOW(column->name));
		cer_error_set_hint(
			err,
			"Features are numbers, dates, times, booleans, enums, uuids, texts, by sequence(n) arrays of numbers, by bag arrays of categories; cast the column in the source query, or leave it out.");
		return CER_BAD_VALUE;
	}
	for (size_t i = 0; i < item->n_encoders; i++)
		CER_TRY(check_encoder(column, item, &item->encoders[i], err));
	return CER_OK;
}

/* ---- arrays: columns "x[1]" .. "x[n]" and "x[]" beside x ---- */

/* The column of a part of x, which `format` names; SIZE_MAX: there is none. */
static size_t
find_part(const source *from, const name_in_table *array, const char *format,
          size_t i)
{
	char part[32];
	size_t size = (size_t) snprintf(part, sizeof(part), format, i);
	cer_text name;

	for (size_t column = 0; column < from->n_columns; column++)
		if (strip_qualifier(from->columns[column].name, array->qualifier,
		                    &name) &&
		    name.size == array->name.size + size &&
		    memcmp(name.data, array->name.data, array->name.size) == 0 &&
		    memcmp(name.data + array->name.size, part, size) == 0)
			return column;
	return SIZE_MAX;
}

static bool
is_of_arrays(const cer_fe_item *item)
{
	for (size_t i = 0; i < item->n_encoders; i++)
		if (item->encoders[i].kind == CER_ENCODER_SEQUENCE)
			return true;
	return false;
}

static cer_status
note_part(source *from, const cer_fe_item *item, size_t column, cer_error *err)
{
	if (column == SIZE_MAX || from->columns[column].type != CER_TYPE_NUMBER)
		return cer_fail_at(err, CER_BAD_VALUE, place_of(item),
		                   "encoder sequence needs arrays of numbers, but "
		                   "column \"%.*s\" holds none",
		                   CER_SHOW(item->names[0]));
	from->choices[column].is_named = true;
	from->choices[column].n_encoders = 1;
	from->choices[column].encoders = item->encoders;
	return CER_OK;
}

static cer_status
note_array(source *from, const cer_fe_item *item, cer_error *err)
{
	name_in_table name = {item->qualifier, item->names[0]};
	size_t column;

	CER_TRY(find_column(from, item, &name, &column, err));
	CER_TRY(check_use(&from->columns[column], item, err));
	if (item->n_encoders > 1)
		return cer_fail_at(err, CER_BAD_VALUE, place_of(item),
		                   "encoder sequence stands alone");
	for (size_t i = 1; i <= item->encoders[0].width; i++)
		CER_TRY(note_part(from, item, find_part(from, &name, "[%zu]", i), err));
	return note_part(from, item, find_part(from, &name, "[]", 0), err);
}

/* ---- items ---- */

static cer_status
note_column(source *from, const cer_fe_item *item, cer_error *err)
{
	name_in_table name = {item->qualifier, item->names[0]};
	size_t column;

	if (is_of_arrays(item))
		return note_array(from, item, err);
	CER_TRY(find_column(from, item, &name, &column, err));
	CER_TRY(check_use(&from->columns[column], item, err));
	CER_TRY(check_encoders(&from->columns[column], item, err));
	from->choices[column].is_named = true;
	from->choices[column].item = item;
	from->choices[column].n_encoders = item->n_encoders;
	from->choices[column].encoders = item->encoders;
	return CER_OK;
}

static cer_status
note_except(source *from, const cer_fe_item *item, cer_error *err)
{
	for (size_t i = 0; i < item->n_names; i++)
	{
		name_in_table name = {item->qualifier, item->names[i]};
		size_t column;

		CER_TRY(find_column(from, item, &name, &column, err));
		from->choices[column].is_excluded = true;
	}
	return CER_OK;
}

/* What an encoder is for, a column item says. */
static cer_status
note_aggregate(source *from, const cer_fe_item *item, cer_error *err)
{
	for (size_t i = 0; i < item->n_values; i++)
	{
		name_in_table name = {item->alias, item->values[i].name};
		cer_fe_item value = {
			.kind = CER_FE_COLUMN, .line = item->line, .column = item->column};
		size_t column;

		CER_TRY(find_column(from, item, &name, &column, err));
		if (find_part(from, &name, "[]", 0) != SIZE_MAX)
			continue; /* its elements are features */
		CER_TRY(check_encoders(&from->columns[column], &value, err));
		from->choices[column].is_named = true;
		from->choices[column].item = item;
	}
	return CER_OK;
}

static cer_status
note_item(source *from, const cer_fe_item *item, cer_error *err)
{
	switch (item->kind)
	{
		case CER_FE_STAR:
			from->has_star = true;
			break;
		case CER_FE_EXCEPT:
			return note_except(from, item, err);
		case CER_FE_COLUMN:
		case CER_FE_DERIVED:
			return note_column(from, item, err);
		case CER_FE_AGGREGATE:
			return note_aggregate(from, item, err);
		case CER_FE_JOIN:
			break;
	}
	return CER_OK;
}

static bool
is_read(const source *from, size_t column)
{
	const choice *made = &from->choices[column];

	if (made->is_named)
		return true;
	return from->has_star && !made->is_excluded &&
	       from->columns[column].is_in_star &&
	       cer_column_is_single(&from->columns[column]);
}

/* Which of several things an array is, its type does not tell. */
static cer_status
check_has_encoder(const source *from, size_t column, cer_error *err)
{
	const choice *made = &from->choices[column];

	if (made->n_encoders > 0 || from->columns[column].type != CER_TYPE_ARRAY)
		return CER_OK;
	cer_fail_at(err, CER_BAD_VALUE, place_of(made->item),
	            "column \"%.*s\" holds arrays and needs an encoder",
	            CER_SHOW(from->columns[column].name));
	cer_error_set_hint(
		err, "Encoders of arrays are bag and, of numbers, sequence(n).");
	return CER_BAD_VALUE;
}

/* Copies names and encoders: the plan may outlive the caller's columns. */
static cer_status
make_input(cer_arena *arena, const source *from, size_t column,
           cer_plan_input *input, cer_error *err)
{
	const cer_column *read = &from->columns[column];
	const choice *made = &from->choices[column];
	size_t size = made->n_encoders * sizeof(*made->encoders);
	cer_encoder_spec *encoders = cer_arena_allocate(arena, size);

	if (encoders == NULL)
		return cer_fail_memory(err, size);
	if (made->n_encoders > 0)
		memcpy(encoders, made->encoders, size);
	*input = (cer_plan_input){
		.column = column,
		.type = read->type,
		.unit = read->unit,
		.n_encoders = made->n_encoders,
		.encoders = encoders,
	};
	return cer_text_copy(arena, read->name, &input->name, err);
}

static cer_status
list_inputs(cer_arena *arena, const source *from, const cer_plan **plan,
            cer_error *err)
{
	cer_plan *made = cer_arena_allocate(arena, sizeof(*made));
	size_t size = from->n_columns * sizeof(cer_plan_input);
	cer_plan_input *inputs = cer_arena_allocate(arena, size);
	size_t n = 0;

	if (made == NULL || inputs == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < from->n_columns; i++)
		if (is_read(from, i))
		{
			CER_TRY(check_has_encoder(from, i, err));
			CER_TRY(make_input(arena, from, i, &inputs[n++], err));
		}
	if (n == 0)
	{
		cer_fail(err, CER_BAD_VALUE, "FE leaves no column to learn from");
		cer_error_set_hint(err, "Name columns in FE, arrays as in x : "
		                        "sequence(24) or x : bag, or exclude fewer.");
		return CER_BAD_VALUE;
	}
	*made = (cer_plan){.n_inputs = n, .inputs = inputs};
	*plan = made;
	return CER_OK;
}
