/*
 * nn/net.h
 *	  A network: its operators in order, and where their weights stand in the
 *	  one flat array of weights (gradients stand in another, alike).
 *
 *	 first -> activate -> dense -> activate -> ... -> dense -> activate -> softmax
 *
 * "first" makes the first layer of numbers and codes, "activate" adds the bias
 * and applies activation and dropout.  Matrices of weights are (n_in, n_out),
 * row major: the transpose of PyTorch's.
 *
 * A node takes what nodes before it make.  A row of it is m vectors of n
 * floats: one, or one for each token, for each member of an ensemble, or for
 * each token of each member.
 */
#ifndef CER_NN_NET_H
#define CER_NN_NET_H

#include "lang/layer.h"
#include "nn/view.h"

/* How a tensor starts. */
typedef enum cer_initial
{
	CER_INITIAL_ZERO,
	CER_INITIAL_CONSTANT, /* scale */
	CER_INITIAL_SIGN,     /* scale or -scale */
	CER_INITIAL_UNIFORM,  /* of [-scale, scale) */
	CER_INITIAL_NORMAL    /* of deviation scale */
} cer_initial;

typedef struct cer_net_tensor
{
	cer_text name; /* from kind, width, ordinal or input, see net.c; ends
					  * with NUL */
	uint32_t n_dims;
	uint64_t dims[CER_MAX_DIMS];
	size_t offset; /* floats from the start of the flat array, or
					  * CER_TENSOR_LEFT_OUT */
	size_t size;   /* floats */
	cer_initial initial;
	float scale;
	const cer_text *row_names; /* or NULL: random numbers are keyed by row */
	bool is_statistic;         /* of rows; no gradient moves it */
	float rate;                /* of learning, beside other tensors */
	size_t
		n_hidden; /* matrices of hidden layers, one below the other; 0: not */
	size_t table; /* of the shape, + 1, whose codes have a row each; 0: none */
} cer_net_tensor;

/* What a net with neighbours keeps of training rows. */
#define CER_KEPT_ROWS "neighbours.rows"

#define CER_TENSOR_FLOATS 16 /* tensors start at multiples of */
/* Of a tensor that the flat array does not hold; its rows come by their codes:
 * see cer_model_find_missing. */
#define CER_TENSOR_LEFT_OUT SIZE_MAX

struct cer_operator;

/* What a node makes, as the node that takes it sees its rows. */
typedef struct cer_edge
{
	size_t node;
	size_t n; /* floats of a vector */
	size_t m; /* vectors of a row */
} cer_edge;

typedef struct cer_node
{
	const struct cer_operator *op;
	cer_text name;                   /* "first", "dense(256)[1]", "output" */
	const struct cer_origin *origin; /* of its layer, if that has one */
	size_t n_inputs;
	const cer_edge *inputs;
	size_t n_in; /* floats of a vector of the first input; 0: there is none */
	size_t n_out;
	size_t m;          /* vectors of a row of the output */
	size_t n_members;  /* 0: not in an ensemble */
	size_t n_tokens;   /* 0: no tokens */
	bool is_in_place;  /* may work on its input's memory */
	bool keeps_output; /* backward reads it: nobody may work in place on it */

	/* what the operator is to do; each says which it reads */
	cer_activation activation;
	double dropout;
	bool has_bias;
	bool has_gain; /* activate: x is multiplied; in scoring alone, see fold.h */
	bool is_alpha;
	bool is_wide;   /* first: a row for each code, whatever the table */
	bool is_first;  /* of an ensemble: what makes its members differ */
	size_t n_first; /* outputs that only a row's first vector needs, of attend
	                 * the tokens' that ask; 0: all need all */
	size_t count;
	size_t begin;
	double factor;    /* or a rate */
	bool starts_zero; /* weights and bias */
	bool is_output;   /* what it makes are logits */
	cer_pool_kind pool;
	cer_cell_kind cell;  /* of recurrent */
	size_t grid_columns; /* of unfold: tokens are a grid; 0: a line */
	cer_initial_kind initial;
	const cer_view *view; /* features, tokens: which they take */

	size_t first_tensor;
	size_t n_tensors;
} cer_node;

typedef struct cer_net
{
	const cer_input_shape *shape; /* a copy of its own */
	const cer_layer *structure;
	size_t n_nodes;
	cer_node *nodes;
	size_t n_tensors;
	cer_net_tensor *tensors;
	size_t n_weights;    /* floats of the flat array, gaps included */
	size_t n_parameters; /* gaps not included */
} cer_net;

extern cer_status
cer_net_make(cer_arena *arena, const cer_input_shape *shape,
             const cer_layer *structure, const cer_net **net, cer_error *err);
/* The same weights, and every node over all tokens: what cer_net_make leaves
 * out as only a first token is needed, another net may need. */
extern cer_status cer_net_make_whole(cer_arena *arena, const cer_net *net,
                                     const cer_net **whole, cer_error *err);
/* The same net, whose flat array lacks the tensors; is_left_out by tensor. */
extern cer_status
cer_net_leave_out(cer_arena *arena, const cer_net *net, const bool *is_left_out,
                  const cer_net **less, cer_error *err);
extern size_t cer_net_count_left_out(const cer_net *net);
/* That its layers take all features: what is to be trained should. */
extern cer_status
cer_net_check_uses(cer_arena *arena, const cer_net *net, cer_error *err);
extern size_t cer_net_count_weights(const cer_net *net); /* floats */
extern size_t cer_net_count_tensors(const cer_net *net);
extern const cer_net_tensor *
cer_net_get_tensor(const cer_net *net, size_t tensor);

/* Floating point operations of one row forward. */
extern double cer_net_get_cost(const cer_net *net);

/* Initial weights: keyed by seed and name, so that what an edit of the net
 * leaves alone starts from the same numbers. */
extern void
cer_net_init_weights(const cer_net *net, uint64_t seed, float *weights);

#endif
