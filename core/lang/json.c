/*
 * lang/json.c
 *	  A triple as JSON: calls with the names of all their arguments, so that
 *	  they can be asked for by path.
 *
 *	 FE *, dest : embed(16)		"fe": ["*", {"column": "dest",
 *									"encoder": {"embed": {"width": 16}}}]
 *	 AS mlp(64) > dropout(0.1)	"as": [{"mlp": {"units": [64]}},
 *									{"dropout": {"share": 0.1}}]
 *	 PT sgd, batch = 64			"pt": {"optimizer": "sgd", "batch": 64}
 *
 * Names of columns and tables are as the language writes them, quotes included.
 */
#include "lang/ast.h"

#include "base/text.h"
#include "lang/bind.h"
#include "lang/json.h"
#include "lang/pattern.h"
#include "lang/writer.h"

#include <stdio.h>

typedef struct json_writer
{
	cer_writer out;
	cer_error *err;
} json_writer;

static cer_status write_value(json_writer *w, const cer_ast *value);

/* ---------------------------------------------------------------- strings */

void
cer_json_put_string(cer_writer *to, cer_text text)
{
	cer_writer_put(to, "\"");
	for (size_t i = 0; i < text.size; i++)
	{
		unsigned char c = (unsigned char) text.data[i];

		if (c == '"' || c == '\\')
			cer_writer_format(to, "\\%c", c);
		else if (c < 0x20)
			cer_writer_format(to, "\\u%04x", c);
		else
			cer_writer_add(to, (cer_text){text.data + i, 1});
	}
	cer_writer_put(to, "\"");
}

static void
write_string(json_writer *w, cer_text text)
{
	cer_json_put_string(&w->out, text);
}

static void
write_key(json_writer *w, const char *key)
{
	cer_writer_format(&w->out, "\"%s\": ", key);
}

/* A name as the language writes it where a column stands. */
static cer_status
write_name(json_writer *w, const cer_ast *node)
{
	cer_ast alone = {.kind = CER_AST_COLUMN,
	                 .name = node->name,
	                 .qualifier = node->qualifier};
	cer_text text;

	CER_TRY(cer_ast_print(w->out.arena, &alone, &text, w->err));
	write_string(w, text);
	return CER_OK;
}

/* A word alone, which may be the name of a table: with quotes if need be. */
static cer_status
write_word(json_writer *w, const cer_ast *call)
{
	cer_text text;

	CER_TRY(cer_ast_print(w->out.arena, call, &text, w->err));
	write_string(w, text);
	return CER_OK;
}

static cer_status
write_names(json_writer *w, const cer_ast *list)
{
	cer_writer_put(&w->out, "[");
	for (const cer_ast *name = list->first; name; name = name->next)
	{
		CER_TRY(write_name(w, name));
		cer_writer_put(&w->out, name->next ? ", " : "");
	}
	cer_writer_put(&w->out, "]");
	return CER_OK;
}

/* ---------------------------------------------------------------- values */

static cer_status
write_list(json_writer *w, const cer_ast *first, size_t n)
{
	cer_writer_put(&w->out, "[");
	for (const cer_ast *child = first; n > 0; child = child->next, n--)
	{
		CER_TRY(write_value(w, child));
		cer_writer_put(&w->out, n > 1 ? ", " : "");
	}
	cer_writer_put(&w->out, "]");
	return CER_OK;
}

static void
write_widths(json_writer *w, const cer_binding *binding)
{
	cer_writer_put(&w->out, "[");
	for (size_t i = 0; i < binding->n_widths; i++)
		cer_writer_format(&w->out, "%s%zu", i > 0 ? ", " : "",
		                  binding->widths[i]);
	cer_writer_put(&w->out, "]");
}

static cer_status
write_argument(json_writer *w, const cer_binding *binding, size_t i,
               const char **separator)
{
	const cer_arg *arg = &binding->word->args[i];
	bool is_list = arg->type == CER_ARG_WIDTHS || arg->type == CER_ARG_CHILDREN;

	if (binding->written[i] == NULL && !is_list)
		return CER_OK;
	cer_writer_put(&w->out, *separator);
	*separator = ", ";
	write_key(w, arg->name);
	switch (arg->type)
	{
		case CER_ARG_WIDTHS:
			write_widths(w, binding);
			return CER_OK;
		case CER_ARG_CHILDREN:
			return write_list(w, binding->rest, binding->n_rest);
		case CER_ARG_FLAG:
			cer_writer_put(&w->out, "true");
			return CER_OK;
		case CER_ARG_TABLE:
			return write_name(w, binding->written[i]);
		default:
			return write_value(w, binding->written[i]);
	}
}

/* Arguments of a call that nobody knows: those without names in a list. */
static cer_status
write_unknown(json_writer *w, const cer_ast *call)
{
	const char *separator = "";
	size_t n = 0;

	for (const cer_ast *child = call->first; child; child = child->next)
		n += child->kind != CER_AST_NAMED;
	if (n > 0)
	{
		write_key(w, CER_JSON_ARGUMENTS);
		CER_TRY(write_list(w, call->first, n));
		separator = ", ";
	}
	for (const cer_ast *child = call->first; child; child = child->next)
	{
		if (child->kind != CER_AST_NAMED)
			continue;
		cer_writer_put(&w->out, separator);
		separator = ", ";
		write_string(w, child->name);
		cer_writer_put(&w->out, ": ");
		CER_TRY(write_value(w, child->first));
	}
	return CER_OK;
}

const cer_word *
cer_json_find_word(cer_text name)
{
	static const cer_word_kind kinds[] = {CER_WORD_STRUCTURE, CER_WORD_LAYER,
	                                      CER_WORD_OPTIMIZER, CER_WORD_ENCODER};
	const cer_word *word = NULL;

	for (size_t i = 0; i < 4 && word == NULL; i++)
		word = cer_schema_find(kinds[i], name);
	return word;
}

static cer_status
write_call(json_writer *w, const cer_ast *call)
{
	const cer_word *word = cer_json_find_word(call->name);
	const char *separator = "";
	cer_binding binding;

	if (call->first == NULL)
		return write_word(w, call);
	cer_writer_put(&w->out, "{");
	write_string(w, call->name);
	cer_writer_put(&w->out, ": {");
	if (word == NULL)
		CER_TRY(write_unknown(w, call));
	else
	{
		CER_TRY(cer_call_bind(call, word, CER_FORM_TRIPLE, &binding, w->err));
		for (size_t i = 0; i < word->n_args; i++)
			CER_TRY(write_argument(w, &binding, i, &separator));
	}
	cer_writer_put(&w->out, "}}");
	return CER_OK;
}

static cer_status
write_value(json_writer *w, const cer_ast *value)
{
	switch (value->kind)
	{
		case CER_AST_NUMBER:
			cer_writer_put_number(&w->out, value->number);
			return CER_OK;
		case CER_AST_CHAIN:
		case CER_AST_PLUS:
			return write_list(w, value->first, cer_ast_count(value));
		case CER_AST_TIMES:
			cer_writer_put(&w->out, "{\"x\": ");
			CER_TRY(write_list(w, value->first, 2));
			cer_writer_put(&w->out, "}");
			return CER_OK;
		default:
			return write_call(w, value);
	}
}

/* ---------------------------------------------------------------- FE */

static void
write_sql(json_writer *w, const char *key, cer_text sql)
{
	cer_writer_put(&w->out, ", ");
	write_key(w, key);
	write_string(w, sql);
}

static cer_status
write_encoder(json_writer *w, const cer_ast *encoder)
{
	if (encoder == NULL)
		return CER_OK;
	cer_writer_put(&w->out, ", ");
	write_key(w, "encoder");
	return write_value(w, encoder);
}

static cer_status
write_values(json_writer *w, const cer_ast *value)
{
	cer_writer_put(&w->out, ", \"values\": {");
	for (; value && value->kind == CER_AST_DERIVED; value = value->next)
	{
		CER_TRY(write_name(w, value));
		cer_writer_put(&w->out, ": ");
		write_string(w, value->first->name);
		if (value->next && value->next->kind == CER_AST_DERIVED)
			cer_writer_put(&w->out, ", ");
	}
	cer_writer_put(&w->out, "}");
	return CER_OK;
}

static cer_status
write_clause(json_writer *w, const cer_ast *clause)
{
	switch (clause->kind)
	{
		case CER_AST_ALIAS:
			cer_writer_put(&w->out, ", \"alias\": ");
			return write_name(w, clause);
		case CER_AST_VIA:
			cer_writer_put(&w->out, ", \"via\": ");
			return write_names(w, clause);
		case CER_AST_USING:
			cer_writer_put(&w->out, ", \"using\": ");
			return write_names(w, clause);
		case CER_AST_ON:
			write_sql(w, "on", clause->first->name);
			return CER_OK;
		case CER_AST_WHERE:
			write_sql(w, "where", clause->first->name);
			return CER_OK;
		case CER_AST_WINDOW:
			write_sql(w, "window", clause->first->name);
			return CER_OK;
		default:
			return CER_OK;
	}
}

static cer_status
write_table(json_writer *w, const cer_ast *table)
{
	bool is_join = table->kind == CER_AST_JOIN;
	bool has_values = false;

	cer_writer_put(&w->out, "{");
	write_key(w, is_join ? "join" : "aggregate");
	CER_TRY(write_name(w, table));
	for (const cer_ast *child = table->first; child; child = child->next)
	{
		if (child->kind == CER_AST_DERIVED && !has_values)
			CER_TRY(write_values(w, child));
		has_values |= child->kind == CER_AST_DERIVED;
		CER_TRY(write_clause(w, child));
	}
	if (table->flag)
		cer_writer_put(&w->out,
		               is_join ? ", \"last\": true" : ", \"uncut\": true");
	cer_writer_put(&w->out, "}");
	return CER_OK;
}

static cer_status
write_column(json_writer *w, const cer_ast *column)
{
	bool is_derived = column->kind == CER_AST_DERIVED;

	if (!is_derived && column->first == NULL)
		return write_name(w, column);
	cer_writer_put(&w->out, "{");
	write_key(w, "column");
	CER_TRY(write_name(w, column));
	if (is_derived)
		write_sql(w, "sql", column->first->name);
	CER_TRY(write_encoder(w, is_derived ? column->first->next : column->first));
	cer_writer_put(&w->out, "}");
	return CER_OK;
}

static cer_status
write_item(json_writer *w, const cer_ast *item)
{
	switch (item->kind)
	{
		case CER_AST_STAR:
			cer_writer_put(&w->out, "\"*\"");
			return CER_OK;
		case CER_AST_EXCEPT:
			cer_writer_put(&w->out, "{\"except\": ");
			CER_TRY(write_names(w, item));
			cer_writer_put(&w->out, "}");
			return CER_OK;
		case CER_AST_JOIN:
		case CER_AST_AGGREGATE:
			return write_table(w, item);
		default:
			return write_column(w, item);
	}
}

/* ---------------------------------------------------------------- triple */

static cer_status
write_fe(json_writer *w, const cer_ast *fe)
{
	cer_writer_put(&w->out, "[");
	for (const cer_ast *item = fe->first; item; item = item->next)
	{
		CER_TRY(write_item(w, item));
		cer_writer_put(&w->out, item->next ? ", " : "");
	}
	cer_writer_put(&w->out, "]");
	return CER_OK;
}

static cer_status
write_pt(json_writer *w, const cer_ast *pt)
{
	cer_writer_put(&w->out, "{");
	for (const cer_ast *child = pt->first; child; child = child->next)
	{
		bool is_optimizer = child->kind == CER_AST_CALL;

		if (is_optimizer)
			write_key(w, CER_JSON_OPTIMIZER);
		else
		{
			write_string(w, child->name);
			cer_writer_put(&w->out, ": ");
		}
		CER_TRY(write_value(w, is_optimizer ? child : child->first));
		cer_writer_put(&w->out, child->next ? ", " : "");
	}
	cer_writer_put(&w->out, "}");
	return CER_OK;
}

static cer_status
write_section(json_writer *w, const cer_ast *section)
{
	cer_writer_put(&w->out, ", ");
	switch (section->kind)
	{
		case CER_AST_FE:
			write_key(w, "fe");
			return write_fe(w, section);
		case CER_AST_AS:
			write_key(w, "as");
			return write_value(w, section->first);
		default:
			write_key(w, "pt");
			return write_pt(w, section);
	}
}

static cer_status
write_triple(cer_arena *arena, const cer_ast *triple, cer_text *json,
             cer_error *err)
{
	json_writer w = {.out = {.arena = arena}, .err = err};

	cer_writer_format(&w.out, "{\"version\": %d", CER_LANGUAGE_VERSION);
	for (const cer_ast *section = triple->first; section;
	     section = section->next)
		CER_TRY(write_section(&w, section));
	cer_writer_put(&w.out, "}");
	return cer_writer_finish(&w.out, json, err);
}

cer_status
cer_mst_to_json(cer_arena *arena, const cer_mst *mst, cer_text *json,
                cer_error *err)
{
	return write_triple(arena, mst->ast, json, err);
}

cer_status
cer_pattern_to_json(cer_arena *arena, const cer_pattern *pattern,
                    cer_text *json, cer_error *err)
{
	return write_triple(arena, pattern->ast, json, err);
}
