/*
 * export/layout.h
 *	  Where the boxes of a drawing stand: in ranks, each below what it takes.
 */
#ifndef CER_EXPORT_LAYOUT_H
#define CER_EXPORT_LAYOUT_H

#include "base/error.h"

/* A box, or a bend: where a line passes a rank. */
typedef struct cer_layout_node
{
	double half; /* of its width */
	size_t rank;
	size_t at; /* in its rank, from the left */
	double x;  /* of its middle */
} cer_layout_node;

typedef struct cer_layout_link
{
	size_t from; /* boxes: from < to */
	size_t to;
	size_t first_bend; /* nodes: one for each rank between the two */
	size_t n_bends;
} cer_layout_link;

typedef struct cer_layout
{
	size_t n_boxes; /* the first nodes */
	size_t n_nodes;
	cer_layout_node *nodes;
	size_t n_links;
	cer_layout_link *links;
	size_t n_ranks;
	double width;
} cer_layout;

/* The caller fills n_boxes, half of each in nodes, n_links with from and to;
 * nodes grow by bends.  All lies between 0 and width. */
extern cer_status
cer_layout_make(cer_arena *arena, cer_layout *layout, cer_error *err);

#endif
