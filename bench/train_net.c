/*
 * train_net.c
 *	  Trains a network on rows from a file and says how fast: our side of
 *	  bench/train.
 *
 *	 train_net ROWS "TRIPLE" THREADS [DUMP | reading]
 *
 * ROWS is what train.py wrote: a head, then chunks of rows as they would come
 * from the server.  DUMP gets the encoded rows of all parts, for PyTorch to
 * train on the very same numbers; `reading` tells what an epoch takes to bring
 * its rows to the first layer.  Prints one JSON object a line.
 */
#include "cerebro.h"
#include "memory.h"
#include "nn/op_first_private.h"
#include "threads.h"
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_INPUTS 64

typedef struct source
{
	FILE *file;
	long first_chunk;
	uint64_t n_rows;
	uint32_t n_inputs;
	cer_input inputs[MAX_INPUTS];
	cer_column columns[MAX_INPUTS];
	uint32_t n_values[MAX_INPUTS];
	cer_text *values[MAX_INPUTS];

	/* a chunk */
	uint64_t row; /* of its first row */
	size_t n_here;
	void *data[MAX_INPUTS];
	uint16_t labels[CER_CHUNK_ROWS];
	uint64_t row_keys[CER_CHUNK_ROWS];
	uint8_t parts[CER_CHUNK_ROWS];
} source;

static void
die(const char *what)
{
	fprintf(stderr, "train_net: %s\n", what);
	exit(1);
}

static void
check(cer_status status, const cer_error *err)
{
	if (status != CER_OK)
		die(err->message);
}

/* ------------------------------------------------------------------ rows */

static void
read_bytes(source *s, void *to, size_t size)
{
	if (fread(to, 1, size, s->file) != size)
		die("file of rows is too short");
}

static uint32_t
read_count(source *s)
{
	uint32_t n;

	read_bytes(s, &n, sizeof(n));
	return n;
}

static cer_text
read_text(source *s)
{
	uint32_t size = read_count(s);
	char *data = malloc(size + 1);

	read_bytes(s, data, size);
	return (cer_text){data, size};
}

static void
read_input(source *s, size_t i)
{
	bool is_code = read_count(s) == CER_CODE32;
	cer_text name = read_text(s);

	s->inputs[i] = (cer_input){name, is_code ? CER_CODE32 : CER_FLOAT64};
	s->columns[i] =
		(cer_column){.name = name,
	                 .type = is_code ? CER_TYPE_CATEGORY : CER_TYPE_NUMBER,
	                 .is_in_star = true};
	s->n_values[i] = read_count(s);
	s->values[i] = malloc((s->n_values[i] + 1) * sizeof(cer_text));
	for (uint32_t v = 0; v < s->n_values[i]; v++)
		s->values[i][v] = read_text(s);
	s->data[i] = malloc(CER_CHUNK_ROWS * sizeof(double));
}

static void
open_source(source *s, const char *path)
{
	s->file = fopen(path, "rb");
	if (s->file == NULL)
		die("cannot open the file of rows");
	read_bytes(s, &s->n_rows, sizeof(s->n_rows));
	s->n_inputs = read_count(s);
	for (uint32_t i = 0; i < s->n_inputs; i++)
		read_input(s, i);
	s->first_chunk = ftell(s->file);
	s->row = 0;
	s->n_here = 0;
}

static void
rewind_source(source *s)
{
	fseek(s->file, s->first_chunk, SEEK_SET);
	s->row = 0;
	s->n_here = 0;
}

static size_t
get_size(const source *s, size_t input)
{
	return s->inputs[input].storage == CER_CODE32 ? sizeof(uint32_t)
	                                              : sizeof(double);
}

static bool
read_chunk(source *s)
{
	const double share[CER_N_PARTS] = {0.7, 0.15, 0.15};

	s->row += s->n_here;
	s->n_here = s->n_rows - s->row < CER_CHUNK_ROWS ? s->n_rows - s->row
	                                                : CER_CHUNK_ROWS;
	if (s->n_here == 0)
		return false;
	for (uint32_t i = 0; i < s->n_inputs; i++)
		read_bytes(s, s->data[i], s->n_here * get_size(s, i));
	read_bytes(s, s->labels, s->n_here * sizeof(s->labels[0]));
	for (size_t i = 0; i < s->n_here; i++)
	{
		cer_key_hash hash;

		cer_key_hash_start(&hash, 1);
		cer_key_hash_add_int(&hash, (int64_t) (s->row + i));
		s->row_keys[i] = cer_key_hash_finish(&hash);
		s->parts[i] = (uint8_t) cer_split_get_part(share, s->row_keys[i]);
	}
	return true;
}

/* Rows of the parts that training sees, moved together. */
static size_t
drop_test_rows(source *s)
{
	size_t n = 0;

	for (size_t row = 0; row < s->n_here; row++)
	{
		if (s->parts[row] == CER_TEST)
			continue;
		for (uint32_t i = 0; i < s->n_inputs; i++)
			memmove((char *) s->data[i] + n * get_size(s, i),
			        (char *) s->data[i] + row * get_size(s, i), get_size(s, i));
		s->labels[n] = s->labels[row];
		s->row_keys[n] = s->row_keys[row];
		s->parts[n++] = s->parts[row];
	}
	return n;
}

static cer_dataset *
gather(source *s, const cer_host *host)
{
	cer_error err;
	cer_dataset *dataset;

	check(cer_dataset_new(host, s->inputs, s->n_inputs, 2, &dataset, &err),
	      &err);
	for (uint32_t i = 0; i < s->n_inputs; i++)
		if (s->n_values[i] > 0)
			check(cer_dataset_add_values(dataset, i, s->values[i],
			                             s->n_values[i], &err),
			      &err);
	while (read_chunk(s))
	{
		cer_chunk chunk = {.n_rows = drop_test_rows(s),
		                   .row_keys = s->row_keys,
		                   .parts = s->parts,
		                   .labels = s->labels,
		                   .columns = (const void *const *) s->data};

		check(cer_dataset_append(dataset, &chunk, &err), &err);
	}
	check(cer_dataset_finish(dataset, &err), &err);
	return dataset;
}

/* ------------------------------------------------------------------ test */

typedef struct test_rows
{
	size_t n;
	size_t n_values;   /* of a row */
	cer_value *values; /* (n, n_values) */
	uint16_t *labels;
} test_rows;

/* Who codes the texts of a row: a model, or encoders. */
typedef struct coder
{
	const cer_model *model;
	const cer_encoders *encoders;
} coder;

static size_t
count_values(const coder *c)
{
	return c->model != NULL ? cer_model_count_values(c->model)
	                        : cer_encoders_count_values(c->encoders);
}

static size_t
get_place(const coder *c, size_t input)
{
	size_t n_values;

	return c->model != NULL
	           ? cer_model_get_value(c->model, input)
	           : cer_encoders_get_value(c->encoders, input, &n_values);
}

static void
write_values(const source *s, size_t input, size_t row, const coder *c,
             cer_value *to)
{
	cer_text text = {NULL, SIZE_MAX};
	uint32_t code;

	to += get_place(c, input);
	if (s->inputs[input].storage != CER_CODE32)
	{
		to->number = ((double *) s->data[input])[row];
		return;
	}
	code = ((uint32_t *) s->data[input])[row];
	if (code > 0)
		text = s->values[input][code - 1];
	if (c->model != NULL)
		cer_model_encode_text(c->model, input, text, to, 1);
	else
		cer_encoders_encode_text(c->encoders, input, text, to, 1);
}

static test_rows
read_test(source *s, const coder *c)
{
	test_rows t = {.n_values = count_values(c)};

	t.values = malloc(s->n_rows / 4 * t.n_values * sizeof(cer_value));
	t.labels = malloc(s->n_rows / 4 * sizeof(uint16_t));
	rewind_source(s);
	while (read_chunk(s))
		for (size_t row = 0; row < s->n_here; row++)
		{
			if (s->parts[row] != CER_TEST)
				continue;
			for (uint32_t i = 0; i < s->n_inputs; i++)
				write_values(s, i, row, c, t.values + t.n * t.n_values);
			t.labels[t.n++] = s->labels[row];
		}
	return t;
}

static void
report_test(source *s, cer_trainer *trainer, const cer_host *host)
{
	cer_arena *arena = cer_arena_new(host);
	const cer_part *parts;
	size_t n_parts;
	const cer_model *model;
	cer_metrics metrics;
	cer_error err;
	test_rows t;
	float *proba;
	void *scratch;

	check(cer_trainer_make_parts(arena, trainer, &parts, &n_parts, &err), &err);
	check(cer_model_make(arena, parts, n_parts, &model, &err), &err);
	t = read_test(s, &(coder){.model = model});
	proba = malloc(t.n * 2 * sizeof(float));
	scratch = cer_arena_allocate(arena, cer_model_get_scratch_size(model, t.n));
	cer_model_score(model, t.n, t.values, proba, scratch);
	check(cer_metrics_compute(host, t.n, 2, proba, t.labels, &metrics, &err),
	      &err);
	printf("{\"test_rows\": %zu, \"test_auc\": %.6f, \"test_loss\": %.6f}\n",
	       t.n, metrics.auc, metrics.log_loss);
}

/* ------------------------------------------------------------------ dump */

static void
dump_part(FILE *to, const cer_input_shape *shape, const cer_encoded *rows)
{
	uint64_t n = rows->n_rows;

	fwrite(&n, sizeof(n), 1, to);
	for (size_t row = 0; row < n; row++)
		for (size_t i = 0; i < shape->n_numbers; i++)
		{
			float number = cer_shape_get_number(
				shape, cer_encoded_get_numbers(rows, shape, row), i);

			fwrite(&number, sizeof(number), 1, to);
		}
	for (size_t row = 0; row < n; row++)
		fwrite(cer_encoded_get_codes(rows, shape, row), sizeof(uint32_t),
		       shape->n_tables, to);
	fwrite(rows->labels, sizeof(uint16_t), n, to);
}

static void
dump(source *s, const cer_trainer *trainer, const char *path)
{
	const cer_input_shape *shape = cer_encoders_get_shape(trainer->encoders);
	size_t n_stored = cer_shape_count_stored(shape);
	test_rows t = read_test(s, &(coder){.encoders = trainer->encoders});
	float *numbers = malloc(t.n * n_stored * sizeof(float));
	uint32_t *codes = malloc(t.n * shape->n_tables * sizeof(uint32_t));
	cer_encoded test = {
		.n_rows = t.n, .numbers = numbers, .codes = codes, .labels = t.labels};
	uint32_t head[2] = {(uint32_t) shape->n_numbers,
	                    (uint32_t) shape->n_tables};
	FILE *to = fopen(path, "wb");

	if (to == NULL)
		die("cannot write the dump");
	for (size_t row = 0; row < t.n; row++)
		cer_encoders_apply_values(
			trainer->encoders, 1, t.values + row * t.n_values, 1,
			numbers + row * n_stored, codes + row * shape->n_tables);
	fwrite(head, sizeof(head), 1, to);
	for (size_t i = 0; i < shape->n_tables; i++)
	{
		uint32_t table[2] = {(uint32_t) shape->tables[i].n_codes,
		                     (uint32_t) shape->tables[i].width};

		fwrite(table, sizeof(table), 1, to);
	}
	dump_part(to, shape, &trainer->train);
	dump_part(to, shape, &trainer->valid);
	dump_part(to, shape, &test);
	fclose(to);
}

/* ------------------------------------------------------------------ main */

/* What the engine gives the library, without its limit. */
typedef struct own_host
{
	threads *pool;
	memory mem;
} own_host;

static void
run_tasks(void *self, cer_task_fn fn, void *arg, size_t n_tasks)
{
	own_host *own = self;

	threads_run(own->pool, fn, arg, n_tasks);
}

static void *
allocate(void *self, size_t size)
{
	own_host *own = self;

	return memory_allocate(&own->mem, size);
}

static void
release(void *self, void *block, size_t size)
{
	own_host *own = self;

	memory_release(&own->mem, block, size);
}

static void
report_memory(void)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");
	long kib;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			printf("{\"peak_mb\": %.1f}\n", (double) kib / 1024);
}

/* Processor time is of all threads; other work on the machine makes it less
 * wrong than time. */
static double
read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static void
train(cer_trainer *trainer)
{
	bool is_finished = false;

	while (!is_finished)
	{
		cer_epoch epoch;
		cer_error err;
		double start = read_clock(CLOCK_PROCESS_CPUTIME_ID);
		double clock = read_clock(CLOCK_MONOTONIC);
		double cpu;

		check(cer_trainer_run_epoch(trainer, &epoch, &is_finished, &err), &err);
		cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) - start;
		clock = read_clock(CLOCK_MONOTONIC) - clock;
		printf("{\"epoch\": %u, \"n_rows\": %zu, \"rows_per_second\": %.0f, "
		       "\"cpu_seconds\": %.4f, \"train_cpu_seconds\": %.4f, "
		       "\"loss\": %.6f, \"valid_loss\": %.6f, "
		       "\"valid_auc\": %.6f}\n",
		       epoch.epoch, trainer->train.n_rows, epoch.rows_per_second, cpu,
		       cpu * epoch.seconds / clock, epoch.train_loss,
		       epoch.valid.log_loss, epoch.valid.auc);
	}
}

/* --------------------------------------------------------------- reading */

/* What the first layer does with a tile before it computes anything. */
static void
read_tile(void *arg, size_t index)
{
	const cer_graph *graph = arg;
	size_t first = index * graph->tile_rows;
	size_t left = graph->batch.n_rows - first;
	cer_tile tile = {.graph = graph,
	                 .index = index,
	                 .first = first,
	                 .n_rows =
	                     left < graph->tile_rows ? left : graph->tile_rows,
	                 .n_all = graph->tile_rows,
	                 .scratch = graph->scratch + index * graph->scratch_size};

	for (size_t at = first; at < first + tile.n_rows; at++)
		graph->labels[at] =
			graph->batch.rows->labels[cer_batch_get_row(&graph->batch, at)];
	cer_first_load_again(&tile, graph->nodes[0].state);
	cer_rows_fetch(&tile);
}

/* Batches of an epoch in its new order; for the epoch's own threads. */
static void
read_epoch(cer_run *run, double *order, double *batches)
{
	cer_graph *graph = run->graph;
	const cer_host *host = run->config.host;
	size_t n_rows = run->train.n_rows;
	double start = read_clock(CLOCK_MONOTONIC);

	cer_order_shuffle(&run->order, run->order.epoch + 1);
	*order = read_clock(CLOCK_MONOTONIC) - start;
	for (size_t first = 0; first < n_rows; first += graph->batch_rows)
	{
		size_t left = n_rows - first;

		graph->batch = (cer_batch){
			.rows = &run->train,
			.order = run->order.rows,
			.first = first,
			.n_rows = left < graph->batch_rows ? left : graph->batch_rows};
		host->run_tasks(host->self, read_tile, graph,
		                cer_graph_count_tiles(graph));
	}
	*batches = read_clock(CLOCK_MONOTONIC) - start - *order;
}

static void
report_reading(cer_run *run)
{
	double n = (double) run->train.n_rows;

	if (run->graph->nodes[0].node->op != &cer_op_first)
		die("reading is told of networks that begin with their first layer");
	for (int round = 0; round < 9; round++)
	{
		double order, batches;

		read_epoch(run, &order, &batches);
		printf("{\"order_ns\": %.2f, \"batches_ns\": %.2f}\n", 1e9 * order / n,
		       1e9 * batches / n);
	}
}

int
main(int argc, char **argv)
{
	static source s;
	static own_host own = {.mem.limit = SIZE_MAX};
	cer_host host = cer_host_plain;
	cer_arena *arena;
	const cer_mst *mst;
	const cer_plan *plan;
	cer_dataset *dataset;
	cer_trainer *trainer;
	cer_error err;

	if (argc < 4)
		die("usage: train_net ROWS \"TRIPLE\" THREADS [DUMP | reading]");
	own.pool = threads_new((size_t) atoi(argv[3]));
	host.self = &own;
	host.allocate = allocate;
	host.release = release;
	host.run_tasks = run_tasks;
	host.n_threads = (size_t) atoi(argv[3]);
	arena = cer_arena_new(&host);
	open_source(&s, argv[1]);
	check(
		cer_mst_parse(arena, (cer_text){argv[2], strlen(argv[2])}, &mst, &err),
		&err);
	check(cer_plan_make(arena, mst, s.columns, s.n_inputs, &plan, &err), &err);
	dataset = gather(&s, &host);
	check(cer_trainer_new(&host, mst, plan, dataset, &trainer, &err), &err);
	train(trainer);
	report_memory();
	report_test(&s, trainer, &host);
	if (argc > 4 && strcmp(argv[4], "reading") == 0)
		report_reading(trainer->run);
	else if (argc > 4)
		dump(&s, trainer, argv[4]);
	return 0;
}
