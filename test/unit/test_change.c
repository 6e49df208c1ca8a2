/*
 * test_change.c
 *	  Changes and merging: the cases of test/lang/change.test and merge.test,
 *	  and memory that runs out.
 */
#define _GNU_SOURCE /* memmem */

#include "cases.h"
#include "cmocka_all.h"
#include "failing_host.h"

#include <string.h>

/* The text up to a mark, which is cut off with what is before. */
static cer_text
cut(cer_text *rest, const char *mark)
{
	const char *end = memmem(rest->data, rest->size, mark, strlen(mark));
	cer_text text = *rest;

	if (end == NULL)
	{
		rest->size = 0;
		return text;
	}
	text.size = (size_t) (end - text.data);
	rest->size -= text.size + strlen(mark);
	rest->data = end + strlen(mark);
	return text;
}

static cer_text
join(cer_arena *arena, cer_text a, const char *between, cer_text b)
{
	size_t size = a.size + strlen(between) + b.size;
	char *data = cer_arena_allocate(arena, size + 1);

	assert_non_null(data);
	memcpy(data, a.data, a.size);
	strcpy(data + a.size, between);
	memcpy(data + a.size + strlen(between), b.data, b.size);
	data[size] = '\0';
	return (cer_text){data, size};
}

/* triple + change: what comes of it, and the change closed */
static cer_status
add(cer_arena *arena, cer_text first, cer_text second, cer_text *result,
    cer_error *err)
{
	const cer_mst *mst = NULL;
	const cer_mst *changed = NULL;
	const cer_change *change = NULL;
	const cer_change *closed = NULL;
	cer_status status;
	cer_text a;
	cer_text b;

	assert_int_equal(cer_mst_parse(arena, first, &mst, NULL), CER_OK);
	status = cer_change_parse(arena, second, &change, err);
	if (status == CER_OK)
		status = cer_change_apply(arena, mst, change, &changed, &closed, err);
	if (status != CER_OK)
		return status;
	assert_int_equal(cer_mst_print(arena, changed, &a, NULL), CER_OK);
	assert_int_equal(cer_change_print(arena, closed, &b, NULL), CER_OK);
	*result = join(arena, a, " | ", b);
	return CER_OK;
}

/* triple - triple */
static cer_status
subtract(cer_arena *arena, cer_text first, cer_text second, cer_text *result,
         cer_error *err)
{
	const cer_mst *to = NULL;
	const cer_mst *from = NULL;
	const cer_change *change = NULL;
	cer_status status;

	assert_int_equal(cer_mst_parse(arena, first, &to, NULL), CER_OK);
	assert_int_equal(cer_mst_parse(arena, second, &from, NULL), CER_OK);
	status = cer_change_between(arena, from, to, &change, err);
	if (status == CER_OK)
		status = cer_change_print(arena, change, result, err);
	return status;
}

static cer_status
compute(cer_arena *arena, cer_text text, cer_text *result, cer_error *err)
{
	bool is_difference = memmem(text.data, text.size, " - ", 3) != NULL;
	cer_text first = {text.data, 0};

	if (is_difference)
	{
		first = cut(&text, " - ");
		return subtract(arena, first, text, result, err);
	}
	if (text.size >= 2 && memcmp(text.data, "+ ", 2) == 0)
		text = (cer_text){text.data + 2, text.size - 2};
	else
		first = cut(&text, " + ");
	return add(arena, first, text, result, err);
}

static void
test_change__cases(void **state)
{
	(void) state;
	cases_run("test/lang/change.test", compute);
}

static cer_status
merge(cer_arena *arena, cer_text text, cer_text *result, cer_error *err)
{
	const cer_mst *of[3] = {NULL};
	const cer_mst *merged = NULL;
	cer_status status;

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(cer_mst_parse(arena, cut(&text, "|"), &of[i], NULL),
		                 CER_OK);
	status = cer_mst_merge(arena, of[0], of[1], of[2], &merged, err);
	if (status == CER_OK)
		status = cer_mst_print(arena, merged, result, err);
	return status;
}

static void
test_mst_merge__cases(void **state)
{
	(void) state;
	cases_run("test/lang/merge.test", merge);
}

/* --------------------------------------------------------------- memory */

static cer_status
change_and_merge(cer_arena *arena)
{
	static const char *const texts[] = {
		"FE *, a : embed(16) AS mlp(64 x 3, 32) > dropout(0.1) PT adam(lr = 1)",
		"FE *, EXCEPT (b), JOIN t AS mlp(64, 32, 16) > relu PT sgd, batch = 7",
		"ADD FE b, SET AS.mlp.units[2] = 65, INSERT AS relu AFTER AS.mlp, "
		"SET PT.lr = 0.5, DROP FE.a",
	};
	cer_text of[3];
	const cer_mst *a;
	const cer_mst *b;
	const cer_mst *c;
	const cer_change *open;
	const cer_change *closed;
	const cer_change *back;
	cer_status status;

	for (size_t i = 0; i < 3; i++)
		of[i] = (cer_text){texts[i], strlen(texts[i])};
	if ((status = cer_mst_parse(arena, of[0], &a, NULL)) != CER_OK ||
	    (status = cer_mst_parse(arena, of[1], &b, NULL)) != CER_OK ||
	    (status = cer_change_parse(arena, of[2], &open, NULL)) != CER_OK ||
	    (status = cer_change_apply(arena, a, open, &c, &closed, NULL)) !=
	        CER_OK ||
	    (status = cer_change_invert(arena, closed, &back, NULL)) != CER_OK ||
	    (status = cer_change_compose(arena, closed, back, &back, NULL)) !=
	        CER_OK ||
	    (status = cer_change_print(arena, back, &of[0], NULL)) != CER_OK ||
	    (status = cer_change_between(arena, a, b, &back, NULL)) != CER_OK)
		return status;
	return cer_mst_merge(arena, a, c, a, &c, NULL);
}

static cer_status
run_out(cer_arena *arena, void *arg)
{
	(void) arg;
	return change_and_merge(arena);
}

static void
test_change__fails_without_memory(void **state)
{
	(void) state;
	assert_true(failing_host_run_arena(run_out, NULL) >= 5);
}

static void
test_change_invert__refuses_what_is_open(void **state)
{
	static const char *const texts[] = {"SET PT.lr = 1", "DROP FE.a",
	                                    "DELETE AS.relu",
	                                    "SET AS.relu = relu -> gelu"};
	cer_arena *arena = cer_arena_new(&cer_host_plain);

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		const cer_change *change = NULL;
		const cer_change *inverse = NULL;
		cer_error err;

		assert_int_equal(
			cer_change_parse(arena, (cer_text){texts[i], strlen(texts[i])},
		                     &change, NULL),
			CER_OK);
		assert_false(cer_change_is_closed(change));
		assert_int_equal(cer_change_count_steps(change), 1);
		assert_int_equal(cer_change_invert(arena, change, &inverse, &err),
		                 CER_BAD_CALL);
		assert_null(inverse);
		assert_string_equal(err.hint, "Applying it to a triple closes it.");
	}
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change__cases),
		cmocka_unit_test(test_mst_merge__cases),
		cmocka_unit_test(test_change_invert__refuses_what_is_open),
		cmocka_unit_test(test_change__fails_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
