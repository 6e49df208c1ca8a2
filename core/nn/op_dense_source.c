/*
 * nn/op_dense_source.c
 *	  Dense layers right over a source; see the header.
 *
 *	 begin		A W, in columns; what of the source follows from it
 *	 tiles		the source's operator, with A W for its weights
 *	 end		its blocks: s^T dy; then A^T (s^T dy) in columns, and
 *				(s^T dy) W^T of each tensor of A, which the graph adds
 *
 * The source's operator works in a graph of its own, with the rows of the
 * layer's output.  Embeddings, which are a part of s, have the same weights
 * there, and a gradient that is added as it is.
 */
#include "nn/op_dense_source.h"
#include "base/denormals.h"
#include "base/error.h"
#include "nn/graph.h"
#include "nn/op_first.h"

#include <string.h>

#define COLUMNS 64 /* of W, in a task */

/* A tensor of the source, or b. */
typedef struct source_tensor
{
	size_t offset; /* in the graph's flat array */
	size_t at;     /* in the own one */
	size_t n;      /* floats, of the graph's */
	bool is_embedding;

	/* rows of A */
	size_t n_rows;
	float *more; /* their gradient from here, (n_rows, n_in) */
	cer_gemm forward;
	cer_gemm forward_rest; /* of the last columns, if they are fewer */
	cer_gemm grad;
	cer_gemm grad_rest;
	cer_gemm back;
} source_tensor;

struct cer_dense_source
{
	size_t offset; /* of W */
	const float *weights_t;
	size_t n_tensors;
	source_tensor *tensors;
	size_t n_rest;         /* columns of the last task, if they are fewer */
	size_t n_column_tasks; /* of W */

	/* the source as if W's outputs were its own */
	cer_graph graph;
	cer_net net;
	cer_graph_node node;
	bool has_bias;
	cer_sums bias; /* b W, and the sum of dy */
};

/* ------------------------------------------------------------ what it is */

static const cer_graph_node *
get_input(const cer_graph *graph, const cer_graph_node *node)
{
	return &graph->nodes[node->node->inputs[0].node];
}

static bool
is_bias(const cer_node *node)
{
	return node->op == &cer_op_activate && node->activation == CER_IDENTITY &&
	       node->has_bias && node->count == 0 && node->dropout == 0.0;
}

/* The source that the layer's input is, bias or not; NULL: it is none. */
static const cer_graph_node *
find_source(const cer_graph *graph, const cer_graph_node *node)
{
	const cer_edge *edge = &node->node->inputs[0];
	const cer_graph_node *from = get_input(graph, node);

	if (is_bias(from->node))
		from = get_input(graph, from);
	if (from->node->n_out != edge->n || from->node->m != edge->m)
		return NULL;
	if (from->node->op == &cer_op_tokens ||
	    (from->node->op == &cer_op_first && !from->node->is_wide))
		return from;
	return NULL;
}

static bool
is_embedding(const cer_graph *graph, const cer_graph_node *from, size_t tensor)
{
	const cer_net *net = graph->net;

	if (from->node->op != &cer_op_first)
		return false;
	for (size_t i = 0; i < net->shape->n_tables; i++)
		if (cer_first_get_embedding(net, from->node, i) ==
		    cer_node_get_tensor(graph, from, tensor))
			return true;
	return false;
}

bool
cer_dense_has_source(const cer_graph *graph, const cer_graph_node *node)
{
	const cer_graph_node *from;
	size_t n_rows = 0;

	if (!graph->trains || graph->bf16 != NULL || graph->n_dimensions > 0 ||
	    graph->mix.shares != NULL || node->node->op != &cer_op_dense ||
	    node->node->n_first > 0 || node->node->n_out <= CER_NARROW_OUTPUTS)
		return false;
	from = find_source(graph, node);
	if (from == NULL)
		return false;
	for (size_t i = 0; i < from->node->n_tensors; i++)
	{
		const cer_net_tensor *tensor = cer_node_get_tensor(graph, from, i);

		if (!is_embedding(graph, from, i))
			n_rows += tensor->size / node->node->n_in;
		else if (2 * tensor->dims[0] > graph->batch_rows)
			return false;
	}
	return 2 * n_rows <= graph->batch_rows * node->node->m;
}

/* ------------------------------------------------------------ planning */

static cer_status
make_gemms(cer_graph *graph, const cer_graph_node *node, source_tensor *tensor,
           size_t n_rest, cer_error *err)
{
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	cer_gemm_shape forward = {.n_rows = tensor->n_rows,
	                          .n_columns = COLUMNS,
	                          .n_inner = n_in,
	                          .a_stride = n_in,
	                          .b_stride = n_out,
	                          .c_stride = n_out};
	cer_gemm_shape grad = {.n_rows = n_in,
	                       .n_columns = COLUMNS,
	                       .n_inner = tensor->n_rows,
	                       .a_stride = n_in,
	                       .b_stride = n_out,
	                       .c_stride = n_out,
	                       .is_a_transposed = true,
	                       .accumulate = true};
	cer_gemm_shape back = {.n_rows = tensor->n_rows,
	                       .n_columns = n_in,
	                       .n_inner = n_out,
	                       .a_stride = n_out,
	                       .b_stride = n_in,
	                       .c_stride = n_in};

	CER_TRY(graph->make_gemm(graph->kernels, &back, &tensor->back, err));
	if (n_out >= COLUMNS)
	{
		CER_TRY(
			graph->make_gemm(graph->kernels, &forward, &tensor->forward, err));
		CER_TRY(graph->make_gemm(graph->kernels, &grad, &tensor->grad, err));
	}
	if (n_rest == 0)
		return CER_OK;
	forward.n_columns = grad.n_columns = n_rest;
	CER_TRY(
		graph->make_gemm(graph->kernels, &forward, &tensor->forward_rest, err));
	return graph->make_gemm(graph->kernels, &grad, &tensor->grad_rest, err);
}

static cer_status
add_rows(cer_graph *graph, const cer_graph_node *node, cer_dense_source *source,
         source_tensor *tensor, cer_error *err)
{
	tensor->n_rows = tensor->n / node->in.n;
	tensor->more = cer_graph_allocate_floats(graph, tensor->n);
	if (tensor->more == NULL)
		return cer_fail_memory(err, tensor->n * sizeof(float));
	CER_TRY(make_gemms(graph, node, tensor, source->n_rest, err));
	return cer_graph_add_more(graph, tensor->offset, tensor->n, tensor->more,
	                          err);
}

static cer_status
add_tensor(cer_graph *graph, const cer_graph_node *node,
           const cer_graph_node *from, size_t i, cer_dense_source *source,
           cer_error *err)
{
	const cer_net_tensor *tensor = cer_node_get_tensor(graph, from, i);
	source_tensor *made = &source->tensors[source->n_tensors++];

	made->offset = tensor->offset;
	made->n = tensor->size;
	made->at = source->net.tensors[i].offset;
	made->is_embedding = is_embedding(graph, from, i);
	if (made->is_embedding)
		return cer_graph_add_more(graph, made->offset, made->n,
		                          source->graph.grads + made->at, err);
	return add_rows(graph, node, source, made, err);
}

static cer_status
add_bias(cer_graph *graph, const cer_graph_node *node, cer_dense_source *source,
         cer_error *err)
{
	const cer_graph_node *bias = get_input(graph, node);
	source_tensor *made = &source->tensors[source->n_tensors];

	if (!source->has_bias)
		return CER_OK;
	source->n_tensors++;
	made->offset = cer_node_get_tensor(graph, bias, 0)->offset;
	made->n = node->in.n;
	made->at = source->bias.offset;
	return add_rows(graph, node, source, made, err);
}

/* The source's tensors with W's outputs. */
static cer_status
make_net(const cer_graph *graph, const cer_graph_node *node,
         const cer_graph_node *from, cer_dense_source *source, cer_error *err)
{
	cer_net_builder builder = {.arena = graph->arena, .net = &source->net};
	cer_node spec = *from->node;

	source->net.shape = graph->net->shape;
	spec.n_out = node->out.n;
	spec.n_tensors = 0;
	return cer_net_add_node(&builder, &spec, err);
}

/* The graph but for work and weights; they take turns with memory. */
static cer_status
make_graph(cer_graph *graph, const cer_graph_node *node,
           cer_dense_source *source, cer_error *err)
{
	cer_graph *own = &source->graph;
	size_t n = source->net.n_weights + node->out.n;

	*own = *graph;
	own->net = &source->net;
	own->blocks = NULL;
	own->n_blocks = own->block_capacity = 0;
	own->scratch_size = 0;
	own->more = NULL;
	own->stepper = (cer_stepper){0};
	own->weights = cer_graph_allocate_floats(own, n);
	own->grads = cer_graph_allocate_floats(own, n);
	if (own->weights == NULL || own->grads == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	source->node = (cer_graph_node){
		.node = &source->net.nodes[0], .graph = own, .out = node->out};
	CER_TRY(source->node.node->op->prepare(own, &source->node, err));
	source->has_bias = is_bias(get_input(graph, node)->node);
	source->bias = (cer_sums){source->net.n_weights, node->out.n, NULL};
	if (source->has_bias)
		CER_TRY(cer_graph_add_sums(own, &source->node, &source->bias, err));
	graph->slab = own->slab;
	graph->slab_left = own->slab_left;
	return CER_OK;
}

static cer_status
add_all(cer_graph *graph, const cer_graph_node *node,
        const cer_graph_node *from, cer_dense_source *source, cer_error *err)
{
	size_t size = (from->node->n_tensors + 1) * sizeof(source_tensor);

	source->tensors = cer_arena_allocate(graph->arena, size);
	if (source->tensors == NULL)
		return cer_fail_memory(err, size);
	memset(source->tensors, 0, size);
	for (size_t i = 0; i < from->node->n_tensors; i++)
		CER_TRY(add_tensor(graph, node, from, i, source, err));
	return add_bias(graph, node, source, err);
}

cer_status
cer_dense_source_prepare(cer_graph *graph, const cer_graph_node *node,
                         const float *weights_t, cer_dense_source **source,
                         cer_error *err)
{
	const cer_graph_node *from = find_source(graph, node);
	cer_dense_source *made = cer_arena_allocate(graph->arena, sizeof(*made));

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	memset(made, 0, sizeof(*made));
	made->offset = cer_node_get_tensor(graph, node, 0)->offset;
	made->weights_t = weights_t;
	made->n_rest = node->out.n % COLUMNS;
	made->n_column_tasks = (node->out.n + COLUMNS - 1) / COLUMNS;
	CER_TRY(make_net(graph, node, from, made, err));
	CER_TRY(make_graph(graph, node, made, err));
	CER_TRY(add_all(graph, node, from, made, err));
	cer_graph_need_scratch(graph, made->graph.scratch_size);
	*source = made;
	return CER_OK;
}

/* ------------------------------------------------------------ a batch */

typedef struct source_work
{
	const cer_graph *graph;
	const cer_graph_node *node;
	const cer_dense_source *source;
} source_work;

static bool
is_rest(const cer_dense_source *source, size_t task)
{
	return source->n_rest > 0 && task + 1 == source->n_column_tasks;
}

static void
multiply_columns(void *arg, size_t task)
{
	const source_work *work = arg;
	const cer_dense_source *source = work->source;
	size_t column = task * COLUMNS;
	unsigned before = cer_denormals_flush();

	for (size_t i = 0; i < source->n_tensors; i++)
	{
		const source_tensor *tensor = &source->tensors[i];

		if (!tensor->is_embedding)
			cer_gemm_run(is_rest(source, task) ? &tensor->forward_rest
			                                   : &tensor->forward,
			             work->graph->weights + tensor->offset,
			             work->graph->weights + source->offset + column,
			             source->graph.weights + tensor->at + column);
	}
	cer_denormals_restore(before);
}

static void
copy_embeddings(const cer_graph *graph, cer_dense_source *source)
{
	for (size_t i = 0; i < source->n_tensors; i++)
	{
		const source_tensor *tensor = &source->tensors[i];

		if (tensor->is_embedding)
			memcpy(source->graph.weights + tensor->at,
			       graph->weights + tensor->offset, tensor->n * sizeof(float));
	}
}

void
cer_dense_source_begin(const cer_graph *graph, const cer_graph_node *node,
                       cer_dense_source *source)
{
	source_work work = {graph, node, source};
	const cer_operator *op = source->node.node->op;

	source->graph.batch = graph->batch;
	copy_embeddings(graph, source);
	graph->host->run_tasks(graph->host->self, multiply_columns, &work,
	                       source->n_column_tasks);
	if (op->refresh != NULL)
		op->refresh(&source->graph, &source->node);
}

static cer_tile
get_tile(const cer_tile *tile, const cer_dense_source *source)
{
	cer_tile own = *tile;

	own.graph = &source->graph;
	return own;
}

void
cer_dense_source_forward(const cer_tile *tile, const cer_graph_node *node,
                         const cer_dense_source *source)
{
	cer_tile own = get_tile(tile, source);

	source->node.node->op->forward(&own, &source->node);
	if (source->has_bias)
		tile->graph->kernels->activate_rows[CER_IDENTITY](
			tile->n_all * node->out.m, node->out.n,
			source->graph.weights + source->bias.offset,
			cer_get_data(&node->out, tile->first), NULL);
}

void
cer_dense_source_backward(const cer_tile *tile, const cer_graph_node *node,
                          const cer_dense_source *source)
{
	cer_tile own = get_tile(tile, source);

	source->node.node->op->backward(&own, &source->node);
	if (source->has_bias)
		tile->graph->kernels->sum_rows(tile->n_all * node->out.m, node->out.n,
		                               cer_get_grad(&node->out, tile->first),
		                               cer_sums_begin(&source->bias, tile));
}

/* The gradient of some columns of W. */
static void
make_columns(const source_work *work, size_t task)
{
	const cer_dense_source *source = work->source;
	size_t n_out = work->node->out.n;
	size_t column = task * COLUMNS;
	size_t n = is_rest(source, task) ? source->n_rest : COLUMNS;
	float *grad = work->graph->grads + source->offset + column;

	for (size_t row = 0; row < work->node->in.n; row++)
		memset(grad + row * n_out, 0, n * sizeof(float));
	for (size_t i = 0; i < source->n_tensors; i++)
	{
		const source_tensor *tensor = &source->tensors[i];

		if (!tensor->is_embedding)
			cer_gemm_run(is_rest(source, task) ? &tensor->grad_rest
			                                   : &tensor->grad,
			             work->graph->weights + tensor->offset,
			             source->graph.grads + tensor->at + column, grad);
	}
}

static void
make_tensor(const source_work *work, const source_tensor *tensor)
{
	const cer_dense_source *source = work->source;

	if (!tensor->is_embedding)
		cer_gemm_run(&tensor->back, source->graph.grads + tensor->at,
		             source->weights_t, tensor->more);
}

static void
make_part(void *arg, size_t task)
{
	const source_work *work = arg;
	size_t n_columns = work->source->n_column_tasks;
	unsigned before = cer_denormals_flush();

	if (task < n_columns)
		make_columns(work, task);
	else
		make_tensor(work, &work->source->tensors[task - n_columns]);
	cer_denormals_restore(before);
}

void
cer_dense_source_end(const cer_graph *graph, const cer_graph_node *node,
                     cer_dense_source *source)
{
	source_work work = {graph, node, source};

	cer_graph_update(&source->graph);
	graph->host->run_tasks(graph->host->self, make_part, &work,
	                       source->n_column_tasks + source->n_tensors);
}
