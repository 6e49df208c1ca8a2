/*
 * train/schedule.c
 *	  How the learning rate goes through a training; t is the share of steps
 *	  that are done.
 *
 * cosine:		(1 + cos(pi t)) / 2 (Loshchilov, Hutter 2017, without restarts)
 * onecycle:	from 1/25 to 1 in the first three tenths, then to 1/250000, both
 *				along a cosine (Smith, Topin 2019)
 * coslog:		(1 - cos(2 pi log2(1 + 15 t))) / 2: four waves, each twice as
 *				long as the one before (Holzmueller and others 2024)
 *
 * plateau:	times 0.3 after each 3 epochs without a better one: see run.c
 *
 * A warm-up multiplies any of them, rising in a line from nearly 0 to 1.
 *
 * Dropout and weight decay stay as they are and then fall to 0 along half a
 * wave ("flat_cos" of Holzmueller and others 2024, where it is the last half).
 */
#include "train/schedule.h"

#include <math.h>

#define PI 3.14159265358979323846

#define RISE_SHARE 0.3
#define RISE_FROM  (1.0 / 25.0)
#define FALL_TO    (1.0 / 250000.0)

/* From a to b along half a wave. */
static double
anneal(double a, double b, double t)
{
	return b + (a - b) * 0.5 * (1.0 + cos(PI * t));
}

static double
get_wave(cer_schedule schedule, double t)
{
	switch (schedule)
	{
		case CER_SCHEDULE_COSINE:
			return anneal(1.0, 0.0, t);
		case CER_SCHEDULE_ONECYCLE:
			return t < RISE_SHARE
			           ? anneal(RISE_FROM, 1.0, t / RISE_SHARE)
			           : anneal(1.0, FALL_TO,
			                    (t - RISE_SHARE) / (1.0 - RISE_SHARE));
		case CER_SCHEDULE_COSLOG:
			return 0.5 * (1.0 - cos(2.0 * PI * log2(1.0 + 15.0 * t)));
		case CER_SCHEDULE_PLATEAU: /* what validation says decides */
		case CER_SCHEDULE_CONSTANT:
			break;
	}
	return 1.0;
}

double
cer_schedule_get_share(const cer_settings *settings, uint64_t step,
                       uint64_t n_total)
{
	double t = (double) step / (double) n_total;
	double n_warm = settings->warmup * (double) n_total;
	double share = get_wave(settings->schedule, t);

	if ((double) (step + 1) < n_warm)
		share *= (double) (step + 1) / n_warm;
	return share;
}

double
cer_schedule_get_faded(const cer_settings *settings, uint64_t step,
                       uint64_t n_total)
{
	double t = (double) step / (double) n_total;
	double start = 1.0 - settings->fade;

	if (settings->fade == 0.0 || t <= start)
		return 0.0;
	return anneal(0.0, 1.0, (t - start) / settings->fade);
}
