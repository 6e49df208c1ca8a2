/*
 * lang/schema_encoders.c
 *	  The words of the language that say how a column becomes numbers or codes.
 */
#include "lang/schema.h"

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SPEC(field) offsetof(cer_encoder_spec, field)

/* A whole number that may be written without its name. */
#define WHOLE(arg_name, arg_field, arg_least, arg_most, arg_fallback, \
              arg_help)                                               \
	{                                                                 \
		.name = arg_name, .help = arg_help, .type = CER_ARG_INTEGER,  \
		.least = arg_least, .most = arg_most, .is_positional = true,  \
		.fallback = arg_fallback, .offset = SPEC(arg_field)           \
	}

static const cer_arg embed_args[] = {
	{.name = "width",
     .help = "numbers that stand for one value",
     .type = CER_ARG_INTEGER,
     .least = 1,
     .most = 1024,
     .is_positional = true,
     .fallback = 8,
     .offset = SPEC(width)},
};

static const cer_arg quantile_args[] = {
	{.name = "n",
     .help = "points of the grid; 0: one in 30 training rows, from 10 to 1000",
     .type = CER_ARG_INTEGER,
     .least = 0,
     .most = 100000,
     .fallback = 0,
     .offset = SPEC(width)},
};

static const cer_arg ple_args[] = {
	{.name = "n",
     .help = "bins, of as many training rows each",
     .type = CER_ARG_INTEGER,
     .least = 1,
     .most = 1024,
     .fallback = CER_PLE_BINS,
     .offset = SPEC(width)},
	{.name = "d",
     .help = "learnt numbers instead of the bins themselves: the width of a "
             "linear map; 0: the bins",
     .type = CER_ARG_INTEGER,
     .least = 0,
     .most = 1024,
     .fallback = 0,
     .offset = SPEC(depth)},
};

/* Deviation of frequencies at first. */
#define SIGMA(default_value)                                              \
	{                                                                     \
		.name = "sigma", .help = "deviation of the frequencies at first", \
		.type = CER_ARG_NUMBER, .least = 0, .is_above_least = true,       \
		.most = 1000, .fallback = default_value, .offset = SPEC(scale)    \
	}

static const cer_arg periodic_args[] = {
	WHOLE("k", width, 1, 1024, 48, "frequencies"),
	WHOLE("d", depth, 1, 1024, 24, "learnt numbers made of their waves"),
	SIGMA(0.05),
};

static const cer_arg pbld_args[] = {
	WHOLE("k", width, 1, 1024, 16, "frequencies"),
	WHOLE("d", depth, 1, 1024, 3, "learnt numbers made of their waves"),
	SIGMA(0.1),
};

static const cer_arg ngram_args[] = {
	WHOLE("n", gram, 1, 8, 3, "characters of a piece"),
	WHOLE("d", depth, 1, 1024, 8, "numbers that stand for one row"),
	WHOLE("rows", width, 2, 16777216, 4096, "rows that the pieces share"),
	WHOLE("most", most, 1, 256, 32, "pieces of one text, at most"),
};

static const cer_arg bins_args[] = {
	WHOLE("n", width, 2, 1024, 20, "bins, of about as many training rows each"),
};

static const cer_arg hash_args[] = {
	WHOLE("n", width, 2, 16777216, 4096, "rows that the values share"),
	WHOLE("d", depth, 1, 1024, 8, "numbers that stand for one row"),
};

static const cer_arg rate_args[] = {
	WHOLE("n", width, 0, 1024, 0,
          "bins, of as many training rows each; 0: one in 1000 rows, from 2 to "
          "32; for two classes"),
};

static const cer_arg sequence_args[] = {
	{.name = "n",
     .help = "elements of an array that are seen; fewer may be there",
     .type = CER_ARG_INTEGER,
     .least = 1,
     .most = 1000,
     .is_required = true,
     .is_positional = true,
     .offset = SPEC(width)},
};

static const char *const bag_pools[] = {
	[CER_BAG_MEAN] = "mean", [CER_BAG_SUM] = "sum", NULL};

static const cer_arg bag_args[] = {
	WHOLE("d", depth, 1, 1024, 8, "numbers that stand for one element"),
	{.name = "pool",
     .help = "what is made of the vectors of one array",
     .type = CER_ARG_CHOICE,
     .is_positional = true,
     .fallback = CER_BAG_MEAN,
     .offset = SPEC(pool),
     .choices = bag_pools},
	WHOLE("most", most, 0, 256, 0,
          "elements of one array, the first ones; 0: as many as a training "
          "row has, at most 256"),
};

static const cer_arg cycles_args[] = {
	{.name = "period",
     .help = "length of the period in the column's unit; 0: the day, week, "
             "month and year of a date or time",
     .type = CER_ARG_NUMBER,
     .least = 0,
     .most = 1e12,
     .is_positional = true,
     .fallback = 0,
     .offset = SPEC(scale)},
};

#define WORD(word_code, word_name, word_help)                           \
	{                                                                   \
		.name = word_name, .help = word_help, .kind = CER_WORD_ENCODER, \
		.code = word_code                                               \
	}

#define WORD_ARGS(word_code, word_name, word_args, word_help)            \
	{                                                                    \
		.name = word_name, .help = word_help, .kind = CER_WORD_ENCODER,  \
		.code = word_code, .n_args = COUNT(word_args), .args = word_args \
	}

/* Of columns that are not plain numbers, or with an argument that must be. */
#define WORD_OF(word_code, word_name, word_example, word_help)          \
	{                                                                   \
		.name = word_name, .help = word_help, .kind = CER_WORD_ENCODER, \
		.code = word_code, .example = word_example                      \
	}

#define WORD_SHOWN(word_code, word_name, word_args, word_example, word_help) \
	{                                                                        \
		.name = word_name, .help = word_help, .kind = CER_WORD_ENCODER,      \
		.code = word_code, .n_args = COUNT(word_args), .args = word_args,    \
		.example = word_example                                              \
	}

const cer_word cer_encoder_words[] = {
	WORD(CER_ENCODER_ROBUST, "robust",
         "number: minus the median, over the interquartile range, large values "
         "drawn in"),
	WORD(CER_ENCODER_STANDARDIZE, "standardize",
         "number: minus the mean, over the standard deviation"),
	WORD(
		CER_ENCODER_LOG, "log",
		"number: the logarithm of 1 + its size, with its sign, then as robust"),
	WORD_ARGS(CER_ENCODER_QUANTILE, "quantile", quantile_args,
              "number: the normal deviate of its rank among the training rows"),
	WORD_ARGS(CER_ENCODER_PLE, "ple", ple_args,
              "number: how far it has come through each of n bins (piecewise "
              "linear encoding)"),
	WORD_ARGS(CER_ENCODER_PERIODIC, "periodic", periodic_args,
              "number: as robust, and learnt numbers of sines and cosines of "
              "learnt frequencies (Gorishniy and others 2022)"),
	WORD_ARGS(CER_ENCODER_PBLD, "pbld", pbld_args,
              "number: as robust, and learnt numbers of cosines of learnt "
              "frequencies and phases (Holzmueller and others 2024)"),
	WORD_ARGS(CER_ENCODER_BINS, "bins", bins_args, "number: an input per bin"),
	WORD_SHOWN(
		CER_ENCODER_CYCLES, "cycles", cycles_args,
		"FE *, time_hour : cycles + parts",
		"date, time or number: sine and cosine of the way through periods "
		"that come again"),
	WORD_OF(CER_ENCODER_PARTS, "parts", "FE *, time_hour : parts",
            "date or time: an input per year, month, day, weekday, hour and "
            "minute"),
	WORD_OF(CER_ENCODER_ONEHOT, "onehot", "FE *, origin : onehot",
            "category, or number as one: an input per value"),
	WORD_SHOWN(CER_ENCODER_EMBED, "embed", embed_args, "FE *, dest : embed(16)",
               "category, or number as one: a learnt vector per value"),
	WORD_SHOWN(CER_ENCODER_HASH, "hash", hash_args,
               "FE *, tailnum : hash(4096)",
               "category, or number as one: a learnt vector per hash of the "
               "value, which is not stored"),
	WORD_SHOWN(CER_ENCODER_RATE, "rate", rate_args, "FE *, tailnum : rate",
               "category, or number as one: how often the label's classes are "
               "among the other training rows of the value (target encoding)"),
	WORD_SHOWN(CER_ENCODER_BAG, "bag", bag_args, "FE *, tags : bag(8, sum)",
               "array of categories or whole numbers: the mean or sum of a "
               "learnt vector per element (embedding bag)"),
	WORD_SHOWN(
		CER_ENCODER_SEQUENCE, "sequence", sequence_args,
		"FE *, readings : sequence(24)",
		"array of numbers: its first n elements, by mean and deviation of "
		"all of them, and how many there are"),
	WORD_SHOWN(CER_ENCODER_NGRAM, "ngram", ngram_args,
               "FE *, remark : ngram(3)",
               "text: the sum of learnt vectors of its pieces of n characters, "
               "by their hashes"),
};

const size_t cer_encoder_word_count = COUNT(cer_encoder_words);

const char *
cer_encoder_name(cer_encoder_kind kind)
{
	if (kind == CER_ENCODER_AUTO)
		return "auto";
	return cer_schema_find_code(CER_WORD_ENCODER, (int) kind)->name;
}

bool
cer_encoder_wants_number(cer_encoder_kind kind)
{
	switch (kind)
	{
		case CER_ENCODER_ROBUST:
		case CER_ENCODER_STANDARDIZE:
		case CER_ENCODER_QUANTILE:
		case CER_ENCODER_PLE:
		case CER_ENCODER_LOG:
		case CER_ENCODER_BINS:
		case CER_ENCODER_CYCLES:
		case CER_ENCODER_PARTS:
		case CER_ENCODER_SEQUENCE:
		case CER_ENCODER_PERIODIC:
		case CER_ENCODER_PBLD:
			return true;
		default:
			return false;
	}
}
