/*
 * test_dimension.c
 *	  Tables of FE whose rows a batch has several times: the same sums as row by
 *	  row, the same bits whether repeated or not and for any number of threads.
 */
#include "nn/dimension_private.h"

#include "base/text.h"
#include "cmocka_all.h"
#include "failing_host.h"
#include "layer_text.h"
#include "net_case.h"
#include "random.h"
#include "tasks_host.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of the fact table stand before, between and behind those of p and q;
 * p.5 to p.9 and n20 to n22 may be ramps. */
#define N_NUMBERS 40
#define N_P       20
#define N_TRAIN   3000
#define N_VALID   700
#define P_ROWS    30
#define Q_ROWS    23

static const cer_table_shape tables[] = {{{"x", 1}, 5, 0},
                                         {{"p.x", 3}, 6, 0},
                                         {{"p.y", 3}, 12, 3},
                                         {{"y", 1}, 300, 4},
                                         {{"q.z", 3}, 400, 5}};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static const cer_text aliases[] = {{"p", 1}, {"q", 1}, {"r", 1}};

typedef struct star
{
	cer_arena *arena;
	char names[N_NUMBERS][8];
	cer_text number_names[N_NUMBERS];
	cer_number_place places[N_NUMBERS];
	cer_ramp ramps[2];
	cer_input_shape shape;
	cer_encoded train;
	cer_encoded valid;
	cer_settings settings;
	cer_run_config config;
	cer_run *run;
} star;

static char
get_table(size_t number)
{
	if (number % 10 == 0 || (number > 20 && number < 23))
		return ' ';
	return number < N_P ? 'p' : 'q';
}

static void
name_numbers(star *s)
{
	for (size_t i = 0; i < N_NUMBERS; i++)
	{
		char table = get_table(i);

		if (table == ' ')
			snprintf(s->names[i], sizeof(s->names[i]), "n%zu", i);
		else
			snprintf(s->names[i], sizeof(s->names[i]), "%c.%zu", table, i);
		s->number_names[i] = cer_text_of(s->names[i]);
	}
}

/* The ramp that has a number, or NULL. */
static cer_ramp *
find_ramp(star *s, size_t number)
{
	for (size_t i = 0; i < s->shape.n_ramps; i++)
		if (number - s->ramps[i].begin < s->ramps[i].n)
			return &s->ramps[i];
	return NULL;
}

static void
add_ramps(star *s)
{
	uint32_t stored = 0;

	s->ramps[0] = (cer_ramp){.begin = 5, .n = 5};
	s->ramps[1] = (cer_ramp){.begin = 20, .n = 3};
	s->shape.ramps = s->ramps;
	s->shape.n_ramps = 2;
	for (uint32_t i = 0; i < N_NUMBERS; i++)
	{
		cer_ramp *ramp = find_ramp(s, i);

		if (ramp == NULL)
			s->places[i] = (cer_number_place){stored++, CER_NO_STEP};
		else
		{
			if (i == ramp->begin)
			{
				ramp->stored = stored;
				stored += CER_RAMP_FLOATS;
			}
			s->places[i] = (cer_number_place){ramp->stored, i - ramp->begin};
		}
	}
	s->shape.places = s->places;
	s->shape.n_stored = stored;
}

static bool
is_of(const star *s, size_t stored, char table)
{
	for (size_t i = 0; i < N_NUMBERS; i++)
	{
		size_t place = s->shape.places != NULL ? s->places[i].stored : i;
		bool is_ramp =
			s->shape.places != NULL && s->places[i].step != CER_NO_STEP;

		if (stored >= place && stored < place + (is_ramp ? CER_RAMP_FLOATS : 1))
			return get_table(i) == table;
	}
	return false;
}

/* A row has what row `from` has of a table. */
static void
copy_table(const star *s, const cer_encoded *rows, char table, size_t row,
           size_t from)
{
	size_t n = cer_shape_count_stored(&s->shape);
	float *numbers = (float *) rows->numbers;
	uint32_t *codes = (uint32_t *) rows->codes;

	for (size_t i = 0; i < n; i++)
		if (is_of(s, i, table))
			numbers[row * n + i] = numbers[from * n + i];
	for (size_t i = 0; i < N_TABLES; i++)
		if (tables[i].name.data[1] == '.' && tables[i].name.data[0] == table)
			codes[row * N_TABLES + i] = codes[from * N_TABLES + i];
}

static cer_encoded
make_rows(const star *s, size_t n_rows, uint64_t seed)
{
	cer_encoded rows = net_case_make_rows(s->arena, &s->shape, n_rows, seed);
	test_random random = {seed + 100};

	for (size_t row = 0; row < n_rows; row++)
	{
		size_t p = random_below(&random, P_ROWS);
		size_t q = random_below(&random, Q_ROWS);

		if (row >= P_ROWS)
			copy_table(s, &rows, 'p', row, p);
		if (row >= Q_ROWS)
			copy_table(s, &rows, 'q', row, q);
	}
	return rows;
}

typedef struct star_spec
{
	const char *text; /* of the structure */
	bool has_ramp;
	bool has_no_aliases; /* all features are the fact table's own */
	bool repeats_rows;
	const cer_host *host;
} star_spec;

static void
star_init(star *s, const star_spec *spec)
{
	memset(s, 0, sizeof(*s));
	s->arena = cer_arena_new(&cer_host_plain);
	name_numbers(s);
	s->shape = (cer_input_shape){.n_numbers = N_NUMBERS,
	                             .number_names = s->number_names,
	                             .n_tables = N_TABLES,
	                             .tables = tables,
	                             .n_classes = 2,
	                             .n_rows = N_TRAIN,
	                             .aliases = aliases,
	                             .n_aliases = spec->has_no_aliases ? 0 : 3};
	if (spec->has_ramp)
		add_ramps(s);
	s->train = make_rows(s, N_TRAIN, 1);
	s->valid = make_rows(s, N_VALID, 2);
	s->settings = (cer_settings){.optimizer = CER_ADAM,
	                             .lr = 0.01,
	                             .beta1 = 0.9,
	                             .beta2 = 0.999,
	                             .epsilon = 1e-8,
	                             .batch = 512,
	                             .epochs = 3,
	                             .seed = 11};
	s->config = (cer_run_config){
		.host = spec->host != NULL ? spec->host : &cer_host_plain,
		.kernels = cer_kernels_choose(),
		.make_gemm = cer_gemm_make_xsmm,
		.shape = &s->shape,
		.structure = layer_text_read(s->arena, spec->text),
		.settings = &s->settings,
		.train = &s->train,
		.valid = &s->valid,
		.repeats_rows = spec->repeats_rows,
	};
}

static void
start(star *s)
{
	cer_error err;

	if (cer_run_make(s->arena, &s->config, &s->run, &err) != CER_OK)
		fail_msg("%s", err.message);
}

static void
run_all(star *s)
{
	bool is_finished = false;
	cer_epoch epoch;
	cer_error err;

	while (!is_finished)
		if (cer_run_epoch(s->run, &epoch, &is_finished, &err) != CER_OK)
			fail_msg("%s", err.message);
}

#define PERCEPTRON                                                         \
	"(chain (dense width=48) (activation function=relu) (dense width=16) " \
	"(activation function=relu))"

/* ------------------------------------------------------------ rows */

static void
test_dimension__finds_rows(void **state)
{
	static const size_t n_rows[] = {P_ROWS, Q_ROWS};
	star s;

	(void) state;
	star_init(&s, &(star_spec){.text = PERCEPTRON, .has_ramp = true});
	start(&s);
	assert_int_equal(s.run->graph->n_dimensions, 2);
	for (size_t d = 0; d < 2; d++)
	{
		const cer_dimension *dimension = &s.run->train.dimensions[d];
		size_t n_met = 0;

		assert_int_equal(dimension->n_rows, n_rows[d]);
		for (size_t row = 0; row < N_TRAIN; row++)
		{
			size_t number = dimension->of[row];
			const float *at =
				dimension->numbers + number * dimension->n_numbers;

			assert_true(number <= n_met);
			n_met += number == n_met;
			for (size_t i = 0; i < s.shape.n_stored; i++)
				if (is_of(&s, i, "pq"[d]))
					assert_true(s.train.numbers[row * s.shape.n_stored + i] ==
					            *at++);
			assert_int_equal(at - dimension->numbers,
			                 (number + 1) * dimension->n_numbers);
		}
		assert_int_equal(n_met, n_rows[d]);
	}
	cer_arena_free(s.arena);
}

#define MANY_ROWS 2000

/* More of them than a set of rows begins with. */
static void
test_dimension__finds_many_rows(void **state)
{
	cer_dimension_plan *plans;
	cer_encoded rows;
	size_t n_plans;
	size_t place = 0;
	star s;

	(void) state;
	star_init(&s, &(star_spec){.text = PERCEPTRON, .has_ramp = true});
	start(&s);
	rows = s.train;
	assert_int_equal(cer_dimensions_plan(s.arena, s.run->net, &rows, 1024,
	                                     &plans, &n_plans, NULL),
	                 CER_OK);
	while (!is_of(&s, place, 'p'))
		place++;
	for (size_t row = 0; row < N_TRAIN; row++)
		((float *) (uintptr_t) rows.numbers)[row * s.shape.n_stored + place] =
			(float) (row % MANY_ROWS);
	assert_int_equal(cer_dimensions_find(s.arena, &cer_host_plain, s.run->net,
	                                     plans, 1, &rows, NULL),
	                 CER_OK);
	assert_true(rows.dimensions[0].n_rows >= MANY_ROWS);
	for (size_t row = 0; row < N_TRAIN; row++)
	{
		const cer_dimension *p = &rows.dimensions[0];

		assert_true(p->numbers[p->of[row] * p->n_numbers] ==
		            (float) (row % MANY_ROWS));
	}
	cer_arena_free(s.arena);
}

/* ------------------------------------------------------------ the same sums */

static void
check_near(const float *a, const float *b, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabs((double) a[i] - (double) b[i]) <=
		      1e-5 + 1e-4 * fabs((double) b[i])))
			fail_msg("%s[%zu]: %g, expected %g", what, i, (double) a[i],
			         (double) b[i]);
}

/* Beside the same rows without aliases, which go row by row. */
static void
check_sums(const char *text, bool has_ramp)
{
	cer_batch batch = {.first = 100, .n_rows = 500, .is_training = true};
	float proba[2][2 * N_VALID];
	double losses[2];
	star s[2];

	for (size_t i = 0; i < 2; i++)
	{
		star_init(&s[i], &(star_spec){.text = text,
		                              .has_ramp = has_ramp,
		                              .has_no_aliases = i == 1});
		start(&s[i]);
		assert_int_equal(s[i].run->graph->n_dimensions, i == 0 ? 2 : 0);
		cer_graph_predict(s[i].run->graph, &s[i].run->valid, 0, N_VALID,
		                  proba[i]);
		batch.rows = &s[i].run->train;
		losses[i] = cer_graph_run(s[i].run->graph, &batch);
		s[i].run->graph->stepper.run = NULL;
		cer_graph_update(s[i].run->graph);
	}
	assert_true(fabs(losses[0] - losses[1]) < 1e-5 * losses[1]);
	check_near(proba[0], proba[1], 2 * N_VALID, "probability");
	check_near(s[0].run->graph->grads, s[1].run->graph->grads,
	           s[0].run->net->n_weights, "gradient");
	for (size_t i = 0; i < 2; i++)
		cer_arena_free(s[i].arena);
}

static void
test_dimension__sums(void **state)
{
	(void) state;
	check_sums(PERCEPTRON, false);
	check_sums(PERCEPTRON, true);
	check_sums("(sum (wide)(chain (dense width=64)(activation "
	           "function=relu)(output)))",
	           true);
}

/* Rows of several tables of FE that differ from row to row are left alone. */
static void
test_dimension__not_worth_it(void **state)
{
	star s;

	(void) state;
	star_init(&s, &(star_spec){.text = PERCEPTRON});
	s.train = net_case_make_rows(s.arena, &s.shape, N_TRAIN, 3);
	start(&s);
	assert_int_equal(s.run->graph->n_dimensions, 0);
	cer_arena_free(s.arena);
	star_init(&s, &(star_spec){.text = PERCEPTRON});
	s.settings.batch = 16;
	start(&s);
	assert_int_equal(s.run->graph->n_dimensions, 0);
	cer_arena_free(s.arena);
}

/* ------------------------------------------------------------ bits */

typedef struct result
{
	size_t size;
	float *weights;
	float proba[2 * N_VALID];
} result;

static result
train(const star_spec *spec)
{
	result r = {0};
	star s;

	star_init(&s, spec);
	start(&s);
	assert_int_equal(s.run->graph->n_dimensions, 2);
	run_all(&s);
	r.size = s.run->net->n_weights * sizeof(float);
	r.weights = malloc(r.size);
	memcpy(r.weights, s.run->graph->weights, r.size);
	memcpy(r.proba, s.run->proba, sizeof(r.proba));
	cer_arena_free(s.arena);
	return r;
}

static void
check_same(const result *expected, const star_spec *spec)
{
	result r = train(spec);

	assert_memory_equal(r.weights, expected->weights, expected->size);
	assert_memory_equal(r.proba, expected->proba, sizeof(r.proba));
	free(r.weights);
}

static void
test_dimension__bits(void **state)
{
	static const size_t counts[] = {2, 7};

	(void) state;
	for (size_t has_ramp = 0; has_ramp < 2; has_ramp++)
	{
		star_spec spec = {.text = PERCEPTRON, .has_ramp = has_ramp == 1};
		result expected = train(&spec);

		spec.repeats_rows = true;
		check_same(&expected, &spec);
		for (size_t i = 0; i < 2; i++)
		{
			tasks_host host;

			tasks_host_init(&host, counts[i]);
			spec.host = &host.host;
			spec.repeats_rows = i == 0;
			check_same(&expected, &spec);
		}
		free(expected.weights);
	}
}

/* Scores of a pass are those of any batches. */
static void
test_dimension__pass(void **state)
{
	float proba[2][2 * N_VALID];
	star s;

	(void) state;
	star_init(&s, &(star_spec){.text = PERCEPTRON, .has_ramp = true});
	start(&s);
	cer_graph_begin_pass(s.run->graph, &s.run->valid);
	assert_non_null(s.run->graph->pass);
	cer_graph_predict(s.run->graph, &s.run->valid, 0, N_VALID, proba[0]);
	cer_graph_end_pass(s.run->graph);
	for (size_t first = 0; first < N_VALID; first += 100)
		cer_graph_predict(s.run->graph, &s.run->valid, first, 100,
		                  proba[1] + 2 * first);
	assert_memory_equal(proba[0], proba[1], sizeof(proba[0]));
	cer_arena_free(s.arena);
}

/* ------------------------------------------------------------ failure */

static cer_status
make_and_free(const cer_host *host, void *arg)
{
	star *s = arg;
	cer_arena *arena = cer_arena_new(host);
	cer_status status;

	if (arena == NULL)
		return CER_NO_MEMORY;
	s->config.host = host;
	status = cer_run_make(arena, &s->config, &s->run, NULL);
	cer_arena_free(arena);
	return status;
}

static void
test_dimension__without_memory(void **state)
{
	star s;

	(void) state;
	star_init(&s, &(star_spec){.text = PERCEPTRON, .has_ramp = true});
	assert_true(failing_host_run(make_and_free, &s) > 20);
	cer_arena_free(s.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dimension__finds_rows),
		cmocka_unit_test(test_dimension__finds_many_rows),
		cmocka_unit_test(test_dimension__sums),
		cmocka_unit_test(test_dimension__not_worth_it),
		cmocka_unit_test(test_dimension__bits),
		cmocka_unit_test(test_dimension__pass),
		cmocka_unit_test(test_dimension__without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
