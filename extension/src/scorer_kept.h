/*
 * scorer_kept.h
 *	  Partials of a dimension's rows that stay between statements.
 *
 * A row is known again by where it lies and who wrote it: its relation's file,
 * ctid and xmin.  Statements read the rows anew, under their own snapshot and
 * rights; what is kept is arithmetic alone, and goes with the scorer: when
 * something changes that this one rests on.
 */
#ifndef CEREBRO_SCORER_KEPT_H
#define CEREBRO_SCORER_KEPT_H

#include "scorer_private.h"

#include "storage/itemptr.h"

typedef struct ScorerKept ScorerKept;

/* All zeros: what a row without a match has. */
typedef struct RowId
{
	ItemPointerData tid;
	TransactionId xmin;
} RowId;

#define KEPT_NONE PG_UINT32_MAX

/* Of a dimension whose rows have ids, in use until the current memory context
 * is reset; NULL: there is no memory for so many. */
extern ScorerKept *
scorer_kept_open(Scorer *scorer, const FeSplit *split, int dimension);
/* The place of the row's partial; most come after the one before. */
extern uint32 scorer_kept_find(ScorerKept *kept, RowId id);
/* A place for the row's partial, behind the last one; KEPT_NONE: it is full. */
extern uint32 scorer_kept_add(ScorerKept *kept, RowId id);
/* Partials are there at all places; before, they are looked for in vain. */
extern void scorer_kept_settle(ScorerKept *kept);
/* By place; valid until one is added. */
extern float *scorer_kept_get_partials(const ScorerKept *kept);

/* Partials that are kept of rows of the dimension. */
extern uint32
scorer_kept_count(const Scorer *scorer, const FeSplit *split, int dimension);
/* Of a scorer's. */
extern const ScorerKept *scorer_kept_next(const ScorerKept *kept);
extern Size scorer_kept_get_size(const ScorerKept *kept);

#endif
