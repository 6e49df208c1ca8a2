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

#include "base/text.h"
#include "cmocka_all.h"
#include "golden.h"
#include "layer_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT  1024
#define MAX_LIFTS 4

static const char *const classes[] = {"plain", "avx2", "avx512"};

typedef struct layers_golden
{
	golden common;
	char text[MAX_TEXT];
	cer_lift lifts[MAX_LIFTS];
} layers_golden;

/* ------------------------------------------------------------------ files */

static void
read_head(golden *g, FILE *file)
{
	layers_golden *net = (layers_golden *) g;

	assert_non_null(fgets(net->text, sizeof(net->text), file));
	net->text[strcspn(net->text, "\n")] = '\0';
	assert_int_equal(fscanf(file, "%zu %zu %zu %zu", &g->shape.n_numbers,
	                        &g->shape.n_tables, &g->shape.n_classes,
	                        &g->n_rows),
	                 4);
	golden_read_tables(g, file);
}

static const char *
get_text(const golden *g)
{
	return ((const layers_golden *) g)->text;
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

/* The second number and table are of p, the third of q. */
static void
name_tables(golden *g)
{
	static const cer_text aliases[] = {{"p", 1}, {"q", 1}};

	g->number_names[1] = cer_text_of("p.number");
	g->number_names[2] = cer_text_of("q.number");
	g->tables[1].name = cer_text_of("p.t1");
	g->tables[2].name = cer_text_of("q.t2");
	g->shape.aliases = aliases;
	g->shape.n_aliases = 2;
}

/* The numbers are two elements and the share of them that a row has. */
static void
name_arrays(golden *g)
{
	g->number_names[0] = cer_text_of("s[1]");
	g->number_names[1] = cer_text_of("s[2]");
	g->number_names[2] = cer_text_of("s[]");
}

/* The same of a child table. */
static void
name_rows(golden *g)
{
	static const cer_text alias = {"p", 1};

	g->number_names[0] = cer_text_of("p.s[1]");
	g->number_names[1] = cer_text_of("p.s[2]");
	g->number_names[2] = cer_text_of("p.s[]");
	g->shape.aliases = &alias;
	g->shape.n_aliases = 1;
}

/* Of a bag: its rows and the codes of a row, which follow those of tables; of
 * others the number, then frequencies, or bins and their edges. */
static cer_lift
read_lift(golden *g, const golden_array *array)
{
	const float *values = array->values;
	cer_lift lift = {.kind = (cer_lift_kind) values[0],
	                 .name = cer_text_of(array->name),
	                 .n_out = (size_t) values[1]};

	if (lift.kind == CER_LIFT_BAG)
	{
		lift.n_rows = (size_t) values[2];
		lift.n_codes = (size_t) values[3];
		lift.code = g->shape.n_tables + g->shape.n_bag_codes;
		g->shape.n_bag_codes += lift.n_codes;
		return lift;
	}
	lift.number = (size_t) values[2];
	lift.n_inner = (size_t) values[3];
	lift.edges = lift.kind == CER_LIFT_PLE ? values + 4 : NULL;
	return lift;
}

static void
add_lifts(layers_golden *g)
{
	for (size_t i = 0; i < g->common.n_arrays; i++)
		if (strcmp(g->common.arrays[i].what, "lift") == 0)
		{
			assert_true(g->common.shape.n_lifts < MAX_LIFTS);
			g->lifts[g->common.shape.n_lifts++] =
				read_lift(&g->common, &g->common.arrays[i]);
		}
	g->common.shape.lifts = g->lifts;
}

static void
start(golden_run *run, const golden *g, const cer_kernels *kernels)
{
	cer_graph_config config = {&cer_host_plain, kernels, cer_gemm_make_xsmm,
	                           g->n_rows, 1};
	cer_input_shape shape = g->shape;
	cer_error err;

	/* libxsmm stays with the class that it made kernels for first */
	if (kernels != cer_kernels_choose())
		config.make_gemm = cer_gemm_make_plain;
	run->arena = cer_arena_new(&cer_host_plain);
	run->g = g;
	if (strstr(get_text(g), "neighbours") != NULL)
		shape.n_rows = golden_find(g, "weight",
		                           strstr(get_text(g), "ensemble") != NULL
		                               ? "1/neighbours.classes"
		                               : "neighbours.classes")
		                   ->n;
	run->rows = (cer_encoded){g->n_rows, golden_find(g, "numbers", "-")->values,
	                          g->codes, g->labels, g->row_keys};
	if (cer_net_make(run->arena, &shape,
	                 layer_text_read(run->arena, get_text(g)), &run->net,
	                 &err) != CER_OK ||
	    cer_graph_make(run->arena, run->net, &config, &run->graph, &err) !=
	        CER_OK)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < run->net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &run->net->tensors[i];
		const golden_array *array = golden_find(g, "weight", tensor->name.data);

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
			fail_msg("%s\n%s %s[%zu]: %.9g, PyTorch has %.9g", get_text(g),
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

	check_values(g, golden_find(g, "loss", "-"), &loss, 1e-5, 0);
	cer_graph_update(run->graph);
	for (size_t i = 0; i < run->net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &run->net->tensors[i];
		const char *name = tensor->name.data;

		if (tensor->is_statistic)
			check_values(g, golden_find(g, "after", name),
			             run->graph->weights + tensor->offset, 1e-5, 1e-6);
		else
			check_values(g, golden_find(g, "gradient", name),
			             run->graph->grads + tensor->offset, 1e-4, 1e-6);
	}
}

/* By the graph that trains, and by the one that scores. */
static void
check_prediction(const golden_run *run)
{
	const golden *g = run->g;
	const golden_array *expected = golden_find(g, "proba", "-");
	float *proba = calloc(expected->n, sizeof(*proba));
	const cer_infer *infer;
	void *scratch;

	cer_graph_predict(run->graph, &run->rows, 0, g->n_rows, proba);
	check_values(g, expected, proba, 0, 1e-5);
	memset(proba, 0, expected->n * sizeof(*proba));
	assert_int_equal(
		cer_infer_make(
			run->arena,
			&(cer_infer_spec){.net = run->net, .weights = run->graph->weights},
			&infer, NULL),
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
		"residual",
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
		"tower_sum",
		"tower_gate",
		"neighbours",
		"series",
		"gru",
		"lstm",
		"lifted",
		"lifted_tokens",
		"lifted_fm",
		"rows_mean",
		"rows_max",
		"rows_attention",
		"snn",
		"tower_concat",
		"ensemble_tabm",
		"ensemble_tabm_mini",
		"ensemble_neighbours",
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
			g = golden_read(sizeof(layers_golden), "layers", names[i],
			                read_head);
			if (strstr(get_text(g), "by_table") != NULL)
				name_tables(g);
			if (strstr(get_text(g), "series") != NULL)
				name_arrays(g);
			if (strstr(get_text(g), "pool_rows") != NULL)
				name_rows(g);
			add_lifts((layers_golden *) g);
			start(&run, g, kernels);
			check_training(&run);
			check_prediction(&run);
			cer_arena_free(run.arena);
			golden_free(g);
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
