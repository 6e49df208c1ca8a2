/*
 * read_lookup.h
 *	  Rows of a small table, found by their key.
 *
 * As a hash join's table, made for rows that are unique by key; a NULL in a key
 * finds nothing.
 */
#ifndef CEREBRO_READ_LOOKUP_H
#define CEREBRO_READ_LOOKUP_H

#include "postgres.h"

/* A column of the key; the operator is strict and has hash functions. */
typedef struct LookupKey
{
	Oid operator; /* of what is looked for, and of the row's */
	Oid collation;
	Oid sought_type;
	Oid row_type;
} LookupKey;

typedef struct Lookup Lookup;

/* Lives in the current memory context. */
extern Lookup *lookup_make(const LookupKey *keys, int n_keys);
/* The row's number, from 1 on; the key's values are copied. */
extern uint32 lookup_add(Lookup *lookup, const Datum *key);
/* 0: none.  What it allocates is left in the current memory context. */
extern uint32 lookup_find(Lookup *lookup, const Datum *key);

#endif
