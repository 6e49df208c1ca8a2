/*
 * index_split.c
 *	  Cutting a full page of the index of near triples in two: along the
 *	  dimension in which its boxes lie farthest apart, near the middle one, but
 *	  between two that differ where there are such.
 */
#include "index.h"

#include <math.h>

typedef struct Place
{
	int32 at; /* twice the box's middle in the dimension */
	OffsetNumber box;
} Place;

static int32
get_middle(const cer_summary_box *box, int dim)
{
	return box->least.at[dim] + box->most.at[dim];
}

/* How far from their mean boxes lie, as far as searches will notice. */
static double
measure_spread(const cer_summary_box *boxes, int n, int dim,
               const cer_probe *weights)
{
	double limit = 2.0 * weights->limit[dim];
	double mean = 0;
	double sum = 0;

	for (int i = 0; i < n; i++)
		mean += (double) get_middle(&boxes[i], dim) / n;
	for (int i = 0; i < n; i++)
		sum += Min(fabs(get_middle(&boxes[i], dim) - mean), limit);
	return sum * weights->weight[dim];
}

static int
find_widest(const cer_summary_box *boxes, int n, const cer_probe *weights)
{
	double most = -1;
	int widest = 0;

	for (int dim = 0; dim < CER_SUMMARY_DIMS; dim++)
	{
		double spread = measure_spread(boxes, n, dim, weights);

		if (spread > most)
		{
			most = spread;
			widest = dim;
		}
	}
	return widest;
}

static int
compare_places(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (int) x->box - (int) y->box;
}

/* Where places differ, nearest to the middle, in the middle half; else there. */
static int
find_cut(const Place *places, int n)
{
	for (int away = 0; away <= n / 4; away++)
	{
		int low = n / 2 - away;
		int high = n / 2 + away;

		if (low > 0 && places[low].at != places[low - 1].at)
			return low;
		if (high < n && high > 0 && places[high].at != places[high - 1].at)
			return high;
	}
	return n / 2;
}

static void
cover(const cer_summary_box *boxes, const OffsetNumber *order, int n,
      cer_summary_box *all)
{
	*all = boxes[order[0]];
	for (int i = 1; i < n; i++)
		cer_summary_box_extend(all, &boxes[order[i]]);
}

OffsetNumber *
index_split(const cer_summary_box *boxes, int n_boxes, const cer_probe *weights,
            int *n_left, cer_summary_box *left, cer_summary_box *right)
{
	int dim = find_widest(boxes, n_boxes, weights);
	Place *places = palloc(sizeof(Place) * n_boxes);
	OffsetNumber *order = palloc(sizeof(OffsetNumber) * n_boxes);

	for (int i = 0; i < n_boxes; i++)
		places[i] = (Place){get_middle(&boxes[i], dim), (OffsetNumber) i};
	qsort(places, n_boxes, sizeof(Place), compare_places);
	*n_left = find_cut(places, n_boxes);
	for (int i = 0; i < n_boxes; i++)
		order[i] = places[i].box;
	cover(boxes, order, *n_left, left);
	cover(boxes, order + *n_left, n_boxes - *n_left, right);
	pfree(places);
	return order;
}
