/*
 * fail.h
 *	  How the engine's own functions fail.
 */
#ifndef ENGINE_FAIL_H
#define ENGINE_FAIL_H

#include "cerebro.h"

extern cer_status fail(cer_error *err, cer_status status, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));

#endif
