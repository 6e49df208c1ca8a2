/*
 * encoded.h
 *	  Rows from test rows to encoded ones.
 */
#ifndef CER_TEST_ENCODED_H
#define CER_TEST_ENCODED_H

#include "data/encode.h"
#include "rows.h"

/* A dataset, its encoders, its training and validation rows. */
typedef struct encoded_rows
{
	cer_arena *arena;
	cer_dataset *dataset;
	const cer_encoders *encoders;
	cer_encoded train;
	cer_encoded valid;
} encoded_rows;

/* Returns the first failure; release it in any case. */
extern cer_status
encoded_init(encoded_rows *f, const test_rows *rows, const cer_host *host,
             const arrival *how, const char *fe, cer_error *err);
extern void encoded_release(encoded_rows *f);

#endif
