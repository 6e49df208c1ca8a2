/*
 * lang/change_draft.c
 *	  A triple in work, and its lists.
 */
#include "lang/change.h"

#include "base/text.h"
#include "lang/mst.h"
#include "lang/resolve.h"

#include <string.h>

#define MIN_RUN 3 /* as the resolver has it: shorter ones are written out */

/* --------------------------------------------------------------- lists */

cer_ast *
cer_ast_find_previous(const cer_ast *parent, const cer_ast *child)
{
	cer_ast *previous = NULL;

	for (cer_ast *at = parent->first; at != child; at = at->next)
		previous = at;
	return previous;
}

void
cer_ast_insert_after(cer_ast *parent, cer_ast *before, cer_ast *child)
{
	if (before == NULL)
	{
		child->next = parent->first;
		parent->first = child;
	}
	else
	{
		child->next = before->next;
		before->next = child;
	}
	if (child->next == NULL)
		parent->last = child;
}

void
cer_ast_insert_before(cer_ast *parent, cer_ast *after, cer_ast *child)
{
	cer_ast_insert_after(parent, cer_ast_find_previous(parent, after), child);
}

void
cer_ast_remove(cer_ast *parent, cer_ast *child)
{
	cer_ast *previous = cer_ast_find_previous(parent, child);

	if (previous == NULL)
		parent->first = child->next;
	else
		previous->next = child->next;
	if (parent->last == child)
		parent->last = previous;
	child->next = NULL;
}

void
cer_ast_replace(cer_ast *parent, cer_ast *child, cer_ast *by)
{
	cer_ast_insert_after(parent, child, by);
	cer_ast_remove(parent, child);
}

/* --------------------------------------------------------------- values */

static bool
is_run(const cer_ast *ast)
{
	return ast->kind == CER_AST_TIMES && ast->first->kind == CER_AST_NUMBER &&
	       cer_ast_count_copies(ast) > 1;
}

static cer_ast *unfold(cer_arena *arena, const cer_ast *ast);

static bool
append_unfolded(cer_arena *arena, cer_ast *parent, const cer_ast *child)
{
	size_t n = is_run(child) ? cer_ast_count_copies(child) : 1;

	for (; n > 0; n--)
	{
		cer_ast *copy = unfold(arena, is_run(child) ? child->first : child);

		if (copy == NULL)
			return false;
		cer_ast_append(parent, copy);
	}
	return true;
}

static cer_ast *
unfold(cer_arena *arena, const cer_ast *ast)
{
	cer_ast *copy = cer_ast_copy_node(arena, ast);

	if (copy == NULL)
		return NULL;
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (!append_unfolded(arena, copy, child))
			return NULL;
	return copy;
}

cer_status
cer_value_unfold(cer_arena *arena, const cer_ast *value, cer_ast **copy,
                 cer_error *err)
{
	cer_ast *made = unfold(arena, value);

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	*copy = made;
	return CER_OK;
}

/* How many numbers like this one follow each other. */
static size_t
count_run(const cer_ast *child)
{
	size_t n = 1;

	if (child->kind != CER_AST_NUMBER)
		return 1;
	for (const cer_ast *next = child->next;
	     next && next->kind == CER_AST_NUMBER && next->number == child->number;
	     next = next->next)
		n++;
	return n;
}

static cer_ast *
make_run(cer_arena *arena, const cer_ast *number, size_t n)
{
	cer_ast *times = cer_ast_make(arena, CER_AST_TIMES, number->place);
	cer_ast *width = cer_ast_copy_node(arena, number);
	cer_ast *count = cer_ast_copy_node(arena, number);

	if (times == NULL || width == NULL || count == NULL)
		return NULL;
	count->number = (double) n;
	cer_ast_append(times, width);
	cer_ast_append(times, count);
	return times;
}

static const cer_ast *
skip(const cer_ast *child, size_t n)
{
	for (; n > 0; n--)
		child = child->next;
	return child;
}

static cer_ast *
fold(cer_arena *arena, const cer_ast *ast)
{
	cer_ast *copy = cer_ast_copy_node(arena, ast);
	const cer_ast *child = ast->first;

	while (copy != NULL && child != NULL)
	{
		size_t n = count_run(child);
		cer_ast *made;

		if (n < MIN_RUN)
			n = 1;
		made = n == 1 ? fold(arena, child) : make_run(arena, child, n);
		if (made == NULL)
			return NULL;
		cer_ast_append(copy, made);
		child = skip(child, n);
	}
	return copy;
}

cer_status
cer_value_fold(cer_arena *arena, const cer_ast *value, cer_ast **copy,
               cer_error *err)
{
	cer_ast *made = fold(arena, value);

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	*copy = made;
	return CER_OK;
}

cer_status
cer_ast_rewrite_runs(cer_arena *arena, cer_ast *ast, cer_error *err)
{
	cer_ast *unfolded = NULL;
	cer_ast *folded = NULL;

	CER_TRY(cer_value_unfold(arena, ast, &unfolded, err));
	CER_TRY(cer_value_fold(arena, unfolded, &folded, err));
	cer_ast_remove_children(ast);
	cer_ast_move_children(ast, folded);
	return CER_OK;
}

/* --------------------------------------------------------------- draft */

static cer_status
copy_section(cer_arena *arena, const cer_mst *mst, cer_ast_kind kind,
             cer_ast **section, cer_error *err)
{
	const cer_ast *from = cer_ast_find_section(mst->ast, kind);

	if (from != NULL)
		return cer_value_unfold(arena, from, section, err);
	*section = cer_ast_make(arena, kind, (cer_place){0, 0});
	return *section ? CER_OK : cer_fail_memory(err, sizeof(**section));
}

cer_status
cer_draft_make(cer_arena *arena, const cer_mst *mst, cer_draft *draft,
               cer_error *err)
{
	cer_draft made = {.arena = arena};
	cer_ast *chain;

	CER_TRY(copy_section(arena, mst, CER_AST_FE, &made.fe, err));
	CER_TRY(copy_section(arena, mst, CER_AST_AS, &made.as, err));
	CER_TRY(copy_section(arena, mst, CER_AST_PT, &made.pt, err));
	chain = made.as->first;
	if (chain != NULL && chain->kind == CER_AST_CHAIN)
	{
		cer_ast_remove_children(made.as);
		cer_ast_move_children(made.as, chain);
	}
	*draft = made;
	return CER_OK;
}

/* A chain of one layer would read as that layer alone, and steps back would
 * lead elsewhere. */
static cer_status
check_chains(const cer_ast *ast, cer_error *err)
{
	if (ast->kind == CER_AST_CHAIN && ast->first == ast->last)
	{
		cer_fail(err, CER_BAD_VALUE, "a chain has one layer left");
		cer_error_set_hint(err, "SET the whole of what the chain stands in.");
		return CER_BAD_VALUE;
	}
	for (const cer_ast *child = ast->first; child; child = child->next)
		CER_TRY(check_chains(child, err));
	return CER_OK;
}

static cer_status
check_draft(const cer_draft *draft, cer_error *err)
{
	if (draft->fe->first == NULL)
		return cer_fail(err, CER_BAD_VALUE, "nothing is left in FE");
	if (draft->as->first == NULL)
		return cer_fail(err, CER_BAD_VALUE, "nothing is left in AS");
	return check_chains(draft->as, err);
}

/* The layers as AS has them: one, or a chain. */
static cer_status
wrap_layers(cer_arena *arena, cer_ast *as, cer_error *err)
{
	cer_ast *chain;

	if (as->first == as->last)
		return CER_OK;
	chain = cer_ast_make(arena, CER_AST_CHAIN, as->place);
	if (chain == NULL)
		return cer_fail_memory(err, sizeof(*chain));
	cer_ast_move_children(chain, as);
	cer_ast_append(as, chain);
	return CER_OK;
}

/* The text that was read is not the one that a place would be looked up in. */
static void
drop_place(cer_error *err)
{
	char *place;

	if (err == NULL)
		return;
	place = strstr(err->message, " at line ");
	if (place != NULL)
		*place = '\0';
	err->line = 0;
	err->column = 0;
}

cer_status
cer_draft_resolve(const cer_draft *draft, const cer_mst **mst, cer_error *err)
{
	cer_arena *arena = draft->arena;
	cer_ast *triple = cer_ast_make(arena, CER_AST_TRIPLE, (cer_place){1, 1});
	cer_ast *fe = NULL;
	cer_ast *as = NULL;
	cer_ast *pt = NULL;
	cer_status status;

	CER_TRY(check_draft(draft, err));
	CER_TRY(cer_value_unfold(arena, draft->fe, &fe, err));
	CER_TRY(cer_value_unfold(arena, draft->as, &as, err));
	CER_TRY(cer_value_unfold(arena, draft->pt, &pt, err));
	CER_TRY(wrap_layers(arena, as, err));
	if (triple == NULL)
		return cer_fail_memory(err, sizeof(*triple));
	cer_ast_append(triple, fe);
	cer_ast_append(triple, as);
	cer_ast_append(triple, pt);
	status = cer_mst_resolve(arena, triple, mst, err);
	if (status != CER_OK)
		drop_place(err);
	return status;
}

/* Sections that a triple has where it leaves them out. */
static cer_status
make_default_draft(cer_arena *arena, cer_draft *draft, cer_error *err)
{
	const cer_mst *mst;

	CER_TRY(cer_mst_parse(arena, (cer_text){"", 0}, &mst, err));
	return cer_draft_make(arena, mst, draft, err);
}

static cer_ast **
get_section(cer_draft *draft, cer_ast_kind kind)
{
	if (kind == CER_AST_FE)
		return &draft->fe;
	return kind == CER_AST_AS ? &draft->as : &draft->pt;
}

/* NULL in *mst: no triple has such a section. */
static cer_status
resolve_alone(const cer_draft *draft, cer_ast_kind kind, cer_ast *section,
              const cer_mst **mst, cer_error *err)
{
	cer_draft alone;
	cer_status status;

	CER_TRY(make_default_draft(draft->arena, &alone, err));
	*get_section(&alone, kind) = section;
	status = cer_draft_resolve(&alone, mst, NULL);
	if (status == CER_NO_MEMORY)
		return cer_fail_memory(err, sizeof(cer_ast));
	if (status != CER_OK)
		*mst = NULL;
	return CER_OK;
}

/* FE of this item, and the table that its column is of. */
static cer_status
make_lone_item(cer_arena *arena, const cer_ast *item, cer_ast **fe,
               cer_error *err)
{
	cer_ast *copy = cer_ast_copy(arena, item);
	cer_ast *join = NULL;

	*fe = cer_ast_make(arena, CER_AST_FE, item->place);
	if (*fe == NULL || copy == NULL)
		return cer_fail_memory(err, sizeof(*copy));
	cer_ast_append(*fe, copy);
	if (item->qualifier.size == 0 || item->kind != CER_AST_COLUMN)
		return CER_OK;
	join = cer_ast_make(arena, CER_AST_JOIN, item->place);
	if (join == NULL)
		return cer_fail_memory(err, sizeof(*join));
	join->name = item->qualifier;
	cer_ast_append(*fe, join);
	return CER_OK;
}

/* Items of an FE that is none, each as it would be in one. */
static cer_status
normalize_items(cer_draft *draft, cer_error *err)
{
	cer_ast *next;

	for (cer_ast *item = draft->fe->first; item; item = next)
	{
		cer_ast *fe;
		const cer_mst *mst;
		const cer_ast *found = NULL;

		next = item->next;
		CER_TRY(make_lone_item(draft->arena, item, &fe, err));
		CER_TRY(resolve_alone(draft, CER_AST_FE, fe, &mst, err));
		if (mst != NULL)
			found = cer_item_find_rival(
				cer_ast_find_section(mst->ast, CER_AST_FE), item);
		if (found == NULL)
			continue;
		CER_TRY(cer_value_unfold(draft->arena, found, &fe, err));
		cer_ast_replace(draft->fe, item, fe);
	}
	return CER_OK;
}

cer_status
cer_draft_normalize(cer_draft *draft, cer_ast_kind section, cer_error *err)
{
	cer_ast **there = get_section(draft, section);
	const cer_mst *mst;
	cer_draft made;

	CER_TRY(resolve_alone(draft, section, *there, &mst, err));
	if (mst == NULL)
		return section == CER_AST_FE ? normalize_items(draft, err) : CER_OK;
	CER_TRY(cer_draft_make(draft->arena, mst, &made, err));
	*there = *get_section(&made, section);
	return CER_OK;
}

/* --------------------------------------------------------------- items */

static bool
is_table(const cer_ast *item)
{
	return item->kind == CER_AST_JOIN || item->kind == CER_AST_AGGREGATE;
}

static bool
is_column(const cer_ast *item)
{
	return item->kind == CER_AST_COLUMN || item->kind == CER_AST_DERIVED;
}

bool
cer_item_is_rival(const cer_ast *a, const cer_ast *b)
{
	if ((is_table(a) && is_table(b)) || (is_column(a) && is_column(b)))
		return cer_ast_compare(a, b) == 0;
	return a->kind == b->kind && !is_table(a) && !is_column(a);
}

cer_ast *
cer_item_find_rival(const cer_ast *fe, const cer_ast *item)
{
	for (cer_ast *child = fe->first; child; child = child->next)
		if (cer_item_is_rival(child, item))
			return child;
	return NULL;
}

cer_ast *
cer_item_get_encoder(const cer_ast *item)
{
	cer_ast *encoder = item->first;

	if (item->kind == CER_AST_DERIVED)
		encoder = encoder->next;
	return encoder;
}
