/*
 * lang/ast.h
 *	  What a text of the language says, as a tree.
 *
 * One kind of node for all of the language, children in a list, so that what
 * walks trees (printer, equality, later distance and paths) knows no grammar:
 *
 *	 FE *, dest : embed(16)  AS mlp(256 x 3, 64)  PT adam(lr = 0.01)
 *
 *	 TRIPLE -+- FE -+- STAR
 *			 |		+- COLUMN dest --- CALL embed --- NUMBER 16
 *			 +- AS --- CALL mlp -+- TIMES -+- NUMBER 256
 *			 |					 |		   +- NUMBER 3
 *			 |					 +- NUMBER 64
 *			 +- PT --- CALL adam --- NAMED lr --- NUMBER 0.01
 *
 * A word alone is a CALL without children.  New constructs are new kinds:
 * choices, ranges and chains are nodes where a CALL or a NUMBER may stand.
 */
#ifndef CER_LANG_AST_H
#define CER_LANG_AST_H

#include "base/error.h"

typedef enum cer_ast_kind
{
	CER_AST_TRIPLE, /* FE, AS, PT, as far as given, in this order */
	CER_AST_FE,     /* STAR, EXCEPT, COLUMN */
	CER_AST_AS,     /* one CALL */
	CER_AST_PT,     /* CALL, NAMED */
	CER_AST_STAR,
	CER_AST_EXCEPT, /* COLUMNs */
	CER_AST_COLUMN, /* name; child: its encoder, a CALL, if one is given */
	CER_AST_CALL,   /* name; children: arguments, NAMED last */
	CER_AST_NAMED,  /* name = child */
	CER_AST_NUMBER,
	CER_AST_TIMES /* first x second */
} cer_ast_kind;

typedef struct cer_ast
{
	cer_ast_kind kind;
	cer_place place;
	cer_text name; /* folded or unquoted */
	double number;
	struct cer_ast *first;
	struct cer_ast *last;
	struct cer_ast *next; /* sibling */
} cer_ast;

/* NULL: no memory. */
extern cer_ast *
cer_ast_make(cer_arena *arena, cer_ast_kind kind, cer_place place);
extern void cer_ast_append(cer_ast *parent, cer_ast *child);
/* Moves the children of another node to the end. */
extern void cer_ast_move_children(cer_ast *parent, cer_ast *from);
/* By name, in byte order; stable. */
extern void cer_ast_sort_children(cer_ast *parent);
extern void cer_ast_remove_children(cer_ast *parent);
extern size_t cer_ast_count(const cer_ast *parent);

/* The tree of a text; what its words mean is not looked at. */
extern cer_status
cer_ast_parse(cer_arena *arena, cer_text text, cer_ast **ast, cer_error *err);

/* Text of a tree, ended by NUL, without the version. */
extern cer_status cer_ast_print(cer_arena *arena, const cer_ast *ast,
                                cer_text *text, cer_error *err);

#endif
