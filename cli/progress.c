/*
 * progress.c
 *	  The bar is one line of stderr that is drawn over and wiped at the end.
 */
#include "cli.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH        24
#define REDRAW_SECONDS   0.1
#define MEASURED_SECONDS 0.5 /* before an estimate of the rest is shown */

double
progress_get_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

void
progress_start(progress_bar *progress, uint64_t total, bool is_quiet)
{
	const char *terminal = getenv("TERM");

	progress->is_shown = !is_quiet && isatty(STDERR_FILENO) &&
	                     terminal != NULL && strcmp(terminal, "dumb") != 0;
	progress->total = total;
	progress->started_at = progress_get_time();
	progress->drawn_at = 0;
}

static void
draw_bar(double share)
{
	int n_full = (int) (share * BAR_WIDTH);

	fputs(message_get_style(STDERR_FILENO, STYLE_GREEN), stderr);
	for (int i = 0; i < BAR_WIDTH; i++)
		fputs(i < n_full ? "█" : "░", stderr);
	fputs(message_get_style(STDERR_FILENO, STYLE_PLAIN), stderr);
}

void
progress_show(progress_bar *progress, const char *label, uint64_t done,
              const char *note)
{
	double now;
	double share;
	double elapsed;

	if (!progress->is_shown || progress->total == 0)
		return;
	now = progress_get_time();
	if (now - progress->drawn_at < REDRAW_SECONDS)
		return;
	progress->drawn_at = now;
	elapsed = now - progress->started_at;
	share =
		done >= progress->total ? 1 : (double) done / (double) progress->total;
	fprintf(stderr, "\r\033[K%-20.20s ", label);
	draw_bar(share);
	fprintf(stderr, " %3.0f %%", 100 * share);
	if (note != NULL)
		fprintf(stderr, "  %s", note);
	if (elapsed > MEASURED_SECONDS && share > 0.01)
		fprintf(stderr, "  %.0f s left", elapsed / share * (1 - share));
	fflush(stderr);
}

void
progress_clear(progress_bar *progress)
{
	if (progress->is_shown && progress->drawn_at > 0)
		fputs("\r\033[K", stderr);
	progress->drawn_at = 0;
}
