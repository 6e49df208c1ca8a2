/*
 * store/explain.c
 *	  What the inputs of rows add to their predictions: integrated gradients
 *	  (Sundararajan, Taly, Yan 2017).
 *
 *	 contribution of input i = d_i . integral of F'(a),	0 <= a <= 1
 *
 * a goes along the line from the baseline to the row (nn/explain.h), d_i is the
 * way from the baseline to the baseline with that input of the row; F are the
 * log-odds of one class (explain_odds.c).  Of an ensemble every member goes
 * along its own line at the same time, and F is made of all their answers.
 *
 * Rows are explained some at a time: points of several lines fill a run of the
 * network.  What comes of a row does not depend on the others.
 */
#include "base/arena.h"
#include "base/error.h"
#include "store/explain_private.h"
#include "store/parts.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------ rows */

/* The rows in work. */
typedef struct explained_rows
{
	size_t n;
	size_t n_values;
	cer_value *values; /* (n, n_values) */
} explained_rows;

/* Rows as one network takes them, encoded; in the caller's arena. */
typedef struct encoded_rows
{
	const cer_explained_net *net;
	size_t n_values;
	const cer_value *values; /* (n, n_values) */
	bool *is_read;           /* by input */
	float *numbers;
	uint32_t *codes;
} encoded_rows;

static cer_status
gather_rows(cer_arena *arena, const cer_model *model,
            const cer_score_rows *from, explained_rows *rows)
{
	size_t n = cer_model_count_values(model);

	rows->n = from->n_rows;
	rows->n_values = n;
	rows->values =
		cer_arena_allocate(arena, (rows->n * n + 1) * sizeof(cer_value));
	if (rows->values == NULL)
		return CER_NO_MEMORY;
	for (size_t row = 0; row < rows->n; row++)
		for (size_t i = 0; i < n; i++)
			rows->values[row * n + i] = from->values[i * from->stride + row];
	return CER_OK;
}

/* Values of one network of an ensemble. */
static cer_status
pick_values(cer_arena *arena, const cer_members *members,
            const explained_rows *rows, encoded_rows *to)
{
	cer_value *picked;

	to->n_values = cer_model_count_values(to->net->model);
	to->values = rows->values;
	if (members == NULL)
		return CER_OK;
	picked = cer_arena_allocate(arena,
	                            (rows->n * to->n_values + 1) * sizeof(*picked));
	if (picked == NULL)
		return CER_NO_MEMORY;
	for (size_t row = 0; row < rows->n; row++)
		cer_members_pick(members, to->net->member,
		                 rows->values + row * rows->n_values,
		                 picked + row * to->n_values);
	to->values = picked;
	return CER_OK;
}

/* With room for n_encoded of them. */
static cer_status
begin_rows(cer_arena *arena, const cer_explainer *e,
           const cer_explained_net *net, const explained_rows *rows,
           size_t n_encoded, encoded_rows *to)
{
	const cer_model *model = net->model;

	to->net = net;
	to->numbers = cer_arena_allocate(arena, (n_encoded * model->n_numbers + 1) *
	                                            sizeof(float));
	to->codes = cer_arena_allocate(arena, (n_encoded * model->n_codes + 1) *
	                                          sizeof(uint32_t));
	to->is_read = cer_arena_allocate(arena, model->n_inputs + 1);
	if (to->numbers == NULL || to->codes == NULL || to->is_read == NULL)
		return CER_NO_MEMORY;
	memset(to->is_read, 0, model->n_inputs + 1);
	return pick_values(arena, e->model->members, rows, to);
}

/* The baseline, but for inputs that are read of the row. */
static void
encode(const encoded_rows *rows, size_t row, size_t at)
{
	const cer_explained_net *net = rows->net;
	const cer_model *model = net->model;
	float *numbers = rows->numbers + at * model->n_numbers;
	uint32_t *codes = rows->codes + at * model->n_codes;
	cer_value_rows from = {.n_rows = 1,
	                       .values = rows->values + row * rows->n_values,
	                       .stride = 1,
	                       .is_read = rows->is_read};

	memcpy(numbers, net->baseline_numbers, model->n_numbers * sizeof(float));
	memcpy(codes, net->baseline_codes, model->n_codes * sizeof(uint32_t));
	cer_encoders_apply_rows(model->encoders, &from, numbers, codes);
}

/* Those of lines. */
static cer_status
encode_ends(cer_arena *arena, const cer_explainer *e,
            const cer_explained_net *net, const explained_rows *rows,
            cer_encoded *ends)
{
	encoded_rows to;

	CER_TRY(begin_rows(arena, e, net, rows, 2 * rows->n, &to));
	for (size_t row = 0; row < rows->n; row++)
		encode(&to, row, 2 * row);
	memset(to.is_read, 1, net->model->n_inputs);
	for (size_t row = 0; row < rows->n; row++)
		encode(&to, row, 2 * row + 1);
	*ends = (cer_encoded){
		.n_rows = 2 * rows->n, .numbers = to.numbers, .codes = to.codes};
	return CER_OK;
}

static cer_status
set_lines(cer_arena *arena, const cer_explainer *e,
          const cer_explained_net *net, const explained_rows *rows)
{
	cer_encoded ends;

	CER_TRY(encode_ends(arena, e, net, rows, &ends));
	cer_explain_net_set_lines(net->net, &ends);
	return CER_OK;
}

/* Adds what pairs of a row and an input of one network come to, to the row's
 * contributions. */
static void
add_pairs(const cer_explainer *e, const encoded_rows *to, size_t first,
          size_t n, double *contributions)
{
	const cer_members *members = e->model->members;
	size_t n_inputs = to->net->model->n_inputs;
	size_t n_all = cer_model_count_inputs(e->model);
	cer_encoded parts = {
		.n_rows = n, .numbers = to->numbers, .codes = to->codes};
	size_t lines[CER_EXPLAIN_MOST_POINTS];
	double sums[CER_EXPLAIN_MOST_POINTS];

	for (size_t i = 0; i < n; i++)
	{
		size_t input = (first + i) % n_inputs;

		lines[i] = (first + i) / n_inputs;
		to->is_read[input] = true;
		encode(to, lines[i], i);
		to->is_read[input] = false;
	}
	cer_explain_net_measure(to->net->net, &parts, lines, sums);
	for (size_t i = 0; i < n; i++)
	{
		size_t input = (first + i) % n_inputs;

		if (members != NULL)
			input = cer_members_find_input(members, to->net->member, input);
		contributions[lines[i] * n_all + input] += sums[i];
	}
}

/* What the inputs of one network add, each to that of the model. */
static cer_status
add_inputs(cer_arena *arena, const cer_explainer *e,
           const cer_explained_net *net, const explained_rows *rows,
           double *contributions)
{
	size_t n_pairs = rows->n * net->model->n_inputs;
	encoded_rows to;
	size_t n;

	CER_TRY(begin_rows(arena, e, net, rows, CER_EXPLAIN_MOST_POINTS, &to));
	for (size_t done = 0; done < n_pairs; done += n)
	{
		n = cer_at_most(n_pairs - done, CER_EXPLAIN_MOST_POINTS);
		add_pairs(e, &to, done, n, contributions);
	}
	return CER_OK;
}

/* ------------------------------------------------------------ explaining */

static size_t
find_largest(const float *proba, size_t n)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
		if (proba[i] > proba[best])
			best = i;
	return best;
}

/* The positive class of two; else a row's most likely one. */
static cer_status
choose_classes(cer_arena *arena, cer_explainer *e, const explained_rows *rows)
{
	float *proba;
	void *scratch;

	for (size_t row = 0; row < rows->n; row++)
		e->classes[row] = 1;
	if (e->n_classes == 2)
		return CER_OK;
	scratch = cer_arena_allocate(arena,
	                             cer_model_get_scratch_size(e->model, rows->n));
	proba = cer_arena_allocate(arena, rows->n * e->n_classes * sizeof(*proba));
	if (scratch == NULL || proba == NULL)
		return CER_NO_MEMORY;
	cer_model_score(e->model, rows->n, rows->values, proba, scratch);
	for (size_t row = 0; row < rows->n; row++)
		e->classes[row] =
			find_largest(proba + row * e->n_classes, e->n_classes);
	return CER_OK;
}

static void
finish(size_t class_index, size_t n_inputs, const double *contributions,
       cer_explanation *made)
{
	made->class_index = class_index;
	made->n_inputs = n_inputs;
	made->contributions = contributions;
	made->residual = made->log_odds - made->baseline;
	for (size_t i = 0; i < made->n_inputs; i++)
		made->residual -= made->contributions[i];
}

static cer_status
explain(cer_arena *arena, cer_explainer *e, const cer_score_rows *from,
        cer_explanation *made)
{
	explained_rows rows;
	size_t n = cer_model_count_inputs(e->model);
	size_t size = cer_size_multiply(from->n_rows, (n + 1) * sizeof(double));
	double *contributions = cer_arena_allocate(arena, size);

	if (contributions == NULL)
		return CER_NO_MEMORY;
	memset(contributions, 0, size);
	CER_TRY(gather_rows(arena, e->model, from, &rows));
	CER_TRY(choose_classes(arena, e, &rows));
	for (size_t k = 0; k < e->n_nets; k++)
		CER_TRY(set_lines(arena, e, &e->nets[k], &rows));
	CER_TRY(cer_explainer_follow_lines(arena, e, rows.n, made));
	for (size_t k = 0; k < e->n_nets; k++)
		CER_TRY(add_inputs(arena, e, &e->nets[k], &rows, contributions));
	for (size_t row = 0; row < rows.n; row++)
		finish(e->classes[row], n, contributions + row * n, &made[row]);
	return CER_OK;
}

static cer_status
fail_many(size_t n_rows, cer_error *err)
{
	return cer_fail(err, CER_BAD_CALL, "%zu rows are too many to explain",
	                n_rows);
}

cer_status
cer_explainer_run(cer_arena *arena, cer_explainer *explainer,
                  const cer_score_rows *rows, cer_explanation *explanations,
                  cer_error *err)
{
	cer_explanation made[CER_EXPLAIN_ROWS];
	cer_status status;

	if (rows->n_rows > CER_EXPLAIN_ROWS)
		return fail_many(rows->n_rows, err);
	explainer->host = cer_arena_get_host(arena);
	status = explain(arena, explainer, rows, made);
	if (status == CER_CANCELED)
		return cer_fail(err, status, "explaining was canceled");
	if (status != CER_OK)
		return cer_fail_memory(err, cer_model_count_inputs(explainer->model) *
		                                sizeof(double));
	memcpy(explanations, made, rows->n_rows * sizeof(*made));
	return CER_OK;
}

/* ------------------------------------------------------------ rows by key */

size_t
cer_explainer_count_left_out(const cer_explainer *explainer)
{
	return explainer->n_left_out;
}

const cer_left_out *
cer_explainer_get_left_out(const cer_explainer *explainer, size_t i)
{
	return &explainer->left_out[i].tensor;
}

/* A code comes of one input: that of the baseline's value or of the row's. */
cer_status
cer_explainer_find_missing(cer_arena *arena, const cer_explainer *explainer,
                           size_t left_out, const cer_score_rows *rows,
                           uint32_t *missing, size_t *n_missing, cer_error *err)
{
	const cer_explained_tensor *of = &explainer->left_out[left_out];
	explained_rows gathered;
	cer_encoded ends;

	if (rows->n_rows > CER_EXPLAIN_ROWS)
		return fail_many(rows->n_rows, err);
	if (gather_rows(arena, explainer->model, rows, &gathered) != CER_OK ||
	    encode_ends(arena, explainer, of->net, &gathered, &ends) != CER_OK)
		return cer_fail_memory(err, rows->n_rows * sizeof(cer_value));
	*n_missing = cer_explain_net_find_missing(of->net->net, of->tensor.tensor,
	                                          &ends, missing);
	return CER_OK;
}

cer_status
cer_explainer_put_row(const cer_explainer *explainer, size_t left_out,
                      uint32_t code, const float *row, cer_error *err)
{
	const cer_explained_tensor *of = &explainer->left_out[left_out];

	CER_TRY(cer_weights_check(of->tensor.name, of->tensor.n_floats, row, err));
	cer_explain_net_put_row(of->net->net, of->tensor.tensor,
	                        &(cer_row){code, row});
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
make_baseline(cer_arena *arena, cer_explained_net *n, cer_error *err)
{
	const cer_model *model = n->model;
	size_t size = (model->n_numbers + 1) * sizeof(float);

	n->baseline_numbers = cer_arena_allocate(arena, size);
	n->baseline_codes =
		cer_arena_allocate(arena, (model->n_codes + 1) * sizeof(uint32_t));
	if (n->baseline_numbers == NULL || n->baseline_codes == NULL)
		return cer_fail_memory(err, size);
	cer_encoders_write_baseline(model->encoders, n->baseline_numbers,
	                            n->baseline_codes);
	return CER_OK;
}

/* Of the network that is made. */
static cer_status
add_left_out(cer_arena *arena, const cer_net *net, cer_explainer *e,
             cer_error *err)
{
	const cer_explained_net *of = &e->nets[e->n_nets];

	for (size_t i = 0; i < cer_net_count_tensors(net); i++)
	{
		const cer_net_tensor *tensor = cer_net_get_tensor(net, i);
		cer_explained_tensor *made = &e->left_out[e->n_left_out];

		if (tensor->offset != CER_TENSOR_LEFT_OUT)
			continue;
		*made = (cer_explained_tensor){
			.tensor = cer_model_make_left_out(net, i), .net = of};
		if (e->model->members != NULL)
			CER_TRY(cer_members_name_left_out(arena, of->member, &made->tensor,
			                                  err));
		e->n_left_out++;
	}
	return CER_OK;
}

static cer_status
make_net(cer_arena *arena, const cer_model_copy *copy, cer_explainer *e,
         cer_error *err)
{
	cer_explained_net *n = &e->nets[e->n_nets];
	cer_stored stored = {.may_lack_tensors = true};
	cer_explain_room room = {CER_EXPLAIN_ROWS, CER_EXPLAIN_PLACES,
	                         copy->cache_size};
	size_t n_points;

	/* weights and all stay: the network works on them */
	CER_TRY(cer_stored_read(arena, arena, copy->parts, copy->n_parts, &stored,
	                        err));
	CER_TRY(cer_explain_net_make(arena, stored.net, stored.weights, &room,
	                             &n->net, err));
	CER_TRY(add_left_out(arena, stored.net, e, err));
	CER_TRY(make_baseline(arena, n, err));
	n_points = cer_at_most(cer_explain_net_count_points(n->net),
	                       CER_EXPLAIN_MOST_POINTS);
	e->n_points = cer_at_most(n_points, e->n_points);
	e->n_places =
		cer_at_most(cer_explain_net_count_places(n->net), e->n_places);
	e->n_nets++;
	return make_room(arena, n, n_points, e->n_classes, err);
}

static cer_status
make_members(cer_arena *arena, const cer_model_copy *copy, cer_explainer *e,
             cer_error *err)
{
	const cer_members *members = e->model->members;
	size_t size = copy->n_parts * sizeof(cer_part);
	cer_part *of_member = cer_arena_allocate(arena, size);

	if (of_member == NULL)
		return cer_fail_memory(err, size);
	e->temperature = cer_members_get_temperature(members);
	for (size_t i = 0; i < cer_members_count(members); i++)
	{
		cer_model_copy one = cer_members_get_copy(copy, i, of_member);

		e->nets[i] = (cer_explained_net){
			.model = cer_members_get_model(members, i),
			.member = i,
			.log_weight = log(cer_members_get_weight(members, i))};
		CER_TRY(make_net(arena, &one, e, err));
	}
	return CER_OK;
}

static cer_status
fill_explainer(cer_arena *arena, const cer_model_copy *copy, cer_explainer *e,
               cer_error *err)
{
	const cer_members *members = e->model->members;
	size_t n_nets = members ? cer_members_count(members) : 1;
	size_t n_left_out = cer_parts_count_left_out(copy->parts, copy->n_parts);
	size_t n = CER_EXPLAIN_MOST_POINTS * e->n_classes;

	e->nets = cer_arena_allocate(arena, n_nets * sizeof(*e->nets));
	e->left_out =
		cer_arena_allocate(arena, (n_left_out + 1) * sizeof(*e->left_out));
	e->log_mean = cer_arena_allocate(arena, n * sizeof(double));
	e->grads = cer_arena_allocate(arena, 2 * e->n_classes * sizeof(double));
	if (e->nets == NULL || e->left_out == NULL || e->log_mean == NULL ||
	    e->grads == NULL)
		return cer_fail_memory(err, n * sizeof(double));
	if (members != NULL)
		return make_members(arena, copy, e, err);
	e->nets[0] = (cer_explained_net){.model = e->model};
	return make_net(arena, copy, e, err);
}

cer_status
cer_explainer_make(cer_arena *arena, const cer_model *model,
                   const cer_model_copy *copy, cer_explainer **explainer,
                   cer_error *err)
{
	cer_explainer *made = cer_arena_allocate(arena, sizeof(*made));

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	*made = (cer_explainer){.model = model,
	                        .n_classes = model->n_classes,
	                        .temperature = 1.0,
	                        .n_points = CER_EXPLAIN_MOST_POINTS,
	                        .n_places = CER_EXPLAIN_PLACES};
	CER_TRY(fill_explainer(arena, copy, made, err));
	*explainer = made;
	return CER_OK;
}
