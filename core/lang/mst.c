/*
 * lang/mst.c
 *	  Triples: from text, to text, and what others ask of them.
 */
#include "lang/mst.h"

#include "lang/ast.h"
#include "lang/resolve.h"

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
	return cer_ast_print_value_version(arena, mst->ast, text, err);
}

uint64_t
cer_mst_get_seed(const cer_mst *mst)
{
	return mst->settings.seed;
}

size_t
cer_mst_get_epochs(const cer_mst *mst)
{
	return cer_settings_get_last(&mst->settings);
}

size_t
cer_mst_get_shuffle(const cer_mst *mst)
{
	return mst->settings.shuffle;
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

size_t
cer_settings_get_last(const cer_settings *settings)
{
	bool is_stopped = settings->stop > 0 && settings->stop < settings->epochs;

	return is_stopped ? settings->stop : settings->epochs;
}

double
cer_settings_get_rate(const cer_settings *settings, size_t epoch)
{
	for (size_t i = 0; i < settings->n_pieces; i++)
		if (settings->pieces[i].until == 0 ||
		    epoch <= settings->pieces[i].until)
			return settings->pieces[i].lr;
	return settings->lr;
}
