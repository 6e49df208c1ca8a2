/*
 * fuzz_open.c
 *	  Texts of patterns, spaces, definitions of structures, JSON: whatever comes,
 *	  an answer; what is accepted prints to a text that reads back the same.
 */
#include "fuzz.h"

typedef cer_status (*canon_fn)(cer_arena *arena, cer_text text,
                               cer_text *canonical, cer_error *err);

static cer_status
canon_pattern(cer_arena *arena, cer_text text, cer_text *canonical,
              cer_error *err)
{
	const cer_pattern *pattern;
	cer_status status = cer_pattern_parse(arena, text, &pattern, err);

	if (status == CER_OK)
		status = cer_pattern_print(arena, pattern, canonical, err);
	return status;
}

static cer_status
canon_space(cer_arena *arena, cer_text text, cer_text *canonical,
            cer_error *err)
{
	const cer_space *space;
	cer_status status = cer_space_parse(arena, text, &space, err);

	if (status == CER_OK)
		status = cer_space_print(arena, space, canonical, err);
	return status;
}

static cer_status
canon_structure(cer_arena *arena, cer_text text, cer_text *canonical,
                cer_error *err)
{
	cer_structure structure = {{"tried", 5}, text};

	return cer_structure_define(arena, &structure, NULL, 0, canonical, err);
}

/* A triple's JSON is read back as the same triple. */
static cer_status
canon_json(cer_arena *arena, cer_text text, cer_text *canonical, cer_error *err)
{
	const cer_mst *mst;
	cer_status status = cer_mst_from_json(arena, text, &mst, err);

	if (status == CER_OK)
		check(cer_mst_to_json(arena, mst, canonical, NULL) == CER_OK);
	return status;
}

static void
check_canon(canon_fn canon, cer_text text)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_error err = {0};
	cer_text first;
	cer_text second;
	cer_status status = canon(arena, text, &first, &err);

	if (status != CER_OK)
	{
		check(err.status == status);
		check(err.message[0] != '\0');
	}
	else
	{
		check(canon(arena, first, &second, NULL) == CER_OK);
		check(first.size == second.size &&
		      memcmp(first.data, second.data, first.size) == 0);
	}
	cer_arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cer_text text = {(const char *) data, size};

	check_canon(canon_pattern, text);
	check_canon(canon_space, text);
	check_canon(canon_structure, text);
	check_canon(canon_json, text);
	return 0;
}
