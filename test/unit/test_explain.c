/*
 * test_explain.c
 *	  What features add to a prediction: all of it together, exactly where the
 *	  network is linear, and what a slow integral in the rows' own space says.
 */
#define _GNU_SOURCE /* memmem */
#include "cerebro.h"

#include "cmocka_all.h"
#include "failing_host.h"
#include "trained.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL "FE *, hour : onehot, city : embed(3), wide : ple(5), small "
/* a few relus may all be dead after so few steps */
#define PT " PT epochs = 6, batch = 64, lr = 0.02, activation = gelu"

/* A model of random rows, and a row of it. */
typedef struct explained
{
	trained_model trained;
	cer_arena *arena;
	const cer_model *model;
	cer_explainer *explainer;
	cer_explanation explanation;
} explained;

static void
assert_ok(cer_status status, const cer_error *err)
{
	if (status != CER_OK)
		print_error("%s\n", err->message);
	assert_int_equal(status, CER_OK);
}

static void
make_explainer_of(explained *e, const cer_part *parts, size_t n_parts)
{
	cer_model_copy copy = {.parts = parts, .n_parts = n_parts};
	cer_error err = {0};

	assert_ok(cer_model_make_copy(e->arena, &copy, &e->model, &err), &err);
	assert_ok(
		cer_explainer_make(e->arena, e->model, &copy, &e->explainer, &err),
		&err);
}

static void
make_explainer(explained *e, const cer_part *parts)
{
	make_explainer_of(e, parts, e->trained.n_parts);
}

static void
begin(explained *e, const char *mst)
{
	test_random random;

	random_init(&random);
	trained_init(&e->trained, &random, mst);
	e->arena = cer_arena_new(&cer_host_plain);
	make_explainer(e, e->trained.parts);
}

static void
end(explained *e)
{
	cer_arena_free(e->arena);
	trained_release(&e->trained);
}

/* The place of a model's input among the rows' columns. */
static size_t
find_column(const explained *e, size_t input)
{
	cer_text name = cer_model_get_input(e->model, input)->name;
	size_t i = 0;

	while (e->trained.rows->inputs[i].name.size != name.size ||
	       memcmp(e->trained.rows->inputs[i].name.data, name.data, name.size))
		i++;
	return i;
}

static cer_value *
get_values(const explained *e, size_t row)
{
	const test_rows *rows = e->trained.rows;
	size_t n = cer_model_count_values(e->model);
	cer_value *values = calloc(n, sizeof(*values));

	for (size_t i = 0; i < cer_model_count_inputs(e->model); i++)
	{
		test_value from =
			rows->values[row * rows->n_inputs + find_column(e, i)];
		cer_value *to = &values[cer_model_get_value(e->model, i)];

		if (from.text.data == NULL)
			from.text.size = SIZE_MAX;
		if (cer_model_get_input(e->model, i)->storage == CER_CODE32)
			cer_model_encode_text(e->model, i, from.text, to, 1);
		else
			to->number = from.number;
	}
	return values;
}

static void
explain(explained *e, const cer_value *values)
{
	cer_score_rows row = {.n_rows = 1, .values = values, .stride = 1};
	cer_error err = {0};

	assert_ok(
		cer_explainer_run(e->arena, e->explainer, &row, &e->explanation, &err),
		&err);
}

static double
score(const explained *e, const cer_value *values)
{
	size_t size = cer_model_get_scratch_size(e->model, 1);
	void *scratch = aligned_alloc(64, (size + 63) / 64 * 64);
	float proba[2];

	cer_model_score(e->model, 1, values, proba, scratch);
	free(scratch);
	return log((double) proba[1] / (double) proba[0]);
}

static double
sum_up(const cer_explanation *explanation)
{
	double sum = 0;

	for (size_t i = 0; i < explanation->n_inputs; i++)
		sum += explanation->contributions[i];
	return sum;
}

static void
check_complete(const char *mst, size_t n_rows)
{
	explained e;
	double largest = 0;

	begin(&e, mst);
	for (size_t row = 0; row < n_rows; row++)
	{
		cer_value *values = get_values(&e, row);
		const cer_explanation *made = &e.explanation;

		explain(&e, values);
		assert_int_equal(made->class_index, 1);
		assert_int_equal(made->n_inputs, cer_model_count_inputs(e.model));
		assert_true(fabs(made->log_odds - score(&e, values)) < 1e-4);
		assert_true(fabs(sum_up(made) + made->residual + made->baseline -
		                 made->log_odds) < 1e-9);
		assert_true(fabs(made->residual) <= CER_EXPLAIN_RESIDUAL);
		assert_true(made->n_steps < CER_EXPLAIN_MAX_STEPS);
		largest = fmax(largest, fabs(made->log_odds - made->baseline));
		free(values);
	}
	assert_true(largest > 1e-6);
	end(&e);
}

static void
test_explainer_run__is_complete(void **state)
{
	(void) state;
	check_complete(ALL "AS mlp(16, 8)" PT, 100);
	check_complete(ALL "AS mlp(32, 16) PT activation = gelu, epochs = 6, "
	                   "batch = 64, lr = 0.02, dropout = 0.1",
	               100);
	check_complete(
		"FE *, small : bins(4), wide : log AS mlp(70) PT epochs = 6, batch = 64, lr = 0.02, activation = relu",
		100);
	check_complete("AS output" PT, 100);
	check_complete("AS snn(16, 8)" PT, 100);
}

static const char *const structures[] = {
	"residual(8)",
	"dcn(8)",
	"wide_deep(8)",
	"deepfm(8)",
	"autoint(width = 8)",
	"ft_transformer(blocks = 1, width = 8, heads = 2, hidden = 8)",
	"gandalf",
	"realmlp(16)",
	"tabm(16, members = 3)",
	"tabm_mini(16, members = 3)",
	"ensemble(3, mlp(8))",
	"tabm(4, members = 150)",
	"modern_nca(width = 8)",
	"tokens(4) > skip(attention(2)) > flatten > mlp(8)",
	"features > norm(batch) > dropout(0.3) > mlp(8)",
};

#define N_STRUCTURES (sizeof(structures) / sizeof(structures[0]))

/* Every layer goes back as it scores: fixed statistics, no dropout. */
static void
test_explainer_run__is_complete_of_all_layers(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
	{
		char mst[200];

		snprintf(mst, sizeof(mst), "AS %s" PT, structures[i]);
		check_complete(mst, 8);
	}
}

/* Rows first .. first + n side by side. */
static cer_value *
get_columns(const explained *e, size_t first, size_t n, size_t stride)
{
	size_t n_values = cer_model_count_values(e->model);
	cer_value *columns = calloc(n_values * stride, sizeof(*columns));

	for (size_t row = 0; row < n; row++)
	{
		cer_value *values = get_values(e, first + row);

		for (size_t i = 0; i < n_values; i++)
			columns[i * stride + row] = values[i];
		free(values);
	}
	return columns;
}

static void
assert_same(const cer_explanation *a, const cer_explanation *b)
{
	assert_int_equal(a->class_index, b->class_index);
	assert_int_equal(a->n_steps, b->n_steps);
	assert_int_equal(a->n_inputs, b->n_inputs);
	assert_memory_equal(&a->log_odds, &b->log_odds, sizeof(double));
	assert_memory_equal(&a->baseline, &b->baseline, sizeof(double));
	assert_memory_equal(&a->residual, &b->residual, sizeof(double));
	assert_memory_equal(a->contributions, b->contributions,
	                    a->n_inputs * sizeof(double));
}

/* Rows that are explained together have the bits of those explained alone. */
static void
check_together(const char *mst)
{
	static const size_t counts[] = {CER_EXPLAIN_ROWS, 1, 7, 2};
	explained e;
	size_t first = 0;

	begin(&e, mst);
	for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
	{
		cer_value *columns = get_columns(&e, first, counts[k], 20);
		cer_score_rows rows = {
			.n_rows = counts[k], .values = columns, .stride = 20};
		cer_explanation made[CER_EXPLAIN_ROWS];
		cer_error err = {0};

		assert_ok(cer_explainer_run(e.arena, e.explainer, &rows, made, &err),
		          &err);
		for (size_t row = 0; row < counts[k]; row++)
		{
			cer_value *values = get_values(&e, first + row);

			explain(&e, values);
			assert_same(&e.explanation, &made[row]);
			free(values);
		}
		free(columns);
		first += counts[k];
	}
	end(&e);
}

static void
test_explainer_run__has_the_bits_of_each_row_alone(void **state)
{
	(void) state;
	check_together(ALL "AS mlp(16, 8)" PT);
	check_together("AS mlp(70, 40) PT epochs = 6, batch = 64, lr = 0.02");
	for (size_t i = 0; i < N_STRUCTURES; i++)
	{
		char mst[200];

		snprintf(mst, sizeof(mst), "AS %s" PT, structures[i]);
		check_together(mst);
	}
}

static void
test_explainer_run__refuses_too_many_rows(void **state)
{
	explained e;
	cer_score_rows rows = {.n_rows = CER_EXPLAIN_ROWS + 1};
	cer_explanation made[CER_EXPLAIN_ROWS + 1];

	(void) state;
	begin(&e, "AS output" PT);
	assert_int_equal(cer_explainer_run(e.arena, e.explainer, &rows, made, NULL),
	                 CER_BAD_CALL);
	end(&e);
}

/* Each input adds by itself what it adds beside others. */
static void
test_explainer_run__is_exact_where_linear(void **state)
{
	explained e;
	size_t n_values;
	cer_value *first, *second;

	(void) state;
	begin(&e, "FE * AS output" PT);
	n_values = cer_model_count_values(e.model);
	first = get_values(&e, 3);
	second = get_values(&e, 5);
	assert_int_equal(n_values, cer_model_count_inputs(e.model));
	for (size_t i = 0; i < n_values; i++)
	{
		cer_value kept = first[i];
		cer_explanation before;

		explain(&e, first);
		before = e.explanation;
		first[i] = second[i];
		explain(&e, first);
		assert_true(fabs(before.residual) < 1e-5);
		for (size_t k = 0; k < n_values; k++)
			if (k != i)
				assert_true(fabs(before.contributions[k] -
				                 e.explanation.contributions[k]) < 1e-6);
		assert_true(fabs(e.explanation.contributions[i] -
		                 before.contributions[i] + before.log_odds -
		                 e.explanation.log_odds) < 1e-5);
		first[i] = kept;
	}
	free(first);
	free(second);
	end(&e);
}

/* The integral by differences of scores, in the space of two columns whose
 * encoder is linear and has 0 at their mean. */
static double
integrate_slowly(const explained *e, const cer_value *row, const double *means,
                 size_t input)
{
	size_t n_steps = 200;
	double step = (row[input].number - means[input]) * 0.02;
	double sum = 0;

	for (size_t i = 0; i < n_steps; i++)
	{
		double a = ((double) i + 0.5) / (double) n_steps;
		cer_value at[2];

		for (size_t k = 0; k < 2; k++)
			at[k].number = means[k] + a * (row[k].number - means[k]);
		at[input].number += step;
		sum += score(e, at);
		at[input].number -= 2 * step;
		sum -= score(e, at);
	}
	return sum / (double) n_steps / (2 * 0.02);
}

static void
get_means(const explained *e, double *means)
{
	const test_rows *rows = e->trained.rows;

	for (size_t i = 0; i < 2; i++)
	{
		size_t n = 0;

		means[i] = 0;
		for (size_t row = 0; row < rows->n_rows; row++)
		{
			double x =
				rows->values[row * rows->n_inputs + find_column(e, i)].number;

			if (rows->parts[row] != CER_TRAIN || isnan(x))
				continue;
			means[i] += x;
			n++;
		}
		means[i] /= (double) n;
	}
}

static void
test_explainer_run__is_the_integral_of_gradients(void **state)
{
	explained e;
	double means[2];
	double largest = 0;

	(void) state;
	begin(
		&e,
		"FE hour : standardize, small : standardize AS mlp(16, 8) PT "
		"activation = tanh, epochs = 20, batch = 32, lr = 0.05, patience = 0");
	get_means(&e, means);
	for (size_t row = 0; row < 40; row++)
	{
		cer_value *values = get_values(&e, row);

		explain(&e, values);
		for (size_t i = 0; i < 2; i++)
		{
			double slow = integrate_slowly(&e, values, means, i);
			double made = e.explanation.contributions[i];

			if (isnan(values[0].number) || isnan(values[1].number))
				continue;
			assert_true(fabs(slow - made) < 0.004 + 0.01 * fabs(slow));
			largest = fmax(largest, fabs(slow));
		}
		free(values);
	}
	assert_true(largest > 0.01);
	end(&e);
}

/* Zeroes the tensors whose name has the piece. */
static void
make_zeroed(explained *e, const char *piece, float *zeros)
{
	size_t n = e->trained.n_parts;
	cer_part *parts = calloc(n, sizeof(*parts));

	for (size_t i = 0; i < n; i++)
	{
		parts[i] = e->trained.parts[i];
		if (parts[i].kind == CER_PART_TENSOR &&
		    memmem(parts[i].name.data, parts[i].name.size, piece,
		           strlen(piece)) != NULL)
			parts[i].data = zeros;
	}
	make_explainer(e, parts);
	free(parts);
}

/* A row that says other than the baseline, explained; free(). */
static cer_value *
explain_telling_row(explained *e)
{
	for (size_t row = 0; row < 100; row++)
	{
		cer_value *values = get_values(e, row);

		explain(e, values);
		if (sum_up(&e->explanation) != 0)
			return values;
		free(values);
	}
	fail_msg("all rows are as the baseline");
	return NULL;
}

static void
test_explainer_run__gives_nothing_to_weights_of_zero(void **state)
{
	explained e;
	float *zeros = calloc(1 << 16, sizeof(float));
	cer_value *values;

	(void) state;
	begin(&e, "AS mlp(16, 8)" PT);
	make_zeroed(&e, "city", zeros);
	values = explain_telling_row(&e);
	for (size_t i = 0; i < e.explanation.n_inputs; i++)
		if (cer_model_get_input(e.model, i)->name.size == 4 &&
		    memcmp(cer_model_get_input(e.model, i)->name.data, "city", 4) == 0)
			assert_true(e.explanation.contributions[i] == 0);
	make_zeroed(&e, "", zeros);
	explain(&e, values);
	for (size_t i = 0; i < e.explanation.n_inputs; i++)
		assert_true(e.explanation.contributions[i] == 0);
	assert_true(e.explanation.log_odds == 0 && e.explanation.residual == 0);
	free(values);
	free(zeros);
	end(&e);
}

/* Two members that are one model say what it says. */
static void
test_explainer_run__of_an_ensemble_of_twins_is_theirs(void **state)
{
	static const double weights[] = {0.25, 0.75};
	explained e;
	cer_explanation alone;
	cer_value *values;
	cer_part *parts;
	size_t n_parts;

	(void) state;
	begin(&e, "FE hour, small, wide AS mlp(16, 8)" PT);
	parts = trained_double(e.arena, &e.trained, weights, &n_parts);
	values = explain_telling_row(&e);
	alone = e.explanation;
	make_explainer_of(&e, parts, n_parts);
	assert_int_equal(cer_model_count_values(e.model), 3);
	explain(&e, values);
	assert_int_equal(e.explanation.n_inputs, alone.n_inputs);
	assert_true(fabs(e.explanation.baseline - alone.baseline) < 1e-9);
	for (size_t i = 0; i < alone.n_inputs; i++)
		assert_true(fabs(e.explanation.contributions[i] -
		                 alone.contributions[i]) < 1e-5);
	free(values);
	end(&e);
}

/* ---- tensors whose rows come by their codes ---- */

static const cer_part *
find_part(const cer_part *parts, size_t n_parts, cer_text name)
{
	for (size_t i = 0; i < n_parts; i++)
		if (parts[i].kind == CER_PART_TENSOR &&
		    parts[i].name.size == name.size &&
		    memcmp(parts[i].name.data, name.data, name.size) == 0)
			return &parts[i];
	fail();
	return NULL;
}

/* Returns how many rows of tensors that was. */
static size_t
put_missing(const explained *e, const cer_score_rows *rows,
            const cer_part *whole, size_t n_parts)
{
	size_t n_put = 0;

	for (size_t i = 0; i < cer_explainer_count_left_out(e->explainer); i++)
	{
		const cer_left_out *tensor =
			cer_explainer_get_left_out(e->explainer, i);
		const float *from = find_part(whole, n_parts, tensor->name)->data;
		uint32_t missing[CER_FETCH_ROWS];
		size_t n;

		assert_int_equal(cer_explainer_find_missing(e->arena, e->explainer, i,
		                                            rows, missing, &n, NULL),
		                 CER_OK);
		for (size_t k = 0; k < n; k++, n_put++)
			assert_int_equal(cer_explainer_put_row(
								 e->explainer, i, missing[k],
								 from + missing[k] * tensor->n_floats, NULL),
			                 CER_OK);
	}
	return n_put;
}

/* less: without data of some tensors. */
static void
check_by_code(explained *with, const cer_part *less, const cer_part *whole,
              size_t n_parts)
{
	explained without = *with;
	size_t n_put = 0;

	make_explainer_of(with, whole, n_parts);
	make_explainer_of(&without, less, n_parts);
	assert_int_equal(cer_explainer_count_left_out(with->explainer), 0);
	for (size_t i = 0; i < 8; i++)
	{
		cer_value *values = get_values(with, i);
		cer_score_rows row = {.n_rows = 1, .values = values, .stride = 1};

		n_put += put_missing(&without, &row, whole, n_parts);
		explain(with, values);
		explain(&without, values);
		assert_same(&with->explanation, &without.explanation);
		free(values);
	}
	assert_in_range(n_put, 2, 32);
}

/* Of the model alone, then of two members that are it. */
static size_t
explain_by_code(const char *mst)
{
	static const double weights[] = {0.25, 0.75};
	size_t n_left_out = 0;
	explained e;
	cer_part *double_parts, *less;
	size_t n, n_double;

	begin(&e, mst);
	n = e.trained.n_parts;
	double_parts = trained_double(e.arena, &e.trained, weights, &n_double);
	less = calloc(n_double, sizeof(*less));
	for (size_t i = 0; i + 1 < n; i++)
	{
		const cer_model *model;

		memcpy(less, e.trained.parts, n * sizeof(*less));
		less[i].data = NULL;
		if (less[i].kind != CER_PART_TENSOR ||
		    cer_model_make(e.arena, less, n, &model, NULL) != CER_OK)
			continue;
		check_by_code(&e, less, e.trained.parts, n);
		memcpy(less, double_parts, n_double * sizeof(*less));
		less[i].data = less[n - 1 + i].data = NULL;
		check_by_code(&e, less, double_parts, n_double);
		n_left_out++;
	}
	free(less);
	end(&e);
	return n_left_out;
}

static void
test_explainer_put_row__has_the_bits_of_whole_tensors(void **state)
{
	(void) state;
	assert_int_equal(explain_by_code(ALL "AS mlp(16, 8)" PT), 3);
	assert_int_equal(explain_by_code(ALL "AS residual(1, 8)" PT), 3);
	assert_true(explain_by_code("AS ft_transformer(1, 8, heads = 2)" PT) > 0);
}

typedef struct allocation_case
{
	explained e;
	cer_value *values;
} allocation_case;

static cer_status
explain_and_free(cer_arena *arena, void *arg)
{
	allocation_case *with = arg;
	cer_score_rows row = {.n_rows = 1, .values = with->values, .stride = 1};
	cer_model_copy copy = {.parts = with->e.trained.parts,
	                       .n_parts = with->e.trained.n_parts};
	cer_status status = cer_explainer_make(arena, with->e.model, &copy,
	                                       &with->e.explainer, NULL);

	if (status == CER_OK)
		status = cer_explainer_run(arena, with->e.explainer, &row,
		                           &with->e.explanation, NULL);
	return status;
}

static void
test_explainer_run__survives_each_failed_allocation(void **state)
{
	allocation_case with;

	(void) state;
	begin(&with.e, "AS mlp(2000)" PT);
	with.values = get_values(&with.e, 0);
	assert_true(failing_host_run_arena(explain_and_free, &with) > 1);
	free(with.values);
	end(&with.e);
}

static bool
is_always_canceled(void *self)
{
	(void) self;
	return true;
}

static void
test_explainer_run__can_be_canceled(void **state)
{
	explained e;
	cer_host host = cer_host_plain;
	cer_arena *arena;
	cer_value *values;
	cer_score_rows row = {.n_rows = 1, .stride = 1};
	cer_error err = {0};

	(void) state;
	host.is_canceled = is_always_canceled;
	begin(&e, "AS mlp(8)" PT);
	arena = cer_arena_new(&host);
	row.values = values = get_values(&e, 0);
	assert_int_equal(
		cer_explainer_run(arena, e.explainer, &row, &e.explanation, &err),
		CER_CANCELED);
	free(values);
	cer_arena_free(arena);
	end(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explainer_run__is_complete),
		cmocka_unit_test(test_explainer_run__is_exact_where_linear),
		cmocka_unit_test(test_explainer_run__is_the_integral_of_gradients),
		cmocka_unit_test(test_explainer_run__gives_nothing_to_weights_of_zero),
		cmocka_unit_test(test_explainer_run__is_complete_of_all_layers),
		cmocka_unit_test(test_explainer_run__has_the_bits_of_each_row_alone),
		cmocka_unit_test(test_explainer_run__refuses_too_many_rows),
		cmocka_unit_test(test_explainer_run__of_an_ensemble_of_twins_is_theirs),
		cmocka_unit_test(test_explainer_put_row__has_the_bits_of_whole_tensors),
		cmocka_unit_test(test_explainer_run__can_be_canceled),
		cmocka_unit_test(test_explainer_run__survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
