/*
 * data/dataset_private.h
 *	  The dataset as its own files see it: dataset.c gathers rows,
 *	  dataset_finish.c orders them.
 */
#ifndef CER_DATA_DATASET_PRIVATE_H
#define CER_DATA_DATASET_PRIVATE_H

#include "data/dataset.h"

/* Every row has these arrays before those of its inputs. */
enum
{
	ARRAY_KEY,
	ARRAY_PART,
	ARRAY_LABEL,
	ARRAY_INPUT /* + input */
};

/* Rows as they came; arrays are released one by one when gathered. */
typedef struct row_group
{
	struct row_group *next;
	size_t n_rows;
	size_t capacity;
	void *arrays[]; /* n_arrays, capacity elements each */
} row_group;

/* What grows beside a column while rows come. */
typedef struct column_state
{
	cer_text *values; /* of the dictionary, [0] unused */
	size_t capacity;  /* of values */
	uint32_t max_code;
} column_state;

typedef enum dataset_phase
{
	PHASE_GATHERING,
	PHASE_FINISHED,
	PHASE_BROKEN /* finishing failed half way: good for nothing but free */
} dataset_phase;

struct cer_dataset
{
	cer_host host;
	cer_arena *arena; /* names and values of dictionaries */
	dataset_phase phase;
	size_t n_readers; /* of the columns, that are not done */
	cer_data_view view;
	cer_data_column *columns; /* view.columns */
	column_state *states;
	size_t n_arrays;
	size_t size; /* bytes from the host, without the arena's */
	row_group *first;
	row_group *last;
	size_t n_of_part[CER_N_PARTS];
	void **arrays; /* finished: one per array, n_rows elements */
};

extern size_t
cer_dataset_get_element_size(const cer_dataset *dataset, size_t array);
/* Memory that counts in the dataset's size; allocate may return NULL. */
extern void *cer_dataset_allocate(cer_dataset *dataset, size_t size);
extern void cer_dataset_release(cer_dataset *dataset, void *block, size_t size);

/* Orders runs of rows of one part and key; work is for scratch. */
extern cer_status
cer_dataset_order_ties(cer_dataset *dataset, cer_arena *work, cer_error *err);

#endif
