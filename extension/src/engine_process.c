/*
 * engine_process.c
 *	  Starting and ending the engine process.
 *
 * A backend holds about 25 descriptors that a child must not have (data files,
 * WAL, the client's socket; PostgreSQL 15 opens files without close-on-exec),
 * handlers for most signals and an environment of its own: the engine gets one
 * end of a socketpair, default signals, a session of its own (a signal to the
 * backend's process group is not meant for it) and nothing else.
 */
#include "cerebro_pg.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpq/pqsignal.h"
#include "port.h"
#include "portability/instr_time.h"
#include "storage/fd.h"

#include "engine.h"

#define ENGINE_NAME       "cerebro_engine"
#define ENGINE_FD         3
#define GRACE_MS          300 /* between closing the socket and SIGKILL */
#define STATUS_NO_PROGRAM 127 /* what posix_spawn's child exits with */

/* Beside this library, wherever it was loaded from. */
static char *
find_program(void)
{
	Dl_info info;
	char path[MAXPGPATH];

	if (dladdr((void *) find_program, &info) == 0 || info.dli_fname == NULL)
		elog(ERROR, "could not find the path of the cerebro library");
	strlcpy(path, info.dli_fname, sizeof(path));
	get_parent_directory(path);
	if (access(psprintf("%s/%s", path, ENGINE_NAME), X_OK) != 0)
		ereport(ERROR,
		        (errcode_for_file_access(),
		         errmsg("could not find the engine program \"%s/%s\": %m", path,
		                ENGINE_NAME),
		         errhint("Install CEREBRO again: the program belongs "
		                 "beside its library.")));
	return psprintf("%s/%s", path, ENGINE_NAME);
}

/* Order matters: the socket's number may itself be 0, 1 or 2. */
static int
add_actions(posix_spawn_file_actions_t *actions, int fd)
{
	int rc = posix_spawn_file_actions_adddup2(actions, fd, ENGINE_FD);

	for (int i = 0; i < ENGINE_FD && rc == 0; i++)
		rc = posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDWR,
		                                      0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, ENGINE_FD + 1);
	return rc;
}

static int
set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none;
	sigset_t all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attributes, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attributes, &all);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
		                                              POSIX_SPAWN_SETSIGDEF |
		                                              POSIX_SPAWN_SETSID);
	return rc;
}

static int
spawn(const char *program, int fd, pid_t *pid)
{
	static char *const arguments[] = {ENGINE_NAME, NULL};
	static char *const environment[] = {"LANG=C", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc;

	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawnattr_init(&attributes) != 0)
		return ENOMEM;
	rc = add_actions(&actions, fd);
	if (rc == 0)
		rc = set_attributes(&attributes);
	if (rc == 0)
		rc = posix_spawn(pid, program, &actions, &attributes, arguments,
		                 environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

void
engine_process_start(EngineProcess *process)
{
	char *program = find_program();
	int fds[2];
	int rc;

	if (!AcquireExternalFD())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
		                errmsg("too many files are open in this session to "
		                       "start an engine process")));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
	{
		ReleaseExternalFD();
		ereport(ERROR, (errcode_for_socket_access(),
		                errmsg("could not make a socket pair: %m")));
	}
	rc = spawn(program, fds[1], &process->pid);
	close(fds[1]);
	if (rc != 0)
	{
		close(fds[0]);
		ReleaseExternalFD();
		errno = rc;
		ereport(ERROR,
		        (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
		         errmsg("could not start engine process \"%s\": %m", program)));
	}
	process->fd = fds[0];
	process->exit_status = 0;
	pg_set_noblock(process->fd);
}

/* Whether the process is reaped; its status is kept. */
static bool
reap(EngineProcess *process, int flags)
{
	pid_t rc;

	do
		rc = waitpid(process->pid, &process->exit_status, flags);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return false;
	process->pid = 0;
	return true;
}

void
engine_process_hang_up(EngineProcess *process)
{
	if (process->fd < 0)
		return;
	close(process->fd);
	ReleaseExternalFD();
	process->fd = -1;
}

/*
 * Never fails, never takes longer than the grace.  Interrupts are not served
 * here: this runs while they are.
 */
void
engine_process_stop(EngineProcess *process)
{
	engine_process_hang_up(process);
	for (int ms = 0; process->pid != 0 && ms < GRACE_MS; ms += 2)
		if (!reap(process, WNOHANG))
			pg_usleep(2000);
	if (process->pid == 0)
		return;
	kill(process->pid, SIGKILL);
	reap(process, 0);
}

/* Raises what a process that ended by itself ended with. */
void
engine_process_fail(const EngineProcess *process)
{
	int status = process->exit_status;

	if (WIFSIGNALED(status))
		ereport(ERROR,
		        (errcode(ERRCODE_SYSTEM_ERROR),
		         errmsg("engine process was terminated by signal %d: %s",
		                WTERMSIG(status), pg_strsignal(WTERMSIG(status))),
		         WTERMSIG(status) == SIGKILL
		             ? errhint("If nobody killed it, the system was short of "
		                       "memory: lower cerebro.engine_memory, or train "
		                       "on fewer columns or rows.")
		             : 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_PROGRAM)
		ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR),
		                errmsg("engine process could not be run"),
		                errhint("Install CEREBRO again.")));
	ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR),
	                errmsg("engine process ended early with status %d",
	                       WIFEXITED(status) ? WEXITSTATUS(status) : status)));
}

/*
 * What getrusage tells in the process itself counts what the session held when
 * it started it: the mark survives exec.
 */
uint64
engine_process_read_peak(pid_t pid)
{
	FILE *file = AllocateFile(psprintf("/proc/%d/status", (int) pid), "r");
	char line[256];
	uint64 kilobytes = 0;

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmHWM: " UINT64_FORMAT, &kilobytes) == 1)
			break;
	FreeFile(file);
	return kilobytes * 1024;
}
