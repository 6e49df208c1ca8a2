/*
 * data/shape.c
 *	  What a triple adds to the shape that its encoders have.
 */
#include "data/shape.h"

#include "base/arena.h"
#include "base/error.h"

static bool
is_table(const cer_fe_item *item)
{
	return item->kind == CER_FE_JOIN || item->kind == CER_FE_AGGREGATE;
}

cer_status
cer_shape_make(cer_arena *arena, const cer_input_shape *encoded,
               const cer_mst *mst, const cer_input_shape **shape,
               cer_error *err)
{
	cer_input_shape *made = cer_arena_allocate(arena, sizeof(*made));
	cer_text *aliases =
		cer_arena_allocate(arena, mst->n_items * sizeof(*aliases));

	if (made == NULL || aliases == NULL)
		return cer_fail_memory(err, sizeof(*made));
	*made = *encoded;
	made->aliases = aliases;
	made->n_aliases = 0;
	for (size_t i = 0; i < mst->n_items; i++)
		if (is_table(&mst->items[i]))
			aliases[made->n_aliases++] = mst->items[i].alias;
	*shape = made;
	return CER_OK;
}
