/*
 * test_reason.c
 *	  A number that is not finite stops a training and says why: each reason
 *	  where it is the one, by what can be seen.
 */
#include "train/run.h"

#include "base/text.h"
#include "cmocka_all.h"
#include "layer_text.h"
#include "net_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_NUMBERS 60

static const cer_settings usual = {
	.optimizer = CER_SGD, .lr = 0.1, .batch = 64, .epochs = 2, .seed = 11};

typedef struct reason_case
{
	cer_arena *arena;
	cer_text names[N_NUMBERS];
	char texts[N_NUMBERS][8];
	cer_input_shape shape;
	cer_settings settings;
	cer_encoded train;
	cer_encoded valid;
	cer_run *run;
	cer_error err;
} reason_case;

static void
init(reason_case *c, const char *structure, const cer_settings *settings)
{
	cer_run_config config = {.host = &cer_host_plain,
	                         .kernels = cer_kernels_choose(),
	                         .make_gemm = cer_gemm_make_xsmm,
	                         .shape = &c->shape,
	                         .settings = &c->settings,
	                         .train = &c->train,
	                         .valid = &c->valid};

	memset(c, 0, sizeof(*c));
	c->arena = cer_arena_new(&cer_host_plain);
	c->settings = *settings;
	for (size_t i = 0; i < N_NUMBERS; i++)
	{
		snprintf(c->texts[i], sizeof(c->texts[i]), "x%zu", i);
		c->names[i] = cer_text_of(c->texts[i]);
	}
	c->shape = (cer_input_shape){
		.n_numbers = N_NUMBERS, .number_names = c->names, .n_classes = 2};
	c->train = net_case_make_rows(c->arena, &c->shape, 500, 1);
	c->valid = net_case_make_rows(c->arena, &c->shape, 100, 2);
	config.structure = layer_text_read(c->arena, structure);
	if (cer_run_make(c->arena, &config, &c->run, &c->err) != CER_OK)
		fail_msg("%s", c->err.message);
}

static float *
get_tensor(const reason_case *c, const char *name, size_t *n)
{
	for (size_t i = 0; i < c->run->net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = cer_net_get_tensor(c->run->net, i);

		if (strcmp(tensor->name.data, name) != 0)
			continue;
		*n = tensor->size;
		return cer_graph_get_weights(c->run->graph) + tensor->offset;
	}
	fail_msg("no tensor %s", name);
	return NULL;
}

/* Weights as they are become what the training begins with. */
static cer_status
begin(reason_case *c)
{
	size_t size = c->run->net->n_weights * sizeof(float);
	float *weights = cer_arena_allocate(c->arena, size);
	cer_run_state state = {.weights = weights};
	cer_metrics valid;

	memcpy(weights, cer_graph_get_weights(c->run->graph), size);
	return cer_run_begin_with(c->run, &state, &valid, &c->err);
}

static void
train(reason_case *c)
{
	cer_status status = CER_OK;
	bool is_finished = false;
	cer_epoch epoch;

	while (status == CER_OK && !is_finished)
		status = cer_run_epoch(c->run, &epoch, &is_finished, &c->err);
	assert_int_equal(status, CER_NOT_FINITE);
}

static void
check(reason_case *c, const char *detail, const char *hint)
{
	if (strstr(c->err.detail, detail) == NULL)
		fail_msg("%s\n%s", c->err.message, c->err.detail);
	assert_string_equal(c->err.hint, hint);
	cer_arena_free(c->arena);
}

static void
test_reason__inputs(void **state)
{
	reason_case c;
	float *numbers;

	(void) state;
	init(&c, "(chain (dense width=8)(activation function=relu))", &usual);
	numbers = (float *) c.train.numbers;
	for (size_t row = 0; row < c.train.n_rows; row++)
		numbers[row * N_NUMBERS + 7] *= 1e25f;
	train(&c);
	check(&c, "The number \"x7\" of a row is as large as ",
	      "Let another encoder bound it, for example robust or quantile.");
}

static void
test_reason__weights_of_the_start(void **state)
{
	reason_case c;
	float *weights;
	size_t n;

	(void) state;
	init(&c, "(chain (dense width=8)(dense width=4))", &usual);
	weights = get_tensor(&c, "dense(4)[0].weight", &n);
	for (size_t i = 0; i < n; i++)
		weights[i] = 2e38f;
	assert_int_equal(begin(&c), CER_NOT_FINITE);
	check(&c,
	      "No step is done yet: the weights that the training begins with "
	      "are as large as 2e+38 in \"dense(4)[0].weight\", first in layer "
	      "\"dense(4)[0]\".",
	      "Begin from scratch, or with another model.");
}

/* Of zeros through a state that is not stable: each token makes the gradient
 * ten times as large. */
static void
start_recurrent(reason_case *c, double clip)
{
	cer_settings settings = usual;
	float *weights;
	size_t n;

	settings.clip = clip;
	init(c, "(chain (tokens width=4)(gru width=4)(pool pool=last))", &settings);
	memset((float *) c->train.numbers, 0,
	       c->train.n_rows * N_NUMBERS * sizeof(float));
	memset((float *) c->valid.numbers, 0,
	       c->valid.n_rows * N_NUMBERS * sizeof(float));
	weights = cer_graph_get_weights(c->run->graph);
	memset(weights, 0, c->run->net->n_weights * sizeof(float));
	weights = get_tensor(c, "gru(4)[0].weight", &n);
	assert_int_equal(n, 4 * 12);
	for (size_t i = 0; i < n; i++)
		weights[i] = 100.0f;
	weights = get_tensor(c, "output.weight", &n);
	for (size_t i = 0; i < n; i++)
		weights[i] = (float) i;
	assert_int_equal(begin(c), CER_OK);
}

static void
test_reason__gradients_of_recurrent_layers(void **state)
{
	reason_case c;

	(void) state;
	start_recurrent(&c, 0.0);
	train(&c);
	check(&c, "The gradient of \"gru(4)[0].",
	      "Clip gradients, for example clip = 1.");
	start_recurrent(&c, 1.0);
	train(&c);
	check(&c, "grew from token to token beyond what numbers can hold: ",
	      "Begin with smaller weights, or let the layer go over fewer tokens.");
}

static void
test_reason__steps(void **state)
{
	cer_settings settings = usual;
	reason_case c;

	(void) state;
	settings.lr = 1e30;
	init(&c, "(chain (dense width=8)(dense width=4))", &settings);
	train(&c);
	check(&c, "The weights grew beyond what numbers can hold, first in layer ",
	      "Lower the learning rate, for example lr = 1e+29.");
}

static void
test_reason__steps_of_a_growing_loss(void **state)
{
	cer_settings settings = usual;
	reason_case c;

	(void) state;
	settings.lr = 8;
	init(&c, "(chain (dense width=8)(dense width=8)(dense width=4))",
	     &settings);
	train(&c);
	check(&c, "The loss grew from ",
	      "Lower the learning rate, for example lr = 0.8.");
}

static void
test_reason__layers(void **state)
{
	char structure[1024] = "(chain (dense width=8)";
	reason_case c;
	float *weights;

	(void) state;
	for (size_t i = 0; i < 24; i++)
		strcat(structure, "(dense width=8)");
	strcat(structure, ")");
	init(&c, structure, &usual);
	weights = cer_graph_get_weights(c.run->graph);
	for (size_t i = 0; i < c.run->net->n_weights; i++)
		weights[i] *= 500.0f;
	assert_int_equal(begin(&c), CER_NOT_FINITE);
	check(&c, "though inputs are small and no weight is larger than ",
	      "Put norm(layer) between such layers, or take fewer of them.");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reason__inputs),
		cmocka_unit_test(test_reason__weights_of_the_start),
		cmocka_unit_test(test_reason__gradients_of_recurrent_layers),
		cmocka_unit_test(test_reason__steps),
		cmocka_unit_test(test_reason__steps_of_a_growing_loss),
		cmocka_unit_test(test_reason__layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
