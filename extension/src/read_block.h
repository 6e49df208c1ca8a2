/*
 * read_block.h
 *	  Rows of a task's query -> blocks of coded rows, in whatever process reads
 *	  them.
 *
 * A block is one bytea, so that some hundred rows cross from a parallel worker
 * as one value:
 *
 *	 header | row keys | labels and splits, as datums | column 1 | column 2 ...
 *
 * with columns as: number of new values, the values, an array over the rows.
 * Codes are those of the process that made the block, from 1, in order of
 * arrival.  What a label means and which part a row belongs to is the reader's
 * to say.
 */
#ifndef CEREBRO_READ_BLOCK_H
#define CEREBRO_READ_BLOCK_H

#include "cerebro_pg.h"

#include "executor/tuptable.h"
#include "nodes/plannodes.h"

#define BLOCK_ROWS 128 /* a few blocks fit in the queue of a worker */

/* How rows of the query stand: label | key 1 .. key k | split, if any | inputs */
typedef struct RowLayout
{
	uint64 hash_key;
	int n_key; /* 0: a row's key is its place in the order of arrival */
	bool has_split;
} RowLayout;

extern int row_layout_get_first_input(const RowLayout *layout);

/* ---------------------------------------------------------------- coding */

/* Lives in the current memory context; type is that of the query's rows. */
typedef struct RowCoder RowCoder;
extern RowCoder *row_coder_make(const RowLayout *layout, TupleDesc type);
/* True: the block is full.  The slot's values have to be there. */
extern bool row_coder_add(RowCoder *coder, const TupleTableSlot *slot);
/* Of the last row that was added, if it has a label. */
extern uint64 row_coder_get_key(const RowCoder *coder);
/* What was added since, lent until the next row; NULL: nothing. */
extern bytea *row_coder_take(RowCoder *coder);

/*
 * Columns that rows of a joined table give: coded once for each row of it that
 * is joined.  Their values in the slots are not looked at.
 */
typedef struct RowDimension RowDimension;
/* columns are among the inputs; places: where each's value stands in a row. */
extern RowDimension *
row_coder_add_dimension(RowCoder *coder, const int *columns, const int *places,
                        int n_columns);
/*
 * For the row that is added next; row is a number of the caller's, from 0.
 * values and nulls are lent until then.
 */
extern void row_dimension_choose(RowDimension *dimension, uint32 row,
                                 const Datum *values, const bool *nulls);

/* --------------------------------------------------------------- reading */

typedef struct RowBlockHeader
{
	int32 source;       /* which process: -1 or a parallel worker's number */
	uint32 n_rows;      /* with a label */
	uint32 n_unlabeled; /* left out */
	int32 null_key;     /* column of the key that is NULL in a row that comes
						 * next and ends the block; -1: none */
} RowBlockHeader;

typedef struct RowBlock
{
	RowBlockHeader header;
	const char *at; /* what is to be read next, unaligned */
} RowBlock;

extern void row_block_open(RowBlock *block, const bytea *bytes);
extern void row_block_read(RowBlock *block, void *to, size_t size);
extern Datum row_block_read_datum(RowBlock *block, bool *is_null);
/* Of a column's new values; the text points into the block. */
extern cer_text row_block_read_text(RowBlock *block);

/* ------------------------------------------------------------------ plan */

/* Has processes below a Gather code their rows; false: there is none. */
extern bool row_node_insert(PlannedStmt *stmt, const RowLayout *layout);
extern void row_node_init(void);

#endif
