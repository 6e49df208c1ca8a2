/*
 * lang/resolver.h
 *	  What the files of the resolver share, a section of the triple each.
 */
#ifndef CER_LANG_RESOLVER_H
#define CER_LANG_RESOLVER_H

#include "lang/ast.h"
#include "lang/schema.h"

typedef struct cer_resolver
{
	cer_arena *arena;
	cer_error *err;
	cer_mst *mst;    /* being made */
	bool is_open;    /* a pattern or space: what is left out may be anything */
	cer_place place; /* of the structure */
	size_t n_units;
	size_t units[CER_MAX_LAYERS]; /* of the layers that AS lists */
} cer_resolver;

/* Each fills its part of the triple and rewrites the section canonically; the
 * section is empty where the text has none. */
extern cer_status cer_resolve_fe(cer_resolver *r, cer_ast *fe);
extern cer_status cer_resolve_as(cer_resolver *r, cer_ast *as);
extern cer_status cer_resolve_pt(cer_resolver *r, cer_ast *pt);

/* Sorts FE's items and checks them among each other. */
extern cer_status cer_order_items(cer_resolver *r, cer_ast *fe);
/* Fills *next, or more where the item is an EXCEPT, and moves it on. */
extern cer_status
cer_resolve_item(cer_resolver *r, cer_ast *ast, cer_fe_item **next);

/* What AS leaves open comes from PT: after both. */
extern cer_status cer_resolve_layers(cer_resolver *r);

extern cer_status cer_resolver_make_node(cer_resolver *r, cer_ast_kind kind,
                                         cer_place place, cer_ast **node);
extern cer_status cer_resolver_make_call(cer_resolver *r, const char *name,
                                         cer_place place, cer_ast **call);

#endif
