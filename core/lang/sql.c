/*
 * lang/sql.c
 *	  Where an SQL expression inside a text ends.
 */
#include "lang/sql_token.h"

#define MAX_BRACKETS 256

typedef struct scanner
{
	cer_lexer *lexer;
	const char *start;
	const char *done; /* end of what is neither blank nor comment */
	size_t n_open;
	cer_sql_token open[MAX_BRACKETS];
} scanner;

static cer_status
open_bracket(scanner *s, const cer_sql_token *token)
{
	if (s->n_open == MAX_BRACKETS)
		return cer_fail_at(s->lexer->err, CER_TOO_BIG, token->place,
		                   "more than %d nested brackets in an SQL expression",
		                   MAX_BRACKETS);
	s->open[s->n_open++] = *token;
	return CER_OK;
}

static cer_status
close_bracket(scanner *s, const cer_sql_token *token)
{
	char wanted = *token->text.data == ')' ? '(' : '[';

	if (s->n_open == 0 || *s->open[s->n_open - 1].text.data != wanted)
		return cer_fail_at(s->lexer->err, CER_SYNTAX, token->place,
		                   "unexpected \"%c\" in an SQL expression",
		                   *token->text.data);
	s->n_open--;
	return CER_OK;
}

static cer_status
check_token(scanner *s, const cer_sql_token *token)
{
	if (token->kind == CER_SQL_OPEN)
		return open_bracket(s, token);
	if (token->kind == CER_SQL_CLOSE)
		return close_bracket(s, token);
	if (token->kind == CER_SQL_OTHER && *token->text.data == ';')
		return cer_fail_at(s->lexer->err, CER_SYNTAX, token->place,
		                   "unexpected \";\" in an SQL expression");
	return CER_OK;
}

static bool
is_end(const scanner *s, const cer_sql_token *token)
{
	return token->kind == CER_SQL_END ||
	       (s->n_open == 0 &&
	        (token->kind == CER_SQL_COMMA ||
	         (token->kind == CER_SQL_CLOSE && *token->text.data == ')')));
}

static cer_status
check_end(const scanner *s, cer_place place)
{
	if (s->n_open > 0)
		return cer_fail_at(s->lexer->err, CER_SYNTAX,
		                   s->open[s->n_open - 1].place,
		                   "bracket without an end in an SQL expression");
	if (s->start == NULL)
		return cer_fail_at(s->lexer->err, CER_SYNTAX, place,
		                   "missing SQL expression");
	return CER_OK;
}

cer_status
cer_lexer_read_sql(cer_lexer *lexer, cer_text *sql)
{
	scanner s = {.lexer = lexer};
	cer_place place = lexer->place;

	for (;;)
	{
		cer_sql_token token;

		CER_TRY(cer_sql_read(lexer, &token));
		if (is_end(&s, &token))
		{
			lexer->at = token.text.data;
			lexer->place = token.place;
			break;
		}
		if (s.start == NULL)
			s.start = token.text.data;
		CER_TRY(check_token(&s, &token));
		s.done = lexer->at;
	}
	CER_TRY(check_end(&s, place));
	*sql = (cer_text){s.start, (size_t) (s.done - s.start)};
	return CER_OK;
}
