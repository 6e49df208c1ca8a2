/*
 * nn/infer_graph.c
 *	  Scoring of any net, node by node, over tiles of rows.
 *
 * The nodes are those of training, prepared for scoring: they hold nothing
 * that a run changes, so that one net may be scored in several places at once.
 * A run copies them to its scratch, with places there for what they make.
 */
#include "nn/infer_graph.h"
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

struct cer_infer_graph
{
	cer_graph graph;
	size_t n_edges;
	size_t n_floats; /* of what nodes make, for each row of a tile */
	size_t n_classes;
};

static cer_status
prepare(cer_infer_graph *infer, const cer_net *net, const float *weights)
{
	cer_graph *graph = &infer->graph;

	graph->weights = cer_graph_allocate_floats(graph, net->n_weights);
	if (graph->weights == NULL)
		return CER_NO_MEMORY;
	memcpy(graph->weights, weights, net->n_weights * sizeof(float));
	CER_TRY(cer_graph_connect(graph, NULL));
	for (size_t i = 0; i < net->n_nodes; i++)
	{
		CER_TRY(net->nodes[i].op->prepare(graph, &graph->nodes[i], NULL));
		infer->n_edges += net->nodes[i].n_inputs;
	}
	infer->n_floats = cer_graph_plan_slots(graph);
	return infer->n_floats > 0 ? CER_OK : CER_NO_MEMORY;
}

const cer_infer_graph *
cer_infer_graph_make(cer_arena *arena, const cer_kernels *kernels,
                     const cer_net *net, const float *weights)
{
	cer_infer_graph *made = cer_arena_allocate(arena, sizeof(*made));

	if (made == NULL)
		return NULL;
	memset(made, 0, sizeof(*made));
	made->n_classes = net->shape->n_classes;
	made->graph.net = net;
	made->graph.kernels = kernels;
	made->graph.make_gemm = cer_gemm_make_plain;
	made->graph.arena = arena;
	made->graph.is_scoring = true;
	made->graph.tile_rows = cer_graph_choose_tile_rows(net, SIZE_MAX);
	made->graph.batch_rows = made->graph.tile_rows;
	return prepare(made, net, weights) == CER_OK ? made : NULL;
}

/* ------------------------------------------------------------ scoring */

static size_t
align_up(size_t n)
{
	return (n + 63) & ~(size_t) 63;
}

static size_t
get_tile_rows(const cer_infer_graph *infer, size_t n_rows)
{
	size_t most = infer->graph.tile_rows;

	return n_rows < most ? n_rows : most;
}

/* Scratch: nodes, their inputs, what they make, what operators asked for. */
static size_t
get_nodes_size(const cer_infer_graph *infer)
{
	return align_up(infer->graph.net->n_nodes * sizeof(cer_graph_node)) +
	       align_up(infer->n_edges * sizeof(cer_activations));
}

size_t
cer_infer_graph_get_scratch_size(const cer_infer_graph *infer, size_t n_rows)
{
	return get_nodes_size(infer) +
	       get_tile_rows(infer, n_rows) * infer->n_floats * sizeof(float) +
	       infer->graph.scratch_size * sizeof(float);
}

static void
place_nodes(const cer_infer_graph *infer, cer_graph_node *nodes, float *made,
            size_t n_rows)
{
	size_t n_nodes = infer->graph.net->n_nodes;
	cer_activations *ins =
		(cer_activations *) ((char *) nodes +
	                         align_up(n_nodes * sizeof(*nodes)));

	memcpy(nodes, infer->graph.nodes, n_nodes * sizeof(*nodes));
	for (size_t i = 0; i < n_nodes; i++)
	{
		const cer_node *node = nodes[i].node;

		if (node->n_inputs > 0)
			memcpy(ins, nodes[i].ins, node->n_inputs * sizeof(*ins));
		nodes[i].ins = ins;
		for (size_t j = 0; j < node->n_inputs; j++)
			ins[j].data = nodes[node->inputs[j].node].out.data;
		if (node->n_inputs > 0)
			nodes[i].in = ins[0];
		nodes[i].out.data = made + nodes[i].slot * n_rows;
		ins += node->n_inputs;
	}
}

static void
run_node(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_operator *op = node->node->op;

	if (node->is_copied)
		memcpy(node->out.data, node->in.data,
		       tile->n_rows * cer_get_width(&node->out) * sizeof(float));
	if (op->score != NULL)
		op->score(tile, node);
	else
		op->forward(tile, node);
}

void
cer_infer_graph_run(const cer_infer_graph *infer, const cer_encoded *rows,
                    float *proba, void *scratch)
{
	const cer_input_shape *shape = infer->graph.net->shape;
	size_t n_nodes = infer->graph.net->n_nodes;
	size_t tile_rows = get_tile_rows(infer, rows->n_rows);
	cer_graph_node *nodes = scratch;
	float *made = (float *) ((char *) scratch + get_nodes_size(infer));
	cer_graph graph = infer->graph;
	cer_encoded part = *rows;
	cer_tile tile = {.graph = &graph,
	                 .scratch = made + infer->n_floats * tile_rows};

	place_nodes(infer, nodes, made, tile_rows);
	graph.batch.rows = &part;
	for (size_t done = 0; done < rows->n_rows; done += tile.n_rows)
	{
		size_t left = rows->n_rows - done;

		tile.n_rows = left < tile_rows ? left : tile_rows;
		tile.n_all = tile.n_rows;
		part.numbers = rows->numbers + done * cer_shape_count_stored(shape);
		part.codes = rows->codes + done * cer_shape_count_codes(shape);
		for (size_t i = 0; i < n_nodes; i++)
			run_node(&tile, &nodes[i]);
		memcpy(proba + done * infer->n_classes, nodes[n_nodes - 1].out.data,
		       tile.n_rows * infer->n_classes * sizeof(float));
	}
}
