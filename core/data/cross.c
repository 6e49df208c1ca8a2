/*
 * data/cross.c
 *	  Pairs of columns that tell more of the label together than each adds to
 *	  the other, as month and day do where single days differ.
 *
 * Of a pair, each combination of values that occurs is a cell.  What the
 * columns tell one by one is the model of the cells' classes whose logit is a
 * sum of a part for each value of either (fitted by iterative proportions,
 * Deming and Stephan 1940).  What they tell beyond that is measured on the
 * training rows, each of them predicted by the other rows of its cell, drawn
 * towards the sum.  Trees and networks find such pairs by themselves, as far as
 * they have time; a table of cells hands them over.
 */
#include "data/cross_private.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

#define MAX_COLUMNS    48
#define MAX_VALUES     1000
#define MAX_CELLS      (1u << 20) /* that may occur */
#define ROWS_PER_CELL  100  /* at least, on average: a rate that is sure */
#define MIN_GAIN       0.02 /* of the label's entropy */
#define N_FITS         8
#define MIN_DEVIATIONS 5.0 /* that the gain must be above 0 */
#define LEAST_SHARE    1e-6

static const double strengths[] = {4, 16, 64};
#define N_STRENGTHS (sizeof(strengths) / sizeof(strengths[0]))

typedef struct cross_search
{
	crosser base;
	cross_column columns[MAX_COLUMNS];
	size_t n_columns;
} cross_search;

/* One pair: (n_cells, n_classes) rows and their expectation by the sum. */
typedef struct cross_cells
{
	const cross_column *a;
	const cross_column *b;
	size_t n_classes;
	size_t n_cells;
	uint32_t *places; /* by code of a and code of b: cell + 1 */
	uint32_t *of_a;   /* by cell */
	uint32_t *of_b;
	double *rows;
	double *expected;
	double *totals; /* by cell */
} cross_cells;

/* ------------------------------------------------------------- columns */

static cer_status
add_column(cross_search *search, size_t input)
{
	crosser *c = &search->base;
	cross_column *column = &search->columns[search->n_columns];
	cer_profile_codes codes;

	cer_arena_clear(c->scratch);
	CER_TRY(
		cer_profile_code_column(c->scratch, c->view, input, &codes, c->err));
	if (codes.n_values < 2 || codes.n_values > MAX_VALUES)
		return CER_OK;
	*column = (cross_column){.input = input, .n_codes = codes.n_values + 1};
	CER_TRY(cer_profile_allocate(c->arena, codes.n_rows, sizeof(*column->codes),
	                             &column->codes, c->err));
	memcpy(column->codes, codes.codes, codes.n_rows * sizeof(*codes.codes));
	search->n_columns++;
	return CER_OK;
}

static cer_status
add_columns(cross_search *search, const bool *may_cross)
{
	for (size_t i = 0; i < search->base.view->n_inputs; i++)
		if (search->n_columns < MAX_COLUMNS && may_cross[i])
			CER_TRY(add_column(search, i));
	return CER_OK;
}

/* --------------------------------------------------------------- cells */

static cer_status
allocate_cells(crosser *c, cross_cells *cells)
{
	size_t n = c->label.n_rows < MAX_CELLS ? c->label.n_rows : MAX_CELLS;
	size_t n_places = cells->a->n_codes * cells->b->n_codes;
	size_t of_class = cells->n_classes * sizeof(double);

	n = n_places < n ? n_places : n;
	CER_TRY(cer_profile_allocate(c->scratch, n_places, sizeof(uint32_t),
	                             &cells->places, c->err));
	CER_TRY(cer_profile_allocate(c->scratch, n, sizeof(uint32_t), &cells->of_a,
	                             c->err));
	CER_TRY(cer_profile_allocate(c->scratch, n, sizeof(uint32_t), &cells->of_b,
	                             c->err));
	CER_TRY(
		cer_profile_allocate(c->scratch, n, of_class, &cells->rows, c->err));
	CER_TRY(cer_profile_allocate(c->scratch, n, of_class, &cells->expected,
	                             c->err));
	return cer_profile_allocate(c->scratch, n, sizeof(double), &cells->totals,
	                            c->err);
}

/* False: too many for the rows. */
static bool
fill_cells(const crosser *c, cross_cells *cells)
{
	size_t most = c->label.n_rows / ROWS_PER_CELL;

	for (size_t row = 0; row < c->label.n_rows; row++)
	{
		uint32_t a = cells->a->codes[row];
		uint32_t b = cells->b->codes[row];
		uint32_t *place = &cells->places[a * cells->b->n_codes + b];

		if (*place == 0)
		{
			if (cells->n_cells == most)
				return false;
			cells->of_a[cells->n_cells] = a;
			cells->of_b[cells->n_cells] = b;
			*place = (uint32_t) ++cells->n_cells;
		}
		cells->totals[*place - 1]++;
		cells->rows[(*place - 1) * cells->n_classes + c->label.labels[row]]++;
	}
	return true;
}

/* Where one determines the other there is nothing that they add. */
static bool
is_cross(const cross_cells *cells)
{
	return cells->n_cells > cells->a->n_codes &&
	       cells->n_cells > cells->b->n_codes;
}

/* ------------------------------------------------------- what a sum tells */

/* Makes the sums over cells of one code and class those of the rows. */
static void
fit_margin(const cross_cells *cells, const uint32_t *of_cell, size_t n_codes,
           double *margins)
{
	size_t n_classes = cells->n_classes;
	double *expected = margins + n_codes * n_classes;

	memset(margins, 0, 2 * n_codes * n_classes * sizeof(double));
	for (size_t i = 0; i < cells->n_cells * n_classes; i++)
	{
		size_t at = of_cell[i / n_classes] * n_classes + i % n_classes;

		margins[at] += cells->rows[i];
		expected[at] += cells->expected[i];
	}
	for (size_t i = 0; i < cells->n_cells * n_classes; i++)
	{
		size_t at = of_cell[i / n_classes] * n_classes + i % n_classes;

		if (expected[at] > 0)
			cells->expected[i] *= margins[at] / expected[at];
	}
}

static void
fit_totals(const cross_cells *cells)
{
	size_t n_classes = cells->n_classes;

	for (size_t cell = 0; cell < cells->n_cells; cell++)
	{
		double *expected = &cells->expected[cell * n_classes];
		double sum = 0;

		for (size_t class = 0; class < n_classes; class ++)
			sum += expected[class];
		for (size_t class = 0; class < n_classes; class ++)
			expected[class] *= sum > 0 ? cells->totals[cell] / sum : 0;
	}
}

static cer_status
fit_sum(crosser *c, const cross_cells *cells)
{
	size_t n_classes = cells->n_classes;
	size_t n_codes = cells->a->n_codes > cells->b->n_codes ? cells->a->n_codes
	                                                       : cells->b->n_codes;
	double *margins;

	CER_TRY(cer_profile_allocate(c->scratch, 2 * n_codes * n_classes,
	                             sizeof(*margins), &margins, c->err));
	for (size_t i = 0; i < cells->n_cells * n_classes; i++)
		cells->expected[i] =
			cells->totals[i / n_classes] * c->label.shares[i % n_classes];
	for (size_t i = 0; i < N_FITS; i++)
	{
		fit_margin(cells, cells->of_a, cells->a->n_codes, margins);
		fit_margin(cells, cells->of_b, cells->b->n_codes, margins);
		fit_totals(cells);
	}
	return CER_OK;
}

/* ------------------------------------------------------ what cells add */

/* By row, in the label's entropy; 0: none that is sure. */
static double
find_gain(const crosser *c, const cross_cells *cells)
{
	double n = (double) c->label.n_rows;
	double best = 0;

	for (size_t s = 0; s < N_STRENGTHS; s++)
	{
		double sum = 0;
		double squares = 0;
		double deviation;

		for (size_t i = 0; i < cells->n_cells * cells->n_classes; i++)
		{
			double total = cells->totals[i / cells->n_classes];
			double by_sum = fmax(cells->expected[i] / total, LEAST_SHARE);
			double by_cell = (cells->rows[i] - 1 + strengths[s] * by_sum) /
			                 (total - 1 + strengths[s]);
			double gain;

			if (cells->rows[i] <= 0)
				continue;
			gain = log(by_cell / by_sum);
			sum += cells->rows[i] * gain;
			squares += cells->rows[i] * gain * gain;
		}
		deviation = sqrt(fmax(squares / n - sum / n * (sum / n), 0) / n);
		if (sum / n > MIN_DEVIATIONS * deviation)
			best = fmax(best, sum / n / c->label.entropy);
	}
	return best >= MIN_GAIN ? best : 0;
}

static cer_status
measure_pair(crosser *c, const cross_column *a, const cross_column *b,
             double *gain)
{
	cross_cells cells = {.a = a, .b = b, .n_classes = c->label.n_classes};

	*gain = 0;
	if (c->host->is_canceled(c->host->self))
		return cer_fail(c->err, CER_CANCELED, "canceled");
	if (a->n_codes * b->n_codes > MAX_CELLS)
		return CER_OK;
	cer_arena_clear(c->scratch);
	CER_TRY(allocate_cells(c, &cells));
	if (!fill_cells(c, &cells) || !is_cross(&cells))
		return CER_OK;
	CER_TRY(fit_sum(c, &cells));
	*gain = find_gain(c, &cells);
	return CER_OK;
}

/* ---------------------------------------------------------------- public */

static bool
has_input(const cer_cross *found, size_t n, size_t input)
{
	for (size_t i = 0; i < n; i++)
		if (found[i].inputs[0] == input || found[i].inputs[1] == input)
			return true;
	return false;
}

/* The best pair of columns that no better one has, again and again. */
static size_t
choose(const cross_search *c, const double *gains, cer_cross *found,
       size_t most)
{
	size_t n = 0;

	while (n < most)
	{
		cer_cross best = {.gain = 0};

		for (size_t i = 0; i < c->n_columns * c->n_columns; i++)
		{
			size_t a = c->columns[i / c->n_columns].input;
			size_t b = c->columns[i % c->n_columns].input;

			if (gains[i] > best.gain && !has_input(found, n, a) &&
			    !has_input(found, n, b))
				best = (cer_cross){{a, b}, gains[i]};
		}
		if (best.gain == 0)
			break;
		found[n++] = best;
	}
	return n;
}

static cer_status
find(cross_search *search, const bool *may_cross, cer_crosses *crosses)
{
	crosser *c = &search->base;
	size_t n;
	double *gains;

	if (c->label.n_rows == 0 || c->label.entropy <= 0)
		return CER_OK;
	CER_TRY(add_columns(search, may_cross));
	n = search->n_columns;
	CER_TRY(
		cer_profile_allocate(c->arena, n * n, sizeof(*gains), &gains, c->err));
	for (size_t a = 0; a < n; a++)
		for (size_t b = a + 1; b < n; b++)
			CER_TRY(measure_pair(c, &search->columns[a], &search->columns[b],
			                     &gains[a * n + b]));
	crosses->n = choose(search, gains, crosses->found, CER_MAX_CROSSES);
	return CER_OK;
}

cer_status
cer_crosser_init(crosser *c, const cer_host *host, const cer_dataset *dataset,
                 cer_error *err)
{
	*c = (crosser){
		.host = host, .view = cer_dataset_get_view(dataset), .err = err};
	if (c->view == NULL)
		return cer_fail(err, CER_BAD_CALL, "the dataset is not finished");
	c->arena = cer_arena_new(host);
	c->scratch = c->arena ? cer_arena_new(host) : NULL;
	if (c->scratch == NULL)
		return cer_fail_memory(err, 1);
	return cer_profile_label_make(c->arena, c->view, &c->label, err);
}

void
cer_crosser_release(crosser *c)
{
	cer_arena_free(c->scratch);
	cer_arena_free(c->arena);
}

cer_status
cer_crosses_find(const cer_host *host, const cer_dataset *dataset,
                 const bool *may_cross, cer_crosses *crosses, cer_error *err)
{
	cross_search search = {.n_columns = 0};
	cer_status status;

	crosses->n = 0;
	status = cer_crosser_init(&search.base, host, dataset, err);
	if (status == CER_OK)
		status = find(&search, may_cross, crosses);
	cer_crosser_release(&search.base);
	return status;
}
