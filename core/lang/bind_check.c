/*
 * lang/bind_check.c
 *	  Values beside what an argument allows, and what is said of those that it
 *	  does not.
 */
#include "lang/bind.h"

#include "base/text.h"
#include "lang/number.h"
#include "lang/suggest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* An unknown word may be known as something else. */
static void
explain_other_kind(cer_text name, cer_error *err)
{
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);
		const char *kind = cer_word_kind_name(word->kind);

		if (cer_text_is(name, word->name))
			cer_error_set_detail(err, "\"%s\" is %s %s.", word->name,
			                     strchr("aeo", *kind) ? "an" : "a", kind);
	}
}

/* Names for a sentence, as far as there is room. */
typedef struct names
{
	char text[300];
	size_t size;
} names;

static void
add_name(names *list, const char *name)
{
	if (list->size + strlen(name) + 3 > sizeof(list->text))
		return;
	list->size += (size_t) sprintf(list->text + list->size, "%s%s",
	                               list->size > 0 ? ", " : "", name);
}

static void
explain_words(cer_word_kind kind, cer_error *err)
{
	names list = {.size = 0};

	for (size_t i = 0; i < cer_schema_count(); i++)
		if (cer_schema_get(i)->kind == kind)
			add_name(&list, cer_schema_get(i)->name);
	cer_error_set_detail(err, "Known %ss: %s.", cer_word_kind_name(kind),
	                     list.text);
}

void
cer_word_explain_args(const cer_word *word, cer_error *err)
{
	names list = {.size = 0};

	for (size_t i = 0; i < word->n_args; i++)
		add_name(&list, word->args[i].type == CER_ARG_WIDTHS
		                    ? word->args[i].help
		                    : word->args[i].name);
	if (list.size > 0)
		cer_error_set_detail(err, "%s takes %s.", word->name, list.text);
}

/* Where a structure may stand a layer or an activation may, too. */
static bool
may_stand_for(cer_word_kind is, cer_word_kind asked)
{
	return is == asked || (asked == CER_WORD_STRUCTURE &&
	                       (is == CER_WORD_LAYER || is == CER_WORD_ACTIVATION));
}

cer_status
cer_call_find_word(const cer_ast *call, cer_word_kind kind,
                   const cer_word **word, cer_error *err)
{
	const cer_word *found = cer_schema_find(kind, call->name);
	cer_suggestion suggestion;

	if (found != NULL)
	{
		*word = found;
		return CER_OK;
	}
	cer_fail_at(err, CER_UNKNOWN_NAME, call->place, "unknown %s \"%.*s\"",
	            cer_word_kind_name(kind), CER_SHOW(call->name));
	explain_words(kind, err);
	explain_other_kind(call->name, err);
	cer_suggestion_init(&suggestion, call->name);
	for (size_t i = 0; i < cer_schema_count(); i++)
		if (may_stand_for(cer_schema_get(i)->kind, kind))
			cer_suggestion_offer(&suggestion,
			                     cer_text_of(cer_schema_get(i)->name));
	cer_suggestion_hint(&suggestion, err);
	return CER_UNKNOWN_NAME;
}

bool
cer_arg_takes_rest(const cer_arg *arg)
{
	return arg->type == CER_ARG_WIDTHS || arg->type == CER_ARG_CHILDREN;
}

static void
offer_args(cer_suggestion *suggestion, const cer_word *word)
{
	for (size_t i = 0; i < word->n_args; i++)
		if (!cer_arg_takes_rest(&word->args[i]))
			cer_suggestion_offer_argument(suggestion,
			                              cer_text_of(word->args[i].name));
}

/* What an optimizer takes may stand among the settings too. */
static cer_status
fail_unknown_setting(const cer_ast *setting, const cer_word *section,
                     cer_error *err)
{
	cer_suggestion suggestion;

	cer_fail_at(err, CER_UNKNOWN_NAME, setting->place,
	            "unknown setting \"%.*s\"", CER_SHOW(setting->name));
	cer_word_explain_args(section, err);
	cer_suggestion_init(&suggestion, setting->name);
	offer_args(&suggestion, section);
	for (size_t i = 0; i < cer_schema_count(); i++)
		if (cer_schema_get(i)->kind == CER_WORD_OPTIMIZER)
			offer_args(&suggestion, cer_schema_get(i));
	cer_suggestion_hint(&suggestion, err);
	return CER_UNKNOWN_NAME;
}

cer_status
cer_arg_fail_unknown(const cer_ast *argument, const cer_word *word,
                     cer_error *err)
{
	const cer_word *settings =
		cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));
	cer_suggestion suggestion;

	if (word->kind == CER_WORD_SECTION)
		return fail_unknown_setting(argument, word, err);
	cer_fail_at(err, CER_UNKNOWN_NAME, argument->place,
	            "%s has no argument \"%.*s\"", word->name,
	            CER_SHOW(argument->name));
	cer_word_explain_args(word, err);
	if (cer_word_find_arg(settings, argument->name) != NULL)
		cer_error_set_detail(err, "\"%.*s\" is a setting of PT.",
		                     CER_SHOW(argument->name));
	cer_suggestion_init(&suggestion, argument->name);
	offer_args(&suggestion, word);
	cer_suggestion_hint(&suggestion, err);
	return CER_UNKNOWN_NAME;
}

static const char *
describe_kind(cer_ast_kind kind)
{
	switch (kind)
	{
		case CER_AST_TIMES:
			return "... x ...";
		case CER_AST_FREE_TIMES:
			return "... xx ...";
		case CER_AST_CHAIN:
			return "... > ...";
		case CER_AST_RANGE:
			return "... .. ...";
		case CER_AST_NAMED:
			return "... = ...";
		default:
			return "{...}";
	}
}

void
cer_arg_explain(const cer_arg *arg, cer_error *err)
{
	char range[120];

	cer_arg_describe(arg, range, sizeof(range));
	if (arg->type == CER_ARG_LAYER)
		cer_error_set_detail(err, "%s: %s.", arg->name, arg->help);
	else
		cer_error_set_detail(err, "%s is %s: %s.", arg->name, range, arg->help);
}

static cer_status
fail_value(const cer_arg *arg, const cer_ast *value, cer_error *err)
{
	char number[CER_NUMBER_BYTES] = "";

	if (value->kind == CER_AST_NUMBER)
		cer_number_print(value->number, number);
	else if (value->kind != CER_AST_CALL)
		strcpy(number, describe_kind(value->kind));
	cer_fail_at(err, CER_BAD_VALUE, value->place, "bad value %s%.*s for %s",
	            number, CER_SHOW(value->name), arg->name);
	cer_arg_explain(arg, err);
	return CER_BAD_VALUE;
}

cer_status
cer_arg_check(const cer_arg *arg, const cer_ast *value, cer_error *err)
{
	double number = value->number;

	if (value->kind != CER_AST_NUMBER || number < arg->least ||
	    number > arg->most || (arg->is_above_least && number == arg->least) ||
	    (arg->is_below_most && number == arg->most) ||
	    (arg->type != CER_ARG_NUMBER && number != floor(number)))
		return fail_value(arg, value, err);
	return CER_OK;
}

static cer_status
read_activation(const cer_arg *arg, const cer_ast *value, double *result,
                cer_error *err)
{
	const cer_word *word = NULL;

	if (value->kind != CER_AST_CALL)
		return fail_value(arg, value, err);
	CER_TRY(cer_call_find_word(value, CER_WORD_ACTIVATION, &word, err));
	if (value->first != NULL)
		return cer_fail_at(err, CER_BAD_VALUE, value->first->place,
		                   "%s takes no arguments", word->name);
	*result = word->code;
	return CER_OK;
}

static cer_status
read_choice(const cer_arg *arg, const cer_ast *value, double *result,
            cer_error *err)
{
	const char *const *choice = NULL;
	cer_suggestion suggestion;

	if (value->kind == CER_AST_CALL && value->first == NULL)
		choice = cer_arg_find_choice(arg, value->name);
	if (choice != NULL)
	{
		*result = (double) (choice - arg->choices);
		return CER_OK;
	}
	fail_value(arg, value, err);
	cer_suggestion_init(&suggestion, value->name);
	for (size_t i = 0; arg->choices[i] != NULL; i++)
		cer_suggestion_offer(&suggestion, cer_text_of(arg->choices[i]));
	cer_suggestion_hint(&suggestion, err);
	return CER_BAD_VALUE;
}

static bool
is_layer(const cer_ast *value)
{
	return value->kind == CER_AST_CALL || value->kind == CER_AST_CHAIN;
}

static cer_status
check_list(const cer_arg *arg, const cer_ast *list, cer_error *err)
{
	cer_arg number = *arg;

	number.type = CER_ARG_NUMBER;
	number.is_above_least = false; /* epochs are counted, weights may be 0 */
	number.most = fmax(arg->most, CER_MAX_EPOCHS);
	for (const cer_ast *one = list->first; one; one = one->next)
		CER_TRY(cer_arg_check(&number, one, err));
	return list->first ? CER_OK : fail_value(arg, list, err);
}

static bool
is_call_of(const cer_ast *value, const char *name)
{
	return name != NULL && value->kind == CER_AST_CALL &&
	       cer_text_is(value->name, name);
}

cer_status
cer_arg_read(const cer_arg *arg, const cer_ast *value, double *result,
             cer_error *err)
{
	if (is_call_of(value, arg->word) && value->first == NULL)
	{
		*result = CER_AUTO;
		return CER_OK;
	}
	if (is_call_of(value, arg->list))
	{
		*result = NAN;
		return check_list(arg, value, err);
	}
	switch (arg->type)
	{
		case CER_ARG_ACTIVATION:
			return read_activation(arg, value, result, err);
		case CER_ARG_CHOICE:
			return read_choice(arg, value, result, err);
		case CER_ARG_FLAG:
			*result = 1;
			return CER_OK;
		case CER_ARG_TABLE:
			if (value->kind != CER_AST_CALL || value->first != NULL)
				return fail_value(arg, value, err);
			*result = NAN;
			return CER_OK;
		case CER_ARG_LAYER:
		case CER_ARG_CHILDREN:
			if (!is_layer(value))
				return fail_value(arg, value, err);
			*result = NAN;
			return CER_OK;
		default:
			CER_TRY(cer_arg_check(arg, value, err));
			*result = value->number;
			return CER_OK;
	}
}

bool
cer_ast_is_many(const cer_ast *value)
{
	return value->kind == CER_AST_CHOICE || value->kind == CER_AST_RANGE ||
	       value->kind == CER_AST_OPTIONAL || value->kind == CER_AST_CONDITION;
}

static cer_status
check_range(const cer_arg *arg, const cer_ast *range, cer_error *err)
{
	const cer_ast *most = range->first->next;
	const cer_ast *step = most->next;

	CER_TRY(cer_arg_check(arg, range->first, err));
	CER_TRY(cer_arg_check(arg, most, err));
	if (most->number < range->first->number)
		return cer_fail_at(err, CER_BAD_VALUE, range->place,
		                   "range of %s ends before it begins", arg->name);
	if (range->flag && range->first->number <= 0)
		return cer_fail_at(err, CER_BAD_VALUE, range->place,
		                   "range of %s begins at 0, which has no logarithm",
		                   arg->name);
	if (step && step->first->number <= 0)
		return cer_fail_at(err, CER_BAD_VALUE, step->place,
		                   "step of %s is not above 0", arg->name);
	if (step && range->flag && step->first->number <= 1)
		return cer_fail_at(err, CER_BAD_VALUE, step->place,
		                   "step of %s, which multiplies, is not above 1",
		                   arg->name);
	return CER_OK;
}

cer_status
cer_arg_check_many(const cer_arg *arg, const cer_ast *value, cer_error *err)
{
	bool is_number = arg->type == CER_ARG_NUMBER ||
	                 arg->type == CER_ARG_INTEGER ||
	                 arg->type == CER_ARG_WIDTHS;
	double unused;

	switch (value->kind)
	{
		case CER_AST_CHOICE:
			for (const cer_ast *one = value->first; one; one = one->next)
				CER_TRY(cer_arg_check_many(arg, one, err));
			return CER_OK;
		case CER_AST_CONDITION:
			return cer_arg_check_many(arg, value->first, err);
		case CER_AST_OPTIONAL:
			return arg->is_required
			           ? fail_value(arg, value, err)
			           : cer_arg_check_many(arg, value->first, err);
		case CER_AST_RANGE:
			return is_number ? check_range(arg, value, err)
			                 : fail_value(arg, value, err);
		default:
			return cer_arg_read(arg, value, &unused, err);
	}
}
