"""Writes test/golden/layers_*.txt: what PyTorch computes with nets of other layers than dense ones.

Weights and rows are random but fixed; weights are written in our names and as (n_in, n_out).  For each net: loss and
gradients of one batch in training (dropout 0), running statistics after it, and what the net then predicts.
PyTorch works in double precision, so that its own rounding is none of ours; its own modules are used where it has them.

    python test/reference/layers.py        (torch==2.13.0, numpy)
"""

import inspect
import math
import pathlib
import types

import numpy
import torch
from torch.nn import functional

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
N_NUMBERS = 3
TABLES = [(4, 0), (6, 3), (70, 2)]
N_CLASSES = 3
N_ROWS = 11


# what encoders leave to be learnt: kind, width; a bag's rows and codes, or the number and how many frequencies or bins
LIFTS = {
    "w": ("bag", 3, 9, 4),
    "a": ("periodic", 5, 0, 3),
    "b": ("pbld", 3, 1, 4),
    "c": ("ple", 4, 2, 3),
}
EDGES = [-1.25, -0.5, 0.25, 1.0]


class Net:
    """Weights by name, made when a name is first asked for, in the order of the net."""

    def __init__(self):
        self.weights = {}
        self.statistics = {}

    def get(self, name, *dims):
        if name not in self.weights:
            values = torch.randn(*dims, dtype=torch.float64) * 0.4
            # what the test reads is float32
            self.weights[name] = values.float().double().requires_grad_()
        return self.weights[name]

    def get_statistic(self, name, n, start):
        if name not in self.statistics:
            self.statistics[name] = (torch.rand(n, dtype=torch.float64) * 0.4 + start).float().double()
        return self.statistics[name]

    def get_classes(self, name, n):
        if name not in self.statistics:
            self.statistics[name] = torch.randint(0, N_CLASSES, (n,)).double()
        return self.statistics[name].long()

    # ---- inputs

    def first(self, units, name="first", rows="first"):
        z = self.numbers @ self.get(f"{name}.numbers", N_NUMBERS, units)
        for i, (n_codes, width) in enumerate(TABLES):
            is_table = width > 0 and rows != "wide"
            weights = self.get(f"{rows}(t{i})", width if is_table else n_codes, units)
            embedded = self.codes_of(i) if is_table else None
            z = z + (embedded @ weights if is_table else weights[self.codes[:, i]])
        return z

    def lift(self, name):
        kind, width, *rest = LIFTS[name]
        if kind == "bag":
            return self.get(f"embed({name})", rest[0], width)[self.bag].sum(1)
        number, n_inner = rest
        x = self.numbers[:, number:number + 1]
        if kind == "ple":
            low, high = torch.tensor(EDGES[:-1]).double(), torch.tensor(EDGES[1:]).double()
            return ((x - low) / (high - low)).clamp(0, 1) @ self.get(f"lift({name})", n_inner, width)
        angle = 2 * math.pi * x * self.get(f"frequencies({name})", n_inner)
        if kind == "pbld":
            angle = angle + self.get(f"phases({name})", n_inner)
            waves = torch.cos(angle)
        else:
            waves = torch.cat([torch.cos(angle), torch.sin(angle)], 1)
        y = waves @ self.get(f"lift({name})", waves.shape[1], width) + self.get(f"bias({name})", width)
        return y if kind == "pbld" else torch.relu(y)

    def lifts(self):
        return torch.cat([self.lift(name) for name in LIFTS], 1)

    def codes_of(self, i):
        return functional.embedding(self.codes[:, i], self.get(f"embed(t{i})", *TABLES[i]))

    def features(self):
        parts = [self.numbers]
        for i, (n_codes, width) in enumerate(TABLES):
            parts.append(self.codes_of(i) if width else functional.one_hot(self.codes[:, i], n_codes).double())
        return torch.cat(parts, 1)

    def tokens(self, width, has_cls=False):
        name = f"tokens({width})[0]"
        n_tokens = has_cls + N_NUMBERS + len(TABLES)
        bias = self.get(f"{name}.bias", n_tokens, width)
        values = [torch.zeros(N_ROWS, 1, width).double()] if has_cls else []
        values.append(self.numbers[:, :, None] * self.get(f"{name}.numbers", N_NUMBERS, width))
        for i, (n_codes, _) in enumerate(TABLES):
            values.append(self.get(f"tokens(t{i})", n_codes, width)[self.codes[:, i]][:, None])
        return torch.cat(values, 1) + bias

    def lifted_tokens(self, width, has_cls=False):
        """A lift is added to the token of its number; that of the bag is the last one."""
        name = f"tokens({width})[0]"
        n_tokens = has_cls + N_NUMBERS + len(TABLES) + 1
        bias = self.get(f"{name}.bias", n_tokens, width)
        values = list((self.numbers[:, :, None] * self.get(f"{name}.numbers", N_NUMBERS, width)).unbind(1))
        for i, (n_codes, _) in enumerate(TABLES):
            values.append(self.get(f"tokens(t{i})", n_codes, width)[self.codes[:, i]])
        values.append(torch.zeros(N_ROWS, width).double())
        for lift, (kind, n, number, _) in LIFTS.items():
            token = -1 if kind == "bag" else number
            values[token] = values[token] + self.lift(lift) @ self.get(f"project({lift})", n, width)
        cls = [torch.zeros(N_ROWS, width).double()] if has_cls else []
        return torch.stack(cls + values, 1) + bias

    # ---- layers

    def dense(self, x, name, units, has_bias=True):
        bias = self.get(f"{name}.bias", units).requires_grad_() if has_bias else None
        return functional.linear(x, self.get(f"{name}.weight", x.shape[-1], units).T, bias)

    def first_dense(self, units):
        return self.first(units) + self.get("first.bias", units)

    def layer_norm(self, x, name):
        n = x.shape[-1]
        return functional.layer_norm(x, (n,), self.get(f"{name}.gain", n), self.get(f"{name}.bias", n))

    def batch_norm(self, x, name):
        n = x.shape[-1]
        mean = self.get_statistic(f"{name}.mean", n, -0.2)
        variance = self.get_statistic(f"{name}.variance", n, 0.8)
        gain, bias = self.get(f"{name}.gain", n), self.get(f"{name}.bias", n)
        return functional.batch_norm(x, mean, variance, gain, bias, self.is_training)

    def attention(self, x, name, n_heads):
        n = x.shape[-1]
        y, _ = functional.multi_head_attention_forward(
            *[x.transpose(0, 1)] * 3, n, n_heads, self.get(f"{name}.in.weight", n, 3 * n).T,
            self.get(f"{name}.in.bias", 3 * n), None, None, False, 0.0, self.get(f"{name}.out.weight", n, n).T,
            self.get(f"{name}.out.bias", n))
        return y.transpose(0, 1)

    def output(self, x):
        return self.dense(x, "output", N_CLASSES)


# ------------------------------------------------------------ structures


def residual(net):
    x = net.first_dense(8)
    for i in range(2):
        y = torch.relu(net.dense(net.batch_norm(x, f"norm(8)[{i}]"), f"dense(10)[{i}]", 10))
        x = x + net.dense(y, f"dense(8)[{i}]", 8)
    return net.output(torch.relu(net.batch_norm(x, "norm(8)[2]")))


def dcn(net):
    x0 = x = net.first_dense(7)
    x = x0 * net.dense(x, "cross(7)[0]", 7) + x
    x = x0 * net.dense(net.dense(x, "cross(7)[1].down", 2, False), "cross(7)[1].up", 7) + x
    return net.output(torch.cat([x, torch.relu(net.dense(x0, "dense(9)[0]", 9))], 1))


def features_cross(net):
    x0 = x = net.features()
    n = x0.shape[1]
    for i in range(2):
        x = x0 * net.dense(x, f"cross({n})[{i}]", n) + x
    return net.output(x)


def wide_deep(net):
    wide = net.first(N_CLASSES, "wide", "wide") + net.get("wide.bias", N_CLASSES)
    return wide + net.output(torch.tanh(net.first_dense(9)))


def deepfm(net):
    wide = net.first(N_CLASSES, "wide", "wide") + net.get("wide.bias", N_CLASSES)
    tokens = net.tokens(5)
    fm = 0.5 * (tokens.sum(1) ** 2 - (tokens ** 2).sum(1)).sum(1, keepdim=True)
    deep = functional.gelu(net.dense(tokens.flatten(1), "dense(9)[0]", 9))
    return wide + net.output(torch.cat([fm, deep], 1))


def transformer(net):
    x = net.tokens(8, has_cls=True)
    x = x + net.attention(x, "attention(8)[0]", 2)
    a, b = net.dense(net.layer_norm(x, "norm(8)[0]"), "dense(12)[0]", 12).chunk(2, -1)
    x = x + net.dense(a * torch.relu(b), "dense(8)[0]", 8)
    x = x + net.attention(net.layer_norm(x, "norm(8)[1]"), "attention(8)[1]", 4)
    x = x + net.dense(functional.glu(net.dense(x, "dense(10)[0]", 10)), "dense(8)[1]", 8)
    return net.output(torch.relu(net.layer_norm(x[:, 0], "norm(8)[2]")))


def autoint(net):
    x = net.tokens(6)
    x = functional.elu(x + net.attention(x, "attention(6)[0]", 3))
    return net.output(x.flatten(1))


def pools(net):
    x = net.tokens(6)
    share = torch.softmax(x @ net.get("pool(6)[0].query", 6), 1)
    parts = [(share[:, :, None] * x).sum(1), x.mean(1), x.max(1).values]
    return net.output(torch.cat(parts, 1))


def realmlp(net):
    x = net.features()
    x = x * net.get(f"scale({x.shape[1]})[0].scale", x.shape[1])
    for i, units in enumerate((9, 7)):
        name = f"dense({units})[0]"
        z = x @ net.get(f"{name}.weight", x.shape[1], units) / math.sqrt(x.shape[1]) + net.get(f"{name}.bias", units)
        x = z + net.get(f"activation({units})[0].share", units) * (functional.selu(z) - z)
    z = x @ net.get("output.weight", 7, N_CLASSES) / math.sqrt(7)
    return z + net.get("output.bias", N_CLASSES)


def heads(net, x):
    k, n = x.shape[1:]
    weights = net.get("output.weight", k * n, N_CLASSES).reshape(k, n, N_CLASSES)
    return torch.einsum("bki,kio->bko", x, weights) + net.get("output.bias", k, N_CLASSES)


def tabm_layers(net, widths, k):
    x = net.features()[:, None]
    for units in widths:
        name = f"dense({units})[0]"
        x = x * net.get(f"{name}.scale", k, x.shape[2])
        x = x @ net.get(f"{name}.weight", x.shape[2], units) * net.get(f"{name}.scale_out", k, units)
        x = torch.tanh(x + net.get(f"{name}.bias", k, units))
    return x


def tabm(net):
    return heads(net, tabm_layers(net, (9, 7), 4))


def tabm_mini_layers(net, k):
    x = net.features()
    x = x[:, None] * net.get(f"scale({x.shape[1]})[0].scale", k, x.shape[1])
    return functional.silu(net.dense(x, "dense(9)[0]", 9))


def tabm_mini(net):
    return heads(net, tabm_mini_layers(net, 3))


def ensemble(net, k=3):
    x = (net.first(k * 5) + 0.0).reshape(N_ROWS, k, 5)
    x = functional.gelu(x + net.get("first.bias", k, 5))
    weights = net.get("dense(6)[0].weight", k * 5, 6).reshape(k, 5, 6)
    x = torch.tanh(torch.einsum("bki,kio->bko", x, weights) + net.get("dense(6)[0].bias", k, 6))
    return heads(net, x)


def gandalf(net):
    x = net.features()
    n = x.shape[1]
    x = h = net.batch_norm(x, f"norm({n})[0]")
    for i in range(2):
        name = f"gate({n})[{i}]"
        mask, threshold = net.get(f"{name}.mask", n), net.get(f"{name}.threshold", 1)
        distance = mask - mask.max()
        weight = torch.relu(distance + torch.relu(threshold)) + 1e-8
        chosen = torch.softmax(distance + torch.log(weight), 0) * x
        z, r = torch.sigmoid(net.dense(torch.cat([chosen, h], 1), f"{name}.in", 2 * n)).chunk(2, 1)
        c = torch.tanh(net.dense(torch.cat([r * h, x], 1), f"{name}.out", n))
        h = (1 - z) * h + z * c
    return net.output(h)


def convolve(net, x, name, kernel, units):
    """Tokens (row, token, n) by PyTorch's convolution; our weights are (kernel, n, units)."""
    n = x.shape[-1]
    weight = net.get(f"{name}.weight", kernel * n, units).reshape(kernel, n, units).permute(2, 1, 0)
    return functional.conv1d(x.transpose(1, 2), weight, net.get(f"{name}.bias", units), padding="same").transpose(1, 2)


def convolutions(net):
    x = net.tokens(4)
    x = functional.gelu(convolve(net, x, "conv1d(5)[0]", 3, 5))
    x = convolve(net, x, "conv1d(3)[0]", 4, 3)
    return net.output(x.max(1).values)


def grid(net):
    x = net.tokens(4)
    n, rows, kernel = 4, 2, 3
    for units in (5, 3):
        name = f"conv2d({units})[0]"
        weight = net.get(f"{name}.weight", kernel * kernel * n, units).reshape(kernel, kernel, n, units)
        image = x.reshape(N_ROWS, rows, -1, n).permute(0, 3, 1, 2)
        y = functional.conv2d(image, weight.permute(3, 2, 0, 1), net.get(f"{name}.bias", units), padding="same")
        x = torch.relu(y.permute(0, 2, 3, 1).reshape(N_ROWS, -1, units))
        n = units
    return net.output(x.flatten(1))


def run_recurrent(net, x, name, module, units):
    """PyTorch's own layer, with our weights; of its two biases a gru needs both for the new state alone."""
    n_gates = {torch.nn.GRU: 3, torch.nn.LSTM: 4}[module] * units
    weights = {
        "weight_ih_l0": net.get(f"{name}.in.weight", x.shape[-1], n_gates).T,
        "bias_ih_l0": net.get(f"{name}.in.bias", n_gates),
        "weight_hh_l0": net.get(f"{name}.weight", units, n_gates).T,
        "bias_hh_l0": torch.zeros(n_gates).double(),
    }
    if module is torch.nn.GRU:
        weights["bias_hh_l0"] = torch.cat([torch.zeros(2 * units).double(), net.get(f"{name}.bias", units)])
    layer = module(x.shape[-1], units, batch_first=True).double()
    return torch.func.functional_call(layer, weights, (x,))[0]


def gru(net):
    x = run_recurrent(net, net.tokens(4), "gru(5)[0]", torch.nn.GRU, 5)
    x = run_recurrent(net, x, "gru(3)[0]", torch.nn.GRU, 3)
    return net.output(x[:, -1])


def lstm(net):
    x = net.tokens(4)
    x = run_recurrent(net, x + net.get("position(4)[0].places", x.shape[1], 4), "lstm(5)[0]", torch.nn.LSTM, 5)
    return net.output(x.mean(1))


def neighbours(net):
    """In training by the other rows of the batch, else by rows that the model keeps."""
    z = torch.tanh(net.first_dense(5))
    kept = net.get_statistic("neighbours.rows", 7 * 5, -0.2).reshape(7, 5)
    classes = net.get_classes("neighbours.classes", 7)
    if net.is_training:
        distances = torch.cdist(z, z).masked_fill(torch.eye(N_ROWS).bool(), torch.inf)
        classes = net.labels
    else:
        distances = torch.cdist(z, kept)
    share = torch.softmax(-distances, 1) @ functional.one_hot(classes, N_CLASSES).double()
    return torch.log(share + 1e-7)


def series(net):
    """Arrays of at most two elements: the third number is the share of them that a row has."""
    lengths = torch.round(net.numbers[:, 2].clamp(0, 1) * 2).long()
    is_there = torch.arange(2) < lengths[:, None]
    elements = (net.numbers[:, :2] * is_there)[:, :, None]
    x = net.dense(elements, "series(4)[0]", 4)
    h = run_recurrent(net, x, "gru(5)[0]", torch.nn.GRU, 5)
    last = torch.where(lengths[:, None] > 0, h[torch.arange(N_ROWS), (lengths - 1).clamp(min=0)], 0.0)
    x = net.dense(elements, "series(4)[1]", 4)
    n_heads, name = 2, "attention(4)[0]"
    q, k, v = net.dense(x, f"{name}.in", 12).reshape(N_ROWS, 2, 3, n_heads, 2).permute(2, 0, 3, 1, 4)
    share = q @ k.transpose(2, 3) / math.sqrt(2)
    share = torch.softmax(share.masked_fill(~is_there[:, None, None, :], -1e30), 3)
    y = net.dense((share @ v).transpose(1, 2).flatten(2), f"{name}.out", 4)
    mean = (y * is_there[:, :, None]).sum(1) / lengths.clamp(min=1)[:, None]
    return net.output(torch.cat([last, mean], 1))


def lifted(net):
    lifted = net.lifts()
    z = net.first(6) + lifted @ net.get("first lift.weight", lifted.shape[1], 6) + net.get("first.bias", 6)
    return net.output(torch.tanh(z))


def lifted_tokens(net):
    x = net.lifted_tokens(6, has_cls=True)
    return net.output((x + net.attention(x, "attention(6)[0]", 2))[:, 0])


def lifted_fm(net):
    wide = net.first(N_CLASSES, "wide", "wide") + net.get("wide.bias", N_CLASSES)
    lifted = net.lifts()
    wide = wide + lifted @ net.get("wide lift.weight", lifted.shape[1], N_CLASSES)
    tokens = net.lifted_tokens(5)
    fm = 0.5 * (tokens.sum(1) ** 2 - (tokens ** 2).sum(1)).sum(1, keepdim=True)
    deep = functional.gelu(net.dense(tokens.flatten(1), "dense(9)[0]", 9))
    return wide + net.output(torch.cat([fm, deep], 1))


def pool_rows(net, pool):
    """Rows of a child table: two elements of one array, as many as the third number says."""
    lengths = torch.round(net.numbers[:, 2].clamp(0, 1) * 2).long()
    is_there = torch.arange(2) < lengths[:, None]
    elements = (net.numbers[:, :2] * is_there)[:, :, None]
    x = torch.tanh(net.dense(elements, "p/dense(5)[0]", 5))
    if pool == "mean":
        y = (x * is_there[:, :, None]).sum(1) / lengths.clamp(min=1)[:, None]
    elif pool == "max":
        y = x.masked_fill(~is_there[:, :, None], -torch.inf).max(1).values
    else:
        share = (x @ net.get("p/pool(5)[0].query", 5)).masked_fill(~is_there, -1e30)
        y = (torch.softmax(share, 1)[:, :, None] * x).sum(1)
    y = torch.where(lengths[:, None] > 0, y, 0.0)
    return net.output(torch.cat([net.features(), y], 1))


def rows_mean(net):
    return pool_rows(net, "mean")


def rows_max(net):
    return pool_rows(net, "max")


def rows_attention(net):
    return pool_rows(net, "attention")


def snn(net):
    x = functional.selu(net.first_dense(9))
    return net.output(functional.selu(net.dense(x, "dense(7)[0]", 7)))


TOWERS = ["", "p", "q"]


def tower(net, i, units):
    """A dense layer of the features of one table: the i-th number and the i-th table of codes."""
    prefix = f"{TOWERS[i]}." if i else ""
    n_codes, width = TABLES[i]
    codes = net.codes[:, i]
    table = (functional.embedding(codes, net.get(f"embed({prefix}t{i})", n_codes, width)) if width
             else functional.one_hot(codes, n_codes).double())
    x = torch.cat([net.numbers[:, i:i + 1], table], 1)
    return torch.tanh(net.dense(x, f"{TOWERS[i]}/dense({units})[0]", units))


def tower_sum(net):
    return sum(net.dense(tower(net, i, 6), f"{alias}/output", N_CLASSES) for i, alias in enumerate(TOWERS))


def tower_gate(net):
    x = torch.cat([tower(net, i, 5) for i in range(len(TOWERS))], 1)
    return net.output(x * torch.sigmoid(net.dense(x, "gate(15)[0].in", 15)))


def tower_concat(net):
    return net.output(torch.cat([tower(net, i, 5) for i in range(len(TOWERS))], 1))


class Member:
    """A net whose names are those of a member of an ensemble: its number comes first."""

    def __init__(self, net, number):
        self.net, self.prefix = net, f"{number}/"

    def __getattr__(self, name):
        value = getattr(self.net, name)
        if name in ("get", "get_statistic", "get_classes"):
            return lambda of, *rest: value(self.prefix + of, *rest)
        return types.MethodType(value.__func__, self) if inspect.ismethod(value) else value


def ensemble_tabm(net):
    """Two tabm of three members: heads of all six vectors of a row."""
    return heads(net, torch.cat([tabm_layers(Member(net, i + 1), (6, 5), 3) for i in range(2)], 1))


def ensemble_tabm_mini(net):
    return heads(net, torch.cat([tabm_mini_layers(Member(net, i + 1), 3) for i in range(2)], 1))


def ensemble_neighbours(net):
    return torch.stack([neighbours(Member(net, i + 1)) for i in range(2)], 1)


def structure(*parts):
    return "(chain " + "".join(parts) + ")"


def rows(pool):
    return structure(f"(concat (features)(pool_rows table=p pool={pool} (chain (dense width=5)",
                     "(activation function=tanh))))")


BLOCK = "(skip (norm norm=batch)(dense width=10)(activation function=relu)(dense width=8))"
NETS = {
    residual: structure("(dense width=8)", BLOCK, BLOCK, "(norm norm=batch)(activation function=relu)"),
    dcn: structure("(dense width=7)", "(concat (chain (cross)(cross rank=2))(chain (dense width=9)",
                   "(activation function=relu)))"),
    features_cross: structure("(cross)(cross)"),
    wide_deep: "(sum (wide)(chain (dense width=9)(activation function=tanh)(output)))",
    deepfm: "(sum (wide)(chain (tokens width=5)(concat (fm)(chain (flatten)(dense width=9)"
            "(activation function=gelu)))(output)))",
    transformer: structure(
        "(tokens width=8 cls)(skip (attention count=2))",
        "(skip (norm norm=layer)(dense width=12)(glu function=relu)(dense width=8))",
        "(skip (norm norm=layer)(attention count=4))(skip (dense width=10)(glu function=sigmoid)(dense width=8))",
        "(pool pool=first)(norm norm=layer)(activation function=relu)"),
    autoint: structure("(tokens width=6)(skip (attention count=3))(activation function=elu)(flatten)"),
    pools: structure("(tokens width=6)(concat (pool pool=attention)(pool pool=mean)(pool pool=max))"),
    realmlp: structure("(scale)(dense width=9 initial=ntk)(activation function=selu learnt)(dense width=7 ",
                       "initial=ntk)(activation function=selu learnt)"),
    tabm: structure("(ensemble count=4 shared (dense width=9)(activation function=tanh)(dense width=7)",
                    "(activation function=tanh))"),
    tabm_mini: structure("(ensemble count=3 (scale))(dense width=9)(activation function=silu)"),
    ensemble: structure("(ensemble count=3 (dense width=5)(activation function=gelu)(dense width=6)",
                        "(activation function=tanh))"),
    gandalf: structure("(norm norm=batch)(gate count=2)"),
    convolutions: structure("(tokens width=4)(conv1d width=5 count=3)(activation function=gelu)",
                            "(conv1d width=3 count=4)(pool pool=max)"),
    grid: structure("(tokens width=4)(conv2d width=5 count=3 rows=2)(activation function=relu)",
                    "(conv2d width=3 count=3 rows=2)(activation function=relu)(flatten)"),
    gru: structure("(tokens width=4)(gru width=5)(gru width=3)(pool pool=last)"),
    lstm: structure("(tokens width=4)(position)(lstm width=5)(pool pool=mean)"),
    tower_sum: structure("(by_table joining=sum (chain (dense width=6)(activation function=tanh)))"),
    tower_gate: structure("(by_table joining=gate (chain (dense width=5)(activation function=tanh)))"),
    neighbours: structure("(dense width=5)(activation function=tanh)(neighbours)"),
    series: structure("(concat (chain (series width=4)(gru width=5)(pool pool=last))",
                      "(chain (series width=4)(attention count=2)(pool pool=mean)))"),
    lifted: structure("(dense width=6)(activation function=tanh)"),
    lifted_tokens: structure("(tokens width=6 cls)(skip (attention count=2))(pool pool=first)"),
    lifted_fm: "(sum (wide)(chain (tokens width=5)(concat (fm)(chain (flatten)(dense width=9)"
               "(activation function=gelu)))(output)))",
    rows_mean: rows("mean"),
    rows_max: rows("max"),
    rows_attention: rows("attention"),
    snn: structure("(dense width=9 initial=lecun)(activation function=selu)(dense width=7 initial=lecun)",
                   "(activation function=selu)"),
    tower_concat: structure("(by_table joining=concat (chain (dense width=5)(activation function=tanh)))"),
    ensemble_tabm: structure("(ensemble count=2 (chain (ensemble count=3 shared (dense width=6)",
                             "(activation function=tanh)(dense width=5)(activation function=tanh))))"),
    ensemble_tabm_mini: structure("(ensemble count=2 (chain (ensemble count=3 (scale))(dense width=9)",
                                  "(activation function=silu)))"),
    ensemble_neighbours: "(ensemble count=2 (chain (dense width=5)(activation function=tanh)(neighbours)))",
}
LIFT_KINDS = ["bag", "periodic", "pbld", "ple"]


# ------------------------------------------------------------ files


def write_floats(file, what, values):
    values = numpy.asarray(values.detach() if isinstance(values, torch.Tensor) else values, "float32").ravel()
    file.write(f"{what.replace(' lift.', '~lift.')} {len(values)}\n" + "".join(f"{value:.9g}\n" for value in values.tolist()))


def get_loss(logits, labels):
    """Of members: the mean of their losses."""
    if logits.dim() == 2:
        return functional.cross_entropy(logits, labels)
    return functional.cross_entropy(logits.flatten(0, 1), labels.repeat_interleave(logits.shape[1]))


def get_proba(logits):
    proba = torch.softmax(logits, -1)
    return proba if proba.dim() == 2 else proba.mean(1)


def write_net(build, text):
    net = Net()
    net.numbers = torch.randn(N_ROWS, N_NUMBERS).float().double()
    net.codes = torch.stack([torch.randint(0, n, (N_ROWS,)) for n, _ in TABLES], 1)
    labels = net.labels = torch.randint(0, N_CLASSES, (N_ROWS,))
    net.is_training = False
    is_lifted = build.__name__.startswith("lifted")
    net.bag = torch.randint(0, LIFTS["w"][2], (N_ROWS, LIFTS["w"][3])) if is_lifted else None
    build(net)
    with open(GOLDEN / f"layers_{build.__name__}.txt", "w") as file:
        file.write(f"{text}\n{N_NUMBERS} {len(TABLES)} {N_CLASSES} {N_ROWS}\n")
        file.write("".join(f"table {n} {width}\n" for n, width in TABLES))
        for name, values in [*net.weights.items(), *net.statistics.items()]:
            write_floats(file, f"weight {name}", values)
        write_floats(file, "numbers -", net.numbers)
        write_floats(file, "codes -", torch.cat([net.codes, net.bag], 1) if is_lifted else net.codes)
        for name, (kind, *what) in LIFTS.items() if is_lifted else ():
            write_floats(file, f"lift {name}", [LIFT_KINDS.index(kind), *what, *(EDGES if kind == "ple" else [])])
        write_floats(file, "labels -", labels)
        net.is_training = True
        loss = get_loss(build(net), labels)
        loss.backward()
        write_floats(file, "loss -", loss.reshape(1))
        for name, values in net.weights.items():
            write_floats(file, f"gradient {name}", values.grad)
        for name, values in net.statistics.items():
            write_floats(file, f"after {name}", values)
        net.is_training = False
        write_floats(file, "proba -", get_proba(build(net)))


if __name__ == "__main__":
    torch.manual_seed(20261123)
    GOLDEN.mkdir(exist_ok=True)
    for build, text in NETS.items():
        write_net(build, text)
