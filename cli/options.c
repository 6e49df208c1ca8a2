/*
 * options.c
 *	  getopt_long driven by the tables that --help prints.
 *
 * Global options are accepted before and after the verb: the rows of a
 * command are followed by the global ones, each with the struct it fills.
 */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPTIONS 32
#define FIRST_CODE  256 /* above every letter */

typedef struct option_set
{
	const option_row *rows[MAX_OPTIONS];
	void *values[MAX_OPTIONS];
	struct option longs[MAX_OPTIONS + 1];
	char letters[2 * MAX_OPTIONS + 3];
	size_t n_rows;
} option_set;

static void
add_rows(option_set *set, const option_row *rows, void *values)
{
	for (; rows != NULL && rows->name != NULL && set->n_rows < MAX_OPTIONS;
	     rows++)
	{
		size_t i = set->n_rows++;

		set->rows[i] = rows;
		set->values[i] = values;
		set->longs[i] = (struct option){
			.name = rows->name,
			.has_arg = rows->argument ? required_argument : no_argument,
			.val = FIRST_CODE + (int) i};
		if (rows->letter != 0)
		{
			strncat(set->letters, &rows->letter, 1);
			if (rows->argument)
				strcat(set->letters, ":");
		}
	}
}

static size_t
find_row(const option_set *set, int code)
{
	if (code >= FIRST_CODE)
		return (size_t) (code - FIRST_CODE);
	for (size_t i = 0; i < set->n_rows; i++)
		if (set->rows[i]->letter == code)
			return i;
	return set->n_rows;
}

static void
set_value(const option_row *row, void *values, const char *argument)
{
	void *value = (char *) values + row->offset;
	text_list *list = value;

	switch (row->kind)
	{
		case OPTION_FLAG:
			*(bool *) value = true;
			break;
		case OPTION_TEXT:
			*(const char **) value = argument;
			break;
		case OPTION_TEXTS:
			list->items = memory_resize(list->items, list->n_items + 1,
			                            sizeof *list->items);
			list->items[list->n_items++] = argument;
			break;
	}
}

static bool
refuse_option(int code, char **argv)
{
	const char *word = argv[optind - 1];

	if (optopt != 0 && optopt < FIRST_CODE)
		word = keep_printf("-%c", optopt);
	if (code == ':')
		message_error("option %s needs a value", word);
	else if (optopt >= FIRST_CODE)
		message_error("option %s takes no value", word);
	else
		message_error("unknown option %s", word);
	return false;
}

bool
options_parse(const option_row *rows, void *values, global_options *global,
              int *argc, char **argv)
{
	option_set set = {.letters = ":"};
	int code;

	add_rows(&set, rows, values);
	add_rows(&set, global_option_rows, global);
	optind = 0;
	opterr = 0;
	while ((code = getopt_long(*argc, argv, set.letters, set.longs, NULL)) !=
	       -1)
	{
		size_t i;

		if (code == '?' || code == ':')
			return refuse_option(code, argv);
		i = find_row(&set, code);
		if (i < set.n_rows)
			set_value(set.rows[i], set.values[i], optarg);
	}
	memmove(argv, argv + optind, (size_t) (*argc - optind + 1) * sizeof *argv);
	*argc -= optind;
	return true;
}

void
options_print(const option_row *rows, const char *left_out)
{
	for (; rows != NULL && rows->name != NULL; rows++)
	{
		char left[64];

		if (left_out != NULL && strcmp(rows->name, left_out) == 0)
			continue;
		snprintf(left, sizeof left, "%c%c%s--%s%s%s", rows->letter ? '-' : ' ',
		         rows->letter ? rows->letter : ' ', rows->letter ? ", " : "  ",
		         rows->name, rows->argument ? " " : "",
		         rows->argument ? rows->argument : "");
		printf("  %-26s %s\n", left, rows->help);
	}
}
