"""Keras' side of train.py: trains on the encoded rows that train_net dumped, prints the same lines as train_peer.py.

Keras 3 over TensorFlow, its step compiled by XLA (jit_compile), 64 of them in a call, two threads.  Rows are arrays
given to fit: by tf.data (a shuffled range, batches gathered) it was slower, as it was with 16 steps a call, or 229.

    train_keras.py DUMP UNITS...
"""

import json
import os
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras  # noqa: E402
import numpy  # noqa: E402
import tensorflow  # noqa: E402

from dump import read_dump  # noqa: E402
from measure import print_end, score_auc  # noqa: E402

tensorflow.config.threading.set_intra_op_parallelism_threads(2)
tensorflow.config.threading.set_inter_op_parallelism_threads(2)
keras.utils.set_random_seed(1)
N_EPOCHS = 5
BATCH = 1024
N_STEPS_A_CALL = 64


def make_network(n_numbers, tables, units):
    """As network.py: embeddings or one-hot codes beside the numbers, then dense layers."""
    x = keras.Input((n_numbers,))
    codes = keras.Input((len(tables),), dtype="int32")
    parts = [x]
    for i, (n, width) in enumerate(tables):
        column = codes[:, i]
        parts.append(keras.layers.Embedding(n, width)(column) if width else keras.ops.one_hot(column, n))
    y = keras.layers.Concatenate()(parts)
    for n in units:
        y = keras.layers.Dense(n, "relu")(y)
    return keras.Model([x, codes], keras.layers.Dense(2)(y))


def measure(network, part):
    x, codes, labels = part
    logits = network.predict([x, codes], batch_size=8192, verbose=0).astype("float64")
    logits -= logits.max(1, keepdims=True)
    proba = numpy.exp(logits)
    proba /= proba.sum(1, keepdims=True)
    return -numpy.log(proba[numpy.arange(len(labels)), labels]).mean(), score_auc(proba[:, 1], labels)


def main():
    n_numbers, tables, (train, valid, test) = read_dump(sys.argv[1])
    network = make_network(n_numbers, tables, [int(n) for n in sys.argv[2:]])
    network.compile(keras.optimizers.Adam(0.001), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                    jit_compile=True, steps_per_execution=N_STEPS_A_CALL)
    # whole batches: one that is smaller would be compiled once more
    n_rows = len(train[0]) // BATCH * BATCH
    x, codes, labels = (part[:n_rows] for part in train)
    best = 1e9
    for epoch in range(1, N_EPOCHS + 1):
        start = time.perf_counter()
        network.fit([x, codes], labels, batch_size=BATCH, epochs=1, verbose=0)
        rate = n_rows / (time.perf_counter() - start)
        valid_loss, valid_auc = measure(network, valid)
        if valid_loss < best:
            best = valid_loss
            test_loss, test_auc = measure(network, test)
        print(json.dumps({"epoch": epoch, "rows_per_second": rate, "valid_loss": valid_loss, "valid_auc": valid_auc}))
    print_end(test_loss, test_auc)


main()
