/*
 * algebra.c
 *	  What the operations on triples cost on one core, and how much of a
 *	  collection a bound by summaries leaves to be compared when the ten nearest
 *	  are sought.
 */
#include "cerebro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_TRIPLES 100000
#define N_NEAR    10
#define N_QUERIES 20

static const char space_text[] =
	"FE *, ?JOIN planes, ?{a, b, c : onehot, dest : embed(4..32 step 4)} "
	"AS {mlp(16..512 step 16 xx 1..4), residual(width = 32..512 step 32, "
	"blocks = 1..6), tabm(64..512 step 64 x 1..3, members = {8, 16, 32})} "
	"PT {adam, adamw, sgd}, lr = 1e-5..1e-1 log, batch = {256, 1024, 4096}, "
	"dropout = 0..0.5, activation = {relu, gelu, silu}";

static const char pattern_text[] = "AS mlp(256, 256) PT adamw";

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void
check(cer_status status)
{
	if (status != CER_OK)
		abort();
}

static cer_text
text_of(const char *string)
{
	return (cer_text){string, strlen(string)};
}

typedef struct bench
{
	cer_arena *kept;
	cer_arena *scratch;
	const cer_mst **triples;
	const cer_pattern *pattern;
	const cer_space *space;
	double sum; /* of all results, so that none is left out */
} bench;

typedef void (*bench_fn)(bench *b, const cer_mst *x, const cer_mst *y);

static void
run_distance(bench *b, const cer_mst *x, const cer_mst *y)
{
	double distance;

	check(cer_mst_distance(b->scratch, x, y, &distance, NULL));
	b->sum += distance;
}

static void
run_pattern_distance(bench *b, const cer_mst *x, const cer_mst *y)
{
	double distance;

	(void) y;
	check(cer_pattern_distance(b->scratch, b->pattern, x, &distance, NULL));
	b->sum += distance;
}

static void
run_pattern(bench *b, const cer_mst *x, const cer_mst *y)
{
	(void) y;
	b->sum += cer_pattern_contains(b->pattern, x);
}

static void
run_space(bench *b, const cer_mst *x, const cer_mst *y)
{
	(void) y;
	b->sum += cer_space_contains(b->space, x);
}

static void
run_keys(bench *b, const cer_mst *x, const cer_mst *y)
{
	const uint64_t *keys;
	size_t n;

	(void) y;
	check(cer_mst_make_keys(b->scratch, x, &keys, &n, NULL));
	b->sum += (double) n;
	cer_arena_clear(b->scratch);
}

static void
run_summary(bench *b, const cer_mst *x, const cer_mst *y)
{
	cer_summary summary;

	(void) y;
	cer_mst_summarize(x, &summary);
	b->sum += summary.at[0];
}

static void
run_between(bench *b, const cer_mst *x, const cer_mst *y)
{
	const cer_change *change;

	check(cer_change_between(b->scratch, x, y, &change, NULL));
	b->sum += (double) cer_change_count_steps(change);
	cer_arena_clear(b->scratch);
}

static void
run_apply(bench *b, const cer_mst *x, const cer_mst *y)
{
	const cer_change *change;
	const cer_mst *result;

	(void) y;
	check(cer_change_parse(b->scratch, text_of("SET PT.epochs = 7, ADD FE z"),
	                       &change, NULL));
	check(cer_change_apply(b->scratch, x, change, &result, NULL, NULL));
	cer_arena_clear(b->scratch);
}

static void
measure(bench *b, const char *what, bench_fn fn)
{
	double start = now();

	for (size_t i = 0; i + 1 < N_TRIPLES; i++)
		fn(b, b->triples[i], b->triples[i + 1]);
	printf("%-36s %8.2f us\n", what, (now() - start) / N_TRIPLES * 1e6);
}

static void
make_triples(bench *b)
{
	double start = now();

	b->triples = malloc(N_TRIPLES * sizeof(*b->triples));
	for (size_t i = 0; i < N_TRIPLES; i++)
		check(cer_space_sample(b->kept, b->space, 1, i, &b->triples[i], NULL));
	printf("%-36s %8.2f us\n", "a draw from a space",
	       (now() - start) / N_TRIPLES * 1e6);
}

static int
compare_numbers(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Triples whose bound is not above the distance of the last that is sought. */
static void
count_left(bench *b)
{
	double *distances = malloc(N_TRIPLES * sizeof(*distances));
	size_t n_left = 0;

	for (size_t q = 0; q < N_QUERIES; q++)
	{
		const cer_mst *query = b->triples[q * 997];
		cer_probe probe;

		cer_mst_probe(query, &probe);
		for (size_t i = 0; i < N_TRIPLES; i++)
			check(cer_mst_distance(b->scratch, query, b->triples[i],
			                       &distances[i], NULL));
		qsort(distances, N_TRIPLES, sizeof(*distances), compare_numbers);
		for (size_t i = 0; i < N_TRIPLES; i++)
		{
			cer_summary_box box;

			cer_mst_summarize(b->triples[i], &box.least);
			box.most = box.least;
			n_left += cer_probe_bound(&probe, &box) <= distances[N_NEAR - 1];
		}
	}
	printf("ten nearest of %d: %.1f are compared, by a bound from summaries\n",
	       N_TRIPLES, (double) n_left / N_QUERIES);
	free(distances);
}

int
main(void)
{
	bench b = {.kept = cer_arena_new(&cer_host_plain),
	           .scratch = cer_arena_new(&cer_host_plain)};

	check(cer_space_parse(b.kept, text_of(space_text), &b.space, NULL));
	check(cer_pattern_parse(b.kept, text_of(pattern_text), &b.pattern, NULL));
	make_triples(&b);
	measure(&b, "distance of two triples", run_distance);
	measure(&b, "distance to a pattern", run_pattern_distance);
	measure(&b, "in a pattern", run_pattern);
	measure(&b, "in a space", run_space);
	measure(&b, "keys of a triple", run_keys);
	measure(&b, "summary of a triple", run_summary);
	measure(&b, "change between two triples", run_between);
	measure(&b, "parsing and applying a change", run_apply);
	count_left(&b);
	free(b.triples);
	cer_arena_free(b.kept);
	cer_arena_free(b.scratch);
	return b.sum < 0;
}
