/*
 * data/cross_cells.c
 *	  Columns whose values make cells that tell more together: carrier and
 *	  flight, month and day and destination.
 *
 *	 columns	values as they are, and numbers of many values in bins
 *	 rows		what is foretold of each, by its values one by one
 *	 singles	columns of many values, of which bins do not tell all
 *	 pairs		that foretell more than that, best first; what a pair foretells
 *				is then known when the next one is measured
 *	 triples	of the best pairs, each taken as one column, and a third one
 *
 * What cells tell is measured on rows that had no part in it (cross_foretold.c).
 * So cells of few rows do no harm, neither here nor as rates (encode_rate.c).
 */
#include "data/cross_private.h"

#include "base/error.h"
#include "data/quantile.h"
#include "data/vocabulary.h"

#include <math.h>
#include <string.h>

#define MAX_COLUMNS    64
#define MAX_VALUES     50000      /* of a column */
#define LEAST_BINNED   64         /* values of a number that may be bins, too */
#define N_BINS         16         /* about */
#define MAX_BINS       400        /* with those far out */
#define MAX_SINGLES    4          /* columns whose values get rates */
#define ROWS_PER_VALUE 1.5        /* at least, of those, on average */
#define N_PASSES       3          /* of what columns tell one by one */
#define MAX_EXTENDED   2          /* pairs that get a third column */
#define MAX_PLACES     (1u << 22) /* combinations of codes */
#define MAX_FORETOLD   (1u << 25) /* rows by folds and classes */
#define N_CANDIDATES   40         /* pairs that are measured again and again */
#define LEAST_CELLS    300        /* fewer a network learns by itself */
#define ROWS_PER_CELL  4          /* at least, on average */
#define MIN_GAIN       0.0005     /* of the label's entropy */
#define MIN_DEVIATIONS 4.0        /* that the gain must be above 0 */

typedef struct candidate
{
	cer_cell cell;
	const cross_column *a; /* one column, or a pair as one */
	const cross_column *b; /* NULL: one alone */
	size_t n_known;        /* cells that were chosen when it was measured */
} candidate;

typedef struct cell_search
{
	crosser base;
	cross_column columns[MAX_COLUMNS];
	size_t n_columns;
	cross_foretold foretold;
	candidate candidates[N_CANDIDATES + MAX_EXTENDED * MAX_COLUMNS];
	size_t n_candidates;
	size_t n_extended;
	cer_cells *found;
} cell_search;

/* ------------------------------------------------------------- columns */

static cer_status
add_codes(cell_search *search, cross_column column,
          const cer_profile_codes *codes)
{
	crosser *c = &search->base;

	if (codes->n_values < 2 || codes->n_values > MAX_VALUES ||
	    (double) codes->n_values * ROWS_PER_VALUE > (double) codes->n_rows ||
	    search->n_columns == MAX_COLUMNS)
		return CER_OK;
	column.n_codes = codes->n_values + 1;
	CER_TRY(cer_profile_allocate(c->arena, c->label.n_rows,
	                             sizeof(*column.codes), &column.codes, c->err));
	memcpy(column.codes, codes->codes, c->label.n_rows * sizeof(*column.codes));
	search->columns[search->n_columns++] = column;
	return CER_OK;
}

/* 1, 2 or 5 times a power of ten. */
static double
round_width(double width)
{
	double power = pow(10, floor(log10(width)));
	double digits = width / power;

	return power * (digits < 1.5   ? 1
	                : digits < 3.5 ? 2
	                : digits < 7.5 ? 5
	                               : 10);
}

/* 0: there are no bins. */
static cer_status
choose_width(cell_search *search, const cer_data_column *column, double *width)
{
	crosser *c = &search->base;
	cer_quantiles q;
	uint64_t *keys;
	size_t n = 0;

	*width = 0;
	CER_TRY(cer_profile_allocate(c->scratch, 2 * c->label.n_rows, sizeof(*keys),
	                             &keys, c->err));
	for (size_t row = 0; row < c->label.n_rows; row++)
	{
		double x = cer_data_get_number(column, row);

		if (isfinite(x))
			keys[n++] = cer_number_make_key(x);
	}
	if (n == 0)
		return CER_OK;
	cer_quantiles_find(keys, keys + c->label.n_rows, n, &q);
	/* the quartiles' distance is half of most rows' */
	if (q.upper > q.lower && q.upper - q.lower < 1e15 &&
	    q.upper - q.lower > 1e-9)
		*width = round_width(2 * (q.upper - q.lower) / N_BINS);
	return CER_OK;
}

static cer_status
add_bins(cell_search *search, size_t input)
{
	crosser *c = &search->base;
	const cer_data_column *column = &c->view->columns[input];
	cer_profile_codes codes = {.n_rows = c->label.n_rows};
	uint32_t *bins;
	double width;
	double least = INFINITY;

	CER_TRY(choose_width(search, column, &width));
	if (width == 0)
		return CER_OK;
	CER_TRY(cer_profile_allocate(c->scratch, c->label.n_rows, sizeof(*bins),
	                             &bins, c->err));
	for (size_t row = 0; row < c->label.n_rows; row++)
	{
		double x = cer_data_get_number(column, row);

		least = isfinite(x) ? fmin(least, floor(x / width)) : least;
	}
	for (size_t row = 0; row < c->label.n_rows; row++)
	{
		double bin =
			floor(cer_data_get_number(column, row) / width) - least + 1;

		if (isnan(bin))
			continue;
		bins[row] = bin >= 1 ? (uint32_t) fmin(bin, MAX_BINS) : MAX_BINS;
		codes.n_values =
			bins[row] > codes.n_values ? bins[row] : codes.n_values;
	}
	codes.codes = bins;
	return add_codes(search, (cross_column){.input = input, .width = width},
	                 &codes);
}

static cer_status
add_column(cell_search *search, size_t input, bool may_cross, bool may_bin)
{
	crosser *c = &search->base;
	cer_profile_codes codes;

	cer_arena_clear(c->scratch);
	CER_TRY(
		cer_profile_code_column(c->scratch, c->view, input, &codes, c->err));
	if (may_cross)
		CER_TRY(
			add_codes(search,
		              (cross_column){.input = input,
		                             .is_fine = codes.n_values >= LEAST_CELLS},
		              &codes));
	if (!may_bin || codes.n_values < LEAST_BINNED)
		return CER_OK;
	return add_bins(search, input);
}

/* -------------------------------------------------------------- cells */

/* Each combination of codes that occurs, and code 0 where one is missing: so is
 * then the value that is made of both.  Codes are of the scratch arena. */
typedef struct joined_codes
{
	size_t n_codes; /* 0: too many, or one column tells the other */
	uint32_t *codes;
} joined_codes;

static cer_status
join(cell_search *search, const cross_column *a, const cross_column *b,
     joined_codes *joined)
{
	crosser *c = &search->base;
	size_t most = c->label.n_rows / ROWS_PER_CELL;
	size_t n_cells = 0;
	uint32_t *places;

	joined->n_codes = 0;
	if (a->n_codes > most || b->n_codes > most ||
	    a->n_codes * b->n_codes > MAX_PLACES)
		return CER_OK;
	CER_TRY(cer_profile_allocate(c->scratch, a->n_codes * b->n_codes,
	                             sizeof(*places), &places, c->err));
	CER_TRY(cer_profile_allocate(c->scratch, c->label.n_rows,
	                             sizeof(*joined->codes), &joined->codes,
	                             c->err));
	for (size_t row = 0; row < c->label.n_rows && n_cells <= most; row++)
	{
		uint32_t *place = &places[a->codes[row] * b->n_codes + b->codes[row]];

		if (a->codes[row] == 0 || b->codes[row] == 0)
			continue;
		if (*place == 0)
			*place = (uint32_t) ++n_cells;
		joined->codes[row] = *place;
	}
	if (n_cells <= most && n_cells >= LEAST_CELLS && n_cells > a->n_codes &&
	    n_cells > b->n_codes)
		joined->n_codes = n_cells + 1;
	return CER_OK;
}

/* As a share of the label's entropy; 0: not enough, or nothing that is sure. */
static double
judge(const cell_search *search, const cross_gain *gain)
{
	double share = gain->mean / search->base.label.entropy;

	return share < MIN_GAIN || gain->mean < MIN_DEVIATIONS * gain->deviation
	           ? 0
	           : share;
}

/* One column's, or those of two; of 0 codes where they are of no use. */
static cer_status
get_codes(cell_search *search, const candidate *wanted, cross_codes *codes)
{
	joined_codes joined;

	*codes = (cross_codes){wanted->a->n_codes, wanted->a->codes};
	if (wanted->b == NULL)
		return CER_OK;
	CER_TRY(join(search, wanted->a, wanted->b, &joined));
	*codes = (cross_codes){joined.n_codes, joined.codes};
	return CER_OK;
}

static cer_status
measure_candidate(cell_search *search, candidate *wanted)
{
	crosser *c = &search->base;
	cross_codes codes;
	cross_gain gain;

	wanted->cell.gain = 0;
	wanted->n_known = search->found->n;
	if (c->host->is_canceled(c->host->self))
		return cer_fail(c->err, CER_CANCELED, "canceled");
	cer_arena_clear(c->scratch);
	CER_TRY(get_codes(search, wanted, &codes));
	if (codes.n_codes == 0)
		return CER_OK;
	CER_TRY(cer_foretold_measure(c, &search->foretold, &codes, &gain));
	wanted->cell.gain = judge(search, &gain);
	return CER_OK;
}

/* More than once, as what it tells is drawn towards nothing. */
static cer_status
keep_candidate(cell_search *search, const candidate *chosen)
{
	cross_codes codes;

	for (int pass = 0; pass < N_PASSES; pass++)
	{
		cer_arena_clear(search->base.scratch);
		CER_TRY(get_codes(search, chosen, &codes));
		CER_TRY(cer_foretold_keep(&search->base, &search->foretold, &codes));
	}
	return CER_OK;
}

/* ------------------------------------------------------------- choosing */

static bool
has_input(const cer_cell *cell, size_t input)
{
	for (size_t i = 0; i < cell->n_inputs; i++)
		if (cell->inputs[i] == input)
			return true;
	return false;
}

/* The worst one goes where there is no room. */
static void
add_candidate(cell_search *search, const candidate *made, size_t most)
{
	size_t at = search->n_candidates;

	if (made->cell.gain == 0)
		return;
	if (search->n_candidates < most)
		search->n_candidates++;
	else
	{
		at = 0;
		for (size_t i = 1; i < search->n_candidates; i++)
			if (search->candidates[i].cell.gain <
			    search->candidates[at].cell.gain)
				at = i;
		if (search->candidates[at].cell.gain >= made->cell.gain)
			return;
	}
	search->candidates[at] = *made;
}

static cer_status
find_pairs(cell_search *search)
{
	for (size_t i = 0; i < search->n_columns; i++)
		for (size_t k = i + 1; k < search->n_columns; k++)
		{
			const cross_column *a = &search->columns[i];
			const cross_column *b = &search->columns[k];
			candidate made = {.a = a, .b = b};

			if (a->input == b->input)
				continue;
			made.cell = (cer_cell){.n_inputs = 2,
			                       .inputs = {a->input, b->input},
			                       .widths = {a->width, b->width}};
			CER_TRY(measure_candidate(search, &made));
			add_candidate(search, &made, N_CANDIDATES);
		}
	return CER_OK;
}

/* Its cells as the codes of one column, with each other one. */
static cer_status
extend(cell_search *search, const candidate *pair)
{
	crosser *c = &search->base;
	cross_column *column;
	joined_codes joined;

	cer_arena_clear(c->scratch);
	CER_TRY(join(search, pair->a, pair->b, &joined));
	CER_TRY(
		cer_profile_allocate(c->arena, 1, sizeof(*column), &column, c->err));
	CER_TRY(cer_profile_allocate(c->arena, c->label.n_rows,
	                             sizeof(*column->codes), &column->codes,
	                             c->err));
	column->n_codes = joined.n_codes;
	memcpy(column->codes, joined.codes,
	       c->label.n_rows * sizeof(*column->codes));
	search->n_extended++;
	for (size_t i = 0; i < search->n_columns; i++)
	{
		const cross_column *third = &search->columns[i];
		candidate made = {.cell = pair->cell, .a = column, .b = third};

		if (has_input(&pair->cell, third->input))
			continue;
		made.cell.inputs[made.cell.n_inputs] = third->input;
		made.cell.widths[made.cell.n_inputs++] = third->width;
		CER_TRY(measure_candidate(search, &made));
		add_candidate(search, &made, N_CANDIDATES + MAX_EXTENDED * MAX_COLUMNS);
	}
	return CER_OK;
}

static candidate *
find_best(cell_search *search)
{
	candidate *best = search->candidates;

	for (size_t i = 1; i < search->n_candidates; i++)
		if (search->candidates[i].cell.gain > best->cell.gain)
			best = &search->candidates[i];
	return best;
}

/*
 * What one tells gets less as others are known: the best one is measured again
 * until it is the best of now.
 */
static cer_status
choose(cell_search *search, size_t most)
{
	cer_cells *found = search->found;

	while (found->n < most && search->n_candidates > 0)
	{
		candidate *best = find_best(search);
		candidate chosen = *best;

		if (best->cell.gain == 0)
			break;
		if (best->n_known < found->n)
		{
			CER_TRY(measure_candidate(search, best));
			continue;
		}
		best->cell.gain = 0;
		CER_TRY(keep_candidate(search, &chosen));
		found->found[found->n++] = chosen.cell;
		if (chosen.cell.n_inputs == 2 && search->n_extended < MAX_EXTENDED)
			CER_TRY(extend(search, &chosen));
	}
	return CER_OK;
}

/* -------------------------------------------------------- single columns */

/* What a column tells is told, as far as it helps. */
static cer_status
know_column(cell_search *search, const cross_column *column)
{
	crosser *c = &search->base;
	cross_codes codes = {column->n_codes, column->codes};
	cross_gain gain;

	if (c->host->is_canceled(c->host->self))
		return cer_fail(c->err, CER_CANCELED, "canceled");
	cer_arena_clear(c->scratch);
	CER_TRY(cer_foretold_measure(c, &search->foretold, &codes, &gain));
	return gain.mean > 0 ? cer_foretold_keep(c, &search->foretold, &codes)
	                     : CER_OK;
}

/* Several times, as what one tells is drawn towards nothing, and as what columns
 * tell depends on what the others told: what is left is not a pair's. */
static cer_status
know_columns(cell_search *search, size_t n_passes, bool with_fine)
{
	for (size_t i = 0; i < n_passes * search->n_columns; i++)
	{
		const cross_column *column = &search->columns[i % search->n_columns];

		if (with_fine || !column->is_fine)
			CER_TRY(know_column(search, column));
	}
	return CER_OK;
}

/* Single values of columns that have many: what bins, or few rows of a table,
 * do not tell. */
static cer_status
find_singles(cell_search *search)
{
	for (size_t i = 0; i < search->n_columns; i++)
	{
		const cross_column *column = &search->columns[i];
		candidate made = {.a = column};

		if (!column->is_fine)
			continue;
		made.cell = (cer_cell){.n_inputs = 1, .inputs = {column->input}};
		CER_TRY(measure_candidate(search, &made));
		add_candidate(search, &made, N_CANDIDATES);
	}
	CER_TRY(choose(search, MAX_SINGLES));
	search->n_candidates = 0;
	return CER_OK;
}

/* ---------------------------------------------------------------- public */

static cer_status
find(cell_search *search, const bool *may_cross, const bool *may_bin)
{
	crosser *c = &search->base;

	if (c->label.n_rows == 0 || c->label.entropy <= 0 ||
	    cer_foretold_count(&c->label) > MAX_FORETOLD)
		return CER_OK;
	for (size_t i = 0; i < c->view->n_inputs; i++)
		if (may_cross[i] || may_bin[i])
			CER_TRY(add_column(search, i, may_cross[i], may_bin[i]));
	CER_TRY(cer_foretold_init(c, &search->foretold));
	CER_TRY(know_columns(search, 1, false));
	CER_TRY(find_singles(search));
	CER_TRY(know_columns(search, N_PASSES, true));
	CER_TRY(find_pairs(search));
	return choose(search, CER_MAX_CELLS);
}

cer_status
cer_cells_find(const cer_host *host, const cer_dataset *dataset,
               const bool *may_cross, const bool *may_bin, cer_cells *cells,
               cer_error *err)
{
	cell_search search = {.found = cells};
	cer_status status;

	cells->n = 0;
	status = cer_crosser_init(&search.base, host, dataset, err);
	if (status == CER_OK)
		status = find(&search, may_cross, may_bin);
	cer_crosser_release(&search.base);
	return status;
}
