"""Rivals' models: the network of the measurements for ONNX Runtime, and trees."""

import numpy
import onnx
import onnxruntime
import torch
import xgboost


def two_threads():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    return options


def make_onnx(network, n_codes):
    """The same network: a Gather for each table, Gemm and Relu, Softmax."""
    helper, kinds = onnx.helper, onnx.TensorProto
    tensors, nodes, parts = [], [], ["x"]

    def add(name, array):
        tensors.append(onnx.numpy_helper.from_array(numpy.array(array), name))
        return name

    embeddings = iter(network.embeddings)
    for i, (n, width) in enumerate(network.tables):
        rows = next(embeddings).weight.detach().numpy() if width > 0 else numpy.eye(n, dtype="float32")
        nodes.append(helper.make_node("Gather", ["codes", add(f"at{i}", numpy.int64(i))], [f"code{i}"], axis=1))
        nodes.append(helper.make_node("Gather", [add(f"rows{i}", rows), f"code{i}"], [f"part{i}"]))
        parts.append(f"part{i}")
    nodes.append(helper.make_node("Concat", parts, ["y0"], axis=1))
    linears = [layer for layer in network.layers if isinstance(layer, torch.nn.Linear)]
    for i, linear in enumerate(linears):
        nodes.append(helper.make_node("Gemm", [f"y{i}", add(f"w{i}", linear.weight.detach().numpy()), add(f"b{i}", linear.bias.detach().numpy())],
                                      [f"z{i}"], transB=1))
        nodes.append(helper.make_node("Relu" if i + 1 < len(linears) else "Identity", [f"z{i}"], [f"y{i + 1}"]))
    nodes.append(helper.make_node("Softmax", [f"y{len(linears)}"], ["proba"], axis=1))
    graph = helper.make_graph(nodes, "flights", [helper.make_tensor_value_info("x", kinds.FLOAT, ["n", None]),
                                                 helper.make_tensor_value_info("codes", kinds.INT64, ["n", len(n_codes)])],
                              [helper.make_tensor_value_info("proba", kinds.FLOAT, ["n", 2])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def train_trees(x, labels):
    """100 trees of XGBoost, on two threads."""
    parameters = {"objective": "binary:logistic", "max_depth": 6, "tree_method": "hist", "nthread": 2}
    return xgboost.train(parameters, xgboost.DMatrix(x, label=numpy.asarray(labels, "float32")), num_boost_round=100)
