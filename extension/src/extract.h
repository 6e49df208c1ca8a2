/*
 * extract.h
 *	  Coded columns of a data version, kept so that they need not be read again.
 *
 *	 rows:	  keys and labels of training and validation rows, in the order of
 *			  (part, key), once
 *	 column:  packed (cer_packed), in that order, with the values of its codes
 *	 codes:	  of a dimension: which of its rows a row found
 *	 column of a dimension:	 packed, in the order of those codes
 *
 * Both lie in cerebro.extract and cerebro.extract_chunk, which are not logged,
 * under ids that say what was read of which state of which tables: what was
 * written to in between has other ids and is read again.  Who asks has to be
 * allowed to run the query that would read them.
 */
#ifndef CEREBRO_EXTRACT_H
#define CEREBRO_EXTRACT_H

#include "cerebro_pg.h"

/* --------------------------------------------------------- extract_id.c */

typedef struct ExtractIds
{
	cer_id query; /* what is read, whatever the tables' state */
	cer_id rows;
	bool *is_known; /* by input: that it has an id */
	cer_id *columns;
	int *joins; /* by input: the only join that it comes from; 0: none */
} ExtractIds;

/* False: what is read cannot be told from tables. */
extern bool extract_identify(const Task *task, const Query *query,
                             const ReadPlan *plan, ExtractIds *ids);
/* Of a query whose result is to be remembered; false: the same. */
extern bool extract_identify_query(const Query *query, cer_id *id);

/* ------------------------------------------------------ extract_gather.c */

/* Rows in memory, as they come and then in order. */
typedef struct RowGather RowGather;

/* Of inputs that are marked; more than max_bytes are let go of. */
extern RowGather *gather_make(const cer_input *inputs, const bool *is_wanted,
                              int n_inputs, Size max_bytes);
extern void gather_add_values(RowGather *gather, size_t input,
                              const cer_text *values, size_t n_values);
extern void gather_add(RowGather *gather, const cer_chunk *chunk);
/* Orders rows.  False: there are too many, or keys that are none. */
extern bool gather_finish(RowGather *gather);
extern Size gather_count_rows(const RowGather *gather);
extern Size gather_count_train(const RowGather *gather);
/* In order. */
extern const uint64 *gather_get_keys(const RowGather *gather);
extern const uint16 *gather_get_labels(const RowGather *gather);
/* A column in order, in few bytes. */
extern void
gather_pack(RowGather *gather, cer_arena *arena, int input, cer_packed *packed);
/* As they came: values of an input, and row in order -> row as it came. */
extern const void *gather_get_data(const RowGather *gather, int input);
extern const uint32 *gather_get_index(const RowGather *gather);
/* Some rows of a column, as they came. */
extern void
gather_pack_rows(RowGather *gather, cer_arena *arena, int input,
                 const uint32 *rows, Size n_rows, cer_packed *packed);
extern const cer_text *
gather_get_values(const RowGather *gather, int input, uint32 *n_values);

/* ------------------------------------------------------- extract_table.c */

/* What stands in a row of cerebro.extract. */
typedef struct ExtractEntry
{
	cer_id id;
	cer_id rows; /* that it belongs to; its own id: the rows themselves */
	cer_id query;
	int32 data_version;
	const char *name; /* "": rows */
	int64 n_rows;
	int64 n_train;
	cer_storage storage;
	uint32 width;
	int64 n_table;
	cer_content_hash content;
	int64 bytes;
	double seconds; /* that it took to read */

	/* of a dimension: columns have so many rows, and those of the fact table
	 * their codes; the codes' own id: these */
	bool has_dimension;
	cer_id dimension;
	int64 n_dimension;
} ExtractEntry;

/* Bytes of an entry: rows of some width, and what stands before them. */
typedef struct ExtractBytes
{
	const void *table; /* numbers, or values of codes one after the other */
	Size table_size;
	const void *rows;
	const void *labels; /* of rows; NULL: of a column */
} ExtractBytes;

#define EXTRACT_CHUNK_ROWS 131072 /* at most 1 MiB of the widest */

/* Chunks by number: */
#define EXTRACT_TABLE  (-1)
#define EXTRACT_LABELS (1 << 24) /* and on */

extern bool extract_find(const cer_id *id, ExtractEntry *entry);
/* A column by the rows of a dimension. */
extern bool extract_is_of_dimension(const ExtractEntry *entry);
/* Rows that it has: those of its dimension, if it is of one. */
extern int64 extract_count_stored(const ExtractEntry *entry);
/* In an archive scope. */
extern void extract_write(const ExtractEntry *entry, const ExtractBytes *bytes);
/* Lets what saves least go until there is room, but, unless forced, nothing
 * that saves more than what comes; false: there is none. */
extern bool extract_make_room(const ExtractEntry *entries, int n, Size limit,
                              bool is_forced);
extern void extract_note_use(const cer_id *id);
/* Rows of the same query in another state. */
extern void
extract_drop_old(int32 task, const cer_id *query, const cer_id *rows);
/* False: another transaction is storing it at this moment. */
extern bool extract_lock(const cer_id *id);

/* ----------------------------------------------------- extract_finding.c */

/* Whether a query that looks for a row found one. */
typedef struct FindingMemory
{
	bool is_kept; /* it can be, and there is nothing yet */
	cer_id id;
	bool is_found;
} FindingMemory;

/* Raises what running the query would for lack of rights.  False: look. */
extern bool extract_recall_finding(const Query *query, FindingMemory *memory);
extern void extract_keep_finding(const Task *task, const FindingMemory *memory);

/* ------------------------------------------------------------- extract.c */

typedef struct Extract Extract;

extern void extract_init(void);
extern bool extract_is_on(void);

/*
 * What is there of what a plan reads, for a caller who could read it: raises
 * what running the query would for lack of rights.  NULL: nothing can be kept.
 * In the current memory context; to be closed in the same transaction.
 */
extern Extract *
extract_open(const Task *task, const Query *query, const ReadPlan *plan);
extern void extract_close(Extract *extract);
/* The data version whose rows are there; 0: none. */
extern int32 extract_get_data_version(const Extract *extract);
extern int64
extract_count_rows(const Extract *extract); /* -1: none are there */
extern int extract_count_found(const Extract *extract);
extern bool extract_has(const Extract *extract, int input);
/* What a column held ("input" -1: the rows), of those that are there. */
extern cer_content_hash extract_get_content(const Extract *extract, int input);

/* Where a read goes that is to be kept: to the sink as well, unless NULL. */
extern RowSink extract_gather(Extract *extract, const RowSink *sink);
/* The gathered rows are whole: what was lacking is there; false: it is not. */
extern bool extract_take(Extract *extract);
/* Rows in order, of all inputs. */
extern void extract_send(Extract *extract, const RowSink *sink);
/* Keeps what was gathered. */
extern void
extract_store(Extract *extract, int32 data_version, const ReadStats *stats);

#endif
