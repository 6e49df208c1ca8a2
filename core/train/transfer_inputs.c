/*
 * train/transfer_inputs.c
 *	  Numbers and codes of the old network in the rows of the new one.
 *
 * An input is told by its column's name and its encoder.  A value that the old
 * network did not know was unseen to it, and so its row starts as that one.
 */
#include "train/transfer_private.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

cer_status
cer_map_make(cer_arena *arena, size_t n, size_t n_old, cer_map *map,
             cer_error *err)
{
	*map = (cer_map){.n = n,
	                 .n_old = n_old,
	                 .at = cer_arena_allocate(arena, n * sizeof(*map->at) + 1)};
	if (map->at == NULL)
		return cer_fail_memory(err, n * sizeof(*map->at));
	for (size_t i = 0; i < n; i++)
		map->at[i] = NOWHERE;
	return CER_OK;
}

bool
cer_map_is_identity(const cer_map *map)
{
	for (size_t i = 0; i < map->n; i++)
		if (map->at[i] != (int32_t) i)
			return false;
	return map->n == map->n_old;
}

/* ------------------------------------------------------------ encoders */

static bool
is_same_spec(const cer_encoder *a, const cer_encoder *b)
{
	return a->type == b->type && a->n_scaled == b->n_scaled;
}

/* Of the same column, and encoded alike if there is one; otherwise only where
 * both columns have one encoder. */
static const cer_encoder *
find_old(const cer_encoders *old, const cer_encoder *encoder)
{
	const cer_encoder *found = NULL;

	for (size_t i = 0; i < old->n_encoders; i++)
	{
		const cer_encoder *other = &old->encoders[i];

		if (!cer_text_equals(other->input.name, encoder->input.name))
			continue;
		if (is_same_spec(other, encoder))
			return other;
		if (other->is_lone && encoder->is_lone)
			found = other;
	}
	return found;
}

/* Whether both make the same of every value; packed they have the same bytes. */
static cer_status
compare_encoders(cer_arena *arena, const cer_encoder *now,
                 const cer_encoder *old, bool *are_same, cer_error *err)
{
	cer_text a;
	cer_text b;

	CER_TRY(cer_encoder_pack(arena, now, &a, err));
	CER_TRY(cer_encoder_pack(arena, old, &b, err));
	*are_same = cer_text_equals(a, b);
	return CER_OK;
}

/* ------------------------------------------------------------ tables */

static int32_t
get_old_code(const cer_encoder *encoder, uint32_t code)
{
	if (code == CER_CODE_NULL)
		return (int32_t) encoder->null_code;
	return (int32_t) (code == CER_CODE_UNSEEN ? encoder->unseen_code : code);
}

cer_status
cer_map_values(cer_arena *arena, const cer_encoder *now, const cer_encoder *old,
               cer_map *map, cer_input_maps *maps, cer_error *err)
{
	size_t n_known = 0;

	CER_TRY(cer_map_make(arena, now->vocabulary->n_values + CER_CODE_FIRST,
	                     old->vocabulary->n_values + CER_CODE_FIRST, map, err));
	map->at[CER_CODE_NULL] = get_old_code(old, CER_CODE_NULL);
	map->at[CER_CODE_UNSEEN] = get_old_code(old, CER_CODE_UNSEEN);
	for (size_t i = 0; i < now->vocabulary->n_values; i++)
	{
		uint32_t code =
			cer_vocabulary_find(old->vocabulary, now->vocabulary->values[i]);

		n_known += code != CER_CODE_UNSEEN;
		map->at[CER_CODE_FIRST + i] = get_old_code(old, code);
	}
	/* what a bag left out has no row */
	for (size_t code = 0; code < map->n; code++)
		if (map->at[code] >= (int32_t) map->n_old)
			map->at[code] = NOWHERE;
	maps->n_values_more += now->vocabulary->n_values - n_known;
	if (n_known < old->vocabulary->n_values)
		maps->losses |= CER_LOSS_VALUES;
	return CER_OK;
}

static cer_status
map_codes(cer_arena *arena, const cer_encoder *now, const cer_encoder *old,
          cer_input_maps *maps, cer_error *err)
{
	CER_TRY(
		cer_map_values(arena, now, old, &maps->codes[now->table], maps, err));
	maps->tables[now->table] = (int32_t) old->table;
	maps->is_used[maps->numbers.n_old + old->table] = true;
	return CER_OK;
}

/* Tables whose codes mean the same: bins, hashes, parts of dates. */
static cer_status
map_same_tables(cer_arena *arena, const cer_encoders *encoders,
                const cer_encoder *now, const cer_encoder *old,
                cer_input_maps *maps, cer_error *err)
{
	for (size_t i = 0; i < now->n_codes; i++)
	{
		size_t n = encoders->shape.tables[now->table + i].n_codes;
		cer_map *map = &maps->codes[now->table + i];

		CER_TRY(cer_map_make(arena, n, n, map, err));
		for (size_t code = 0; code < n; code++)
			map->at[code] = (int32_t) code;
		maps->tables[now->table + i] = (int32_t) (old->table + i);
		maps->is_used[maps->numbers.n_old + old->table + i] = true;
	}
	return CER_OK;
}

/* ------------------------------------------------------------ numbers */

static void
map_number(cer_input_maps *maps, size_t now, size_t old)
{
	maps->numbers.at[now] = (int32_t) old;
	maps->is_used[old] = true;
}

static void
map_numbers(const cer_encoder *now, const cer_encoder *old,
            cer_input_maps *maps)
{
	if (is_same_spec(now, old))
		for (size_t i = 0; i < now->n_scaled; i++)
			map_number(maps, now->first + i, old->first + i);
	if (now->has_missing && old->has_missing)
		map_number(maps, now->first + now->n_scaled,
		           old->first + old->n_scaled);
}

/* That its values are others is noted where rows are mapped. */
static void
note_bag(cer_input_maps *maps, const cer_encoder *now, const cer_encoder *old,
         bool are_same)
{
	bool is_alike = now->type == old->type && now->width == old->width &&
	                now->is_mean == old->is_mean && now->vocabulary != NULL &&
	                now->n_codes >= old->n_codes;

	if (are_same || is_alike)
		return;
	maps->losses |= CER_LOSS_ENCODER;
	maps->n_otherwise++;
}

static cer_status
map_encoder(cer_arena *arena, const cer_encoders *now, size_t i,
            const cer_encoders *old, cer_input_maps *maps, cer_error *err)
{
	const cer_encoder *encoder = &now->encoders[i];
	const cer_encoder *other = find_old(old, encoder);
	bool are_same = false;

	if (other == NULL)
	{
		maps->n_more++;
		return CER_OK;
	}
	CER_TRY(compare_encoders(arena, encoder, other, &are_same, err));
	if (encoder->type->lift != NULL && other->type->lift != NULL)
		CER_TRY(cer_lift_map(
			arena, &(cer_encoder_pair){now, old, encoder, other}, maps, err));
	if (encoder->is_bag || other->is_bag)
	{
		note_bag(maps, encoder, other, are_same);
		return CER_OK;
	}
	if (encoder->vocabulary != NULL && other->vocabulary != NULL &&
	    encoder->type->is_of_codes == other->type->is_of_codes)
		return map_codes(arena, encoder, other, maps, err);
	if (!are_same)
		maps->losses |= CER_LOSS_ENCODER;
	maps->n_otherwise += !are_same;
	if (encoder->n_codes == 0 && other->n_codes == 0)
		map_numbers(encoder, other, maps);
	else if (are_same)
		return map_same_tables(arena, now, encoder, other, maps, err);
	return CER_OK;
}

static void
count_fewer(const cer_encoders *now, const cer_encoders *old,
            cer_input_maps *maps)
{
	for (size_t i = 0; i < old->n_encoders; i++)
		maps->n_fewer += find_old(now, &old->encoders[i]) == NULL;
	if (maps->n_fewer > 0)
		maps->losses |= CER_LOSS_COLUMNS;
}

/* ------------------------------------------------------------ as vectors */

/* Floats of a table in the vector of features. */
static size_t
get_width(const cer_table_shape *table)
{
	return table->width > 0 ? table->width : table->n_codes;
}

size_t
cer_features_find_table(const cer_input_shape *shape, size_t table)
{
	size_t at = shape->n_numbers;

	for (size_t i = 0; i < table; i++)
		at += get_width(&shape->tables[i]);
	return at;
}

/* Of a table: dimensions of its embedding, or codes. */
static void
map_table_features(const cer_input_shape *now, const cer_input_shape *old,
                   size_t table, cer_input_maps *maps)
{
	size_t other = (size_t) maps->tables[table];
	int32_t *to = maps->features.at + cer_features_find_table(now, table);
	int32_t from = (int32_t) cer_features_find_table(old, other);
	size_t width = now->tables[table].width;
	size_t width_old = old->tables[other].width;

	if ((width > 0) != (width_old > 0))
		return;
	for (size_t i = 0; i < get_width(&now->tables[table]); i++)
		if (width == 0)
			to[i] = from + maps->codes[table].at[i];
		else if (i < width_old)
			to[i] = from + (int32_t) i;
}

/* Inputs that the first n numbers are made of. */
static size_t
count_inputs(const cer_input_shape *shape, size_t n)
{
	size_t inputs = 0;

	for (size_t i = 0; i < n; i++)
		inputs += cer_shape_begins_input(shape, i);
	return inputs;
}

/* Numbers from `number` on that are of its input. */
static size_t
count_numbers_of_input(const cer_input_shape *shape, size_t number)
{
	size_t end = number + 1;

	while (end < shape->n_numbers && !cer_shape_begins_input(shape, end))
		end++;
	return end - number;
}

/* The old token of the input that begins with that number, if all its numbers
 * are what they were. */
static int32_t
find_token(const cer_input_shape *now, const cer_input_shape *old,
           const cer_input_maps *maps, size_t number)
{
	size_t n = count_numbers_of_input(now, number);
	int32_t first = maps->numbers.at[number];

	if (first == NOWHERE || !cer_shape_begins_input(old, (size_t) first) ||
	    count_numbers_of_input(old, (size_t) first) != n)
		return NOWHERE;
	for (size_t i = 1; i < n; i++)
		if (maps->numbers.at[number + i] != first + (int32_t) i)
			return NOWHERE;
	return (int32_t) count_inputs(old, (size_t) first);
}

static void
map_tokens(const cer_input_shape *now, const cer_input_shape *old,
           cer_input_maps *maps)
{
	size_t n = count_inputs(now, now->n_numbers);
	size_t n_old = count_inputs(old, old->n_numbers);
	size_t token = 0;

	for (size_t i = 0; i < now->n_numbers; i++)
		if (cer_shape_begins_input(now, i))
			maps->tokens.at[token++] = find_token(now, old, maps, i);
	for (size_t i = 0; i < now->n_tables; i++)
		if (maps->tables[i] != NOWHERE)
			maps->tokens.at[n + i] = (int32_t) n_old + maps->tables[i];
}

static cer_status
map_vectors(cer_arena *arena, const cer_input_shape *now,
            const cer_input_shape *old, cer_input_maps *maps, cer_error *err)
{
	CER_TRY(cer_map_make(arena, cer_features_find_table(now, now->n_tables),
	                     cer_features_find_table(old, old->n_tables),
	                     &maps->features, err));
	CER_TRY(cer_map_make(
		arena, count_inputs(now, now->n_numbers) + now->n_tables,
		count_inputs(old, old->n_numbers) + old->n_tables, &maps->tokens, err));
	maps->features.is_choice = true;
	for (size_t i = 0; i < now->n_numbers; i++)
		maps->features.at[i] = maps->numbers.at[i];
	for (size_t i = 0; i < now->n_tables; i++)
		if (maps->tables[i] != NOWHERE)
			map_table_features(now, old, i, maps);
	map_tokens(now, old, maps);
	return CER_OK;
}

cer_status
cer_input_maps_make(cer_arena *arena, const cer_encoders *now,
                    const cer_encoders *old, cer_input_maps *maps,
                    cer_error *err)
{
	const cer_input_shape *shape = cer_encoders_get_shape(now);
	const cer_input_shape *shape_old = cer_encoders_get_shape(old);
	size_t n = shape->n_tables;
	size_t n_old = shape_old->n_numbers + shape_old->n_tables;

	memset(maps, 0, sizeof(*maps));
	maps->n_tables = n;
	maps->tables = cer_arena_allocate(arena, n * sizeof(*maps->tables) + 1);
	maps->codes = cer_arena_allocate(arena, n * sizeof(*maps->codes) + 1);
	maps->is_used = cer_arena_allocate(arena, n_old + 1);
	if (maps->tables == NULL || maps->codes == NULL || maps->is_used == NULL)
		return cer_fail_memory(err, n * sizeof(*maps->codes));
	memset(maps->codes, 0, n * sizeof(*maps->codes));
	memset(maps->is_used, 0, n_old);
	for (size_t i = 0; i < n; i++)
		maps->tables[i] = NOWHERE;
	CER_TRY(cer_map_make(arena, shape->n_numbers, shape_old->n_numbers,
	                     &maps->numbers, err));
	CER_TRY(cer_lift_maps_make(arena, shape, maps, err));
	for (size_t i = 0; i < now->n_encoders; i++)
		CER_TRY(map_encoder(arena, now, i, old, maps, err));
	count_fewer(now, old, maps);
	return map_vectors(arena, shape, shape_old, maps, err);
}
