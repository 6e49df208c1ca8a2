"""Structures beside PyTorch: rows a second of CPU in training, the same rows, batches and sizes, fp32, one thread each.

CEREBRO trains an epoch of the flights; PyTorch, eager as it is commonly written, N_BATCHES batches after some to warm up,
without the cost of loading rows.  CPU seconds, as the machine may be shared.

    bench/structures [NAME ...]
"""

import json
import math
import pathlib
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional

from dump import read_dump

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build/bench"
BATCH = 1024
N_BATCHES = 12
N_WARM = 3


class Inputs(nn.Module):
    """Numbers, one-hot codes and embeddings side by side."""

    def __init__(self, n_numbers, tables):
        super().__init__()
        self.tables = tables
        self.embeddings = nn.ModuleList(nn.Embedding(n, width) for n, width in tables if width)
        self.width = n_numbers + sum(width or n for n, width in tables)

    def forward(self, numbers, codes):
        parts, embeddings = [numbers], iter(self.embeddings)
        for i, (n, width) in enumerate(self.tables):
            parts.append(next(embeddings)(codes[:, i]) if width else functional.one_hot(codes[:, i], n).float())
        return torch.cat(parts, 1)


class Skip(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def residual(n):
    def block():
        return Skip(nn.BatchNorm1d(192), nn.Linear(192, 384), nn.ReLU(), nn.Dropout(0.1), nn.Linear(384, 192))
    return nn.Sequential(nn.Linear(n, 192), block(), block(), nn.BatchNorm1d(192), nn.ReLU(), nn.Linear(192, 2))


class Dcn(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.first = nn.Linear(n, 256)
        self.crosses = nn.ModuleList(nn.Linear(256, 256) for _ in range(3))
        self.deep = nn.Sequential(*(m for _ in range(2) for m in (nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.1))))
        self.last = nn.Linear(512, 2)

    def forward(self, x):
        x0 = x = self.first(x)
        for cross in self.crosses:
            x = x0 * cross(x) + x
        return self.last(torch.cat([x, self.deep(x0)], 1))


class Ntk(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out))
        self.bias = nn.Parameter(torch.randn(n_out))

    def forward(self, x):
        return x @ self.weight / math.sqrt(len(self.weight)) + self.bias


class Learnt(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.share = nn.Parameter(torch.ones(n))

    def forward(self, x):
        return x + self.share * (functional.selu(x) - x)


class Scale(nn.Module):
    def __init__(self, *dims):
        super().__init__()
        self.factors = nn.Parameter(torch.ones(dims))

    def forward(self, x):
        return x * self.factors


def realmlp(n):
    layers = [Scale(n)]
    for _ in range(3):
        layers += [Ntk(n, 256), Learnt(256), nn.Dropout(0.1)]
        n = 256
    return nn.Sequential(*layers, Ntk(n, 2))


class Member(nn.Module):
    """BatchEnsemble: x (rows, members, n)."""

    def __init__(self, k, n_in, n_out):
        super().__init__()
        self.before, self.after = Scale(k, n_in), Scale(k, n_out)
        self.dense = nn.Linear(n_in, n_out, bias=False)
        self.bias = nn.Parameter(torch.zeros(k, n_out))

    def forward(self, x):
        return self.after(self.dense(self.before(x))) + self.bias


class Heads(nn.Module):
    def __init__(self, k, n):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(k, n, 2) / math.sqrt(n))
        self.bias = nn.Parameter(torch.zeros(k, 2))

    def forward(self, x):
        return torch.einsum("bki,kio->bko", x, self.weight) + self.bias


def tabm(n, k=16):
    layers = [nn.Unflatten(1, (1, n))]
    for _ in range(2):
        layers += [Member(k, n, 256), nn.ReLU(), nn.Dropout(0.1)]
        n = 256
    return nn.Sequential(*layers, Heads(k, n))


class Tokens(nn.Module):
    """A vector for each number and each code.  Numbers that say that another is missing have none: less work than ours."""

    def __init__(self, n_numbers, tables, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_numbers, width) / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(n_numbers + len(tables), width))
        self.embeddings = nn.ModuleList(nn.Embedding(n, width) for n, _ in tables)

    def forward(self, numbers, codes):
        embedded = [embedding(codes[:, i])[:, None] for i, embedding in enumerate(self.embeddings)]
        return torch.cat([numbers[:, :len(self.weight), None] * self.weight, *embedded], 1) + self.bias


class Convolution(nn.Sequential):
    def __init__(self, n):
        super().__init__(nn.Conv1d(n, 64, 3, padding="same"), nn.ReLU(), nn.Conv1d(64, 64, 3, padding="same"), nn.ReLU())
        self.last = nn.Linear(64, 2)

    def forward(self, x):
        x = x.transpose(1, 2)
        for layer in list(self)[:4]:
            x = layer(x)
        return self.last(x.max(2).values)


class Recurrent(nn.Module):
    def __init__(self, layer, n):
        super().__init__()
        self.layer, self.last = layer(n, 64, batch_first=True), nn.Linear(64, 2)

    def forward(self, x):
        return self.last(self.layer(x)[0][:, -1])


class Attention(nn.Module):
    def __init__(self, n):
        super().__init__()
        layer = nn.TransformerEncoderLayer(n, 4, 64, 0.1, batch_first=True, norm_first=True)
        self.layers, self.norm, self.last = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.LayerNorm(n), nn.Linear(n, 2)

    def forward(self, x):
        return self.last(self.norm(self.layers(x)).mean(1))


class Neighbours(nn.Module):
    """Answers by the other rows of the batch; returns logits, as other nets do."""

    def __init__(self, n):
        super().__init__()
        self.dense = nn.Linear(n, 128)

    def forward(self, x, labels):
        z = self.dense(x)
        distances = torch.cdist(z, z).masked_fill(torch.eye(len(z)).bool(), torch.inf)
        return torch.log(torch.softmax(-distances, 1) @ functional.one_hot(labels, 2).float() + 1e-7)


def gru(n):
    return Recurrent(nn.GRU, n)


def lstm(n):
    return Recurrent(nn.LSTM, n)


# one number a column, so that both sides have as many tokens
NUMBERS = "month day dep_min arr_min dow flight distance plane_year seats temp humid wind_speed precip pressure visib".split()
ROBUST = "FE *, " + ", ".join(f"{name} : robust" for name in NUMBERS)
TOKEN = 16
OVER_TOKENS = (Convolution, gru, lstm, Attention)

STRUCTURES = {
    "conv": (Convolution, "tokens(16) > conv1d(64) > relu > conv1d(64) > relu > pool(max)"),
    "gru": (gru, "tokens(16) > gru(64) > pool(last)"),
    "lstm": (lstm, "tokens(16) > lstm(64) > pool(last)"),
    "transformer": (Attention, "tokens(16) > repeat(2, skip(norm(layer) > attention(4)) > skip(norm(layer) > dense(64) > relu"
                               " > dropout(0.1) > dense(16))) > norm(layer) > pool(mean)"),
    "modern_nca": (Neighbours, "modern_nca(candidates = 1024)"),
    "residual": (residual, "residual"),
    "dcn": (Dcn, "dcn"),
    "realmlp": (realmlp, "realmlp"),
    "tabm": (tabm, "tabm(256 x 2, members = 16)"),
}


def run_peer(make, n_numbers, tables, rows):
    inputs = Tokens(len(NUMBERS), tables, TOKEN) if make in OVER_TOKENS else Inputs(n_numbers, tables)
    net = make(TOKEN if make in OVER_TOKENS else inputs.width)
    optimizer = torch.optim.AdamW([*inputs.parameters(), *net.parameters()], lr=0.001)
    for i in range(N_WARM + N_BATCHES):
        if i == N_WARM:
            start = time.process_time()
        numbers, codes, labels = (part[i * BATCH:(i + 1) * BATCH] for part in rows)
        logits = net(inputs(numbers, codes), labels) if make is Neighbours else net(inputs(numbers, codes))
        if logits.dim() == 3:
            logits, labels = logits.flatten(0, 1), labels.repeat_interleave(logits.shape[1])
        optimizer.zero_grad()
        functional.cross_entropy(logits, labels).backward()
        optimizer.step()
    return N_BATCHES * BATCH / (time.process_time() - start)


def run_own(structure, n_rows, fe):
    triple = f"{fe} AS {structure} PT epochs = 1, batch = {BATCH}, dropout = 0.1, seed = 1"
    lines = subprocess.run([WORK / "train_net", WORK / "flights.rows", triple, "1"], stdout=subprocess.PIPE, check=True,
                           text=True).stdout.splitlines()
    return n_rows / json.loads(lines[0])["cpu_seconds"]


def dump(fe, name):
    """The rows as both sides encode them."""
    path = WORK / f"{name}.encoded"
    if not path.exists():
        triple = f"{fe} AS mlp(4) PT epochs = 1, batch = {BATCH}, seed = 1"
        subprocess.run([WORK / "train_net", WORK / "flights.rows", triple, "1", path], stdout=subprocess.DEVNULL, check=True)
    return path


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    dumps = {fe: read_dump(dump(fe, name)) for fe, name in (("FE *", "flights"), (ROBUST, "flights_robust"))}
    print(f"{'structure':30} {'CEREBRO':>10} {'PyTorch':>10} {'ratio':>6}   rows a CPU second, batch {BATCH}, one thread")
    for name in sys.argv[1:] or STRUCTURES:
        make, structure = STRUCTURES[name]
        fe = ROBUST if make in OVER_TOKENS else "FE *"
        n_numbers, tables, (train, _, _) = dumps[fe]
        own, peer = run_own(structure, len(train[0]), fe), run_peer(make, n_numbers, tables, train)
        print(f"{structure:30} {own:10,.0f} {peer:10,.0f} {own / peer:6.2f}", flush=True)


main()
