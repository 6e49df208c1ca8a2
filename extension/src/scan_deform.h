/*
 * scan_deform.h
 *	  Columns of rows as they lie in tables.
 */
#ifndef CEREBRO_SCAN_DEFORM_H
#define CEREBRO_SCAN_DEFORM_H

#include "cerebro_pg.h"

#include "executor/tuptable.h"

typedef struct ScanDeformer ScanDeformer;

/* Of slots like this one, for as long as it lives; in the current memory
 * context. */
extern ScanDeformer *scan_deformer_make(const TupleTableSlot *slot);
extern bool
scan_deformer_is_for(const ScanDeformer *deformer, const TupleTableSlot *slot);
/* As slot_getsomeattrs, and nothing else for slots of another kind. */
extern void scan_deform(const ScanDeformer *deformer, TupleTableSlot *slot,
                        int n_attributes);

#endif
