/*
 * dimensions.c
 *	  Training on a star whose tables stay apart, beside the same columns of one
 *	  table: time of an epoch and of a validation.
 *
 *	 dimensions [THREADS [UNITS [COLUMNS B/D]]]
 *
 * A row has eight numbers of its own and those of a joined table, which has so
 * many rows that a batch of 1,024 has each of them about 1, 2, 4, 8 times, and
 * so on.  Both sides train the same network on the same encoded rows; one of
 * them is not told which columns belong together.
 */
#include "base/text.h"
#include "memory.h"
#include "threads.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OWN     8
#define BATCH   1024
#define N_RUNS  5
#define N_TRAIN ((size_t) 100 * BATCH)
#define N_VALID ((size_t) 50 * BATCH)

static threads *pool;

static void
run_tasks(void *self, cer_task_fn fn, void *arg, size_t n_tasks)
{
	(void) self;
	threads_run(pool, fn, arg, n_tasks);
}

static double
read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static float
draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (float) ((double) (*state >> 33) / (double) (1u << 30)) - 1.0f;
}

typedef struct star
{
	cer_input_shape shape;
	cer_encoded train;
	cer_encoded valid;
} star;

static cer_encoded
make_rows(size_t n_rows, size_t n_joined, size_t n_dimension, uint64_t *state)
{
	size_t n = OWN + n_joined;
	float *dimension = malloc((n_dimension * n_joined + 1) * sizeof(float));
	float *numbers = malloc(n_rows * n * sizeof(float));
	uint16_t *labels = malloc(n_rows * sizeof(*labels));
	uint64_t *keys = malloc(n_rows * sizeof(*keys));

	for (size_t i = 0; i < n_dimension * n_joined; i++)
		dimension[i] = draw(state);
	for (size_t row = 0; row < n_rows; row++)
	{
		size_t of =
			(size_t) ((draw(state) + 1.0f) / 2.0f * (float) n_dimension);

		for (size_t i = 0; i < OWN; i++)
			numbers[row * n + i] = draw(state);
		if (of >= n_dimension)
			of = n_dimension - 1;
		memcpy(numbers + row * n + OWN, dimension + of * n_joined,
		       n_joined * sizeof(float));
		labels[row] = draw(state) + numbers[row * n] > 0.0f;
		keys[row] = row * 0x9e3779b97f4a7c15u;
	}
	free(dimension);
	return (cer_encoded){.n_rows = n_rows,
	                     .numbers = numbers,
	                     .labels = labels,
	                     .row_keys = keys};
}

static cer_text *
make_names(size_t n_joined)
{
	cer_text *names = malloc((OWN + n_joined) * sizeof(*names));

	for (size_t i = 0; i < OWN + n_joined; i++)
	{
		char *name = malloc(32);

		snprintf(name, 32, i < OWN ? "n%zu" : "d.n%zu", i);
		names[i] = cer_text_of(name);
	}
	return names;
}

/* Rows of the table, of which a batch has so many that differ: by bisection. */
static size_t
count_dimension(double ratio)
{
	double low = 1.0;
	double high = 1e9;

	while (high - low > 0.5)
	{
		double n = (low + high) / 2.0;
		double distinct = n * -expm1(BATCH * log1p(-1.0 / n));

		if (distinct < BATCH / ratio)
			low = n;
		else
			high = n;
	}
	return (size_t) high;
}

typedef struct times
{
	double train; /* of an epoch */
	double valid;
	size_t n_dimensions;
} times;

static cer_layer *
append(cer_arena *arena, cer_layer *parent, cer_layer_kind kind)
{
	cer_layer *layer = cer_layer_make(arena, kind, 1, 1);

	cer_layer_append(parent, layer);
	return layer;
}

static cer_layer *
make_structure(cer_arena *arena, size_t n_units)
{
	cer_layer *chain = cer_layer_make(arena, CER_LAYER_CHAIN, 1, 1);

	append(arena, chain, CER_LAYER_DENSE)->width = n_units;
	append(arena, chain, CER_LAYER_ACTIVATION)->activation = CER_RELU;
	append(arena, chain, CER_LAYER_DENSE)->width = n_units / 2;
	append(arena, chain, CER_LAYER_ACTIVATION)->activation = CER_RELU;
	return chain;
}

static double
time_validation(cer_run *run, float *proba)
{
	double start = read_clock();

	cer_graph_begin_pass(run->graph, &run->valid);
	for (size_t first = 0; first < N_VALID; first += BATCH)
		cer_graph_predict(run->graph, &run->valid, first, BATCH,
		                  proba + 2 * first);
	cer_graph_end_pass(run->graph);
	return read_clock() - start;
}

static times
measure(const star *s, size_t n_units, const cer_host *host)
{
	cer_settings settings = {.optimizer = CER_ADAM,
	                         .lr = 0.001,
	                         .beta1 = 0.9,
	                         .beta2 = 0.999,
	                         .epsilon = 1e-8,
	                         .batch = BATCH,
	                         .epochs = N_RUNS + 1,
	                         .seed = 1};
	cer_arena *arena = cer_arena_new(host);
	cer_run_config config = {.host = host,
	                         .kernels = cer_kernels_choose(),
	                         .make_gemm = cer_gemm_make_xsmm,
	                         .shape = &s->shape,
	                         .structure = make_structure(arena, n_units),
	                         .settings = &settings,
	                         .train = &s->train,
	                         .valid = &s->valid};
	float *proba = malloc(N_VALID * 2 * sizeof(float));
	times least = {INFINITY, INFINITY, 0};
	cer_error err;
	cer_run *run;

	if (cer_run_make(arena, &config, &run, &err) != CER_OK)
	{
		fprintf(stderr, "dimensions: %s\n", err.message);
		exit(1);
	}
	least.n_dimensions = run->graph->n_dimensions;
	for (size_t i = 0; i <= N_RUNS; i++)
	{
		bool is_finished;
		cer_epoch epoch;

		(void) cer_run_epoch(run, &epoch, &is_finished, &err);
		least.train = fmin(least.train, epoch.seconds);
		least.valid = fmin(least.valid, time_validation(run, proba));
	}
	cer_arena_free(arena);
	free(proba);
	return least;
}

/* Without the table: what is left of both sides. */
static times
measure_alone(size_t n_units, const cer_host *host)
{
	uint64_t state = 1;
	star s = {.shape = {.n_numbers = OWN,
	                    .number_names = make_names(0),
	                    .n_classes = 2,
	                    .n_rows = N_TRAIN}};
	times alone;

	s.train = make_rows(N_TRAIN, 0, 1, &state);
	s.valid = make_rows(N_VALID, 0, 1, &state);
	alone = measure(&s, n_units, host);
	free((void *) s.train.numbers);
	free((void *) s.valid.numbers);
	return alone;
}

/* What the table takes, joined and apart. */
static double
divide(double joined, double apart, double alone)
{
	return (joined - alone) / fmax(apart - alone, 1e-9);
}

static void
compare(size_t n_joined, double ratio, size_t n_units, const cer_host *host)
{
	static const cer_text alias = {"d", 1};
	uint64_t state = 1;
	size_t n_dimension = count_dimension(ratio);
	star s = {.shape = {.n_numbers = OWN + n_joined,
	                    .number_names = make_names(n_joined),
	                    .n_classes = 2,
	                    .n_rows = N_TRAIN}};
	times alone = measure_alone(n_units, host);
	times joined;
	times apart;

	s.train = make_rows(N_TRAIN, n_joined, n_dimension, &state);
	s.valid = make_rows(N_VALID, n_joined, n_dimension, &state);
	joined = measure(&s, n_units, host);
	s.shape.aliases = &alias;
	s.shape.n_aliases = 1;
	apart = measure(&s, n_units, host);
	printf("%7zu %6.2f %7zu  %7.0f %7.0f %7.0f %6.2f %6.2f %7.0f %7.0f %6.2f "
	       "%s\n",
	       n_joined, ratio, n_dimension, alone.train * 1e9 / N_TRAIN,
	       joined.train * 1e9 / N_TRAIN, apart.train * 1e9 / N_TRAIN,
	       joined.train / apart.train,
	       divide(joined.train, apart.train, alone.train) / fmin(ratio, 8.0),
	       joined.valid * 1e9 / N_VALID, apart.valid * 1e9 / N_VALID,
	       joined.valid / apart.valid,
	       apart.n_dimensions > 0 ? "apart" : "joined");
	fflush(stdout);
	free((void *) s.train.numbers);
	free((void *) s.valid.numbers);
}

int
main(int argc, char **argv)
{
	static const size_t columns[] = {16, 64, 400};
	static const double ratios[] = {1.03, 2, 4, 8, 32};
	size_t n_threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 2;
	size_t n_units = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
	cer_host host = cer_host_plain;

	pool = threads_new(n_threads);
	host.run_tasks = run_tasks;
	host.n_threads = n_threads;
	printf("mlp(%zu, %zu), %zu threads, least of %d epochs\n", n_units,
	       n_units / 2, n_threads, N_RUNS + 1);
	printf("columns    B/D    rows  ns a row in training: none, joined, apart;"
	       " times; table's part of B/D; in validation\n");
	if (argc > 4)
		compare(strtoul(argv[3], NULL, 10), strtod(argv[4], NULL), n_units,
		        &host);
	for (size_t i = 0; argc <= 4 && i < sizeof(columns) / sizeof(columns[0]);
	     i++)
		for (size_t j = 0; j < sizeof(ratios) / sizeof(ratios[0]); j++)
			compare(columns[i], ratios[j], n_units, &host);
	return 0;
}
