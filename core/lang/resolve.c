/*
 * lang/resolve.c
 *	  From a tree as written to a triple.
 *
 * The tree becomes canonical on the way, so that equal meaning is equal text.
 * FE and AS always stand, their defaults too; PT as far as it differs from the
 * language version's defaults.
 */
#include "lang/resolve.h"

#include "base/text.h"
#include "lang/resolver.h"

#include <string.h>

cer_status
cer_resolver_make_node(cer_resolver *r, cer_ast_kind kind, cer_place place,
                       cer_ast **node)
{
	*node = cer_ast_make(r->arena, kind, place);
	return *node ? CER_OK : cer_fail_memory(r->err, sizeof(**node));
}

cer_status
cer_resolver_make_call(cer_resolver *r, const char *name, cer_place place,
                       cer_ast **call)
{
	CER_TRY(cer_resolver_make_node(r, CER_AST_CALL, place, call));
	(*call)->name = cer_text_of(name);
	return CER_OK;
}

/* The triple's section of a kind, made empty where there is none. */
static cer_status
get_section(cer_resolver *r, cer_ast *triple, cer_ast_kind kind,
            cer_ast **section)
{
	for (cer_ast *child = triple->first; child; child = child->next)
		if (child->kind == kind)
		{
			*section = child;
			return CER_OK;
		}
	return cer_resolver_make_node(r, kind, triple->place, section);
}

/* A mix of two rows has no rows of a child table, and no neighbours whose class
 * it could look up. */
static cer_status
check_mixup(cer_resolver *r, const cer_layer *layer)
{
	if (layer->kind == CER_LAYER_POOL_ROWS ||
	    layer->kind == CER_LAYER_NEIGHBOURS)
	{
		cer_fail_at(r->err, CER_BAD_VALUE,
		            (cer_place){layer->line, layer->column},
		            "layer \"%s\" cannot be trained with mixup",
		            cer_layer_name(layer->kind));
		cer_error_set_hint(r->err,
		                   layer->kind == CER_LAYER_NEIGHBOURS
		                       ? "Leave out mixup, or choose another "
		                         "structure."
		                       : "Leave out mixup, or let FE aggregate "
		                         "the rows: AGGREGATE t (n = count(*)).");
		return CER_BAD_VALUE;
	}
	for (layer = layer->first; layer != NULL; layer = layer->next)
		CER_TRY(check_mixup(r, layer));
	return CER_OK;
}

static cer_status
resolve_triple(cer_resolver *r, cer_ast *triple)
{
	cer_ast *fe;
	cer_ast *as;
	cer_ast *pt;

	CER_TRY(get_section(r, triple, CER_AST_FE, &fe));
	CER_TRY(get_section(r, triple, CER_AST_AS, &as));
	CER_TRY(get_section(r, triple, CER_AST_PT, &pt));
	CER_TRY(cer_resolve_fe(r, fe));
	CER_TRY(cer_resolve_as(r, as));
	CER_TRY(cer_resolve_pt(r, pt));
	CER_TRY(cer_build_structure(r, as));
	if (r->mst->structure != NULL && r->mst->settings.mixup > 0.0)
		CER_TRY(check_mixup(r, r->mst->structure));
	cer_ast_remove_children(triple);
	cer_ast_append(triple, fe);
	cer_ast_append(triple, as);
	if (pt->first != NULL)
		cer_ast_append(triple, pt);
	return CER_OK;
}

cer_status
cer_mst_resolve(cer_arena *arena, cer_ast *ast, const cer_mst **mst,
                cer_error *err)
{
	cer_resolver r = {.arena = arena, .err = err};

	r.mst = cer_arena_allocate(arena, sizeof(*r.mst));
	if (r.mst == NULL)
		return cer_fail_memory(err, sizeof(*r.mst));
	memset(r.mst, 0, sizeof(*r.mst));
	CER_TRY(resolve_triple(&r, ast));
	r.mst->ast = ast;
	r.mst->unknown = r.unknown;
	*mst = r.mst;
	return CER_OK;
}
