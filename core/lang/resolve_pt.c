/*
 * lang/resolve_pt.c
 *	  PT: the optimizer with all of its arguments, then settings in the schema's
 *	  order; what equals the default of the language version is left out.
 */
#include "lang/resolver.h"

#include "base/text.h"
#include "lang/bind.h"

/* PT sorted by what its parts are. */
typedef struct training
{
	const cer_word *section;
	cer_ast *optimizer; /* in a space perhaps a CHOICE of them */
	cer_ast settings;   /* NAMED: of the section */
	cer_ast loose;      /* NAMED: of the optimizer, if it knows them */
} training;

/* A word alone: an optimizer, or an activation as a shorthand. */
static cer_status
sort_call(cer_resolver *r, training *t, cer_ast *call)
{
	cer_text name = call->name;
	cer_ast *named;

	if (cer_schema_find(CER_WORD_ACTIVATION, name) != NULL)
	{
		CER_TRY(cer_resolver_make_node(r, CER_AST_NAMED, call->place, &named));
		named->name = cer_text_of("activation");
		cer_ast_append(named, call);
		cer_ast_append(&t->settings, named);
		return CER_OK;
	}
	if (call->first == NULL && cer_word_find_arg(t->section, name) != NULL)
	{
		cer_fail_at(r->err, CER_SYNTAX, call->place,
		            "setting \"%.*s\" without a value", CER_SHOW(name));
		cer_error_set_hint(r->err, "Write its value after \"=\".");
		return CER_SYNTAX;
	}
	if (t->optimizer != NULL)
		return cer_fail_at(r->err, CER_BAD_VALUE, call->place,
		                   "second optimizer \"%.*s\"", CER_SHOW(name));
	t->optimizer = call;
	return CER_OK;
}

/* name = value; in a space it may be optional, or on a condition */
static cer_ast *
get_named(cer_ast *child)
{
	while (child->kind == CER_AST_OPTIONAL || child->kind == CER_AST_CONDITION)
		child = child->first;
	return child->kind == CER_AST_NAMED ? child : NULL;
}

static bool
is_activation(const cer_ast *value)
{
	return value->kind == CER_AST_CALL &&
	       cer_schema_find(CER_WORD_ACTIVATION, value->name) != NULL;
}

/* {relu, gelu} is activation = {relu, gelu}; {adam, sgd} are optimizers. */
static cer_status
sort_choice(cer_resolver *r, training *t, cer_ast *choice)
{
	const cer_ast *values = choice;
	cer_ast *named;

	while (values->kind != CER_AST_CHOICE && values->first != NULL)
		values = values->first;
	for (const cer_ast *value = values->first; value; value = value->next)
		if (value->kind != CER_AST_CALL ||
		    is_activation(value) != is_activation(values->first))
		{
			cer_fail_at(r->err, CER_BAD_VALUE, value->place,
			            "choice that is neither of optimizers nor of "
			            "activations");
			cer_error_set_hint(r->err, "Choose values: batch = {64, 128}.");
			return CER_BAD_VALUE;
		}
	if (values->first != NULL && is_activation(values->first))
	{
		CER_TRY(
			cer_resolver_make_node(r, CER_AST_NAMED, choice->place, &named));
		named->name = cer_text_of("activation");
		cer_ast_append(named, choice);
		cer_ast_append(&t->settings, named);
		return CER_OK;
	}
	if (t->optimizer != NULL || choice->kind != CER_AST_CHOICE)
		return cer_fail_at(r->err, CER_BAD_VALUE, choice->place,
		                   "second choice of optimizers, or one on a "
		                   "condition");
	t->optimizer = choice;
	return CER_OK;
}

static cer_status
sort_setting(cer_resolver *r, training *t, cer_ast *child)
{
	const cer_ast *named = get_named(child);

	if (child->kind == CER_AST_CALL)
		return sort_call(r, t, child);
	if (named != NULL)
	{
		bool is_setting = cer_word_find_arg(t->section, named->name) != NULL;

		cer_ast_append(is_setting ? &t->settings : &t->loose, child);
		return CER_OK;
	}
	if (cer_ast_is_many(child))
		return sort_choice(r, t, child);
	return cer_fail_at(r->err, CER_SYNTAX, child->place,
	                   "a number without a setting");
}

static cer_status
sort_settings(cer_resolver *r, cer_ast *pt, training *t)
{
	cer_ast *next;

	for (cer_ast *child = pt->first; child; child = next)
	{
		next = child->next;
		CER_TRY(sort_setting(r, t, child));
	}
	return CER_OK;
}

static cer_status
fail_loose(cer_resolver *r, const cer_ast *named, const cer_word *section)
{
	cer_arg_fail_unknown(named, section, r->err);
	for (size_t i = 0; i < cer_schema_count(); i++)
		if (cer_schema_get(i)->kind == CER_WORD_OPTIMIZER &&
		    cer_word_find_arg(cer_schema_get(i), named->name) != NULL)
			cer_error_set_hint(r->err, "%s has an argument \"%.*s\".",
			                   cer_schema_get(i)->name, CER_SHOW(named->name));
	return CER_UNKNOWN_NAME;
}

/* A name that is no setting: of the optimizer, or of another one, or unknown. */
static cer_status
check_loose(cer_resolver *r, const training *t, const cer_word *optimizer)
{
	for (cer_ast *child = t->loose.first; child; child = child->next)
		if (cer_word_find_arg(optimizer, get_named(child)->name) == NULL)
			return fail_loose(r, get_named(child), t->section);
	return CER_OK;
}

static cer_status
resolve_optimizer(cer_resolver *r, training *t)
{
	const cer_word *word = NULL;
	cer_binding binding;

	CER_TRY(
		cer_call_find_word(t->optimizer, CER_WORD_OPTIMIZER, &word, r->err));
	CER_TRY(check_loose(r, t, word));
	cer_ast_move_children(t->optimizer, &t->loose);
	CER_TRY(cer_call_bind(t->optimizer, word, r->form, &binding, r->err));
	r->mst->settings.optimizer = (cer_optimizer) word->code;
	cer_binding_store(&binding, &r->mst->settings);
	return cer_binding_rewrite(r->arena, &binding, t->optimizer, r->err);
}

static cer_status
resolve_settings(cer_resolver *r, training *t)
{
	cer_binding binding;

	CER_TRY(cer_call_bind(&t->settings, t->section, r->form, &binding, r->err));
	cer_binding_store(&binding, &r->mst->settings);
	return cer_binding_rewrite(r->arena, &binding, &t->settings, r->err);
}

/* Leaves pt empty where all is as the language version has it. */
cer_status
cer_resolve_pt(cer_resolver *r, cer_ast *pt)
{
	training t = {.section =
	                  cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"))};

	CER_TRY(sort_settings(r, pt, &t));
	if (t.optimizer == NULL)
		CER_TRY(cer_resolver_make_call(r, CER_DEFAULT_OPTIMIZER, pt->place,
		                               &t.optimizer));
	CER_TRY(resolve_optimizer(r, &t));
	CER_TRY(resolve_settings(r, &t));
	cer_ast_remove_children(pt);
	if (t.optimizer->first != NULL ||
	    !cer_text_is(t.optimizer->name, CER_DEFAULT_OPTIMIZER))
		cer_ast_append(pt, t.optimizer);
	cer_ast_move_children(pt, &t.settings);
	return CER_OK;
}

/* ------------------------------------------------- patterns and spaces */

/* Takes part in the canonical text, but fills no settings. */
static cer_status
resolve_open_optimizer(cer_resolver *r, cer_ast *call)
{
	const cer_word *word = NULL;
	cer_binding binding;

	CER_TRY(cer_call_find_word(call, CER_WORD_OPTIMIZER, &word, r->err));
	CER_TRY(cer_call_bind(call, word, r->form, &binding, r->err));
	return cer_binding_rewrite(r->arena, &binding, call, r->err);
}

/* An argument of an optimizer, which may be any that has it. */
static cer_status
check_any(cer_resolver *r, const training *t, cer_ast *child)
{
	const cer_ast *named = get_named(child);

	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);
		const cer_arg *arg = word->kind == CER_WORD_OPTIMIZER
		                         ? cer_word_find_arg(word, named->name)
		                         : NULL;

		if (arg != NULL)
			return cer_arg_check_many(arg, named->first, r->err);
	}
	return fail_loose(r, named, t->section);
}

/* What each optimizer of a choice is to have, all must know; what only some
 * know stands inside the braces, or has a condition. */
static cer_status
check_choice(cer_resolver *r, const training *t, cer_ast *child)
{
	const cer_ast *named = get_named(child);
	const cer_word *word = NULL;

	if (child->kind == CER_AST_CONDITION ||
	    named->first->kind == CER_AST_CONDITION)
		return CER_OK;
	for (const cer_ast *call = t->optimizer->first; call; call = call->next)
	{
		CER_TRY(cer_call_find_word(call, CER_WORD_OPTIMIZER, &word, r->err));
		if (cer_word_find_arg(word, named->name) == NULL)
			return cer_arg_fail_unknown(named, word, r->err);
	}
	return CER_OK;
}

/* Settings of a name stand once. */
static cer_status
check_once(cer_resolver *r, cer_ast *loose)
{
	for (cer_ast *child = loose->first; child && child->next;
	     child = child->next)
		for (cer_ast *other = child->next; other; other = other->next)
			if (cer_text_equals(get_named(child)->name, get_named(other)->name))
				return cer_fail_at(r->err, CER_BAD_VALUE, other->place,
				                   "%.*s is given twice",
				                   CER_SHOW(get_named(other)->name));
	return CER_OK;
}

static cer_status
resolve_choice(cer_resolver *r, training *t)
{
	for (cer_ast *child = t->loose.first; child; child = child->next)
	{
		CER_TRY(check_any(r, t, child));
		CER_TRY(check_choice(r, t, child));
	}
	for (cer_ast *call = t->optimizer->first; call; call = call->next)
		CER_TRY(resolve_open_optimizer(r, call));
	return check_once(r, &t->loose);
}

/* A pattern may leave the optimizer free, but name an argument of it. */
static cer_status
resolve_open_training(cer_resolver *r, training *t)
{
	const cer_word *word = NULL;

	if (t->optimizer != NULL && t->optimizer->kind == CER_AST_CHOICE)
		return resolve_choice(r, t);
	if (t->optimizer == NULL)
	{
		for (cer_ast *child = t->loose.first; child; child = child->next)
			CER_TRY(check_any(r, t, child));
		return check_once(r, &t->loose);
	}
	CER_TRY(
		cer_call_find_word(t->optimizer, CER_WORD_OPTIMIZER, &word, r->err));
	CER_TRY(check_loose(r, t, word));
	cer_ast_move_children(t->optimizer, &t->loose);
	return resolve_open_optimizer(r, t->optimizer);
}

static bool
is_default(const cer_resolver *r, const cer_ast *optimizer)
{
	return r->form == CER_FORM_SPACE && optimizer->first == NULL &&
	       cer_text_is(optimizer->name, CER_DEFAULT_OPTIMIZER);
}

cer_status
cer_resolve_open_pt(cer_resolver *r, cer_ast *pt)
{
	training t = {.section =
	                  cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"))};
	cer_binding binding;

	CER_TRY(sort_settings(r, pt, &t));
	if (t.optimizer == NULL && r->form != CER_FORM_PATTERN)
		CER_TRY(cer_resolver_make_call(r, CER_DEFAULT_OPTIMIZER, pt->place,
		                               &t.optimizer));
	CER_TRY(resolve_open_training(r, &t));
	CER_TRY(cer_call_bind(&t.settings, t.section, r->form, &binding, r->err));
	CER_TRY(cer_binding_rewrite(r->arena, &binding, &t.settings, r->err));
	cer_ast_remove_children(pt);
	if (t.optimizer != NULL && !is_default(r, t.optimizer))
		cer_ast_append(pt, t.optimizer);
	cer_ast_move_children(pt, &t.settings);
	cer_ast_move_children(pt, &t.loose);
	return CER_OK;
}
