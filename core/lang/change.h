/*
 * lang/change.h
 *	  What the files of changes and merging share: a change as a list of steps,
 *	  a triple that is being changed, and the spots that paths lead to.
 */
#ifndef CER_LANG_CHANGE_H
#define CER_LANG_CHANGE_H

#include "lang/ast.h"
#include "lang/path.h"

struct cer_change
{
	const cer_ast *ast; /* CHANGE */
};

/* Stands for what is left out, before "->" and after it. */
#define CER_DEFAULT_WORD "default"

/*
 * A triple in work: each section is there, perhaps empty; AS lists the layers
 * of its chain, of which there may be one; w x n is written out, so that each
 * width is a node of its own.
 */
typedef struct cer_draft
{
	cer_arena *arena;
	cer_ast *fe;
	cer_ast *as;
	cer_ast *pt;
} cer_draft;

extern cer_status cer_draft_make(cer_arena *arena, const cer_mst *mst,
                                 cer_draft *draft, cer_error *err);
/* The draft stays as it is.  Errors have no place in a text. */
extern cer_status
cer_draft_resolve(const cer_draft *draft, const cer_mst **mst, cer_error *err);

/* The section as a triple has it that is all default but for it: activation(relu)
 * becomes relu, a default that is said goes.  What no triple has stays. */
extern cer_status
cer_draft_normalize(cer_draft *draft, cer_ast_kind section, cer_error *err);

/* A copy with runs written out, or with runs of three and more as w x n. */
extern cer_status cer_value_unfold(cer_arena *arena, const cer_ast *value,
                                   cer_ast **copy, cer_error *err);
extern cer_status cer_value_fold(cer_arena *arena, const cer_ast *value,
                                 cer_ast **copy, cer_error *err);

/* The children in the one spelling that runs have. */
extern cer_status
cer_ast_rewrite_runs(cer_arena *arena, cer_ast *ast, cer_error *err);

/* ----------------------------------------------------------- lists */

extern void
cer_ast_insert_after(cer_ast *parent, cer_ast *before, cer_ast *child);
extern void
cer_ast_insert_before(cer_ast *parent, cer_ast *after, cer_ast *child);
extern void cer_ast_remove(cer_ast *parent, cer_ast *child);
extern void cer_ast_replace(cer_ast *parent, cer_ast *child, cer_ast *by);
/* NULL: it is the first. */
extern cer_ast *
cer_ast_find_previous(const cer_ast *parent, const cer_ast *child);

/* ----------------------------------------------------------- items of FE */

/* The same column, or table: there is room for one of them. */
extern bool cer_item_is_rival(const cer_ast *a, const cer_ast *b);
extern cer_ast *cer_item_find_rival(const cer_ast *fe, const cer_ast *item);
/* What is written after ":", or NULL. */
extern cer_ast *cer_item_get_encoder(const cer_ast *item);

/* ----------------------------------------------------------- spots */

typedef enum cer_spot_kind
{
	CER_SPOT_STRUCTURE, /* AS */
	CER_SPOT_ELEMENT,   /* AS.mlp.units[2]: in a list */
	CER_SPOT_ARGUMENT,  /* PT.lr: with a name, perhaps by default */
	CER_SPOT_OPTIMIZER, /* PT.optimizer */
	CER_SPOT_ITEM       /* FE.planes; its value is its encoder */
} cer_spot_kind;

typedef struct cer_spot
{
	cer_spot_kind kind;
	cer_ast *parent;    /* element: the list; argument: the call or section */
	cer_ast *node;      /* argument: NAMED; NULL: by default */
	cer_text name;      /* of an argument */
	const cer_arg *arg; /* of an argument; NULL: not known here */
} cer_spot;

/* May make an optimizer that is there by default a node. */
extern cer_status cer_spot_find(cer_draft *draft, const cer_ast *path,
                                cer_spot *spot, cer_error *err);

/* What stands there, lent; made in room where it is no node of its own. */
extern const cer_ast *cer_spot_read(const cer_spot *spot, cer_ast *room);
/* The draft keeps value, with runs written out. */
extern cer_status cer_spot_write(cer_draft *draft, const cer_spot *spot,
                                 cer_ast *value, cer_error *err);

/* The path of an element of a list of the draft's AS: a layer by its name. */
extern cer_status
cer_path_make(cer_arena *arena, const cer_draft *draft, const cer_ast *node,
              cer_ast **path, cer_error *err);
/* The same by its index: whatever comes to stand there. */
extern cer_status
cer_path_make_index(cer_arena *arena, const cer_draft *draft,
                    const cer_ast *node, cer_ast **path, cer_error *err);
/* path.name, a new one. */
extern cer_status
cer_path_extend(cer_arena *arena, const cer_ast *path, cer_text name,
                cer_ast **longer, cer_error *err);
/* PT.lr and the like; name2 may be empty. */
extern cer_status
cer_path_of_names(cer_arena *arena, const char *section, cer_text name,
                  cer_text name2, cer_ast **path, cer_error *err);

/* ----------------------------------------------------------- steps */

/* Does one step to the draft; fails with what hinders it. */
extern cer_status
cer_step_apply(cer_draft *draft, const cer_ast *step, cer_error *err);

#endif
