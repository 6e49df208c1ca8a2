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
 * Bits: buckets are few, so that what a pattern asks for is often hidden by
 * something else.  A summary has 512 bits, too, one of which stands for each
 * name of FE and each word of AS.  A name that a pattern asks for and whose bit
 * is missing costs its weight; a node of AS whose word is missing is matched
 * with another word or with nothing, and costs 1; numbers are other nodes.  Of
 * both sums, by buckets and by bits, the larger one counts.
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

#include <math.h>
#include <string.h>

#define UNITS 1024.0

/* Where the dimensions lie. */
enum
{
	FE_BUCKETS = 24,
	WORD_BUCKETS = 8,
	N_HATS = 7,
	OPTIMIZER_BUCKETS = 3,
	ACTIVATION_BUCKETS = 4,
	FE_FIRST = 0,
	WORD_FIRST = FE_FIRST + FE_BUCKETS,
	HAT_FIRST = WORD_FIRST + WORD_BUCKETS, /* then the one for zero */
	N_NODES = HAT_FIRST + N_HATS + 1,
	OPTIMIZER_FIRST,
	ACTIVATION_FIRST = OPTIMIZER_FIRST + OPTIMIZER_BUCKETS,
	NUMBER_FIRST = ACTIVATION_FIRST + ACTIVATION_BUCKETS
};

static const char *const numbers[] = {
	"lr",      "batch", "epochs",   "patience",
	"dropout", "decay", "momentum", "beta1",
};

#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

_Static_assert(NUMBER_FIRST + N_NUMBERS == CER_SUMMARY_DIMS, "all are used");

/* Weights are counted in parts of 1, so that sums are exact. */
#define PARTS 8

/* How a probe's dimension counts. */
typedef enum use
{
	USE_BOTH,   /* whatever differs */
	USE_MISSING /* what the triple has less */
} use;

#define LEAST_PLACE 1.0  /* of a positive number */
#define MOST_PLACE  60.0 /* that is, 2^208 */
#define NO_PLACE    62.0
#define MIDDLE      8.0 /* of 1 */

typedef struct point
{
	double at[CER_SUMMARY_DIMS];
} point;

/* --------------------------------------------------------------- FE */

static void
add_fact(void *self, uint64_t fact, double weight)
{
	point *p = self;

	p->at[FE_FIRST + fact % FE_BUCKETS] += weight;
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

/* --------------------------------------------------------------- PT */

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

	for (const cer_ast *item = fe->first; item; item = item->next)
	{
		cer_item_visit_facts(item, add_fact, p);
		cer_item_visit_details(item, add_fact, p);
	}
	add_structure(p, cer_ast_find_section(mst->ast, CER_AST_AS));
	add_training(p, mst->ast);
}

void
cer_mst_summarize(const cer_mst *mst, cer_summary *summary)
{
	point p = {.at = {0}};

	place_triple(&p, mst);
	round_up(&p, summary);
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
	set_weights(probe, FE_FIRST, FE_BUCKETS, 1, USE_BOTH);
	set_weights(probe, WORD_FIRST, WORD_BUCKETS + N_HATS + 1 + 1, 0.5,
	            USE_BOTH);
	weigh_optimizer(probe);
	weigh_activation(probe);
	for (size_t i = 0; i < N_NUMBERS; i++)
		weigh_number(probe, i);
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
add_probe_fact(cer_probe *probe, uint64_t key, double weight)
{
	size_t bit = cer_key_get_bit(key);

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
	add_probe_fact(self, cer_key_of_fact(fact), weight);
}

static void
probe_words(cer_probe *probe, const cer_ast *ast)
{
	if (ast->kind == CER_AST_CALL)
		add_probe_fact(probe, cer_key_of_word(ast->name), 1);
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (!cer_call_may_omit(ast, child))
			probe_words(probe, child);
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
			cer_item_visit_facts(item, probe_fact, probe);
		}
	probe->n_columns = probe->n_facts;
	set_weights(probe, FE_FIRST, FE_BUCKETS, 1, USE_MISSING);
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
	if (fe != NULL)
		probe_items(&p, fe, probe);
	if (as != NULL)
		probe_structure(&p, as, probe);
	if (pt != NULL)
		probe_training(&p, pt, probe);
	round_down(&p, &probe->summary);
	cer_pattern_sign(pattern, probe->summary.bits);
}

/* --------------------------------------------------------------- bounds */

void
cer_summary_box_extend(cer_summary_box *box, const cer_summary_box *by)
{
	for (size_t i = 0; i < CER_SUMMARY_DIMS; i++)
	{
		if (by->least.at[i] < box->least.at[i])
			box->least.at[i] = by->least.at[i];
		if (by->most.at[i] > box->most.at[i])
			box->most.at[i] = by->most.at[i];
	}
	for (size_t i = 0; i < CER_SUMMARY_WORDS; i++)
	{
		box->least.bits[i] &= by->least.bits[i];
		box->most.bits[i] |= by->most.bits[i];
	}
}

/*
 * Plain loops over small integers: a search asks for thousands of bounds, and
 * the compiler makes vectors of them.
 */
static inline uint32_t
sum_gaps(const cer_probe *probe, const cer_summary_box *box, size_t first,
         size_t n)
{
	uint32_t sum = 0;

	for (size_t i = first; i < first + n; i++)
	{
		uint16_t at = probe->summary.at[i];
		uint16_t least = box->least.at[i] & probe->above[i];
		uint16_t most = box->most.at[i];
		uint16_t below = at > most ? (uint16_t) (at - most) : 0;
		uint16_t above = least > at ? (uint16_t) (least - at) : 0;
		uint16_t gap;

		above = above > 2 ? (uint16_t) (above - 2) : 0;
		gap = below > above ? below : above;
		gap = gap < probe->limit[i] ? gap : probe->limit[i];
		sum += (uint32_t) gap * probe->weight[i];
	}
	return sum;
}

static uint32_t
sum_missing(const cer_probe *probe, const cer_summary_box *box, size_t first,
            size_t end)
{
	uint32_t sum = 0;

	for (size_t i = first; i < end; i++)
	{
		cer_probe_fact fact = probe->facts[i];
		uint64_t word = box->most.bits[fact.bit / 64];

		if ((word >> fact.bit % 64 & 1) == 0)
			sum += fact.weight * (uint32_t) UNITS;
	}
	return sum;
}

static uint32_t
get_larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

double
cer_probe_bound(const cer_probe *probe, const cer_summary_box *box)
{
	uint32_t fe = sum_gaps(probe, box, FE_FIRST, FE_BUCKETS);
	uint32_t words = sum_gaps(probe, box, WORD_FIRST, WORD_BUCKETS);
	uint32_t rest =
		sum_gaps(probe, box, HAT_FIRST, OPTIMIZER_FIRST - HAT_FIRST);
	uint32_t pt = sum_gaps(probe, box, OPTIMIZER_FIRST,
	                       CER_SUMMARY_DIMS - OPTIMIZER_FIRST);

	fe = get_larger(fe, sum_missing(probe, box, 0, probe->n_columns));
	words = get_larger(
		words, sum_missing(probe, box, probe->n_columns, probe->n_facts));
	return (fe + words + rest + pt) / (UNITS * PARTS);
}

bool
cer_probe_may_contain(const cer_probe *probe, const cer_summary_box *box)
{
	for (size_t i = 0; i < CER_SUMMARY_WORDS; i++)
		if ((probe->summary.bits[i] & ~box->most.bits[i]) != 0)
			return false;
	return cer_probe_bound(probe, box) == 0;
}
