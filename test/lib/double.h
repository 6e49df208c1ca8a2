/*
 * double.h
 *	  Doubles for floats: the Makefile includes this before anything else where
 *	  it compiles networks and test_layers.c once more, so that slopes are
 *	  central differences in double precision.  Kernels are those of the plain
 *	  class; what is made of a float's bits has another definition here.
 */
#ifndef CER_TEST_DOUBLE_H
#define CER_TEST_DOUBLE_H

#include "cmocka_all.h"

#include <Random123/philox.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#undef __x86_64__

#define float double
#define sqrtf              sqrt
#define expf               exp
#define logf               log
#define fabsf              fabs
#define copysignf          copysign
#define lrintf             lrint
#define __builtin_sqrtf    __builtin_sqrt
#define exponential        exp
#define ROUNDING           6755399441055744.0 /* 1.5 * 2^52 */
#define cer_gemm_make_xsmm cer_gemm_make_plain

#endif
