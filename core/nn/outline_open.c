/*
 * nn/outline_open.c
 *	  The outline of a triple without a task: widths and counts of weights in
 *	  terms of f features, each one number, and c classes.
 *
 * Every such number is a + b f + d f^2 with a and b linear in c: a layer over
 * the features is at most a square of them.  So nets of three widths and two
 * numbers of classes tell it, and the sixth of them checks that it is so.
 */
#include "nn/outline.h"

#include "lang/mst.h"
#include "lang/origin.h"
#include "lang/writer.h"

#include <string.h>

/* Widths are even, as some layers halve them. */
#define STEP     24
#define N_WIDTHS 3
#define N_NETS   (2 * N_WIDTHS)

/* values[class][width] */
typedef uint64_t samples[2][N_WIDTHS];

typedef struct open_nets
{
	const cer_net *nets[2][N_WIDTHS];
	cer_outline_layers layers; /* of the first */
} open_nets;

/* Its towers are as many as FE's tables with features, which a task tells. */
static cer_status
check_layers(const cer_layer *layer, cer_error *err)
{
	if (layer->kind == CER_LAYER_BY_TABLE ||
	    layer->kind == CER_LAYER_POOL_ROWS || layer->kind == CER_LAYER_OF_TABLE)
	{
		cer_fail(err, CER_BAD_VALUE,
		         "the graph of \"%s\" depends on the features of each table",
		         cer_layer_name(layer->kind));
		cer_error_set_hint(err, "Name a task: graph(mst, task).");
		return CER_BAD_VALUE;
	}
	for (const cer_layer *child = layer->first; child; child = child->next)
		CER_TRY(check_layers(child, err));
	return CER_OK;
}

static cer_status
make_net(cer_arena *arena, const cer_layer *structure, size_t n_numbers,
         size_t n_classes, const cer_net **net, cer_error *err)
{
	size_t size = n_numbers * sizeof(cer_text);
	cer_text *names = cer_arena_allocate(arena, size);
	cer_input_shape shape = {
		.n_numbers = n_numbers, .number_names = names, .n_classes = n_classes};

	if (names == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < n_numbers; i++)
		names[i] = (cer_text){"f", 1};
	return cer_net_make(arena, &shape, structure, net, err);
}

static cer_status
make_nets(cer_arena *arena, const cer_layer *structure, open_nets *open,
          cer_error *err)
{
	for (size_t c = 0; c < 2; c++)
		for (size_t i = 0; i < N_WIDTHS; i++)
			CER_TRY(make_net(arena, structure, STEP * (i + 1), 2 + c,
			                 &open->nets[c][i], err));
	for (size_t i = 0; i < N_NETS; i++)
		if (open->nets[i / N_WIDTHS][i % N_WIDTHS]->n_nodes !=
		    open->nets[0][0]->n_nodes)
			return cer_fail(err, CER_BAD_VALUE,
			                "the graph depends on how many features there are");
	open->layers = (cer_outline_layers){.net = open->nets[0][0], .n_inputs = 1};
	return cer_outline_find_groups(arena, open->layers.net,
	                               &open->layers.groups, &open->layers.n_groups,
	                               err);
}

/* ------------------------------------------------------------ formulas */

static void
put_term(cer_writer *to, int64_t factor, const char *of)
{
	uint64_t size = (uint64_t) (factor < 0 ? -factor : factor);

	if (factor == 0)
		return;
	if (to->size > 0)
		cer_writer_put(to, factor < 0 ? " - " : " + ");
	else if (factor < 0)
		cer_writer_put(to, "-");
	if (size > 1 || of[0] == '\0')
		cer_writer_format(to, "%llu%s", (unsigned long long) size,
		                  of[0] ? " " : "");
	cer_writer_put(to, of);
}

/* What a class more changes: a and b of it in f. */
static bool
fit(const uint64_t values[N_WIDTHS], int64_t square, int64_t *a, int64_t *b)
{
	int64_t v[N_WIDTHS];

	for (size_t i = 0; i < N_WIDTHS; i++)
	{
		int64_t f = (int64_t) (STEP * (i + 1));

		v[i] = (int64_t) values[i] - square * f * f;
	}
	*b = (v[1] - v[0]) / STEP;
	*a = v[0] - *b * STEP;
	return *a + *b * (2 * STEP) == v[1] && *a + *b * (3 * STEP) == v[2];
}

/* Empty: it is no such formula. */
static cer_status
print_formula(cer_arena *arena, samples values, cer_text *text, cer_error *err)
{
	const uint64_t *two = values[0];
	int64_t square =
		((int64_t) two[2] - 2 * (int64_t) two[1] + (int64_t) two[0]) /
		(2 * STEP * STEP);
	cer_writer to = {.arena = arena};
	int64_t a[2];
	int64_t b[2];

	if (fit(values[0], square, &a[0], &b[0]) &&
	    fit(values[1], square, &a[1], &b[1]))
	{
		put_term(&to, square, "f^2");
		put_term(&to, b[1] - b[0], "f c");
		put_term(&to, 3 * b[0] - 2 * b[1], "f");
		put_term(&to, a[1] - a[0], "c");
		put_term(&to, 3 * a[0] - 2 * a[1], "");
		if (to.size == 0)
			cer_writer_put(&to, "0");
	}
	return cer_writer_finish(&to, text, err);
}

static bool
is_constant(samples values)
{
	for (size_t i = 0; i < N_NETS; i++)
		if (values[i / N_WIDTHS][i % N_WIDTHS] != values[0][0])
			return false;
	return true;
}

/* ------------------------------------------------------------ nodes */

static cer_status
put_shape(cer_arena *arena, const open_nets *open, size_t group, cer_text *text,
          cer_error *err)
{
	cer_writer to = {.arena = arena};
	samples m;
	samples n;
	cer_text formula;

	for (size_t i = 0; i < N_NETS; i++)
		cer_outline_measure(
			open->nets[i / N_WIDTHS][i % N_WIDTHS], open->layers.groups[group],
			&m[i / N_WIDTHS][i % N_WIDTHS], &n[i / N_WIDTHS][i % N_WIDTHS]);
	if (!is_constant(m) || m[0][0] != 1)
	{
		bool is_sum;

		CER_TRY(print_formula(arena, m, &formula, err));
		is_sum = memchr(formula.data, ' ', formula.size) != NULL;
		cer_writer_put(&to, is_sum ? "(" : "");
		cer_writer_add(&to, formula);
		cer_writer_put(&to, is_sum ? ") x " : " x ");
	}
	CER_TRY(print_formula(arena, n, &formula, err));
	cer_writer_add(&to, formula);
	return cer_writer_finish(&to, text, err);
}

static cer_status
put_count(cer_arena *arena, const open_nets *open, size_t group,
          cer_outline_node *node, cer_error *err)
{
	samples values;

	for (size_t i = 0; i < N_NETS; i++)
		values[i / N_WIDTHS][i % N_WIDTHS] = cer_outline_count(
			open->nets[i / N_WIDTHS][i % N_WIDTHS], open->layers.groups[group]);
	node->is_open = !is_constant(values);
	if (!node->is_open)
		node->n_parameters = values[0][0];
	else
		CER_TRY(print_formula(arena, values, &node->formula, err));
	return CER_OK;
}

static void
put_features(cer_outline_node *node)
{
	*node = (cer_outline_node){
		.operation = {"features", 8},
		.path = {"FE", 2},
		.detail = {"each one number", 15},
		.shape = {"f", 1},
		.is_input = true,
		.formula = {"", 0},
	};
}

cer_status
cer_outline_make_of_mst(cer_arena *arena, const cer_mst *mst,
                        const cer_outline **outline, cer_error *err)
{
	cer_outline *made = cer_arena_allocate(arena, sizeof(*made));
	const cer_layer *structure;
	cer_outline_node *nodes;
	open_nets open;
	size_t size;

	CER_TRY(cer_mst_trace(arena, mst, &structure, err));
	CER_TRY(check_layers(structure, err));
	CER_TRY(make_nets(arena, structure, &open, err));
	size = (open.layers.n_groups + 1) * sizeof(*nodes);
	nodes = cer_arena_allocate(arena, size);
	if (made == NULL || nodes == NULL)
		return cer_fail_memory(err, size);
	memset(nodes, 0, size);
	put_features(&nodes[0]);
	*made = (cer_outline){.n_nodes = open.layers.n_groups + 1, .nodes = nodes};
	for (size_t i = 0; i < open.layers.n_groups; i++)
	{
		cer_outline_node *node = &nodes[i + 1];

		CER_TRY(cer_outline_describe(arena, &open.layers, i, node, err));
		CER_TRY(put_shape(arena, &open, i, &node->shape, err));
		CER_TRY(put_count(arena, &open, i, node, err));
		node->n_tensors = 0; /* some are named after widths of the input */
		made->is_open |= node->is_open;
		made->n_parameters += node->n_parameters;
	}
	*outline = made;
	return CER_OK;
}
