/*
 * lang/schema.c
 *	  The words of the language.
 *
 * Defaults belong to the language version: once released, a default changes
 * only with CER_LANGUAGE_VERSION, as what is left out of a stored text means
 * the default of the version that the text names.
 */
#include "lang/schema.h"

#include "base/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What both JSON and a double hold exactly. */
#define MAX_SEED 9007199254740991.0

#define SETTING(field) offsetof(cer_settings, field)

/* Left to the structure. */
#define BY_STRUCTURE .word = "auto", .fallback = CER_AUTO

#define RATE_FIELDS                                                         \
	.name = "lr",                                                           \
	.help = "learning rate; pieces(a, 5, b) is a until epoch 5, then b",    \
	.type = CER_ARG_NUMBER, .least = 0, .is_above_least = true, .most = 10, \
	.offset = SETTING(lr), .list = "pieces"

#define DECAY_FIELDS(help_text)                                             \
	.name = "decay", .help = help_text, .type = CER_ARG_NUMBER, .least = 0, \
	.most = 1, .offset = SETTING(decay)

#define ADAM_MOMENTS                                                           \
	{.name = "beta1",                                                          \
	 .help = "how much of the mean gradient is kept per step",                 \
	 .type = CER_ARG_NUMBER,                                                   \
	 .least = 0,                                                               \
	 .most = 1,                                                                \
	 .is_below_most = true,                                                    \
	 .fallback = 0.9,                                                          \
	 .offset = SETTING(beta1)},                                                \
		{.name = "beta2",                                                      \
	     .help = "how much of the mean squared gradient is kept per step",     \
	     .type = CER_ARG_NUMBER,                                               \
	     .least = 0,                                                           \
	     .most = 1,                                                            \
	     .is_below_most = true,                                                \
	     BY_STRUCTURE,                                                         \
	     .offset = SETTING(beta2)},                                            \
	{                                                                          \
		.name = "eps",                                                         \
		.help = "added to the root of the mean squared gradient",              \
		.type = CER_ARG_NUMBER, .least = 0, .is_above_least = true, .most = 1, \
		.fallback = 1e-8, .offset = SETTING(epsilon)                           \
	}

static const cer_arg sgd_args[] = {
	{RATE_FIELDS, .fallback = 0.1},
	{.name = "momentum",
     .help = "how much of the last step is kept",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1,
     .is_below_most = true,
     .fallback = 0.9,
     .offset = SETTING(momentum)},
	{DECAY_FIELDS("weight decay, added to the gradient")},
};

static const cer_arg adam_args[] = {
	{RATE_FIELDS, BY_STRUCTURE},
	ADAM_MOMENTS,
	{DECAY_FIELDS("weight decay, added to the gradient")},
};

static const cer_arg adamw_args[] = {
	{RATE_FIELDS, BY_STRUCTURE},
	ADAM_MOMENTS,
	{DECAY_FIELDS("weight decay, taken from the weights in each step"),
     BY_STRUCTURE},
};

static const cer_arg nadam_args[] = {
	{RATE_FIELDS, BY_STRUCTURE},
	ADAM_MOMENTS,
	{.name = "momentum_decay",
     .help = "how slowly the momentum comes to its full value",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1,
     .fallback = 0.004,
     .offset = SETTING(momentum_decay)},
	{DECAY_FIELDS("weight decay, added to the gradient")},
};

static const cer_arg muon_args[] = {
	{RATE_FIELDS, BY_STRUCTURE},
	{.name = "momentum",
     .help = "how much of the mean gradient of a matrix is kept per step",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1,
     .is_below_most = true,
     .fallback = 0.95,
     .offset = SETTING(momentum)},
	ADAM_MOMENTS,
	{DECAY_FIELDS("weight decay, taken from the weights in each step"),
     BY_STRUCTURE},
};

/* In the order of their enums. */
static const char *const schedules[] = {"constant", "cosine",  "onecycle",
                                        "coslog",   "plateau", NULL};
static const char *const weightings[] = {"none", "balanced", NULL};
static const char *const products[] = {"fp32", "bf16", NULL};
static const char *const metrics[] = {"log_loss", "auc", "accuracy", NULL};

static const cer_arg settings[] = {
	{.name = "batch",
     .help = "rows per step; auto: by the number of training rows",
     .type = CER_ARG_INTEGER,
     .least = 1,
     .most = 1048576,
     BY_STRUCTURE,
     .offset = SETTING(batch)},
	{.name = "epochs",
     .help = "how often the training rows are gone through, at most",
     .type = CER_ARG_INTEGER,
     .least = 1,
     .most = CER_MAX_EPOCHS,
     BY_STRUCTURE,
     .offset = SETTING(epochs)},
	{.name = "stop",
     .help = "the last epoch that is trained, though rates are planned for "
             "all; 0: all are",
     .type = CER_ARG_INTEGER,
     .least = 0,
     .most = CER_MAX_EPOCHS,
     .offset = SETTING(stop)},
	{.name = "patience",
     .help = "epochs without a better validation loss before training stops, "
             "or 0 for never",
     .type = CER_ARG_INTEGER,
     .least = 0,
     .most = CER_MAX_EPOCHS,
     BY_STRUCTURE,
     .offset = SETTING(patience)},
	{.name = "activation",
     .help = "function after each hidden layer",
     .type = CER_ARG_ACTIVATION,
     .fallback = CER_RELU,
     .offset = SETTING(activation)},
	{.name = "dropout",
     .help = "share of hidden values set to 0 in training",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1,
     .is_below_most = true,
     BY_STRUCTURE,
     .offset = SETTING(dropout)},
	{.name = "schedule",
     .help = "how the learning rate goes through the training",
     .type = CER_ARG_CHOICE,
     BY_STRUCTURE,
     .offset = SETTING(schedule),
     .choices = schedules},
	{.name = "warmup",
     .help =
         "share of steps in which the learning rate rises to its full value",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1,
     .is_below_most = true,
     .fallback = 0,
     .offset = SETTING(warmup)},
	{.name = "fade",
     .help = "share of steps, the last ones, in which dropout and weight decay "
             "fall to 0",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1,
     .fallback = 0,
     .offset = SETTING(fade)},
	{.name = "label_smoothing",
     .help = "share of a label that is given to all classes alike",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1,
     .is_below_most = true,
     BY_STRUCTURE,
     .offset = SETTING(smoothing)},
	{.name = "mixup",
     .help = "alpha of Beta(alpha, alpha), which shares of two rows are drawn "
             "from that are mixed in training, with their labels (Zhang and "
             "others 2018), or 0 for rows alone",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 100,
     .offset = SETTING(mixup)},
	{.name = "clip",
     .help = "largest norm of a step's gradient, or 0 for any",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1000000,
     BY_STRUCTURE,
     .offset = SETTING(clip)},
	{.name = "embed_decay",
     .help = "how much half the squares of what a row's categories stand for "
             "count beside its loss",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1000,
     .offset = SETTING(embed_decay)},
	{.name = "average",
     .help = "share that a mean of the weights keeps of itself in a step; the "
             "mean is what becomes the model; 0: the weights do",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1,
     .is_below_most = true,
     .offset = SETTING(average)},
	{.name = "shuffle",
     .help = "rows that are shuffled together, so that more of them than "
             "cerebro.engine_memory holds are streamed from a file; 0: all",
     .type = CER_ARG_INTEGER,
     .least = 0,
     .most = 1073741824,
     .offset = SETTING(shuffle)},
	{.name = "class_weights",
     .help = "how much rows of each class count; balanced: all classes as "
             "much; weights(1, 5): in the order of the task's classes",
     .type = CER_ARG_CHOICE,
     .least = 0,
     .most = 1000000,
     .is_above_least = true,
     .fallback = CER_CLASSES_AS_ROWS,
     .offset = SETTING(weighting),
     .choices = weightings,
     .list = "weights"},
	{.name = "focal",
     .help = "how much less a row counts that is answered well (gamma of the "
             "focal loss, Lin and others 2017), or 0 for as much",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 10,
     .offset = SETTING(focal)},
	{.name = "metric",
     .help = "what chooses the best epoch, on validation rows",
     .type = CER_ARG_CHOICE,
     .fallback = CER_METRIC_LOG_LOSS,
     .offset = SETTING(metric),
     .choices = metrics},
	{.name = "products",
     .help = "what dense layers multiply in training: fp32, or numbers rounded "
             "to bf16, which needs a processor with AVX-512 BF16; sums and "
             "weights stay fp32",
     .type = CER_ARG_CHOICE,
     .fallback = CER_PRODUCTS_FP32,
     .offset = SETTING(products),
     .choices = products},
	{.name = "seed",
     .help = "start of all random numbers",
     .type = CER_ARG_INTEGER,
     .least = 0,
     .most = MAX_SEED,
     .fallback = 0,
     .offset = SETTING(seed)},
};

#define WORD(word_kind, word_code, word_name, word_help)         \
	{                                                            \
		.name = word_name, .help = word_help, .kind = word_kind, \
		.code = word_code                                        \
	}

#define WORD_ARGS(word_kind, word_code, word_name, word_args, word_help) \
	{                                                                    \
		.name = word_name, .help = word_help, .kind = word_kind,         \
		.code = word_code, .n_args = COUNT(word_args), .args = word_args \
	}

static const cer_word words[] = {
	WORD_ARGS(CER_WORD_OPTIMIZER, CER_ADAM, "adam", adam_args,
              "Adam (Kingma, Ba 2015)"),
	WORD_ARGS(CER_WORD_OPTIMIZER, CER_ADAMW, "adamw", adamw_args,
              "Adam with decoupled weight decay (Loshchilov, Hutter 2019)"),
	WORD_ARGS(CER_WORD_OPTIMIZER, CER_MUON, "muon", muon_args,
              "steps of hidden matrices made orthogonal, as long as those of "
              "AdamW, which moves the rest (Jordan 2024)"),
	WORD_ARGS(CER_WORD_OPTIMIZER, CER_NADAM, "nadam", nadam_args,
              "Adam with Nesterov's momentum (Dozat 2016)"),
	WORD_ARGS(CER_WORD_OPTIMIZER, CER_SGD, "sgd", sgd_args,
              "stochastic gradient descent with momentum"),

	WORD(CER_WORD_ACTIVATION, CER_IDENTITY, "identity", "x"),
	WORD(CER_WORD_ACTIVATION, CER_RELU, "relu", "x above 0, else 0"),
	WORD(CER_WORD_ACTIVATION, CER_LEAKY_RELU, "leaky_relu",
         "x above 0, else 0.01 x"),
	WORD(CER_WORD_ACTIVATION, CER_GELU, "gelu",
         "x times the normal distribution function of x"),
	WORD(CER_WORD_ACTIVATION, CER_SILU, "silu", "x times sigmoid of x"),
	WORD(CER_WORD_ACTIVATION, CER_SELU, "selu",
         "scaled exponential linear unit (Klambauer and others 2017)"),
	WORD(CER_WORD_ACTIVATION, CER_TANH, "tanh", "hyperbolic tangent"),
	WORD(CER_WORD_ACTIVATION, CER_SIGMOID, "sigmoid", "1 / (1 + exp(-x))"),
	WORD(CER_WORD_ACTIVATION, CER_MISH, "mish",
         "x times tanh of ln(1 + exp(x)) (Misra 2019)"),
	WORD(CER_WORD_ACTIVATION, CER_ELU, "elu", "x above 0, else exp(x) - 1"),

	WORD_ARGS(CER_WORD_SECTION, 0, "PT", settings, "how a network is trained"),
};

size_t
cer_schema_count(void)
{
	return cer_structure_word_count + cer_layer_word_count +
	       cer_encoder_word_count + COUNT(words);
}

const cer_word *
cer_schema_get(size_t i)
{
	if (i < cer_structure_word_count)
		return &cer_structure_words[i];
	i -= cer_structure_word_count;
	if (i < cer_layer_word_count)
		return &cer_layer_words[i];
	i -= cer_layer_word_count;
	if (i < cer_encoder_word_count)
		return &cer_encoder_words[i];
	return &words[i - cer_encoder_word_count];
}

/* The words among which those of a kind are. */
static const cer_word *
get_list(cer_word_kind kind, size_t *n)
{
	switch (kind)
	{
		case CER_WORD_STRUCTURE:
			*n = cer_structure_word_count;
			return cer_structure_words;
		case CER_WORD_LAYER:
			*n = cer_layer_word_count;
			return cer_layer_words;
		case CER_WORD_ENCODER:
			*n = cer_encoder_word_count;
			return cer_encoder_words;
		default:
			*n = COUNT(words);
			return words;
	}
}

const cer_word *
cer_schema_find(cer_word_kind kind, cer_text name)
{
	size_t n;
	const cer_word *list = get_list(kind, &n);

	if (name.size == 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (list[i].name[0] == name.data[0] && list[i].kind == kind &&
		    cer_text_is(name, list[i].name))
			return &list[i];
	return NULL;
}

const cer_word *
cer_schema_find_code(cer_word_kind kind, int code)
{
	size_t n;
	const cer_word *list = get_list(kind, &n);

	for (size_t i = 0; i < n; i++)
		if (list[i].kind == kind && list[i].code == code)
			return &list[i];
	return NULL;
}

const cer_arg *
cer_word_find_arg(const cer_word *word, cer_text name)
{
	for (size_t i = 0; i < word->n_args; i++)
		if (cer_text_is(name, word->args[i].name))
			return &word->args[i];
	return NULL;
}

bool
cer_schema_is_setting(cer_text name)
{
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);

		if ((word->kind == CER_WORD_SECTION ||
		     word->kind == CER_WORD_OPTIMIZER) &&
		    cer_word_find_arg(word, name) != NULL)
			return true;
	}
	return false;
}

const char *const *
cer_arg_find_choice(const cer_arg *arg, cer_text name)
{
	for (const char *const *choice = arg->choices; *choice; choice++)
		if (cer_text_is(name, *choice))
			return choice;
	return NULL;
}

const char *
cer_word_kind_name(cer_word_kind kind)
{
	switch (kind)
	{
		case CER_WORD_STRUCTURE:
			return "structure";
		case CER_WORD_LAYER:
			return "layer";
		case CER_WORD_ENCODER:
			return "encoder";
		case CER_WORD_OPTIMIZER:
			return "optimizer";
		case CER_WORD_ACTIVATION:
			return "activation";
		case CER_WORD_SECTION:
			break;
	}
	return "section";
}

static void
describe_choices(const cer_arg *arg, char *text, size_t size)
{
	size_t used = (size_t) snprintf(text, size, "%s", arg->choices[0]);

	for (size_t i = 1; arg->choices[i] != NULL && used < size; i++)
		used += (size_t) snprintf(text + used, size - used, "%s%s",
		                          arg->choices[i + 1] ? ", " : " or ",
		                          arg->choices[i]);
}

static void
describe_range(const cer_arg *arg, char *text, size_t size)
{
	snprintf(text, size, "a %snumber %s %.16g%s %.16g",
	         arg->type == CER_ARG_NUMBER ? "" : "whole ",
	         arg->is_above_least ? "above" : "from", arg->least,
	         arg->is_below_most    ? " to below"
	         : arg->is_above_least ? ", at most"
	                               : " to",
	         arg->most);
}

static void
describe_values(const cer_arg *arg, char *text, size_t size)
{
	switch (arg->type)
	{
		case CER_ARG_NUMBER:
		case CER_ARG_INTEGER:
		case CER_ARG_WIDTHS:
			describe_range(arg, text, size);
			break;
		case CER_ARG_ACTIVATION:
			snprintf(text, size, "an activation");
			break;
		case CER_ARG_CHOICE:
			describe_choices(arg, text, size);
			break;
		case CER_ARG_FLAG:
			snprintf(text, size, "the word itself");
			break;
		case CER_ARG_TABLE:
			snprintf(text, size, "the name of a table");
			break;
		case CER_ARG_LAYER:
		case CER_ARG_CHILDREN:
			snprintf(text, size, "layers");
			break;
	}
}

void
cer_arg_describe(const cer_arg *arg, char *text, size_t size)
{
	size_t used;

	describe_values(arg, text, size);
	used = strlen(text);
	if (arg->word != NULL)
		used +=
			(size_t) snprintf(text + used, size - used, ", or %s", arg->word);
	if (arg->list != NULL && used < size)
		snprintf(text + used, size - used, ", or %s(...)", arg->list);
}

const char *
cer_activation_name(cer_activation activation)
{
	return cer_schema_find_code(CER_WORD_ACTIVATION, (int) activation)->name;
}
