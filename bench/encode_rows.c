/*
 * encode_rows.c
 *	  How long rows take from chunks to encoded rows: the part of training that
 *	  is neither reading nor arithmetic.
 *
 *	 encode_rows [threads]: flights-like rows, 327,346 x 22, half numbers;
 *	 the least of ROUNDS runs, in ms, and the peak of memory in use
 */
#include "cerebro.h"
#include "data/dataset.h"
#include "data/encode.h"
#include "threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_ROWS   ((size_t) 327346)
#define N_INPUTS 22
#define ROUNDS   9

static const size_t n_values[N_INPUTS] = {16, 3,  104, 4000, 12, 24,
                                          7,  31, 2,   60,   300};

typedef struct source
{
	cer_column columns[N_INPUTS];
	cer_input inputs[N_INPUTS];
	char names[N_INPUTS][8];
	void *values[N_INPUTS];
	uint64_t *keys;
	uint8_t *parts;
	uint16_t *labels;
} source;

enum
{
	APPEND,
	FINISH,
	FIT,
	APPLY,
	N_STEPS
};

static size_t live_bytes;
static size_t peak_bytes;

static void *
allocate(void *self, size_t size)
{
	(void) self;
	live_bytes += size;
	peak_bytes = live_bytes > peak_bytes ? live_bytes : peak_bytes;
	return malloc(size);
}

static void
release(void *self, void *block, size_t size)
{
	(void) self;
	live_bytes -= size;
	free(block);
}

static void
run_tasks(void *self, cer_task_fn fn, void *arg, size_t n_tasks)
{
	threads_run(self, fn, arg, n_tasks);
}

static double
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e3 + (double) now.tv_nsec * 1e-6;
}

static void
fail(const cer_error *err)
{
	fprintf(stderr, "encode_rows: %s\n", err->message);
	exit(1);
}

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
	return x ^ (x >> 31);
}

/* Even inputs are categories; every fourth number is of few values. */
static void *
make_column(size_t input)
{
	double *numbers = malloc(N_ROWS * sizeof(*numbers));
	uint32_t *codes = malloc(N_ROWS * sizeof(*codes));

	for (size_t row = 0; row < N_ROWS; row++)
	{
		uint64_t bits = mix(row * N_INPUTS + input);

		codes[row] = 1 + (uint32_t) (bits % n_values[input / 2]);
		numbers[row] = input % 4 == 1 ? (double) (bits % 2400)
		                              : (double) (bits >> 11) * 0x1p-53;
	}
	if (input % 2 == 0)
	{
		free(numbers);
		return codes;
	}
	free(codes);
	return numbers;
}

static void
source_init(source *from)
{
	from->keys = malloc(N_ROWS * sizeof(*from->keys));
	from->parts = malloc(N_ROWS * sizeof(*from->parts));
	from->labels = malloc(N_ROWS * sizeof(*from->labels));
	for (size_t row = 0; row < N_ROWS; row++)
	{
		from->keys[row] = mix(row + 12345);
		from->parts[row] = from->keys[row] % 20 < 17 ? CER_TRAIN : CER_VALID;
		from->labels[row] = from->keys[row] % 5 == 0;
	}
	for (size_t i = 0; i < N_INPUTS; i++)
	{
		int size = snprintf(from->names[i], sizeof(from->names[i]), "x%zu", i);
		cer_text name = {from->names[i], (size_t) size};

		from->values[i] = make_column(i);
		from->inputs[i] =
			(cer_input){name, i % 2 == 0 ? CER_CODE32 : CER_FLOAT64};
		from->columns[i] = (cer_column){.name = name,
		                                .type = i % 2 == 0 ? CER_TYPE_CATEGORY
		                                                   : CER_TYPE_NUMBER,
		                                .is_in_star = true};
	}
}

static void
append_rows(const source *from, cer_dataset *dataset, cer_error *err)
{
	for (size_t first = 0, n; first < N_ROWS; first += n)
	{
		const void *columns[N_INPUTS];
		cer_chunk chunk = {.row_keys = from->keys + first,
		                   .parts = from->parts + first,
		                   .labels = from->labels + first,
		                   .columns = columns};

		n = N_ROWS - first < CER_CHUNK_ROWS ? N_ROWS - first : CER_CHUNK_ROWS;
		chunk.n_rows = n;
		for (size_t i = 0; i < N_INPUTS; i++)
			columns[i] =
				(const char *) from->values[i] + first * (i % 2 == 0 ? 4 : 8);
		if (cer_dataset_append(dataset, &chunk, err) != CER_OK)
			fail(err);
	}
}

static void
append_values(cer_dataset *dataset, cer_error *err)
{
	for (size_t i = 0; i < N_INPUTS; i += 2)
		for (size_t v = 0; v < n_values[i / 2]; v++)
		{
			char text[16];
			int size = snprintf(text, sizeof(text), "v%zu", mix(v) % 1000000);
			cer_text value = {text, (size_t) size};

			if (cer_dataset_add_values(dataset, i, &value, 1, err) != CER_OK)
				fail(err);
		}
}

static void
encode(const source *from, const cer_host *host, const cer_plan *plan,
       double *ends)
{
	cer_arena *arena = cer_arena_new(host);
	cer_dataset *dataset;
	const cer_encoders *encoders;
	cer_encoded train, valid;
	cer_error err;

	if (cer_dataset_new(host, from->inputs, N_INPUTS, 2, &dataset, &err) != 0)
		fail(&err);
	append_rows(from, dataset, &err);
	append_values(dataset, &err);
	ends[APPEND] = now_ms();
	if (cer_dataset_finish(dataset, &err) != CER_OK)
		fail(&err);
	ends[FINISH] = now_ms();
	if (cer_encoders_fit(arena, host, plan, dataset, &encoders, &err) != CER_OK)
		fail(&err);
	ends[FIT] = now_ms();
	if (cer_encoders_apply(arena, host, encoders, dataset, CER_VALID, false,
	                       &valid, &err) != CER_OK ||
	    cer_encoders_apply(arena, host, encoders, dataset, CER_TRAIN, true,
	                       &train, &err) != CER_OK)
		fail(&err);
	ends[APPLY] = now_ms();
	cer_dataset_free(dataset);
	cer_arena_free(arena);
}

static const cer_plan *
make_plan(cer_arena *arena, const source *from)
{
	const cer_mst *mst;
	const cer_plan *plan;
	cer_error err;

	if (cer_mst_parse(arena, (cer_text){"FE *", 4}, &mst, &err) != CER_OK ||
	    cer_plan_make(arena, mst, from->columns, N_INPUTS, &plan, &err) !=
	        CER_OK)
		fail(&err);
	return plan;
}

int
main(int argc, char **argv)
{
	static const char *const names[] = {"append", "finish", "fit", "apply"};
	static source from;
	double least[N_STEPS] = {1e9, 1e9, 1e9, 1e9};
	threads *pool = threads_new(argc > 1 ? strtoul(argv[1], NULL, 10) : 2);
	cer_host host = cer_host_plain;
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_plan *plan;

	host.self = pool;
	host.allocate = allocate;
	host.release = release;
	host.run_tasks = run_tasks;
	host.n_threads = threads_count(pool);
	source_init(&from);
	plan = make_plan(arena, &from);
	for (int round = 0; round < ROUNDS; round++)
	{
		double start = now_ms();
		double ends[N_STEPS];

		encode(&from, &host, plan, ends);
		for (size_t i = 0; i < N_STEPS; i++)
		{
			double ms = ends[i] - (i > 0 ? ends[i - 1] : start);

			least[i] = ms < least[i] ? ms : least[i];
		}
	}
	printf("%zu rows x %d, %zu threads:", N_ROWS, N_INPUTS, host.n_threads);
	for (size_t i = 0; i < N_STEPS; i++)
		printf(" %s %.1f ms,", names[i], least[i]);
	printf(" peak %.1f MB\n", (double) peak_bytes / 1e6);
	cer_arena_free(arena);
	return 0;
}
