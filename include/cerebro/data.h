/*
 * cerebro/data.h
 *	  From rows to encoded columns: splits, plans, datasets, profiles, metrics.
 *
 * A part of cerebro.h, which is what to include.
 */
#ifndef CEREBRO_DATA_H
#define CEREBRO_DATA_H

#include "cerebro/language.h"

/* ---------------------------------------------------------------- split */

typedef enum cer_part_of_rows
{
	CER_TRAIN = 0,
	CER_VALID = 1,
	CER_TEST = 2,
	CER_N_PARTS = 3
} cer_part_of_rows;

typedef enum cer_split_kind
{
	CER_SPLIT_RANDOM, /* random(0.7, 0.15, 0.15) */
	CER_SPLIT_TIME,   /* time(sql, 0.7, 0.15, 0.15) | time(sql, 'cut', 'cut') */
	CER_SPLIT_GROUP,  /* group(sql, 0.7, 0.15, 0.15) */
	CER_SPLIT_COLUMN  /* column(sql): values train, valid, test */
} cer_split_kind;

typedef struct cer_split
{
	cer_split_kind kind;
	cer_text sql;              /* the expression; empty for random */
	double share[CER_N_PARTS]; /* sums to 1; unused with cuts and column */
	bool has_cuts;             /* time with two literal cuts */
	cer_text cuts[CER_N_PARTS - 1];
} cer_split;

/* Shares may be left out: 0.7, 0.15, 0.15.  Texts live in the arena. */
extern cer_status cer_split_parse(cer_arena *arena, cer_text text,
                                  cer_split *split, cer_error *err);

/* Part of a row by threshold on the keyed hash of its key or group. */
extern cer_part_of_rows
cer_split_get_part(const double *share, uint64_t row_key);

/* ---------------------------------------------------------------- plan */

/* What a column can be to a network, decided by its SQL type. */
typedef enum cer_column_type
{
	CER_TYPE_NUMBER,   /* numbers, dates, times: a double */
	CER_TYPE_CATEGORY, /* text, boolean, enum, uuid: a dictionary code */
	CER_TYPE_OTHER,    /* cannot be a feature yet */
	CER_TYPE_ARRAY     /* of categories: a dictionary code of its text */
} cer_column_type;

/* What a number of a date or time counts: see docs/language.md. */
typedef enum cer_time_unit
{
	CER_UNIT_NONE,
	CER_UNIT_DATE,     /* days since 2000-01-01 */
	CER_UNIT_TIME,     /* seconds since midnight */
	CER_UNIT_TIMESTAMP /* seconds since 2000-01-01 */
} cer_time_unit;

typedef struct cer_column
{
	cer_text name;
	cer_column_type type;
	bool is_in_star;  /* part of FE *: not label, excluded or lone key */
	bool is_label;    /* the label is computed from it: never a feature */
	bool is_excluded; /* by the task, as not known in time: never one either */
	cer_time_unit unit;
} cer_column;

/* Whether FE * can take it: arrays are named with an encoder. */
static inline bool
cer_column_is_single(const cer_column *column)
{
	return column->type == CER_TYPE_NUMBER || column->type == CER_TYPE_CATEGORY;
}

/* Which columns a triple's FE needs of a source, and their encoders. */
typedef struct cer_plan cer_plan;

extern cer_status
cer_plan_make(cer_arena *arena, const cer_mst *mst, const cer_column *columns,
              size_t n_columns, const cer_plan **plan, cer_error *err);
extern size_t cer_plan_count_inputs(const cer_plan *plan);
/* Index into the columns that the plan was made from, in reading order. */
extern size_t cer_plan_get_column(const cer_plan *plan, size_t input);
/* Whether two plans over the same columns read and encode the same. */
extern bool cer_plan_is_same(const cer_plan *a, const cer_plan *b);

/* ---------------------------------------------------------------- rows */

/* How an input's values are stored while they travel. */
typedef enum cer_storage
{
	CER_FLOAT32 = 0, /* float; NaN is NULL */
	CER_FLOAT64 = 1, /* double; NaN is NULL */
	CER_CODE32 = 2   /* uint32_t into the input's dictionary; 0 is NULL */
} cer_storage;

typedef struct cer_input
{
	cer_text name;
	cer_storage storage;
} cer_input;

#define CER_CHUNK_ROWS 8192 /* at most */

/* Rows by columns, borrowed from the caller for one call. */
typedef struct cer_chunk
{
	size_t n_rows;
	const uint64_t *row_keys;   /* keyed hash of the key */
	const uint8_t *parts;       /* cer_part_of_rows */
	const uint16_t *labels;     /* class, from 0 */
	const void *const *columns; /* one array per input, by its storage */
} cer_chunk;

/*
 * Keyed hash of a row's key, the same on every machine and for every integer
 * width: start, add each key value in order, finish.
 */
typedef struct cer_key_hash
{
	uint64_t state;
	uint64_t key;
} cer_key_hash;

extern void cer_key_hash_start(cer_key_hash *hash, uint64_t key);
extern void cer_key_hash_add_int(cer_key_hash *hash, int64_t value);
extern void cer_key_hash_add_double(cer_key_hash *hash, double value);
extern void
cer_key_hash_add_bytes(cer_key_hash *hash, const void *data, size_t size);
extern void cer_key_hash_add_null(cer_key_hash *hash);
extern uint64_t cer_key_hash_finish(const cer_key_hash *hash);

/*
 * What rows and columns hold, while they go by: independent of the order of
 * rows, of chunks and of codes.  Values come before the rows that use them, as
 * for a dataset.
 */
typedef struct cer_content_hash
{
	uint64_t low;
	uint64_t high;
	uint64_t n_rows;
} cer_content_hash;

typedef struct cer_content cer_content;

extern cer_status
cer_content_new(const cer_host *host, const cer_input *inputs, size_t n_inputs,
                cer_content **content, cer_error *err);
extern void cer_content_free(cer_content *content);
extern cer_status
cer_content_add_values(cer_content *content, size_t input,
                       const cer_text *values, size_t n_values, cer_error *err);
extern void cer_content_add(cer_content *content, const cer_chunk *chunk);
/* Of keys, parts and labels. */
extern cer_content_hash cer_content_get_rows(const cer_content *content);
/* Of keys, parts and the input's values. */
extern cer_content_hash
cer_content_get_column(const cer_content *content, size_t input);

/*
 * A column in few bytes: codes as narrow as they may be, of a table of its
 * distinct numbers where those are few.  Unpacked it has the same bits again.
 */
typedef struct cer_packed
{
	cer_storage storage; /* of the values */
	uint32_t width;      /* bytes of a row: 1, 2, 4 or 8 */
	size_t n_table;      /* distinct numbers; 0: rows are values themselves */
	const void *table;   /* by code from 0, elements of the storage */
	const void *rows;    /* n_rows of width bytes */
} cer_packed;

/* Of n_rows values of the storage, in the order given by index (NULL: as they
 * stand): row i becomes what stands at index[i].  All of it in the arena. */
extern cer_status
cer_packed_make(cer_arena *arena, cer_storage storage, const void *values,
                const uint32_t *index, size_t n_rows, cer_packed *packed,
                cer_error *err);
/* n rows as they were packed -> values.  CER_BAD_FORMAT where a code lies
 * outside of the table. */
extern cer_status cer_packed_read(const cer_packed *packed, const void *rows,
                                  size_t n, void *values, cer_error *err);
extern size_t cer_storage_get_size(cer_storage storage); /* of a value */

/* Rows gathered from chunks, then ordered by row key: never by arrival. */
typedef struct cer_dataset cer_dataset;

extern cer_status
cer_dataset_new(const cer_host *host, const cer_input *inputs, size_t n_inputs,
                size_t n_classes, cer_dataset **dataset, cer_error *err);
extern void cer_dataset_free(cer_dataset *dataset);
extern cer_status cer_dataset_append(cer_dataset *dataset,
                                     const cer_chunk *chunk, cer_error *err);
/* Values of codes first, first + 1, ... of an input; codes start at 1. */
extern cer_status
cer_dataset_add_values(cer_dataset *dataset, size_t input,
                       const cer_text *values, size_t n_values, cer_error *err);
/* No more rows.  Orders them; the result no longer depends on arrival. */
extern cer_status cer_dataset_finish(cer_dataset *dataset, cer_error *err);
/* How many trainers will be made of it, 1 unless said: the last one's encoding
 * releases the raw columns. */
extern void cer_dataset_set_readers(cer_dataset *dataset, size_t n_readers);
extern size_t
cer_dataset_count_rows(const cer_dataset *dataset, cer_part_of_rows part);
extern size_t cer_dataset_get_size(const cer_dataset *dataset); /* bytes */

/* ---------------------------------------------------------------- profile */

#define CER_PROFILE_NOTE 200

typedef struct cer_profile_column
{
	uint64_t n_distinct; /* NULL not counted */
	double missing;      /* share of rows */
	double association;  /* with the label, 0..1; see core/data/profile.c */
	bool is_unique;      /* no two rows share a value, none is missing */
	bool is_constant;
	bool is_leak_suspect;
	int determined_by;           /* input that determines this one, or -1 */
	double determined_share;     /* 1: exactly; else share of rows that agree */
	char note[CER_PROFILE_NOTE]; /* for people, may be empty */
} cer_profile_column;

/* One element per input, in the arena.  The dataset must be finished. */
extern cer_status
cer_profile_make(cer_arena *arena, const cer_host *host,
                 const cer_dataset *dataset, const cer_profile_column **columns,
                 cer_error *err);

#define CER_MAX_KEY 4

typedef struct cer_profile_key
{
	size_t n_inputs; /* 0: no set of so few inputs identifies a row */
	size_t inputs[CER_MAX_KEY];
} cer_profile_key;

/* A smallest set of inputs, in their order, that together identify a row and
 * are never NULL. */
extern cer_status
cer_profile_find_key(const cer_host *host, const cer_dataset *dataset,
                     const cer_profile_column *columns, cer_profile_key *key,
                     cer_error *err);

#define CER_MAX_CROSSES 3

/* Two columns whose pairs of values tell more than a sum of what each tells. */
typedef struct cer_cross
{
	size_t inputs[2];
	double gain; /* share of the label's entropy */
} cer_cross;

typedef struct cer_crosses
{
	size_t n;
	cer_cross found[CER_MAX_CROSSES]; /* the one that gains most first */
} cer_crosses;

/* may_cross: by input.  Only training rows are looked at. */
extern cer_status
cer_crosses_find(const cer_host *host, const cer_dataset *dataset,
                 const bool *may_cross, cer_crosses *crosses, cer_error *err);

#define CER_MAX_CELLS      10
#define CER_MAX_CELL_PARTS 3

/*
 * Columns whose values together are cells that tell more than a sum of what
 * each tells, be there few rows of a cell: for the encoder rate.  Of a number
 * the part is the value, or floor(value / width).
 */
typedef struct cer_cell
{
	size_t n_inputs;
	size_t inputs[CER_MAX_CELL_PARTS];
	double widths[CER_MAX_CELL_PARTS]; /* 0: the value */
	double gain;                       /* share of the label's entropy */
} cer_cell;

typedef struct cer_cells
{
	size_t n;
	cer_cell found[CER_MAX_CELLS]; /* as chosen: single columns first */
} cer_cells;

/* By input: whether values may be parts, and whether bins of numbers may. */
extern cer_status
cer_cells_find(const cer_host *host, const cer_dataset *dataset,
               const bool *may_cross, const bool *may_bin, cer_cells *cells,
               cer_error *err);

/* ---------------------------------------------------------------- metrics */

typedef struct cer_metrics
{
	uint64_t n_rows;
	double log_loss; /* mean, natural logarithm, probabilities at least 1e-7 */
	double auc;      /* two classes: ROC of class 1; more: macro mean, one
					  * against the rest, over classes that have both sides */
	double accuracy; /* argmax */
} cer_metrics;

/* proba is (n_rows, n_classes), row major. */
extern cer_status
cer_metrics_compute(const cer_host *host, size_t n_rows, size_t n_classes,
                    const float *proba, const uint16_t *labels,
                    cer_metrics *metrics, cer_error *err);

#endif
