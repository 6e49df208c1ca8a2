/*
 * data/shape.h
 *	  What a triple adds to the shape that its encoders have.
 */
#ifndef CER_DATA_SHAPE_H
#define CER_DATA_SHAPE_H

#include "data/encoded.h"
#include "lang/mst.h"

/* A copy of the encoders' shape, with the tables that FE names; texts and
 * arrays are lent from both. */
extern cer_status
cer_shape_make(cer_arena *arena, const cer_input_shape *encoded,
               const cer_mst *mst, const cer_input_shape **shape,
               cer_error *err);

#endif
