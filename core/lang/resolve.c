/*
 * lang/resolve.c
 *	  From a tree as written to a triple.
 *
 * The tree becomes canonical on the way, so that equal meaning is equal text:
 * FE and AS always stand (their defaults too); EXCEPT follows the star, and
 * both go first; three and more layers of one width become `w x n`; settings
 * stand in the schema's order, without those that equal their default; what
 * belongs to the optimizer stands in its parentheses.
 */
#include "lang/resolve.h"

#include "base/text.h"
#include "lang/bind.h"
#include "lang/suggest.h"

#include <string.h>

#define MIN_RUN 3 /* layers of one width that are written w x n */

typedef struct resolver
{
	cer_arena *arena;
	cer_error *err;
	cer_mst *mst;
	size_t n_units;
	size_t units[CER_MAX_LAYERS];
} resolver;

static cer_status
make_node(resolver *r, cer_ast_kind kind, cer_place place, cer_ast **node)
{
	*node = cer_ast_make(r->arena, kind, place);
	return *node ? CER_OK : cer_fail_memory(r->err, sizeof(**node));
}

static cer_status
make_call(resolver *r, const char *name, cer_place place, cer_ast **call)
{
	CER_TRY(make_node(r, CER_AST_CALL, place, call));
	(*call)->name = cer_text_of(name);
	return CER_OK;
}

static cer_status
allocate(resolver *r, size_t count, size_t size, void **result)
{
	/* counts are bounded by the length of the text */
	*result = cer_arena_allocate(r->arena, count * size);
	return *result ? CER_OK : cer_fail_memory(r->err, count * size);
}

/* ---------------------------------------------------------------- FE */

static const cer_ast *
find_column(const cer_ast *parent, const cer_ast *end, cer_text name)
{
	for (const cer_ast *child = parent->first; child != end;
	     child = child->next)
		if (child->kind == CER_AST_COLUMN && cer_text_equals(child->name, name))
			return child;
	return NULL;
}

static cer_status
check_items(resolver *r, const cer_ast *stars, const cer_ast *excepts)
{
	if (stars->first != stars->last)
		return cer_fail_at(r->err, CER_BAD_VALUE, stars->last->place,
		                   "\"*\" is given twice");
	if (excepts->first != excepts->last)
		return cer_fail_at(r->err, CER_BAD_VALUE, excepts->last->place,
		                   "EXCEPT is given twice");
	if (excepts->first != NULL && stars->first == NULL)
	{
		cer_fail_at(r->err, CER_BAD_VALUE, excepts->first->place,
		            "EXCEPT without \"*\"");
		cer_error_set_hint(r->err, "Write FE *, EXCEPT (...).");
		return CER_BAD_VALUE;
	}
	return CER_OK;
}

/* The star, EXCEPT, then columns as they stand. */
static cer_status
order_items(resolver *r, cer_ast *fe)
{
	cer_ast stars = {0};
	cer_ast excepts = {0};
	cer_ast columns = {0};
	cer_ast *next;

	for (cer_ast *item = fe->first; item; item = next)
	{
		next = item->next;
		cer_ast_append(item->kind == CER_AST_STAR     ? &stars
		               : item->kind == CER_AST_EXCEPT ? &excepts
		                                              : &columns,
		               item);
	}
	CER_TRY(check_items(r, &stars, &excepts));
	cer_ast_remove_children(fe);
	cer_ast_move_children(fe, &stars);
	cer_ast_move_children(fe, &excepts);
	cer_ast_move_children(fe, &columns);
	return CER_OK;
}

static cer_status
resolve_encoder(resolver *r, cer_ast *call, cer_encoder_spec *encoder)
{
	const cer_word *word = NULL;
	cer_binding binding;

	*encoder = (cer_encoder_spec){CER_ENCODER_AUTO, 0};
	if (call == NULL)
		return CER_OK;
	if (call->kind != CER_AST_CALL)
		return cer_fail_at(r->err, CER_BAD_VALUE, call->place,
		                   "a number is no encoder");
	CER_TRY(cer_call_find_word(call, CER_WORD_ENCODER, &word, r->err));
	CER_TRY(cer_call_bind(call, word, &binding, r->err));
	encoder->kind = (cer_encoder_kind) word->code;
	cer_binding_store(&binding, encoder);
	return cer_binding_rewrite(r->arena, &binding, call, r->err);
}

/* No column is named twice within parent, before end. */
static cer_status
check_name(resolver *r, const cer_ast *parent, const cer_ast *column)
{
	if (find_column(parent, column, column->name) != NULL)
		return cer_fail_at(r->err, CER_BAD_VALUE, column->place,
		                   "column \"%.*s\" is given twice",
		                   CER_SHOW(column->name));
	return CER_OK;
}

static cer_status
resolve_names(resolver *r, const cer_ast *except, cer_fe_item *item)
{
	size_t n = 0;
	cer_text *names;

	CER_TRY(
		allocate(r, cer_ast_count(except), sizeof(*names), (void **) &names));
	for (cer_ast *child = except->first; child; child = child->next)
	{
		CER_TRY(check_name(r, except, child));
		names[n++] = child->name;
	}
	item->n_names = n;
	item->names = names;
	return CER_OK;
}

static cer_status
resolve_item(resolver *r, const cer_ast *fe, cer_ast *ast, cer_fe_item *item)
{
	const cer_ast *second = fe->first->next;

	memset(item, 0, sizeof(*item));
	item->line = ast->place.line;
	item->column = ast->place.column;
	item->kind = ast->kind == CER_AST_STAR     ? CER_FE_STAR
	             : ast->kind == CER_AST_EXCEPT ? CER_FE_EXCEPT
	                                           : CER_FE_COLUMN;
	if (ast->kind == CER_AST_EXCEPT)
		return resolve_names(r, ast, item);
	if (ast->kind != CER_AST_COLUMN)
		return CER_OK;
	CER_TRY(check_name(r, fe, ast));
	if (second != NULL && second->kind == CER_AST_EXCEPT &&
	    find_column(second, NULL, ast->name) != NULL)
		return cer_fail_at(r->err, CER_BAD_VALUE, ast->place,
		                   "column \"%.*s\" is both named and left out",
		                   CER_SHOW(ast->name));
	item->n_names = 1;
	item->names = &ast->name;
	return resolve_encoder(r, ast->first, &item->encoder);
}

static cer_status
resolve_fe(resolver *r, cer_ast *fe)
{
	cer_ast *star;
	cer_fe_item *items;
	size_t n = 0;

	if (fe->first == NULL)
	{
		CER_TRY(make_node(r, CER_AST_STAR, fe->place, &star));
		cer_ast_append(fe, star);
	}
	CER_TRY(order_items(r, fe));
	CER_TRY(allocate(r, cer_ast_count(fe), sizeof(*items), (void **) &items));
	for (cer_ast *child = fe->first; child; child = child->next)
		CER_TRY(resolve_item(r, fe, child, &items[n++]));
	r->mst->n_items = n;
	r->mst->items = items;
	return CER_OK;
}

/* ---------------------------------------------------------------- AS */

static cer_status
add_units(resolver *r, cer_place place, double units, double count)
{
	if (count > CER_MAX_LAYERS - (double) r->n_units)
		return cer_fail_at(r->err, CER_TOO_BIG, place, "more than %d layers",
		                   CER_MAX_LAYERS);
	for (; count > 0; count--)
		r->units[r->n_units++] = (size_t) units;
	return CER_OK;
}

static const cer_arg layer_count = {.name = "number of layers",
                                    .help = "what stands after \"x\"",
                                    .type = CER_ARG_INTEGER,
                                    .least = 1,
                                    .most = CER_MAX_LAYERS};

/* The widths that a structure's arguments list. */
static cer_status
resolve_units(resolver *r, const cer_ast *call, const cer_word *word)
{
	const cer_arg *arg = &word->args[0];

	for (const cer_ast *child = call->first; child; child = child->next)
	{
		const cer_ast *units = child;
		double count = 1;

		if (child->kind == CER_AST_NAMED)
			return cer_arg_fail_unknown(child, word, r->err);
		if (child->kind == CER_AST_TIMES)
		{
			units = child->first;
			CER_TRY(cer_arg_check(&layer_count, child->last, r->err));
			count = child->last->number;
		}
		CER_TRY(cer_arg_check(arg, units, r->err));
		CER_TRY(add_units(r, child->place, units->number, count));
	}
	if (r->n_units > 0)
		return CER_OK;
	r->n_units = arg->n_fallback_units;
	memcpy(r->units, arg->fallback_units, r->n_units * sizeof(*r->units));
	return CER_OK;
}

static cer_status
append_number(resolver *r, cer_ast *parent, size_t value)
{
	cer_ast *number;

	CER_TRY(make_node(r, CER_AST_NUMBER, parent->place, &number));
	number->number = (double) value;
	cer_ast_append(parent, number);
	return CER_OK;
}

/* Rewrites the list of layers: w x n for runs. */
static cer_status
rewrite_units(resolver *r, cer_ast *call)
{
	size_t run;

	cer_ast_remove_children(call);
	for (size_t i = 0; i < r->n_units; i += run)
	{
		cer_ast *times;

		for (run = 1; i + run < r->n_units; run++)
			if (r->units[i + run] != r->units[i])
				break;
		if (run < MIN_RUN)
		{
			run = 1;
			CER_TRY(append_number(r, call, r->units[i]));
			continue;
		}
		CER_TRY(make_node(r, CER_AST_TIMES, call->place, &times));
		CER_TRY(append_number(r, times, r->units[i]));
		CER_TRY(append_number(r, times, run));
		cer_ast_append(call, times);
	}
	return CER_OK;
}

static cer_status
resolve_as(resolver *r, cer_ast *as)
{
	cer_ast *call = as->first;
	const cer_word *word = NULL;

	if (call == NULL)
	{
		CER_TRY(make_call(r, CER_DEFAULT_STRUCTURE, as->place, &call));
		cer_ast_append(as, call);
	}
	if (call->kind != CER_AST_CALL)
		return cer_fail_at(r->err, CER_BAD_VALUE, call->place,
		                   "a number is no structure");
	CER_TRY(cer_call_find_word(call, CER_WORD_STRUCTURE, &word, r->err));
	CER_TRY(resolve_units(r, call, word));
	return rewrite_units(r, call);
}

/* PT gives the layers what AS leaves open. */
static cer_status
make_layers(resolver *r)
{
	cer_mst *mst = r->mst;
	cer_layer *layers;

	CER_TRY(allocate(r, r->n_units, sizeof(*layers), (void **) &layers));
	for (size_t i = 0; i < r->n_units; i++)
		layers[i] = (cer_layer){.units = r->units[i],
		                        .activation = mst->settings.activation,
		                        .dropout = mst->settings.dropout};
	mst->n_layers = r->n_units;
	mst->layers = layers;
	return CER_OK;
}

/* ---------------------------------------------------------------- PT */

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
sort_call(resolver *r, training *t, cer_ast *call)
{
	cer_text name = call->name;
	cer_ast *named;

	if (cer_schema_find(CER_WORD_ACTIVATION, name) != NULL)
	{
		CER_TRY(make_node(r, CER_AST_NAMED, call->place, &named));
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
sort_settings(resolver *r, cer_ast *pt, training *t)
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
check_loose(resolver *r, const training *t, const cer_word *optimizer)
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
resolve_optimizer(resolver *r, training *t)
{
	const cer_word *word = NULL;
	cer_binding binding;

	CER_TRY(
		cer_call_find_word(t->optimizer, CER_WORD_OPTIMIZER, &word, r->err));
	CER_TRY(check_loose(r, t, word));
	cer_ast_move_children(t->optimizer, &t->loose);
	CER_TRY(cer_call_bind(t->optimizer, word, &binding, r->err));
	r->mst->settings.optimizer = (cer_optimizer) word->code;
	cer_binding_store(&binding, &r->mst->settings);
	return cer_binding_rewrite(r->arena, &binding, t->optimizer, r->err);
}

static cer_status
resolve_settings(resolver *r, training *t)
{
	cer_binding binding;

	CER_TRY(cer_call_bind(&t->settings, t->section, &binding, r->err));
	cer_binding_store(&binding, &r->mst->settings);
	return cer_binding_rewrite(r->arena, &binding, &t->settings, r->err);
}

/* Leaves pt empty where all is as the language version has it. */
static cer_status
resolve_pt(resolver *r, cer_ast *pt)
{
	training t = {.section =
	                  cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"))};

	CER_TRY(sort_settings(r, pt, &t));
	if (t.optimizer == NULL)
		CER_TRY(make_call(r, CER_DEFAULT_OPTIMIZER, pt->place, &t.optimizer));
	CER_TRY(resolve_optimizer(r, &t));
	CER_TRY(resolve_settings(r, &t));
	cer_ast_remove_children(pt);
	if (t.optimizer->first != NULL ||
	    !cer_text_is(t.optimizer->name, CER_DEFAULT_OPTIMIZER))
		cer_ast_append(pt, t.optimizer);
	cer_ast_move_children(pt, &t.settings);
	return CER_OK;
}

/* ---------------------------------------------------------------- triple */

/* The triple's section of a kind, made empty where there is none. */
static cer_status
get_section(resolver *r, cer_ast *triple, cer_ast_kind kind, cer_ast **section)
{
	for (cer_ast *child = triple->first; child; child = child->next)
		if (child->kind == kind)
		{
			*section = child;
			return CER_OK;
		}
	return make_node(r, kind, triple->place, section);
}

static cer_status
resolve_triple(resolver *r, cer_ast *triple)
{
	cer_ast *fe;
	cer_ast *as;
	cer_ast *pt;

	CER_TRY(get_section(r, triple, CER_AST_FE, &fe));
	CER_TRY(get_section(r, triple, CER_AST_AS, &as));
	CER_TRY(get_section(r, triple, CER_AST_PT, &pt));
	CER_TRY(resolve_fe(r, fe));
	CER_TRY(resolve_as(r, as));
	CER_TRY(resolve_pt(r, pt));
	CER_TRY(make_layers(r));
	cer_ast_remove_children(triple);
	cer_ast_append(triple, fe);
	cer_ast_append(triple, as);
	if (pt->first != NULL)
		cer_ast_append(triple, pt);
	return CER_OK;
}

cer_status
cer_mst_resolve(cer_arena *arena, cer_ast *ast, const cer_mst **mst,
                cer_error *err)
{
	resolver r = {.arena = arena, .err = err};

	CER_TRY(allocate(&r, 1, sizeof(*r.mst), (void **) &r.mst));
	memset(r.mst, 0, sizeof(*r.mst));
	CER_TRY(resolve_triple(&r, ast));
	r.mst->ast = ast;
	*mst = r.mst;
	return CER_OK;
}
