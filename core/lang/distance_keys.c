/*
 * lang/distance_keys.c
 *	  What a triple says, fact by fact, as hashes for an inverted index.
 *
 * A key is a path and, for most, what stands there.  A triple gives every key
 * that some pattern could ask for:
 *
 *	 FE	 names of items; a column with each of its encoders' words, and with
 *		 the encoder as a whole
 *	 AS	 every word of the structure; a word with the list of its widths; a
 *		 word with each of its arguments
 *	 PT	 the optimizer; every setting with its value, defaults included
 *
 * A pattern gives those that every triple it contains must give: what it leaves
 * open has no key.  Arguments of AS and encoders whose default may be meant
 * give none either, as a triple leaves defaults out.
 */
#include "lang/distance.h"

#include "base/size.h"
#include "base/sort.h"
#include "base/text.h"
#include "lang/mst.h"
#include "lang/pattern.h"
#include "lang/space.h"

enum
{
	KEY_FACT = 100,
	KEY_ENCODER,
	KEY_WORD,
	KEY_WIDTHS,
	KEY_ARGUMENT,
	KEY_OPTIMIZER,
	KEY_SETTING
};

typedef struct keys
{
	uint64_t *at;   /* NULL: count only */
	uint64_t *bits; /* or NULL: a bit for each */
	size_t n;
} keys;

size_t
cer_key_get_bit(cer_key_section section, uint64_t key)
{
	static const struct
	{
		size_t first;
		size_t n;
	} at[] = {{0, 256}, {256, 64}, {320, 64 * CER_SUMMARY_WORDS - 320}};

	return at[section].first + (size_t) (key >> 32) % at[section].n;
}

static void
add_key(keys *to, cer_key_section section, uint64_t key)
{
	size_t bit = cer_key_get_bit(section, key);

	if (to->at != NULL)
		to->at[to->n] = key;
	if (to->bits != NULL)
		to->bits[bit / 64] |= (uint64_t) 1 << bit % 64;
	to->n++;
}

/* --------------------------------------------------------------- FE */

uint64_t
cer_key_of_fact(uint64_t fact)
{
	return cer_hash_number(KEY_FACT, 0) ^ fact;
}

static void
add_fact(void *self, uint64_t fact, double weight)
{
	(void) weight;
	add_key(self, CER_KEYS_FE, cer_key_of_fact(fact));
}

static uint64_t
hash_column(const cer_ast *item)
{
	return cer_hash_text(cer_hash_text(KEY_ENCODER, item->qualifier),
	                     item->name);
}

/* Side by side or alone: its word. */
static void
add_encoder(keys *to, uint64_t column, const cer_ast *encoder)
{
	if (cer_ast_is_open(encoder))
		return;
	if (encoder->kind == CER_AST_CALL)
		add_key(to, CER_KEYS_FE, cer_hash_text(column, encoder->name));
	else
		for (const cer_ast *one = encoder->first; one; one = one->next)
			add_encoder(to, column, one);
}

static const cer_ast *
get_encoder(const cer_ast *item)
{
	if (item->kind == CER_AST_COLUMN)
		return item->first;
	return item->kind == CER_AST_DERIVED ? item->first->next : NULL;
}

uint64_t
cer_key_of_encoder(const cer_ast *item)
{
	const cer_ast *encoder = get_encoder(item);

	while (encoder != NULL && encoder->kind != CER_AST_CALL)
		encoder = encoder->first;
	return encoder ? cer_hash_text(hash_column(item), encoder->name) : 0;
}

static void
add_item(keys *to, const cer_ast *item)
{
	const cer_ast *encoder = get_encoder(item);

	cer_item_visit_facts(item, add_fact, to);
	if (encoder != NULL)
		add_encoder(to, hash_column(item), encoder);
}

/* --------------------------------------------------------------- AS */

static bool
hash_widths(const cer_ast *call, uint64_t *hash)
{
	const cer_ast *item;
	cer_list list;

	cer_list_init(&list, call);
	if (list.at == NULL)
		return false;
	while ((item = cer_list_next(&list)) != NULL)
	{
		if (item->kind != CER_AST_NUMBER)
			return false;
		*hash = cer_hash_number(*hash, item->number);
	}
	return true;
}

static void
add_argument(keys *to, const cer_ast *call, cer_text name, const cer_ast *value)
{
	uint64_t key = cer_hash_text(KEY_ARGUMENT, call->name);

	if (value != NULL && value->kind == CER_AST_NUMBER)
		add_key(to, CER_KEYS_REST,
		        cer_hash_number(cer_hash_text(key, name), value->number));
}

/* Every single number that the word takes, by default too. */
static void
add_known_arguments(keys *to, const cer_ast *call, const cer_word *word)
{
	for (size_t i = 0; i < word->n_args; i++)
	{
		cer_text name = cer_text_of(word->args[i].name);
		cer_ast room;

		if (!cer_arg_is_list(&word->args[i]))
			add_argument(to, call, name,
			             cer_call_find_argument(call, name, &room));
	}
}

/* The numbers that are written. */
static void
add_written_arguments(keys *to, const cer_ast *call, const cer_word *word)
{
	size_t i = 0;

	for (const cer_ast *child = call->first; child; child = child->next)
		if (child->kind == CER_AST_NAMED)
			add_argument(to, call, child->name, child->first);
		else if (word != NULL && !cer_word_takes_widths(word) &&
		         i < word->n_args)
			add_argument(to, call, cer_text_of(word->args[i++].name), child);
}

/* What the text is of: defaults are said by a triple, not by a pattern. */
typedef enum source
{
	OF_TRIPLE,
	OF_PATTERN,
	OF_SPACE
} source;

uint64_t
cer_key_of_word(cer_text word)
{
	return cer_hash_text(KEY_WORD, word);
}

static void
add_call(keys *to, const cer_ast *call, source of)
{
	const cer_word *word = cer_call_get_word(call);
	uint64_t widths = cer_hash_text(KEY_WIDTHS, call->name);

	add_key(to, CER_KEYS_AS, cer_key_of_word(call->name));
	if ((word == NULL || cer_word_takes_widths(word)) &&
	    hash_widths(call, &widths))
		add_key(to, CER_KEYS_REST, widths);
	if (of == OF_TRIPLE && word != NULL)
		add_known_arguments(to, call, word);
	else if (of != OF_SPACE)
		add_written_arguments(to, call, word);
}

/* What stands for many is in no triple as it stands. */
static void
add_layers(keys *to, const cer_ast *ast, source of)
{
	if (cer_ast_is_open(ast))
		return;
	if (ast->kind == CER_AST_CALL)
		add_call(to, ast, of);
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (of == OF_TRIPLE || !cer_call_may_omit(ast, child))
			add_layers(to, child, of);
}

/* --------------------------------------------------------------- PT */

/* A word stands for itself with any arguments, as in a pattern. */
static void
add_setting(keys *to, cer_text name, const cer_ast *value)
{
	uint64_t key = cer_hash_text(KEY_SETTING, name);

	if (value == NULL)
		return;
	if (value->kind == CER_AST_NUMBER)
		add_key(to, CER_KEYS_REST, cer_hash_number(key, value->number));
	else if (value->kind == CER_AST_CALL)
		add_key(to, CER_KEYS_REST, cer_hash_text(key, value->name));
}

static void
add_optimizer(keys *to, cer_text name)
{
	add_key(to, CER_KEYS_REST, cer_hash_text(KEY_OPTIMIZER, name));
}

static void
add_all_settings(keys *to, const cer_training *training, const cer_word *word)
{
	for (size_t i = 0; word && i < word->n_args; i++)
	{
		cer_text name = cer_text_of(word->args[i].name);
		cer_ast room;

		add_setting(to, name, cer_training_find(training, name, &room));
		add_setting(to, name, cer_training_find_value(training, name, &room));
	}
}

static void
add_training(keys *to, const cer_ast *triple)
{
	cer_training training;

	cer_training_init(&training, triple);
	if (training.word != NULL)
		add_optimizer(to, cer_text_of(training.word->name));
	add_all_settings(to, &training, training.settings);
	add_all_settings(to, &training, training.word);
}

static void
add_written_settings(keys *to, const cer_ast *pt)
{
	for (const cer_ast *child = pt->first; child; child = child->next)
		if (child->kind == CER_AST_CALL)
		{
			add_optimizer(to, child->name);
			add_written_settings(to, child);
		}
		else if (child->kind == CER_AST_NAMED && !cer_ast_is_open(child->first))
			add_setting(to, child->name, child->first);
}

/* --------------------------------------------------------------- all */

static void
add_triple(keys *to, const cer_ast *ast, source of)
{
	const cer_ast *fe = cer_ast_find_section(ast, CER_AST_FE);
	const cer_ast *as = cer_ast_find_section(ast, CER_AST_AS);
	const cer_ast *pt = cer_ast_find_section(ast, CER_AST_PT);

	for (const cer_ast *item = fe ? fe->first : NULL; item; item = item->next)
		if (!cer_ast_is_open(item))
			add_item(to, item);
	if (as != NULL)
		add_layers(to, as->first, of);
	if (of == OF_TRIPLE)
		add_training(to, ast);
	else if (pt != NULL)
		add_written_settings(to, pt);
}

/* Ascending, each once; returns how many are left. */
static size_t
sort_keys(uint64_t *at, size_t n)
{
	size_t n_kept = 0;

	for (size_t i = 1; i < n; i++)
	{
		uint64_t key = at[i];
		size_t k = i;

		for (; k > 0 && at[k - 1] > key; k--)
			at[k] = at[k - 1];
		at[k] = key;
	}
	for (size_t i = 0; i < n; i++)
		if (n_kept == 0 || at[n_kept - 1] != at[i])
			at[n_kept++] = at[i];
	return n_kept;
}

#define MANY_KEYS 64 /* from there on insertion would take too long */

static cer_status
make_keys(cer_arena *arena, const cer_ast *ast, source of, keys *made,
          cer_error *err)
{
	size_t size;

	*made = (keys){0};
	add_triple(made, ast, of);
	size = cer_size_multiply(2 * sizeof(*made->at), made->n);
	made->n = 0;
	made->at = cer_arena_allocate(arena, size);
	if (made->at == NULL)
		return cer_fail_memory(err, size);
	add_triple(made, ast, of);
	if (made->n > MANY_KEYS)
		cer_sort_keys(made->at, made->at + made->n, made->n);
	made->n = sort_keys(made->at, made->n);
	return CER_OK;
}

cer_status
cer_mst_make_keys(cer_arena *arena, const cer_mst *mst, const uint64_t **at,
                  size_t *n_keys, cer_error *err)
{
	keys made;

	CER_TRY(make_keys(arena, mst->ast, OF_TRIPLE, &made, err));
	*at = made.at;
	*n_keys = made.n;
	return CER_OK;
}

cer_status
cer_pattern_make_keys(cer_arena *arena, const cer_pattern *pattern,
                      const uint64_t **at, size_t *n_keys, cer_error *err)
{
	keys made;

	CER_TRY(make_keys(arena, pattern->ast, OF_PATTERN, &made, err));
	*at = made.at;
	*n_keys = made.n;
	return CER_OK;
}

cer_status
cer_space_make_keys(cer_arena *arena, const cer_space *space,
                    const uint64_t **at, size_t *n_keys, cer_error *err)
{
	keys made;

	CER_TRY(make_keys(arena, space->ast, OF_SPACE, &made, err));
	*at = made.at;
	*n_keys = made.n;
	return CER_OK;
}

void
cer_mst_sign(const cer_mst *mst, uint64_t bits[CER_SUMMARY_WORDS])
{
	keys to = {.bits = bits};

	add_triple(&to, mst->ast, OF_TRIPLE);
}

void
cer_pattern_sign(const cer_pattern *pattern, uint64_t bits[CER_SUMMARY_WORDS])
{
	keys to = {.bits = bits};

	add_triple(&to, pattern->ast, OF_PATTERN);
}
