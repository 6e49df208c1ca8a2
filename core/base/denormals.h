/*
 * base/denormals.h
 *	  Values that would be denormal are zero between these two calls, on the
 *	  thread that calls: they cost a hundred times as much.
 */
#ifndef CER_BASE_DENORMALS_H
#define CER_BASE_DENORMALS_H

#if defined(__SSE__)
#include <xmmintrin.h>

#define CER_FLUSH_TO_ZERO 0x8040u /* results and operands */

static inline unsigned
cer_denormals_flush(void)
{
	unsigned before = _mm_getcsr();

	_mm_setcsr(before | CER_FLUSH_TO_ZERO);
	return before;
}

static inline void
cer_denormals_restore(unsigned before)
{
	_mm_setcsr(before);
}
#else
static inline unsigned
cer_denormals_flush(void)
{
	return 0;
}

static inline void
cer_denormals_restore(unsigned before)
{
	(void) before;
}
#endif

#endif
