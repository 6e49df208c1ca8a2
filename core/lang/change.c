/*
 * lang/change.c
 *	  Changes as values: printed, put together, turned round, applied.
 */
#include "lang/change.h"

#include "base/text.h"
#include "lang/mst.h"

#include <stdio.h>
#include <string.h>

#define MAX_SEARCHED 64 /* steps among which the one that hinders is found */

cer_status
cer_change_print(cer_arena *arena, const cer_change *change, cer_text *text,
                 cer_error *err)
{
	return cer_ast_print_value(arena, change->ast, text, err);
}

size_t
cer_change_count_steps(const cer_change *change)
{
	return cer_ast_count(change->ast);
}

/* AS.dense = dense(8) -> relu: the layer's name, and with it the path, is gone
 * when the step is done.  The first index after a name counts what is named so,
 * a second one what is within. */
static bool
loses_path(const cer_ast *set)
{
	const cer_ast *old = set->first->next;
	cer_text name = {NULL, 0};
	size_t n_indexes = 0;

	for (const cer_ast *step = set->first->first; step; step = step->next)
		if (step->name.size == 0)
			n_indexes++;
		else
		{
			name = step->name;
			n_indexes = 0;
		}
	return n_indexes <= 1 && old->kind == CER_AST_CALL &&
	       cer_text_equals(old->name, name) &&
	       !(set->last->kind == CER_AST_CALL &&
	         cer_text_equals(set->last->name, name));
}

static bool
is_closed(const cer_ast *step)
{
	switch (step->kind)
	{
		case CER_AST_DROP:
			return step->first->kind != CER_AST_PATH;
		case CER_AST_SET:
			return step->first->next != step->last && !loses_path(step);
		case CER_AST_DELETE:
			return step->first != step->last;
		default:
			return true;
	}
}

bool
cer_change_is_closed(const cer_change *change)
{
	for (const cer_ast *step = change->ast->first; step; step = step->next)
		if (!is_closed(step))
			return false;
	return true;
}

/* --------------------------------------------------------------- making */

static cer_status
make_change(cer_arena *arena, cer_change **change, cer_ast **ast,
            cer_error *err)
{
	*change = cer_arena_allocate(arena, sizeof(**change));
	*ast = cer_ast_make(arena, CER_AST_CHANGE, (cer_place){1, 1});
	if (*change == NULL || *ast == NULL)
		return cer_fail_memory(err, sizeof(**ast));
	(*change)->ast = *ast;
	return CER_OK;
}

/* Two numbers, or two words, that no triple means the same by. */
static bool
are_surely_different(const cer_ast *a, const cer_ast *b)
{
	if (a->kind == CER_AST_NUMBER && b->kind == CER_AST_NUMBER)
		return a->number != b->number;
	return false;
}

/* The value that a step finds at its path is what one before it left there, if
 * nothing in between can have moved or changed what the path leads to. */
static cer_status
check_follows(const cer_ast *steps, const cer_ast *step, cer_error *err)
{
	const cer_ast *before = NULL;
	const cer_ast *old = step->first->next;

	if (step->kind != CER_AST_SET || old == step->last)
		return CER_OK;
	for (const cer_ast *other = steps->first; other; other = other->next)
		if (other->kind == CER_AST_INSERT || other->kind == CER_AST_DELETE ||
		    (other->kind == CER_AST_SET && other->last->kind != CER_AST_NUMBER))
			before = NULL;
		else if (other->kind == CER_AST_SET &&
		         cer_ast_equals(other->first, step->first))
			before = other->last;
	if (before == NULL || !are_surely_different(before, old))
		return CER_OK;
	return cer_fail(err, CER_BAD_VALUE,
	                "the changes do not follow each other: one sets a value to "
	                "%g, the next one finds %g",
	                before->number, old->number);
}

static cer_status
append_steps(cer_arena *arena, cer_ast *ast, const cer_change *change,
             cer_error *err)
{
	for (const cer_ast *step = change->ast->first; step; step = step->next)
	{
		cer_ast *copy = cer_ast_copy(arena, step);

		if (copy == NULL)
			return cer_fail_memory(err, sizeof(*copy));
		CER_TRY(check_follows(ast, step, err));
		cer_ast_append(ast, copy);
	}
	return CER_OK;
}

cer_status
cer_change_compose(cer_arena *arena, const cer_change *first,
                   const cer_change *second, const cer_change **both,
                   cer_error *err)
{
	cer_change *made;
	cer_ast *ast;

	CER_TRY(make_change(arena, &made, &ast, err));
	CER_TRY(append_steps(arena, ast, first, err));
	CER_TRY(append_steps(arena, ast, second, err));
	*both = made;
	return CER_OK;
}

static void
invert_step(cer_ast *step)
{
	cer_ast *old;

	switch (step->kind)
	{
		case CER_AST_ADD:
			step->kind = CER_AST_DROP;
			break;
		case CER_AST_DROP:
			step->kind = CER_AST_ADD;
			break;
		case CER_AST_INSERT:
			step->kind = CER_AST_DELETE;
			break;
		case CER_AST_DELETE:
			step->kind = CER_AST_INSERT;
			break;
		default:
			old = step->first->next;
			cer_ast_remove(step, old);
			cer_ast_append(step, old);
			break;
	}
}

cer_status
cer_change_invert(cer_arena *arena, const cer_change *change,
                  const cer_change **inverse, cer_error *err)
{
	cer_change *made;
	cer_ast *ast;

	CER_TRY(make_change(arena, &made, &ast, err));
	for (const cer_ast *step = change->ast->first; step; step = step->next)
	{
		cer_ast *copy = cer_ast_copy(arena, step);

		if (copy == NULL)
			return cer_fail_memory(err, sizeof(*copy));
		if (!is_closed(step))
		{
			cer_fail(err, CER_BAD_CALL,
			         "an open change has no inverse: it does not say what was "
			         "there");
			cer_error_set_hint(err, "Applying it to a triple closes it.");
			return CER_BAD_CALL;
		}
		invert_step(copy);
		cer_ast_insert_after(ast, NULL, copy);
	}
	*inverse = made;
	return CER_OK;
}

/* --------------------------------------------------------------- applying */

/* Puts the step before what hinders it. */
static cer_status
fail_step(cer_arena *arena, const cer_ast *step, cer_status status,
          cer_error *err)
{
	char reason[sizeof(err->message)];
	cer_text text = {"the change", 10};

	if (err == NULL || status == CER_NO_MEMORY || status == CER_CANCELED)
		return status;
	memcpy(reason, err->message, sizeof(reason));
	cer_ast_print(arena, step, &text, NULL);
	snprintf(err->message, sizeof(err->message), "cannot %.*s: %.*s",
	         CER_SHOW(text), 180, reason);
	cer_error_set_position(err, step->place.line, step->place.column);
	return status;
}

/* Applies steps up to and including last; NULL: all. */
static cer_status
apply_steps(cer_arena *arena, const cer_mst *mst, const cer_change *change,
            const cer_ast *last, cer_draft *draft, cer_error *err)
{
	CER_TRY(cer_draft_make(arena, mst, draft, err));
	for (const cer_ast *step = change->ast->first; step; step = step->next)
	{
		cer_error reason = {.status = CER_OK};
		cer_status status = cer_step_apply(draft, step, &reason);

		if (status != CER_OK)
		{
			if (err != NULL)
				*err = reason;
			return fail_step(arena, step, status, err);
		}
		if (step == last)
			break;
	}
	return CER_OK;
}

/* The first step from which on the result is no triple. */
static const cer_ast *
find_culprit(cer_arena *arena, const cer_mst *mst, const cer_change *change)
{
	const cer_ast *culprit = NULL;

	if (cer_ast_count(change->ast) > MAX_SEARCHED)
		return change->ast->last;
	for (const cer_ast *step = change->ast->first; step; step = step->next)
	{
		const cer_mst *made;
		cer_draft draft;
		bool is_triple =
			apply_steps(arena, mst, change, step, &draft, NULL) == CER_OK &&
			cer_draft_resolve(&draft, &made, NULL) == CER_OK;

		if (is_triple)
			culprit = NULL;
		else if (culprit == NULL)
			culprit = step;
	}
	return culprit ? culprit : change->ast->last;
}

cer_status
cer_change_apply(cer_arena *arena, const cer_mst *mst, const cer_change *change,
                 const cer_mst **result, const cer_change **closed,
                 cer_error *err)
{
	const cer_change *between = NULL;
	const cer_mst *made;
	cer_draft draft;
	cer_status status;

	CER_TRY(apply_steps(arena, mst, change, NULL, &draft, err));
	status = cer_draft_resolve(&draft, &made, err);
	if (status != CER_OK)
		return change->ast->first == NULL
		           ? status
		           : fail_step(arena, find_culprit(arena, mst, change), status,
		                       err);
	if (closed != NULL)
		CER_TRY(cer_change_between(arena, mst, made, &between, err));
	*result = made;
	if (closed != NULL)
		*closed = between;
	return CER_OK;
}

cer_status
cer_mst_stop(cer_arena *arena, const cer_mst *mst, size_t epoch,
             const cer_mst **stopped, cer_error *err)
{
	const cer_change *change;
	char text[40];

	snprintf(text, sizeof(text), "SET PT.stop = %zu", epoch);
	CER_TRY(cer_change_parse(arena, cer_text_of(text), &change, err));
	return cer_change_apply(arena, mst, change, stopped, NULL, err);
}
