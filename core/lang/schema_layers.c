/*
 * lang/schema_layers.c
 *	  The words of AS that are layers and combinators, with their arguments as
 *	  cer_layer keeps them.
 */
#include "lang/schema.h"

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LAYER(field) offsetof(cer_layer, field)

/* The order is that of the enums of layer.h. */
static const char *const norms[] = {"batch", "layer", NULL};
static const char *const pools[] = {"mean",      "max",  "first",
                                    "attention", "last", NULL};
static const char *const initials[] = {"default", "lecun", "he", "ntk", NULL};
static const char *const sharings[] = {"independent", "shared", NULL};
static const char *const joinings[] = {"concat", "sum", "gate", NULL};

#define WIDTH(help_text, fallback_value, required)                   \
	{                                                                \
		.name = "width", .help = help_text, .type = CER_ARG_INTEGER, \
		.least = 1, .most = CER_MAX_UNITS, .is_required = required,  \
		.is_positional = true, .fallback = fallback_value,           \
		.offset = LAYER(width)                                       \
	}

#define COUNTED(arg_name, help_text, most_value, fallback_value, required) \
	{                                                                      \
		.name = arg_name, .help = help_text, .type = CER_ARG_INTEGER,      \
		.least = 1, .most = most_value, .is_required = required,           \
		.is_positional = true, .fallback = fallback_value,                 \
		.offset = LAYER(count)                                             \
	}

#define SHARE(arg_name, help_text, required)                                   \
	{                                                                          \
		.name = arg_name, .help = help_text, .type = CER_ARG_NUMBER,           \
		.least = 0, .most = 1, .is_below_most = true, .is_required = required, \
		.is_positional = required, .offset = LAYER(dropout)                    \
	}

#define FLAG(arg_name, help_text, field)                           \
	{                                                              \
		.name = arg_name, .help = help_text, .type = CER_ARG_FLAG, \
		.offset = LAYER(field)                                     \
	}

#define CHOICE(arg_name, help_text, list, field, required)           \
	{                                                                \
		.name = arg_name, .help = help_text, .type = CER_ARG_CHOICE, \
		.is_required = required, .is_positional = true,              \
		.offset = LAYER(field), .choices = list                      \
	}

#define BODY(arg_name, help_text)                                   \
	{                                                               \
		.name = arg_name, .help = help_text, .type = CER_ARG_LAYER, \
		.is_required = true, .is_positional = true                  \
	}

#define ACTIVATION(help_text, required, fallback_value)                      \
	{                                                                        \
		.name = "activation", .help = help_text, .type = CER_ARG_ACTIVATION, \
		.is_required = required, .is_positional = true,                      \
		.fallback = fallback_value, .offset = LAYER(activation)              \
	}

#define INITIAL                                                               \
	{                                                                         \
		.name = "initial", .help = "how its weights begin",                   \
		.type = CER_ARG_CHOICE, .offset = LAYER(initial), .choices = initials \
	}

static const cer_arg children_args[] = {
	{.name = "layers",
     .help = "layers that all take the same input",
     .type = CER_ARG_CHILDREN,
     .is_required = true,
     .is_positional = true},
};
static const cer_arg skip_args[] = {
	BODY("layers", "layers to whose output their input is added"),
};
/* Without a layer of its own: the layers are repeated while the tree is built. */
static const cer_arg repeat_args[] = {
	{.name = "times",
     .help = "how often",
     .type = CER_ARG_INTEGER,
     .least = 0,
     .most = CER_MAX_LAYERS,
     .is_required = true,
     .is_positional = true,
     .offset = LAYER(count)},
	BODY("layers", "layers, each time with weights of their own"),
};
static const cer_arg ensemble_args[] = {
	COUNTED("members", "how many", 256, 0, true),
	BODY("layers", "layers of a member"),
	CHOICE("sharing",
           "weights of each member's own, or one set with factors a member",
           sharings, sharing, false),
};
static const cer_arg by_table_args[] = {
	BODY("tower", "layers that the features of a table go through"),
	CHOICE("joining", "how the towers are put together", joinings, joining,
           false),
};
static const cer_arg pool_rows_args[] = {
	{.name = "table",
     .help = "a table with many rows for one",
     .type = CER_ARG_TABLE,
     .is_required = true,
     .is_positional = true,
     .offset = LAYER(table)},
	BODY("tower", "layers that each of its rows goes through"),
	CHOICE("pool", "how its rows become one vector", pools, pool, false),
};
static const cer_arg of_table_args[] = {
	{.name = "table",
     .help = "of a JOIN or AGGREGATE; source: the task's own features",
     .type = CER_ARG_TABLE,
     .is_required = true,
     .is_positional = true,
     .offset = LAYER(table)},
	BODY("tower", "layers that its features go through"),
};
static const cer_arg tokens_args[] = {
	WIDTH("numbers that stand for one feature", 0, true),
	FLAG("cls", "one more token, which is learnt", has_cls),
};
static const cer_arg series_args[] = {
	WIDTH("numbers that stand for one element", 0, true),
};
static const cer_arg dense_args[] = {
	WIDTH("units", 0, true),
	INITIAL,
	FLAG("unbiased", "without a bias", has_no_bias),
};
static const cer_arg activation_args[] = {
	ACTIVATION("the function", true, CER_RELU),
	FLAG("learnt", "x + a (f(x) - x), with a learnt a of each unit", is_learnt),
};
static const cer_arg dropout_args[] = {
	SHARE("share", "share of values set to 0 in training", true),
	FLAG("alpha", "keeps mean and variance of selu", is_alpha),
};
static const cer_arg norm_args[] = {
	CHOICE("over", "what is normalized: a unit over the batch, or a row", norms,
           norm, true),
};
static const cer_arg cross_args[] = {
	{.name = "rank",
     .help = "rank of its matrix, or 0 for a full one",
     .type = CER_ARG_INTEGER,
     .least = 0,
     .most = CER_MAX_UNITS,
     .is_positional = true,
     .offset = LAYER(rank)},
};
static const cer_arg attention_args[] = {
	COUNTED("heads", "heads, which divide the width of a token", 64, 8, false),
	SHARE("dropout", "share of attention set to 0 in training", false),
};
static const cer_arg glu_args[] = {
	ACTIVATION("the gate's function", false, CER_SIGMOID),
};
static const cer_arg gate_args[] = {
	COUNTED("stages", "units one after the other", 64, 6, false),
	SHARE("dropout", "share of a stage's values set to 0 in training", false),
};
static const cer_arg conv_args[] = {
	WIDTH("channels", 0, true),
	COUNTED("kernel", "tokens that it looks at", 64, 3, false),
};
static const cer_arg conv2d_args[] = {
	WIDTH("channels", 0, true),
	COUNTED("kernel", "rows and columns of the grid that it looks at", 16, 3,
            false),
	{.name = "rows",
     .help = "rows of the grid that the tokens are, row by row",
     .type = CER_ARG_INTEGER,
     .least = 1,
     .most = CER_MAX_UNITS,
     .is_required = true,
     .offset = LAYER(rows)},
};
static const cer_arg recurrent_args[] = {
	WIDTH("units of its state", 0, true),
};
static const cer_arg pool_args[] = {
	CHOICE("pool", "how tokens become one vector", pools, pool, true),
};
static const cer_arg neighbours_args[] = {
	COUNTED("candidates", "training rows that the model keeps, at most",
            1 << 20, CER_CANDIDATES, false),
};
static const cer_arg output_args[] = {
	INITIAL,
};

#define WORD(layer_code, word_name, word_example, word_help)          \
	{                                                                 \
		.name = word_name, .help = word_help, .kind = CER_WORD_LAYER, \
		.code = layer_code, .example = word_example                   \
	}

#define WORD_ARGS(layer_code, word_name, word_example, word_args, word_help) \
	{                                                                        \
		.name = word_name, .help = word_help, .kind = CER_WORD_LAYER,        \
		.code = layer_code, .example = word_example,                         \
		.n_args = COUNT(word_args), .args = word_args                        \
	}

const cer_word cer_layer_words[] = {
	WORD_ARGS(CER_LAYER_CONCAT, "concat",
              "AS concat(mlp(64), tokens(8) > fm) > mlp(32)", children_args,
              "layers side by side: their outputs become one vector"),
	WORD_ARGS(CER_LAYER_SUM, "sum", "AS sum(wide, mlp(64) > output)",
              children_args, "layers side by side: their outputs are added"),
	WORD_ARGS(CER_LAYER_SKIP, "skip",
              "AS dense(64) > skip(norm(batch) > dense(64) > relu)", skip_args,
              "layers, and their input added to their output"),
	WORD_ARGS(CER_LAYER_CHAIN, "repeat",
              "AS dense(64) > repeat(3, skip(dense(64) > relu))", repeat_args,
              "layers so many times, one after the other"),
	WORD_ARGS(CER_LAYER_ENSEMBLE, "ensemble",
              "AS ensemble(8, mlp(64, 32), shared)", ensemble_args,
              "many of the same: what follows sees each member, their answers "
              "are averaged"),
	WORD_ARGS(CER_LAYER_BY_TABLE, "by_table",
              "AS by_table(mlp(128, 64), concat) > mlp(64)", by_table_args,
              "a tower for each table of FE"),
	WORD_ARGS(
		CER_LAYER_POOL_ROWS, "pool_rows",
		"AS concat(features, pool_rows(bookings, mlp(64), mean)) > mlp(32)",
		pool_rows_args, "a learnt aggregate of the rows of a child table"),
	WORD_ARGS(
		CER_LAYER_OF_TABLE, "of_table",
		"AS concat(of_table(source, mlp(64)), of_table(planes, mlp(256, 64))) > "
		"mlp(64)",
		of_table_args, "layers over the features of one table of FE"),

	WORD(CER_LAYER_FEATURES, "features", "AS concat(features, mlp(64))",
         "all features as one vector"),
	WORD_ARGS(CER_LAYER_TOKENS, "tokens",
              "AS tokens(16, cls) > attention(4) > pool(first)", tokens_args,
              "a vector for each feature"),
	WORD_ARGS(CER_LAYER_SERIES, "series",
              "AS series(16) > gru(32) > pool(last)", series_args,
              "a vector for each element of FE's arrays, in order; for each "
              "feature where FE has no arrays"),
	WORD(CER_LAYER_WIDE, "wide", "AS sum(wide, mlp(64) > output)",
         "a logit of each class, linear in features"),

	WORD_ARGS(CER_LAYER_DENSE, "dense",
              "AS dense(64, initial = he) > relu > dense(32)", dense_args,
              "each unit sees all units before it"),
	WORD_ARGS(CER_LAYER_ACTIVATION, "activation",
              "AS dense(64) > activation(selu, learnt)", activation_args,
              "a function of each unit; its name alone is enough"),
	WORD_ARGS(CER_LAYER_DROPOUT, "dropout",
              "AS dense(64) > relu > dropout(0.2)", dropout_args,
              "sets values to 0 in training"),
	WORD_ARGS(CER_LAYER_NORM, "norm", "AS dense(64) > norm(batch) > relu",
              norm_args,
              "mean 0 and variance 1, then a learnt factor and shift"),
	WORD(CER_LAYER_SCALE, "scale", "AS scale > mlp(64)",
         "a learnt factor of each unit"),
	WORD_ARGS(CER_LAYER_CROSS, "cross", "AS concat(repeat(2, cross), mlp(64))",
              cross_args,
              "products with the first input (Wang and others 2021)"),
	WORD(CER_LAYER_FM, "fm", "AS concat(tokens(8) > fm, mlp(64))",
         "products of all pairs of tokens, added"),
	WORD_ARGS(CER_LAYER_ATTENTION, "attention",
              "AS tokens(16) > skip(attention(4)) > flatten", attention_args,
              "each token looks at all tokens"),
	WORD_ARGS(CER_LAYER_GLU, "glu", "AS dense(128) > glu(sigmoid) > dense(32)",
              glu_args, "one half of the units gates the other"),
	WORD_ARGS(CER_LAYER_GATE, "gate", "AS norm(batch) > gate(4)", gate_args,
              "gated feature learning units (Joseph, Raj 2022)"),
	WORD_ARGS(CER_LAYER_CONV, "conv1d",
              "AS tokens(8) > conv1d(16, 3) > relu > pool(max)", conv_args,
              "sees some tokens beside each other"),
	WORD_ARGS(CER_LAYER_CONV2D, "conv2d",
              "AS tokens(8) > conv2d(16, 3, rows = 4) > relu > pool(max)",
              conv2d_args, "sees some tokens around each, in a grid"),
	WORD_ARGS(
		CER_LAYER_GRU, "gru", "AS tokens(8) > gru(32) > pool(mean)",
		recurrent_args,
		"goes through the tokens in order, with a state (Cho and others 2014)"),
	WORD_ARGS(CER_LAYER_LSTM, "lstm", "AS tokens(8) > lstm(32) > pool(last)",
              recurrent_args,
              "as gru, with a memory beside the state (Hochreiter, Schmidhuber "
              "1997)"),
	WORD(CER_LAYER_POSITION, "position",
         "AS tokens(16) > position > attention(4) > pool(mean)",
         "a learnt vector of each token's place, added to it"),
	WORD_ARGS(CER_LAYER_POOL, "pool",
              "AS tokens(16) > attention(4) > pool(mean)", pool_args,
              "tokens become one vector"),
	WORD(CER_LAYER_FLATTEN, "flatten", "AS tokens(16) > attention(4) > flatten",
         "tokens one after the other"),
	WORD_ARGS(CER_LAYER_NEIGHBOURS, "neighbours", "AS dense(32) > neighbours",
              neighbours_args,
              "answers by the labels of training rows that are near"),
	WORD_ARGS(CER_LAYER_OUTPUT, "output", "AS sum(wide, mlp(64) > output)",
              output_args,
              "a logit of each class; the end of a network, added where none "
              "is written"),
};
const size_t cer_layer_word_count = COUNT(cer_layer_words);
