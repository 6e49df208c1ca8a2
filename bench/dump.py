"""The encoded rows that train_net dumps, as arrays."""

import numpy


def read_part(data, at, n_numbers, n_tables):
    n = int(data[at:at + 8].view("uint64")[0])
    at += 8
    x = data[at:at + 4 * n * n_numbers].view("float32").reshape(n, n_numbers)
    at += x.nbytes
    codes = data[at:at + 4 * n * n_tables].view("int32").reshape(n, n_tables)
    at += codes.nbytes
    labels = data[at:at + 2 * n].view("int16")
    at += labels.nbytes
    return (x.copy(), codes.astype("int64"), labels.astype("int64")), at


def read_dump(path):
    data = numpy.fromfile(path, "uint8")
    n_numbers, n_tables = data[:8].view("uint32")
    tables = data[8:8 + 8 * n_tables].view("uint32").reshape(n_tables, 2).tolist()
    at = 8 + 8 * int(n_tables)
    parts = []
    for _ in range(3):
        part, at = read_part(data, at, int(n_numbers), int(n_tables))
        parts.append(part)
    return int(n_numbers), tables, parts
