/*
 * packing.h
 *	  Floats packed as planes of bytes, alone or as a change against others.
 */
#ifndef CEREBRO_PACKING_H
#define CEREBRO_PACKING_H

#include "cerebro_pg.h"

typedef struct Packed
{
	char *data;
	Size size;
} Packed;

/* size is a multiple of 4; base has as many bytes, or is NULL.  palloc'ed. */
extern Packed packing_pack(const void *data, Size size, const void *base);
/* Raises where bytes are not what packing_pack made (of a base of that size). */
extern Packed
packing_unpack(const Packed *packed, const void *base, Size base_size);

#endif
