/*
 * random_mst.c
 *	  Random triples.
 */
#include "random_mst.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *
pick(test_random *random, const char *const *words, size_t n)
{
	return words[random_below(random, n)];
}

#define PICK(random, words) pick(random, words, COUNT(words))

static const char *const columns[] = {"a",      "b",         "dest",
                                      "origin", "\"Dep T\"", "as_of"};

static void
write_encoder(test_random *random, char *text)
{
	static const char *const encoders[] = {
		"onehot", "robust", "embed", "embed(4)", "embed(16)", "robust + onehot",
	};

	if (random_below(random, 3) == 0)
		sprintf(text, " : %s", PICK(random, encoders));
	else
		*text = '\0';
}

static void
write_table(test_random *random, char *text)
{
	static const char *const tables[] = {
		"JOIN planes",
		"JOIN planes VIA (tailnum)",
		"JOIN LAST weather",
		"JOIN airports o VIA (origin)",
		"JOIN airports d VIA (dest)",
		"JOIN airports d ON (d.faa = dest)",
		"AGGREGATE orders VIA (customer) (n = count(*), total = sum(price))",
		"AGGREGATE orders (n = count(*)) WHERE (price > 0) UNCUT",
		"AGGREGATE orders (n = count(*)) WINDOW '3 days'",
	};

	strcpy(text, PICK(random, tables));
}

void
random_item_write(test_random *random, char text[RANDOM_TEXT_BYTES])
{
	static const char *const derived[] = {
		"speed = (distance / air_time)",
		"speed = (distance * 60)",
		"far = (distance > 1000)",
	};
	char encoder[64];

	switch (random_below(random, 5))
	{
		case 0:
			write_table(random, text);
			return;
		case 1:
			write_encoder(random, encoder);
			sprintf(text, "%s%s", PICK(random, derived), encoder);
			return;
		default:
			write_encoder(random, encoder);
			sprintf(text, "%s%s", PICK(random, columns), encoder);
			return;
	}
}

static void
write_fe(test_random *random, char *text)
{
	size_t n = random_below(random, 5);
	char item[RANDOM_TEXT_BYTES];

	text += sprintf(text, "FE ");
	if (n == 0 || random_below(random, 2) == 0)
	{
		text += sprintf(text, "*");
		if (random_below(random, 3) == 0)
			text += sprintf(text, ", EXCEPT (x, %s)", PICK(random, columns));
		text += sprintf(text, n > 0 ? ", " : "");
	}
	for (size_t i = 0; i < n; i++)
	{
		random_item_write(random, item);
		text += sprintf(text, "%s%s", i > 0 ? ", " : "", item);
	}
}

static void
write_units(test_random *random, char *text)
{
	static const char *const units[] = {"32",     "64",  "128",    "256", "100",
	                                    "64 x 2", "512", "64 x 4", "1"};
	size_t n = 1 + random_below(random, 3);

	for (size_t i = 0; i < n; i++)
		text += sprintf(text, "%s%s", i > 0 ? ", " : "", PICK(random, units));
}

static void
write_layer(test_random *random, char *text)
{
	static const char *const layers[] = {
		"relu",         "gelu",      "dropout(0.1)",
		"dropout(0.3)", "dense(32)", "dense(64)",
		"dense(128)",   "norm",      "skip(dense(64) > relu)",
	};

	if (random_below(random, 4) == 0)
	{
		text += sprintf(text, "mlp(");
		write_units(random, text);
		strcat(text, ")");
		return;
	}
	strcpy(text, PICK(random, layers));
}

void
random_structure_write(test_random *random, char text[RANDOM_TEXT_BYTES])
{
	static const char *const structures[] = {
		"residual(2, 64)",
		"residual(3, 64)",
		"residual",
		"residual(width = 96)",
		"concat(residual(1, 128), mlp(64))",
		"snn(64, 64)",
		"tabm(64, 64)",
		"wide_deep(64, 32)",
		"concat(mlp(64), mlp(32))",
		"sum(dense(64) > relu, dense(64))",
		"ensemble(4, mlp(64))",
		"repeat(2, dense(64) > relu)",
	};
	size_t n;

	switch (random_below(random, 4))
	{
		case 0:
			strcpy(text, PICK(random, structures));
			return;
		case 1:
			n = 1 + random_below(random, 4);
			for (size_t i = 0; i < n; i++)
			{
				text += sprintf(text, i > 0 ? " > " : "");
				write_layer(random, text);
				text += strlen(text);
			}
			return;
		default:
			text += sprintf(text, "mlp(");
			write_units(random, text);
			strcat(text, ")");
			return;
	}
}

void
random_setting_write(test_random *random, char text[RANDOM_TEXT_BYTES])
{
	static const char *const settings[] = {
		"lr = 0.001",        "lr = 0.003",
		"lr = 0.01",         "batch = 256",
		"batch = 1024",      "epochs = 5",
		"epochs = 20",       "patience = 0",
		"dropout = 0",       "mixup = 0.2",
		"fade = 0.5",        "dropout = 0.2",
		"seed = 7",          "label_smoothing = 0.1",
		"activation = gelu", "activation = tanh",
		"decay = 0.01",      "stop = 3",
	};

	strcpy(text, PICK(random, settings));
}

static void
write_pt(test_random *random, char *text)
{
	static const char *const optimizers[] = {
		"adam",
		"adamw",
		"sgd",
		"sgd(momentum = 0)",
		"adam(beta1 = 0.8)",
		"adam(eps = 1e-6, beta2 = 0.99)",
	};
	size_t n = random_below(random, 4);
	const char *separator = "PT ";

	if (random_below(random, 2) == 0)
	{
		text += sprintf(text, "PT %s", PICK(random, optimizers));
		separator = ", ";
	}
	for (size_t i = 0; i < n; i++)
	{
		text += sprintf(text, "%s", separator);
		random_setting_write(random, text);
		text += strlen(text);
		separator = ", ";
	}
}

void
random_mst_write(test_random *random, char text[RANDOM_TEXT_BYTES])
{
	char part[RANDOM_TEXT_BYTES];

	*text = '\0';
	if (random_below(random, 4) > 0)
	{
		write_fe(random, text);
		strcat(text, " ");
	}
	if (random_below(random, 6) > 0)
	{
		random_structure_write(random, part);
		strcat(strcat(strcat(text, "AS "), part), " ");
	}
	if (random_below(random, 4) > 0)
		write_pt(random, text + strlen(text));
}

const cer_mst *
random_mst_make(test_random *random, cer_arena *arena)
{
	char text[RANDOM_TEXT_BYTES];
	const cer_mst *mst = NULL;

	for (size_t i = 0; i < 1000; i++)
	{
		random_mst_write(random, text);
		if (cer_mst_parse(arena, (cer_text){text, strlen(text)}, &mst, NULL) ==
		    CER_OK)
			return mst;
	}
	fail_msg("no random triple is one, \"%s\" neither", text);
	return NULL;
}

cer_text
mst_text(cer_arena *arena, const cer_mst *mst)
{
	cer_text text;

	assert_int_equal(cer_mst_print(arena, mst, &text, NULL), CER_OK);
	return text;
}

bool
mst_equals(cer_arena *arena, const cer_mst *a, const cer_mst *b)
{
	cer_text x = mst_text(arena, a);
	cer_text y = mst_text(arena, b);

	return x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
}
