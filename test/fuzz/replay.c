/*
 * replay.c
 *	  main() for fuzz targets built without a fuzzer: gives them each file named,
 *	  and prints TAP.  A target fails by crashing.
 */
#include "fuzz.h"

#include <stdio.h>

static uint8_t *
read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	long end;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 ||
	    (end = ftell(file)) < 0)
	{
		perror(path);
		exit(1);
	}
	rewind(file);
	*size = (size_t) end;
	/* exactly its size, so that a sanitizer sees a read past the end */
	data = malloc(*size + (*size == 0));
	if (data == NULL || fread(data, 1, *size, file) != *size)
	{
		perror(path);
		exit(1);
	}
	fclose(file);
	return data;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		size_t size;
		uint8_t *data = read_file(argv[i], &size);

		LLVMFuzzerTestOneInput(data, size);
		free(data);
		printf("ok %d - %s\n", i, argv[i]);
		fflush(stdout);
	}
	printf("1..%d\n", argc - 1);
	return 0;
}
