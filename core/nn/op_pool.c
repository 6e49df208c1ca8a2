/*
 * nn/op_pool.c
 *	  A row's tokens to one vector: their mean, the largest of each unit, the
 *	  first or last one, or their sum weighed by softmax(x q), with a learnt q.  And
 *	  fm, to one number: all pairwise products of tokens (Rendle 2010),
 *	  ((sum of v)^2 - sum of v^2) / 2.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <math.h>
#include <string.h>

typedef struct pool_state
{
	size_t n_tokens;
	cer_sums query; /* attention */
} pool_state;

/* The tokens of one member of a row and what is made of them. */
typedef struct pool_call
{
	size_t n;
	size_t n_tokens; /* that are there */
	const float *x;
	float *y;
	const float *dy;
	float *dx;
	const float *query;
	float *dquery;
	float *scratch; /* n_tokens + 2 n */
} pool_call;

static cer_status
pool_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec query = {
		.name = node->name,
		.suffix = "query",
		.n_columns = node->n_in,
		.initial = CER_INITIAL_UNIFORM,
		.scale = cer_initial_bound(node->n_in),
	};

	if (node->pool != CER_POOL_ATTENTION)
		return CER_OK;
	return cer_net_add_tensor(builder, node, &query, err);
}

static cer_status
fm_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	(void) builder;
	(void) node;
	(void) err;
	return CER_OK;
}

static double
pool_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 2.0 * (double) (node->n_in * node->inputs[0].m);
}

/* ------------------------------------------------------------ kinds */

static void
pool_mean(const pool_call *c)
{
	memset(c->y, 0, c->n * sizeof(float));
	for (size_t t = 0; t < c->n_tokens; t++)
		for (size_t i = 0; i < c->n; i++)
			c->y[i] += c->x[t * c->n + i];
	for (size_t i = 0; i < c->n; i++)
		c->y[i] /= (float) c->n_tokens;
}

static void
pool_mean_backward(const pool_call *c)
{
	for (size_t t = 0; t < c->n_tokens; t++)
		for (size_t i = 0; i < c->n; i++)
			c->dx[t * c->n + i] = c->dy[i] / (float) c->n_tokens;
}

static void
find_largest(const pool_call *c, float *restrict y)
{
	memcpy(y, c->x, c->n * sizeof(float));
	for (size_t t = 1; t < c->n_tokens; t++)
	{
		const float *restrict x = c->x + t * c->n;

		for (size_t i = 0; i < c->n; i++)
			y[i] = x[i] > y[i] ? x[i] : y[i];
	}
}

static void
pool_max(const pool_call *c)
{
	find_largest(c, c->y);
}

/* The first of the largest tokens takes it.  Scratch: the largest, what is
 * still to be taken. */
static void
pool_max_backward(const pool_call *c)
{
	float *restrict top = c->scratch;
	float *restrict left = c->scratch + c->n;

	find_largest(c, top);
	memcpy(left, c->dy, c->n * sizeof(float));
	for (size_t t = 0; t < c->n_tokens; t++)
	{
		const float *restrict x = c->x + t * c->n;
		float *restrict dx = c->dx + t * c->n;

		for (size_t i = 0; i < c->n; i++)
		{
			bool is_top = x[i] == top[i];

			dx[i] = is_top ? left[i] : 0.0f;
			left[i] = is_top ? 0.0f : left[i];
		}
	}
}

static void
pool_first(const pool_call *c)
{
	memcpy(c->y, c->x, c->n * sizeof(float));
}

static void
pool_first_backward(const pool_call *c)
{
	memset(c->dx, 0, c->n_tokens * c->n * sizeof(float));
	memcpy(c->dx, c->dy, c->n * sizeof(float));
}

static void
pool_last(const pool_call *c)
{
	memcpy(c->y, c->x + (c->n_tokens - 1) * c->n, c->n * sizeof(float));
}

static void
pool_last_backward(const pool_call *c)
{
	memset(c->dx, 0, c->n_tokens * c->n * sizeof(float));
	memcpy(c->dx + (c->n_tokens - 1) * c->n, c->dy, c->n * sizeof(float));
}

static float
multiply_vectors(size_t n, const float *a, const float *b)
{
	float sum = 0.0f;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* softmax(x q) into scratch */
static void
weigh_tokens(const pool_call *c)
{
	float *p = c->scratch;
	float top = -INFINITY;
	float sum = 0.0f;

	for (size_t t = 0; t < c->n_tokens; t++)
	{
		p[t] = multiply_vectors(c->n, c->x + t * c->n, c->query);
		top = p[t] > top ? p[t] : top;
	}
	for (size_t t = 0; t < c->n_tokens; t++)
		sum += p[t] = expf(p[t] - top);
	for (size_t t = 0; t < c->n_tokens; t++)
		p[t] /= sum;
}

static void
pool_attention(const pool_call *c)
{
	weigh_tokens(c);
	memset(c->y, 0, c->n * sizeof(float));
	for (size_t t = 0; t < c->n_tokens; t++)
		for (size_t i = 0; i < c->n; i++)
			c->y[i] += c->scratch[t] * c->x[t * c->n + i];
}

static void
pool_attention_backward(const pool_call *c)
{
	const float *p = c->scratch;
	float mean = 0.0f;

	weigh_tokens(c);
	for (size_t t = 0; t < c->n_tokens; t++)
		mean += p[t] * multiply_vectors(c->n, c->dy, c->x + t * c->n);
	for (size_t t = 0; t < c->n_tokens; t++)
	{
		const float *x = c->x + t * c->n;
		float ds = p[t] * (multiply_vectors(c->n, c->dy, x) - mean);

		for (size_t i = 0; i < c->n; i++)
		{
			c->dx[t * c->n + i] = p[t] * c->dy[i] + ds * c->query[i];
			c->dquery[i] += ds * x[i];
		}
	}
}

static void
sum_tokens(const pool_call *c)
{
	memset(c->scratch, 0, c->n * sizeof(float));
	for (size_t t = 0; t < c->n_tokens; t++)
		for (size_t i = 0; i < c->n; i++)
			c->scratch[i] += c->x[t * c->n + i];
}

static void
fm(const pool_call *c)
{
	sum_tokens(c);
	*c->y = 0.5f * (multiply_vectors(c->n, c->scratch, c->scratch) -
	                multiply_vectors(c->n * c->n_tokens, c->x, c->x));
}

static void
fm_backward(const pool_call *c)
{
	sum_tokens(c);
	for (size_t t = 0; t < c->n_tokens; t++)
		for (size_t i = 0; i < c->n; i++)
			c->dx[t * c->n + i] = *c->dy * (c->scratch[i] - c->x[t * c->n + i]);
}

typedef struct pool_type
{
	void (*forward)(const pool_call *call);
	void (*backward)(const pool_call *call);
} pool_type;

static const pool_type types[] = {
	[CER_POOL_MEAN] = {pool_mean, pool_mean_backward},
	[CER_POOL_MAX] = {pool_max, pool_max_backward},
	[CER_POOL_FIRST] = {pool_first, pool_first_backward},
	[CER_POOL_ATTENTION] = {pool_attention, pool_attention_backward},
	[CER_POOL_LAST] = {pool_last, pool_last_backward},
};

static const pool_type fm_type = {fm, fm_backward};

/* ------------------------------------------------------------ operators */

/* Of no tokens comes 0; tokens that are not there have no gradient. */
static void
clear_absent(const pool_call *call, const cer_graph_node *node, float *dx,
             bool is_backward)
{
	const pool_state *state = node->state;
	size_t n_there = call->n_tokens * call->n;

	if (is_backward)
		memset(dx + n_there, 0,
		       (state->n_tokens * call->n - n_there) * sizeof(float));
	else if (n_there == 0)
		memset(call->y, 0, node->out.n * sizeof(float));
}

static void
run_calls(const cer_tile *tile, const cer_graph_node *node,
          const pool_type *type, bool is_backward)
{
	const pool_state *state = node->state;
	size_t tokens = state->n_tokens * node->in.n;
	pool_call call = {.n = node->in.n,
	                  .n_tokens = state->n_tokens,
	                  .query = tile->graph->weights + state->query.offset,
	                  .scratch = tile->scratch};

	if (is_backward && state->query.n > 0)
		call.dquery = cer_sums_begin(&state->query, tile);
	for (size_t i = tile->first * node->out.m;
	     i < (tile->first + tile->n_all) * node->out.m; i++)
	{
		call.x = node->in.data + i * tokens;
		call.y = node->out.data + i * node->out.n;
		call.n_tokens = cer_count_there(node, i / node->out.m, state->n_tokens);
		if (call.n_tokens < state->n_tokens)
			clear_absent(&call, node, node->in.grad + i * tokens, is_backward);
		if (call.n_tokens == 0)
			continue;
		if (!is_backward)
		{
			type->forward(&call);
			continue;
		}
		call.dy = node->out.grad + i * node->out.n;
		call.dx = node->in.grad + i * tokens;
		type->backward(&call);
	}
}

static void
pool_forward(const cer_tile *tile, const cer_graph_node *node)
{
	run_calls(tile, node, &types[node->node->pool], false);
}

static void
pool_backward(const cer_tile *tile, const cer_graph_node *node)
{
	run_calls(tile, node, &types[node->node->pool], true);
}

static void
fm_forward(const cer_tile *tile, const cer_graph_node *node)
{
	run_calls(tile, node, &fm_type, false);
}

static void
fm_run_backward(const cer_tile *tile, const cer_graph_node *node)
{
	run_calls(tile, node, &fm_type, true);
}

static cer_status
pool_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	pool_state *state = cer_graph_make_state(graph, node, sizeof(*state));

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->n_tokens = node->in.m / node->out.m;
	cer_graph_need_scratch(graph, state->n_tokens + 2 * node->in.n);
	if (node->node->n_tensors == 0)
		return CER_OK;
	state->query = (cer_sums){cer_node_get_tensor(graph, node, 0)->offset,
	                          node->in.n, NULL};
	if (graph->is_scoring)
		return CER_OK;
	return cer_graph_add_sums(graph, node, &state->query, err);
}

const cer_operator cer_op_pool = {
	.name = "pool",
	.shape = pool_shape,
	.cost = pool_cost,
	.prepare = pool_prepare,
	.forward = pool_forward,
	.backward = pool_backward,
};

const cer_operator cer_op_fm = {
	.name = "fm",
	.shape = fm_shape,
	.cost = pool_cost,
	.prepare = pool_prepare,
	.forward = fm_forward,
	.backward = fm_run_backward,
};
