/*
 * lang/space.c
 *	  Sets of triples: how many, all of them, some of them.
 */
#include "lang/space_private.h"

#include "base/arena.h"
#include "base/size.h"
#include "base/text.h"
#include "lang/distance.h"
#include "lang/mst.h"

#include <math.h>
#include <string.h>

#define MAX_CHOICES 8192 /* decisions that one triple takes */
#define MAX_TRIES   1000000
#define MAX_GUESSES 100000 /* triples that decide conditions */

/* --------------------------------------------------------------- drawing */

cer_status
cer_space_sample(cer_arena *arena, const cer_space *space, uint64_t seed,
                 uint64_t draw, const cer_mst **mst, cer_error *err)
{
	static const char name[] = "space";
	cer_chooser chooser = {.is_random = true};
	const cer_mst *made = NULL;

	/* what makes no triple is drawn again, elsewhere in the draw's stream */
	for (uint64_t attempt = 0; attempt < 1000 && made == NULL; attempt++)
	{
		cer_random_init(&chooser.random, seed + attempt, cer_text_of(name));
		chooser.draw = draw;
		CER_TRY(cer_space_choose(arena, space, &chooser, &made, err));
	}
	if (made == NULL)
		return cer_fail(err, CER_BAD_VALUE,
		                "no draw from the space makes a triple");
	*mst = made;
	return CER_OK;
}

/* --------------------------------------------------------------- counting up */

static cer_status
init_counter(cer_arena *arena, cer_chooser *chooser, cer_error *err)
{
	size_t size = MAX_CHOICES * sizeof(double);

	*chooser = (cer_chooser){.n_digits = MAX_CHOICES};
	chooser->digits = cer_arena_allocate(arena, size);
	chooser->bases = cer_arena_allocate(arena, size);
	if (chooser->digits == NULL || chooser->bases == NULL)
		return cer_fail_memory(err, size);
	memset(chooser->digits, 0, size);
	return CER_OK;
}

/* The last digit that can still grow does, those behind it begin anew. */
static bool
count_up(cer_chooser *c)
{
	for (uint32_t i = c->n_made; i-- > 0;)
	{
		if (c->digits[i] + 1 < c->bases[i])
		{
			c->digits[i]++;
			return true;
		}
		c->digits[i] = 0;
	}
	return false;
}

/* Triples met so far: a table of hashes, open addresses, at most half full. */
typedef struct met
{
	cer_arena *arena;
	const cer_mst **at;
	size_t size; /* a power of 2 */
	size_t n;
} met;

static size_t
find_slot(const met *set, const cer_mst *mst)
{
	size_t i = (size_t) cer_hash_tree(0, mst->ast) & (set->size - 1);

	while (set->at[i] != NULL && !cer_ast_equals(set->at[i]->ast, mst->ast))
		i = (i + 1) & (set->size - 1);
	return i;
}

static cer_status
grow(met *set, cer_error *err)
{
	met larger = {.arena = set->arena, .size = set->size ? set->size * 2 : 64};
	size_t size = cer_size_multiply(larger.size, sizeof(*larger.at));

	larger.at = cer_arena_allocate(set->arena, size);
	if (larger.at == NULL)
		return cer_fail_memory(err, size);
	memset(larger.at, 0, size);
	for (size_t i = 0; i < set->size; i++)
		if (set->at[i] != NULL)
			larger.at[find_slot(&larger, set->at[i])] = set->at[i];
	larger.n = set->n;
	*set = larger;
	return CER_OK;
}

/* What is done with a triple of the space that was not met before. */
typedef cer_status (*visit_fn)(void *self, const cer_mst *mst, cer_error *err);

typedef struct walk
{
	const cer_space *space;
	size_t limit; /* of triples */
	visit_fn visit;
	void *self;
} walk;

/* A triple that is new is made again where it stays. */
static cer_status
meet(const walk *w, met *set, cer_chooser *chooser, const cer_mst *mst,
     cer_error *err)
{
	size_t slot;

	if (2 * set->n >= set->size)
		CER_TRY(grow(set, err));
	slot = find_slot(set, mst);
	if (set->at[slot] != NULL)
		return CER_OK;
	if (set->n == w->limit)
		return cer_fail(err, CER_TOO_BIG, "space has more than %zu triples",
		                w->limit);
	CER_TRY(cer_space_choose(set->arena, w->space, chooser, &mst, err));
	set->at[slot] = mst;
	set->n++;
	return w->visit(w->self, mst, err);
}

/* Every triple once, in the order of its first choices. */
static cer_status
visit_with(cer_arena *arena, cer_arena *scratch, const walk *w, cer_error *err)
{
	const cer_host *host = cer_arena_get_host(arena);
	met set = {.arena = arena};
	cer_chooser chooser;
	size_t n_tries = 0;

	CER_TRY(init_counter(arena, &chooser, err));
	do
	{
		const cer_mst *mst;

		if (n_tries++ == MAX_TRIES)
			return cer_fail(err, CER_TOO_BIG,
			                "space has more than %d combinations", MAX_TRIES);
		if (host->is_canceled(host->self))
			return cer_fail(err, CER_CANCELED, "canceled");
		cer_arena_clear(scratch);
		CER_TRY(cer_space_choose(scratch, w->space, &chooser, &mst, err));
		if (mst != NULL)
			CER_TRY(meet(w, &set, &chooser, mst, err));
	} while (count_up(&chooser));
	return CER_OK;
}

static cer_status
visit_all(cer_arena *arena, const walk *w, cer_error *err)
{
	cer_arena *scratch = cer_arena_new(cer_arena_get_host(arena));
	cer_status status;

	if (scratch == NULL)
		return cer_fail_memory(err, sizeof(scratch));
	status = visit_with(arena, scratch, w, err);
	cer_arena_free(scratch);
	return status;
}

/* --------------------------------------------------------------- points */

typedef struct list
{
	const cer_mst **at;
	size_t n;
	size_t size;
	cer_arena *arena;
} list;

static cer_status
append_point(void *self, const cer_mst *mst, cer_error *err)
{
	list *to = self;

	if (to->n == to->size)
	{
		size_t size = to->size ? to->size * 2 : 64;
		const cer_mst **larger = cer_arena_allocate(
			to->arena, cer_size_multiply(size, sizeof(*larger)));

		if (larger == NULL)
			return cer_fail_memory(err, size * sizeof(*larger));
		if (to->n > 0)
			memcpy(larger, to->at, to->n * sizeof(*larger));
		to->at = larger;
		to->size = size;
	}
	to->at[to->n++] = mst;
	return CER_OK;
}

cer_status
cer_space_make_points(cer_arena *arena, const cer_space *space, size_t limit,
                      const cer_mst *const **points, size_t *n_points,
                      cer_error *err)
{
	list made = {.arena = arena};
	walk w = {space, limit, append_point, &made};
	double n;

	CER_TRY(cer_space_count_points(arena, space, &n, err));
	if (isinf(n))
	{
		cer_fail(err, CER_BAD_VALUE, "space has infinitely many triples");
		cer_error_set_hint(err, "Give its ranges steps, or draw from it.");
		return CER_BAD_VALUE;
	}
	CER_TRY(visit_all(arena, &w, err));
	*points = made.at;
	*n_points = made.n;
	return CER_OK;
}

/* --------------------------------------------------------------- counting */

/* guess: the triple that conditions speak of. */
static double
count_ways(const cer_ast *ast, const cer_arg *arg, const cer_mst *guess);

/* What is written twice among alternatives is one of them. */
static bool
is_repeated(const cer_ast *choice, const cer_ast *one)
{
	for (const cer_ast *before = choice->first; before != one;
	     before = before->next)
		if (cer_ast_equals(before, one))
			return true;
	return false;
}

static double
count_choice(const cer_ast *ast, const cer_arg *arg, const cer_mst *guess)
{
	double n = 0;

	for (const cer_ast *one = ast->first; one; one = one->next)
		if (!is_repeated(ast, one))
			n += count_ways(one, arg, guess);
	return n;
}

static double
count_range(const cer_ast *ast, const cer_arg *arg)
{
	cer_range range;

	cer_range_init(&range, ast, arg);
	return cer_range_count(&range);
}

/* The sum of ways to the power of each count that there may be. */
static double
count_free_times(double ways, const cer_ast *counts)
{
	static const cer_arg count_arg = {.type = CER_ARG_INTEGER};
	double n = 0;
	cer_range range;

	switch (counts->kind)
	{
		case CER_AST_NUMBER:
			return pow(ways, counts->number);
		case CER_AST_CHOICE:
			for (const cer_ast *one = counts->first; one; one = one->next)
				if (!is_repeated(counts, one))
					n += count_free_times(ways, one);
			return n;
		case CER_AST_RANGE:
			cer_range_init(&range, counts, &count_arg);
			for (double i = 0; i < fmin(cer_range_count(&range), 4096); i++)
				n += pow(ways, cer_range_get(&range, i));
			return n;
		default:
			return counts->first ? count_free_times(ways, counts->first) : 1;
	}
}

static double
count_children(const cer_ast *ast, const cer_arg *arg, const cer_mst *guess)
{
	bool is_call = ast->kind == CER_AST_CALL;
	const cer_word *word = is_call ? cer_call_get_word(ast) : NULL;
	size_t position = 0;
	double n = 1;

	for (const cer_ast *child = ast->first; child; child = child->next)
	{
		const cer_arg *of_child = arg;

		if (is_call || ast->kind == CER_AST_PT)
			of_child = cer_child_get_arg(word, child, position++);
		n *= count_ways(child, of_child, guess);
	}
	return n;
}

static double
count_ways(const cer_ast *ast, const cer_arg *arg, const cer_mst *guess)
{
	static const cer_arg count_arg = {.type = CER_ARG_INTEGER};

	switch (ast->kind)
	{
		case CER_AST_CHOICE:
			return count_choice(ast, arg, guess);
		case CER_AST_RANGE:
			return count_range(ast, arg);
		case CER_AST_OPTIONAL:
			return 1 + count_ways(ast->first, arg, guess);
		case CER_AST_CONDITION:
			return guess && cer_condition_holds(ast, guess->ast)
			           ? count_ways(ast->first, arg, guess)
			           : 1;
		case CER_AST_TIMES:
			return count_ways(ast->first, arg, guess) *
			       count_ways(ast->last, &count_arg, guess);
		case CER_AST_FREE_TIMES:
			return count_free_times(count_ways(ast->first, arg, guess),
			                        ast->last);
		default:
			return count_children(ast, arg, guess);
	}
}

/* --------------------------------------------------------------- conditions */

/*
 * Entries (items of FE, the structure, entries of PT) that no condition speaks
 * of multiply.  The others are gone through, triple by triple, as the space
 * that they make alone: each triple decides which conditions hold.
 */
typedef struct counter
{
	const cer_ast *space;
	double n;
} counter;

/* A condition anywhere below ast whose path begins with section; and with name,
 * unless it is empty or the path's. */
static bool
is_spoken_of(const cer_ast *ast, const char *section, cer_text name)
{
	if (ast->kind == CER_AST_CONDITION)
	{
		const cer_ast *first = ast->first->next->first;

		if (cer_text_is(first->name, section) &&
		    (name.size == 0 || first->next == NULL ||
		     cer_text_equals(first->next->name, name)))
			return true;
	}
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (is_spoken_of(child, section, name))
			return true;
	return false;
}

static cer_text
get_setting_name(const cer_ast *entry)
{
	while (entry->kind == CER_AST_OPTIONAL || entry->kind == CER_AST_CONDITION)
		entry = entry->first;
	return entry->kind == CER_AST_NAMED ? entry->name : (cer_text){NULL, 0};
}

/* Whether what the entry becomes can decide a condition. */
static bool
is_controller(const cer_ast *space, const cer_ast *section,
              const cer_ast *entry)
{
	cer_text none = {NULL, 0};

	switch (section->kind)
	{
		case CER_AST_FE:
			return is_spoken_of(space, "fe", none);
		case CER_AST_AS:
			return is_spoken_of(space, "as", none);
		default:
			return is_spoken_of(space, "pt", get_setting_name(entry));
	}
}

/* A condition within an entry that decides may speak of any other. */
static bool
has_condition(const cer_ast *ast)
{
	if (ast->kind == CER_AST_CONDITION)
		return true;
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (has_condition(child))
			return true;
	return false;
}

static cer_status
copy_controllers(cer_arena *arena, const cer_ast *space, cer_ast **controllers,
                 cer_error *err)
{
	cer_ast *made = cer_ast_make(arena, CER_AST_TRIPLE, space->place);

	for (const cer_ast *section = space->first; section && made;
	     section = section->next)
	{
		cer_ast *copy = cer_ast_make(arena, section->kind, section->place);

		if (copy == NULL)
			return cer_fail_memory(err, sizeof(*copy));
		for (const cer_ast *entry = section->first; entry; entry = entry->next)
		{
			cer_ast *twin;

			if (!is_controller(space, section, entry))
				continue;
			twin = cer_ast_copy(arena, entry);
			if (twin == NULL)
				return cer_fail_memory(err, sizeof(*twin));
			cer_ast_append(copy, twin);
		}
		cer_ast_append(made, copy);
	}
	*controllers = made;
	return made ? CER_OK : cer_fail_memory(err, sizeof(*made));
}

/* The ways of all entries but those that decided. */
static cer_status
count_others(void *self, const cer_mst *guess, cer_error *err)
{
	counter *c = self;
	double n = 1;

	(void) err;
	for (const cer_ast *section = c->space->first; section;
	     section = section->next)
		for (const cer_ast *entry = section->first; entry; entry = entry->next)
			if (!is_controller(c->space, section, entry))
				n *= count_ways(entry,
				                section->kind == CER_AST_PT
				                    ? cer_child_get_arg(NULL, entry, 0)
				                    : NULL,
				                guess);
	c->n += n;
	return CER_OK;
}

cer_status
cer_space_count_points(cer_arena *arena, const cer_space *space,
                       double *n_points, cer_error *err)
{
	counter c = {.space = space->ast};
	walk w = {.limit = MAX_GUESSES, .visit = count_others, .self = &c};
	struct cer_space deciding;
	cer_ast *controllers;

	if (!has_condition(space->ast))
	{
		*n_points = count_ways(space->ast, NULL, NULL);
		return CER_OK;
	}
	CER_TRY(copy_controllers(arena, space->ast, &controllers, err));
	if (isinf(count_ways(controllers, NULL, NULL)))
	{
		*n_points = INFINITY;
		return CER_OK;
	}
	deciding.ast = controllers;
	w.space = &deciding;
	CER_TRY(visit_all(arena, &w, err));
	*n_points = c.n;
	return CER_OK;
}
