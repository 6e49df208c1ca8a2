/*
 * lang/layer.h
 *	  What AS says once every name in it is resolved: a tree of combinators
 *	  over layers, with every argument put in.  What a schema must be known for
 *	  (widths of inputs, towers by table) is left to the network.
 *
 * Shapes flow along the tree.  A value of a row is a vector (n), tokens (t, d)
 * or, inside an ensemble, members (k, n).  A network's input is the encoded
 * row; "features" is that input as one vector, "tokens" one vector a feature,
 * "wide" one logit a class from every feature without a hidden layer.  A chain
 * that begins with any other layer begins with features.  A network ends with
 * a dense layer to the classes, appended unless the tree ends with logits: its
 * last layer is output, wide or neighbours, or a concat, sum or ensemble of
 * what ends so.  What follows an ensemble is applied to each member; its output
 * has weights of each member's own, and the members' probabilities are
 * averaged.  No chain holds a chain, a dropout of 0 is left out.
 */
#ifndef CER_LANG_LAYER_H
#define CER_LANG_LAYER_H

#include "cerebro.h"

typedef enum cer_activation
{
	CER_IDENTITY,
	CER_RELU,
	CER_LEAKY_RELU,
	CER_GELU, /* with erf, exactly */
	CER_SILU,
	CER_SELU,
	CER_TANH,
	CER_SIGMOID,
	CER_MISH,
	CER_ELU
} cer_activation;

typedef enum cer_layer_kind
{
	/* combinators: children */
	CER_LAYER_CHAIN,     /* one after the other */
	CER_LAYER_CONCAT,    /* side by side */
	CER_LAYER_SUM,       /* added; shapes agree */
	CER_LAYER_SKIP,      /* a chain of its children, plus its input */
	CER_LAYER_ENSEMBLE,  /* members copies of its children */
	CER_LAYER_BY_TABLE,  /* its child once for each table of FE */
	CER_LAYER_POOL_ROWS, /* its child for each row of a child table, pooled */
	CER_LAYER_OF_TABLE,  /* its child over the features of one table of FE */

	/* inputs */
	CER_LAYER_FEATURES,
	CER_LAYER_TOKENS, /* width: (n_features, width), plus a CLS token if said */
	CER_LAYER_SERIES, /* width: a token an element of arrays in FE, or else a
	                   * feature */
	CER_LAYER_WIDE,   /* a logit a class, linear in every feature */

	/* layers */
	CER_LAYER_DENSE, /* width; bias */
	CER_LAYER_ACTIVATION,
	CER_LAYER_DROPOUT,
	CER_LAYER_NORM,      /* batch or layer */
	CER_LAYER_SCALE,     /* a learnt factor a unit, 1 at first */
	CER_LAYER_CROSS,     /* x0 * (W x + b) + x (DCN v2, 2021); rank > 0: low */
	CER_LAYER_FM,        /* pairwise products of tokens, summed: one logit */
	CER_LAYER_ATTENTION, /* multi-head self-attention over tokens */
	CER_LAYER_GLU,       /* gated pair: n to n / 2; by an activation */
	CER_LAYER_GATE,      /* gated feature learning unit (GANDALF, 2022) */
	CER_LAYER_CONV,      /* width, count; over the tokens in a line */
	CER_LAYER_CONV2D,    /* or in a grid of so many rows */
	CER_LAYER_GRU,
	CER_LAYER_LSTM,
	CER_LAYER_POSITION,   /* a learnt vector a token, added */
	CER_LAYER_POOL,       /* tokens to one vector: mean, max, first (CLS) ... */
	CER_LAYER_FLATTEN,    /* tokens to a vector */
	CER_LAYER_NEIGHBOURS, /* modern NCA */
	CER_LAYER_OUTPUT      /* dense to the classes */
} cer_layer_kind;

typedef enum cer_norm_kind
{
	CER_NORM_BATCH,
	CER_NORM_LAYER
} cer_norm_kind;

typedef enum cer_pool_kind
{
	CER_POOL_MEAN,
	CER_POOL_MAX,
	CER_POOL_FIRST,
	CER_POOL_ATTENTION,
	CER_POOL_LAST
} cer_pool_kind;

typedef enum cer_cell_kind
{
	CER_CELL_GRU,
	CER_CELL_LSTM
} cer_cell_kind;

typedef enum cer_initial_kind
{
	CER_INITIAL_DEFAULT, /* uniform, 1 / sqrt(active inputs) */
	CER_INITIAL_LECUN,   /* normal, deviation 1 / sqrt(n_in); biases 0: snn */
	CER_INITIAL_HE,      /* normal, deviation sqrt(2 / n_in) */
	CER_INITIAL_NTK      /* normal 1, output over sqrt(n_in): realmlp */
} cer_initial_kind;

typedef enum cer_sharing_kind
{
	CER_SHARING_NONE, /* each member has weights of its own */
	CER_SHARING_ALL   /* one set, with factors a member (BatchEnsemble, 2020) */
} cer_sharing_kind;

typedef enum cer_joining_kind
{
	CER_JOINING_CONCAT,
	CER_JOINING_SUM,
	CER_JOINING_GATE
} cer_joining_kind;

#define CER_CANDIDATES 65536 /* of neighbours, unless AS says otherwise */

/* The arguments that a kind does not have are 0. */
typedef struct cer_layer
{
	cer_layer_kind kind;
	struct cer_layer *first; /* child */
	struct cer_layer *last;
	struct cer_layer *next;    /* sibling */
	size_t width;              /* units of dense, tokens, gate, conv ... */
	size_t count;              /* heads; members; kernel of conv; stages;
	                            * candidates of neighbours */
	size_t rank;               /* of cross */
	size_t rows;               /* of conv2d: of the grid */
	cer_activation activation; /* of activation, glu */
	double dropout;            /* of dropout, attention */
	cer_norm_kind norm;
	cer_pool_kind pool;
	cer_initial_kind initial;
	cer_sharing_kind sharing; /* of ensemble */
	cer_joining_kind joining; /* of by_table */
	bool has_no_bias;         /* of dense */
	bool is_alpha;            /* dropout: keeps mean and variance of selu */
	bool has_cls;             /* tokens */
	bool is_learnt;           /* activation: x + a (f(x) - x), a a unit */
	cer_text table;           /* pool_rows, of_table */
	int line;                 /* where it stands: errors of shapes */
	int column;
	const struct cer_origin *origin; /* see origin.h; NULL: not asked for */
} cer_layer;

/* All but kind and place is 0.  NULL: no memory. */
extern cer_layer *
cer_layer_make(cer_arena *arena, cer_layer_kind kind, int line, int column);
extern void cer_layer_append(cer_layer *parent, cer_layer *child);
extern const char *cer_layer_name(cer_layer_kind kind);

#endif
