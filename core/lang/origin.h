/*
 * lang/origin.h
 *	  Where in AS a layer comes from: the words on the way to it.
 *
 * Kept only for who asks with cer_mst_trace, as training does not need it.
 */
#ifndef CER_LANG_ORIGIN_H
#define CER_LANG_ORIGIN_H

#include "lang/mst.h"

/* A word of AS, or of what a structure is made of. */
typedef struct cer_origin
{
	struct cer_origin *parent; /* NULL: AS itself */
	cer_text name;
	size_t ordinal; /* among siblings of its name, from 1 */
	struct cer_origin *first;
	struct cer_origin *last;
	struct cer_origin *next; /* sibling */
} cer_origin;

/* The tree of layers that the bound triple means, anew, and each layer with
 * its origin. */
extern cer_status cer_mst_trace(cer_arena *arena, const cer_mst *mst,
                                const cer_layer **structure, cer_error *err);
/* AS.residual.skip[2].dense[1]; ended by NUL. */
extern cer_status cer_origin_print(cer_arena *arena, const cer_origin *origin,
                                   cer_text *path, cer_error *err);

#endif
