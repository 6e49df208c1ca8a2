/*
 * lang/bind_write.c
 *	  What was bound, into a struct of the resolved triple and into a canonical
 *	  call; lists of widths, whose runs become `w x n`.
 */
#include "lang/bind.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

_Static_assert(sizeof(size_t) == sizeof(uint64_t),
               "CER_ARG_INTEGER stands for both");

#define MIN_RUN 3 /* layers of one width that are written w x n */

/* ---------------------------------------------------------------- widths */

static const cer_arg layer_count = {.name = "number of layers",
                                    .help = "what stands after \"x\"",
                                    .type = CER_ARG_INTEGER,
                                    .least = 1,
                                    .most = CER_MAX_LAYERS};

static cer_status
add_widths(cer_binding *binding, cer_place place, double width, double count,
           cer_error *err)
{
	if (count > CER_MAX_LAYERS - (double) binding->n_widths)
		return cer_fail_at(err, CER_TOO_BIG, place, "more than %d layers",
		                   CER_MAX_LAYERS);
	for (; count > 0; count--)
		binding->widths[binding->n_widths++] = (size_t) width;
	return CER_OK;
}

/* width, or width x count */
static cer_status
read_width(cer_binding *binding, const cer_arg *arg, const cer_ast *child,
           cer_error *err)
{
	const cer_ast *width = child;
	double count = 1;

	if (child->kind == CER_AST_TIMES)
	{
		width = child->first;
		CER_TRY(cer_arg_check(&layer_count, child->last, err));
		count = child->last->number;
	}
	CER_TRY(cer_arg_check(arg, width, err));
	return add_widths(binding, child->place, width->number, count, err);
}

static bool
is_times(const cer_ast *child)
{
	return child->kind == CER_AST_TIMES || child->kind == CER_AST_FREE_TIMES;
}

static bool
has_many(const cer_binding *binding)
{
	const cer_ast *child = binding->rest;

	for (size_t i = 0; i < binding->n_rest; i++, child = child->next)
		if (cer_ast_is_many(child) || child->kind == CER_AST_FREE_TIMES ||
		    (is_times(child) &&
		     (cer_ast_is_many(child->first) || cer_ast_is_many(child->last))))
			return true;
	return false;
}

static cer_status
check_widths(const cer_arg *arg, const cer_ast *child, cer_error *err)
{
	if (child->kind == CER_AST_OPTIONAL || child->kind == CER_AST_CONDITION)
		return check_widths(arg, child->first, err);
	if (child->kind == CER_AST_CHOICE)
	{
		for (const cer_ast *one = child->first; one; one = one->next)
			CER_TRY(check_widths(arg, one, err));
		return CER_OK;
	}
	if (!is_times(child))
		return cer_arg_check_many(arg, child, err);
	CER_TRY(cer_arg_check_many(arg, child->first, err));
	return cer_arg_check_many(&layer_count, child->last, err);
}

cer_status
cer_binding_read_widths(cer_binding *binding, const cer_arg *arg,
                        cer_error *err)
{
	bool is_many = binding->form == CER_FORM_SPACE && has_many(binding);
	const cer_ast *child = binding->rest;

	for (size_t i = 0; i < binding->n_rest; i++, child = child->next)
		CER_TRY(is_many ? check_widths(arg, child, err)
		                : read_width(binding, arg, child, err));
	if (binding->n_rest > 0 || binding->form == CER_FORM_PATTERN)
		return CER_OK;
	binding->n_widths = arg->n_fallback_units;
	memcpy(binding->widths, arg->fallback_units,
	       binding->n_widths * sizeof(*binding->widths));
	return CER_OK;
}

static cer_status
append_number(cer_arena *arena, cer_ast *parent, size_t value, cer_error *err)
{
	cer_ast *number = cer_ast_make(arena, CER_AST_NUMBER, parent->place);

	if (number == NULL)
		return cer_fail_memory(err, sizeof(*number));
	number->number = (double) value;
	cer_ast_append(parent, number);
	return CER_OK;
}

static cer_status
append_run(cer_arena *arena, cer_ast *call, size_t width, size_t run,
           cer_error *err)
{
	cer_ast *times = cer_ast_make(arena, CER_AST_TIMES, call->place);

	if (times == NULL)
		return cer_fail_memory(err, sizeof(*times));
	CER_TRY(append_number(arena, times, width, err));
	CER_TRY(append_number(arena, times, run, err));
	cer_ast_append(call, times);
	return CER_OK;
}

static cer_status
write_widths(cer_arena *arena, const cer_binding *binding, cer_ast *call,
             cer_error *err)
{
	const size_t *widths = binding->widths;
	size_t run;

	for (size_t i = 0; i < binding->n_widths; i += run)
	{
		for (run = 1; i + run < binding->n_widths; run++)
			if (widths[i + run] != widths[i])
				break;
		if (run >= MIN_RUN)
		{
			CER_TRY(append_run(arena, call, widths[i], run, err));
			continue;
		}
		run = 1;
		CER_TRY(append_number(arena, call, widths[i], err));
	}
	return CER_OK;
}

/* As they were written. */
static void
write_rest(const cer_binding *binding, cer_ast *call)
{
	cer_ast *child = binding->rest;
	cer_ast *next;

	for (size_t i = 0; i < binding->n_rest; i++, child = next)
	{
		next = child->next;
		cer_ast_append(call, child);
	}
}

/* ---------------------------------------------------------------- calls */

static bool
is_left_out(const cer_binding *binding, size_t i)
{
	const cer_arg *arg = &binding->word->args[i];

	if (binding->written[i] == NULL)
		return true;
	if (binding->form == CER_FORM_PATTERN ||
	    binding->form == CER_FORM_COMPLETE || arg->is_required || arg->setting)
		return false;
	return binding->values[i] == arg->fallback;
}

static cer_status
append_named(cer_arena *arena, cer_ast *call, const char *name, cer_ast *value,
             cer_error *err)
{
	cer_ast *named = cer_ast_make(arena, CER_AST_NAMED, value->place);

	if (named == NULL)
		return cer_fail_memory(err, sizeof(*named));
	named->name = cer_text_of(name);
	cer_ast_append(named, value);
	cer_ast_append(call, named);
	return CER_OK;
}

/* Makes a default that has a value of its own as if it were written. */
static cer_status
make_default(cer_arena *arena, const cer_arg *arg, cer_place place,
             cer_ast **value, cer_error *err)
{
	bool is_auto = cer_arg_is_auto(arg);
	bool is_word = is_auto || arg->type == CER_ARG_ACTIVATION ||
	               arg->type == CER_ARG_CHOICE;

	if (arg->setting != NULL || arg->is_required ||
	    (!is_word && arg->type != CER_ARG_NUMBER &&
	     arg->type != CER_ARG_INTEGER))
		return CER_OK;
	*value =
		cer_ast_make(arena, is_word ? CER_AST_CALL : CER_AST_NUMBER, place);
	if (*value == NULL)
		return cer_fail_memory(err, sizeof(**value));
	if (!is_word)
		(*value)->number = arg->fallback;
	else if (is_auto)
		(*value)->name = cer_text_of(arg->word);
	else if (arg->type == CER_ARG_ACTIVATION)
		(*value)->name =
			cer_text_of(cer_activation_name((cer_activation) arg->fallback));
	else
		(*value)->name = cer_text_of(arg->choices[(size_t) arg->fallback]);
	return CER_OK;
}

static cer_status
fill_defaults(cer_arena *arena, cer_binding *binding, cer_place place,
              cer_error *err)
{
	const cer_word *word = binding->word;

	for (size_t i = 0; i < word->n_args; i++)
		if (binding->written[i] == NULL)
			CER_TRY(make_default(arena, &word->args[i], place,
			                     &binding->written[i], err));
	return CER_OK;
}

static cer_status
write_arg(cer_arena *arena, const cer_binding *binding, size_t i,
          bool *is_positional, cer_ast *call, cer_error *err)
{
	const cer_arg *arg = &binding->word->args[i];
	bool has_name = !arg->is_positional || !*is_positional;

	if (arg->type == CER_ARG_WIDTHS && binding->n_widths > 0)
		return write_widths(arena, binding, call, err);
	if (arg->type == CER_ARG_WIDTHS || arg->type == CER_ARG_CHILDREN)
	{
		write_rest(binding, call);
		return CER_OK;
	}
	if (is_left_out(binding, i))
	{
		*is_positional &= arg->type == CER_ARG_FLAG;
		return CER_OK;
	}
	if (binding->optional[i] != NULL)
		cer_ast_append(call, binding->optional[i]);
	else if (has_name && arg->type != CER_ARG_FLAG)
		return append_named(arena, call, arg->name, binding->written[i], err);
	else
		cer_ast_append(call, binding->written[i]);
	return CER_OK;
}

cer_status
cer_binding_rewrite(cer_arena *arena, const cer_binding *binding, cer_ast *call,
                    cer_error *err)
{
	cer_binding complete;
	bool is_positional = true;

	cer_ast_remove_children(call);
	if (binding->form == CER_FORM_COMPLETE)
	{
		complete = *binding;
		CER_TRY(fill_defaults(arena, &complete, call->place, err));
		binding = &complete;
	}
	for (size_t i = 0; i < binding->word->n_args; i++)
		CER_TRY(write_arg(arena, binding, i, &is_positional, call, err));
	return CER_OK;
}

/* ---------------------------------------------------------------- values */

void
cer_binding_store(const cer_binding *binding, void *target)
{
	for (size_t i = 0; i < binding->word->n_args; i++)
	{
		const cer_arg *arg = &binding->word->args[i];
		char *place = (char *) target + arg->offset;

		if (isnan(binding->values[i]) && arg->type != CER_ARG_TABLE)
			continue;
		switch (arg->type)
		{
			case CER_ARG_NUMBER:
				*(double *) (void *) place = binding->values[i];
				break;
			case CER_ARG_INTEGER:
				if (!isnan(binding->values[i]))
					*(uint64_t *) (void *) place =
						(uint64_t) binding->values[i];
				break;
			case CER_ARG_ACTIVATION:
			case CER_ARG_CHOICE:
				if (!isnan(binding->values[i]))
					*(int *) (void *) place = (int) binding->values[i];
				break;
			case CER_ARG_FLAG:
				*(bool *) (void *) place = binding->written[i] != NULL;
				break;
			case CER_ARG_TABLE:
				*(cer_text *) (void *) place = binding->written[i]->name;
				break;
			default:
				break;
		}
	}
}
