/*
 * lang/change_between.c
 *	  What turns one triple into another, in few and readable steps.
 *
 * A draft of the first triple becomes the second, from left to right; each step
 * is written down as it is done, so that its paths are those of its time.
 * Lists are aligned at the least cost; the structure is told as a whole where
 * that is shorter.
 */
#include "lang/change_between.h"

#include "base/text.h"
#include "lang/mst.h"

/* --------------------------------------------------------------- steps */

cer_status
cer_differ_add_step(cer_differ *d, cer_ast_kind kind, cer_ast **step)
{
	*step = cer_ast_make(d->draft.arena, kind, (cer_place){0, 0});
	if (*step == NULL)
		return cer_fail_memory(d->err, sizeof(**step));
	cer_ast_append(d->steps, *step);
	return CER_OK;
}

cer_status
cer_differ_add_value(cer_differ *d, cer_ast *step, const cer_ast *value)
{
	cer_ast *copy;

	CER_TRY(cer_value_fold(d->draft.arena, value, &copy, d->err));
	cer_ast_append(step, copy);
	return CER_OK;
}

/* SET path = old -> new */
cer_status
cer_differ_add_set(cer_differ *d, cer_ast *path, const cer_ast *old,
                   const cer_ast *new)
{
	cer_ast *step;

	CER_TRY(cer_differ_add_step(d, CER_AST_SET, &step));
	cer_ast_append(step, path);
	CER_TRY(cer_differ_add_value(d, step, old));
	return cer_differ_add_value(d, step, new);
}

void
cer_ast_make_default_word(cer_ast *room)
{
	*room =
		(cer_ast){.kind = CER_AST_CALL, .name = cer_text_of(CER_DEFAULT_WORD)};
}

static const cer_ast *
read_named(const cer_ast *call, const cer_arg *arg, cer_text name,
           cer_ast *room)
{
	const cer_ast *named = cer_ast_find_named(call, name);

	if (named != NULL)
		return named->first;
	if (arg == NULL || !cer_arg_make_default(arg, room))
		cer_ast_make_default_word(room);
	return room;
}

/* --------------------------------------------------------------- names */

static cer_status
set_named(cer_differ *d, const cer_ast *a, const cer_ast *b, const cer_arg *arg,
          cer_ast *path)
{
	cer_text name = path->last->name;
	cer_ast rooms[2];
	const cer_ast *old = read_named(a, arg, name, &rooms[0]);
	const cer_ast *new = read_named(b, arg, name, &rooms[1]);

	return cer_ast_equals(old, new) ? CER_OK
	                                : cer_differ_add_set(d, path, old, new);
}

/* Each name once: those of a, then those that only b has. */
cer_status
cer_differ_compare_named(cer_differ *d, const cer_ast *a, const cer_ast *b,
                         const cer_word *word, const cer_ast *path)
{
	const cer_ast *calls[] = {a, b};

	for (size_t i = 0; i < 2; i++)
		for (const cer_ast *named = calls[i]->first; named; named = named->next)
		{
			cer_ast *longer;

			if (named->kind != CER_AST_NAMED ||
			    (i == 1 && cer_ast_find_named(a, named->name) != NULL))
				continue;
			CER_TRY(cer_path_extend(d->draft.arena, path, named->name, &longer,
			                        d->err));
			CER_TRY(set_named(
				d, a, b, word ? cer_word_find_arg(word, named->name) : NULL,
				longer));
		}
	return CER_OK;
}

/* --------------------------------------------------------------- PT */

static cer_status
compare_training(cer_differ *d)
{
	const cer_word *settings =
		cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));
	cer_text none = {NULL, 0};
	cer_ast rooms[2];
	const cer_ast *a = cer_pt_get_optimizer(d->draft.pt, &rooms[0]);
	const cer_ast *b = cer_pt_get_optimizer(d->target.pt, &rooms[1]);
	cer_ast *path;

	if (!cer_text_equals(a->name, b->name))
	{
		CER_TRY(cer_path_of_names(d->draft.arena, "pt",
		                          cer_text_of("optimizer"), none, &path,
		                          d->err));
		CER_TRY(cer_differ_add_set(d, path, a, b));
	}
	CER_TRY(cer_path_of_names(d->draft.arena, "pt", none, none, &path, d->err));
	if (cer_text_equals(a->name, b->name))
		CER_TRY(cer_differ_compare_named(
			d, a, b, cer_schema_find(CER_WORD_OPTIMIZER, a->name), path));
	return cer_differ_compare_named(d, d->draft.pt, d->target.pt, settings,
	                                path);
}

/* --------------------------------------------------------------- structure */

static cer_status
measure_text(const cer_differ *d, const cer_ast *ast, size_t *size)
{
	cer_text text;

	CER_TRY(cer_ast_print(d->draft.arena, ast, &text, d->err));
	*size = text.size;
	return CER_OK;
}

static cer_status
append_structure(cer_differ *d, const cer_ast *from)
{
	cer_spot old = {.kind = CER_SPOT_STRUCTURE, .parent = (cer_ast *) from};
	cer_spot new = {.kind = CER_SPOT_STRUCTURE, .parent = d->target.as};
	cer_text none = {NULL, 0};
	cer_ast rooms[2];
	cer_ast *path;

	CER_TRY(cer_path_of_names(d->draft.arena, "as", none, none, &path, d->err));
	return cer_differ_add_set(d, path, cer_spot_read(&old, &rooms[0]),
	                          cer_spot_read(&new, &rooms[1]));
}

/* Single steps where they are few, or shorter than the whole. */
static cer_status
compare_structures(cer_differ *d)
{
	cer_ast *all = d->steps;
	cer_ast *single = cer_ast_make(d->draft.arena, CER_AST_CHANGE, all->place);
	cer_ast *whole = cer_ast_make(d->draft.arena, CER_AST_CHANGE, all->place);
	cer_ast *from;
	size_t n_single;
	size_t n_whole;

	if (single == NULL || whole == NULL)
		return cer_fail_memory(d->err, sizeof(*single));
	if (cer_ast_equals(d->draft.as, d->target.as))
		return CER_OK;
	CER_TRY(cer_value_unfold(d->draft.arena, d->draft.as, &from, d->err));
	d->steps = single;
	CER_TRY(cer_differ_compare_lists(d, d->draft.as, d->target.as));
	d->steps = whole;
	CER_TRY(append_structure(d, from));
	CER_TRY(measure_text(d, single, &n_single));
	CER_TRY(measure_text(d, whole, &n_whole));
	d->steps = all;
	cer_ast_move_children(all, d->is_too_far || (n_single > n_whole &&
	                                             single->first != single->last)
	                               ? whole
	                               : single);
	return CER_OK;
}

cer_status
cer_change_between(cer_arena *arena, const cer_mst *from, const cer_mst *to,
                   const cer_change **change, cer_error *err)
{
	cer_change *made = cer_arena_allocate(arena, sizeof(*made));
	cer_differ d = {.err = err};

	d.steps = cer_ast_make(arena, CER_AST_CHANGE, (cer_place){1, 1});
	if (made == NULL || d.steps == NULL)
		return cer_fail_memory(err, sizeof(*made));
	CER_TRY(cer_draft_make(arena, from, &d.draft, err));
	CER_TRY(cer_draft_make(arena, to, &d.target, err));
	CER_TRY(cer_differ_compare_features(&d));
	CER_TRY(compare_structures(&d));
	CER_TRY(compare_training(&d));
	made->ast = d.steps;
	*change = made;
	return CER_OK;
}
