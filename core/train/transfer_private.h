/*
 * train/transfer_private.h
 *	  What the files of transfers share: transfer_align.c finds which operator
 *	  of the new network is which of the old one, transfer_maps.c what of them,
 *	  transfer_narrow.c what of them stays, transfer_tower.c which see one table,
 *	  transfer_classes.c what is new where the label has more classes,
 *	  transfer_inputs.c does so for numbers and codes, transfer.c makes the
 *	  weights.
 */
#ifndef CER_TRAIN_TRANSFER_PRIVATE_H
#define CER_TRAIN_TRANSFER_PRIVATE_H

#include "data/encoder.h"
#include "train/transfer.h"

#define NOWHERE (-1)

/* Which of the old network's floats, vectors or rows each of the new one's is;
 * NOWHERE: it is new. */
typedef struct cer_map
{
	size_t n;     /* of the new network */
	size_t n_old; /* of the old one */
	int32_t *at;
	bool is_choice; /* where several are one they are codes, of which a row has
					 * one, else they are copies, which are alike */
} cer_map;

/* How an operator of the new network gets its weights. */
typedef enum cer_role
{
	CER_ROLE_NONE,
	CER_ROLE_KEPT,     /* from the operator of the old network */
	CER_ROLE_IDENTITY, /* new: hands on its input */
	CER_ROLE_ZERO,     /* new: makes zeros at first */
	CER_ROLE_NEW       /* new: as if trained from scratch */
} cer_role;

typedef struct cer_place_of_node
{
	cer_role role;
	size_t old;     /* the node whose value it makes; SIZE_MAX: none */
	cer_map floats; /* of a vector */
	cer_map vectors;
	double gain;   /* of its product, beside the old one's */
	bool is_tower; /* new: the last layer over a table that is new */
} cer_place_of_node;

/* What makes the new network compute something else than the old one. */
typedef enum cer_loss_kind
{
	CER_LOSS_ACTIVATION = 1, /* another activation function */
	CER_LOSS_NORM = 2,       /* layer norm over copies that are uneven */
	CER_LOSS_TOKENS = 4,     /* attention, pooling over other tokens */
	CER_LOSS_COLUMNS = 8,    /* columns fewer */
	CER_LOSS_ENCODER = 16,   /* a column is encoded otherwise */
	CER_LOSS_VALUES = 32,    /* values of a category fewer */
	CER_LOSS_ROWS = 64,      /* rows that the network keeps are others */
	CER_LOSS_UNITS = 128,    /* layers with fewer units */
	CER_LOSS_TOWER = 256,    /* a new table's part of a sum */
	CER_LOSS_TABLE = 512     /* what the tower of a table that is gone added */
} cer_loss_kind;

typedef struct cer_alignment
{
	cer_arena *arena;
	const cer_net *now;
	const cer_net *old;
	struct cer_input_maps *inputs;
	const cer_transfer_source *source;
	cer_place_of_node *places; /* by node of now */
	bool may_lose;             /* activations may differ, layers be narrower */
	size_t n_steps;            /* of the search */
	unsigned losses;
	size_t n_wider;
	size_t n_deeper;
	size_t n_narrower;
	size_t n_towers;
	size_t n_towers_fewer;
	bool
		*is_gone; /* by node of old: the last layer over a table that is gone */
	size_t n_classes_more;
	const bool *logits;     /* by node of now, where there are more classes: */
	const bool *old_logits; /* its vectors are of classes; else NULL */
} cer_alignment;

/* Numbers by place, codes of tables by table. */
typedef struct cer_input_maps
{
	cer_map numbers;
	size_t n_tables;
	int32_t *tables; /* by table: of the old network */
	cer_map *codes;  /* by table, where it has an old one */
	int32_t *lifts;  /* by lift: of the old network */
	cer_map *bags;   /* by lift, of values: rows of its table */
	cer_map features;
	cer_map tokens; /* without CLS */
	bool *is_used;  /* old numbers, then old tables: something is made of it */
	unsigned losses;
	size_t n_more; /* columns */
	size_t n_fewer;
	size_t n_otherwise;
	size_t n_values_more;
} cer_input_maps;

extern cer_status cer_map_make(cer_arena *arena, size_t n, size_t n_old,
                               cer_map *map, cer_error *err);
extern bool cer_map_is_identity(const cer_map *map);

/* An encoder of the new network and that of the old one. */
typedef struct cer_encoder_pair
{
	const cer_encoders *all_now;
	const cer_encoders *all_old;
	const cer_encoder *now;
	const cer_encoder *old;
} cer_encoder_pair;

/* Rows of a table by the values that they stand for. */
extern cer_status
cer_map_values(cer_arena *arena, const cer_encoder *now, const cer_encoder *old,
               cer_map *map, cer_input_maps *maps, cer_error *err);
/* What encoders leave to be learnt: transfer_lifts.c. */
extern cer_status
cer_lift_maps_make(cer_arena *arena, const cer_input_shape *shape,
                   cer_input_maps *maps, cer_error *err);
extern cer_status cer_lift_map(cer_arena *arena, const cer_encoder_pair *pair,
                               cer_input_maps *maps, cer_error *err);
extern bool
cer_lifts_place(cer_alignment *a, size_t now, size_t old, cer_map *floats);

/* Of a table in the vector of all features; of one behind the last: its end. */
extern size_t
cer_features_find_table(const cer_input_shape *shape, size_t table);
extern cer_status cer_input_maps_make(cer_arena *arena, const cer_encoders *now,
                                      const cer_encoders *old,
                                      cer_input_maps *maps, cer_error *err);

/* Before aligning; false: the new network has fewer classes, or no way. */
extern cer_status
cer_classes_find(cer_alignment *a, bool *is_found, cer_error *err);
/* Vectors of classes one after the other; false: they are none. */
extern bool
cer_classes_map(cer_alignment *a, size_t n, size_t n_old, cer_map *map);

/* False: there is no way. */
extern cer_status cer_align(cer_alignment *a, bool *is_found, cer_error *err);
/* transfer_maps.c; false: there is no memory, or no such map. */
extern bool
cer_align_make_map(cer_alignment *a, size_t n, size_t n_old, cer_map *map);
/* Units beyond the old ones are copies, from the first one on. */
extern bool
cer_align_map_units(cer_alignment *a, size_t n, size_t n_old, cer_map *map);
/* transfer_narrow.c: the most useful units of an old layer; false: none may go, or
 * something else than layers of weights sees them. */
extern bool
cer_align_choose_units(cer_alignment *a, size_t old, size_t n, cer_map *map);
/* New layers begin .. end, the last of which with weights makes zeros; false:
 * it is none that could. */
extern bool cer_align_make_zero(cer_alignment *a, size_t begin, size_t end);

/* transfer_tower.c: what nodes over features take of them. */
extern bool cer_align_features(cer_alignment *a, const cer_node *now,
                               const cer_node *old, cer_map *floats);
/* Whether both nodes take all features. */
extern bool cer_align_sees_all(const cer_alignment *a, const cer_node *now,
                               const cer_node *old);
/* Whether both take those of one table, or of all. */
extern bool cer_align_sees_same(const cer_node *now, const cer_node *old);
/* Whether the node begins layers over a table that the old network lacks. */
extern bool cer_align_is_new_table(const cer_alignment *a, size_t now);
/* Places the layers from there on, and returns their end; the beginning: they
 * are put together in a way that has no zeros for them. */
extern size_t cer_align_place_tower(cer_alignment *a, size_t begin);
/* The same of a table that the new network lacks: nothing is made of it. */
extern bool cer_align_is_gone_table(const cer_alignment *a, size_t old);
extern size_t cer_align_leave_tower(cer_alignment *a, size_t begin);
extern bool cer_map_is_same(const cer_map *a, const cer_map *b);
/* As often as each other, none new. */
extern bool cer_map_is_even(const cer_map *map);
/* What a node's input makes, as the node sees it. */
extern bool
cer_align_view(cer_alignment *a, const cer_edge *now, const cer_edge *old,
               cer_map *floats, cer_map *vectors);

#endif
