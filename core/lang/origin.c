/*
 * lang/origin.c
 *	  Where in AS a layer comes from.
 *
 * Layers of one name within a word are counted, as paths of changes do; the
 * number is left out where there is one only.
 */
#include "lang/origin.h"

#include "base/text.h"
#include "lang/resolver.h"
#include "lang/writer.h"

#include <string.h>

cer_status
cer_mst_trace(cer_arena *arena, const cer_mst *mst, const cer_layer **structure,
              cer_error *err)
{
	cer_mst *traced = cer_arena_allocate(arena, sizeof(*traced));
	cer_resolver r = {.arena = arena, .err = err, .mst = traced};

	CER_TRY(cer_mst_check_bound(mst, err));
	r.origin = cer_arena_allocate(arena, sizeof(*r.origin));
	if (traced == NULL || r.origin == NULL)
		return cer_fail_memory(err, sizeof(*traced));
	*traced = *mst;
	*r.origin = (cer_origin){.name = {"AS", 2}};
	for (const cer_ast *child = mst->ast->first; child; child = child->next)
		if (child->kind == CER_AST_AS)
			CER_TRY(cer_build_structure(&r, child));
	*structure = traced->structure;
	return CER_OK;
}

cer_status
cer_origin_enter(cer_resolver *r, cer_text name)
{
	cer_origin *parent = r->origin;
	cer_origin *made;

	if (parent == NULL)
		return CER_OK;
	made = cer_arena_allocate(r->arena, sizeof(*made));
	if (made == NULL)
		return cer_fail_memory(r->err, sizeof(*made));
	*made = (cer_origin){.parent = parent, .name = name, .ordinal = 1};
	for (const cer_origin *other = parent->first; other; other = other->next)
		made->ordinal += cer_text_equals(other->name, name);
	if (parent->last == NULL)
		parent->first = made;
	else
		parent->last->next = made;
	parent->last = made;
	r->origin = made;
	return CER_OK;
}

void
cer_origin_leave(cer_resolver *r)
{
	if (r->origin != NULL)
		r->origin = r->origin->parent;
}

static bool
is_alone(const cer_origin *origin)
{
	size_t n = 0;

	for (const cer_origin *other = origin->parent->first; other;
	     other = other->next)
		n += cer_text_equals(other->name, origin->name);
	return n == 1;
}

static void
put_origin(cer_writer *to, const cer_origin *origin)
{
	if (origin->parent == NULL)
	{
		cer_writer_add(to, origin->name);
		return;
	}
	put_origin(to, origin->parent);
	cer_writer_put(to, ".");
	cer_writer_add(to, origin->name);
	if (!is_alone(origin))
		cer_writer_format(to, "[%zu]", origin->ordinal);
}

cer_status
cer_origin_print(cer_arena *arena, const cer_origin *origin, cer_text *path,
                 cer_error *err)
{
	cer_writer to = {.arena = arena};

	put_origin(&to, origin);
	return cer_writer_finish(&to, path, err);
}
