/*
 * test_paired.c
 *	  An edit of a triple leaves alone what it does not touch: the order of
 *	  rows, initial weights and what dropout draws are keyed by seed and name,
 *	  never by place or count.  So two neighbours are a paired experiment.
 */
#include "cmocka_all.h"
#include "nn/graph.h"
#include "trained.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 3

typedef struct pair
{
	const char *what;
	const char *before;
	const char *after;
	const char *grown; /* names of tensors that have more inputs begin so */
	size_t n_equal;    /* tensors at least */
	size_t n_same;     /* first layers that make the same of a batch */
} pair;

#define PT "PT epochs = 2, dropout = 0.3, seed = 3, batch = 64"

static const pair pairs[] = {
	{"a number and a category come",
     "FE hour, city : embed(4) AS mlp(16, 8) " PT,
     "FE color, hour, small, city : embed(4) AS mlp(16, 8) " PT, "first", 5, 0},
	{"a column goes", "FE *, EXCEPT (color) AS tabm(16, 8, members = 3) " PT,
     "FE *, EXCEPT (color, small) AS tabm(16, 8, members = 3) " PT,
     "dense(16)[0]", 6, 0},
	{"a column comes to tokens",
     "FE hour, city AS ft_transformer(1, 16, heads = 2, hidden = 8) " PT,
     "FE hour, city, color AS ft_transformer(1, 16, heads = 2, hidden = 8) " PT,
     "tokens", 12, 0},
	{"a layer comes first behind another",
     "FE * AS dense(16) > relu > dropout(0.3) > dense(8) > relu " PT,
     "FE * AS dense(16) > relu > dropout(0.3) > dense(12) > tanh > dense(8) > "
     "relu " PT,
     NULL, 8, 1},
	{"a layer comes last", "FE * AS dense(16) > gelu > dropout(0.3) " PT,
     "FE * AS dense(16) > gelu > dropout(0.3) > dense(16) > gelu " PT, NULL, 7,
     1},
	{"a block comes",
     "FE * AS residual(blocks = 1, width = 16, hidden = 8) " PT,
     "FE * AS residual(blocks = 2, width = 16, hidden = 8) " PT, NULL, 12, 0},
	{"other optimizer and epochs", "FE * AS mlp(16, 8) " PT,
     "FE * AS mlp(16, 8) PT sgd(lr = 0.01), epochs = 2, dropout = 0.3, seed = "
     "3, batch = 64, label_smoothing = 0.1",
     NULL, 9, 2},
};

#define N_PAIRS (sizeof(pairs) / sizeof(pairs[0]))

/* A network as it begins. */
typedef struct beginning
{
	trained_model trained;
	cer_run *run;
	float *weights;
} beginning;

static void
beginning_init(beginning *b, const char *mst)
{
	test_random random = {SEED};

	trained_init(&b->trained, &random, mst);
	b->run = b->trained.trainer->run;
	b->weights = malloc(b->run->net->n_weights * sizeof(float));
	cer_net_init_weights(b->run->net, SEED, b->weights);
}

static void
beginning_release(beginning *b)
{
	free(b->weights);
	trained_release(&b->trained);
}

static const cer_net_tensor *
find_tensor(const cer_net *net, const cer_net_tensor *like)
{
	for (size_t i = 0; i < net->n_tensors; i++)
		if (strcmp(net->tensors[i].name.data, like->name.data) == 0)
			return &net->tensors[i];
	return NULL;
}

static bool
begins_with(const char *text, const char *start)
{
	return start != NULL && strncmp(text, start, strlen(start)) == 0;
}

/* The same draws, all of one scale: that follows how many inputs there are. */
static void
check_draws(const pair *p, const char *name, size_t n, const float *a,
            const float *b)
{
	double scale = a[0] == 0.0f ? 1.0 : (double) b[0] / (double) a[0];

	for (size_t i = 0; i < n; i++)
		if (!(fabs((double) b[i] - scale * (double) a[i]) <= 1e-6))
			fail_msg("%s: %s[%zu] is %g, was %g", p->what, name, i,
			         (double) b[i], (double) a[i]);
}

/* How many tensors that both have begin with the same bits. */
static size_t
check_weights(const pair *p, const beginning *before, const beginning *after)
{
	const cer_net *net = before->run->net;
	size_t n_equal = 0;

	for (size_t i = 0; i < net->n_tensors; i++)
	{
		const cer_net_tensor *a = &net->tensors[i];
		const cer_net_tensor *b = find_tensor(after->run->net, a);
		const float *from = before->weights + a->offset;

		if (b == NULL || b->size != a->size)
			continue;
		if (begins_with(a->name.data, p->grown))
			check_draws(p, a->name.data, a->size, from,
			            after->weights + b->offset);
		else if (memcmp(from, after->weights + b->offset,
		                a->size * sizeof(float)) == 0)
			n_equal++;
		else
			fail_msg("%s: %s begins otherwise", p->what, a->name.data);
	}
	return n_equal;
}

/* Vectors of numbers are rows named after their columns. */
static void
check_numbers(const pair *p, const beginning *before, const beginning *after)
{
	const cer_input_shape *was = before->run->net->shape;
	const cer_input_shape *is = after->run->net->shape;
	const cer_net_tensor like = {.name = {"first.numbers", 13}};
	const cer_net_tensor *a = find_tensor(before->run->net, &like);
	const cer_net_tensor *b = find_tensor(after->run->net, &like);

	for (size_t i = 0; a != NULL && i < was->n_numbers; i++)
		for (size_t j = 0; j < is->n_numbers; j++)
			if (strcmp(was->number_names[i].data, is->number_names[j].data) ==
			    0)
				check_draws(p, was->number_names[i].data, (size_t) a->dims[1],
				            before->weights + a->offset + i * a->dims[1],
				            after->weights + b->offset + j * b->dims[1]);
}

/* The n-th activation with its dropout. */
static const cer_graph_node *
find_activation(const cer_graph *graph, size_t n)
{
	size_t i = 0;

	while (graph->nodes[i].node->op != &cer_op_activate || --n > 0)
		i++;
	return &graph->nodes[i];
}

/* What a batch in training is there, dropout and all. */
static const float *
run_batch(const beginning *b, size_t n_layers, size_t n_rows, size_t *n)
{
	cer_graph *graph = b->run->graph;
	cer_batch batch = {.rows = &b->run->train,
	                   .order = b->run->order.rows,
	                   .n_rows = n_rows,
	                   .epoch = 2,
	                   .is_training = true};
	const cer_graph_node *node = find_activation(graph, n_layers);

	memcpy(graph->weights, b->weights, b->run->net->n_weights * sizeof(float));
	cer_graph_refresh(graph);
	cer_graph_run(graph, &batch);
	*n = n_rows * cer_get_width(&node->out);
	return node->out.data;
}

static void
check_pair(const pair *p)
{
	beginning before;
	beginning after;
	size_t n_rows;
	size_t n_equal;

	beginning_init(&before, p->before);
	beginning_init(&after, p->after);
	n_rows = before.run->train.n_rows;
	assert_int_equal(n_rows, after.run->train.n_rows);
	assert_memory_equal(before.run->order.rows, after.run->order.rows,
	                    n_rows * sizeof(uint32_t));
	n_equal = check_weights(p, &before, &after);
	if (n_equal < p->n_equal)
		fail_msg("%s: only %zu tensors begin as before", p->what, n_equal);
	check_numbers(p, &before, &after);
	if (p->n_same > 0)
	{
		size_t n;
		const float *a = run_batch(&before, p->n_same, 64, &n);

		assert_memory_equal(a, run_batch(&after, p->n_same, 64, &n),
		                    n * sizeof(float));
	}
	beginning_release(&before);
	beginning_release(&after);
}

static void
test_paired__edits(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_PAIRS; i++)
		check_pair(&pairs[i]);
}

/* Another seed draws all of it anew. */
static void
test_paired__seed(void **state)
{
	pair p = {"another seed",
	          "AS mlp(16, 8) " PT,
	          "AS mlp(16, 8) PT epochs = 2, seed = 4, batch = 64",
	          NULL,
	          0,
	          0};
	beginning before;
	beginning after;

	(void) state;
	beginning_init(&before, p.before);
	beginning_init(&after, p.after);
	cer_net_init_weights(after.run->net, SEED + 1, after.weights);
	for (size_t i = 0; i < before.run->net->n_weights; i++)
		assert_true(before.weights[i] != after.weights[i] ||
		            before.weights[i] == 0.0f);
	assert_memory_not_equal(before.run->order.rows, after.run->order.rows,
	                        before.run->train.n_rows * sizeof(uint32_t));
	beginning_release(&before);
	beginning_release(&after);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paired__edits),
		cmocka_unit_test(test_paired__seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
