/*
 * layer_text.c
 *	  Structures as text.
 */
#include "layer_text.h"

#include "base/text.h"
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader
{
	cer_arena *arena;
	const char *text;
	const char *at;
} reader;

static void
read_word(reader *r, char word[64])
{
	size_t n = strcspn(r->at, " ()=");

	assert_true(n > 0 && n < 64);
	memcpy(word, r->at, n);
	word[n] = '\0';
	r->at += n;
}

static cer_layer_kind
find_kind(const char *name)
{
	int kind = 0;

	while (strcmp(cer_layer_name((cer_layer_kind) kind), name) != 0)
		assert_true(++kind <= CER_LAYER_OUTPUT);
	return (cer_layer_kind) kind;
}

static int
find_word(const char *word, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	fail_msg("unknown word %s", word);
	return 0;
}

static cer_activation
find_activation(const char *name)
{
	int i = 0;

	while (strcmp(cer_activation_name((cer_activation) i), name) != 0)
		assert_true(++i <= CER_ELU);
	return (cer_activation) i;
}

/* A table's name, of those that tests have. */
static void
set_table(cer_layer *layer, const char *value)
{
	static const char *const tables[] = {"p", "q", "source"};

	layer->table = cer_text_of(tables[find_word(value, tables, 3)]);
}

static void
set_argument(cer_layer *layer, const char *name, const char *value)
{
	static const char *const norms[] = {"batch", "layer"};
	static const char *const pools[] = {"mean", "max", "first", "attention",
	                                    "last"};
	static const char *const joinings[] = {"concat", "sum", "gate"};
	static const char *const initials[] = {"default", "lecun", "he", "ntk"};

	if (strcmp(name, "width") == 0)
		layer->width = strtoul(value, NULL, 10);
	else if (strcmp(name, "count") == 0)
		layer->count = strtoul(value, NULL, 10);
	else if (strcmp(name, "rank") == 0)
		layer->rank = strtoul(value, NULL, 10);
	else if (strcmp(name, "table") == 0)
		set_table(layer, value);
	else if (strcmp(name, "rows") == 0)
		layer->rows = strtoul(value, NULL, 10);
	else if (strcmp(name, "dropout") == 0)
		layer->dropout = strtod(value, NULL);
	else if (strcmp(name, "function") == 0)
		layer->activation = find_activation(value);
	else if (strcmp(name, "norm") == 0)
		layer->norm = (cer_norm_kind) find_word(value, norms, 2);
	else if (strcmp(name, "pool") == 0)
		layer->pool = (cer_pool_kind) find_word(value, pools, 5);
	else if (strcmp(name, "joining") == 0)
		layer->joining = (cer_joining_kind) find_word(value, joinings, 3);
	else if (strcmp(name, "initial") == 0)
		layer->initial = (cer_initial_kind) find_word(value, initials, 4);
	else
		fail_msg("unknown argument %s", name);
}

static void
set_flag(cer_layer *layer, const char *name)
{
	static const char *const flags[] = {"no_bias", "alpha", "cls", "learnt"};
	bool *const places[] = {&layer->has_no_bias, &layer->is_alpha,
	                        &layer->has_cls, &layer->is_learnt};

	if (strcmp(name, "shared") == 0)
		layer->sharing = CER_SHARING_ALL;
	else
		*places[find_word(name, flags, 4)] = true;
}

static cer_layer *
read_layer(reader *r)
{
	char word[64];
	char value[64];
	cer_layer *layer;
	int column = (int) (r->at - r->text) + 1;

	assert_int_equal(*r->at++, '(');
	read_word(r, word);
	layer = cer_layer_make(r->arena, find_kind(word), 1, column);
	assert_non_null(layer);
	while (*r->at != ')')
	{
		r->at += strspn(r->at, " ");
		if (*r->at == '(')
		{
			cer_layer_append(layer, read_layer(r));
			continue;
		}
		if (*r->at == ')')
			break;
		read_word(r, word);
		if (*r->at != '=')
		{
			set_flag(layer, word);
			continue;
		}
		r->at++;
		read_word(r, value);
		set_argument(layer, word, value);
	}
	r->at++;
	return layer;
}

cer_layer *
layer_text_read(cer_arena *arena, const char *text)
{
	reader r = {arena, text, text};

	return read_layer(&r);
}
