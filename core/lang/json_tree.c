/*
 * lang/json_tree.c
 *	  JSON (RFC 8259) to a tree.
 */
#include "lang/json_tree.h"

#include "base/text.h"
#include "lang/lex.h"
#include "lang/number.h"

#include <string.h>

#define MAX_DEPTH 64

typedef struct json_parser
{
	cer_lexer at; /* where it stands; its tokens are not JSON's */
	cer_arena *arena;
	cer_error *err;
	int depth;
} json_parser;

static cer_status parse_value(json_parser *p, cer_json **value);

static bool
is_at_end(const json_parser *p)
{
	return p->at.at == p->at.end;
}

static char
peek(const json_parser *p)
{
	return is_at_end(p) ? '\0' : *p->at.at;
}

static void
skip_blanks(json_parser *p)
{
	while (!is_at_end(p) && memchr(" \t\r\n", peek(p), 4) != NULL)
		cer_lexer_step(&p->at);
}

static cer_status
fail(const json_parser *p, const char *expected)
{
	if (is_at_end(p))
		cer_fail_at(p->err, CER_SYNTAX, p->at.place, "unexpected end of JSON");
	else
		cer_fail_at(p->err, CER_SYNTAX, p->at.place,
		            "unexpected \"%c\" in JSON", *p->at.at);
	cer_error_set_detail(p->err, "Expected %s.", expected);
	return CER_SYNTAX;
}

static cer_status
expect(json_parser *p, char c, const char *expected)
{
	skip_blanks(p);
	if (peek(p) != c)
		return fail(p, expected);
	cer_lexer_step(&p->at);
	return CER_OK;
}

static cer_status
make(json_parser *p, cer_json_kind kind, cer_json **json)
{
	*json = cer_arena_allocate(p->arena, sizeof(**json));
	if (*json == NULL)
		return cer_fail_memory(p->err, sizeof(**json));
	memset(*json, 0, sizeof(**json));
	(*json)->kind = kind;
	(*json)->place = p->at.place;
	return CER_OK;
}

/* ---------------------------------------------------------------- strings */

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char) (c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits after \u. */
static cer_status
parse_unit(json_parser *p, unsigned *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++)
	{
		int digit = hex_value(peek(p));

		if (digit < 0)
			return fail(p, "four hexadecimal digits");
		*unit = *unit * 16 + (unsigned) digit;
		cer_lexer_step(&p->at);
	}
	return CER_OK;
}

static cer_status
parse_code_point(json_parser *p, unsigned *code)
{
	unsigned low;

	CER_TRY(parse_unit(p, code));
	if (*code == 0 || (*code >= 0xDC00 && *code < 0xE000))
		return fail(p, "a character other than zero or half a pair");
	if (*code < 0xD800 || *code >= 0xDC00)
		return CER_OK;
	CER_TRY(expect(p, '\\', "the second half of a pair"));
	CER_TRY(expect(p, 'u', "the second half of a pair"));
	CER_TRY(parse_unit(p, &low));
	if (low < 0xDC00 || low >= 0xE000)
		return fail(p, "the second half of a pair");
	*code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
	return CER_OK;
}

static char *
write_utf8(char *to, unsigned code)
{
	if (code < 0x80)
		*to++ = (char) code;
	else if (code < 0x800)
		*to++ = (char) (0xC0 | code >> 6);
	else if (code < 0x10000)
		*to++ = (char) (0xE0 | code >> 12);
	else
	{
		*to++ = (char) (0xF0 | code >> 18);
		*to++ = (char) (0x80 | (code >> 12 & 0x3F));
	}
	if (code >= 0x800)
		*to++ = (char) (0x80 | (code >> 6 & 0x3F));
	if (code >= 0x80)
		*to++ = (char) (0x80 | (code & 0x3F));
	return to;
}

/* After the backslash. */
static cer_status
parse_escape(json_parser *p, char **to)
{
	static const char from[] = "\"\\/bfnrt";
	static const char into[] = "\"\\/\b\f\n\r\t";
	const char *found = is_at_end(p) ? NULL : strchr(from, peek(p));
	unsigned code;

	if (found != NULL && *found != '\0')
	{
		*(*to)++ = into[found - from];
		cer_lexer_step(&p->at);
		return CER_OK;
	}
	if (peek(p) != 'u')
		return fail(p, "an escape as in \\n");
	cer_lexer_step(&p->at);
	CER_TRY(parse_code_point(p, &code));
	*to = write_utf8(*to, code);
	return CER_OK;
}

/* The opening quote is at hand.  Escapes are never shorter than what they
 * stand for. */
static cer_status
parse_string(json_parser *p, cer_text *text)
{
	size_t room = (size_t) (p->at.end - p->at.at);
	char *data = cer_arena_allocate(p->arena, room);
	char *to = data;

	if (data == NULL)
		return cer_fail_memory(p->err, room);
	CER_TRY(expect(p, '"', "a string"));
	while (peek(p) != '"')
	{
		if (is_at_end(p) || (unsigned char) peek(p) < 0x20)
			return fail(p, "the end of a string");
		if (peek(p) == '\\')
		{
			cer_lexer_step(&p->at);
			CER_TRY(parse_escape(p, &to));
			continue;
		}
		*to++ = peek(p);
		cer_lexer_step(&p->at);
	}
	cer_lexer_step(&p->at);
	*text = (cer_text){data, (size_t) (to - data)};
	return CER_OK;
}

/* ---------------------------------------------------------------- values */

static cer_status
parse_number(json_parser *p, cer_json *json)
{
	cer_lexer *at = &p->at;
	bool is_negative = peek(p) == '-';
	cer_token token;

	if (is_negative)
		cer_lexer_step(at);
	if (peek(p) < '0' || peek(p) > '9')
		return fail(p, "a digit");
	CER_TRY(cer_lexer_read(at, &token));
	json->number = is_negative ? -token.number : token.number;
	return CER_OK;
}

static cer_status
parse_word(json_parser *p, cer_json *json)
{
	static const struct
	{
		const char *name;
		cer_json_kind kind;
		double number;
	} words[] = {{"true", CER_JSON_BOOL, 1},
	             {"false", CER_JSON_BOOL, 0},
	             {"null", CER_JSON_NULL, 0}};
	size_t left = (size_t) (p->at.end - p->at.at);

	for (size_t i = 0; i < 3; i++)
	{
		size_t size = strlen(words[i].name);

		if (left < size || memcmp(p->at.at, words[i].name, size) != 0)
			continue;
		for (; size > 0; size--)
			cer_lexer_step(&p->at);
		json->kind = words[i].kind;
		json->number = words[i].number;
		return CER_OK;
	}
	return fail(p, "a value");
}

static void
append(cer_json *parent, cer_json *child)
{
	if (parent->last == NULL)
		parent->first = child;
	else
		parent->last->next = child;
	parent->last = child;
}

/* [key :] value */
static cer_status
parse_member(json_parser *p, cer_json *parent)
{
	cer_text key = {NULL, 0};
	cer_json *child;

	skip_blanks(p);
	if (parent->kind == CER_JSON_OBJECT)
	{
		CER_TRY(parse_string(p, &key));
		CER_TRY(expect(p, ':', "\":\""));
	}
	CER_TRY(parse_value(p, &child));
	child->key = key;
	append(parent, child);
	skip_blanks(p);
	return CER_OK;
}

/* The opening bracket is at hand. */
static cer_status
parse_members(json_parser *p, cer_json *parent)
{
	char end = parent->kind == CER_JSON_OBJECT ? '}' : ']';

	if (p->depth == MAX_DEPTH)
		return cer_fail_at(p->err, CER_TOO_BIG, p->at.place,
		                   "JSON of more than %d levels", MAX_DEPTH);
	p->depth++;
	cer_lexer_step(&p->at);
	skip_blanks(p);
	if (peek(p) != end)
	{
		CER_TRY(parse_member(p, parent));
		while (peek(p) == ',')
		{
			cer_lexer_step(&p->at);
			CER_TRY(parse_member(p, parent));
		}
	}
	p->depth--;
	return expect(p, end, end == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"");
}

static cer_status
parse_value(json_parser *p, cer_json **value)
{
	skip_blanks(p);
	CER_TRY(make(p, CER_JSON_NULL, value));
	switch (peek(p))
	{
		case '{':
			(*value)->kind = CER_JSON_OBJECT;
			return parse_members(p, *value);
		case '[':
			(*value)->kind = CER_JSON_ARRAY;
			return parse_members(p, *value);
		case '"':
			(*value)->kind = CER_JSON_STRING;
			return parse_string(p, &(*value)->text);
		case 't':
		case 'f':
		case 'n':
			return parse_word(p, *value);
		default:
			(*value)->kind = CER_JSON_NUMBER;
			return parse_number(p, *value);
	}
}

cer_status
cer_json_parse(cer_arena *arena, cer_text text, cer_json **json, cer_error *err)
{
	json_parser p = {.arena = arena, .err = err};
	cer_json *value;

	CER_TRY(cer_lexer_init_json(&p.at, arena, text, err));
	CER_TRY(parse_value(&p, &value));
	skip_blanks(&p);
	if (!is_at_end(&p))
		return fail(&p, "the end");
	*json = value;
	return CER_OK;
}

const cer_json *
cer_json_find(const cer_json *object, const char *key)
{
	for (const cer_json *child = object->first; child; child = child->next)
		if (cer_text_is(child->key, key))
			return child;
	return NULL;
}
