/*
 * cases.h
 *	  Tests as data: files of a text and what should come of it.
 *
 *	 # a comment
 *	 = text to read, \n \t \\ \" as in C, \xHH for a byte
 *	 > canonical result
 *	 ! message of the error, instead
 *	 - its detail
 *	 ? its hint
 *
 * A case is "=" and what follows it up to the next "=".  A result, or a
 * message, must be there; detail and hint are compared where they are given,
 * "-" or "?" alone means that there is none.
 */
#ifndef CER_TEST_CASES_H
#define CER_TEST_CASES_H

#include "cerebro.h"

typedef struct test_case
{
	int line; /* of the file */
	cer_text text;
	const char *result; /* these may be NULL */
	const char *message;
	const char *detail;
	const char *hint;
} test_case;

/*
 * What is tested: text to result (made in the arena) or error.  Its output
 * must not depend on anything else.
 */
typedef cer_status (*case_fn)(cer_arena *arena, cer_text text, cer_text *result,
                              cer_error *err);

/* Runs every case of the file; fails (cmocka) after printing what differs. */
extern void cases_run(const char *path, case_fn fn);

/* Texts of the language to their canonical texts. */
extern cer_status case_print_mst(cer_arena *arena, cer_text text,
                                 cer_text *result, cer_error *err);
extern cer_status case_print_pattern(cer_arena *arena, cer_text text,
                                     cer_text *result, cer_error *err);
extern cer_status case_print_change(cer_arena *arena, cer_text text,
                                    cer_text *result, cer_error *err);
extern cer_status case_print_space(cer_arena *arena, cer_text text,
                                   cer_text *result, cer_error *err);

/* The whole file, ended by NUL; malloc. */
extern char *file_read(const char *path, size_t *size);

#endif
