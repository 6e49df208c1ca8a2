/*
 * activation.h
 *	  The activations' formulas in double precision, beside which kernels and
 *	  whole nets are checked.
 */
#ifndef CER_TEST_ACTIVATION_H
#define CER_TEST_ACTIVATION_H

#include "lang/mst.h"

extern double activation_get(cer_activation activation, double x);

#endif
