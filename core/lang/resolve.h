/*
 * lang/resolve.h
 *	  From a tree as written to a triple: words checked, defaults put in, the
 *	  tree made canonical.
 */
#ifndef CER_LANG_RESOLVE_H
#define CER_LANG_RESOLVE_H

#include "lang/ast.h"
#include "lang/mst.h"

/* Rewrites ast, which the triple keeps. */
extern cer_status cer_mst_resolve(cer_arena *arena, cer_ast *ast,
                                  const cer_mst **mst, cer_error *err);

#endif
