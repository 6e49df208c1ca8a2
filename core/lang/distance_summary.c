/*
 * lang/distance_summary.c
 *	  A triple as a point of few dimensions, and a bound from it.
 *
 * Why the bound holds, section by section:
 *
 * FE	Facts fall into buckets by hash; a dimension is the weight in a bucket.
 *		What only one triple has changes its bucket by no more than its weight,
 *		so the sum of differences is at most the distance.
 *
 * AS	Words and settings fall into buckets by hash, 1 each; a number x spreads
 *		1 over the two of hats -2, -1, ... 4 that u = log2(x) / 4 lies between,
 *		by nearness; zero and negative numbers have a bucket; one dimension is
 *		the number of nodes.  Let L be the sum of differences over words and
 *		hats, and N the difference in nodes.  An edit changes them so:
 *			a node comes or goes	cost 1		L by 1, N by 1
 *			a word becomes another	cost 1		L by at most 2
 *			number to number		cost c		L by at most 2 c: hats are linear
 *												in u, a step of u by c moves c
 *			different kinds			cost 2		L by at most 2
 *		so (L + N) / 2 never grows by more than the cost.
 *
 * PT	One dimension a number, at log2(x) / 4 moved above 0: two values are at
 *		least min(1, difference) apart, and weigh as the setting does.  Zero lies
 *		below all others by 1 at least, a missing value above; both are 1 apart
 *		from all.  Words fall into buckets, one a triple: half the sum of
 *		differences is at most 1 where they differ.
 *
 * To a pattern only what it names counts, and what the triple has too much is
 * free: the same with differences of one side, and in AS one for one, as an
 * edit that costs c brings at most c of what was missing.
 *
 *		A setting of a structure (width = 128) that a pattern names is matched
 *		with one of the same name, for the distance of their numbers, or costs 1
 *		at least; or the pattern is contained, and the word takes that number,
 *		by default too.  Names fall into few buckets, each with the least and
 *		the most of the places of its numbers: the gap to them is the bound.
 *
 *		Numbers of lists, too, have a least and a most: each of the pattern's is
 *		matched with one between them, or costs 1.  Hats tell only the sum of
 *		those that lie between two of them, but also what is missing; of both
 *		the larger one counts.  And a list of widths that is longer than the
 *		pattern's, which is one structure, costs 1 for each width too many, or
 *		the structure's word is another one and costs 1: of that and of missing
 *		words the larger one counts, as none of it brings a number.
 *
 * Bits: buckets are few, so that what a pattern asks for is often hidden by
 * something else.  A summary has 512 bits, too, one of which stands for each
 * name and encoder of FE and each word of AS.  A name that a pattern asks for and whose bit
 * is missing costs its weight; a node of AS whose word is missing is matched
 * with another word or with nothing, and costs 1; numbers are other nodes.  Of
 * both sums, by buckets and by bits, the larger one counts.  A column that is
 * there with another encoder costs a half, one that is not there has no encoder
 * either: half of its weight belongs to the encoder's bit.
 *
 * Where a summary holds the structure as a whole (distance_shape.c), its
 * distance to a pattern's is known, and stands for all of the bound of AS.
 *
 * A dimension is rounded to 1 / UNITS and clamped: upwards in a triple's
 * summary, downwards in a probe.  What a triple has less than the probe never
 * grows by that; what it has more grows by less than two units, which are taken
 * off.  So a bound that is a whole number is often the distance itself.
 */
#include "lang/distance.h"

#include "base/text.h"
#include "lang/mst.h"
#include "lang/pattern.h"
#include "lang/summary.h"

#include <math.h>
#include <string.h>

static const char *const numbers[] = {
	"lr",    "batch",    "epochs", "patience",        "dropout",
	"decay", "momentum", "beta1",  "label_smoothing",
};

#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

_Static_assert(N_NUMBERS == SUMMARY_NUMBERS, "all are used");

/* How a probe's dimension counts. */
typedef enum use
{
	USE_BOTH,   /* whatever differs */
	USE_MISSING /* what the triple has less */
} use;

#define LEAST_PLACE 1.0  /* of a positive number */
#define MOST_PLACE  60.0 /* that is, 2^208 */
#define NO_PLACE    62.0
#define NOWHERE     64.0 /* above all */
#define MIDDLE      8.0  /* of 1 */

typedef struct point
{
	double at[CER_SUMMARY_DIMS];
} point;

/* --------------------------------------------------------------- FE */

static void
add_fact(void *self, uint64_t fact, double weight)
{
	point *p = self;

	p->at[NAME_FIRST + fact % NAME_BUCKETS] += weight;
}

static void
add_detail(void *self, uint64_t fact, double weight)
{
	point *p = self;

	p->at[DETAIL_FIRST + fact % DETAIL_BUCKETS] += weight;
}

/* --------------------------------------------------------------- AS */

static void
add_number(point *p, double number)
{
	double u;
	double left;

	if (number <= 0)
	{
		p->at[HAT_FIRST + N_HATS] += 1;
		return;
	}
	u = fmin(fmax(log2(number) / CER_OCTAVES, -2), N_HATS - 3) + 2;
	left = fmin(floor(u), N_HATS - 2);
	p->at[HAT_FIRST + (size_t) left] += 1 - (u - left);
	p->at[HAT_FIRST + (size_t) left + 1] += u - left;
}

static void extend_list(point *p, const cer_ast *number);

static void
add_nodes(point *p, const cer_ast *ast, size_t times)
{
	uint64_t hash = cer_hash_text((uint64_t) ast->kind, ast->name);
	bool is_setting = ast->kind == CER_AST_NAMED && ast->first != NULL &&
	                  ast->first == ast->last &&
	                  ast->first->kind == CER_AST_NUMBER;

	p->at[N_NODES] += (double) times;
	if (ast->kind == CER_AST_NUMBER)
	{
		extend_list(p, ast);
		for (; times > 0; times--)
			add_number(p, ast->number);
		return;
	}
	p->at[WORD_FIRST + hash % WORD_BUCKETS] += (double) times;
	if (is_setting)
		return;
	for (const cer_ast *child = ast->first; child; child = child->next)
		add_nodes(p, cer_ast_get_copied(child),
		          times * cer_ast_count_copies(child));
}

/* The root and a chain at the top are no nodes that differ. */
static void
add_structure(point *p, const cer_ast *as)
{
	const cer_ast *list = as->first->kind == CER_AST_CHAIN ? as->first : as;

	for (const cer_ast *child = list->first; child; child = child->next)
		add_nodes(p, cer_ast_get_copied(child), cer_ast_count_copies(child));
}

/* --------------------------------------------------------------- settings */

static double
place_number(const cer_ast *value)
{
	if (value == NULL || value->kind != CER_AST_NUMBER)
		return NO_PLACE;
	if (value->number <= 0)
		return 0;
	return fmin(fmax(log2(value->number) / CER_OCTAVES + MIDDLE, LEAST_PLACE),
	            MOST_PLACE);
}

static void
extend_list(point *p, const cer_ast *number)
{
	double place = place_number(number);

	p->at[LIST_LEAST] = fmin(p->at[LIST_LEAST], place);
	p->at[LIST_MOST] = fmax(p->at[LIST_MOST], place);
}

static size_t
count_numbers(const cer_ast *call)
{
	size_t n = 0;

	for (const cer_ast *child = call->first; child; child = child->next)
		if (cer_ast_get_copied(child)->kind == CER_AST_NUMBER)
			n += cer_ast_count_copies(child);
	return n;
}

static bool
takes_widths(const cer_ast *ast)
{
	const cer_word *word =
		ast->kind == CER_AST_CALL ? cer_call_get_word(ast) : NULL;

	return word != NULL && cer_word_takes_widths(word);
}

/* Widths are in most structures that have settings at all. */
static size_t
get_bucket(cer_text name)
{
	if (cer_text_is(name, "width"))
		return 0;
	return 1 + cer_hash_text(SPAN_FIRST, name) % (SPANS - 1);
}

static void
extend_span(point *p, cer_text name, const cer_ast *value)
{
	double *span = &p->at[SPAN_FIRST + 2 * get_bucket(name)];
	double place;

	if (value == NULL || value->kind != CER_AST_NUMBER)
		return;
	place = place_number(value);
	span[0] = fmin(span[0], place);
	span[1] = fmax(span[1], place);
}

/* Every single number that the word takes, by default too. */
static void
add_spans_of_word(point *p, const cer_ast *call, const cer_word *word)
{
	for (size_t i = 0; i < word->n_args; i++)
	{
		cer_text name = cer_text_of(word->args[i].name);
		cer_ast room;

		if (!cer_arg_is_list(&word->args[i]))
			extend_span(p, name, cer_call_find_argument(call, name, &room));
	}
}

static void
add_spans(point *p, const cer_ast *ast)
{
	const cer_word *word =
		ast->kind == CER_AST_CALL ? cer_call_get_word(ast) : NULL;

	if (ast->kind == CER_AST_NAMED)
		extend_span(p, ast->name, ast->first);
	if (takes_widths(ast))
		p->at[N_WIDTHS] = fmin(p->at[N_WIDTHS], (double) count_numbers(ast));
	if (word != NULL)
		add_spans_of_word(p, ast, word);
	for (const cer_ast *child = ast->first; child; child = child->next)
		add_spans(p, child);
}

/* --------------------------------------------------------------- PT */

static void
add_word(point *p, size_t first, size_t n_buckets, cer_text word)
{
	p->at[first + cer_hash_text(first, word) % n_buckets] = 1;
}

static void
add_training(point *p, const cer_ast *triple)
{
	cer_training training;
	const cer_ast *activation;
	cer_ast room;

	cer_training_init(&training, triple);
	if (training.word != NULL)
		add_word(p, OPTIMIZER_FIRST, OPTIMIZER_BUCKETS,
		         cer_text_of(training.word->name));
	activation =
		cer_training_find_value(&training, cer_text_of("activation"), &room);
	if (activation != NULL && activation->kind == CER_AST_CALL)
		add_word(p, ACTIVATION_FIRST, ACTIVATION_BUCKETS, activation->name);
	for (size_t i = 0; i < N_NUMBERS; i++)
		p->at[NUMBER_FIRST + i] = place_number(
			cer_training_find_value(&training, cer_text_of(numbers[i]), &room));
}

/* --------------------------------------------------------------- making */

static void
round_up(const point *p, cer_summary *summary)
{
	for (size_t i = 0; i < CER_SUMMARY_DIMS; i++)
		summary->at[i] = (uint16_t) fmin(ceil(p->at[i] * UNITS), UINT16_MAX);
}

static void
round_down(const point *p, cer_summary *summary)
{
	for (size_t i = 0; i < CER_SUMMARY_DIMS; i++)
		summary->at[i] = (uint16_t) fmin(floor(p->at[i] * UNITS), UINT16_MAX);
}

static void
place_triple(point *p, const cer_mst *mst)
{
	const cer_ast *fe = cer_ast_find_section(mst->ast, CER_AST_FE);
	const cer_ast *as = cer_ast_find_section(mst->ast, CER_AST_AS);

	for (const cer_ast *item = fe->first; item; item = item->next)
	{
		cer_item_visit_facts(item, add_fact, p);
		cer_item_visit_details(item, add_detail, p);
	}
	for (size_t i = 0; i < SPANS; i++)
		p->at[SPAN_FIRST + 2 * i] = NOWHERE;
	p->at[LIST_LEAST] = NOWHERE;
	p->at[N_WIDTHS] = NOWHERE;
	add_structure(p, as);
	add_spans(p, as);
	add_training(p, mst->ast);
}

void
cer_mst_summarize(const cer_mst *mst, cer_summary *summary)
{
	point p = {.at = {0}};

	place_triple(&p, mst);
	round_up(&p, summary);
	cer_shape_write(cer_ast_find_section(mst->ast, CER_AST_AS),
	                &summary->at[SHAPE_FIRST]);
	memset(summary->bits, 0, sizeof(summary->bits));
	cer_mst_sign(mst, summary->bits);
}

/* --------------------------------------------------------------- weights */

static void
set_weights(cer_probe *probe, size_t first, size_t n, double weight, use how)
{
	for (size_t i = first; i < first + n; i++)
	{
		probe->weight[i] = (uint16_t) (weight * PARTS);
		probe->limit[i] = UINT16_MAX;
		probe->above[i] = how == USE_BOTH ? UINT16_MAX : 0;
	}
}

static void
weigh_number(cer_probe *probe, size_t i)
{
	set_weights(probe, NUMBER_FIRST + i, 1,
	            cer_setting_weight(cer_text_of(numbers[i])), USE_BOTH);
	probe->limit[NUMBER_FIRST + i] = (uint16_t) UNITS;
}

static void
weigh_optimizer(cer_probe *probe)
{
	set_weights(probe, OPTIMIZER_FIRST, OPTIMIZER_BUCKETS,
	            CER_OPTIMIZER_WEIGHT / 2, USE_BOTH);
}

static void
weigh_activation(cer_probe *probe)
{
	set_weights(probe, ACTIVATION_FIRST, ACTIVATION_BUCKETS,
	            cer_setting_weight(cer_text_of("activation")) / 2, USE_BOTH);
}

void
cer_probe_init(cer_probe *probe)
{
	memset(probe, 0, sizeof(*probe));
	probe->n_widths = UINT16_MAX;
	set_weights(probe, NAME_FIRST, NAME_BUCKETS + DETAIL_BUCKETS, 1, USE_BOTH);
	set_weights(probe, WORD_FIRST, WORD_BUCKETS + N_HATS + 1 + 1, 0.5,
	            USE_BOTH);
	weigh_optimizer(probe);
	weigh_activation(probe);
	for (size_t i = 0; i < N_NUMBERS; i++)
		weigh_number(probe, i);
}

void
cer_probe_init_built(cer_probe *probe)
{
	cer_probe_init(probe);
	memset(&probe->weight[NAME_FIRST], 0,
	       (NAME_BUCKETS + DETAIL_BUCKETS) * sizeof(probe->weight[0]));
}

void
cer_mst_probe(const cer_mst *mst, cer_probe *probe)
{
	point p = {.at = {0}};

	cer_probe_init(probe);
	place_triple(&p, mst);
	round_down(&p, &probe->summary);
	cer_mst_sign(mst, probe->summary.bits);
}

/* --------------------------------------------------------------- pattern */

static bool
is_repeated(const cer_ast *fe, const cer_ast *item)
{
	for (const cer_ast *before = fe->first; before != item;
	     before = before->next)
		if (before->kind == item->kind &&
		    cer_text_equals(before->name, item->name))
			return true;
	return false;
}

/* What no triple that has the pattern's structure leaves out. */
static void
probe_nodes(point *p, const cer_ast *ast, size_t times)
{
	uint64_t hash = cer_hash_text((uint64_t) ast->kind, ast->name);

	if (ast->kind == CER_AST_NUMBER)
	{
		for (; times > 0; times--)
			add_number(p, ast->number);
		return;
	}
	p->at[WORD_FIRST + hash % WORD_BUCKETS] += (double) times;
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (!cer_call_may_omit(ast, child))
			probe_nodes(p, cer_ast_get_copied(child),
			            times * cer_ast_count_copies(child));
}

/* Once for each bit; what there is no room for counts nothing. */
static void
add_probe_fact(cer_probe *probe, size_t bit, double weight)
{
	for (size_t i = 0; i < probe->n_facts; i++)
		if (probe->facts[i].bit == bit)
			return;
	if (probe->n_facts < CER_PROBE_FACTS)
		probe->facts[probe->n_facts++] =
			(cer_probe_fact){(uint16_t) bit, (uint16_t) (weight * PARTS)};
}

static void
probe_fact(void *self, uint64_t fact, double weight)
{
	add_probe_fact(self, cer_key_get_bit(CER_KEYS_FE, cer_key_of_fact(fact)),
	               weight);
}

/* Of a column that is asked for with an encoder. */
static void
probe_encoded(void *self, uint64_t fact, double weight)
{
	probe_fact(self, fact, weight - CER_OTHER_WAY);
}

static void
probe_item(cer_probe *probe, const cer_ast *item)
{
	uint64_t key = cer_key_of_encoder(item);

	if (key == 0)
	{
		cer_item_visit_facts(item, probe_fact, probe);
		return;
	}
	cer_item_visit_facts(item, probe_encoded, probe);
	add_probe_fact(probe, cer_key_get_bit(CER_KEYS_FE, key), CER_OTHER_WAY);
}

static void
probe_argument(cer_probe *probe, const cer_ast *child)
{
	if (child->kind == CER_AST_NAMED && child->first != NULL &&
	    child->first == child->last && child->first->kind == CER_AST_NUMBER &&
	    probe->n_spans < CER_PROBE_SPANS)
		probe->spans[probe->n_spans++] = (cer_probe_span){
			(uint16_t) (SPAN_FIRST + 2 * get_bucket(child->name)),
			(uint16_t) floor(place_number(child->first) * UNITS)};
}

static void
probe_numbers(cer_probe *probe, const cer_ast *number, size_t times)
{
	for (; times > 0 && probe->n_listed < CER_PROBE_LIST; times--)
		probe->list[probe->n_listed++] =
			(uint16_t) floor(place_number(number) * UNITS);
}

static void
probe_words(cer_probe *probe, const cer_ast *ast)
{
	if (ast->kind == CER_AST_CALL)
		add_probe_fact(
			probe, cer_key_get_bit(CER_KEYS_AS, cer_key_of_word(ast->name)), 1);
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (cer_ast_get_copied(child)->kind == CER_AST_NUMBER &&
		    !cer_call_may_omit(ast, child))
			probe_numbers(probe, cer_ast_get_copied(child),
			              cer_ast_count_copies(child));
		else if (!cer_call_may_omit(ast, child))
			probe_words(probe, child);
		else if (ast->kind == CER_AST_CALL)
			probe_argument(probe, child);
}

static void
probe_structure(point *p, const cer_ast *as, cer_probe *probe)
{
	const cer_ast *list = as->first->kind == CER_AST_CHAIN ? as->first : as;

	for (const cer_ast *child = list->first; child; child = child->next)
	{
		probe_nodes(p, cer_ast_get_copied(child), cer_ast_count_copies(child));
		probe_words(probe, child);
	}
	set_weights(probe, WORD_FIRST, WORD_BUCKETS + N_HATS + 1, 1, USE_MISSING);
	if (list == as && as->first == as->last && takes_widths(as->first) &&
	    count_numbers(as->first) > 0)
		probe->n_widths = (uint16_t) fmin(
			(double) count_numbers(as->first) * UNITS, UINT16_MAX);
}

/* An item that has another of its name is not asked for twice: one item of the
 * triple may be both. */
static void
probe_items(point *p, const cer_ast *fe, cer_probe *probe)
{
	for (const cer_ast *item = fe->first; item; item = item->next)
		if (!is_repeated(fe, item))
		{
			cer_item_visit_facts(item, add_fact, p);
			probe_item(probe, item);
		}
	probe->n_columns = probe->n_facts;
	set_weights(probe, NAME_FIRST, NAME_BUCKETS, 1, USE_MISSING);
}

static void
probe_setting(point *p, const cer_ast *named, cer_probe *probe)
{
	if (cer_text_is(named->name, "activation") &&
	    named->first->kind == CER_AST_CALL)
	{
		add_word(p, ACTIVATION_FIRST, ACTIVATION_BUCKETS, named->first->name);
		weigh_activation(probe);
		return;
	}
	for (size_t i = 0; i < N_NUMBERS; i++)
		if (cer_text_is(named->name, numbers[i]))
		{
			p->at[NUMBER_FIRST + i] = place_number(named->first);
			weigh_number(probe, i);
		}
}

static void
probe_training(point *p, const cer_ast *pt, cer_probe *probe)
{
	for (const cer_ast *child = pt->first; child; child = child->next)
		if (child->kind == CER_AST_NAMED)
			probe_setting(p, child, probe);
		else if (child->kind == CER_AST_CALL)
		{
			add_word(p, OPTIMIZER_FIRST, OPTIMIZER_BUCKETS, child->name);
			weigh_optimizer(probe);
			probe_training(p, child, probe);
		}
}

void
cer_pattern_probe(const cer_pattern *pattern, cer_probe *probe)
{
	const cer_ast *fe = cer_ast_find_section(pattern->ast, CER_AST_FE);
	const cer_ast *as = cer_ast_find_section(pattern->ast, CER_AST_AS);
	const cer_ast *pt = cer_ast_find_section(pattern->ast, CER_AST_PT);
	point p = {.at = {0}};

	memset(probe, 0, sizeof(*probe));
	probe->n_widths = UINT16_MAX;
	if (fe != NULL)
		probe_items(&p, fe, probe);
	probe->has_structure = as != NULL;
	if (as != NULL)
		probe_structure(&p, as, probe);
	if (pt != NULL)
		probe_training(&p, pt, probe);
	round_down(&p, &probe->summary);
	cer_pattern_sign(pattern, probe->summary.bits);
}
