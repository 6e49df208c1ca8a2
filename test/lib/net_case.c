/*
 * net_case.c
 *	  A small net with random rows, and what it computes, in double precision.
 */
#include "net_case.h"
#include "activation.h"

#include "base/text.h"
#include "cmocka_all.h"
#include "layer_text.h"
#include "nn/op_first.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WIDTH 512

/* ------------------------------------------------------------------ rows */

/* A ramp's place in a row and the share there; at its end there is none. */
static void
make_ramp(const cer_ramp *ramp, test_random *random, float *row)
{
	size_t place = random_below(random, ramp->n + 1);

	row[ramp->stored] = (float) place;
	row[ramp->stored + 1] =
		place < ramp->n ? (float) random_unit(random) : 0.0f;
}

cer_encoded
net_case_make_rows(cer_arena *arena, const cer_input_shape *shape,
                   size_t n_rows, uint64_t seed)
{
	test_random random = {seed};
	size_t n = n_rows > 0 ? n_rows : 1;
	size_t n_stored = cer_shape_count_stored(shape);
	float *numbers =
		cer_arena_allocate(arena, n * (n_stored + 1) * sizeof(float));
	size_t n_codes = cer_shape_count_codes(shape);
	uint32_t *codes =
		cer_arena_allocate(arena, n * (n_codes + 1) * sizeof(*codes));
	uint16_t *labels = cer_arena_allocate(arena, n * sizeof(*labels));
	uint64_t *keys = cer_arena_allocate(arena, n * sizeof(*keys));

	for (size_t i = 0; i < n_rows * n_stored; i++)
		numbers[i] = (float) (4.0 * random_unit(&random) - 2.0);
	for (size_t i = 0; i < n_rows * shape->n_ramps; i++)
		make_ramp(&shape->ramps[i % shape->n_ramps], &random,
		          numbers + i / shape->n_ramps * n_stored);
	for (size_t i = 0; i < n_rows * n_codes; i++)
		codes[i] = (uint32_t) random_below(
			&random, i % n_codes < shape->n_tables
						 ? shape->tables[i % n_codes].n_codes
						 : NET_CASE_BAG_ROWS);
	for (size_t i = 0; i < n_rows; i++)
	{
		labels[i] = (uint16_t) random_below(&random, shape->n_classes);
		keys[i] = random_bits(&random);
	}
	return (cer_encoded){n_rows, numbers, codes, labels, keys};
}

/* Of numbers that are mostly zero a third is left, and all of some rows. */
static void
make_rare(net_case *c, const cer_graph_config *config)
{
	float *numbers = (float *) (uintptr_t) c->rows.numbers;
	size_t n_stored = cer_shape_count_stored(&c->shape);

	for (size_t row = 0; row < c->rows.n_rows; row++)
		for (size_t i = 0; i < config->n_rare; i++)
		{
			uint32_t number = config->rare[i];

			if ((row + i) % 3 > 0 && row % 7 > 0)
				numbers[row * n_stored + (c->shape.places != NULL
				                              ? c->shape.places[number].stored
				                              : number)] = 0.0f;
		}
}

/* ------------------------------------------------------------------ net */

static cer_layer *
append_layer(cer_arena *arena, cer_layer *parent, cer_layer_kind kind)
{
	cer_layer *layer = cer_layer_make(arena, kind, 1, 1);

	assert_non_null(layer);
	cer_layer_append(parent, layer);
	return layer;
}

cer_layer *
make_mlp(cer_arena *arena, const mlp_layer *layers, size_t n_layers)
{
	cer_layer *chain = cer_layer_make(arena, CER_LAYER_CHAIN, 1, 1);

	for (size_t i = 0; i < n_layers; i++)
	{
		append_layer(arena, chain, CER_LAYER_DENSE)->width = layers[i].units;
		append_layer(arena, chain, CER_LAYER_ACTIVATION)->activation =
			layers[i].activation;
		if (layers[i].dropout != 0.0)
			append_layer(arena, chain, CER_LAYER_DROPOUT)->dropout =
				layers[i].dropout;
	}
	return chain;
}

/* What takes numbers comes last: some nets have none. */
static void
add_lifts(cer_input_shape *shape, bool has_joins)
{
	static const float edges[] = {-1.5f, -0.5f, 0.25f, 1.0f};
	static cer_lift lifts[] = {
		{.kind = CER_LIFT_BAG,
	     .name = {"w", 1},
	     .n_out = 3,
	     .n_codes = 4,
	     .n_rows = NET_CASE_BAG_ROWS},
		{.kind = CER_LIFT_BAG,
	     .name = {"v", 1},
	     .n_out = 4,
	     .n_codes = 3,
	     .n_rows = NET_CASE_BAG_ROWS - 4,
	     .is_padded = true,
	     .is_mean = true},
		{.kind = CER_LIFT_BAG,
	     .name = {"u", 1},
	     .n_out = 2,
	     .n_codes = 3,
	     .n_rows = NET_CASE_BAG_ROWS - 5,
	     .is_padded = true},
		{.kind = CER_LIFT_PERIODIC,
	     .name = {"a", 1},
	     .n_out = 5,
	     .n_inner = 3,
	     .deviation = 0.1},
		{.kind = CER_LIFT_PBLD,
	     .name = {"b as pbld", 9},
	     .n_out = 3,
	     .number = 1,
	     .n_inner = 4,
	     .deviation = 0.1},
		{.kind = CER_LIFT_PLE,
	     .name = {"b as ple", 8},
	     .n_out = 4,
	     .number = 1,
	     .n_inner = 3,
	     .edges = edges},
	};

	lifts[0].code = shape->n_tables;
	lifts[4].name = cer_text_of(has_joins ? "p.b as pbld" : "b as pbld");
	lifts[5].name = cer_text_of(has_joins ? "p.b as ple" : "b as ple");
	lifts[1].code = lifts[0].code + lifts[0].n_codes;
	lifts[2].code = lifts[1].code + lifts[1].n_codes;
	shape->n_bag_codes = 10;
	shape->lifts = lifts;
	shape->n_lifts = shape->n_numbers > 1 ? 6 : 3;
}

void
net_case_init(net_case *c, const net_case_spec *spec)
{
	static const cer_text names[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1},
	                                 {"e", 1}, {"f", 1}, {"g", 1}};
	/* a, the ramp b to e, f, the ramp g */
	static const cer_number_place places[] = {
		{0, CER_NO_STEP}, {1, 0},           {1, 1}, {1, 2},
		{1, 3},           {3, CER_NO_STEP}, {4, 0}};
	static const cer_ramp ramps[] = {{1, 4, 1}, {6, 1, 4}};
	static const uint32_t inputs[] = {0, 1, 1, 1, 1, 2, 3};
	static const cer_text joined[] = {{"a", 1}, {"p.b", 3}, {"c", 1}, {"d", 1}};
	static const cer_text joined_ramps[] = {{"a", 1},   {"p.b", 3}, {"p.c", 3},
	                                        {"p.d", 3}, {"p.e", 3}, {"f", 1},
	                                        {"g", 1}};
	static const cer_text arrays[] = {
		{"p.s[1]", 6}, {"p.s[2]", 6}, {"p.s[3]", 6}, {"p.s[4]", 6},
		{"p.s[]", 5},  {"p.t[1]", 6}, {"p.t[]", 5}};
	static const cer_text aliases[] = {{"p", 1}, {"q", 1}, {"r", 1}};
	static const uint32_t rare[] = {0, 5};
	cer_error err = {0};
	const cer_layer *structure;
	test_random random = {99};
	const cer_kernels *kernels = cer_kernels_find(spec->kernels);
	cer_graph_config config = {
		.host = spec->host != NULL ? spec->host : &cer_host_plain,
		.kernels = kernels,
		.make_gemm =
			spec->has_plain_gemm ? cer_gemm_make_plain : cer_gemm_make_xsmm,
		.batch = spec->batch,
		.seed = NET_CASE_SEED,
		.bf16 = spec->bf16,
		.mixup = spec->mixup,
		.n_rare = !spec->has_rare       ? 0
	              : spec->n_numbers > 5 ? 2
	                                    : 1,
		.rare = rare,
	};

	if (kernels == NULL)
		skip();
	memset(c, 0, sizeof(*c));
	c->arena = cer_arena_new(&cer_host_plain);
	c->shape = (cer_input_shape){.n_numbers = spec->n_numbers,
	                             .number_names = names,
	                             .n_tables = spec->n_tables,
	                             .tables = spec->tables,
	                             .n_classes = spec->n_classes,
	                             .n_rows = 90};
	if (spec->has_ramps)
	{
		assert_int_equal(spec->n_numbers, 7);
		c->shape.number_inputs = inputs;
		c->shape.places = places;
		c->shape.n_stored = 6;
		c->shape.ramps = ramps;
		c->shape.n_ramps = 2;
	}
	if (spec->has_lifts)
		add_lifts(&c->shape, spec->has_joins);
	if (spec->has_joins || spec->has_arrays)
	{
		c->shape.number_names = spec->has_arrays  ? arrays
		                        : spec->has_ramps ? joined_ramps
		                                          : joined;
		c->shape.aliases = aliases;
		c->shape.n_aliases = 3;
	}
	c->rows = net_case_make_rows(c->arena, &c->shape, spec->n_rows, 5);
	make_rare(c, &config);
	structure = spec->text != NULL
	                ? layer_text_read(c->arena, spec->text)
	                : make_mlp(c->arena, spec->layers, spec->n_layers);
	if (cer_net_make(c->arena, &c->shape, structure, &c->net, &err) != CER_OK ||
	    cer_graph_make(c->arena, c->net, &config, &c->graph, &err) != CER_OK)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < c->net->n_weights; i++)
		c->graph->weights[i] = (float) (random_unit(&random) - 0.5);
	for (size_t i = 0; i < c->net->n_tensors; i++)
		for (size_t j = 0;
		     c->net->tensors[i].is_statistic && j < c->net->tensors[i].size;
		     j++)
			c->graph->weights[c->net->tensors[i].offset + j] += 1.0f;
	cer_graph_refresh(c->graph);
}

void
net_case_release(net_case *c)
{
	cer_arena_free(c->arena);
}

/* ------------------------------------------------------------------ oracle */

static void
add_product(const double *w, const cer_net_tensor *tensor, size_t row,
            double factor, double *z)
{
	size_t n = (size_t) tensor->dims[1];

	for (size_t i = 0; i < n; i++)
		z[i] += factor * w[tensor->offset + row * n + i];
}

static void
run_first(const net_case *c, const double *w, size_t row, double *z)
{
	const cer_node *first = &c->net->nodes[0];
	const float *stored =
		c->rows.numbers + row * cer_shape_count_stored(&c->shape);
	const uint32_t *codes = c->rows.codes + row * c->shape.n_tables;

	for (size_t i = 0; i < c->shape.n_numbers; i++)
		add_product(w, cer_first_get_numbers(c->net, first), i,
		            cer_shape_get_number(&c->shape, stored, i), z);
	for (size_t t = 0; t < c->shape.n_tables; t++)
	{
		const cer_net_tensor *rows = cer_first_get_rows(c->net, first, t);
		const cer_net_tensor *embedding =
			cer_first_get_embedding(c->net, first, t);

		if (embedding == NULL)
			add_product(w, rows, codes[t], 1, z);
		for (size_t i = 0; embedding != NULL && i < embedding->dims[1]; i++)
			add_product(
				w, rows, i,
				w[embedding->offset + codes[t] * embedding->dims[1] + i], z);
	}
}

/* As the definition says: half word unit / 16 % 8 of a counter. */
static bool
is_dropped(const net_case *c, const cer_node *node, size_t row, uint32_t epoch,
           size_t unit)
{
	uint64_t key = c->rows.row_keys[row];
	cer_random random;
	cer_random_place place = {{(uint32_t) (unit / 128 * 16 + unit % 16), epoch,
	                           (uint32_t) key, (uint32_t) (key >> 32)}};
	uint32_t bits[4];
	size_t half = unit / 16 % 8;

	cer_random_init(&random, NET_CASE_SEED, node->name);
	cer_random_get_fast(&random, &place, bits);
	return (bits[half / 2] >> 16 * (half % 2) & 0xffff) <
	       node->dropout * 65536.0;
}

static void
run_activate(const net_case *c, const double *w, const cer_node *node,
             const double *z, double *y)
{
	const double *bias = w + c->net->tensors[node->first_tensor].offset;

	for (size_t i = 0; i < node->n_out; i++)
		y[i] = activation_get(node->activation, z[i] + bias[i]);
}

void
net_case_predict(const net_case *c, const double *weights, size_t row,
                 uint32_t epoch, double *proba)
{
	double x[MAX_WIDTH];
	double z[MAX_WIDTH] = {0};
	double sum = 0;

	run_first(c, weights, row, z);
	for (size_t n = 1; n < c->net->n_nodes; n++)
	{
		const cer_node *node = &c->net->nodes[n];

		if (node->op == &cer_op_activate)
			run_activate(c, weights, node, z, x);
		for (size_t i = 0; node->op == &cer_op_activate && epoch > 0 &&
		                   node->dropout > 0 && i < node->n_out;
		     i++)
			x[i] = is_dropped(c, node, row, epoch, i)
			           ? 0
			           : x[i] / (1 - node->dropout);
		if (node->op != &cer_op_dense)
			continue;
		memset(z, 0, sizeof(z));
		for (size_t i = 0; i < node->n_in; i++)
			add_product(weights, &c->net->tensors[node->first_tensor], i, x[i],
			            z);
	}
	for (size_t i = 0; i < c->shape.n_classes; i++)
		sum += exp(x[i]);
	for (size_t i = 0; i < c->shape.n_classes; i++)
		proba[i] = exp(x[i]) / sum;
}

double
net_case_loss(const net_case *c, const double *weights, size_t first, size_t n,
              uint32_t epoch)
{
	double proba[MAX_WIDTH];
	double loss = 0;

	for (size_t row = first; row < first + n; row++)
	{
		net_case_predict(c, weights, row, epoch, proba);
		loss -= log(proba[c->rows.labels[row]]);
	}
	return loss / (double) n;
}

static void
step_gently(void *self, size_t offset, size_t n)
{
	const cer_graph *graph = self;

	for (size_t i = offset; i < offset + n; i++)
		graph->weights[i] -= 0.1f * graph->grads[i];
}

void
net_case_train(net_case *c, uint32_t n_steps, size_t n_whole, size_t first,
               size_t n)
{
	cer_graph_set_stepper(c->graph, (cer_stepper){step_gently, c->graph});
	for (uint32_t i = 1; i <= n_steps; i++)
	{
		cer_batch batch = {.rows = &c->rows,
		                   .first = i % 2 == 0 ? first : 0,
		                   .n_rows = i % 2 == 0 ? n : n_whole,
		                   .epoch = i,
		                   .is_training = true};

		cer_graph_run(c->graph, &batch);
		cer_graph_update(c->graph);
	}
}

float *
net_case_copy_weights(const net_case *c, size_t *size)
{
	float *weights;

	*size = c->net->n_weights * sizeof(float);
	weights = malloc(*size);
	memcpy(weights, c->graph->weights, *size);
	return weights;
}
