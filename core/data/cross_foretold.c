/*
 * data/cross_foretold.c
 *	  What is foretold of each row's class by the cells that it is in.
 *
 * What is foretold so far is multiplied by how much oftener than foretold each
 * class is among the rows of the cell, drawn towards 1.  What this is worth is
 * measured on rows that had no part in it: the rows are in folds, by key, and
 * for each fold all rows are foretold by the rows of the others.  To leave out
 * but the row itself is not enough: its label then is in what is foretold of
 * the other rows of its cell, which makes that too high and the row's own too
 * low, by more than most cells tell.
 */
#include "data/cross_private.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

#define N_FOLDS  4
#define STRENGTH 16.0   /* rows that draw a cell towards 1 */
#define LEAST    1e-100 /* of a class that there is: its share may be asked for */

/* (n_cells, N_FOLDS, n_classes), of the rows of all folds but that one: their
 * number, and the sum of what is foretold of them. */
typedef struct cell_sums
{
	double *rows;
	double *foretold;
} cell_sums;

size_t
cer_foretold_count(const cer_profile_label *label)
{
	return label->n_rows * label->n_classes * N_FOLDS;
}

/* By the label's shares. */
cer_status
cer_foretold_init(crosser *c, cross_foretold *foretold)
{
	size_t n = cer_foretold_count(&c->label);

	CER_TRY(cer_profile_allocate(c->arena, n, sizeof(double), &foretold->values,
	                             c->err));
	for (size_t i = 0; i < n; i++)
		foretold->values[i] = c->label.shares[i % c->label.n_classes];
	return CER_OK;
}

static size_t
get_fold(const crosser *c, size_t row)
{
	return (size_t) (c->view->row_keys[row] % N_FOLDS);
}

static cer_status
add_up(crosser *c, const cross_foretold *foretold, const cross_codes *codes,
       cell_sums *sums)
{
	size_t n_classes = c->label.n_classes;
	size_t of_row = N_FOLDS * n_classes;

	CER_TRY(cer_profile_allocate(c->scratch, codes->n_codes * of_row,
	                             sizeof(double), &sums->rows, c->err));
	CER_TRY(cer_profile_allocate(c->scratch, codes->n_codes * of_row,
	                             sizeof(double), &sums->foretold, c->err));
	for (size_t row = 0; row < c->label.n_rows; row++)
	{
		size_t own = get_fold(c, row);
		const double *from = &foretold->values[row * of_row];
		size_t first = codes->codes[row] * of_row;

		for (size_t fold = 0; fold < N_FOLDS; fold++)
			if (fold != own)
				sums->rows[first + fold * n_classes + c->label.labels[row]]++;
		for (size_t i = 0; i < of_row; i++)
			if (i / n_classes != own)
				sums->foretold[first + i] += from[i];
	}
	return CER_OK;
}

/* A class that no row has stays so. */
static void
foretell(const double *rows, const double *sums, size_t n_classes,
         double *values)
{
	double n = 0;
	double sum = 0;

	for (size_t class = 0; class < n_classes; class ++)
		n += rows[class];
	for (size_t class = 0; n > 0 && class < n_classes; class ++)
	{
		double drawn = STRENGTH * sums[class] / n;

		if (values[class] == 0)
			continue;
		values[class] *= (rows[class] + drawn) / (sums[class] + drawn);
		values[class] = fmax(values[class], LEAST);
		sum += values[class];
	}
	for (size_t class = 0; sum > 0 && class < n_classes; class ++)
		values[class] /= sum;
}

cer_status
cer_foretold_measure(crosser *c, const cross_foretold *foretold,
                     const cross_codes *codes, cross_gain *gain)
{
	size_t n_classes = c->label.n_classes;
	double n = (double) c->label.n_rows;
	double squares = 0;
	double *now;
	cell_sums sums;

	*gain = (cross_gain){0};
	CER_TRY(add_up(c, foretold, codes, &sums));
	CER_TRY(cer_profile_allocate(c->scratch, n_classes, sizeof(*now), &now,
	                             c->err));
	for (size_t row = 0; row < c->label.n_rows; row++)
	{
		size_t own = get_fold(c, row);
		const double *before =
			&foretold->values[(row * N_FOLDS + own) * n_classes];
		size_t first = (codes->codes[row] * N_FOLDS + own) * n_classes;
		uint16_t label = c->label.labels[row];
		double of_row;

		memcpy(now, before, n_classes * sizeof(*now));
		foretell(&sums.rows[first], &sums.foretold[first], n_classes, now);
		of_row = log(now[label] / before[label]);
		gain->mean += of_row / n;
		squares += of_row * of_row / n;
	}
	gain->deviation = sqrt(fmax(squares - gain->mean * gain->mean, 0) / n);
	return CER_OK;
}

cer_status
cer_foretold_keep(crosser *c, cross_foretold *foretold,
                  const cross_codes *codes)
{
	size_t n_classes = c->label.n_classes;
	cell_sums sums;

	CER_TRY(add_up(c, foretold, codes, &sums));
	for (size_t i = 0; i < c->label.n_rows * N_FOLDS; i++)
	{
		size_t first =
			(codes->codes[i / N_FOLDS] * N_FOLDS + i % N_FOLDS) * n_classes;

		foretell(&sums.rows[first], &sums.foretold[first], n_classes,
		         &foretold->values[i * n_classes]);
	}
	return CER_OK;
}
