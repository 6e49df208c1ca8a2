/*
 * golden.c
 *	  Reading of files that PyTorch's side wrote.
 */
#include "golden.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

void
golden_read_tables(golden *g, FILE *file)
{
	for (size_t i = 0; i < g->shape.n_tables; i++)
	{
		assert_int_equal(fscanf(file, " table %zu %zu", &g->tables[i].n_codes,
		                        &g->tables[i].width),
		                 2);
		snprintf(g->table_names[i], sizeof(g->table_names[i]), "t%zu", i);
		g->tables[i].name = (cer_text){g->table_names[i], 2};
	}
	for (size_t i = 0; i < g->shape.n_numbers; i++)
		g->number_names[i] = (cer_text){"number", 6};
	g->shape.number_names = g->number_names;
	g->shape.tables = g->tables;
}

/* Written as one word, "~" for each blank. */
static bool
read_array(golden_array *array, FILE *file)
{
	if (fscanf(file, " %31s %63s %zu", array->what, array->name, &array->n) !=
	    3)
		return false;
	for (char *c = array->name; *c != '\0'; c++)
		if (*c == '~')
			*c = ' ';
	array->values = calloc(array->n + 1, sizeof(float));
	for (size_t i = 0; i < array->n; i++)
		assert_int_equal(fscanf(file, " %f", &array->values[i]), 1);
	return true;
}

const golden_array *
golden_find(const golden *g, const char *what, const char *name)
{
	for (size_t i = 0; i < g->n_arrays; i++)
		if (strcmp(g->arrays[i].what, what) == 0 &&
		    strcmp(g->arrays[i].name, name) == 0)
			return &g->arrays[i];
	fail_msg("no %s of %s", what, name);
	return NULL;
}

void *
golden_read(size_t size, const char *file, const char *name,
            golden_read_head read_head)
{
	golden *g = calloc(1, size);
	const golden_array *codes;
	char path[128];
	FILE *from;

	snprintf(path, sizeof(path), "test/golden/%s_%s.txt", file, name);
	from = fopen(path, "r");
	if (from == NULL)
		fail_msg("cannot open %s", path);
	read_head(g, from);
	while (g->n_arrays < GOLDEN_MAX_ARRAYS &&
	       read_array(&g->arrays[g->n_arrays], from))
		g->n_arrays++;
	fclose(from);
	codes = golden_find(g, "codes", "-");
	g->codes = calloc(codes->n + 1, sizeof(uint32_t));
	g->labels = calloc(g->n_rows, sizeof(uint16_t));
	g->row_keys = calloc(g->n_rows, sizeof(uint64_t));
	for (size_t i = 0; i < codes->n; i++)
		g->codes[i] = (uint32_t) codes->values[i];
	for (size_t i = 0; i < g->n_rows; i++)
		g->labels[i] = (uint16_t) golden_find(g, "labels", "-")->values[i];
	return g;
}

void
golden_free(golden *g)
{
	for (size_t i = 0; i < g->n_arrays; i++)
		free(g->arrays[i].values);
	free(g->codes);
	free(g->labels);
	free(g->row_keys);
	free(g);
}
