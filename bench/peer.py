"""The peer: what one does without CEREBRO.  COPY to a client, pandas, encode, PyTorch, COPY back.

Written as a careful data scientist would: types given to read_csv, vectorised encoding, whole batches on tensors,
eager PyTorch on the same two threads, the same network (embeddings of width 8 for categories of more than 9 values,
one-hot below), batch 1024, Adam.
"""

import io

import numpy
import pandas
import torch

from lib import CATEGORIES, NUMBERS
from network import Network

QUERY = "SELECT * FROM late_source WHERE arr_delay IS NOT NULL"
# what a network is trained on: no key, which CEREBRO reads, too, to order and to split rows by it
TRAINED = f"SELECT {', '.join(NUMBERS + CATEGORIES)}, arr_delay FROM late_source WHERE arr_delay IS NOT NULL"
SHARES = (0.7, 0.15)


def export(connection, query=TRAINED):
    """Rows as a DataFrame, through COPY to the client."""
    text = io.BytesIO()
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)") as copy:
        for block in copy:
            text.write(block)
    text.seek(0)
    types = {name: "float32" for name in NUMBERS} | {name: "category" for name in CATEGORIES}
    return pandas.read_csv(text, dtype=types)


class Encoder:
    """Robust scaling with smooth clip and a missing indicator; codes 0 missing, 1 unseen."""

    def fit(self, frame):
        numbers = frame[NUMBERS].to_numpy("float32")
        low, self.median, high = numpy.nanquantile(numbers, [0.25, 0.5, 0.75], axis=0).astype("float32")
        spread = high - low
        flat = 2 / numpy.maximum(numpy.nanmax(numbers, axis=0) - numpy.nanmin(numbers, axis=0), 1e-30)
        self.scale = numpy.where(spread > 0, 1 / numpy.where(spread > 0, spread, 1), flat).astype("float32")
        self.has_missing = numpy.isnan(numbers).any(axis=0)
        self.values = {}
        for name in CATEGORIES:
            counts = frame[name].value_counts()
            self.values[name] = pandas.Index(counts[counts >= 3].index.astype(str))
        return self

    def tables(self):
        """Codes and width of each category; width 0: one-hot."""
        n_codes = [len(self.values[name]) + 2 for name in CATEGORIES]
        return [(n, 8 if n > 9 else 0) for n in n_codes]

    def encode(self, frame):
        """x: numbers (n, n_numbers); codes: (n, n_categories)."""
        numbers = (frame[NUMBERS].to_numpy("float32") - self.median) * self.scale
        missing = numpy.isnan(numbers)
        numbers = numpy.where(missing, 0, numbers / numpy.sqrt(1 + (numbers / 3) ** 2))
        x = numpy.concatenate([numbers, missing[:, self.has_missing].astype("float32")], axis=1)
        codes = numpy.stack([self.encode_category(frame[name], name) for name in CATEGORIES], axis=1)
        return torch.from_numpy(x), torch.from_numpy(codes)

    def encode_category(self, column, name):
        of_category = self.values[name].get_indexer(column.cat.categories.astype(str)) + 2
        of_category = numpy.where(of_category == 1, 1, of_category)  # -1 + 2: unseen
        codes = column.cat.codes.to_numpy()
        return numpy.where(codes < 0, 0, of_category[codes]).astype("int64")


def predict(network, x, codes, batch=8192):
    with torch.no_grad():
        return torch.cat([torch.softmax(network(x[i:i + batch], codes[i:i + batch]), dim=1)[:, 1]
                          for i in range(0, len(x), batch)])


def auc(scores, labels):
    ranks = pandas.Series(scores.numpy()).rank().to_numpy()
    positive = labels.numpy() == 1
    n = positive.sum()
    return (ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(labels) - n))


def split(frame):
    part = numpy.random.default_rng(1).random(len(frame))
    return part < SHARES[0], (part >= SHARES[0]) & (part < sum(SHARES))


def train(frame, units, n_epochs=5, batch=1024, lr=0.001):
    """Encode, train, measure each epoch on validation rows.  Returns encoder, network, last AUC."""
    torch.manual_seed(1)
    is_train, is_valid = split(frame)
    encoder = Encoder().fit(frame[is_train])
    x, codes = encoder.encode(frame[is_train])
    valid_x, valid_codes = encoder.encode(frame[is_valid])
    labels = torch.from_numpy((frame["arr_delay"] > 15).to_numpy().astype("int64"))
    y, valid_y = labels[is_train], labels[is_valid]
    network = Network(x.shape[1], encoder.tables(), units)
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    for _ in range(n_epochs):
        order = torch.randperm(len(x))
        for i in range(0, len(x), batch):
            rows = order[i:i + batch]
            loss = torch.nn.functional.cross_entropy(network(x[rows], codes[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        score = auc(predict(network, valid_x, valid_codes), valid_y)
    return encoder, network, score
