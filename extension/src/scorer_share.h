/*
 * scorer_share.h
 *	  Rows of dimensions that the processes of one statement share.
 *
 * Who comes first to a dimension reads it; others read another one meanwhile,
 * or wait, and take what was found.
 */
#ifndef CEREBRO_SCORER_SHARE_H
#define CEREBRO_SCORER_SHARE_H

#include "scorer_private.h"

/* The way that another process of the statement chose for the same model; false:
 * none did.  What is of another model is not shared: *share is cleared. */
extern bool scorer_share_get_way(ScorerShare *share, const Scorer *scorer,
                                 FeWay *way, bool *is_grouped);
extern void scorer_share_put_way(const ScorerShare *share, const Scorer *scorer,
                                 FeWay way, bool is_grouped);
/* All dimensions of a lookup that has begun; false: there is no room. */
extern bool scorer_share_pass(struct ScorerLookup *lookup);

#endif
