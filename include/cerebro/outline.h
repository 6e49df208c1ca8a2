/*
 * cerebro/outline.h
 *	  A network as people see it: a node for each input and each layer.
 *
 * A part of cerebro.h, which is what to include.
 */
#ifndef CEREBRO_OUTLINE_H
#define CEREBRO_OUTLINE_H

#include "cerebro/model.h"

typedef struct cer_outline_node
{
	cer_text
		operation;   /* a word of the language, or input, features, softmax */
	cer_text path;   /* FE.dest, AS.mlp.dense[1]; empty: nobody wrote it */
	cer_text detail; /* "relu, dropout 0.1" */
	cer_text shape;  /* what it makes of a row: "256", "24 x 64" */
	bool is_input;
	bool is_open; /* the input's width is not known: formula says how many */
	uint64_t n_parameters;
	cer_text formula; /* "64 f + 64" with f numbers a row, c classes */
	size_t n_inputs;
	const size_t *inputs; /* nodes before it */
	size_t n_tensors;
	const cer_text *tensors;
} cer_outline_node;

typedef struct cer_outline
{
	size_t n_nodes;
	const cer_outline_node *nodes; /* inputs first, each after what it takes */
	uint64_t n_parameters;         /* in all, where they are known */
	bool is_open;
} cer_outline;

/* As a training over these rows would begin; the triple must be bound, the
 * dataset finished. */
extern cer_status
cer_outline_make(cer_arena *arena, const cer_host *host, const cer_mst *mst,
                 const cer_plan *plan, const cer_dataset *dataset,
                 const cer_outline **outline, cer_error *err);
/* Of a model's header and encoders; other parts are not looked at. */
extern cer_status
cer_outline_make_of_parts(cer_arena *arena, const cer_part *parts,
                          size_t n_parts, const cer_outline **outline,
                          cer_error *err);
/* Of a bound triple alone, as if each of f features were one number. */
extern cer_status
cer_outline_make_of_mst(cer_arena *arena, const cer_mst *mst,
                        const cer_outline **outline, cer_error *err);

/* As a picture; the title stands above it. */
extern cer_status
cer_outline_draw(cer_arena *arena, const cer_outline *outline, cer_text title,
                 cer_text *svg, cer_error *err);

#endif
