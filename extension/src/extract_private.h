/*
 * extract_private.h
 *	  An extract as its own files see it: extract.c opens and keeps,
 *	  extract_send.c reads what is kept.
 */
#ifndef CEREBRO_EXTRACT_PRIVATE_H
#define CEREBRO_EXTRACT_PRIVATE_H

#include "extract.h"

#include "utils/snapshot.h"

typedef struct Dimension Dimension;

/* One column, the rows, or codes of a dimension, wherever their bytes are. */
typedef struct Source
{
	bool is_there;    /* in the tables */
	bool is_gathered; /* in memory */
	ExtractEntry entry;
	cer_packed packed; /* rows: those in memory */
	Size n_rows;
	uint32 n_values; /* of codes */
	const cer_text *values;

	/* reading */
	ArchiveScan *scan;
	MemoryContext context; /* of the chunk */
	const char *chunk;
	Size n_left; /* rows of it */
	void *block; /* BLOCK_ROWS values */

	Dimension *dimension; /* whose rows have the values; NULL: rows have */
	void *all;            /* values by row of it */
} Source;

/* The rows of a joined table, as far as they differ in what is read of it. */
struct Dimension
{
	Source codes; /* of the fact table's rows, CER_CODE32 */
	Size n_rows;
	const uint32 *first; /* gathered: a row that found it, as it came */
	const char *name;
	Size n_read; /* rows of the fact table whose codes are in the block, */
	Size n_done; /* and those before them */
};

struct Extract
{
	const Task *task;
	const ReadPlan *plan;
	ExtractIds ids;
	bool has_rows; /* in the tables */
	Snapshot snapshot;
	Source rows;
	Source *columns;
	List *dimensions; /* of Dimension */
	int n_found;
	RowGather *gather;
	const RowSink *sink; /* that is gathered for */
	bool is_whole;       /* all that was lacking is in memory */
	cer_arena *arena;    /* of packed columns */
};

/* --------------------------------------------------- extract_dimension.c */

/* The one whose codes are kept under an id; NULL: they are not there. */
extern Dimension *dimension_find(Extract *extract, const cer_id *id);
/* Of columns that were gathered and come from one join: put together where that
 * is fewer bytes. */
extern void dimension_make_all(Extract *extract);
/* Position of an input among those that were gathered. */
extern int extract_get_gathered(const Extract *extract, int input);

#endif
