/*
 * test_golden_explain.c
 *	  What features add to a logit, beside what PyTorch's autograd says.
 *
 * test/reference/explain.py wrote explain_*.txt for nets and rows of
 * layers_*.txt.  Tolerance: 1e-4 relative, 2e-6 absolute (float32).
 */
#include "nn/explain.h"

#include "base/text.h"
#include "cmocka_all.h"
#include "golden.h"
#include "layer_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT     1024
#define MAX_FEATURES 16
#define MAX_POINTS   64

typedef struct explained
{
	golden common;
	char text[MAX_TEXT];
} explained;

typedef struct expected
{
	size_t n_rows;
	size_t n_features;
	size_t n_steps;
	uint32_t baseline_code;
	double values[64];
} expected;

static void
read_head(golden *g, FILE *file)
{
	explained *net = (explained *) g;

	assert_non_null(fgets(net->text, sizeof(net->text), file));
	net->text[strcspn(net->text, "\n")] = '\0';
	assert_int_equal(fscanf(file, "%zu %zu %zu %zu", &g->shape.n_numbers,
	                        &g->shape.n_tables, &g->shape.n_classes,
	                        &g->n_rows),
	                 4);
	golden_read_tables(g, file);
}

static void
read_expected(const char *name, expected *e)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "test/golden/explain_%s.txt", name);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	assert_int_equal(fscanf(file, "%zu %zu %zu %u", &e->n_rows, &e->n_features,
	                        &e->n_steps, &e->baseline_code),
	                 4);
	for (size_t i = 0; i < e->n_rows * e->n_features; i++)
		assert_int_equal(fscanf(file, "%lf", &e->values[i]), 1);
	fclose(file);
}

static cer_explain_net *
make_net(cer_arena *arena, const golden *g)
{
	cer_input_shape shape = g->shape;
	const char *text = ((const explained *) g)->text;
	const cer_net *net;
	cer_explain_room room = {.n_lines = 1};
	cer_explain_net *made;
	float *weights;
	cer_error err;

	if (strstr(text, "neighbours") != NULL)
		shape.n_rows = golden_find(g, "weight",
		                           strstr(text, "ensemble") != NULL
		                               ? "1/neighbours.classes"
		                               : "neighbours.classes")
		                   ->n;
	if (cer_net_make(arena, &shape, layer_text_read(arena, text), &net, &err) !=
	    CER_OK)
		fail_msg("%s", err.message);
	weights = cer_arena_allocate(arena, net->n_weights * sizeof(float));
	memset(weights, 0, net->n_weights * sizeof(float));
	for (size_t i = 0; i < net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &net->tensors[i];

		memcpy(weights + tensor->offset,
		       golden_find(g, "weight", tensor->name.data)->values,
		       tensor->size * sizeof(float));
	}
	if (cer_explain_net_make(arena, net, weights, &room, &made, &err) != CER_OK)
		fail_msg("%s", err.message);
	return made;
}

/* Rows: the baseline, the row, the baseline with each feature of the row. */
typedef struct encoded_rows
{
	float numbers[(MAX_FEATURES + 2) * MAX_FEATURES];
	uint32_t codes[(MAX_FEATURES + 2) * MAX_FEATURES];
} encoded_rows;

static void
fill_rows(const golden *g, size_t row, uint32_t baseline_code, encoded_rows *to)
{
	size_t n_numbers = g->shape.n_numbers;
	size_t n_tables = g->shape.n_tables;
	const float *numbers = golden_find(g, "numbers", "-")->values;

	for (size_t i = 0; i < n_numbers + n_tables + 2; i++)
	{
		for (size_t j = 0; j < n_numbers; j++)
			to->numbers[i * n_numbers + j] =
				i == 1 || i == j + 2 ? numbers[row * n_numbers + j] : 0.0f;
		for (size_t j = 0; j < n_tables; j++)
			to->codes[i * n_tables + j] = i == 1 || i == n_numbers + j + 2
			                                  ? g->codes[row * n_tables + j]
			                                  : baseline_code;
	}
}

static void
run_points(cer_explain_net *net, const golden *g, size_t first, size_t n_points,
           size_t n_steps)
{
	size_t n_vectors = cer_explain_net_count_vectors(net);
	size_t n = n_vectors * g->shape.n_classes;
	cer_explain_point points[MAX_POINTS];
	float *grads;

	for (size_t i = 0; i < n_points; i++)
		points[i] = (cer_explain_point){0, ((double) (first + i) + 0.5) /
		                                       (double) n_steps};
	(void) cer_explain_net_run(net, n_points, points);
	grads = cer_explain_net_get_grads(net);
	memset(grads, 0, n_points * n * sizeof(float));
	for (size_t i = 0; i < n_points * n; i += g->shape.n_classes)
		grads[i] = 1.0f / (float) n_vectors;
	cer_explain_net_go_back(net, n_points);
	for (size_t i = 0; i < n_points; i++)
		cer_explain_net_add(net, i, 1.0 / (double) n_steps);
}

static void
check_row(cer_explain_net *net, const golden *g, const expected *e, size_t row)
{
	size_t most = cer_explain_net_count_points(net);
	encoded_rows rows;
	cer_encoded ends = {2, rows.numbers, rows.codes, NULL, NULL};
	cer_encoded parts = {e->n_features, rows.numbers + 2 * g->shape.n_numbers,
	                     rows.codes + 2 * g->shape.n_tables, NULL, NULL};
	size_t lines[MAX_FEATURES] = {0};
	double sums[MAX_FEATURES];

	fill_rows(g, row, e->baseline_code, &rows);
	cer_explain_net_set_lines(net, &ends);
	for (size_t done = 0; done < e->n_steps; done += most)
		run_points(net, g, done,
		           e->n_steps - done < most ? e->n_steps - done : most,
		           e->n_steps);
	cer_explain_net_measure(net, &parts, lines, sums);
	for (size_t i = 0; i < e->n_features; i++)
	{
		double want = e->values[row * e->n_features + i];

		if (!(fabs(sums[i] - want) <= 2e-6 + 1e-4 * fabs(want)))
			fail_msg("%s\nrow %zu, feature %zu: %.9g, PyTorch has %.9g",
			         ((const explained *) g)->text, row, i, sums[i], want);
	}
}

static void
test_golden__explained_layers(void **state)
{
	static const char *const names[] = {
		"residual",
		"snn",
		"dcn",
		"features_cross",
		"wide_deep",
		"deepfm",
		"transformer",
		"autoint",
		"pools",
		"realmlp",
		"tabm",
		"tabm_mini",
		"gandalf",
		"ensemble",
		"convolutions",
		"grid",
		"gru",
		"lstm",
		"neighbours",
		"ensemble_tabm",
		"ensemble_tabm_mini",
		"ensemble_neighbours",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		cer_arena *arena = cer_arena_new(&cer_host_plain);
		golden *g =
			golden_read(sizeof(explained), "layers", names[i], read_head);
		cer_explain_net *net = make_net(arena, g);
		expected e;

		read_expected(names[i], &e);
		assert_int_equal(e.n_features, g->shape.n_numbers + g->shape.n_tables);
		for (size_t row = 0; row < e.n_rows; row++)
			check_row(net, g, &e, row);
		cer_arena_free(arena);
		golden_free(g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden__explained_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
