/*
 * roofline.c
 *	  Each kernel beside what the processor can do: of arithmetic, a loop of
 *	  multiplications and additions in registers of the same class; of moving
 *	  bytes, memcpy within the nearest caches.
 *
 *	 roofline CLASS THREADS
 *
 * Products of bf16 numbers stand beside the same limit of floats.
 *
 * The sizes are those of training mlp(256, 256) in tiles of 64 rows.  Every
 * thread has data of its own; a rate is the best of many short runs, so that
 * other work on the machine counts little.
 */
#include "nn/bf16.h"
#include "nn/gemm.h"
#include "threads.h"

#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS        64
#define UNITS       256
#define NUMBERS     23
#define TABLES      7
#define CODES       32
#define BATCH       1024
#define MAX_THREADS 64
#define N_RUNS      60
#define RUN_SECONDS 1e-3
#define N_FLOATS    ((size_t) BATCH * UNITS)

/* What one thread works on. */
typedef struct data
{
	float *a, *b, *c, *d;
	float *half;     /* half of it zeros */
	uint32_t *pairs; /* of bf16 */
	uint32_t *packed;
	uint32_t *codes;
	uint16_t *labels;
} data;

typedef struct bench
{
	const cer_kernels *kernels;
	cer_gemm gemm;
	const cer_bf16 *bf16; /* NULL: there is none */
	cer_gemm_shape shape;
	data of[MAX_THREADS];
	void (*run)(const struct bench *bench, const data *d);
	size_t n_repeats;
} bench;

typedef struct measurement
{
	const char *name;
	void (*run)(const bench *bench, const data *d);
	double flops; /* of a call; or else */
	double bytes; /* read and written */
	cer_gemm_shape shape;
} measurement;

/* ------------------------------------------------------------ limits */

#define PEAK_STEPS 1000
#define PEAK_SUMS  12

/* In registers, nothing but arithmetic: a multiplication and an addition. */
#define PEAK(name, target_name, type, set, step)                         \
	__attribute__((target(target_name))) static void name(float *to)     \
	{                                                                    \
		type sum[PEAK_SUMS];                                             \
		type factor = set(0.5f);                                         \
                                                                         \
		for (int i = 0; i < PEAK_SUMS; i++)                              \
			sum[i] = factor;                                             \
		for (int i = 0; i < PEAK_STEPS; i++)                             \
		{                                                                \
			_Pragma("GCC unroll 12") for (int j = 0; j < PEAK_SUMS; j++) \
				sum[j] = step;                                           \
			__asm__ volatile("" : "+x"(factor));                         \
		}                                                                \
		memcpy(to, sum, sizeof(sum));                                    \
	}

PEAK(peak_avx512, "avx512f", __m512, _mm512_set1_ps,
     _mm512_fmadd_ps(sum[j], factor, factor))
PEAK(peak_avx2, "avx2,fma", __m256, _mm256_set1_ps,
     _mm256_fmadd_ps(sum[j], factor, factor))
PEAK(peak_plain, "sse2", __m128, _mm_set1_ps,
     _mm_add_ps(_mm_mul_ps(sum[j], factor), factor))

static void
run_peak(const bench *b, const data *d)
{
	if (strcmp(b->kernels->name, "avx512") == 0)
		peak_avx512(d->c);
	else if (strcmp(b->kernels->name, "avx2") == 0)
		peak_avx2(d->c);
	else
		peak_plain(d->c);
}

static size_t
count_lanes(const bench *b)
{
	if (strcmp(b->kernels->name, "avx512") == 0)
		return 16;
	return strcmp(b->kernels->name, "avx2") == 0 ? 8 : 4;
}

static void
run_copy(const bench *b, const data *d)
{
	(void) b;
	memcpy(d->c, d->a, ROWS * UNITS * sizeof(float));
	__asm__ volatile("" ::: "memory");
}

/* ------------------------------------------------------------ kernels */

static void
run_gemm(const bench *b, const data *d)
{
	cer_gemm_run(&b->gemm, d->a, d->b, d->c);
}

/* Numbers are there as floats and rounded first; weights are packed. */
static void
run_bf16(const bench *b, const data *d)
{
	const cer_gemm_shape *s = &b->shape;
	cer_bf16_product product = {.n_rows = s->n_rows,
	                            .n_pairs = s->n_inner / 2,
	                            .x = d->pairs,
	                            .x_row = s->n_inner / 2,
	                            .x_pair = 1,
	                            .y_stride = s->n_columns};

	b->bf16->round(s->n_rows, s->n_inner, d->a, s->n_inner, d->pairs);
	for (size_t column = 0; column < s->n_columns; column += CER_DENSE_CHUNK)
	{
		size_t left = s->n_columns - column;

		product.n_columns = left < CER_DENSE_CHUNK ? left : CER_DENSE_CHUNK;
		product.w = d->packed + column * product.n_pairs;
		product.y = d->c + column;
		b->bf16->multiply(&product);
	}
}

/* Of all rows of a batch, packed before. */
static void
run_bf16_gradient(const bench *b, const data *d)
{
	const cer_gemm_shape *s = &b->shape;
	cer_bf16_product product = {.n_rows = CER_DENSE_CHUNK,
	                            .n_pairs = s->n_inner / 2,
	                            .n_columns = CER_DENSE_CHUNK,
	                            .x_row = 1,
	                            .x_pair = CER_DENSE_CHUNK,
	                            .y_stride = s->n_columns};

	for (size_t row = 0; row < s->n_rows; row += CER_DENSE_CHUNK)
		for (size_t column = 0; column < s->n_columns;
		     column += CER_DENSE_CHUNK)
		{
			product.x = d->pairs + row * product.n_pairs;
			product.w = d->packed + column * product.n_pairs;
			product.y = d->c + row * s->n_columns + column;
			b->bf16->multiply(&product);
		}
}

/* What a tile of x or of its gradient leaves for the gradient of weights. */
static void
run_bf16_pack(const bench *b, const data *d)
{
	b->bf16->pack(&(cer_bf16_pack){.n_rows = ROWS,
	                               .n_columns = UNITS,
	                               .from = d->a,
	                               .stride = UNITS,
	                               .to = d->pairs,
	                               .n_pairs = ROWS / 2});
}

/* Half of the places are zero, as relu leaves them, anywhere; the operations
 * counted are those of all places. */
static void
run_sparse(const bench *b, const data *d)
{
	uint64_t used[ROWS];
	cer_sparse sparse = {.n_rows = ROWS,
	                     .n_columns = CER_DENSE_CHUNK,
	                     .used = used,
	                     .a_row = UNITS,
	                     .a_place = 1,
	                     .c_stride = UNITS};

	for (size_t i = 0; i < UNITS; i += CER_SPARSE_PLACES)
	{
		sparse.accumulate = i > 0;
		sparse.a = d->half + i;
		b->kernels->find_used(ROWS, CER_SPARSE_PLACES, sparse.a, UNITS, used);
		for (size_t j = 0; j < UNITS; j += CER_DENSE_CHUNK)
		{
			sparse.b = d->b + j * UNITS + i * CER_DENSE_CHUNK;
			sparse.c = d->c + j;
			b->kernels->sparse(&sparse);
		}
	}
}

static void
run_activate(const bench *b, const data *d)
{
	b->kernels->activate_rows[CER_RELU](ROWS, UNITS, d->b, d->a, NULL);
}

static void
run_backward(const bench *b, const data *d)
{
	cer_backward backward = {ROWS, UNITS, d->a, 1.0f, d->c, d->b};

	b->kernels->backward_relu(&backward);
}

static void
run_lookup(const bench *b, const data *d)
{
	const float *tables[TABLES];
	const uint32_t *codes[TABLES];
	cer_lookup lookup = {ROWS, UNITS, TABLES, tables, codes, 0, d->c};

	for (size_t i = 0; i < TABLES; i++)
	{
		tables[i] = d->b + i * CODES * UNITS;
		codes[i] = d->codes + i * ROWS;
	}
	b->kernels->lookup(&lookup);
}

static void
run_scatter(const bench *b, const data *d)
{
	cer_scatter scatter = {BATCH, UNITS, d->codes, d->a, UNITS, d->c, UNITS};

	b->kernels->scatter(&scatter);
}

static void
run_interpolate(const bench *b, const data *d)
{
	static const uint32_t places[TABLES] = {0, 2, 4, 6, 8, 10, 12};
	const float *tables[TABLES];
	cer_interpolate interpolate = {ROWS, UNITS,      TABLES, tables,
	                               d->d, 2 * TABLES, places, d->c};

	for (size_t i = 0; i < TABLES; i++)
		tables[i] = d->b + i * CODES * UNITS;
	b->kernels->interpolate(&interpolate);
}

static void
run_narrow(const bench *b, const data *d)
{
	cer_narrow narrow = {ROWS, UNITS, 2, d->a, UNITS, d->b, d->c};

	b->kernels->narrow(&narrow);
}

static void
run_narrow_grads(const bench *b, const data *d)
{
	cer_narrow_grads grads = {ROWS, UNITS, 2,    d->a,
	                          d->d, d->b,  d->c, d->b + 4 * UNITS};

	b->kernels->narrow_grads(&grads);
}

static void
run_softmax(const bench *b, const data *d)
{
	cer_softmax softmax = {ROWS, 2, d->c, d->labels, 1.0f, 0};

	memcpy(d->c, d->d, ROWS * 2 * sizeof(float));
	b->kernels->softmax(&softmax);
}

static void
run_transpose(const bench *b, const data *d)
{
	b->kernels->transpose(ROWS, UNITS, d->a, UNITS, d->c, ROWS);
}

static void
run_adam(const bench *b, const data *d)
{
	cer_step step = {.lr = 1e-3f,
	                 .shrink = 1.0f,
	                 .beta1 = 0.9f,
	                 .beta2 = 0.999f,
	                 .root = 1.0f,
	                 .epsilon = 1e-8f};
	cer_moments moments = {d->c, d->c + ROWS * UNITS};

	b->kernels->adam(ROWS * UNITS, &step, d->b, d->a, &moments);
}

/* ------------------------------------------------------------ measuring */

static double
read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static void
run_thread(void *arg, size_t thread)
{
	const bench *b = arg;

	for (size_t i = 0; i < b->n_repeats; i++)
		b->run(b, &b->of[thread]);
}

/* Calls of all threads a second. */
static double
measure(bench *b, threads *pool)
{
	size_t n = threads_count(pool);
	double best = 1e9;

	b->n_repeats = 1;
	for (double took = 0.0; took < RUN_SECONDS; b->n_repeats *= 2)
	{
		double start = read_clock();

		run_thread(b, 0);
		took = read_clock() - start;
	}
	for (int i = 0; i < N_RUNS; i++)
	{
		double start = read_clock();
		double took;

		threads_run(pool, run_thread, b, n);
		took = read_clock() - start;
		best = took < best ? took : best;
	}
	return (double) (n * b->n_repeats) / best;
}

static void
fill(data *d)
{
	float **all[] = {&d->a, &d->b, &d->c, &d->d, &d->half};

	for (size_t i = 0; i < 5; i++)
	{
		*all[i] = aligned_alloc(64, N_FLOATS * sizeof(float));
		for (size_t j = 0; j < N_FLOATS; j++)
			(*all[i])[j] = (float) (j * 37 % 101) / 101;
	}
	d->pairs = aligned_alloc(64, N_FLOATS * sizeof(uint32_t));
	d->packed = aligned_alloc(64, N_FLOATS * sizeof(uint32_t));
	for (size_t j = 0; j < N_FLOATS; j++)
		d->pairs[j] = d->packed[j] = 0x3f003e80; /* 0.5 and 0.25 */
	/* a ramp's place, then a share */
	for (size_t j = 0; j < N_FLOATS; j += 2)
		d->d[j] = (float) (j * 53 % (CODES - 1));
	for (size_t j = 0; j < N_FLOATS; j++)
		d->half[j] *= (float) ((j * 2654435761u >> 16) & 1);
	d->codes = malloc(BATCH * sizeof(uint32_t));
	d->labels = calloc(BATCH, sizeof(uint16_t));
	for (size_t j = 0; j < BATCH; j++)
		d->codes[j] = (uint32_t) (j * 53 % CODES);
}

#define TILE   ((double) ROWS * UNITS)
#define FLOATS (TILE * sizeof(float))

static const measurement measurements[] = {
	{.name = "product, 64 rows of 256 by 256 x 256",
     .run = run_gemm,
     .flops = 2 * TILE * UNITS,
     .shape = {ROWS, UNITS, UNITS, UNITS, UNITS, UNITS, false, false}},
	{.name = "the same, half of the places zero",
     .run = run_sparse,
     .flops = 2 * TILE * UNITS},
	{.name = "gradient, 128 x 128 of 256 rows",
     .run = run_gemm,
     .flops = 2.0 * 128 * 128 * 256,
     .shape = {128, 128, 256, UNITS, UNITS, UNITS, true, true}},
	{.name = "product, 64 rows of 64 by 64 x 32",
     .run = run_gemm,
     .flops = 2.0 * ROWS * 64 * 32,
     .shape = {ROWS, 32, 64, 64, 32, 32, false, false}},
	{.name = "product, 64 rows of 23 by 23 x 64",
     .run = run_gemm,
     .flops = 2.0 * ROWS * NUMBERS * 64,
     .shape = {ROWS, 64, NUMBERS, NUMBERS, 64, 64, false, true}},
	{.name = "bf16: 64 rows of 256 by 256 x 256",
     .run = run_bf16,
     .flops = 2 * TILE * UNITS,
     .shape = {.n_rows = ROWS, .n_columns = UNITS, .n_inner = UNITS}},
	{.name = "bf16: 64 rows of 128 by 128 x 128",
     .run = run_bf16,
     .flops = 2.0 * ROWS * 128 * 128,
     .shape = {.n_rows = ROWS, .n_columns = 128, .n_inner = 128}},
	{.name = "bf16: 64 rows of 64 by 64 x 32",
     .run = run_bf16,
     .flops = 2.0 * ROWS * 64 * 32,
     .shape = {.n_rows = ROWS, .n_columns = 32, .n_inner = 64}},
	{.name = "bf16: gradient, 128 x 64 of 1024 rows",
     .run = run_bf16_gradient,
     .flops = 2.0 * 128 * 64 * 1024,
     .shape = {.n_rows = 128, .n_columns = 64, .n_inner = 1024}},
	{.name = "bf16: pairs of rows packed",
     .run = run_bf16_pack,
     .bytes = 1.5 * FLOATS},
	{.name = "narrow product, 256 to 2",
     .run = run_narrow,
     .flops = 2 * TILE * 2},
	{.name = "its gradients", .run = run_narrow_grads, .flops = 4 * TILE * 2},
	{.name = "bias and relu", .run = run_activate, .bytes = 2 * FLOATS},
	{.name = "relu backward", .run = run_backward, .bytes = 3 * FLOATS},
	{.name = "rows of 7 tables",
     .run = run_lookup,
     .bytes = (TABLES + 1) * FLOATS},
	{.name = "7 ramps",
     .run = run_interpolate,
     .bytes = (2 * TABLES + 2) * FLOATS},
	{.name = "rows scattered, 1024",
     .run = run_scatter,
     .bytes = 3.0 * BATCH * UNITS * sizeof(float)},
	{.name = "transpose", .run = run_transpose, .bytes = 2 * FLOATS},
	{.name = "adam", .run = run_adam, .bytes = 7 * FLOATS},
	{.name = "softmax of two, 64 rows",
     .run = run_softmax,
     .bytes = 4 * ROWS * sizeof(float)},
};

static bool
is_there(const bench *b, const measurement *m)
{
	return b->bf16 != NULL ||
	       (m->run != run_bf16 && m->run != run_bf16_gradient &&
	        m->run != run_bf16_pack);
}

static void
check_shape(bench *b, const measurement *m)
{
	cer_error err;

	b->shape = m->shape;
	if (m->run != run_gemm)
		return;
	if (cer_gemm_make_xsmm(b->kernels, &m->shape, &b->gemm, &err) == CER_OK)
		return;
	fprintf(stderr, "roofline: %s\n", err.message);
	exit(1);
}

int
main(int argc, char **argv)
{
	static bench b;
	threads *pool;
	double peak, copy;

	b.kernels = argc == 3 ? cer_kernels_find(argv[1]) : NULL;
	if (b.kernels == NULL || atoi(argv[2]) < 1 || atoi(argv[2]) > MAX_THREADS)
	{
		fprintf(stderr, "usage: roofline avx512|avx2|plain THREADS, of a class "
		                "that this machine has\n");
		return 1;
	}
	if (strcmp(argv[1], "plain") == 0)
		b.bf16 = &cer_bf16_plain;
	else if (cer_bf16_choose(b.kernels, &b.bf16, NULL) != CER_OK)
		b.bf16 = NULL;
	pool = threads_new((size_t) atoi(argv[2]));
	for (size_t i = 0; i < threads_count(pool); i++)
		fill(&b.of[i]);
	b.run = run_peak;
	peak = measure(&b, pool) * 2.0 * PEAK_STEPS * PEAK_SUMS *
	       (double) count_lanes(&b);
	b.run = run_copy;
	copy = measure(&b, pool) * 2 * FLOATS;
	printf("\n%s, %s thread(s): %.0f GFLOP/s in registers, %.0f GB/s copied in "
	       "caches\n",
	       argv[1], argv[2], peak * 1e-9, copy * 1e-9);
	for (size_t i = 0; i < sizeof(measurements) / sizeof(measurements[0]); i++)
	{
		const measurement *m = &measurements[i];
		double rate;

		if (!is_there(&b, m))
			continue;
		check_shape(&b, m);
		b.run = m->run;
		rate = measure(&b, pool) * (m->flops > 0 ? m->flops : m->bytes);
		printf("  %-38s %6.1f %s %5.0f %%\n", m->name, rate * 1e-9,
		       m->flops > 0 ? "GFLOP/s" : "GB/s   ",
		       100 * rate / (m->flops > 0 ? peak : copy));
	}
	return 0;
}
