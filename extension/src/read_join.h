/*
 * read_join.h
 *	  A join of a star at work: the rows of a small table in this process.
 */
#ifndef CEREBRO_READ_JOIN_H
#define CEREBRO_READ_JOIN_H

#include "read_lookup.h"
#include "read_star.h"

#include "nodes/execnodes.h"

typedef struct RowJoin
{
	const StarJoin *about;
	PlanState *inner;
	Lookup *lookup; /* NULL: the table has not been read yet */

	/* what is looked for */
	int n_keys;
	int *key_columns; /* of the star; -1: an expression */
	ExprState **key_exprs;
	Datum *key;

	/* the table's rows, as far as the star reads them; row 0: no partner */
	MemoryContext context;
	int n_columns;
	int *columns;    /* of the star */
	int *attributes; /* of the table's rows, from 0 */
	Datum *values;   /* n_columns a row */
	bool *nulls;
	uint32 n_rows; /* with the row 0 */
	Size max_rows; /* allocated */

	uint32 row; /* that was found last */
} RowJoin;

/* Lives in the current memory context. */
extern RowJoin *row_join_make(const Star *star, int number, PlanState *inner,
                              PlanState *parent);
/* For what stands in the star's columns; false: the row has none and goes. */
extern bool row_join_find(RowJoin *join, ExprContext *context);
extern const Datum *row_join_get_values(const RowJoin *join);
extern const bool *row_join_get_nulls(const RowJoin *join);

#endif
