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
 * A word alone is a CALL without children.  What stands for many values in a
 * space (CHOICE, RANGE, OPTIONAL, CONDITION) stands where a value or an item
 * would.
 */
#ifndef CER_LANG_AST_H
#define CER_LANG_AST_H

#include "base/error.h"

typedef enum cer_ast_kind
{
	CER_AST_TRIPLE, /* FE, AS, PT, as far as given, in this order */
	CER_AST_FE,     /* items */
	CER_AST_AS,     /* one structure */
	CER_AST_PT,     /* CALL, NAMED */

	/* items of FE */
	CER_AST_STAR,
	CER_AST_EXCEPT,  /* COLUMNs */
	CER_AST_COLUMN,  /* [qualifier.]name; child: its encoder, if one is given */
	CER_AST_DERIVED, /* name = (SQL); children: SQL, then the encoder if given;
					  * in an AGGREGATE without parentheses and encoder */
	CER_AST_JOIN, /* [qualifier.]name; children: ALIAS, VIA | USING | ON; flag:
				   * LAST */
	CER_AST_AGGREGATE, /* [qualifier.]name; children: ALIAS, VIA, DERIVEDs,
						* WHERE, WINDOW; flag: UNCUT */
	CER_AST_ALIAS,     /* name */
	CER_AST_VIA,       /* COLUMNs */
	CER_AST_USING,     /* COLUMNs */
	CER_AST_ON,        /* SQL */
	CER_AST_WHERE,     /* SQL */
	CER_AST_WINDOW,    /* STRING */
	CER_AST_SQL,       /* name: what stands in parentheses, in one spelling */
	CER_AST_STRING,    /* name: the text, unquoted */

	/* values */
	CER_AST_CALL,  /* name; children: arguments, NAMED last */
	CER_AST_NAMED, /* name = child */
	CER_AST_NUMBER,
	CER_AST_TIMES,      /* first x second: that many of one width */
	CER_AST_FREE_TIMES, /* first xx second: each of its own width */
	CER_AST_PLUS,       /* encoders side by side: embed(8) + onehot */
	CER_AST_CHAIN,      /* a > b > c */
	CER_AST_ARITHMETIC, /* of two numbers, in definitions; name: + - * / */

	/* values of spaces */
	CER_AST_CHOICE,    /* {a, b} */
	CER_AST_OPTIONAL,  /* ?item */
	CER_AST_RANGE,     /* lo..hi; children: two NUMBERs, then NAMED step if
						* given; flag: LOG */
	CER_AST_CONDITION, /* value IF path = value; children: value, PATH, value */

	/* changes */
	CER_AST_CHANGE, /* one child a step, in order */
	CER_AST_ADD,    /* ADD FE item */
	CER_AST_DROP,   /* DROP FE item */
	CER_AST_SET,    /* SET path = [old ->] new; children: PATH, [old], new */
	CER_AST_INSERT, /* INSERT AS layer AFTER | BEFORE path; flag: BEFORE */
	CER_AST_DELETE, /* DELETE AS layer AFTER | BEFORE path: INSERT's inverse */
	CER_AST_PATH,   /* children: PATH_STEPs */
	CER_AST_PATH_STEP /* .name, or [number] of the step before */
} cer_ast_kind;

typedef struct cer_ast
{
	cer_ast_kind kind;
	cer_place place;
	cer_text name;      /* folded or unquoted */
	cer_text qualifier; /* before the dot: a table's alias or a schema */
	double number;
	bool flag; /* what it means is said at the kind */
	struct cer_ast *first;
	struct cer_ast *last;
	struct cer_ast *next; /* sibling */
} cer_ast;

/* NULL: no memory. */
extern cer_ast *
cer_ast_make(cer_arena *arena, cer_ast_kind kind, cer_place place);
/* A node without its children. */
extern cer_ast *cer_ast_copy_node(cer_arena *arena, const cer_ast *ast);
/* All of a tree, names borrowed; NULL: no memory. */
extern cer_ast *cer_ast_copy(cer_arena *arena, const cer_ast *ast);
extern void cer_ast_append(cer_ast *parent, cer_ast *child);
/* Moves the children of another node to the end. */
extern void cer_ast_move_children(cer_ast *parent, cer_ast *from);
/* By qualifier, then name, in byte order; a table of FE by its alias alone. */
extern int cer_ast_compare(const cer_ast *a, const cer_ast *b);
/* In that order; stable. */
extern void cer_ast_sort_children(cer_ast *parent);
extern void cer_ast_remove_children(cer_ast *parent);
extern size_t cer_ast_count(const cer_ast *parent);
/* The child or the first one after it that is no NAMED; NULL: none. */
extern const cer_ast *cer_ast_skip_named(const cer_ast *child);

/* The tree of a text; what its words mean is not looked at. */
extern cer_status
cer_ast_parse(cer_arena *arena, cer_text text, cer_ast **ast, cer_error *err);

/* The same, and what stands for many values is allowed. */
extern cer_status cer_ast_parse_space(cer_arena *arena, cer_text text,
                                      cer_ast **ast, cer_error *err);

/* Text of a tree, ended by NUL, without the version. */
extern cer_status cer_ast_print(cer_arena *arena, const cer_ast *ast,
                                cer_text *text, cer_error *err);
/* The same, of a value: what could not be read again, as it is too long, too
 * deep or has too long a list, is CER_TOO_BIG. */
extern cer_status cer_ast_print_value(cer_arena *arena, const cer_ast *ast,
                                      cer_text *text, cer_error *err);
/* The text of a value, or of its description, the version behind it. */
extern cer_status
cer_ast_print_value_version(cer_arena *arena, const cer_ast *ast,
                            cer_text *text, cer_error *err);
extern cer_status cer_ast_print_version(cer_arena *arena, const cer_ast *ast,
                                        cer_text *text, cer_error *err);

#endif
