/*
 * host.h
 *	  What the library asks of the engine: memory under a limit, threads, and
 *	  whether to go on, which is also the moment to tell how far the work is.
 */
#ifndef ENGINE_HOST_H
#define ENGINE_HOST_H

#include <cerebro.h>

struct session;

typedef struct teller
{
	cer_host host; /* self is the teller */
	struct session *s;
	bool has_pool; /* all threads; else the one that it runs on */
	/* Brings the status up to date before it is told; may be NULL. */
	void (*refresh)(struct teller *t, double now);
	cer_group_status status;
	double sent_at; /* seconds of the monotonic clock */
} teller;

extern void teller_init(teller *t, struct session *s, uint32_t triple);
/* Work is divided, and rows are fetched ahead, by how many threads there are. */
extern void teller_set_threads(teller *t, bool has_pool);
/* From here on the work is in this phase; told at once. */
extern void teller_set_phase(teller *t, cer_phase phase);

extern double host_clock(void);
/* Processor seconds and largest resident size of the process so far. */
extern void host_get_cost(double *cpu_seconds, uint64_t *peak_bytes);

#endif
