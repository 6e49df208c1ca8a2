/*
 * lang/bind.h
 *	  The arguments of a call, checked against the word's row in the schema.
 */
#ifndef CER_LANG_BIND_H
#define CER_LANG_BIND_H

#include "lang/ast.h"
#include "lang/schema.h"

/* What a text stands for. */
typedef enum cer_form
{
	CER_FORM_TRIPLE,  /* what is left out is as the language version has it */
	CER_FORM_PATTERN, /* what is left out is free */
	CER_FORM_SPACE,   /* as a triple, and values may be many */
	CER_FORM_COMPLETE /* a triple; rewriting puts every default in */
} cer_form;

/*
 * By position in the word's table: what was written (NULL: nothing) and the
 * value, which is the default where nothing was, and NaN where it is none or
 * many: layers, choices, ranges.
 */
typedef struct cer_binding
{
	const cer_word *word;
	cer_form form;
	cer_ast *written[CER_MAX_ARGS];
	cer_ast *optional[CER_MAX_ARGS]; /* of spaces: ?name = value, all of it */
	double values[CER_MAX_ARGS];
	size_t n_rest;   /* positional children that WIDTHS or CHILDREN take */
	cer_ast *rest;   /* the first of them */
	size_t n_widths; /* 0 where they are left out, or many */
	size_t widths[CER_MAX_LAYERS];
} cer_binding;

/* Changes nothing of the call. */
extern cer_status
cer_call_bind(const cer_ast *call, const cer_word *word, cer_form form,
              cer_binding *binding, cer_error *err);

/* Puts the values where the word's table says, below target; those that are
 * none, or another setting's, are left alone. */
extern void cer_binding_store(const cer_binding *binding, void *target);

/* Reads the widths that the binding's rest lists, or the default ones. */
extern cer_status cer_binding_read_widths(cer_binding *binding,
                                          const cer_arg *arg, cer_error *err);

/* Rewrites the call's arguments: in the table's order, defaults left out. */
extern cer_status
cer_binding_rewrite(cer_arena *arena, const cer_binding *binding, cer_ast *call,
                    cer_error *err);

/* The word that a call names, of one kind; fails with what is known. */
extern cer_status cer_call_find_word(const cer_ast *call, cer_word_kind kind,
                                     const cer_word **word, cer_error *err);

/* The one value that is written, as a number; NaN where it is none. */
extern cer_status cer_arg_read(const cer_arg *arg, const cer_ast *value,
                               double *result, cer_error *err);
/* It has no name, and is all arguments without one. */
extern bool cer_arg_takes_rest(const cer_arg *arg);

/* Stands for many values. */
extern bool cer_ast_is_many(const cer_ast *value);
/* Checks that each value that it stands for is one that arg allows. */
extern cer_status
cer_arg_check_many(const cer_arg *arg, const cer_ast *value, cer_error *err);

/* Checks that value is a number that arg allows. */
extern cer_status
cer_arg_check(const cer_arg *arg, const cer_ast *value, cer_error *err);

/* Set the error's detail: what the argument is, which there are. */
extern void cer_arg_explain(const cer_arg *arg, cer_error *err);
extern void cer_word_explain_args(const cer_word *word, cer_error *err);
/* Fails for an unknown name, with a hint from the names of word's arguments. */
extern cer_status cer_arg_fail_unknown(const cer_ast *argument,
                                       const cer_word *word, cer_error *err);

#endif
