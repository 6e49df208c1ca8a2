/*
 * activation.c
 *	  Written so that no digits are lost far from 0: erfc, expm1.
 */
#include "activation.h"

#include <math.h>

double
activation_get(cer_activation activation, double x)
{
	switch (activation)
	{
		case CER_IDENTITY:
			return x;
		case CER_RELU:
			return x > 0 ? x : 0;
		case CER_LEAKY_RELU:
			return x > 0 ? x : 0.01 * x;
		case CER_GELU:
			return 0.5 * x * erfc(-x / sqrt(2));
		case CER_SILU:
			return x / (1 + exp(-x));
		case CER_SELU:
			return 1.0507009873554804934 *
			       (x > 0 ? x : 1.6732632423543772848 * expm1(x));
		case CER_TANH:
			return tanh(x);
		case CER_SIGMOID:
			return 1 / (1 + exp(-x));
		case CER_MISH:
			return x * tanh(x > 30 ? x : log1p(exp(x)));
		case CER_ELU:
			return x > 0 ? x : expm1(x);
	}
	return NAN;
}
