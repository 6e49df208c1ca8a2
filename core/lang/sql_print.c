/*
 * lang/sql_print.c
 *	  One spelling for SQL expressions that are the same tokens to PostgreSQL.
 *
 * Names and keywords without quotes are folded as PostgreSQL folds them,
 * comments go, between tokens stands one blank or none.  None stands only where
 * the tokens read back as they are: two operators, two words, a number and a
 * dot always keep theirs.  What a token means is not looked at, so that nothing
 * of the meaning can change.
 */
#include "lang/sql_token.h"

#include "base/text.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct sql_printer
{
	char *at;
	cer_sql_kind last;   /* END: nothing is written yet */
	bool last_is_prefix; /* an operator that belongs to what follows */
	bool last_is_keyword;
	bool is_after_dot; /* what is last: no keyword */
} sql_printer;

static bool
is_operand(cer_sql_kind kind)
{
	return (kind >= CER_SQL_WORD && kind <= CER_SQL_PARAM);
}

static bool
is_name(cer_sql_kind kind)
{
	return kind == CER_SQL_WORD || kind == CER_SQL_QUOTED;
}

/* Words that no operand ends with, and which are no functions. */
static bool
is_keyword(cer_text word)
{
	static const char *const words[] = {
		"and",   "as",     "between", "by",        "case",   "distinct",
		"else",  "escape", "exists",  "except",    "filter", "for",
		"from",  "group",  "having",  "ilike",     "in",     "intersect",
		"is",    "like",   "limit",   "not",       "offset", "on",
		"or",    "over",   "select",  "symmetric", "then",   "to",
		"union", "using",  "values",  "when",      "where",
	};

	for (size_t i = 0; i < COUNT(words); i++)
		if (cer_text_is(word, words[i]))
			return true;
	return false;
}

/* ---------------------------------------------------------------- blanks */

static bool
wants_blank_before_bracket(const sql_printer *p, char bracket)
{
	if (bracket == '[')
		return !is_name(p->last) && p->last != CER_SQL_CLOSE &&
		       p->last != CER_SQL_PARAM;
	if (p->last == CER_SQL_OPERATOR)
		return !p->last_is_prefix;
	return !is_name(p->last) || p->last_is_keyword;
}

static bool
wants_blank_after(const sql_printer *p, cer_sql_kind kind)
{
	switch (p->last)
	{
		case CER_SQL_DOT:
			return !is_name(kind) && kind != CER_SQL_OPERATOR;
		case CER_SQL_CAST:
			return !is_name(kind);
		case CER_SQL_OPERATOR:
			return !p->last_is_prefix || !is_operand(kind);
		default:
			return true;
	}
}

static bool
wants_blank(const sql_printer *p, const cer_sql_token *token)
{
	if (p->last == CER_SQL_END || p->last == CER_SQL_OPEN)
		return false;
	switch (token->kind)
	{
		case CER_SQL_CLOSE:
		case CER_SQL_COMMA:
			return false;
		case CER_SQL_OPEN:
			return wants_blank_before_bracket(p, *token->text.data);
		case CER_SQL_DOT:
			return !is_name(p->last) && p->last != CER_SQL_CLOSE &&
			       p->last != CER_SQL_PARAM;
		case CER_SQL_CAST:
			return !is_operand(p->last) && p->last != CER_SQL_CLOSE;
		default:
			return wants_blank_after(p, token->kind);
	}
}

/* ---------------------------------------------------------------- tokens */

static void
write_bytes(sql_printer *p, const char *data, size_t size)
{
	memcpy(p->at, data, size);
	p->at += size;
}

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

static cer_text
write_folded(sql_printer *p, cer_text text)
{
	cer_text written = {p->at, text.size};

	for (size_t i = 0; i < text.size; i++)
		*p->at++ = fold(text.data[i]);
	return written;
}

static void
write_number(sql_printer *p, cer_text text)
{
	if (text.data[0] == '.')
		*p->at++ = '0';
	write_folded(p, text);
}

/* != is another spelling of one operator. */
static void
write_operator(sql_printer *p, cer_text text)
{
	if (cer_text_is(text, "!="))
		text = cer_text_of("<>");
	write_bytes(p, text.data, text.size);
}

/* E, U& and the like; E only where something is escaped. */
static void
write_prefix(sql_printer *p, cer_text prefix, bool has_escapes)
{
	for (size_t i = 0; i < prefix.size; i++)
	{
		char c = prefix.data[i] == '&' ? '&' : (char) (prefix.data[i] & ~0x20);

		if (c != 'E' || has_escapes)
			*p->at++ = c;
	}
}

/* Up to the quote that ends this line's part. */
static void
write_part(sql_printer *p, cer_lexer *lexer, bool has_escapes)
{
	char quote = *lexer->at++;

	while (lexer->at < lexer->end)
	{
		size_t size = 1;

		if (*lexer->at == quote)
		{
			if (lexer->end - lexer->at < 2 || lexer->at[1] != quote)
				break;
			size = 2;
		}
		else if (has_escapes && *lexer->at == '\\')
			size = 2;
		write_bytes(p, lexer->at, size);
		lexer->at += size;
	}
	lexer->at++;
}

/*
 * What goes on in a later line is drawn together.  But not where characters are
 * escaped: '\1' '2' is not '\12'.
 */
static void
write_quoted(sql_printer *p, cer_text text)
{
	cer_lexer lexer = {.at = text.data, .end = text.data + text.size};
	cer_text prefix = {text.data, 0};
	bool has_escapes;
	char quote;

	while (*lexer.at != '\'' && *lexer.at != '"')
		lexer.at++;
	quote = *lexer.at;
	prefix.size = (size_t) (lexer.at - text.data);
	has_escapes = prefix.size == 1 && fold(*prefix.data) == 'e' &&
	              memchr(text.data, '\\', text.size) != NULL;
	write_prefix(p, prefix, has_escapes);
	*p->at++ = quote;
	write_part(p, &lexer, has_escapes);
	while (quote == '\'' && cer_sql_continues(&lexer))
	{
		if (has_escapes)
			write_bytes(p, "'\n'", 3);
		write_part(p, &lexer, has_escapes);
	}
	*p->at++ = quote;
}

static void
write_dollar(sql_printer *p, cer_text text)
{
	const char *tag_end = memchr(text.data + 1, '$', text.size - 1);
	size_t tag_size = (size_t) (tag_end + 1 - text.data);

	*p->at++ = '\'';
	for (size_t i = tag_size; i < text.size - tag_size; i++)
	{
		if (text.data[i] == '\'')
			*p->at++ = '\'';
		*p->at++ = text.data[i];
	}
	*p->at++ = '\'';
}

static void
write_token(sql_printer *p, const cer_sql_token *token)
{
	p->last_is_keyword = false;
	switch (token->kind)
	{
		case CER_SQL_WORD:
			p->last_is_keyword =
				is_keyword(write_folded(p, token->text)) && !p->is_after_dot;
			break;
		case CER_SQL_QUOTED:
		case CER_SQL_STRING:
			write_quoted(p, token->text);
			break;
		case CER_SQL_DOLLAR:
			write_dollar(p, token->text);
			break;
		case CER_SQL_NUMBER:
			write_number(p, token->text);
			break;
		case CER_SQL_OPERATOR:
			write_operator(p, token->text);
			break;
		default:
			write_bytes(p, token->text.data, token->text.size);
	}
}

/* Where no operand stands before it; a star is one itself there. */
static bool
is_prefix(const sql_printer *p, const cer_sql_token *token)
{
	if (token->kind != CER_SQL_OPERATOR || cer_text_is(token->text, "*"))
		return false;
	switch (p->last)
	{
		case CER_SQL_END:
		case CER_SQL_OPEN:
		case CER_SQL_COMMA:
		case CER_SQL_OPERATOR:
			return true;
		default:
			return p->last_is_keyword;
	}
}

static void
print_token(sql_printer *p, const cer_sql_token *token)
{
	bool prefix = is_prefix(p, token);

	if (wants_blank(p, token))
		*p->at++ = ' ';
	p->is_after_dot = p->last == CER_SQL_DOT;
	write_token(p, token);
	p->last_is_prefix = prefix;
	p->last = token->kind;
}

/* No token is written with more than twice its bytes, its blank included. */
cer_status
cer_sql_print(cer_arena *arena, cer_text sql, cer_text *printed, cer_error *err)
{
	char *data = cer_arena_allocate(arena, 2 * sql.size);
	cer_lexer lexer = {.at = sql.data,
	                   .end = sql.data + sql.size,
	                   .place = {1, 1},
	                   .err = err};
	sql_printer p = {.at = data, .last = CER_SQL_END};

	if (data == NULL)
		return cer_fail_memory(err, 2 * sql.size);
	for (;;)
	{
		cer_sql_token token;

		CER_TRY(cer_sql_read(&lexer, &token));
		if (token.kind == CER_SQL_END)
			break;
		print_token(&p, &token);
	}
	*printed = (cer_text){data, (size_t) (p.at - data)};
	return CER_OK;
}
