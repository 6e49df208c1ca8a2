/*
 * native.c
 *	  The executor of our own: the library's trainer.
 *
 * Triples of a group train over one dataset, see group.c.
 */
#include "executor.h"
#include "group.h"

#include <string.h>

typedef struct native
{
	session *s;
	const cer_group *group;
	cer_arena *arena;   /* lives as long as the session */
	run *runs;          /* by triple */
	uint32_t *n_values; /* of each input's dictionary so far */
	cer_dataset *dataset;
	bool is_ordered;
} native;

/* ----------------------------------------------------------------- start */

static bool
is_same(cer_text a, cer_text b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* A group shares its rows: every triple reads just the columns that come. */
static cer_status
check_inputs(const cer_group *group, const cer_plan *plan, cer_error *err)
{
	bool fits = cer_plan_count_inputs(plan) == group->n_inputs;

	for (size_t i = 0; i < group->n_inputs && fits; i++)
		fits = is_same(group->columns[cer_plan_get_column(plan, i)].name,
		               group->inputs[i].name);
	if (!fits)
		return cer_fail(err, CER_BAD_FORMAT,
		                "a triple reads other columns than its group");
	return CER_OK;
}

static cer_status
plan_triple(native *n, size_t triple, cer_error *err)
{
	const cer_group *group = n->group;
	run *r = &n->runs[triple];
	cer_status status;

	run_init(r, n->s, (uint32_t) triple);
	r->wish = &group->triples[triple];
	status = cer_mst_parse(n->arena, r->wish->text, &r->mst, err);
	if (status == CER_OK)
		status = cer_plan_make(n->arena, r->mst, group->columns,
		                       group->n_columns, &r->plan, err);
	if (status == CER_OK)
		status = check_inputs(group, r->plan, err);
	return status;
}

static native *
make_state(session *s, const cer_group *group)
{
	cer_arena *arena = cer_arena_new(&s->teller.host);
	native *n = arena ? cer_arena_allocate(arena, sizeof(*n)) : NULL;

	if (n == NULL)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->s = s;
	n->group = group;
	n->arena = arena;
	n->runs = cer_arena_allocate(arena, group->n_triples * sizeof(*n->runs));
	n->n_values =
		cer_arena_allocate(arena, group->n_inputs * sizeof(*n->n_values));
	if (n->runs == NULL || n->n_values == NULL)
		return NULL;
	memset(n->n_values, 0, group->n_inputs * sizeof(*n->n_values));
	return n;
}

static cer_status
start(session *s, const cer_group *group, void **state, cer_error *err)
{
	native *n = make_state(s, group);
	cer_status status = CER_OK;

	if (n == NULL)
		return cer_fail(err, CER_NO_MEMORY,
		                "out of memory for a group of triples");
	for (size_t i = 0; i < group->n_triples && status == CER_OK; i++)
		status = plan_triple(n, i, err);
	if (status == CER_OK)
		status =
			cer_dataset_new(&s->teller.host, group->inputs, group->n_inputs,
		                    group->n_classes, &n->dataset, err);
	*state = n;
	return status;
}

/* ------------------------------------------------------------------ rows */

static cer_status
add_values(void *state, const cer_values *values, cer_error *err)
{
	native *n = state;

	if (values->input >= n->group->n_inputs ||
	    values->first != n->n_values[values->input] + 1)
		return cer_fail(err, CER_BAD_FORMAT, "values of input %u out of order",
		                values->input);
	n->n_values[values->input] += (uint32_t) values->n_values;
	return cer_dataset_add_values(n->dataset, values->input, values->values,
	                              values->n_values, err);
}

static cer_status
add_rows(void *state, const cer_rows *rows, cer_error *err)
{
	native *n = state;
	bool fits = rows->n_columns == n->group->n_inputs;

	for (size_t i = 0; i < rows->n_columns && fits; i++)
		fits = rows->storages[i] == n->group->inputs[i].storage;
	if (!fits)
		return cer_fail(err, CER_BAD_FORMAT,
		                "rows of other columns than their group's");
	return cer_dataset_append(n->dataset, &rows->chunk, err);
}

static cer_status
order(void *state, cer_error *err)
{
	native *n = state;

	if (n->is_ordered)
		return CER_OK;
	n->is_ordered = true;
	session_set_phase(n->s, 0, CER_PHASE_ORDER);
	return cer_dataset_finish(n->dataset, err);
}

static cer_status
add_state(void *state, const cer_group_state *piece, cer_error *err)
{
	native *n = state;
	start_state *start;

	if (piece->piece.triple >= n->group->n_triples)
		return cer_fail(err, CER_BAD_FORMAT,
		                "a state of a triple outside its group");
	start = &n->runs[piece->piece.triple].start;
	start->is_other = piece->epoch == 0;
	return start_add(start, n->arena, &piece->piece, err);
}

static cer_status
skip(void *state, uint32_t triple, cer_error *err)
{
	native *n = state;

	if (triple >= n->group->n_triples)
		return cer_fail(err, CER_BAD_FORMAT, "a triple outside its group");
	n->runs[triple].is_skipped = true;
	return CER_OK;
}

/* -------------------------------------------------------------- training */

static cer_status
train(void *state, uint32_t *triple, cer_error *err)
{
	native *n = state;
	group_work work = {.arena = n->arena,
	                   .dataset = n->dataset,
	                   .runs = n->runs,
	                   .n_runs = n->group->n_triples,
	                   .repeats_rows = n->group->repeats_rows};
	cer_status status = order(n, err);

	return status == CER_OK ? group_train(n->s, &work, triple, err) : status;
}

const executor native_executor = {.name = "native",
                                  .start = start,
                                  .add_values = add_values,
                                  .add_rows = add_rows,
                                  .order = order,
                                  .add_state = add_state,
                                  .skip = skip,
                                  .train = train};
