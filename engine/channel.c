/*
 * channel.c
 *	  Frames over the socket to the server.
 */
#include "channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a read or a large part grew is given back. */
#define KEPT_CAPACITY ((size_t) 4 << 20)

void
channel_init(channel *ch, int fd, const cer_host *host)
{
	ch->fd = fd;
	ch->host = host;
	pthread_mutex_init(&ch->send_lock, NULL);
	cer_buffer_init(&ch->out, host);
	cer_buffer_init(&ch->in, host);
}

void
channel_release(channel *ch)
{
	cer_buffer_release(&ch->in);
	cer_buffer_release(&ch->out);
	pthread_mutex_destroy(&ch->send_lock);
}

/*
 * The server closed its end or is gone.  Status 0 also matters where the
 * orphan is reaped by a postmaster that is PID 1: it would take any other for
 * a crashed backend and restart the cluster.
 */
static void __attribute__((noreturn)) leave(void)
{
	_exit(0);
}

static void
receive_all(int fd, void *data, size_t size)
{
	char *to = data;

	while (size > 0)
	{
		ssize_t n = recv(fd, to, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			leave();
		to += n;
		size -= (size_t) n;
	}
}

static void
send_all(int fd, const void *data, size_t size)
{
	const char *from = data;

	while (size > 0)
	{
		ssize_t n = send(fd, from, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			leave();
		from += n;
		size -= (size_t) n;
	}
}

static cer_status
reserve(cer_buffer *buffer, size_t size, cer_error *err)
{
	if (buffer->capacity > KEPT_CAPACITY && size <= KEPT_CAPACITY)
		cer_buffer_release(buffer);
	buffer->size = 0;
	return cer_buffer_reserve(buffer, size > 0 ? size : 1, err);
}

cer_status
channel_read(channel *ch, cer_arena *arena, cer_message *message,
             cer_error *err)
{
	uint8_t header[CER_FRAME_HEADER_SIZE];
	cer_frame frame;
	cer_status status;

	receive_all(ch->fd, header, sizeof(header));
	status = cer_frame_unpack(header, CER_MAX_FRAME_TO_ENGINE, &frame, err);
	if (status == CER_OK)
		status = reserve(&ch->in, frame.size, err);
	if (status != CER_OK)
		return status;
	receive_all(ch->fd, ch->in.data, frame.size);
	return cer_message_unpack(arena, &frame, ch->in.data, message, err);
}

cer_status
channel_send(channel *ch, const cer_message *message, cer_error *err)
{
	cer_status status;

	pthread_mutex_lock(&ch->send_lock);
	ch->out.size = 0;
	status = cer_message_pack(&ch->out, message, err);
	if (status == CER_OK)
		send_all(ch->fd, ch->out.data, ch->out.size);
	pthread_mutex_unlock(&ch->send_lock);
	return status;
}
