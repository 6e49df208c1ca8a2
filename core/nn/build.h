/*
 * nn/build.h
 *	  What the files that make operators of a structure share: build.c has
 *	  values, nodes and combinators, build_layers.c the layers.
 */
#ifndef CER_NN_BUILD_H
#define CER_NN_BUILD_H

#include "base/error.h"
#include "nn/operator.h"

#define CER_MAX_NAME 96

/* What flows along the tree: who makes it, and its shape. */
typedef struct cer_build_value
{
	bool is_features; /* no node has made it yet */
	size_t node;
	size_t n;         /* floats of a vector */
	size_t n_tokens;  /* 0: one vector */
	size_t n_members; /* 0: not of an ensemble */
	size_t lengths;   /* 1 + node that says how many tokens a row has; 0: all */
} cer_build_value;

typedef struct cer_build
{
	cer_net_builder *builder;
	cer_error *err;

	/* what is taken of the encoded row, and as one vector */
	const cer_view *view;
	const cer_text *prefix; /* of nodes' names: a tower's table, a
	                         * member's number; or NULL */
	bool has_features;      /* made already */
	bool is_shared;         /* taken by several layers */
	bool is_tower;          /* only a part of it: of a table */
	cer_build_value features;
	bool has_lifts; /* what is lifted is made already */
	cer_build_value lifts;

	/* the ensemble that layers stand in */
	size_t n_members;
	bool has_factors; /* BatchEnsemble: else weights of their own */
	bool needs_signs; /* its members are still the same */

	/* cross layers that follow one another share x0 */
	size_t last_cross;
	cer_build_value cross_start;

	/* of tokens only the first is needed after the layer that is built; it
	 * is alone already, and pool(first) has nothing left to do */
	bool needs_first;
	bool has_first;

	cer_initial_kind initial; /* of the latest dense layer */
	const cer_layer *last;    /* what the network ends with */

	const struct cer_origin *origin; /* of the layer that is built */
} cer_build;

/* A layer's operators: value becomes what the layer makes of it.  *layer may
 * move on to a sibling that the layer has taken in. */
typedef cer_status (*cer_build_fn)(cer_build *b, const cer_layer **layer,
                                   cer_build_value *value);

/* NULL: a kind that cannot be trained yet.  Combinators are build.c's. */
extern cer_build_fn cer_build_find(cer_layer_kind kind);

/* ------------------------------------------------------------ values */

extern size_t cer_build_count_vectors(const cer_build_value *value);
/* The first layer of what are features until now, and what is lifted. */
extern cer_status
cer_build_add_first(cer_build *b, cer_node *node, cer_build_value *value);
/* How many layers take the features as a vector; *is_features says whether
 * they are what flows in, then whether they are what flows out. */
extern size_t cer_build_count_uses(const cer_layer *layer, bool *is_features);
/* Floats of the features as one vector. */
extern size_t cer_build_count_features(const cer_build *b);
/* What encoders leave to be learnt, one after the other. */
extern cer_status cer_build_get_lifts(cer_build *b, cer_build_value *value);
/* A vector of numbers of what are features until now. */
extern cer_status cer_build_get_vectors(cer_build *b, cer_build_value *value);
extern cer_status cer_build_need_tokens(cer_build *b, const cer_layer *layer,
                                        cer_build_value *value);
/* One vector a row, or one a member. */
extern cer_status cer_build_need_vector(cer_build *b, const cer_layer *layer,
                                        cer_build_value *value);
/* "layer "x" cannot be trained by the native executor yet" */
extern cer_status
cer_build_fail_unsupported(cer_build *b, const cer_layer *layer,
                           const char *where);

static inline cer_place
cer_build_get_place(const cer_layer *layer)
{
	return (cer_place){layer->line, layer->column};
}

/* ------------------------------------------------------------ combinators */

#define CER_MAX_PARTS 64 /* of concat, sum and by_table */

/* A layer, or what it takes in of its siblings. */
extern cer_status
cer_build_any(cer_build *b, const cer_layer **layer, cer_build_value *value);
/* Parts side by side, or added, for a layer that errors name; the first becomes
 * what they make. */
extern cer_status cer_build_join(cer_build *b, const cer_layer *layer,
                                 cer_build_value *parts, size_t n);
extern cer_status cer_build_add_up(cer_build *b, const cer_layer *layer,
                                   cer_build_value *parts, size_t n);
/* Whether what the layer makes are logits. */
extern bool cer_build_makes_logits(const cer_build *b, const cer_layer *layer);

/* ------------------------------------------------------------ nodes */

/* "dense(256)[1]": the second dense layer of 256 units.  The nodes that a
 * layer becomes begin with its name. */
extern void cer_build_name(const cer_build *b, const char *kind, size_t n,
                           char name[CER_MAX_NAME]);

/*
 * A node that takes a value, if there is one, and makes it another: n_out
 * floats a vector, as many vectors, unless node->m says how many.
 */
extern cer_status
cer_build_add(cer_build *b, cer_node *node, cer_build_value *value);
/* A node that takes tokens, and how many are there if that may be fewer. */
extern cer_status
cer_build_add_over(cer_build *b, cer_node *node, cer_build_value *value);
/* Tokens that are not there become 0. */
extern cer_status cer_build_cut(cer_build *b, cer_build_value *value);
/* A node that takes several; the first becomes what it makes. */
extern cer_status cer_build_add_many(cer_build *b, cer_node *node,
                                     cer_build_value *values, size_t n);

typedef struct cer_build_dense
{
	const char *name;
	const cer_layer *layer; /* whose it is, for errors */
	size_t width;
	bool has_bias;
	bool starts_zero;
	bool is_output; /* each member has one of its own */
	size_t n_first; /* see cer_node */
	cer_initial_kind initial;
	cer_activation activation;
	double dropout;
	bool is_alpha;
} cer_build_dense;

extern cer_status
cer_build_add_dense(cer_build *b, const cer_build_dense *dense,
                    cer_build_value *value);
/* The same with a name of its own: name and part. */
extern cer_status
cer_build_add_named_dense(cer_build *b, const char *name, const char *part,
                          cer_build_dense dense, cer_build_value *value);
/* The activation and the dropout that come next, in this order. */
extern cer_status
cer_build_take_elementwise(cer_build *b, const cer_layer **layer,
                           cer_build_dense *dense);
/* An activation or a dropout by itself. */
extern cer_status
cer_build_add_activate(cer_build *b, const char *kind,
                       const cer_build_dense *what, cer_build_value *value);
extern cer_status
cer_build_check_width(cer_build *b, const cer_layer *layer, size_t width);
extern cer_status cer_build_check_dropout(cer_build *b, const cer_layer *layer);
extern cer_status cer_build_add_output(cer_build *b, const cer_layer *layer,
                                       cer_build_value *value);

/* ------------------------------------------------------------ layers */

/* build_ensemble.c */
extern cer_status cer_build_ensemble(cer_build *b, const cer_layer **layer,
                                     cer_build_value *value);

/* build_table.c: towers. */
extern cer_status cer_build_by_table(cer_build *b, const cer_layer **layer,
                                     cer_build_value *value);
extern cer_status cer_build_pool_rows(cer_build *b, const cer_layer **layer,
                                      cer_build_value *value);
extern cer_status cer_build_of_table(cer_build *b, const cer_layer **layer,
                                     cer_build_value *value);

/* build_sequence.c: tokens in their order. */
/* A token for each element of the view's arrays. */
extern cer_status cer_build_elements(cer_build *b, cer_build_value *value);
extern cer_status
cer_build_conv(cer_build *b, const cer_layer **layer, cer_build_value *value);
extern cer_status cer_build_recurrent(cer_build *b, const cer_layer **layer,
                                      cer_build_value *value);
extern cer_status
cer_build_series(cer_build *b, const cer_layer **layer, cer_build_value *value);
extern cer_status cer_build_position(cer_build *b, const cer_layer **layer,
                                     cer_build_value *value);

/* build_tokens.c */
/* The first one alone, where all of a row's tokens are there, and it is no
 * ensemble's. */
extern cer_status cer_build_take_first(cer_build *b, cer_build_value *value);
extern cer_status
cer_build_pool(cer_build *b, const cer_layer **layer, cer_build_value *value);
extern cer_status
cer_build_tokens(cer_build *b, const cer_layer **layer, cer_build_value *value);
extern cer_status cer_build_attention(cer_build *b, const cer_layer **layer,
                                      cer_build_value *value);
extern cer_status
cer_build_fm(cer_build *b, const cer_layer **layer, cer_build_value *value);
extern cer_status cer_build_flatten(cer_build *b, const cer_layer **layer,
                                    cer_build_value *value);

/* build_gate.c */
extern cer_status
cer_build_gate(cer_build *b, const cer_layer **layer, cer_build_value *value);

#endif
