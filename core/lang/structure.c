/*
 * lang/structure.c
 *	  Structures of the user's own: defining them, and putting what they are
 *	  made of into a triple that names them.
 */
#include "lang/ast.h"

#include "base/text.h"
#include "lang/definition.h"
#include "lang/lex.h"
#include "lang/resolve.h"
#include "lang/resolver.h"
#include "lang/suggest.h"

#include <string.h>

/* ---------------------------------------------------------------- defining */

static cer_status
fail_word(cer_text name, cer_error *err)
{
	cer_fail(err, CER_BAD_VALUE, "\"%.*s\" is a word of the language",
	         CER_SHOW(name));
	cer_error_set_hint(err, "Give the structure another name.");
	return CER_BAD_VALUE;
}

static cer_status
fail_name(cer_text name, cer_error *err)
{
	for (size_t i = 0; i < cer_schema_count(); i++)
		if (cer_text_is(name, cer_schema_get(i)->name))
			return fail_word(name, err);
	cer_fail(err, CER_BAD_VALUE,
	         "\"%.*s\" would be taken for a slip of a word of the language",
	         CER_SHOW(name));
	cer_error_set_hint(err, "Give the structure another name.");
	return CER_BAD_VALUE;
}

static bool
is_lower_word(cer_text name)
{
	bool is_word = name.size > 0 && cer_is_name_start(name.data[0]);

	for (size_t i = 0; i < name.size; i++)
		is_word &= cer_is_name_part(name.data[i]) &&
		           !(name.data[i] >= 'A' && name.data[i] <= 'Z');
	return is_word;
}

static cer_status
check_name(cer_text name, cer_error *err)
{
	static const char *const reserved[] = {"fe", "as", "pt", "each", "x", "xx"};

	if (!is_lower_word(name))
	{
		cer_fail(err, CER_BAD_VALUE,
		         "\"%.*s\" cannot be the name of a structure", CER_SHOW(name));
		cer_error_set_detail(err, "A name is one word of small letters, digits "
		                          "and _ that begins with no digit.");
		return CER_BAD_VALUE;
	}
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (cer_text_is(name, reserved[i]))
			return fail_word(name, err);
	return cer_structure_is_misspelt(name) ? fail_name(name, err) : CER_OK;
}

/* A value for a parameter that has no default, to try the definition with. */
static cer_status
append_trial(cer_resolver *r, const cer_arg *arg, cer_ast *call)
{
	cer_ast *named;
	cer_ast *value;
	cer_ast_kind kind =
		arg->type == CER_ARG_LAYER || arg->type == CER_ARG_ACTIVATION
			? CER_AST_CALL
			: CER_AST_NUMBER;

	CER_TRY(cer_resolver_make_node(r, CER_AST_NAMED, call->place, &named));
	CER_TRY(cer_resolver_make_node(r, kind, call->place, &value));
	named->name = cer_text_of(arg->name);
	if (kind == CER_AST_CALL)
		value->name = cer_text_of("relu");
	value->number = arg->is_above_least ? arg->most : arg->least;
	cer_ast_append(named, value);
	cer_ast_append(call, named);
	return CER_OK;
}

/* That the layers are some, with the defaults. */
static cer_status
try_word(cer_resolver *r, const cer_word *word)
{
	cer_ast as = {.kind = CER_AST_AS, .place = {1, 1}};
	cer_ast *call;

	CER_TRY(cer_resolver_make_call(r, word->name, as.place, &call));
	cer_ast_append(&as, call);
	for (size_t i = 0; i < word->n_args; i++)
		if (word->args[i].is_required)
			CER_TRY(append_trial(r, &word->args[i], call));
	return cer_build_structure(r, &as);
}

/* Of a name given twice the first is found. */
static cer_status
parse_words(cer_resolver *r, const cer_structure *structures, size_t n,
            cer_word *words)
{
	cer_ast *body;

	for (size_t i = 0; i < n; i++)
		CER_TRY(cer_definition_parse(r->arena, &structures[i], &words[i], &body,
		                             r->err));
	return CER_OK;
}

static cer_status
make_words(cer_resolver *r, size_t n, cer_word **words)
{
	*words = cer_arena_allocate(r->arena, n * sizeof(**words));
	if (*words == NULL)
		return cer_fail_memory(r->err, n * sizeof(**words));
	r->structures = *words;
	r->n_structures = n;
	return CER_OK;
}

cer_status
cer_structure_define(cer_arena *arena, const cer_structure *structure,
                     const cer_structure *others, size_t n_others,
                     cer_text *canonical, cer_error *err)
{
	cer_mst trial = {.settings = {.activation = CER_RELU, .dropout = 0.5}};
	cer_resolver r = {.arena = arena, .err = err, .mst = &trial};
	cer_word *words;
	cer_ast *body;

	CER_TRY(check_name(structure->name, err));
	CER_TRY(make_words(&r, n_others + 1, &words));
	CER_TRY(cer_definition_parse(arena, structure, words, &body, err));
	r.tried = words;
	r.tried_body = body;
	CER_TRY(parse_words(&r, others, n_others, words + 1));
	CER_TRY(try_word(&r, words));
	return cer_definition_print(arena, words, canonical, err);
}

cer_status
cer_structure_describe(cer_arena *arena, cer_text name, cer_text *definition,
                       cer_error *err)
{
	cer_ast call = {.kind = CER_AST_CALL, .place = {1, 1}, .name = name};
	const cer_word *word = NULL;

	CER_TRY(cer_call_find_word(&call, CER_WORD_STRUCTURE, &word, err));
	if (word->body == NULL)
		return cer_fail(
			err, CER_BAD_VALUE,
			"\"%s\" is chosen before a training, not made of layers",
			word->name);
	return cer_definition_print(arena, word, definition, err);
}

cer_status
cer_structure_list(cer_arena *arena, const cer_structure **structures,
                   size_t *n_structures, cer_error *err)
{
	size_t n = cer_structure_word_count - 1; /* auto is not made of layers */
	cer_structure *list = cer_arena_allocate(arena, n * sizeof(*list));

	if (list == NULL)
		return cer_fail_memory(err, n * sizeof(*list));
	for (size_t i = 0; i < n; i++)
	{
		list[i].name = cer_text_of(cer_structure_words[i].name);
		CER_TRY(cer_definition_print(arena, &cer_structure_words[i],
		                             &list[i].definition, err));
	}
	*structures = list;
	*n_structures = n;
	return CER_OK;
}

/* ---------------------------------------------------------------- binding */

static const cer_word *
find_own(const cer_resolver *r, const cer_ast *call)
{
	for (size_t i = 0; call->kind == CER_AST_CALL && i < r->n_structures; i++)
		if (cer_text_is(call->name, r->structures[i].name))
			return &r->structures[i];
	return NULL;
}

static cer_status expand_own(cer_resolver *r, cer_ast **node);

static cer_status
expand_children(cer_resolver *r, cer_ast *parent)
{
	cer_ast *child = parent->first;
	cer_ast *next;

	cer_ast_remove_children(parent);
	for (; child; child = next)
	{
		next = child->next;
		CER_TRY(expand_own(r, &child));
		if (parent->kind == CER_AST_CHAIN && child->kind == CER_AST_CHAIN)
			cer_ast_move_children(parent, child);
		else
			cer_ast_append(parent, child);
	}
	return CER_OK;
}

static cer_status
expand_own(cer_resolver *r, cer_ast **node)
{
	const cer_word *word = find_own(r, *node);

	if (word == NULL)
		return expand_children(r, *node);
	if (r->depth == CER_MAX_STRUCTURES)
		return cer_fail_at(r->err, CER_TOO_BIG, (*node)->place,
		                   "structure \"%s\" is within %d others", word->name,
		                   CER_MAX_STRUCTURES);
	/* each makes a layer at least, or nothing of use */
	if (++r->n_layers > CER_MAX_TREE)
		return cer_fail_at(r->err, CER_TOO_BIG, (*node)->place,
		                   "more than %d structures within each other",
		                   CER_MAX_TREE);
	if (r->is_used != NULL)
		r->is_used[word - r->structures] = true;
	CER_TRY(cer_expand_call(r, *node, word, node));
	r->depth++;
	CER_TRY(expand_own(r, node));
	r->depth--;
	return CER_OK;
}

/* A name that nobody knows: those of the user's own may be near. */
static cer_status
fail_unknown(cer_resolver *r, const cer_mst *mst)
{
	const cer_word *word = NULL;
	cer_suggestion suggestion;

	cer_call_find_word(mst->unknown, CER_WORD_STRUCTURE, &word, r->err);
	cer_suggestion_init(&suggestion, mst->unknown->name);
	for (size_t i = 0; i < r->n_structures; i++)
		cer_suggestion_offer(&suggestion, cer_text_of(r->structures[i].name));
	cer_suggestion_hint(&suggestion, r->err);
	return CER_UNKNOWN_NAME;
}

cer_status
cer_mst_check_bound(const cer_mst *mst, cer_error *err)
{
	const cer_word *word = NULL;

	if (mst->is_auto)
	{
		cer_fail(err, CER_BAD_VALUE,
		         "AS auto stands for a structure that is chosen when a "
		         "training begins");
		cer_error_set_hint(err, "Name a structure.");
		return CER_BAD_VALUE;
	}
	if (mst->unknown == NULL)
		return CER_OK;
	return cer_call_find_word(mst->unknown, CER_WORD_STRUCTURE, &word, err);
}

static cer_status
bind(cer_resolver *r, const cer_mst *mst, const cer_structure *structures,
     size_t n_structures, const cer_mst **bound)
{
	const cer_mst *made;
	cer_word *words;
	cer_ast *ast;

	CER_TRY(make_words(r, n_structures, &words));
	CER_TRY(parse_words(r, structures, n_structures, words));
	ast = cer_ast_copy(r->arena, mst->ast);
	if (ast == NULL)
		return cer_fail_memory(r->err, sizeof(*ast));
	CER_TRY(expand_children(r, ast));
	CER_TRY(cer_mst_resolve(r->arena, ast, &made, r->err));
	if (made->unknown != NULL)
		return fail_unknown(r, made);
	*bound = made;
	return CER_OK;
}

cer_status
cer_mst_bind(cer_arena *arena, const cer_mst *mst,
             const cer_structure *structures, size_t n_structures,
             const cer_mst **bound, cer_error *err)
{
	cer_mst settings = *mst;
	cer_resolver r = {.arena = arena, .err = err, .mst = &settings};

	if (mst->unknown == NULL)
	{
		*bound = mst;
		return CER_OK;
	}
	return bind(&r, mst, structures, n_structures, bound);
}

cer_status
cer_mst_find_structures(cer_arena *arena, const cer_mst *mst,
                        const cer_structure *structures, size_t n_structures,
                        bool *is_used, cer_error *err)
{
	cer_mst settings = *mst;
	cer_resolver r = {
		.arena = arena, .err = err, .mst = &settings, .is_used = is_used};
	const cer_mst *bound;

	memset(is_used, 0, n_structures * sizeof(*is_used));
	if (mst->unknown == NULL)
		return CER_OK;
	return bind(&r, mst, structures, n_structures, &bound);
}
