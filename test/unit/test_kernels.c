/*
 * test_kernels.c
 *	  Each kernel of each class beside its formula in double precision, and
 *	  beside the plain class.
 */
#include "nn/kernels.h"

#include "activation.h"
#include "cmocka_all.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_N 150

static const char *const names[] = {"plain", "avx2", "avx512"};

typedef void (*check_fn)(const cer_kernels *kernels);

static void
check_classes(check_fn check)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cer_kernels_find(names[i]) != NULL)
			check(cer_kernels_find(names[i]));
}

static void
check_near(const char *what, double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance * (1 + fabs(expected))))
		fail_msg("%s: %.9g, expected %.9g", what, value, expected);
}

/* ------------------------------------------------------------------ choice */

static void
test_kernels__find(void **state)
{
	(void) state;
	assert_ptr_equal(cer_kernels_find("plain"), &cer_kernels_plain);
	assert_null(cer_kernels_find("mmx"));
	assert_ptr_equal(cer_kernels_find(cer_kernels_choose()->name),
	                 cer_kernels_choose());
}

/* ------------------------------------------------------------------ shapes */

/* Value and slope from -150 to 150, dense around 0. */
static void
check_activation(const cer_kernels *kernels, cer_activation activation)
{
	for (int i = -300; i <= 300; i++)
	{
		double x = i / 300.0;
		double h = 1e-4;
		float bias[MAX_N];
		float z[MAX_N];
		float slope[MAX_N];

		x = 149.9 * x * x * x + 0.1003 * x + 0.00011;
		for (size_t n = 0; n < 19; n++)
		{
			z[n] = (float) (x - 0.25);
			bias[n] = 0.25f;
		}
		x = (double) (z[0] + bias[0]);
		kernels->activate[activation](19, bias, z, slope);
		for (size_t n = 0; n < 19; n++)
		{
			check_near(cer_activation_name(activation), z[n],
			           activation_get(activation, x), 1e-6);
			check_near("slope", slope[n],
			           (activation_get(activation, x + h) -
			            activation_get(activation, x - h)) /
			               (2 * h),
			           2e-6);
			z[n] = (float) (x - 0.25);
		}
		kernels->activate[activation](19, bias, z, NULL);
		check_near(cer_activation_name(activation), z[18],
		           activation_get(activation, x), 1e-6);
	}
}

static void
check_activations(const cer_kernels *kernels)
{
	for (int i = 0; i < CER_N_ACTIVATIONS; i++)
	{
		float bias[17] = {0};
		float z[17];
		float slope[17];

		check_activation(kernels, (cer_activation) i);
		for (size_t n = 0; n < 17; n++)
			z[n] = NAN;
		kernels->activate[i](17, bias, z, slope);
		assert_true(isnan(z[0]) && isnan(z[16]));
	}
}

static void
test_kernels__activations(void **state)
{
	(void) state;
	check_classes(check_activations);
}

/* ------------------------------------------------------------------ random */

static void
check_draws(const cer_kernels *kernels)
{
	cer_random random;
	uint64_t keys[MAX_N];
	uint64_t draws[MAX_N];

	cer_random_init(&random, 42, (cer_text){"x", 1});
	for (size_t i = 0; i < MAX_N; i++)
		keys[i] = i * 0x9E3779B97F4A7C15u;
	kernels->draw(MAX_N, &random, 7, keys, draws);
	for (size_t i = 0; i < MAX_N; i++)
	{
		cer_random_place place = {
			{(uint32_t) keys[i], (uint32_t) (keys[i] >> 32), 7, 0}};
		uint32_t bits[4];

		cer_random_get(&random, &place, bits);
		assert_int_equal(draws[i], bits[0]);
	}
}

static void
test_kernels__draws_are_philox(void **state)
{
	(void) state;
	check_classes(check_draws);
}

/* Share and scale of what stays; neighbours do not drop together. */
static void
check_drop(const cer_kernels *kernels)
{
	enum
	{
		N_ROWS = 2000,
		N = 131
	};
	cer_dropout dropout = {.epoch = 1, .threshold = 19661, .scale = 1.25f};
	float before[N] = {0};
	size_t n_dropped = 0;
	size_t n_together = 0;

	cer_random_init(&dropout.random, 1, (cer_text){"dense", 5});
	for (size_t row = 0; row < N_ROWS; row++)
	{
		float y[N];
		float slope[N];

		for (size_t i = 0; i < N; i++)
			y[i] = slope[i] = 2;
		dropout.row_key = row * 77;
		kernels->drop(N, &dropout, y, slope);
		for (size_t i = 0; i < N; i++)
		{
			assert_true(y[i] == 0 || y[i] == 2.5f);
			assert_true(y[i] == slope[i]);
			n_dropped += y[i] == 0;
			n_together += y[i] == 0 && before[i] == 0 && row > 0;
			before[i] = y[i];
		}
	}
	check_near("share", (double) n_dropped / (N_ROWS * N), 0.3, 0.003);
	check_near("pairs", (double) n_together / (N_ROWS * N), 0.09, 0.003);
}

static void
test_kernels__drop(void **state)
{
	(void) state;
	check_classes(check_drop);
}

/* A unit's fate does not depend on the width, nor on the class. */
static void
check_drop_place(const cer_kernels *kernels)
{
	cer_dropout dropout = {.row_key = 5, .threshold = 32768, .scale = 1};
	float all[MAX_N];
	float some[20];

	for (size_t i = 0; i < MAX_N; i++)
		all[i] = 1;
	for (size_t i = 0; i < 20; i++)
		some[i] = 1;
	cer_kernels_plain.drop(MAX_N, &dropout, all, NULL);
	kernels->drop(20, &dropout, some, NULL);
	assert_memory_equal(all, some, sizeof(some));
}

static void
test_kernels__drop_depends_on_the_place(void **state)
{
	(void) state;
	check_classes(check_drop_place);
}

/* ------------------------------------------------------------------ softmax */

static void
check_softmax(const cer_kernels *kernels)
{
	static const float rows[][3] = {
		{1, 2, 3}, {-50, 50, 0}, {1000, 999, 998}, {0, 0, 0}};

	for (size_t r = 0; r < 4; r++)
	{
		float logits[3];
		uint16_t label = 1;
		cer_softmax softmax = {.n_rows = 1, .n_classes = 3, .logits = logits};
		double top = fmax(rows[r][0], fmax(rows[r][1], rows[r][2]));
		double sum = 0;

		for (size_t i = 0; i < 3; i++)
			sum += exp(rows[r][i] - top);
		memcpy(logits, rows[r], sizeof(logits));
		kernels->softmax(&softmax);
		for (size_t i = 0; i < 3; i++)
			check_near("probability", logits[i], exp(rows[r][i] - top) / sum,
			           1e-6);
		memcpy(logits, rows[r], sizeof(logits));
		softmax.labels = &label;
		softmax.scale = 0.5f;
		kernels->softmax(&softmax);
		check_near("loss", softmax.loss, log(sum) - (rows[r][1] - top), 1e-6);
		for (size_t i = 0; i < 3; i++)
			check_near("gradient", logits[i],
			           0.5 * (exp(rows[r][i] - top) / sum - (i == 1)), 1e-6);
	}
}

static void
test_kernels__softmax(void **state)
{
	(void) state;
	check_classes(check_softmax);
}

/* ------------------------------------------------------------------ dense */

/* Every width around the chunks, rows around the blocks; bits of each row. */
static void
check_dense_shape(const cer_kernels *kernels, size_t n_in, size_t n_out)
{
	test_random random = {n_in * 1000 + n_out};
	size_t stride = cer_dense_pad(n_out);
	float *x = calloc(9 * n_in, sizeof(float));
	float *w = calloc(n_in * n_out, sizeof(float));
	float *packed = calloc(cer_dense_packed_size(n_in, n_out), sizeof(float));
	float *y = calloc(9 * stride, sizeof(float));
	float *alone = calloc(stride, sizeof(float));
	uint32_t *scratch = calloc(n_in, sizeof(uint32_t));
	cer_dense dense = {.n_rows = 9,
	                   .n_in = n_in,
	                   .n_out = stride,
	                   .x = x,
	                   .x_stride = n_in,
	                   .w = packed,
	                   .y = y,
	                   .y_stride = stride,
	                   .scratch = scratch};

	for (size_t i = 0; i < 9 * n_in; i++)
		x[i] = i % 3 == 0 ? 0 : (float) random_unit(&random) - 0.5f;
	for (size_t i = 0; i < n_in * n_out; i++)
		w[i] = (float) random_unit(&random) - 0.5f;
	cer_dense_pack(n_in, n_out, w, packed);
	kernels->dense(&dense);
	for (size_t row = 0; row < 9; row++)
	{
		for (size_t j = 0; j < n_out; j++)
		{
			double sum = 0;

			for (size_t i = 0; i < n_in; i++)
				sum += (double) x[row * n_in + i] * w[i * n_out + j];
			check_near("product", y[row * stride + j], sum, 1e-5);
		}
		dense.n_rows = 1;
		dense.x = x + row * n_in;
		dense.y = alone;
		kernels->dense(&dense);
		assert_memory_equal(alone, y + row * stride, stride * sizeof(float));
	}
	free(x);
	free(w);
	free(packed);
	free(y);
	free(alone);
	free(scratch);
}

static void
check_dense(const cer_kernels *kernels)
{
	static const size_t sizes[] = {1, 2, 16, 31, 48, 64, 65, 130};

	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < 8; j++)
			check_dense_shape(kernels, sizes[i], sizes[j]);
}

static void
check_narrow_grads(const cer_narrow_grads *g, size_t input)
{
	for (size_t row = 0; row < g->n_rows; row++)
	{
		double sum = 0;

		for (size_t c = 0; c < g->n_out; c++)
			sum += (double) g->dy[row * g->n_out + c] *
			       g->w_t[c * g->n_in + input];
		check_near("narrow dx", g->dx[row * g->n_in + input], sum, 1e-5);
	}
	for (size_t c = 0; c < g->n_out; c++)
	{
		double sum = 0;

		for (size_t row = 0; row < g->n_rows; row++)
			sum += (double) g->dy[row * g->n_out + c] *
			       g->x[row * g->n_in + input];
		check_near("narrow dw", g->dw_t[c * g->n_in + input], sum, 1e-5);
	}
}

/* Both gradients of 9 rows, and that a row's product is its own. */
static void
check_narrow_shape(const cer_kernels *kernels, size_t n_in, size_t n_out)
{
	float x[9 * 70], dx[9 * 70], w_t[4 * 70], dw_t[4 * 70];
	float y[9 * 4], dy[9 * 4], alone[4];
	cer_narrow narrow = {.n_rows = 9,
	                     .n_in = n_in,
	                     .n_out = n_out,
	                     .x = x,
	                     .x_stride = n_in,
	                     .w_t = w_t,
	                     .y = y};
	cer_narrow_grads grads = {.n_rows = 9,
	                          .n_in = n_in,
	                          .n_out = n_out,
	                          .x = x,
	                          .dy = dy,
	                          .w_t = w_t,
	                          .dx = dx,
	                          .dw_t = dw_t};

	for (size_t i = 0; i < 9 * n_in; i++)
		x[i] = (float) (i * 37 % 101) / 101 - 0.5f;
	for (size_t i = 0; i < n_in * n_out; i++)
		w_t[i] = (float) (i * 53 % 97) / 97 - 0.5f;
	for (size_t i = 0; i < 9 * n_out; i++)
		dy[i] = (float) (i * 29 % 31) / 31 - 0.5f;
	kernels->narrow(&narrow);
	kernels->narrow_grads(&grads);
	for (size_t row = 0; row < 9; row++)
		for (size_t c = 0; c < n_out; c++)
		{
			double sum = 0;

			for (size_t i = 0; i < n_in; i++)
				sum += (double) x[row * n_in + i] * w_t[c * n_in + i];
			check_near("narrow product", y[row * n_out + c], sum, 1e-5);
		}
	for (size_t i = 0; i < n_in; i++)
		check_narrow_grads(&grads, i);
	for (size_t row = 0; row < 9; row++)
	{
		narrow.n_rows = 1;
		narrow.x = x + row * n_in;
		narrow.y = alone;
		kernels->narrow(&narrow);
		assert_memory_equal(alone, y + row * n_out, n_out * sizeof(float));
	}
}

static void
check_narrow(const cer_kernels *kernels)
{
	static const size_t n_in[] = {1, 3, 8, 16, 31, 32, 48, 70};

	for (size_t i = 0; i < 8; i++)
		for (size_t n_out = 1; n_out <= CER_NARROW_OUTPUTS; n_out++)
			check_narrow_shape(kernels, n_in[i], n_out);
}

static void
test_kernels__narrow(void **state)
{
	(void) state;
	check_classes(check_narrow);
}

static void
test_kernels__dense(void **state)
{
	(void) state;
	check_classes(check_dense);
}

/* ------------------------------------------------------------------ rows */

static void
check_rows(const cer_kernels *kernels)
{
	float rows[3][MAX_N];
	const float *sources[] = {rows[0], rows[1], rows[2]};
	float sum[MAX_N];
	float sums[4][MAX_N] = {0};
	const uint32_t codes[] = {3, 0, 3};
	cer_scatter scatter = {.n_rows = 3,
	                       .n = MAX_N - 1,
	                       .codes = codes,
	                       .dz = rows[0],
	                       .dz_stride = MAX_N,
	                       .sums = sums[0],
	                       .sums_stride = MAX_N};

	for (size_t i = 0; i < MAX_N; i++)
		for (size_t row = 0; row < 3; row++)
			rows[row][i] = (float) (row * 1000 + i);
	kernels->add_rows(MAX_N, 3, sources, sum);
	kernels->scatter(&scatter);
	for (size_t i = 0; i < MAX_N; i++)
	{
		bool is_in = i < MAX_N - 1;

		assert_true(sum[i] == (float) (3000 + 3 * i));
		assert_true(sums[0][i] == (is_in ? (float) (1000 + i) : 0));
		assert_true(sums[1][i] == 0);
		assert_true(sums[3][i] == (is_in ? (float) (2000 + 2 * i) : 0));
	}
}

#define N_LOOKED_UP 5

/* Rows of many widths: whole vectors, several of them, and what is left. */
static void
check_lookup(const cer_kernels *kernels, size_t n)
{
	float table[3][MAX_N], z[N_LOOKED_UP][MAX_N], moved[N_LOOKED_UP * MAX_N];
	const uint32_t codes[2][N_LOOKED_UP + 1] = {{9, 0, 1, 2, 1, 0},
	                                            {9, 2, 2, 0, 1, 1}};
	const float *tables[2] = {table[0], table[0]};
	const uint32_t *by_table[2] = {codes[0], codes[1]};
	cer_lookup lookup = {N_LOOKED_UP, n, 2, tables, by_table, 1, z[0]};
	cer_gather gather = {N_LOOKED_UP, n, table[0], n, codes[0] + 1, moved};
	const float *from = table[0];
	float *to = z[0];

	for (size_t i = 0; i < 3 * n; i++)
		table[0][i] = (float) (i * 37 % 101);
	kernels->lookup(&lookup);
	kernels->gather(&gather);
	for (size_t row = 0; row < N_LOOKED_UP; row++)
		for (size_t i = 0; i < n; i++)
		{
			float first = from[codes[0][row + 1] * n + i];
			float second = from[codes[1][row + 1] * n + i];

			assert_true(to[row * n + i] == first + second);
			assert_true(moved[row * n + i] == first);
		}
}

static void
check_lookups(const cer_kernels *kernels)
{
	for (size_t n = 1; n <= MAX_N; n++)
		check_lookup(kernels, n);
}

#define N_DIVIDED 9

/* Rows of n places, of which every third is marked and others are picked; what
 * lies behind the last row stays. */
static void
check_divided(const cer_kernels *kernels, size_t n, size_t every)
{
	static const uint32_t order[N_DIVIDED] = {2, 0, 8, 8, 1, 5, 4, 3, 7};
	uint64_t picked[3] = {0}, marked[3] = {0}, used[3 * N_DIVIDED];
	float from[N_DIVIDED * MAX_N], to[N_DIVIDED * MAX_N + 1];
	cer_divide divide = {N_DIVIDED, n,      from, n,  NULL,
	                     picked,    marked, 0,    to, used};
	size_t n_words = (n + 63) / 64;
	size_t next = 0;

	for (size_t i = 0; i < N_DIVIDED * n; i++)
		from[i] = (float) (i * 37 % 5) - 2;
	for (size_t i = 0; i < n; i++)
	{
		uint64_t *set = i % 3 == 0 ? marked : picked;

		if (i % 3 > 0 && i % every > 0)
			continue;
		set[i / 64] |= UINT64_C(1) << i % 64;
		divide.n_picked += i % 3 > 0;
	}
	divide.rows = every > 1 ? order : NULL;
	to[N_DIVIDED * divide.n_picked] = 77;
	kernels->divide(&divide);
	for (size_t row = 0; row < N_DIVIDED; row++)
	{
		const float *x = from + (every > 1 ? order[row] : row) * n;

		for (size_t i = 0; i < n; i++)
		{
			uint64_t bit = used[row * n_words + i / 64] >> i % 64 & 1;

			assert_int_equal(bit, i % 3 == 0 && x[i] != 0);
			if (i % 3 > 0 && i % every == 0)
				assert_true(to[next++] == x[i]);
		}
	}
	assert_true(to[next] == 77);
}

/* Places of which only the first few are picked: groups of lanes have none. */
static void
check_divided_tail(const cer_kernels *kernels, size_t n, size_t n_picked)
{
	uint64_t picked[3] = {(UINT64_C(1) << n_picked) - 1}, marked[3] = {0};
	uint64_t used[3 * N_DIVIDED];
	float from[N_DIVIDED * MAX_N], to[N_DIVIDED * MAX_N + 1];
	cer_divide divide = {N_DIVIDED, n,      from,     n,  NULL,
	                     picked,    marked, n_picked, to, used};

	for (size_t i = 0; i < N_DIVIDED * n; i++)
		from[i] = 1;
	to[N_DIVIDED * n_picked] = 77;
	kernels->divide(&divide);
	for (size_t i = 0; i < N_DIVIDED * n_picked; i++)
		assert_true(to[i] == 1);
	assert_true(to[N_DIVIDED * n_picked] == 77);
}

static void
check_divisions(const cer_kernels *kernels)
{
	for (size_t n = 1; n <= MAX_N; n++)
		for (size_t every = 1; every <= 40; every *= 3)
			check_divided(kernels, n, every + every / 3);
	for (size_t n = 17; n <= MAX_N; n++)
		for (size_t n_picked = 1; n_picked <= 16; n_picked++)
			check_divided_tail(kernels, n, n_picked);
}

static void
check_backward_width(const cer_kernels *kernels, size_t n)
{
	float of[7 * MAX_N], dy[7 * MAX_N], relu[7 * MAX_N], slope[7 * MAX_N];
	float relu_sum[MAX_N], slope_sum[MAX_N], sum[MAX_N];
	cer_backward backward = {7, n, of, 2.0f, relu, relu_sum};

	for (size_t i = 0; i < 7 * n; i++)
	{
		of[i] = (float) (i * 37 % 11) - 5;
		relu[i] = slope[i] = dy[i] = (float) (i * 53 % 13) - 6;
	}
	for (size_t i = 0; i < n; i++)
		relu_sum[i] = slope_sum[i] = sum[i] = 1;
	kernels->backward_relu(&backward);
	backward.dy = slope;
	backward.sum = slope_sum;
	kernels->backward_slope(&backward);
	kernels->sum_rows(7, n, dy, sum);
	for (size_t i = 0; i < n; i++)
	{
		float sums[3] = {1, 1, 1};

		for (size_t at = i; at < 7 * n; at += n)
		{
			assert_true(relu[at] == (of[at] > 0 ? 2 * dy[at] : 0));
			assert_true(slope[at] == of[at] * dy[at]);
			sums[0] += relu[at];
			sums[1] += slope[at];
			sums[2] += dy[at];
		}
		assert_true(relu_sum[i] == sums[0] && slope_sum[i] == sums[1]);
		assert_true(sum[i] == sums[2]);
	}
}

static void
check_backward(const cer_kernels *kernels)
{
	for (size_t n = 1; n <= MAX_N; n++)
		check_backward_width(kernels, n);
}

/* Many rows give what each gives alone. */
static void
check_activate_rows(const cer_kernels *kernels)
{
	float bias[19], z[3 * 19], slope[3 * 19], alone[19], alone_slope[19];

	for (size_t a = 0; a < CER_N_ACTIVATIONS; a++)
	{
		for (size_t i = 0; i < 3 * 19; i++)
		{
			bias[i % 19] = (float) (i % 3) - 1;
			z[i] = (float) (i * 37 % 17) / 4 - 2;
		}
		kernels->activate_rows[a](3, 19, bias, z, slope);
		for (size_t i = 0; i < 19; i++)
			alone[i] = (float) ((i + 19) * 37 % 17) / 4 - 2;
		kernels->activate[a](19, bias, alone, alone_slope);
		assert_memory_equal(alone, z + 19, sizeof(alone));
		assert_memory_equal(alone_slope, slope + 19, sizeof(alone));
	}
}

/* Rows of two classes go many at once: each as it would go alone. */
static void
check_two_classes(const cer_kernels *kernels)
{
	float logits[37 * 2], alone[37 * 2];
	uint16_t labels[37];
	cer_softmax all = {37, 2, logits, labels, 1.0f, 0};
	double loss = 0;

	for (size_t i = 0; i < 37; i++)
	{
		logits[2 * i] = alone[2 * i] = (float) i / 3 - 5;
		logits[2 * i + 1] = alone[2 * i + 1] = (float) (i * 7 % 19) - 9;
		labels[i] = (uint16_t) (i * 5 % 3 % 2);
	}
	kernels->softmax(&all);
	for (size_t i = 0; i < 37; i++)
	{
		cer_softmax one = {1, 2, alone + 2 * i, labels + i, 1.0f, 0};
		double gap = (double) alone[2 * i + 1 - labels[i]] -
		             (double) alone[2 * i + labels[i]];

		kernels->softmax(&one);
		check_near("loss of two classes", one.loss, log1p(exp(gap)), 1e-6);
		check_near("gradient of two classes", alone[2 * i + labels[i]],
		           -1 / (1 + exp(-gap)), 1e-6);
		loss += one.loss;
	}
	assert_memory_equal(alone, logits, sizeof(alone));
	assert_true(loss == all.loss);
}

static void
check_transpose(const cer_kernels *kernels)
{
	float from[37][41];
	float to[40][39] = {{0}};

	for (size_t i = 0; i < 37; i++)
		for (size_t j = 0; j < 41; j++)
			from[i][j] = (float) (100 * i + j);
	kernels->transpose(37, 40, &from[0][0], 41, &to[0][0], 39);
	for (size_t i = 0; i < 37; i++)
		for (size_t j = 0; j < 40; j++)
			assert_true(to[j][i] == from[i][j]);
	assert_true(to[0][37] == 0);
}

/* In place and elsewhere. */
static void
check_mix(const cer_kernels *kernels)
{
	for (size_t n = 0; n < 40; n++)
	{
		float x[40];
		float y[40];
		float to[40];
		cer_mixing mixing = {.n = n,
		                     .own = {0.75f, 0.25f},
		                     .other = {0.25f, -0.5f},
		                     .from = {x, y},
		                     .to = {x, to}};

		for (size_t i = 0; i < 40; i++)
		{
			x[i] = (float) i;
			y[i] = 100.0f - 3.0f * (float) (i * i);
			to[i] = 7;
		}
		kernels->mix(&mixing);
		for (size_t i = 0; i < 40; i++)
		{
			float mixed = (float) (0.25 * (100.0 - 3.0 * (double) (i * i)) -
			                       0.5 * (double) i);

			check_near("mix", x[i],
			           i < n ? 0.75 * (double) i + 0.25 * (double) y[i]
			                 : (double) i,
			           0);
			assert_true(to[i] == (i < n ? mixed : 7));
		}
	}
}

static void
test_kernels__rows(void **state)
{
	(void) state;
	check_classes(check_rows);
	check_classes(check_lookups);
	check_classes(check_divisions);
	check_classes(check_backward);
	check_classes(check_activate_rows);
	check_classes(check_two_classes);
	check_classes(check_transpose);
	check_classes(check_mix);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernels__find),
		cmocka_unit_test(test_kernels__activations),
		cmocka_unit_test(test_kernels__draws_are_philox),
		cmocka_unit_test(test_kernels__drop),
		cmocka_unit_test(test_kernels__drop_depends_on_the_place),
		cmocka_unit_test(test_kernels__softmax),
		cmocka_unit_test(test_kernels__dense),
		cmocka_unit_test(test_kernels__narrow),
		cmocka_unit_test(test_kernels__rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
