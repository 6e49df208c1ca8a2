/*
 * train/muon.c
 *	  Steps of whole matrices, made orthogonal (Jordan and others 2024).
 *
 *	 m = momentum m + (1 - momentum) g
 *	 u = momentum m + (1 - momentum) g			Nesterov's look ahead
 *	 x = u / |u|, then ROUNDS times: a = x x^T, x = A x + (B a + C a a) x
 *	 w = (1 - lr decay) w - lr 0.2 sqrt(longer side) x
 *
 * The rounds (Newton, Schulz) take the singular values of x near to 1.  The
 * last factor makes a step as long as one of AdamW, so that one rate serves
 * both (Liu and others 2025).  x has the shorter side as its rows.
 *
 * A matrix is cut into bands of rows; bands of all matrices are the tasks of a
 * round's three products, so that bits do not depend on threads.
 */
#include "train/muon.h"
#include "base/denormals.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

#define ROUNDS    5
#define A         3.4445f
#define B         -4.7750f
#define C         2.0315f
#define TINY      1e-7f
#define BAND_ROWS 64

typedef struct matrix
{
	size_t offset;
	size_t n_rows; /* of w */
	size_t n_columns;
	bool is_tall; /* x is its transpose */
	float rate;
	size_t n; /* rows of x */
	size_t width;
	float *x;
	float *next;   /* of the round */
	float *x_t;    /* (width, n) */
	float *square; /* (n, n): a */
	float *factor; /* (n, n): B a + C a a */
} matrix;

/* Rows begin .. begin + n_rows of a matrix's products. */
typedef struct band
{
	const matrix *of;
	size_t begin;
	size_t n_rows;
	cer_gemm square;
	cer_gemm factor;
	cer_gemm next;
} band;

struct cer_muon
{
	cer_graph *graph;
	float *m;
	float lr;
	float momentum;
	float decay;
	matrix *matrices;
	size_t n_matrices;
	band *bands;
	size_t n_bands;
};

/* ------------------------------------------------------------ making */

static cer_status
allocate_matrix(cer_graph *graph, matrix *m, cer_error *err)
{
	size_t size = m->n * m->width;
	float *floats =
		cer_graph_allocate_floats(graph, 3 * size + 2 * m->n * m->n);

	if (floats == NULL)
		return cer_fail_memory(err, 3 * size * sizeof(float));
	m->x = floats;
	m->next = floats + size;
	m->x_t = floats + 2 * size;
	m->square = floats + 3 * size;
	m->factor = m->square + m->n * m->n;
	return CER_OK;
}

static cer_status
make_band(const cer_graph *graph, band *made, cer_error *err)
{
	const matrix *m = made->of;
	cer_gemm_shape shape = {.n_rows = made->n_rows,
	                        .n_columns = m->n,
	                        .n_inner = m->width,
	                        .a_stride = m->width,
	                        .b_stride = m->n,
	                        .c_stride = m->n};

	CER_TRY(graph->make_gemm(graph->kernels, &shape, &made->square, err));
	shape.n_inner = m->n;
	shape.a_stride = m->n;
	CER_TRY(graph->make_gemm(graph->kernels, &shape, &made->factor, err));
	shape.n_columns = m->width;
	shape.b_stride = m->width;
	shape.c_stride = m->width;
	return graph->make_gemm(graph->kernels, &shape, &made->next, err);
}

static cer_status
make_matrix(cer_muon *muon, const cer_net_tensor *tensor, size_t index,
            cer_error *err)
{
	matrix *m = &muon->matrices[muon->n_matrices++];

	m->n_rows = (size_t) tensor->dims[0] / tensor->n_hidden;
	m->n_columns = (size_t) tensor->dims[1];
	m->offset = tensor->offset + index * m->n_rows * m->n_columns;
	m->is_tall = m->n_rows > m->n_columns;
	m->n = m->is_tall ? m->n_columns : m->n_rows;
	m->width = m->is_tall ? m->n_rows : m->n_columns;
	m->rate = tensor->rate;
	CER_TRY(allocate_matrix(muon->graph, m, err));
	for (size_t row = 0; row < m->n; row += BAND_ROWS)
	{
		size_t left = m->n - row;
		band *made = &muon->bands[muon->n_bands++];

		*made = (band){.of = m,
		               .begin = row,
		               .n_rows = left < BAND_ROWS ? left : BAND_ROWS};
		CER_TRY(make_band(muon->graph, made, err));
	}
	return CER_OK;
}

/* Matrices, and bands at most: no matrix has more than by its rows. */
static void
count_all(const cer_net *net, size_t *n_matrices, size_t *n_bands)
{
	*n_matrices = 0;
	*n_bands = 0;
	for (size_t i = 0; i < net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &net->tensors[i];

		if (tensor->n_hidden == 0)
			continue;
		*n_matrices += tensor->n_hidden;
		*n_bands += (size_t) tensor->dims[0] / BAND_ROWS + tensor->n_hidden;
	}
}

cer_status
cer_muon_make(cer_arena *arena, cer_graph *graph, float *m, cer_muon **muon,
              cer_error *err)
{
	cer_muon *made = cer_arena_allocate(arena, sizeof(*made));
	size_t n_matrices;
	size_t n_bands;

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	count_all(graph->net, &n_matrices, &n_bands);
	*made = (cer_muon){.graph = graph, .m = m};
	made->matrices = cer_arena_allocate(arena, n_matrices * sizeof(matrix));
	made->bands = cer_arena_allocate(arena, n_bands * sizeof(band));
	if (made->matrices == NULL || made->bands == NULL)
		return cer_fail_memory(err, n_bands * sizeof(band));
	for (size_t i = 0; i < graph->net->n_tensors; i++)
		for (size_t j = 0; j < graph->net->tensors[i].n_hidden; j++)
			CER_TRY(make_matrix(made, &graph->net->tensors[i], j, err));
	*muon = made;
	return CER_OK;
}

/* ------------------------------------------------------------ steps */

void
cer_muon_begin(cer_muon *muon, float lr, float momentum, float decay)
{
	muon->lr = lr;
	muon->momentum = momentum;
	muon->decay = decay;
}

/* u into `to`, where it lies as w does; returns its length. */
static float
mix_momentum(const cer_muon *muon, const matrix *of, float *to)
{
	const float *g = muon->graph->grads + of->offset;
	float *m = muon->m + of->offset;
	float keep = muon->momentum;
	double sum = 0.0;

	for (size_t i = 0; i < of->n_rows * of->n_columns; i++)
	{
		m[i] += (1.0f - keep) * (g[i] - m[i]);
		to[i] = g[i] + keep * (m[i] - g[i]);
		sum += (double) to[i] * (double) to[i];
	}
	return (float) sqrt(sum);
}

static void
start_matrix(void *self, size_t i)
{
	const cer_muon *muon = self;
	const matrix *of = &muon->matrices[i];
	const cer_kernels *kernels = muon->graph->kernels;
	size_t size = of->n * of->width;
	float *u = of->is_tall ? of->x_t : of->x;
	unsigned before = cer_denormals_flush();
	float factor = 1.0f / (mix_momentum(muon, of, u) + TINY);

	for (size_t j = 0; j < size; j++)
		u[j] *= factor;
	if (of->is_tall)
		kernels->transpose(of->width, of->n, of->x_t, of->n, of->x, of->width);
	else
		kernels->transpose(of->n, of->width, of->x, of->width, of->x_t, of->n);
	cer_denormals_restore(before);
}

static void
square_band(void *self, size_t i)
{
	const band *b = &((const cer_muon *) self)->bands[i];
	const matrix *m = b->of;
	unsigned before = cer_denormals_flush();

	cer_gemm_run(&b->square, m->x + b->begin * m->width, m->x_t,
	             m->square + b->begin * m->n);
	cer_denormals_restore(before);
}

static void
factor_band(void *self, size_t i)
{
	const band *b = &((const cer_muon *) self)->bands[i];
	const matrix *m = b->of;
	const float *square = m->square + b->begin * m->n;
	float *factor = m->factor + b->begin * m->n;
	unsigned before = cer_denormals_flush();

	cer_gemm_run(&b->factor, square, m->square, factor);
	for (size_t j = 0; j < b->n_rows * m->n; j++)
		factor[j] = B * square[j] + C * factor[j];
	cer_denormals_restore(before);
}

static void
next_band(void *self, size_t i)
{
	const cer_muon *muon = self;
	const band *b = &muon->bands[i];
	const matrix *m = b->of;
	const float *x = m->x + b->begin * m->width;
	float *next = m->next + b->begin * m->width;
	unsigned before = cer_denormals_flush();

	cer_gemm_run(&b->next, m->factor + b->begin * m->n, m->x, next);
	for (size_t j = 0; j < b->n_rows * m->width; j++)
		next[j] += A * x[j];
	muon->graph->kernels->transpose(b->n_rows, m->width, next, m->width,
	                                m->x_t + b->begin, m->n);
	cer_denormals_restore(before);
}

static void
move_matrix(void *self, size_t i)
{
	const cer_muon *muon = self;
	const matrix *of = &muon->matrices[i];
	const float *x = of->is_tall ? of->x_t : of->x;
	float *w = muon->graph->weights + of->offset;
	float lr = muon->lr * of->rate;
	float shrink = 1.0f - lr * muon->decay;
	float step = 0.2f * lr * sqrtf((float) of->width);
	unsigned before = cer_denormals_flush();

	for (size_t j = 0; j < of->n_rows * of->n_columns; j++)
		w[j] = shrink * w[j] - step * x[j];
	cer_denormals_restore(before);
}

void
cer_muon_step(cer_muon *muon)
{
	const cer_host *host = muon->graph->host;

	host->run_tasks(host->self, start_matrix, muon, muon->n_matrices);
	for (int round = 0; round < ROUNDS; round++)
	{
		host->run_tasks(host->self, square_band, muon, muon->n_bands);
		host->run_tasks(host->self, factor_band, muon, muon->n_bands);
		host->run_tasks(host->self, next_band, muon, muon->n_bands);
		for (size_t i = 0; i < muon->n_matrices; i++)
		{
			matrix *m = &muon->matrices[i];
			float *x = m->x;

			m->x = m->next;
			m->next = x;
		}
	}
	host->run_tasks(host->self, move_matrix, muon, muon->n_matrices);
}
