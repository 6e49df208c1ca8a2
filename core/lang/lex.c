/*
 * lang/lex.c
 *	  Text to tokens.
 */
#include "lang/lex.h"

#include "base/text.h"
#include "lang/number.h"

#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

/* As in SQL: letters, underscore, and every character beyond ASCII begin a
 * name; digits and $ go on with it. */
#define PART 1
#define BOTH 2

static const unsigned char name_classes[256] = {
	['$'] = PART,         ['0' ... '9'] = PART, ['A' ... 'Z'] = BOTH,
	['a' ... 'z'] = BOTH, ['_'] = BOTH,         [0x80 ... 0xFF] = BOTH,
};

bool
cer_is_name_start(char c)
{
	return name_classes[(unsigned char) c] == BOTH;
}

bool
cer_is_name_part(char c)
{
	return name_classes[(unsigned char) c] != 0;
}

static bool
is_next(const cer_lexer *lexer, char c)
{
	return lexer->at < lexer->end && *lexer->at == c;
}

void
cer_lexer_step(cer_lexer *lexer)
{
	unsigned char byte = (unsigned char) *lexer->at++;

	if (byte == '\n')
	{
		lexer->place.line++;
		lexer->place.column = 1;
	}
	else if ((byte & 0xC0) != 0x80)
		lexer->place.column++;
}

/* Nothing but ASCII, and no zero byte: as most texts are. */
static bool
is_plain(cer_text text)
{
	bool is_plain = true;

	for (size_t i = 0; i < text.size; i++)
		is_plain &= (signed char) text.data[i] > 0;
	return is_plain;
}

static cer_status
check_encoding(cer_text text, cer_error *err)
{
	cer_lexer lexer = {
		.at = text.data, .end = text.data + text.size, .place = {1, 1}};

	if (is_plain(text))
		return CER_OK;
	while (lexer.at < lexer.end)
	{
		size_t size =
			cer_utf8_measure(lexer.at, (size_t) (lexer.end - lexer.at));

		if (size == 0)
			return cer_fail_at(err, CER_SYNTAX, lexer.place,
			                   "invalid UTF-8 byte 0x%02X",
			                   (unsigned) (unsigned char) *lexer.at);
		if (*lexer.at == '\0')
			return cer_fail_at(err, CER_SYNTAX, lexer.place,
			                   "unexpected zero byte");
		for (; size > 0; size--)
			cer_lexer_step(&lexer);
	}
	return CER_OK;
}

static cer_status
init_within(cer_lexer *lexer, cer_arena *arena, cer_text text, size_t most,
            cer_error *err)
{
	if (text.data == NULL)
		text.data = "";
	char *names;

	if (text.size > most)
		return cer_fail(err, CER_TOO_BIG,
		                "text of %zu bytes is longer than %zu bytes", text.size,
		                most);
	CER_TRY(check_encoding(text, err));
	names = cer_arena_allocate(arena, text.size);
	if (names == NULL)
		return cer_fail_memory(err, text.size);
	*lexer = (cer_lexer){.at = text.data,
	                     .end = text.data + text.size,
	                     .names = names,
	                     .place = {1, 1},
	                     .err = err};
	return CER_OK;
}

cer_status
cer_lexer_init(cer_lexer *lexer, cer_arena *arena, cer_text text,
               cer_error *err)
{
	return init_within(lexer, arena, text, CER_LEX_MAX_TEXT, err);
}

cer_status
cer_lexer_init_json(cer_lexer *lexer, cer_arena *arena, cer_text text,
                    cer_error *err)
{
	return init_within(lexer, arena, text, CER_LEX_MAX_JSON, err);
}

static void
skip_blanks(cer_lexer *lexer)
{
	for (;;)
	{
		while (lexer->at < lexer->end && is_space(*lexer->at))
			cer_lexer_step(lexer);
		if (lexer->end - lexer->at < 2 || memcmp(lexer->at, "--", 2) != 0)
			return;
		while (lexer->at < lexer->end && *lexer->at != '\n')
			cer_lexer_step(lexer);
	}
}

/* A name has no newlines: only characters are to be counted. */
static void
read_name(cer_lexer *lexer, cer_token *token)
{
	const char *at = lexer->at;
	char *name = lexer->names;

	for (; at < lexer->end && name_classes[(unsigned char) *at] != 0; at++)
	{
		*name++ = fold(*at);
		lexer->place.column += ((unsigned char) *at & 0xC0) != 0x80;
	}
	token->kind = CER_TOKEN_NAME;
	token->name.data = lexer->names;
	token->name.size = (size_t) (name - lexer->names);
	lexer->names = name;
	lexer->at = at;
}

/* Up to the closing quote, which is doubled where it stands for itself. */
static cer_status
read_quoted(cer_lexer *lexer, char quote, cer_token *token)
{
	token->name.data = lexer->names;
	cer_lexer_step(lexer);
	for (;;)
	{
		if (lexer->at == lexer->end)
			return cer_fail_at(lexer->err, CER_SYNTAX, token->place,
			                   "quote %c without an end", quote);
		if (*lexer->at == quote)
		{
			cer_lexer_step(lexer);
			if (!is_next(lexer, quote))
				break;
		}
		*lexer->names++ = *lexer->at;
		cer_lexer_step(lexer);
	}
	token->name.size = (size_t) (lexer->names - token->name.data);
	return CER_OK;
}

static cer_status
read_quoted_name(cer_lexer *lexer, cer_token *token)
{
	token->kind = CER_TOKEN_QUOTED;
	CER_TRY(read_quoted(lexer, '"', token));
	if (token->name.size == 0)
		return cer_fail_at(lexer->err, CER_SYNTAX, token->place,
		                   "quoted name is empty");
	return CER_OK;
}

static cer_status
read_string(cer_lexer *lexer, cer_token *token)
{
	token->kind = CER_TOKEN_STRING;
	return read_quoted(lexer, '\'', token);
}

static void
skip_digits(cer_lexer *lexer)
{
	while (lexer->at < lexer->end && is_digit(*lexer->at))
		cer_lexer_step(lexer);
}

static bool
has_digit_at(const cer_lexer *lexer, size_t offset)
{
	return (size_t) (lexer->end - lexer->at) > offset &&
	       is_digit(lexer->at[offset]);
}

static void
skip_exponent(cer_lexer *lexer)
{
	size_t sign;

	if (!is_next(lexer, 'e') && !is_next(lexer, 'E'))
		return;
	sign = lexer->end - lexer->at > 1 &&
	               (lexer->at[1] == '+' || lexer->at[1] == '-')
	           ? 1
	           : 0;
	if (!has_digit_at(lexer, 1 + sign))
		return;
	for (size_t i = 0; i < 1 + sign; i++)
		cer_lexer_step(lexer);
	skip_digits(lexer);
}

static cer_text
source_since(const cer_lexer *lexer, const char *start)
{
	return (cer_text){start, (size_t) (lexer->at - start)};
}

/* [digits] [. digits] [e [sign] digits], never an end in a dot */
static cer_status
read_number(cer_lexer *lexer, cer_token *token)
{
	const char *start = lexer->at;
	cer_text source;

	token->kind = CER_TOKEN_NUMBER;
	skip_digits(lexer);
	if (is_next(lexer, '.') && has_digit_at(lexer, 1))
	{
		cer_lexer_step(lexer);
		skip_digits(lexer);
	}
	skip_exponent(lexer);
	source = source_since(lexer, start);
	if (lexer->at < lexer->end && cer_is_name_part(*lexer->at))
	{
		while (lexer->at < lexer->end && cer_is_name_part(*lexer->at))
			cer_lexer_step(lexer);
		source = source_since(lexer, start);
		cer_fail_at(lexer->err, CER_SYNTAX, token->place,
		            "number runs into a word: \"%.*s\"", CER_SHOW(source));
		cer_error_set_hint(lexer->err, "Put a space between them.");
		return CER_SYNTAX;
	}
	if (source.size > CER_LEX_MAX_NUMBER)
		return cer_fail_at(lexer->err, CER_SYNTAX, token->place,
		                   "number of %zu characters is longer than %d",
		                   source.size, CER_LEX_MAX_NUMBER);
	if (!cer_number_parse(source, &token->number))
		return cer_fail_at(lexer->err, CER_BAD_VALUE, token->place,
		                   "number %.*s is too large", CER_SHOW(source));
	return CER_OK;
}

static void
read_punctuation(cer_lexer *lexer, cer_token *token)
{
	token->kind = (unsigned char) *lexer->at;
	cer_lexer_step(lexer);
	if (token->kind == '.' && is_next(lexer, '.'))
		token->kind = CER_TOKEN_DOTS;
	else if (token->kind == '-' && is_next(lexer, '>'))
		token->kind = CER_TOKEN_ARROW;
	else
		return;
	cer_lexer_step(lexer);
}

cer_status
cer_lexer_read(cer_lexer *lexer, cer_token *token)
{
	const char *start;
	cer_status status = CER_OK;

	skip_blanks(lexer);
	start = lexer->at;
	memset(token, 0, sizeof(*token));
	token->place = lexer->place;
	if (start == lexer->end)
		token->kind = CER_TOKEN_END;
	else if (cer_is_name_start(*start))
		read_name(lexer, token);
	else if (*start == '"')
		status = read_quoted_name(lexer, token);
	else if (*start == '\'')
		status = read_string(lexer, token);
	else if (is_digit(*start) || (*start == '.' && has_digit_at(lexer, 1)))
		status = read_number(lexer, token);
	else
		read_punctuation(lexer, token);
	token->source = source_since(lexer, start);
	return status;
}

cer_status
cer_token_fail(const cer_token *token, const char *expected, cer_error *err)
{
	const char *quote =
		token->kind == CER_TOKEN_QUOTED || token->kind == CER_TOKEN_STRING
			? ""
			: "\"";

	if (token->kind == CER_TOKEN_END)
		cer_fail_at(err, CER_SYNTAX, token->place, "unexpected end");
	else
		cer_fail_at(err, CER_SYNTAX, token->place, "unexpected %s%.*s%s", quote,
		            CER_SHOW(token->source), quote);
	cer_error_set_detail(err, "Expected %s.", expected);
	return CER_SYNTAX;
}
