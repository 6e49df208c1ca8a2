/*
 * nn/infer_tower.h
 *	  Towers of a net in scoring: nodes that take the features of one table of
 *	  FE alone.
 *
 * What the rest of the net takes of a tower depends on the table's row alone:
 * it can be computed once for each of the table's rows, and kept: a partial.
 * Where the rest begins with a dense layer over outputs side by side, its
 * product is made tower by tower and added up in order, kept or not, so that
 * the products are kept as well and the bits are the same.
 */
#ifndef CER_NN_INFER_TOWER_H
#define CER_NN_INFER_TOWER_H

#include "nn/infer_first.h"
#include "nn/operator.h"

#define CER_NO_PLACE SIZE_MAX

/* The features of one table of FE. */
typedef struct cer_tower
{
	cer_text alias;
	bool is_kept; /* nobody else takes features of the table */
	double cost;  /* floating point operations of a row */
} cer_tower;

/* One of the outputs side by side, and its product. */
typedef struct cer_tower_part
{
	size_t node;
	size_t n;     /* floats */
	size_t place; /* of the product in a partial; of a node in a tower */
	const float *weights; /* packed */
} cer_tower_part;

/* A dense layer over outputs side by side. */
typedef struct cer_tower_head
{
	size_t concat; /* nodes */
	size_t dense;
	size_t n_out; /* padded */
	size_t n_parts;
	cer_tower_part *parts;
} cer_tower_head;

typedef struct cer_towers
{
	size_t n_towers;
	cer_tower *towers;
	size_t *by_node;       /* its tower; n_towers: of several tables */
	size_t *places;        /* by node: of its output in a partial, or none */
	size_t *heads_by_node; /* of a head's nodes: which; else n_heads */
	size_t n_heads;
	cer_tower_head *heads;
	size_t width;  /* floats of a partial */
	size_t widest; /* head */
	size_t most_parts;
	size_t most_inputs;
} cer_towers;

/* Of a connected graph whose weights are there; n_towers is 0 where there is
 * nothing to be kept. */
extern cer_status cer_towers_make(const cer_graph *graph, cer_towers *towers);

extern size_t cer_towers_get_scratch_size(const cer_towers *towers,
                                          size_t n_rows); /* floats */

/* The places of a run: nodes with their data, partials of the tile's rows. */
typedef struct cer_tower_run
{
	const cer_towers *towers;
	const cer_kernels *kernels;
	const cer_graph_node *nodes;
	size_t n_rows;
	const cer_partials *partials; /* NULL: none are kept */
	float *scratch;
} cer_tower_run;

/* Whether the node's output, or that of its tower, is had from partials. */
extern bool cer_tower_has(const cer_tower_run *run, size_t node);
/* Fills the output of a node in a kept tower, if others take it. */
extern void cer_tower_take(const cer_tower_run *run, size_t node);
/* Does the node's work, if it is a head's; else false. */
extern bool cer_tower_run_head(const cer_tower_run *run, size_t node);
/* What partials (n_rows, width) have of a tower's node that has just been run.
 */
extern void
cer_tower_store(const cer_tower_run *run, size_t node, float *partials);

#endif
