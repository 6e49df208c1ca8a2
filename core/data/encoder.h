/*
 * data/encoder.h
 *	  One encoder: what encode.c asks of each kind.
 *
 * A kind of encoder is a row of cer_encoder_types and a file with its
 * functions.  Fitting has two steps: measure runs beside those of other inputs
 * and allocates nothing, settle follows alone and may.
 */
#ifndef CER_DATA_ENCODER_H
#define CER_DATA_ENCODER_H

#include "base/bytes.h"
#include "base/error.h"
#include "data/dataset.h"
#include "data/encode.h"
#include "data/vocabulary.h"

#define CER_EMBED_WIDTH     8 /* unless FE says another */
#define CER_MAX_EMBED_WIDTH 4096
#define CER_ONEHOT_VALUES   8 /* more values than these are embedded */
#define CER_RARE_ROWS       3 /* values of fewer training rows are rare */

/* Unless FE says others. */
#define CER_N_BINS             20
#define CER_HASH_ROWS          4096
#define CER_GRAM               3
#define CER_GRAMS              32
#define CER_MAX_GRAM           8
#define CER_MAX_GRAMS          256
#define CER_FREQUENCIES        48 /* of periodic */
#define CER_PERIODIC           24 /* numbers made of them */
#define CER_PERIODIC_DEVIATION 0.05
#define CER_PBLD_FREQUENCIES   16
#define CER_PBLD               3
#define CER_PBLD_DEVIATION     0.1
#define CER_MAX_HASH_ROWS      (1 << 24)

#define CER_MAX_QUANTILES     1000 /* of quantile, unless FE says another */
#define CER_MIN_QUANTILES     10
#define CER_ROWS_PER_QUANTILE 30
#define CER_MAX_DEVIATE       5.2 /* one row in ten million lies beyond */

/* Numbers beyond count as infinite; their squares are still finite. */
#define CER_HUGE_NUMBER 1e150

typedef struct cer_encoder_type cer_encoder_type;
typedef struct cer_rates cer_rates; /* encode_rate.c */

/* Values of a part of dates that training rows had: year, month ... */
typedef struct cer_time_part
{
	uint32_t kind; /* of encode_calendar.c */
	uint32_t n_values;
	uint32_t null_code;    /* of rows without */
	const int32_t *values; /* rising */
} cer_time_part;

/* A way in which one input is encoded; an input may have several. */
typedef struct cer_encoder
{
	const cer_encoder_type *type;
	cer_input input;
	cer_encoder_spec spec;
	cer_time_unit unit;

	/* its place in an encoded row */
	size_t number;    /* the first of its numbers, as rows store them */
	size_t first;     /* the first of its numbers in the shape */
	size_t table;     /* the first of its codes */
	size_t value;     /* the first of its values in a row to be scored */
	size_t n_scaled;  /* numbers that it makes */
	size_t n_steps;   /* the last of them, which are a ramp; 0: none */
	size_t n_codes;   /* codes that it makes */
	size_t n_learnt;  /* numbers that the network makes of it; 0: none */
	size_t n_inner;   /* frequencies or bins of these */
	bool is_bag;      /* its codes are of one bag */
	bool is_mean;     /* of bag: else the sum */
	bool has_missing; /* a number more: 1 where the value is missing */
	bool is_lone;     /* the input has no other encoder */

	/* scaled numbers */
	double center;
	double scale;     /* 0: every number becomes 0 */
	double deviation; /* of learnt frequencies at first */

	/* quantiles */
	size_t n_points;
	const double *points;   /* rising */
	const double *deviates; /* of a normal distribution */

	/* tables */
	size_t width; /* of cer_table_shape */
	const cer_vocabulary *vocabulary;
	const cer_number_codes *number_codes; /* of a table of numbers */
	uint32_t null_code; /* codes that missing and unseen values get */
	uint32_t unseen_code;
	size_t n_rows; /* of hash and ngram: the codes that values share */
	size_t gram;   /* ngram: characters of a piece */

	/* rates of classes: each value has a code, but no row of a table */
	const cer_rates *rates;

	/* dates and times */
	uint32_t cycles; /* bits: which periods */
	size_t n_parts;
	cer_time_part *parts;
} cer_encoder;

/* What an encoder is fitted to, and memory to do it. */
typedef struct cer_fit_input
{
	cer_encoder *encoder;
	const cer_data_column *column;
	const cer_data_view *view;
	cer_arena *work;   /* for settle: gone when all are fitted */
	size_t n_rows;     /* training rows: the first ones */
	uint32_t *counts;  /* categories: rows by code (n_values + 1) */
	uint64_t *keys;    /* numbers: room for n_rows of cer_number_make_key */
	uint64_t *scratch; /* room for n_rows */
	size_t n_keys;     /* rows that are not missing */
} cer_fit_input;

/* n encoded rows from row `first` of a column on. */
typedef struct cer_encode_block
{
	const cer_data_column *column;
	const uint32_t *code_map; /* categories: code of dataset -> n_codes codes */
	size_t first;
	size_t n_rows;
	const uint64_t *training_keys; /* of these rows; NULL: of another part */
	float *numbers;
	size_t n_numbers; /* from row to row */
	uint32_t *codes;
	size_t n_tables; /* from row to row */
} cer_encode_block;

/* Values of one input, as a caller has them, for rows of their own. */
typedef struct cer_value_block
{
	size_t n_rows;
	const cer_value *values; /* (n_rows), of categories n_codes times */
	size_t stride;           /* from one of these to the next */
	float *numbers;          /* (n_rows, n_numbers) */
	size_t n_numbers;
	uint32_t *codes; /* (n_rows, n_tables) */
	size_t n_tables;
} cer_value_block;

/* Numbers at a time, for loops of a fixed length. */
#define CER_PIECE_ROWS ((size_t) 64)

/* At most n_left numbers of the rows from first on; returns how many. */
static inline size_t
cer_data_get_piece(const cer_data_column *column, size_t first, size_t n_left,
                   double *to)
{
	size_t n = n_left < CER_PIECE_ROWS ? n_left : CER_PIECE_ROWS;

	if (column->doubles != NULL)
		memcpy(to, column->doubles + first, n * sizeof(*to));
	else
		for (size_t i = 0; i < n; i++)
			to[i] = (double) column->floats[first + i];
	return n;
}

#define CER_LEARNT_PLE 16 /* id of ple with numbers that are learnt */

struct cer_encoder_type
{
	uint8_t id; /* stored: never changes its meaning */
	cer_encoder_kind kinds[3];
	bool is_of_codes; /* input: dictionary codes, else numbers */
	bool is_table;    /* output: a code, else numbers */
	void (*measure)(cer_fit_input *fit);
	cer_status (*settle)(cer_arena *arena, cer_fit_input *fit,
	                     cer_error *err); /* NULL: nothing to do */
	/* Numbers: */
	void (*encode)(const cer_encoder *encoder, const cer_encode_block *block);
	void (*encode_values)(const cer_encoder *encoder,
	                      const cer_value_block *block);
	uint32_t (*find_number)(const cer_encoder *encoder,
	                        double x); /* of tables: its code */
	/* Categories: all codes of a text; size SIZE_MAX is NULL.  Where there is
	 * encode, too, it makes numbers of the code, and there is no table. */
	void (*find)(const cer_encoder *encoder, cer_text value, uint32_t *codes);
	/* The i-th table; NULL: as wide and long as the encoder says. */
	void (*describe)(const cer_encoder *encoder, size_t i,
	                 cer_table_shape *table, const char **suffix);
	/* What the network learns of it; NULL: nothing. */
	cer_status (*lift)(cer_arena *arena, const cer_encoder *encoder,
	                   cer_lift *lift, cer_error *err);
	void (*write)(cer_byte_writer *to, const cer_encoder *encoder);
	cer_status (*read)(cer_arena *arena, cer_byte_reader *from,
	                   cer_encoder *encoder, cer_error *err);
};

/* An input and its encoders: encoders first .. first + n - 1. */
typedef struct cer_encoded_input
{
	cer_input input;
	size_t first;
	size_t n;
	size_t value; /* the first of its values in a row to be scored */
	size_t n_values;
} cer_encoded_input;

struct cer_encoders
{
	size_t n_inputs;
	cer_encoded_input *inputs;
	size_t n_encoders;
	cer_encoder *encoders; /* by input */
	size_t n_values;       /* of a row to be scored */
	cer_input_shape shape;
};

#define CER_MAX_CHOSEN 4 /* encoders for one input */

/* What training rows of an input without encoders are looked at with. */
typedef struct cer_choice_input
{
	const cer_plan_input *planned;
	const cer_data_column *column;
	const cer_data_view *view;
	void *memory;    /* 32 bytes a row */
	double *counts;  /* room for 4 n_classes */
	size_t n_chosen; /* out */
	cer_encoder_spec chosen[CER_MAX_CHOSEN];
} cer_choice_input;

/* Codes that stand for one value of a category. */
static inline size_t
cer_encoder_count_codes(const cer_encoder *encoder)
{
	if (!encoder->type->is_of_codes)
		return 0;
	return encoder->type->is_table ? encoder->n_codes : 1;
}

/* Encoders that suit the rows: encode_choose.c. */
extern void cer_encoders_choose(cer_choice_input *choice);

/* NULL: no such kind of encoder for such inputs. */
extern const cer_encoder_type *
cer_encoder_type_find(cer_encoder_kind kind, bool is_of_codes);
extern const cer_encoder_type *cer_encoder_type_find_id(uint8_t id);

/* Gives the encoders their places and fills the shape. */
extern cer_status
cer_encoders_make_shape(cer_arena *arena, cer_encoders *encoders,
                        size_t n_classes, cer_error *err);

/* Before it is fitted or read. */
extern void
cer_encoder_init(cer_encoder *encoder, const cer_encoder_type *type);
/* What it does, without the input's name: the same for equal encoders. */
extern cer_status cer_encoder_pack(cer_arena *arena, const cer_encoder *encoder,
                                   cer_text *bytes, cer_error *err);
extern cer_status cer_encoder_fail(const cer_encoder *encoder, cer_error *err);

/* Keys of the numbers that are there, in the order of the rows. */
extern void cer_fit_list_keys(cer_fit_input *fit);

/* Functions of the kinds: encode_scale.c, encode_grid.c, encode_bins.c,
 * encode_table.c, encode_hash.c, encode_calendar.c, encode_learnt.c,
 * encode_array.c, encode_bag.c, encode_rate.c. */
extern void cer_robust_measure(cer_fit_input *fit);
extern void
cer_robust_encode(const cer_encoder *encoder, const cer_encode_block *block);
extern void cer_robust_encode_values(const cer_encoder *encoder,
                                     const cer_value_block *block);
extern void cer_standardize_measure(cer_fit_input *fit);
extern void cer_standardize_encode(const cer_encoder *encoder,
                                   const cer_encode_block *block);
extern void cer_standardize_encode_values(const cer_encoder *encoder,
                                          const cer_value_block *block);
extern void cer_log_measure(cer_fit_input *fit);
extern void
cer_log_encode(const cer_encoder *encoder, const cer_encode_block *block);
extern void
cer_log_encode_values(const cer_encoder *encoder, const cer_value_block *block);
extern void cer_scale_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_scale_read(cer_arena *arena, cer_byte_reader *from,
                                 cer_encoder *encoder, cer_error *err);

/* How many numbers it makes, once its points are known. */
extern void cer_grid_place(cer_encoder *encoder);
extern void cer_grid_measure(cer_fit_input *fit);
extern cer_status
cer_grid_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern void
cer_grid_encode(const cer_encoder *encoder, const cer_encode_block *block);
extern void cer_grid_encode_values(const cer_encoder *encoder,
                                   const cer_value_block *block);
extern void cer_grid_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_grid_read(cer_arena *arena, cer_byte_reader *from,
                                cer_encoder *encoder, cer_error *err);
/* The last point that is not above x, which is not below the first. */
extern size_t cer_grid_find(const cer_encoder *encoder, double x);

/* x as numbers of a row. */
extern void
cer_grid_encode_one(const cer_encoder *encoder, double x, float *to);

extern cer_status
cer_rate_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern cer_status
cer_rate_number_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern void
cer_rate_find(const cer_encoder *encoder, cer_text value, uint32_t *codes);
extern uint32_t cer_rate_find_number(const cer_encoder *encoder, double x);
/* What training rows see: not of encoders that were read from bytes. */
extern bool cer_rate_has_folds(const cer_encoder *encoder);
extern void
cer_rate_encode(const cer_encoder *encoder, const cer_encode_block *block);
extern void cer_rate_encode_values(const cer_encoder *encoder,
                                   const cer_value_block *block);
extern void cer_rate_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_rate_read(cer_arena *arena, cer_byte_reader *from,
                                cer_encoder *encoder, cer_error *err);

extern cer_status
cer_bins_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern void
cer_bins_encode(const cer_encoder *encoder, const cer_encode_block *block);
extern void cer_bins_encode_values(const cer_encoder *encoder,
                                   const cer_value_block *block);
extern void cer_bins_describe(const cer_encoder *encoder, size_t i,
                              cer_table_shape *table, const char **suffix);
extern void cer_bins_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_bins_read(cer_arena *arena, cer_byte_reader *from,
                                cer_encoder *encoder, cer_error *err);

extern void cer_category_measure(cer_fit_input *fit);
extern cer_status
cer_category_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern void
cer_category_find(const cer_encoder *encoder, cer_text value, uint32_t *codes);
extern void cer_number_value_measure(cer_fit_input *fit);
extern cer_status
cer_number_value_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern uint32_t cer_number_value_find(const cer_encoder *encoder, double x);
/* Of tables of numbers, by find_number. */
extern void cer_number_value_encode(const cer_encoder *encoder,
                                    const cer_encode_block *block);
extern void cer_number_value_encode_values(const cer_encoder *encoder,
                                           const cer_value_block *block);
extern void cer_table_write(cer_byte_writer *to, const cer_encoder *encoder);
/* How many there are, and these. */
extern cer_status
cer_values_read(cer_arena *arena, cer_byte_reader *from,
                const cer_encoder *encoder, const cer_vocabulary **vocabulary,
                cer_error *err);
extern cer_status cer_table_read(cer_arena *arena, cer_byte_reader *from,
                                 cer_encoder *encoder, cer_error *err);

extern cer_status
cer_hash_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern void
cer_hash_find(const cer_encoder *encoder, cer_text value, uint32_t *codes);
extern cer_status
cer_hash_number_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern uint32_t cer_hash_find_number(const cer_encoder *encoder, double x);
extern cer_status
cer_ngram_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern void
cer_ngram_find(const cer_encoder *encoder, cer_text value, uint32_t *codes);
/* One vector of all its codes, which it learns: of ngram and bag. */
extern void cer_bag_place(cer_encoder *encoder);
extern cer_status
cer_bag_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern void
cer_bag_find(const cer_encoder *encoder, cer_text value, uint32_t *codes);
extern cer_status cer_bag_lift(cer_arena *arena, const cer_encoder *encoder,
                               cer_lift *lift, cer_error *err);
extern void cer_bag_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_bag_read(cer_arena *arena, cer_byte_reader *from,
                               cer_encoder *encoder, cer_error *err);
extern void cer_hash_describe(const cer_encoder *encoder, size_t i,
                              cer_table_shape *table, const char **suffix);
extern cer_status cer_ngram_lift(cer_arena *arena, const cer_encoder *encoder,
                                 cer_lift *lift, cer_error *err);
extern void cer_hash_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_hash_read(cer_arena *arena, cer_byte_reader *from,
                                cer_encoder *encoder, cer_error *err);

extern void cer_array_measure(cer_fit_input *fit);
/* What elements of one array have in common, once all are measured. */
extern void cer_arrays_finish(cer_encoder *encoders, size_t n_encoders);
extern void
cer_array_encode(const cer_encoder *encoder, const cer_encode_block *block);
extern void cer_array_encode_values(const cer_encoder *encoder,
                                    const cer_value_block *block);
extern void cer_learnt_measure(cer_fit_input *fit);
extern cer_status cer_learnt_lift(cer_arena *arena, const cer_encoder *encoder,
                                  cer_lift *lift, cer_error *err);
extern void cer_learnt_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_learnt_read(cer_arena *arena, cer_byte_reader *from,
                                  cer_encoder *encoder, cer_error *err);
extern cer_status
cer_learnt_grid_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern cer_status
cer_learnt_grid_lift(cer_arena *arena, const cer_encoder *encoder,
                     cer_lift *lift, cer_error *err);
extern void
cer_learnt_grid_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_learnt_grid_read(cer_arena *arena, cer_byte_reader *from,
                                       cer_encoder *encoder, cer_error *err);

extern void cer_cycles_measure(cer_fit_input *fit);
extern void
cer_cycles_encode(const cer_encoder *encoder, const cer_encode_block *block);
extern void cer_cycles_encode_values(const cer_encoder *encoder,
                                     const cer_value_block *block);
extern void cer_cycles_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_cycles_read(cer_arena *arena, cer_byte_reader *from,
                                  cer_encoder *encoder, cer_error *err);
extern void cer_parts_measure(cer_fit_input *fit);
extern cer_status
cer_parts_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err);
extern void
cer_parts_encode(const cer_encoder *encoder, const cer_encode_block *block);
extern void cer_parts_encode_values(const cer_encoder *encoder,
                                    const cer_value_block *block);
extern void cer_parts_describe(const cer_encoder *encoder, size_t i,
                               cer_table_shape *table, const char **suffix);
extern void cer_parts_write(cer_byte_writer *to, const cer_encoder *encoder);
extern cer_status cer_parts_read(cer_arena *arena, cer_byte_reader *from,
                                 cer_encoder *encoder, cer_error *err);

#endif
