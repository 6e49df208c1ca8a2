/*
 * nn/infer_graph.c
 *	  Scoring of any net, node by node, over tiles of rows.
 *
 * The nodes are those of training, prepared for scoring: they hold nothing
 * that a run changes, so that one net may be scored in several places at once.
 * A run copies them to its scratch, with places there for what they make.
 */
#include "nn/infer_graph.h"
#include "base/arena.h"
#include "base/error.h"
#include "nn/graph_rows.h"
#include "nn/operator.h"

#include <string.h>

struct cer_infer_graph
{
	cer_graph graph;
	size_t n_edges;
	size_t n_floats; /* of what nodes make, for each row of a tile */
	size_t n_classes;
	cer_towers towers;
};

/* ------------------------------------------------------------ rows by code */

size_t
cer_infer_graph_find_missing(const cer_infer_graph *infer, size_t tensor,
                             const cer_encoded *rows, uint32_t *missing)
{
	return cer_graph_find_missing(&infer->graph, tensor, rows, missing);
}

void
cer_infer_graph_put_row(const cer_infer_graph *infer, size_t tensor,
                        const cer_row *row, void *scratch)
{
	cer_graph_put_row(&infer->graph, tensor, row, scratch);
}

/* ------------------------------------------------------------ making */

static cer_status
prepare(cer_infer_graph *infer, const cer_net *net, const float *weights)
{
	cer_graph *graph = &infer->graph;

	graph->weights = cer_graph_allocate_floats(graph, net->n_weights);
	if (graph->weights == NULL)
		return CER_NO_MEMORY;
	memcpy(graph->weights, weights, net->n_weights * sizeof(float));
	CER_TRY(cer_graph_connect(graph, NULL));
	CER_TRY(cer_towers_make(graph, &infer->towers));
	CER_TRY(cer_graph_make_stores(graph));
	for (size_t i = 0; i < net->n_nodes; i++)
	{
		CER_TRY(net->nodes[i].op->prepare(graph, &graph->nodes[i], NULL));
		infer->n_edges += net->nodes[i].n_inputs;
	}
	infer->n_floats = cer_graph_plan_slots(graph);
	return infer->n_floats > 0 ? CER_OK : CER_NO_MEMORY;
}

const cer_infer_graph *
cer_infer_graph_make(cer_arena *arena, const cer_infer_graph_spec *spec)
{
	const cer_net *net = spec->net;
	cer_infer_graph *made = cer_arena_allocate(arena, sizeof(*made));

	if (made == NULL)
		return NULL;
	memset(made, 0, sizeof(*made));
	made->n_classes = net->shape->n_classes;
	made->graph.net = net;
	made->graph.kernels = spec->kernels;
	made->graph.bf16 = spec->bf16;
	made->graph.cache_size = spec->cache_size;
	made->graph.make_gemm = cer_gemm_make_plain;
	made->graph.arena = arena;
	made->graph.is_scoring = true;
	made->graph.tile_rows = cer_graph_choose_tile_rows(net, SIZE_MAX);
	made->graph.batch_rows = made->graph.tile_rows;
	return prepare(made, net, spec->weights) == CER_OK ? made : NULL;
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

/* Scratch: nodes, their inputs, what they make, what towers need, what
 * operators asked for. */
static size_t
get_nodes_size(const cer_infer_graph *infer)
{
	return align_up(infer->graph.net->n_nodes * sizeof(cer_graph_node)) +
	       align_up(infer->n_edges * sizeof(cer_activations));
}

size_t
cer_infer_graph_get_scratch_size(const cer_infer_graph *infer, size_t n_rows)
{
	size_t tile_rows = get_tile_rows(infer, n_rows);

	return get_nodes_size(infer) +
	       (tile_rows * infer->n_floats +
	        cer_towers_get_scratch_size(&infer->towers, tile_rows) +
	        infer->graph.scratch_size) *
	           sizeof(float);
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

/* A run over rows, tile by tile. */
typedef struct graph_run
{
	const cer_infer_graph *infer;
	cer_graph graph; /* a copy: the rows are the run's */
	cer_graph_node *nodes;
	cer_encoded part; /* of the rows */
	cer_tile tile;
	size_t tile_rows;
	cer_tower_run towers;
} graph_run;

static void
start_run(const cer_infer_graph *infer, const cer_encoded *rows, void *scratch,
          graph_run *run)
{
	size_t n = get_tile_rows(infer, rows->n_rows);
	float *made = (float *) ((char *) scratch + get_nodes_size(infer));
	float *towers = made + infer->n_floats * n;

	*run = (graph_run){.infer = infer,
	                   .graph = infer->graph,
	                   .nodes = scratch,
	                   .part = *rows,
	                   .tile_rows = n};
	run->towers = (cer_tower_run){.towers = &infer->towers,
	                              .kernels = infer->graph.kernels,
	                              .nodes = scratch,
	                              .scratch = towers};
	run->tile.scratch = towers + cer_towers_get_scratch_size(&infer->towers, n);
	place_nodes(infer, run->nodes, made, n);
}

/* The tile of rows from `done` on. */
static void
start_tile(graph_run *run, const cer_encoded *rows, size_t done)
{
	const cer_input_shape *shape = run->graph.net->shape;
	size_t left = rows->n_rows - done;

	run->tile.graph = &run->graph;
	run->graph.batch.rows = &run->part;
	run->tile.n_rows = left < run->tile_rows ? left : run->tile_rows;
	run->tile.n_all = run->tile.n_rows;
	run->towers.n_rows = run->tile.n_rows;
	run->part.numbers = rows->numbers + done * cer_shape_count_stored(shape);
	run->part.codes = rows->codes + done * cer_shape_count_codes(shape);
}

static void
run_beside_towers(const graph_run *run)
{
	for (size_t i = 0; i < run->graph.net->n_nodes; i++)
		if (cer_tower_has(&run->towers, i))
			cer_tower_take(&run->towers, i);
		else if (!cer_tower_run_head(&run->towers, i))
			run_node(&run->tile, &run->nodes[i]);
}

static void
run_tile(const graph_run *run)
{
	if (run->infer->towers.n_towers > 0)
	{
		run_beside_towers(run);
		return;
	}
	for (size_t i = 0; i < run->graph.net->n_nodes; i++)
		run_node(&run->tile, &run->nodes[i]);
}

void
cer_infer_graph_run(const cer_infer_graph *infer, const cer_encoded *rows,
                    const cer_partials *partials, float *proba, void *scratch)
{
	size_t last = infer->graph.net->n_nodes - 1;
	graph_run run;
	cer_partials kept;

	start_run(infer, rows, scratch, &run);
	for (size_t done = 0; done < rows->n_rows; done += run.tile.n_rows)
	{
		start_tile(&run, rows, done);
		if (partials != NULL)
		{
			kept = (cer_partials){partials->groups, partials->first + done};
			run.towers.partials = &kept;
		}
		run_tile(&run);
		memcpy(proba + done * infer->n_classes, run.nodes[last].out.data,
		       run.tile.n_rows * infer->n_classes * sizeof(float));
	}
}

const cer_towers *
cer_infer_graph_get_towers(const cer_infer_graph *infer)
{
	return &infer->towers;
}

void
cer_infer_graph_run_tower(const cer_infer_graph *infer, size_t tower,
                          const cer_encoded *rows, float *partials,
                          void *scratch)
{
	const cer_towers *towers = &infer->towers;
	graph_run run;

	start_run(infer, rows, scratch, &run);
	for (size_t done = 0; done < rows->n_rows; done += run.tile.n_rows)
	{
		start_tile(&run, rows, done);
		for (size_t i = 0; i < infer->graph.net->n_nodes; i++)
		{
			if (towers->by_node[i] != tower)
				continue;
			run_node(&run.tile, &run.nodes[i]);
			cer_tower_store(&run.towers, i, partials + done * towers->width);
		}
	}
}
