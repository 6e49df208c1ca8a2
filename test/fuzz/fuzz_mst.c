/*
 * fuzz_mst.c
 *	  A triple's text: whatever comes, an answer; what is accepted prints to a
 *	  text that reads back the same.
 */
#include "fuzz.h"

static void
check_error(cer_status status, const cer_error *err)
{
	check(err->status == status);
	check(err->message[0] != '\0');
	check(err->line >= 1 || status == CER_TOO_BIG);
	check(err->column >= 1 || status == CER_TOO_BIG);
	check(memchr(err->message, '\0', sizeof(err->message)) != NULL);
}

static cer_text
print(cer_arena *arena, const cer_mst *mst)
{
	cer_text text;

	check(cer_mst_print(arena, mst, &text, NULL) == CER_OK);
	check(text.data[text.size] == '\0');
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_mst *mst;
	cer_error err = {0};
	cer_text first;
	cer_text second;
	cer_status status =
		cer_mst_parse(arena, (cer_text){(const char *) data, size}, &mst, &err);

	if (status == CER_OK)
	{
		first = print(arena, mst);
		check(cer_mst_parse(arena, first, &mst, NULL) == CER_OK);
		second = print(arena, mst);
		check(first.size == second.size &&
		      memcmp(first.data, second.data, first.size) == 0);
	}
	else
		check_error(status, &err);
	cer_arena_free(arena);
	return 0;
}
