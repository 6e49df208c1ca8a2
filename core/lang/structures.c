/*
 * lang/structures.c
 *	  Structures: layers under a name, written in the language itself, with
 *	  parameters that are checked.
 *
 * Defaults follow the sources that a help text names; activation and dropout
 * are PT's unless the call says otherwise.
 */
#include "lang/schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const size_t mlp_widths[] = {256, 128};
static const size_t snn_widths[] = {384, 384};
static const size_t deep_widths[] = {256, 128, 64};
static const size_t tabm_widths[] = {512, 512, 512};
static const size_t realmlp_widths[] = {256, 256, 256};
static const size_t tower_widths[] = {128};

#define WIDTHS(fallback)                                            \
	{                                                               \
		.name = "units",                                            \
		.help = "widths of the hidden layers, as in 256 x 2, 64",   \
		.type = CER_ARG_WIDTHS, .least = 1, .most = CER_MAX_UNITS,  \
		.is_positional = true, .n_fallback_units = COUNT(fallback), \
		.fallback_units = fallback                                  \
	}

#define INTEGER(arg_name, least_value, most_value, fallback_value, help_text) \
	{                                                                         \
		.name = arg_name, .help = help_text, .type = CER_ARG_INTEGER,         \
		.least = least_value, .most = most_value, .fallback = fallback_value  \
	}

#define SHARE(arg_name, fallback_value, help_text)                   \
	{                                                                \
		.name = arg_name, .help = help_text, .type = CER_ARG_NUMBER, \
		.least = 0, .most = 1, .is_below_most = true,                \
		.fallback = fallback_value                                   \
	}

#define WIDTH(fallback, help) INTEGER("width", 1, CER_MAX_UNITS, fallback, help)
#define BLOCKS(fallback) \
	INTEGER("blocks", 1, CER_MAX_LAYERS, fallback, "how often it is repeated")
#define HEADS(fallback) \
	INTEGER("heads", 1, 64, fallback, "heads, which divide the width")
#define MEMBERS(fallback) INTEGER("members", 1, 256, fallback, "how many")
#define TOKEN(fallback)   WIDTH(fallback, "numbers that stand for one feature")

#define ACTIVATION                                                        \
	{                                                                     \
		.name = "activation", .help = "function after each hidden layer", \
		.type = CER_ARG_ACTIVATION, .setting = "activation"               \
	}

#define DROPOUT                                                               \
	{                                                                         \
		.name = "dropout",                                                    \
		.help = "share of hidden values set to 0 in training",                \
		.type = CER_ARG_NUMBER, .least = 0, .most = 1, .is_below_most = true, \
		.setting = "dropout"                                                  \
	}

static const cer_arg mlp_args[] = {WIDTHS(mlp_widths), ACTIVATION, DROPOUT};
static const cer_arg snn_args[] = {WIDTHS(snn_widths), DROPOUT};
static const cer_arg residual_args[] = {
	BLOCKS(2),
	WIDTH(192, "units that are added to"),
	INTEGER("hidden", 1, CER_MAX_UNITS, 384, "units within a block"),
	ACTIVATION,
	DROPOUT,
};
static const cer_arg deep_args[] = {WIDTHS(deep_widths), ACTIVATION, DROPOUT};
static const cer_arg deepfm_args[] = {WIDTHS(deep_widths), TOKEN(8), ACTIVATION,
                                      DROPOUT};
static const cer_arg dcn_args[] = {
	WIDTH(256, "units of all layers"),
	INTEGER("crosses", 1, CER_MAX_LAYERS, 3, "cross layers"),
	INTEGER("layers", 1, CER_MAX_LAYERS, 2, "dense layers beside them"),
	INTEGER("rank", 0, CER_MAX_UNITS, 0,
            "rank of a cross, or 0 for a full one"),
	ACTIVATION,
	DROPOUT,
};
static const cer_arg autoint_args[] = {BLOCKS(2), TOKEN(32), HEADS(2),
                                       ACTIVATION, DROPOUT};
static const cer_arg tabm_args[] = {WIDTHS(tabm_widths), MEMBERS(32),
                                    ACTIVATION, DROPOUT};
static const cer_arg ft_args[] = {
	BLOCKS(3),
	WIDTH(192, "numbers that stand for one feature"),
	HEADS(8),
	INTEGER("hidden", 1, CER_MAX_UNITS, 256, "gated units within a block"),
	SHARE("attention_dropout", 0.2, "share of attention set to 0 in training"),
	DROPOUT,
};
static const cer_arg realmlp_args[] = {
	WIDTHS(realmlp_widths),
	{.name = "activation",
     .help = "function after each hidden layer, of which a share is learnt",
     .type = CER_ARG_ACTIVATION,
     .fallback = CER_SELU},
	DROPOUT,
};
static const cer_arg gandalf_args[] = {
	INTEGER("stages", 1, CER_MAX_LAYERS, 6, "units one after the other"),
	SHARE("dropout", 0, "share of a stage's values set to 0 in training"),
};
static const cer_arg nca_args[] = {
	WIDTH(128, "numbers in which rows are near each other"),
	INTEGER("blocks", 0, CER_MAX_LAYERS, 0, "residual blocks before it"),
	INTEGER("hidden", 1, CER_MAX_UNITS, 512, "units within a block"),
	INTEGER("candidates", 1, 1 << 20, CER_CANDIDATES,
            "training rows that the model keeps, at most"),
	ACTIVATION,
	DROPOUT,
};
static const cer_arg conv_args[] = {
	WIDTHS(tower_widths),
	INTEGER("kernel", 1, 64, 3, "elements that a layer looks at"),
	INTEGER("token", 1, 1024, 16, "numbers that stand for one element"),
	ACTIVATION,
	DROPOUT,
};
static const cer_arg transformer_args[] = {
	BLOCKS(2),
	WIDTH(32, "numbers that stand for one element"),
	HEADS(4),
	INTEGER("hidden", 1, CER_MAX_UNITS, 64, "units within a block"),
	SHARE("attention_dropout", 0, "share of attention set to 0 in training"),
	ACTIVATION,
	DROPOUT,
};
static const cer_arg auto_args[] = {
	{.name = "budget",
     .help = "seconds in which several are tried and put together, or 0 for "
             "one",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1e6,
     .is_positional = true,
     .fallback = 0},
};
static const cer_arg recurrent_args[] = {
	WIDTHS(tower_widths),
	INTEGER("token", 1, 1024, 16, "numbers that stand for one element"),
	DROPOUT,
};

#define STRUCTURE(word_name, word_args, word_help, word_example, word_body) \
	{                                                                       \
		.name = word_name, .help = word_help, .kind = CER_WORD_STRUCTURE,   \
		.body = word_body, .example = word_example,                         \
		.n_args = COUNT(word_args), .args = word_args                       \
	}

const cer_word cer_structure_words[] = {
	STRUCTURE("mlp", mlp_args,
              "dense layers, each followed by the activation and dropout",
              "AS mlp(256 x 2, 64)",
              "each(width, units, dense(width) > activation(activation)"
              " > dropout(dropout))"),
	STRUCTURE("snn", snn_args,
              "dense layers that keep mean 0 and variance 1 (Klambauer and "
              "others 2017)",
              "AS snn(384 x 4) PT dropout = 0.05",
              "each(width, units, dense(width, initial = lecun) > selu"
              " > dropout(dropout, alpha))"),
	STRUCTURE("residual", residual_args,
              "blocks whose input is added to their output (Gorishniy and "
              "others 2021)",
              "AS residual(4, 128, hidden = 256)",
              "dense(width) > repeat(blocks, skip(norm(batch) > dense(hidden)"
              " > activation(activation) > dropout(dropout) > dense(width)))"
              " > norm(batch) > activation(activation)"),
	STRUCTURE("wide_deep", deep_args,
              "a linear model and dense layers, trained together (Cheng and "
              "others 2016)",
              "AS wide_deep(256, 64)",
              "sum(wide, mlp(units, activation = activation,"
              " dropout = dropout) > output)"),
	STRUCTURE("deepfm", deepfm_args,
              "as wide_deep, with products of pairs of features (Guo and "
              "others 2017)",
              "AS deepfm(256, 64, width = 16)",
              "sum(wide, tokens(width) > concat(fm, flatten > mlp(units,"
              " activation = activation, dropout = dropout)) > output)"),
	STRUCTURE("dcn", dcn_args,
              "crosses of features beside dense layers (Wang and others 2021)",
              "AS dcn(crosses = 2, width = 128)",
              "dense(width) > concat(repeat(crosses, cross(rank)),"
              " mlp(width x layers, activation = activation,"
              " dropout = dropout))"),
	STRUCTURE("autoint", autoint_args,
              "features that attend to each other (Song and others 2019)",
              "AS autoint(3, 16)",
              "tokens(width) > repeat(blocks, skip(attention(heads,"
              " dropout = dropout)) > activation(activation)) > flatten"),
	STRUCTURE("tabm", tabm_args,
              "many perceptrons that share their weights (Gorishniy and "
              "others 2025)",
              "AS tabm(256 x 2, members = 16)",
              "ensemble(members, mlp(units, activation = activation,"
              " dropout = dropout), shared)"),
	STRUCTURE("tabm_mini", tabm_args,
              "one perceptron over many scalings of its input (Gorishniy and "
              "others 2025)",
              "AS tabm_mini(256 x 2, members = 16)",
              "ensemble(members, scale) > mlp(units,"
              " activation = activation, dropout = dropout)"),
	STRUCTURE("ft_transformer", ft_args,
              "a transformer whose tokens are features (Gorishniy and others "
              "2021)",
              "AS ft_transformer(2, 96, hidden = 128)",
              "tokens(width, cls)"
              " > skip(attention(heads, dropout = attention_dropout))"
              " > skip(norm(layer) > dense(2 * hidden) > glu(relu)"
              " > dropout(dropout) > dense(width))"
              " > repeat(blocks - 1, skip(norm(layer)"
              " > attention(heads, dropout = attention_dropout))"
              " > skip(norm(layer) > dense(2 * hidden) > glu(relu)"
              " > dropout(dropout) > dense(width)))"
              " > pool(first) > norm(layer) > relu"),
	STRUCTURE("realmlp", realmlp_args,
              "dense layers with scaled inputs and learnt activations "
              "(Holzmueller and others 2024)",
              "AS realmlp(256 x 3) PT dropout = 0.15",
              "scale > each(width, units, dense(width, initial = ntk)"
              " > activation(activation, learnt) > dropout(dropout))"
              " > output(initial = ntk)"),
	STRUCTURE("gandalf", gandalf_args,
              "gates that choose features stage by stage (Joseph, Raj 2022)",
              "AS gandalf(stages = 4)",
              "norm(batch) > gate(stages, dropout = dropout)"),
	STRUCTURE("modern_nca", nca_args,
              "answers by near rows, with learnt nearness (Ye and others 2025)",
              "AS modern_nca(width = 64)",
              "dense(width) > repeat(blocks, skip(norm(batch) > dense(hidden)"
              " > activation(activation) > dropout(dropout) > dense(width)))"
              " > neighbours(candidates)"),
	STRUCTURE("conv", conv_args,
              "convolutions over the elements of arrays, or over the features, "
              "in order",
              "AS conv(64, 64, kernel = 5)",
              "concat(features, series(token) > each(width, units,"
              " conv1d(width, kernel) > activation(activation)"
              " > dropout(dropout)) > pool(max))"),
	STRUCTURE(
		"recurrent", recurrent_args,
		"goes through the elements of arrays, or through the features, in "
		"order",
		"AS recurrent(64)",
		"concat(features, series(token) > each(width, units, gru(width)"
		" > dropout(dropout)) > pool(last))"),
	STRUCTURE("transformer", transformer_args,
              "elements of arrays, or features, that attend to each other "
              "(Vaswani and others 2017)",
              "AS transformer(2, 32, heads = 4)",
              "concat(features, series(width) > position > repeat(blocks,"
              " skip(norm(layer) > attention(heads,"
              " dropout = attention_dropout)) > skip(norm(layer)"
              " > dense(hidden) > activation(activation) > dropout(dropout)"
              " > dense(width))) > norm(layer) > pool(mean))"),
	/* not made of layers: replaced before a training, see auto.c */
	STRUCTURE("auto", auto_args,
              "what is likely to do well on the task's rows, chosen before the "
              "training",
              "AS auto(60)", NULL),
};
const size_t cer_structure_word_count = COUNT(cer_structure_words);
