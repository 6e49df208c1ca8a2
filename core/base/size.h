/*
 * base/size.h
 *	  Sizes of memory that cannot overflow unseen.
 */
#ifndef CER_BASE_SIZE_H
#define CER_BASE_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* A product that does not fit becomes SIZE_MAX, which no allocator grants. */
static inline size_t
cer_size_multiply(size_t a, size_t b)
{
	size_t product;

	return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

static inline size_t
cer_size_add(size_t a, size_t b)
{
	size_t sum;

	return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

static inline size_t
cer_at_most(size_t n, size_t limit)
{
	return n < limit ? n : limit;
}

#endif
