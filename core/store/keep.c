/*
 * store/keep.c
 *	  What to keep of a graph of states: the fewest bytes from which each can be
 *	  had in time.
 *
 * A state is kept whole, or as its change against the state before it if that
 * is kept, or not at all, to be computed again from that.  The time to have it
 * is that of its own step, and for the latter two of the state before it, too.
 * The graph is a forest: each state has one before it, or none.
 *
 * Bottom up, need(t) is the fewest bytes for a state and all that follow from it
 * when the one before can be had in time t, once for each case that it is kept
 * or not: a step function that grows with t, as a list of steps (upto, bytes).  Top down the choices follow.  Exact as long
 * as no list grows beyond MAX_STEPS; beyond, a step may be taken early: plans
 * stay within their limits but may take more bytes.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/size.h"

#include <math.h>
#include <string.h>

#define MAX_STEPS ((size_t) 2048)

typedef struct step
{
	double upto;
	uint64_t bytes;
} step;

typedef struct steps
{
	step *steps; /* ascending; the last one is up to infinity */
	size_t n_steps;
} steps;

typedef struct need
{
	steps when[2];       /* the one before is gone, is kept */
	size_t next_sibling; /* node, or NONE */
	size_t first_child;
} need;

#define NONE CER_KEEP_NO_PARENT

typedef struct planner
{
	cer_arena *arena;
	const cer_keep_node *nodes;
	size_t n_nodes;
	need *needs;
	double *times; /* to have each state as chosen */
} planner;

static uint64_t
look_up(const steps *of, double time)
{
	size_t low = 0;
	size_t high = of->n_steps - 1;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (time <= of->steps[middle].upto)
			high = middle;
		else
			low = middle + 1;
	}
	return of->steps[low].bytes;
}

/* Of what follows from a state that can be had in the time. */
static uint64_t
need_of_children(const planner *p, size_t node, double time, bool is_kept)
{
	uint64_t bytes = 0;

	for (size_t child = p->needs[node].first_child; child != NONE;
	     child = p->needs[child].next_sibling)
		bytes += look_up(&p->needs[child].when[is_kept], time);
	return bytes;
}

typedef struct choice
{
	cer_keep how;
	uint64_t bytes; /* with all that follows */
	double time;
} choice;

static void
consider(const planner *p, size_t node, choice *best, choice other)
{
	other.bytes +=
		need_of_children(p, node, other.time, other.how != CER_KEEP_ID);
	if (other.bytes < best->bytes ||
	    (other.bytes == best->bytes && other.time < best->time))
		*best = other;
}

/* The best for a state when the one before can be had in time t. */
static choice
choose(const planner *p, size_t node, double t, bool is_kept)
{
	const cer_keep_node *n = &p->nodes[node];
	choice best = {CER_KEEP_WHOLE, UINT64_MAX, INFINITY};

	consider(p, node, &best,
	         (choice){CER_KEEP_WHOLE, n->whole_bytes, n->whole_seconds});
	if (is_kept && t + n->change_seconds <= n->limit_seconds)
		consider(
			p, node, &best,
			(choice){CER_KEEP_CHANGE, n->change_bytes, t + n->change_seconds});
	if (t + n->again_seconds <= n->limit_seconds)
		consider(p, node, &best,
		         (choice){CER_KEEP_ID, 0, t + n->again_seconds});
	return best;
}

/* ------------------------------------------------------------- bottom up */

/* Times of the state before at which something about this one may change. */
typedef struct time_list
{
	double *times;
	size_t n;
	size_t capacity;
} time_list;

static void
add_time(time_list *list, double time)
{
	if (time >= 0 && list->n < list->capacity)
		list->times[list->n++] = time;
}

static void
sift(double *times, size_t root, size_t n)
{
	for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1)
	{
		double swap;

		if (child + 1 < n && times[child] < times[child + 1])
			child++;
		if (times[root] >= times[child])
			return;
		swap = times[root];
		times[root] = times[child];
		times[child] = swap;
		root = child;
	}
}

static void
sort_times(time_list *list)
{
	for (size_t i = list->n / 2; i-- > 0;)
		sift(list->times, i, list->n);
	for (size_t n = list->n; n-- > 1;)
	{
		double last = list->times[n];

		list->times[n] = list->times[0];
		list->times[0] = last;
		sift(list->times, 0, n);
	}
}

static size_t
count_times(const planner *p, size_t node)
{
	size_t n = 2;

	for (size_t child = p->needs[node].first_child; child != NONE;
	     child = p->needs[child].next_sibling)
		n += 2 * (p->needs[child].when[0].n_steps +
		          p->needs[child].when[1].n_steps);
	return n;
}

static void
list_times(const planner *p, size_t node, time_list *list)
{
	const cer_keep_node *n = &p->nodes[node];

	add_time(list, n->limit_seconds - n->change_seconds);
	add_time(list, n->limit_seconds - n->again_seconds);
	for (size_t child = p->needs[node].first_child; child != NONE;
	     child = p->needs[child].next_sibling)
	{
		const need *of = &p->needs[child];

		for (size_t i = 0; i + 1 < of->when[true].n_steps; i++)
			add_time(list, of->when[true].steps[i].upto - n->change_seconds);
		for (size_t i = 0; i + 1 < of->when[false].n_steps; i++)
			add_time(list, of->when[false].steps[i].upto - n->again_seconds);
	}
	sort_times(list);
}

/* Rounding may put a step a little beyond where it is: then it is taken where
 * it certainly holds. */
static void
add_step(steps *of, step next)
{
	if (of->n_steps > 0 && of->steps[of->n_steps - 1].bytes == next.bytes)
		of->steps[of->n_steps - 1].upto = next.upto;
	else
		of->steps[of->n_steps++] = next;
}

/* Every other step goes, into the one after it, which needs no less. */
static void
thin(steps *of)
{
	size_t kept = 0;

	for (size_t i = 0; i < of->n_steps; i++)
		if (i % 2 == 1 || i + 1 == of->n_steps)
			of->steps[kept++] = of->steps[i];
	of->n_steps = kept;
}

static cer_status
make_steps(planner *p, size_t node, const time_list *list, bool is_kept,
           cer_error *err)
{
	steps *made = &p->needs[node].when[is_kept];
	size_t size = cer_size_multiply(list->n + 1, sizeof(step));

	made->steps = cer_arena_allocate(p->arena, size);
	if (made->steps == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < list->n; i++)
		add_step(made, (step){list->times[i],
		                      choose(p, node, list->times[i], is_kept).bytes});
	add_step(made, (step){INFINITY, choose(p, node, INFINITY, is_kept).bytes});
	while (made->n_steps > MAX_STEPS)
		thin(made);
	return CER_OK;
}

static cer_status
make_need(planner *p, size_t node, cer_error *err)
{
	size_t capacity = count_times(p, node);
	size_t size = cer_size_multiply(capacity, sizeof(double));
	time_list list = {cer_arena_allocate(p->arena, size), 0, capacity};

	if (list.times == NULL)
		return cer_fail_memory(err, size);
	list_times(p, node, &list);
	CER_TRY(make_steps(p, node, &list, false, err));
	return make_steps(p, node, &list, true, err);
}

/* -------------------------------------------------------------- top down */

static uint64_t
take_choices(planner *p, cer_keep *choices)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < p->n_nodes; i++)
	{
		const cer_keep_node *n = &p->nodes[i];
		double before = n->parent == NONE ? 0 : p->times[n->parent];
		bool is_kept = n->parent != NONE && choices[n->parent] != CER_KEEP_ID;
		choice best = choose(p, i, before, is_kept);

		choices[i] = best.how;
		p->times[i] = best.time;
		if (best.how == CER_KEEP_WHOLE)
			bytes += n->whole_bytes;
		else if (best.how == CER_KEEP_CHANGE)
			bytes += n->change_bytes;
	}
	return bytes;
}

static cer_status
link_nodes(planner *p, cer_error *err)
{
	for (size_t i = 0; i < p->n_nodes; i++)
	{
		size_t parent = p->nodes[i].parent;

		p->needs[i].first_child = NONE;
		p->needs[i].next_sibling = NONE;
		if (parent == NONE)
			continue;
		if (parent >= i)
			return cer_fail(err, CER_BAD_CALL,
			                "state %zu comes before the one that it follows",
			                i);
		p->needs[i].next_sibling = p->needs[parent].first_child;
		p->needs[parent].first_child = i;
	}
	return CER_OK;
}

static cer_status
plan(planner *p, cer_error *err)
{
	size_t size = cer_size_multiply(p->n_nodes + 1, sizeof(need));

	p->needs = cer_arena_allocate(p->arena, size);
	p->times = cer_arena_allocate(
		p->arena, cer_size_multiply(p->n_nodes + 1, sizeof(double)));
	if (p->needs == NULL || p->times == NULL)
		return cer_fail_memory(err, size);
	memset(p->needs, 0, size);
	CER_TRY(link_nodes(p, err));
	for (size_t i = p->n_nodes; i-- > 0;)
		CER_TRY(make_need(p, i, err));
	return CER_OK;
}

cer_status
cer_keep_plan(const cer_host *host, const cer_keep_node *nodes, size_t n_nodes,
              cer_keep *choices, uint64_t *bytes, cer_error *err)
{
	planner p = {cer_arena_new(host), nodes, n_nodes, NULL, NULL};
	cer_status status;

	if (p.arena == NULL)
		return cer_fail_memory(err, n_nodes);
	status = plan(&p, err);
	if (status == CER_OK)
		*bytes = take_choices(&p, choices);
	cer_arena_free(p.arena);
	return status;
}
