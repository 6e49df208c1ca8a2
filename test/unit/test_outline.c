/*
 * test_outline.c
 *	  Outlines of triples without a task: paths, shapes, formulas of weights;
 *	  pictures of all structures of the language.
 */
#include "cmocka_all.h"
#include "base/text.h"
#include "failing_host.h"
#include "lang/origin.h"
#include "nn/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cer_outline *
make_outline(cer_arena *arena, const char *triple)
{
	const cer_outline *outline = NULL;
	const cer_mst *mst;
	cer_error err = {0};

	if (cer_mst_parse(arena, cer_text_of(triple), &mst, &err) != CER_OK ||
	    cer_outline_make_of_mst(arena, mst, &outline, &err) != CER_OK)
		fail_msg("%s: %s", triple, err.message);
	return outline;
}

/* operator path detail shape weights <inputs; a line a node */
static void
write_outline(const cer_outline *outline, char *at)
{
	for (size_t i = 0; i < outline->n_nodes; i++)
	{
		const cer_outline_node *node = &outline->nodes[i];

		at +=
			sprintf(at, "%.*s|%.*s|%.*s|%.*s|", (int) node->operation.size,
		            node->operation.data, (int) node->path.size,
		            node->path.data, (int) node->detail.size, node->detail.data,
		            (int) node->shape.size, node->shape.data);
		if (node->is_open)
			at += sprintf(at, "%.*s", (int) node->formula.size,
			              node->formula.data);
		else
			at += sprintf(at, "%d", (int) node->n_parameters);
		for (size_t j = 0; j < node->n_inputs; j++)
			at += sprintf(at, " <%zu", node->inputs[j]);
		at += sprintf(at, "\n");
	}
}

static void
test_outline__is_of_layers(void **state)
{
	static const struct
	{
		const char *triple;
		const char *outline;
	} cases[] = {
		{"AS mlp(8) PT dropout = 0.5",
	     "features|FE|each one number|f|0\n"
	     "dense|AS.mlp.dense|relu, dropout 0.5|8|8 f + 8 <0\n"
	     "output|||c|9 c <1\n"
	     "softmax|||c|0 <2\n"},
		{"AS dense(4) > skip(dense(4) > tanh) > dense(2)",
	     "features|FE|each one number|f|0\n"
	     "dense|AS.dense[1]||4|4 f + 4 <0\n"
	     "dense|AS.skip.dense|tanh|4|20 <1\n"
	     "skip|AS.skip||4|0 <1 <2\n"
	     "dense|AS.dense[2]||2|10 <3\n"
	     "output|||c|3 c <4\n"
	     "softmax|||c|0 <5\n"},
		{"AS tokens(4) > repeat(2, attention(2)) > pool(max)",
	     "features|FE|each one number|f|0\n"
	     "tokens|AS.tokens||f x 4|8 f <0\n"
	     "attention|AS.repeat.attention[1]|heads 2|f x 4|80 <1\n"
	     "attention|AS.repeat.attention[2]|heads 2|f x 4|80 <2\n"
	     "pool|AS.pool|max|4|0 <3\n"
	     "output|||c|5 c <4\n"
	     "softmax|||c|0 <5\n"},
		{"AS concat(wide, features > cross) > sum(dense(3), dense(3))",
	     "features|FE|each one number|f|0\n"
	     "wide|AS.concat.wide||c|f c + c <0\n"
	     "features|||f|0 <0\n"
	     "cross|AS.concat.cross||f|f^2 + f <2\n"
	     "concat|AS.concat||f + c|0 <1 <3\n"
	     "dense|AS.sum.dense[1]||3|3 f + 3 c + 3 <4\n"
	     "dense|AS.sum.dense[2]||3|3 f + 3 c + 3 <4\n"
	     "sum|AS.sum||3|0 <5 <6\n"
	     "output|||c|4 c <7\n"
	     "softmax|||c|0 <8\n"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		cer_arena *arena = cer_arena_new(&cer_host_plain);
		char text[4096];

		write_outline(make_outline(arena, cases[i].triple), text);
		assert_string_equal(text, cases[i].outline);
		cer_arena_free(arena);
	}
}

/* Formulas, computed for a width and a number of classes that they were not
 * made from, add up to the net's own count. */
static double
compute(cer_text formula, double f, double c)
{
	double sum = 0.0;
	double term = 1.0;
	double sign = 1.0;
	char word[64];
	int n;

	for (const char *at = formula.data; sscanf(at, "%63s%n", word, &n) == 1;
	     at += n)
	{
		if (strcmp(word, "+") == 0 || strcmp(word, "-") == 0)
		{
			sum += sign * term;
			term = 1.0;
			sign = word[0] == '-' ? -1.0 : 1.0;
		}
		else if (strcmp(word, "f") == 0)
			term *= f;
		else if (strcmp(word, "f^2") == 0)
			term *= f * f;
		else if (strcmp(word, "c") == 0)
			term *= c;
		else
			term *= atof(word);
	}
	return sum + sign * term;
}

static void
check_sum(cer_arena *arena, const cer_mst *mst, const cer_outline *outline)
{
	enum
	{
		WIDTH = 200,
		CLASSES = 7
	};
	cer_text names[WIDTH];
	cer_input_shape shape = {
		.n_numbers = WIDTH, .number_names = names, .n_classes = CLASSES};
	const cer_net *net;
	double sum = 0.0;

	for (size_t i = 0; i < WIDTH; i++)
		names[i] = cer_text_of("x");
	assert_int_equal(cer_net_make(arena, &shape, mst->structure, &net, NULL),
	                 CER_OK);
	for (size_t i = 0; i < outline->n_nodes; i++)
	{
		const cer_outline_node *node = &outline->nodes[i];

		sum += node->is_open ? compute(node->formula, WIDTH, CLASSES)
		                     : (double) node->n_parameters;
		for (size_t j = 0; j < node->n_inputs; j++)
			assert_true(node->inputs[j] < i);
	}
	if (sum != (double) net->n_parameters)
		fail_msg("%.0f weights, the net has %zu", sum, net->n_parameters);
}

static void
test_outline__knows_all_structures(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_structure *structures;
	size_t n_structures;
	size_t n_drawn = 0;

	(void) state;
	assert_int_equal(
		cer_structure_list(arena, &structures, &n_structures, NULL), CER_OK);
	for (size_t i = 0; i < n_structures; i++)
	{
		const cer_outline *outline;
		const cer_mst *mst;
		char triple[100];
		cer_text svg;

		snprintf(triple, sizeof(triple), "AS %.*s",
		         (int) structures[i].name.size, structures[i].name.data);
		if (cer_mst_parse(arena, cer_text_of(triple), &mst, NULL) != CER_OK ||
		    cer_outline_make_of_mst(arena, mst, &outline, NULL) != CER_OK)
			continue; /* it cannot be trained alone, or not yet */
		check_sum(arena, mst, outline);
		assert_int_equal(
			cer_outline_draw(arena, outline, cer_text_of(triple), &svg, NULL),
			CER_OK);
		n_drawn++;
	}
	assert_true(n_drawn >= 12);
	cer_arena_free(arena);
}

static void
test_outline__writes_odd_names_as_text(void **state)
{
	cer_outline_node nodes[] = {
		{.operation = cer_text_of("<robust>"),
	     .path = cer_text_of("FE.a<b>&\"c\"\n\x01\xff"),
	     .detail = cer_text_of("</title>"),
	     .shape = cer_text_of("1"),
	     .is_input = true},
		{.operation = cer_text_of("dense"),
	     .path = cer_text_of("AS.dense"),
	     .detail = cer_text_of(""),
	     .shape = cer_text_of("8"),
	     .n_inputs = 1,
	     .inputs = (const size_t[]){0}},
	};
	cer_outline outline = {.n_nodes = 2, .nodes = nodes};
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_text svg;

	(void) state;
	assert_int_equal(cer_outline_draw(arena, &outline,
	                                  cer_text_of("<script>alert(1)</script>"),
	                                  &svg, NULL),
	                 CER_OK);
	assert_null(strstr(svg.data, "<script>"));
	assert_null(strstr(svg.data, "<robust>"));
	assert_null(strchr(svg.data, '\x01'));
	assert_null(strchr(svg.data, '\xff'));
	assert_non_null(strstr(svg.data, "a&lt;b&gt;&amp;\"c\""));
	cer_arena_free(arena);
}

/* Lines of a title whose words are longer than a line, or many. */
static size_t
count_title_lines(const char *svg, const char *title)
{
	char line[46];
	size_t n = 0;

	for (const char *at = svg; (at = strstr(at, "<text class=\"t\"")) != NULL;)
	{
		const char *text = strchr(at, '>') + 1;
		size_t size = (size_t) (strchr(text, '<') - text);

		assert_true(size < sizeof(line));
		memcpy(line, text, size);
		line[size] = '\0';
		if (n < 3)
			assert_non_null(strstr(title, line));
		at = text;
		n++;
	}
	return n;
}

static void
test_outline__long_titles_have_lines(void **state)
{
	static const char *const titles[] = {
		"t: FE * AS mlp",
		"t: FE AGGREGATE bag b VIA (flight) (n = count(*)), distance",
		"t: FE 0123456789012345678901234567890123456789012345678901234567890 b",
		"t: FE a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, "
		"v, w, x, y, z, aa, bb, cc, dd, ee, ff, gg, hh, ii, jj, kk, ll, mm, "
		"nn, oo, pp, qq, rr, ss, tt, uu, vv, ww, xx, yy, zz, aaa, bbb, ccc",
	};
	static const size_t n_lines[] = {1, 2, 3, 4};
	cer_outline_node nodes[] = {
		{.operation = cer_text_of("robust"),
	     .path = cer_text_of("FE.a"),
	     .shape = cer_text_of("1"),
	     .is_input = true},
		{.operation = cer_text_of("dense"),
	     .shape = cer_text_of("8"),
	     .n_inputs = 1,
	     .inputs = (const size_t[]){0}},
	};
	cer_outline outline = {.n_nodes = 2, .nodes = nodes};
	cer_arena *arena = cer_arena_new(&cer_host_plain);

	(void) state;
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
	{
		cer_text svg;

		assert_int_equal(cer_outline_draw(arena, &outline,
		                                  cer_text_of(titles[i]), &svg, NULL),
		                 CER_OK);
		assert_int_equal(count_title_lines(svg.data, titles[i]), n_lines[i]);
		assert_int_equal(strstr(svg.data, "\xe2\x80\xa6") != NULL, i == 3);
	}
	cer_arena_free(arena);
}

static cer_status
draw(cer_arena *arena, void *arg)
{
	const cer_outline *outline;
	const cer_mst *mst;
	cer_text svg;
	cer_status status = cer_mst_parse(arena, cer_text_of(arg), &mst, NULL);
	if (status == CER_OK)
		status = cer_outline_make_of_mst(arena, mst, &outline, NULL);
	if (status == CER_OK)
		status = cer_outline_draw(arena, outline, cer_text_of(arg), &svg, NULL);
	return status;
}

static void
test_outline__survives_lack_of_memory(void **state)
{
	char triple[] = "AS ft_transformer";

	(void) state;
	assert_true(failing_host_run_arena(draw, triple) > 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outline__is_of_layers),
		cmocka_unit_test(test_outline__knows_all_structures),
		cmocka_unit_test(test_outline__writes_odd_names_as_text),
		cmocka_unit_test(test_outline__long_titles_have_lines),
		cmocka_unit_test(test_outline__survives_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
