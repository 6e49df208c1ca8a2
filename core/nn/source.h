/*
 * nn/source.h
 *	  What operators that take the encoded row keep of a batch's rows, for the
 *	  gradients of their weights.
 */
#ifndef CER_NN_SOURCE_H
#define CER_NN_SOURCE_H

#include "nn/operator.h"

/* Training only: scoring reads the rows where they are. */
typedef struct cer_source
{
	const cer_view *view;
	float *numbers;   /* (n_numbers, batch_rows): by number of the view */
	uint32_t **codes; /* by table of the view, (batch_rows) */
} cer_source;

/* Numbers and codes of one row. */
typedef struct cer_source_row
{
	const float *numbers;
	const uint32_t *codes;
} cer_source_row;

extern cer_status cer_source_prepare(cer_graph *graph, const cer_view *view,
                                     cer_source *source, cer_error *err);
/* Row `at` of the batch; false: it only fills up the tile. */
extern bool
cer_source_get(const cer_tile *tile, size_t at, cer_source_row *row);
extern float cer_source_get_number(const cer_tile *tile,
                                   const cer_source_row *row, size_t number);
/* Of a table of the net; a code that it does not know is unseen. */
extern uint32_t cer_source_get_code(const cer_tile *tile,
                                    const cer_source_row *row, size_t table);
/* A tensor's row of a code, of CER_TENSOR_LEFT_OUT where it was put. */
extern const float *
cer_source_get_weights(const cer_graph *graph, const cer_net_tensor *tensor,
                       size_t code);
/* Remembers the tile's rows; 0 for those that fill up. */
extern void cer_source_keep(const cer_source *source, const cer_tile *tile);

/*
 * Plans blocks for rows of a table's codes at `offset` (n_codes, n), whose
 * gradient is scattered from floats `column` on of the output's gradient.
 */
typedef struct cer_source_rows
{
	const cer_source *source;
	size_t table; /* of the view */
	size_t offset;
	size_t n;
	size_t column;
} cer_source_rows;

/* rows must live as long as the graph. */
extern cer_status
cer_source_add_rows(cer_graph *graph, const cer_graph_node *node,
                    const cer_source_rows *rows, cer_error *err);

#endif
