/*
 * data/quantile.h
 *	  Quartiles by selection, in linear time.
 */
#ifndef CER_DATA_QUANTILE_H
#define CER_DATA_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

typedef struct cer_quantiles
{
	double min;
	double lower; /* 0.25 */
	double median;
	double upper; /* 0.75 */
	double max;
} cer_quantiles;

/*
 * Of n keys as cer_number_make_key makes them, n > 0.  Between two values it
 * interpolates linearly (type 7 of Hyndman and Fan 1996: NumPy's default).
 * scratch holds n keys; keys stay.
 */
extern void cer_quantiles_find(const uint64_t *keys, uint64_t *scratch,
                               size_t n, cer_quantiles *quantiles);

#endif
