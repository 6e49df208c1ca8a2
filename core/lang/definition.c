/*
 * lang/definition.c
 *	  Reading how a structure is written.
 */
#include "lang/definition.h"

#include "base/text.h"
#include "lang/parse_private.h"
#include "lang/suggest.h"

#include <string.h>

/* Of one definition: the parameters so far. */
typedef struct definition
{
	cer_parser p;
	cer_word *word;
	cer_arg args[CER_MAX_ARGS];
} definition;

static const struct
{
	const char *name;
	cer_arg_type type;
} types[] = {
	{"integer", CER_ARG_INTEGER},       {"number", CER_ARG_NUMBER},
	{"activation", CER_ARG_ACTIVATION}, {"widths", CER_ARG_WIDTHS},
	{"layer", CER_ARG_LAYER},
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

const char *
cer_arg_type_name(cer_arg_type type)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].type == type)
			return types[i].name;
	return "word";
}

/* Ended by NUL. */
static cer_status
copy_string(cer_parser *p, cer_text text, const char **string)
{
	char *copy = cer_arena_allocate(p->arena, text.size + 1);

	if (copy == NULL)
		return cer_fail_memory(p->err, text.size + 1);
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	*string = copy;
	return CER_OK;
}

/* ---------------------------------------------------------------- types */

static cer_status
fail_type(cer_parser *p)
{
	cer_suggestion suggestion;

	cer_parser_fail(p, "a type: integer, number, activation, widths or layer");
	cer_suggestion_init(&suggestion, p->token.source);
	for (size_t i = 0; i < N_TYPES; i++)
		cer_suggestion_offer(&suggestion, cer_text_of(types[i].name));
	cer_suggestion_hint(&suggestion, p->err);
	return CER_SYNTAX;
}

static cer_status
parse_type(cer_parser *p, cer_arg *arg)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (p->token.kind == CER_TOKEN_NAME &&
		    cer_text_is(p->token.name, types[i].name))
		{
			arg->type = types[i].type;
			return cer_parser_advance(p);
		}
	return fail_type(p);
}

static void
set_range(cer_arg *arg)
{
	bool is_count = arg->type == CER_ARG_INTEGER || arg->type == CER_ARG_WIDTHS;

	arg->least = is_count ? 1 : CER_LEAST_NUMBER;
	arg->most = is_count ? CER_MAX_UNITS : CER_MOST_NUMBER;
}

/* ---------------------------------------------------------------- defaults */

/* The range of dropout. */
static void
set_share(cer_arg *arg)
{
	arg->least = 0;
	arg->most = 1;
	arg->is_below_most = true;
}

/* PT.name, of the settings that structures take */
static cer_status
parse_setting(cer_parser *p, cer_arg *arg)
{
	static const struct
	{
		const char *name;
		cer_arg_type type;
	} settings[] = {{"activation", CER_ARG_ACTIVATION},
	                {"dropout", CER_ARG_NUMBER}};

	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parser_expect(p, '.', "\".\" and a setting"));
	for (size_t i = 0; i < 2; i++)
		if (settings[i].type == arg->type && p->token.kind == CER_TOKEN_NAME &&
		    cer_text_is(p->token.name, settings[i].name))
		{
			arg->setting = settings[i].name;
			if (arg->type == CER_ARG_NUMBER)
				set_share(arg);
			return cer_parser_advance(p);
		}
	return cer_parser_fail(p, "activation of an activation, or dropout of a "
	                          "number");
}

static cer_status
parse_activation(cer_parser *p, cer_arg *arg)
{
	const cer_word *word = NULL;
	cer_ast *call;

	CER_TRY(cer_parse_operand(p, "an activation", &call));
	CER_TRY(cer_call_find_word(call, CER_WORD_ACTIVATION, &word, p->err));
	arg->fallback = word->code;
	return CER_OK;
}

/* '(' width {',' width} ')' */
static cer_status
parse_widths(cer_parser *p, cer_arg *arg)
{
	cer_ast list = {.kind = CER_AST_CALL, .place = p->token.place};
	cer_word word = {.name = "a default", .n_args = 1, .args = arg};
	cer_binding binding;
	size_t *widths;

	CER_TRY(cer_parser_open(p, "\"(\" and widths"));
	CER_TRY(cer_parse_list(p, cer_parse_argument, &list));
	CER_TRY(cer_parser_close(p));
	CER_TRY(cer_call_bind(&list, &word, CER_FORM_TRIPLE, &binding, p->err));
	widths = cer_arena_allocate(p->arena, binding.n_widths * sizeof(*widths));
	if (widths == NULL)
		return cer_fail_memory(p->err, binding.n_widths * sizeof(*widths));
	memcpy(widths, binding.widths, binding.n_widths * sizeof(*widths));
	arg->n_fallback_units = binding.n_widths;
	arg->fallback_units = widths;
	return CER_OK;
}

static cer_status
parse_number(cer_parser *p, double *number)
{
	cer_ast *ast;

	CER_TRY(cer_parse_number(p, &ast));
	*number = ast->number;
	return CER_OK;
}

static cer_status
parse_default(cer_parser *p, cer_arg *arg)
{
	if (cer_parser_is_word(p, "PT"))
		return parse_setting(p, arg);
	switch (arg->type)
	{
		case CER_ARG_ACTIVATION:
			return parse_activation(p, arg);
		case CER_ARG_WIDTHS:
			return parse_widths(p, arg);
		case CER_ARG_LAYER:
			return cer_parser_fail(p, "\",\", as a layer has no default");
		default:
			return parse_number(p, &arg->fallback);
	}
}

/* ---------------------------------------------------------------- ranges */

static cer_status
parse_range(cer_parser *p, cer_arg *arg)
{
	bool is_there;

	if (arg->type != CER_ARG_INTEGER && arg->type != CER_ARG_NUMBER &&
	    arg->type != CER_ARG_WIDTHS)
		return CER_OK;
	CER_TRY(cer_parser_skip_word(p, "ABOVE", &arg->is_above_least));
	is_there = arg->is_above_least;
	if (!is_there)
		CER_TRY(cer_parser_skip_word(p, "FROM", &is_there));
	if (!is_there)
		return CER_OK;
	CER_TRY(parse_number(p, &arg->least));
	CER_TRY(cer_parser_skip_word(p, "TO", &is_there));
	if (!is_there)
		return cer_parser_fail(p, "\"to\" and the largest value");
	CER_TRY(cer_parser_skip_word(p, "BELOW", &arg->is_below_most));
	return parse_number(p, &arg->most);
}

static cer_status
check_default(cer_parser *p, const cer_arg *arg, cer_place place)
{
	cer_ast number = {
		.kind = CER_AST_NUMBER, .place = place, .number = arg->fallback};

	if (arg->is_required || arg->setting != NULL ||
	    (arg->type != CER_ARG_INTEGER && arg->type != CER_ARG_NUMBER))
		return CER_OK;
	return cer_arg_check(arg, &number, p->err);
}

static cer_status
check_limits(cer_parser *p, const cer_arg *arg, cer_place place)
{
	bool is_count = arg->type == CER_ARG_WIDTHS || arg->type == CER_ARG_INTEGER;

	if (arg->least <= arg->most && arg->least >= CER_LEAST_NUMBER &&
	    arg->most <= CER_MOST_NUMBER &&
	    (arg->type != CER_ARG_WIDTHS ||
	     (arg->least >= 1 && arg->most <= CER_MAX_UNITS)))
		return CER_OK;
	return cer_fail_at(p->err, CER_BAD_VALUE, place,
	                   "range of \"%s\" is no range of %s", arg->name,
	                   is_count ? "whole numbers" : "numbers");
}

/* ------------------------------------------------------------- parameters */

static cer_status
check_name(definition *d, cer_text name)
{
	cer_parser *p = &d->p;

	if (p->token.kind != CER_TOKEN_NAME)
		return cer_parser_fail(p, "the name of a parameter");
	if (d->word->n_args == CER_MAX_ARGS)
		return cer_fail_at(p->err, CER_TOO_BIG, p->token.place,
		                   "more than %d parameters", CER_MAX_ARGS);
	if (cer_word_find_arg(d->word, name) == NULL)
		return CER_OK;
	return cer_fail_at(p->err, CER_BAD_VALUE, p->token.place,
	                   "parameter \"%.*s\" is given twice", CER_SHOW(name));
}

/* A list of widths takes all that has no name: it stands first. */
static cer_status
check_widths(definition *d, const cer_arg *arg, cer_place place)
{
	if (arg->type != CER_ARG_WIDTHS)
		return CER_OK;
	if (d->word->n_args > 0)
		return cer_fail_at(d->p.err, CER_BAD_VALUE, place,
		                   "parameter \"%s\" is of widths but not the first",
		                   arg->name);
	if (arg->n_fallback_units == 0)
		return cer_fail_at(d->p.err, CER_BAD_VALUE, place,
		                   "parameter \"%s\" of widths has no default",
		                   arg->name);
	return CER_OK;
}

static cer_status
parse_parameter(cer_parser *p, cer_ast **unused)
{
	definition *d = (definition *) p; /* its first member */
	cer_place place = p->token.place;
	cer_arg *arg = &d->args[d->word->n_args];

	CER_TRY(check_name(d, p->token.name));
	*arg = (cer_arg){.help = "a parameter", .is_required = true};
	CER_TRY(copy_string(p, p->token.name, &arg->name));
	CER_TRY(cer_parser_advance(p));
	CER_TRY(parse_type(p, arg));
	set_range(arg);
	if (p->token.kind == '=')
	{
		arg->is_required = false;
		CER_TRY(cer_parser_advance(p));
		CER_TRY(parse_default(p, arg));
	}
	CER_TRY(parse_range(p, arg));
	CER_TRY(check_limits(p, arg, place));
	CER_TRY(check_default(p, arg, place));
	CER_TRY(check_widths(d, arg, place));
	arg->is_positional = arg->type == CER_ARG_WIDTHS ||
	                     (arg->is_required && d->word->n_args == 0);
	d->word->n_args++;
	return cer_parser_make(p, CER_AST_NAMED, unused);
}

static cer_status
parse_parameters(definition *d)
{
	cer_parser *p = &d->p;
	cer_ast unused = {0};

	if (p->token.kind != '(')
		return CER_OK;
	CER_TRY(cer_parser_open(p, "\"(\""));
	CER_TRY(cer_parse_list(p, parse_parameter, &unused));
	CER_TRY(cer_parser_close(p));
	return cer_parser_expect(p, '=', "\"=\" and the layers");
}

/* ---------------------------------------------------------------- bodies */

static cer_status
parse_body(cer_parser *p, cer_ast **body)
{
	p->is_definition = true;
	CER_TRY(cer_parse_value(p, "layers", body));
	if (p->token.kind != CER_TOKEN_END)
		return cer_parser_fail(p, "\">\" or the end");
	return CER_OK;
}

cer_status
cer_definition_parse_body(cer_arena *arena, cer_text text, cer_ast **body,
                          cer_error *err)
{
	cer_parser p;

	CER_TRY(cer_parser_init(&p, arena, text, err));
	return parse_body(&p, body);
}

static cer_status
copy_args(definition *d)
{
	size_t size = d->word->n_args * sizeof(cer_arg);
	cer_arg *args;

	if (size == 0)
		return CER_OK;
	args = cer_arena_allocate(d->p.arena, size);
	if (args == NULL)
		return cer_fail_memory(d->p.err, size);
	memcpy(args, d->args, size);
	d->word->args = args;
	return CER_OK;
}

/* name(width integer = 64) = ...: the name is given apart. */
static cer_status
parse_all(definition *d, cer_ast **body)
{
	bool repeats_name = d->p.token.kind == CER_TOKEN_NAME &&
	                    cer_text_is(d->p.token.name, d->word->name);
	cer_status status = parse_parameters(d);

	if (status == CER_OK)
		status = parse_body(&d->p, body);
	if (status == CER_SYNTAX && repeats_name)
		cer_error_set_hint(d->p.err, "The definition does not repeat the name: "
		                             "(width integer = 64) = dense(width).");
	return status;
}

cer_status
cer_definition_parse(cer_arena *arena, const cer_structure *structure,
                     cer_word *word, cer_ast **body, cer_error *err)
{
	definition d = {.word = word};
	cer_text text;

	CER_TRY(cer_parser_init(&d.p, arena, structure->definition, err));
	*word = (cer_word){.help = "a structure of a user's own",
	                   .kind = CER_WORD_STRUCTURE,
	                   .args = d.args};
	CER_TRY(copy_string(&d.p, structure->name, &word->name));
	CER_TRY(parse_all(&d, body));
	CER_TRY(cer_ast_print(arena, *body, &text, err));
	word->body = text.data;
	return copy_args(&d);
}
