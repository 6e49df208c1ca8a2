/*
 * cerebro/language.h
 *	  Triples: values, changes, patterns, spaces, distance, items of FE.
 *
 * A part of cerebro.h, which is what to include.
 */
#ifndef CEREBRO_LANGUAGE_H
#define CEREBRO_LANGUAGE_H

#include "cerebro/base.h"

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

/* With every default written out, what is left to the structure (auto) with the
 * value that it has there: it trains as the triple does.  What a structure takes
 * from PT stands there. */
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
/* Those that are trained, if patience lets them. */
extern size_t cer_mst_get_epochs(const cer_mst *mst);
/* The triple whose training ends after that epoch, which it would come to. */
extern cer_status
cer_mst_stop(cer_arena *arena, const cer_mst *mst, size_t epoch,
             const cer_mst **stopped, cer_error *err);
/* Rows that are shuffled together; 0: all of them. */
extern size_t cer_mst_get_shuffle(const cer_mst *mst);
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
/* Fails with the name that is not bound, or for AS auto. */
extern cer_status cer_mst_check_bound(const cer_mst *mst, cer_error *err);

/* ---------------------------------------------------------------- auto */

/* AS auto: which structure is trained is decided when a task's rows are known. */
extern bool cer_mst_is_auto(const cer_mst *mst);
extern double cer_mst_get_budget(const cer_mst *mst); /* seconds; 0: none */
/* What the portfolio has to try. */
typedef struct cer_auto_choice
{
	double cost;           /* of an epoch, where that of mlp(256 x 3) is 1 */
	uint32_t epochs;       /* at most, for rows as many as these */
	uint32_t least_epochs; /* below which it is not worth trying */
	uint32_t probe_epochs; /* that tell what an epoch takes; 0: none do */
	bool may_repeat;       /* with another seed */
	bool is_said;          /* by PT: how many epochs */
} cer_auto_choice;

/* One of them, as it is to be trained. */
typedef struct cer_auto_try
{
	size_t choice;
	uint32_t epochs;
	uint32_t repeat; /* which one with the same structure, from 0 on */
} cer_auto_try;

extern size_t cer_auto_count(void);
/* In which order they are tried: likely winners first. */
typedef struct cer_auto_order
{
	const size_t *choices; /* as many as there are */
	size_t n_first;        /* after them the best ones are tried again, once */
	double first_share;    /* of the budget, for those that begin */
} cer_auto_order;

/* For a task of so many training rows. */
extern const cer_auto_order *cer_auto_get_order(size_t n_rows);
/* For a task of so many training rows. */
extern void cer_auto_get(const cer_mst *mst, size_t choice, size_t n_rows,
                         cer_auto_choice *described);
/* Which one is trained where there is no budget. */
extern size_t cer_auto_get_default(void);
/* The triple; FE, and what PT says, are those of AS auto. */
extern cer_status
cer_auto_make(cer_arena *arena, const cer_mst *mst, const cer_auto_try *wanted,
              const cer_mst **made, cer_error *err);
/* The same with items more at the end of FE, as text: ", a = (b + c)". */
extern cer_status
cer_auto_add(cer_arena *arena, const cer_mst *mst, cer_text items,
             const cer_mst **made, cer_error *err);
/* FE of a triple, AS auto. */
extern cer_status cer_auto_request(cer_arena *arena, const cer_mst *mst,
                                   const cer_mst **request, cer_error *err);

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
/* A list of its steps, each as text. */
extern cer_status cer_change_to_json(cer_arena *arena, const cer_change *change,
                                     cer_text *json, cer_error *err);
extern cer_status
cer_change_from_json(cer_arena *arena, cer_text json, const cer_change **change,
                     cer_error *err);
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
/* FE of the pattern names more than "*". */
extern bool cer_pattern_names_features(const cer_pattern *pattern);
/* As a triple's, with what the pattern names only. */
extern cer_status
cer_pattern_to_json(cer_arena *arena, const cer_pattern *pattern,
                    cer_text *json, cer_error *err);
extern cer_status
cer_pattern_from_json(cer_arena *arena, cer_text json,
                      const cer_pattern **pattern, cer_error *err);

/* A set of triples: choices, ranges, optional parts, conditions. */
typedef struct cer_space cer_space;

extern cer_status cer_space_parse(cer_arena *arena, cer_text text,
                                  const cer_space **space, cer_error *err);
extern cer_status cer_space_print(cer_arena *arena, const cer_space *space,
                                  cer_text *text, cer_error *err);
extern bool cer_space_contains(const cer_space *space, const cer_mst *mst);
/* {"version": 1, "fe": [items], "as": structure, "pt": [settings]}, each as
 * text. */
extern cer_status cer_space_to_json(cer_arena *arena, const cer_space *space,
                                    cer_text *json, cer_error *err);
extern cer_status cer_space_from_json(cer_arena *arena, cer_text json,
                                      const cer_space **space, cer_error *err);
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
 * For a tree of boxes: a triple as a point of few dimensions, and a bit for
 * each of its keys.  The bound of a box is at most the distance to each triple
 * whose summary lies in it.
 */
#define CER_SUMMARY_DIMS  76
#define CER_SUMMARY_SHAPE 8 /* of them */
#define CER_SUMMARY_WORDS 8 /* of bits */

typedef struct cer_summary
{
	uint16_t at[CER_SUMMARY_DIMS];
	uint64_t bits[CER_SUMMARY_WORDS];
} cer_summary;

/* Bits of least are those of all triples in it, of most those of any. */
typedef struct cer_summary_box
{
	cer_summary least;
	cer_summary most;
} cer_summary_box;

#define CER_PROBE_FACTS 24
#define CER_PROBE_SPANS 8
#define CER_PROBE_LIST  8

/* What costs so much where a triple lacks it. */
typedef struct cer_probe_fact
{
	uint16_t bit;
	uint16_t weight;
} cer_probe_fact;

/* A setting of AS: its place, and where the least of those of its name lies,
 * before the most. */
typedef struct cer_probe_span
{
	uint16_t first;
	uint16_t at;
} cer_probe_span;

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
	size_t n_columns;                 /* facts of FE, the first ones */
	size_t n_facts;                   /* the rest are of AS */
	cer_probe_fact facts[CER_PROBE_FACTS];
	size_t n_spans;
	cer_probe_span spans[CER_PROBE_SPANS];
	size_t n_listed;               /* numbers of lists of AS */
	uint16_t list[CER_PROBE_LIST]; /* their places */
	uint16_t n_widths; /* of the pattern's list; most: it has none */
	bool has_structure;
} cer_probe;

extern void cer_mst_summarize(const cer_mst *mst, cer_summary *summary);
/* The smallest box around both. */
extern void
cer_summary_box_extend(cer_summary_box *box, const cer_summary_box *by);
/* -1, 0 or 1: an order in which neighbours are mostly near. */
extern int cer_summary_compare(const cer_summary *a, const cer_summary *b);
/* The same of those that are built and trained alike, whatever they see. */
extern int
cer_summary_compare_built(const cer_summary *a, const cer_summary *b);
/* A probe at 0 with the weights and limits of a triple's. */
extern void cer_probe_init(cer_probe *probe);
/* What FE says counts nothing. */
extern void cer_probe_init_built(cer_probe *probe);
extern void cer_mst_probe(const cer_mst *mst, cer_probe *probe);
extern void cer_pattern_probe(const cer_pattern *pattern, cer_probe *probe);
extern double
cer_probe_bound(const cer_probe *probe, const cer_summary_box *box);
/* Its parts: of AS; of FE and PT. */
extern double
cer_probe_bound_structure(const cer_probe *probe, const cer_summary_box *box);
extern double
cer_probe_bound_rest(const cer_probe *probe, const cer_summary_box *box);
/* The one structure of all triples in the box; NULL: they have several, or one
 * that a summary does not hold as a whole. */
extern const uint16_t *cer_summary_box_get_shape(const cer_summary_box *box);
/* How far it is from a pattern that has one; negative: its word is unknown. */
extern cer_status
cer_pattern_measure_shape(cer_arena *arena, const cer_pattern *pattern,
                          const uint16_t shape[CER_SUMMARY_SHAPE],
                          double *distance, cer_error *err);
/* False: no triple in the box is one that the probed pattern contains. */
extern bool
cer_probe_may_contain(const cer_probe *probe, const cer_summary_box *box);

/* ------------------------------------------------------------ items of FE */

typedef enum cer_encoder_kind
{
	CER_ENCODER_AUTO,        /* by type and cardinality, decided when fitted */
	CER_ENCODER_ROBUST,      /* (x - median) / iqr, smooth clip */
	CER_ENCODER_STANDARDIZE, /* (x - mean) / sd */
	CER_ENCODER_ONEHOT,      /* a row of the first layer per value */
	CER_ENCODER_EMBED,       /* a learnt vector per value */
	CER_ENCODER_QUANTILE,    /* normal deviate of the rank */
	CER_ENCODER_PLE,         /* that, and how far x has come through each bin */
	CER_ENCODER_LOG,         /* sign(x) ln(1 + |x|), then as robust */
	CER_ENCODER_BINS,        /* a row of the first layer per bin */
	CER_ENCODER_HASH,        /* a learnt vector per hash of the value */
	CER_ENCODER_NGRAM,       /* the sum of learnt vectors of pieces of text */
	CER_ENCODER_CYCLES,      /* sine and cosine of each period */
	CER_ENCODER_PARTS,       /* year, month, day ...: a row per value */
	CER_ENCODER_PERIODIC,    /* sines and cosines of learnt frequencies */
	CER_ENCODER_PBLD,        /* cosines of learnt frequencies and phases */
	CER_ENCODER_SEQUENCE, /* of arrays: width elements and how many there are */
	CER_ENCODER_BAG, /* of arrays: mean or sum of a learnt vector per element */
	CER_ENCODER_RATE /* how often the classes are among a value's rows */
} cer_encoder_kind;

typedef enum cer_bag_pool
{
	CER_BAG_MEAN,
	CER_BAG_SUM
} cer_bag_pool;

#define CER_PLE_BINS 32 /* unless FE says another number */

typedef struct cer_encoder_spec
{
	cer_encoder_kind kind;
	size_t width; /* of embed; bins of ple, bins, quantile; rows of hash, ngram;
				   * frequencies of periodic; 0: the default */
	size_t depth; /* learnt numbers: of hash, ngram, bag, periodic, ple */
	size_t gram;  /* characters of a piece */
	size_t most;  /* pieces of a text; elements of an array: 0: all */
	double scale; /* periodic: deviation of frequencies; cycles: the period */
	cer_bag_pool pool;
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

#endif
