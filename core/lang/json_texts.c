/*
 * lang/json_texts.c
 *	  Changes and spaces as JSON: pieces of text of the language, so that one
 *	  can be taken out, or put in.
 *
 *	 ["ADD FE planes", "SET PT.lr = 0.001 -> 0.01"]
 *	 {"version": 1, "fe": ["*", "?JOIN planes"], "as": "mlp(64..512 x 1..4)",
 *	  "pt": ["{adam, sgd}", "batch = {64, 256}"]}
 */
#include "lang/json.h"

#include "base/text.h"
#include "lang/change.h"
#include "lang/json_tree.h"
#include "lang/space.h"

/* ---------------------------------------------------------------- writing */

static cer_status
put_text(cer_writer *to, const cer_ast *ast, cer_error *err)
{
	cer_text text;

	CER_TRY(cer_ast_print(to->arena, ast, &text, err));
	cer_json_put_string(to, text);
	return CER_OK;
}

static cer_status
put_list(cer_writer *to, const cer_ast *list, cer_error *err)
{
	cer_writer_put(to, "[");
	for (const cer_ast *child = list->first; child; child = child->next)
	{
		CER_TRY(put_text(to, child, err));
		cer_writer_put(to, child->next ? ", " : "");
	}
	cer_writer_put(to, "]");
	return CER_OK;
}

cer_status
cer_change_to_json(cer_arena *arena, const cer_change *change, cer_text *json,
                   cer_error *err)
{
	cer_writer to = {.arena = arena};

	CER_TRY(put_list(&to, change->ast, err));
	return cer_writer_finish(&to, json, err);
}

cer_status
cer_space_to_json(cer_arena *arena, const cer_space *space, cer_text *json,
                  cer_error *err)
{
	cer_writer to = {.arena = arena};

	cer_writer_format(&to, "{\"version\": %d", CER_LANGUAGE_VERSION);
	for (const cer_ast *section = space->ast->first; section;
	     section = section->next)
	{
		cer_writer_put(&to, section->kind == CER_AST_FE   ? ", \"fe\": "
		                    : section->kind == CER_AST_AS ? ", \"as\": "
		                                                  : ", \"pt\": ");
		CER_TRY(section->kind == CER_AST_AS ? put_text(&to, section->first, err)
		                                    : put_list(&to, section, err));
	}
	cer_writer_put(&to, "}");
	return cer_writer_finish(&to, json, err);
}

/* ---------------------------------------------------------------- reading */

static cer_status
fail_json(const cer_json *json, const char *what, cer_error *err)
{
	return cer_fail_at(err, CER_BAD_VALUE, json->place, "JSON of a %s has %s",
	                   what, "a value where it cannot be");
}

static cer_status
add_texts(cer_writer *to, const cer_json *list, const char *what,
          cer_error *err)
{
	if (list->kind != CER_JSON_ARRAY)
		return fail_json(list, what, err);
	for (const cer_json *child = list->first; child; child = child->next)
	{
		if (child->kind != CER_JSON_STRING)
			return fail_json(child, what, err);
		cer_writer_add(to, child->text);
		cer_writer_put(to, child->next ? ", " : "");
	}
	return CER_OK;
}

cer_status
cer_change_from_json(cer_arena *arena, cer_text json, const cer_change **change,
                     cer_error *err)
{
	cer_writer to = {.arena = arena};
	cer_json *tree;
	cer_text text;

	CER_TRY(cer_json_parse(arena, json, &tree, err));
	CER_TRY(add_texts(&to, tree, "change", err));
	CER_TRY(cer_writer_finish(&to, &text, err));
	return cer_change_parse(arena, text, change, err);
}

/* In the order of the text. */
static const char *const keys[] = {"fe", "as", "pt", "version"};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static bool
is_known(cer_text key)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (cer_text_is(key, keys[i]))
			return true;
	return false;
}

/* A key's text; the version is written at the end. */
static cer_status
add_section(cer_writer *to, const cer_json *json, double *version,
            cer_error *err)
{
	if (cer_text_is(json->key, "version") && json->kind == CER_JSON_NUMBER)
	{
		*version = json->number;
		return CER_OK;
	}
	if (cer_text_is(json->key, "as") && json->kind == CER_JSON_STRING)
	{
		cer_writer_put(to, " AS ");
		cer_writer_add(to, json->text);
		return CER_OK;
	}
	if (cer_text_is(json->key, "fe"))
		cer_writer_put(to, "FE ");
	else if (cer_text_is(json->key, "pt"))
		cer_writer_put(to, json->first != NULL ? " PT " : "");
	return add_texts(to, json, "space", err);
}

cer_status
cer_space_from_json(cer_arena *arena, cer_text json, const cer_space **space,
                    cer_error *err)
{
	cer_writer to = {.arena = arena};
	double version = CER_LANGUAGE_VERSION;
	cer_json *tree;
	cer_text text;

	CER_TRY(cer_json_parse(arena, json, &tree, err));
	if (tree->kind != CER_JSON_OBJECT)
		return fail_json(tree, "space", err);
	for (const cer_json *child = tree->first; child; child = child->next)
		if (!is_known(child->key))
			return cer_fail_at(err, CER_UNKNOWN_NAME, child->place,
			                   "JSON of a space has no key \"%.*s\"",
			                   CER_SHOW(child->key));
	for (size_t i = 0; i < N_KEYS; i++)
	{
		const cer_json *child = cer_json_find(tree, keys[i]);

		if (child != NULL)
			CER_TRY(add_section(&to, child, &version, err));
	}
	cer_writer_put(&to, " @");
	cer_writer_put_number(&to, version);
	CER_TRY(cer_writer_finish(&to, &text, err));
	return cer_space_parse(arena, text, space, err);
}
