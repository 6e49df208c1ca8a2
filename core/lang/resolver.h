/*
 * lang/resolver.h
 *	  What the files of the resolver share, a section of the triple each.
 */
#ifndef CER_LANG_RESOLVER_H
#define CER_LANG_RESOLVER_H

#include "lang/bind.h"
#include "lang/origin.h"

#define CER_MAX_STRUCTURES 16 /* one within another */

typedef struct cer_resolver
{
	cer_arena *arena;
	cer_error *err;
	cer_mst *mst; /* being made */
	cer_form form;
	size_t n_structures; /* of the user's own */
	const cer_word *structures;
	bool *is_used;             /* by structure, or NULL: which are put in */
	size_t n_layers;           /* of the tree so far */
	int depth;                 /* of structures within structures */
	const cer_word *tried;     /* being defined: errors are of its text */
	const cer_ast *tried_body; /* with the places there */
	cer_ast *unknown;          /* a structure that must be one of the user's */
	cer_origin *origin;        /* of what is built; NULL: nobody asks */
	cer_text head;             /* AS, if it is one call; else empty */
} cer_resolver;

/* Each fills its part of the triple and rewrites the section canonically; the
 * section is empty where the text has none. */
extern cer_status cer_resolve_fe(cer_resolver *r, cer_ast *fe);
extern cer_status cer_resolve_as(cer_resolver *r, cer_ast *as);
extern cer_status cer_resolve_pt(cer_resolver *r, cer_ast *pt);

/* The same for patterns and spaces: canonical, nothing filled. */
extern cer_status cer_resolve_open_fe(cer_resolver *r, cer_ast *fe);
extern cer_status cer_resolve_open_pt(cer_resolver *r, cer_ast *pt);

/* Fills *next, or more where the item is an EXCEPT, and moves it on. */
extern cer_status
cer_resolve_item(cer_resolver *r, cer_ast *ast, cer_fe_item **next);

/* One layer, or a chain, canonically. */
extern cer_status cer_resolve_layer(cer_resolver *r, cer_ast *layer);
/* The word of AS that a call names, or NULL: a structure of the user's that is
 * not known here.  Fails where the name is known as something else, or is
 * nearly a known one. */
extern cer_status cer_find_layer_word(cer_resolver *r, const cer_ast *call,
                                      const cer_word **word);

/*
 * The tree of layers that AS means, after AS and PT; leaves it NULL where a
 * structure is not known.
 */
extern cer_status cer_build_structure(cer_resolver *r, const cer_ast *as);
/* A structure's body with a call's arguments put in, fresh. */
extern cer_status cer_expand_call(cer_resolver *r, const cer_ast *call,
                                  const cer_word *word, cer_ast **body);

/* The word whose layers are built next, and back to the one around it. */
extern cer_status cer_origin_enter(cer_resolver *r, cer_text name);
extern void cer_origin_leave(cer_resolver *r);

extern cer_status cer_resolver_make_node(cer_resolver *r, cer_ast_kind kind,
                                         cer_place place, cer_ast **node);
extern cer_status cer_resolver_make_call(cer_resolver *r, const char *name,
                                         cer_place place, cer_ast **call);

#endif
