/*
 * data/profile_association.c
 *	  How much a column tells about the label, between 0 and 1.
 *
 * With I the mutual information of the column's values (a number's: of its
 * bins; NULL is a value) and the label Y over the training rows, H the entropy
 * of Y, and E what I would be on average if the column had nothing to do with
 * the label:
 *
 *	 association = (I - E) / (H - E)
 *
 * the uncertainty coefficient corrected for chance (adjusted mutual
 * information: Vinh, Epps, Bailey, JMLR 11, 2010).  Without E a column of many
 * values looks good for having many; with it an identifier scores 0, and
 * numbers, however binned, compare with categories.  What is within two
 * standard deviations of chance (2 n I is nearly chi-squared) counts as 0.
 *
 * E is a sum over values, of the expectation under a binomial distribution
 * (the hypergeometric one of the paper differs by O(1/n)): for a value that a
 * rows have and a class of share p
 *
 *	 1/n sum_k Binomial(k; a, p) k log(k / (a p))
 *
 * which for a p large is (1 - p) / 2n.
 */
#include "data/profile_private.h"

#include "base/error.h"

#include <math.h>

#define LARGE_MEAN   30.0 /* from here on (1 - p) / 2 is right to 2 % */
#define NO_MORE      1e-9 /* terms of the expectation that do not matter */
#define N_DEVIATIONS 2.0

/* Groups of up to this many rows share their expectation by size. */
#define CACHE_SIZE 1024

cer_status
cer_profile_label_make(cer_arena *arena, const cer_data_view *view,
                       cer_profile_label *label, cer_error *err)
{
	/* training rows come first */
	cer_profile_label made = {.n_rows = view->part_start[CER_VALID],
	                          .n_classes = view->n_classes,
	                          .labels = view->labels};

	CER_TRY(cer_profile_allocate(arena, made.n_classes, sizeof(*made.shares),
	                             &made.shares, err));
	CER_TRY(cer_profile_allocate(arena, made.n_classes, sizeof(*made.counts),
	                             &made.counts, err));
	for (size_t row = 0; row < made.n_rows; row++)
		made.shares[made.labels[row]]++;
	for (size_t c = 0; c < made.n_classes; c++)
	{
		made.shares[c] /= made.n_rows > 0 ? (double) made.n_rows : 1;
		if (made.shares[c] > 0)
			made.entropy -= made.shares[c] * log(made.shares[c]);
	}
	*label = made;
	return CER_OK;
}

/* n times what one class adds to the expectation for a value of a rows. */
static double
expect_class(double a, double p)
{
	double mean = a * p;
	double term;
	double sum = 0;

	if (p <= 0 || p >= 1)
		return 0;
	if (mean > LARGE_MEAN)
		return (1 - p) / 2;
	term = exp(a * log1p(-p)); /* Binomial(0) */
	for (double k = 1; k <= a; k++)
	{
		term *= (a - k + 1) / k * (p / (1 - p));
		sum += term * k * log(k / mean);
		if (k > mean && term * k < NO_MORE)
			break;
	}
	return sum;
}

static double
expect_value(const cer_profile_label *label, double a)
{
	double sum = 0;

	for (size_t c = 0; c < label->n_classes; c++)
		sum += expect_class(a, label->shares[c]);
	return sum;
}

/* Training rows grouped by code: rows of code i are order[start[i]] ... */
typedef struct grouping
{
	size_t n_values;
	const uint32_t *start; /* n_values + 2 */
	const uint32_t *order;
} grouping;

static cer_status
group_rows(cer_arena *arena, const cer_profile_codes *codes, size_t n_rows,
           grouping *groups, cer_error *err)
{
	uint32_t *start;
	uint32_t *order;

	CER_TRY(cer_profile_allocate(arena, codes->n_values + 3, sizeof(*start),
	                             &start, err));
	CER_TRY(cer_profile_allocate(arena, n_rows, sizeof(*order), &order, err));
	for (size_t row = 0; row < n_rows; row++)
		start[codes->codes[row] + 2]++;
	for (size_t i = 2; i < codes->n_values + 3; i++)
		start[i] += start[i - 1];
	/* shifted by one, so that filling moves each start to its place */
	for (size_t row = 0; row < n_rows; row++)
		order[start[codes->codes[row] + 1]++] = (uint32_t) row;
	*groups = (grouping){codes->n_values, start, order};
	return CER_OK;
}

/* Sum over classes of count * log(count / expected) of one group. */
static double
measure_group(const cer_profile_label *label, const uint32_t *rows, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		label->counts[label->labels[rows[i]]]++;
	for (size_t i = 0; i < n; i++)
	{
		uint16_t c = label->labels[rows[i]];
		double count = label->counts[c];

		if (count > 0)
			sum += count * log(count / ((double) n * label->shares[c]));
		label->counts[c] = 0;
	}
	return sum;
}

/* How much is known, how much of it by chance, both times n. */
typedef struct information
{
	double found;
	double expected;
	size_t n_groups;
} information;

static cer_status
measure_groups(cer_arena *arena, const cer_profile_label *label,
               const grouping *groups, information *result, cer_error *err)
{
	information made = {0};
	double *cache;

	CER_TRY(
		cer_profile_allocate(arena, CACHE_SIZE, sizeof(*cache), &cache, err));
	for (size_t i = 0; i <= groups->n_values; i++)
	{
		size_t n = groups->start[i + 1] - groups->start[i];
		double expected;

		if (n == 0)
			continue;
		made.n_groups++;
		made.found += measure_group(label, groups->order + groups->start[i], n);
		expected = n < CACHE_SIZE ? cache[n] : 0;
		if (expected == 0)
			expected = expect_value(label, (double) n);
		if (n < CACHE_SIZE)
			cache[n] = expected;
		made.expected += expected;
	}
	*result = made;
	return CER_OK;
}

static size_t
count_classes(const cer_profile_label *label)
{
	size_t n = 0;

	for (size_t c = 0; c < label->n_classes; c++)
		n += label->shares[c] > 0;
	return n;
}

cer_status
cer_profile_associate(cer_arena *arena, const cer_profile_label *label,
                      const cer_profile_codes *codes, double *association,
                      cer_error *err)
{
	double total = label->entropy * (double) label->n_rows;
	information known;
	grouping groups;
	double freedom;
	double share;

	CER_TRY(group_rows(arena, codes, label->n_rows, &groups, err));
	CER_TRY(measure_groups(arena, label, &groups, &known, err));
	*association = 0;
	if (known.n_groups < 2)
		return CER_OK;
	freedom =
		(double) (known.n_groups - 1) * (double) (count_classes(label) - 1);
	if (known.found - known.expected < N_DEVIATIONS * sqrt(freedom / 2) ||
	    total - known.expected <= NO_MORE * total)
		return CER_OK;
	share = (known.found - known.expected) / (total - known.expected);
	*association = share < 1 ? share : 1;
	return CER_OK;
}
