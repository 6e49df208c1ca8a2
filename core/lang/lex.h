/*
 * lang/lex.h
 *	  Text to tokens.
 *
 * Punctuation is a token of one character, its kind that character, except
 * for those of two listed below.  A number never ends in a dot, so that
 * `64..512` is three tokens.
 */
#ifndef CER_LANG_LEX_H
#define CER_LANG_LEX_H

#include "base/error.h"

#define CER_LEX_MAX_TEXT   ((size_t) 64 * 1024)
#define CER_LEX_MAX_JSON   (16 * CER_LEX_MAX_TEXT) /* of such a text */
#define CER_LEX_MAX_LIST   4096                    /* items of one list */
#define CER_LEX_MAX_DEPTH  32 /* of parentheses: bounds the stack */
#define CER_LEX_MAX_NUMBER 64 /* characters of one number */

typedef enum cer_token_kind
{
	/* below 256: the character */
	CER_TOKEN_END = 256,
	CER_TOKEN_NAME,   /* folded to lower case */
	CER_TOKEN_QUOTED, /* "Name", quotes removed */
	CER_TOKEN_STRING, /* 'text', quotes removed */
	CER_TOKEN_NUMBER,
	CER_TOKEN_DOTS, /* .. */
	CER_TOKEN_ARROW /* -> */
} cer_token_kind;

typedef struct cer_token
{
	int kind;
	cer_place place;
	cer_text source; /* as written */
	cer_text name;   /* of NAME, QUOTED, STRING: in the lexer's own memory */
	double number;
} cer_token;

typedef struct cer_lexer
{
	const char *at;
	const char *end;
	char *names; /* room for every name of the text, filled from the left */
	cer_place place;
	cer_error *err;
} cer_lexer;

/* Checks size and encoding.  Names are kept in the arena. */
extern cer_status cer_lexer_init(cer_lexer *lexer, cer_arena *arena,
                                 cer_text text, cer_error *err);
/* The same for JSON, which takes more room. */
extern cer_status cer_lexer_init_json(cer_lexer *lexer, cer_arena *arena,
                                      cer_text text, cer_error *err);
extern cer_status cer_lexer_read(cer_lexer *lexer, cer_token *token);

/* Fails at a token that was not expected: expected completes "Expected ...". */
extern cer_status
cer_token_fail(const cer_token *token, const char *expected, cer_error *err);

/*
 * The SQL expression that the lexer stands at (with no token read ahead), up to
 * a comma or closing parenthesis that is not part of it.  Blanks and comments
 * around it are left out: what is put after the text is never in a comment.
 * Borrows from the text that is read.  PostgreSQL parses the rest.
 */
extern cer_status cer_lexer_read_sql(cer_lexer *lexer, cer_text *sql);

/* The one spelling of an SQL expression, such as was read: see sql_print.c. */
extern cer_status cer_sql_print(cer_arena *arena, cer_text sql,
                                cer_text *printed, cer_error *err);

/* Moves over one byte, keeping count of lines and characters. */
extern void cer_lexer_step(cer_lexer *lexer);

extern bool cer_is_name_start(char c);
extern bool cer_is_name_part(char c);

#endif
