/*
 * lang/sql_token.c
 *	  Tokens of SQL.
 */
#include "lang/sql_token.h"

#include "base/text.h"

#include <string.h>

/* Characters of which operators are made, and those of them with which one may
 * end in + or -. */
#define OPERATORS "~!@#^&|`?+-*/%<>="
#define UNUSUAL   "~!@#^&|`?%"

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
is_one_of(char c, const char *characters)
{
	return c != '\0' && strchr(characters, c) != NULL;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---------------------------------------------------------------- blanks */

static bool
is_newline(char c)
{
	return c == '\n' || c == '\r';
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
skip_line(cer_lexer *lexer)
{
	while (lexer->at < lexer->end && !is_newline(*lexer->at))
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

/* And comments. */
static cer_status
skip_blanks(cer_lexer *lexer)
{
	for (;;)
	{
		if (lexer->at < lexer->end && is_blank(*lexer->at))
			cer_lexer_step(lexer);
		else if (is_at(lexer, "--"))
			skip_line(lexer);
		else if (is_at(lexer, "/*"))
			CER_TRY(skip_block_comment(lexer));
		else
			return CER_OK;
	}
}

/* ---------------------------------------------------------------- quotes */

bool
cer_sql_continues(cer_lexer *lexer)
{
	cer_lexer ahead = *lexer;
	bool has_newline = false;

	for (;;)
	{
		if (is_at(&ahead, "--"))
			skip_line(&ahead);
		else if (ahead.at < ahead.end && is_blank(*ahead.at))
		{
			has_newline |= is_newline(*ahead.at);
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
	         (quote == '\'' && cer_sql_continues(lexer)));
	return CER_OK;
}

/* Bytes of "$tag$" here, or 0. */
static size_t
measure_dollar_tag(const cer_lexer *lexer)
{
	const char *at = lexer->at + 1;

	if (at < lexer->end && is_digit(*at))
		return 0;
	while (at < lexer->end && *at != '$' && cer_is_name_part(*at))
		at++;
	return at < lexer->end && *at == '$' ? (size_t) (at + 1 - lexer->at) : 0;
}

static cer_status
skip_dollar(cer_lexer *lexer, size_t tag_size)
{
	cer_place start = lexer->place;
	const char *tag = lexer->at;

	for (skip(lexer, tag_size); lexer->at < lexer->end; cer_lexer_step(lexer))
		if ((size_t) (lexer->end - lexer->at) >= tag_size &&
		    memcmp(lexer->at, tag, tag_size) == 0)
		{
			skip(lexer, tag_size);
			return CER_OK;
		}
	return fail_open(lexer, start, "dollar quote");
}

/* ---------------------------------------------------------------- tokens */

static void
skip_name_parts(cer_lexer *lexer)
{
	while (lexer->at < lexer->end && cer_is_name_part(*lexer->at))
		cer_lexer_step(lexer);
}

/* A dollar quote, a parameter, or a dollar alone. */
static cer_status
read_dollar(cer_lexer *lexer, cer_sql_token *token)
{
	size_t tag_size = measure_dollar_tag(lexer);

	if (tag_size > 0)
	{
		token->kind = CER_SQL_DOLLAR;
		return skip_dollar(lexer, tag_size);
	}
	token->kind = CER_SQL_OTHER;
	cer_lexer_step(lexer);
	if (lexer->at == lexer->end || !is_digit(*lexer->at))
		return CER_OK;
	token->kind = CER_SQL_PARAM;
	skip_name_parts(lexer);
	return CER_OK;
}

/* Bytes of a letter or U& that stands before a quote and belongs to it. */
static size_t
measure_prefix(const cer_lexer *lexer)
{
	size_t size = (size_t) (lexer->end - lexer->at);
	const char *at = lexer->at;

	if (size >= 2 && at[1] == '\'' && is_one_of(*at, "eEbBxXnN"))
		return 1;
	if (size >= 3 && (*at == 'u' || *at == 'U') && at[1] == '&' &&
	    (at[2] == '\'' || at[2] == '"'))
		return 2;
	return 0;
}

static cer_status
read_quoted(cer_lexer *lexer, size_t prefix_size, cer_sql_token *token)
{
	bool has_escapes =
		prefix_size == 1 && (*lexer->at == 'e' || *lexer->at == 'E');

	skip(lexer, prefix_size);
	token->kind = *lexer->at == '"' ? CER_SQL_QUOTED : CER_SQL_STRING;
	return skip_quoted(lexer, has_escapes);
}

static void
skip_digits(cer_lexer *lexer)
{
	while (lexer->at < lexer->end && is_digit(*lexer->at))
		cer_lexer_step(lexer);
}

/* The sign of an exponent belongs to the number, that of 0x1e-2 does not. */
static void
read_number(cer_lexer *lexer)
{
	if (*lexer->at == '0' && lexer->end - lexer->at > 1 &&
	    is_one_of(lexer->at[1], "xXoObB"))
	{
		skip_name_parts(lexer);
		return;
	}
	skip_digits(lexer);
	if (is_at(lexer, ".") && !is_at(lexer, ".."))
	{
		cer_lexer_step(lexer);
		skip_digits(lexer);
	}
	if (lexer->end - lexer->at > 2 && is_one_of(*lexer->at, "eE") &&
	    is_one_of(lexer->at[1], "+-") && is_digit(lexer->at[2]))
		skip(lexer, 2);
	skip_name_parts(lexer);
}

/* Bytes of an operator: as many as there are, but for a comment behind it, and
 * for signs, which belong to what follows unless another character tells. */
static size_t
measure_operator(const cer_lexer *lexer)
{
	cer_lexer ahead = *lexer;
	bool is_unusual = false;
	size_t size = 0;

	for (; ahead.at < ahead.end && is_one_of(*ahead.at, OPERATORS); ahead.at++)
	{
		if (is_at(&ahead, "--") || is_at(&ahead, "/*"))
			break;
		size++;
	}
	for (size_t i = 0; i + 1 < size; i++)
		is_unusual |= is_one_of(lexer->at[i], UNUSUAL);
	while (!is_unusual && size > 1 && is_one_of(lexer->at[size - 1], "+-"))
		size--;
	return size;
}

static cer_sql_kind
classify(char c)
{
	switch (c)
	{
		case '(':
		case '[':
			return CER_SQL_OPEN;
		case ')':
		case ']':
			return CER_SQL_CLOSE;
		case ',':
			return CER_SQL_COMMA;
		case '.':
			return CER_SQL_DOT;
		default:
			return is_one_of(c, OPERATORS) ? CER_SQL_OPERATOR : CER_SQL_OTHER;
	}
}

static void
read_punctuation(cer_lexer *lexer, cer_sql_token *token)
{
	size_t size = 1;

	token->kind = classify(*lexer->at);
	if (token->kind == CER_SQL_OPERATOR)
		size = measure_operator(lexer);
	else if (is_at(lexer, "::"))
	{
		token->kind = CER_SQL_CAST;
		size = 2;
	}
	else if (is_at(lexer, "..") || is_at(lexer, ":="))
	{
		token->kind = CER_SQL_OTHER;
		size = 2;
	}
	skip(lexer, size);
}

static bool
begins_number(const cer_lexer *lexer)
{
	return is_digit(*lexer->at) ||
	       (*lexer->at == '.' && lexer->end - lexer->at > 1 &&
	        is_digit(lexer->at[1]));
}

static cer_status
read_token(cer_lexer *lexer, cer_sql_token *token)
{
	size_t prefix_size = measure_prefix(lexer);

	if (prefix_size > 0 || *lexer->at == '\'' || *lexer->at == '"')
		return read_quoted(lexer, prefix_size, token);
	if (*lexer->at == '$')
		return read_dollar(lexer, token);
	if (begins_number(lexer))
	{
		token->kind = CER_SQL_NUMBER;
		read_number(lexer);
	}
	else if (cer_is_name_start(*lexer->at))
	{
		token->kind = CER_SQL_WORD;
		skip_name_parts(lexer);
	}
	else
		read_punctuation(lexer, token);
	return CER_OK;
}

cer_status
cer_sql_read(cer_lexer *lexer, cer_sql_token *token)
{
	const char *start;

	CER_TRY(skip_blanks(lexer));
	start = lexer->at;
	*token = (cer_sql_token){.place = lexer->place};
	if (start < lexer->end)
		CER_TRY(read_token(lexer, token));
	token->text = (cer_text){start, (size_t) (lexer->at - start)};
	return CER_OK;
}
