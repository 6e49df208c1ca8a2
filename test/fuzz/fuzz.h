/*
 * fuzz.h
 *	  What fuzz targets share.
 */
#ifndef CER_TEST_FUZZ_H
#define CER_TEST_FUZZ_H

#include "cerebro.h"

#include <stdlib.h>
#include <string.h>

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
check(bool holds)
{
	if (!holds)
		abort();
}

/* Up to the next zero byte, or all of it. */
static inline cer_text
fuzz_next_text(cer_text *rest)
{
	const char *end = memchr(rest->data, '\0', rest->size);
	cer_text text = *rest;

	if (end == NULL)
	{
		rest->size = 0;
		return text;
	}
	text.size = (size_t) (end - text.data);
	*rest = (cer_text){end + 1, rest->size - text.size - 1};
	return text;
}

#endif
