/*
 * lang/space.h
 *	  A set of triples.
 */
#ifndef CER_LANG_SPACE_H
#define CER_LANG_SPACE_H

#include "lang/ast.h"

struct cer_space
{
	const cer_ast *ast; /* a TRIPLE in which values may stand for many */
};

#endif
