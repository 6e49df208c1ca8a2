/*
 * lang/distance_bound.c
 *	  Boxes around summaries: how far what is in one is at least, and in which
 *	  order summaries lie well together.
 */
#include "lang/summary.h"

#include <math.h>

void
cer_summary_box_extend(cer_summary_box *box, const cer_summary_box *by)
{
	for (size_t i = 0; i < CER_SUMMARY_DIMS; i++)
	{
		if (by->least.at[i] < box->least.at[i])
			box->least.at[i] = by->least.at[i];
		if (by->most.at[i] > box->most.at[i])
			box->most.at[i] = by->most.at[i];
	}
	for (size_t i = 0; i < CER_SUMMARY_WORDS; i++)
	{
		box->least.bits[i] &= by->least.bits[i];
		box->most.bits[i] |= by->most.bits[i];
	}
}

/*
 * Plain loops over small integers: a search asks for thousands of bounds, and
 * the compiler makes vectors of them.
 */
static inline uint32_t
sum_gaps(const cer_probe *probe, const cer_summary_box *box, size_t first,
         size_t n)
{
	uint32_t sum = 0;

	for (size_t i = first; i < first + n; i++)
	{
		uint16_t at = probe->summary.at[i];
		uint16_t least = box->least.at[i] & probe->above[i];
		uint16_t most = box->most.at[i];
		uint16_t below = at > most ? (uint16_t) (at - most) : 0;
		uint16_t above = least > at ? (uint16_t) (least - at) : 0;
		uint16_t gap;

		above = above > 2 ? (uint16_t) (above - 2) : 0;
		gap = below > above ? below : above;
		gap = gap < probe->limit[i] ? gap : probe->limit[i];
		sum += (uint32_t) gap * probe->weight[i];
	}
	return sum;
}

static uint32_t
sum_missing(const cer_probe *probe, const cer_summary_box *box, size_t first,
            size_t end)
{
	uint32_t sum = 0;

	for (size_t i = first; i < end; i++)
	{
		cer_probe_fact fact = probe->facts[i];
		uint64_t word = box->most.bits[fact.bit / 64];

		if ((word >> fact.bit % 64 & 1) == 0)
			sum += fact.weight * (uint32_t) UNITS;
	}
	return sum;
}

/* How far a place lies from all between two others, at most 1. */
static uint32_t
get_gap(int32_t at, int32_t least, int32_t most)
{
	int32_t below = at - most;
	int32_t above = least - at - 2;
	int32_t gap = below > above ? below : above;

	gap = gap < 0 ? 0 : gap;
	return (uint32_t) (gap < (int32_t) UNITS ? gap : (int32_t) UNITS);
}

/* From the numbers that are there under a setting's name. */
static uint32_t
sum_span_gaps(const cer_probe *probe, const cer_summary_box *box)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < probe->n_spans; i++)
	{
		size_t first = probe->spans[i].first;

		sum += get_gap(probe->spans[i].at, box->least.at[first],
		               box->most.at[first + 1]);
	}
	return sum * PARTS;
}

/* From the numbers that are there in lists. */
static uint32_t
sum_list_gaps(const cer_probe *probe, const cer_summary_box *box)
{
	int32_t least = box->least.at[LIST_LEAST];
	int32_t most = box->most.at[LIST_MOST];
	uint32_t sum = 0;

	for (size_t i = 0; i < probe->n_listed; i++)
		sum += get_gap(probe->list[i], least, most);
	return sum * PARTS;
}

/* Widths too many. */
static uint32_t
get_excess(const cer_probe *probe, const cer_summary_box *box)
{
	uint32_t least = box->least.at[N_WIDTHS];
	uint32_t excess = least > probe->n_widths ? least - probe->n_widths : 0;

	return PARTS * (excess < (uint32_t) UNITS ? excess : (uint32_t) UNITS);
}

static uint32_t
get_larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t
sum_structure(const cer_probe *probe, const cer_summary_box *box)
{
	uint32_t words = sum_gaps(probe, box, WORD_FIRST, WORD_BUCKETS);
	uint32_t numbers =
		sum_gaps(probe, box, HAT_FIRST, OPTIMIZER_FIRST - HAT_FIRST);

	words = get_larger(
		words, sum_missing(probe, box, probe->n_columns, probe->n_facts));
	words = get_larger(words, get_excess(probe, box));
	numbers = get_larger(numbers, sum_list_gaps(probe, box));
	return words + numbers + sum_span_gaps(probe, box);
}

/* Of FE and PT. */
static uint32_t
sum_rest(const cer_probe *probe, const cer_summary_box *box)
{
	uint32_t names = sum_gaps(probe, box, NAME_FIRST, NAME_BUCKETS);
	uint32_t details = sum_gaps(probe, box, DETAIL_FIRST, DETAIL_BUCKETS);
	uint32_t pt =
		sum_gaps(probe, box, OPTIMIZER_FIRST, SPAN_FIRST - OPTIMIZER_FIRST);

	names = get_larger(names, sum_missing(probe, box, 0, probe->n_columns));
	return names + details + pt;
}

double
cer_probe_bound_structure(const cer_probe *probe, const cer_summary_box *box)
{
	return sum_structure(probe, box) / (UNITS * PARTS);
}

double
cer_probe_bound_rest(const cer_probe *probe, const cer_summary_box *box)
{
	return sum_rest(probe, box) / (UNITS * PARTS);
}

double
cer_probe_bound(const cer_probe *probe, const cer_summary_box *box)
{
	return (sum_structure(probe, box) + sum_rest(probe, box)) / (UNITS * PARTS);
}

bool
cer_probe_may_contain(const cer_probe *probe, const cer_summary_box *box)
{
	for (size_t i = 0; i < CER_SUMMARY_WORDS; i++)
		if ((probe->summary.bits[i] & ~box->most.bits[i]) != 0)
			return false;
	return cer_probe_bound(probe, box) == 0;
}

/* --------------------------------------------------------------- order */

/* What is near in both numbers mostly lies together along Morton's curve. */
typedef struct cell
{
	uint32_t size; /* of the structure: its numbers and settings */
	uint32_t rate;
} cell;

/* Such that sizes and rates that people try have ranges of one magnitude. */
#define SPAN_SCALE 4
#define RATE_SCALE 8

static cell
make_cell(const cer_summary *summary)
{
	cell made = {.rate = RATE_SCALE * (uint32_t) summary->at[NUMBER_FIRST]};

	for (uint32_t i = 0; i < N_HATS; i++)
		made.size += i * summary->at[HAT_FIRST + i];
	for (uint32_t i = 0; i < SPANS; i++)
		made.size += SPAN_SCALE * summary->at[SPAN_FIRST + 2 * i + 1];
	return made;
}

/* By the number in which the highest bit differs. */
static int
compare_cells(cell a, cell b)
{
	uint32_t sizes = a.size ^ b.size;
	uint32_t rates = a.rate ^ b.rate;

	if (sizes < rates && sizes < (sizes ^ rates))
		return a.rate < b.rate ? -1 : 1;
	return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

static int
compare_dims(const cer_summary *a, const cer_summary *b, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		if (a->at[i] != b->at[i])
			return a->at[i] < b->at[i] ? -1 : 1;
	return 0;
}

/* Of what is built and trained alike: numbers that most triples have, as far
 * apart as people try them, so that their highest bits tell as much.  Layers
 * make sizes differ by more than widths do, which are to count as rates. */
enum
{
	CURVE_SIZE,
	CURVE_RATE,
	CURVE_BATCH,
	CURVE_DROPOUT,
	N_CURVE
};

static uint32_t
make_curve(const cer_summary *summary, uint32_t curve[N_CURVE])
{
	cell made = make_cell(summary);
	const uint16_t *number = &summary->at[NUMBER_FIRST];

	curve[CURVE_SIZE] = made.size / 2;
	curve[CURVE_RATE] = made.rate;
	curve[CURVE_BATCH] = 4 * (uint32_t) number[1];
	curve[CURVE_DROPOUT] = 4 * (uint32_t) number[4];
	return N_CURVE;
}

/* Along Morton's curve: by the number in which the highest bit differs. */
static int
compare_curves(const cer_summary *a, const cer_summary *b)
{
	uint32_t x[N_CURVE];
	uint32_t y[N_CURVE];
	uint32_t n = make_curve(a, x);
	uint32_t most = 0;
	uint32_t found = 0;

	make_curve(b, y);
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t differs = x[i] ^ y[i];

		if (most < differs && most < (most ^ differs))
		{
			most = differs;
			found = i;
		}
	}
	return most == 0 ? 0 : x[found] < y[found] ? -1 : 1;
}

int
cer_summary_compare_built(const cer_summary *a, const cer_summary *b)
{
	int order = compare_dims(a, b, WORD_FIRST, WORD_BUCKETS);

	if (order == 0)
		order = compare_dims(a, b, OPTIMIZER_FIRST, OPTIMIZER_BUCKETS);
	if (order == 0)
		order = compare_curves(a, b);
	return order ? order : compare_dims(a, b, 0, CER_SUMMARY_DIMS);
}

int
cer_summary_compare(const cer_summary *a, const cer_summary *b)
{
	int order = compare_dims(a, b, NAME_FIRST, NAME_BUCKETS);

	if (order == 0)
		order = compare_dims(a, b, WORD_FIRST, WORD_BUCKETS);
	if (order == 0)
		order = compare_cells(make_cell(a), make_cell(b));
	return order ? order : compare_dims(a, b, 0, CER_SUMMARY_DIMS);
}
