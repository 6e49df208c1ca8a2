"""Writes test/golden/encode_*.txt: what scikit-learn, rtdl_num_embeddings, pandas and xxhash make of columns.

Each file has one column, its training rows and then its validation rows, and what the encoder makes of each row:
numbers, or codes (0 missing, 1 unseen or rare, then the values).

    python test/reference/encoders.py        (tools/venv encoders)
"""

import pathlib
import warnings

import numpy
import pandas
import rtdl_num_embeddings
import scipy.stats
import torch
import xxhash
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, RobustScaler, StandardScaler

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
N_CLASSES = 3
N_TRAIN = 121  # less one, it is a multiple of the bins: their edges are values
RNG = numpy.random.default_rng(20261124)
LABELS = RNG.integers(0, N_CLASSES, 200)


def write(name, fe, kind, train, valid, numbers=None, codes=None):
    rows = [*train, *valid]
    made = [numpy.asarray(x, float).reshape(len(rows), -1) if x is not None else numpy.zeros((len(rows), 0)) for x in (numbers, codes)]
    with open(GOLDEN / f"encode_{name}.txt", "w") as file:
        file.write(f"{fe}\n{kind} {len(rows)} {len(train)} {N_CLASSES} {made[0].shape[1]} {made[1].shape[1]}\n")
        for i, row in enumerate(rows):
            missing = row is None or row != row
            value = "-" if missing else row if kind == "text" else f"{row:.17g}"
            file.write(" ".join([value, str(LABELS[i]), *(f"{x:.9g}" for part in made for x in part[i])]) + "\n")


def column(x):
    return numpy.asarray(x, float)[:, None]


def both(transformer, train, valid):
    """Missing values become 0, and have a number of their own."""
    transformer.fit(column(train))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return transformer.transform(column([*train, *valid]))


def clip(z):
    return z / numpy.sqrt(1 + (z / 3) ** 2)


# ------------------------------------------------------------ scales

train = RNG.lognormal(3, 2, N_TRAIN) - 20
valid = RNG.lognormal(3, 2, 30) - 20
holes = numpy.where(RNG.random(N_TRAIN) < 0.2, numpy.nan, train)
missing = column(numpy.isnan([*holes, *valid]))
robust = RobustScaler()
write("robust", "FE x : robust", "number", train, valid, clip(both(robust, train, valid)))
write("robust_missing", "FE x : robust", "number", holes, valid,
      numpy.hstack([numpy.nan_to_num(clip(both(robust, holes, valid))), missing]))
logs = [numpy.sign(x) * numpy.log1p(numpy.abs(x)) for x in (train, valid)]
write("log", "FE x : log", "number", train, valid, clip(both(robust, *logs)))
write("standardize", "FE x : standardize", "number", train, valid, numpy.clip(both(StandardScaler(), train, valid), -10, 10))

# ------------------------------------------------------------ places among the training rows

ties = numpy.round(RNG.normal(0, 3, 90))
deviates = scipy.stats.norm.ppf((scipy.stats.rankdata(ties) - 0.5) / len(ties))
order = numpy.unique(ties, return_index=True)[1]
between = RNG.uniform(ties.min(), ties.max(), 30)
write("quantile", "FE x : quantile(200)", "number", ties, between,
      [*deviates, *numpy.interp(between, ties[order], deviates[order])])

inside = numpy.clip(valid, train.min(), train.max())
bins = rtdl_num_embeddings.compute_bins(torch.tensor(train)[:, None], n_bins=8)
parts = rtdl_num_embeddings.PiecewiseLinearEncoding(bins)(torch.tensor([*train, *inside])[:, None]).numpy()
ranks = scipy.stats.norm.ppf((scipy.stats.rankdata(train) - 0.5) / N_TRAIN)
edges = bins[0].numpy()
at_edges = [ranks[train == edge][0] for edge in edges]
write("ple", "FE x : ple(8)", "number", train, inside,
      numpy.hstack([column(numpy.interp([*train, *inside], edges, at_edges)), parts]))

cut = KBinsDiscretizer(20, encode="ordinal", strategy="quantile", quantile_method="linear", subsample=None)
write("bins", "FE x : bins", "number", train, valid, codes=2 + both(cut, train, valid))

# ------------------------------------------------------------ categories

words = numpy.array(["red", "green", "blue", "Zoe", "rare", "seldom"])
texts = [*words[RNG.choice(4, 100, p=[0.5, 0.3, 0.1, 0.1])], "rare", "seldom", "seldom", *[None] * 7]
RNG.shuffle(texts)
asked = ["red", "green", "blue", "Zoe", "rare", "new", None, "RED"]
one_hot = OneHotEncoder(min_frequency=3, handle_unknown="infrequent_if_exist", sparse_output=False)
one_hot.fit(numpy.array([x for x in texts if x is not None], object)[:, None])


def code_of(text):
    if text is None:
        return 0
    at = one_hot.transform(numpy.array([[text]], object))[0].argmax()
    return 1 if at == len(one_hot.get_feature_names_out()) - 1 else 2 + at


for name, encoder in (("onehot", "onehot"), ("embed", "embed(4)")):
    write(name, f"FE x : {encoder}", "text", texts, asked, codes=[code_of(x) for x in [*texts, *asked]])
write("hash", "FE x : hash(50, 3)", "text", texts, asked,
      codes=[0 if x is None else 2 + xxhash.xxh3_64_intdigest(x.encode()) % 50 for x in [*texts, *asked]])


# ------------------------------------------------------------ rates


def rates(rows, labels, strength, shares):
    """By value and class: drawn towards the shares of all rows (Micci-Barreca 2001)."""
    counts = {x: numpy.zeros(N_CLASSES) for x in ("red", "green", "blue", "Zoe", "other", None)}
    for x, label in zip(rows, labels):
        counts[x][label] += 1
    return {x: (n + strength * shares) / (n.sum() + strength) for x, n in counts.items()}


def logit(p):
    return numpy.log(p / (1 - p))


group = [x if x in ("red", "green", "blue", "Zoe", None) else "other" for x in texts]
labels = LABELS[:len(texts)]
shares = (numpy.bincount(labels, minlength=N_CLASSES) + 1) / (len(texts) + N_CLASSES)
folds = numpy.arange(len(texts)) % 5
out_of_fold = {a: [rates([x for x, f in zip(group, folds) if f != fold], labels[folds != fold], a, shares) for fold in range(5)]
               for a in (2, 8, 32, 128)}
losses = {a: -sum(numpy.log(of[fold][x][label]) for x, label, fold in zip(group, labels, folds)) for a, of in out_of_fold.items()}
strength = min(losses, key=losses.get)
everything = rates(group, labels, strength, shares)
seen = [out_of_fold[strength][fold][x] for x, fold in zip(group, folds)]
seen += [everything[x if x in ("red", "green", "blue", "Zoe", None) else "other"] for x in asked]
write("rate", "FE x : rate", "text", texts, asked, clip(logit(numpy.array(seen)) - logit(shares)))

# ------------------------------------------------------------ times

EPOCH = pandas.Timestamp("2000-01-01")
seconds = RNG.integers(-(10**9), 10**9, 80)
times = pandas.DatetimeIndex([EPOCH + pandas.Timedelta(seconds=int(s)) for s in seconds])
of_day = (times - times.normalize()).total_seconds() / 86400
phases = [of_day, (times.day_of_week + of_day) / 7, (times.day - 1 + of_day) / times.days_in_month,
          (times.day_of_year - 1 + of_day) / (365 + times.is_leap_year)]
write("cycles", "FE x : cycles", "timestamp", seconds[:60], seconds[60:],
      numpy.column_stack([f(2 * numpy.pi * numpy.asarray(phase)) for phase in phases for f in (numpy.sin, numpy.cos)]))
fields = [times.year, times.month, times.day, times.day_of_week, times.hour, times.minute]


def nearest(field):
    """The code of a value; of one that no training row had that of the nearest one, the lower of two."""
    values = numpy.unique(numpy.asarray(field)[:60])
    return [2 + int(numpy.abs(values - x).argmin()) for x in field]


write("parts", "FE x : parts", "timestamp", seconds[:60], seconds[60:], codes=numpy.column_stack([nearest(f) for f in fields]))
