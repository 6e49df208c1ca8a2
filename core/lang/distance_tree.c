/*
 * lang/distance_tree.c
 *	  Edit distance of ordered trees (Zhang and Shasha 1989).
 *
 * Costs.  A node comes or goes for 1.  A word becomes another for 1; a number
 * becomes another for their distance, at most 1; a setting name = number, one
 * leaf, becomes one of another number likewise; nodes of different kinds, or
 * settings of different names, are 2 apart.  This is a metric on labels and
 * the empty label: all from 0 to 2, symmetric, 0 for equal labels only; to the
 * empty label it is always 1, and 2 <= 1 + 1; between kinds it is 2, no more
 * than any way round: through the same kind at one end (2 + something), or the
 * empty label (1 + 1); and within a kind it is one, by distance.h.
 */
#include "lang/distance.h"

#include "base/arena.h"
#include "base/size.h"

#include <math.h>
#include <string.h>

#define SMALL 24 /* nodes of a tree that need no memory but the stack's */

/* --------------------------------------------------------------- making */

static bool
is_setting(const cer_ast *ast)
{
	return ast->kind == CER_AST_NAMED && ast->first != NULL &&
	       ast->first == ast->last && ast->first->kind == CER_AST_NUMBER;
}

static size_t
measure(const cer_ast *ast)
{
	size_t n = 1;

	if (is_setting(ast))
		return 1;
	for (const cer_ast *child = ast->first; child; child = child->next)
		n += cer_ast_count_copies(child) * measure(cer_ast_get_copied(child));
	return n;
}

/* A chain at the top is the root's list: a layer more is one node more. */
static const cer_ast *
get_list(const cer_ast *as)
{
	bool is_chain = as->first != NULL && as->first->kind == CER_AST_CHAIN;

	return is_chain ? as->first : as;
}

size_t
cer_tree_measure(const cer_ast *as)
{
	return measure(get_list(as));
}

static void
set_number(cer_tree_node *node, double number)
{
	node->number = number;
	node->octaves = number == 0 ? 0 : log2(fabs(number));
}

static void fill(cer_tree *tree, const cer_ast *ast);

/* The first child shares its first leaf with the node above: no key root. */
static void
fill_children(cer_tree *tree, const cer_ast *ast)
{
	bool is_key = false;

	for (const cer_ast *child = ast->first; child; child = child->next)
		for (size_t n = cer_ast_count_copies(child); n > 0; n--)
		{
			fill(tree, cer_ast_get_copied(child));
			tree->nodes[tree->n - 1].is_key = is_key;
			is_key = true;
		}
}

static void
fill(cer_tree *tree, const cer_ast *ast)
{
	cer_tree_node node = {.left = (int32_t) tree->n};

	if (is_setting(ast))
	{
		node.kind = CER_TREE_SETTING;
		node.hash = cer_hash_text(CER_TREE_SETTING, ast->name);
		set_number(&node, ast->first->number);
	}
	else if (ast->kind == CER_AST_NUMBER)
	{
		node.kind = CER_TREE_NUMBER;
		set_number(&node, ast->number);
	}
	else
	{
		node.kind = CER_TREE_WORD;
		node.hash =
			cer_hash_text((uint64_t) ast->kind * 2 + ast->flag, ast->name);
		node.is_open = ast->kind == CER_AST_CALL && ast->first == NULL;
		fill_children(tree, ast);
	}
	tree->nodes[tree->n++] = node;
}

void
cer_tree_fill(cer_tree *tree, cer_tree_node *nodes, const cer_ast *as)
{
	tree->n = 0;
	tree->nodes = nodes;
	fill_children(tree, get_list(as));
	nodes[tree->n++] = (cer_tree_node){.kind = CER_TREE_ROOT, .is_key = true};
}

/* --------------------------------------------------------------- costs */

/* Up to a multiple of GRAIN, so that sums are exact and a distance is the same
 * both ways; noise of a logarithm does not count, what differs does. */
#define GRAIN 0x1p-32
#define NOISE 0x1p-10 /* of a grain */

static double
round_cost(double cost)
{
	double grains = ceil(cost / GRAIN - NOISE);

	return grains < 1 ? GRAIN : grains * GRAIN;
}

static double
get_number_cost(const cer_tree_node *a, const cer_tree_node *b)
{
	double octaves = fabs(a->octaves - b->octaves);

	if (a->number == b->number)
		return 0;
	if (a->number == 0 || b->number == 0 || octaves >= CER_OCTAVES ||
	    (a->number < 0) != (b->number < 0))
		return 1;
	return round_cost(octaves / CER_OCTAVES);
}

double
cer_number_distance(double x, double y)
{
	cer_tree_node a;
	cer_tree_node b;

	if (x == y)
		return 0;
	set_number(&a, x);
	set_number(&b, y);
	return get_number_cost(&a, &b);
}

static double
get_cost(const cer_tree_node *a, const cer_tree_node *b)
{
	if (a->kind != b->kind)
		return 2;
	switch (a->kind)
	{
		case CER_TREE_ROOT:
			return 0;
		case CER_TREE_WORD:
			return a->hash == b->hash ? 0 : 1;
		case CER_TREE_NUMBER:
			return get_number_cost(a, b);
		default:
			return a->hash == b->hash ? get_number_cost(a, b) : 2;
	}
}

/* --------------------------------------------------------------- distance */

/* Tables are (a, b), row major; forests have a row and a column before all. */
typedef struct tables
{
	const cer_tree *a;
	const cer_tree *b;
	double *trees;
	double *forests;
	bool is_pattern;
} tables;

static double
least3(double x, double y, double z)
{
	double least = x < y ? x : y;

	return z < least ? z : least;
}

/* The forests that end with the last trees of a and b, which have what is
 * before them in these rows and columns; below: their own distance, if the
 * forests are more than they. */
static double
compare_ends(const tables *t, size_t row, size_t column, const size_t first[2])
{
	size_t i = first[0] + row - 1;
	size_t j = first[1] + column - 1;
	size_t width = t->b->n + 1;
	size_t before_i = (size_t) t->a->nodes[i].left - first[0];
	size_t before_j = (size_t) t->b->nodes[j].left - first[1];
	const double *f = t->forests;
	double *tree = &t->trees[i * t->b->n + j];
	double gone = f[(row - 1) * width + column] + 1;
	double come = f[row * width + column - 1] + 1;
	double cost;

	if (before_i > 0 || before_j > 0)
		return least3(gone, come, f[before_i * width + before_j] + *tree);
	cost = get_cost(&t->a->nodes[i], &t->b->nodes[j]);
	*tree = least3(gone, come, f[(row - 1) * width + column - 1] + cost);
	if (t->is_pattern && t->b->nodes[j].is_open && cost < *tree)
		*tree = cost;
	return *tree;
}

/* Every forest that begins where these trees begin and ends below them. */
static void
compare_from(const tables *t, size_t i, size_t j)
{
	const size_t first[2] = {(size_t) t->a->nodes[i].left,
	                         (size_t) t->b->nodes[j].left};
	size_t n_rows = i - first[0] + 1;
	size_t n_columns = j - first[1] + 1;
	size_t width = t->b->n + 1;
	double *f = t->forests;

	for (size_t column = 0; column <= n_columns; column++)
		f[column] = (double) column;
	for (size_t row = 1; row <= n_rows; row++)
	{
		f[row * width] = (double) row;
		for (size_t column = 1; column <= n_columns; column++)
			f[row * width + column] = compare_ends(t, row, column, first);
	}
}

static cer_status
compare(const tables *t, const cer_host *host, cer_error *err)
{
	for (size_t i = 0; i < t->a->n; i++)
	{
		if (!t->a->nodes[i].is_key)
			continue;
		if (t->a->n > SMALL && host->is_canceled(host->self))
			return cer_fail(err, CER_CANCELED, "canceled");
		for (size_t j = 0; j < t->b->n; j++)
			if (t->b->nodes[j].is_key)
				compare_from(t, i, j);
	}
	return CER_OK;
}

/* A pattern of one layer, or structure, is looked for at every node. */
static double
read_distance(const tables *t)
{
	size_t n = t->b->n;
	size_t root = n - 1;
	bool is_one = n > 1 && t->b->nodes[n - 2].left == 0;
	double least = t->trees[(t->a->n - 1) * n + root];

	if (!t->is_pattern || !is_one)
		return least;
	for (size_t i = 0; i < t->a->n; i++)
		if (t->trees[i * n + root - 1] < least)
			least = t->trees[i * n + root - 1];
	return least;
}

cer_status
cer_tree_distance(cer_arena *arena, const cer_tree *a, const cer_tree *b,
                  bool is_pattern, double *distance, cer_error *err)
{
	double small[2 * (SMALL + 1) * (SMALL + 1)];
	size_t n_forests = cer_size_multiply(a->n + 1, b->n + 1);
	size_t size = cer_size_multiply(2 * sizeof(double), n_forests);
	tables t = {.a = a, .b = b, .forests = small, .is_pattern = is_pattern};

	if (size > sizeof(small))
	{
		t.forests = cer_arena_allocate(arena, size);
		if (t.forests == NULL)
			return cer_fail_memory(err, size);
	}
	t.trees = t.forests + n_forests;
	CER_TRY(compare(&t, cer_arena_get_host(arena), err));
	*distance = read_distance(&t);
	return CER_OK;
}
