/*
 * test_infer.c
 *	  Scoring beside training's own forward pass: values, bits of a row alone
 *	  and among others, tables that are folded and that are not.
 */
#include "nn/infer.h"

#include "cmocka_all.h"
#include "net_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_ROWS 133

static const cer_table_shape some_tables[] = {
	{{"x", 1}, 5, 0}, {{"y", 1}, 7, 4}, {{"z", 1}, 300, 8}};
/* too many codes to fold with 64 units */
static const cer_table_shape large_tables[] = {{{"x", 1}, 40000, 3},
                                               {{"y", 1}, 35000, 8}};

typedef struct infer_case
{
	size_t n_numbers;
	size_t n_tables;
	const cer_table_shape *tables;
	size_t n_layers;
	bool has_ramps;
} infer_case;

static const infer_case cases[] = {
	{5, 3, some_tables, 2},       {5, 3, some_tables, 0},
	{0, 3, some_tables, 1},       {7, 0, NULL, 2},
	{3, 2, large_tables, 1},      {0, 2, large_tables, 2},
	{7, 3, some_tables, 2, true}, {7, 0, NULL, 0, true},
};

static const cer_infer *
make_linked(const net_case *c, bool has_bf16_products,
            const cer_table_link *links, size_t n_links)
{
	cer_infer_spec spec = {.net = c->net,
	                       .weights = c->graph->weights,
	                       .has_bf16_products = has_bf16_products,
	                       .n_links = n_links,
	                       .links = links};
	const cer_infer *infer;

	assert_int_equal(cer_infer_make(c->arena, &spec, &infer, NULL), CER_OK);
	return infer;
}

static const cer_infer *
make_infer(const net_case *c, bool has_bf16_products)
{
	return make_linked(c, has_bf16_products, NULL, 0);
}

static void
check_rows(const net_case *c, const cer_infer *infer, const float *expected,
           float tolerance)
{
	size_t n_classes = c->shape.n_classes;
	size_t size = cer_infer_get_scratch_size(infer, N_ROWS);
	void *scratch = cer_arena_allocate(c->arena, size);
	float *proba = calloc(N_ROWS * n_classes, sizeof(float));

	cer_infer_run(infer, N_ROWS, c->rows.numbers, c->rows.codes, proba,
	              scratch);
	for (size_t i = 0; i < N_ROWS * n_classes; i++)
		if (!(fabsf(proba[i] - expected[i]) <= tolerance))
			fail_msg("%zu: %g, training has %g", i, (double) proba[i],
			         (double) expected[i]);
	for (size_t n = 1; n < 8; n++)
		for (size_t row = 0; row + n <= N_ROWS; row += 11)
		{
			float few[64];
			size_t some = cer_infer_get_scratch_size(infer, n);

			/* no more than is asked for is written */
			memset((char *) scratch + some, 7, size - some);
			cer_infer_run(
				infer, n,
				c->rows.numbers + row * cer_shape_count_stored(&c->shape),
				c->rows.codes + row * c->shape.n_tables, few, scratch);
			assert_memory_equal(few, proba + row * n_classes,
			                    n * n_classes * sizeof(float));
			for (size_t i = some; i < size; i++)
				assert_int_equal(((char *) scratch)[i], 7);
		}
	free(proba);
}

static void
check_case(const infer_case *what, size_t n_classes, bool has_bf16_products)
{
	static const mlp_layer layers[] = {{65, CER_RELU, 0.5}, {20, CER_GELU, 0}};
	net_case_spec spec = {.n_numbers = what->n_numbers,
	                      .has_ramps = what->has_ramps,
	                      .n_tables = what->n_tables,
	                      .tables = what->tables,
	                      .n_classes = n_classes,
	                      .layers = layers,
	                      .n_layers = what->n_layers,
	                      .n_rows = N_ROWS,
	                      .batch = N_ROWS,
	                      .kernels = cer_kernels_choose()->name};
	const cer_infer *infer;
	float expected[N_ROWS * 8];
	net_case c;

	net_case_init(&c, &spec);
	cer_graph_predict(c.graph, &c.rows, 0, N_ROWS, expected);
	infer = make_infer(&c, has_bf16_products);
	assert_string_equal(cer_infer_get_kernel_class(infer),
	                    cer_kernels_choose()->name);
	check_rows(&c, infer, expected, has_bf16_products ? 5e-3f : 2e-6f);
	net_case_release(&c);
}

static void
test_infer__as_in_training(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t n_classes = 2; n_classes < 9; n_classes += 5)
		{
			check_case(&cases[i], n_classes, false);
			check_case(&cases[i], n_classes, true);
		}
}

/* A code that the net does not have is unseen. */
static void
test_infer__codes_out_of_range(void **state)
{
	mlp_layer layers[] = {{8, CER_RELU, 0}};
	net_case_spec spec = {.n_tables = 3,
	                      .tables = some_tables,
	                      .n_classes = 2,
	                      .layers = layers,
	                      .n_layers = 1,
	                      .n_rows = 1,
	                      .batch = 1,
	                      .kernels = "plain"};
	uint32_t unseen[] = {CER_CODE_UNSEEN, CER_CODE_UNSEEN, CER_CODE_UNSEEN};
	uint32_t beyond[] = {5, UINT32_MAX, 300};
	const cer_infer *infer;
	float expected[2];
	float proba[2];
	void *scratch;
	net_case c;

	(void) state;
	net_case_init(&c, &spec);
	infer = make_infer(&c, false);
	scratch = cer_arena_allocate(c.arena, cer_infer_get_scratch_size(infer, 1));
	cer_infer_run(infer, 1, NULL, unseen, expected, scratch);
	cer_infer_run(infer, 1, NULL, beyond, proba, scratch);
	assert_memory_equal(proba, expected, sizeof(proba));
	net_case_release(&c);
}

/* What is kept of any of the tables. */
static void
check_kept(const net_case *c, const cer_infer *infer, unsigned kept)
{
	size_t n_groups = cer_infer_count_groups(infer);
	size_t width = cer_infer_get_partial_width(infer);
	void *scratch =
		cer_arena_allocate(c->arena, cer_infer_get_scratch_size(infer, N_ROWS));
	const float **rows = calloc(n_groups * N_ROWS, sizeof(*rows));
	const float *const **groups = calloc(n_groups, sizeof(*groups));
	cer_partials partials = {.groups = groups};
	float expected[N_ROWS * 2];
	float proba[N_ROWS * 2];

	for (size_t g = 0; g < n_groups; g++)
	{
		float *sums =
			cer_arena_allocate(c->arena, N_ROWS * width * sizeof(float));

		if (!cer_infer_can_keep(infer, g))
			continue;
		cer_infer_run_group(infer, g, &c->rows, sums, scratch);
		for (size_t row = 0; row < N_ROWS; row++)
			rows[g * N_ROWS + row] = sums + row * width;
		if (kept >> g & 1)
			groups[g] = rows + g * N_ROWS;
	}
	cer_infer_run(infer, N_ROWS, c->rows.numbers, c->rows.codes, expected,
	              scratch);
	cer_infer_run_partials(infer, &c->rows, &partials, proba, scratch);
	assert_memory_equal(proba, expected, sizeof(proba));
	free(rows);
	free(groups);
}

static void
test_infer__kept_sums_change_no_bit(void **state)
{
	static const cer_table_shape tables[] = {{{"x", 1}, 5, 0},
	                                         {{"q.y", 3}, 7, 4},
	                                         {{"q.w", 3}, 40000, 8},
	                                         {{"r.z", 3}, 9, 8}};
	static const mlp_layer layers[] = {{64, CER_RELU, 0}, {20, CER_GELU, 0}};
	net_case_spec spec = {.n_numbers = 5,
	                      .n_tables = 4,
	                      .tables = tables,
	                      .n_classes = 2,
	                      .has_joins = true,
	                      .layers = layers,
	                      .n_layers = 2,
	                      .n_rows = N_ROWS,
	                      .batch = N_ROWS,
	                      .kernels = cer_kernels_choose()->name};
	const cer_infer *infer;
	net_case c;

	(void) state;
	net_case_init(&c, &spec);
	infer = make_infer(&c, false);
	assert_int_equal(cer_infer_count_groups(infer), 4);
	for (unsigned kept = 0; kept < 16; kept++)
	{
		check_kept(&c, infer, kept);
		check_kept(&c, make_infer(&c, true), kept);
	}
	net_case_release(&c);
}

/* Groups whose sums take the place of the first one's partials. */
typedef struct sum_list
{
	size_t n;
	size_t list[4];
} sum_list;

typedef struct infer_links
{
	const net_case *c;
	const cer_infer *infer;
	size_t n_sums;
	const sum_list *sums; /* one after the other */
} infer_links;

/* Sums of tables in place of partials. */
typedef struct sum_case
{
	float *partials[4]; /* by group: of each row */
	const float **rows; /* by group, by row */
	const float *const *groups[4];
} sum_case;

/* What the groups of the list add, at the first one of them. */
static void
add_up(const infer_links *linked, sum_case *sums, size_t n, const size_t *list)
{
	size_t width = cer_infer_get_partial_width(linked->infer);
	const cer_infer_first *first = cer_infer_get_first(linked->infer);
	float *made =
		cer_arena_allocate(linked->c->arena, N_ROWS * width * sizeof(float));

	for (size_t row = 0; row < N_ROWS; row++)
	{
		const float *terms[4];

		for (size_t i = 0; i < n; i++)
			terms[i] = sums->rows[list[i] * N_ROWS + row];
		cer_infer_first_sum(first, n, terms, made + row * width);
		sums->rows[list[0] * N_ROWS + row] = made + row * width;
	}
	sums->groups[list[0]] = sums->rows + list[0] * N_ROWS;
	for (size_t i = 1; i < n; i++)
		sums->groups[list[i]] = cer_partials_elsewhere;
}

static void
check_sums(const infer_links *linked)
{
	const net_case *c = linked->c;
	const cer_infer *infer = linked->infer;
	size_t width = cer_infer_get_partial_width(infer);
	void *scratch =
		cer_arena_allocate(c->arena, cer_infer_get_scratch_size(infer, N_ROWS));
	sum_case sums = {.rows = calloc(4 * N_ROWS, sizeof(*sums.rows))};
	cer_partials partials = {.groups = sums.groups};
	float expected[N_ROWS * 2];
	float proba[N_ROWS * 2];

	for (size_t g = 0; g < 4; g++)
	{
		sums.partials[g] =
			cer_arena_allocate(c->arena, N_ROWS * width * sizeof(float));
		cer_infer_run_group(infer, g, &c->rows, sums.partials[g], scratch);
		for (size_t row = 0; row < N_ROWS; row++)
			sums.rows[g * N_ROWS + row] = sums.partials[g] + row * width;
	}
	cer_infer_run(infer, N_ROWS, c->rows.numbers, c->rows.codes, expected,
	              scratch);
	for (size_t i = 0; i < linked->n_sums; i++)
	{
		add_up(linked, &sums, linked->sums[i].n, linked->sums[i].list);
		cer_infer_run_partials(infer, &c->rows, &partials, proba, scratch);
		assert_memory_equal(proba, expected, sizeof(proba));
	}
	free(sums.rows);
}

/* Groups: the task's own, then p, q, r. */
static void
test_infer__sums_of_tables_change_no_bit(void **state)
{
	static const cer_table_shape tables[] = {{{"x", 1}, 5, 0},
	                                         {{"q.y", 3}, 7, 4},
	                                         {{"q.w", 3}, 40000, 8},
	                                         {{"r.z", 3}, 9, 8}};
	static const mlp_layer layers[] = {{64, CER_RELU, 0}, {20, CER_GELU, 0}};
	static const cer_table_link outer[] = {{{"q", 1}, {"r", 1}}};
	static const cer_table_link chain[] = {{{"p", 1}, {"q", 1}},
	                                       {{"q", 1}, {"other", 5}},
	                                       {{"other", 5}, {"r", 1}}};
	static const cer_table_link circle[] = {{{"p", 1}, {"q", 1}},
	                                        {{"q", 1}, {"p", 1}}};
	static const sum_list of_outer[] = {{2, {3, 2}}, {2, {1, 3}}};
	static const sum_list of_chain[] = {{2, {2, 1}}, {2, {3, 2}}};
	static const sum_list of_none[] = {{2, {1, 2}}, {2, {1, 3}}};
	net_case_spec spec = {.n_numbers = 5,
	                      .n_tables = 4,
	                      .tables = tables,
	                      .n_classes = 2,
	                      .has_joins = true,
	                      .layers = layers,
	                      .n_layers = 2,
	                      .n_rows = N_ROWS,
	                      .batch = N_ROWS,
	                      .kernels = cer_kernels_choose()->name};
	net_case c;

	(void) state;
	net_case_init(&c, &spec);
	for (unsigned kept = 0; kept < 16; kept++)
	{
		check_kept(&c, make_linked(&c, false, outer, 1), kept);
		check_kept(&c, make_linked(&c, true, chain, 3), kept);
		check_kept(&c, make_linked(&c, false, circle, 2), kept);
	}
	check_sums(&(infer_links){&c, make_infer(&c, false), 2, of_none});
	check_sums(
		&(infer_links){&c, make_linked(&c, false, outer, 1), 2, of_outer});
	check_sums(
		&(infer_links){&c, make_linked(&c, true, chain, 3), 2, of_chain});
	assert_int_equal(cer_infer_get_parent(make_linked(&c, true, chain, 3), 2),
	                 3);
	assert_int_equal(cer_infer_get_parent(make_linked(&c, true, circle, 2), 1),
	                 4);
	net_case_release(&c);
}

/* Nets whose tables have towers: of how many groups something can be kept. */
typedef struct tower_case
{
	const char *structure;
	size_t n_groups;
	size_t n_kept;
} tower_case;

#define TOWER "(chain (dense width=24)(activation function=gelu)(dense width=9)"

static const tower_case towers[] = {
	{"(chain (by_table joining=concat " TOWER "))(dense width=20)"
     "(activation function=relu))",
     4, 4},
	{"(chain (by_table joining=concat " TOWER ")))", 4, 4},
	{"(chain (by_table joining=sum " TOWER ")))", 4, 4},
	{"(chain (by_table joining=gate " TOWER "))(dense width=7))", 4, 4},
	{"(chain (ensemble count=2 (by_table joining=concat (dense width=5)))"
     "(activation function=gelu)(dense width=6))",
     4, 4},
	{"(chain (by_table joining=concat (chain (tokens width=6)(skip (chain "
     "(attention count=2)))(pool pool=mean)))(dense width=8))",
     4, 4},
	{"(chain (concat (of_table table=source (dense width=5))(of_table table=q " TOWER
     "))(of_table table=p (dense width=30)))(dense width=8))",
     4, 3},
	/* another branch takes all features */
	{"(chain (sum (chain (by_table joining=sum " TOWER ")))(dense width=9)))",
     0, 0},
	{"(chain (dense width=9)(skip (dense width=9)))", 0, 0},
};

static void
check_towers(const tower_case *what)
{
	static const cer_table_shape tables[] = {{{"x", 1}, 5, 0},
	                                         {{"q.y", 3}, 7, 4},
	                                         {{"q.w", 3}, 40000, 8},
	                                         {{"r.z", 3}, 9, 8}};
	net_case_spec spec = {.n_numbers = 5,
	                      .n_tables = 4,
	                      .tables = tables,
	                      .n_classes = 2,
	                      .has_joins = true,
	                      .text = what->structure,
	                      .n_rows = N_ROWS,
	                      .batch = N_ROWS,
	                      .kernels = cer_kernels_choose()->name};
	const cer_infer *infer;
	net_case c;
	size_t n_kept = 0;

	net_case_init(&c, &spec);
	infer = make_infer(&c, false);
	assert_int_equal(cer_infer_count_groups(infer), what->n_groups);
	assert_int_equal(cer_infer_has_towers(infer), what->n_groups > 0);
	for (size_t i = 0; i < what->n_groups; i++)
	{
		n_kept += cer_infer_can_keep(infer, i);
		assert_int_equal(cer_infer_get_group_cost(infer, i) > 0,
		                 cer_infer_can_keep(infer, i));
	}
	assert_int_equal(n_kept, what->n_kept);
	for (unsigned kept = 0; what->n_groups > 0 && kept < 16; kept++)
	{
		check_kept(&c, infer, kept);
		check_kept(&c, make_infer(&c, true), kept);
	}
	net_case_release(&c);
}

static void
test_infer__kept_towers_change_no_bit(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(towers) / sizeof(*towers); i++)
		check_towers(&towers[i]);
}

/* In chains, and in nets that are scored node by node. */
static void
test_infer__bf16_products_round(void **state)
{
	static const char *const structures[] = {
		"(chain (dense width=24)(activation function=relu)(dense width=20)"
		"(activation function=relu))",
		"(chain (dense width=24)(activation function=relu)(skip (dense "
		"width=24)))"};
	net_case_spec spec = {.n_numbers = 5,
	                      .n_classes = 2,
	                      .n_rows = N_ROWS,
	                      .batch = N_ROWS,
	                      .kernels = cer_kernels_choose()->name};

	(void) state;
	for (size_t i = 0; i < 2; i++)
	{
		float proba[2][N_ROWS * 2];
		net_case c;

		spec.text = structures[i];
		net_case_init(&c, &spec);
		for (size_t j = 0; j < 2; j++)
		{
			const cer_infer *infer = make_infer(&c, j == 1);
			size_t size = cer_infer_get_scratch_size(infer, N_ROWS);

			cer_infer_run(infer, N_ROWS, c.rows.numbers, c.rows.codes, proba[j],
			              cer_arena_allocate(c.arena, size));
		}
		assert_memory_not_equal(proba[0], proba[1], sizeof(proba[0]));
		check_rows(&c, make_infer(&c, true), proba[0], 5e-3f);
		net_case_release(&c);
	}
}

/* Products behind a relu leave zeros out where there are many; a row alone, and
 * training, do it in their own ways. */
static void
test_infer__zeros_change_no_bit(void **state)
{
	static const mlp_layer layers[] = {{130, CER_RELU, 0}, {96, CER_RELU, 0}};
	net_case_spec spec = {.n_numbers = 5,
	                      .n_classes = 3,
	                      .layers = layers,
	                      .n_layers = 2,
	                      .n_rows = N_ROWS,
	                      .batch = N_ROWS,
	                      .kernels = cer_kernels_choose()->name};

	(void) state;
	for (int has_zeros = 0; has_zeros < 2; has_zeros++)
	{
		float expected[N_ROWS * 3];
		net_case c;
		const cer_net_tensor *bias;

		net_case_init(&c, &spec);
		bias = &c.net->tensors[c.net->nodes[1].first_tensor];
		for (size_t i = 0; !has_zeros && i < layers[0].units; i++)
			c.graph->weights[bias->offset + i] += 4;
		cer_graph_predict(c.graph, &c.rows, 0, N_ROWS, expected);
		check_rows(&c, make_infer(&c, false), expected, 5e-6f);
		net_case_release(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_infer__as_in_training),
		cmocka_unit_test(test_infer__codes_out_of_range),
		cmocka_unit_test(test_infer__kept_sums_change_no_bit),
		cmocka_unit_test(test_infer__sums_of_tables_change_no_bit),
		cmocka_unit_test(test_infer__kept_towers_change_no_bit),
		cmocka_unit_test(test_infer__bf16_products_round),
		cmocka_unit_test(test_infer__zeros_change_no_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
