/*
 * lang/distance_shape.c
 *	  A small structure as a few numbers, such that a summary holds all of it.
 *
 * Most structures are one call with a short list of numbers: mlp(256, 128).  A
 * shape is the hash of its word, never 0, then its numbers, ended by 0.  From
 * that the structure is made again, and measured as any other, so that the
 * index knows the distance itself.  A word stands there by its hash, not by its
 * place in the schema, which later versions may change; that no two words of AS
 * have one hash is a test's.
 */
#include "lang/distance.h"

#include "base/text.h"
#include "lang/pattern.h"
#include "lang/schema.h"
#include "lang/summary.h"

#include <math.h>
#include <string.h>

uint16_t
cer_shape_hash(cer_text name)
{
	return (uint16_t) (1 + cer_hash_text(SHAPE_FIRST, name) % UINT16_MAX);
}

bool
cer_word_has_shape(const cer_word *word)
{
	return word->kind == CER_WORD_STRUCTURE || word->kind == CER_WORD_LAYER;
}

/* Mostly the pattern's own; empty: there is none. */
static cer_text
find_word(uint16_t hash, const cer_ast *wanted)
{
	if (wanted->kind == CER_AST_CALL && cer_shape_hash(wanted->name) == hash &&
	    cer_call_get_word(wanted) != NULL)
		return wanted->name;
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);
		cer_text name = cer_text_of(word->name);

		if (cer_word_has_shape(word) && cer_shape_hash(name) == hash)
			return name;
	}
	return (cer_text){0};
}

static bool
is_held(const cer_ast *call)
{
	const cer_word *word =
		call->kind == CER_AST_CALL ? cer_call_get_word(call) : NULL;

	if (word == NULL || !cer_word_has_shape(word))
		return false;
	for (const cer_ast *child = call->first; child; child = child->next)
		if (child->kind == CER_AST_NAMED)
			return false;
	return true;
}

void
cer_shape_write(const cer_ast *as, uint16_t shape[CER_SUMMARY_SHAPE])
{
	uint16_t made[CER_SUMMARY_SHAPE] = {cer_shape_hash(as->first->name)};
	const cer_ast *item;
	cer_list list;

	memset(shape, 0, sizeof(made));
	if (!is_held(as->first))
		return;
	cer_list_init(&list, as->first);
	for (size_t n = 1; (item = cer_list_next(&list)) != NULL; n++)
	{
		if (n == CER_SUMMARY_SHAPE || item->kind != CER_AST_NUMBER ||
		    item->number < 1 || item->number > UINT16_MAX ||
		    item->number != floor(item->number))
			return;
		made[n] = (uint16_t) item->number;
	}
	memcpy(shape, made, sizeof(made));
}

const uint16_t *
cer_summary_box_get_shape(const cer_summary_box *box)
{
	const uint16_t *shape = &box->least.at[SHAPE_FIRST];
	size_t size = CER_SUMMARY_SHAPE * sizeof(*shape);

	if (shape[0] == 0 || memcmp(shape, &box->most.at[SHAPE_FIRST], size) != 0)
		return NULL;
	return shape;
}

static cer_status
append_number(cer_arena *arena, cer_ast *call, double number, cer_error *err)
{
	cer_ast *made = cer_ast_make(arena, CER_AST_NUMBER, call->place);

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	made->number = number;
	cer_ast_append(call, made);
	return CER_OK;
}

cer_status
cer_pattern_measure_shape(cer_arena *arena, const cer_pattern *pattern,
                          const uint16_t shape[CER_SUMMARY_SHAPE],
                          double *distance, cer_error *err)
{
	const cer_ast *wanted = cer_ast_find_section(pattern->ast, CER_AST_AS);
	cer_ast as = {.kind = CER_AST_AS};
	cer_ast call = {.kind = CER_AST_CALL};

	*distance = -1;
	call.name = find_word(shape[0], wanted->first);
	if (call.name.size == 0)
		return CER_OK;
	for (size_t i = 1; i < CER_SUMMARY_SHAPE && shape[i] != 0; i++)
		CER_TRY(append_number(arena, &call, shape[i], err));
	cer_ast_append(&as, &call);
	return cer_pattern_measure_structure(arena, wanted, &as, distance, err);
}
