/*
 * test_content.c
 *	  Hashes of what columns hold: the same however rows arrive, another for
 *	  every change.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "failing_host.h"

#include <math.h>
#include <string.h>

#define TEXT(s) ((cer_text){s, sizeof(s) - 1})
#define N_ROWS  6

static const cer_input inputs[] = {{TEXT("delay"), CER_FLOAT32},
                                   {TEXT("distance"), CER_FLOAT64},
                                   {TEXT("carrier"), CER_CODE32}};

typedef struct table
{
	uint64_t keys[N_ROWS];
	uint8_t parts[N_ROWS];
	uint16_t labels[N_ROWS];
	float delays[N_ROWS];
	double distances[N_ROWS];
	const char *carriers[N_ROWS]; /* NULL: NULL */
} table;

static table
make_table(void)
{
	return (table){
		{1, 2, 3, 4, 5, 6},       {0, 0, 1, 0, 1, 0},
		{0, 1, 0, 1, 1, 0},       {1.5f, NAN, 3, -0.5f, 0, 1},
		{1, 2, 3, NAN, 5, 6e300}, {"AA", "B6", NULL, "AA", "", "UA"}};
}

typedef struct hashes
{
	cer_content_hash rows;
	cer_content_hash columns[3];
} hashes;

static void
assert_ok(cer_status status)
{
	assert_int_equal(status, CER_OK);
}

/* Rows one by one in the order given, codes in order of arrival. */
static hashes
hash_table(const table *t, const size_t *order)
{
	cer_content *content;
	cer_text values[N_ROWS];
	uint32_t n_values = 0;
	hashes made;

	assert_ok(cer_content_new(&cer_host_plain, inputs, 3, &content, NULL));
	for (size_t i = 0; i < N_ROWS; i++)
	{
		size_t row = order[i];
		uint32_t code = 0;
		const void *columns[] = {&t->delays[row], &t->distances[row], &code};
		cer_chunk chunk = {1, &t->keys[row], &t->parts[row], &t->labels[row],
		                   columns};

		if (t->carriers[row] != NULL)
		{
			cer_text value = {t->carriers[row], strlen(t->carriers[row])};

			while (code < n_values &&
			       (values[code].size != value.size ||
			        memcmp(values[code].data, value.data, value.size) != 0))
				code++;
			if (code == n_values)
			{
				values[n_values++] = value;
				assert_ok(cer_content_add_values(content, 2, &value, 1, NULL));
			}
			code++;
		}
		cer_content_add(content, &chunk);
	}
	made.rows = cer_content_get_rows(content);
	for (size_t i = 0; i < 3; i++)
		made.columns[i] = cer_content_get_column(content, i);
	cer_content_free(content);
	return made;
}

static const size_t in_order[] = {0, 1, 2, 3, 4, 5};

static bool
is_same(cer_content_hash a, cer_content_hash b)
{
	return a.low == b.low && a.high == b.high && a.n_rows == b.n_rows;
}

static void
test_content__does_not_depend_on_order(void **state)
{
	static const size_t other[] = {5, 2, 0, 4, 1, 3};
	table t = make_table();
	hashes a = hash_table(&t, in_order);
	hashes b = hash_table(&t, other);

	(void) state;
	assert_true(is_same(a.rows, b.rows));
	assert_int_equal(a.rows.n_rows, N_ROWS);
	for (size_t i = 0; i < 3; i++)
		assert_true(is_same(a.columns[i], b.columns[i]));
}

/* Which hashes differ: bit 0 rows, then columns. */
static unsigned
compare(const table *changed)
{
	table t = make_table();
	hashes a = hash_table(&t, in_order);
	hashes b = hash_table(changed, in_order);
	unsigned differ = !is_same(a.rows, b.rows);

	for (unsigned i = 0; i < 3; i++)
		differ |= (unsigned) !is_same(a.columns[i], b.columns[i]) << (i + 1);
	return differ;
}

static void
test_content__differs_with_each_value(void **state)
{
	table t = make_table();

	(void) state;
	assert_int_equal(compare(&t), 0);
	t.labels[2] = 1;
	assert_int_equal(compare(&t), 1);
	t = make_table();
	t.delays[1] = 0; /* was NULL */
	assert_int_equal(compare(&t), 2);
	t = make_table();
	t.distances[0] = nextafter(1, 2);
	assert_int_equal(compare(&t), 4);
	t = make_table();
	t.carriers[2] = "";
	assert_int_equal(compare(&t), 8);
	t = make_table();
	t.parts[5] = 1;
	assert_int_equal(compare(&t), 15);
	t = make_table();
	t.keys[3] = 44;
	assert_int_equal(compare(&t), 15);
}

/* Values that change places between rows are another column. */
static void
test_content__knows_which_row_has_a_value(void **state)
{
	table t = make_table();

	(void) state;
	t.distances[0] = 2;
	t.distances[1] = 1;
	t.carriers[0] = "B6";
	t.carriers[1] = "AA";
	assert_int_equal(compare(&t), 4 | 8);
}

static cer_status
try_content(const cer_host *host, void *arg)
{
	cer_content *content;
	cer_text values[100];
	cer_status status = cer_content_new(host, inputs, 3, &content, NULL);

	(void) arg;
	for (size_t i = 0; i < 100; i++)
		values[i] = TEXT("x");
	if (status != CER_OK)
		return status;
	for (size_t i = 0; i < 3 && status == CER_OK; i++)
		status = cer_content_add_values(content, 2, values, 100, NULL);
	cer_content_free(content);
	return status;
}

static void
test_content__survives_lack_of_memory(void **state)
{
	(void) state;
	assert_true(failing_host_run(try_content, NULL) >= 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content__does_not_depend_on_order),
		cmocka_unit_test(test_content__differs_with_each_value),
		cmocka_unit_test(test_content__knows_which_row_has_a_value),
		cmocka_unit_test(test_content__survives_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
