/*
 * cluster_make.c
 *	  First use: folders, initdb, settings, database, extension.  Each step is
 *	  whole or not there, and is made up for by the next command.
 */
#include "cluster_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pg_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MB               (1UL << 20)
#define MIN_BUFFER_BYTES (128 * MB)
#define MAX_BUFFER_BYTES (2048 * MB)

/* ------------------------------------------------------------------ folder */

static bool
has_lock(const private_cluster *cluster)
{
	return access(keep_printf("%s/lock", cluster->home), F_OK) == 0;
}

static bool
is_empty(const char *path)
{
	DIR *dir = opendir(path);
	int n_entries = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n_entries++;
	if (dir != NULL)
		closedir(dir);
	return n_entries <= 2; /* itself and its parent */
}

/* The lock is the first thing made there; another command may do so now. */
static bool
is_empty_or_ours(const private_cluster *cluster)
{
	return has_lock(cluster) || is_empty(cluster->home) || has_lock(cluster);
}

static exit_code
explain_folder(const char *path)
{
	message_error("could not make the folder \"%s\": %m", path);
	message_hint(errno == ENOSPC
	                 ? "The disk is full: make room and try again."
	                 : "Choose another one with --home or $CEREBRO_HOME.");
	return EXIT_FAILED;
}

static exit_code
make_parents(const char *path)
{
	char *copy = keep_printf("%s", path);

	for (char *slash = strchr(copy + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/'))
	{
		*slash = '\0';
		if (mkdir(copy, 0755) != 0 && errno != EEXIST)
			return explain_folder(copy);
		*slash = '/';
	}
	return EXIT_OK;
}

static int
enter_home(void *arg)
{
	const private_cluster *cluster = arg;
	struct stat info;

	if (chdir(cluster->home) != 0)
		return 1;
	if (close(open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) != 0)
		return 3;
	/* the socket's folder may lie in /tmp: it must be ours and closed */
	if (mkdir(cluster->socket_dir, 0700) != 0 && errno != EEXIST)
		return 2;
	if (lstat(cluster->socket_dir, &info) != 0 || !S_ISDIR(info.st_mode) ||
	    info.st_uid != geteuid() || (info.st_mode & 077) != 0)
		return 2;
	return 0;
}

static exit_code
check_home(const private_cluster *cluster)
{
	switch (process_call(cluster, enter_home, (void *) cluster))
	{
		case 0:
			return EXIT_OK;
		case 2:
			message_error("the folder \"%s\" of the server's socket is not "
			              "a closed folder of user \"%s\"",
			              cluster->socket_dir, cluster->user);
			message_hint("Remove it, or choose a shorter --home.");
			return EXIT_FAILED;
		case 3:
			message_error("user \"%s\" cannot write to the folder \"%s\"",
			              cluster->user, cluster->home);
			message_hint("Check its rights and the room on the disk, or "
			             "choose another folder with --home.");
			return EXIT_FAILED;
		default:
			message_error("user \"%s\" cannot reach the folder \"%s\"",
			              cluster->user, cluster->home);
			message_hint("Every folder above it must be open (chmod a+x) to "
			             "that user; choose another one with --home or "
			             "$CEREBRO_HOME.");
			return EXIT_FAILED;
	}
}

/* Fails with EEXIST or ENOTEMPTY where the name is taken. */
static int
rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return rename(from, to); /* file systems that cannot tell */
}

/*
 * Others may look for the folder at the same time: it has its owner before it
 * has its name, and who comes second takes the first one's.
 */
static exit_code
make_folder(const private_cluster *cluster)
{
	char *draft = keep_printf("%s.XXXXXX", cluster->home);

	if (mkdtemp(draft) == NULL)
		return explain_folder(cluster->home);
	if ((!cluster->is_dropping ||
	     chown(draft, cluster->uid, cluster->gid) == 0) &&
	    (rename_new(draft, cluster->home) == 0 || errno == EEXIST ||
	     errno == ENOTEMPTY))
	{
		rmdir(draft); /* of who came second */
		return EXIT_OK;
	}
	explain_folder(cluster->home);
	rmdir(draft);
	return EXIT_FAILED;
}

exit_code
cluster_make_home(private_cluster *cluster)
{
	exit_code code = make_parents(cluster->home);

	if (code != EXIT_OK)
		return code;
	if (access(cluster->home, F_OK) == 0 && !is_empty_or_ours(cluster))
	{
		message_error("the folder \"%s\" holds other files", cluster->home);
		message_hint("Choose an empty or a new one with --home or "
		             "$CEREBRO_HOME.");
		return EXIT_FAILED;
	}
	if (access(cluster->home, F_OK) != 0)
		code = make_folder(cluster);
	if (code != EXIT_OK)
		return code;
	return check_home(cluster);
}

/* -------------------------------------------------------------------- data */

static unsigned long
choose_buffer_bytes(void)
{
	unsigned long memory = (unsigned long) sysconf(_SC_PHYS_PAGES) *
	                       (unsigned long) sysconf(_SC_PAGESIZE);
	unsigned long bytes = memory / 8;

	if (bytes < MIN_BUFFER_BYTES)
		return MIN_BUFFER_BYTES;
	return bytes > MAX_BUFFER_BYTES ? MAX_BUFFER_BYTES : bytes;
}

/* Analytics by few people on one machine; ALTER SYSTEM overrides. */
static int
write_settings(void *arg)
{
	const char *draft = arg;
	FILE *main_file = fopen(keep_printf("%s/postgresql.conf", draft), "ae");
	FILE *file = fopen(keep_printf("%s/cerebro.conf", draft), "we");
	long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned long buffers = choose_buffer_bytes() / MB;

	if (main_file == NULL || file == NULL)
		return 1;
	fprintf(main_file, "\ninclude_if_exists = 'cerebro.conf'\n");
	fprintf(file,
	        "# Written by cerebro when this server was made.\n"
	        "shared_buffers = %luMB\n"
	        "effective_cache_size = %luMB\n"
	        "work_mem = 64MB\n"
	        "maintenance_work_mem = 256MB\n"
	        "wal_level = minimal\n"
	        "max_wal_senders = 0\n"
	        "max_wal_size = 4GB\n"
	        "checkpoint_timeout = 15min\n"
	        "max_worker_processes = %ld\n"
	        "max_parallel_workers = %ld\n"
	        "max_parallel_workers_per_gather = %ld\n"
	        "random_page_cost = 1.1\n"
	        "jit = off\n"
	        "log_line_prefix = '%%m [%%p] '\n"
	        "log_checkpoints = off\n",
	        buffers, 4 * buffers, n_cores + 8, n_cores,
	        n_cores < 4 ? n_cores : 4);
	return fclose(main_file) != 0 || fclose(file) != 0;
}

static exit_code
explain_initdb(const private_cluster *cluster, const process_result *result)
{
	message_error("could not make the private server in \"%s\"", cluster->home);
	message_detail("%s", result->output.data);
	if (strstr(result->output.data, "No space left") != NULL)
		message_hint("The disk is full: make room, or choose another folder "
		             "with --home.");
	return EXIT_FAILED;
}

static int
remove_draft(void *arg)
{
	const char *const argv[] = {"/bin/rm", "-rf", "--", arg, NULL};

	execv(argv[0], (char *const *) argv);
	return 1;
}

static int
name_draft(void *arg)
{
	const private_cluster *cluster = arg;

	return rename(keep_printf("%s/data.new", cluster->home), cluster->data);
}

/* Under a name of its own until it is whole. */
exit_code
cluster_make_data(private_cluster *cluster)
{
	char *draft = keep_printf("%s/data.new", cluster->home);
	const char *argv[] = {keep_printf("%s/initdb", cluster->bin),
	                      "-D",
	                      draft,
	                      "-U",
	                      CLUSTER_ROLE,
	                      "--auth=trust",
	                      "--encoding=UTF8",
	                      "--locale=C.UTF-8",
	                      "--lc-collate=C",
	                      "--no-instructions",
	                      NULL};
	process_result result;
	exit_code code = EXIT_OK;

	if (access(cluster->data, F_OK) == 0)
		return EXIT_OK;
	message_note("making a private PostgreSQL server in %s", cluster->home);
	process_call(cluster, remove_draft, draft);
	result = process_run(cluster, argv);
	if (result.status != 0)
		code = explain_initdb(cluster, &result);
	else if (process_call(cluster, write_settings, draft) != 0 ||
	         process_call(cluster, name_draft, cluster) != 0)
	{
		message_error("could not write to \"%s\"", draft);
		code = EXIT_FAILED;
	}
	text_release(&result.output);
	return code;
}

exit_code
cluster_check_version(const private_cluster *cluster)
{
	FILE *file = fopen(keep_printf("%s/PG_VERSION", cluster->data), "re");
	char version[16] = "";

	if (file != NULL && fgets(version, sizeof version, file) == NULL)
		version[0] = '\0';
	if (file != NULL)
		fclose(file);
	version[strcspn(version, "\n")] = '\0';
	if (strcmp(version, PG_MAJORVERSION) == 0)
		return EXIT_OK;
	message_error("the data in \"%s\" were made by PostgreSQL %s, this "
	              "program runs PostgreSQL " PG_MAJORVERSION,
	              cluster->data, version[0] == '\0' ? "(unknown)" : version);
	message_hint("Move them with pg_upgrade, or with pg_dump from the old "
	             "version; or start afresh in another folder with --home.");
	return EXIT_FAILED;
}

/* ---------------------------------------------------------------- database */

static const char *
get_build_name(const private_cluster *cluster)
{
	const char *slash;

	if (cluster->runtime == NULL)
		return "installed-" CER_VERSION;
	slash = strrchr(cluster->runtime, '/');
	return slash + 1;
}

/* HOME/made: the runtime that made or updated the extension, and the hash of
 * its SQL. */
static const char *
read_made(const private_cluster *cluster, int wanted)
{
	FILE *file = fopen(keep_printf("%s/made", cluster->home), "re");
	char line[256] = "";

	for (int i = 0; file != NULL && i <= wanted; i++)
		if (fgets(line, sizeof line, file) == NULL)
			line[0] = '\0';
	if (file != NULL)
		fclose(file);
	return keep_printf("%.*s", (int) strcspn(line, "\n"), line);
}

bool
cluster_is_database_made(const private_cluster *cluster)
{
	return strcmp(read_made(cluster, 0), get_build_name(cluster)) == 0;
}

static int
write_made(void *arg)
{
	const private_cluster *cluster = arg;
	const char *draft = keep_printf("%s/made.new", cluster->home);
	FILE *file = fopen(draft, "we");

	if (file == NULL)
		return 1;
	fprintf(file, "%s\n%s\n", get_build_name(cluster), cluster->script);
	return fclose(file) != 0 ||
	       rename(draft, keep_printf("%s/made", cluster->home)) != 0;
}

static PGconn *
connect_to(const private_cluster *cluster, const char *database)
{
	PGconn *conn = PQconnectdb(
		keep_printf("%s application_name=cerebro connect_timeout=30",
	                cluster_get_conninfo(cluster, database)));

	if (PQstatus(conn) == CONNECTION_OK)
		return conn;
	message_error("could not connect to the private server");
	message_detail("%s", PQerrorMessage(conn));
	message_hint("Its log is \"%s\".", cluster->log);
	PQfinish(conn);
	return NULL;
}

static void
ignore_notice(void *arg, const char *message)
{
	(void) arg;
	(void) message;
}

static bool
execute(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	bool is_good = PQresultStatus(result) == PGRES_COMMAND_OK ||
	               PQresultStatus(result) == PGRES_TUPLES_OK;

	if (!is_good)
	{
		message_error("%s failed", sql);
		message_detail("%s", PQerrorMessage(conn));
	}
	PQclear(result);
	return is_good;
}

/* The first value of a query as text, "" for none. */
static const char *
query_value(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	const char *value = "";

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
		value = keep_printf("%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

int
cluster_count_sessions(const private_cluster *cluster)
{
	PGconn *conn = connect_to(cluster, "postgres");
	const char *count;

	if (conn == NULL)
		return -1;
	count = query_value(conn, "SELECT count(*) FROM pg_catalog.pg_stat_activity"
	                          " WHERE pid <> pg_catalog.pg_backend_pid()"
	                          " AND (backend_type = 'client backend'"
	                          " OR backend_type LIKE 'cerebro%')");
	PQfinish(conn);
	return *count == '\0' ? -1 : (int) strtol(count, NULL, 10);
}

static bool
make_database(const private_cluster *cluster)
{
	PGconn *conn = connect_to(cluster, "postgres");
	bool is_good;

	if (conn == NULL)
		return false;
	is_good = *query_value(conn, "SELECT 1 FROM pg_catalog.pg_database WHERE "
	                             "datname = '" CLUSTER_DATABASE "'") != '\0' ||
	          execute(conn, "CREATE DATABASE " CLUSTER_DATABASE);
	PQfinish(conn);
	return is_good;
}

/* While a version is being developed its SQL may change under one name. */
static void
warn_of_other_script(const private_cluster *cluster)
{
	const char *before = read_made(cluster, 1);

	/* none is known of an extension that is installed in the system */
	if (*before == '\0' || *cluster->script == '\0' ||
	    strcmp(before, cluster->script) == 0)
		return;
	message_warning("the extension's SQL changed without a new version; the "
	                "database still has the older objects");
	message_hint("To make them anew, which loses tasks and models: cerebro "
	             "sql -c 'DROP EXTENSION cerebro CASCADE' -c 'CREATE "
	             "EXTENSION cerebro'");
}

/* pg_available_extensions does not look below extension_destdir: just try. */
static bool
make_extension(const private_cluster *cluster, PGconn *conn)
{
	static const char version[] = "SELECT extversion FROM"
								  " pg_catalog.pg_extension"
								  " WHERE extname = 'cerebro'";
	const char *before = query_value(conn, version);

	if (!execute(conn, "CREATE EXTENSION IF NOT EXISTS cerebro") ||
	    !execute(conn, "ALTER EXTENSION cerebro UPDATE"))
	{
		message_hint("If the server does not know the extension: `make "
		             "install` installs it, or run the program from the "
		             "folder where it was built.");
		return false;
	}
	if (strcmp(before, query_value(conn, version)) == 0)
		warn_of_other_script(cluster);
	return true;
}

exit_code
cluster_make_database(private_cluster *cluster)
{
	PGconn *conn;
	bool is_good;

	if (cluster_is_database_made(cluster))
		return EXIT_OK;
	if (!make_database(cluster))
		return EXIT_SERVER;
	conn = connect_to(cluster, CLUSTER_DATABASE);
	if (conn == NULL)
		return EXIT_SERVER;
	PQsetNoticeProcessor(conn, ignore_notice, NULL);
	is_good = execute(conn, "ALTER DATABASE " CLUSTER_DATABASE
	                        " SET search_path = \"$user\", public, cerebro") &&
	          make_extension(cluster, conn);
	PQfinish(conn);
	if (!is_good)
		return EXIT_FAILED;
	if (process_call(cluster, write_made, cluster) == 0)
		return EXIT_OK;
	message_error("could not write to \"%s\"", cluster->home);
	return EXIT_FAILED;
}
