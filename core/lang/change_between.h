/*
 * lang/change_between.h
 *	  What the files share that tell what turns one triple into another: a draft
 *	  of the first that becomes the second, and the steps that do it.
 */
#ifndef CER_LANG_CHANGE_BETWEEN_H
#define CER_LANG_CHANGE_BETWEEN_H

#include "lang/change.h"

typedef struct cer_differ
{
	cer_draft draft;  /* of the first triple, on the way */
	cer_draft target; /* of the second */
	cer_ast *steps;   /* CHANGE */
	bool is_too_far;  /* no single steps lead there: tell it whole */
	cer_error *err;
} cer_differ;

/* A step without its parts. */
extern cer_status
cer_differ_add_step(cer_differ *d, cer_ast_kind kind, cer_ast **step);
extern cer_status
cer_differ_add_value(cer_differ *d, cer_ast *step, const cer_ast *value);
/* SET path = old -> new */
extern cer_status cer_differ_add_set(cer_differ *d, cer_ast *path,
                                     const cer_ast *old, const cer_ast *new);
/* SETs of arguments with names of two calls of one word; path is the call's. */
extern cer_status
cer_differ_compare_named(cer_differ *d, const cer_ast *a, const cer_ast *b,
                         const cer_word *word, const cer_ast *path);

extern cer_status cer_differ_compare_features(cer_differ *d);
/* a is a list of the draft, which becomes b's. */
extern cer_status
cer_differ_compare_lists(cer_differ *d, cer_ast *a, const cer_ast *b);

extern void cer_ast_make_default_word(cer_ast *room);

#endif
