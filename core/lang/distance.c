/*
 * lang/distance.c
 *	  How far apart two triples are, and a triple from a pattern.
 */
#include "lang/distance.h"

#include "base/size.h"
#include "base/text.h"
#include "lang/pattern.h"

#define N_SMALL_FACTS 64
#define N_SMALL_NODES 48

/* --------------------------------------------------------------- FE */

typedef struct fact
{
	uint64_t hash;
	double weight;
} fact;

typedef struct facts
{
	fact *at;
	size_t n;
} facts;

static void
count_fact(void *self, uint64_t hash, double weight)
{
	(void) hash;
	(void) weight;
	(*(size_t *) self)++;
}

/* In order, by insertion: a triple has few, and mostly in order of names. */
static void
insert_fact(void *self, uint64_t hash, double weight)
{
	facts *to = self;
	size_t i = to->n++;

	for (; i > 0 && to->at[i - 1].hash > hash; i--)
		to->at[i] = to->at[i - 1];
	to->at[i] = (fact){hash, weight};
}

static void
visit_facts(const cer_ast *fe, cer_fact_fn fn, void *self)
{
	for (const cer_ast *item = fe->first; item; item = item->next)
	{
		cer_item_visit_facts(item, fn, self);
		cer_item_visit_details(item, fn, self);
	}
}

/* small is used where it does. */
static cer_status
collect_facts(cer_arena *arena, const cer_ast *fe, facts *to, fact *small,
              cer_error *err)
{
	size_t n = 0;
	size_t size;

	visit_facts(fe, count_fact, &n);
	*to = (facts){.at = small};
	if (n > N_SMALL_FACTS)
	{
		size = cer_size_multiply(n, sizeof(fact));
		to->at = cer_arena_allocate(arena, size);
		if (to->at == NULL)
			return cer_fail_memory(err, size);
	}
	visit_facts(fe, insert_fact, to);
	return CER_OK;
}

static double
weigh_difference(const facts *a, const facts *b)
{
	double weight = 0;
	size_t i = 0;
	size_t j = 0;

	while (i < a->n && j < b->n)
		if (a->at[i].hash == b->at[j].hash)
		{
			i++;
			j++;
		}
		else if (a->at[i].hash < b->at[j].hash)
			weight += a->at[i++].weight;
		else
			weight += b->at[j++].weight;
	while (i < a->n)
		weight += a->at[i++].weight;
	while (j < b->n)
		weight += b->at[j++].weight;
	return weight;
}

static cer_status
compare_fe(cer_arena *arena, const cer_ast *a, const cer_ast *b,
           double *distance, cer_error *err)
{
	fact small[2][N_SMALL_FACTS];
	facts of_a;
	facts of_b;

	if (cer_ast_equals(a, b))
		return CER_OK;
	CER_TRY(collect_facts(arena, a, &of_a, small[0], err));
	CER_TRY(collect_facts(arena, b, &of_b, small[1], err));
	*distance += weigh_difference(&of_a, &of_b);
	return CER_OK;
}

/* --------------------------------------------------------------- AS */

static cer_status
make_tree(cer_arena *arena, const cer_ast *as, cer_tree *tree,
          cer_tree_node *small, cer_error *err)
{
	size_t n = cer_tree_measure(as);
	size_t size = cer_size_multiply(n, sizeof(*small));
	cer_tree_node *nodes = small;

	if (n > N_SMALL_NODES)
		nodes = cer_arena_allocate(arena, size);
	if (nodes == NULL)
		return cer_fail_memory(err, size);
	cer_tree_fill(tree, nodes, as);
	return CER_OK;
}

/* The pattern names a number for the setting, somewhere. */
static bool
names_setting(const cer_ast *pattern, cer_text name)
{
	if (pattern->kind == CER_AST_NAMED && pattern->first != NULL &&
	    pattern->first->kind == CER_AST_NUMBER &&
	    cer_text_equals(pattern->name, name))
		return true;
	for (const cer_ast *child = pattern->first; child; child = child->next)
		if (names_setting(child, name))
			return true;
	return false;
}

/* Where the canonical text would have it. */
static void
insert_setting(cer_ast *call, const cer_word *word, cer_ast *named)
{
	const cer_arg *arg = cer_word_find_arg(word, named->name);
	cer_ast **at = &call->first;

	while (*at != NULL && ((*at)->kind != CER_AST_NAMED ||
	                       cer_word_find_arg(word, (*at)->name) < arg))
		at = &(*at)->next;
	named->next = *at;
	*at = named;
	if (named->next == NULL)
		call->last = named;
}

static cer_status
spell_setting(cer_arena *arena, cer_ast *call, const cer_word *word,
              const cer_arg *arg, const cer_ast *pattern)
{
	cer_text name = cer_text_of(arg->name);
	cer_ast *named;
	cer_ast *value;
	cer_ast room;

	if (cer_arg_is_list(arg) ||
	    cer_call_find_argument(call, name, &room) != &room ||
	    room.kind != CER_AST_NUMBER || !names_setting(pattern, name))
		return CER_OK;
	named = cer_ast_make(arena, CER_AST_NAMED, call->place);
	value = cer_ast_copy(arena, &room);
	if (named == NULL || value == NULL)
		return CER_NO_MEMORY;
	named->name = name;
	cer_ast_append(named, value);
	insert_setting(call, word, named);
	return CER_OK;
}

/* Writes out defaults of settings that the pattern names: what a triple leaves
 * out is as near as if it were said. */
static cer_status
spell_settings(cer_arena *arena, cer_ast *ast, const cer_ast *pattern)
{
	const cer_word *word =
		ast->kind == CER_AST_CALL ? cer_call_get_word(ast) : NULL;

	for (cer_ast *child = ast->first; child; child = child->next)
		CER_TRY(spell_settings(arena, child, pattern));
	for (size_t i = 0; word != NULL && i < word->n_args; i++)
		CER_TRY(spell_setting(arena, ast, word, &word->args[i], pattern));
	return CER_OK;
}

static bool
has_settings(const cer_ast *pattern)
{
	if (pattern->kind == CER_AST_NAMED)
		return true;
	for (const cer_ast *child = pattern->first; child; child = child->next)
		if (has_settings(child))
			return true;
	return false;
}

static cer_status
compare_as(cer_arena *arena, const cer_ast *a, const cer_ast *b,
           bool is_pattern, double *distance, cer_error *err)
{
	cer_tree_node small[2][N_SMALL_NODES];
	double of_trees;
	cer_tree of_a;
	cer_tree of_b;

	if (is_pattern && has_settings(b))
	{
		cer_ast *copy = cer_ast_copy(arena, a);

		if (copy == NULL || spell_settings(arena, copy, b) != CER_OK)
			return cer_fail_memory(err, sizeof(*copy));
		a = copy;
	}
	CER_TRY(make_tree(arena, a, &of_a, small[0], err));
	CER_TRY(make_tree(arena, b, &of_b, small[1], err));
	CER_TRY(cer_tree_distance(arena, &of_a, &of_b, is_pattern, &of_trees, err));
	*distance += of_trees;
	return CER_OK;
}

/* --------------------------------------------------------------- PT */

/* Arguments as written, and the word that knows the others. */
typedef struct arguments
{
	const cer_ast *written;
	const cer_word *word;
	cer_text head; /* of AS: what is left to it it has */
} arguments;

/* Of what is written, and has the value that it would have without. */
#define WRITTEN_WEIGHT 0.125

static const cer_ast *
find_argument(const arguments *in, cer_text name, cer_ast *room)
{
	const cer_ast *named =
		in->written ? cer_ast_find_named(in->written, name) : NULL;
	const cer_arg *arg;

	if (named != NULL)
		return named->first;
	arg = in->word ? cer_word_find_arg(in->word, name) : NULL;
	if (arg == NULL || !cer_arg_make_default(arg, room))
		return NULL;
	cer_ast_resolve_auto(in->head, arg, room);
	return room;
}

/* Whether it is left to the structure, which may have the same value. */
static bool
is_left(const arguments *in, cer_text name)
{
	const cer_arg *arg = in->word ? cer_word_find_arg(in->word, name) : NULL;

	return arg != NULL && arg->word != NULL &&
	       (in->written == NULL ||
	        cer_ast_find_named(in->written, name) == NULL);
}

static double
weigh_argument(const arguments *a, const arguments *b, cer_text name)
{
	cer_ast room[2];
	double of_values = cer_value_distance(find_argument(a, name, &room[0]),
	                                      find_argument(b, name, &room[1]));
	double of_words =
		is_left(a, name) != is_left(b, name) ? WRITTEN_WEIGHT : 0.0;

	return cer_setting_weight(name) * (of_values + of_words);
}

/* What neither writes has one default, as the word is the same. */
static double
compare_written(const arguments *a, const arguments *b)
{
	double sum = 0;

	for (const cer_ast *x = a->written ? a->written->first : NULL; x;
	     x = x->next)
		if (x->kind == CER_AST_NAMED)
			sum += weigh_argument(a, b, x->name);
	for (const cer_ast *y = b->written ? b->written->first : NULL; y;
	     y = y->next)
		if (y->kind == CER_AST_NAMED &&
		    (a->written == NULL ||
		     cer_ast_find_named(a->written, y->name) == NULL))
			sum += weigh_argument(a, b, y->name);
	return sum;
}

static double
compare_words(const arguments *a, const arguments *b)
{
	double sum = 0;

	for (size_t i = 0; a->word && i < a->word->n_args; i++)
		sum += weigh_argument(a, b, cer_text_of(a->word->args[i].name));
	for (size_t i = 0; b->word && i < b->word->n_args; i++)
	{
		cer_text name = cer_text_of(b->word->args[i].name);

		if (a->word == NULL || cer_word_find_arg(a->word, name) == NULL)
			sum += weigh_argument(a, b, name);
	}
	return sum;
}

/* Arguments of one word; where heads differ, what neither writes may, too. */
static double
compare_arguments(const arguments *a, const arguments *b)
{
	return cer_text_equals(a->head, b->head) ? compare_written(a, b)
	                                         : compare_words(a, b);
}

/* Of triples. */
static double
compare_pt(const cer_ast *a, const cer_ast *b)
{
	cer_training x;
	cer_training y;
	arguments of_x;
	arguments of_y;
	double sum;

	cer_training_init(&x, a);
	cer_training_init(&y, b);
	of_x = (arguments){x.pt, x.settings, x.head};
	of_y = (arguments){y.pt, y.settings, y.head};
	sum = compare_arguments(&of_x, &of_y);
	of_x = (arguments){x.call, x.word, x.head};
	of_y = (arguments){y.call, y.word, y.head};
	if (x.word == y.word)
		return sum + compare_arguments(&of_x, &of_y);
	return sum + CER_OPTIMIZER_WEIGHT + compare_words(&of_x, &of_y);
}

/* --------------------------------------------------------------- all */

cer_status
cer_mst_distance(cer_arena *arena, const cer_mst *a, const cer_mst *b,
                 double *distance, cer_error *err)
{
	const cer_ast *x = a->ast;
	const cer_ast *y = b->ast;
	double sum = compare_pt(x, y);

	CER_TRY(compare_fe(arena, cer_ast_find_section(x, CER_AST_FE),
	                   cer_ast_find_section(y, CER_AST_FE), &sum, err));
	CER_TRY(compare_as(arena, cer_ast_find_section(x, CER_AST_AS),
	                   cer_ast_find_section(y, CER_AST_AS), false, &sum, err));
	*distance = sum;
	return CER_OK;
}

/* --------------------------------------------------------------- pattern */

/* Facts that the pattern's item names and the triple has not. */
static double
weigh_missing(const facts *wanted, const facts *there)
{
	double weight = 0;
	size_t j = 0;

	for (size_t i = 0; i < wanted->n; i++)
	{
		while (j < there->n && there->at[j].hash < wanted->at[i].hash)
			j++;
		if (j < there->n && there->at[j].hash == wanted->at[i].hash)
			j++;
		else
			weight += wanted->at[i].weight;
	}
	return weight;
}

static cer_status
compare_items(cer_arena *arena, const cer_ast *wanted, const cer_ast *fe,
              double *distance, cer_error *err)
{
	fact small[2][N_SMALL_FACTS];
	facts there;
	double sum = 0;

	CER_TRY(collect_facts(arena, fe, &there, small[0], err));
	for (const cer_ast *item = wanted->first; item; item = item->next)
	{
		facts of_item = {.at = small[1]};
		size_t n = 0;
		double missing;

		if (cer_pattern_contains_item(item, fe))
			continue;
		cer_item_visit_facts(item, count_fact, &n);
		if (n > N_SMALL_FACTS)
			of_item.at = cer_arena_allocate(arena, n * sizeof(fact));
		if (of_item.at == NULL)
			return cer_fail_memory(err, n * sizeof(fact));
		cer_item_visit_facts(item, insert_fact, &of_item);
		missing = weigh_missing(&of_item, &there);
		sum += missing > 0 ? missing : CER_OTHER_WAY;
	}
	*distance += sum;
	return CER_OK;
}

static double
compare_named(const cer_ast *wanted, const cer_training *training)
{
	double sum = 0;
	cer_ast room;

	for (const cer_ast *child = wanted->first; child; child = child->next)
		if (child->kind == CER_AST_NAMED)
			sum += cer_setting_weight(child->name) *
			       cer_value_distance(
					   cer_training_find_value(training, child->name, &room),
					   child->first);
		else if (training->word == NULL ||
		         !cer_text_is(child->name, training->word->name))
			sum += CER_OPTIMIZER_WEIGHT + compare_named(child, training);
		else
			sum += compare_named(child, training);
	return sum;
}

cer_status
cer_pattern_measure_structure(cer_arena *arena, const cer_ast *pattern,
                              const cer_ast *as, double *distance,
                              cer_error *err)
{
	*distance = 0;
	if (cer_pattern_contains_structure(pattern->first, as->first))
		return CER_OK;
	return compare_as(arena, as, pattern, true, distance, err);
}

cer_status
cer_pattern_distance(cer_arena *arena, const cer_pattern *pattern,
                     const cer_mst *mst, double *distance, cer_error *err)
{
	const cer_ast *fe = cer_ast_find_section(pattern->ast, CER_AST_FE);
	const cer_ast *as = cer_ast_find_section(pattern->ast, CER_AST_AS);
	const cer_ast *pt = cer_ast_find_section(pattern->ast, CER_AST_PT);
	const cer_ast *mst_as = cer_ast_find_section(mst->ast, CER_AST_AS);
	cer_training training;
	double of_structures = 0;
	double sum = 0;

	if (fe != NULL)
		CER_TRY(compare_items(
			arena, fe, cer_ast_find_section(mst->ast, CER_AST_FE), &sum, err));
	if (as != NULL)
		CER_TRY(cer_pattern_measure_structure(arena, as, mst_as, &of_structures,
		                                      err));
	sum += of_structures;
	cer_training_init(&training, mst->ast);
	if (pt != NULL)
		sum += compare_named(pt, &training);
	*distance = sum;
	return CER_OK;
}
