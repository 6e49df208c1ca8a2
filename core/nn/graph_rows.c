/*
 * nn/graph_rows.c
 *	  Rows of tensors that are left out, for a graph that scores.
 *
 * First layers keep rows themselves, folded or as they are; of other nodes' the
 * graph has a store for each tensor.
 */
#include "nn/graph_rows.h"
#include "base/arena.h"
#include "nn/op_first.h"
#include "nn/row_store.h"

#include <string.h>

/* The node that has the tensor. */
static const cer_graph_node *
find_node(const cer_graph *graph, size_t tensor)
{
	const cer_net *net = graph->net;
	size_t i = 0;

	while (tensor - net->nodes[i].first_tensor >= net->nodes[i].n_tensors)
		i++;
	return &graph->nodes[i];
}

static bool
is_of_first(const cer_graph_node *node)
{
	return node->node->op == &cer_op_first;
}

cer_status
cer_graph_make_stores(cer_graph *graph)
{
	const cer_net *net = graph->net;
	size_t n_left_out = cer_net_count_left_out(net);
	size_t size = net->n_tensors * sizeof(*graph->stores);

	graph->stores = cer_arena_allocate(graph->arena, size);
	if (graph->stores == NULL)
		return CER_NO_MEMORY;
	memset(graph->stores, 0, size);
	for (size_t i = 0; i < net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &net->tensors[i];

		if (tensor->offset != CER_TENSOR_LEFT_OUT ||
		    is_of_first(find_node(graph, i)))
			continue;
		graph->stores[i] = cer_row_store_make_within(
			graph->arena, (size_t) tensor->dims[1], (size_t) tensor->dims[0],
			graph->cache_size / n_left_out);
		if (graph->stores[i] == NULL)
			return CER_NO_MEMORY;
	}
	return CER_OK;
}

size_t
cer_graph_find_missing(const cer_graph *graph, size_t tensor,
                       const cer_encoded *rows, uint32_t *missing)
{
	const cer_graph_node *node = find_node(graph, tensor);
	const cer_net *net = graph->net;
	size_t table = net->tensors[tensor].table - 1;
	size_t n_codes = (size_t) net->tensors[tensor].dims[0];
	size_t stride = cer_shape_count_codes(net->shape);
	uint32_t codes[CER_FETCH_ROWS];

	if (is_of_first(node))
		return cer_infer_first_find_missing(cer_first_get_scoring(node), table,
		                                    rows, missing);
	for (size_t row = 0; row < rows->n_rows; row++)
	{
		uint32_t code = rows->codes[row * stride + table];

		codes[row] = code < n_codes ? code : CER_CODE_UNSEEN;
	}
	return cer_row_store_begin(graph->stores[tensor], rows->n_rows, codes,
	                           missing);
}

void
cer_graph_put_row(const cer_graph *graph, size_t tensor, const cer_row *row,
                  void *scratch)
{
	const cer_graph_node *node = find_node(graph, tensor);
	const cer_net_tensor *of = &graph->net->tensors[tensor];

	if (is_of_first(node))
		cer_infer_first_put_row(cer_first_get_scoring(node), of->table - 1, row,
		                        scratch);
	else
		memcpy(cer_row_store_put(graph->stores[tensor], row->code),
		       row->weights, (size_t) of->dims[1] * sizeof(float));
}
