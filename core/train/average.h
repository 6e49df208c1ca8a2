/*
 * train/average.h
 *	  A mean of the weights over the steps, which becomes the model instead of
 *	  the weights themselves (Polyak, Juditsky 1992; exponential).
 */
#ifndef CER_TRAIN_AVERAGE_H
#define CER_TRAIN_AVERAGE_H

#include "nn/graph.h"

typedef struct cer_average
{
	cer_graph *graph;
	double share;   /* that the mean keeps of itself in a step */
	float *weights; /* flat as the net says */
	uint64_t step;
} cer_average;

/* From the graph's weights as they are. */
extern cer_status
cer_average_make(cer_arena *arena, cer_graph *graph, double share,
                 cer_average **average, cer_error *err);
/* After the how many-th step, from 1. */
extern void cer_average_update(cer_average *average, uint64_t step);
/* The mean for the graph's weights, and back. */
extern void cer_average_swap(cer_average *average);

#endif
