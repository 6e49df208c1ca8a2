/*
 * lang/pattern.h
 *	  Does a triple have what a pattern names?
 */
#ifndef CER_LANG_PATTERN_H
#define CER_LANG_PATTERN_H

#include "lang/ast.h"
#include "lang/path.h"

struct cer_pattern
{
	const cer_ast *ast; /* a TRIPLE of the sections that are named */
};

/* A list of arguments, runs written out, what is named left out. */
typedef struct cer_list
{
	const cer_ast *at; /* NULL: at the end */
	size_t n_left;     /* of its copies */
} cer_list;

extern void cer_list_init(cer_list *list, const cer_ast *parent);
extern const cer_ast *cer_list_next(cer_list *list); /* NULL: no more */

/* What the call has for an argument: by name, by position, or by default, which
 * is made in room; NULL: nothing. */
extern const cer_ast *
cer_call_find_argument(const cer_ast *call, cer_text name, cer_ast *room);

/* Some item of fe is what item says, and perhaps more. */
extern bool cer_pattern_contains_item(const cer_ast *item, const cer_ast *fe);
/* The value is what the pattern says: arguments that it leaves out are free. */
extern bool
cer_pattern_contains_value(const cer_ast *pattern, const cer_ast *value);
/* So is the structure, or a part of it. */
extern bool cer_pattern_contains_structure(const cer_ast *pattern,
                                           const cer_ast *structure);

#endif
