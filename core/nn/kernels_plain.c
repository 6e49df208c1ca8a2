/*
 * nn/kernels_plain.c
 *	  Kernels for any processor: the definition.
 */
#include "nn/kernels.h"

#define KERNELS      cer_kernels_plain
#define KERNELS_NAME "plain"
#define VEC_LANES    4
typedef float vec __attribute__((vector_size(16), aligned(4), may_alias));
#define VEC_FMA(a, b, c) ((a) * (b) + (c))
#define FMA(a, b, c)     ((a) * (b) + (c))

#include "nn/kernels.inc"
