/*
 * lang/sql_token.h
 *	  Tokens of SQL, as PostgreSQL's scan.l has them with
 *	  standard_conforming_strings on.
 */
#ifndef CER_LANG_SQL_TOKEN_H
#define CER_LANG_SQL_TOKEN_H

#include "lang/lex.h"

typedef enum cer_sql_kind
{
	CER_SQL_END,
	CER_SQL_WORD,     /* a keyword or a name without quotes */
	CER_SQL_QUOTED,   /* "Name", U&"Name" */
	CER_SQL_STRING,   /* 'text', also E'', B'', X'', N'', U&'', with what goes
	                   * on in later lines */
	CER_SQL_DOLLAR,   /* $tag$text$tag$ */
	CER_SQL_NUMBER,   /* and what runs into it, which PostgreSQL refuses */
	CER_SQL_PARAM,    /* $1 */
	CER_SQL_OPERATOR, /* as many characters as belong together */
	CER_SQL_CAST,     /* :: */
	CER_SQL_DOT,
	CER_SQL_COMMA,
	CER_SQL_OPEN, /* ( or [ */
	CER_SQL_CLOSE,
	CER_SQL_OTHER
} cer_sql_kind;

typedef struct cer_sql_token
{
	cer_sql_kind kind;
	cer_place place;
	cer_text text; /* as written */
} cer_sql_token;

/* Passes over blanks and comments, then over one token. */
extern cer_status cer_sql_read(cer_lexer *lexer, cer_sql_token *token);

/* A string goes on where, a line or more below, another quote follows: if so,
 * the lexer, which stands behind a quote, moves to that one. */
extern bool cer_sql_continues(cer_lexer *lexer);

#endif
