/*
 * lang/schema.h
 *	  The words of the language: structures, encoders, optimizers, activations
 *	  and settings, with their arguments.
 *
 * The one source for checks, defaults, canonical order and help.  A word more
 * is a row more in schema.c.
 */
#ifndef CER_LANG_SCHEMA_H
#define CER_LANG_SCHEMA_H

#include "lang/mst.h"

#define CER_MAX_ARGS   24
#define CER_MAX_LAYERS 64   /* that one list of widths makes */
#define CER_MAX_TREE   4096 /* layers of a structure, all told */
#define CER_MAX_UNITS  65536
#define CER_MAX_EPOCHS 1000000

typedef enum cer_arg_type
{
	CER_ARG_NUMBER,     /* a double */
	CER_ARG_INTEGER,    /* a size_t or uint64_t */
	CER_ARG_ACTIVATION, /* a cer_activation */
	CER_ARG_CHOICE,     /* one of a few words: an enum */
	CER_ARG_FLAG,       /* the argument's name alone: a bool */
	CER_ARG_TABLE,      /* a name: a cer_text */
	CER_ARG_WIDTHS,     /* the rest of the positional arguments: widths */
	CER_ARG_LAYER,      /* a layer or a chain of them */
	CER_ARG_CHILDREN    /* layers: the rest of the positional arguments */
} cer_arg_type;

typedef struct cer_arg
{
	const char *name;
	const char *help; /* "batch size, in rows" */
	cer_arg_type type;
	double least;
	double most;
	bool is_above_least; /* least itself is not allowed */
	bool is_below_most;
	bool is_required;
	bool is_positional;      /* printed without its name if all before it are */
	double fallback;         /* the language version's default */
	const char *setting;     /* PT's, which is the default instead */
	size_t offset;           /* of the value in what the word resolves to */
	size_t n_fallback_units; /* of CER_ARG_WIDTHS */
	const size_t *fallback_units;
	const char *const *choices; /* by value of the enum, NULL at the end */
	const char *word;           /* may stand instead of a value: CER_AUTO */
	const char *list; /* a call of this name may, of numbers as described */
} cer_arg;

/* The value of an argument's word: none that the argument allows otherwise. */
#define CER_AUTO (-1.0)
extern bool cer_arg_is_auto(const cer_arg *arg); /* by default */

typedef enum cer_word_kind
{
	CER_WORD_STRUCTURE,  /* AS: layers under a name */
	CER_WORD_LAYER,      /* AS: resolves to cer_layer */
	CER_WORD_ENCODER,    /* resolves to cer_encoder_spec */
	CER_WORD_OPTIMIZER,  /* resolves to cer_settings */
	CER_WORD_ACTIVATION, /* no arguments */
	CER_WORD_SECTION     /* PT: its arguments are the settings */
} cer_word_kind;

typedef struct cer_word
{
	const char *name;
	const char *help;
	cer_word_kind kind;
	int code;         /* cer_encoder_kind, cer_optimizer, cer_layer_kind ... */
	const char *body; /* of a structure: what it is made of, see definition.h */
	const char *example;
	size_t n_args;
	const cer_arg *args; /* in canonical order */
} cer_word;

/* Every word, by kind. */
extern size_t cer_schema_count(void);
extern const cer_word *cer_schema_get(size_t i);

/* NULL: there is none. */
extern const cer_word *cer_schema_find(cer_word_kind kind, cer_text name);
/* Of PT, or an argument of some optimizer. */
extern bool cer_schema_is_setting(cer_text name);
extern const cer_word *cer_schema_find_code(cer_word_kind kind, int code);
extern const cer_arg *cer_word_find_arg(const cer_word *word, cer_text name);
/* NULL: the argument is no choice of this name. */
extern const char *const *
cer_arg_find_choice(const cer_arg *arg, cer_text name);

/* What the kind is called: "encoder". */
extern const char *cer_word_kind_name(cer_word_kind kind);

/* "a number above 0, at most 10" */
extern void cer_arg_describe(const cer_arg *arg, char *text, size_t size);

/* What the type is called in definitions. */
extern const char *cer_arg_type_name(cer_arg_type type);

/* A name that no structure of a user's own can have: a word of the language, or
 * one slip away from one of AS. */
extern bool cer_structure_is_misspelt(cer_text name);

/* Words of the parts of the schema that have files of their own. */
extern const cer_word cer_structure_words[];
extern const size_t cer_structure_word_count;
extern const cer_word cer_layer_words[];
extern const size_t cer_layer_word_count;
extern const cer_word cer_encoder_words[];
extern const size_t cer_encoder_word_count;

/*
 * What a setting or an argument of an optimizer is that is left to the
 * structure: the triple's, if its AS is one call; see recipe.c.
 */
extern double cer_recipe_get(cer_text structure, const char *setting);

/* Defaults of the language version that are words. */
#define CER_DEFAULT_STRUCTURE "mlp"
#define CER_DEFAULT_OPTIMIZER "adamw"

#endif
