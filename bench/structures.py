"""Structures beside PyTorch: rows a second of CPU in training, the same rows, batches and sizes, fp32, one thread each.

The peers are the authors' packages where there is one (tabm, rtdl_revisiting_models, rtdl_num_embeddings), else eager
PyTorch as it is commonly written.  CEREBRO trains two epochs of flights, of which the second counts, as PyTorch's
N_BATCHES batches do after some to warm up, these without the cost of loading rows.  CPU seconds, as the machine may be
shared; of CEREBRO's epoch the part that is not validation.

    bench/structures [NAME ...]
"""

import json
import math
import pathlib
import subprocess
import sys
import time

import rtdl_num_embeddings
import rtdl_revisiting_models
import tabm
import torch
from torch import nn
from torch.nn import functional

from dump import read_dump

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build/bench"
CHUNK = 8192  # rows, in the file of rows
CODE32 = 2    # how that file tells a category
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


def residual(n):
    return rtdl_revisiting_models.ResNet(d_in=n, d_out=2, n_blocks=2, d_block=192, d_hidden=384, d_hidden_multiplier=None,
                                         dropout1=0.1, dropout2=0.0)


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


class Waves(nn.Module):
    """PBLD: learnt numbers of cosines of learnt frequencies and phases, beside the numbers themselves."""

    def __init__(self, n):
        super().__init__()
        self.frequencies = nn.Parameter(0.1 * torch.randn(n, 1, 16))
        self.phases = nn.Parameter(math.pi * (2 * torch.rand(n, 1, 16) - 1))
        self.weight, self.bias = nn.Parameter(torch.randn(n, 16, 3) / 4), nn.Parameter(torch.randn(n, 1, 3) / 4)

    def forward(self, x):
        waves = torch.cos(2 * math.pi * x.T[:, :, None] @ self.frequencies + self.phases)
        return torch.cat([(waves @ self.weight + self.bias).transpose(0, 1).flatten(1), x], 1)


def realmlp(n):
    layers = [Scale(n)]
    for _ in range(3):
        layers += [Ntk(n, 256), Learnt(256), nn.Dropout(0.1)]
        n = 256
    return nn.Sequential(*layers, Ntk(n, 2))


def find_bins(numbers):
    return rtdl_num_embeddings.compute_bins(numbers[:, :len(NUMBERS)], n_bins=48)


class Whole(nn.Module):
    """A net that has its own way to take numbers and codes."""

    def __init__(self, numbers, tables):
        super().__init__()
        self.counts = [n for n, _ in tables]
        self.net = self.make(numbers)

    def forward(self, numbers, codes):
        return self.net(numbers[:, :len(NUMBERS)], codes)


class TabM(Whole):
    def make(self, numbers):
        learnt = rtdl_num_embeddings.PiecewiseLinearEmbeddings(find_bins(numbers), 16, activation=False, version="B")
        return tabm.TabM.make(n_num_features=len(NUMBERS), cat_cardinalities=self.counts, d_out=2, num_embeddings=learnt,
                              n_blocks=2, d_block=512, dropout=0.1, k=32)


class FtTransformer(Whole):
    def make(self, numbers):
        return rtdl_revisiting_models.FTTransformer(
            n_cont_features=len(NUMBERS), cat_cardinalities=self.counts, d_out=2, n_blocks=3, d_block=192,
            attention_n_heads=8, attention_dropout=0.2, ffn_d_hidden=256, ffn_d_hidden_multiplier=None, ffn_dropout=0.1,
            residual_dropout=0.0)


class Lifted(nn.Module):
    """Numbers by what learns them, codes as ever; then a net."""

    def __init__(self, numbers, tables, lift, n_of_number, net):
        super().__init__()
        self.lift, self.inputs = lift, Inputs(numbers.shape[1] - len(NUMBERS), tables)
        self.net = net(self.inputs.width + n_of_number * len(NUMBERS))

    def forward(self, numbers, codes):
        lifted = self.lift(numbers[:, :len(NUMBERS)]).flatten(1)
        return self.net(torch.cat([lifted, self.inputs(numbers[:, len(NUMBERS):], codes)], 1))


def mlp(n):
    return rtdl_revisiting_models.MLP(d_in=n, d_out=2, n_blocks=2, d_block=256, dropout=0.1)


def ple_mlp(numbers, tables):
    lift = rtdl_num_embeddings.PiecewiseLinearEmbeddings(find_bins(numbers), 16, activation=False, version="B")
    return Lifted(numbers, tables, lift, 16, mlp)


def ple_plain(numbers, tables):
    lift = rtdl_num_embeddings.PiecewiseLinearEncoding(find_bins(numbers))
    n = lift.get_output_shape()[0]
    return Lifted(numbers, tables, lift, 0, lambda width: mlp(width + n))


def waves_realmlp(numbers, tables):
    return Lifted(numbers, tables, Waves(len(NUMBERS)), 4, realmlp)


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


def fe(encoder):
    return "FE *, " + ", ".join(f"{name} : {encoder}" for name in NUMBERS)


TOKEN = 16


def over_inputs(net):
    def make(numbers, tables):
        inputs = Inputs(numbers.shape[1], tables)
        return Over(inputs, net(inputs.width))
    return make


def over_tokens(net):
    return lambda numbers, tables: Over(Tokens(len(NUMBERS), tables, TOKEN), net(TOKEN))


class Over(nn.Module):
    def __init__(self, inputs, net):
        super().__init__()
        self.inputs, self.net = inputs, net

    def forward(self, numbers, codes, *labels):
        return self.net(self.inputs(numbers, codes), *labels)


# the peer; our encoder of numbers and AS; rows of a batch, and chunks of rows that we train on
STRUCTURES = {
    "residual": (over_inputs(residual), "robust", "residual", 1024, 20),
    "dcn": (over_inputs(Dcn), "robust", "dcn", 1024, 20),
    "tabm": (TabM, "ple(48, 16)", "tabm(512 x 2, members = 32)", 256, 1),
    "realmlp": (waves_realmlp, "pbld", "realmlp", 1024, 20),
    "ft_transformer": (FtTransformer, "robust", "ft_transformer", 256, 1),
    "mlp_ple": (ple_mlp, "ple(48, 16)", "mlp(256 x 2)", 1024, 20),
    "mlp_ple_plain": (ple_plain, "ple(48)", "mlp(256 x 2)", 1024, 20),
    "conv": (over_tokens(Convolution), "robust", "tokens(16) > conv1d(64) > relu > conv1d(64) > relu > pool(max)", 1024, 8),
    "gru": (over_tokens(gru), "robust", "tokens(16) > gru(64) > pool(last)", 1024, 8),
    "lstm": (over_tokens(lstm), "robust", "tokens(16) > lstm(64) > pool(last)", 1024, 8),
    "transformer": (over_tokens(Attention), "robust",
                    "tokens(16) > repeat(2, skip(norm(layer) > attention(4)) > skip(norm(layer) > dense(64) > relu"
                    " > dropout(0.1) > dense(16))) > norm(layer) > pool(mean)", 1024, 8),
    "modern_nca": (over_inputs(Neighbours), "robust", "modern_nca(candidates = 1024)", 1024, 20),
}


def run_peer(net, batch, rows):
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.001)
    for i in range(N_WARM + N_BATCHES):
        if i == N_WARM:
            start = time.process_time()
        numbers, codes, labels = (part[i * batch:(i + 1) * batch] for part in rows)
        takes_labels = isinstance(getattr(net, "net", None), Neighbours)
        logits = net(numbers, codes, labels) if takes_labels else net(numbers, codes)
        if logits.dim() == 3:
            logits, labels = logits.flatten(0, 1), labels.repeat_interleave(logits.shape[1])
        optimizer.zero_grad()
        functional.cross_entropy(logits, labels).backward()
        optimizer.step()
    return N_BATCHES * batch / (time.process_time() - start)


def cut_rows(n_chunks):
    """The first chunks of the file of rows."""
    path = WORK / f"flights_{n_chunks}.rows"
    if not path.exists():
        data = (WORK / "flights.rows").read_bytes()
        n_inputs, at, row = int.from_bytes(data[8:12], "little"), 12, 2
        for _ in range(n_inputs):
            is_code = int.from_bytes(data[at:at + 4], "little") == CODE32
            at += 8 + int.from_bytes(data[at + 4:at + 8], "little")
            n_values = int.from_bytes(data[at:at + 4], "little")
            at += 4
            for _ in range(n_values):
                at += 4 + int.from_bytes(data[at:at + 4], "little")
            row += 4 if is_code else 8
        n_rows = n_chunks * CHUNK
        path.write_bytes(n_rows.to_bytes(8, "little") + data[8:at + n_rows * row])
    return path


def run_own(encoder, structure, batch, n_chunks):
    triple = f"{fe(encoder)} AS {structure} PT epochs = 2, batch = {batch}, dropout = 0.1, seed = 1"
    lines = subprocess.run([WORK / "train_net", cut_rows(n_chunks), triple, "1"], stdout=subprocess.PIPE, check=True,
                           text=True).stdout.splitlines()
    epoch = json.loads(lines[1])
    return epoch["n_rows"] / epoch["train_cpu_seconds"]


def dump():
    """The rows as both sides encode them."""
    path = WORK / "flights_robust.encoded"
    if not path.exists():
        triple = f"{fe('robust')} AS mlp(4) PT epochs = 1, seed = 1"
        subprocess.run([WORK / "train_net", cut_rows(20), triple, "1", path], stdout=subprocess.DEVNULL, check=True)
    return path


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    _, tables, (train, _, _) = read_dump(dump())
    train = tuple(map(torch.from_numpy, train))
    print(f"{'structure':30} {'CEREBRO':>10} {'PyTorch':>10} {'ratio':>6}   rows a CPU second, one thread")
    for name in sys.argv[1:] or STRUCTURES:
        make, encoder, structure, batch, n_chunks = STRUCTURES[name]
        own = run_own(encoder, structure, batch, n_chunks)
        peer = run_peer(make(train[0], tables), batch, train)
        print(f"{name:14} {encoder:15} {own:10,.0f} {peer:10,.0f} {own / peer:6.2f}", flush=True)


main()
