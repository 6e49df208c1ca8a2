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
	cer_ast *optimizer;
	cer_ast settings; /* NAMED: of the section */
	cer_ast loose;    /* NAMED: of the optimizer, if it knows them */
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

static cer_status
sort_settings(cer_resolver *r, cer_ast *pt, training *t)
{
	cer_ast *next;

	for (cer_ast *child = pt->first; child; child = next)
	{
		next = child->next;
		if (child->kind == CER_AST_CALL)
			CER_TRY(sort_call(r, t, child));
		else if (child->kind != CER_AST_NAMED)
			return cer_fail_at(r->err, CER_SYNTAX, child->place,
			                   "a number without a setting");
		else if (cer_word_find_arg(t->section, child->name) != NULL)
			cer_ast_append(&t->settings, child);
		else
			cer_ast_append(&t->loose, child);
	}
	return CER_OK;
}

/* A name that is no setting: of the optimizer, or of another one, or unknown. */
static cer_status
check_loose(cer_resolver *r, const training *t, const cer_word *optimizer)
{
	for (const cer_ast *child = t->loose.first; child; child = child->next)
	{
		if (cer_word_find_arg(optimizer, child->name) != NULL)
			continue;
		cer_arg_fail_unknown(child, t->section, r->err);
		for (size_t i = 0; i < cer_schema_count(); i++)
			if (cer_schema_get(i)->kind == CER_WORD_OPTIMIZER &&
			    cer_word_find_arg(cer_schema_get(i), child->name) != NULL)
				cer_error_set_hint(r->err, "%s has an argument \"%.*s\".",
				                   cer_schema_get(i)->name,
				                   CER_SHOW(child->name));
		return CER_UNKNOWN_NAME;
	}
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
