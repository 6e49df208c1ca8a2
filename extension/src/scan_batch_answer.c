/*
 * scan_batch_answer.c
 *	  What the models of a batch say of its rows.
 */
#include "scan_batch_private.h"

#include "miscadmin.h"

StaticAssertDecl(PIECE_ROWS <= CER_FETCH_ROWS, "rows are fetched at once");

/* ---------------------------------------------------------------- scoring */

/* What followers take of some rows, and where their answers go. */
static void
prepare_followers(const ScanBatch *batch, const BatchCall *call,
                  const cer_score_rows *rows, int first)
{
	int n_readers = 0;

	for (int i = 0; i < call->n_followers; i++)
	{
		const BatchCall *follower = &batch->calls[call->following[i]];
		cer_follower *asked = &call->followers[i];
		cer_score_rows own = *rows;

		asked->proba = follower->proba + first * follower->n_classes;
		if (asked->n_shared > 0)
			continue;
		if (call->lookup != NULL)
			asked->partials = own.partials = scorer_lookup_get_partials(
				scorer_lookup_get_follower(call->lookup, n_readers++), first);
		scorer_fetch(follower->scorer, &(cer_fetch){.rows = &own},
		             call->scratch);
	}
}

/* Rows of a batch that are scored together. */
static void
score_piece(const ScanBatch *batch, const BatchCall *call, int first, int n)
{
	cer_score_rows rows = {
		.n_rows = n, .values = call->values + first, .stride = call->stride};
	cer_together together = scan_batch_get_together(call);

	if (call->lookup != NULL)
		rows.partials = scorer_lookup_get_partials(call->lookup, first);
	scorer_fetch(call->scorer, &(cer_fetch){.rows = &rows}, call->scratch);
	prepare_followers(batch, call, &rows, first);
	together.proba += first * call->n_classes;
	if (call->n_followers > 0)
		cer_together_score(&together, &rows, call->scratch);
	else
		cer_model_score_partials(together.model, &rows, together.proba,
		                         call->scratch);
}

static void
score_call(const ScanBatch *batch, const BatchCall *call)
{
	int n;

	for (int done = 0; done < call->n_scored; done += n)
	{
		n = Min(call->n_scored - done, PIECE_ROWS);
		score_piece(batch, call, done, n);
		CHECK_FOR_INTERRUPTS();
	}
}

void
scan_batch_score(ScanBatch *batch)
{
	for (int i = 0; i < batch->n_calls; i++)
		score_call(batch, &batch->calls[i]);
}

/* -------------------------------------------------------------- explaining */

/* Who computes what the call asks, which asks why: nobody whom it follows. */
static const BatchCall *
get_computed(const ScanBatch *batch, int call)
{
	int twin = batch->company[call].twin;

	return &batch->calls[twin >= 0 ? twin : call];
}

static bool
must_explain(const ScanBatch *batch, int call, int row)
{
	const BatchCall *computed;

	if (batch->calls[call].call.answer != ANSWER_WHY)
		return false;
	computed = get_computed(batch, call);
	return computed->places[row] >= 0 &&
	       scan_why_find(computed->why, computed->places[row]) == NULL;
}

bool
scan_batch_must_explain(const ScanBatch *batch, int row)
{
	for (int i = 0; i < batch->n_calls; i++)
		if (must_explain(batch, i, row))
			return true;
	return false;
}

/* The row and next ones. */
static void
explain_rows(const ScanBatch *batch, const BatchCall *call, int row)
{
	ScanWhyRows rows = {.scorer = call->scorer,
	                    .values = call->values,
	                    .stride = call->stride,
	                    .lookup = call->lookup};
	int places[CER_EXPLAIN_ROWS];
	int n = 0;

	for (; row < batch->n_rows && n < CER_EXPLAIN_ROWS; row++)
		if (!batch->are_left_out[row] && call->places[row] >= 0)
			places[n++] = call->places[row];
	scan_why_explain(call->why, &rows, n, places);
}

void
scan_batch_explain(ScanBatch *batch, int row)
{
	for (int i = 0; i < batch->n_calls; i++)
		if (must_explain(batch, i, row))
			explain_rows(batch, get_computed(batch, i), row);
}

/* ----------------------------------------------------------------- answers */

static void
get_why(const ScanBatch *batch, int call, int place, Datum *value,
        bool *is_null)
{
	const BatchCall *computed = get_computed(batch, call);
	const cer_explanation *explanation = scan_why_find(computed->why, place);

	*is_null = explanation == NULL;
	if (explanation != NULL)
		*value =
			scorer_print_why(computed->scorer, explanation,
		                     computed->proba + place * computed->n_classes);
}

static void
get_answer(const ScanBatch *batch, int call, int row, Datum *value,
           bool *is_null)
{
	int twin = batch->company[call].twin;
	int computed = twin >= 0 ? twin : call;
	int leader = batch->company[computed].leader;
	int place = batch->calls[leader >= 0 ? leader : computed].places[row];
	const BatchCall *asked = &batch->calls[call];
	const float *proba;

	*value = 0;
	*is_null = place < 0;
	if (place < 0)
		return;
	proba = batch->calls[computed].proba + place * asked->n_classes;
	if (asked->call.answer == ANSWER_WHY)
		get_why(batch, call, place, value, is_null);
	else if (asked->call.answer == ANSWER_PROBABILITY)
		*value = Float4GetDatum(proba[1]);
	else
		*value = scorer_make_answer(asked->scorer, asked->call.answer, proba);
}

void
scan_batch_get(const ScanBatch *batch, int row, TupleTableSlot *slot)
{
	Size first = (Size) row * batch->n_passed;

	ExecClearTuple(slot);
	for (int i = 0; i < batch->n_passed; i++)
	{
		slot->tts_values[i] = batch->values[first + i];
		slot->tts_isnull[i] = batch->nulls[first + i];
	}
	for (int i = 0; i < batch->n_calls; i++)
		get_answer(batch, i, row, &slot->tts_values[batch->n_passed + i],
		           &slot->tts_isnull[batch->n_passed + i]);
	ExecStoreVirtualTuple(slot);
	if (batch->is_on_scan)
	{
		slot->tts_tid = batch->tids[row];
		slot->tts_tableOid = batch->tables[row];
	}
}
