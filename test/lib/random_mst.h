/*
 * random_mst.h
 *	  Random triples, of few words so that they meet.
 */
#ifndef CER_TEST_RANDOM_MST_H
#define CER_TEST_RANDOM_MST_H

#include "cerebro.h"
#include "random.h"

#define RANDOM_TEXT_BYTES 2048

/* Sections of a triple, each with a chance of being left out. */
extern void random_mst_write(test_random *random, char text[RANDOM_TEXT_BYTES]);

/* One structure, layer, item or setting. */
extern void
random_structure_write(test_random *random, char text[RANDOM_TEXT_BYTES]);
extern void
random_item_write(test_random *random, char text[RANDOM_TEXT_BYTES]);
extern void
random_setting_write(test_random *random, char text[RANDOM_TEXT_BYTES]);

/* Writes until the text is a triple; asserts (cmocka) that it soon is. */
extern const cer_mst *random_mst_make(test_random *random, cer_arena *arena);

extern cer_text mst_text(cer_arena *arena, const cer_mst *mst);
extern bool mst_equals(cer_arena *arena, const cer_mst *a, const cer_mst *b);

#endif
