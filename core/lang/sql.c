/*
 * lang/sql.c
 *	  Where an SQL expression inside a text ends.
 *
 * Strings (with '' or, after E, backslashes, and continued on later lines),
 * quoted names, dollar quotes, comments (the nested ones too) and brackets are
 * passed over as PostgreSQL's scan.l reads them with
 * standard_conforming_strings on.
 */
#include "lang/lex.h"

#include "base/text.h"

#include <string.h>

#define MAX_BRACKETS 256

typedef struct scanner
{
	cer_lexer *lexer;
	const char *start;
	const char *done; /* end of what is neither blank nor comment */
	size_t n_open;
	char open[MAX_BRACKETS];
	cer_place open_place[MAX_BRACKETS];
} scanner;

static bool
is_at(const cer_lexer *lexer, const char *string)
{
	size_t size = strlen(string);

	return (size_t) (lexer->end - lexer->at) >= size &&
	       memcmp(lexer->at, string, size) == 0;
}

static void
skip(cer_lexer *lexer, size_t size)
{
	for (; size > 0 && lexer->at < lexer->end; size--)
		cer_lexer_step(lexer);
}

static cer_status
fail_open(const cer_lexer *lexer, cer_place place, const char *what)
{
	return cer_fail_at(lexer->err, CER_SYNTAX, place,
	                   "%s without an end in an SQL expression", what);
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
skip_line(cer_lexer *lexer)
{
	while (lexer->at < lexer->end && *lexer->at != '\n')
		cer_lexer_step(lexer);
}

static cer_status
skip_block_comment(cer_lexer *lexer)
{
	cer_place start = lexer->place;
	size_t depth = 0;

	do
	{
		if (lexer->at == lexer->end)
			return fail_open(lexer, start, "comment");
		if (is_at(lexer, "/*"))
		{
			depth++;
			skip(lexer, 2);
		}
		else if (is_at(lexer, "*/"))
		{
			depth--;
			skip(lexer, 2);
		}
		else
			cer_lexer_step(lexer);
	} while (depth > 0);
	return CER_OK;
}

/* A string goes on where, a line or more below, another quote follows. */
static bool
skip_to_continuation(cer_lexer *lexer)
{
	cer_lexer ahead = *lexer;
	bool has_newline = false;

	for (;;)
	{
		if (is_at(&ahead, "--"))
			skip_line(&ahead);
		else if (ahead.at < ahead.end && is_blank(*ahead.at))
		{
			has_newline |= *ahead.at == '\n' || *ahead.at == '\r';
			cer_lexer_step(&ahead);
		}
		else
			break;
	}
	if (!has_newline || !is_at(&ahead, "'"))
		return false;
	*lexer = ahead;
	return true;
}

static cer_status
skip_quoted(cer_lexer *lexer, bool has_escapes)
{
	cer_place start = lexer->place;
	char quote = *lexer->at;

	do
	{
		for (cer_lexer_step(lexer);; cer_lexer_step(lexer))
		{
			if (lexer->at == lexer->end)
				return fail_open(lexer, start,
				                 quote == '"' ? "name" : "string");
			if (*lexer->at == quote)
				break;
			if (has_escapes && *lexer->at == '\\' && lexer->end - lexer->at > 1)
				cer_lexer_step(lexer);
		}
		cer_lexer_step(lexer);
	} while (is_at(lexer, quote == '"' ? "\"" : "'") ||
	         (has_escapes && skip_to_continuation(lexer)));
	return CER_OK;
}

/* Bytes of "$tag$" here, or 0. */
static size_t
measure_dollar_tag(const cer_lexer *lexer)
{
	const char *at = lexer->at + 1;

	if (at < lexer->end && *at >= '0' && *at <= '9')
		return 0;
	while (at < lexer->end && *at != '$' && cer_is_name_part(*at))
		at++;
	return at < lexer->end && *at == '$' ? (size_t) (at + 1 - lexer->at) : 0;
}

static cer_status
skip_dollar(cer_lexer *lexer)
{
	cer_place start = lexer->place;
	const char *tag = lexer->at;
	size_t size = measure_dollar_tag(lexer);

	if (size == 0)
	{
		cer_lexer_step(lexer);
		return CER_OK;
	}
	for (skip(lexer, size); lexer->at < lexer->end; cer_lexer_step(lexer))
		if ((size_t) (lexer->end - lexer->at) >= size &&
		    memcmp(lexer->at, tag, size) == 0)
		{
			skip(lexer, size);
			return CER_OK;
		}
	return fail_open(lexer, start, "dollar quote");
}

/* A word; E before a quote makes it a string with escapes. */
static cer_status
skip_word(cer_lexer *lexer)
{
	const char *start = lexer->at;

	while (lexer->at < lexer->end && cer_is_name_part(*lexer->at))
		cer_lexer_step(lexer);
	if (lexer->at - start == 1 && (*start == 'e' || *start == 'E') &&
	    is_at(lexer, "'"))
		return skip_quoted(lexer, true);
	return CER_OK;
}

static cer_status
open_bracket(scanner *s)
{
	if (s->n_open == MAX_BRACKETS)
		return cer_fail_at(s->lexer->err, CER_TOO_BIG, s->lexer->place,
		                   "more than %d nested brackets in an SQL expression",
		                   MAX_BRACKETS);
	s->open[s->n_open] = *s->lexer->at;
	s->open_place[s->n_open++] = s->lexer->place;
	cer_lexer_step(s->lexer);
	return CER_OK;
}

static cer_status
close_bracket(scanner *s)
{
	char wanted = *s->lexer->at == ')' ? '(' : '[';

	if (s->n_open == 0 || s->open[s->n_open - 1] != wanted)
		return cer_fail_at(s->lexer->err, CER_SYNTAX, s->lexer->place,
		                   "unexpected \"%c\" in an SQL expression",
		                   *s->lexer->at);
	s->n_open--;
	cer_lexer_step(s->lexer);
	return CER_OK;
}

/* One token that is neither blank nor comment. */
static cer_status
skip_token(scanner *s)
{
	cer_lexer *lexer = s->lexer;

	switch (*lexer->at)
	{
		case '\'':
			return skip_quoted(lexer, false);
		case '"':
			return skip_quoted(lexer, false);
		case '$':
			return skip_dollar(lexer);
		case '(':
		case '[':
			return open_bracket(s);
		case ')':
		case ']':
			return close_bracket(s);
		case ';':
			return cer_fail_at(lexer->err, CER_SYNTAX, lexer->place,
			                   "unexpected \";\" in an SQL expression");
		default:
			if (cer_is_name_part(*lexer->at))
				return skip_word(lexer);
			cer_lexer_step(lexer);
			return CER_OK;
	}
}

static cer_status
check_end(const scanner *s, cer_place place)
{
	if (s->n_open > 0)
		return fail_open(s->lexer, s->open_place[s->n_open - 1], "bracket");
	if (s->done == s->start)
		return cer_fail_at(s->lexer->err, CER_SYNTAX, place,
		                   "missing SQL expression");
	return CER_OK;
}

/* Blanks and comments; true if there were any. */
static cer_status
skip_blank(cer_lexer *lexer, bool *is_skipped)
{
	*is_skipped = true;
	if (is_blank(*lexer->at))
		cer_lexer_step(lexer);
	else if (is_at(lexer, "--"))
		skip_line(lexer);
	else if (is_at(lexer, "/*"))
		return skip_block_comment(lexer);
	else
		*is_skipped = false;
	return CER_OK;
}

cer_status
cer_lexer_read_sql(cer_lexer *lexer, cer_text *sql)
{
	scanner s = {.lexer = lexer};
	cer_place place = lexer->place;

	while (lexer->at < lexer->end)
	{
		bool is_skipped;

		CER_TRY(skip_blank(lexer, &is_skipped));
		if (is_skipped)
			continue;
		if (s.n_open == 0 && (*lexer->at == ',' || *lexer->at == ')'))
			break;
		if (s.start == NULL)
			s.start = lexer->at;
		CER_TRY(skip_token(&s));
		s.done = lexer->at;
	}
	CER_TRY(check_end(&s, place));
	*sql = (cer_text){s.start, (size_t) (s.done - s.start)};
	return CER_OK;
}
