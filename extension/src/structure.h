/*
 * structure.h
 *	  Structures of people's own: rows of cerebro.structure, put into triples
 *	  that name them.
 *
 * A triple keeps the names; what they stand for is looked up when it is
 * trained, and kept with the model.
 */
#ifndef CEREBRO_STRUCTURE_H
#define CEREBRO_STRUCTURE_H

#include "cerebro_pg.h"

typedef struct StructureList
{
	int n;
	cer_structure *structures;
	bool *is_ambiguous; /* two other roles have one of the name */
	bool *is_used;
} StructureList;

/*
 * The triple with what its structures are made of, as the current role sees
 * them; those are marked in *used, if that is not NULL.  All of it lives in the
 * current memory context.  Raises where a name is unknown.
 */
extern const cer_mst *
structure_bind(const cer_mst *mst, const StructureList **used);
/* A triple's text, parsed and bound. */
extern const cer_mst *structure_parse(const char *triple);
/* What a structure of people's own is made of; false: there is none. */
extern bool structure_find(const char *name, cer_text *definition);
/* As host_check, and says that an unknown structure may be defined. */
extern void
structure_check(cer_status status, cer_error *err, const char *text);
/* Keeps what a model was made with; in an archive scope. */
extern void structure_pin(int32 model, const StructureList *used);

#endif
