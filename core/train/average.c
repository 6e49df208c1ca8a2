/*
 * train/average.c
 *	  A mean of the weights over the steps.
 *
 * mean += (1 - s) (w - mean) with s = min(share, (1 + t) / (10 + t)) in step t,
 * so that the first weights are soon forgotten.  Statistics of rows, which no
 * gradient moves, are as the weights have them.
 */
#include "train/average.h"
#include "base/arena.h"
#include "base/denormals.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

cer_status
cer_average_make(cer_arena *arena, cer_graph *graph, double share,
                 cer_average **average, cer_error *err)
{
	size_t size = graph->net->n_weights * sizeof(float);
	cer_average *made = cer_arena_allocate(arena, sizeof(*made));

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	*made = (cer_average){.graph = graph, .share = share};
	made->weights = cer_arena_allocate(arena, size);
	if (made->weights == NULL)
		return cer_fail_memory(err, size);
	memcpy(made->weights, graph->weights, size);
	*average = made;
	return CER_OK;
}

static void
update_tensor(void *self, size_t i)
{
	const cer_average *average = self;
	const cer_net_tensor *tensor = &average->graph->net->tensors[i];
	const float *w = average->graph->weights + tensor->offset;
	float *mean = average->weights + tensor->offset;
	double t = (double) average->step;
	float rest = (float) (1.0 - fmin(average->share, (1.0 + t) / (10.0 + t)));
	unsigned before = cer_denormals_flush();

	if (tensor->is_statistic)
		rest = 1.0f;
	for (size_t j = 0; j < tensor->size; j++)
		mean[j] += rest * (w[j] - mean[j]);
	cer_denormals_restore(before);
}

void
cer_average_update(cer_average *average, uint64_t step)
{
	const cer_host *host = average->graph->host;

	average->step = step;
	host->run_tasks(host->self, update_tensor, average,
	                average->graph->net->n_tensors);
}

void
cer_average_swap(cer_average *average)
{
	float *weights = average->graph->weights;

	for (size_t i = 0; i < average->graph->net->n_weights; i++)
	{
		float weight = weights[i];

		weights[i] = average->weights[i];
		average->weights[i] = weight;
	}
	cer_graph_refresh(average->graph);
}
