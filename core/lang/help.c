/*
 * lang/help.c
 *	  What words mean, with their arguments and an example.
 */
#include "base/error.h"
#include "base/text.h"
#include "lang/definition.h"
#include "lang/number.h"
#include "lang/schema.h"
#include "lang/suggest.h"
#include "lang/writer.h"

#include <string.h>

typedef struct keyword
{
	const char *name;
	const char *help;
	const char *example;
} keyword;

/* What is no row of the schema. */
static const keyword keywords[] = {
	{"FE", "what the network sees: columns and their encoders",
     "FE *, dest : embed(16)"},
	{"AS", "how the network is built: a structure, or layers",
     "AS mlp(256, 128)"},
	{"*", "every column of the source that can be a feature", "FE *"},
	{"EXCEPT", "columns that are left out of *, or of a joined table",
     "FE *, EXCEPT (tailnum)"},
	{"JOIN", "columns of another table, one row of it for each row",
     "FE *, JOIN planes VIA (tailnum), planes.year : standardize"},
	{"LAST", "JOIN LAST: of the rows that match, the newest",
     "FE *, JOIN LAST weather VIA (origin)"},
	{"AGGREGATE",
     "aggregates over the rows of another table that belong to a row",
     "FE *, AGGREGATE bookings VIA (customer) (n = count(*)) WINDOW '90 days'"},
	{"VIA", "the columns that refer to the other table, or from it",
     "FE *, JOIN airports o VIA (origin)"},
	{"USING", "columns that both tables have",
     "FE *, JOIN planes USING (tailnum)"},
	{"ON", "the condition by which rows of two tables belong together",
     "FE *, JOIN airports a ON (a.faa = dest)"},
	{"source", "in SQL of FE, the task's own rows beside those of other tables",
     "FE *, JOIN airports a ON (a.faa = source.dest)"},
	{"WHERE", "the rows that an AGGREGATE looks at",
     "FE *, AGGREGATE bookings (n = count(*)) WHERE (price > 0)"},
	{"WINDOW", "how far back an AGGREGATE looks",
     "FE *, AGGREGATE bookings (n = count(*)) WINDOW '90 days'"},
	{"UNCUT", "lets an AGGREGATE see rows of the future",
     "FE *, AGGREGATE bookings (n = count(*)) UNCUT"},
	{"x", "w x n: n layers of one width", "AS mlp(256 x 3)"},
	{">", "a > b: b of what a makes", "AS dense(64) > relu > dense(32)"},
	{"+", "encoders side by side", "FE dest : onehot + embed(8)"},
	{":", "the encoder of a column", "FE *, dest : embed(16)"},
	{"pieces", "pieces(a, 5, b): a learning rate of a up to epoch 5, then b",
     "PT lr = pieces(0.001, 5, 0.0003)"},
	{"weights", "weights(a, b): how much rows of each class count",
     "PT class_weights = weights(1, 5)"},
	{"xx", "in spaces, w xx n: n layers, each of its own width",
     "AS mlp({64, 128} xx 1..3)"},
	{"..", "in spaces, lo..hi: a number between, ends included",
     "PT dropout = 0..0.5"},
	{"{", "in spaces, {a, b}: one of these", "PT batch = {256, 1024}"},
	{"?", "in spaces, ?a: with it or without", "FE *, ?JOIN planes"},
	{"LOG", "in spaces: a range that is even in the logarithm",
     "PT lr = 1e-4..1e-2 log"},
	{"STEP", "in spaces: the numbers of a range that are so far apart",
     "PT dropout = 0..0.5 step 0.1"},
	{"IF", "in spaces: only where the triple has this value there",
     "PT {adam, sgd}, momentum = {0, 0.9} IF PT.optimizer = sgd"},
	{"ADD", "a change: an item that FE gets", "ADD FE JOIN planes"},
	{"DROP", "a change: an item that FE loses", "DROP FE.dest"},
	{"SET", "a change: another value at a path", "SET PT.lr = auto -> 0.0003"},
	{"->", "a change: from the value before to the one after",
     "SET AS.mlp.units[2] = 128 -> 256"},
	{"INSERT", "a change: a layer or width that AS gets",
     "INSERT AS dropout(0.1) AFTER AS.dense[1]"},
	{"DELETE", "a change: a layer or width that AS loses",
     "DELETE AS.dropout[1]"},
	{"AFTER", "a change: behind which layer or width",
     "INSERT AS dropout(0.1) AFTER AS.dense[1]"},
	{"BEFORE", "a change: in front of which layer or width",
     "INSERT AS dropout(0.1) BEFORE AS.dense[2]"},
	{"default", "a change: what is left out, before or after",
     "SET FE.dest = default -> onehot"},
	{"auto", "PT: what is left to the structure, by how it trains well",
     "AS residual PT lr = auto"},
	{"optimizer",
     "PT.optimizer: the rule by which weights follow gradients, "
     "with its arguments",
     "SET PT.optimizer = adamw -> sgd(momentum = 0.8)"},
	{"missing",
     "NULL and NaN: of a category a value of its own, of a number 0 "
     "after scaling and a second input that tells of it; no word "
     "is needed",
     "FE *, delay : robust"},
	{"triple",
     "FE, AS and PT: what a network sees, how it is built, how it is "
     "trained",
     "FE * AS mlp(256, 128) PT epochs = 20"},
	{"pattern", "a triple in which what is left out is free: for @> and <->",
     "AS residual PT adamw"},
	{"space", "a set of triples: choices, ranges, what may be left out",
     "AS {mlp(64..512 step 64 x 1..3), tabm} PT lr = 1e-4..1e-2 log"},
	{"change", "what turns one triple into another, step by step",
     "SET PT.lr = auto -> 0.0003, ADD FE JOIN planes"},
	{"path", "the way to a part of a triple: names, indexes from 1",
     "SET AS.mlp.units[2] = 256"},
	{"[", "an index of a path, from 1", "SET AS.dense[2].width = 64"},
	{".", "a step of a path, or a column of a table that FE joins",
     "FE *, JOIN planes, planes.year"},
	{"=", "gives a setting or an argument its value, or a column its SQL",
     "FE speed = (distance / air_time) AS mlp(64) PT lr = 0.01"},
	{",", "between items of FE, arguments, settings, steps of a change",
     "FE dest, distance AS mlp(64) PT adam, epochs = 5"},
	{"(", "arguments; or SQL, up to the bracket that closes it",
     "FE long = (distance > 1000) AS mlp(64)"},
	{"@", "@1 ends a text: the version of the language that it is in",
     "FE * AS mlp(64) @1"},
	{"-", "a number below 0; in a definition the difference of two",
     "AS mlp(64)"},
	{"/", "in a definition: a quotient of whole numbers, rounded down",
     "(width integer) = dense(width / 2) > relu"},
	{"\"",
     "a name as it is spelt, with capitals, blanks or a keyword's letters",
     "FE \"Dep Time\", \"as\" AS mlp(64)"},
	{"'", "a text: of WINDOW, of the cuts of a split",
     "FE *, AGGREGATE bookings (n = count(*)) WINDOW '90 days'"},
	{"--", "a comment up to the end of the line", "AS mlp(64) -- small"},
	{"integer", "the type of a definition's parameter: a whole number",
     "(n integer = 2 from 1 to 9) = repeat(n, dense(64) > relu)"},
	{"number", "the type of a definition's parameter: a number",
     "(share number = 0.1 from 0 to below 1) = dense(64) > dropout(share)"},
	{"widths", "the type of a definition's parameter: a list of widths",
     "(units widths = (64, 32)) = each(w, units, dense(w) > relu)"},
	{"layer", "the type of a definition's parameter: layers",
     "(tower layer) = concat(features, tower)"},
	{"FROM", "in a definition: the least that a parameter may be",
     "(n integer = 2 from 1 to 9) = repeat(n, dense(64) > relu)"},
	{"ABOVE", "in a definition: what a parameter is to be more than",
     "(share number = 0.1 above 0 to 1) = dense(64) > relu"},
	{"TO", "in a definition: the most that a parameter may be",
     "(n integer = 2 from 1 to 9) = repeat(n, dense(64) > relu)"},
	{"BELOW", "in a definition: what a parameter is to be less than",
     "(share number = 0.1 from 0 to below 1) = dense(64) > dropout(share)"},
	{"each", "in a definition: layers for each width of a list, in order",
     "(units widths = (64, 32)) = each(w, units, dense(w) > relu)"},
	{"random", "a split: by a hash of a row's key", "random(0.7, 0.15, 0.15)"},
	{"time", "a split: the last rows by an expression are the test",
     "time(time_hour, 0.7, 0.15, 0.15)"},
	{"group", "a split: rows of one value stay together",
     "group(customer, 0.7, 0.15, 0.15)"},
	{"encoder",
     "how a column becomes numbers or a code: behind its name, after :",
     "FE *, dest : embed(16), distance : robust + bins(20)"},
	{"structure", "how layers are put together, under one name",
     "AS residual(blocks = 2)"},
	{"item", "what stands between the commas of FE: columns, or a table",
     "FE *, EXCEPT (tailnum), JOIN planes, hour : onehot"},
	{"setting", "a named value of PT", "PT epochs = 40, dropout = 0.1"},
	{"definition", "how a structure is written in the language",
     "(n integer = 2 from 1 to 9) = repeat(n, dense(64) > relu)"},
	{"split", "the rule by which each row is of train, valid or test",
     "random(0.7, 0.15, 0.15)"},
	{"column", "a split: as an expression says: train, valid or test",
     "column(part)"},
};

#define N_KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

static cer_text
fold(cer_arena *arena, cer_text word)
{
	char *data = cer_arena_allocate(arena, word.size + 1);

	for (size_t i = 0; data != NULL && i < word.size; i++)
		data[i] = (char) (word.data[i] >= 'A' && word.data[i] <= 'Z'
		                      ? word.data[i] + ('a' - 'A')
		                      : word.data[i]);
	return (cer_text){data, word.size};
}

static bool
is_same(cer_text folded, const char *name)
{
	if (strlen(name) != folded.size)
		return false;
	for (size_t i = 0; i < folded.size; i++)
		if (folded.data[i] != name[i] && (name[i] < 'A' || name[i] > 'Z' ||
		                                  folded.data[i] != (name[i] | 0x20)))
			return false;
	return true;
}

/* ---------------------------------------------------------------- writing */

static void
write_example(cer_writer *w, const char *example)
{
	cer_writer_format(w, "\nExample:\n  %s\n", example);
}

static void
write_default(cer_writer *w, const cer_arg *arg)
{
	if (arg->setting != NULL)
		cer_writer_put(w, ", else PT's");
	else if (arg->is_required || arg->type == CER_ARG_FLAG)
		return;
	else if (cer_arg_is_auto(arg))
		cer_writer_format(w, ", else %s", arg->word);
	else if (arg->type == CER_ARG_CHOICE)
		cer_writer_format(w, ", else %s", arg->choices[(size_t) arg->fallback]);
	else if (arg->type == CER_ARG_ACTIVATION)
		cer_writer_format(w, ", else %s",
		                  cer_activation_name((cer_activation) arg->fallback));
	else if (arg->type == CER_ARG_NUMBER || arg->type == CER_ARG_INTEGER)
	{
		cer_writer_put(w, ", else ");
		cer_writer_put_number(w, arg->fallback);
	}
}

static void
write_arg(cer_writer *w, const cer_arg *arg)
{
	char range[120];

	cer_arg_describe(arg, range, sizeof(range));
	cer_writer_format(w, "  %s: %s", arg->name, range);
	write_default(w, arg);
	cer_writer_format(w, "\n    %s\n", arg->help);
}

static void
write_args(cer_writer *w, const cer_word *word)
{
	if (word->n_args == 0)
		return;
	cer_writer_put(w, word->kind == CER_WORD_SECTION ? "\nSettings:\n"
	                                                 : "\nArguments:\n");
	for (size_t i = 0; i < word->n_args; i++)
		write_arg(w, &word->args[i]);
}

/* By kind, as they are all used the same way. */
static void
write_word_example(cer_writer *w, const cer_word *word)
{
	cer_writer_put(w, "\nExample:\n  ");
	if (word->example != NULL)
		cer_writer_put(w, word->example);
	else if (word->kind == CER_WORD_ENCODER)
		cer_writer_format(w, "FE *, distance : %s", word->name);
	else if (word->kind == CER_WORD_ACTIVATION)
		cer_writer_format(w, "AS mlp(256, 128) PT activation = %s", word->name);
	else if (word->kind == CER_WORD_OPTIMIZER)
		cer_writer_format(w, "PT %s(lr = 0.01)", word->name);
	else
		cer_writer_put(w, "PT adamw(lr = 0.001), batch = 256, epochs = 40");
	cer_writer_put(w, "\n");
}

static cer_status
write_word(cer_writer *w, const cer_word *word, cer_error *err)
{
	cer_text definition;

	cer_writer_format(w, "%s (%s): %s\n", word->name,
	                  cer_word_kind_name(word->kind), word->help);
	write_args(w, word);
	if (word->body != NULL)
	{
		CER_TRY(cer_definition_print(w->arena, word, &definition, err));
		cer_writer_format(w, "\nMade of:\n  %s", word->name);
		cer_writer_put(w, word->n_args > 0 ? "" : " = ");
		cer_writer_add(w, definition);
		cer_writer_put(w, "\n");
	}
	write_word_example(w, word);
	return CER_OK;
}

/* What is said of an argument in front of its values. */
static const char *
get_owner(const cer_word *word)
{
	return word->kind == CER_WORD_SECTION     ? "setting of PT"
	       : word->kind == CER_WORD_OPTIMIZER ? "argument of optimizers"
	                                          : "argument";
}

/* A setting, or an argument of an optimizer. */
static void
write_setting(cer_writer *w, const cer_word *word, const cer_arg *arg)
{
	cer_writer_format(w, "%s (%s): %s\n\n", arg->name, get_owner(word),
	                  arg->help);
	write_arg(w, arg);
	cer_writer_put(w, "\nExample:\n  PT ");
	if (word->kind == CER_WORD_OPTIMIZER)
		cer_writer_format(w, "%s, ", word->name);
	cer_writer_format(w, "%s = ", arg->name);
	if (arg->type == CER_ARG_ACTIVATION)
		cer_writer_put(w, "gelu");
	else if (arg->type == CER_ARG_CHOICE)
		cer_writer_put(w, arg->choices[1]);
	else if (cer_arg_is_auto(arg))
		cer_writer_put(w, arg->word);
	else
		cer_writer_put_number(w, arg->fallback);
	cer_writer_put(w, "\n");
}

/* ---------------------------------------------------------------- finding */

/* A bracket that closes, or both, are told of with the one that opens, a quote
 * within quotes with the quote. */
static cer_text
get_opening(cer_text folded)
{
	static const char *const brackets[] = {"()", "{}", "[]"};

	for (size_t i = 0; i < 3; i++)
		if (cer_text_is(folded, brackets[i]) ||
		    (folded.size == 1 && folded.data[0] == brackets[i][1]))
			return (cer_text){brackets[i], 1};
	if (cer_text_is(folded, "\"\"") || cer_text_is(folded, "''"))
		folded.size = 1;
	return folded;
}

static bool
write_keyword(cer_writer *w, cer_text word)
{
	cer_text folded = get_opening(word);

	for (size_t i = 0; i < N_KEYWORDS; i++)
		if (is_same(folded, keywords[i].name))
		{
			cer_writer_format(w, "%s: %s\n", keywords[i].name,
			                  keywords[i].help);
			write_example(w, keywords[i].example);
			return true;
		}
	return false;
}

static bool
write_any_setting(cer_writer *w, cer_text folded, bool is_more)
{
	static const cer_word_kind kinds[] = {CER_WORD_SECTION, CER_WORD_OPTIMIZER};

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < cer_schema_count(); i++)
		{
			const cer_word *word = cer_schema_get(i);
			const cer_arg *arg =
				word->kind == kinds[k] ? cer_word_find_arg(word, folded) : NULL;

			if (arg == NULL)
				continue;
			cer_writer_put(w, is_more ? "\n" : "");
			write_setting(w, word, arg);
			return true;
		}
	return false;
}

/* A value that an argument chooses from: cosine of schedule. */
static bool
write_choice(cer_writer *w, const cer_word *word, const cer_arg *arg,
             cer_text folded)
{
	bool is_setting = word->kind == CER_WORD_SECTION;

	for (size_t i = 0; arg->type == CER_ARG_CHOICE && arg->choices[i]; i++)
	{
		if (!is_same(folded, arg->choices[i]))
			continue;
		cer_writer_format(
			w, "%s: a value of %s, %s %s\n\n", arg->choices[i], arg->name,
			is_setting ? "a setting of" : "an argument of", word->name);
		write_arg(w, arg);
		if (is_setting)
			cer_writer_format(w, "\nExample:\n  PT %s = %s\n", arg->name,
			                  arg->choices[i]);
		else
			write_word_example(w, word);
		return true;
	}
	return false;
}

static bool
write_any_choice(cer_writer *w, cer_text folded)
{
	bool is_found = false;

	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);

		for (size_t a = 0; a < word->n_args; a++)
		{
			size_t size = w->size;

			cer_writer_put(w, is_found ? "\n" : "");
			if (write_choice(w, word, &word->args[a], folded))
				is_found = true;
			else
				w->size = size;
		}
	}
	return is_found;
}

/* Arguments of that name of structures, layers and encoders. */
static bool
write_any_argument(cer_writer *w, cer_text folded)
{
	const cer_word *last = NULL;

	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);
		const cer_arg *arg = cer_word_find_arg(word, folded);

		if (arg == NULL || word->kind == CER_WORD_SECTION ||
		    word->kind == CER_WORD_OPTIMIZER)
			continue;
		cer_writer_format(w, "%s (%s of %s):\n", arg->name, get_owner(word),
		                  word->name);
		write_arg(w, arg);
		last = word;
	}
	if (last != NULL)
		write_word_example(w, last);
	return last != NULL;
}

/* A name may be a word of several kinds: all of them are told. */
static cer_status
write_all(cer_writer *w, cer_text folded, bool *is_found, cer_error *err)
{
	*is_found = write_keyword(w, folded);
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);

		if (!is_same(folded, word->name))
			continue;
		cer_writer_put(w, *is_found ? "\n" : "");
		*is_found = true;
		CER_TRY(write_word(w, word, err));
	}
	if (write_any_setting(w, folded, *is_found))
		*is_found = true;
	if (!*is_found)
		*is_found = write_any_argument(w, folded);
	if (!*is_found)
		*is_found = write_any_choice(w, folded);
	return CER_OK;
}

static bool
is_between_words(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '.';
}

/* JOIN LAST, PT.lr: word by word, if all of them are known. */
static cer_status
write_words(cer_writer *w, cer_text folded, bool *is_found, cer_error *err)
{
	size_t end;

	for (size_t at = 0; at < folded.size; at = end + 1)
	{
		cer_text word = {folded.data + at, 0};

		for (end = at;
		     end < folded.size && !is_between_words(folded.data[end]);)
			end++;
		word.size = end - at;
		if (word.size == 0)
			continue;
		cer_writer_put(w, w->size > 0 ? "\n" : "");
		CER_TRY(write_all(w, word, is_found, err));
		if (!*is_found)
			return CER_OK;
	}
	return CER_OK;
}

static cer_status
fail_unknown(cer_text word, cer_error *err)
{
	cer_suggestion suggestion;

	cer_fail(err, CER_UNKNOWN_NAME, "no word \"%.*s\" in the language",
	         CER_SHOW(word));
	cer_suggestion_init(&suggestion, word);
	for (size_t i = 0; i < N_KEYWORDS; i++)
		cer_suggestion_offer(&suggestion, cer_text_of(keywords[i].name));
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *known = cer_schema_get(i);

		cer_suggestion_offer(&suggestion, cer_text_of(known->name));
		for (size_t a = 0; a < known->n_args; a++)
			if (known->kind == CER_WORD_SECTION ||
			    known->kind == CER_WORD_OPTIMIZER)
				cer_suggestion_offer(&suggestion,
				                     cer_text_of(known->args[a].name));
	}
	cer_suggestion_hint(&suggestion, err);
	return CER_UNKNOWN_NAME;
}

static void
write_index(cer_writer *w)
{
	cer_writer_put(w, "A triple is FE items AS structure PT settings.\n");
	for (int kind = CER_WORD_STRUCTURE; kind <= CER_WORD_SECTION; kind++)
	{
		const char *separator = "";

		cer_writer_format(w, "%ss: ", cer_word_kind_name((cer_word_kind) kind));
		for (size_t i = 0; i < cer_schema_count(); i++)
		{
			if ((int) cer_schema_get(i)->kind != kind)
				continue;
			cer_writer_format(w, "%s%s", separator, cer_schema_get(i)->name);
			separator = ", ";
		}
		cer_writer_put(w, "\n");
	}
	cer_writer_put(w, "keywords:");
	for (size_t i = 0; i < N_KEYWORDS; i++)
		cer_writer_format(w, " %s", keywords[i].name);
	cer_writer_put(w, "\n");
}

cer_status
cer_help(cer_arena *arena, cer_text word, cer_text *text, cer_error *err)
{
	cer_writer w = {.arena = arena};
	cer_text folded = fold(arena, word);
	bool is_found = true;

	if (folded.data == NULL)
		return cer_fail_memory(err, word.size + 1);
	if (word.size == 0)
		write_index(&w);
	else
		CER_TRY(write_all(&w, folded, &is_found, err));
	if (!is_found)
		CER_TRY(write_words(&w, folded, &is_found, err));
	if (!is_found)
		return fail_unknown(word, err);
	return cer_writer_finish(&w, text, err);
}
