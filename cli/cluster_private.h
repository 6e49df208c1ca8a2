/*
 * cluster_private.h
 *	  What cluster.c and cluster_make.c share.
 */
#ifndef CLI_CLUSTER_PRIVATE_H
#define CLI_CLUSTER_PRIVATE_H

#include "cluster.h"

/* Client sessions and jobs but our own; -1: the server does not answer. */
extern int cluster_count_sessions(const private_cluster *cluster);
extern exit_code
cluster_stop_server(const private_cluster *cluster, const char *mode);
/* Whether HOME/made names the current runtime. */
extern bool cluster_is_database_made(const private_cluster *cluster);

#endif
