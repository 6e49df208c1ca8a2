/*
 * parse.c
 *	  How many triples a second one core parses and prints in canonical form,
 *	  and that memory does not grow with them.
 */
#include "cerebro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_TRIPLES 10000000
#define N_FIRST   10000 /* after these memory must not grow */

static const char *const texts[] = {
	"FE * AS mlp(256, 128) PT adam(lr = 0.01), epochs = 10 @1",
	"FE *, EXCEPT (a, b), dest : embed(16) AS mlp(256 x 3, 64) "
	"PT adam(lr = 0.003, decay = 1e-4), epochs = 10, dropout = 0.25, seed = 7",
	"FE distance, hour, month, carrier : onehot, dest : embed(8), "
	"temp : standardize AS mlp(512, 256, 128) PT sgd(0.05, momentum = 0.9), "
	"batch = 256, gelu",
	"PT lr = 0.0003",
};

#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

static void
parse_and_print(cer_arena *arena, const char *string)
{
	cer_text text = {string, strlen(string)};
	const cer_mst *mst;

	if (cer_mst_parse(arena, text, &mst, NULL) != CER_OK ||
	    cer_mst_print(arena, mst, &text, NULL) != CER_OK)
		abort();
	cer_arena_clear(arena);
}

static double
get_cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

/* Of this program alone: getrusage tells that of who started it, too. */
static long
get_peak_kib(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kib = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return kib;
}

int
main(void)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	double start = get_cpu_seconds();
	long first = 0;

	for (size_t i = 0; i < N_TRIPLES; i++)
	{
		parse_and_print(arena, texts[i % N_TEXTS]);
		if (i == N_FIRST)
			first = get_peak_kib();
	}
	printf("parse + print: %.0f triples a second of CPU time (at least "
	       "200000); peak memory %ld KiB after %d, %ld KiB after %d\n",
	       N_TRIPLES / (get_cpu_seconds() - start), first, N_FIRST,
	       get_peak_kib(), N_TRIPLES);
	cer_arena_free(arena);
	return first == 0 || get_peak_kib() - first > 1024;
}
