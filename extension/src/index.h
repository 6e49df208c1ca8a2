/*
 * index.h
 *	  What the files of the index of near triples share.
 */
#ifndef CEREBRO_INDEX_H
#define CEREBRO_INDEX_H

#include "cerebro_pg.h"

#include "storage/off.h"

/*
 * Two halves of boxes by what the weights count: positions from 0, those of the left half first, and the
 * box around each.
 */
extern OffsetNumber *
index_split(const cer_summary_box *boxes, int n_boxes, const cer_probe *weights,
            int *n_left, cer_summary_box *left, cer_summary_box *right);

extern void index_init(void);

#endif
