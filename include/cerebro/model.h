/*
 * cerebro/model.h
 *	  Models and their training, ids of what it makes, bytes on the wire.
 *
 * A part of cerebro.h, which is what to include.
 */
#ifndef CEREBRO_MODEL_H
#define CEREBRO_MODEL_H

#include "cerebro/data.h"

/* ---------------------------------------------------------------- model */

typedef enum cer_part_kind
{
	CER_PART_HEADER = 0,       /* bytes: versions, triple, classes, inputs */
	CER_PART_ENCODER = 1,      /* bytes: statistics, vocabulary of one input */
	CER_PART_TENSOR = 2,       /* float32, row major, little endian */
	CER_PART_VALID_SCORES = 3, /* uint16 (n_valid, n_classes), in row-key
								* order: probability times 65535, rounded */
	/* of a training's state only, beside its tensors */
	CER_PART_STATE = 4,   /* bytes: epoch, best epoch, its loss, steps */
	CER_PART_MOMENT1 = 5, /* as tensors: the optimizer's first moments, */
	CER_PART_MOMENT2 = 6, /* second ones, */
	CER_PART_BEST = 7,    /* and weights of the best epoch, if not the last */
	CER_PART_AVERAGE = 8, /* and their mean, where it is the model */

	/* of a model again */
	CER_PART_MEANS = 9, /* float32: means of encoded numbers, shares of codes
						 * of training rows; what changes of FE fold away */
	CER_N_PART_KINDS = 10
} cer_part_kind;

#define CER_MAX_DIMS 4

/* A named piece of a model, as stored. */
typedef struct cer_part
{
	cer_text name;
	cer_part_kind kind;
	uint32_t n_dims;
	uint64_t dims[CER_MAX_DIMS];
	const void *data;
	size_t size;
	const uint8_t *id; /* of its bytes as stored, CER_ID_SIZE; NULL: unknown */
} cer_part;

/* How a copy of a model's weights is stored. */
typedef enum cer_weight_layout
{
	CER_LAYOUT_FP32, /* as they are */
	CER_LAYOUT_BF16,
	CER_LAYOUT_INT8,
	CER_N_WEIGHT_LAYOUTS
} cer_weight_layout;

extern const char *cer_weight_layout_name(cer_weight_layout layout);
extern bool cer_weight_layout_find(cer_text name, cer_weight_layout *layout);
/* Whether a copy has the part in fewer bytes, or as it is. */
extern bool cer_part_has_copy(const cer_part *part);
extern size_t cer_copy_get_size(cer_weight_layout layout, size_t n);
/* n weights, which are finite, to the bytes that their copy has. */
extern void
cer_copy_make(cer_weight_layout layout, const float *from, size_t n, void *to);
extern cer_status cer_copy_read(cer_weight_layout layout, cer_text bytes,
                                size_t n, float *to, cer_error *err);

typedef struct cer_model cer_model;

/*
 * A model that can score, made from its parts (valid scores are ignored).
 * Copies what it keeps and folds embeddings into the first layer.
 */
extern cer_status
cer_model_make(cer_arena *arena, const cer_part *parts, size_t n_parts,
               const cer_model **model, cer_error *err);
/* A table of FE that is joined through another one, and through no third. */
typedef struct cer_table_link
{
	cer_text alias;
	cer_text through;
} cer_table_link;

/* Of parts that a copy's bytes were read into; a copy as bf16 multiplies in
 * bf16, too. */
typedef struct cer_model_copy
{
	cer_weight_layout layout;
	const cer_part *parts;
	size_t n_parts;
	size_t cache_size; /* bytes for rows of tensors that have no data */
	size_t n_links;
	const cer_table_link *links; /* of FE, in any order: see partials */
} cer_model_copy;

extern cer_status
cer_model_make_copy(cer_arena *arena, const cer_model_copy *copy,
                    const cer_model **model, cer_error *err);
extern size_t cer_model_count_inputs(const cer_model *model);
extern const cer_input *
cer_model_get_input(const cer_model *model, size_t input);
extern size_t cer_model_count_classes(const cer_model *model);
extern const char *cer_model_get_kernel_class(const cer_model *model);

/* One value of a row: by the input's storage (numbers always as double). */
typedef union cer_value
{
	double number; /* NaN: NULL */
	uint32_t code; /* of the model's own, see below */
} cer_value;

/*
 * A row has one value for each input of numbers; an input of categories has as
 * many as its encoders make codes, one after the other, and at least one.
 */
#define CER_MAX_INPUT_VALUES 1024
extern size_t cer_model_count_values(const cer_model *model);
/* The first of an input's values. */
extern size_t cer_model_get_value(const cer_model *model, size_t input);
extern size_t cer_model_count_values_of(const cer_model *model, size_t input);
/* Writes the values of a category, each `stride` from the one before; a text
 * of size (size_t) -1 is NULL. */
extern void
cer_model_encode_text(const cer_model *model, size_t input, cer_text text,
                      cer_value *values, size_t stride);

/* Bytes of scratch memory that scoring n_rows at once needs. */
extern size_t cer_model_get_scratch_size(const cer_model *model, size_t n_rows);

/*
 * proba (n_rows, n_classes) of values (n_rows, n_values).  The bits of a row do
 * not depend on the rows beside it.  Cannot fail, allocates nothing; scratch is
 * 64-byte aligned.
 */
extern void
cer_model_score(const cer_model *model, size_t n_rows, const cer_value *values,
                float *proba, void *scratch);
/* The same for values side by side: value i of all rows from i * stride on;
 * faster for many rows, with the same bits. */
extern void cer_model_score_columns(const cer_model *model, size_t n_rows,
                                    const cer_value *values, size_t stride,
                                    float *proba, void *scratch);

/*
 * What the features of one table of FE add to the first layer, or a tower of
 * theirs makes, can be computed once for each of the table's rows, and kept: a
 * partial, of as many floats as its width says.  Group 0 .. n - 1: the tables
 * that have features; 0 of them where the network has nothing of the kind.
 */
extern size_t cer_model_count_groups(const cer_model *model);
/* The number of groups: of none. */
extern size_t cer_model_get_group(const cer_model *model, size_t input);
/* Whether there are partials of the group. */
extern bool cer_model_can_keep(const cer_model *model, size_t group);
/* Whether they are of towers. */
extern bool cer_model_has_towers(const cer_model *model);
/* Floating point operations of a row that a partial spares. */
extern double cer_model_get_group_cost(const cer_model *model, size_t group);
/* Of FE's JOIN or AGGREGATE; empty: the task's own features. */
extern cer_text cer_model_get_group_alias(const cer_model *model, size_t group);
/* The same of an input, of any network. */
extern cer_text cer_model_get_alias(const cer_model *model, size_t input);
extern size_t cer_model_get_partial_width(const cer_model *model);

/*
 * Where partials are of the first layer, it is added up from them: the sum of a
 * table is its partial, then the sums of those joined through it; a row's the
 * sums of the tables that are joined through none, in the order of groups, then
 * what the task's own features add.  So a sum can be kept, too, in place of a
 * partial: of a table with all that is joined through it, for each of its rows;
 * and of the first of the tables that are joined through none, for rows of
 * theirs that come together.
 */
/* The table that it is joined through; of none, and for towers: the number of
 * groups. */
extern size_t cer_model_get_parent(const cer_model *model, size_t group);
/* Of n partials or sums, one after the other. */
extern void cer_model_sum_partials(const cer_model *model, size_t n,
                                   const float *const *partials, float *sum);
/* In place of the partials of a group: sums of another group have them. */
extern const float *const cer_partials_elsewhere[1];

typedef struct cer_score_rows
{
	size_t n_rows;
	const cer_value *values; /* by input, as in cer_model_score_columns */
	size_t stride;
	/* by group: NULL, or by row a partial; its inputs are not looked at */
	const float *const *const *partials;
} cer_score_rows;

/* partials (n_rows, width) of a group; of values only its inputs are read. */
extern void cer_model_make_partials(const cer_model *model, size_t group,
                                    const cer_score_rows *rows, float *partials,
                                    void *scratch);
/* As cer_model_score_columns, with the same bits. */
extern void
cer_model_score_partials(const cer_model *model, const cer_score_rows *rows,
                         float *proba, void *scratch);

/* ---------------------------------------------------------- several models */

/*
 * Models have in common what is made of the same bytes, as the ids of their
 * parts tell: how rows are encoded, then the first layers of a chain.  That is
 * computed once for all of them, with the same bits.
 */
/* Whether rows have the same values, and are encoded alike. */
extern bool
cer_model_encodes_as(const cer_model *model, const cer_model *other);
/* Of a chain of layers; 0: it is none. */
extern size_t cer_model_count_layers(const cer_model *model);
/* First layers that are the same: then partials are, too. */
extern size_t
cer_model_count_shared(const cer_model *model, const cer_model *other);

/* A model that encodes rows as another one does. */
typedef struct cer_follower
{
	const cer_model *model;
	size_t n_shared; /* layers that are not computed again */
	/* of the model's own, where it shares no layer: as in cer_score_rows */
	const float *const *const *partials;
	float *proba;
} cer_follower;

typedef struct cer_together
{
	const cer_model *model;
	float *proba;
	size_t n_followers;
	const cer_follower *followers; /* of the model */
} cer_together;

extern size_t
cer_together_get_scratch_size(const cer_together *together, size_t n_rows);
/* As cer_model_score_partials of each. */
extern void cer_together_score(const cer_together *together,
                               const cer_score_rows *rows, void *scratch);

/* ---------------------------------------------------------------- rows by key */

/*
 * A tensor with a row for each code of a category may be too large for memory.
 * Its part then comes without data (NULL, the size as it is), and before rows
 * are scored those of the tensor that they need, and that are not there of
 * others, are found and put.  The bits are those of the whole tensor.
 */
#define CER_FETCH_ROWS 256 /* found at once at most */

typedef struct cer_left_out
{
	cer_text name; /* of the tensor; ends with NUL (not counted) */
	uint64_t n_codes;
	size_t n_floats; /* of a row */
	size_t tensor;   /* of the network */
	size_t table;    /* of the shape */
	size_t group;    /* that its codes are features of */
} cer_left_out;

extern size_t cer_model_count_left_out(const cer_model *model);
extern const cer_left_out *
cer_model_get_left_out(const cer_model *model, size_t i);

/* Rows that are to be scored, or to become partials. */
typedef struct cer_fetch
{
	const cer_score_rows *rows;
	bool is_of_group; /* of values only those of the group's inputs are there */
	size_t group;
} cer_fetch;

/* Codes of missing (CER_FETCH_ROWS) rows of a tensor that is left out, each
 * once; all must be put before it is asked again or rows are scored. */
extern size_t cer_model_find_missing(const cer_model *model, size_t left_out,
                                     const cer_fetch *fetch, uint32_t *missing,
                                     void *scratch);
/* Weights must be finite; scratch as for one row. */
extern cer_status
cer_model_put_row(const cer_model *model, size_t left_out, uint32_t code,
                  const float *row, void *scratch, cer_error *err);

/* ---------------------------------------------------------------- explaining */

/*
 * What the inputs of a row add to its prediction: integrated gradients
 * (Sundararajan and others 2017) of a class's log-odds, the positive class's of
 * two, else the most likely one's, along the straight line from a baseline in
 * the space of what the first layers take: numbers, embeddings, learnt
 * encodings, elements of arrays.  The baseline has 0 for each encoded number
 * (the median; the middle where they are bins), the row of unseen values for
 * each category, that of missing ones for parts of times; its arrays have as
 * many elements as the row's.  So
 *
 *	 sum of contributions + residual = log_odds - baseline
 */
typedef struct cer_explanation
{
	size_t class_index;
	double log_odds; /* as scored: of the probability, with temperature */
	double baseline; /* the same of the baseline */
	double residual;
	size_t n_steps;              /* of the integral, short where it jumps */
	size_t n_inputs;             /* of the model */
	const double *contributions; /* by input, in the arena */
} cer_explanation;

/* Steps are halved until the residual is at most this, or they are so many. */
#define CER_EXPLAIN_RESIDUAL  1e-3
#define CER_EXPLAIN_MAX_STEPS 8192

/* Explains rows of a model: it holds the model's networks once more, as they are
 * trained. */
typedef struct cer_explainer cer_explainer;

/* copy is the one that the model was made of, of other tensors left out if need
 * be; the model must live as long. */
extern cer_status cer_explainer_make(cer_arena *arena, const cer_model *model,
                                     const cer_model_copy *copy,
                                     cer_explainer **explainer, cer_error *err);
#define CER_EXPLAIN_ROWS 16 /* at once at most */

/* Rows by key as of models, for all of the rows that are then explained; what
 * the model itself lacks for them must be put, too. */
extern size_t cer_explainer_count_left_out(const cer_explainer *explainer);
extern const cer_left_out *
cer_explainer_get_left_out(const cer_explainer *explainer, size_t i);
extern cer_status
cer_explainer_find_missing(cer_arena *arena, const cer_explainer *explainer,
                           size_t left_out, const cer_score_rows *rows,
                           uint32_t *missing, size_t *n_missing,
                           cer_error *err);
extern cer_status
cer_explainer_put_row(const cer_explainer *explainer, size_t left_out,
                      uint32_t code, const float *row, cer_error *err);
/* An explanation for each row, without partials; its bits do not depend on the
 * rows beside it. */
extern cer_status
cer_explainer_run(cer_arena *arena, cer_explainer *explainer,
                  const cer_score_rows *rows, cer_explanation *explanations,
                  cer_error *err);

/* ---------------------------------------------------------------- ensemble */

/* A model made of others: its parts are this header and theirs, each name
 * behind the member's number: "1/header", "2/output.weight".  Valid scores of
 * members are not among them. */
typedef struct cer_ensemble
{
	double temperature; /* 1: none */
	size_t n_members;
	const double *weights; /* above 0, together 1 */
} cer_ensemble;

extern cer_status
cer_ensemble_make_header(cer_arena *arena, const cer_ensemble *ensemble,
                         cer_part *part, cer_error *err);

/* Kept scores of the same validation rows. */
typedef struct cer_ensemble_source
{
	size_t n_models;
	size_t n_rows;
	size_t n_classes;
	const uint16_t *const *scores; /* by model: (n_rows, n_classes) */
	const uint16_t *labels;        /* below n_classes */
} cer_ensemble_source;

/* How often each model is chosen, in size choices of a sample of the rows at most,
 * and the log-loss of their mean; see core/store/ensemble.c. */
extern cer_status
cer_ensemble_choose(cer_arena *arena, const cer_ensemble_source *from,
                    size_t size, uint32_t *counts, double *loss,
                    cer_error *err);

/* proba (n_rows, n_classes) brought to a temperature. */
extern void cer_temperature_apply(double temperature, size_t n_rows,
                                  size_t n_classes, float *proba);
/* That with which their log-loss is lowest; 1 where that is not sure to help on
 * other rows. */
extern double cer_temperature_find(size_t n_rows, size_t n_classes,
                                   const float *proba, const uint16_t *labels);

/* ---------------------------------------------------------------- trainer */

typedef struct cer_epoch
{
	uint32_t epoch; /* from 1 */
	double train_loss;
	cer_metrics valid;
	double seconds; /* of the training part */
	double rows_per_second;
	bool is_best;
} cer_epoch;

typedef struct cer_train_status
{
	uint32_t epoch;    /* from 1: in work */
	uint32_t n_epochs; /* at most */
	uint64_t n_done;   /* rows of the epoch that are done */
	uint64_t n_rows;   /* rows of an epoch */
	double train_loss; /* mean so far in this epoch */
} cer_train_status;

typedef struct cer_trainer cer_trainer;

/*
 * Fits the encoders on training rows and builds the network.  Consumes the
 * dataset's raw columns as it encodes them (see cer_dataset_set_readers) and
 * keeps a reference: free the trainer first.
 */
extern cer_status
cer_trainer_new(const cer_host *host, const cer_mst *mst, const cer_plan *plan,
                cer_dataset *dataset, cer_trainer **trainer, cer_error *err);

/*
 * What the encoders of a plan make of a dataset's rows: trainers whose plans
 * are the same share it, on as many threads as there are.  It is one reader of
 * the dataset; free its trainers first.
 */
typedef struct cer_encoding cer_encoding;

extern cer_status
cer_encoding_new(const cer_host *host, const cer_plan *plan,
                 cer_dataset *dataset, cer_encoding **encoding, cer_error *err);
extern void cer_encoding_free(cer_encoding *encoding);
/* For trainers to come: what tables of FE add to the first layer is computed for
 * each row of a batch, not once for rows of the table; the bits are the same. */
extern void cer_encoding_repeat_rows(cer_encoding *encoding);
extern size_t cer_encoding_get_size(const cer_encoding *encoding); /* bytes */
/* Trains with the same bits as one that has encoded the rows for itself. */
extern cer_status cer_trainer_new_over(const cer_host *host, const cer_mst *mst,
                                       const cer_encoding *encoding,
                                       cer_trainer **trainer, cer_error *err);
extern void cer_trainer_free(cer_trainer *trainer);
extern size_t cer_trainer_count_weights(const cer_trainer *trainer);
extern size_t cer_trainer_get_size(const cer_trainer *trainer); /* bytes */
extern const char *cer_trainer_get_kernel_class(const cer_trainer *trainer);

/* May be called by another thread while an epoch runs. */
extern void
cer_trainer_get_status(const cer_trainer *trainer, cer_train_status *status);

/* Runs one epoch; is_finished tells that it was the last (count or patience). */
extern cer_status cer_trainer_run_epoch(cer_trainer *trainer, cer_epoch *report,
                                        bool *is_finished, cer_error *err);

/* After an epoch that ended, or was canceled: the training is that of a triple
 * whose last epoch is the last one that ended. */
extern cer_status cer_trainer_stop(cer_trainer *trainer, cer_error *err);

/* Parts of the best epoch's model, valid scores among them; in the arena, but
 * for the data of tensors, which stay the trainer's. */
extern cer_status
cer_trainer_make_parts(cer_arena *arena, cer_trainer *trainer,
                       const cer_part **parts, size_t *n_parts, cer_error *err);

/*
 * All that later epochs depend on beside rows and triple: in the arena, but for
 * the data of tensors, which stay the trainer's until its next epoch.
 */
extern cer_status
cer_trainer_get_state(cer_arena *arena, const cer_trainer *trainer,
                      const cer_part **parts, size_t *n_parts, cer_error *err);
/* Before the first epoch: goes on as the trainer went whose state it is, with
 * the same bits.  Parts are not trusted. */
extern cer_status
cer_trainer_set_state(cer_trainer *trainer, const cer_part *parts,
                      size_t n_parts, cer_error *err);
extern bool cer_trainer_is_finished(const cer_trainer *trainer);

#define CER_START_TEXT 200 /* bytes, NUL included */

/* How a training began with another model's weights. */
typedef struct cer_start
{
	bool is_warm;              /* false: it begins from scratch after all */
	bool is_exact;             /* it predicts what the other one does */
	bool has_moments;          /* the optimizer goes on, too */
	char text[CER_START_TEXT]; /* what was changed, or why it could not be */
	cer_metrics valid;         /* before the first epoch */
} cer_start;

/*
 * Before the first epoch: begins with the weights of another model over the
 * same classes, changed so that the network computes the same where there is a
 * way (core/train/transfer.h).  parts are those of a model and, if they are
 * known, of a state of its training.  They are not trusted.
 */
extern cer_status
cer_trainer_start(cer_trainer *trainer, const cer_part *parts, size_t n_parts,
                  cer_start *start, cer_error *err);
/* Whether the state of the one's optimizer is such as the other's has. */
extern bool cer_mst_keeps_moments(const cer_mst *from, const cer_mst *to);
/* By which a triple chooses the best epoch, the earliest of the smallest; what
 * has no metric has infinity. */
extern double cer_mst_get_loss(const cer_mst *mst, const cer_metrics *valid);

/* What results' bits depend on beside their inputs: the instruction set. */
extern const char *cer_get_kernel_class(void);

/* ---------------------------------------------------------------- comparing */

/* Kept scores of two models of the same rows. */
typedef struct cer_comparison_input
{
	size_t n_rows;
	size_t n_classes;
	const uint16_t *labels;    /* (n_rows) */
	const uint16_t *scores[2]; /* (n_rows, n_classes), 1/65535 */
	size_t n_resamples;
	uint64_t seed;
} cer_comparison_input;

typedef struct cer_interval
{
	double value; /* NAN: not defined */
	double low;
	double high;
} cer_interval;

/* The second model's metrics minus the first's, with 95 % intervals. */
typedef struct cer_comparison
{
	cer_interval log_loss;
	cer_interval auc; /* of two classes */
	cer_interval accuracy;
	size_t n_disagree; /* rows that they decide differently */
} cer_comparison;

extern cer_status
cer_compare(const cer_host *host, const cer_comparison_input *in,
            cer_comparison *comparison, cer_error *err);

/* ---------------------------------------------------------------- ids */

/*
 * What an artefact is: SHA-256 of operator, canonical parameters and the ids of
 * its inputs.  The host computes the hash.
 *
 *	 rows -> columns -> encoders -> initial -> epoch 1 -> epoch 2 ... -> metrics
 *
 * Ids of columns come from what they hold, so that equal columns of two tasks
 * are one.
 */
#define CER_ID_SIZE 32

/* Raise it when the same triple, rows and kernel class give other bits. */
#define CER_ARITHMETIC 2

typedef struct cer_id
{
	uint8_t bytes[CER_ID_SIZE];
} cer_id;

typedef struct cer_hasher
{
	void *self;
	/* SHA-256; false: it failed */
	bool (*hash)(void *self, const void *data, size_t size,
	             uint8_t digest[CER_ID_SIZE]);
} cer_hasher;

/* An artefact, as its id is made from it; texts and inputs in the arena. */
typedef struct cer_artefact
{
	cer_id id;
	cer_text operation;  /* "rows", "column", "encoder", "initial", ... */
	cer_text parameters; /* for people too; ends with NUL (not counted) */
	size_t n_inputs;
	const cer_id *inputs;
} cer_artefact;

extern cer_status cer_artefact_make(cer_arena *arena, const cer_hasher *hasher,
                                    cer_artefact *artefact, cer_error *err);

/* What a training over known rows makes, before it is run. */
typedef struct cer_story
{
	cer_artefact rows;
	size_t n_inputs;
	const cer_artefact *columns;  /* by input */
	const cer_artefact *encoders; /* by input */
	cer_artefact initial;         /* encoders and weights before epoch 1 */
	cer_artefact start;    /* no operation: it begins with the initial ones */
	cer_id begin;          /* what epoch 1 follows on */
	cer_artefact training; /* all of it, with when it ends */
	const struct cer_settings *settings; /* the triple's: must live as long */
} cer_story;

/* Raise it when a change of a triple gives other weights to begin with. */
#define CER_TRANSFER 5

/* What a triple that begins with another model begins with. */
typedef struct cer_story_start
{
	cer_id weights; /* the state that the model is */
	bool has_moments;
	cer_id moments;  /* the state whose moments go with it */
	cer_text change; /* for people, from that model's triple */
} cer_story_start;

typedef struct cer_story_source
{
	const cer_mst *mst;
	const cer_plan *plan;
	const cer_input *inputs; /* by input of the plan */
	size_t n_classes;
	cer_content_hash rows;
	const cer_content_hash *columns; /* by input */
	cer_text kernel_class;
	const cer_artefact *start; /* NULL: it begins with the initial weights */
} cer_story_source;

/* The artefact "start", which follows on the initial one of the new triple. */
extern cer_status
cer_story_make_start(cer_arena *arena, const cer_hasher *hasher,
                     const cer_story *story, const cer_story_start *from,
                     cer_artefact *start, cer_error *err);
extern cer_status cer_story_make(cer_arena *arena, const cer_hasher *hasher,
                                 const cer_story_source *source,
                                 cer_story *story, cer_error *err);
/* The same one, ended before by PT's stop: its epochs stay what they are. */
extern cer_status
cer_story_stop(cer_arena *arena, const cer_hasher *hasher, const cer_mst *mst,
               cer_story *story, cer_error *err);
/* The state after an epoch, counted from 1, which follows on a state: that of
 * `begin` before the first one. */
extern cer_status
cer_story_make_epoch(cer_arena *arena, const cer_hasher *hasher,
                     const cer_story *story, size_t number,
                     const cer_id *before, cer_artefact *epoch, cer_error *err);

/* ---------------------------------------------------------------- keeping */

/* Four planes of n bytes each, of n floats or of their XOR with a base (NULL:
 * none), for a packer to see what is alike; and back. */
extern void cer_planes_split(size_t n, const float *values, const float *base,
                             uint8_t *planes);
extern void cer_planes_join(size_t n, const uint8_t *planes, const float *base,
                            float *values);

/* How a state is kept. */
typedef enum cer_keep
{
	CER_KEEP_WHOLE,
	CER_KEEP_CHANGE, /* against the state before it, which is kept */
	CER_KEEP_ID      /* not at all: computed again from the state before it */
} cer_keep;

#define CER_KEEP_NO_PARENT SIZE_MAX

/* A state, what keeping it takes, and the time to have it once the one before
 * is there (whole_seconds: without that one). */
typedef struct cer_keep_node
{
	size_t parent; /* an earlier node, or CER_KEEP_NO_PARENT: from nothing */
	uint64_t whole_bytes;
	double whole_seconds;
	uint64_t change_bytes; /* not looked at without a parent */
	double change_seconds;
	double again_seconds; /* INFINITY: cannot be computed again */
	double limit_seconds; /* in which it is to be had, if whole can be */
} cer_keep_node;

/* The fewest bytes from which each state can be had within its limit. */
extern cer_status
cer_keep_plan(const cer_host *host, const cer_keep_node *nodes, size_t n_nodes,
              cer_keep *choices, uint64_t *bytes, cer_error *err);

/* ---------------------------------------------------------------- buffer */

/* Bytes that grow.  data is 64-byte aligned or NULL. */
typedef struct cer_buffer
{
	const cer_host *host;
	uint8_t *data;
	size_t size;
	size_t capacity;
} cer_buffer;

extern void cer_buffer_init(cer_buffer *buffer, const cer_host *host);
extern void cer_buffer_release(cer_buffer *buffer);
/* Room for size bytes in all; what is there stays. */
extern cer_status
cer_buffer_reserve(cer_buffer *buffer, size_t size, cer_error *err);

/* ---------------------------------------------------------------- wire */

/*
 * Frames between the server and its engine process, over a socketpair of one
 * machine (native byte order; the magic tells a foreign one).  See
 * core/wire/message.c for the bytes and the conversation.
 */
#define CER_WIRE_VERSION      7
#define CER_FRAME_HEADER_SIZE 16
/* The largest payloads that each side accepts. */
#define CER_MAX_FRAME_TO_ENGINE ((size_t) 256 << 20)
#define CER_MAX_FRAME_TO_SERVER ((size_t) 2 << 20)
/* Bytes of a part in one frame, and of dictionary values unless one is longer.
 */
#define CER_WIRE_PIECE ((size_t) 1 << 20)

typedef enum cer_frame_type
{
	/* to the engine */
	CER_FRAME_HELLO = 1,
	CER_FRAME_GROUP = 2,
	CER_FRAME_VALUES = 3,
	CER_FRAME_ROWS = 4,
	CER_FRAME_END = 5,
	CER_FRAME_CANCEL = 6,
	CER_FRAME_START = 7,  /* before END: the state to start from; of epoch 0:
						  * another model's, see cer_trainer_start */
	CER_FRAME_SKIP = 8,   /* before END: a triple that need not be trained */
	CER_FRAME_STOP = 9,   /* after END: no triple begins any more */
	CER_FRAME_ORDER = 10, /* before END: no row follows, though a START or a
						   * SKIP may; need not come */
	CER_FRAME_CUT = 11,   /* after END: none begins, and what trains ends with
						   * the epochs that it has; without one: in silence */

	/* to the server */
	CER_FRAME_READY = 65,
	CER_FRAME_STATUS = 66,
	CER_FRAME_EPOCH = 67,
	CER_FRAME_PART = 68,
	CER_FRAME_TRIPLE_DONE = 69,
	CER_FRAME_ERROR = 70,
	CER_FRAME_DONE = 71,
	CER_FRAME_STATE = 72,        /* after its EPOCH */
	CER_FRAME_BEGUN = 73,        /* how a triple began with another model */
	CER_FRAME_TRIPLE_FAILED = 74 /* as ERROR; the others go on */
} cer_frame_type;

typedef struct cer_frame
{
	cer_frame_type type;
	size_t size; /* of the payload */
} cer_frame;

#define CER_NO_TRIPLE UINT32_MAX /* what concerns the whole group */

typedef struct cer_hello
{
	cer_text executor; /* "native" */
	uint32_t n_threads;
	uint64_t memory_limit; /* bytes */
	cer_text disk;         /* folder of the file that rows overflow to */
	uint64_t disk_limit;   /* bytes; 0: there is none */
} cer_hello;

typedef struct cer_group_triple
{
	uint64_t job;
	cer_text text; /* canonical */
	/* which states come back: those of every n-th epoch and the last one;
	 * CER_KEEP_LAST: only that one; 0: none */
	uint32_t keep_every;
	uint32_t keep_seconds; /* and one when so long none came; 0: never */
} cer_group_triple;

#define CER_KEEP_LAST UINT32_MAX

/* Triples that train over the same rows, in one engine. */
typedef struct cer_group
{
	size_t n_triples;
	const cer_group_triple *triples;
	size_t n_columns; /* of the source: what the plans are made from */
	const cer_column *columns;
	size_t n_inputs; /* the columns that travel */
	const cer_input *inputs;
	uint32_t n_classes;
	bool repeats_rows; /* see cer_encoding_repeat_rows */
} cer_group;

typedef struct cer_values
{
	uint32_t input;
	uint32_t first; /* code of the first value */
	size_t n_values;
	const cer_text *values;
} cer_values;

typedef struct cer_rows
{
	uint64_t position; /* rows sent before these */
	cer_chunk chunk;
	size_t n_columns;
	const cer_storage *storages; /* of the chunk's columns */
} cer_rows;

typedef struct cer_end
{
	uint64_t n_rows; /* sent in all */
} cer_end;

typedef struct cer_ready
{
	uint32_t n_threads;
} cer_ready;

typedef enum cer_phase
{
	CER_PHASE_ORDER = 0, /* rows are put in order */
	CER_PHASE_ENCODE = 1,
	CER_PHASE_TRAIN = 2,
	CER_PHASE_PACK = 3 /* the model becomes parts */
} cer_phase;

typedef struct cer_group_status
{
	uint32_t triple;
	cer_phase phase;
	cer_train_status train;
	double rows_per_second;
	double cpu_seconds;  /* of the process so far */
	uint64_t peak_bytes; /* its largest resident size so far */
	/* What that will be at the end, planned when training began; 0: before. */
	uint64_t planned_bytes;
} cer_group_status;

typedef struct cer_group_epoch
{
	uint32_t triple;
	cer_epoch epoch;
} cer_group_epoch;

/* A piece of a part: part.data has part.size bytes of total, from offset. */
typedef struct cer_group_part
{
	uint32_t triple;
	uint32_t ordinal;
	uint32_t n_parts;
	uint64_t offset;
	uint64_t total;
	cer_part part;
} cer_group_part;

/* A piece of a part of a training's state. */
typedef struct cer_group_state
{
	uint32_t epoch;
	cer_group_part piece;
} cer_group_state;

typedef struct cer_group_start
{
	uint32_t triple;
	cer_start start;
} cer_group_start;

typedef struct cer_triple_done
{
	uint32_t triple;
	bool is_stopped;   /* early, by patience */
	bool is_cut;       /* by the server: n_epochs is PT's stop */
	uint32_t n_epochs; /* those before the state that it started from, too */
	uint64_t n_weights;
	double seconds;
	double cpu_seconds;
	uint64_t peak_bytes; /* of the process so far */
	cer_text kernel_class;
} cer_triple_done;

typedef struct cer_group_error
{
	uint32_t triple;
	cer_error error;
} cer_group_error;

typedef struct cer_skip
{
	uint32_t triple;
} cer_skip;

typedef struct cer_message
{
	cer_frame_type type;
	union
	{
		cer_hello hello;
		cer_group group;
		cer_values values;
		cer_rows rows;
		cer_end end;
		cer_skip skip;
		cer_ready ready;
		cer_group_status status;
		cer_group_epoch epoch;
		cer_group_part part;
		cer_group_state state;
		cer_triple_done triple_done;
		cer_group_start begun;
		cer_group_error error;
	};
} cer_message;

/* Appends the message's frame, header and payload. */
extern cer_status cer_message_pack(cer_buffer *buffer,
                                   const cer_message *message, cer_error *err);
/* Checks a header of CER_FRAME_HEADER_SIZE bytes; limit is the payload's. */
extern cer_status cer_frame_unpack(const void *header, size_t limit,
                                   cer_frame *frame, cer_error *err);
/*
 * The payload must be 8-byte aligned.  Texts and arrays of numbers are lent
 * from it, other arrays live in the arena.
 */
extern cer_status
cer_message_unpack(cer_arena *arena, const cer_frame *frame,
                   const void *payload, cer_message *message, cer_error *err);

#endif
