/*
 * test_bf16.c
 *	  Products of bf16 numbers: rounding by hand, both classes bit by bit, sums
 *	  beside double precision, a network's gradients beside those of floats, any
 *	  number of threads.
 */
#include "nn/bf16.h"
#include "net_case.h"

#include "cmocka_all.h"
#include "tasks_host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* NULL: this processor has none. */
static const cer_bf16 *
get_fast(void)
{
	const cer_bf16 *bf16 = NULL;
	cer_error err;

	if (cer_bf16_choose(cer_kernels_choose(), &bf16, &err) != CER_OK)
		return NULL;
	return bf16;
}

static float
get_float(uint32_t bits)
{
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* ------------------------------------------------------------------ choice */

static void
test_bf16__choose(void **state)
{
	const cer_bf16 *bf16 = NULL;
	cer_error err;

	(void) state;
	assert_int_equal(cer_bf16_choose(&cer_kernels_plain, &bf16, &err),
	                 CER_BAD_VALUE);
	assert_string_equal(
		err.message,
		"products = bf16, but this processor has no instructions for it");
	assert_non_null(strstr(err.detail, "class \"plain\""));
	assert_null(bf16);
	assert_ptr_equal(cer_bf16_find(&cer_kernels_plain), &cer_bf16_plain);
}

/* ---------------------------------------------------------------- rounding */

static const struct
{
	uint32_t from;
	uint32_t to;
} roundings[] = {
	{0x3f800000, 0x3f80}, /* 1 */
	{0x3f808000, 0x3f80}, /* a tie, down to even */
	{0x3f818000, 0x3f82}, /* a tie, up to even */
	{0x3f808001, 0x3f81}, {0xbf807fff, 0xbf80}, {0x7f7fffff, 0x7f80},
	{0x7f800000, 0x7f80}, {0xff800000, 0xff80}, {0x7f800001, 0x7fc0},
	{0x7fc12345, 0x7fc1}, {0x00000000, 0x0000}, {0x80000000, 0x8000},
	{0x007fffff, 0x0000}, {0x80400000, 0x8000}, {0x00800000, 0x0080},
};

static void
check_rounding(const cer_bf16 *bf16)
{
	for (size_t i = 0; i < sizeof(roundings) / sizeof(roundings[0]); i++)
	{
		float x[3] = {get_float(roundings[i].from), 1.0f,
		              get_float(roundings[i].from)};
		uint32_t to[3] = {0, 0, 0xabcd};

		bf16->round(1, 3, x, 3, to);
		assert_int_equal(to[0], roundings[i].to | 0x3f800000);
		assert_int_equal(to[1], roundings[i].to);
		assert_int_equal(to[2], 0xabcd);
	}
}

static void
test_bf16__round(void **state)
{
	(void) state;
	check_rounding(&cer_bf16_plain);
	if (get_fast() != NULL)
		check_rounding(get_fast());
}

/* ---------------------------------------------------------------- products */

typedef struct matrices
{
	size_t n_rows;
	size_t n_in;
	size_t n_out;
	float *x;
	float *w;
	uint32_t *pairs;
	uint32_t *packed;
	float *y;
} matrices;

static float *
make_numbers(test_random *random, size_t n)
{
	float *x = malloc(n * sizeof(float));

	for (size_t i = 0; i < n; i++)
		x[i] = (float) (random_unit(random) - 0.5);
	return x;
}

static void
multiply_init(matrices *m, const size_t sizes[3], const cer_bf16 *bf16)
{
	test_random random = {sizes[0] + 31 * sizes[1] + 997 * sizes[2]};
	size_t n_pairs = cer_bf16_count_pairs(sizes[1]);
	cer_bf16_pack pack;

	*m = (matrices){.n_rows = sizes[0], .n_in = sizes[1], .n_out = sizes[2]};
	m->x = make_numbers(&random, m->n_rows * m->n_in);
	m->w = make_numbers(&random, m->n_in * m->n_out);
	m->y = make_numbers(&random, m->n_rows * m->n_out);
	m->pairs = calloc(m->n_rows * n_pairs, sizeof(uint32_t));
	m->packed = calloc(n_pairs * cer_dense_pad(m->n_out), sizeof(uint32_t));
	pack = (cer_bf16_pack){m->n_in,   m->n_out, m->w,   m->n_out,
	                       m->packed, 0,        n_pairs};
	bf16->round(m->n_rows, m->n_in, m->x, m->n_in, m->pairs);
	bf16->pack(&pack);
	for (size_t column = 0; column < m->n_out; column += CER_DENSE_CHUNK)
	{
		size_t left = m->n_out - column;
		cer_bf16_product product = {
			.n_rows = m->n_rows,
			.n_pairs = n_pairs,
			.n_columns = left < CER_DENSE_CHUNK ? left : CER_DENSE_CHUNK,
			.accumulate = m->n_rows % 2 == 0,
			.x = m->pairs,
			.x_row = n_pairs,
			.x_pair = 1,
			.w = m->packed + column * n_pairs,
			.y = m->y + column,
			.y_stride = m->n_out};

		bf16->multiply(&product);
	}
}

static void
multiply_release(matrices *m)
{
	free(m->x);
	free(m->w);
	free(m->pairs);
	free(m->packed);
	free(m->y);
}

/* An error of 2^-9 of each factor, and that of sums of floats. */
static void
check_near(const matrices *m)
{
	test_random random = {m->n_rows + 31 * m->n_in + 997 * m->n_out};

	random_unit(&random);
	free(make_numbers(&random, m->n_rows * m->n_in + m->n_in * m->n_out - 1));
	for (size_t row = 0; row < m->n_rows; row++)
		for (size_t column = 0; column < m->n_out; column++)
		{
			double before = (float) (random_unit(&random) - 0.5);
			double sum = m->n_rows % 2 == 0 ? before : 0;
			double size = fabs(sum) / 256;

			for (size_t i = 0; i < m->n_in; i++)
			{
				double term = (double) m->x[row * m->n_in + i] *
				              (double) m->w[i * m->n_out + column];

				sum += term;
				size += fabs(term);
			}
			assert_true(fabs((double) m->y[row * m->n_out + column] - sum) <=
			            size / 250);
		}
}

static void
test_bf16__multiply(void **state)
{
	static const size_t sizes[][3] = {{1, 1, 1},     {2, 2, 16},   {7, 13, 21},
	                                  {13, 64, 40},  {64, 70, 64}, {6, 33, 150},
	                                  {12, 256, 128}};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		matrices plain;
		matrices fast;

		multiply_init(&plain, sizes[i], &cer_bf16_plain);
		check_near(&plain);
		if (get_fast() != NULL)
		{
			size_t n_pairs = cer_bf16_count_pairs(sizes[i][1]);

			multiply_init(&fast, sizes[i], get_fast());
			assert_memory_equal(fast.pairs, plain.pairs,
			                    sizes[i][0] * n_pairs * sizeof(uint32_t));
			assert_memory_equal(fast.packed, plain.packed,
			                    n_pairs * cer_dense_pad(sizes[i][2]) *
			                        sizeof(uint32_t));
			assert_memory_equal(fast.y, plain.y,
			                    sizes[i][0] * sizes[i][2] * sizeof(float));
			multiply_release(&fast);
		}
		multiply_release(&plain);
	}
}

/* What follows a product, done with it, has the bits of one after the other. */
static void
check_finish(const size_t sizes[3], const cer_bf16 *bf16)
{
	matrices m;
	test_random random = {sizes[0]};
	size_t n_pairs = cer_bf16_count_pairs(sizes[1]);
	size_t n = sizes[0] * sizes[2];
	float *bias = make_numbers(&random, sizes[2]);
	float *y = malloc(n * sizeof(float));
	uint32_t *pairs = malloc(n / 2 * sizeof(uint32_t));
	uint32_t *expected = malloc(n / 2 * sizeof(uint32_t));
	cer_bf16_product product = {.n_rows = sizes[0],
	                            .n_pairs = n_pairs,
	                            .n_columns = sizes[2],
	                            .x_row = n_pairs,
	                            .x_pair = 1,
	                            .y = y,
	                            .y_stride = sizes[2],
	                            .bias = bias,
	                            .pairs_row = sizes[2] / 2};

	multiply_init(&m, sizes, bf16);
	product.x = m.pairs;
	product.w = m.packed;
	product.accumulate = false;
	bf16->multiply(&product);
	product.pairs = pairs;
	bf16->multiply(&product);
	product.pairs = NULL;
	product.bias = NULL;
	product.y = m.y;
	bf16->multiply(&product);
	m.y[0] = NAN;
	bf16->round_relu(sizes[0], sizes[2], bias, m.y, expected);
	assert_int_equal(expected[0] & 0x7fff, 0x7fc0);
	assert_memory_equal(pairs + 1, expected + 1,
	                    (n / 2 - 1) * sizeof(uint32_t));
	for (size_t i = 1; i < n; i++)
	{
		float z = m.y[i] + bias[i % sizes[2]];

		assert_true(y[i] == (z < 0 ? 0 : z));
	}
	cer_bf16_plain.round(sizes[0], sizes[2], y, sizes[2], expected);
	assert_memory_equal(pairs, expected, n / 2 * sizeof(uint32_t));
	free(expected);
	free(pairs);
	free(y);
	free(bias);
	multiply_release(&m);
}

/* Pairs that are zero in some rows, and in all: with and without the list. */
static void
check_zeros(size_t n_rows, size_t n_pairs, const cer_bf16 *bf16)
{
	const size_t sizes[3] = {n_rows, 2 * n_pairs, 40};
	uint32_t *used = malloc(cer_bf16_count_used(n_rows, n_pairs) * 4 + 4);
	float *y = malloc(n_rows * 40 * sizeof(float));
	cer_bf16_product product = {.n_rows = n_rows,
	                            .n_pairs = n_pairs,
	                            .n_columns = 40,
	                            .x_row = n_pairs,
	                            .x_pair = 1,
	                            .y_stride = 40};
	matrices m;

	multiply_init(&m, sizes, bf16);
	for (size_t i = 0; i < n_rows * n_pairs; i++)
		if (i % n_pairs % 5 == 0 || i % 7 == 0)
			m.pairs[i] = 0;
	product.x = m.pairs;
	product.w = m.packed;
	product.y = m.y;
	bf16->multiply(&product);
	product.y = y;
	assert_int_equal(bf16->find_used(&product, used),
	                 bf16 != &cer_bf16_plain && n_rows >= CER_BF16_ROWS);
	if (bf16 != &cer_bf16_plain)
	{
		assert_true(n_rows < CER_BF16_ROWS || used[0] < n_pairs * 5 / 6);
		product.used = used;
	}
	bf16->multiply(&product);
	assert_memory_equal(y, m.y, n_rows * 40 * sizeof(float));
	multiply_release(&m);
	free(y);
	free(used);
}

static void
test_bf16__zeros_left_out_change_no_bit(void **state)
{
	static const size_t n_pairs[] = {32, 49, 128};

	(void) state;
	for (size_t i = 0; i < 3; i++)
		for (size_t n_rows = 1; n_rows <= 19; n_rows += 3)
		{
			check_zeros(n_rows, n_pairs[i], &cer_bf16_plain);
			if (get_fast() != NULL)
				check_zeros(n_rows, n_pairs[i], get_fast());
		}
}

static void
test_bf16__relu_within_the_product(void **state)
{
	static const size_t sizes[][3] = {
		{1, 1, 16}, {7, 13, 32}, {13, 64, 48}, {64, 70, 64}, {9, 256, 64}};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		check_finish(sizes[i], &cer_bf16_plain);
		if (get_fast() != NULL)
			check_finish(sizes[i], get_fast());
	}
}

/* ----------------------------------------------------------------- networks */

/* Widths that fill no chunk, an odd one, some of several chunks.  Smooth: where
 * rounding moves a number across the bend of relu, a gradient leaps. */
static const mlp_layer layers[] = {{75, CER_GELU, 0},
                                   {140, CER_TANH, 0},
                                   {200, CER_GELU, 0},
                                   {33, CER_TANH, 0}};
static const cer_table_shape tables[] = {{.n_codes = 5}};

static void
init_net(net_case *c, const char *kernels, const cer_bf16 *bf16,
         const cer_host *host)
{
	net_case_spec spec = {.n_numbers = 4,
	                      .n_tables = 1,
	                      .tables = tables,
	                      .n_classes = 3,
	                      .layers = layers,
	                      .n_layers = 4,
	                      .n_rows = 700,
	                      .batch = 600,
	                      .kernels = kernels,
	                      .host = host,
	                      .bf16 = bf16};

	net_case_init(c, &spec);
	for (size_t i = 0; i < c->net->n_weights; i++)
		c->graph->weights[i] *= 0.3f;
	cer_graph_refresh(c->graph);
}

static double
run_net(net_case *c)
{
	cer_batch batch = {
		.rows = &c->rows, .n_rows = 600, .epoch = 1, .is_training = true};
	double loss = cer_graph_run(c->graph, &batch);

	cer_graph_update(c->graph);
	return loss / 600;
}

/* The gradients of each tensor, by the length of their difference. */
static void
check_grads(const net_case *c, const net_case *exact)
{
	for (size_t t = 0; t < c->net->n_tensors; t++)
	{
		const cer_net_tensor *tensor = &c->net->tensors[t];
		double difference = 0;
		double length = 0;

		for (size_t i = 0; i < tensor->size; i++)
		{
			double g = (double) exact->graph->grads[tensor->offset + i];

			length += g * g;
			g -= (double) c->graph->grads[tensor->offset + i];
			difference += g * g;
		}
		if (sqrt(difference) > 0.01 * sqrt(length))
			fail_msg("%s: gradient differs by %g of %g", tensor->name.data,
			         sqrt(difference), sqrt(length));
	}
}

static void
check_net(const char *kernels, const cer_bf16 *bf16)
{
	net_case c;
	net_case exact;
	double loss;
	double expected;

	init_net(&c, kernels, bf16, NULL);
	init_net(&exact, kernels, NULL, NULL);
	loss = run_net(&c);
	expected = run_net(&exact);
	assert_true(loss != expected); /* rounded, indeed */
	assert_true(fabs(loss - expected) < 2e-3 * expected);
	check_grads(&c, &exact);
	net_case_release(&exact);
	net_case_release(&c);
}

static void
test_bf16__net_is_near_that_of_floats(void **state)
{
	(void) state;
	check_net("plain", &cer_bf16_plain);
	if (get_fast() != NULL)
		check_net(cer_kernels_choose()->name, get_fast());
}

/* Members share weights: several vectors of a row. */
static void
test_bf16__ensemble(void **state)
{
	net_case_spec spec = {
		.n_numbers = 4,
		.n_classes = 2,
		.text =
			"(chain (ensemble count=3 (dense width=40)(activation function=gelu)(dense width=24)(activation function=gelu)))",
		.n_rows = 30,
		.batch = 20,
		.kernels = "plain"};
	cer_batch batch = {.n_rows = 20, .epoch = 1, .is_training = true};
	net_case c;
	net_case exact;

	(void) state;
	net_case_init(&exact, &spec);
	spec.bf16 = &cer_bf16_plain;
	net_case_init(&c, &spec);
	batch.rows = &c.rows;
	cer_graph_run(c.graph, &batch);
	cer_graph_update(c.graph);
	batch.rows = &exact.rows;
	cer_graph_run(exact.graph, &batch);
	cer_graph_update(exact.graph);
	check_grads(&c, &exact);
	net_case_release(&exact);
	net_case_release(&c);
}

static float *
train_with(const cer_bf16 *bf16, const char *kernels, size_t n_threads,
           size_t *size)
{
	tasks_host host;
	net_case c;
	float *weights;

	tasks_host_init(&host, n_threads);
	init_net(&c, kernels, bf16, &host.host);
	net_case_train(&c, 4, 600, 0, 37);
	weights = net_case_copy_weights(&c, size);
	net_case_release(&c);
	return weights;
}

static void
check_threads(const cer_bf16 *bf16, const char *kernels)
{
	static const size_t counts[] = {2, 3, 7, 16};
	size_t size;
	float *expected = train_with(bf16, kernels, 1, &size);

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
	{
		float *weights = train_with(bf16, kernels, counts[i], &size);

		assert_memory_equal(weights, expected, size);
		free(weights);
	}
	free(expected);
}

static void
test_bf16__bits_of_threads(void **state)
{
	(void) state;
	check_threads(&cer_bf16_plain, "plain");
	if (get_fast() != NULL)
		check_threads(get_fast(), cer_kernels_choose()->name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bf16__choose),
		cmocka_unit_test(test_bf16__round),
		cmocka_unit_test(test_bf16__multiply),
		cmocka_unit_test(test_bf16__zeros_left_out_change_no_bit),
		cmocka_unit_test(test_bf16__relu_within_the_product),
		cmocka_unit_test(test_bf16__net_is_near_that_of_floats),
		cmocka_unit_test(test_bf16__ensemble),
		cmocka_unit_test(test_bf16__bits_of_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
