/*
 * store/explain.c
 *	  What the inputs of a row add to its prediction: integrated gradients.
 *
 *	 contribution of input i = d_i . integral of F'(a),	0 <= a <= 1
 *
 * a goes along the line from the baseline to the row (nn/explain.h), d_i is the
 * way from the baseline to the baseline with that input of the row; F are the
 * log-odds of one class.  Of an ensemble every member goes along its own line at
 * the same time, and F is made of all their answers.
 *
 * The derivative along the whole line should come to what F gains between two
 * points: where it does not, steps become shorter.
 *
 * From logits l of vectors v (members of an ensemble layer) of networks m:
 *
 *	 s = mean over v of softmax(l), p = s^(1/T) / sum, P = sum of w p,
 *	 F = log(P_c^(1/U) / sum of others' P^(1/U))
 *
 * all kept as logarithms, with temperatures T and U.
 */
#include "base/arena.h"
#include "base/error.h"
#include "nn/explain.h"
#include "store/model_private.h"
#include "store/parts.h"

#include <math.h>
#include <string.h>

#define FIRST_STEPS 32
#define MOST_POINTS 16   /* of a run */
#define NOISE       1e-6 /* of log-odds near 0: they come from float32 */

typedef struct explained_net
{
	cer_explain_net *net;
	const cer_model *model;
	size_t member; /* of the ensemble */
	double log_weight;
	size_t n_vectors;

	/* at the points of a run */
	const float *logits;
	double *log_vectors; /* by point: (vectors, n_classes) of softmax */
	double *log_shares;  /* by point: (n_classes) s */
	double *log_proba;   /* by point: (n_classes) p */
} explained_net;

struct cer_explainer
{
	const cer_model *model;
	size_t n_classes;
	double temperature; /* of what all networks say together */
	size_t n_points;    /* of a run, at most */
	size_t n_nets;
	explained_net *nets;
	double *log_mean; /* by point: (n_classes) P */
	double *grads;    /* room for two vectors of classes */

	/* of the row in work */
	const cer_host *host;
	size_t class_index;
};

/* A piece of the line: the derivative at its middle stands for all of it. */
typedef struct interval
{
	double begin;
	double end;
	double from; /* log-odds at begin */
	double middle;
	double to;
	double error; /* of the derivative's integral, beyond what is rounding */
} interval;

/* ------------------------------------------------------------ log-odds */

/* log of the sum of exp(scale x), but for the one left out. */
static double
add_logs(const double *x, size_t n, double scale, size_t left_out)
{
	double most = -INFINITY;
	double sum = 0.0;

	for (size_t i = 0; i < n; i++)
		if (i != left_out)
			most = fmax(most, scale * x[i]);
	for (size_t i = 0; i < n; i++)
		if (i != left_out)
			sum += exp(scale * x[i] - most);
	return most + log(sum);
}

static void
scale_logs(double *x, size_t n, double scale)
{
	double all = add_logs(x, n, scale, SIZE_MAX);

	for (size_t i = 0; i < n; i++)
		x[i] = scale * x[i] - all;
}

/* x = log(exp(x) + exp(y)) */
static void
add_log(double *x, double y)
{
	double most = fmax(*x, y);

	*x = most + log(exp(*x - most) + exp(y - most));
}

/* s and p of one point. */
static void
answer(const explained_net *n, size_t point, size_t n_classes)
{
	size_t size = n->n_vectors * n_classes;
	double *vectors = n->log_vectors + point * size;
	double *shares = n->log_shares + point * n_classes;
	double *proba = n->log_proba + point * n_classes;

	for (size_t i = 0; i < size; i++)
		vectors[i] = (double) n->logits[point * size + i];
	for (size_t i = 0; i < n_classes; i++)
		shares[i] = -INFINITY;
	for (size_t v = 0; v < n->n_vectors; v++)
	{
		scale_logs(vectors + v * n_classes, n_classes, 1.0);
		for (size_t i = 0; i < n_classes; i++)
			add_log(&shares[i],
			        vectors[v * n_classes + i] - log((double) n->n_vectors));
	}
	memcpy(proba, shares, n_classes * sizeof(double));
	scale_logs(proba, n_classes, 1.0 / n->model->temperature);
}

/* F of one point. */
static double
join_answers(const cer_explainer *e, size_t point)
{
	size_t n = e->n_classes;
	double *mean = e->log_mean + point * n;

	for (size_t i = 0; i < n; i++)
		mean[i] = -INFINITY;
	for (size_t k = 0; k < e->n_nets; k++)
	{
		answer(&e->nets[k], point, n);
		for (size_t i = 0; i < n; i++)
			add_log(&mean[i], e->nets[k].log_weight +
			                      e->nets[k].log_proba[point * n + i]);
	}
	return mean[e->class_index] / e->temperature -
	       add_logs(mean, n, 1.0 / e->temperature, e->class_index);
}

/* ------------------------------------------------------------ gradients */

/* The gradient of F by P, for all networks the same. */
static void
find_mean_grads(const cer_explainer *e, size_t point, double *grads)
{
	const double *mean = e->log_mean + point * e->n_classes;
	double power = 1.0 / e->temperature;
	double others = add_logs(mean, e->n_classes, power, e->class_index);

	for (size_t i = 0; i < e->n_classes; i++)
		grads[i] = i == e->class_index ? power
		                               : -power * exp(power * mean[i] - others);
}

/* From gradients by log P to those by log s. */
static void
find_share_grads(const cer_explainer *e, const explained_net *n, size_t point,
                 const double *by_mean, double *grads)
{
	const double *mean = e->log_mean + point * e->n_classes;
	const double *proba = n->log_proba + point * e->n_classes;
	double sum = 0.0;

	for (size_t i = 0; i < e->n_classes; i++)
	{
		grads[i] = by_mean[i] * exp(n->log_weight + proba[i] - mean[i]);
		sum += grads[i];
	}
	for (size_t i = 0; i < e->n_classes; i++)
		grads[i] = (grads[i] - exp(proba[i]) * sum) / n->model->temperature;
}

/* And on to logits. */
static void
write_grads(const explained_net *n, size_t point, size_t n_classes,
            const double *by_share, float *to)
{
	const double *shares = n->log_shares + point * n_classes;

	for (size_t v = 0; v < n->n_vectors; v++, to += n_classes)
	{
		const double *vector =
			n->log_vectors + (point * n->n_vectors + v) * n_classes;
		double share = 1.0 / (double) n->n_vectors;
		double sum = 0.0;

		for (size_t i = 0; i < n_classes; i++)
			sum += by_share[i] * exp(vector[i] - shares[i]) * share;
		for (size_t i = 0; i < n_classes; i++)
			to[i] = (float) (by_share[i] * exp(vector[i] - shares[i]) * share -
			                 exp(vector[i]) * sum);
	}
}

static void
go_back(const cer_explainer *e, size_t n_points)
{
	double *by_mean = e->grads;
	double *by_share = e->grads + e->n_classes;

	for (size_t k = 0; k < e->n_nets; k++)
	{
		const explained_net *n = &e->nets[k];
		float *grads = cer_explain_net_get_grads(n->net);

		for (size_t point = 0; point < n_points; point++)
		{
			find_mean_grads(e, point, by_mean);
			find_share_grads(e, n, point, by_mean, by_share);
			write_grads(n, point, e->n_classes, by_share,
			            grads + point * n->n_vectors * e->n_classes);
		}
		cer_explain_net_go_back(n->net, n_points);
	}
}

/* F at points, at most as many as a run takes. */
static void
run_points(const cer_explainer *e, size_t n_points, const double *at,
           double *log_odds)
{
	for (size_t k = 0; k < e->n_nets; k++)
		e->nets[k].logits = cer_explain_net_run(e->nets[k].net, n_points, at);
	for (size_t point = 0; point < n_points; point++)
		log_odds[point] = join_answers(e, point);
}

/* ------------------------------------------------------------ the integral */

static size_t
at_most(size_t n, size_t limit)
{
	return n < limit ? n : limit;
}

/* Log-odds at the pieces' middles; gradients there are those of the run. */
static void
run_middles(const cer_explainer *e, interval *const *pieces, size_t n)
{
	double at[MOST_POINTS] = {0};
	double log_odds[MOST_POINTS];

	for (size_t i = 0; i < n; i++)
		at[i] = (pieces[i]->begin + pieces[i]->end) / 2;
	run_points(e, n, at, log_odds);
	for (size_t i = 0; i < n; i++)
		pieces[i]->middle = log_odds[i];
	go_back(e, n);
}

static double
get_slope(const cer_explainer *e, size_t point)
{
	double slope = 0.0;

	for (size_t k = 0; k < e->n_nets; k++)
		slope += cer_explain_net_get_slope(e->nets[k].net, point);
	return slope;
}

static void
measure(const cer_explainer *e, interval *const *pieces, size_t n)
{
	run_middles(e, pieces, n);
	for (size_t i = 0; i < n; i++)
	{
		interval *piece = pieces[i];

		double gain = piece->to - piece->from;
		double noise = NOISE * (1.0 + fabs(piece->from) + fabs(piece->to));

		piece->error =
			fabs(gain - (piece->end - piece->begin) * get_slope(e, i));
		piece->error = piece->error > noise ? piece->error - noise : 0.0;
	}
}

/* Calls run for all pieces, as many as a run takes at a time. */
static cer_status
visit(const cer_explainer *e, interval *pieces, size_t n,
      void (*run)(const cer_explainer *, interval *const *, size_t))
{
	interval *some[MOST_POINTS];

	for (size_t done = 0; done < n;)
	{
		size_t n_some = at_most(n - done, e->n_points);

		if (e->host->is_canceled(e->host->self))
			return CER_CANCELED;
		for (size_t i = 0; i < n_some; i++)
			some[i] = &pieces[done++];
		run(e, some, n_some);
	}
	return CER_OK;
}

static size_t
find_worst(const interval *pieces, size_t n)
{
	size_t worst = 0;

	for (size_t i = 1; i < n; i++)
		if (pieces[i].error > pieces[worst].error)
			worst = i;
	return worst;
}

static double
add_errors(const interval *pieces, size_t n)
{
	double sum = 0.0;

	for (size_t i = 0; i < n; i++)
		sum += pieces[i].error;
	return sum;
}

/* Halves the pieces with the largest errors. */
static size_t
divide_worst(const cer_explainer *e, interval *pieces, size_t n)
{
	interval *halves[MOST_POINTS];
	size_t n_halves = 0;

	while (n_halves + 2 <= e->n_points && n < CER_EXPLAIN_MAX_STEPS)
	{
		interval *piece = &pieces[find_worst(pieces, n)];
		interval *other = &pieces[n];

		if (piece->error <= 0.0)
			break;
		n++;
		*other = *piece;
		other->begin = piece->end = (piece->begin + piece->end) / 2;
		other->from = piece->to = piece->middle;
		piece->error = other->error = 0.0; /* not again before measured */
		halves[n_halves++] = piece;
		halves[n_halves++] = other;
	}
	measure(e, halves, n_halves);
	return n;
}

static void
begin_pieces(const cer_explainer *e, interval *pieces)
{
	double log_odds[FIRST_STEPS + 1];
	double at[FIRST_STEPS + 1];

	for (size_t i = 0; i <= FIRST_STEPS; i++)
		at[i] = (double) i / FIRST_STEPS;
	for (size_t i = 0; i <= FIRST_STEPS; i += e->n_points)
		run_points(e, at_most(FIRST_STEPS + 1 - i, e->n_points), at + i,
		           log_odds + i);
	for (size_t i = 0; i < FIRST_STEPS; i++)
		pieces[i] = (interval){.begin = at[i],
		                       .end = at[i + 1],
		                       .from = log_odds[i],
		                       .to = log_odds[i + 1]};
}

/* Pieces of the line, shorter where the derivative jumps. */
static cer_status
find_pieces(const cer_explainer *e, interval *pieces, size_t *n_pieces)
{
	size_t n = FIRST_STEPS;

	begin_pieces(e, pieces);
	CER_TRY(visit(e, pieces, n, measure));
	while (n < CER_EXPLAIN_MAX_STEPS &&
	       add_errors(pieces, n) > CER_EXPLAIN_RESIDUAL / 2)
	{
		if (e->host->is_canceled(e->host->self))
			return CER_CANCELED;
		n = divide_worst(e, pieces, n);
	}
	*n_pieces = n;
	return CER_OK;
}

static void
add_gradients(const cer_explainer *e, interval *const *pieces, size_t n)
{
	run_middles(e, pieces, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < e->n_nets; k++)
			cer_explain_net_add(e->nets[k].net, i,
			                    pieces[i]->end - pieces[i]->begin);
}

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
make_rows(cer_arena *arena, const explained_net *n, size_t n_rows,
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
pick_values(cer_arena *arena, const cer_explainer *e, const explained_net *n,
            const cer_value *values, encoded_row *row)
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
set_line(cer_arena *arena, const cer_explainer *e, const explained_net *n,
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
add_inputs(cer_arena *arena, const cer_explainer *e, const explained_net *n,
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
integrate(cer_arena *arena, const cer_explainer *e, const cer_value *values,
          cer_explanation *made, double *contributions)
{
	interval *pieces =
		cer_arena_allocate(arena, CER_EXPLAIN_MAX_STEPS * sizeof(*pieces));

	if (pieces == NULL)
		return CER_NO_MEMORY;
	CER_TRY(find_pieces(e, pieces, &made->n_steps));
	CER_TRY(visit(e, pieces, made->n_steps, add_gradients));
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
	run_points(e, 1, &ends[0], &made->baseline);
	run_points(e, 1, &ends[1], &made->log_odds);
	CER_TRY(integrate(arena, e, values, made, contributions));
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
make_room(cer_arena *arena, explained_net *n, size_t n_points, size_t n_classes,
          cer_error *err)
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
	explained_net *n = &e->nets[e->n_nets];
	cer_stored stored;
	size_t n_points;

	/* weights and all stay: the network works on them */
	CER_TRY(cer_stored_read(arena, arena, parts, n_parts, &stored, err));
	CER_TRY(
		cer_explain_net_make(arena, stored.net, stored.weights, &n->net, err));
	n_points = at_most(cer_explain_net_count_points(n->net), MOST_POINTS);
	e->n_points = at_most(n_points, e->n_points);
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

		e->nets[i] = (explained_net){
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
	size_t n = MOST_POINTS * e->n_classes;

	e->nets = cer_arena_allocate(arena, n_nets * sizeof(*e->nets));
	e->log_mean = cer_arena_allocate(arena, n * sizeof(double));
	e->grads = cer_arena_allocate(arena, 2 * e->n_classes * sizeof(double));
	if (e->nets == NULL || e->log_mean == NULL || e->grads == NULL)
		return cer_fail_memory(err, n * sizeof(double));
	if (members != NULL)
		return make_members(arena, parts, n_parts, e, err);
	e->nets[0] = (explained_net){.model = e->model};
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
	                        .n_points = MOST_POINTS};
	CER_TRY(fill_explainer(arena, parts, n_parts, made, err));
	*explainer = made;
	return CER_OK;
}
