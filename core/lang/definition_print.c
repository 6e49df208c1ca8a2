/*
 * lang/definition_print.c
 *	  How a structure is made, as its definition is written.
 */
#include "lang/definition.h"

#include "base/text.h"
#include "lang/number.h"

#include <stdio.h>
#include <string.h>

#define PARAMETER_BYTES 128 /* around names and numbers */

typedef struct writer
{
	char *at;
} writer;

static void
write_text(writer *w, const char *text)
{
	size_t size = strlen(text);

	memcpy(w->at, text, size);
	w->at += size;
}

static void
write_number(writer *w, double number)
{
	w->at += cer_number_print(number, w->at);
}

static size_t
measure(const cer_word *word)
{
	size_t size = strlen(word->name) + strlen(word->body) + 16;

	for (size_t i = 0; i < word->n_args; i++)
		size += strlen(word->args[i].name) + PARAMETER_BYTES +
		        4 * CER_NUMBER_BYTES +
		        word->args[i].n_fallback_units * CER_NUMBER_BYTES;
	return size;
}

static void
write_widths(writer *w, const cer_arg *arg)
{
	for (size_t i = 0; i < arg->n_fallback_units; i++)
	{
		write_text(w, i == 0 ? "(" : ", ");
		write_number(w, (double) arg->fallback_units[i]);
	}
	write_text(w, ")");
}

static void
write_default(writer *w, const cer_arg *arg)
{
	if (arg->is_required)
		return;
	write_text(w, " = ");
	if (arg->setting != NULL)
	{
		write_text(w, "PT.");
		write_text(w, arg->setting);
	}
	else if (arg->type == CER_ARG_WIDTHS)
		write_widths(w, arg);
	else if (arg->type == CER_ARG_ACTIVATION)
		write_text(w, cer_activation_name((cer_activation) arg->fallback));
	else
		write_number(w, arg->fallback);
}

static void
write_range(writer *w, const cer_arg *arg)
{
	if (arg->type != CER_ARG_INTEGER && arg->type != CER_ARG_NUMBER &&
	    arg->type != CER_ARG_WIDTHS)
		return;
	if (arg->least == CER_LEAST_NUMBER && arg->most == CER_MOST_NUMBER)
		return;
	write_text(w, arg->is_above_least ? " above " : " from ");
	write_number(w, arg->least);
	write_text(w, arg->is_below_most ? " to below " : " to ");
	write_number(w, arg->most);
}

static void
write_parameters(writer *w, const cer_word *word)
{
	for (size_t i = 0; i < word->n_args; i++)
	{
		const cer_arg *arg = &word->args[i];

		write_text(w, i == 0 ? "(" : ", ");
		write_text(w, arg->name);
		write_text(w, " ");
		write_text(w, cer_arg_type_name(arg->type));
		write_default(w, arg);
		write_range(w, arg);
	}
	if (word->n_args > 0)
		write_text(w, ") = ");
}

cer_status
cer_definition_print(cer_arena *arena, const cer_word *word, cer_text *text,
                     cer_error *err)
{
	size_t size = measure(word);
	char *data = cer_arena_allocate(arena, size);
	writer w = {data};

	if (data == NULL)
		return cer_fail_memory(err, size);
	write_parameters(&w, word);
	write_text(&w, word->body);
	*w.at = '\0';
	*text = (cer_text){data, (size_t) (w.at - data)};
	return CER_OK;
}
