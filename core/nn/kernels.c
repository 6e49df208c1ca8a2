/*
 * nn/kernels.c
 *	  The choice of a kernel class, and the layout of packed weights.
 */
#include "nn/kernels.h"

#include <string.h>

#if defined(__x86_64__)
static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool
has_avx512(void)
{
	return has_avx2() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl");
}
#endif

static bool
has_plain(void)
{
	return true;
}

typedef struct kernel_class
{
	const cer_kernels *kernels;
	bool (*is_here)(void);
} kernel_class;

/* best first */
static const kernel_class classes[] = {
#if defined(__x86_64__)
	{&cer_kernels_avx512, has_avx512},
	{&cer_kernels_avx2, has_avx2},
#endif
	{&cer_kernels_plain, has_plain},
};

#define N_CLASSES (sizeof(classes) / sizeof(classes[0]))

const cer_kernels *
cer_kernels_choose(void)
{
	size_t i = 0;

	while (!classes[i].is_here())
		i++;
	return classes[i].kernels;
}

const cer_kernels *
cer_kernels_find(const char *name)
{
	for (size_t i = 0; i < N_CLASSES; i++)
		if (strcmp(classes[i].kernels->name, name) == 0)
			return classes[i].is_here() ? classes[i].kernels : NULL;
	return NULL;
}

size_t
cer_dense_pad(size_t n)
{
	return (n + CER_DENSE_LANES - 1) / CER_DENSE_LANES * CER_DENSE_LANES;
}

size_t
cer_dense_packed_size(size_t n_in, size_t n_out)
{
	return n_in * cer_dense_pad(n_out);
}

void
cer_dense_pack(size_t n_in, size_t n_out, const float *w, float *packed)
{
	size_t n_padded = cer_dense_pad(n_out);

	for (size_t first = 0; first < n_padded; first += CER_DENSE_CHUNK)
	{
		size_t left = n_padded - first;
		size_t width = left < CER_DENSE_CHUNK ? left : CER_DENSE_CHUNK;

		for (size_t i = 0; i < n_in; i++)
			for (size_t j = 0; j < width; j++)
				*packed++ = first + j < n_out ? w[i * n_out + first + j] : 0.0f;
	}
}

float *
cer_dense_make_packed(cer_arena *arena, size_t n_in, size_t n_out,
                      const float *w)
{
	size_t size = cer_dense_packed_size(n_in, n_out);
	float *packed = cer_arena_allocate(arena, size * sizeof(float));

	if (packed != NULL)
		cer_dense_pack(n_in, n_out, w, packed);
	return packed;
}
