/*
 * test_mst.c
 *	  Random triples: parse of print is the same triple, and means what was
 *	  written, however it was spelled.  SEED=... replays.
 */
#include "cases.h"
#include "cmocka_all.h"
#include "lang/mst.h"
#include "lang/number.h"
#include "random.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_TRIPLES   20000
#define N_MUTATIONS 20000
#define N_NUMBERS   30000
#define MAX_TEXT    8192

/* ----------------------------------------------------------- what to write */

typedef struct feature
{
	char name[8];
	cer_encoder_spec encoder;
} feature;

/* What a text is to mean; the resolved triple is compared with it. */
typedef struct model
{
	bool has_star;
	size_t n_except;
	size_t n_features;
	feature features[8];
	size_t n_units;
	size_t units[64];
	cer_settings settings;
} model;

typedef struct writer
{
	test_random *random;
	char text[MAX_TEXT];
	char *at;
} writer;

static void
write_blank(writer *w)
{
	static const char *const blanks[] = {
		" ", "  ", "\n", "\t", " -- x ( \" \n", " \n "};

	w->at = stpcpy(w->at, blanks[random_below(w->random, 6)]);
}

static void
maybe_blank(writer *w)
{
	if (random_below(w->random, 3) == 0)
		write_blank(w);
}

static void
write_word(writer *w, const char *word)
{
	bool is_upper = random_below(w->random, 3) == 0;

	maybe_blank(w);
	for (; *word != '\0'; word++)
		*w->at++ = (char) (is_upper && *word >= 'a' && *word <= 'z' ? *word - 32
		                                                            : *word);
}

static void
write_mark(writer *w, const char *mark)
{
	maybe_blank(w);
	w->at = stpcpy(w->at, mark);
	maybe_blank(w);
}

static void
write_count(writer *w, size_t count)
{
	static const char *const forms[] = {"%zu", "%zu", "0%zu", "%zu.0", "%zue0"};

	maybe_blank(w);
	w->at += sprintf(w->at, forms[random_below(w->random, 5)], count);
}

static void
write_number(writer *w, double number)
{
	static const char *const forms[] = {"%.17g", "%.17e", "0%.17g", "%.20g"};

	maybe_blank(w);
	w->at += sprintf(w->at, forms[random_below(w->random, 4)], number);
}

/* --------------------------------------------------------------- choosing */

static bool
toss(writer *w)
{
	return random_below(w->random, 2) == 0;
}

static double
random_share(writer *w)
{
	/* some with few digits, as people write */
	if (toss(w))
		return (double) random_below(w->random, 100) / 100;
	return random_unit(w->random) * 0.999;
}

static double
random_rate(writer *w)
{
	return exp(-10 * random_unit(w->random));
}

static void
write_encoder(writer *w, cer_encoder_spec *encoder)
{
	static const size_t defaults[] = {8, 0, CER_PLE_BINS};
	static const char *const names[] = {"robust", "standardize", "onehot",
	                                    "embed",  "quantile",    "ple"};
	size_t kind = random_below(w->random, 7);

	if (kind == 0)
		return;
	write_mark(w, ":");
	encoder->kind = (cer_encoder_kind) kind;
	write_word(w, names[kind - 1]);
	if (kind < 4)
		return;
	encoder->width = 1 + random_below(w->random, 12);
	if (toss(w))
	{
		encoder->width = defaults[kind - 4];
		return;
	}
	write_mark(w, toss(w) ? "(" : kind == 4 ? "(width =" : "(n =");
	write_count(w, encoder->width);
	write_mark(w, ")");
}

static int
compare_features(const void *a, const void *b)
{
	return strcmp(((const feature *) a)->name, ((const feature *) b)->name);
}

static void
write_fe(writer *w, model *m)
{
	size_t n = random_below(w->random, 7);
	const char *separator = "";

	m->has_star = n == 0 || toss(w);
	write_word(w, "fe");
	write_blank(w);
	if (m->has_star)
	{
		write_mark(w, "*");
		separator = ",";
	}
	if (m->has_star && toss(w))
	{
		m->n_except = 1 + random_below(w->random, 2);
		write_mark(w, ",");
		write_word(w, "except");
		write_mark(w, m->n_except == 1 ? "(left_out)" : "(left_out, \"AS\")");
	}
	for (size_t i = 0; i < n; i++)
	{
		feature *f = &m->features[m->n_features++];

		write_mark(w, separator);
		separator = ",";
		sprintf(f->name, "%c%zu", toss(w) ? 'A' : 'a', i);
		w->at += sprintf(w->at, f->name[0] == 'A' ? "\"%s\"" : "%s", f->name);
		write_encoder(w, &f->encoder);
	}
	/* the order in which they are written means nothing */
	qsort(m->features, m->n_features, sizeof(feature), compare_features);
}

static void
write_as(writer *w, model *m)
{
	size_t n = 1 + random_below(w->random, 4);

	write_word(w, "as");
	write_blank(w);
	write_word(w, "mlp");
	write_mark(w, "(");
	for (size_t i = 0; i < n; i++)
	{
		size_t units = 1 + random_below(w->random, i % 2 ? 3 : 70000) % 65536;
		size_t count = 1;

		if (i > 0)
			write_mark(w, ",");
		write_count(w, units);
		if (toss(w))
		{
			count = 1 + random_below(w->random, 5);
			write_blank(w);
			write_word(w, "x");
			write_blank(w);
			write_count(w, count);
		}
		for (; count > 0; count--)
			m->units[m->n_units++] = units;
	}
	write_mark(w, ")");
}

/* Settings in any order: each at most once, from a list that is shuffled. */
typedef void (*setting_fn)(writer *w, cer_settings *s);

static void
write_batch(writer *w, cer_settings *s)
{
	s->batch = 1 + random_below(w->random, 5000);
	write_word(w, "batch");
	write_mark(w, "=");
	write_count(w, s->batch);
}

static void
write_epochs(writer *w, cer_settings *s)
{
	s->epochs = 1 + random_below(w->random, 30);
	write_word(w, "epochs");
	write_mark(w, "=");
	write_count(w, s->epochs);
}

static void
write_dropout(writer *w, cer_settings *s)
{
	s->dropout = random_share(w);
	write_word(w, "dropout");
	write_mark(w, "=");
	write_number(w, s->dropout);
}

static void
write_seed(writer *w, cer_settings *s)
{
	s->seed = random_bits(w->random) >> (11 + random_below(w->random, 50));
	write_word(w, "seed");
	write_mark(w, "=");
	w->at += sprintf(w->at, "%llu", (unsigned long long) s->seed);
}

static void
write_activation(writer *w, cer_settings *s)
{
	s->activation = (cer_activation) random_below(w->random, 8);
	if (toss(w))
	{
		write_word(w, "activation");
		write_mark(w, "=");
	}
	write_word(w, cer_activation_name(s->activation));
}

static void
write_rate(writer *w, cer_settings *s)
{
	s->lr = random_rate(w);
	write_word(w, "lr");
	write_mark(w, "=");
	write_number(w, s->lr);
}

static void
write_pt(writer *w, model *m)
{
	setting_fn list[] = {write_batch, write_epochs,     write_dropout,
	                     write_seed,  write_activation, write_rate};
	size_t n = 1 + random_below(w->random, 6);

	write_word(w, "pt");
	write_blank(w);
	for (size_t i = 0; i < n; i++)
	{
		size_t other = i + random_below(w->random, 6 - i);
		setting_fn fn = list[other];

		list[other] = list[i];
		if (i > 0)
			write_mark(w, ",");
		fn(w, &m->settings);
	}
	if (toss(w))
	{
		write_mark(w, ",");
		write_word(w, "adamw");
		if (toss(w))
		{
			m->settings.beta1 = random_share(w);
			write_mark(w, "(beta1 =");
			write_number(w, m->settings.beta1);
			write_mark(w, ")");
		}
	}
}

static void
write_triple(writer *w, model *m, const cer_mst *defaults)
{
	memset(m, 0, sizeof(*m));
	m->settings = defaults->settings;
	w->at = w->text;
	if (toss(w))
		write_fe(w, m);
	else
		m->has_star = true;
	write_blank(w);
	if (toss(w))
		write_as(w, m);
	else
	{
		m->n_units = 2;
		m->units[0] = 256;
		m->units[1] = 128;
	}
	write_blank(w);
	if (toss(w))
		write_pt(w, m);
	if (toss(w))
		write_mark(w, "@1");
	*w->at = '\0';
}

/* --------------------------------------------------------------- comparing */

static void
assert_layers(const cer_mst *mst, const model *m)
{
	size_t n = 0;

	for (const cer_layer *layer = mst->structure->first; layer;
	     layer = layer->next)
	{
		if (layer->kind == CER_LAYER_DENSE)
			assert_int_equal(layer->width, m->units[n++]);
		if (layer->kind == CER_LAYER_ACTIVATION)
			assert_int_equal(layer->activation, m->settings.activation);
	}
	assert_int_equal(n, m->n_units);
}

static void
assert_means(const cer_mst *mst, const model *m)
{
	const cer_fe_item *item = mst->items;

	assert_int_equal(mst->n_items,
	                 m->has_star + (m->n_except > 0) + m->n_features);
	if (m->has_star)
		assert_int_equal((item++)->kind, CER_FE_STAR);
	if (m->n_except > 0)
		assert_int_equal((item++)->n_names, m->n_except);
	for (size_t i = 0; i < m->n_features; i++, item++)
	{
		assert_int_equal(item->kind, CER_FE_COLUMN);
		assert_memory_equal(item->names[0].data, m->features[i].name,
		                    item->names[0].size);
		assert_int_equal(item->n_encoders,
		                 m->features[i].encoder.kind != CER_ENCODER_AUTO);
		if (item->n_encoders > 0)
			assert_memory_equal(item->encoders, &m->features[i].encoder,
			                    sizeof(*item->encoders));
	}
	assert_layers(mst, m);
	assert_memory_equal(&mst->settings, &m->settings, sizeof(m->settings));
}

static cer_text
print_of(cer_arena *arena, cer_text text, const cer_mst **mst)
{
	cer_error err = {0};
	cer_text printed;

	if (cer_mst_parse(arena, text, mst, &err) != CER_OK)
		fail_msg("%s\nin: %.*s", err.message, (int) text.size, text.data);
	assert_int_equal(cer_mst_print(arena, *mst, &printed, &err), CER_OK);
	return printed;
}

static void
test_mst__parse_of_print_is_the_same(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_arena *kept = cer_arena_new(&cer_host_plain);
	test_random random;
	writer w = {.random = &random};
	const cer_mst *defaults;

	(void) state;
	random_init(&random);
	print_of(kept, (cer_text){"", 0}, &defaults);
	for (int i = 0; i < N_TRIPLES; i++)
	{
		const cer_mst *mst;
		model m;
		cer_text first;
		cer_text second;

		write_triple(&w, &m, defaults);
		first =
			print_of(arena, (cer_text){w.text, (size_t) (w.at - w.text)}, &mst);
		assert_means(mst, &m);
		second = print_of(arena, first, &mst);
		assert_means(mst, &m);
		assert_string_equal(first.data, second.data);
		cer_arena_clear(arena);
	}
	cer_arena_free(kept);
	cer_arena_free(arena);
}

/* A few bytes changed: an error with a place, or a triple that round-trips. */
static void
test_mst__answers_damaged_text(void **state)
{
	static const char bytes[] = "()=,:*@.\"'x0aFE\n\\-\xC3\xA4";
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	test_random random;
	writer w = {.random = &random};
	const cer_mst *defaults;

	(void) state;
	random_init(&random);
	for (int i = 0; i < N_MUTATIONS; i++)
	{
		const cer_mst *mst;
		model m;
		cer_error err = {0};
		size_t size;

		print_of(arena, (cer_text){"", 0}, &defaults);
		write_triple(&w, &m, defaults);
		size = (size_t) (w.at - w.text);
		for (size_t n = random_below(&random, 4); n > 0 && size > 0; n--)
			w.text[random_below(&random, size)] =
				bytes[random_below(&random, sizeof(bytes))];
		if (cer_mst_parse(arena, (cer_text){w.text, size}, &mst, &err) !=
		    CER_OK)
		{
			assert_true(err.message[0] != '\0');
			assert_true(err.line >= 1 && err.column >= 1);
		}
		else
		{
			cer_text first = print_of(arena, (cer_text){w.text, size}, &mst);

			assert_string_equal(first.data, print_of(arena, first, &mst).data);
		}
		cer_arena_clear(arena);
	}
	cer_arena_free(arena);
}

/* ---------------------------------------------------------------- numbers */

/* From the first that is not zero to the last that is not. */
static size_t
count_digits(const char *text)
{
	size_t n = 0;
	size_t n_significant = 0;

	for (; *text != '\0' && *text != 'e'; text++)
	{
		if (*text == '.' || (n == 0 && *text == '0'))
			continue;
		n++;
		if (*text != '0')
			n_significant = n;
	}
	return n_significant;
}

/* The fewest of libc's precisions that read back. */
static size_t
find_digits(double number)
{
	char text[64];

	for (int precision = 1;; precision++)
	{
		sprintf(text, "%.*e", precision - 1, number);
		if (strtod(text, NULL) == number)
			return (size_t) precision;
	}
}

static void
check_number(double number)
{
	char text[CER_NUMBER_BYTES];
	size_t size = cer_number_print(number, text);
	double back;

	assert_int_equal(size, strlen(text));
	assert_true(cer_number_parse((cer_text){text, size}, &back));
	assert_true(back == number);
	assert_int_equal(count_digits(text), find_digits(number));
}

static void
test_number__print_is_shortest(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	check_number(DBL_MAX);
	check_number(DBL_MIN);
	check_number(5e-324);
	check_number(1e22);
	check_number(1e23);
	check_number(9007199254740993);
	check_number(0.1 + 0.2);
	for (int i = 0; i < N_NUMBERS; i++)
	{
		uint64_t bits = random_bits(&random) >> 1;
		double number;

		memcpy(&number, &bits, sizeof(number));
		if (isfinite(number) && number > 0)
			check_number(number);
		check_number((double) (1 + random_below(&random, 1000000)) / 1000);
		check_number(random_unit(&random) + 1e-9);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mst__parse_of_print_is_the_same),
		cmocka_unit_test(test_mst__answers_damaged_text),
		cmocka_unit_test(test_number__print_is_shortest),
	};

	return cmocka_run_group_tests_name("mst properties", tests, NULL, NULL);
}
