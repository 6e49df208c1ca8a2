/*
 * data/encode_bag.c
 *	  Arrays of categories to the mean or sum of a learnt vector for each of
 *	  their elements: bag.
 *
 * The value is an array as PostgreSQL prints it: {red,"light blue",NULL}.  What
 * is between commas is an element, as it is printed, quotes and all: equal
 * elements are printed alike.  Brackets of further dimensions and bounds before
 * the array say nothing here; elements that are NULL are left out.
 *
 *	 codes of a row: those of its elements, rising, then "nothing", n_values +
 *	 CER_CODE_FIRST, which adds nothing
 *
 * An array that is missing has the code of NULL where training rows have such
 * arrays, else it counts as empty.  Elements that stand in fewer than
 * CER_RARE_ROWS places share the code of unseen ones; where there are none,
 * unseen elements are left out.  Of an array of more elements than codes the
 * first ones count.
 */
#include "data/encoder.h"

#include "base/size.h"
#include "base/sort.h"
#include "base/text.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- elements ---- */

typedef struct element_reader
{
	const char *at;
	const char *end;
} element_reader;

static element_reader
read_array(cer_text array)
{
	const char *open =
		array.size > 0 ? memchr(array.data, '{', array.size) : NULL;
	const char *end = array.data + array.size;

	return (element_reader){open != NULL ? open : end, end};
}

/* Past the closing quote, or at the end. */
static const char *
skip_quoted(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\' && at + 1 < end)
			at++;
	return at < end ? at + 1 : end;
}

static bool
is_null(cer_text element)
{
	return element.size == 4 && memcmp(element.data, "NULL", 4) == 0;
}

/* The next one that is not NULL; false: there is none. */
static bool
next_element(element_reader *from, cer_text *element)
{
	while (from->at < from->end)
	{
		const char *begin = from->at;

		if (*begin == '{' || *begin == '}' || *begin == ',')
		{
			from->at++;
			continue;
		}
		while (from->at < from->end && *from->at != ',' && *from->at != '}')
			from->at = *from->at == '"' ? skip_quoted(from->at, from->end)
			                            : from->at + 1;
		*element = (cer_text){begin, (size_t) (from->at - begin)};
		if (!is_null(*element))
			return true;
	}
	return false;
}

/* ---- fitting ---- */

typedef struct counted
{
	cer_text value;
	size_t n; /* places in training rows; 0: an empty slot */
} counted;

/* Open addressing; at least half of the slots are empty. */
typedef struct counted_set
{
	cer_arena *arena;
	counted *slots;
	size_t n_slots; /* a power of two */
	size_t n_values;
} counted_set;

static cer_status
set_init(counted_set *set, size_t n_slots, cer_error *err)
{
	size_t size = cer_size_multiply(n_slots, sizeof(*set->slots));

	set->slots = cer_arena_allocate(set->arena, size);
	if (set->slots == NULL)
		return cer_fail_memory(err, size);
	memset(set->slots, 0, size);
	set->n_slots = n_slots;
	return CER_OK;
}

static counted *
set_find(const counted_set *set, cer_text value)
{
	size_t mask = set->n_slots - 1;
	size_t at = (size_t) XXH3_64bits(value.data, value.size) & mask;

	while (set->slots[at].n > 0 &&
	       !cer_text_equals(set->slots[at].value, value))
		at = (at + 1) & mask;
	return &set->slots[at];
}

static cer_status
set_grow(counted_set *set, cer_error *err)
{
	counted_set old = *set;

	CER_TRY(set_init(set, 2 * old.n_slots, err));
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slots[i].n > 0)
			*set_find(set, old.slots[i].value) = old.slots[i];
	return CER_OK;
}

static cer_status
set_add(counted_set *set, cer_text value, size_t n, cer_error *err)
{
	counted *slot = set_find(set, value);

	if (slot->n == 0)
	{
		slot->value = value;
		set->n_values++;
	}
	slot->n += n;
	return 2 * set->n_values > set->n_slots ? set_grow(set, err) : CER_OK;
}

/* Elements of the arrays that training rows have; *longest of one of them. */
static cer_status
count_elements(const cer_fit_input *fit, counted_set *set, size_t *longest,
               cer_error *err)
{
	const cer_dictionary *dictionary = &fit->column->dictionary;

	*longest = 0;
	for (size_t code = 1; code <= dictionary->n_values; code++)
	{
		element_reader reader = read_array(dictionary->values[code]);
		cer_text element;
		size_t n = 0;

		if (fit->counts[code] == 0)
			continue;
		for (; next_element(&reader, &element); n++)
			CER_TRY(set_add(set, element, fit->counts[code], err));
		*longest = n > *longest ? n : *longest;
	}
	return CER_OK;
}

static int
compare_values(const void *self, uint32_t a, uint32_t b)
{
	const cer_text *values = self;

	return cer_value_compare(values[a], values[b]);
}

typedef struct value_list
{
	cer_text *values; /* not rare, in byte order */
	size_t n_values;
	size_t n_rare;
} value_list;

static cer_status
list_values(const counted_set *set, value_list *list, cer_error *err)
{
	size_t n = set->n_values;
	size_t size = cer_size_multiply(n, 2 * sizeof(cer_text));
	cer_text *found = cer_arena_allocate(set->arena, size);
	uint32_t *order =
		cer_arena_allocate(set->arena, n * 2 * sizeof(*order) + 1);

	if (found == NULL || order == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < set->n_slots; i++)
	{
		list->n_rare += set->slots[i].n > 0 && set->slots[i].n < CER_RARE_ROWS;
		if (set->slots[i].n < CER_RARE_ROWS)
			continue;
		order[list->n_values] = (uint32_t) list->n_values;
		found[list->n_values++] = set->slots[i].value;
	}
	cer_sort_indexes(order, order + n, list->n_values, compare_values, found);
	list->values = found + n;
	for (size_t i = 0; i < list->n_values; i++)
		list->values[i] = found[order[i]];
	return CER_OK;
}

static uint32_t
get_nothing(const cer_encoder *encoder)
{
	return CER_CODE_FIRST + (uint32_t) encoder->vocabulary->n_values;
}

void
cer_bag_place(cer_encoder *encoder)
{
	encoder->is_bag = true;
	encoder->n_learnt = encoder->width;
}

static size_t
choose_codes(const cer_encoder_spec *spec, size_t longest)
{
	if (spec->most > 0)
		return spec->most;
	return longest < 1 ? 1 : longest < CER_MAX_GRAMS ? longest : CER_MAX_GRAMS;
}

#define FIRST_SLOTS ((size_t) 64)

cer_status
cer_bag_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	cer_encoder *encoder = fit->encoder;
	counted_set set = {.arena = fit->work};
	value_list list = {0};
	size_t longest;

	CER_TRY(set_init(&set, FIRST_SLOTS, err));
	CER_TRY(count_elements(fit, &set, &longest, err));
	CER_TRY(list_values(&set, &list, err));
	CER_TRY(cer_vocabulary_make(arena, list.values, list.n_values,
	                            &encoder->vocabulary, err));
	encoder->width =
		encoder->spec.depth > 0 ? encoder->spec.depth : CER_EMBED_WIDTH;
	encoder->is_mean = encoder->spec.pool == CER_BAG_MEAN;
	encoder->n_codes = choose_codes(&encoder->spec, longest);
	encoder->null_code =
		fit->counts[0] > 0 ? CER_CODE_NULL : get_nothing(encoder);
	encoder->unseen_code =
		list.n_rare > 0 ? CER_CODE_UNSEEN : get_nothing(encoder);
	cer_bag_place(encoder);
	return CER_OK;
}

cer_status
cer_bag_lift(cer_arena *arena, const cer_encoder *encoder, cer_lift *lift,
             cer_error *err)
{
	(void) arena;
	(void) err;
	lift->kind = CER_LIFT_BAG;
	lift->code = encoder->table;
	lift->n_codes = encoder->n_codes;
	lift->n_rows = get_nothing(encoder);
	lift->is_padded = true;
	lift->is_mean = encoder->is_mean;
	return CER_OK;
}

/* ---- encoding ---- */

static void
insert_code(uint32_t *codes, size_t n, uint32_t code)
{
	while (n > 0 && codes[n - 1] > code)
	{
		codes[n] = codes[n - 1];
		n--;
	}
	codes[n] = code;
}

void
cer_bag_find(const cer_encoder *encoder, cer_text value, uint32_t *codes)
{
	element_reader reader = {NULL, NULL};
	uint32_t nothing = get_nothing(encoder);
	cer_text element;
	size_t n = 0;

	if (value.size != SIZE_MAX)
		reader = read_array(value);
	else if (encoder->null_code != nothing)
		codes[n++] = encoder->null_code;
	while (n < encoder->n_codes && next_element(&reader, &element))
	{
		uint32_t code = cer_vocabulary_find(encoder->vocabulary, element);

		if (code == CER_CODE_UNSEEN)
			code = encoder->unseen_code;
		if (code != nothing)
			insert_code(codes, n++, code);
	}
	while (n < encoder->n_codes)
		codes[n++] = nothing;
}

/* ---- bytes ---- */

void
cer_bag_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	cer_write_number(to, encoder->is_mean, 1);
	cer_write_number(to, encoder->n_codes, sizeof(uint32_t));
	cer_table_write(to, encoder);
}

cer_status
cer_bag_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
             cer_error *err)
{
	uint64_t is_mean = cer_read_number(from, 1);

	encoder->n_codes = (size_t) cer_read_number(from, sizeof(uint32_t));
	if (is_mean > 1 || encoder->n_codes == 0 ||
	    encoder->n_codes > CER_MAX_GRAMS)
		return cer_encoder_fail(encoder, err);
	CER_TRY(cer_table_read(arena, from, encoder, err));
	if (encoder->width == 0)
		return cer_encoder_fail(encoder, err);
	encoder->is_mean = is_mean == 1;
	cer_bag_place(encoder);
	return CER_OK;
}
