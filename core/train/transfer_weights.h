/*
 * train/transfer_weights.h
 *	  Tensors of a new network out of those of an old one: rows and columns by
 *	  maps.
 */
#ifndef CER_TRAIN_TRANSFER_WEIGHTS_H
#define CER_TRAIN_TRANSFER_WEIGHTS_H

#include "train/transfer_private.h"

/* What is being moved where. */
typedef struct cer_move
{
	cer_arena *arena;
	const cer_transfer_source *source;
	const cer_net *net; /* the new one */
	uint64_t seed;
	cer_transfer_result *to; /* its arrays are there */
} cer_move;

/* One tensor (n_rows, n_columns) of another. */
typedef struct cer_tensor_move
{
	const cer_net_tensor *now;
	const cer_net_tensor *old;
	const cer_map *rows;    /* NULL: as they are */
	const cer_map *columns; /* NULL: as they are */
	size_t row;             /* the first of them, in both */
	size_t row_old;
	bool is_divided; /* rows are inputs: copies of one share its weights */
	bool keeps_new;  /* rows that are new stay as they are, else become 0 */
	double gain;
} cer_tensor_move;

extern cer_status
cer_move_tensor(const cer_move *move, const cer_tensor_move *tensor,
                cer_error *err);
extern float *cer_move_get(const cer_move *move, const cer_net_tensor *now);
extern const float *
cer_move_get_old(const cer_move *move, const cer_net_tensor *old);
extern size_t cer_tensor_count_columns(const cer_net_tensor *tensor);

/* The operators that see inputs: transfer_first.c. */
extern cer_status cer_move_first(const cer_move *move, cer_alignment *a,
                                 size_t now, cer_error *err);
extern cer_status cer_move_features(const cer_move *move, cer_alignment *a,
                                    size_t now, cer_error *err);
extern cer_status cer_move_tokens(const cer_move *move, cer_alignment *a,
                                  size_t now, cer_error *err);
extern cer_status cer_move_lifts(const cer_move *move, cer_alignment *a,
                                 size_t now, cer_error *err);
/* Inputs that are gone into the bias that follows, once that is there. */
extern cer_status cer_fold_first(const cer_move *move, cer_alignment *a,
                                 size_t now, cer_error *err);
extern cer_status cer_fold_features(const cer_move *move, cer_alignment *a,
                                    size_t now, cer_error *err);
/* Classes that are new, once all else is there; false: no bias sets them apart. */
extern cer_status cer_classes_fill(const cer_move *move, const cer_alignment *a,
                                   bool *is_made, cer_error *err);

#endif
