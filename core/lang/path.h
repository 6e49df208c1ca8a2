/*
 * lang/path.h
 *	  Looking around in canonical trees: sections, settings, and the nodes that
 *	  paths lead to.
 */
#ifndef CER_LANG_PATH_H
#define CER_LANG_PATH_H

#include "lang/ast.h"
#include "lang/schema.h"

/* NULL: the triple has none. */
extern cer_ast *
cer_ast_find_section(const cer_ast *triple, cer_ast_kind section);

/* The NAMED child of a name, or NULL. */
extern cer_ast *cer_ast_find_named(const cer_ast *parent, cer_text name);

/* The same tree, whatever its places in the text. */
extern bool cer_ast_equals(const cer_ast *a, const cer_ast *b);

/* Of spaces: CHOICE, RANGE, OPTIONAL, CONDITION, FREE_TIMES. */
extern bool cer_ast_is_open(const cer_ast *ast);

/* w x n with both known: so many nodes of w in a row.  1 for any other node. */
extern size_t cer_ast_count_copies(const cer_ast *ast);
/* What is there so many times: w of w x n, else the node itself. */
extern const cer_ast *cer_ast_get_copied(const cer_ast *ast);

/* The value that a path leads to, a default in room; NULL: nothing. */
extern const cer_ast *
cer_path_read(const cer_ast *triple, const cer_ast *path, cer_ast *room);
/* It leads to something: a column or table of FE, or a value. */
extern bool cer_path_is_there(const cer_ast *triple, const cer_ast *path);

/* PT as far as it is written, with the words that know what is not. */
typedef struct cer_training
{
	const cer_ast *pt;        /* NULL: all is default */
	const cer_ast *call;      /* the optimizer, or NULL: the default one */
	const cer_word *word;     /* the optimizer */
	const cer_word *settings; /* of the section */
	cer_text head; /* AS, if it is one call: what is left to it it has */
} cer_training;

/* The call of a PT that names its optimizer; NULL: it has none. */
extern cer_ast *cer_pt_find_optimizer(const cer_ast *pt);
/* The default one, made in the room, where it has none. */
extern const cer_ast *cer_pt_get_optimizer(const cer_ast *pt, cer_ast *room);

extern void cer_training_init(cer_training *training, const cer_ast *triple);

/* The value that the triple has for a setting or an argument of its optimizer;
 * a default is made in room.  NULL: it has none of that name. */
extern const cer_ast *
cer_training_find(const cer_training *training, cer_text name, cer_ast *room);

/* The same; what is left to the structure is what it is there. */
extern const cer_ast *cer_training_find_value(const cer_training *training,
                                              cer_text name, cer_ast *room);
/* Being left to the structure, a default becomes what it is there. */
extern void
cer_ast_resolve_auto(cer_text head, const cer_arg *arg, cer_ast *value);

/* The word of a call in FE or AS, if it takes arguments; or NULL. */
extern const cer_word *cer_call_get_word(const cer_ast *call);
/* Widths: the arguments without names are its elements. */
extern bool cer_arg_is_list(const cer_arg *arg);
extern bool cer_word_takes_widths(const cer_word *word);
/* Being a default, the child may be left out of the call, or be written in
 * another way: a word alone, what has a name, a number of a known argument. */
extern bool cer_call_may_omit(const cer_ast *call, const cer_ast *child);
/* It is written without its name, in its place. */
extern bool cer_arg_is_positional(const cer_word *word, const cer_arg *arg);

/* The default of an argument as a node; false where it is not one value. */
extern bool cer_arg_make_default(const cer_arg *arg, cer_ast *node);

#endif
