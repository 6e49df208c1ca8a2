/*
 * data/encode_apply.c
 *	  Encodes a part of a dataset, in blocks of rows side by side.
 *
 * A block's encoded rows stay in the nearest cache while its columns are
 * written into them one after the other.
 */
#include "data/encoder.h"

#include "base/size.h"

#include <string.h>

#define BLOCK_ROWS      ((size_t) 512)
#define BLOCKS_PER_POLL ((size_t) 1024)
#define WORD            sizeof(float) /* a number, or a code */
#define LINE_WORDS      ((size_t) 16) /* of caches */
#define HUGE_PAGE       ((size_t) 2 << 20)
#define ARENA_HEAD      ((size_t) 2048) /* less than a small page, for sure */
#define LEAST_OF_PAGES  (8 * HUGE_PAGE)

typedef struct apply_state
{
	const cer_host *host;
	cer_arena *work;
	const cer_encoders *encoders;
	const cer_data_view *view;
	const cer_data_column **columns; /* by encoder */
	uint32_t **code_maps;            /* by encoder; NULL: not of codes */
	const uint64_t *training_keys;   /* of the part; NULL: another one */
	size_t first_row;                /* of the part */
	size_t n_rows;
	size_t first_block; /* of the tasks in work */
	float *numbers;
	uint32_t *codes;
	size_t stride; /* see cer_encoded */
} apply_state;

static cer_status run_apply(apply_state *state, cer_error *err);
static cer_status
allocate_rows(cer_arena *arena, apply_state *state, cer_error *err);

cer_status
cer_encoders_apply(cer_arena *arena, const cer_host *host,
                   const cer_encoders *encoders, cer_dataset *dataset,
                   cer_part_of_rows part, bool is_last, cer_encoded *encoded,
                   cer_error *err)
{
	apply_state state = {.host = host, .encoders = encoders};
	cer_status status;

	state.view = cer_dataset_get_view(dataset);
	if (state.view == NULL)
		return cer_fail(err, CER_BAD_CALL, "the dataset is not finished");
	state.first_row = state.view->part_start[part];
	state.n_rows = state.view->part_start[part + 1] - state.first_row;
	if (part == CER_TRAIN)
		state.training_keys = state.view->row_keys + state.first_row;
	CER_TRY(allocate_rows(arena, &state, err));
	state.work = cer_arena_new(host);
	if (state.work == NULL)
		return cer_fail_memory(err, sizeof(state));
	status = run_apply(&state, err);
	cer_arena_free(state.work);
	if (status != CER_OK)
		return status;
	*encoded = (cer_encoded){
		.n_rows = state.n_rows,
		.numbers = state.numbers,
		.codes = state.codes,
		.stride = state.stride,
		.labels = state.view->labels + state.first_row,
		.row_keys = state.view->row_keys + state.first_row,
	};
	if (is_last)
		cer_dataset_release_columns(dataset);
	return CER_OK;
}

/* Rows are found anywhere in their order: each lies in one place, in whole lines
 * of caches if that takes little more. */
static size_t
choose_stride(size_t n_numbers, size_t n_codes)
{
	size_t n = n_numbers + n_codes;
	size_t whole = (n + LINE_WORDS - 1) / LINE_WORDS * LINE_WORDS;

	if (n_numbers == 0 || n_codes == 0)
		return 0;
	return whole - n <= n / 8 ? whole : n;
}

/* Many rows fill whole huge pages: found in any order, each would want the
 * translation of its address else, which takes as long as the row itself. */
static size_t
fill_pages(size_t size)
{
	size_t n_pages = size / HUGE_PAGE + 1;

	if (size < LEAST_OF_PAGES || n_pages > SIZE_MAX / HUGE_PAGE)
		return size;
	n_pages += n_pages * HUGE_PAGE - size < ARENA_HEAD;
	return n_pages * HUGE_PAGE - ARENA_HEAD;
}

static cer_status
allocate_rows(cer_arena *arena, apply_state *state, cer_error *err)
{
	const cer_input_shape *shape = &state->encoders->shape;
	size_t n_numbers = cer_shape_count_stored(shape);
	size_t n_codes = cer_shape_count_codes(shape);
	size_t n = state->stride = choose_stride(n_numbers, n_codes);
	size_t size;

	if (n == 0)
		n = n_numbers + n_codes;
	size = fill_pages(
		cer_size_multiply(cer_size_multiply(state->n_rows, n), WORD));
	state->numbers = cer_arena_allocate(arena, size);
	if (state->numbers == NULL)
		return cer_fail_memory(err, size);
	state->codes = (uint32_t *) state->numbers +
	               (state->stride > 0 ? n_numbers : state->n_rows * n_numbers);
	return CER_OK;
}

/* Codes of the dataset's dictionary to codes of the encoder's tables. */
static cer_status
make_code_map(apply_state *state, size_t i, cer_error *err)
{
	const cer_encoder *encoder = &state->encoders->encoders[i];
	const cer_dictionary *dictionary = &state->columns[i]->dictionary;
	size_t n_codes = cer_encoder_count_codes(encoder);
	size_t size =
		cer_size_multiply(dictionary->n_values + 1, n_codes * sizeof(uint32_t));
	uint32_t *map = cer_arena_allocate(state->work, size);

	if (map == NULL)
		return cer_fail_memory(err, size);
	state->code_maps[i] = map;
	encoder->type->find(encoder, (cer_text){NULL, SIZE_MAX}, map);
	for (size_t code = 1; code <= dictionary->n_values; code++)
		encoder->type->find(encoder, dictionary->values[code],
		                    map + code * n_codes);
	return CER_OK;
}

static void
encode_codes(const cer_encoder *encoder, const cer_encode_block *block)
{
	const uint32_t *from = block->column->codes + block->first;
	uint32_t *to = block->codes + encoder->table;
	size_t n = encoder->n_codes;

	for (size_t row = 0; row < block->n_rows; row++)
		for (size_t i = 0; i < n; i++)
			to[row * block->n_tables + i] = block->code_map[from[row] * n + i];
}

static cer_status
find_columns(apply_state *state, cer_error *err)
{
	size_t n = state->encoders->n_encoders;

	state->columns =
		cer_arena_allocate(state->work, n * sizeof(*state->columns));
	state->code_maps =
		cer_arena_allocate(state->work, n * sizeof(*state->code_maps));
	if (state->columns == NULL || state->code_maps == NULL)
		return cer_fail_memory(err, n * sizeof(*state->columns));
	for (size_t i = 0; i < n; i++)
	{
		const cer_encoder *encoder = &state->encoders->encoders[i];
		const cer_data_column *column =
			cer_data_find(state->view, encoder->input.name);

		if (column == NULL || !cer_data_has_values(column) ||
		    (column->input.storage == CER_CODE32) != encoder->type->is_of_codes)
			return cer_fail(
				err, CER_BAD_CALL,
				"the dataset's columns are not those of the encoders, or released");
		if (state->training_keys != NULL && encoder->rates != NULL &&
		    !cer_rate_has_folds(encoder))
			return cer_fail(err, CER_BAD_CALL,
			                "encoders read from bytes do not know which "
			                "training rows are in which rates");
		state->columns[i] = column;
		state->code_maps[i] = NULL;
		if (encoder->type->is_of_codes)
			CER_TRY(make_code_map(state, i, err));
	}
	return CER_OK;
}

static void
encode_block(void *arg, size_t task)
{
	const apply_state *state = arg;
	const cer_input_shape *shape = &state->encoders->shape;
	cer_encoded rows = {.stride = state->stride};
	size_t n_numbers = cer_encoded_step_numbers(&rows, shape);
	size_t n_codes = cer_encoded_step_codes(&rows, shape);
	size_t row = (state->first_block + task) * BLOCK_ROWS;
	size_t left = state->n_rows - row;
	cer_encode_block block = {
		.first = state->first_row + row,
		.n_rows = left < BLOCK_ROWS ? left : BLOCK_ROWS,
		.training_keys =
			state->training_keys ? state->training_keys + row : NULL,
		.numbers = state->numbers + row * n_numbers,
		.n_numbers = n_numbers,
		.codes = state->codes + row * n_codes,
		.n_tables = n_codes,
	};

	for (size_t i = 0; i < state->encoders->n_encoders; i++)
	{
		const cer_encoder *encoder = &state->encoders->encoders[i];

		block.column = state->columns[i];
		block.code_map = state->code_maps[i];
		if (encoder->type->encode == NULL)
			encode_codes(encoder, &block);
		else
			encoder->type->encode(encoder, &block);
	}
}

static cer_status
run_apply(apply_state *state, cer_error *err)
{
	const cer_host *host = state->host;
	size_t n_blocks = (state->n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS;

	CER_TRY(find_columns(state, err));
	while (state->first_block < n_blocks)
	{
		size_t n = n_blocks - state->first_block;

		if (host->is_canceled(host->self))
			return cer_fail(err, CER_CANCELED, "canceled while encoding");
		if (n > BLOCKS_PER_POLL)
			n = BLOCKS_PER_POLL;
		host->run_tasks(host->self, encode_block, state, n);
		state->first_block += n;
	}
	return CER_OK;
}

/* ---- the baseline ---- */

static uint32_t
choose_baseline_code(const cer_encoder *encoder, size_t i)
{
	if (encoder->vocabulary != NULL && encoder->is_bag)
		return CER_CODE_FIRST + (uint32_t) encoder->vocabulary->n_values;
	if (encoder->vocabulary != NULL)
		return encoder->unseen_code;
	if (encoder->n_parts > 0)
		return encoder->parts[i].null_code;
	if (encoder->n_points > 0)
		return CER_CODE_FIRST + (uint32_t) (encoder->n_points / 2);
	return CER_CODE_UNSEEN;
}

void
cer_encoders_write_baseline(const cer_encoders *encoders, float *numbers,
                            uint32_t *codes)
{
	const cer_input_shape *shape = &encoders->shape;

	memset(numbers, 0, cer_shape_count_stored(shape) * sizeof(*numbers));
	for (size_t i = 0; shape->places != NULL && i < shape->n_ramps; i++)
	{
		const cer_ramp *ramp = &shape->ramps[i];

		numbers[ramp->stored] = (float) (ramp->n / 2);
		numbers[ramp->stored + 1] = ramp->n % 2 == 1 ? 0.5f : 0.0f;
	}
	for (size_t i = 0; i < encoders->n_encoders; i++)
	{
		const cer_encoder *encoder = &encoders->encoders[i];

		for (size_t code = 0; code < encoder->n_codes; code++)
			codes[encoder->table + code] = choose_baseline_code(encoder, code);
	}
}
