/*
 * nn/explain.h
 *	  Gradients of a network by its inputs, at points of straight lines from one
 *	  encoded row to another.
 *
 * A line lies in the space of what the nodes make that take the encoded row:
 * sums of the first layer, embeddings, tokens, learnt encodings, elements of
 * arrays.  There every input is a direction of its own, and the directions of
 * all inputs add up to the line.  How many elements arrays have is no number to
 * go along: all points of the line have as many as its end has.
 */
#ifndef CER_NN_EXPLAIN_H
#define CER_NN_EXPLAIN_H

#include "data/encoded.h"
#include "nn/infer_first.h"
#include "nn/net.h"

typedef struct cer_explain_net cer_explain_net;

typedef struct cer_explain_room
{
	size_t n_lines;    /* at once at most */
	size_t n_places;   /* of kept gradients, where they are not too large */
	size_t cache_size; /* bytes for rows of tensors that are left out */
} cer_explain_room;

/* net and weights must live as long. */
extern cer_status
cer_explain_net_make(cer_arena *arena, const cer_net *net, const float *weights,
                     const cer_explain_room *room, cer_explain_net **made,
                     cer_error *err);

/* Rows of a tensor that is left out, as of cer_infer_graph: those that rows need
 * must be there before lines are set or rows are measured. */
extern size_t
cer_explain_net_find_missing(const cer_explain_net *net, size_t tensor,
                             const cer_encoded *rows, uint32_t *missing);
extern void cer_explain_net_put_row(cer_explain_net *net, size_t tensor,
                                    const cer_row *row);

/* How many points a run takes at most. */
extern size_t cer_explain_net_count_points(const cer_explain_net *net);
/* Vectors of logits of a row: members of an ensemble layer. */
extern size_t cer_explain_net_count_vectors(const cer_explain_net *net);

/* Line i goes from row 2 i to the one after it; forgets what was added. */
extern void
cer_explain_net_set_lines(cer_explain_net *net, const cer_encoded *ends);

typedef struct cer_explain_point
{
	size_t line;
	double at; /* 0 is its begin, 1 its end */
} cer_explain_point;

/* logits (n_points, vectors, n_classes), lent until the next run. */
extern const float *cer_explain_net_run(cer_explain_net *net, size_t n_points,
                                        const cer_explain_point *points);
/* Where gradients of these logits go before the run is gone back. */
extern float *cer_explain_net_get_grads(cer_explain_net *net);
extern void cer_explain_net_go_back(cer_explain_net *net, size_t n_points);

/* The derivative along its line at a point of the run gone back. */
extern double
cer_explain_net_get_slope(const cer_explain_net *net, size_t point);
/* Adds that point's gradient, times the weight, to its line's sum. */
extern void
cer_explain_net_add(cer_explain_net *net, size_t point, double weight);
/* Or keeps it at a place, below their number, to be added to a line's sum. */
extern size_t cer_explain_net_count_places(const cer_explain_net *net);
extern void
cer_explain_net_keep(cer_explain_net *net, size_t point, size_t place);
extern void cer_explain_net_add_kept(cer_explain_net *net, size_t line,
                                     size_t place, double weight);
/* Sums along the way from the begin of a line, by row, to each of the rows. */
extern void
cer_explain_net_measure(cer_explain_net *net, const cer_encoded *rows,
                        const size_t *lines, double *sums);

#endif
