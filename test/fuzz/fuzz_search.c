/*
 * fuzz_search.c
 *	  Three texts, zero bytes between: a triple, another or a pattern, a space.
 *	  Distances are of one size both ways, bounds below them, what contains has
 *	  its keys, and a draw from a space is in it.
 */
#include "fuzz.h"

#define NOISE 1e-6

typedef struct keys
{
	const uint64_t *at;
	size_t n;
} keys;

static bool
is_subset(keys a, keys b)
{
	size_t j = 0;

	for (size_t i = 0; i < a.n; i++)
	{
		while (j < b.n && b.at[j] < a.at[i])
			j++;
		if (j == b.n || b.at[j] != a.at[i])
			return false;
	}
	return true;
}

static double
get_bound(const cer_probe *probe, const cer_mst *mst)
{
	cer_summary_box box;

	cer_mst_summarize(mst, &box.least);
	box.most = box.least;
	return cer_probe_bound(probe, &box);
}

static void
check_other(cer_arena *arena, const cer_mst *mst, cer_text text)
{
	const cer_mst *other;
	cer_probe probe;
	double there;
	double back;

	if (cer_mst_parse(arena, text, &other, NULL) != CER_OK)
		return;
	check(cer_mst_distance(arena, mst, other, &there, NULL) == CER_OK);
	check(cer_mst_distance(arena, other, mst, &back, NULL) == CER_OK);
	check(there == back && there >= 0);
	cer_mst_probe(mst, &probe);
	check(get_bound(&probe, other) <= there + NOISE);
}

static void
check_pattern(cer_arena *arena, const cer_mst *mst, cer_text text)
{
	const cer_pattern *pattern;
	cer_probe probe;
	double away;
	keys wanted;
	keys there;

	if (cer_pattern_parse(arena, text, &pattern, NULL) != CER_OK)
		return;
	check(cer_pattern_distance(arena, pattern, mst, &away, NULL) == CER_OK);
	check(cer_pattern_make_keys(arena, pattern, &wanted.at, &wanted.n, NULL) ==
	      CER_OK);
	check(cer_mst_make_keys(arena, mst, &there.at, &there.n, NULL) == CER_OK);
	cer_pattern_probe(pattern, &probe);
	check(get_bound(&probe, mst) <= away + NOISE);
	if (cer_pattern_contains(pattern, mst))
		check(away == 0 && is_subset(wanted, there));
}

/* It is in the space, has the keys by which an index finds it, and is read
 * again. */
static void
check_drawn(cer_arena *arena, const cer_space *space, const cer_mst *drawn)
{
	const cer_mst *again;
	cer_text text;
	keys wanted;
	keys there;

	check(cer_space_contains(space, drawn));
	check(cer_space_make_keys(arena, space, &wanted.at, &wanted.n, NULL) ==
	      CER_OK);
	check(cer_mst_make_keys(arena, drawn, &there.at, &there.n, NULL) == CER_OK);
	check(is_subset(wanted, there));
	if (cer_mst_print(arena, drawn, &text, NULL) == CER_OK)
		check(cer_mst_parse(arena, text, &again, NULL) == CER_OK);
}

static void
check_space(cer_arena *arena, const cer_mst *mst, cer_text text)
{
	const cer_space *space;
	const cer_mst *drawn = NULL;
	double n;

	if (cer_space_parse(arena, text, &space, NULL) != CER_OK)
		return;
	cer_space_contains(space, mst);
	if (cer_space_count_points(arena, space, &n, NULL) != CER_OK)
		return;
	for (uint64_t draw = 0; draw < 3; draw++)
		if (cer_space_sample(arena, space, 1, draw, &drawn, NULL) == CER_OK)
			check_drawn(arena, space, drawn);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_text rest = {(const char *) data, size};
	cer_text first = fuzz_next_text(&rest);
	cer_text second = fuzz_next_text(&rest);
	const cer_mst *mst = NULL;

	/* comparing takes time that grows with the square of the sizes */
	if (size < 4096 && cer_mst_parse(arena, first, &mst, NULL) == CER_OK)
	{
		check_other(arena, mst, second);
		check_pattern(arena, mst, second);
		check_space(arena, mst, rest);
	}
	cer_arena_free(arena);
	return 0;
}
