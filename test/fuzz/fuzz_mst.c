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

/* The text is longer than another of the same meaning: perhaps too long. */
static bool
print(cer_arena *arena, const cer_mst *mst, cer_text *text)
{
	cer_status status = cer_mst_print(arena, mst, text, NULL);

	check(status == CER_OK || status == CER_TOO_BIG);
	check(status != CER_OK || text->data[text->size] == '\0');
	return status == CER_OK;
}

static void
check_text(cer_arena *arena, const cer_mst *mst)
{
	cer_text first;
	cer_text second;

	if (!print(arena, mst, &first))
		return;
	check(cer_mst_parse(arena, first, &mst, NULL) == CER_OK);
	check(print(arena, mst, &second));
	check(first.size == second.size &&
	      memcmp(first.data, second.data, first.size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_mst *mst;
	cer_error err = {0};
	cer_status status =
		cer_mst_parse(arena, (cer_text){(const char *) data, size}, &mst, &err);

	if (status == CER_OK)
		check_text(arena, mst);
	else
		check_error(status, &err);
	cer_arena_free(arena);
	return 0;
}
