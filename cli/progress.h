/*
 * progress.h
 *	  A bar on a terminal: what, how far, how fast, how long still.  Silent
 *	  elsewhere.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress_bar
{
	bool is_shown;
	uint64_t total;
	double started_at;
	double drawn_at;
} progress_bar;

extern void
progress_start(progress_bar *progress, uint64_t total, bool is_quiet);
/* Draws at most ten times a second; note may be NULL. */
extern void progress_show(progress_bar *progress, const char *label,
                          uint64_t done, const char *note);
extern void progress_clear(progress_bar *progress);
extern double progress_get_time(void); /* seconds, monotonic */

#endif
