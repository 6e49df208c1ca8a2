/*
 * read_dataset.c
 *	  A task's rows in this process's memory, for what is worked out here.
 */
#include "cerebro_pg.h"

static void
append_chunk(void *self, const cer_chunk *chunk)
{
	cer_error err = {0};

	host_check(cer_dataset_append(self, chunk, &err), &err);
}

static void
append_values(void *self, size_t input, uint32 first, const cer_text *values,
              size_t n_values)
{
	cer_error err = {0};

	host_check(cer_dataset_add_values(self, input, values, n_values, &err),
	           &err);
}

cer_dataset *
task_read_dataset(const Task *task, const ReadPlan *plan, const cer_host *host)
{
	RowSink sink = {.chunk = append_chunk, .values = append_values};
	cer_dataset *dataset;
	cer_error err = {0};
	ReadStats stats;

	host_check(cer_dataset_new(host, plan->inputs, plan->n_inputs,
	                           task->n_classes, &dataset, &err),
	           &err);
	sink.self = dataset;
	task_read(task, plan, &sink, &stats);
	host_check(cer_dataset_finish(dataset, &err), &err);
	return dataset;
}
