/*
 * data/profile_depend.c
 *	  Columns that determine others: functional dependencies, exact and near.
 *
 * X determines Y where rows that agree in X agree in Y.  Every ordered pair of
 * columns is tried on a sample of rows, sorted by X once: a few neighbours that
 * share their X rule most pairs out, the rest are measured as
 *
 *	 agreement = sum (most frequent Y - 1) / sum (rows - 1)   over values of X
 *
 * which unlike a plain share of rows is not flattered by values of X that only
 * one row has.  Y's own distribution must not explain it: a column that is 97 %
 * zero is not determined by everything.  What the sample shows as exact is then
 * checked on all rows.  NULL of X says nothing; NULL of Y is a value.
 *
 * Of several determinants an exact one is kept before a near one, and of those
 * the one that determines the most columns as surely: it names the thing that
 * they describe (an aircraft, an airport, a day).
 */
#include "data/profile_private.h"

#include "base/error.h"

#include <string.h>

#define MAX_INPUTS      2048 /* the pairs' table is their square */
#define N_PROBES        256
#define MIN_PROBE_SHARE 0.8
#define MIN_SHARE       0.95
#define MAX_UNEXPLAINED 0.2 /* of what Y's most frequent value leaves open */
#define MIN_EVIDENCE    30  /* rows beyond the first of their value of X */
#define MIN_MINORITY    10  /* of them, with another Y than the most frequent */

#define NOT_DETERMINED 0
#define EXACT          UINT16_MAX /* shares are kept in steps of 1 / (EXACT - 1) */

typedef struct search
{
	const cer_host *host;
	const cer_data_view *view;
	const cer_profile_sample *sample;
	cer_profile_column *columns;
	cer_arena *arena;   /* lives as long as the search */
	cer_arena *scratch; /* cleared often */
	cer_error *err;
	uint16_t *shares; /* (n_inputs, n_inputs): by X, Y */
	size_t *n_exact;  /* by X: columns that it determines exactly */
	size_t *n_near;   /* exactly or nearly */
	/* the X at hand: rows with a value, sorted by it */
	const uint32_t *x;
	uint32_t *order;
	size_t n_order;
	uint32_t *counts; /* n_rows + 1, all 0 between uses */
} search;

/* ------------------------------------------------------------- one pair */

static cer_status
sort_rows(search *s, size_t input)
{
	size_t n_values = s->sample->n_values[input];
	uint32_t *start;

	s->x = s->sample->codes[input];
	CER_TRY(cer_profile_allocate(s->scratch, n_values + 2, sizeof(*start),
	                             &start, s->err));
	for (size_t row = 0; row < s->sample->n_rows; row++)
		start[s->x[row] + 1]++;
	s->n_order = s->sample->n_rows - start[1];
	start[1] = 0;
	for (size_t i = 2; i < n_values + 2; i++)
		start[i] += start[i - 1];
	for (size_t row = 0; row < s->sample->n_rows; row++)
		if (s->x[row] != 0)
			s->order[start[s->x[row]]++] = (uint32_t) row;
	return CER_OK;
}

/* Whether neighbours in the order agree often enough to look closer. */
static bool
is_promising(const search *s, const uint32_t *y)
{
	size_t stride = s->n_order / N_PROBES + 1;
	size_t n_pairs = 0;
	size_t n_same = 0;

	for (size_t i = 1; i < s->n_order; i += stride)
	{
		uint32_t a = s->order[i - 1];
		uint32_t b = s->order[i];

		if (s->x[a] != s->x[b])
			continue;
		n_pairs++;
		n_same += y[a] == y[b];
	}
	return n_pairs > 0 && (double) n_same >= MIN_PROBE_SHARE * (double) n_pairs;
}

typedef struct evidence
{
	size_t n_rows;     /* beyond the first of their value of X */
	size_t n_agree;    /* of them, with the group's most frequent Y */
	size_t n_minority; /* of them, where that is not Y's most frequent */
} evidence;

/* One group of rows that share X. */
static void
add_group(search *s, const uint32_t *rows, size_t n, const uint32_t *y,
          uint32_t common, evidence *e)
{
	uint32_t best = 0;
	uint32_t best_count = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t count = ++s->counts[y[rows[i]]];

		if (count > best_count)
		{
			best = y[rows[i]];
			best_count = count;
		}
	}
	for (size_t i = 0; i < n; i++)
		s->counts[y[rows[i]]] = 0;
	e->n_rows += n - 1;
	e->n_agree += best_count - 1;
	if (best != common)
		e->n_minority += n - 1;
}

/* The most frequent code of a column and its share. */
static uint32_t
find_common(search *s, const uint32_t *y, double *share)
{
	uint32_t common = 0;
	size_t n = s->sample->n_rows;

	for (size_t row = 0; row < n; row++)
		if (++s->counts[y[row]] > s->counts[common])
			common = y[row];
	*share = n > 0 ? (double) s->counts[common] / (double) n : 0;
	for (size_t row = 0; row < n; row++)
		s->counts[y[row]] = 0;
	return common;
}

static uint16_t
judge(const evidence *e, double common_share)
{
	double share;

	if (e->n_rows < MIN_EVIDENCE || e->n_minority < MIN_MINORITY)
		return NOT_DETERMINED;
	if (e->n_agree == e->n_rows)
		return EXACT;
	share = (double) e->n_agree / (double) e->n_rows;
	if (share < MIN_SHARE || 1 - share > MAX_UNEXPLAINED * (1 - common_share))
		return NOT_DETERMINED;
	return (uint16_t) (share * (EXACT - 1));
}

static uint16_t
measure_pair(search *s, size_t y_input)
{
	const uint32_t *y = s->sample->codes[y_input];
	evidence e = {0};
	double common_share;
	uint32_t common;
	size_t n;

	if (!is_promising(s, y))
		return NOT_DETERMINED;
	common = find_common(s, y, &common_share);
	for (size_t i = 0; i < s->n_order; i += n)
	{
		for (n = 1; i + n < s->n_order; n++)
			if (s->x[s->order[i + n]] != s->x[s->order[i]])
				break;
		add_group(s, s->order + i, n, y, common, &e);
	}
	return judge(&e, common_share);
}

/* A column that identifies rows determines all; a constant is by all. */
static bool
is_trivial(const cer_profile_column *column)
{
	return column->is_unique || column->is_constant;
}

static cer_status
measure_pairs(search *s)
{
	size_t n = s->view->n_inputs;

	for (size_t x = 0; x < n; x++)
	{
		if (s->host->is_canceled(s->host->self))
			return cer_fail(s->err, CER_CANCELED, "canceled");
		if (is_trivial(&s->columns[x]))
			continue;
		cer_arena_clear(s->scratch);
		CER_TRY(sort_rows(s, x));
		for (size_t y = 0; y < n; y++)
			if (y != x && !is_trivial(&s->columns[y]) &&
			    s->columns[x].n_distinct >= s->columns[y].n_distinct)
				s->shares[x * n + y] = measure_pair(s, y);
	}
	return CER_OK;
}

/* -------------------------------------------------------------- choosing */

static cer_status
count_determined(search *s)
{
	size_t n = s->view->n_inputs;

	CER_TRY(cer_profile_allocate(s->arena, n, sizeof(*s->n_exact), &s->n_exact,
	                             s->err));
	CER_TRY(cer_profile_allocate(s->arena, n, sizeof(*s->n_near), &s->n_near,
	                             s->err));
	for (size_t i = 0; i < n * n; i++)
	{
		s->n_exact[i / n] += s->shares[i] == EXACT;
		s->n_near[i / n] += s->shares[i] != NOT_DETERMINED;
	}
	return CER_OK;
}

static bool
is_category(const search *s, size_t input)
{
	return s->view->columns[input].input.storage == CER_CODE32;
}

/* Exact before near, then many determined columns, categories, few values. */
static bool
is_better(const search *s, size_t y, size_t x, size_t best)
{
	size_t n = s->view->n_inputs;
	bool exact = s->shares[x * n + y] == EXACT;
	bool best_exact = s->shares[best * n + y] == EXACT;
	const size_t *n_determined = exact ? s->n_exact : s->n_near;

	if (exact != best_exact)
		return exact;
	if (n_determined[x] != n_determined[best])
		return n_determined[x] > n_determined[best];
	if (is_category(s, x) != is_category(s, best))
		return is_category(s, x);
	return s->columns[x].n_distinct < s->columns[best].n_distinct;
}

static int
choose(const search *s, size_t y)
{
	size_t n = s->view->n_inputs;
	size_t best = n;

	for (size_t x = 0; x < n; x++)
		if (s->shares[x * n + y] != NOT_DETERMINED &&
		    (best == n || is_better(s, y, x, best)))
			best = x;
	return best == n ? -1 : (int) best;
}

/* Rows of the whole whose Y is not that of the first with their X. */
static cer_status
count_exceptions(search *s, size_t x_input, size_t y_input, size_t *n)
{
	cer_profile_codes x;
	cer_profile_codes y;
	uint32_t *first; /* y + 1; 0: none yet */

	cer_arena_clear(s->scratch);
	CER_TRY(cer_profile_code_column(s->scratch, s->view, x_input, &x, s->err));
	CER_TRY(cer_profile_code_column(s->scratch, s->view, y_input, &y, s->err));
	CER_TRY(cer_profile_allocate(s->scratch, x.n_values + 1, sizeof(*first),
	                             &first, s->err));
	*n = 0;
	for (size_t row = 0; row < x.n_rows; row++)
	{
		uint32_t code = x.codes[row];

		if (code == 0)
			continue;
		if (first[code] == 0)
			first[code] = y.codes[row] + 1;
		*n += first[code] != y.codes[row] + 1;
	}
	return CER_OK;
}

static cer_status
settle(search *s, size_t y, int x)
{
	cer_profile_column *column = &s->columns[y];
	uint16_t share;
	size_t n_exceptions = 0;

	if (x < 0)
		return CER_OK;
	share = s->shares[(size_t) x * s->view->n_inputs + y];
	if (share == EXACT && s->sample->n_rows < s->view->n_rows)
		CER_TRY(count_exceptions(s, (size_t) x, y, &n_exceptions));
	column->determined_by = x;
	column->determined_share = (double) share / (EXACT - 1);
	if (share == EXACT)
		column->determined_share =
			1 - (double) n_exceptions / (double) s->view->n_rows;
	return CER_OK;
}

/* ---------------------------------------------------------------- public */

static cer_status
run(search *s)
{
	size_t n = s->view->n_inputs;
	size_t n_rows = s->sample->n_rows;

	CER_TRY(cer_profile_allocate(s->arena, n * n, sizeof(*s->shares),
	                             &s->shares, s->err));
	CER_TRY(cer_profile_allocate(s->arena, n_rows, sizeof(*s->order), &s->order,
	                             s->err));
	CER_TRY(cer_profile_allocate(s->arena, n_rows + 1, sizeof(*s->counts),
	                             &s->counts, s->err));
	CER_TRY(measure_pairs(s));
	CER_TRY(count_determined(s));
	for (size_t y = 0; y < n; y++)
		CER_TRY(settle(s, y, choose(s, y)));
	return CER_OK;
}

cer_status
cer_profile_find_dependencies(const cer_host *host, const cer_data_view *view,
                              const cer_profile_sample *sample,
                              cer_profile_column *columns, cer_error *err)
{
	search s = {.host = host,
	            .view = view,
	            .sample = sample,
	            .columns = columns,
	            .err = err};
	cer_status status;

	if (view->n_inputs > MAX_INPUTS)
		return CER_OK;
	s.arena = cer_arena_new(host);
	s.scratch = s.arena ? cer_arena_new(host) : NULL;
	if (s.scratch != NULL)
		status = run(&s);
	else
		status = cer_fail_memory(err, 1);
	cer_arena_free(s.scratch);
	cer_arena_free(s.arena);
	return status;
}
