/*
 * train/transfer.c
 *	  The weights of a new network out of those of an old one, operator by
 *	  operator, once it is known which is which.
 *
 * The optimizer's moments go with their weights.  What is new has moved on
 * average as much as the rest: a second moment of 0 would make its first steps
 * as large as Adam's can be.
 */
#include "train/transfer_weights.h"

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------ tensors */

size_t
cer_tensor_count_columns(const cer_net_tensor *tensor)
{
	return (size_t) (tensor->n_dims == 2 ? tensor->dims[1] : tensor->dims[0]);
}

float *
cer_move_get(const cer_move *move, const cer_net_tensor *now)
{
	return move->to->weights + now->offset;
}

const float *
cer_move_get_old(const cer_move *move, const cer_net_tensor *old)
{
	return move->source->weights + old->offset;
}

static size_t
count_rows(const cer_net_tensor *tensor)
{
	size_t n_columns = cer_tensor_count_columns(tensor);

	return n_columns == 0 ? 0 : tensor->size / n_columns;
}

static cer_status
make_identity(cer_arena *arena, size_t n, cer_map *map, cer_error *err)
{
	CER_TRY(cer_map_make(arena, n, n, map, err));
	for (size_t i = 0; i < n; i++)
		map->at[i] = (int32_t) i;
	return CER_OK;
}

/* Rows of now, or NOWHERE, chained by the row of old that they come from. */
typedef struct copies
{
	int32_t *first; /* by row of old */
	int32_t *next;  /* by row of now */
} copies;

static cer_status
list_copies(cer_arena *arena, const cer_map *rows, copies *list, cer_error *err)
{
	list->first =
		cer_arena_allocate(arena, (rows->n_old + 1) * sizeof(int32_t));
	list->next = cer_arena_allocate(arena, (rows->n + 1) * sizeof(int32_t));
	if (list->first == NULL || list->next == NULL)
		return cer_fail_memory(err, rows->n * sizeof(int32_t));
	for (size_t i = 0; i < rows->n_old; i++)
		list->first[i] = NOWHERE;
	for (size_t i = rows->n; i-- > 0;)
		if (rows->at[i] != NOWHERE)
		{
			list->next[i] = list->first[rows->at[i]];
			list->first[rows->at[i]] = (int32_t) i;
		}
	return CER_OK;
}

static float
draw_share(const cer_random *random, size_t row, size_t column)
{
	cer_random_place place = {{(uint32_t) column, (uint32_t) row, 1, 0}};
	uint32_t bits[4];

	cer_random_get(random, &place, bits);
	return 0.5f + cer_random_to_uniform(bits[0]);
}

/* One old weight's copies get shares that make it up again. */
static void
divide_weight(const copies *list, const cer_random *random, size_t old_row,
              size_t n_columns, float *column, size_t at)
{
	float sum = 0.0f;
	float left = column[(size_t) list->first[old_row] * n_columns];
	float whole = left;

	for (int32_t i = list->first[old_row]; i != NOWHERE; i = list->next[i])
		sum += draw_share(random, (size_t) i, at);
	for (int32_t i = list->first[old_row]; i != NOWHERE; i = list->next[i])
	{
		float share = whole * (draw_share(random, (size_t) i, at) / sum);

		if (list->next[i] == NOWHERE)
			share = left;
		left -= share;
		column[(size_t) i * n_columns] = share;
	}
}

static cer_status
divide_rows(const cer_move *move, const cer_tensor_move *t,
            const cer_map *columns, cer_error *err)
{
	size_t n_columns = cer_tensor_count_columns(t->now);
	float *to = cer_move_get(move, t->now) + t->row * n_columns;
	cer_random random;
	copies list;

	CER_TRY(list_copies(move->arena, t->rows, &list, err));
	cer_random_init(&random, move->seed, t->now->name);
	for (size_t row = 0; row < t->rows->n_old; row++)
	{
		if (list.first[row] == NOWHERE || list.next[list.first[row]] == NOWHERE)
			continue;
		for (size_t k = 0; k < columns->n; k++)
			if (columns->at[k] != NOWHERE)
				divide_weight(&list, &random, row, n_columns, to + k, k);
	}
	return CER_OK;
}

/* Moments of what is new: as large as those of the rest. */
static float
get_mean(const float *values, size_t n)
{
	double sum = 0.0;

	for (size_t i = 0; i < n; i++)
		sum += (double) values[i];
	return n > 0 ? (float) (sum / (double) n) : 0.0f;
}

typedef struct move_maps
{
	const cer_map *rows;
	const cer_map *columns;
} move_maps;

/* What is new is as usual. */
static void
move_floats(const cer_tensor_move *t, const move_maps *maps, const float *from,
            float *to, float usual)
{
	size_t n = cer_tensor_count_columns(t->now);
	size_t n_old = cer_tensor_count_columns(t->old);
	size_t start = t->now->offset + t->row * n;
	size_t start_old = t->old->offset + t->row_old * n_old;

	for (size_t i = 0; i < maps->rows->n; i++)
		for (size_t k = 0; k < n; k++)
		{
			int32_t row = maps->rows->at[i];
			int32_t column = maps->columns->at[k];
			bool is_old = row != NOWHERE && column != NOWHERE;
			size_t at =
				is_old ? start_old + (size_t) row * n_old + (size_t) column : 0;

			to[start + i * n + k] = is_old ? from[at] : usual;
		}
}

/* Of a hidden matrix muon has no second moments, so they are none of another's. */
static void
move_moments(const cer_move *move, const cer_tensor_move *t,
             const move_maps *maps)
{
	const cer_transfer_source *source = move->source;

	if (source->moments == CER_MOMENTS_MUON &&
	    (t->now->n_hidden > 0) != (t->old->n_hidden > 0))
		return;
	move_floats(t, maps, source->m, move->to->m, 0.0f);
	if (move->to->v != NULL)
		move_floats(t, maps, source->v, move->to->v,
		            get_mean(source->v + t->old->offset, t->old->size));
}

static void
move_weights(const cer_move *move, const cer_tensor_move *t,
             const move_maps *maps)
{
	size_t n = cer_tensor_count_columns(t->now);
	size_t n_old = cer_tensor_count_columns(t->old);
	float *to = cer_move_get(move, t->now) + t->row * n;
	const float *from = cer_move_get_old(move, t->old) + t->row_old * n_old;

	for (size_t i = 0; i < maps->rows->n; i++)
		for (size_t k = 0; k < n; k++)
		{
			int32_t row = maps->rows->at[i];
			int32_t column = maps->columns->at[k];

			if (row != NOWHERE && column != NOWHERE)
				to[i * n + k] =
					(float) (t->gain *
				             (double)
				                 from[(size_t) row * n_old + (size_t) column]);
			else if (row == NOWHERE && !t->keeps_new)
				to[i * n + k] = 0.0f;
		}
}

cer_status
cer_move_tensor(const cer_move *move, const cer_tensor_move *t, cer_error *err)
{
	cer_map all_rows;
	cer_map all_columns;
	move_maps maps = {t->rows, t->columns};

	if (maps.rows == NULL)
	{
		CER_TRY(make_identity(move->arena, count_rows(t->now), &all_rows, err));
		maps.rows = &all_rows;
	}
	if (maps.columns == NULL)
	{
		CER_TRY(make_identity(move->arena, cer_tensor_count_columns(t->now),
		                      &all_columns, err));
		maps.columns = &all_columns;
	}
	move_weights(move, t, &maps);
	if (t->is_divided && !maps.rows->is_choice)
		CER_TRY(divide_rows(move, t, maps.columns, err));
	if (move->to->m != NULL)
		move_moments(move, t, &maps);
	return CER_OK;
}

/* ------------------------------------------------------------ operators */

static const cer_net_tensor *
get_tensor(const cer_net *net, size_t node, size_t i)
{
	return &net->tensors[net->nodes[node].first_tensor + i];
}

static cer_status
move_dense(const cer_move *move, cer_alignment *a, size_t now, cer_error *err)
{
	const cer_place_of_node *place = &a->places[now];
	const cer_node *node = &a->now->nodes[now];
	const cer_node *old = &a->old->nodes[place->old];
	size_t n_members = node->op == &cer_op_members ? node->count : 1;
	cer_map floats;
	cer_map vectors;

	if (!cer_align_view(a, &node->inputs[0], &old->inputs[0], &floats,
	                    &vectors))
		return cer_fail(err, CER_INTERNAL, "a layer lost its input");
	for (size_t i = 0; i < n_members; i++)
	{
		cer_tensor_move t = {.now = get_tensor(a->now, now, 0),
		                     .old = get_tensor(a->old, place->old, 0),
		                     .rows = &floats,
		                     .columns = &place->floats,
		                     .row = i * floats.n,
		                     .row_old = i * floats.n_old,
		                     .is_divided = true,
		                     .gain = place->gain};

		CER_TRY(cer_move_tensor(move, &t, err));
	}
	return CER_OK;
}

/* A tensor of each unit, for each member; or one of no units at all. */
static cer_status
move_units(const cer_move *move, cer_alignment *a, size_t now, cer_error *err)
{
	const cer_place_of_node *place = &a->places[now];

	for (size_t i = 0; i < a->now->nodes[now].n_tensors; i++)
	{
		cer_tensor_move t = {.now = get_tensor(a->now, now, i),
		                     .old = get_tensor(a->old, place->old, i),
		                     .keeps_new = true,
		                     .gain = 1.0};

		if (cer_tensor_count_columns(t.now) == place->floats.n &&
		    cer_tensor_count_columns(t.old) == place->floats.n_old)
			t.columns = &place->floats;
		else if (t.now->size != t.old->size)
		{
			a->losses |= CER_LOSS_ROWS;
			continue;
		}
		CER_TRY(cer_move_tensor(move, &t, err));
	}
	return CER_OK;
}

/* Hands on units: the first copy of each counts. */
static cer_status
make_identity_layer(const cer_move *move, cer_alignment *a, size_t now,
                    cer_error *err)
{
	const cer_node *node = &a->now->nodes[now];
	const cer_net_tensor *tensor = get_tensor(a->now, now, 0);
	const cer_map *in = &a->places[node->inputs[0].node].floats;
	const cer_map *out = &a->places[now].floats;
	float *to = cer_move_get(move, tensor);
	copies list;

	CER_TRY(list_copies(move->arena, in, &list, err));
	memset(to, 0, tensor->size * sizeof(float));
	for (size_t k = 0; k < out->n; k++)
		if (list.first[out->at[k]] != NOWHERE)
			to[(size_t) list.first[out->at[k]] * out->n + k] = 1.0f;
	return CER_OK;
}

static void
make_zeros(const cer_move *move, const cer_node *node)
{
	for (size_t i = 0; i < node->n_tensors; i++)
	{
		const cer_net_tensor *tensor =
			&move->net->tensors[node->first_tensor + i];

		memset(cer_move_get(move, tensor), 0, tensor->size * sizeof(float));
	}
}

static cer_status
move_node(const cer_move *move, cer_alignment *a, size_t now, cer_error *err)
{
	const cer_node *node = &a->now->nodes[now];

	if (a->places[now].role == CER_ROLE_IDENTITY)
		return make_identity_layer(move, a, now, err);
	if (a->places[now].role == CER_ROLE_ZERO)
		make_zeros(move, node);
	if (a->places[now].role != CER_ROLE_KEPT || node->n_tensors == 0)
		return CER_OK;
	if (node->op == &cer_op_first)
		return cer_move_first(move, a, now, err);
	if (node->op == &cer_op_features)
		return cer_move_features(move, a, now, err);
	if (node->op == &cer_op_tokens)
		return cer_move_tokens(move, a, now, err);
	if (node->op == &cer_op_lift)
		return cer_move_lifts(move, a, now, err);
	if (node->op == &cer_op_dense || node->op == &cer_op_members)
		return move_dense(move, a, now, err);
	return move_units(move, a, now, err);
}

/* ------------------------------------------------------------ what it was */

typedef struct words
{
	char *text;
	size_t size;
} words;

static void __attribute__((format(printf, 3, 4)))
say(words *w, size_t n, const char *format, ...)
{
	va_list args;
	int size;

	if (n == 0 || w->size + 2 >= CER_START_TEXT)
		return;
	if (w->size > 0)
	{
		memcpy(w->text + w->size, ", ", 3);
		w->size += 2;
	}
	va_start(args, format);
	size = vsnprintf(w->text + w->size, CER_START_TEXT - w->size, format, args);
	va_end(args);
	w->size += size > 0 ? (size_t) size : 0;
	if (w->size >= CER_START_TEXT)
		w->size = CER_START_TEXT - 1;
}

static void
describe(const cer_alignment *a, const cer_input_maps *inputs,
         cer_transfer_result *result)
{
	words w = {result->text, 0};
	unsigned losses = a->losses | inputs->losses;

	say(&w, a->n_wider, "%zu wider layer%s", a->n_wider,
	    a->n_wider == 1 ? "" : "s");
	say(&w, a->n_narrower, "%zu narrower layer%s", a->n_narrower,
	    a->n_narrower == 1 ? "" : "s");
	say(&w, a->n_deeper, "%zu new layer%s", a->n_deeper,
	    a->n_deeper == 1 ? "" : "s");
	say(&w, a->n_towers, "%zu new tower%s", a->n_towers,
	    a->n_towers == 1 ? "" : "s");
	say(&w, a->n_towers_fewer, "%zu tower%s fewer", a->n_towers_fewer,
	    a->n_towers_fewer == 1 ? "" : "s");
	say(&w, inputs->n_more, "%zu column%s more", inputs->n_more,
	    inputs->n_more == 1 ? "" : "s");
	say(&w, inputs->n_values_more, "%zu value%s more", inputs->n_values_more,
	    inputs->n_values_more == 1 ? "" : "s");
	say(&w, inputs->n_fewer, "%zu column%s fewer", inputs->n_fewer,
	    inputs->n_fewer == 1 ? "" : "s");
	say(&w, inputs->n_otherwise, "%zu column%s encoded otherwise",
	    inputs->n_otherwise, inputs->n_otherwise == 1 ? "" : "s");
	say(&w, a->n_classes_more, "%zu class%s more", a->n_classes_more,
	    a->n_classes_more == 1 ? "" : "es");
	say(&w, losses & CER_LOSS_VALUES, "values of categories fewer");
	say(&w, losses & CER_LOSS_ACTIVATION, "another activation");
	say(&w, losses & CER_LOSS_NORM, "a layer norm over other units");
	say(&w, losses & CER_LOSS_ROWS, CER_OTHER_ROWS);
	say(&w, losses & CER_LOSS_TOKENS, "other tokens that all see");
	say(&w, losses & CER_LOSS_TOWER, "a table more in a sum");
	say(&w, w.size == 0, "weights as they were");
	result->is_exact = losses == 0;
}

/* ------------------------------------------------------------ all of it */

/* A second moment of what is new: where there are any, their mean. */
static float
get_usual(const cer_transfer_source *source)
{
	const cer_net *net = source->net;
	double sum = 0.0;
	size_t n = 0;

	if (source->moments != CER_MOMENTS_MUON)
		return get_mean(source->v, net->n_weights);
	for (size_t i = 0; i < net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &net->tensors[i];

		if (tensor->n_hidden > 0)
			continue;
		sum += (double) get_mean(source->v + tensor->offset, tensor->size) *
		       (double) tensor->size;
		n += tensor->size;
	}
	return n > 0 ? (float) (sum / (double) n) : 0.0f;
}

static cer_status
make_arrays(cer_arena *arena, const cer_transfer_source *source,
            const cer_run *run, cer_transfer_result *result, cer_error *err)
{
	size_t n = run->net->n_weights;
	bool has_moments =
		source->m != NULL &&
		source->moments == cer_optimizer_get_moments(run->config.settings);
	size_t n_arrays = !has_moments ? 1 : source->v == NULL ? 2 : 3;
	float *all = cer_arena_allocate(arena, n_arrays * n * sizeof(float) + 1);
	float usual;

	if (all == NULL)
		return cer_fail_memory(err, n_arrays * n * sizeof(float));
	memcpy(all, run->graph->weights, n * sizeof(float));
	result->weights = all;
	if (!has_moments)
		return CER_OK;
	result->m = all + n;
	memset(result->m, 0, n * sizeof(float));
	if (source->v == NULL)
		return CER_OK;
	result->v = all + 2 * n;
	usual = get_usual(source);
	for (size_t i = 0; i < n; i++)
		result->v[i] = usual;
	return CER_OK;
}

/* Once biases are there. */
static cer_status
fold_node(const cer_move *move, cer_alignment *a, size_t now, cer_error *err)
{
	const cer_node *node = &a->now->nodes[now];

	if (a->places[now].role != CER_ROLE_KEPT)
		return CER_OK;
	if (node->op == &cer_op_first)
		return cer_fold_first(move, a, now, err);
	if (node->op == &cer_op_dense)
		return cer_fold_features(move, a, now, err);
	return CER_OK;
}

static cer_status
move_all(cer_arena *arena, const cer_transfer_source *source,
         const cer_trainer *trainer, cer_alignment *a,
         cer_transfer_result *result, bool *is_made, cer_error *err)
{
	cer_move move = {.arena = arena,
	                 .source = source,
	                 .net = trainer->run->net,
	                 .seed = trainer->mst->settings.seed,
	                 .to = result};

	CER_TRY(make_arrays(arena, source, trainer->run, result, err));
	for (size_t i = 0; i < a->now->n_nodes; i++)
		CER_TRY(move_node(&move, a, i, err));
	for (size_t i = 0; i < a->now->n_nodes && source->means != NULL; i++)
		CER_TRY(fold_node(&move, a, i, err));
	if (a->logits != NULL)
		CER_TRY(cer_classes_fill(&move, a, is_made, err));
	describe(a, a->inputs, result);
	return CER_OK;
}

cer_status
cer_transfer_make(cer_arena *arena, const cer_transfer_source *source,
                  const cer_trainer *trainer, cer_transfer_result *result,
                  bool *is_made, cer_error *err)
{
	cer_input_maps inputs;
	cer_alignment a = {.arena = arena, .inputs = &inputs, .source = source};

	memset(result, 0, sizeof(*result));
	*is_made = false;
	CER_TRY(cer_input_maps_make(arena, trainer->encoders, source->encoders,
	                            &inputs, err));
	CER_TRY(cer_net_make_whole(arena, trainer->run->net, &a.now, err));
	CER_TRY(cer_net_make_whole(arena, source->net, &a.old, err));
	CER_TRY(cer_classes_find(&a, is_made, err));
	if (*is_made)
		CER_TRY(cer_align(&a, is_made, err));
	if (*is_made)
		CER_TRY(move_all(arena, source, trainer, &a, result, is_made, err));
	if (!*is_made)
		snprintf(result->text, sizeof(result->text), "%s",
		         a.now->shape->n_classes < a.old->shape->n_classes
		             ? "fewer classes"
		             : "no layer for layer of the parent's network");
	return CER_OK;
}
