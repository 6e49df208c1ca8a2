/*
 * replay.c
 *	  main() for fuzz targets built without a fuzzer: gives them each file named,
 *	  then, for some seconds, what comes of the files by changes at random.
 *	  Prints TAP.  A target fails by crashing.
 *
 *	 FUZZ_MS=3000 SEED=7 fuzz_mst FILE...     none without FUZZ_MS
 *
 * What is changed is tried in a process of its own, over memory of both: what
 * it crashed of goes to the file $FUZZ_KEEP.
 */
#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_SIZE    4096
#define MAX_CHANGES 6

typedef struct Input
{
	uint8_t *data;
	size_t size;
} Input;

typedef struct Mutator
{
	const Input *inputs;
	size_t n_inputs;
	uint64_t random;
	size_t n_tried;
	uint8_t data[MAX_SIZE];
	size_t size;
} Mutator;

static Input
read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	Input input;
	long end;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 ||
	    (end = ftell(file)) < 0)
	{
		perror(path);
		exit(1);
	}
	rewind(file);
	input.size = (size_t) end;
	/* exactly its size, so that a sanitizer sees a read past the end */
	input.data = malloc(input.size + (input.size == 0));
	if (input.data == NULL ||
	    fread(input.data, 1, input.size, file) != input.size)
	{
		perror(path);
		exit(1);
	}
	fclose(file);
	return input;
}

/* ---------------------------------------------------------------- changes */

/* Of splitmix64: below n. */
static size_t
draw(Mutator *mutator, size_t n)
{
	uint64_t z = mutator->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (size_t) ((z ^ (z >> 31)) % n);
}

static void
set_byte(Mutator *mutator)
{
	static const uint8_t telling[] = "(){}[],.:=>-+?*@x'\"$ 0129\0\x7f\x80\xff";

	if (mutator->size > 0)
		mutator->data[draw(mutator, mutator->size)] =
			draw(mutator, 2) == 0 ? telling[draw(mutator, sizeof(telling))]
								  : (uint8_t) draw(mutator, 256);
}

static void
flip_bit(Mutator *mutator)
{
	if (mutator->size > 0)
		mutator->data[draw(mutator, mutator->size)] ^=
			(uint8_t) (1u << draw(mutator, 8));
}

static void
cut(Mutator *mutator)
{
	size_t from = draw(mutator, mutator->size + 1);
	size_t n = draw(mutator, mutator->size - from + 1);

	memmove(mutator->data + from, mutator->data + from + n,
	        mutator->size - from - n);
	mutator->size -= n;
}

/* Somewhere into the data a piece of them or of another file. */
static void
insert(Mutator *mutator)
{
	const Input *other = &mutator->inputs[draw(mutator, mutator->n_inputs)];
	size_t at = draw(mutator, mutator->size + 1);
	size_t from = draw(mutator, other->size + 1);
	size_t n = draw(mutator, other->size - from + 1);

	if (n > MAX_SIZE - mutator->size)
		n = MAX_SIZE - mutator->size;
	memmove(mutator->data + at + n, mutator->data + at, mutator->size - at);
	memcpy(mutator->data + at, other->data + from, n);
	mutator->size += n;
}

static void
change(Mutator *mutator)
{
	static void (*const ways[])(Mutator *) = {set_byte, flip_bit, cut, insert};
	const Input *input = &mutator->inputs[draw(mutator, mutator->n_inputs)];
	size_t n_changes = 1 + draw(mutator, MAX_CHANGES);

	mutator->size = input->size < MAX_SIZE ? input->size : MAX_SIZE;
	memcpy(mutator->data, input->data, mutator->size);
	for (size_t i = 0; i < n_changes; i++)
		ways[draw(mutator, sizeof(ways) / sizeof(ways[0]))](mutator);
}

/* ----------------------------------------------------------------- running */

static void
keep(const char *path, const Mutator *mutator)
{
	FILE *file = path == NULL ? NULL : fopen(path, "wb");

	if (file == NULL)
		return;
	(void) fwrite(mutator->data, 1, mutator->size, file);
	fclose(file);
	printf("# of what is in %s\n", path);
}

static void
try_changed(const Mutator *mutator)
{
	uint8_t *data = malloc(mutator->size + (mutator->size == 0));

	if (data == NULL)
		exit(1);
	memcpy(data, mutator->data, mutator->size);
	LLVMFuzzerTestOneInput(data, mutator->size);
	free(data);
}

static double
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return 1e3 * (double) now.tv_sec + 1e-6 * (double) now.tv_nsec;
}

static void
try_changes(Mutator *mutator, double ms)
{
	double end = now_ms() + ms;

	while (now_ms() < end)
	{
		change(mutator);
		mutator->n_tried++;
		try_changed(mutator);
	}
}

/* Whether nothing crashed. */
static bool
try_apart(Mutator *mutator)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
	{
		try_changes(mutator, strtod(getenv("FUZZ_MS"), NULL));
		exit(0); /* not _exit: leaks are looked for */
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
	{
		perror("fork");
		exit(1);
	}
	if (status != 0)
		keep(getenv("FUZZ_KEEP"), mutator);
	return status == 0;
}

static bool
fuzz(const Input *inputs, size_t n_inputs, int test)
{
	const char *seed = getenv("SEED");
	Mutator *mutator = mmap(NULL, sizeof(Mutator), PROT_READ | PROT_WRITE,
	                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool is_ok;

	if (mutator == MAP_FAILED)
		exit(1);
	mutator->inputs = inputs;
	mutator->n_inputs = n_inputs;
	mutator->random =
		seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t) time(NULL);
	printf("# SEED=%llu\n", (unsigned long long) mutator->random);
	fflush(stdout);
	is_ok = try_apart(mutator);
	printf("%sok %d - %zu inputs changed at random\n", is_ok ? "" : "not ",
	       test, mutator->n_tried);
	munmap(mutator, sizeof(Mutator));
	return is_ok;
}

int
main(int argc, char **argv)
{
	static Input *inputs; /* which a child that ends has not lost */
	bool has_changes = getenv("FUZZ_MS") != NULL && argc > 1;
	bool is_ok = true;

	inputs = calloc((size_t) argc, sizeof(Input));
	if (inputs == NULL)
		return 1;
	for (int i = 1; i < argc; i++)
	{
		inputs[i - 1] = read_file(argv[i]);
		LLVMFuzzerTestOneInput(inputs[i - 1].data, inputs[i - 1].size);
		printf("ok %d - %s\n", i, argv[i]);
		fflush(stdout);
	}
	if (has_changes)
		is_ok = fuzz(inputs, (size_t) argc - 1, argc);
	printf("1..%d\n", argc - 1 + has_changes);
	for (int i = 1; i < argc; i++)
		free(inputs[i - 1].data);
	free(inputs);
	return is_ok ? 0 : 1;
}
