/*
 * test_wire.c
 *	  Frames: every message comes back as it was, and no bytes from outside can
 *	  make the reader look past them.
 */
#include "cerebro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(s)   ((cer_text){s, sizeof(s) - 1})
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

typedef struct fixture
{
	cer_buffer buffer;
	cer_arena *arena;
} fixture;

static int
set_up(void **state)
{
	fixture *f = calloc(1, sizeof(*f));

	cer_buffer_init(&f->buffer, &cer_host_plain);
	f->arena = cer_arena_new(&cer_host_plain);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	fixture *f = *state;

	cer_buffer_release(&f->buffer);
	cer_arena_free(f->arena);
	free(f);
	return 0;
}

/* ------------------------------------------------- one of each message */

static const cer_group_triple triples[] = {{7, TEXT("FE *"), 0, 0},
                                           {8, TEXT(""), CER_KEEP_LAST, 7}};
static const cer_column columns[] = {
	{TEXT("dist"), CER_TYPE_NUMBER, true, false},
	{TEXT("tail"), CER_TYPE_CATEGORY, false, true}};
static const cer_input inputs[] = {{TEXT("dist"), CER_FLOAT64},
                                   {TEXT("tail"), CER_CODE32}};
static const cer_text values[] = {TEXT("N1"), TEXT(""), TEXT("N\0003")};
static const uint64_t row_keys[] = {1, UINT64_MAX, 3};
static const uint8_t parts[] = {0, 1, 0};
static const uint16_t labels[] = {0, 1, 65535};
static const double distances[] = {1.5, -2.5, 1e300};
static const uint32_t tails[] = {0, 1, UINT32_MAX};
static const void *const arrays[] = {distances, tails};
static const cer_storage storages[] = {CER_FLOAT64, CER_CODE32};

static const cer_message messages[] = {
	{.type = CER_FRAME_HELLO,
     .hello = {TEXT("native"), 2, 1 << 30, TEXT("/tmp"), 7}},
	{.type = CER_FRAME_GROUP,
     .group = {2, triples, 2, columns, 2, inputs, 5, true}},
	{.type = CER_FRAME_VALUES, .values = {1, 9, 3, values}},
	{.type = CER_FRAME_ROWS,
     .rows = {8192, {3, row_keys, parts, labels, arrays}, 2, storages}},
	{.type = CER_FRAME_END, .end = {8195}},
	{.type = CER_FRAME_CANCEL},
	{.type = CER_FRAME_READY, .ready = {4}},
	{.type = CER_FRAME_STATUS,
     .status =
         {1, CER_PHASE_TRAIN, {3, 20, 1024, 4096, 0.5}, 1e6, 0.5, 77, 88}},
	{.type = CER_FRAME_EPOCH,
     .epoch = {1, {3, 0.25, {99, 0.5, 0.75, 0.875}, 1.5, 1e6, true}}},
	{.type = CER_FRAME_PART,
     .part = {0,
              2,
              3,
              8,
              20,
              {TEXT("dense[1]"), CER_PART_TENSOR, 2, {1, 5}, distances, 12}}},
	{.type = CER_FRAME_TRIPLE_DONE,
     .triple_done = {0, true, true, 7, 1234, 1.5, 2.5, 1 << 20, TEXT("avx2")}},
	{.type = CER_FRAME_ERROR,
     .error = {CER_NO_TRIPLE,
               {CER_NO_MEMORY, 1, 2, "too much", "Details.", "A hint."}}},
	{.type = CER_FRAME_DONE},
	{.type = CER_FRAME_SKIP, .skip = {3}},
	{.type = CER_FRAME_STOP},
	{.type = CER_FRAME_CUT},
	{.type = CER_FRAME_ORDER},
	{.type = CER_FRAME_TRIPLE_FAILED,
     .error = {1, {CER_NOT_FINITE, 0, 0, "NaN", "Details.", "A hint."}}},
	{.type = CER_FRAME_BEGUN,
     .begun = {1,
               {true, false, true, "1 wider layer", {99, 0.5, 0.75, 0.875}}}},
	{.type = CER_FRAME_START,
     .state = {3,
               {0,
                1,
                2,
                0,
                8,
                {TEXT("dense[1]"), CER_PART_MOMENT2, 1, {2}, distances, 8}}}},
	{.type = CER_FRAME_STATE,
     .state = {4,
               {0,
                0,
                1,
                0,
                8,
                {TEXT("dense[1]"), CER_PART_TENSOR, 1, {2}, distances, 8}}}},
};

static cer_message
pass(fixture *f, const cer_message *message)
{
	cer_message back;
	cer_frame frame;

	f->buffer.size = 0;
	assert_int_equal(cer_message_pack(&f->buffer, message, NULL), CER_OK);
	assert_int_equal(cer_frame_unpack(f->buffer.data, SIZE_MAX, &frame, NULL),
	                 CER_OK);
	assert_int_equal(frame.type, message->type);
	assert_int_equal(frame.size, f->buffer.size - CER_FRAME_HEADER_SIZE);
	assert_int_equal(cer_message_unpack(f->arena, &frame,
	                                    f->buffer.data + CER_FRAME_HEADER_SIZE,
	                                    &back, NULL),
	                 CER_OK);
	return back;
}

/* Packing what came back gives the same bytes: nothing was lost. */
static void
test_message_unpack__undoes_pack(void **state)
{
	fixture *f = *state;

	for (size_t i = 0; i < LENGTH(messages); i++)
	{
		cer_message back = pass(f, &messages[i]);
		cer_buffer again;

		cer_buffer_init(&again, &cer_host_plain);
		assert_int_equal(cer_message_pack(&again, &back, NULL), CER_OK);
		assert_int_equal(again.size, f->buffer.size);
		assert_memory_equal(again.data, f->buffer.data, again.size);
		cer_buffer_release(&again);
	}
}

/* ------------------------------------------------- what fuzzing begins with */

static void
name_seed(const cer_message *message, char name[40])
{
	snprintf(name, 40, "test/fuzz/corpus/wire/%02d", (int) message->type);
}

static int
write_seeds(void)
{
	cer_buffer buffer;

	cer_buffer_init(&buffer, &cer_host_plain);
	for (size_t i = 0; i < LENGTH(messages); i++)
	{
		char name[40];
		FILE *file;

		name_seed(&messages[i], name);
		buffer.size = 0;
		file = fopen(name, "wb");
		if (file == NULL ||
		    cer_message_pack(&buffer, &messages[i], NULL) != CER_OK ||
		    fwrite(buffer.data, 1, buffer.size, file) != buffer.size ||
		    fclose(file) != 0)
			return 1;
	}
	cer_buffer_release(&buffer);
	return 0;
}

/* Seeds of another version would all be refused by their headers. */
static void
test_message_pack__makes_the_seeds(void **state)
{
	fixture *f = *state;

	for (size_t i = 0; i < LENGTH(messages); i++)
	{
		char name[40];
		char seed[1000];
		FILE *file;
		size_t size = 0;

		pass(f, &messages[i]);
		name_seed(&messages[i], name);
		file = fopen(name, "rb");
		if (file != NULL)
		{
			size = fread(seed, 1, sizeof(seed), file);
			fclose(file);
		}
		if (size != f->buffer.size || memcmp(seed, f->buffer.data, size) != 0)
			fail_msg("%s is not what is sent now: run "
			         "build/test/unit/test_wire --write-seeds",
			         name);
	}
}

static void
test_message_unpack__keeps_rows(void **state)
{
	cer_rows rows = pass(*state, &messages[3]).rows;

	assert_int_equal(rows.position, 8192);
	assert_int_equal(rows.chunk.n_rows, 3);
	assert_memory_equal(rows.chunk.row_keys, row_keys, sizeof(row_keys));
	assert_memory_equal(rows.chunk.parts, parts, sizeof(parts));
	assert_memory_equal(rows.chunk.labels, labels, sizeof(labels));
	assert_memory_equal(rows.chunk.columns[0], distances, sizeof(distances));
	assert_memory_equal(rows.chunk.columns[1], tails, sizeof(tails));
	assert_int_equal((uintptr_t) rows.chunk.columns[0] % 8, 0);
}

static void
test_message_unpack__keeps_errors(void **state)
{
	cer_group_error error = pass(*state, &messages[11]).error;

	assert_int_equal(error.triple, CER_NO_TRIPLE);
	assert_int_equal(error.error.status, CER_NO_MEMORY);
	assert_int_equal(error.error.column, 2);
	assert_string_equal(error.error.message, "too much");
	assert_string_equal(error.error.hint, "A hint.");
}

/* ------------------------------------------------------- foreign bytes */

/* A copy of its own size, so that a sanitizer sees a read behind it. */
static cer_status
unpack_copy(fixture *f, cer_frame_type type, const void *payload, size_t size)
{
	cer_frame frame = {type, size};
	void *copy = aligned_alloc(8, (size + 8) / 8 * 8);
	cer_message message;
	cer_error err;
	cer_status status;

	memcpy(copy, payload, size);
	status = cer_message_unpack(f->arena, &frame, copy, &message, &err);
	if (status != CER_OK)
		assert_int_equal(err.status, status);
	free(copy);
	return status;
}

static void
test_message_unpack__refuses_every_truncation(void **state)
{
	fixture *f = *state;

	for (size_t i = 0; i < LENGTH(messages); i++)
	{
		f->buffer.size = 0;
		cer_message_pack(&f->buffer, &messages[i], NULL);
		for (size_t size = 0; size + CER_FRAME_HEADER_SIZE < f->buffer.size;
		     size++)
			assert_int_equal(unpack_copy(f, messages[i].type,
			                             f->buffer.data + CER_FRAME_HEADER_SIZE,
			                             size),
			                 CER_BAD_FORMAT);
	}
}

static void
test_message_unpack__refuses_bytes_after_the_end(void **state)
{
	fixture *f = *state;

	for (size_t i = 0; i < LENGTH(messages); i++)
	{
		f->buffer.size = 0;
		cer_message_pack(&f->buffer, &messages[i], NULL);
		cer_buffer_reserve(&f->buffer, f->buffer.size + 1, NULL);
		f->buffer.data[f->buffer.size] = 0;
		assert_int_equal(
			unpack_copy(f, messages[i].type,
		                f->buffer.data + CER_FRAME_HEADER_SIZE,
		                f->buffer.size + 1 - CER_FRAME_HEADER_SIZE),
			CER_BAD_FORMAT);
	}
}

/* Each 4 bytes of each message become huge: no count is believed. */
static void
test_message_unpack__survives_hostile_counts(void **state)
{
	fixture *f = *state;
	const uint32_t huge[] = {UINT32_MAX, INT32_MAX, 1u << 20};

	for (size_t i = 0; i < LENGTH(messages) * LENGTH(huge); i++)
	{
		const cer_message *message = &messages[i / LENGTH(huge)];

		f->buffer.size = 0;
		cer_message_pack(&f->buffer, message, NULL);
		for (size_t at = CER_FRAME_HEADER_SIZE; at + 4 <= f->buffer.size;
		     at += 4)
		{
			uint32_t saved;

			memcpy(&saved, f->buffer.data + at, 4);
			memcpy(f->buffer.data + at, &huge[i % LENGTH(huge)], 4);
			unpack_copy(f, message->type,
			            f->buffer.data + CER_FRAME_HEADER_SIZE,
			            f->buffer.size - CER_FRAME_HEADER_SIZE);
			memcpy(f->buffer.data + at, &saved, 4);
		}
		assert_true(cer_arena_get_size(f->arena) < (1u << 26));
		cer_arena_clear(f->arena);
	}
}

static void
test_message_unpack__refuses_a_piece_outside_its_part(void **state)
{
	fixture *f = *state;
	cer_message message = messages[9];

	cer_message_pack(&f->buffer, &message, NULL);
	f->buffer.data[CER_FRAME_HEADER_SIZE + 12]++; /* offset: 9 + 12 > 20 */
	assert_int_equal(unpack_copy(f, message.type,
	                             f->buffer.data + CER_FRAME_HEADER_SIZE,
	                             f->buffer.size - CER_FRAME_HEADER_SIZE),
	                 CER_BAD_FORMAT);
}

static void
test_message_unpack__refuses_unknown_types(void **state)
{
	assert_int_equal(unpack_copy(*state, 0, "", 0), CER_BAD_FORMAT);
	assert_int_equal(unpack_copy(*state, 64, "", 0), CER_BAD_FORMAT);
	assert_int_equal(unpack_copy(*state, 65535, "", 0), CER_BAD_FORMAT);
}

static void
test_frame_unpack__checks_the_header(void **state)
{
	fixture *f = *state;
	cer_frame frame;
	uint8_t header[CER_FRAME_HEADER_SIZE];

	cer_message_pack(&f->buffer, &messages[0], NULL);
	memcpy(header, f->buffer.data, sizeof(header));
	assert_int_equal(cer_frame_unpack(header, 4, &frame, NULL), CER_TOO_BIG);
	header[4]++;
	assert_int_equal(cer_frame_unpack(header, 4096, &frame, NULL),
	                 CER_BAD_VERSION);
	header[4]--;
	header[0]++;
	assert_int_equal(cer_frame_unpack(header, 4096, &frame, NULL),
	                 CER_BAD_FORMAT);
}

/* -------------------------------------------------------------- memory */

typedef struct poor_host
{
	size_t n_allocations; /* that still succeed */
} poor_host;

static void *
poor_allocate(void *self, size_t size)
{
	poor_host *poor = self;

	return poor->n_allocations-- > 0 ? malloc(size) : NULL;
}

static void
poor_release(void *self, void *block, size_t size)
{
	(void) self;
	(void) size;
	free(block);
}

static void
test_message_pack__fails_whole_without_memory(void **state)
{
	poor_host poor = {1};
	cer_host host = cer_host_plain;
	cer_message big = messages[9];
	cer_buffer buffer;
	size_t before;

	(void) state;
	host.self = &poor;
	host.allocate = poor_allocate;
	host.release = poor_release;
	cer_buffer_init(&buffer, &host);
	assert_int_equal(cer_message_pack(&buffer, &messages[0], NULL), CER_OK);
	before = buffer.size;
	big.part.part.data = calloc(1, 1 << 20);
	big.part.part.size = big.part.total = 1 << 20;
	big.part.offset = 0;
	assert_int_equal(cer_message_pack(&buffer, &big, NULL), CER_NO_MEMORY);
	assert_int_equal(buffer.size, before);
	free((void *) (uintptr_t) big.part.part.data);
	cer_buffer_release(&buffer);
}

int
main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_message_unpack__undoes_pack),
		TEST(test_message_unpack__keeps_rows),
		TEST(test_message_unpack__keeps_errors),
		TEST(test_message_unpack__refuses_every_truncation),
		TEST(test_message_unpack__refuses_bytes_after_the_end),
		TEST(test_message_unpack__survives_hostile_counts),
		TEST(test_message_unpack__refuses_a_piece_outside_its_part),
		TEST(test_message_unpack__refuses_unknown_types),
		TEST(test_frame_unpack__checks_the_header),
		TEST(test_message_pack__fails_whole_without_memory),
		TEST(test_message_pack__makes_the_seeds),
	};

	if (argc == 2 && strcmp(argv[1], "--write-seeds") == 0)
		return write_seeds();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
