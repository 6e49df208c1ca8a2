"""The file of rows that train_net reads: a head, then chunks of columns."""

import struct

import pandas

CHUNK_ROWS = 8192


def pack_text(text):
    data = text.encode()
    return struct.pack("I", len(data)) + data


def write(path, rows, numbers, categories, labels):
    columns = [rows[name].to_numpy("float64") for name in numbers]
    with open(path, "wb") as file:
        file.write(struct.pack("QI", len(rows), len(numbers) + len(categories)))
        for name in numbers:
            file.write(struct.pack("I", 1) + pack_text(name) + struct.pack("I", 0))
        for name in categories:
            codes, values = pandas.factorize(rows[name])
            columns.append((codes + 1).astype("uint32"))
            file.write(struct.pack("I", 2) + pack_text(name) + struct.pack("I", len(values)))
            file.write(b"".join(pack_text(value) for value in values))
        columns.append(labels.to_numpy("uint16"))
        for first in range(0, len(rows), CHUNK_ROWS):
            for column in columns:
                file.write(column[first:first + CHUNK_ROWS].tobytes())
