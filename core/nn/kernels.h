/*
 * nn/kernels.h
 *	  The inner loops of networks, as a table of functions: one table for each
 *	  class of instruction set, chosen at run time.
 *
 * The plain table is the definition.  Within one class a result's bits depend
 * on the arguments alone; between classes they may differ in the last places
 * (the wide ones fuse multiply and add).  Matrices are row major.
 */
#ifndef CER_NN_KERNELS_H
#define CER_NN_KERNELS_H

#include "base/random.h"
#include "lang/mst.h"

#define CER_N_ACTIVATIONS (CER_ELU + 1)

/* Packed weights: columns in chunks of this many, see cer_kernels.dense. */
#define CER_DENSE_CHUNK 64
/* Widths of packed weights and of the rows made with them. */
#define CER_DENSE_LANES 16

/* Which units of a row stay: a stream, the row's place in it, the odds. */
typedef struct cer_dropout
{
	cer_random random;
	uint64_t row_key;
	uint32_t epoch;
	uint32_t threshold; /* of 65536: smaller draws are dropped */
	float scale;        /* of what stays */
} cer_dropout;

/* y (n_rows, n_out) = [y +] x (n_rows, n_in) w, w packed by cer_dense_pack. */
typedef struct cer_dense
{
	size_t n_rows;
	size_t n_in;
	size_t n_out; /* a multiple of CER_DENSE_LANES */
	bool accumulate;
	const float *x;
	size_t x_stride; /* floats from row to row */
	const float *w;
	float *y;
	size_t y_stride;
	uint32_t *scratch; /* n_in places */
} cer_dense;

/* Layers with at most this many outputs are narrow. */
#define CER_NARROW_OUTPUTS 4

/* y (n_rows, n_out) = x (n_rows, n_in) w, given w's transpose. */
typedef struct cer_narrow
{
	size_t n_rows;
	size_t n_in;
	size_t n_out; /* at most CER_NARROW_OUTPUTS */
	const float *x;
	size_t x_stride;  /* floats from row to row */
	const float *w_t; /* (n_out, n_in) */
	float *y;
} cer_narrow;

/* dx (n_rows, n_in) = dy w^T and dw^T (n_out, n_in) = dy^T x, rows in order. */
typedef struct cer_narrow_grads
{
	size_t n_rows;
	size_t n_in;
	size_t n_out;
	const float *x;  /* (n_rows, n_in) */
	const float *dy; /* (n_rows, n_out) */
	const float *w_t;
	float *dx;
	float *dw_t;
} cer_narrow_grads;

/* Places of a row of cer_sparse. */
#define CER_SPARSE_PLACES 64

/*
 * c (n_rows, n_columns) = [c +] a (n_rows, places) b (places, n_columns): bit p
 * of used[row] says that place p of the row is not zero; the others, which
 * would add nothing, are left out.
 */
typedef struct cer_sparse
{
	size_t n_rows;
	size_t n_columns; /* a multiple of CER_DENSE_LANES, at most
					  * CER_DENSE_CHUNK */
	bool accumulate;
	const uint64_t *used;
	const float *a;
	size_t a_row;   /* floats from row to row */
	size_t a_place; /* floats from place to place */
	const float *b;
	float *c;
	size_t c_stride;
} cer_sparse;

/* Rows of dz (n_rows, stride) added to rows codes[i] of sums, in order. */
typedef struct cer_scatter
{
	size_t n_rows;
	size_t n; /* columns */
	const uint32_t *codes;
	const float *dz;
	size_t dz_stride;
	float *sums;
	size_t sums_stride;
} cer_scatter;

/* z (n_rows, n): row i is the sum of rows codes[t][i] of tables[t], in order
 * of tables. */
typedef struct cer_lookup
{
	size_t n_rows;
	size_t n;
	size_t n_tables;
	const float *const *tables; /* each (codes, n) */
	const uint32_t *const *codes;
	size_t first; /* of the codes */
	float *z;
} cer_lookup;

/* to (n_rows, n) gets rows rows[i] of from. */
typedef struct cer_gather
{
	size_t n_rows;
	size_t n;
	const float *from;
	size_t stride; /* floats from row to row of it */
	const uint32_t *rows;
	float *to;
} cer_gather;

/*
 * Of rows rows[i] of from the places that are picked go to (n_rows, n_picked),
 * in order; which of those that are marked are not zero goes to used.  Bits of
 * places are in words of 64, used has as many words by row.
 */
typedef struct cer_divide
{
	size_t n_rows;
	size_t n; /* places of a row */
	const float *from;
	size_t stride;        /* floats from row to row of it */
	const uint32_t *rows; /* NULL: one after the other */
	const uint64_t *picked;
	const uint64_t *marked;
	size_t n_picked;
	float *to;
	uint64_t *used;
} cer_divide;

/*
 * z (n_rows, n) gets, of each table and row, row b of the table plus a share of
 * what the next row has more: rows[i][places[t]] is b, the float after it the
 * share.
 */
typedef struct cer_interpolate
{
	size_t n_rows;
	size_t n;
	size_t n_tables;
	const float *const *tables;
	const float *rows;
	size_t stride; /* floats from row to row */
	const uint32_t *places;
	float *z;
} cer_interpolate;

/*
 * grad (n_steps, n): of step i the sum of dz over rows at places beyond i, and
 * of share dz over those there; rows are listed by place, see ends.
 */
typedef struct cer_ramp_grads
{
	size_t n_steps;
	size_t n;
	const uint32_t *rows;
	const uint32_t *ends; /* by place, (n_steps + 1) */
	const float *shares;  /* of row i at i * stride */
	size_t stride;
	const float *dz; /* (rows, n) */
	float *grad;
} cer_ramp_grads;

/* y = f(x gain + bias) of rows (n_rows, n); y may be x. */
typedef struct cer_lines
{
	size_t n_rows;
	size_t n;
	const float *gain;
	const float *bias;
	const float *x;
	float *y;
} cer_lines;

/* dy (n_rows, n) becomes the gradient before an activation; its rows are added
 * to sum, in order. */
typedef struct cer_backward
{
	size_t n_rows;
	size_t n;
	const float *of; /* (n_rows, n): relu: outputs, else slopes */
	float scale;     /* relu: of the gradient where it passes */
	float *dy;
	float *sum;
} cer_backward;

/* logits (n_rows, n_classes) become probabilities, or gradients. */
typedef struct cer_softmax
{
	size_t n_rows;
	size_t n_classes;
	float *logits;
	const uint16_t *labels; /* NULL: probabilities only */
	float scale;            /* of the gradient: 1 / rows of the batch */
	double loss;            /* out: sum of -ln p(label) */
} cer_softmax;

/* Vectors that are laid out for distances, see cer_distances. */
#define CER_DISTANCE_LANES 64
#define CER_DISTANCE_ROWS  4 /* at most at once */

/* to (n_rows, stride): of x (n_rows, n) from each of CER_DISTANCE_LANES vectors
 * (n, lanes), at least 1e-6. */
typedef struct cer_distances
{
	size_t n_rows;
	size_t n;
	const float *x;
	const float *vectors;
	float *to;
	size_t stride;
} cer_distances;

/* Shares of what neighbours weigh, by class. */
typedef struct cer_neighbours
{
	size_t n;
	size_t n_classes;
	const uint16_t *classes; /* (n) */
	const float *distances;
	float *weights;
	float *by_class; /* n_classes */
} cer_neighbours;

/* What a learnt activation makes of x (n): y = x + share (f(x) - x). */
typedef struct cer_bend
{
	float *y;
	float *bend; /* in: f(x); out: f(x) - x */
} cer_bend;

typedef struct cer_learnt_back
{
	size_t n;
	const float *share;
	const float *bend;
	const float *slope; /* f'(x) */
	const float *dy;
	float *dx;
	float *sum; /* of dy bend is added */
} cer_learnt_back;

/* One step of an optimizer, its factors of this step ready. */
typedef struct cer_step
{
	float lr;     /* sgd: the rate; adam: rate / (1 - beta1^t) */
	float shrink; /* decoupled decay: 1 - rate * decay */
	float l2;     /* decay as part of the gradient */
	float beta1;  /* sgd: momentum */
	float beta2;
	float root; /* 1 / sqrt(1 - beta2^t) */
	float epsilon;
} cer_step;

typedef struct cer_moments
{
	float *m;
	float *v;
} cer_moments;

/* y = (x - mean) / sqrt(variance + 1e-5) gain + bias, of one vector. */
typedef struct cer_normalize
{
	size_t n;
	const float *x;
	const float *gain;
	const float *bias;
	float *y;
	float *kept; /* out: mean, 1 / deviation */
} cer_normalize;

typedef struct cer_normalize_grads
{
	size_t n;
	const float *x;
	const float *kept;
	const float *gain;
	const float *dy;
	float *dx;
	float *dgain; /* added to */
	float *dbias;
} cer_normalize_grads;

/* sum += (x - mean)^2 of rows of x (n_rows, n), in order. */
typedef struct cer_squares
{
	size_t n_rows;
	size_t n;
	const float *x;
	const float *mean;
	float *sum;
} cer_squares;

/* sum += dy, sum_x += dy (x factor + shift), of rows of (n_rows, n), in order.
 */
typedef struct cer_standard_sums
{
	size_t n_rows;
	size_t n;
	const float *x;
	const float *dy;
	const float *factor;
	const float *shift;
	float *sum;
	float *sum_x;
} cer_standard_sums;

/* dx = dy by_dy + x by_x + shift [+ more], of rows of (n_rows, n); dx may be
 * dy. */
typedef struct cer_standard_back
{
	size_t n_rows;
	size_t n;
	const float *x;
	const float *dy;
	const float *by_dy;
	const float *by_x;
	const float *shift;
	const float *more; /* or NULL */
	float *dx;
} cer_standard_back;

/* Means of n columns, and sums of squares of distances from them, of parts of
 * n_rows rows each, n_last the last: of all. */
typedef struct cer_joined
{
	size_t n;
	size_t n_parts;
	double n_rows;
	double n_last;
	const float *means;        /* (n_parts, n) */
	const float *part_squares; /* (n_parts, n) */
	double *mean;
	double *squares;
} cer_joined;

/* Of y = a relu(b), rows x of (a, b). */
typedef struct cer_gate_grads
{
	size_t n_rows;
	size_t n; /* of y */
	const float *x;
	const float *dy;
	float *dx;
} cer_gate_grads;

/* y = x0 t + x; x may be x0 */
typedef struct cer_cross_layer
{
	size_t n;
	const float *x0;
	const float *t;
	const float *x;
	float *y;
} cer_cross_layer;

typedef struct cer_cross_layer_grads
{
	size_t n;
	const float *x0;
	const float *t;
	const float *dy;
	float *dx0;
	float *dt;
} cer_cross_layer_grads;

#define CER_ATTEND_SCRATCH(n, n_tokens, padded) \
	(((n) + 2 * (n_tokens)) * (padded))

/* Self-attention of one row's tokens: y = softmax(scale q k^T) v, by head. */
typedef struct cer_attend
{
	size_t n_tokens;
	size_t padded; /* cer_dense_pad(n_tokens) */
	size_t n_heads;
	size_t n;         /* of a head */
	bool is_first;    /* only the first token asks */
	float scale;      /* 1 / sqrt(n) */
	const float *qkv; /* (n_tokens, 3, n_heads, n) */
	float *weights;   /* (n_heads, n_tokens, padded): by key, then query;
	                   * is_first: (n_heads, padded), by key */
	float *y;         /* (n_tokens, n_heads, n) */
	float *scratch;   /* CER_ATTEND_SCRATCH(n, n_tokens, padded) floats */
} cer_attend;

typedef struct cer_attend_grads
{
	cer_attend of;
	const float *keep; /* as weights: what dropout multiplied; or NULL */
	const float *dy;   /* as y */
	float *dqkv;       /* out: as qkv; is_first: queries of others get 0 */
} cer_attend_grads;

/* A recurrent layer's token of one row; see op_recurrent.c. */
typedef struct cer_cell_step
{
	size_t n;
	const float *zeros; /* as many as gates */
	const float *bias;
	const float *hu;
	const float *h;
	const float *c; /* lstm: before; may be cell */
	float *gates;   /* in: x */
	float *cell;
	float *y;
} cer_cell_step;

/* What is known of y goes back. */
typedef struct cer_cell_back
{
	size_t n;
	const float *zeros;
	const float *h;
	const float *c;
	const float *gates;
	const float *cell;
	float *dx;
	float *dq; /* gru */
	float *dh; /* in: of y; out: of h, but for what h U gives */
	float *dc; /* in: of the cell from later tokens; out: of c */
	float *dbias;
	float *work; /* n */
} cer_cell_back;

/* Two rows become mixes of each other: x of each is own x + other y. */
typedef struct cer_mixing
{
	size_t n;
	float own[2];
	float other[2];
	const float *from[2];
	float *to[2]; /* may be from */
} cer_mixing;

typedef struct cer_kernels
{
	const char *name; /* the kernel class */

	/* z becomes f(z + bias); slope, if not NULL, f'(z + bias) */
	void (*activate[CER_N_ACTIVATIONS])(size_t n, const float *bias, float *z,
	                                    float *slope);
	/* The same of n_rows rows, one after the other in memory. */
	void (*activate_rows[CER_N_ACTIVATIONS])(size_t n_rows, size_t n,
	                                         const float *bias, float *z,
	                                         float *slope);
	void (*activate_lines[CER_N_ACTIVATIONS])(const cer_lines *lines);
	/* Drops units of y, and of slope if not NULL. */
	void (*drop)(size_t n, const cer_dropout *dropout, float *y, float *slope);
	/* What drop multiplies by. */
	void (*draw_keep)(size_t n, const cer_dropout *dropout, float *keep);

	/* sum += dy; sum += rows (n_rows, n), in order */
	void (*backward_linear)(size_t n, const float *dy, float *sum);
	void (*sum_rows)(size_t n_rows, size_t n, const float *rows, float *sum);
	void (*backward_relu)(const cer_backward *backward);
	void (*backward_slope)(const cer_backward *backward);

	/* z is the sum of n_rows rows, in order */
	void (*add_rows)(size_t n, size_t n_rows, const float *const *rows,
	                 float *z);
	void (*lookup)(const cer_lookup *lookup);
	void (*divide)(const cer_divide *divide);
	void (*gather)(const cer_gather *gather);
	void (*interpolate)(const cer_interpolate *interpolate);
	void (*ramp_grads)(const cer_ramp_grads *grads);
	void (*scatter)(const cer_scatter *scatter);
	void (*softmax)(cer_softmax *softmax);
	void (*dense)(const cer_dense *dense);
	void (*sparse)(const cer_sparse *sparse);
	/* used[row]: bit i is set where place i < n of the row is not zero; n is
	 * at most CER_SPARSE_PLACES.  Returns how many bits are set. */
	size_t (*find_used)(size_t n_rows, size_t n, const float *x, size_t stride,
	                    uint64_t *used);
	void (*narrow)(const cer_narrow *narrow);
	void (*narrow_grads)(const cer_narrow_grads *grads);
	/* to (n_columns, to_stride) is the transpose of from (n_rows, stride) */
	void (*transpose)(size_t n_rows, size_t n_columns, const float *from,
	                  size_t from_stride, float *to, size_t to_stride);

	/* w moves along g; m and v are the optimizer's memory */
	void (*sgd)(size_t n, const cer_step *step, float *w, const float *g,
	            float *m);
	void (*adam)(size_t n, const cer_step *step, float *w, const float *g,
	             const cer_moments *moments);

	/* draws[i] is 32 random bits of place (row_keys[i], epoch) */
	void (*draw)(size_t n, const cer_random *random, uint32_t epoch,
	             const uint64_t *row_keys, uint64_t *draws);

	/* y = a b; y += a b; y = x factor + shift */
	void (*multiply)(size_t n, const float *a, const float *b, float *y);
	void (*multiply_add)(size_t n, const float *a, const float *b, float *y);
	/* y = a + b, elsewhere */
	void (*add)(size_t n, const float *a, const float *b, float *y);
	/* y (n_rows, n) = a relu(b), of rows (a, b) of x */
	void (*gate_relu)(size_t n_rows, size_t n, const float *x, float *y);
	void (*gate_relu_grads)(const cer_gate_grads *grads);
	/* A cross layer's: see op_combine.c. */
	void (*cross)(const cer_cross_layer *cross);
	void (*cross_grads)(const cer_cross_layer_grads *grads);
	void (*affine)(size_t n, const float *factor, const float *shift,
	               const float *x, float *y);
	void (*add_squares)(const cer_squares *squares);
	/* Batch normalisation's: see op_norm_batch.c. */
	void (*standard_sums)(const cer_standard_sums *sums);
	void (*standard_back)(const cer_standard_back *back);
	void (*join_moments)(const cer_joined *joined);
	/* sum += x */
	void (*add_wide)(size_t n, const float *x, double *sum);
	void (*distances)(const cer_distances *distances);
	/* by_class becomes sums of weights, exp(nearest - distance); `excluded`, if
	 * below n, weighs nothing */
	void (*weigh)(const cer_neighbours *neighbours, size_t excluded);
	/* weights *= by_class[class] / distance */
	void (*pull)(const cer_neighbours *neighbours);
	/* sum of n floats */
	float (*sum)(size_t n, const float *x);
	/* y = x a, of one factor; y may be x */
	void (*multiply_all)(size_t n, float a, const float *x, float *y);
	/* An activation that learns how much it bends: see op_learnt.c. */
	void (*learnt)(size_t n, const float *share, const float *x,
	               cer_bend *bend);
	void (*learnt_back)(const cer_learnt_back *back);
	void (*normalize)(const cer_normalize *normalize);
	void (*normalize_grads)(const cer_normalize_grads *grads);

	/* softmax of the tokens' products; the sum of values that it weighs */
	void (*attend_weigh)(const cer_attend *attend);
	void (*attend_sum)(const cer_attend *attend);
	void (*attend_grads)(const cer_attend_grads *grads);

	void (*gru_step)(const cer_cell_step *step);
	void (*gru_back)(const cer_cell_back *back);
	void (*lstm_step)(const cer_cell_step *step);
	void (*lstm_back)(const cer_cell_back *back);
	/* y += x w */
	void (*add_scaled)(size_t n, float x, const float *w, float *y);
	void (*mix)(const cer_mixing *mixing);
} cer_kernels;

extern const cer_kernels cer_kernels_plain;
#if defined(__x86_64__)
extern const cer_kernels cer_kernels_avx2;
extern const cer_kernels cer_kernels_avx512;
#endif

/* The best class that this machine has. */
extern const cer_kernels *cer_kernels_choose(void);
/* By name; NULL if this machine lacks it. */
extern const cer_kernels *cer_kernels_find(const char *name);

/* n up to a multiple of CER_DENSE_LANES. */
extern size_t cer_dense_pad(size_t n);
/* Floats of packed weights. */
extern size_t cer_dense_packed_size(size_t n_in, size_t n_out);
/*
 * Packs w (n_in, n_out): chunks of columns one after the other, each with all
 * of its inputs, filled up with zeros.
 */
extern void
cer_dense_pack(size_t n_in, size_t n_out, const float *w, float *packed);
/* The same into new memory of an arena; NULL: there is none. */
extern float *cer_dense_make_packed(cer_arena *arena, size_t n_in, size_t n_out,
                                    const float *w);

#endif
