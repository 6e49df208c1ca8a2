/*
 * run.h
 *	  One triple of a group in training: its trainer, what it sends.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include "session.h"
#include "state.h"

#include <pthread.h>

/* Encoded rows, which all triples of equal FE share. */
typedef struct shared_rows
{
	pthread_mutex_t lock;
	const cer_plan *plan;
	uint32_t n_users;       /* triples that are to be trained over them yet */
	cer_encoding *encoding; /* NULL: not made yet, or not needed any more */
} shared_rows;

typedef struct run
{
	session *s;
	uint32_t triple;
	const cer_group_triple *wish;
	const cer_mst *mst;
	const cer_plan *plan;
	shared_rows *rows;
	start_state start;
	bool is_skipped; /* the server has its model */

	teller teller; /* the host of its trainer, and for progress */

	/* in training */
	cer_trainer *trainer; /* NULL: not begun, or done */
	bool is_finished;
	bool is_over; /* done, or failed */
	bool is_cut;  /* by the server, before its last epoch */
	double began_at;
	double cpu_seconds;
	double kept_at;
	uint32_t n_told; /* epochs that the server knows; */
	uint32_t n_kept; /* the last whose state it has */
	double training_began_at;
} run;

extern void run_init(run *r, session *s, uint32_t triple);
/* Makes the trainer, over rows that are encoded already. */
extern cer_status run_begin(run *r, cer_error *err);
/* One epoch, and what it sends. */
extern cer_status run_go_on(run *r, cer_error *err);
/* Sends the model. */
extern cer_status run_end(run *r, cer_error *err);
/* Sends the model of the epochs that there are; nothing, where there are none. */
extern cer_status run_cut(run *r, cer_error *err);
/* Lets go of the trainer; it may begin again. */
extern void run_release(run *r);

#endif
