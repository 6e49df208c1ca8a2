/*
 * cerebro.h
 *	  The public interface of libcerebro, the library under CEREBRO: what a
 *	  model selection triple is, how rows become encoded columns, how a network
 *	  is trained and scored, how a model and the frames between server and
 *	  engine look as bytes.
 *
 * The library knows no database, no files and no threads; it asks for them
 * through cer_host.  It keeps no global state.  Every function that can fail
 * returns a cer_status, leaves its outputs untouched on failure and describes
 * the failure in a cer_error that the caller owns (NULL is allowed).
 *
 * Data flow one way:
 *
 *	 text -> cer_mst -> cer_plan -> cer_chunk -> cer_dataset -> cer_trainer
 *		  -> cer_model <-> parts (bytes) -> scores
 *
 * Names tell ownership: init/release storage of the caller, new/free storage
 * of their own (free accepts NULL), make in an arena, get/find/count lend.
 */
#ifndef CEREBRO_H
#define CEREBRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef CER_VERSION
#define CER_VERSION "0.1.0"
#endif

/* ---------------------------------------------------------------- status */

typedef enum cer_status
{
	CER_OK = 0,

	/* input: what the user wrote or the data hold */
	CER_SYNTAX = 10,       /* text does not follow the grammar */
	CER_UNKNOWN_NAME = 11, /* no such column, encoder, structure, setting */
	CER_BAD_VALUE = 12,    /* a value outside its range, or of another kind */
	CER_BAD_DATA = 13,    /* rows that cannot be learnt from (one class, ...) */
	CER_BAD_FORMAT = 14,  /* foreign bytes: not a frame or part of ours */
	CER_BAD_VERSION = 15, /* ours, but of a version that is not known here */

	/* resources */
	CER_NO_MEMORY = 20,
	CER_TOO_BIG = 21, /* over a limit of the library or of the host */

	/* use */
	CER_CANCELED = 30, /* the host said so */
	CER_BAD_CALL = 31, /* a call out of order */

	/* internal */
	CER_NOT_FINITE = 40, /* loss or weight became NaN or infinite */
	CER_INTERNAL = 41
} cer_status;

/* Fixed size, so that failing never allocates.  Texts end with NUL. */
typedef struct cer_error
{
	cer_status status;
	int line;   /* from 1; 0: no position */
	int column; /* from 1, in characters */
	char message[256];
	char detail[512];
	char hint[256];
} cer_error;

/* Fills err (NULL is allowed) and returns status, for `return cer_fail(...)`. */
extern cer_status
cer_fail(cer_error *err, cer_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---------------------------------------------------------------- host */

typedef void (*cer_task_fn)(void *arg, size_t task);

typedef enum cer_log_level
{
	CER_LOG_DEBUG,
	CER_LOG_NOTICE,
	CER_LOG_WARNING
} cer_log_level;

/*
 * What the library asks of whoever uses it.  Callbacks never jump through a
 * frame of the library.  run_tasks calls fn(arg, i) once for each i below
 * n_tasks, in any order, on any threads, and returns when all are done; it may
 * be called some thousand times a second.
 */
typedef struct cer_host
{
	void *self;
	void *(*allocate)(void *self, size_t size); /* NULL: none left */
	void (*release)(void *self, void *block, size_t size);
	bool (*is_canceled)(void *self); /* polled once per batch */
	void (*log)(void *self, cer_log_level level, const char *message);
	void (*run_tasks)(void *self, cer_task_fn fn, void *arg, size_t n_tasks);
	size_t n_threads; /* a hint: how many tasks run at once */
} cer_host;

/* malloc, one thread, never canceled, silent: for tests and simple programs */
extern const cer_host cer_host_plain;

/* ---------------------------------------------------------------- memory */

/* Blocks freed together; every allocation is aligned to 64 bytes. */
typedef struct cer_arena cer_arena;

extern cer_arena *cer_arena_new(const cer_host *host);
extern void cer_arena_free(cer_arena *arena);
extern void cer_arena_clear(cer_arena *arena);
extern void *cer_arena_allocate(cer_arena *arena, size_t size); /* or NULL */
extern size_t cer_arena_get_size(const cer_arena *arena);

/* Text with a length; not ended by NUL unless the comment says so. */
typedef struct cer_text
{
	const char *data;
	size_t size;
} cer_text;

/* ---------------------------------------------------------------- triple */

#define CER_LANGUAGE_VERSION 1

/* A model selection triple (FE, AS, PT); grammar in docs/language.md. */
typedef struct cer_mst cer_mst;

/* The triple keeps nothing of text. */
extern cer_status cer_mst_parse(cer_arena *arena, cer_text text,
                                const cer_mst **mst, cer_error *err);

/* Canonical text, ended by NUL (not counted): parse(print(x)) equals x. */
extern cer_status cer_mst_print(cer_arena *arena, const cer_mst *mst,
                                cer_text *text, cer_error *err);

/* With every default written out; it reads back as the same triple.  What a
 * structure takes from PT stands there. */
extern cer_status cer_mst_describe(cer_arena *arena, const cer_mst *mst,
                                   cer_text *text, cer_error *err);

/*
 * As JSON, every name of an argument written, and back:
 *
 *	 {"version": 1, "fe": ["*", {"column": "dest", "encoder": "onehot"}],
 *	  "as": {"mlp": {"units": [256, 128]}}, "pt": {"batch": 64}}
 *
 * Keys of objects are in canonical order; reading takes any.
 */
extern cer_status cer_mst_to_json(cer_arena *arena, const cer_mst *mst,
                                  cer_text *json, cer_error *err);
extern cer_status cer_mst_from_json(cer_arena *arena, cer_text json,
                                    const cer_mst **mst, cer_error *err);

/* What a word of the language means, with its arguments and an example; of the
 * empty word: all words. */
extern cer_status
cer_help(cer_arena *arena, cer_text word, cer_text *text, cer_error *err);

extern uint64_t cer_mst_get_seed(const cer_mst *mst);
extern size_t cer_mst_get_epochs(const cer_mst *mst);
extern size_t cer_mst_get_patience(const cer_mst *mst); /* 0: never stops */

/* A structure of a user's own.  The definition is as docs/language.md says:
 * (width integer = 64 from 1 to 1024) = dense(width) > relu */
typedef struct cer_structure
{
	cer_text name;
	cer_text definition;
} cer_structure;

/* Checks a definition, which may name others, and makes it canonical. */
extern cer_status
cer_structure_define(cer_arena *arena, const cer_structure *structure,
                     const cer_structure *others, size_t n_others,
                     cer_text *canonical, cer_error *err);
/* How a structure of the language is made. */
extern cer_status cer_structure_describe(cer_arena *arena, cer_text name,
                                         cer_text *definition, cer_error *err);
/* All structures of the language, with what they are made of. */
extern cer_status
cer_structure_list(cer_arena *arena, const cer_structure **structures,
                   size_t *n_structures, cer_error *err);

/*
 * A triple may name structures that the language does not know: the user's own.
 * Binding replaces them by what they are made of; only a bound triple can be
 * trained.  Returns the triple itself where there is nothing to bind.
 */
extern cer_status
cer_mst_bind(cer_arena *arena, const cer_mst *mst,
             const cer_structure *structures, size_t n_structures,
             const cer_mst **bound, cer_error *err);
/* Which structures binding puts in, in those that it puts in, too. */
extern cer_status
cer_mst_find_structures(cer_arena *arena, const cer_mst *mst,
                        const cer_structure *structures, size_t n_structures,
                        bool *is_used, cer_error *err);
/* Fails with the name that is not bound. */
extern cer_status cer_mst_check_bound(const cer_mst *mst, cer_error *err);

/* ---------------------------------------------------------------- change */

/*
 * What turns one triple into another, step by step:
 *
 *	 ADD FE planes, DROP FE dest : onehot, SET PT.lr = 0.001 -> 0.01,
 *	 INSERT AS dropout(0.1) AFTER AS.dense[1]
 *
 * A closed change says what was there before (DROP FE item, SET p = old -> new,
 * DELETE AS x AFTER p) and has an inverse; an open one (DROP FE.name, SET p =
 * new, DELETE p) is closed by applying it.  The word default stands for what is
 * left out.  Steps follow each other: each reads what those before it made.
 */
typedef struct cer_change cer_change;

extern cer_status cer_change_parse(cer_arena *arena, cer_text text,
                                   const cer_change **change, cer_error *err);
/* Canonical, ended by NUL; the empty change is the empty text. */
extern cer_status cer_change_print(cer_arena *arena, const cer_change *change,
                                   cer_text *text, cer_error *err);
extern size_t cer_change_count_steps(const cer_change *change);
extern bool cer_change_is_closed(const cer_change *change);

/* mst + change; closed (NULL is allowed) is the change with its old values, as
 * told from both triples: what changes nothing is not in it. */
extern cer_status
cer_change_apply(cer_arena *arena, const cer_mst *mst, const cer_change *change,
                 const cer_mst **result, const cer_change **closed,
                 cer_error *err);
/* to - from: closed, and small enough to be read. */
extern cer_status
cer_change_between(cer_arena *arena, const cer_mst *from, const cer_mst *to,
                   const cer_change **change, cer_error *err);
/* The first, then the second. */
extern cer_status cer_change_compose(cer_arena *arena, const cer_change *first,
                                     const cer_change *second,
                                     const cer_change **both, cer_error *err);
/* Fails with CER_BAD_CALL for an open change. */
extern cer_status cer_change_invert(cer_arena *arena, const cer_change *change,
                                    const cer_change **inverse, cer_error *err);
/* Paths are disjoint, so that the order of the two makes no difference. */
extern bool cer_change_commutes(const cer_change *a, const cer_change *b);

/* What a and b made of base, together; fails with CER_BAD_VALUE where both
 * changed the same thing differently, and names it. */
extern cer_status
cer_mst_merge(cer_arena *arena, const cer_mst *base, const cer_mst *a,
              const cer_mst *b, const cer_mst **merged, cer_error *err);

/* ---------------------------------------------------------------- search */

/* A triple in which what is left out is free. */
typedef struct cer_pattern cer_pattern;

extern cer_status
cer_pattern_parse(cer_arena *arena, cer_text text, const cer_pattern **pattern,
                  cer_error *err);
extern cer_status
cer_pattern_print(cer_arena *arena, const cer_pattern *pattern, cer_text *text,
                  cer_error *err);
extern bool
cer_pattern_contains(const cer_pattern *pattern, const cer_mst *mst);

/* A set of triples: choices, ranges, optional parts, conditions. */
typedef struct cer_space cer_space;

extern cer_status cer_space_parse(cer_arena *arena, cer_text text,
                                  const cer_space **space, cer_error *err);
extern cer_status cer_space_print(cer_arena *arena, const cer_space *space,
                                  cer_text *text, cer_error *err);
extern bool cer_space_contains(const cer_space *space, const cer_mst *mst);
/* How many ways there are to choose, INFINITY with a continuous range; what is
 * chosen within a part that is left out is no choice. */
extern cer_status
cer_space_count_points(cer_arena *arena, const cer_space *space,
                       double *n_points, cer_error *err);
/* Every triple of a finite space, once; CER_TOO_BIG beyond limit. */
extern cer_status
cer_space_make_points(cer_arena *arena, const cer_space *space, size_t limit,
                      const cer_mst *const **points, size_t *n_points,
                      cer_error *err);
/* The triple of a draw depends on the seed and the draw's number only. */
extern cer_status
cer_space_sample(cer_arena *arena, const cer_space *space, uint64_t seed,
                 uint64_t draw, const cer_mst **mst, cer_error *err);

/*
 * How far apart two triples are: a metric; see core/lang/distance.c for what
 * things cost.  The arena is for what is needed meanwhile by large structures:
 * it is left alone for usual ones.
 */
extern cer_status
cer_mst_distance(cer_arena *arena, const cer_mst *a, const cer_mst *b,
                 double *distance, cer_error *err);
/* Only what the pattern names counts; 0 for what it contains. */
extern cer_status
cer_pattern_distance(cer_arena *arena, const cer_pattern *pattern,
                     const cer_mst *mst, double *distance, cer_error *err);

/*
 * For an inverted index: what a triple says, fact by fact, hashed; ascending,
 * each once.  A pattern, or space, that contains a triple has no key that the
 * triple lacks; the converse is to be checked.
 */
extern cer_status
cer_mst_make_keys(cer_arena *arena, const cer_mst *mst, const uint64_t **keys,
                  size_t *n_keys, cer_error *err);
extern cer_status
cer_pattern_make_keys(cer_arena *arena, const cer_pattern *pattern,
                      const uint64_t **keys, size_t *n_keys, cer_error *err);
extern cer_status
cer_space_make_keys(cer_arena *arena, const cer_space *space,
                    const uint64_t **keys, size_t *n_keys, cer_error *err);

/*
 * For a tree of boxes: a triple as a point of few dimensions.  The bound of a
 * box is at most the distance to each triple whose summary lies in it.
 */
#define CER_SUMMARY_DIMS 56

typedef struct cer_summary
{
	uint16_t at[CER_SUMMARY_DIMS];
} cer_summary;

typedef struct cer_summary_box
{
	cer_summary least;
	cer_summary most;
} cer_summary_box;

/*
 * What is searched near, a triple or a pattern: a point, and how much it counts
 * to be elsewhere in each dimension.  A difference counts up to limit, weight
 * times; in a dimension whose above is 0 only what lies below the point counts.
 */
typedef struct cer_probe
{
	cer_summary summary;
	uint16_t weight[CER_SUMMARY_DIMS];
	uint16_t limit[CER_SUMMARY_DIMS];
	uint16_t above[CER_SUMMARY_DIMS]; /* 0 or all bits */
} cer_probe;

extern void cer_mst_summarize(const cer_mst *mst, cer_summary *summary);
/* The smallest box around both. */
extern void
cer_summary_box_extend(cer_summary_box *box, const cer_summary_box *by);
/* A probe at 0 with the weights and limits of a triple's. */
extern void cer_probe_init(cer_probe *probe);
extern void cer_mst_probe(const cer_mst *mst, cer_probe *probe);
extern void cer_pattern_probe(const cer_pattern *pattern, cer_probe *probe);
extern double
cer_probe_bound(const cer_probe *probe, const cer_summary_box *box);

/* ------------------------------------------------------------ items of FE */

typedef enum cer_encoder_kind
{
	CER_ENCODER_AUTO,        /* by type and cardinality, decided when fitted */
	CER_ENCODER_ROBUST,      /* (x - median) / iqr, smooth clip */
	CER_ENCODER_STANDARDIZE, /* (x - mean) / sd */
	CER_ENCODER_ONEHOT,      /* a row of the first layer per value */
	CER_ENCODER_EMBED,       /* a learnt vector per value */
	CER_ENCODER_QUANTILE,    /* normal deviate of the rank */
	CER_ENCODER_PLE          /* that, and how far x has come through each bin */
} cer_encoder_kind;

#define CER_PLE_BINS 32 /* unless FE says another number */

typedef struct cer_encoder_spec
{
	cer_encoder_kind kind;
	size_t width; /* of embed, quantile, ple; 0: the default */
} cer_encoder_spec;

typedef enum cer_fe_kind
{
	CER_FE_STAR,
	CER_FE_EXCEPT,
	CER_FE_COLUMN,
	CER_FE_DERIVED,
	CER_FE_JOIN,
	CER_FE_AGGREGATE
} cer_fe_kind;

/* How a JOIN or AGGREGATE finds its rows; NONE: by the one way there is. */
typedef enum cer_fe_link
{
	CER_LINK_NONE,
	CER_LINK_VIA,   /* columns that refer, on the child's side */
	CER_LINK_USING, /* columns of both sides */
	CER_LINK_ON     /* SQL */
} cer_fe_link;

typedef struct cer_fe_value
{
	cer_text name;
	cer_text sql;
} cer_fe_value;

/*
 * Items stand in canonical order: the star, one EXCEPT a qualifier, JOINs by
 * alias, AGGREGATEs by alias, columns by qualifier and name.  Aliases are
 * unique, and each qualifier of a column is one of them.  The order says
 * nothing about which JOIN needs which.
 */
typedef struct cer_fe_item
{
	cer_fe_kind kind;
	cer_text qualifier; /* except, column: the alias of its table; join,
						 * aggregate: the schema; empty: none */
	size_t n_names; /* except: columns; column, derived, join, aggregate: one */
	const cer_text *names; /* unquoted; except: all of one qualifier */
	size_t n_encoders; /* 0: by type; more than 1: side by side, each once */
	const cer_encoder_spec *encoders;
	cer_text sql;   /* derived: what it is; aggregate: WHERE, or empty */
	cer_text alias; /* of a join or aggregate; the table's name if not given */
	cer_fe_link link;
	cer_text link_qualifier; /* of all link columns: an alias, or empty */
	size_t n_link_columns;
	const cer_text *link_columns;
	cer_text link_sql;
	size_t n_values; /* aggregate: its columns */
	const cer_fe_value *values;
	cer_text window; /* aggregate: an interval as PostgreSQL reads it */
	bool is_last;    /* JOIN LAST */
	bool is_uncut;   /* UNCUT: rows of the future, too */
	int line;        /* where it stands, for errors of later stages */
	int column;
} cer_fe_item;

/* FE as written; lent by the triple. */
extern const cer_fe_item *
cer_mst_get_items(const cer_mst *mst, size_t *n_items);

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
	CER_TYPE_OTHER     /* cannot be a feature yet */
} cer_column_type;

typedef struct cer_column
{
	cer_text name;
	cer_column_type type;
	bool is_in_star;  /* part of FE *: not label, excluded or lone key */
	bool is_label;    /* the label is computed from it: never a feature */
	bool is_excluded; /* by the task, as not known in time: never one either */
} cer_column;

/* Which columns a triple's FE needs of a source, and their encoders. */
typedef struct cer_plan cer_plan;

extern cer_status
cer_plan_make(cer_arena *arena, const cer_mst *mst, const cer_column *columns,
              size_t n_columns, const cer_plan **plan, cer_error *err);
extern size_t cer_plan_count_inputs(const cer_plan *plan);
/* Index into the columns that the plan was made from, in reading order. */
extern size_t cer_plan_get_column(const cer_plan *plan, size_t input);

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
	CER_N_PART_KINDS = 8
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
} cer_part;

typedef struct cer_model cer_model;

/*
 * A model that can score, made from its parts (valid scores are ignored).
 * Copies what it keeps and folds embeddings into the first layer.
 */
extern cer_status
cer_model_make(cer_arena *arena, const cer_part *parts, size_t n_parts,
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
	uint32_t code; /* of the model's own vocabulary, see below */
} cer_value;

/* Code of a category; 0 is NULL (size_t -1 data NULL), 1 is unseen. */
extern uint32_t
cer_model_find_code(const cer_model *model, size_t input, cer_text value);

/* Bytes of scratch memory that scoring n_rows at once needs. */
extern size_t cer_model_get_scratch_size(const cer_model *model, size_t n_rows);

/*
 * proba (n_rows, n_classes) of values (n_rows, n_inputs).  The bits of a row do
 * not depend on the rows beside it.  Cannot fail, allocates nothing; scratch is
 * 64-byte aligned.
 */
extern void
cer_model_score(const cer_model *model, size_t n_rows, const cer_value *values,
                float *proba, void *scratch);
/* The same for values by input: those of input i from values + i * stride on;
 * faster for many rows, with the same bits. */
extern void cer_model_score_columns(const cer_model *model, size_t n_rows,
                                    const cer_value *values, size_t stride,
                                    float *proba, void *scratch);

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
/* By which a triple chooses the best epoch, the earliest of the smallest; what
 * has no metric has infinity. */
extern double cer_mst_get_loss(const cer_mst *mst, const cer_metrics *valid);

/* What results' bits depend on beside their inputs: the instruction set. */
extern const char *cer_get_kernel_class(void);

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
#define CER_ARITHMETIC 1

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
	cer_artefact training;        /* all of it, with when it ends */
	cer_text settings;            /* of PT, in force in every epoch */
} cer_story;

typedef struct cer_story_source
{
	const cer_mst *mst;
	const cer_plan *plan;
	const cer_input *inputs; /* by input of the plan */
	size_t n_classes;
	cer_content_hash rows;
	const cer_content_hash *columns; /* by input */
	cer_text kernel_class;
} cer_story_source;

extern cer_status cer_story_make(cer_arena *arena, const cer_hasher *hasher,
                                 const cer_story_source *source,
                                 cer_story *story, cer_error *err);
/* The state after the epoch that follows on a state: that of the initial
 * artefact before the first one. */
extern cer_status
cer_story_make_epoch(cer_arena *arena, const cer_hasher *hasher,
                     const cer_story *story, const cer_id *before,
                     cer_artefact *epoch, cer_error *err);

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
#define CER_WIRE_VERSION      2
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
	CER_FRAME_START = 7, /* before END: the state to start from */

	/* to the server */
	CER_FRAME_READY = 65,
	CER_FRAME_STATUS = 66,
	CER_FRAME_EPOCH = 67,
	CER_FRAME_PART = 68,
	CER_FRAME_TRIPLE_DONE = 69,
	CER_FRAME_ERROR = 70,
	CER_FRAME_DONE = 71,
	CER_FRAME_STATE = 72 /* after its EPOCH */
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
} cer_hello;

typedef struct cer_group_triple
{
	uint64_t job;
	cer_text text; /* canonical */
	/* which states come back: those of every n-th epoch and the last one;
	 * CER_KEEP_LAST: only that one; 0: none */
	uint32_t keep_every;
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

typedef struct cer_triple_done
{
	uint32_t triple;
	bool is_stopped;   /* early, by patience */
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
		cer_ready ready;
		cer_group_status status;
		cer_group_epoch epoch;
		cer_group_part part;
		cer_group_state state;
		cer_triple_done triple_done;
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
