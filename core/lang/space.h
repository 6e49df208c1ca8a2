/*
 * lang/space.h
 *	  A set of triples: a canonical tree in which values, items and layers may
 *	  stand for many.
 */
#ifndef CER_LANG_SPACE_H
#define CER_LANG_SPACE_H

#include "lang/ast.h"

struct cer_space
{
	const cer_ast *ast; /* a TRIPLE with FE and AS, and PT if not all default */
};

#endif
