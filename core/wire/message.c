/*
 * wire/message.c
 *	  What the server and its engine tell each other, as bytes.
 *
 *	 server					engine
 *	 HELLO, GROUP		 ->
 *						 <- READY (threads are up, the door is shut)
 *	 VALUES, ROWS, ...	 ->		codes are told before the rows that use them
 *	 START, ...			 ->		the state that a triple goes on from, if any
 *	 SKIP, ...			 ->		triples whose models were found
 *	 END				 ->
 *						 <- BEGUN, of one that begins with another model
 *						 <- STATUS, EPOCH, STATE ... PART, ... TRIPLE_DONE
 *						 <- ... of each triple of the group, in any order, or
 *							TRIPLE_FAILED; then DONE
 *	 STOP (after END)	 ->		triples that have not begun do not begin
 *	 CUT (after END)	 ->		nor do others train on: each is what it is by then
 *	 CANCEL (any time)	 ->		or simply closes the socket
 *
 * ERROR may come at any time and is the engine's last frame.
 *
 * A frame is a header and a payload:
 *
 *	 magic u32 | wire version u16 | type u16 | payload size u64 | payload
 *
 * Payloads come from another process and are not trusted: every count is
 * compared with the bytes that are left, every enum with its range.
 */
#include "wire/codec.h"

#include <string.h>

#define FRAME_MAGIC 0x46524543u /* "CERF" */

/* ------------------------------------------------------------- elements */

static void
cer_codec_triple(cer_codec *c, void *element)
{
	cer_group_triple *triple = element;

	cer_codec_u64(c, &triple->job);
	cer_codec_text(c, &triple->text);
	cer_codec_u32(c, &triple->keep_every);
	cer_codec_u32(c, &triple->keep_seconds);
}

static void
cer_codec_column(cer_codec *c, void *element)
{
	cer_column *column = element;

	cer_codec_text(c, &column->name);
	column->type = cer_codec_enum(c, column->type, CER_TYPE_ARRAY + 1);
	column->unit = cer_codec_enum(c, column->unit, CER_UNIT_TIMESTAMP + 1);
	cer_codec_bool(c, &column->is_in_star);
	cer_codec_bool(c, &column->is_label);
}

static void
cer_codec_input(cer_codec *c, void *element)
{
	cer_input *input = element;

	cer_codec_text(c, &input->name);
	input->storage = cer_codec_enum(c, input->storage, CER_CODE32 + 1);
}

static void
cer_codec_value(cer_codec *c, void *element)
{
	cer_codec_text(c, element);
}

static void
cer_codec_storage(cer_codec *c, void *element)
{
	cer_storage *storage = element;

	*storage = cer_codec_enum(c, *storage, CER_CODE32 + 1);
}

/* ------------------------------------------------------------- messages */

static void
cer_codec_hello(cer_codec *c, cer_hello *hello)
{
	cer_codec_text(c, &hello->executor);
	cer_codec_u32(c, &hello->n_threads);
	cer_codec_u64(c, &hello->memory_limit);
	cer_codec_text(c, &hello->disk);
	cer_codec_u64(c, &hello->disk_limit);
}

static void
cer_codec_group(cer_codec *c, cer_group *group)
{
	cer_codec_list triples = {group->triples, group->n_triples};
	cer_codec_list columns = {group->columns, group->n_columns};
	cer_codec_list inputs = {group->inputs, group->n_inputs};

	triples = cer_codec_array(c, triples, sizeof(cer_group_triple), 16,
	                          cer_codec_triple);
	columns =
		cer_codec_array(c, columns, sizeof(cer_column), 16, cer_codec_column);
	inputs = cer_codec_array(c, inputs, sizeof(cer_input), 8, cer_codec_input);
	cer_codec_u32(c, &group->n_classes);
	cer_codec_bool(c, &group->repeats_rows);
	group->triples = triples.elements;
	group->n_triples = triples.n;
	group->columns = columns.elements;
	group->n_columns = columns.n;
	group->inputs = inputs.elements;
	group->n_inputs = inputs.n;
}

static void
cer_codec_values(cer_codec *c, cer_values *values)
{
	cer_codec_list list = {values->values, values->n_values};

	cer_codec_u32(c, &values->input);
	cer_codec_u32(c, &values->first);
	list = cer_codec_array(c, list, sizeof(cer_text), 4, cer_codec_value);
	values->values = list.elements;
	values->n_values = list.n;
}

static size_t
size_of_storage(cer_storage storage)
{
	return storage == CER_FLOAT64 ? sizeof(double) : sizeof(float);
}

/* The columns' arrays, each as long as its storage says. */
static void
codec_chunk_columns(cer_codec *c, cer_rows *rows)
{
	size_t size = rows->n_columns * sizeof(void *);
	const void **columns = (const void **) (uintptr_t) rows->chunk.columns;

	if (c->status == CER_OK && cer_codec_is_reading(c))
	{
		columns = cer_arena_allocate(c->arena, size);
		if (columns == NULL)
			c->status = cer_fail_memory(c->err, size);
	}
	for (size_t i = 0; i < rows->n_columns && c->status == CER_OK; i++)
		cer_codec_bytes(c, &columns[i],
		                rows->chunk.n_rows *
		                    size_of_storage(rows->storages[i]));
	rows->chunk.columns = columns;
}

static void
cer_codec_rows(cer_codec *c, cer_rows *rows)
{
	cer_codec_list storages = {rows->storages, rows->n_columns};
	cer_chunk *chunk = &rows->chunk;

	cer_codec_u64(c, &rows->position);
	chunk->n_rows =
		cer_codec_enum(c, (uint32_t) chunk->n_rows, CER_CHUNK_ROWS + 1);
	storages =
		cer_codec_array(c, storages, sizeof(cer_storage), 4, cer_codec_storage);
	rows->storages = storages.elements;
	rows->n_columns = storages.n;
	cer_codec_bytes(c, (const void **) &chunk->row_keys,
	                chunk->n_rows * sizeof(uint64_t));
	cer_codec_bytes(c, (const void **) &chunk->parts, chunk->n_rows);
	cer_codec_bytes(c, (const void **) &chunk->labels,
	                chunk->n_rows * sizeof(uint16_t));
	codec_chunk_columns(c, rows);
}

static void
cer_codec_end(cer_codec *c, cer_end *end)
{
	cer_codec_u64(c, &end->n_rows);
}

static void
cer_codec_skip(cer_codec *c, cer_skip *skip)
{
	cer_codec_u32(c, &skip->triple);
}

static void
cer_codec_ready(cer_codec *c, cer_ready *ready)
{
	cer_codec_u32(c, &ready->n_threads);
}

static void
cer_codec_status(cer_codec *c, cer_group_status *status)
{
	cer_codec_u32(c, &status->triple);
	status->phase = cer_codec_enum(c, status->phase, CER_PHASE_PACK + 1);
	cer_codec_u32(c, &status->train.epoch);
	cer_codec_u32(c, &status->train.n_epochs);
	cer_codec_u64(c, &status->train.n_done);
	cer_codec_u64(c, &status->train.n_rows);
	cer_codec_double(c, &status->train.train_loss);
	cer_codec_double(c, &status->rows_per_second);
	cer_codec_double(c, &status->cpu_seconds);
	cer_codec_u64(c, &status->peak_bytes);
	cer_codec_u64(c, &status->planned_bytes);
}

static void
cer_codec_epoch(cer_codec *c, cer_group_epoch *message)
{
	cer_epoch *epoch = &message->epoch;

	cer_codec_u32(c, &message->triple);
	cer_codec_u32(c, &epoch->epoch);
	cer_codec_double(c, &epoch->train_loss);
	cer_codec_u64(c, &epoch->valid.n_rows);
	cer_codec_double(c, &epoch->valid.log_loss);
	cer_codec_double(c, &epoch->valid.auc);
	cer_codec_double(c, &epoch->valid.accuracy);
	cer_codec_double(c, &epoch->seconds);
	cer_codec_double(c, &epoch->rows_per_second);
	cer_codec_bool(c, &epoch->is_best);
}

static void
cer_codec_part(cer_codec *c, cer_group_part *piece)
{
	cer_part *part = &piece->part;
	uint64_t size = part->size;

	cer_codec_u32(c, &piece->triple);
	cer_codec_u32(c, &piece->ordinal);
	cer_codec_u32(c, &piece->n_parts);
	cer_codec_u64(c, &piece->offset);
	cer_codec_u64(c, &piece->total);
	cer_codec_text(c, &part->name);
	part->kind = cer_codec_enum(c, part->kind, CER_N_PART_KINDS);
	part->n_dims = cer_codec_enum(c, part->n_dims, CER_MAX_DIMS + 1);
	for (uint32_t i = 0; i < part->n_dims; i++)
		cer_codec_u64(c, &part->dims[i]);
	cer_codec_u64(c, &size);
	cer_codec_bytes(c, &part->data, size);
	part->size = size;
	if (c->status == CER_OK &&
	    (piece->offset > piece->total || size > piece->total - piece->offset))
		cer_codec_fail(c, "a piece outside its part");
	if (c->status == CER_OK && piece->ordinal >= piece->n_parts)
		cer_codec_fail(c, "a part outside its model");
}

static void
cer_codec_state(cer_codec *c, cer_group_state *state)
{
	cer_codec_u32(c, &state->epoch);
	cer_codec_part(c, &state->piece);
}

static void
cer_codec_begun(cer_codec *c, cer_group_start *message)
{
	cer_start *start = &message->start;

	cer_codec_u32(c, &message->triple);
	cer_codec_bool(c, &start->is_warm);
	cer_codec_bool(c, &start->is_exact);
	cer_codec_bool(c, &start->has_moments);
	cer_codec_chars(c, start->text, sizeof(start->text));
	cer_codec_u64(c, &start->valid.n_rows);
	cer_codec_double(c, &start->valid.log_loss);
	cer_codec_double(c, &start->valid.auc);
	cer_codec_double(c, &start->valid.accuracy);
}

static void
codec_triple_done(cer_codec *c, cer_triple_done *done)
{
	cer_codec_u32(c, &done->triple);
	cer_codec_bool(c, &done->is_stopped);
	cer_codec_bool(c, &done->is_cut);
	cer_codec_u32(c, &done->n_epochs);
	cer_codec_u64(c, &done->n_weights);
	cer_codec_double(c, &done->seconds);
	cer_codec_double(c, &done->cpu_seconds);
	cer_codec_u64(c, &done->peak_bytes);
	cer_codec_text(c, &done->kernel_class);
}

static void
cer_codec_error(cer_codec *c, cer_group_error *message)
{
	cer_error *error = &message->error;
	uint32_t line = (uint32_t) error->line;
	uint32_t column = (uint32_t) error->column;

	cer_codec_u32(c, &message->triple);
	error->status = cer_codec_enum(c, error->status, CER_INTERNAL + 1);
	cer_codec_u32(c, &line);
	cer_codec_u32(c, &column);
	cer_codec_chars(c, error->message, sizeof(error->message));
	cer_codec_chars(c, error->detail, sizeof(error->detail));
	cer_codec_chars(c, error->hint, sizeof(error->hint));
	error->line = (int) line;
	error->column = (int) column;
	if (c->status == CER_OK && error->status == CER_OK)
		cer_codec_fail(c, "an error that is none");
}

static void
cer_codec_message(cer_codec *c, cer_message *message)
{
	switch (message->type)
	{
		case CER_FRAME_HELLO:
			cer_codec_hello(c, &message->hello);
			break;
		case CER_FRAME_GROUP:
			cer_codec_group(c, &message->group);
			break;
		case CER_FRAME_VALUES:
			cer_codec_values(c, &message->values);
			break;
		case CER_FRAME_ROWS:
			cer_codec_rows(c, &message->rows);
			break;
		case CER_FRAME_END:
			cer_codec_end(c, &message->end);
			break;
		case CER_FRAME_SKIP:
			cer_codec_skip(c, &message->skip);
			break;
		case CER_FRAME_READY:
			cer_codec_ready(c, &message->ready);
			break;
		case CER_FRAME_STATUS:
			cer_codec_status(c, &message->status);
			break;
		case CER_FRAME_EPOCH:
			cer_codec_epoch(c, &message->epoch);
			break;
		case CER_FRAME_PART:
			cer_codec_part(c, &message->part);
			break;
		case CER_FRAME_START:
		case CER_FRAME_STATE:
			cer_codec_state(c, &message->state);
			break;
		case CER_FRAME_TRIPLE_DONE:
			codec_triple_done(c, &message->triple_done);
			break;
		case CER_FRAME_BEGUN:
			cer_codec_begun(c, &message->begun);
			break;
		case CER_FRAME_ERROR:
		case CER_FRAME_TRIPLE_FAILED:
			cer_codec_error(c, &message->error);
			break;
		case CER_FRAME_CANCEL:
		case CER_FRAME_STOP:
		case CER_FRAME_CUT:
		case CER_FRAME_ORDER:
		case CER_FRAME_DONE:
			break;
		default:
			cer_codec_fail(c, "an unknown type");
	}
}

/* --------------------------------------------------------------- frames */

typedef struct frame_header
{
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint64_t size;
} frame_header;

_Static_assert(sizeof(frame_header) == CER_FRAME_HEADER_SIZE,
               "the header has no gaps");

static cer_status
pack_payload(cer_buffer *buffer, const cer_message *message, cer_error *err)
{
	cer_message copy = *message; /* a codec that writes changes nothing */
	cer_codec c = {.out = buffer, .err = err};

	cer_codec_message(&c, &copy);
	return c.status;
}

cer_status
cer_message_pack(cer_buffer *buffer, const cer_message *message, cer_error *err)
{
	size_t start = buffer->size;
	frame_header header = {.magic = FRAME_MAGIC,
	                       .version = CER_WIRE_VERSION,
	                       .type = (uint16_t) message->type};
	cer_status status;

	CER_TRY(cer_buffer_reserve(buffer, start + sizeof(header), err));
	buffer->size += sizeof(header);
	status = pack_payload(buffer, message, err);
	if (status != CER_OK)
	{
		buffer->size = start;
		return status;
	}
	header.size = buffer->size - start - sizeof(header);
	memcpy(buffer->data + start, &header, sizeof(header));
	return CER_OK;
}

cer_status
cer_frame_unpack(const void *bytes, size_t limit, cer_frame *frame,
                 cer_error *err)
{
	frame_header header;

	memcpy(&header, bytes, sizeof(header));
	if (header.magic != FRAME_MAGIC)
		return cer_fail(err, CER_BAD_FORMAT, "bad frame: not one of ours");
	if (header.version != CER_WIRE_VERSION)
		return cer_fail(err, CER_BAD_VERSION,
		                "frames of version %u, where %u is spoken",
		                (unsigned) header.version, (unsigned) CER_WIRE_VERSION);
	if (header.size > limit)
		return cer_fail(err, CER_TOO_BIG,
		                "a frame of %llu bytes, where %zu are the limit",
		                (unsigned long long) header.size, limit);
	frame->type = header.type;
	frame->size = header.size;
	return CER_OK;
}

cer_status
cer_message_unpack(cer_arena *arena, const cer_frame *frame,
                   const void *payload, cer_message *message, cer_error *err)
{
	cer_message result;
	cer_codec c = {
		.start = payload, .size = frame->size, .arena = arena, .err = err};

	if ((uintptr_t) payload % 8 != 0)
		return cer_fail(err, CER_BAD_CALL, "a payload that is not aligned");
	memset(&result, 0, sizeof(result));
	result.type = frame->type;
	cer_codec_message(&c, &result);
	if (c.status == CER_OK && c.position != c.size)
		cer_codec_fail(&c, "bytes after its end");
	if (c.status == CER_OK)
		*message = result;
	return c.status;
}
