/*
 * main.c
 *	  The engine process: trains networks for a PostgreSQL session.
 *
 * The session starts it with one end of a socketpair as descriptor 3 and
 * nothing else; see core/wire/message.c for what is said there.
 */
#include "sandbox.h"
#include "session.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#define SOCKET_FD 3

static const char usage[] =
	"cerebro_engine trains networks for a PostgreSQL session, which starts it.\n"
	"It is not meant to be started by hand: use SELECT cerebro.train(...).\n"
	"\n"
	"  --version  show the version\n"
	"  --help     show this help\n";

static bool
is_socketpair_end(int fd)
{
	int domain = 0;
	int type = 0;
	socklen_t size = sizeof(int);
	struct sockaddr peer = {0};
	socklen_t peer_size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       type == SOCK_STREAM && getpeername(fd, &peer, &peer_size) == 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("cerebro_engine " CER_VERSION) < 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0;
	if (argc != 1 || !is_socketpair_end(SOCKET_FD))
	{
		fputs(usage, stderr);
		return 2;
	}
	sandbox_enter();
	session_run(SOCKET_FD);
}
