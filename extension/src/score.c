/*
 * score.c
 *	  One row through a model: score_row for deployed functions, predict for
 *	  everybody with the right to a model.
 *
 * The scan node (scan.h) does the same for many rows at once; these functions
 * answer wherever a call stands that no node computes.
 */
#include "scorer.h"

#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(cerebro_score_row);
PG_FUNCTION_INFO_V1(cerebro_score_row_class);
PG_FUNCTION_INFO_V1(cerebro_score_row_proba);
PG_FUNCTION_INFO_V1(cerebro_predict);
PG_FUNCTION_INFO_V1(cerebro_predict_class);
PG_FUNCTION_INFO_V1(cerebro_predict_proba);

/* --------------------------------------------------------------- answers */

static text *
print_class(const Scorer *scorer, const float *proba)
{
	int best = 0;

	for (int i = 1; i < scorer_count_classes(scorer); i++)
		if (proba[i] > proba[best])
			best = i;
	return cstring_to_text(scorer_get_class(scorer, best));
}

/* A probability as the shortest decimal that reads back as the same real. */
static Numeric
make_numeric(float value)
{
	char digits[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(value, digits);
	return DatumGetNumeric(
		DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
	                        ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static Jsonb *
print_proba(const Scorer *scorer, const float *proba)
{
	JsonbParseState *state = NULL;
	JsonbValue *object;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < scorer_count_classes(scorer); i++)
	{
		char *name = scorer_get_class(scorer, i);
		JsonbValue key = {.type = jbvString};
		JsonbValue value = {.type = jbvNumeric};

		key.val.string.val = name;
		key.val.string.len = (int) strlen(name);
		value.val.numeric = make_numeric(proba[i]);
		(void) pushJsonbValue(&state, WJB_KEY, &key);
		(void) pushJsonbValue(&state, WJB_VALUE, &value);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(object);
}

Datum
scorer_make_answer(const Scorer *scorer, ScoreAnswer answer, const float *proba)
{
	switch (answer)
	{
		case ANSWER_PROBABILITY:
			return Float4GetDatum(proba[1]);
		case ANSWER_CLASS:
			return PointerGetDatum(print_class(scorer, proba));
		case ANSWER_PROBA:
			return PointerGetDatum(print_proba(scorer, proba));
		case ANSWER_WHY:
			elog(ERROR, "probabilities do not tell why");
	}
	pg_unreachable();
}

static Datum
answer_row(FunctionCallInfo fcinfo, bool is_deployment, ScoreAnswer answer)
{
	ScoreCall call = {is_deployment, answer, PG_GETARG_INT32(0)};
	HeapTupleHeader record = PG_GETARG_HEAPTUPLEHEADER(1);
	RowType row = {HeapTupleHeaderGetTypeId(record),
	               HeapTupleHeaderGetTypMod(record)};
	FmgrInfo *function = fcinfo->flinfo;
	Scorer *scorer;

	if (function->fn_extra == NULL)
		function->fn_extra = scorer_use_make(function->fn_mcxt);
	scorer = scorer_use_get(function->fn_extra, &call, row);
	return scorer_make_answer(scorer, answer, scorer_score(scorer, record));
}

/* ---------------------------------------------------------- SQL functions */

Datum
cerebro_score_row(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, true, ANSWER_PROBABILITY);
}

Datum
cerebro_score_row_class(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, true, ANSWER_CLASS);
}

Datum
cerebro_score_row_proba(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, true, ANSWER_PROBA);
}

Datum
cerebro_predict(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, false, ANSWER_PROBABILITY);
}

Datum
cerebro_predict_class(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, false, ANSWER_CLASS);
}

Datum
cerebro_predict_proba(PG_FUNCTION_ARGS)
{
	return answer_row(fcinfo, false, ANSWER_PROBA);
}
