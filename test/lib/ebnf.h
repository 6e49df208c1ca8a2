/*
 * ebnf.h
 *	  The grammar of docs/language.md: read, to make texts by its rules and to
 *	  tell whether a text follows them.
 *
 * Sentences are arrays of pieces: keywords, marks, names, numbers without a
 * sign, strings, and SQL.  A comment "in a space" or "in a definition" begins
 * what stands only there.
 */
#ifndef CER_TEST_EBNF_H
#define CER_TEST_EBNF_H

#include <stdbool.h>
#include <stddef.h>

#include "random.h"

#define EBNF_MAX_PIECES 60

typedef enum ebnf_mode
{
	EBNF_PLAIN,
	EBNF_SPACE,
	EBNF_DEFINITION
} ebnf_mode;

typedef struct ebnf_sentence
{
	const char *pieces[EBNF_MAX_PIECES];
	size_t n;
} ebnf_sentence;

typedef struct ebnf ebnf;

/* Of the block of EBNF in a page; fails (cmocka) where it cannot be read. */
extern ebnf *ebnf_new(const char *page);
extern void ebnf_free(ebnf *grammar);
/* false: it became too long. */
extern bool ebnf_make(const ebnf *grammar, const char *rule, ebnf_mode mode,
                      test_random *random, ebnf_sentence *sentence);
/* Names may be any words here, SQL any pieces with balanced parentheses. */
extern bool ebnf_has(ebnf *grammar, const char *rule, ebnf_mode mode,
                     const ebnf_sentence *sentence);

#endif
