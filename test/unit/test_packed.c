/*
 * test_packed.c
 *	  Packed columns have the bits again that were packed, in few bytes.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "failing_host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N ((size_t) 200000)

typedef struct pack_case
{
	const char *name;
	cer_storage storage;
	uint32_t width;
	bool has_table;
	uint64_t (*make)(size_t row); /* bits */
} pack_case;

static uint64_t
bits_of_double(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static uint64_t
bits_of_float(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static uint64_t
few_floats(size_t row)
{
	return row % 7 == 0 ? bits_of_float(NAN) : bits_of_float(row % 200);
}

static uint64_t
some_floats(size_t row)
{
	return bits_of_float((float) (row % 3000) / 3);
}

static uint64_t
many_floats(size_t row)
{
	return bits_of_float((float) row / 3);
}

static uint64_t
few_doubles(size_t row)
{
	return row % 3 == 0 ? bits_of_double(-0.0) : bits_of_double(row % 2 / 3.0);
}

static uint64_t
some_doubles(size_t row)
{
	return row == 5 ? UINT64_C(0x7FF8000000000001)
	                : bits_of_double((double) (row % 40000) / 7);
}

static uint64_t
many_halves(size_t row)
{
	return bits_of_double((double) row / 2);
}

static uint64_t
many_doubles(size_t row)
{
	return bits_of_double((double) row / 3);
}

static uint64_t
few_codes(size_t row)
{
	return row % 256;
}

static uint64_t
some_codes(size_t row)
{
	return row % 65536;
}

static uint64_t
many_codes(size_t row)
{
	return row;
}

static const pack_case cases[] = {
	{"few floats", CER_FLOAT32, 1, true, few_floats},
	{"some floats", CER_FLOAT32, 2, true, some_floats},
	{"many floats", CER_FLOAT32, 4, false, many_floats},
	{"few doubles", CER_FLOAT64, 1, true, few_doubles},
	{"some doubles", CER_FLOAT64, 2, true, some_doubles},
	{"many halves", CER_FLOAT64, 4, false, many_halves},
	{"many doubles", CER_FLOAT64, 8, false, many_doubles},
	{"few codes", CER_CODE32, 1, false, few_codes},
	{"some codes", CER_CODE32, 2, false, some_codes},
	{"many codes", CER_CODE32, 4, false, many_codes},
};

static void
fill(const pack_case *c, void *values)
{
	for (size_t i = 0; i < N; i++)
		if (c->storage == CER_FLOAT64)
			((uint64_t *) values)[i] = c->make(i);
		else
			((uint32_t *) values)[i] = (uint32_t) c->make(i);
}

static void
test_packed__gives_back_the_bits(void **state)
{
	failing_host host;
	void *values = malloc(N * sizeof(uint64_t));
	void *back = malloc(N * sizeof(uint64_t));

	(void) state;
	failing_host_init(&host, SIZE_MAX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		cer_arena *arena = cer_arena_new(&host.host);
		size_t element = cer_storage_get_size(cases[i].storage);
		cer_packed packed;

		fill(&cases[i], values);
		assert_int_equal(cer_packed_make(arena, cases[i].storage, values, NULL,
		                                 N, &packed, NULL),
		                 CER_OK);
		if (packed.width != cases[i].width)
			fail_msg("%s: width %u", cases[i].name, packed.width);
		assert_int_equal(packed.n_table > 0, cases[i].has_table);
		assert_int_equal(cer_packed_read(&packed, packed.rows, N, back, NULL),
		                 CER_OK);
		if (memcmp(values, back, N * element) != 0)
			fail_msg("%s: other bits", cases[i].name);
		cer_arena_free(arena);
	}
	free(values);
	free(back);
}

static void
test_packed__takes_another_order(void **state)
{
	failing_host host;
	cer_arena *arena;
	double values[] = {1, 2.5, NAN, 4};
	uint32_t index[] = {3, 0, 2, 1};
	double back[4];
	cer_packed packed;

	(void) state;
	failing_host_init(&host, SIZE_MAX);
	arena = cer_arena_new(&host.host);
	assert_int_equal(
		cer_packed_make(arena, CER_FLOAT64, values, index, 4, &packed, NULL),
		CER_OK);
	assert_int_equal(packed.n_table, 0); /* it would be more than the rows */
	assert_int_equal(cer_packed_read(&packed, packed.rows, 4, back, NULL),
	                 CER_OK);
	for (int i = 0; i < 4; i++)
		assert_memory_equal(&back[i], &values[index[i]], sizeof(double));
	cer_arena_free(arena);
}

static void
test_packed_read__refuses_what_is_none(void **state)
{
	float table[] = {1, 2};
	uint8_t rows[] = {0, 1, 2};
	double values[3];
	cer_packed wrong[] = {
		{CER_FLOAT32, 1, 2, table, NULL}, /* code 2 of two */
		{CER_FLOAT32, 4, 2, table, NULL}, /* no codes are that wide */
		{CER_FLOAT32, 2, 0, NULL, NULL},
		{CER_CODE32, 3, 0, NULL, NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(cer_packed_read(&wrong[i], rows, 3, values, NULL),
		                 CER_BAD_FORMAT);
}

static cer_status
pack_some(cer_arena *arena, void *arg)
{
	cer_packed packed;

	return cer_packed_make(arena, CER_FLOAT64, arg, NULL, 4096, &packed, NULL);
}

static void
test_packed_make__fails_without_memory(void **state)
{
	double values[4096];

	(void) state;
	for (size_t i = 0; i < 4096; i++)
		values[i] = (double) (i % 50);
	assert_true(failing_host_run_arena(pack_some, values) > 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed__gives_back_the_bits),
		cmocka_unit_test(test_packed__takes_another_order),
		cmocka_unit_test(test_packed_read__refuses_what_is_none),
		cmocka_unit_test(test_packed_make__fails_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
