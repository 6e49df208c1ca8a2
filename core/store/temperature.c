/*
 * store/temperature.c
 *	  Probabilities brought to a temperature T: p^(1 / T), over their sum.
 *
 * Of one network that is softmax(logits / T).  The order of two classes'
 * probabilities stays, and of two classes that of rows, too.
 */
#include "cerebro.h"

#include <math.h>

static void
apply_to_row(double power, size_t n, float *p)
{
	double sum = 0.0;

	for (size_t i = 0; i < n; i++)
		sum += pow((double) p[i], power);
	for (size_t i = 0; i < n; i++)
		p[i] = (float) (pow((double) p[i], power) / sum);
}

void
cer_temperature_apply(double temperature, size_t n_rows, size_t n_classes,
                      float *proba)
{
	if (temperature == 1.0)
		return;
	for (size_t row = 0; row < n_rows; row++)
		apply_to_row(1.0 / temperature, n_classes, proba + row * n_classes);
}
