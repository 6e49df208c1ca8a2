/*
 * lang/bind.h
 *	  The arguments of a call, checked against the word's row in the schema.
 */
#ifndef CER_LANG_BIND_H
#define CER_LANG_BIND_H

#include "lang/ast.h"
#include "lang/schema.h"

/* By position in the word's table: what was written (NULL: nothing) and the
 * value, which is the default where nothing was. */
typedef struct cer_binding
{
	const cer_word *word;
	cer_ast *written[CER_MAX_ARGS];
	double values[CER_MAX_ARGS];
} cer_binding;

/* Everything but CER_ARG_LAYERS, which the structure reads itself. */
extern cer_status cer_call_bind(const cer_ast *call, const cer_word *word,
                                cer_binding *binding, cer_error *err);

/* Puts the values where the word's table says, below target. */
extern void cer_binding_store(const cer_binding *binding, void *target);

/* Rewrites the call's arguments: in the table's order, defaults left out. */
extern cer_status
cer_binding_rewrite(cer_arena *arena, const cer_binding *binding, cer_ast *call,
                    cer_error *err);

/* The word that a call names, of one kind; fails with what is known. */
extern cer_status cer_call_find_word(const cer_ast *call, cer_word_kind kind,
                                     const cer_word **word, cer_error *err);

/* Checks that value is a number that arg allows. */
extern cer_status
cer_arg_check(const cer_arg *arg, const cer_ast *value, cer_error *err);

/* Fails for an unknown name, with a hint from the names of word's arguments. */
extern cer_status cer_arg_fail_unknown(const cer_ast *argument,
                                       const cer_word *word, cer_error *err);

#endif
