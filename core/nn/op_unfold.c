/*
 * nn/op_unfold.c
 *	  What a convolution sees from each token: the tokens around it side by
 *	  side, zeros beyond the edges.  A dense layer of that is the convolution.
 *
 *	 x (rows, columns, n) to y (rows, columns, kernel rows, kernel columns, n)
 *
 * Of an even kernel one token more is seen after than before (PyTorch's
 * padding "same").
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

/* A grid of tokens and the window that goes over it. */
typedef struct unfold_window
{
	size_t n; /* floats of a token */
	size_t n_rows;
	size_t n_columns;
	size_t kernel_rows;
	size_t kernel_columns;
} unfold_window;

static cer_status
unfold_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	(void) builder;
	(void) node;
	(void) err;
	return CER_OK;
}

static double
unfold_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return (double) (node->n_out * node->m);
}

static cer_status
unfold_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	unfold_window *window = cer_graph_make_state(graph, node, sizeof(*window));
	size_t columns = node->node->grid_columns;

	if (window == NULL)
		return cer_fail_memory(err, sizeof(*window));
	window->n = node->in.n;
	window->n_columns = columns > 0 ? columns : node->node->n_tokens;
	window->n_rows = node->node->n_tokens / window->n_columns;
	window->kernel_columns = node->node->count;
	window->kernel_rows = columns > 0 ? node->node->count : 1;
	return CER_OK;
}

/* Where the tokens in a window's line begin and end, of those there are. */
typedef struct unfold_line
{
	size_t before; /* places beyond the edge */
	size_t n;      /* tokens */
	size_t first;  /* token */
} unfold_line;

/* Places of a kernel around `at`, of `limit` there are. */
static unfold_line
find_line(size_t at, size_t kernel, size_t limit)
{
	size_t left = (kernel - 1) / 2;
	unfold_line line = {.before = at < left ? left - at : 0};
	size_t last = at + kernel - left;

	line.first = at + line.before - left;
	last = last < limit ? last : limit;
	line.n = last > line.first ? last - line.first : 0;
	return line;
}

typedef void (*unfold_move)(const cer_kernels *kernels, size_t n, float *x,
                            float *y);

/* A row's tokens, and one token's window. */
typedef struct unfold_run
{
	float *x;
	float *y;
	size_t n_cleared; /* floats of y, where not all of them are moved */
	unfold_move move;
} unfold_run;

/* Each run of tokens of x that lies as one run in y, of one token's window. */
static void
move_window(const cer_kernels *kernels, const unfold_window *w, size_t token,
            unfold_run run)
{
	unfold_line rows =
		find_line(token / w->n_columns, w->kernel_rows, w->n_rows);
	unfold_line columns =
		find_line(token % w->n_columns, w->kernel_columns, w->n_columns);

	if (rows.n < w->kernel_rows || columns.n < w->kernel_columns)
		memset(run.y, 0, run.n_cleared * sizeof(float));
	for (size_t i = 0; i < rows.n; i++)
		run.move(
			kernels, columns.n * w->n,
			run.x + ((rows.first + i) * w->n_columns + columns.first) * w->n,
			run.y + ((rows.before + i) * w->kernel_columns + columns.before) *
						w->n);
}

static void
copy_run(const cer_kernels *kernels, size_t n, float *x, float *y)
{
	(void) kernels;
	memcpy(y, x, n * sizeof(float));
}

static void
add_run(const cer_kernels *kernels, size_t n, float *x, float *y)
{
	kernels->backward_linear(n, y, x);
}

/* All tokens of run.x (rows of a tile, tokens, n), run.y as wide as windows
 * are. */
static void
move_all(const cer_tile *tile, const cer_graph_node *node, unfold_run run)
{
	const unfold_window *window = node->state;
	size_t n_tokens = node->node->n_tokens;
	size_t n_vectors = tile->n_all * node->out.m;
	unfold_run at = run;

	for (size_t v = 0; v < n_vectors; v++)
	{
		at.x = run.x + (v - v % n_tokens) * node->in.n;
		at.y = run.y + v * node->out.n;
		move_window(tile->graph->kernels, window, v % n_tokens, at);
	}
}

static void
unfold_forward(const cer_tile *tile, const cer_graph_node *node)
{
	move_all(tile, node,
	         (unfold_run){.x = cer_get_data(&node->in, tile->first),
	                      .y = cer_get_data(&node->out, tile->first),
	                      .n_cleared = node->out.n,
	                      .move = copy_run});
}

static void
unfold_backward(const cer_tile *tile, const cer_graph_node *node)
{
	float *dx = cer_get_grad(&node->in, tile->first);

	memset(dx, 0, tile->n_all * cer_get_width(&node->in) * sizeof(float));
	move_all(tile, node,
	         (unfold_run){.x = dx,
	                      .y = cer_get_grad(&node->out, tile->first),
	                      .move = add_run});
}

const cer_operator cer_op_unfold = {
	.name = "unfold",
	.shape = unfold_shape,
	.cost = unfold_cost,
	.prepare = unfold_prepare,
	.forward = unfold_forward,
	.backward = unfold_backward,
};
