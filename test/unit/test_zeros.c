/*
 * test_zeros.c
 *	  Products that leave out zeros have the bits of those that do not: the
 *	  kernels beside cer_gemm, and a whole layer between two relus, forward,
 *	  backward and gradient, beside loops; any number of threads.
 */
#include "net_case.h"
#include "nn/op_dense_zeros.h"

#include "cmocka_all.h"
#include "tasks_host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS   70
#define PLACES CER_SPARSE_PLACES
#define WIDTH  CER_DENSE_CHUNK

static const char *const classes[] = {"plain", "avx2", "avx512"};

/* ------------------------------------------------------------ kernels */

typedef struct operands
{
	float a[ROWS * PLACES]; /* also (PLACES, ROWS) */
	float b[PLACES * WIDTH];
	float c[ROWS * WIDTH];
	float expected[ROWS * WIDTH];
	uint64_t used[ROWS];
} operands;

static void
fill(operands *o, uint64_t seed)
{
	test_random random = {seed};

	for (size_t i = 0; i < ROWS * PLACES; i++)
		o->a[i] = random_below(&random, 2) == 0
		              ? 0.0f
		              : (float) random_unit(&random) - 0.4f;
	for (size_t i = 0; i < PLACES * WIDTH; i++)
		o->b[i] = (float) random_unit(&random) - 0.5f;
	for (size_t i = 0; i < ROWS * WIDTH; i++)
		o->c[i] = o->expected[i] = (float) random_unit(&random);
}

static void
check_sparse(const cer_kernels *kernels, const cer_gemm_shape *shape)
{
	operands *o = calloc(1, sizeof(*o));
	cer_sparse sparse = {.n_rows = shape->n_rows,
	                     .n_columns = shape->n_columns,
	                     .accumulate = shape->accumulate,
	                     .used = o->used,
	                     .a = o->a,
	                     .a_row = shape->is_a_transposed ? 1 : shape->a_stride,
	                     .a_place =
	                         shape->is_a_transposed ? shape->a_stride : 1,
	                     .b = o->b,
	                     .c = o->c,
	                     .c_stride = shape->c_stride};
	cer_gemm gemm;

	fill(o, shape->n_columns * 100 + shape->n_inner);
	for (size_t row = 0; row < shape->n_rows; row++)
		for (size_t i = 0; i < shape->n_inner; i++)
			if (o->a[row * sparse.a_row + i * sparse.a_place] != 0.0f)
				o->used[row] |= (uint64_t) 1 << i;
	assert_int_equal(cer_gemm_make_xsmm(kernels, shape, &gemm, NULL), CER_OK);
	cer_gemm_run(&gemm, o->a, o->b, o->expected);
	kernels->sparse(&sparse);
	assert_memory_equal(o->c, o->expected, sizeof(o->c));
	free(o);
}

static void
check_shapes(const cer_kernels *kernels)
{
	for (size_t n_columns = 16; n_columns <= WIDTH; n_columns += 16)
		for (size_t n_inner = 1; n_inner <= PLACES; n_inner += 21)
			for (int i = 0; i < 4; i++)
			{
				cer_gemm_shape shape = {.n_rows = ROWS,
				                        .n_columns = n_columns,
				                        .n_inner = n_inner,
				                        .a_stride = i % 2 ? ROWS : PLACES,
				                        .b_stride = n_columns,
				                        .c_stride = WIDTH,
				                        .is_a_transposed = i % 2 == 1,
				                        .accumulate = i / 2 == 1};

				check_sparse(kernels, &shape);
			}
}

static void
test_zeros__sparse_is_the_product(void **state)
{
	(void) state;
	/* libxsmm keeps to the first class that it generates for */
	check_shapes(&cer_kernels_plain);
	check_shapes(cer_kernels_choose());
}

static void
check_used(const cer_kernels *kernels)
{
	static const float values[] = {0, -0.0f, 1, -1, 1e-30f, NAN, INFINITY};
	float x[3 * PLACES];
	uint64_t used[3];

	for (size_t n = 0; n <= PLACES; n++)
	{
		size_t n_used = 0;

		for (size_t i = 0; i < 3 * PLACES; i++)
			x[i] = values[(i * 5 + i / PLACES + n) % 7];
		for (size_t i = 0; i < 3 * PLACES; i++)
			n_used += i % PLACES < n && x[i] != 0.0f;
		assert_int_equal(kernels->find_used(3, n, x, PLACES, used), n_used);
		for (size_t i = 0; i < 3 * PLACES; i++)
			assert_int_equal(used[i / PLACES] >> i % PLACES & 1,
			                 i % PLACES < n && x[i] != 0.0f);
	}
}

static void
test_zeros__find_used(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (cer_kernels_find(classes[i]) != NULL)
			check_used(cer_kernels_find(classes[i]));
}

/* ------------------------------------------------------------ a layer */

typedef struct layer_case
{
	size_t units[2];
	float bias; /* of the first layer: large ones leave no zeros */
} layer_case;

static cer_graph_node *
find_hidden(const net_case *c)
{
	cer_graph_node *node = c->graph->nodes;

	while (node->node->op != &cer_op_dense)
		node++;
	return node;
}

static void
set_bias(const net_case *c, float bias)
{
	for (size_t i = 0; i < c->net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &c->net->tensors[i];

		if (strcmp(tensor->name.data, "first.bias") != 0)
			continue;
		for (size_t j = 0; j < tensor->size; j++)
			c->graph->weights[tensor->offset + j] = bias;
		return;
	}
	fail_msg("no bias");
}

/* Each sum in order, as kernels make it: libxsmm has shapes (80 columns) where
 * it adds two halves, but none of them is asked for. */
static void
multiply(const net_case *c, cer_gemm_shape shape, const float *a,
         const float *b, float *to)
{
	bool is_plain = strcmp(c->graph->kernels->name, "plain") == 0;
	size_t a_row = shape.is_a_transposed ? 1 : shape.a_stride;
	size_t a_inner = shape.is_a_transposed ? shape.a_stride : 1;

	for (size_t row = 0; row < shape.n_rows; row++)
		for (size_t i = 0; i < shape.n_inner; i++)
		{
			float x = a[row * a_row + i * a_inner];
			const float *from = b + i * shape.b_stride;
			float *y = to + row * shape.c_stride;

			for (size_t j = 0; j < shape.n_columns; j++)
				y[j] = is_plain ? y[j] + x * from[j] : fmaf(x, from[j], y[j]);
		}
}

static float *
make_forward(const net_case *c, const cer_graph_node *node, const float *w)
{
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	size_t n_rows = c->graph->batch_rows;
	float *y = calloc(n_rows * n_out, sizeof(*y));
	cer_gemm_shape shape = {n_rows, n_out, n_in,  n_in,
	                        n_out,  n_out, false, false};

	multiply(c, shape, node->in.data, w, y);
	c->graph->kernels->activate_rows[CER_RELU](
		n_rows, n_out,
		c->graph->weights + cer_node_get_tensor(c->graph, node + 1, 0)->offset,
		y, NULL);
	return y;
}

/* dx where relu lets it pass. */
static float *
make_backward(const net_case *c, const cer_graph_node *node, const float *w)
{
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	size_t n_rows = c->graph->batch_rows;
	float *dx = calloc(n_rows * n_in, sizeof(*dx));
	float *w_t = calloc(n_out * n_in, sizeof(*w_t));
	cer_gemm_shape shape = {n_rows, n_in, n_out, n_out,
	                        n_in,   n_in, false, false};

	c->graph->kernels->transpose(n_in, n_out, w, n_out, w_t, n_in);
	multiply(c, shape, node->out.grad, w_t, dx);
	for (size_t i = 0; i < n_rows * n_in; i++)
		dx[i] = node->in.data[i] > 0.0f ? dx[i] : 0.0f;
	free(w_t);
	return dx;
}

static float *
make_gradient(const net_case *c, const cer_graph_node *node)
{
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	float *dw = calloc(n_in * n_out, sizeof(*dw));
	cer_gemm_shape shape = {
		n_in, n_out, c->graph->batch_rows, n_in, n_out, n_out, true, false};

	multiply(c, shape, node->in.data, node->out.grad, dw);
	return dw;
}

static void
check_same(const char *what, const float *made, const float *expected, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (made[i] != expected[i])
			fail_msg("%s %zu of %zu: %a, expected %a", what, i, n,
			         (double) made[i], (double) expected[i]);
}

static void
check_products(const net_case *c)
{
	cer_graph_node *node = find_hidden(c);
	size_t offset = cer_node_get_tensor(c->graph, node, 0)->offset;
	float *w = c->graph->weights + offset;
	cer_batch batch = {.rows = &c->rows,
	                   .n_rows = c->rows.n_rows,
	                   .epoch = 1,
	                   .is_training = true};
	float *y, *dx, *dw;

	assert_true(cer_zeros_go_in(c->graph, node));
	assert_true(cer_zeros_come_back(c->graph, node));
	cer_graph_run(c->graph, &batch);
	cer_graph_update(c->graph);
	y = make_forward(c, node, w);
	dx = make_backward(c, node, w);
	dw = make_gradient(c, node);
	check_same("output", node->out.data, y, c->graph->batch_rows * node->out.n);
	check_same("input's gradient", node->in.grad, dx,
	           c->graph->batch_rows * node->in.n);
	check_same("weights' gradient", c->graph->grads + offset, dw,
	           node->in.n * node->out.n);
	free(y);
	free(dx);
	free(dw);
}

static void
init_case(net_case *c, const layer_case *layer, const char *kernels,
          const cer_host *host)
{
	mlp_layer layers[] = {{layer->units[0], CER_RELU, 0},
	                      {layer->units[1], CER_RELU, 0}};
	net_case_spec spec = {.n_numbers = 7,
	                      .n_classes = 3,
	                      .layers = layers,
	                      .n_layers = 2,
	                      .n_rows = 600,
	                      .batch = 600,
	                      .kernels = kernels,
	                      .host = host};

	net_case_init(c, &spec);
	if (layer->bias > 0.0f)
		set_bias(c, layer->bias);
}

/* Numbers are within a few units of 0: a bias of 0.7 leaves some tiles with too
 * few zeros, one of 50 all. */
static const layer_case layers_of[] = {
	{{64, 64}, 0},  {{80, 112}, 0},     {{256, 64}, 0},
	{{64, 320}, 0}, {{272, 144}, 0.7f}, {{128, 64}, 50.0f},
};

static void
test_zeros__layer_is_the_same(void **state)
{
	const cer_kernels *of[] = {&cer_kernels_plain, cer_kernels_choose()};

	(void) state;
	for (size_t i = 0; i < sizeof(layers_of) / sizeof(layers_of[0]); i++)
		for (size_t j = 0; j < 2; j++)
		{
			net_case c;

			init_case(&c, &layers_of[i], of[j]->name, NULL);
			check_products(&c);
			net_case_release(&c);
		}
}

/* Products as if all places were there, of all vectors of the batch.  The node
 * after it may have worked in place. */
static void
check_whole(const net_case *c, const cer_graph_node *node)
{
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	size_t n = c->graph->batch_rows * node->in.m;
	size_t offset = cer_node_get_tensor(c->graph, node, 0)->offset;
	cer_gemm_shape shape = {n, n_out, n_in, n_in, n_out, n_out, false, false};
	float *y = calloc(n * n_out, sizeof(*y));
	float *dw = calloc(n_in * n_out, sizeof(*dw));

	multiply(c, shape, node->in.data, c->graph->weights + offset, y);
	if (!node[1].node->is_in_place)
		check_same("output", node->out.data, y, n * n_out);
	shape = (cer_gemm_shape){n_in, n_out, n, n_in, n_out, n_out, true, false};
	multiply(c, shape, node->in.data, node->out.grad, dw);
	check_same("weights' gradient", c->graph->grads + offset, dw, n_in * n_out);
	free(y);
	free(dw);
}

typedef struct factors_case
{
	const char *text;
	size_t n_go_in; /* dense layers into which zeros go */
	size_t n_come_back;
} factors_case;

static void
check_factors(const factors_case *what, const char *kernels)
{
	net_case_spec spec = {.n_numbers = 7,
	                      .n_classes = 3,
	                      .text = what->text,
	                      .n_rows = 600,
	                      .batch = 600,
	                      .kernels = kernels};
	cer_batch batch = {.n_rows = 600, .epoch = 1, .is_training = true};
	size_t n_go_in = 0;
	size_t n_come_back = 0;
	net_case c;

	net_case_init(&c, &spec);
	batch.rows = &c.rows;
	cer_graph_run(c.graph, &batch);
	cer_graph_update(c.graph);
	for (size_t i = 0; i < c.net->n_nodes; i++)
	{
		const cer_graph_node *node = &c.graph->nodes[i];

		if (node->node->op != &cer_op_dense || node->out.n < 64)
			continue;
		n_go_in += cer_zeros_go_in(c.graph, node);
		n_come_back += cer_zeros_come_back(c.graph, node);
		check_whole(&c, node);
	}
	assert_int_equal(n_go_in, what->n_go_in);
	assert_int_equal(n_come_back, what->n_come_back);
	net_case_release(&c);
}

/* Factors of members, dropout, units gated by relu, windows of a convolution
 * lie between; a pool of the largest leaves very few gradients, of 7 tokens a
 * row, which are not whole groups. */
static void
test_zeros__go_through_factors(void **state)
{
	static const factors_case cases[] = {
		{"(chain (ensemble count=4 shared (dense width=64)"
	     "(activation function=relu)(dropout dropout=0.25)(dense width=80)"
	     "(activation function=relu)))",
	     1, 1},
		{"(chain (dense width=64)(activation function=tanh)(dense width=128)"
	     "(glu function=relu)(dropout dropout=0.25)(dense width=80))",
	     1, 1},
		{"(chain (dense width=96)(activation function=tanh)(dense width=272)"
	     "(activation function=relu)(dropout dropout=0.1))",
	     0, 1},
		{"(chain (tokens width=32)(conv1d width=64 count=3)"
	     "(activation function=relu)(conv1d width=80 count=3)"
	     "(activation function=relu)(pool pool=max))",
	     1, 2},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		check_factors(&cases[i], "plain");
		check_factors(&cases[i], cer_kernels_choose()->name);
	}
}

/* What only products of all places can do. */
static void
test_zeros__where(void **state)
{
	static const struct
	{
		mlp_layer layers[2];
		size_t batch;
		bool go_in;
		bool come_back;
		bool has_no_groups; /* of tiles of 32 rows */
	} cases[] = {
		{{{64, CER_RELU, 0}, {64, CER_RELU, 0}}, 512, true, true},
		{{{64, CER_GELU, 0}, {64, CER_RELU, 0}}, 512, false, true},
		{{{64, CER_RELU, 0}, {64, CER_TANH, 0}}, 512, true, false},
		{{{64, CER_RELU, 0}, {48, CER_RELU, 0}}, 512, false, false},
		{{{70, CER_RELU, 0}, {64, CER_RELU, 0}}, 512, false, false},
		{{{64, CER_RELU, 0}, {64, CER_RELU, 0}}, 300, true, true, true},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		net_case_spec spec = {.n_numbers = 3,
		                      .n_classes = 2,
		                      .layers = cases[i].layers,
		                      .n_layers = 2,
		                      .n_rows = 20,
		                      .batch = cases[i].batch,
		                      .kernels = "plain"};
		net_case c;

		net_case_init(&c, &spec);
		assert_int_equal(cer_zeros_go_in(c.graph, find_hidden(&c)),
		                 cases[i].go_in);
		assert_int_equal(cer_zeros_come_back(c.graph, find_hidden(&c)),
		                 cases[i].come_back);
		assert_int_equal(!cer_zeros_has_groups(c.graph, find_hidden(&c)),
		                 cases[i].has_no_groups);
		net_case_release(&c);
	}
}

/* ------------------------------------------------------------ threads */

static float *
train_with(size_t n_threads, size_t *size)
{
	static const layer_case layer = {{256, 128}, 0};
	tasks_host host;
	net_case c;
	float *weights;

	tasks_host_init(&host, n_threads);
	init_case(&c, &layer, cer_kernels_choose()->name, &host.host);
	net_case_train(&c, 4, 600, 0, 37);
	weights = net_case_copy_weights(&c, size);
	net_case_release(&c);
	return weights;
}

static void
test_zeros__bits_of_threads(void **state)
{
	static const size_t counts[] = {2, 3, 7, 16};
	size_t size;
	float *expected = train_with(1, &size);

	(void) state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
	{
		float *weights = train_with(counts[i], &size);

		assert_memory_equal(weights, expected, size);
		free(weights);
	}
	free(expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeros__sparse_is_the_product),
		cmocka_unit_test(test_zeros__find_used),
		cmocka_unit_test(test_zeros__layer_is_the_same),
		cmocka_unit_test(test_zeros__go_through_factors),
		cmocka_unit_test(test_zeros__where),
		cmocka_unit_test(test_zeros__bits_of_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
