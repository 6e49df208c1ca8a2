/*
 * fuzz_change.c
 *	  A triple, a change and a third text, zero bytes between: whatever comes,
 *	  an answer; what applies closes, and the laws of changes and of merging
 *	  hold.
 */
#include "fuzz.h"

static bool
is_same(cer_arena *arena, const cer_mst *a, const cer_mst *b)
{
	cer_text x;
	cer_text y;

	check(cer_mst_print(arena, a, &x, NULL) == CER_OK);
	check(cer_mst_print(arena, b, &y, NULL) == CER_OK);
	return x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
}

static const cer_change *
reparse(cer_arena *arena, const cer_change *change)
{
	const cer_change *again = NULL;
	cer_text first;
	cer_text second;

	cer_status status = cer_change_print(arena, change, &first, NULL);

	check(status == CER_OK || status == CER_TOO_BIG);
	if (status == CER_TOO_BIG)
		return change;
	check(cer_change_parse(arena, first, &again, NULL) == CER_OK);
	check(cer_change_print(arena, again, &second, NULL) == CER_OK);
	check(first.size == second.size &&
	      memcmp(first.data, second.data, first.size) == 0);
	return again;
}

static void
check_between(cer_arena *arena, const cer_mst *a, const cer_mst *b)
{
	const cer_change *change = NULL;
	const cer_change *inverse = NULL;
	const cer_mst *result = NULL;

	check(cer_change_between(arena, a, b, &change, NULL) == CER_OK);
	check(cer_change_is_closed(change));
	change = reparse(arena, change);
	check(cer_change_apply(arena, a, change, &result, NULL, NULL) == CER_OK);
	check(is_same(arena, result, b));
	check(cer_change_invert(arena, change, &inverse, NULL) == CER_OK);
	check(cer_change_apply(arena, b, inverse, &result, NULL, NULL) == CER_OK);
	check(is_same(arena, result, a));
	check(cer_mst_merge(arena, a, b, a, &result, NULL) == CER_OK);
	check(is_same(arena, result, b));
}

static void
check_change(cer_arena *arena, const cer_mst *mst, cer_text text)
{
	const cer_change *change = NULL;
	const cer_mst *result = NULL;
	cer_error err = {0};

	if (cer_change_parse(arena, text, &change, &err) != CER_OK)
	{
		check(err.message[0] != '\0');
		return;
	}
	change = reparse(arena, change);
	cer_change_commutes(change, change);
	if (cer_change_apply(arena, mst, change, &result, NULL, &err) != CER_OK ||
	    cer_mst_print(arena, result, &text, &err) != CER_OK)
	{
		check(err.message[0] != '\0');
		return;
	}
	check_between(arena, mst, result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_text rest = {(const char *) data, size};
	cer_text first = fuzz_next_text(&rest);
	cer_text second = fuzz_next_text(&rest);
	const cer_mst *mst = NULL;
	const cer_mst *other = NULL;

	if (cer_mst_parse(arena, first, &mst, NULL) == CER_OK)
	{
		check_change(arena, mst, second);
		if (cer_mst_parse(arena, rest, &other, NULL) == CER_OK)
			check_between(arena, mst, other);
	}
	cer_arena_free(arena);
	return 0;
}
