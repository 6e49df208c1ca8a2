/*
 * lang/json_read.c
 *	  A triple from JSON: written as text of the language, which is then read.
 *
 * What stands in strings is checked to be one name, or one SQL expression: it
 * cannot become more than that.
 */
#include "lang/json.h"

#include "base/text.h"
#include "lang/json_tree.h"
#include "lang/lex.h"
#include "lang/writer.h"

#include <string.h>

typedef struct json_reader
{
	cer_writer out;
	cer_arena *arena;
	cer_error *err;
} json_reader;

static cer_status
read_value(json_reader *r, const cer_json *json, const char *separator);

/* ---------------------------------------------------------------- failing */

static cer_status
fail_kind(json_reader *r, const cer_json *json, const char *expected)
{
	cer_fail_at(r->err, CER_BAD_VALUE, json->place,
	            "JSON of a triple has %s where it cannot be",
	            json->kind == CER_JSON_OBJECT  ? "an object"
	            : json->kind == CER_JSON_ARRAY ? "a list"
	            : json->kind == CER_JSON_NULL  ? "null"
	                                           : "a value");
	cer_error_set_detail(r->err, "Expected %s.", expected);
	return CER_BAD_VALUE;
}

static cer_status
check_kind(json_reader *r, const cer_json *json, cer_json_kind kind,
           const char *expected)
{
	return json->kind == kind ? CER_OK : fail_kind(r, json, expected);
}

static cer_status
fail_key(json_reader *r, const cer_json *json)
{
	return cer_fail_at(r->err, CER_UNKNOWN_NAME, json->place,
	                   "JSON of a triple has no key \"%.*s\" here",
	                   CER_SHOW(json->key));
}

/* ---------------------------------------------------------------- strings */

static bool
is_name(const cer_token *token)
{
	return token->kind == CER_TOKEN_NAME || token->kind == CER_TOKEN_QUOTED;
}

/* name or qualifier.name */
static cer_status
check_name(json_reader *r, const cer_json *json)
{
	cer_lexer lexer;
	cer_token token;

	CER_TRY(check_kind(r, json, CER_JSON_STRING, "a name"));
	CER_TRY(cer_lexer_init(&lexer, r->arena, json->text, r->err));
	CER_TRY(cer_lexer_read(&lexer, &token));
	if (!is_name(&token))
		return fail_kind(r, json, "a name");
	CER_TRY(cer_lexer_read(&lexer, &token));
	if (token.kind == '.')
	{
		CER_TRY(cer_lexer_read(&lexer, &token));
		if (!is_name(&token))
			return fail_kind(r, json, "a name");
		CER_TRY(cer_lexer_read(&lexer, &token));
	}
	return token.kind == CER_TOKEN_END ? CER_OK : fail_kind(r, json, "a name");
}

static cer_status
read_name(json_reader *r, const cer_json *json)
{
	CER_TRY(check_name(r, json));
	cer_writer_add(&r->out, json->text);
	return CER_OK;
}

static cer_status
read_names(json_reader *r, const cer_json *list)
{
	CER_TRY(check_kind(r, list, CER_JSON_ARRAY, "a list of names"));
	cer_writer_put(&r->out, "(");
	for (const cer_json *name = list->first; name; name = name->next)
	{
		CER_TRY(read_name(r, name));
		cer_writer_put(&r->out, name->next ? ", " : "");
	}
	cer_writer_put(&r->out, ")");
	return CER_OK;
}

/* All of the string is one expression. */
static cer_status
read_sql(json_reader *r, const cer_json *json)
{
	cer_lexer lexer;
	cer_text sql;

	CER_TRY(check_kind(r, json, CER_JSON_STRING, "an SQL expression"));
	CER_TRY(cer_lexer_init(&lexer, r->arena, json->text, r->err));
	CER_TRY(cer_lexer_read_sql(&lexer, &sql));
	if (lexer.at != lexer.end)
		return fail_kind(r, json, "one SQL expression");
	cer_writer_add(&r->out, sql);
	return CER_OK;
}

static cer_status
read_sql_clause(json_reader *r, const char *keyword, const cer_json *json)
{
	cer_writer_format(&r->out, " %s (", keyword);
	CER_TRY(read_sql(r, json));
	cer_writer_put(&r->out, ")");
	return CER_OK;
}

/* ---------------------------------------------------------------- values */

static cer_status
read_list(json_reader *r, const cer_json *list, const char *separator)
{
	CER_TRY(check_kind(r, list, CER_JSON_ARRAY, "a list"));
	for (const cer_json *child = list->first; child; child = child->next)
	{
		CER_TRY(read_value(r, child, " > "));
		cer_writer_put(&r->out, child->next ? separator : "");
	}
	return CER_OK;
}

static bool
is_positional(const cer_word *word, cer_text key)
{
	const cer_arg *arg = word ? cer_word_find_arg(word, key) : NULL;

	if (word == NULL)
		return cer_text_is(key, CER_JSON_ARGUMENTS);
	return arg &&
	       (arg->type == CER_ARG_WIDTHS || arg->type == CER_ARG_CHILDREN);
}

static bool
is_flag(const cer_word *word, const cer_json *json)
{
	const cer_arg *arg = word ? cer_word_find_arg(word, json->key) : NULL;

	return arg && arg->type == CER_ARG_FLAG && json->kind == CER_JSON_BOOL;
}

static bool
is_plain(cer_text key)
{
	bool is_plain = key.size > 0 && cer_is_name_start(key.data[0]);

	for (size_t i = 0; i < key.size; i++)
		is_plain &= cer_is_name_part(key.data[i]);
	return is_plain;
}

static cer_status
read_named(json_reader *r, const cer_json *json)
{
	if (!is_plain(json->key))
		return fail_key(r, json);
	cer_writer_add(&r->out, json->key);
	cer_writer_put(&r->out, " = ");
	return read_value(r, json, " > ");
}

static cer_status
read_argument(json_reader *r, const cer_word *word, const cer_json *json,
              const char **separator)
{
	if (is_flag(word, json) && json->number == 0)
		return CER_OK;
	cer_writer_put(&r->out, *separator);
	*separator = ", ";
	if (is_positional(word, json->key))
		return read_list(r, json, ", ");
	if (!is_flag(word, json))
		return read_named(r, json);
	cer_writer_add(&r->out, json->key);
	return CER_OK;
}

/* Those without names first. */
static cer_status
read_arguments(json_reader *r, cer_text name, const cer_json *arguments)
{
	const cer_word *word = cer_json_find_word(name);
	const char *separator = "";

	CER_TRY(check_kind(r, arguments, CER_JSON_OBJECT, "arguments by name"));
	cer_writer_put(&r->out, "(");
	for (int pass = 0; pass < 2; pass++)
		for (const cer_json *child = arguments->first; child;
		     child = child->next)
			if (is_positional(word, child->key) == (pass == 0))
				CER_TRY(read_argument(r, word, child, &separator));
	cer_writer_put(&r->out, ")");
	return CER_OK;
}

/* {"name": {arguments}} or {"x": [width, count]} */
static cer_status
read_call(json_reader *r, const cer_json *json)
{
	const cer_json *only = json->first;

	if (only == NULL || only->next != NULL)
		return fail_kind(r, json, "one name with its arguments");
	if (cer_text_is(only->key, "x"))
		return read_list(r, only, " x ");
	if (!is_plain(only->key))
		return fail_key(r, only);
	cer_writer_add(&r->out, only->key);
	return read_arguments(r, only->key, only);
}

static cer_status
read_value(json_reader *r, const cer_json *json, const char *separator)
{
	switch (json->kind)
	{
		case CER_JSON_NUMBER:
			if (json->number < 0)
				cer_writer_put(&r->out, "-");
			cer_writer_put_number(&r->out, json->number < 0 ? -json->number
			                                                : json->number);
			return CER_OK;
		case CER_JSON_STRING:
			return read_name(r, json);
		case CER_JSON_ARRAY:
			return read_list(r, json, separator);
		case CER_JSON_OBJECT:
			return read_call(r, json);
		default:
			return fail_kind(r, json, "a number, a word, a list or a call");
	}
}

/* ---------------------------------------------------------------- FE */

static cer_status
check_keys(json_reader *r, const cer_json *object, const char *const *keys)
{
	for (const cer_json *child = object->first; child; child = child->next)
	{
		size_t i = 0;

		while (keys[i] != NULL && !cer_text_is(child->key, keys[i]))
			i++;
		if (keys[i] == NULL)
			return fail_key(r, child);
	}
	return CER_OK;
}

static bool
is_true(const cer_json *object, const char *key)
{
	const cer_json *found = cer_json_find(object, key);

	return found && found->kind == CER_JSON_BOOL && found->number == 1;
}

static cer_status
read_column(json_reader *r, const cer_json *item)
{
	static const char *const keys[] = {"column", "sql", "encoder", NULL};
	const cer_json *sql = cer_json_find(item, "sql");
	const cer_json *encoder = cer_json_find(item, "encoder");

	CER_TRY(check_keys(r, item, keys));
	CER_TRY(read_name(r, cer_json_find(item, "column")));
	if (sql != NULL)
		CER_TRY(read_sql_clause(r, "=", sql));
	if (encoder == NULL)
		return CER_OK;
	cer_writer_put(&r->out, " : ");
	return read_value(r, encoder, " + ");
}

static cer_status
read_link(json_reader *r, const cer_json *item)
{
	const cer_json *via = cer_json_find(item, "via");
	const cer_json *using = cer_json_find(item, "using");
	const cer_json *on = cer_json_find(item, "on");

	if (via != NULL)
	{
		cer_writer_put(&r->out, " VIA ");
		CER_TRY(read_names(r, via));
	}
	if (using != NULL)
	{
		cer_writer_put(&r->out, " USING ");
		CER_TRY(read_names(r, using));
	}
	return on != NULL ? read_sql_clause(r, "ON", on) : CER_OK;
}

static cer_status
read_table(json_reader *r, const cer_json *item, const cer_json *table)
{
	const cer_json *alias = cer_json_find(item, "alias");

	CER_TRY(read_name(r, table));
	if (alias != NULL)
	{
		cer_writer_put(&r->out, " ");
		CER_TRY(read_name(r, alias));
	}
	return read_link(r, item);
}

static cer_status
read_join(json_reader *r, const cer_json *item)
{
	static const char *const keys[] = {"join", "alias", "via", "using",
	                                   "on",   "last",  NULL};

	CER_TRY(check_keys(r, item, keys));
	cer_writer_put(&r->out, is_true(item, "last") ? "JOIN LAST " : "JOIN ");
	return read_table(r, item, cer_json_find(item, "join"));
}

static cer_status
read_values(json_reader *r, const cer_json *values)
{
	cer_writer_put(&r->out, " (");
	for (const cer_json *value = values->first; value; value = value->next)
	{
		cer_json name = {
			.kind = CER_JSON_STRING, .place = value->place, .text = value->key};

		CER_TRY(read_name(r, &name));
		cer_writer_put(&r->out, " = ");
		CER_TRY(read_sql(r, value));
		cer_writer_put(&r->out, value->next ? ", " : "");
	}
	cer_writer_put(&r->out, ")");
	return CER_OK;
}

/* 'interval' */
static cer_status
read_window(json_reader *r, const cer_json *window)
{
	CER_TRY(check_kind(r, window, CER_JSON_STRING, "an interval"));
	cer_writer_put(&r->out, " WINDOW '");
	for (size_t i = 0; i < window->text.size; i++)
	{
		if (window->text.data[i] == '\'')
			cer_writer_put(&r->out, "'");
		cer_writer_add(&r->out, (cer_text){window->text.data + i, 1});
	}
	cer_writer_put(&r->out, "'");
	return CER_OK;
}

static cer_status
read_aggregate(json_reader *r, const cer_json *item)
{
	static const char *const keys[] = {"aggregate", "alias",  "via",   "using",
	                                   "on",        "values", "where", "window",
	                                   "uncut",     NULL};
	const cer_json *values = cer_json_find(item, "values");
	const cer_json *where = cer_json_find(item, "where");
	const cer_json *window = cer_json_find(item, "window");

	CER_TRY(check_keys(r, item, keys));
	cer_writer_put(&r->out, "AGGREGATE ");
	CER_TRY(read_table(r, item, cer_json_find(item, "aggregate")));
	if (values != NULL)
		CER_TRY(read_values(r, values));
	if (where != NULL)
		CER_TRY(read_sql_clause(r, "WHERE", where));
	if (window != NULL)
		CER_TRY(read_window(r, window));
	cer_writer_put(&r->out, is_true(item, "uncut") ? " UNCUT" : "");
	return CER_OK;
}

static cer_status
read_item(json_reader *r, const cer_json *item)
{
	if (item->kind == CER_JSON_STRING && cer_text_is(item->text, "*"))
	{
		cer_writer_put(&r->out, "*");
		return CER_OK;
	}
	if (item->kind == CER_JSON_STRING)
		return read_name(r, item);
	if (cer_json_find(item, "except") != NULL && item->first == item->last)
	{
		cer_writer_put(&r->out, "EXCEPT ");
		return read_names(r, item->first);
	}
	if (cer_json_find(item, "column") != NULL)
		return read_column(r, item);
	if (cer_json_find(item, "join") != NULL)
		return read_join(r, item);
	if (cer_json_find(item, "aggregate") != NULL)
		return read_aggregate(r, item);
	return fail_kind(r, item,
	                 "a name, or an object with column, except, join "
	                 "or aggregate");
}

/* ---------------------------------------------------------------- triple */

static cer_status
read_fe(json_reader *r, const cer_json *fe)
{
	CER_TRY(check_kind(r, fe, CER_JSON_ARRAY, "a list of items"));
	cer_writer_put(&r->out, fe->first ? "FE " : "");
	for (const cer_json *item = fe->first; item; item = item->next)
	{
		CER_TRY(read_item(r, item));
		cer_writer_put(&r->out, item->next ? ", " : " ");
	}
	return CER_OK;
}

static cer_status
read_pt(json_reader *r, const cer_json *pt)
{
	CER_TRY(check_kind(r, pt, CER_JSON_OBJECT, "settings by name"));
	cer_writer_put(&r->out, pt->first ? " PT " : "");
	for (const cer_json *child = pt->first; child; child = child->next)
	{
		CER_TRY(cer_text_is(child->key, CER_JSON_OPTIMIZER)
		            ? read_value(r, child, " > ")
		            : read_named(r, child));
		cer_writer_put(&r->out, child->next ? ", " : "");
	}
	return CER_OK;
}

static cer_status
read_triple(json_reader *r, const cer_json *triple)
{
	static const char *const keys[] = {"version", "fe", "as", "pt", NULL};
	const cer_json *fe = cer_json_find(triple, "fe");
	const cer_json *as = cer_json_find(triple, "as");
	const cer_json *pt = cer_json_find(triple, "pt");
	const cer_json *version = cer_json_find(triple, "version");

	CER_TRY(check_kind(r, triple, CER_JSON_OBJECT, "an object"));
	CER_TRY(check_keys(r, triple, keys));
	if (fe != NULL)
		CER_TRY(read_fe(r, fe));
	if (as != NULL)
	{
		cer_writer_put(&r->out, "AS ");
		CER_TRY(read_value(r, as, " > "));
	}
	if (pt != NULL)
		CER_TRY(read_pt(r, pt));
	if (version == NULL)
		return CER_OK;
	CER_TRY(check_kind(r, version, CER_JSON_NUMBER, "a number"));
	cer_writer_put(&r->out, " @");
	cer_writer_put_number(&r->out, version->number);
	return CER_OK;
}

static cer_status
write_text(cer_arena *arena, cer_text json, cer_text *text, cer_error *err)
{
	json_reader r = {.out = {.arena = arena}, .arena = arena, .err = err};
	cer_json *tree;

	CER_TRY(cer_json_parse(arena, json, &tree, err));
	CER_TRY(read_triple(&r, tree));
	return cer_writer_finish(&r.out, text, err);
}

cer_status
cer_mst_from_json(cer_arena *arena, cer_text json, const cer_mst **mst,
                  cer_error *err)
{
	cer_text text;

	CER_TRY(write_text(arena, json, &text, err));
	return cer_mst_parse(arena, text, mst, err);
}

cer_status
cer_pattern_from_json(cer_arena *arena, cer_text json,
                      const cer_pattern **pattern, cer_error *err)
{
	cer_text text;

	CER_TRY(write_text(arena, json, &text, err));
	return cer_pattern_parse(arena, text, pattern, err);
}
