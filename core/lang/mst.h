/*
 * lang/mst.h
 *	  A triple as the rest of the library reads it.
 *
 * The parser fills FE, AS and PT as written; cer_mst also carries what the
 * later stages need, with every default of the language version put in.
 */
#ifndef CER_LANG_MST_H
#define CER_LANG_MST_H

#include "lang/layer.h"

typedef enum cer_encoder_kind
{
	CER_ENCODER_AUTO,        /* by type and cardinality, decided when fitted */
	CER_ENCODER_ROBUST,      /* (x - median) / iqr, smooth clip */
	CER_ENCODER_STANDARDIZE, /* (x - mean) / sd */
	CER_ENCODER_ONEHOT,      /* a row of the first layer per value */
	CER_ENCODER_EMBED        /* a learnt vector per value */
} cer_encoder_kind;

typedef struct cer_encoder_spec
{
	cer_encoder_kind kind;
	size_t width; /* embed(width); 0: the default */
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

typedef enum cer_optimizer
{
	CER_SGD,
	CER_ADAM, /* decay, if any, is L2 in the gradient */
	CER_ADAMW /* decoupled decay (Loshchilov, Hutter 2019) */
} cer_optimizer;

/* PT with every default put in. */
typedef struct cer_settings
{
	cer_optimizer optimizer;
	double lr;
	double beta1;
	double beta2;
	double epsilon;
	double momentum; /* sgd */
	double decay;
	size_t batch;
	size_t epochs;
	size_t patience; /* epochs without a better valid loss; 0: never stop */
	cer_activation activation;
	double dropout;
	uint64_t seed;
} cer_settings;

struct cer_mst
{
	size_t n_items;
	const cer_fe_item *items;   /* FE as written; FE * when left out */
	const cer_layer *structure; /* AS resolved with PT's defaults */
	cer_settings settings;      /* PT resolved */
	const struct cer_ast *ast;  /* as written, for the printer; lang only */
};

extern const char *cer_activation_name(cer_activation activation);
extern const char *cer_encoder_name(cer_encoder_kind kind);

#endif
