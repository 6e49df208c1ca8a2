/*
 * cluster.c
 *	  Finds, starts and stops the private server.
 *
 * A server that runs with the current runtime, and whose database was made or
 * updated by it (HOME/made holds the runtime's name), is used without taking
 * the lock.  Everything else happens under it, so that parallel invocations
 * make one server.
 */
#include "cluster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "cluster_private.h"

#define SMALL_SHM_BYTES (256UL << 20)
#define ORPHAN_WAIT_MS  3000

/* ------------------------------------------------------------------- state */

typedef struct process_check
{
	const char *data;
	long pid;
} process_check;

/* Every process of a PostgreSQL server works in its data folder. */
static int
is_working_in(void *arg)
{
	const process_check *check = arg;
	struct stat work;
	struct stat data;

	if (stat(keep_printf("/proc/%ld/cwd", check->pid), &work) != 0)
		return errno == EACCES || errno == EPERM ? 2 : 0;
	return stat(check->data, &data) == 0 && work.st_dev == data.st_dev &&
	       work.st_ino == data.st_ino;
}

static bool
is_ours(const private_cluster *cluster, long pid)
{
	process_check check = {.data = cluster->data, .pid = pid};
	int answer = is_working_in(&check);

	/* root of a container may not look where the user itself may */
	if (answer == 2)
		answer = process_call(cluster, is_working_in, &check);
	return answer == 1;
}

cluster_state
cluster_get_state(const private_cluster *cluster)
{
	cluster_state state = {0};
	FILE *file = fopen(keep_printf("%s/postmaster.pid", cluster->data), "re");
	char line[4096];

	state.is_made =
		access(keep_printf("%s/PG_VERSION", cluster->data), F_OK) == 0;
	if (file == NULL)
		return state;
	for (int i = 1; i <= 3 && fgets(line, sizeof line, file) != NULL; i++)
		if (i == 1)
			state.pid = strtol(line, NULL, 10);
		else if (i == 3)
			state.started_at = strtol(line, NULL, 10);
	fclose(file);
	state.is_running = state.pid > 0 && is_ours(cluster, state.pid);
	return state;
}

const char *
cluster_get_conninfo(const private_cluster *cluster, const char *database)
{
	return keep_printf("host=%s port=%s user=%s dbname=%s", cluster->socket_dir,
	                   CLUSTER_PORT, CLUSTER_ROLE, database);
}

/* -------------------------------------------------------------------- lock */

exit_code
cluster_lock(private_cluster *cluster)
{
	const char *path = keep_printf("%s/lock", cluster->home);

	cluster->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (cluster->lock < 0 || flock(cluster->lock, LOCK_EX) != 0)
	{
		message_error("could not lock \"%s\": %m", path);
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

void
cluster_unlock(private_cluster *cluster)
{
	if (cluster->lock >= 0)
		close(cluster->lock);
	cluster->lock = -1;
}

/* ----------------------------------------------------------------- orphans */

typedef struct orphan_search
{
	const private_cluster *cluster;
	int signal; /* sent to each that is found */
} orphan_search;

/* As the cluster's user; ends with how many there are. */
static int
signal_orphans(void *arg)
{
	const orphan_search *search = arg;
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int n_found = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
	{
		process_check check = {.data = search->cluster->data,
		                       .pid = strtol(entry->d_name, NULL, 10)};

		if (check.pid <= 1 || is_working_in(&check) != 1)
			continue;
		n_found++;
		if (search->signal != 0)
			kill((pid_t) check.pid, search->signal);
	}
	if (dir != NULL)
		closedir(dir);
	return n_found > 100 ? 100 : n_found;
}

/*
 * Processes of a server whose main process was killed must be gone before a
 * new one starts: they leave by themselves, or are made to.
 */
static void
wait_for_orphans(const private_cluster *cluster)
{
	orphan_search search = {.cluster = cluster};

	for (int waited = 0; process_call(cluster, signal_orphans, &search) > 0;
	     waited += 50)
	{
		search.signal = waited > ORPHAN_WAIT_MS ? SIGKILL : 0;
		usleep(50000);
		if (waited > 2 * ORPHAN_WAIT_MS)
			return;
	}
}

typedef struct stale_files
{
	const private_cluster *cluster;
	bool has_living_pid;
} stale_files;

static int
remove_stale_files(void *arg)
{
	const stale_files *stale = arg;
	const private_cluster *cluster = stale->cluster;
	const char *socket =
		keep_printf("%s/.s.PGSQL.%s", cluster->socket_dir, CLUSTER_PORT);

	unlink(socket);
	unlink(keep_printf("%s.lock", socket));
	if (stale->has_living_pid)
		unlink(keep_printf("%s/postmaster.pid", cluster->data));
	return 0;
}

/*
 * A process that lives under the number in a stale file, be it a zombie that
 * nobody waits for, makes PostgreSQL believe that it runs already.
 */
static void
remove_stale(const private_cluster *cluster, const cluster_state *state)
{
	stale_files stale = {
		.cluster = cluster,
		.has_living_pid = state->pid > 0 &&
	                      (kill((pid_t) state->pid, 0) == 0 || errno == EPERM)};

	process_call(cluster, remove_stale_files, &stale);
}

/* ------------------------------------------------------------------- start */

static bool
has_setting(const private_cluster *cluster, const char *name)
{
	const char *argv[] = {keep_printf("%s/postgres", cluster->bin),
	                      "-C",
	                      name,
	                      "-D",
	                      cluster->data,
	                      NULL};
	process_result result = process_run(cluster, argv);

	text_release(&result.output);
	return result.status == 0;
}

/* One word of the shell that pg_ctl hands the options to. */
static void
add_setting(text_buffer *text, const char *name, const char *value)
{
	text_print(text, " -c '%s=", name);
	for (const char *c = value; *c != '\0'; c++)
		if (*c == '\'')
			text_print(text, "'\\''");
		else
			text_add(text, c, 1);
	text_print(text, "'");
}

static exit_code
add_runtime_settings(const private_cluster *cluster, text_buffer *text)
{
	const char *library_dir;

	if (cluster->runtime == NULL)
		return EXIT_OK;
	library_dir = runtime_get_library_dir(cluster);
	if (library_dir == NULL)
	{
		message_error("no cerebro.so in \"%s\"", cluster->stage);
		message_hint("Build the extension with `make`.");
		return EXIT_FAILED;
	}
	if (!has_setting(cluster, "extension_destdir"))
	{
		message_error("the PostgreSQL in \"%s\" cannot load extensions from a "
		              "folder of one's own",
		              cluster->bin);
		message_hint("Run `make install` and start the installed program, or "
		             "use Debian's PostgreSQL.");
		return EXIT_FAILED;
	}
	add_setting(text, "extension_destdir", cluster->runtime);
	add_setting(text, "dynamic_library_path",
	            keep_printf("%s:$libdir", library_dir));
	return EXIT_OK;
}

static exit_code
get_server_options(const private_cluster *cluster, text_buffer *text)
{
	struct statvfs shm;

	text_print(text, "-p " CLUSTER_PORT);
	add_setting(text, "listen_addresses", "");
	add_setting(text, "unix_socket_directories", cluster->socket_dir);
	add_setting(text, "unix_socket_permissions", "0700");
	/* containers often have 64 MB there, too little for parallel queries */
	if (statvfs("/dev/shm", &shm) != 0 ||
	    shm.f_blocks * shm.f_frsize < SMALL_SHM_BYTES)
		add_setting(text, "dynamic_shared_memory_type", "mmap");
	return add_runtime_settings(cluster, text);
}

/* The last complaint in the server's log is the reason. */
static void
explain_failed_start(const private_cluster *cluster, const char *output)
{
	FILE *log = fopen(cluster->log, "re");
	char line[1024];
	char reason[1024] = "";

	if (log != NULL && fseek(log, -4096, SEEK_END) != 0)
		rewind(log);
	while (log != NULL && fgets(line, sizeof line, log) != NULL)
		if (strstr(line, "FATAL:") != NULL || strstr(line, "PANIC:") != NULL)
			snprintf(reason, sizeof reason, "%.*s", (int) strcspn(line, "\n"),
			         line);
	if (log != NULL)
		fclose(log);
	message_error("could not start the server of \"%s\"", cluster->home);
	message_detail("%s", reason[0] != '\0' ? reason : output);
	if (strstr(reason, "No space left") != NULL ||
	    strstr(output, "No space left") != NULL)
		message_hint("The disk is full: make room and try again.");
	else
		message_hint("The whole story is in \"%s\".", cluster->log);
}

static exit_code
start_server(const private_cluster *cluster)
{
	text_buffer options = {0};
	process_result result;
	exit_code code = get_server_options(cluster, &options);

	if (code == EXIT_OK)
	{
		const char *argv[] = {keep_printf("%s/pg_ctl", cluster->bin),
		                      "start",
		                      "-w",
		                      "-s",
		                      "-t",
		                      "120",
		                      "-D",
		                      cluster->data,
		                      "-l",
		                      cluster->log,
		                      "-o",
		                      options.data,
		                      NULL};

		result = process_run(cluster, argv);
		if (result.status != 0)
		{
			explain_failed_start(cluster, result.output.data);
			code = EXIT_SERVER;
		}
		text_release(&result.output);
	}
	text_release(&options);
	return code;
}

static exit_code
start_stopped_server(const private_cluster *cluster, const cluster_state *state)
{
	exit_code code;

	wait_for_orphans(cluster);
	remove_stale(cluster, state);
	runtime_remove_others(cluster);
	code = cluster_check_version(cluster);
	return code == EXIT_OK ? start_server(cluster) : code;
}

/* The command line of the running server names its runtime. */
static bool
has_current_runtime(const private_cluster *cluster)
{
	FILE *file = fopen(keep_printf("%s/postmaster.opts", cluster->data), "re");
	char line[8192] = "";

	if (cluster->runtime == NULL)
	{
		if (file != NULL)
			fclose(file);
		return true;
	}
	if (file == NULL)
		return false;
	if (fgets(line, sizeof line, file) == NULL)
		line[0] = '\0';
	fclose(file);
	return strstr(line, cluster->runtime) != NULL;
}

static exit_code
replace_runtime(private_cluster *cluster, const cluster_state *state)
{
	int n_sessions = cluster_count_sessions(cluster);

	if (n_sessions < 0)
		return EXIT_SERVER;
	if (n_sessions > 0)
	{
		message_warning("the server runs an older build; sessions that use "
		                "it: %d",
		                n_sessions);
		message_hint("`cerebro stop --force` ends them; the next command "
		             "starts the new build.");
		return EXIT_OK;
	}
	if (cluster_stop_server(cluster, "fast") != EXIT_OK)
		return EXIT_SERVER;
	return start_stopped_server(cluster, state);
}

static exit_code
start_locked(private_cluster *cluster)
{
	exit_code code = cluster_make_data(cluster);
	cluster_state state = cluster_get_state(cluster);

	if (code == EXIT_OK)
		code = runtime_make(cluster);
	if (code != EXIT_OK)
		return code;
	if (!state.is_running)
		code = start_stopped_server(cluster, &state);
	else if (!has_current_runtime(cluster))
		code = replace_runtime(cluster, &state);
	if (code == EXIT_OK && has_current_runtime(cluster))
		code = cluster_make_database(cluster);
	return code;
}

exit_code
cluster_start(private_cluster *cluster)
{
	exit_code code;

	if (cluster_get_state(cluster).is_running && has_current_runtime(cluster) &&
	    cluster_is_database_made(cluster) &&
	    PQping(cluster_get_conninfo(cluster, CLUSTER_DATABASE)) == PQPING_OK)
		return EXIT_OK;
	code = cluster_make_home(cluster);
	if (code == EXIT_OK)
		code = cluster_lock(cluster);
	if (code == EXIT_OK)
		code = start_locked(cluster);
	cluster_unlock(cluster);
	return code;
}

/* -------------------------------------------------------------------- stop */

exit_code
cluster_stop_server(const private_cluster *cluster, const char *mode)
{
	const char *argv[] = {keep_printf("%s/pg_ctl", cluster->bin),
	                      "stop",
	                      "-w",
	                      "-s",
	                      "-t",
	                      "30",
	                      "-m",
	                      mode,
	                      "-D",
	                      cluster->data,
	                      NULL};
	process_result result = process_run(cluster, argv);
	exit_code code = EXIT_OK;

	if (result.status != 0 && cluster_get_state(cluster).is_running)
	{
		message_error("could not stop the server of \"%s\"", cluster->home);
		message_detail("%s", result.output.data);
		code = EXIT_FAILED;
	}
	text_release(&result.output);
	return code;
}

exit_code
cluster_stop(private_cluster *cluster, bool is_forced)
{
	int n_sessions;

	if (is_forced)
		return cluster_stop_server(cluster, "fast") == EXIT_OK
		           ? EXIT_OK
		           : cluster_stop_server(cluster, "immediate");
	n_sessions = cluster_count_sessions(cluster);
	if (n_sessions > 0)
	{
		message_error("%d session%s connected to the server", n_sessions,
		              n_sessions == 1 ? " is" : "s are");
		message_hint("`cerebro stop --force` ends them.");
		return EXIT_FAILED;
	}
	if (n_sessions < 0)
		return EXIT_SERVER;
	return cluster_stop_server(cluster, "fast");
}
