/*
 * state.c
 *	  States of training on their way through the engine.
 */
#include "state.h"

#include <string.h>

#define MAX_PARTS 1000000

static cer_status
fail_pieces(cer_error *err)
{
	return cer_fail(err, CER_BAD_FORMAT,
	                "pieces of the state to start from do not fit together");
}

static cer_status
begin(start_state *start, cer_arena *arena, uint32_t n_parts, cer_error *err)
{
	if (n_parts > MAX_PARTS)
		return fail_pieces(err);
	start->parts = cer_arena_allocate(arena, n_parts * sizeof(cer_part));
	start->n_received = cer_arena_allocate(arena, n_parts * sizeof(size_t));
	if (start->parts == NULL || start->n_received == NULL)
		return cer_fail(err, CER_NO_MEMORY, "out of memory for a state");
	memset(start->parts, 0, n_parts * sizeof(cer_part));
	memset(start->n_received, 0, n_parts * sizeof(size_t));
	start->n_parts = n_parts;
	return CER_OK;
}

static cer_status
begin_part(cer_part *part, cer_arena *arena, const cer_group_part *piece,
           cer_error *err)
{
	char *name = cer_arena_allocate(arena, piece->part.name.size + 1);
	void *data = cer_arena_allocate(arena, piece->total + 1);

	if (name == NULL || data == NULL)
		return cer_fail(err, CER_NO_MEMORY, "out of memory for a state");
	if (piece->part.name.size > 0)
		memcpy(name, piece->part.name.data, piece->part.name.size);
	*part = piece->part;
	part->name.data = name;
	part->data = data;
	part->size = piece->total;
	return CER_OK;
}

cer_status
start_add(start_state *start, cer_arena *arena, const cer_group_part *piece,
          cer_error *err)
{
	cer_status status = CER_OK;
	cer_part *part;

	if (start->parts == NULL)
		status = begin(start, arena, piece->n_parts, err);
	if (status != CER_OK)
		return status;
	if (piece->ordinal >= start->n_parts)
		return fail_pieces(err);
	part = &start->parts[piece->ordinal];
	if (part->data == NULL)
		status = begin_part(part, arena, piece, err);
	if (status != CER_OK)
		return status;
	if (piece->total != part->size ||
	    piece->offset != start->n_received[piece->ordinal])
		return fail_pieces(err);
	if (piece->part.size > 0)
		memcpy((char *) (uintptr_t) part->data + piece->offset,
		       piece->part.data, piece->part.size);
	start->n_received[piece->ordinal] += piece->part.size;
	return CER_OK;
}

static cer_status
begin_with(session *s, uint32_t triple, const start_state *start,
           cer_trainer *trainer, cer_error *err)
{
	cer_message message = {.type = CER_FRAME_BEGUN};
	cer_status status = cer_trainer_start(trainer, start->parts, start->n_parts,
	                                      &message.begun.start, err);

	message.begun.triple = triple;
	return status == CER_OK ? session_send(s, &message, err) : status;
}

cer_status
start_use(session *s, uint32_t triple, const start_state *start,
          cer_trainer *trainer, cer_error *err)
{
	if (start->parts == NULL)
		return CER_OK;
	for (uint32_t i = 0; i < start->n_parts; i++)
		if (start->parts[i].data == NULL ||
		    start->n_received[i] != start->parts[i].size)
			return fail_pieces(err);
	if (start->is_other)
		return begin_with(s, triple, start, trainer, err);
	return cer_trainer_set_state(trainer, start->parts, start->n_parts, err);
}

/* A part without bytes is one piece without bytes. */
cer_status
send_part(session *s, const cer_group_part *place, const cer_part *part,
          const uint32_t *epoch, cer_error *err)
{
	cer_status status = CER_OK;
	size_t offset = 0;

	do
	{
		cer_message message = {.type = CER_FRAME_PART};
		cer_group_part *piece =
			epoch == NULL ? &message.part : &message.state.piece;
		size_t size = part->size - offset;

		if (size > CER_WIRE_PIECE)
			size = CER_WIRE_PIECE;
		if (epoch != NULL)
		{
			message.type = CER_FRAME_STATE;
			message.state.epoch = *epoch;
		}
		*piece = *place;
		piece->offset = offset;
		piece->total = part->size;
		piece->part = *part;
		piece->part.data = (const char *) part->data + offset;
		piece->part.size = size;
		status = session_send(s, &message, err);
		offset += size;
	} while (offset < part->size && status == CER_OK);
	return status;
}
