/*
 * trained.c
 *	  A small trained model.
 */
#include "trained.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

static void
assert_ok(cer_status status, const cer_error *err)
{
	if (status != CER_OK)
		print_error("%s\n", err->message);
	assert_int_equal(status, CER_OK);
}

void
trained_init(trained_model *trained, test_random *random, const char *mst)
{
	static const arrival in_order = {0};
	cer_column columns[ROWS_N_INPUTS];
	cer_text text = {mst, strlen(mst)};
	const cer_mst *parsed;
	const cer_plan *plan;
	bool is_finished = false;
	cer_epoch epoch;
	cer_error err;

	memset(trained, 0, sizeof(*trained));
	trained->arena = cer_arena_new(&cer_host_plain);
	trained->rows = rows_make(random, 600, false);
	rows_get_columns(trained->rows, columns);
	assert_ok(rows_load(trained->rows, &cer_host_plain, &in_order,
	                    &trained->dataset, &err),
	          &err);
	assert_ok(cer_mst_parse(trained->arena, text, &parsed, &err), &err);
	assert_ok(cer_plan_make(trained->arena, parsed, columns, ROWS_N_INPUTS,
	                        &plan, &err),
	          &err);
	assert_ok(cer_trainer_new(&cer_host_plain, parsed, plan, trained->dataset,
	                          &trained->trainer, &err),
	          &err);
	while (!is_finished)
		assert_ok(
			cer_trainer_run_epoch(trained->trainer, &epoch, &is_finished, &err),
			&err);
	assert_ok(cer_trainer_make_parts(trained->arena, trained->trainer,
	                                 &trained->parts, &trained->n_parts, &err),
	          &err);
}

void
trained_release(trained_model *trained)
{
	cer_trainer_free(trained->trainer);
	cer_dataset_free(trained->dataset);
	cer_arena_free(trained->arena);
	rows_free(trained->rows);
}

cer_part *
trained_double(cer_arena *arena, const trained_model *trained,
               const double *weights, size_t *n_parts)
{
	size_t n = trained->n_parts;
	cer_ensemble ensemble = {1, 2, weights};
	cer_part *parts = cer_arena_allocate(arena, (2 * n + 1) * sizeof(*parts));
	size_t n_made = 0;
	cer_error err = {0};

	for (size_t i = 0; i < 2 * n; i++)
	{
		cer_part *part = &parts[n_made];
		char *name;

		*part = trained->parts[i % n];
		if (part->kind == CER_PART_VALID_SCORES)
			continue;
		name = cer_arena_allocate(arena, part->name.size + 3);
		snprintf(name, part->name.size + 3, "%zu/%.*s", i / n + 1,
		         (int) part->name.size, part->name.data);
		part->name = (cer_text){name, part->name.size + 2};
		n_made++;
	}
	assert_ok(
		cer_ensemble_make_header(arena, &ensemble, &parts[n_made++], &err),
		&err);
	*n_parts = n_made;
	return parts;
}
