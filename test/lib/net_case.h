/*
 * net_case.h
 *	  A small net with random rows, and what it computes, in double precision.
 */
#ifndef CER_TEST_NET_CASE_H
#define CER_TEST_NET_CASE_H

#include "data/encoded.h"
#include "nn/graph.h"
#include "random.h"

/* A dense layer of a perceptron and what follows it. */
typedef struct mlp_layer
{
	size_t units;
	cer_activation activation;
	double dropout;
} mlp_layer;

/* The structure of a perceptron, in the arena, all of it at line 1, column 1.
 */
extern cer_layer *
make_mlp(cer_arena *arena, const mlp_layer *layers, size_t n_layers);

typedef struct net_case
{
	cer_arena *arena;
	cer_input_shape shape;
	cer_encoded rows;
	const cer_net *net;
	cer_graph *graph;
} net_case;

typedef struct net_case_spec
{
	size_t n_numbers;
	size_t n_tables;
	const cer_table_shape *tables;
	size_t n_classes;
	bool has_ramps;   /* among n_numbers, which are 7 */
	bool has_rare;    /* numbers that are mostly zero: the first, the sixth */
	bool has_joins;   /* number "p.b", and aliases p, q and r */
	bool has_lifts;   /* a bag, and of numbers "a" and "b" one of each kind */
	bool has_arrays;  /* numbers are of arrays "p.s" and "p.t" */
	const char *text; /* of the structure, see layer_text.h; NULL: layers */
	const mlp_layer *layers;
	size_t n_layers;
	size_t n_rows;
	size_t batch;
	const char *kernels; /* class */
	const cer_host *host;
	bool has_plain_gemm;
	const cer_bf16 *bf16; /* products of dense layers; NULL: floats */
	double mixup;
} net_case_spec;

#define NET_CASE_SEED     7
#define NET_CASE_BAG_ROWS 11

/* Asserts that all goes well; weights, biases among them, are random. */
extern void net_case_init(net_case *c, const net_case_spec *spec);
extern void net_case_release(net_case *c);

/* Gentle steps, in turn by the first n_whole rows and by n from first on. */
extern void net_case_train(net_case *c, uint32_t n_steps, size_t n_whole,
                           size_t first, size_t n);
/* malloc. */
extern float *net_case_copy_weights(const net_case *c, size_t *size);

/* Rows alone, in the arena; labels below n_classes. */
extern cer_encoded
net_case_make_rows(cer_arena *arena, const cer_input_shape *shape,
                   size_t n_rows, uint64_t seed);

/* proba (n_classes) of one row by plain formulas.  epoch 0: no dropout. */
extern void net_case_predict(const net_case *c, const double *weights,
                             size_t row, uint32_t epoch, double *proba);
/* Mean loss over rows first .. first + n. */
extern double net_case_loss(const net_case *c, const double *weights,
                            size_t first, size_t n, uint32_t epoch);

#endif
