/*
 * why.c
 *	  What the features of a row add to its prediction: why_row for deployed
 *	  functions, why for everybody with the right to a model.
 *
 *	 {"class": "true", "prediction": 0.83, "log_odds": 1.59,
 *	  "baseline_prediction": 0.21, "baseline_log_odds": -1.32,
 *	  "sum": 2.91, "residual": 0.0002, "steps": 32,
 *	  "features": [{"feature": "hour", "table": "flights", "adds": 2.2}, ...],
 *	  "tables": [{"table": "flights", "adds": 2.3}, ...]}
 *
 * Both lists begin with what adds or takes most.  Of a JOIN or AGGREGATE the
 * table is its alias in FE.
 */
#include "scorer.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include <math.h>

PG_FUNCTION_INFO_V1(cerebro_why_row);
PG_FUNCTION_INFO_V1(cerebro_why);

/* What a feature, or a table, adds. */
typedef struct Share
{
	char *feature; /* NULL: of a whole table */
	char *table;
	double adds;
} Share;

/* ---------------------------------------------------------------- sharing */

static char *
copy_text(cer_text text)
{
	return pnstrdup(text.data, text.size);
}

/* source: what the model's own features are of */
static char *
find_table(const Scorer *scorer, size_t input, char *source)
{
	cer_text alias = cer_model_get_alias(scorer_get_model(scorer), input);

	return alias.size > 0 ? copy_text(alias) : source;
}

static int
compare_shares(const void *a, const void *b)
{
	const Share *left = a;
	const Share *right = b;
	double difference = fabs(right->adds) - fabs(left->adds);

	if (difference != 0)
		return difference > 0 ? 1 : -1;
	if (left->feature != NULL)
		return strcmp(left->feature, right->feature);
	return strcmp(left->table, right->table);
}

static Share *
make_features(const Scorer *scorer, const cer_explanation *explanation)
{
	size_t n = explanation->n_inputs;
	Share *shares = palloc((n + 1) * sizeof(Share));
	char *source = pstrdup(scorer_get_table(scorer));

	for (size_t i = 0; i < n; i++)
		shares[i] =
			(Share){.feature = copy_text(
						cer_model_get_input(scorer_get_model(scorer), i)->name),
		            .table = find_table(scorer, i, source),
		            .adds = explanation->contributions[i]};
	qsort(shares, n, sizeof(Share), compare_shares);
	return shares;
}

/* One for each table that has features. */
static Share *
make_tables(const Share *features, size_t n_features, size_t *n_tables)
{
	Share *tables = palloc((n_features + 1) * sizeof(Share));
	size_t n = 0;

	for (size_t i = 0; i < n_features; i++)
	{
		size_t k = 0;

		while (k < n && strcmp(tables[k].table, features[i].table) != 0)
			k++;
		if (k == n)
			tables[n++] = (Share){.table = features[i].table};
		tables[k].adds += features[i].adds;
	}
	qsort(tables, n, sizeof(Share), compare_shares);
	*n_tables = n;
	return tables;
}

/* --------------------------------------------------------------- printing */

static void
push_key(JsonbParseState **state, const char *name)
{
	JsonbValue key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = (int) strlen(name);
	(void) pushJsonbValue(state, WJB_KEY, &key);
}

static void
push_text(JsonbParseState **state, const char *name, const char *text)
{
	JsonbValue value = {.type = jbvString};

	push_key(state, name);
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_number(JsonbParseState **state, const char *name, double number)
{
	JsonbValue value = {.type = jbvNumeric};

	push_key(state, name);
	value.val.numeric = DatumGetNumeric(
		DirectFunctionCall1(float8_numeric, Float8GetDatum(number)));
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_shares(JsonbParseState **state, const char *name, const Share *shares,
            size_t n)
{
	push_key(state, name);
	(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (size_t i = 0; i < n; i++)
	{
		(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		if (shares[i].feature != NULL)
			push_text(state, "feature", shares[i].feature);
		push_text(state, "table", shares[i].table);
		push_number(state, "adds", shares[i].adds);
		(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

Datum
scorer_print_why(const Scorer *scorer, const cer_explanation *explanation,
                 const float *proba)
{
	size_t n = explanation->n_inputs;
	Share *features = make_features(scorer, explanation);
	JsonbParseState *state = NULL;
	size_t n_tables;
	Share *tables = make_tables(features, n, &n_tables);
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += explanation->contributions[i];
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_text(&state, "class",
	          scorer_get_class(scorer, (int) explanation->class_index));
	push_number(&state, "prediction", proba[explanation->class_index]);
	push_number(&state, "log_odds", explanation->log_odds);
	push_number(&state, "baseline_prediction",
	            1 / (1 + exp(-explanation->baseline)));
	push_number(&state, "baseline_log_odds", explanation->baseline);
	push_number(&state, "sum", sum);
	push_number(&state, "residual", explanation->residual);
	push_number(&state, "steps", (double) explanation->n_steps);
	push_shares(&state, "features", features, n);
	push_shares(&state, "tables", tables, n_tables);
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* ---------------------------------------------------------- SQL functions */

static Datum
explain_row(FunctionCallInfo fcinfo, bool is_deployment)
{
	ScoreCall call = {is_deployment, ANSWER_WHY, PG_GETARG_INT32(0)};
	HeapTupleHeader record = PG_GETARG_HEAPTUPLEHEADER(1);
	RowType row = {HeapTupleHeaderGetTypeId(record),
	               HeapTupleHeaderGetTypMod(record)};
	FmgrInfo *function = fcinfo->flinfo;
	cer_explanation explanation;
	cer_arena *arena;
	const float *proba;
	Scorer *scorer;
	Datum answer;

	if (function->fn_extra == NULL)
		function->fn_extra = scorer_use_make(function->fn_mcxt);
	scorer = scorer_use_get(function->fn_extra, &call, row);
	arena = host_make_arena(CurrentMemoryContext);
	scorer_explain(scorer, arena, record, &explanation, &proba);
	answer = scorer_print_why(scorer, &explanation, proba);
	cer_arena_free(arena);
	return answer;
}

Datum
cerebro_why_row(PG_FUNCTION_ARGS)
{
	return explain_row(fcinfo, true);
}

Datum
cerebro_why(PG_FUNCTION_ARGS)
{
	return explain_row(fcinfo, false);
}
