/*
 * lang/resolve_pt.c
 *	  PT: the optimizer with all of its arguments, then settings in the schema's
 *	  order; what equals the default of the language version is left out.
 */
#include "lang/resolver.h"

#include "base/text.h"
#include "lang/bind.h"
#include "lang/path.h"

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
	if (call->first == NULL && cer_schema_is_setting(name))
	{
		cer_fail_at(r->err, CER_SYNTAX, call->place,
		            "setting \"%.*s\" without a value", CER_SHOW(name));
		cer_error_set_hint(r->err, "Write its value after \"=\".");
		return CER_SYNTAX;
	}
	if (t->optimizer != NULL)
	{
		cer_fail_at(r->err, CER_BAD_VALUE, call->place,
		            "second optimizer \"%.*s\"", CER_SHOW(name));
		cer_error_set_hint(r->err, "A triple has one; a space chooses from "
		                           "several: PT {adam, sgd}.");
		return CER_BAD_VALUE;
	}
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
	if (is_activation(values->first ? values->first : values))
	{
		CER_TRY(
			cer_resolver_make_node(r, CER_AST_NAMED, choice->place, &named));
		named->name = cer_text_of("activation");
		cer_ast_append(named, choice);
		cer_ast_append(&t->settings, named);
		return CER_OK;
	}
	if (t->optimizer != NULL)
		return cer_fail_at(r->err, CER_BAD_VALUE, choice->place,
		                   "second choice of optimizers");
	if (choice->kind != CER_AST_CHOICE)
	{
		cer_fail_at(r->err, CER_BAD_VALUE, choice->place,
		            "an optimizer cannot be left out, nor have a condition");
		cer_error_set_hint(r->err, "Choose one of several: {adamw, sgd}.");
		return CER_BAD_VALUE;
	}
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
	cer_fail_at(r->err, CER_SYNTAX, child->place, "%s without a setting",
	            child->kind == CER_AST_CHAIN ? "a row of layers" : "a number");
	cer_error_set_hint(r->err, "A setting is written with \"=\", a number with "
	                           "a point: lr = 0.01.");
	return CER_SYNTAX;
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
	if (cer_text_is(named->name, "optimizer"))
		cer_error_set_hint(r->err, "An optimizer is written by its name alone: "
		                           "PT adam, lr = 0.01.");
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

/* Puts values into the triple's settings; what is left to the structure gets
 * the value that it has there. */
static void
store(cer_resolver *r, const cer_binding *binding)
{
	cer_binding known = *binding;

	for (size_t i = 0; i < known.word->n_args; i++)
		if (known.word->args[i].word && known.values[i] == CER_AUTO)
			known.values[i] = cer_recipe_get(r->head, known.word->args[i].name);
	cer_binding_store(&known, &r->mst->settings);
}

static cer_ast *
find_list(const cer_binding *binding, const char *name)
{
	const cer_word *word = binding->word;

	for (size_t i = 0; i < word->n_args; i++)
	{
		cer_ast *value = binding->written[i];

		if (cer_text_is(cer_text_of(name), word->args[i].name) &&
		    value != NULL && value->kind == CER_AST_CALL &&
		    cer_text_is(value->name, word->args[i].list))
			return value;
	}
	return NULL;
}

static cer_status
fail_pieces(cer_resolver *r, const cer_ast *at)
{
	cer_fail_at(r->err, CER_BAD_VALUE, at->place,
	            "pieces of lr are rates with an epoch between them");
	cer_error_set_hint(r->err, "pieces(0.001, 5, 0.0003) is 0.001 until epoch "
	                           "5, then 0.0003.");
	return CER_BAD_VALUE;
}

/* rate, epoch, rate, epoch, ..., rate */
static cer_status
read_pieces(cer_resolver *r, const cer_ast *list)
{
	cer_settings *settings = &r->mst->settings;
	size_t n = (cer_ast_count(list) + 1) / 2;
	cer_piece *pieces = cer_arena_allocate(r->arena, n * sizeof(*pieces));
	const cer_ast *at = list->first;
	size_t last = 0;

	if (pieces == NULL)
		return cer_fail_memory(r->err, n * sizeof(*pieces));
	for (size_t i = 0; i < n; i++)
	{
		const cer_ast *until = at->next;

		if (at->number <= 0 || at->number > 10 ||
		    (until == NULL) != (i == n - 1) ||
		    (until && (until->number <= (double) last ||
		               until->number != (double) (size_t) until->number)))
			return fail_pieces(r, at);
		last = until ? (size_t) until->number : 0;
		pieces[i] = (cer_piece){at->number, last};
		at = until ? until->next : NULL;
	}
	settings->lr = pieces[0].lr;
	settings->pieces = pieces;
	settings->n_pieces = n;
	return CER_OK;
}

static cer_status
read_class_weights(cer_resolver *r, const cer_ast *list)
{
	cer_settings *settings = &r->mst->settings;
	size_t n = cer_ast_count(list);
	double *weights = cer_arena_allocate(r->arena, n * sizeof(*weights));
	double sum = 0;

	if (weights == NULL)
		return cer_fail_memory(r->err, n * sizeof(*weights));
	for (const cer_ast *one = list->first; one; one = one->next)
		sum += weights[settings->n_class_weights++] = one->number;
	if (sum <= 0)
		return cer_fail_at(r->err, CER_BAD_VALUE, list->place,
		                   "all class weights are 0");
	settings->weighting = CER_CLASSES_LISTED;
	settings->class_weights = weights;
	return CER_OK;
}

/* Which share of a loss the other would take is nobody's choice. */
static cer_status
check_losses(cer_resolver *r, const cer_ast *place)
{
	const cer_settings *settings = &r->mst->settings;

	if (settings->focal == 0.0 || settings->smoothing == 0.0)
		return CER_OK;
	cer_fail_at(r->err, CER_BAD_VALUE, place->place,
	            "focal and label_smoothing at the same time");
	cer_error_set_hint(r->err, "Leave one of them out, or write 0 for it.");
	return CER_BAD_VALUE;
}

static cer_status
resolve_optimizer(cer_resolver *r, training *t)
{
	const cer_ast *pieces;
	const cer_word *word = NULL;
	cer_binding binding;

	CER_TRY(
		cer_call_find_word(t->optimizer, CER_WORD_OPTIMIZER, &word, r->err));
	CER_TRY(check_loose(r, t, word));
	cer_ast_move_children(t->optimizer, &t->loose);
	CER_TRY(cer_call_bind(t->optimizer, word, r->form, &binding, r->err));
	r->mst->settings.optimizer = (cer_optimizer) word->code;
	store(r, &binding);
	pieces = find_list(&binding, "lr");
	if (pieces != NULL)
		CER_TRY(read_pieces(r, pieces));
	return cer_binding_rewrite(r->arena, &binding, t->optimizer, r->err);
}

static cer_status
resolve_settings(cer_resolver *r, training *t)
{
	const cer_ast *weights;
	cer_binding binding;

	CER_TRY(cer_call_bind(&t->settings, t->section, r->form, &binding, r->err));
	store(r, &binding);
	weights = find_list(&binding, "class_weights");
	if (weights != NULL)
		CER_TRY(read_class_weights(r, weights));
	CER_TRY(check_losses(r, t->optimizer));
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

/* What was left to the structure, as the triple has it. */
static void
tell_values(const cer_settings *settings, const cer_word *word, cer_ast *call)
{
	for (size_t i = 0; i < word->n_args; i++)
	{
		const cer_arg *arg = &word->args[i];
		const char *place = (const char *) settings + arg->offset;
		cer_ast *named = cer_ast_find_named(call, cer_text_of(arg->name));
		cer_ast *value = named ? named->first : NULL;
		double number = 0;

		if (arg->word == NULL || value == NULL || value->kind != CER_AST_CALL ||
		    !cer_text_is(value->name, arg->word))
			continue;
		if (arg->type == CER_ARG_CHOICE)
		{
			value->name =
				cer_text_of(arg->choices[*(const int *) (const void *) place]);
			continue;
		}
		number = arg->type == CER_ARG_NUMBER
		             ? *(const double *) (const void *) place
		             : (double) *(const uint64_t *) (const void *) place;
		if (number == 0 && arg->least > 0)
			continue; /* the rows tell */
		*value = (cer_ast){
			.kind = CER_AST_NUMBER, .place = value->place, .number = number};
	}
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
	if (r->form == CER_FORM_COMPLETE)
	{
		tell_values(&r->mst->settings, t.section, &t.settings);
		tell_values(&r->mst->settings,
		            cer_schema_find(CER_WORD_OPTIMIZER, t.optimizer->name),
		            t.optimizer);
	}
	cer_ast_remove_children(pt);
	if (t.optimizer != NULL && !is_default(r, t.optimizer))
		cer_ast_append(pt, t.optimizer);
	cer_ast_move_children(pt, &t.settings);
	cer_ast_move_children(pt, &t.loose);
	return CER_OK;
}
