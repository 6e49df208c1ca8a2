/*
 * fuzz_split.c
 *	  A split's text: whatever comes, an answer; the SQL in what is accepted is
 *	  a part of the text that, put into parentheses alone, is found again.
 */
#include "fuzz.h"

#include <math.h>
#include <stdio.h>

static void
check_sql(cer_arena *arena, cer_text sql)
{
	size_t size = sql.size + sizeof("column()");
	char *text = malloc(size);
	cer_split again;

	memcpy(text, "column(", 7);
	memcpy(text + 7, sql.data, sql.size);
	text[7 + sql.size] = ')';
	check(cer_split_parse(arena, (cer_text){text, sql.size + 8}, &again,
	                      NULL) == CER_OK);
	check(again.sql.size == sql.size &&
	      memcmp(again.sql.data, sql.data, sql.size) == 0);
	free(text);
}

static void
check_split(cer_arena *arena, const cer_split *split)
{
	double sum = split->share[CER_TRAIN] + split->share[CER_VALID] +
	             split->share[CER_TEST];

	check(split->kind <= CER_SPLIT_COLUMN);
	check((split->sql.size > 0) == (split->kind != CER_SPLIT_RANDOM));
	if (split->kind != CER_SPLIT_COLUMN && !split->has_cuts)
		check(fabs(sum - 1) < 1e-5);
	if (split->sql.size > 0)
		check_sql(arena, split->sql);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_split split;
	cer_error err = {0};
	cer_text text = {(const char *) data, size};
	cer_status status = cer_split_parse(arena, text, &split, &err);

	if (status == CER_OK)
		check_split(arena, &split);
	else
		check(err.status == status && err.message[0] != '\0' &&
		      (err.line >= 1 || status == CER_TOO_BIG));
	cer_arena_free(arena);
	return 0;
}
