/*
 * train/transfer_first.c
 *	  Weights of operators that see numbers and codes.
 *
 * A table's rows of the first layer are either weights P (n_codes, units), or
 * embeddings E (n_codes, width) times weights W (width, units); one can become
 * the other: P = E W, and with a place for each code E = 1, W = P.
 *
 * What an input that is gone contributed on average goes into the bias.
 */
#include "train/transfer_weights.h"

#include "base/error.h"
#include "nn/op_first.h"

#include <string.h>

/* ------------------------------------------------------------ means */

static const float *
get_shares(const cer_move *move, size_t table)
{
	const cer_input_shape *shape = move->source->net->shape;
	size_t at = shape->n_numbers;

	for (size_t i = 0; i < table; i++)
		at += shape->tables[i].n_codes;
	return move->source->means + at;
}

/* ------------------------------------------------------------ bias */

/* The bias that follows a product; NULL: there is none. */
static float *
find_bias(const cer_move *move, const cer_net *net, size_t node)
{
	for (size_t i = node + 1; i < net->n_nodes; i++)
	{
		const cer_node *next = &net->nodes[i];

		if (next->n_inputs != 1 || next->inputs[0].node != node)
			continue;
		if (next->op == &cer_op_factor)
		{
			node = i;
			continue;
		}
		return next->op == &cer_op_activate && next->has_bias
		           ? cer_move_get(move, &net->tensors[next->first_tensor])
		           : NULL;
	}
	return NULL;
}

/* ------------------------------------------------------------ first layer */

/* Of one first layer. */
typedef struct first_move
{
	const cer_move *move;
	cer_alignment *a;
	const cer_node *now;
	const cer_node *old;
	const cer_map *units;
	double gain;
} first_move;

static cer_status
move_first_numbers(const first_move *f, cer_error *err)
{
	const cer_net_tensor *now = cer_first_get_numbers(f->a->now, f->now);
	const cer_net_tensor *old = cer_first_get_numbers(f->a->old, f->old);
	cer_tensor_move t = {.now = now,
	                     .old = old,
	                     .rows = &f->a->inputs->numbers,
	                     .columns = f->units,
	                     .gain = f->gain};

	if (now == NULL)
		return CER_OK;
	if (old != NULL)
		return cer_move_tensor(f->move, &t, err);
	memset(cer_move_get(f->move, now), 0, now->size * sizeof(float));
	return CER_OK;
}

/* One row of an old table as it meets the layer. */
static double
get_old_weight(const first_move *f, size_t table, size_t code, size_t unit)
{
	const cer_net_tensor *rows = cer_first_get_rows(f->a->old, f->old, table);
	const cer_net_tensor *embedding =
		cer_first_get_embedding(f->a->old, f->old, table);
	const float *w = cer_move_get_old(f->move, rows);
	size_t units = f->old->n_out;
	const float *e;
	double sum = 0.0;
	size_t width;

	if (embedding == NULL)
		return (double) w[code * units + unit];
	width = cer_tensor_count_columns(embedding);
	e = cer_move_get_old(f->move, embedding) + code * width;
	for (size_t i = 0; i < width; i++)
		sum += (double) e[i] * (double) w[i * units + unit];
	return sum;
}

/* P of the old table, whatever it is made of. */
static void
write_rows(const first_move *f, const cer_net_tensor *now, size_t table)
{
	const cer_map *codes = &f->a->inputs->codes[table];
	size_t old = (size_t) f->a->inputs->tables[table];
	float *to = cer_move_get(f->move, now);

	for (size_t code = 0; code < codes->n; code++)
		for (size_t k = 0; k < f->units->n; k++)
			if (f->units->at[k] != NOWHERE)
				to[code * f->units->n + k] =
					(float) (f->gain *
				             get_old_weight(f, old, (size_t) codes->at[code],
				                            (size_t) f->units->at[k]));
}

/* E of ones where each code has a place of its own. */
static void
write_places(const first_move *f, const cer_net_tensor *embedding)
{
	size_t width = cer_tensor_count_columns(embedding);
	float *e = cer_move_get(f->move, embedding);

	memset(e, 0, embedding->size * sizeof(float));
	for (size_t code = 0; code * width < embedding->size; code++)
		e[code * width + code] = 1.0f;
}

/* Both are embeddings: dimensions more are new ones that nothing takes. */
static cer_status
move_embedded(const first_move *f, size_t table, cer_error *err)
{
	size_t other = (size_t) f->a->inputs->tables[table];
	cer_tensor_move rows = {.now = cer_first_get_rows(f->a->now, f->now, table),
	                        .old = cer_first_get_rows(f->a->old, f->old, other),
	                        .columns = f->units,
	                        .gain = f->gain};
	cer_tensor_move embedding = {
		.now = cer_first_get_embedding(f->a->now, f->now, table),
		.old = cer_first_get_embedding(f->a->old, f->old, other),
		.rows = &f->a->inputs->codes[table],
		.keeps_new = true,
		.gain = 1.0};
	size_t width = cer_tensor_count_columns(embedding.now);
	size_t width_old = cer_tensor_count_columns(embedding.old);
	cer_map dims;

	CER_TRY(cer_map_make(f->move->arena, width, width_old, &dims, err));
	for (size_t i = 0; i < width && i < width_old; i++)
		dims.at[i] = (int32_t) i;
	if (width < width_old)
		f->a->inputs->losses |= CER_LOSS_ENCODER;
	rows.rows = &dims;
	embedding.columns = &dims;
	CER_TRY(cer_move_tensor(f->move, &rows, err));
	return cer_move_tensor(f->move, &embedding, err);
}

static void
set_zero(const first_move *f, const cer_net_tensor *tensor)
{
	memset(cer_move_get(f->move, tensor), 0, tensor->size * sizeof(float));
}

static cer_status
move_first_table(const first_move *f, size_t table, cer_error *err)
{
	const cer_net_tensor *rows = cer_first_get_rows(f->a->now, f->now, table);
	const cer_net_tensor *embedding =
		cer_first_get_embedding(f->a->now, f->now, table);
	int32_t old = f->a->inputs->tables[table];
	const cer_net_tensor *embedding_old =
		old == NOWHERE
			? NULL
			: cer_first_get_embedding(f->a->old, f->old, (size_t) old);

	set_zero(f, rows);
	if (old == NOWHERE)
		return CER_OK;
	if (embedding != NULL && embedding_old != NULL)
		return move_embedded(f, table, err);
	if (embedding == NULL)
	{
		write_rows(f, rows, table);
		return CER_OK;
	}
	if (cer_tensor_count_columns(embedding) >= f->a->inputs->codes[table].n)
	{
		write_places(f, embedding);
		write_rows(f, rows, table);
		return CER_OK;
	}
	f->a->inputs->losses |= CER_LOSS_ENCODER;
	f->a->inputs->is_used[f->a->old->shape->n_numbers + (size_t) old] = false;
	return CER_OK;
}

/* What old inputs that are nowhere contributed on average. */
static double
get_mean_contribution(const first_move *f, size_t unit)
{
	const cer_net_tensor *numbers = cer_first_get_numbers(f->a->old, f->old);
	const cer_input_shape *shape = f->a->old->shape;
	const bool *is_used = f->a->inputs->is_used;
	double sum = 0.0;

	for (size_t i = 0; i < shape->n_numbers; i++)
		if (!is_used[i])
			sum += (double) f->move->source->means[i] *
			       (double) cer_move_get_old(f->move,
			                                 numbers)[i * f->old->n_out + unit];
	for (size_t i = 0; i < shape->n_tables; i++)
	{
		const float *shares = get_shares(f->move, i);

		for (size_t code = 0;
		     !is_used[shape->n_numbers + i] && code < shape->tables[i].n_codes;
		     code++)
			if (shares[code] > 0.0f)
				sum += (double) shares[code] * get_old_weight(f, i, code, unit);
	}
	return sum;
}

static bool
is_all_used(const cer_alignment *a)
{
	size_t n = a->old->shape->n_numbers + a->old->shape->n_tables;

	for (size_t i = 0; i < n; i++)
		if (!a->inputs->is_used[i])
			return false;
	return true;
}

static cer_status
add_means(const first_move *f, float *bias, cer_error *err)
{
	size_t size = f->old->n_out * sizeof(double);
	double *means;

	means = cer_arena_allocate(f->move->arena, size);
	if (means == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < f->old->n_out; i++)
		means[i] = get_mean_contribution(f, i);
	for (size_t k = 0; k < f->units->n; k++)
		if (f->units->at[k] != NOWHERE)
			bias[k] += (float) means[f->units->at[k]];
	return CER_OK;
}

static first_move
make_first_move(const cer_move *move, cer_alignment *a, size_t now)
{
	const cer_place_of_node *place = &a->places[now];

	return (first_move){.move = move,
	                    .a = a,
	                    .now = &a->now->nodes[now],
	                    .old = &a->old->nodes[place->old],
	                    .units = &place->floats,
	                    .gain = place->gain};
}

cer_status
cer_move_first(const cer_move *move, cer_alignment *a, size_t now,
               cer_error *err)
{
	first_move f = make_first_move(move, a, now);

	CER_TRY(move_first_numbers(&f, err));
	for (size_t i = 0; i < a->now->shape->n_tables; i++)
		CER_TRY(move_first_table(&f, i, err));
	return CER_OK;
}

cer_status
cer_fold_first(const cer_move *move, cer_alignment *a, size_t now,
               cer_error *err)
{
	first_move f = make_first_move(move, a, now);
	float *bias = find_bias(move, a->now, now);

	return bias == NULL || is_all_used(a) ? CER_OK : add_means(&f, bias, err);
}

/* ------------------------------------------------------------ features */

/* NULL: its codes stand for themselves, or the node does not see the table. */
static const cer_net_tensor *
find_embedding(const cer_net *net, const cer_node *node, size_t table)
{
	size_t tensor = node->first_tensor;

	for (size_t i = 0; i < node->view->n_tables; i++)
	{
		bool is_embedded = net->shape->tables[node->view->tables[i]].width > 0;

		if (node->view->tables[i] == table)
			return is_embedded ? &net->tensors[tensor] : NULL;
		tensor += is_embedded;
	}
	return NULL;
}

static cer_status
move_embedding(const cer_move *move, cer_alignment *a, size_t now, size_t table,
               cer_error *err)
{
	size_t old = (size_t) a->inputs->tables[table];
	cer_tensor_move t = {
		.now = find_embedding(a->now, &a->now->nodes[now], table),
		.old = find_embedding(a->old, &a->old->nodes[a->places[now].old], old),
		.rows = &a->inputs->codes[table],
		.keeps_new = true,
		.gain = 1.0};
	cer_map dims;
	size_t width;
	size_t width_old;

	if (t.now == NULL || t.old == NULL)
	{
		if (t.now != t.old)
			a->inputs->losses |= CER_LOSS_ENCODER;
		return CER_OK;
	}
	width = cer_tensor_count_columns(t.now);
	width_old = cer_tensor_count_columns(t.old);
	CER_TRY(cer_map_make(move->arena, width, width_old, &dims, err));
	for (size_t i = 0; i < width && i < width_old; i++)
		dims.at[i] = (int32_t) i;
	if (width < width_old)
		a->inputs->losses |= CER_LOSS_ENCODER;
	t.columns = &dims;
	return cer_move_tensor(move, &t, err);
}

cer_status
cer_move_features(const cer_move *move, cer_alignment *a, size_t now,
                  cer_error *err)
{
	const cer_view *view = a->now->nodes[now].view;

	for (size_t i = 0; i < view->n_tables; i++)
		if (a->inputs->tables[view->tables[i]] != NOWHERE)
			CER_TRY(move_embedding(move, a, now, view->tables[i], err));
	return CER_OK;
}

/* Means of what the old node has as a vector. */
static void
make_feature_means(const cer_move *move, const cer_node *features,
                   double *means)
{
	const cer_net *net = move->source->net;
	const cer_view *view = features->view;
	size_t at = view->n_numbers;

	for (size_t i = 0; i < view->n_numbers; i++)
		means[i] = (double) move->source->means[view->numbers[i]];
	for (size_t i = 0; i < view->n_tables; i++)
	{
		const cer_table_shape *table = &net->shape->tables[view->tables[i]];
		const cer_net_tensor *e =
			find_embedding(net, features, view->tables[i]);
		const float *shares = get_shares(move, view->tables[i]);
		size_t width = e != NULL ? table->width : table->n_codes;

		for (size_t j = 0; j < width; j++)
		{
			means[at + j] = e != NULL ? 0.0 : (double) shares[j];
			for (size_t code = 0; e != NULL && code < table->n_codes; code++)
				means[at + j] +=
					(double) shares[code] *
					(double) cer_move_get_old(move, e)[code * width + j];
		}
		at += width;
	}
}

static cer_status
mark_used(cer_arena *arena, const cer_map *map, bool **is_used, cer_error *err)
{
	*is_used = cer_arena_allocate(arena, map->n_old + 1);
	if (*is_used == NULL)
		return cer_fail_memory(err, map->n_old);
	memset(*is_used, 0, map->n_old);
	for (size_t i = 0; i < map->n; i++)
		if (map->at[i] != NOWHERE)
			(*is_used)[map->at[i]] = true;
	return CER_OK;
}

/* Of a dense layer over features. */
static cer_status
add_feature_means(const cer_move *move, cer_alignment *a, size_t now,
                  float *bias, cer_error *err)
{
	const cer_place_of_node *place = &a->places[now];
	const cer_node *old = &a->old->nodes[place->old];
	const cer_map *floats =
		&a->places[a->now->nodes[now].inputs[0].node].floats;
	const float *w =
		cer_move_get_old(move, &a->old->tensors[old->first_tensor]);
	size_t size = floats->n_old * sizeof(double);
	double *means = cer_arena_allocate(move->arena, size + 1);
	bool *is_used;

	if (means == NULL)
		return cer_fail_memory(err, size);
	CER_TRY(mark_used(move->arena, floats, &is_used, err));
	make_feature_means(move, &a->old->nodes[old->inputs[0].node], means);
	for (size_t k = 0; k < place->floats.n; k++)
		for (size_t i = 0; i < floats->n_old; i++)
			if (!is_used[i] && place->floats.at[k] != NOWHERE)
				bias[k] += (float) (means[i] *
				                    (double) w[i * old->n_out +
				                               (size_t) place->floats.at[k]]);
	return CER_OK;
}

cer_status
cer_fold_features(const cer_move *move, cer_alignment *a, size_t now,
                  cer_error *err)
{
	const cer_node *old = &a->old->nodes[a->places[now].old];
	float *bias = find_bias(move, a->now, now);

	if (bias == NULL || old->op != &cer_op_dense ||
	    a->old->nodes[old->inputs[0].node].op != &cer_op_features)
		return CER_OK;
	return add_feature_means(move, a, now, bias, err);
}

/* ------------------------------------------------------------ tokens */

static bool
has_operator(const cer_net *net, const cer_operator *op)
{
	for (size_t i = 0; i < net->n_nodes; i++)
		if (net->nodes[i].op == op)
			return true;
	return false;
}

/*
 * bias (tokens, n), numbers (n_numbers, n), then tables.  A token that is new
 * is 0 where all of them are added up; elsewhere what takes it has zeros, and
 * it must be something to learn from.
 */
cer_status
cer_move_tokens(const cer_move *move, cer_alignment *a, size_t now,
                cer_error *err)
{
	const cer_net_tensor *to =
		&a->now->tensors[a->now->nodes[now].first_tensor];
	const cer_net_tensor *from =
		&a->old->tensors[a->old->nodes[a->places[now].old].first_tensor];
	size_t n_numbers = a->now->shape->n_numbers > 0;
	size_t n_numbers_old = a->old->shape->n_numbers > 0;
	cer_tensor_move t = {.now = to,
	                     .old = from,
	                     .rows = &a->places[now].vectors,
	                     .keeps_new = !has_operator(a->now, &cer_op_fm),
	                     .gain = 1.0};

	CER_TRY(cer_move_tensor(move, &t, err));
	t.now = to + 1;
	t.old = from + 1;
	t.rows = &a->inputs->numbers;
	if (n_numbers && n_numbers_old)
		CER_TRY(cer_move_tensor(move, &t, err));
	for (size_t i = 0; i < a->now->shape->n_tables; i++)
	{
		int32_t old = a->inputs->tables[i];

		t.now = to + 1 + n_numbers + i;
		t.old = from + 1 + n_numbers_old + (old == NOWHERE ? 0 : old);
		t.rows = &a->inputs->codes[i];
		if (old != NOWHERE)
			CER_TRY(cer_move_tensor(move, &t, err));
		else if (!t.keeps_new)
			memset(cer_move_get(move, t.now), 0, t.now->size * sizeof(float));
	}
	return CER_OK;
}
