/*
 * test_golden_layers.c
 *	  Nets of other layers than dense ones beside what PyTorch computed with
 *	  them: loss, gradients, running statistics, what is predicted then.
 *
 * test/reference/layers.py wrote the files in test/golden.  Tolerances: loss
 * and outputs 1e-5, gradients 1e-4 relative with 1e-6 absolute (they are sums
 * of float32).
 */
#include "nn/graph.h"
#include "nn/infer.h"

#include "cmocka_all.h"
#include "layer_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARRAYS 128
#define MAX_TABLES 8
#define MAX_TEXT   1024

static const char *const classes[] = {"plain", "avx2", "avx512"};

typedef struct golden_array
{
	char what[32];
	char name[64];
	size_t n;
	float *values;
} golden_array;

typedef struct golden
{
	char text[MAX_TEXT];
	cer_input_shape shape;
	cer_text number_names[16];
	cer_table_shape tables[MAX_TABLES];
	char table_names[MAX_TABLES][8];
	size_t n_rows;
	size_t n_arrays;
	golden_array arrays[MAX_ARRAYS];
	uint32_t *codes;
	uint16_t *labels;
	uint64_t *row_keys;
} golden;

/* ------------------------------------------------------------------ files */

static void
read_head(golden *g, FILE *file)
{
	assert_non_null(fgets(g->text, sizeof(g->text), file));
	g->text[strcspn(g->text, "\n")] = '\0';
	assert_int_equal(fscanf(file, "%zu %zu %zu %zu", &g->shape.n_numbers,
	                        &g->shape.n_tables, &g->shape.n_classes,
	                        &g->n_rows),
	                 4);
	for (size_t i = 0; i < g->shape.n_tables; i++)
	{
		assert_int_equal(fscanf(file, " table %zu %zu", &g->tables[i].n_codes,
		                        &g->tables[i].width),
		                 2);
		snprintf(g->table_names[i], sizeof(g->table_names[i]), "t%zu", i);
		g->tables[i].name = (cer_text){g->table_names[i], 2};
	}
	for (size_t i = 0; i < g->shape.n_numbers; i++)
		g->number_names[i] = (cer_text){"number", 6};
	g->shape.number_names = g->number_names;
	g->shape.tables = g->tables;
}

static bool
read_array(golden_array *array, FILE *file)
{
	if (fscanf(file, " %31s %63s %zu", array->what, array->name, &array->n) !=
	    3)
		return false;
	array->values = calloc(array->n + 1, sizeof(float));
	for (size_t i = 0; i < array->n; i++)
		assert_int_equal(fscanf(file, " %f", &array->values[i]), 1);
	return true;
}

static const golden_array *
find_array(const golden *g, const char *what, const char *name)
{
	for (size_t i = 0; i < g->n_arrays; i++)
		if (strcmp(g->arrays[i].what, what) == 0 &&
		    strcmp(g->arrays[i].name, name) == 0)
			return &g->arrays[i];
	fail_msg("no %s of %s", what, name);
	return NULL;
}

static golden *
read_golden(const char *name)
{
	golden *g = calloc(1, sizeof(*g));
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "test/golden/layers_%s.txt", name);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	read_head(g, file);
	while (g->n_arrays < MAX_ARRAYS &&
	       read_array(&g->arrays[g->n_arrays], file))
		g->n_arrays++;
	fclose(file);
	g->codes = calloc(g->n_rows * g->shape.n_tables + 1, sizeof(uint32_t));
	g->labels = calloc(g->n_rows, sizeof(uint16_t));
	g->row_keys = calloc(g->n_rows, sizeof(uint64_t));
	for (size_t i = 0; i < g->n_rows * g->shape.n_tables; i++)
		g->codes[i] = (uint32_t) find_array(g, "codes", "-")->values[i];
	for (size_t i = 0; i < g->n_rows; i++)
		g->labels[i] = (uint16_t) find_array(g, "labels", "-")->values[i];
	return g;
}

static void
free_golden(golden *g)
{
	for (size_t i = 0; i < g->n_arrays; i++)
		free(g->arrays[i].values);
	free(g->codes);
	free(g->labels);
	free(g->row_keys);
	free(g);
}

/* ------------------------------------------------------------------ checks */

typedef struct golden_run
{
	cer_arena *arena;
	const golden *g;
	const cer_net *net;
	cer_graph *graph;
	cer_encoded rows;
} golden_run;

static void
start(golden_run *run, const golden *g, const cer_kernels *kernels)
{
	cer_graph_config config = {&cer_host_plain, kernels, cer_gemm_make_xsmm,
	                           g->n_rows, 1};
	cer_error err;

	/* libxsmm stays with the class that it made kernels for first */
	if (kernels != cer_kernels_choose())
		config.make_gemm = cer_gemm_make_plain;
	run->arena = cer_arena_new(&cer_host_plain);
	run->g = g;
	run->rows = (cer_encoded){g->n_rows, find_array(g, "numbers", "-")->values,
	                          g->codes, g->labels, g->row_keys};
	if (cer_net_make(run->arena, &g->shape,
	                 layer_text_read(run->arena, g->text), &run->net,
	                 &err) != CER_OK ||
	    cer_graph_make(run->arena, run->net, &config, &run->graph, &err) !=
	        CER_OK)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < run->net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &run->net->tensors[i];
		const golden_array *array = find_array(g, "weight", tensor->name.data);

		if (array->n != tensor->size)
			fail_msg("%s has %zu weights, PyTorch has %zu", array->name,
			         tensor->size, array->n);
		memcpy(run->graph->weights + tensor->offset, array->values,
		       tensor->size * sizeof(float));
	}
	cer_graph_refresh(run->graph);
}

static void
check_values(const golden *g, const golden_array *expected, const float *values,
             double relative, double absolute)
{
	for (size_t i = 0; i < expected->n; i++)
	{
		double e = expected->values[i];

		if (!(fabs(values[i] - e) <= absolute + relative * fabs(e)))
			fail_msg("%s\n%s %s[%zu]: %.9g, PyTorch has %.9g", g->text,
			         expected->what, expected->name, i, (double) values[i], e);
	}
}

static void
check_training(const golden_run *run)
{
	const golden *g = run->g;
	cer_batch batch = {.rows = &run->rows,
	                   .n_rows = g->n_rows,
	                   .epoch = 1,
	                   .is_training = true};
	float loss =
		(float) (cer_graph_run(run->graph, &batch) / (double) g->n_rows);

	check_values(g, find_array(g, "loss", "-"), &loss, 1e-5, 0);
	cer_graph_update(run->graph);
	for (size_t i = 0; i < run->net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &run->net->tensors[i];
		const char *name = tensor->name.data;

		if (tensor->is_statistic)
			check_values(g, find_array(g, "after", name),
			             run->graph->weights + tensor->offset, 1e-5, 1e-6);
		else
			check_values(g, find_array(g, "gradient", name),
			             run->graph->grads + tensor->offset, 1e-4, 1e-6);
	}
}

/* By the graph that trains, and by the one that scores. */
static void
check_prediction(const golden_run *run)
{
	const golden *g = run->g;
	const golden_array *expected = find_array(g, "proba", "-");
	float *proba = calloc(expected->n, sizeof(*proba));
	const cer_infer *infer;
	void *scratch;

	cer_graph_predict(run->graph, &run->rows, 0, g->n_rows, proba);
	check_values(g, expected, proba, 0, 1e-5);
	memset(proba, 0, expected->n * sizeof(*proba));
	assert_int_equal(
		cer_infer_make(run->arena, run->net, run->graph->weights, &infer, NULL),
		CER_OK);
	scratch = cer_arena_allocate(run->arena,
	                             cer_infer_get_scratch_size(infer, g->n_rows));
	cer_infer_run(infer, g->n_rows, run->rows.numbers, run->rows.codes, proba,
	              scratch);
	check_values(g, expected, proba, 0, 1e-5);
	free(proba);
}

static void
test_golden__layers(void **state)
{
	static const char *const names[] = {
		"residual",    "dcn",     "features_cross", "wide_deep", "deepfm",
		"transformer", "autoint", "pools",          "realmlp",   "tabm",
		"tabm_mini",   "gandalf", "ensemble",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t j = 0; j < sizeof(classes) / sizeof(classes[0]); j++)
		{
			const cer_kernels *kernels = cer_kernels_find(classes[j]);
			golden_run run;
			golden *g;

			if (kernels == NULL)
				continue;
			g = read_golden(names[i]);
			start(&run, g, kernels);
			check_training(&run);
			check_prediction(&run);
			cer_arena_free(run.arena);
			free_golden(g);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden__layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
