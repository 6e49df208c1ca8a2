/*
 * fuzz_wire.c
 *	  Any bytes either are a frame, whose message packs into the same bytes
 *	  again, or are refused; both without touching anything outside them.
 */
#include "fuzz.h"

/* Padding is not looked at when read, and is zero when written. */
static void
check_same(cer_arena *arena, const cer_message *message, size_t size)
{
	cer_buffer first;
	cer_buffer second;
	cer_frame frame;
	cer_message back;

	cer_buffer_init(&first, &cer_host_plain);
	cer_buffer_init(&second, &cer_host_plain);
	check(cer_message_pack(&first, message, NULL) == CER_OK);
	check(first.size == size);
	check(cer_frame_unpack(first.data, size, &frame, NULL) == CER_OK);
	check(cer_message_unpack(arena, &frame, first.data + CER_FRAME_HEADER_SIZE,
	                         &back, NULL) == CER_OK);
	check(cer_message_pack(&second, &back, NULL) == CER_OK);
	check(second.size == size && memcmp(first.data, second.data, size) == 0);
	cer_buffer_release(&first);
	cer_buffer_release(&second);
}

/* A payload of its very size, so that a sanitizer sees what reads behind it. */
static void
unpack(const cer_frame *frame, const uint8_t *payload)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	uint8_t *copy = malloc(frame->size > 0 ? frame->size : 1);
	cer_message message;
	cer_error err;

	check(arena != NULL && copy != NULL);
	memcpy(copy, payload, frame->size);
	if (cer_message_unpack(arena, frame, copy, &message, &err) == CER_OK)
		check_same(arena, &message, frame->size + CER_FRAME_HEADER_SIZE);
	else
		check(err.status != CER_OK && err.message[0] != '\0');
	check(cer_arena_get_size(arena) <= 64 * frame->size + (1 << 16));
	free(copy);
	cer_arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cer_frame frame;
	cer_error err;

	if (size < CER_FRAME_HEADER_SIZE)
		return 0;
	if (cer_frame_unpack(data, size - CER_FRAME_HEADER_SIZE, &frame, &err) ==
	    CER_OK)
		unpack(&frame, data + CER_FRAME_HEADER_SIZE);
	else
		check(err.status != CER_OK && err.message[0] != '\0');
	return 0;
}
