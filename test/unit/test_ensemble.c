/*
 * test_ensemble.c
 *	  Models put together: which are chosen, what they say together, what is
 *	  refused; temperatures; triples that AS auto comes to.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "trained.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_ROWS   12000 /* more than samples are drawn of */
#define FEW_ROWS 300

static void
assert_ok(cer_status status, const cer_error *err)
{
	if (status != CER_OK)
		fail_msg("%s", err->message);
}

/* ----------------------------------------------------------- selection */

static uint16_t
to_score(double p)
{
	return (uint16_t) (p * 65535 + 0.5);
}

/* Scores of class 1, wrong by noise of a size. */
static uint16_t *
make_scores(test_random *random, const uint16_t *labels, double noise)
{
	uint16_t *scores = calloc(N_ROWS * 2, sizeof(*scores));

	for (size_t row = 0; row < N_ROWS; row++)
	{
		double p = labels[row] ? 0.8 : 0.2;

		p += noise * ((double) random_below(random, 1001) / 1000 - 0.5);
		p = fmin(fmax(p, 0.02), 0.98);
		scores[row * 2 + 1] = to_score(p);
		scores[row * 2] = (uint16_t) (65535 - scores[row * 2 + 1]);
	}
	return scores;
}

static double
find_loss(const cer_ensemble_source *from, const uint32_t *counts)
{
	double sum = 0;

	for (size_t row = 0; row < from->n_rows; row++)
	{
		double p = 0;
		double n = 0;

		for (size_t i = 0; i < from->n_models; i++)
		{
			p += counts[i] *
			     (from->scores[i][row * 2 + from->labels[row]] / 65535.0);
			n += counts[i];
		}
		sum -= log(p / n);
	}
	return sum / (double) from->n_rows;
}

static void
test_ensemble_choose__is_greedy(void **state)
{
	const double noises[] = {0.5, 0.3, 0.4, 0.9};
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	uint16_t labels[N_ROWS];
	const uint16_t *scores[4];
	cer_ensemble_source from = {4, N_ROWS, 2, scores, labels};
	uint32_t counts[4] = {0};
	uint32_t expected[4] = {0};
	uint32_t best[4] = {0};
	double best_loss = INFINITY;
	test_random random;
	double loss;
	cer_error err;

	(void) state;
	random_init(&random);
	for (size_t row = 0; row < N_ROWS; row++)
		labels[row] = (uint16_t) random_below(&random, 2);
	for (size_t i = 0; i < 4; i++)
		scores[i] = make_scores(&random, labels, noises[i]);
	assert_ok(cer_ensemble_choose(arena, &from, 10, counts, &loss, &err), &err);
	for (int step = 0; step < 10; step++)
	{
		size_t next = 0;
		double least = INFINITY;

		for (size_t i = 0; i < 4; i++)
		{
			double with;

			expected[i]++;
			with = find_loss(&from, expected);
			if (with < least - 1e-12)
			{
				least = with;
				next = i;
			}
			expected[i]--;
		}
		expected[next]++;
		if (least < best_loss - 1e-12)
		{
			best_loss = least;
			memcpy(best, expected, sizeof(best));
		}
	}
	assert_memory_equal(counts, best, sizeof(best));
	assert_true(fabs(loss - best_loss) < 1e-9);
	for (size_t i = 0; i < 4; i++)
		free((void *) (uintptr_t) scores[i]);
	cer_arena_free(arena);
}

/* Each of 16 samples chooses for itself. */
static void
test_ensemble_choose__samples_few_rows(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	uint16_t labels[N_ROWS];
	const uint16_t *scores[8];
	cer_ensemble_source from = {8, FEW_ROWS, 2, scores, labels};
	uint32_t counts[8];
	uint32_t again[8];
	uint32_t n = 0;
	uint32_t n_members = 0;
	test_random random;
	double loss;
	cer_error err;

	(void) state;
	random_init(&random);
	for (size_t row = 0; row < N_ROWS; row++)
		labels[row] = (uint16_t) random_below(&random, 2);
	for (size_t i = 0; i < 8; i++)
		scores[i] = make_scores(&random, labels, i == 7 ? 1.5 : 0.3);
	assert_ok(cer_ensemble_choose(arena, &from, 5, counts, &loss, &err), &err);
	assert_true(fabs(loss - find_loss(&from, counts)) < 1e-9);
	for (size_t i = 0; i < 8; i++)
	{
		n += counts[i];
		n_members += counts[i] > 0;
	}
	assert_in_range(n, 16, 16 * 5);
	assert_in_range(n_members, 3, 8);
	assert_true(counts[7] * 7 < n);
	assert_ok(cer_ensemble_choose(arena, &from, 5, again, &loss, &err), &err);
	assert_memory_equal(counts, again, sizeof(counts));
	assert_ok(cer_ensemble_choose(arena, &from, 1, counts, &loss, &err), &err);
	n = 0;
	for (size_t i = 0; i < 8; i++)
		n += counts[i];
	assert_int_equal(n, 16);
	for (size_t i = 0; i < 8; i++)
		free((void *) (uintptr_t) scores[i]);
	cer_arena_free(arena);
}

static void
test_ensemble_choose__takes_the_first_of_equals(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	static const uint16_t labels[] = {0, 1};
	static const uint16_t same[] = {40000, 25535, 0, 65535};
	const uint16_t *scores[] = {same, same};
	cer_ensemble_source from = {2, 2, 2, scores, labels};
	uint32_t counts[2] = {7, 7};
	double loss;
	cer_error err;

	(void) state;
	assert_ok(cer_ensemble_choose(arena, &from, 5, counts, &loss, &err), &err);
	assert_true(counts[0] > 0 && counts[1] == 0);
	assert_true(fabs(loss + 0.5 * log(40000 / 65535.0)) < 1e-9);
	from.n_models = 0;
	assert_int_equal(cer_ensemble_choose(arena, &from, 5, counts, &loss, &err),
	                 CER_BAD_CALL);
	cer_arena_free(arena);
}

/* ------------------------------------------------------------- members */

#define N_MEMBERS 2

static const char *const triples[N_MEMBERS] = {
	"FE *, city : embed(3) AS mlp(16, 8) PT epochs = 2, batch = 64",
	"FE hour, city : onehot AS mlp(8) PT epochs = 2, batch = 64, seed = 3"};
static const double weights[N_MEMBERS] = {0.75, 0.25};

typedef struct together
{
	trained_model of[N_MEMBERS];
	cer_arena *arena;
	cer_part *parts;
	size_t n_parts;
} together;

static void
add_member(together *t, size_t number)
{
	const trained_model *of = &t->of[number];

	for (size_t i = 0; i < of->n_parts; i++)
	{
		cer_part *part = &t->parts[t->n_parts];
		char *name;

		if (of->parts[i].kind == CER_PART_VALID_SCORES)
			continue;
		name = cer_arena_allocate(t->arena, of->parts[i].name.size + 20);
		*part = of->parts[i];
		part->name.size =
			(size_t) sprintf(name, "%zu/%.*s", number + 1,
		                     (int) part->name.size, part->name.data);
		part->name.data = name;
		t->n_parts++;
	}
}

static int
set_up(void **state)
{
	together *t = calloc(1, sizeof(*t));
	cer_ensemble ensemble = {1.0, N_MEMBERS, weights};
	test_random random;
	cer_error err;

	random_init(&random);
	t->arena = cer_arena_new(&cer_host_plain);
	for (size_t i = 0; i < N_MEMBERS; i++)
	{
		test_random again = random; /* the same rows */

		trained_init(&t->of[i], &again, triples[i]);
	}
	t->parts = cer_arena_allocate(
		t->arena, (t->of[0].n_parts + t->of[1].n_parts + 1) * sizeof(cer_part));
	assert_ok(cer_ensemble_make_header(t->arena, &ensemble, &t->parts[0], &err),
	          &err);
	t->n_parts = 1;
	for (size_t i = 0; i < N_MEMBERS; i++)
		add_member(t, i);
	*state = t;
	return 0;
}

static int
tear_down(void **state)
{
	together *t = *state;

	for (size_t i = 0; i < N_MEMBERS; i++)
		trained_release(&t->of[i]);
	cer_arena_free(t->arena);
	free(t);
	return 0;
}

static void
write_values(const test_rows *rows, size_t row, const cer_model *model,
             size_t input, cer_value *values, size_t stride)
{
	const cer_input *wanted = cer_model_get_input(model, input);

	values += cer_model_get_value(model, input) * stride;
	for (size_t i = 0; i < ROWS_N_STAR; i++)
	{
		test_value from = rows->values[row * rows->n_inputs + i];
		cer_text text = from.text;

		if (rows->inputs[i].name.size != wanted->name.size ||
		    memcmp(rows->inputs[i].name.data, wanted->name.data,
		           wanted->name.size) != 0)
			continue;
		if (text.data == NULL)
			text.size = SIZE_MAX;
		if (wanted->storage == CER_CODE32)
			cer_model_encode_text(model, input, text, values, stride);
		else
			values->number = from.number;
		return;
	}
	fail_msg("no input of that name");
}

/* Of all rows: at once by column, or one by one. */
static float *
score(const cer_model *model, const test_rows *rows, size_t n_rows,
      bool is_single)
{
	size_t n = cer_model_count_values(model);
	size_t size = cer_model_get_scratch_size(model, n_rows);
	void *scratch = aligned_alloc(64, (size + 63) / 64 * 64);
	float *proba = calloc(n_rows * 2, sizeof(*proba));
	cer_value *values = calloc(n_rows * n, sizeof(*values));

	memset(scratch, 0x5A, size);
	for (size_t row = 0; row < n_rows; row++)
		for (size_t i = 0; i < cer_model_count_inputs(model); i++)
			write_values(rows, row, model, i,
			             values + (is_single ? row * n : row),
			             is_single ? 1 : n_rows);
	for (size_t row = 0; is_single && row < n_rows; row++)
		cer_model_score(model, 1, values + row * n, proba + row * 2, scratch);
	if (!is_single)
		cer_model_score_columns(model, n_rows, values, n_rows, proba, scratch);
	free(values);
	free(scratch);
	return proba;
}

static void
test_ensemble__says_the_mean_of_its_members(void **state)
{
	together *t = *state;
	const cer_model *model;
	const cer_model *of[N_MEMBERS];
	float *said[N_MEMBERS];
	float *together_said;
	float *single;
	const test_rows *rows = t->of[0].rows;
	size_t n = 130;
	cer_error err;

	assert_ok(cer_model_make(t->arena, t->parts, t->n_parts, &model, &err),
	          &err);
	for (size_t i = 0; i < N_MEMBERS; i++)
	{
		assert_ok(cer_model_make(t->arena, t->of[i].parts, t->of[i].n_parts,
		                         &of[i], &err),
		          &err);
		said[i] = score(of[i], rows, n, false);
	}
	assert_int_equal(cer_model_count_inputs(model),
	                 cer_model_count_inputs(of[0]));
	assert_int_equal(cer_model_count_classes(model), 2);
	assert_string_equal(cer_model_get_kernel_class(model),
	                    cer_model_get_kernel_class(of[0]));
	together_said = score(model, rows, n, false);
	single = score(model, rows, n, true);
	assert_memory_equal(together_said, single, n * 2 * sizeof(float));
	for (size_t i = 0; i < 2 * n; i++)
	{
		float expected = 0.0f;

		for (size_t j = 0; j < N_MEMBERS; j++)
			expected += (float) weights[j] * said[j][i];
		assert_true(fabsf(together_said[i] - expected) < 1e-7f);
	}
	free(together_said);
	free(single);
	for (size_t i = 0; i < N_MEMBERS; i++)
		free(said[i]);
}

static void
expect_refusal(together *t, const cer_part *parts, size_t n_parts,
               const char *message)
{
	const cer_model *model;
	cer_error err = {0};

	if (cer_model_make(t->arena, parts, n_parts, &model, &err) == CER_OK)
		fail_msg("made, not \"%s\"", message);
	if (strstr(err.message, message) == NULL)
		fail_msg("\"%s\" is not \"%s\"", err.message, message);
}

static void
test_ensemble__refuses_what_does_not_belong(void **state)
{
	together *t = *state;
	cer_part *parts = calloc(t->n_parts + 1, sizeof(*parts));
	char bytes[64];

	memcpy(parts, t->parts, t->n_parts * sizeof(*parts));
	parts[t->n_parts - 2] = parts[t->n_parts - 1]; /* a bias is away */
	expect_refusal(t, parts, t->n_parts - 1, "parts of kind 2");
	memcpy(parts, t->parts, t->n_parts * sizeof(*parts));
	parts[t->n_parts] = parts[1];
	parts[t->n_parts].name = (cer_text){"3/header", 8};
	expect_refusal(t, parts, t->n_parts + 1, "parts of no member");
	parts[0].size--;
	expect_refusal(t, parts, t->n_parts, "damaged");
	assert_true(parts[0].size < sizeof(bytes));
	parts[0] = t->parts[0];
	memcpy(bytes, parts[0].data, parts[0].size);
	parts[0].data = bytes;
	bytes[0] = 9;
	expect_refusal(t, parts, t->n_parts, "unknown format");
	bytes[0] = 1;
	memset(bytes + 1, 0, 8); /* the temperature */
	expect_refusal(t, parts, t->n_parts, "damaged");
	memcpy(bytes, t->parts[0].data, parts[0].size);
	memcpy(bytes + parts[0].size - 8, bytes + parts[0].size - 16, 8);
	expect_refusal(t, parts, t->n_parts, "damaged"); /* weights: 1.5 */
	parts[0] = t->parts[0];
	parts[1].name = (cer_text){"1/members", 9};
	expect_refusal(t, parts, t->n_parts, "is an ensemble");
	free(parts);
}

/* -------------------------------------------------------- temperatures */

#define N_SCORED 4000

/* Labels drawn from probabilities, which are then told with logits times a
 * factor. */
static void
make_told(test_random *random, double factor, float *proba, uint16_t *labels)
{
	for (size_t row = 0; row < N_SCORED; row++)
	{
		double z = ((double) random_below(random, 10001) - 5000) / 1500;
		double p = 1 / (1 + exp(-z));
		double told = 1 / (1 + exp(-z * factor));

		labels[row] =
			(double) random_below(random, 1000000) / 1000000 < p ? 1 : 0;
		proba[row * 2] = (float) (1 - told);
		proba[row * 2 + 1] = (float) told;
	}
}

static void
test_temperature__is_found(void **state)
{
	static float proba[N_SCORED * 2];
	static float cooled[N_SCORED * 2];
	static uint16_t labels[N_SCORED];
	test_random random;
	double t;

	(void) state;
	random_init(&random);
	make_told(&random, 2.5, proba, labels);
	t = cer_temperature_find(N_SCORED, 2, proba, labels);
	assert_true(t > 2.1 && t < 3.0);
	memcpy(cooled, proba, sizeof(proba));
	cer_temperature_apply(t, N_SCORED, 2, cooled);
	for (size_t row = 1; row < N_SCORED; row++)
	{
		assert_true(fabsf(cooled[row * 2] + cooled[row * 2 + 1] - 1) < 1e-6f);
		/* ranks stay */
		if (proba[row * 2 + 1] > proba[row * 2 - 1])
			assert_true(cooled[row * 2 + 1] >= cooled[row * 2 - 1]);
	}
	make_told(&random, 0.4, proba, labels);
	t = cer_temperature_find(N_SCORED, 2, proba, labels);
	assert_true(t > 0.3 && t < 0.5);
	memcpy(cooled, proba, sizeof(proba));
	cer_temperature_apply(1.0, N_SCORED, 2, cooled);
	assert_memory_equal(cooled, proba, sizeof(proba));
}

/* Too few rows to tell, or nothing to gain. */
static void
test_temperature__is_left_alone(void **state)
{
	static float proba[N_SCORED * 2];
	static uint16_t labels[N_SCORED];
	test_random random;
	int n_found = 0;

	(void) state;
	random_init(&random);
	make_told(&random, 4.0, proba, labels);
	assert_true(cer_temperature_find(99, 2, proba, labels) == 1.0);
	for (int i = 0; i < 20; i++)
	{
		make_told(&random, 1.0, proba, labels);
		n_found += cer_temperature_find(N_SCORED, 2, proba, labels) != 1.0;
	}
	assert_true(n_found <= 10);
}

/* ------------------------------------------------------------- AS auto */

static const cer_mst *
parse(cer_arena *arena, const char *text)
{
	const cer_mst *mst;
	cer_error err = {0};

	assert_ok(cer_mst_parse(arena, (cer_text){text, strlen(text)}, &mst, &err),
	          &err);
	return mst;
}

static void
expect_made(const char *request, size_t n_rows, cer_auto_try wanted,
            const char *expected)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_mst *mst = parse(arena, request);
	const cer_mst *made;
	cer_auto_choice choice;
	cer_text text;
	cer_error err = {0};

	cer_auto_get(mst, wanted.choice, n_rows, &choice);
	if (wanted.epochs == 0)
		wanted.epochs = choice.epochs;
	assert_ok(cer_auto_make(arena, mst, &wanted, &made, &err), &err);
	assert_ok(cer_mst_print(arena, made, &text, &err), &err);
	assert_string_equal(text.data, expected);
	cer_arena_free(arena);
}

static void
expect_default(const char *request, size_t n_rows, const char *expected)
{
	expect_made(request, n_rows,
	            (cer_auto_try){.choice = cer_auto_get_default()}, expected);
}

/* Every row of the portfolio can be trained, and says what it costs. */
static void
test_auto__portfolio_is_whole(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_mst *mst = parse(arena, "AS auto(5)");
	const cer_mst *said = parse(arena, "AS auto(5) PT epochs = 3, seed = 1");
	size_t n_probes = 0;

	(void) state;
	for (size_t i = 0; i < cer_auto_count(); i++)
	{
		cer_auto_try wanted = {.choice = i, .epochs = 7, .repeat = 2};
		const cer_mst *made;
		cer_auto_choice choice;
		cer_text text;
		char seed[32];
		cer_error err = {0};

		cer_auto_get(said, i, 100, &choice);
		assert_int_equal(choice.epochs, 3);
		assert_int_equal(choice.least_epochs, 3);
		assert_false(choice.may_repeat);
		cer_auto_get(mst, i, 1000000, &choice);
		assert_true(choice.cost > 0);
		assert_in_range(choice.least_epochs, 1, choice.epochs);
		n_probes += choice.probe_epochs > 0;
		assert_ok(cer_auto_make(arena, mst, &wanted, &made, &err), &err);
		assert_ok(cer_mst_check_bound(made, &err), &err);
		assert_ok(cer_mst_print(arena, made, &text, &err), &err);
		snprintf(seed, sizeof(seed), "seed = %zu ", i + 2 * cer_auto_count());
		assert_non_null(strstr(text.data, "epochs = 7"));
		assert_non_null(strstr(text.data, seed));
	}
	assert_in_range(n_probes, 1, cer_auto_count() - 1);
	cer_arena_free(arena);
}

/* Every choice has a place; what begins where rows are few is probed. */
static void
test_auto__order_is_whole(void **state)
{
	static const size_t n_rows[] = {100, 7999, 8000, 1000000};
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_mst *mst = parse(arena, "AS auto(5)");

	(void) state;
	for (size_t i = 0; i < 4; i++)
	{
		const cer_auto_order *order = cer_auto_get_order(n_rows[i]);
		bool is_there[64] = {false};

		assert_true(order->first_share > 0 && order->first_share < 1);
		assert_int_equal(order->choices[0], cer_auto_get_default());
		assert_int_equal(order->choices[1], n_rows[i] < 8000 ? 2 : 1);
		/* of few rows seeds differ most: the best is tried again early */
		assert_int_equal(order->n_first < cer_auto_count(), n_rows[i] < 8000);
		assert_int_equal(order->choices[4], n_rows[i] < 8000 ? 7 : 5);
		for (size_t place = 0; place < cer_auto_count(); place++)
		{
			cer_auto_choice choice;

			assert_in_range(order->choices[place], 0, cer_auto_count() - 1);
			assert_false(is_there[order->choices[place]]);
			is_there[order->choices[place]] = true;
			cer_auto_get(mst, order->choices[place], n_rows[i], &choice);
			assert_true(place > 1 || choice.probe_epochs > 0);
		}
	}
	cer_arena_free(arena);
}

#define LONG_FE                                                \
	"FE JOIN airports VIA (dest), JOIN planes, JOIN weather, " \
	"dow = (extract(dow from time_hour)) : onehot, hour"
#define LONG_PT                                                    \
	"PT sgd(lr = 0.5, momentum = 0.5, decay = 0.25), epochs = 3, " \
	"patience = 2, dropout = 0.25, seed = 7"

static void
test_auto__follows_the_rows_and_the_request(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_mst *mst = parse(arena, "FE a AS auto(60) PT lr = 0.5");
	const cer_mst *request;
	cer_text text;
	cer_error err = {0};

	(void) state;
	assert_true(cer_mst_is_auto(mst));
	assert_true(cer_mst_get_budget(mst) == 60);
	assert_false(cer_mst_is_auto(parse(arena, "FE a")));
	assert_int_not_equal(cer_mst_check_bound(mst, &err), CER_OK);
	assert_ok(cer_auto_request(arena, parse(arena, "FE a AS mlp(3) PT lr = 1"),
	                           &request, &err),
	          &err);
	assert_ok(cer_mst_print(arena, request, &text, &err), &err);
	assert_string_equal(text.data, "FE a AS auto @1");
	expect_default("AS auto", 500,
	               "FE * AS realmlp(256 x 3) PT epochs = 64 @1");
	expect_default("AS auto", 40000,
	               "FE * AS realmlp(256 x 3) PT epochs = 32 @1");
	expect_default("AS auto(10)", 10000000,
	               "FE * AS realmlp(256 x 3) PT epochs = 12 @1");
	expect_default("FE a : onehot AS auto(5) PT sgd(lr = 0.5), epochs = 3", 100,
	               "FE a : onehot AS realmlp(256 x 3) PT sgd(lr = 0.5), "
	               "epochs = 3 @1");
	expect_made("AS auto(5)", 100,
	            (cer_auto_try){.choice = 3, .epochs = 20, .repeat = 1},
	            "FE * AS wide PT adamw(lr = 0.003), epochs = 20, patience = 0, "
	            "schedule = cosine, seed = 13 @1");
	expect_made("AS auto(5) PT seed = 3", 100,
	            (cer_auto_try){.choice = 1, .repeat = 1},
	            "FE * AS mlp(256 x 3) PT adamw(lr = 0.002, decay = 0.02), "
	            "epochs = 32, patience = 0, activation = silu, "
	            "schedule = cosine, seed = 3 @1");
	/* texts that are longer than what a message shows of one */
	expect_default(LONG_FE " AS auto " LONG_PT, 100,
	               LONG_FE " AS realmlp(256 x 3) " LONG_PT " @1");
	assert_ok(cer_auto_request(arena, parse(arena, LONG_FE " AS mlp(3)"),
	                           &request, &err),
	          &err);
	assert_ok(cer_mst_print(arena, request, &text, &err), &err);
	assert_string_equal(text.data, LONG_FE " AS auto @1");
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ensemble_choose__is_greedy),
		cmocka_unit_test(test_ensemble_choose__samples_few_rows),
		cmocka_unit_test(test_ensemble_choose__takes_the_first_of_equals),
		cmocka_unit_test(test_ensemble__says_the_mean_of_its_members),
		cmocka_unit_test(test_ensemble__refuses_what_does_not_belong),
		cmocka_unit_test(test_temperature__is_found),
		cmocka_unit_test(test_temperature__is_left_alone),
		cmocka_unit_test(test_auto__follows_the_rows_and_the_request),
		cmocka_unit_test(test_auto__portfolio_is_whole),
		cmocka_unit_test(test_auto__order_is_whole),
	};

	return cmocka_run_group_tests_name("ensemble", tests, set_up, tear_down);
}
