/*
 * sandbox.c
 *	  What the engine may not do to the machine, by its own choice.
 *
 * Whatever a library in here is made to do by bad data, it finds no way to
 * files, to the network or to other processes: system calls that are not in
 * the list below fail with EPERM.  Executable mappings stay possible, as the
 * matrix library generates its kernels at run time.
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICENESS 5 /* queries of the server go first */

static const int allowed[] = {
	/* the socket */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(close),
	SCMP_SYS(shutdown),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	/* the file that rows overflow to, if there is one */
	SCMP_SYS(fallocate),
	/* threads that are there already */
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	/* time and cost */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrandom),
	/* signals, the end */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static void
leave(int signal_number)
{
	(void) signal_number;
	_exit(0); /* status 0: see channel.c */
}

static void
handle(int signal_number, void (*handler)(int))
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	sigemptyset(&action.sa_mask);
	sigaction(signal_number, &action, NULL);
}

/* Raising is always allowed; where there is no such file there is no killer. */
static void
volunteer_for_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) < 0)
		errno = 0;
	close(fd);
}

void
sandbox_enter(void)
{
	const struct rlimit none = {0, 0};

	handle(SIGTERM, leave);
	handle(SIGINT, leave);
	handle(SIGQUIT, leave);
	handle(SIGHUP, leave);
	handle(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	volunteer_for_oom();
	setpriority(PRIO_PROCESS, 0, NICENESS);
	setrlimit(RLIMIT_CORE, &none); /* a core would hold the user's rows */
}

static cer_status
fail_to(cer_error *err, const char *what, int error_number)
{
	return cer_fail(err, CER_INTERNAL, "could not %s in the engine process: %s",
	                what, strerror(error_number));
}

/* A failed assertion may abort this process, and no other. */
static int
add_rules(scmp_filter_ctx filter)
{
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		                      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) getpid()));
	return rc;
}

cer_status
sandbox_shut(cer_error *err)
{
	scmp_filter_ctx filter;
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail_to(err, "give up new privileges", errno);
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL)
		return fail_to(err, "make a system call filter", ENOMEM);
	rc = add_rules(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc != 0)
		return fail_to(err, "load the system call filter", -rc);
	return CER_OK;
}
