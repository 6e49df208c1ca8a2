/*
 * cluster_find.c
 *	  Where the private server lives, whose it is, which PostgreSQL runs it.
 */
#include "cluster.h"

#include <errno.h>
#include <limits.h>
#include <pg_config.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SERVER_USER      "postgres" /* what root becomes */
#define ROOT_HOME        "/var/lib/cerebro"
#define SOCKET_NAME_SIZE 16 /* "/.s.PGSQL.5432", NUL and one to spare */
#define SOCKET_PATH_SIZE 108

static const char *
get_variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static const char *
choose_home(const global_options *global)
{
	const char *data_home = get_variable("XDG_DATA_HOME");
	const char *home = get_variable("HOME");
	struct passwd *me;

	if (global->home != NULL)
		return global->home;
	if (get_variable("CEREBRO_HOME") != NULL)
		return get_variable("CEREBRO_HOME");
	if (geteuid() == 0)
		return ROOT_HOME;
	if (data_home != NULL && *data_home == '/')
		return keep_printf("%s/cerebro", data_home);
	if (home == NULL && (me = getpwuid(geteuid())) != NULL)
		home = me->pw_dir;
	return home == NULL ? NULL : keep_printf("%s/.local/share/cerebro", home);
}

static exit_code
find_home(const global_options *global, private_cluster *cluster)
{
	const char *home = choose_home(global);
	char resolved[PATH_MAX];

	if (home == NULL || *home == '\0')
	{
		message_error("no home folder is known for the private server");
		message_hint("Name a folder with --home or $CEREBRO_HOME.");
		return EXIT_USAGE;
	}
	if (realpath(home, resolved) != NULL)
		cluster->home = keep_printf("%s", resolved);
	else if (*home == '/')
		cluster->home = home;
	else if (getcwd(resolved, sizeof resolved) != NULL)
		cluster->home = keep_printf("%s/%s", resolved, home);
	else
	{
		message_error("could not find the current folder: %m");
		return EXIT_FAILED;
	}
	if (strpbrk(cluster->home, ":\n") == NULL)
		return EXIT_OK;
	message_error("the folder \"%s\" has a colon or line end in its name",
	              cluster->home);
	message_hint("PostgreSQL could not find its libraries there; choose "
	             "another one with --home.");
	return EXIT_USAGE;
}

static exit_code
use_user(private_cluster *cluster, const struct passwd *user)
{
	cluster->uid = user->pw_uid;
	cluster->gid = user->pw_gid;
	cluster->user = keep_printf("%s", user->pw_name);
	cluster->is_dropping = geteuid() == 0;
	return EXIT_OK;
}

static exit_code
find_user_for_root(private_cluster *cluster, const struct stat *home)
{
	struct passwd *user = home != NULL && home->st_uid != 0
	                          ? getpwuid(home->st_uid)
	                          : getpwnam(SERVER_USER);

	if (user != NULL)
		return use_user(cluster, user);
	if (home != NULL && home->st_uid != 0)
		message_error("the owner of \"%s\", user %lu, has no account",
		              cluster->home, (unsigned long) home->st_uid);
	else
		message_error("there is no user \"" SERVER_USER "\"");
	message_hint("PostgreSQL refuses to run as root. `apt-get install "
	             "postgresql-" PG_MAJORVERSION "` makes that user, or run "
	             "this as an ordinary user.");
	return EXIT_FAILED;
}

static exit_code
find_user(private_cluster *cluster)
{
	struct stat info;
	bool is_there = stat(cluster->home, &info) == 0;
	struct passwd *user = getpwuid(geteuid());

	if (is_there && !S_ISDIR(info.st_mode))
	{
		message_error("\"%s\" is not a folder", cluster->home);
		return EXIT_FAILED;
	}
	if (geteuid() == 0)
		return find_user_for_root(cluster, is_there ? &info : NULL);
	if (is_there && info.st_uid != geteuid())
	{
		message_error("the folder \"%s\" belongs to another user",
		              cluster->home);
		message_hint("Choose one of your own with --home or $CEREBRO_HOME.");
		return EXIT_FAILED;
	}
	if (user != NULL)
		return use_user(cluster, user);
	cluster->uid = geteuid();
	cluster->gid = getegid();
	cluster->user = CLUSTER_ROLE;
	return EXIT_OK;
}

/* Short and plain enough for a socket address and a connection string. */
static void
choose_socket_dir(private_cluster *cluster)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
								"pqrstuvwxyz0123456789_-./";
	const char *dir = keep_printf("%s/run", cluster->home);

	if (strlen(dir) + SOCKET_NAME_SIZE > SOCKET_PATH_SIZE ||
	    dir[strspn(dir, plain)] != '\0')
		dir = keep_printf("/tmp/cerebro-%lu-%08x", (unsigned long) cluster->uid,
		                  (unsigned) XXH3_64bits(dir, strlen(dir)));
	cluster->socket_dir = dir;
}

static bool
has_server(const char *dir)
{
	return dir != NULL && *dir != '\0' &&
	       access(keep_printf("%s/postgres", dir), X_OK) == 0 &&
	       access(keep_printf("%s/initdb", dir), X_OK) == 0;
}

/* The PostgreSQL that the program was built for, wherever it was put. */
static const char *
find_bin(void)
{
	static const char *const places[] = {
		"/usr/lib/postgresql/" PG_MAJORVERSION "/bin",
		"/usr/pgsql-" PG_MAJORVERSION "/bin", "/usr/local/pgsql/bin",
		"/usr/lib/postgresql" PG_MAJORVERSION "/bin"};
	const char *given = get_variable("CEREBRO_PG_BIN");
	char path[PATH_MAX];

	if (given != NULL)
		return has_server(given) ? given : NULL;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (has_server(places[i]))
			return places[i];
	for (const char *dir = get_variable("PATH"); dir != NULL;
	     dir = strchr(dir, ':'))
	{
		dir += *dir == ':';
		snprintf(path, sizeof path, "%.*s", (int) strcspn(dir, ":"), dir);
		if (has_server(path))
			return keep_printf("%s", path);
	}
	return NULL;
}

exit_code
cluster_find(const global_options *global, private_cluster *cluster)
{
	exit_code code;

	memset(cluster, 0, sizeof *cluster);
	cluster->lock = -1;
	code = find_home(global, cluster);
	if (code == EXIT_OK)
		code = find_user(cluster);
	if (code != EXIT_OK)
		return code;
	cluster->data = keep_printf("%s/data", cluster->home);
	cluster->log = keep_printf("%s/server.log", cluster->home);
	choose_socket_dir(cluster);
	cluster->bin = find_bin();
	if (cluster->bin == NULL)
	{
		message_error("the programs of PostgreSQL " PG_MAJORVERSION
		              " were not found");
		message_hint("Install them with `%sapt-get install "
		             "postgresql-" PG_MAJORVERSION
		             "`, or name their folder in $CEREBRO_PG_BIN.",
		             geteuid() == 0 ? "" : "sudo ");
		return EXIT_FAILED;
	}
	/* a variable of the caller must not lead the connection elsewhere */
	unsetenv("PGHOSTADDR");
	unsetenv("PGSERVICE");
	unsetenv("PGOPTIONS");
	return runtime_find(cluster);
}
