/*
 * store/explain.c
 *	  What the inputs of a row add to its prediction: integrated gradients
 *	  (Sundararajan, Taly, Yan 2017).
 *
 *	 contribution of input i = d_i . integral of F'(a),	0 <= a <= 1
 *
 * a goes along the line from the baseline to the row (nn/explain.h), d_i is the
 * way from the baseline to the baseline with that input of the row; F are the
 * log-odds of one class (explain_odds.c).  Of an ensemble every member goes
 * along its own line at the same time, and F is made of all their answers.
 */
#include "base/arena.h"
#include "base/error.h"
#include "store/explain_private.h"
#include "store/parts.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------ rows */

/* A row of baselines and rows, encoded; in the caller's arena. */
typedef struct encoded_row
{
	const cer_model *model;
	const cer_value *values;
	bool *is_read; /* by input */
	float *numbers;
	uint32_t *codes;
} encoded_row;

static cer_status
make_rows(cer_arena *arena, const cer_explained_net *n, size_t n_rows,
          encoded_row *row)
{
	const cer_model *model = n->model;

	row->model = model;
	row->numbers = cer_arena_allocate(arena, (n_rows * model->n_numbers + 1) *
	                                             sizeof(float));
	row->codes = cer_arena_allocate(arena, (n_rows * model->n_codes + 1) *
	                                           sizeof(uint32_t));
	row->is_read = cer_arena_allocate(arena, model->n_inputs + 1);
	if (row->numbers == NULL || row->codes == NULL || row->is_read == NULL)
		return CER_NO_MEMORY;
	memset(row->is_read, 0, model->n_inputs + 1);
	return CER_OK;
}

/* The baseline, but for inputs that are read of the row. */
static void
encode(const encoded_row *row, size_t at)
{
	const cer_model *model = row->model;
	float *numbers = row->numbers + at * model->n_numbers;
	uint32_t *codes = row->codes + at * model->n_codes;
	cer_value_rows from = {.n_rows = 1,
	                       .values = row->values,
	                       .stride = 1,
	                       .is_read = row->is_read};

	cer_encoders_write_baseline(model->encoders, numbers, codes);
	cer_encoders_apply_rows(model->encoders, &from, numbers, codes);
}

static cer_status
pick_values(cer_arena *arena, const cer_explainer *e,
            const cer_explained_net *n, const cer_value *values,
            encoded_row *row)
{
	const cer_members *members = e->model->members;
	cer_value *picked;

	row->values = values;
	if (members == NULL)
		return CER_OK;
	picked = cer_arena_allocate(arena, (cer_model_count_values(n->model) + 1) *
	                                       sizeof(*picked));
	if (picked == NULL)
		return CER_NO_MEMORY;
	cer_members_pick(members, n->member, values, picked);
	row->values = picked;
	return CER_OK;
}

static cer_status
set_line(cer_arena *arena, const cer_explainer *e, const cer_explained_net *n,
         const cer_value *values)
{
	encoded_row row;
	cer_encoded ends = {.n_rows = 2};

	CER_TRY(make_rows(arena, n, 2, &row));
	CER_TRY(pick_values(arena, e, n, values, &row));
	encode(&row, 0);
	memset(row.is_read, 1, n->model->n_inputs);
	encode(&row, 1);
	ends.numbers = row.numbers;
	ends.codes = row.codes;
	cer_explain_net_set_line(n->net, &ends);
	return CER_OK;
}

/* What the inputs of one network add, each to that of the model. */
static cer_status
add_inputs(cer_arena *arena, const cer_explainer *e, const cer_explained_net *n,
           const cer_value *values, double *contributions)
{
	const cer_members *members = e->model->members;
	encoded_row row;
	cer_encoded one = {.n_rows = 1};

	CER_TRY(make_rows(arena, n, 1, &row));
	CER_TRY(pick_values(arena, e, n, values, &row));
	one.numbers = row.numbers;
	one.codes = row.codes;
	for (size_t i = 0; i < n->model->n_inputs; i++)
	{
		size_t to = members ? cer_members_find_input(members, n->member, i) : i;
		double sum;

		row.is_read[i] = true;
		encode(&row, 0);
		row.is_read[i] = false;
		cer_explain_net_measure(n->net, &one, &sum);
		contributions[to] += sum;
	}
	return CER_OK;
}

/* ------------------------------------------------------------ explaining */

/* The positive class of two; else the row's most likely one. */
static cer_status
choose_class(cer_arena *arena, cer_explainer *e, const cer_value *values)
{
	float *proba;
	void *scratch;

	e->class_index = 1;
	if (e->n_classes == 2)
		return CER_OK;
	scratch =
		cer_arena_allocate(arena, cer_model_get_scratch_size(e->model, 1));
	proba = cer_arena_allocate(arena, e->n_classes * sizeof(*proba));
	if (scratch == NULL || proba == NULL)
		return CER_NO_MEMORY;
	cer_model_score(e->model, 1, values, proba, scratch);
	e->class_index = 0;
	for (size_t i = 1; i < e->n_classes; i++)
		if (proba[i] > proba[e->class_index])
			e->class_index = i;
	return CER_OK;
}

static cer_status
add_all_inputs(cer_arena *arena, const cer_explainer *e,
               const cer_value *values, double *contributions)
{
	for (size_t k = 0; k < e->n_nets; k++)
		CER_TRY(add_inputs(arena, e, &e->nets[k], values, contributions));
	return CER_OK;
}

static cer_status
explain(cer_arena *arena, cer_explainer *e, const cer_value *values,
        cer_explanation *made)
{
	static const double ends[] = {0.0, 1.0};
	size_t n = cer_model_count_inputs(e->model);
	double *contributions =
		cer_arena_allocate(arena, (n + 1) * sizeof(*contributions));

	if (contributions == NULL)
		return CER_NO_MEMORY;
	memset(contributions, 0, (n + 1) * sizeof(*contributions));
	CER_TRY(choose_class(arena, e, values));
	for (size_t k = 0; k < e->n_nets; k++)
		CER_TRY(set_line(arena, e, &e->nets[k], values));
	cer_explainer_run_points(e, 1, &ends[0], &made->baseline);
	cer_explainer_run_points(e, 1, &ends[1], &made->log_odds);
	CER_TRY(cer_explainer_follow_line(arena, e, &made->n_steps));
	CER_TRY(add_all_inputs(arena, e, values, contributions));
	made->class_index = e->class_index;
	made->n_inputs = n;
	made->contributions = contributions;
	made->residual = made->log_odds - made->baseline;
	for (size_t i = 0; i < n; i++)
		made->residual -= contributions[i];
	return CER_OK;
}

cer_status
cer_explainer_run(cer_arena *arena, cer_explainer *explainer,
                  const cer_value *values, cer_explanation *explanation,
                  cer_error *err)
{
	cer_explanation made;
	cer_status status;

	explainer->host = cer_arena_get_host(arena);
	status = explain(arena, explainer, values, &made);
	if (status == CER_CANCELED)
		return cer_fail(err, status, "explaining was canceled");
	if (status != CER_OK)
		return cer_fail_memory(err, cer_model_count_inputs(explainer->model) *
		                                sizeof(double));
	*explanation = made;
	return CER_OK;
}

/* ------------------------------------------------------------ making */

static cer_status
make_room(cer_arena *arena, cer_explained_net *n, size_t n_points,
          size_t n_classes, cer_error *err)
{
	size_t size = n_points * n_classes * sizeof(double);

	n->n_vectors = cer_explain_net_count_vectors(n->net);
	n->log_vectors = cer_arena_allocate(arena, n->n_vectors * size);
	n->log_shares = cer_arena_allocate(arena, size);
	n->log_proba = cer_arena_allocate(arena, size);
	if (n->log_vectors == NULL || n->log_shares == NULL || n->log_proba == NULL)
		return cer_fail_memory(err, (n->n_vectors + 2) * size);
	return CER_OK;
}

static cer_status
make_net(cer_arena *arena, const cer_part *parts, size_t n_parts,
         cer_explainer *e, cer_error *err)
{
	cer_explained_net *n = &e->nets[e->n_nets];
	cer_stored stored = {.may_lack_tensors = false};
	size_t n_points;

	/* weights and all stay: the network works on them */
	CER_TRY(cer_stored_read(arena, arena, parts, n_parts, &stored, err));
	CER_TRY(
		cer_explain_net_make(arena, stored.net, stored.weights, &n->net, err));
	n_points = cer_at_most(cer_explain_net_count_points(n->net),
	                       CER_EXPLAIN_MOST_POINTS);
	e->n_points = cer_at_most(n_points, e->n_points);
	e->n_nets++;
	return make_room(arena, n, n_points, e->n_classes, err);
}

static cer_status
make_members(cer_arena *arena, const cer_part *parts, size_t n_parts,
             cer_explainer *e, cer_error *err)
{
	const cer_members *members = e->model->members;
	size_t size = n_parts * sizeof(cer_part);
	cer_part *of_member = cer_arena_allocate(arena, size);

	if (of_member == NULL)
		return cer_fail_memory(err, size);
	e->temperature = cer_members_get_temperature(members);
	for (size_t i = 0; i < cer_members_count(members); i++)
	{
		size_t n = cer_members_list_parts(parts, n_parts, i, of_member);

		e->nets[i] = (cer_explained_net){
			.model = cer_members_get_model(members, i),
			.member = i,
			.log_weight = log(cer_members_get_weight(members, i))};
		CER_TRY(make_net(arena, of_member, n, e, err));
	}
	return CER_OK;
}

static cer_status
fill_explainer(cer_arena *arena, const cer_part *parts, size_t n_parts,
               cer_explainer *e, cer_error *err)
{
	const cer_members *members = e->model->members;
	size_t n_nets = members ? cer_members_count(members) : 1;
	size_t n = CER_EXPLAIN_MOST_POINTS * e->n_classes;

	e->nets = cer_arena_allocate(arena, n_nets * sizeof(*e->nets));
	e->log_mean = cer_arena_allocate(arena, n * sizeof(double));
	e->grads = cer_arena_allocate(arena, 2 * e->n_classes * sizeof(double));
	if (e->nets == NULL || e->log_mean == NULL || e->grads == NULL)
		return cer_fail_memory(err, n * sizeof(double));
	if (members != NULL)
		return make_members(arena, parts, n_parts, e, err);
	e->nets[0] = (cer_explained_net){.model = e->model};
	return make_net(arena, parts, n_parts, e, err);
}

cer_status
cer_explainer_make(cer_arena *arena, const cer_model *model,
                   const cer_part *parts, size_t n_parts,
                   cer_explainer **explainer, cer_error *err)
{
	cer_explainer *made = cer_arena_allocate(arena, sizeof(*made));

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	*made = (cer_explainer){.model = model,
	                        .n_classes = model->n_classes,
	                        .temperature = 1.0,
	                        .n_points = CER_EXPLAIN_MOST_POINTS};
	CER_TRY(fill_explainer(arena, parts, n_parts, made, err));
	*explainer = made;
	return CER_OK;
}
