/*
 * layer_text.h
 *	  Structures as text, for tests: (chain (dense width=8) (activation
 *	  function=relu) (output)).  Arguments are those of cer_layer.
 */
#ifndef CER_TEST_LAYER_TEXT_H
#define CER_TEST_LAYER_TEXT_H

#include "lang/mst.h"

/* In the arena; columns are those of the text, the line is 1. */
extern cer_layer *layer_text_read(cer_arena *arena, const char *text);

#endif
