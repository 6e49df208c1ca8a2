/*
 * base/buffer.c
 *	  Bytes that grow, in memory of the host.
 */
#include "base/error.h"

#include <string.h>

#define ALIGNMENT      64
#define FIRST_CAPACITY ((size_t) 4096)

void
cer_buffer_init(cer_buffer *buffer, const cer_host *host)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->host = host;
}

/* The host need not align: the block's start is kept before the data. */
static uint8_t *
allocate_aligned(const cer_host *host, size_t capacity)
{
	char *block = host->allocate(host->self, capacity + 2 * ALIGNMENT);
	char *data;

	if (block == NULL)
		return NULL;
	data = block + ALIGNMENT;
	data += (ALIGNMENT - (uintptr_t) data % ALIGNMENT) % ALIGNMENT;
	memcpy(data - sizeof(char *), &block, sizeof(char *));
	return (uint8_t *) data;
}

void
cer_buffer_release(cer_buffer *buffer)
{
	const cer_host *host = buffer->host;
	char *block;

	if (buffer->data != NULL)
	{
		memcpy(&block, buffer->data - sizeof(char *), sizeof(char *));
		host->release(host->self, block, buffer->capacity + 2 * ALIGNMENT);
	}
	cer_buffer_init(buffer, host);
}

cer_status
cer_buffer_reserve(cer_buffer *buffer, size_t size, cer_error *err)
{
	cer_buffer grown = {.host = buffer->host, .size = buffer->size};

	if (size <= buffer->capacity)
		return CER_OK;
	if (size > SIZE_MAX / 4)
		return cer_fail_memory(err, size);
	grown.capacity = FIRST_CAPACITY;
	if (grown.capacity < 2 * buffer->capacity)
		grown.capacity = 2 * buffer->capacity;
	if (grown.capacity < size)
		grown.capacity = size;
	grown.data = allocate_aligned(grown.host, grown.capacity);
	if (grown.data == NULL)
		return cer_fail_memory(err, grown.capacity);
	if (buffer->size > 0)
		memcpy(grown.data, buffer->data, buffer->size);
	cer_buffer_release(buffer);
	*buffer = grown;
	return CER_OK;
}
