/*
 * lang/mst.c
 *	  Triples: from text, to text, and what others ask of them.
 */
#include "lang/mst.h"

#include "lang/ast.h"
#include "lang/resolve.h"

#include <stdio.h>
#include <string.h>

cer_status
cer_mst_parse(cer_arena *arena, cer_text text, const cer_mst **mst,
              cer_error *err)
{
	cer_ast *ast;

	CER_TRY(cer_ast_parse(arena, text, &ast, err));
	return cer_mst_resolve(arena, ast, mst, err);
}

cer_status
cer_mst_print(cer_arena *arena, const cer_mst *mst, cer_text *text,
              cer_error *err)
{
	char version[16];
	cer_text body;
	char *data;

	CER_TRY(cer_ast_print(arena, mst->ast, &body, err));
	snprintf(version, sizeof(version), " @%d", CER_LANGUAGE_VERSION);
	data = cer_arena_allocate(arena, body.size + sizeof(version));
	if (data == NULL)
		return cer_fail_memory(err, body.size + sizeof(version));
	memcpy(data, body.data, body.size);
	strcpy(data + body.size, version);
	*text = (cer_text){data, body.size + strlen(version)};
	return CER_OK;
}

uint64_t
cer_mst_get_seed(const cer_mst *mst)
{
	return mst->settings.seed;
}

size_t
cer_mst_get_epochs(const cer_mst *mst)
{
	return mst->settings.epochs;
}

const cer_fe_item *
cer_mst_get_items(const cer_mst *mst, size_t *n_items)
{
	*n_items = mst->n_items;
	return mst->items;
}

size_t
cer_mst_get_patience(const cer_mst *mst)
{
	return mst->settings.patience;
}
