/*
 * test_transfer.c
 *	  A network that begins with another's weights predicts what that one does,
 *	  for every change of which this is said; and it can be trained on.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "base/text.h"
#include "rows.h"
#include "store/parts.h"
#include "store/state.h"
#include "train/transfer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define N_ROWS 600

typedef struct training
{
	cer_arena *arena;
	cer_dataset *dataset;
	cer_trainer *trainer;
} training;

static test_rows *rows;
static test_rows joined; /* the same, some inputs of tables p and q */
static test_rows other;  /* the same, these of tables r and s */
static test_rows more;   /* the same, some training rows of two classes more */
static test_rows later;  /* the same, some training rows of the other class */

static int
set_up(void **state)
{
	static cer_input inputs[ROWS_N_INPUTS];
	static cer_input inputs_other[ROWS_N_INPUTS];
	static uint16_t labels[N_ROWS];
	static uint16_t labels_later[N_ROWS];
	test_random random;

	(void) state;
	random_init(&random);
	rows = rows_make(&random, N_ROWS, false);
	memcpy(inputs, rows->inputs, sizeof(inputs));
	inputs[0].name = cer_text_of("p.wide");
	inputs[2].name = cer_text_of("q.small");
	inputs[5].name = cer_text_of("p.city");
	joined = *rows;
	joined.inputs = inputs;
	memcpy(inputs_other, inputs, sizeof(inputs));
	inputs_other[0].name = cer_text_of("r.wide");
	inputs_other[2].name = cer_text_of("s.small");
	inputs_other[5].name = cer_text_of("r.city");
	other = *rows;
	other.inputs = inputs_other;
	for (size_t i = 0; i < N_ROWS; i++)
		labels[i] = rows->parts[i] == CER_TRAIN && i % 5 == 4
		                ? (uint16_t) (2 + i % 2)
		                : rows->labels[i];
	more = *rows;
	more.labels = labels;
	more.n_classes = 4;
	for (size_t i = 0; i < N_ROWS; i++)
		labels_later[i] = rows->parts[i] == CER_TRAIN && i % 5 == 4
		                      ? (uint16_t) (1 - rows->labels[i])
		                      : rows->labels[i];
	later = *rows;
	later.labels = labels_later;
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	rows_free(rows);
	return 0;
}

static void
assert_ok(cer_status status, const cer_error *err)
{
	if (status != CER_OK)
		fail_msg("%s", err->message);
}

static void
training_init_of(training *t, const char *mst, const test_rows *of)
{
	static const arrival in_order = {0};
	cer_column columns[ROWS_N_INPUTS];
	const cer_mst *parsed;
	const cer_plan *plan;
	cer_error err;

	t->arena = cer_arena_new(&cer_host_plain);
	rows_get_columns(of, columns);
	assert_ok(rows_load(of, &cer_host_plain, &in_order, &t->dataset, &err),
	          &err);
	assert_ok(
		cer_mst_parse(t->arena, (cer_text){mst, strlen(mst)}, &parsed, &err),
		&err);
	assert_ok(
		cer_plan_make(t->arena, parsed, columns, ROWS_N_INPUTS, &plan, &err),
		&err);
	assert_ok(cer_trainer_new(&cer_host_plain, parsed, plan, t->dataset,
	                          &t->trainer, &err),
	          &err);
}

static void
training_init(training *t, const char *mst)
{
	training_init_of(t, mst, strstr(mst, "_table(") != NULL ? &joined : rows);
}

static void
training_release(training *t)
{
	cer_trainer_free(t->trainer);
	cer_dataset_free(t->dataset);
	cer_arena_free(t->arena);
}

static void
run_epochs(training *t, size_t n)
{
	bool is_finished = false;
	cer_epoch epoch;
	cer_error err;

	for (size_t i = 0; i < n && !is_finished; i++)
		assert_ok(cer_trainer_run_epoch(t->trainer, &epoch, &is_finished, &err),
		          &err);
}

/* The model and the moments of the last epoch's state. */
static const cer_part *
get_parts(training *t, bool with_state, size_t *n)
{
	const cer_part *model;
	const cer_part *state;
	size_t n_model;
	size_t n_state = 0;
	cer_part *all;
	cer_error err;
	size_t k = 0;

	assert_ok(
		cer_trainer_make_parts(t->arena, t->trainer, &model, &n_model, &err),
		&err);
	assert_ok(
		cer_trainer_get_state(t->arena, t->trainer, &state, &n_state, &err),
		&err);
	all = cer_arena_allocate(t->arena, (n_model + n_state) * sizeof(*all));
	for (size_t i = 0; i < n_model; i++)
		all[k++] = model[i];
	for (size_t i = 0; with_state && i < n_state; i++)
		if (state[i].kind != CER_PART_TENSOR && state[i].kind != CER_PART_BEST)
			all[k++] = state[i];
	*n = k;
	return all;
}

static double
get_distance(const training *a, const training *b)
{
	const cer_run *old = a->trainer->run;
	const cer_run *now = b->trainer->run;
	size_t n_old = old->config.shape->n_classes;
	size_t n = now->config.shape->n_classes;
	double most = 0.0;

	for (size_t row = 0; row < old->config.valid->n_rows; row++)
		for (size_t i = 0; i < n; i++)
		{
			float was = i < n_old ? old->best_proba[row * n_old + i] : 0.0f;

			most = fmax(most,
			            fabs((double) was - (double) now->proba[row * n + i]));
		}
	return most;
}

/* Predicts what the parent does, or says that it does not. */
typedef struct change
{
	const char *parent;
	const char *child;
	const char *text;
} change;

#define SHORT  " PT batch = 64, epochs = 3"
#define MLP    "FE * AS mlp(16, 8)" SHORT
#define INPUTS "FE small, color : onehot, city : embed(3) "
/* of the task's own table, and of another one */
#define OWN    "FE hour, color "
#define WITH_P "FE hour, color, JOIN p, p.wide, p.city : embed(3) "
#define WITH_Q "FE hour, color, JOIN q, q.small "
#define WITH_PQ \
	"FE hour, color, JOIN p, JOIN q, p.wide, p.city : embed(3), q.small "

/* Nothing is lost. */
static const change exact[] = {
	{MLP, "FE * AS mlp(16, 8) PT batch = 64, epochs = 3, dropout = 0.3",
     "weights as they were"},
	{MLP, "FE * AS mlp(16, 8) PT sgd(lr = 0.1), batch = 32, decay = 0.1",
     "weights as they were"},
	{"FE * AS mlp(16, 8) PT batch = 64, dropout = 0.2", MLP,
     "weights as they were"},
	{"FE * AS dense(16) > dropout(0.2) > dense(8)" SHORT,
     "FE * AS dense(16) > dense(8)" SHORT, "weights as they were"},
	/* wider */
	{MLP, "FE * AS mlp(32, 8)" SHORT, "1 wider layer"},
	{MLP, "FE * AS mlp(16, 24)" SHORT, "1 wider layer"},
	{MLP, "FE * AS mlp(37, 11)" SHORT, "2 wider layers"},
	{"FE * AS mlp(16, 8) PT gelu, batch = 64",
     "FE * AS mlp(48, 8) PT gelu, batch = 64", "1 wider layer"},
	{"FE * AS residual(2, width = 8, hidden = 12)" SHORT,
     "FE * AS residual(2, width = 19, hidden = 29)" SHORT, "5 wider layers"},
	{"FE * AS dense(8) > norm(layer) > relu" SHORT,
     "FE * AS dense(16) > norm(layer) > relu" SHORT, "1 wider layer"},
	{"FE * AS dense(8) > norm(batch) > tanh > dense(6) > relu" SHORT,
     "FE * AS dense(11) > norm(batch) > tanh > dense(6) > relu" SHORT,
     "1 wider layer"},
	{"FE * AS ensemble(3, mlp(8, 4))" SHORT,
     "FE * AS ensemble(3, mlp(12, 6))" SHORT, "2 wider layers"},
	{"FE * AS tabm(8, 4, members = 3)" SHORT,
     "FE * AS tabm(13, 6, members = 3)" SHORT, "2 wider layers"},
	{"FE * AS wide_deep(8, 4)" SHORT, "FE * AS wide_deep(12, 4)" SHORT,
     "1 wider layer"},
	{"FE * AS realmlp(8, 6)" SHORT, "FE * AS realmlp(8, 13)" SHORT,
     "1 wider layer"},
	/* deeper */
	{MLP, "FE * AS mlp(16 x 2, 8)" SHORT, "1 new layer"},
	{MLP, "FE * AS mlp(16, 8, 8)" SHORT, "1 new layer"},
	{MLP, "FE * AS mlp(16, 8 x 4)" SHORT, "3 new layers"},
	{MLP, "FE * AS mlp(16, 20, 8)" SHORT, "1 new layer"},
	{MLP, "FE * AS mlp(24, 32, 8 x 2)" SHORT, "1 wider layer, 2 new layers"},
	{"FE * AS residual(1, width = 8, hidden = 12)" SHORT,
     "FE * AS residual(3, width = 8, hidden = 12)" SHORT, "2 new layers"},
	{"FE * AS dcn(8, crosses = 1, layers = 1)" SHORT,
     "FE * AS dcn(8, crosses = 3, layers = 1)" SHORT, "2 new layers"},
	{"FE * AS ft_transformer(1, width = 8, heads = 2, hidden = 8)" SHORT,
     "FE * AS ft_transformer(2, width = 8, heads = 2, hidden = 8)" SHORT,
     "2 new layers"},
	{"FE * AS dense(8) > relu > dense(6) > relu" SHORT,
     "FE * AS dense(8) > relu > skip(dense(5) > tanh > dense(8)) > dense(6) > relu" SHORT,
     "1 new layer"},
	/* columns more */
	{INPUTS "AS mlp(16, 8)" SHORT,
     "FE small, color : onehot, city : embed(3), hour, wide AS mlp(16, 8)" SHORT,
     "2 columns more"},
	{INPUTS "AS mlp(16, 8)" SHORT,
     "FE small, color : onehot, city : embed(3), hour : embed(2) "
     "AS mlp(16, 8)" SHORT,
     "1 column more"},
	{INPUTS "AS mlp(16, 8)" SHORT,
     "FE small, color : onehot, city : embed(3), hour : onehot "
     "AS mlp(20, 8)" SHORT,
     "1 wider layer, 1 column more"},
	{"FE small, city AS residual(1, width = 8, hidden = 8)" SHORT,
     "FE small, city, color, hour AS residual(1, width = 8, hidden = 8)" SHORT,
     "2 columns more"},
	{"FE small, city AS dcn(8, crosses = 2, layers = 1)" SHORT,
     "FE small, city, color, hour AS dcn(8, crosses = 2, layers = 1)" SHORT,
     "2 columns more"},
	{"FE small, city AS realmlp(8, 6)" SHORT,
     "FE small, city, color, hour AS realmlp(8, 6)" SHORT, "2 columns more"},
	{"FE small, city AS wide_deep(8, 4)" SHORT,
     "FE small, city, color AS wide_deep(8, 4)" SHORT, "1 column more"},
	{"FE small, city AS deepfm(8, 4, width = 4)" SHORT,
     "FE small, city, color, hour AS deepfm(8, 4, width = 4)" SHORT,
     "2 columns more"},
	/* what encoders leave to be learnt */
	{"FE small, city : ngram, tags : bag(4, sum) AS mlp(16, 8)" SHORT,
     "FE small, city : ngram, tags : bag(4, sum) AS mlp(16, 8, 8)" SHORT,
     "1 new layer"},
	{"FE small : periodic(4, 2), tags : bag AS dcn(8, crosses = 1, layers = 1)" SHORT,
     "FE small : periodic(4, 2), hour : pbld(4, 2), tags : bag, wide "
     "AS dcn(8, crosses = 2, layers = 1)" SHORT,
     "1 new layer, 2 columns more"},
	{"FE hour, tags : bag(4) AS mlp(16)" SHORT,
     "FE hour, tags : bag(4), city : ngram(2) AS mlp(16)" SHORT,
     "1 column more"},
	/* encoders that say the same */
	{"FE *, color : onehot AS mlp(16, 8)" SHORT,
     "FE *, color : embed(8) AS mlp(16, 8)" SHORT, NULL},
	{"FE *, city : embed(3) AS mlp(16, 8)" SHORT,
     "FE *, city : onehot AS mlp(16, 8)" SHORT, NULL},
	{"FE *, city : embed(3) AS mlp(16, 8)" SHORT,
     "FE *, city : embed(5) AS mlp(16, 8)" SHORT, NULL},
	/* a table more: a tower that nothing listens to yet */
	{OWN "AS by_table(mlp(8, 6))" SHORT, WITH_P "AS by_table(mlp(8, 6))" SHORT,
     "1 new tower, 2 columns more"},
	{OWN "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     WITH_P "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     "1 new tower, 2 columns more"},
	{WITH_Q "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     WITH_PQ "AS by_table(mlp(8, 6)) > mlp(7, 9)" SHORT, NULL},
	{WITH_Q "AS by_table(mlp(8, 6), sum)" SHORT,
     WITH_PQ "AS by_table(mlp(8, 6), sum)" SHORT,
     "1 new tower, 2 columns more"},
	{OWN "AS by_table(mlp(8, 6), sum)" SHORT,
     WITH_PQ "AS by_table(mlp(8, 6), sum)" SHORT,
     "2 new towers, 3 columns more"},
	{WITH_Q "AS by_table(dense(6) > tanh, sum) > mlp(7)" SHORT,
     WITH_PQ "AS by_table(dense(6) > tanh, sum) > mlp(7)" SHORT,
     "1 new tower, 2 columns more"},
	{WITH_Q "AS by_table(mlp(8, 6), gate) > mlp(7)" SHORT,
     WITH_PQ "AS by_table(mlp(8, 6), gate) > mlp(7)" SHORT, NULL},
	{OWN "AS by_table(dense(6) > norm(batch) > relu) > mlp(7)" SHORT,
     WITH_Q "AS by_table(dense(6) > norm(batch) > relu) > mlp(7)" SHORT,
     "1 new tower, 1 column more"},
	{WITH_P "AS concat(of_table(source, mlp(8)), of_table(p, mlp(6, 5)))" SHORT,
     WITH_PQ
     "AS concat(of_table(source, mlp(8)), of_table(p, mlp(6, 5)), of_table(q, mlp(4)))" SHORT,
     "1 new tower, 1 column more"},
	{WITH_Q "AS ensemble(2, by_table(mlp(6)) > mlp(5))" SHORT,
     WITH_PQ "AS ensemble(2, by_table(mlp(6)) > mlp(5))" SHORT, NULL},
	/* towers as they are */
	{WITH_PQ "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     WITH_PQ "AS by_table(mlp(8, 6)) > mlp(9)" SHORT, "1 wider layer"},
	{WITH_Q "AS by_table(mlp(8, 6), gate)" SHORT,
     "FE hour, color, same, JOIN q, q.small AS by_table(mlp(8, 6), gate)" SHORT,
     "1 column more"},
	{"FE hour, JOIN p, p.wide AS by_table(mlp(8, 6))" SHORT,
     "FE hour, JOIN p, p.wide, p.city AS by_table(mlp(8, 6))" SHORT,
     "1 column more"},
	/* other optimizers, whose state goes with the weights */
	{"FE small, city AS mlp(16, 8) PT muon, batch = 64",
     "FE small, city, hour AS mlp(24, 24, 8) PT muon, batch = 64",
     "1 wider layer, 1 new layer, 1 column more"},
	{"FE small, city AS mlp(16, 8) PT sgd(lr = 0.1), batch = 64",
     "FE small, city, hour AS mlp(24, 24, 8) PT sgd(lr = 0.1), batch = 64",
     "1 wider layer, 1 new layer, 1 column more"},
	{"FE small, city AS mlp(16, 8) PT nadam, batch = 64",
     "FE small, city, hour AS mlp(24, 24, 8) PT nadam, batch = 64",
     "1 wider layer, 1 new layer, 1 column more"},
	/* numbers behind those that rows store as a place on a ramp */
	{"FE small : ple(4), wide : ple(6), city : rate, hour AS mlp(16, 8)" SHORT,
     "FE small : ple(4), wide : ple(6), city : rate, hour AS mlp(24, 8)" SHORT,
     "1 wider layer"},
};

/* Weights are used, but predictions differ. */
static const change lossy[] = {
	{MLP, "FE * AS mlp(16, 8) PT gelu, batch = 64", "another activation"},
	{MLP, "FE *, EXCEPT (hour, city) AS mlp(16, 8)" SHORT, "2 columns fewer"},
	{MLP, "FE *, wide : ple(6) AS mlp(16, 8)" SHORT,
     "1 column encoded otherwise"},
	{"FE *, city : embed(5) AS mlp(16, 8)" SHORT,
     "FE *, city : embed(3) AS mlp(16, 8)" SHORT, NULL},
	{"FE * AS dense(8) > norm(layer) > relu" SHORT,
     "FE * AS dense(11) > norm(layer) > relu" SHORT,
     "1 wider layer, a layer norm over other units"},
	{WITH_PQ "AS by_table(mlp(8, 6))" SHORT,
     "FE hour, JOIN p, JOIN q, p.wide, p.city : embed(3), q.small AS "
     "by_table(mlp(8, 6))" SHORT,
     "1 column fewer"},
	/* at 0 a relu passes nothing back */
	{WITH_Q "AS by_table(mlp(8, 6), sum) > mlp(7)" SHORT,
     WITH_PQ "AS by_table(mlp(8, 6), sum) > mlp(7)" SHORT,
     "1 new tower, 2 columns more, a table more in a sum"},
	/* a table fewer: the others' towers stay */
	{WITH_PQ "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     WITH_P "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     "1 tower fewer, 1 column fewer"},
	{WITH_PQ "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     WITH_Q "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     "1 tower fewer, 2 columns fewer"},
	{WITH_PQ "AS by_table(mlp(8, 6), sum)" SHORT,
     OWN "AS by_table(mlp(8, 6), sum)" SHORT,
     "2 towers fewer, 3 columns fewer"},
	{WITH_PQ "AS by_table(mlp(8, 6), sum) > mlp(7)" SHORT,
     WITH_Q "AS by_table(mlp(8, 6), sum) > mlp(7)" SHORT,
     "1 tower fewer, 2 columns fewer"},
	{WITH_PQ "AS by_table(mlp(8, 6), gate) > mlp(7)" SHORT,
     WITH_P "AS by_table(mlp(8, 6), gate) > mlp(7)" SHORT,
     "1 tower fewer, 1 column fewer"},
	{WITH_PQ
     "AS concat(of_table(source, mlp(8)), of_table(p, mlp(6, 5)), of_table(q, mlp(4)))" SHORT,
     WITH_P "AS concat(of_table(source, mlp(8)), of_table(p, mlp(6, 5)))" SHORT,
     "1 tower fewer, 1 column fewer"},
	/* one for another */
	{WITH_P "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     WITH_Q "AS by_table(mlp(8, 6)) > mlp(7)" SHORT,
     "1 new tower, 1 tower fewer, 1 column more, 2 columns fewer"},
	/* narrower */
	{MLP, "FE * AS mlp(8, 8)" SHORT, "1 narrower layer"},
	{MLP, "FE * AS mlp(9, 3)" SHORT, "2 narrower layers"},
	{MLP, "FE * AS mlp(24, 4)" SHORT, "1 wider layer, 1 narrower layer"},
	{MLP, "FE small AS mlp(16, 4) PT sgd(lr = 0.1), batch = 32",
     "1 narrower layer, 5 columns fewer"},
	{"FE * AS residual(1, width = 8, hidden = 12)" SHORT,
     "FE * AS residual(1, width = 8, hidden = 5)" SHORT, "1 narrower layer"},
	{"FE * AS dense(8) > norm(batch) > tanh > dense(6) > relu" SHORT,
     "FE * AS dense(5) > norm(batch) > tanh > dense(6) > relu" SHORT,
     "1 narrower layer"},
	/* deeper, and narrower there */
	{MLP, "FE * AS mlp(16, 8, 4)" SHORT, "1 narrower layer, 1 new layer"},
	{MLP, "FE * AS mlp(16, 4, 8)" SHORT, NULL},
	{MLP, "FE * AS mlp(20, 12, 6, 3)" SHORT,
     "2 wider layers, 2 narrower layers, 2 new layers"},
	{"FE small, city AS ft_transformer(1, width = 8, heads = 2)" SHORT,
     "FE small, city, hour AS ft_transformer(1, width = 8, heads = 2)" SHORT,
     "1 column more, other tokens that all see"},
};

/* From scratch. */
static const change cold[] = {
	{WITH_Q "AS by_table(tokens(4) > pool(mean))" SHORT,
     WITH_PQ "AS by_table(tokens(4) > pool(mean))" SHORT, NULL},
	{"FE * AS residual(2, width = 8, hidden = 8)" SHORT,
     "FE * AS residual(2, width = 6, hidden = 8)" SHORT, NULL},
	{MLP, "FE * AS mlp(16)" SHORT, NULL},
	{MLP, "FE * AS residual(2, width = 16, hidden = 8)" SHORT, NULL},
	{"FE * AS mlp(16, 8) PT gelu, batch = 64",
     "FE * AS mlp(16, 8, 8) PT gelu, batch = 64", NULL},
};

/* A sum over tables none of which is there any more. */
static const change other_towers = {
	"FE JOIN p, JOIN q, p.wide, q.small AS by_table(dense(6) > tanh, sum) > mlp(7)" SHORT,
	"FE JOIN r, JOIN s, r.wide, s.small AS by_table(dense(6) > tanh, sum) > mlp(7)" SHORT,
	NULL,
};

/* The label has two classes more: they begin as what is never predicted. */
static const change classes[] = {
	{MLP, MLP, "2 classes more"},
	{MLP, "FE * AS mlp(16, 8, 8) PT focal = 2, batch = 64",
     "1 new layer, 2 classes more"},
	{"FE small, city AS mlp(16, 2)" SHORT,
     "FE small, city, hour AS mlp(32, 2) PT label_smoothing = 0.1, batch = 64",
     "1 wider layer, 1 column more, 2 classes more"},
	{"FE * AS mlp(2)" SHORT, "FE * AS mlp(2)" SHORT, "2 classes more"},
	{"FE * AS wide" SHORT, "FE * AS wide" SHORT, "2 classes more"},
	{"FE * AS output" SHORT, "FE * AS output" SHORT, "2 classes more"},
	{"FE * AS residual(1, width = 8, hidden = 8)" SHORT,
     "FE * AS residual(1, width = 8, hidden = 8)" SHORT, "2 classes more"},
	{"FE * AS wide_deep(8, 4)" SHORT, "FE * AS wide_deep(8, 6)" SHORT,
     "1 wider layer, 2 classes more"},
	{"FE small, city AS deepfm(8, 4, width = 4)" SHORT,
     "FE small, city, hour AS deepfm(8, 4, width = 4)" SHORT,
     "1 column more, 2 classes more"},
	{"FE * AS dcn(8, crosses = 2, layers = 1)" SHORT,
     "FE * AS dcn(8, crosses = 2, layers = 1)" SHORT, "2 classes more"},
	{"FE * AS snn(8, 6)" SHORT, "FE * AS snn(8, 6)" SHORT, "2 classes more"},
	{"FE * AS realmlp(8, 6)" SHORT, "FE * AS realmlp(8, 6)" SHORT,
     "2 classes more"},
	{"FE * AS ensemble(3, mlp(8, 4))" SHORT,
     "FE * AS ensemble(3, mlp(12, 4))" SHORT, "1 wider layer, 2 classes more"},
	{"FE * AS ensemble(3, output)" SHORT, "FE * AS ensemble(3, output)" SHORT,
     "2 classes more"},
	{"FE * AS ensemble(2, wide_deep(6))" SHORT,
     "FE * AS ensemble(2, wide_deep(6))" SHORT, "2 classes more"},
	{"FE * AS tabm(8, 4, members = 3)" SHORT,
     "FE * AS tabm(8, 4, members = 3)" SHORT, "2 classes more"},
	{"FE * AS ensemble(2, tabm(8, members = 2))" SHORT,
     "FE * AS ensemble(2, tabm(8, members = 2))" SHORT, "2 classes more"},
	{"FE * AS ft_transformer(1, width = 8, heads = 2, hidden = 8)" SHORT,
     "FE * AS ft_transformer(1, width = 8, heads = 2, hidden = 8)" SHORT,
     "2 classes more"},
	{"FE small, city AS mlp(16, 8) PT muon, batch = 64",
     "FE small, city AS mlp(16, 8) PT muon, batch = 64", "2 classes more"},
	{"FE * AS mlp(16, 8) PT sgd(lr = 0.1), batch = 64",
     "FE * AS mlp(16, 8) PT sgd(lr = 0.1), batch = 64", "2 classes more"},
};

/* Rows of the new classes are among the neighbours. */
static const change neighbours = {
	"FE * AS modern_nca(width = 8)" SHORT,
	"FE * AS modern_nca(width = 8)" SHORT,
	"2 classes more, other rows that are kept",
};

/* The same networks; the first alone keeps no rows. */
static const char *const same[] = {
	MLP,
	"FE * AS modern_nca(width = 8)" SHORT,
	"FE * AS ensemble(2, modern_nca(width = 8))" SHORT,
};

static void
begin_child_of(const change *c, const test_rows *of, training *parent,
               training *child, cer_start *start)
{
	const cer_part *parts;
	size_t n_parts;
	cer_error err;

	training_init(parent, c->parent);
	run_epochs(parent, 3);
	parts = get_parts(parent, true, &n_parts);
	if (of != NULL)
		training_init_of(child, c->child, of);
	else
		training_init(child, c->child);
	assert_ok(cer_trainer_start(child->trainer, parts, n_parts, start, &err),
	          &err);
}

static void
begin_child(const change *c, training *parent, training *child,
            cer_start *start)
{
	begin_child_of(c, NULL, parent, child, start);
}

static void
check_change_of(const change *c, const test_rows *of, bool is_warm,
                bool is_exact)
{
	training parent;
	training child;
	cer_start start;
	double distance;

	begin_child_of(c, of, &parent, &child, &start);
	distance = get_distance(&parent, &child);
	if (start.is_warm != is_warm || start.is_exact != is_exact ||
	    (c->text != NULL && strcmp(start.text, c->text) != 0))
		fail_msg("%s\nto %s: %s%s\"%s\", not \"%s\"", c->parent, c->child,
		         start.is_warm ? "warm " : "", start.is_exact ? "exact " : "",
		         start.text, c->text);
	if (is_exact && !(distance <= 1e-6))
		fail_msg("%s\nto %s: predictions are off by %g", c->parent, c->child,
		         distance);
	if (is_warm && !is_exact && distance == 0.0)
		fail_msg("%s\nto %s: nothing was lost", c->parent, c->child);
	run_epochs(&child, 2);
	training_release(&child);
	training_release(&parent);
}

static void
check_change(const change *c, bool is_warm, bool is_exact)
{
	check_change_of(c, NULL, is_warm, is_exact);
}

static void
test_trainer_start__keeps_predictions_of_classes(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		check_change_of(&classes[i], &more, true, true);
	check_change_of(&neighbours, &more, true, false);
}

static void
test_trainer_start__tells_of_other_rows_that_are_kept(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
	{
		change c = {same[i], same[i], "weights as they were"};

		check_change_of(&c, rows, true, true);
		if (i > 0)
			c.text = "weights as they were, other rows that are kept";
		check_change_of(&c, &later, true, i == 0);
	}
}

/* One class fewer than the parent has: no task loses one. */
static void
test_trainer_start__knows_no_way_to_fewer_classes(void **state)
{
	training parent;
	training child;
	const cer_part *parts;
	cer_start start;
	size_t n_parts;
	cer_error err;

	(void) state;
	training_init_of(&parent, MLP, &more);
	run_epochs(&parent, 1);
	parts = get_parts(&parent, true, &n_parts);
	training_init(&child, MLP);
	assert_ok(cer_trainer_start(child.trainer, parts, n_parts, &start, &err),
	          &err);
	assert_false(start.is_warm);
	assert_string_equal(start.text, "fewer classes");
	training_release(&child);
	training_release(&parent);
}

static size_t
count_train(const training *t)
{
	return t->trainer->run->config.train->n_rows;
}

static double
get_share_of_new(const training *t)
{
	const cer_run *run = t->trainer->run;
	double share = 0.0;

	for (size_t row = 0; row < run->config.valid->n_rows; row++)
		share += (double) (run->proba[4 * row + 2] + run->proba[4 * row + 3]);
	return share / (double) run->config.valid->n_rows;
}

/* From the first epoch on they have about their share of the training rows. */
static void
test_trainer_start__gives_new_classes_their_share(void **state)
{
	static const char *const structures[] = {
		"mlp(16, 8)", "realmlp(8, 6)", "tabm(8, 4, members = 3)",
		"wide_deep(8)", "ensemble(2, wide_deep(6))"};
	char text[128];
	const change still = {text, text, NULL};
	double n_new = 0.0;

	(void) state;
	for (size_t i = 0; i < N_ROWS; i++)
		n_new += more.labels[i] > 1;
	for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++)
	{
		training parent;
		training child;
		cer_start start;
		double share;

		snprintf(
			text, sizeof(text),
			"FE hour, color AS %s PT batch = 1024, epochs = 3, lr = 1e-30, average = 0.9",
			structures[i]);
		begin_child_of(&still, &more, &parent, &child, &start);
		run_epochs(&child, 1);
		share = get_share_of_new(&child);
		if (fabs(share / (n_new / (double) count_train(&child)) - 1.0) > 0.2)
			fail_msg("%s: new classes get %g", structures[i], share);
		training_release(&child);
		training_release(&parent);
	}
}

static void
test_trainer_start__keeps_predictions(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		check_change(&exact[i], true, true);
}

static void
test_trainer_start__says_what_it_loses(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(lossy) / sizeof(lossy[0]); i++)
		check_change(&lossy[i], true, false);
}

static void
test_trainer_start__says_that_there_is_no_way(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(cold) / sizeof(cold[0]); i++)
		check_change(&cold[i], false, false);
	check_change_of(&other_towers, &other, false, false);
}

#define OPTIMIZER(text) "FE * AS mlp(16, 8) PT " text ", batch = 64"

/* Text: "" where the optimizer's state goes on. */
static const change optimizers[] = {
	{OPTIMIZER("sgd(lr = 0.1)"), OPTIMIZER("sgd(lr = 0.05)"), ""},
	{OPTIMIZER("adam"), OPTIMIZER("adamw"), ""},
	{OPTIMIZER("adamw"), OPTIMIZER("adamw(lr = 0.01)"), ""},
	{OPTIMIZER("nadam"), OPTIMIZER("nadam(lr = 0.01)"), ""},
	{OPTIMIZER("adam"), OPTIMIZER("nadam"), ""},
	{OPTIMIZER("muon"), OPTIMIZER("muon(lr = 0.01)"), ""},
	{OPTIMIZER("adamw"), OPTIMIZER("sgd(lr = 0.1)"), "other"},
	{OPTIMIZER("sgd(lr = 0.1)"), OPTIMIZER("adamw"), "other"},
	{OPTIMIZER("muon"), OPTIMIZER("adamw"), "other"},
	{OPTIMIZER("adam"), OPTIMIZER("muon"), "other"},
};

/* But for tables of codes, which have rows for codes that no row has. */
static bool
is_same(const training *a, const training *b, const float *x, const float *y)
{
	const cer_net *net = a->trainer->run->net;

	for (size_t i = 0; i < net->n_tensors; i++)
		if (memchr(net->tensors[i].name.data, '(', net->tensors[i].name.size) ==
		        NULL &&
		    memcmp(x + net->tensors[i].offset, y + net->tensors[i].offset,
		           net->tensors[i].size * sizeof(float)) != 0)
			return false;
	return net->n_weights == b->trainer->run->net->n_weights;
}

static void
check_moments(const change *c)
{
	training parent;
	training child;
	cer_start start;
	const cer_optimizer_state *old;
	const cer_optimizer_state *now;
	bool goes_on = c->text[0] == '\0';

	begin_child(c, &parent, &child, &start);
	old = parent.trainer->run->optimizer;
	now = child.trainer->run->optimizer;
	if (start.has_moments != goes_on ||
	    is_same(&parent, &child, old->m, now->m) != goes_on ||
	    (goes_on && old->v != NULL &&
	     !is_same(&parent, &child, old->v, now->v)) ||
	    now->n_before != (goes_on ? old->n_steps : 0))
		fail_msg("%s\nto %s: the optimizer's state", c->parent, c->child);
	assert_true(cer_mst_keeps_moments(parent.trainer->mst,
	                                  child.trainer->mst) == goes_on);
	run_epochs(&child, 1);
	training_release(&child);
	training_release(&parent);
}

static void
test_trainer_start__keeps_the_optimizers_state(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(optimizers) / sizeof(optimizers[0]); i++)
		check_moments(&optimizers[i]);
}

#define N_MEANS 70000 /* more than are summed side by side */
#define N_STEPS 130

/* Rows store a ramp's place and share; its numbers have means all the same. */
static void
test_transfer__means_of_ramps(void **state)
{
	static float numbers[N_MEANS * 4];
	cer_number_place places[N_STEPS + 2] = {{0, CER_NO_STEP}};
	cer_ramp ramp = {1, N_STEPS, 1};
	cer_input_shape shape = {.n_numbers = N_STEPS + 2,
	                         .places = places,
	                         .n_stored = 4,
	                         .n_ramps = 1,
	                         .ramps = &ramp};
	cer_encoded made = {.n_rows = N_MEANS, .numbers = numbers};
	float means[N_STEPS + 2];
	cer_arena *arena = cer_arena_new(&cer_host_plain);

	(void) state;
	for (uint32_t i = 0; i < N_STEPS; i++)
		places[1 + i] = (cer_number_place){1, i};
	places[N_STEPS + 1] = (cer_number_place){3, CER_NO_STEP};
	for (size_t i = 0; i < N_MEANS; i++)
	{
		size_t place = i * 7919 % (N_STEPS + 1);

		numbers[4 * i] = (float) (i % 17);
		numbers[4 * i + 1] = (float) place;
		numbers[4 * i + 2] = place < N_STEPS ? (float) (i % 32) / 32 : 0;
		numbers[4 * i + 3] = (float) (i % 5) - 2;
	}
	assert_int_equal(cer_means_make(arena, &shape, &made, means, NULL), CER_OK);
	for (size_t i = 0; i < N_STEPS + 2; i++)
	{
		double sum = 0;

		for (size_t row = 0; row < N_MEANS; row++)
			sum += (double) cer_shape_get_number(&shape, numbers + 4 * row, i);
		assert_float_equal(means[i], sum / N_MEANS,
		                   1e-5 * (1 + fabs(sum / N_MEANS)));
	}
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfer__means_of_ramps),
		cmocka_unit_test(test_trainer_start__keeps_predictions),
		cmocka_unit_test(test_trainer_start__keeps_predictions_of_classes),
		cmocka_unit_test(test_trainer_start__tells_of_other_rows_that_are_kept),
		cmocka_unit_test(test_trainer_start__knows_no_way_to_fewer_classes),
		cmocka_unit_test(test_trainer_start__gives_new_classes_their_share),
		cmocka_unit_test(test_trainer_start__says_what_it_loses),
		cmocka_unit_test(test_trainer_start__keeps_the_optimizers_state),
		cmocka_unit_test(test_trainer_start__says_that_there_is_no_way),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
