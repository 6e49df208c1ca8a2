/*
 * nn/row_store.h
 *	  Some rows of a tensor that is too large for memory: a cache by code.
 *
 * Rows are asked for before they are used: what a batch lacks is listed, and
 * each is put where the list said.  When there is no room for them all rows go.
 */
#ifndef CER_NN_ROW_STORE_H
#define CER_NN_ROW_STORE_H

#include "cerebro.h"

typedef struct cer_row_store cer_row_store;

/* Rows of stride floats, at most n_rows of them.  NULL: no memory. */
extern cer_row_store *
cer_row_store_make(cer_arena *arena, size_t stride, size_t n_rows);
/* Of a tensor of n_codes, as many as size bytes have room for. */
extern cer_row_store *cer_row_store_make_within(cer_arena *arena, size_t stride,
                                                size_t n_codes, size_t size);
/*
 * Makes room for those of n codes that are not there, and lists them, once
 * each, in missing.  They must be put before any is looked for; else the next
 * call finds none there.  n is at most what the store was made for.
 */
extern size_t cer_row_store_begin(cer_row_store *store, size_t n,
                                  const uint32_t *codes, uint32_t *missing);
/* The place of a missing row, to be filled. */
extern float *cer_row_store_put(cer_row_store *store, uint32_t code);
/* A row that is there. */
extern const float *
cer_row_store_get(const cer_row_store *store, uint32_t code);

#endif
