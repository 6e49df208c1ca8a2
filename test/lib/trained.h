/*
 * trained.h
 *	  A small trained model, for tests of what is done with its parts.
 */
#ifndef CER_TEST_TRAINED_H
#define CER_TEST_TRAINED_H

#include "rows.h"

typedef struct trained_model
{
	test_rows *rows;
	cer_dataset *dataset;
	cer_trainer *trainer;
	cer_arena *arena; /* of the parts */
	const cer_part *parts;
	size_t n_parts;
} trained_model;

/* Trains mst over random rows; asserts (cmocka) that all goes well. */
extern void
trained_init(trained_model *trained, test_random *random, const char *mst);
extern void trained_release(trained_model *trained);
/* The parts as those of an ensemble's two members, "1/" and "2/" before them; in
 * the arena. */
extern cer_part *trained_double(cer_arena *arena, const trained_model *trained,
                                const double *weights, size_t *n_parts);

#endif
