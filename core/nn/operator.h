/*
 * nn/operator.h
 *	  What an operator of a network is: one row of functions.
 *
 * An operator works on tiles of rows, so that a tile goes through the whole
 * network, forward and backward, while it is in a core's cache.  Gradients of
 * weights need all rows of a batch: they are made afterwards, block by block,
 * each by one task in a fixed order of rows, and the optimizer's step follows
 * while the block is in cache.  So bits do not depend on threads.
 *
 * A new operator is a file op_<name>.c, a row of the list below, and a structure
 * with it in test_layers.c, which applies all checks to each.
 */
#ifndef CER_NN_OPERATOR_H
#define CER_NN_OPERATOR_H

#include "nn/bf16.h"
#include "nn/gemm.h"
#include "nn/kernels.h"
#include "nn/net.h"

#define CER_TILE_ROWS  64 /* at most */
#define CER_ROWS_AHEAD 16 /* of a row that is loaded, to ask for another */

typedef struct cer_graph cer_graph;
typedef struct cer_graph_node cer_graph_node;
typedef struct cer_block cer_block;
typedef struct cer_sums cer_sums;

/* Rows first .. first + n_rows of the batch; buffers hold tile_rows. */
typedef struct cer_tile
{
	const cer_graph *graph;
	size_t index;
	size_t first;
	size_t n_rows;
	size_t n_all;   /* rows to compute: in training with those that fill up */
	float *scratch; /* as many floats as any operator asked for */
	double *loss;   /* out: sum over the tile's rows */
} cer_tile;

typedef struct cer_net_builder
{
	cer_arena *arena;
	cer_net *net;
	size_t tensor_capacity;
	size_t node_capacity;
	cer_text prefix; /* of tensors that belong to inputs: of a member */
	bool is_whole;   /* see cer_net_make_whole */
} cer_net_builder;

typedef struct cer_operator
{
	const char *name;
	/* Adds the node's tensors to the net. */
	cer_status (*shape)(cer_net_builder *builder, cer_node *node,
	                    cer_error *err);
	/* Floating point operations of one row forward. */
	double (*cost)(const cer_net *net, const cer_node *node);
	/* Plans buffers, kernels and blocks for training; for scoring, where
	 * graph->is_scoring, nothing that a run would change. */
	cer_status (*prepare)(cer_graph *graph, cer_graph_node *node,
	                      cer_error *err);
	/* Makes what is derived from weights; NULL: nothing is. */
	void (*refresh)(const cer_graph *graph, const cer_graph_node *node);
	void (*forward)(const cer_tile *tile, const cer_graph_node *node);
	/* Gradient of outputs to gradient of inputs, which it overwrites. */
	void (*backward)(const cer_tile *tile, const cer_graph_node *node);
	/* Forward in scoring; NULL: as in training. */
	void (*score)(const cer_tile *tile, const cer_graph_node *node);
	/* All tiles arrive before any goes on; then this, once, forward and
	 * backward.  In training only. */
	void (*join)(const cer_graph *graph, const cer_graph_node *node);
	void (*join_backward)(const cer_graph *graph, const cer_graph_node *node);
	/* Once, before the tiles of a batch, and in training after all of them. */
	void (*begin)(const cer_graph *graph, const cer_graph_node *node);
	void (*end)(const cer_graph *graph, const cer_graph_node *node);
	/* Keeps in a statistic what the nodes before it made of the batch's rows;
	 * false: it needs no more rows. */
	bool (*keep)(const cer_graph *graph, const cer_graph_node *node);
	/* The last so many inputs get the output's gradient as it is: it may stay
	 * where it is, backward asks cer_graph_pass_grad; SIZE_MAX: all. */
	size_t n_passed;
	/* In training one in place only reads its data, and writes the gradient of
	 * its input alone. */
	bool leaves_data;
	/* Works in place, and its blocks read the gradient of what it made: what
	 * made its input may not change that. */
	bool keeps_grad;
	/* It counts: a mix of two rows has the larger count. */
	bool is_count;
} cer_operator;

/* All of them: what is not in this list is not declared, and tests walk it. */
#define CER_OPERATORS(OPERATOR) \
	OPERATOR(first)             \
	OPERATOR(activate)          \
	OPERATOR(dense)             \
	OPERATOR(softmax)           \
	OPERATOR(features)          \
	OPERATOR(lift)              \
	OPERATOR(tokens)            \
	OPERATOR(project)           \
	OPERATOR(members)           \
	OPERATOR(norm)              \
	OPERATOR(moments)           \
	OPERATOR(standardize)       \
	OPERATOR(scale)             \
	OPERATOR(sum)               \
	OPERATOR(concat)            \
	OPERATOR(slice)             \
	OPERATOR(product)           \
	OPERATOR(cross)             \
	OPERATOR(blend)             \
	OPERATOR(factor)            \
	OPERATOR(learnt)            \
	OPERATOR(glu)               \
	OPERATOR(attend)            \
	OPERATOR(pool)              \
	OPERATOR(fm)                \
	OPERATOR(mask)              \
	OPERATOR(unfold)            \
	OPERATOR(recurrent)         \
	OPERATOR(position)          \
	OPERATOR(candidates)        \
	OPERATOR(lengths)           \
	OPERATOR(sequence)          \
	OPERATOR(cut)               \
	OPERATOR(neighbours)

#define CER_DECLARE_OPERATOR(name) extern const cer_operator cer_op_##name;
CER_OPERATORS(CER_DECLARE_OPERATOR)

/* Of a recurrent node's input, for each unit of its state. */
extern size_t cer_cell_count_gates(cer_cell_kind kind);

/*
 * Half width of the initial distribution of weights that n_in active inputs
 * share: PyTorch's default for linear layers, 1 / sqrt(n_in).
 */
extern double cer_initial_bound(size_t n_in);

/*
 * PyTorch's embeddings start with deviation 1; much smaller ones learn better.
 * Flights, 5 epochs, means of 3 seeds, test log-loss: deviation 1 gives 0.4834
 * with mlp(64, 32) and 0.4779 with mlp(256, 256), 0.3 0.4789 and 0.4716, 0.1
 * 0.4775 and 0.4691, 0.03 0.4774 and 0.4683, 0.01 0.4777 and 0.4684.
 */
#define CER_EMBEDDING_DEVIATION 0.05

/*
 * Rates of learning beside that of weights, from realmlp (Holzmueller and
 * others 2024): factors of features learn fast, biases and shares slowly.
 */
#define CER_LARGE_RATE 6.0
#define CER_SMALL_RATE 0.1

/* A tensor named after its node, "dense(64)[0].weight", or after an input if
 * the suffix ends with a parenthesis: "first(dest)". */
typedef struct cer_tensor_spec
{
	cer_text name;
	const char *suffix;
	uint64_t n_rows; /* 0: a vector of n_columns */
	uint64_t n_columns;
	cer_initial initial;
	double scale;
	const cer_text *row_names;
	bool is_statistic;
	double rate;     /* 0: as usual */
	size_t n_hidden; /* see cer_net_tensor */
	size_t table; /* of the shape, + 1, whose codes have a row each; 0: none */
} cer_tensor_spec;

extern cer_status
cer_net_add_tensor(cer_net_builder *builder, cer_node *node,
                   const cer_tensor_spec *spec, cer_error *err);

#define CER_MAX_SUFFIX 40

/*
 * The suffix of a tensor that belongs to an input: "kind(", or "kind[1](" and
 * so on where another layer has a tensor of that kind and input already.
 */
extern void
cer_net_choose_suffix(const cer_net_builder *builder, const char *kind,
                      cer_text input, char suffix[CER_MAX_SUFFIX]);

/* "gain", 1 at first, and "bias", 0, for each unit; count > 0: of members. */
extern cer_status cer_net_add_gain(cer_net_builder *builder, cer_node *node,
                                   size_t count, cer_error *err);
/* Floats of what the view has of an encoded row, as one vector. */
extern size_t
cer_features_count(const cer_input_shape *shape, const cer_view *view);
/* Tokens of the view's lifts that no number of the row stands for. */
extern size_t
cer_tokens_count_bags(const cer_input_shape *shape, const cer_view *view);
/* Learnt numbers of what the view has to lift. */
extern size_t
cer_lifts_count(const cer_input_shape *shape, const cer_view *view);
extern size_t cer_lift_count_weights(const cer_lift *lift);

/* Fills initial and scale for weights that n_in active inputs share. */
extern void
cer_initial_choose(cer_initial_kind kind, size_t n_in, cer_tensor_spec *spec);

/* Copies the spec. */
extern cer_status cer_net_add_node(cer_net_builder *builder,
                                   const cer_node *spec, cer_error *err);
/* All nodes of a structure, softmax last. */
extern cer_status cer_net_build(cer_net_builder *builder,
                                const cer_layer *structure, cer_error *err);

/* ------------------------------------------------------------ training */

/* Rows of an operator's output and their gradient: (batch_rows, m, n). */
typedef struct cer_activations
{
	size_t n; /* floats of a vector */
	size_t m; /* vectors of a row */
	float *data;
	float *grad;
} cer_activations;

static inline size_t
cer_get_width(const cer_activations *a)
{
	return a->m * a->n;
}

static inline float *
cer_get_data(const cer_activations *a, size_t row)
{
	return a->data + row * a->m * a->n;
}

static inline float *
cer_get_grad(const cer_activations *a, size_t row)
{
	return a->grad + row * a->m * a->n;
}

struct cer_graph_node
{
	const cer_node *node;
	const cer_graph *graph; /* of a part of the first layer: what its blocks
	                         * work on; NULL: the graph itself */
	cer_activations in;     /* the first input */
	cer_activations *ins;   /* all */
	cer_activations out;    /* in place: the same as in */
	bool is_copied; /* in place, on a copy: somebody else needs the input */
	void *state;    /* the operator's own */

	/* training: see mix.h */
	bool is_mixed;
	float *mixed; /* of the output; NULL: in place */

	/* training: gradients of outputs that several nodes take, one for each */
	size_t n_uses;
	size_t n_extras;
	float **extras; /* all but the first */

	/* scoring: where the output lies, in floats for each row of a tile */
	size_t slot;
};

/* A part of the weights: gradient and step of one task. */
struct cer_block
{
	void (*run)(const cer_graph *graph, const cer_graph_node *node,
	            const cer_block *block);
	const cer_graph_node *node;
	size_t index; /* whatever run wants */
	size_t begin; /* of rows of a matrix, or of codes */
	size_t end;
	size_t column; /* of columns */
	size_t n_columns;
	size_t stride; /* floats from row to row of the matrix */
	double cost;   /* floating point operations, to give big ones out first */
	cer_gemm gemm; /* adds many rows */
	cer_gemm gemm_step;                 /* adds a few: what is left of many */
	const cer_sums *sums;               /* of cer_graph_add_sums */
	const struct cer_source_rows *rows; /* of cer_source_add_rows */
};

/* The rows that a graph works on. */
typedef struct cer_batch
{
	const cer_encoded *rows;
	const uint32_t *order; /* NULL: rows first, first + 1, ... */
	size_t first;
	size_t n_rows;
	uint32_t epoch;
	double faded;       /* share of dropout that is gone */
	bool is_training;   /* dropout and gradients, else probabilities only */
	bool is_explaining; /* gradients, of what scoring makes: see explain.h */
} cer_batch;

/* Called for weights offset .. offset + n whose gradients are ready. */
typedef struct cer_stepper
{
	void (*run)(void *self, size_t offset, size_t n);
	void *self;
	/* Asks for what that will need; or NULL. */
	void (*fetch)(void *self, size_t offset, size_t n);
} cer_stepper;

/* What is minimized beside cross-entropy as it is. */
typedef struct cer_loss
{
	double smoothing; /* share of a label that goes to all classes alike */
	double focal;     /* gamma of the focal loss; 0: none */
	const double *class_weights; /* of a row, by its label; NULL: 1 */
} cer_loss;

/* A part of the gradient of n weights at offset, which is added to what their
 * blocks make. */
typedef struct cer_more
{
	size_t offset;
	size_t n;
	const float *grads;
	const struct cer_more *next;
} cer_more;

/* Mixup, see mix.h. */
typedef struct cer_mix
{
	double alpha;
	cer_random random;
	float *shares; /* of itself, by row of the batch; NULL: rows stay alone */
} cer_mix;

struct cer_graph
{
	const cer_net *net;
	const cer_host *host;
	const cer_kernels *kernels;
	cer_gemm_make_fn make_gemm;
	const cer_bf16 *bf16; /* for products of dense layers; NULL: floats */
	cer_arena *arena;
	float *slab; /* what is left of the latest */
	size_t slab_left;
	uint64_t seed;
	cer_loss loss;
	cer_mix mix;
	bool is_scoring;
	bool trains; /* not for scores, nor to explain them */
	/* scoring: by tensor, rows of those that are left out, or NULL */
	struct cer_row_store **stores;
	size_t cache_size; /* bytes for all of them */

	/* sizes */
	size_t tile_rows;
	size_t batch_rows; /* a multiple of tile_rows */

	/* numbers */
	float *weights;
	float *grads;
	double *losses; /* a sum for each tile */
	cer_stepper stepper;
	const cer_more *more;
	size_t scratch_size; /* floats for each tile */
	float *scratch;

	/* of the batch's rows: what comes from anywhere is fetched once */
	bool needs_keys;
	uint64_t *row_keys; /* filled where something is drawn by them */
	uint16_t *labels;

	/* the work */
	cer_graph_node *nodes;
	cer_block *blocks;
	size_t n_blocks;
	size_t block_capacity;
	cer_batch batch;
	size_t n_dimensions; /* see dimension.h */
	struct cer_batch_dimension *dimensions;
	bool repeats_rows; /* their rows are computed for each row of a batch */
	size_t n_rare;     /* numbers that are mostly zero, see op_first.h */
	const uint32_t *rare;
	const cer_encoded *pass; /* of these rows all dimensions are computed */
	size_t n_parts;          /* of first layers, by dimension */
	size_t part_capacity;
	struct cer_first_part **parts;
	size_t n_segments; /* of nodes, each but the last ended by one that joins */
	size_t *segment_ends;
};

/* Zeroed memory of the graph's arena; NULL: none left. */
extern float *cer_graph_allocate_floats(cer_graph *graph, size_t n);
extern cer_block *cer_graph_add_block(cer_graph *graph, cer_error *err);

/* Blocks of w (n_in, n_out) at offset, whose gradient is x^T dz. */
typedef struct cer_product_blocks
{
	void (*run)(const cer_graph *graph, const cer_graph_node *node,
	            const cer_block *block);
	const cer_graph_node *node;
	size_t index;
	size_t n_in;
	size_t n_out;
	size_t m;         /* vectors of a row */
	size_t x_stride;  /* floats from vector to vector; 0: n_in */
	size_t dz_stride; /* 0: n_out */
	size_t w_stride;  /* 0: n_out */
	size_t column;    /* the first: those before are somebody else's */
	size_t side_in;   /* rows of w in a block; 0: as suits */
	size_t side_out;  /* columns; 0: as suits */
} cer_product_blocks;

extern cer_status
cer_graph_add_products(cer_graph *graph, const cer_product_blocks *blocks,
                       cer_error *err);
/* Gradient x^T dz of one such block into the flat array, then its step; n of
 * x and dz is the stride. */
extern void
cer_graph_run_product(const cer_graph *graph, const cer_block *block,
                      size_t offset, const cer_activations *x,
                      const cer_activations *dz);
/* The same gradient elsewhere: `to` is a matrix like that of the weights. */
extern void
cer_graph_make_product(const cer_graph *graph, const cer_block *block,
                       float *to, const cer_activations *x,
                       const cer_activations *dz);
/* Of weights whose gradient is ready but for cer_graph_add_more's. */
extern void cer_graph_step(const cer_graph *graph, size_t offset, size_t n);
/* Adds to the gradient of n weights at offset, a whole tensor, with each step. */
extern cer_status cer_graph_add_more(cer_graph *graph, size_t offset, size_t n,
                                     const float *grads, cer_error *err);
/* Of a block of the matrix at offset, whose gradient is ready. */
extern void cer_graph_step_block(const cer_graph *graph, const cer_block *block,
                                 size_t offset);

/* Gradients of n weights at offset, which each tile sums over its rows. */
struct cer_sums
{
	size_t offset;
	size_t n;
	float *parts; /* (tiles, n) */
};

/* Memory of the parts, where nobody adds them up. */
extern cer_status
cer_sums_allocate(cer_graph *graph, cer_sums *sums, cer_error *err);
/* Plans their block, memory too; sums must live as long as the graph. */
extern cer_status
cer_graph_add_sums(cer_graph *graph, const cer_graph_node *node, cer_sums *sums,
                   cer_error *err);
/* Floats of a part: two of them share no cache line, as threads write them. */
static inline size_t
cer_sums_get_size(const cer_sums *sums)
{
	return (sums->n + CER_TENSOR_FLOATS - 1) / CER_TENSOR_FLOATS *
	       CER_TENSOR_FLOATS;
}

static inline float *
cer_sums_get_part(const cer_sums *sums, size_t tile)
{
	return sums->parts + tile * cer_sums_get_size(sums);
}

/* A tile's part, zeroed. */
extern float *cer_sums_begin(const cer_sums *sums, const cer_tile *tile);

/* At least so many floats of scratch for each tile. */
extern void cer_graph_need_scratch(cer_graph *graph, size_t n_floats);
/* Zeroed state of a node; NULL: no memory. */
extern void *
cer_graph_make_state(cer_graph *graph, cer_graph_node *node, size_t size);

/* Inputs and outputs of all nodes, see graph_connect.c. */
extern cer_status cer_graph_connect(cer_graph *graph, cer_error *err);
/* Scoring: floats of all slots, for each row of a tile. */
extern size_t cer_graph_plan_slots(cer_graph *graph);
extern size_t cer_graph_count_tiles(const cer_graph *graph);
/* Rows of a tile, so that its vectors fill products but not the cache. */
extern size_t cer_graph_choose_tile_rows(const cer_net *net, size_t batch);

/* Whether a run backward follows, so that forward keeps what that needs. */
static inline bool
cer_graph_goes_back(const cer_graph *graph)
{
	return graph->batch.is_training || graph->batch.is_explaining;
}

/* A node that takes the encoded row, and nothing of other nodes. */
static inline bool
cer_node_is_source(const cer_graph_node *node)
{
	return node->node->n_inputs == 0;
}

/* Asks for the rows that this thread computes after the tile. */
extern void cer_rows_fetch(const cer_tile *tile);

/* One node over one tile, what lies around its operator included. */
extern void
cer_graph_run_forward(const cer_tile *tile, const cer_graph_node *node);
extern void
cer_graph_run_backward(const cer_tile *tile, const cer_graph_node *node);
/* Copies the output's gradient to an input, unless it is there. */
extern void cer_graph_pass_grad(const cer_tile *tile,
                                const cer_graph_node *node, size_t input);
/* Sums the gradients of all that take what the node makes. */
extern void
cer_graph_add_extras(const cer_tile *tile, const cer_graph_node *node);

static inline const cer_net_tensor *
cer_node_get_tensor(const cer_graph *graph, const cer_graph_node *node,
                    size_t i)
{
	return &graph->net->tensors[node->node->first_tensor + i];
}

/* Tokens that a row has, of n_tokens: a second input, of lengths, may say. */
static inline size_t
cer_count_there(const cer_graph_node *node, size_t row, size_t n_tokens)
{
	size_t n;

	if (node->node->n_inputs < 2)
		return n_tokens;
	n = (size_t) node->ins[1].data[row];
	return n < n_tokens ? n : n_tokens;
}

/* The row that a row of the batch is mixed with; itself: none. */
static inline size_t
cer_mix_get_partner(const cer_graph *graph, size_t row)
{
	size_t other = row ^ 1;

	return other < graph->batch.n_rows ? other : row;
}

static inline size_t
cer_batch_get_row(const cer_batch *batch, size_t i)
{
	return batch->order != NULL ? batch->order[batch->first + i]
	                            : batch->first + i;
}

/* Of operators that have no weights, or nothing of their own in a graph. */
extern cer_status
cer_op_no_tensors(cer_net_builder *builder, cer_node *node, cer_error *err);
extern cer_status
cer_op_prepare_nothing(cer_graph *graph, cer_graph_node *node, cer_error *err);

#endif
