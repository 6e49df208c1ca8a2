/*
 * nn/op_first.h
 *	  Where the first layer keeps its weights.
 */
#ifndef CER_NN_OP_FIRST_H
#define CER_NN_OP_FIRST_H

#include "nn/net.h"

struct cer_graph_node;
struct cer_infer_first;

/* What scores the node. */
extern const struct cer_infer_first *
cer_first_get_scoring(const struct cer_graph_node *node);
/* Each NULL if there is none. */
extern const cer_net_tensor *
cer_first_get_numbers(const cer_net *net, const cer_node *node);
extern const cer_net_tensor *
cer_first_get_embedding(const cer_net *net, const cer_node *node, size_t table);
/* By code (width 0), or by place in the embedding. */
extern const cer_net_tensor *
cer_first_get_rows(const cer_net *net, const cer_node *node, size_t table);

/*
 * The numbers of rows to be trained with that are mostly zero, so that training
 * leaves them out of its products; none where they are few.
 */
extern cer_status
cer_first_find_rare(cer_arena *arena, const cer_input_shape *shape,
                    const cer_encoded *rows, const uint32_t **numbers,
                    size_t *n, cer_error *err);

#endif
