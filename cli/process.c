/*
 * process.c
 *	  Children that do the work of the cluster's user: PostgreSQL refuses root,
 *	  and root must not write where another user could lay links.
 */
#include "cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COULD_NOT_BECOME  125
#define COULD_NOT_EXECUTE 127

void
process_become_user(const private_cluster *cluster)
{
	if (cluster->is_dropping &&
	    (initgroups(cluster->user, cluster->gid) != 0 ||
	     setgid(cluster->gid) != 0 || setuid(cluster->uid) != 0))
		_exit(COULD_NOT_BECOME);
	umask(077);
}

/* Nothing of the caller's locale or PostgreSQL variables reaches the server. */
static void
set_environment(const private_cluster *cluster)
{
	static const char *const unwanted[] = {
		"PGDATA",    "PGPORT",      "PGHOST",    "PGOPTIONS", "PGSERVICE",
		"PGAPPNAME", "PGDATABASE",  "PGUSER",    "LANGUAGE",  "LD_PRELOAD",
		"LC_CTYPE",  "LC_MESSAGES", "LC_COLLATE"};

	for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
		unsetenv(unwanted[i]);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("HOME", cluster->home, 1);
	setenv("USER", cluster->user, 1);
	setenv("LOGNAME", cluster->user, 1);
}

static void
execute(const private_cluster *cluster, const char *const *argv, int output)
{
	int null = open("/dev/null", O_RDONLY);

	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for the command, not the server */
	process_become_user(cluster);
	set_environment(cluster);
	if (chdir(cluster->home) != 0)
		_exit(COULD_NOT_BECOME);
	execv(argv[0], (char *const *) argv);
	dprintf(STDERR_FILENO, "%s: %s", argv[0], strerror(errno));
	_exit(COULD_NOT_EXECUTE);
}

static int
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

process_result
process_run(const private_cluster *cluster, const char *const *argv)
{
	process_result result = {.status = -1};
	int ends[2];
	pid_t pid;
	char block[4096];
	ssize_t size;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return result;
	pid = fork();
	if (pid == 0)
		execute(cluster, argv, ends[1]);
	close(ends[1]);
	while (pid > 0 && ((size = read(ends[0], block, sizeof block)) > 0 ||
	                   (size < 0 && errno == EINTR)))
		if (size > 0)
			text_add(&result.output, block, (size_t) size);
	close(ends[0]);
	if (pid > 0)
		result.status = wait_for(pid);
	text_add(&result.output, "", 0);
	return result;
}

int
process_call(const private_cluster *cluster, int (*fn)(void *), void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -1;
	if (pid == 0)
	{
		process_become_user(cluster);
		_exit(fn(arg));
	}
	status = wait_for(pid);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
