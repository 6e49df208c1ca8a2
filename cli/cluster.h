/*
 * cluster.h
 *	  The private PostgreSQL server of the program.
 *
 *	  HOME/data      PostgreSQL's own folder
 *	  HOME/run       its socket, mode 0700 (a short folder below /tmp where HOME
 *	                 is too long, or too odd, for a socket)
 *	  HOME/runtime/HASH  copy of the extension's files that it runs with
 *	  HOME/server.log
 *	  HOME/lock      held while the server is made, started or stopped
 */
#ifndef CLI_CLUSTER_H
#define CLI_CLUSTER_H

#include "cli.h"

#include <libpq-fe.h>
#include <sys/types.h>

#define CLUSTER_DATABASE "cerebro"
#define CLUSTER_ROLE     "postgres"
#define CLUSTER_PORT     "5432" /* only names the socket file */

typedef struct private_cluster
{
	/* places */
	const char *home;
	const char *data;
	const char *socket_dir;
	const char *log;
	const char *bin;     /* of PostgreSQL's programs */
	const char *stage;   /* a built tree's files; NULL: installed */
	const char *runtime; /* their copy; NULL: installed */
	const char *script;  /* hash of the extension's SQL; "": installed */

	/* the user that owns home and runs the server */
	uid_t uid;
	gid_t gid;
	const char *user;
	bool is_dropping; /* we are root and become this user in children */

	int lock; /* descriptor, -1: not held */
} private_cluster;

/* What postmaster.pid says of a running server. */
typedef struct cluster_state
{
	bool is_made; /* data folder is there */
	bool is_running;
	long pid;
	long started_at; /* seconds since 1970 */
} cluster_state;

extern exit_code
cluster_find(const global_options *global, private_cluster *cluster);
extern cluster_state cluster_get_state(const private_cluster *cluster);
extern const char *
cluster_get_conninfo(const private_cluster *cluster, const char *database);

/* Makes and starts what is missing.  Cheap where all is there. */
extern exit_code cluster_start(private_cluster *cluster);
extern exit_code cluster_stop(private_cluster *cluster, bool is_forced);

extern exit_code cluster_lock(private_cluster *cluster);
extern void cluster_unlock(private_cluster *cluster);

/* cluster_make.c: folders, initdb, database and extension */
extern exit_code cluster_make_home(private_cluster *cluster);
extern exit_code cluster_make_data(private_cluster *cluster);
extern exit_code cluster_make_database(private_cluster *cluster);
extern exit_code cluster_check_version(const private_cluster *cluster);

/* runtime.c: the copy of a built tree's files */
extern exit_code runtime_find(private_cluster *cluster);
extern exit_code runtime_make(private_cluster *cluster);
extern void runtime_remove_others(const private_cluster *cluster);
/* Folder below the runtime that holds cerebro.so. */
extern const char *runtime_get_library_dir(const private_cluster *cluster);

/* process.c: children that run as the cluster's user */
typedef struct process_result
{
	int status; /* as of waitpid; -1: could not start */
	text_buffer output;
} process_result;

extern void process_become_user(const private_cluster *cluster);
extern process_result
process_run(const private_cluster *cluster, const char *const *argv);
/* In a child that is the cluster's user; ends with what fn returns. */
extern int
process_call(const private_cluster *cluster, int (*fn)(void *), void *arg);

#endif
