/*
 * lang/number.h
 *	  Numbers and their shortest spelling, in no locale.
 */
#ifndef CER_LANG_NUMBER_H
#define CER_LANG_NUMBER_H

#include "cerebro.h"

#define CER_NUMBER_BYTES 32 /* room for any spelling and its NUL */

/* text is [digits] [. digits] [e [sign] digits], at most CER_LEX_MAX_NUMBER
 * long.  False: larger than a double can be. */
extern bool cer_number_parse(cer_text text, double *number);

/* Fewest digits that parse to the same number; returns the size without NUL.
 * The number is finite. */
extern size_t cer_number_print(double number, char text[CER_NUMBER_BYTES]);

#endif
