/*
 * test_explain.c
 *	  What features add to a prediction: all of it together, exactly where the
 *	  network is linear, and what a slow integral in the rows' own space says.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "failing_host.h"
#include "trained.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALL "FE *, hour : onehot, city : embed(3), wide : ple(5), small "
#define PT  " PT epochs = 6, batch = 64, lr = 0.02"

/* A model of random rows, and a row of it. */
typedef struct explained
{
	trained_model trained;
	cer_arena *arena;
	const cer_model *model;
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
begin(explained *e, const char *mst)
{
	test_random random;
	cer_error err = {0};

	random_init(&random);
	trained_init(&e->trained, &random, mst);
	e->arena = cer_arena_new(&cer_host_plain);
	assert_ok(cer_model_make(e->arena, e->trained.parts, e->trained.n_parts,
	                         &e->model, &err),
	          &err);
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
	cer_error err = {0};

	assert_ok(
		cer_model_explain(e->arena, e->model, values, &e->explanation, &err),
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
check_complete(const char *mst)
{
	explained e;
	double largest = 0;

	begin(&e, mst);
	for (size_t row = 0; row < 100; row++)
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
	assert_true(largest > 0.01);
	end(&e);
}

static void
test_model_explain__is_complete(void **state)
{
	(void) state;
	check_complete(ALL "AS mlp(16, 8)" PT);
	check_complete(ALL "AS mlp(32, 16) PT activation = gelu, epochs = 6, "
	                   "batch = 64, lr = 0.02, dropout = 0.1");
	check_complete("FE *, small : bins(4), wide : log AS mlp(70)" PT);
	check_complete("AS output" PT);
	check_complete("AS snn(16, 8)" PT);
}

/* Each input adds by itself what it adds beside others. */
static void
test_model_explain__is_exact_where_linear(void **state)
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
test_model_explain__is_the_integral_of_gradients(void **state)
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
			assert_true(fabs(slow - made) < 0.002 + 0.01 * fabs(slow));
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
	cer_error err = {0};

	for (size_t i = 0; i < n; i++)
	{
		parts[i] = e->trained.parts[i];
		if (parts[i].kind == CER_PART_TENSOR &&
		    strstr(parts[i].name.data, piece) != NULL)
			parts[i].data = zeros;
	}
	assert_ok(cer_model_make(e->arena, parts, n, &e->model, &err), &err);
	free(parts);
}

static void
test_model_explain__gives_nothing_to_weights_of_zero(void **state)
{
	explained e;
	float *zeros = calloc(1 << 16, sizeof(float));
	cer_value *values;

	(void) state;
	begin(&e, "AS mlp(16, 8)" PT);
	make_zeroed(&e, "city", zeros);
	values = get_values(&e, 7);
	explain(&e, values);
	for (size_t i = 0; i < e.explanation.n_inputs; i++)
		if (cer_model_get_input(e.model, i)->name.size == 4 &&
		    memcmp(cer_model_get_input(e.model, i)->name.data, "city", 4) == 0)
			assert_true(e.explanation.contributions[i] == 0);
	assert_true(sum_up(&e.explanation) != 0);
	make_zeroed(&e, "", zeros);
	explain(&e, values);
	for (size_t i = 0; i < e.explanation.n_inputs; i++)
		assert_true(e.explanation.contributions[i] == 0);
	assert_true(e.explanation.log_odds == 0 && e.explanation.residual == 0);
	free(values);
	free(zeros);
	end(&e);
}

static void
test_model_explain__refuses_other_structures(void **state)
{
	explained e;
	cer_value *values;
	cer_error err = {0};

	(void) state;
	begin(&e, "AS tokens(4) > skip(attention(2)) > flatten > mlp(8)" PT);
	values = get_values(&e, 0);
	assert_int_equal(
		cer_model_explain(e.arena, e.model, values, &e.explanation, &err),
		CER_BAD_VALUE);
	assert_non_null(strstr(err.message, "tokens"));
	assert_non_null(strstr(err.hint, "mlp"));
	free(values);
	end(&e);
}

typedef struct allocation_case
{
	explained e;
	cer_value *values;
} allocation_case;

static cer_status
explain_and_free(const cer_host *host, void *arg)
{
	allocation_case *with = arg;
	cer_arena *arena = cer_arena_new(host);
	cer_status status = CER_NO_MEMORY;

	if (arena != NULL)
		status = cer_model_explain(arena, with->e.model, with->values,
		                           &with->e.explanation, NULL);
	cer_arena_free(arena);
	return status;
}

static void
test_model_explain__survives_each_failed_allocation(void **state)
{
	allocation_case with;

	(void) state;
	begin(&with.e, "AS mlp(2000)" PT);
	with.values = get_values(&with.e, 0);
	assert_true(failing_host_run(explain_and_free, &with) > 1);
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
test_model_explain__can_be_canceled(void **state)
{
	explained e;
	cer_host host = cer_host_plain;
	cer_arena *arena;
	cer_value *values;
	cer_error err = {0};

	(void) state;
	host.is_canceled = is_always_canceled;
	begin(&e, "AS mlp(8)" PT);
	arena = cer_arena_new(&host);
	values = get_values(&e, 0);
	assert_int_equal(
		cer_model_explain(arena, e.model, values, &e.explanation, &err),
		CER_CANCELED);
	free(values);
	cer_arena_free(arena);
	end(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_explain__is_complete),
		cmocka_unit_test(test_model_explain__is_exact_where_linear),
		cmocka_unit_test(test_model_explain__is_the_integral_of_gradients),
		cmocka_unit_test(test_model_explain__gives_nothing_to_weights_of_zero),
		cmocka_unit_test(test_model_explain__refuses_other_structures),
		cmocka_unit_test(test_model_explain__can_be_canceled),
		cmocka_unit_test(test_model_explain__survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
