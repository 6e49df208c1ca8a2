"""Writes test/golden/explain_*.txt: what PyTorch's autograd says that features add to a logit.

The nets, weights and rows are those of layers_*.txt.  Codes are rows of a one-hot matrix, so that a straight line from
the baseline (numbers 0, codes 1) to a row is one of embeddings.  A feature adds the mean, over the middles of N_STEPS
equal steps, of the gradient of the first logit (the mean of members') along that feature's way.

    python test/reference/explain.py        (torch==2.13.0, numpy)
"""

import layers
import torch
from torch.nn import functional

N_STEPS = 64
N_EXPLAINED = 4
BASELINE_CODE = 1
# what takes rows by first, features and tokens, which are redefined below
OTHERS = "tower_", "series", "lifted", "rows_"
NETS = [net for net in layers.NETS if not net.__name__.startswith(OTHERS)]


class Net(layers.Net):
    """Codes are matrices: pick(i, rows) is rows of the i-th table, mixed."""

    def pick(self, i, rows):
        return self.hot[i] @ rows

    def first(self, units, name="first", rows="first"):
        z = self.numbers @ self.get(f"{name}.numbers")
        for i, (_, width) in enumerate(layers.TABLES):
            embedded = self.codes_of(i) if width > 0 and rows != "wide" else self.hot[i]
            z = z + embedded @ self.get(f"{rows}(t{i})")
        return z

    def codes_of(self, i):
        return self.pick(i, self.get(f"embed(t{i})"))

    def features(self):
        tables = [self.codes_of(i) if width else self.hot[i] for i, (_, width) in enumerate(layers.TABLES)]
        return torch.cat([self.numbers, *tables], 1)

    def tokens(self, width, has_cls=False):
        name = f"tokens({width})[0]"
        values = [torch.zeros(N_STEPS, 1, width).double()] if has_cls else []
        values.append(self.numbers[:, :, None] * self.get(f"{name}.numbers"))
        values += [self.pick(i, self.get(f"tokens(t{i})"))[:, None] for i in range(len(layers.TABLES))]
        return torch.cat(values, 1) + self.get(f"{name}.bias")

    def get(self, name, *dims):
        values = self.arrays["weight", name]
        if dims:
            return values.reshape(dims)
        n_rows = self.n_rows_of(name)
        return values.reshape(n_rows, -1)

    def n_rows_of(self, name):
        kind, _, rest = name.split("/")[-1].partition("(")  # "2/embed(t1)" is a member's
        if kind in ("first", "wide", "embed", "tokens") and rest.startswith("t"):
            n_codes, width = layers.TABLES[int(rest[1:-1])]
            return width if kind == "first" and width else n_codes
        return layers.N_NUMBERS if name.endswith(".numbers") else layers.N_NUMBERS + len(layers.TABLES) + self.has_cls

    def get_statistic(self, name, n, start):
        return self.arrays["weight", name]

    def get_classes(self, name, n):
        return self.arrays["weight", name].long()


def read_arrays(name):
    lines = (layers.GOLDEN / f"layers_{name}.txt").read_text().splitlines()[2 + len(layers.TABLES):]
    arrays, at = {}, 0
    while at < len(lines):
        what, of, n = lines[at].split()
        arrays[what, of] = torch.tensor([float(value) for value in lines[at + 1:at + 1 + int(n)]]).double()
        at += 1 + int(n)
    return arrays


def explain(build, net, row):
    a = ((torch.arange(N_STEPS) + 0.5) / N_STEPS).double()[:, None]
    ways = [net.arrays["numbers", "-"].reshape(-1, layers.N_NUMBERS)[row]]
    begins = [torch.zeros(layers.N_NUMBERS).double()]
    codes = net.arrays["codes", "-"].reshape(-1, len(layers.TABLES))[row].long()
    for code, (n, _) in zip(codes, layers.TABLES):
        begins.append(functional.one_hot(torch.tensor(BASELINE_CODE), n).double())
        ways.append(functional.one_hot(code, n).double() - begins[-1])
    points = [(begin + a * way).requires_grad_() for begin, way in zip(begins, ways)]
    net.numbers, *net.hot = points
    logits = build(net)
    logits[..., 0].reshape(N_STEPS, -1).mean(1).sum().backward()
    parts = [point.grad.mean(0) * way for point, way in zip(points, ways)]
    return torch.cat([parts[0], *[part.sum().reshape(1) for part in parts[1:]]])


layers.N_ROWS = N_STEPS
for build in NETS:
    net = Net()
    net.is_training = False
    net.arrays = read_arrays(build.__name__)
    net.has_cls = build is layers.transformer
    rows = [explain(build, net, row) for row in range(N_EXPLAINED)]
    with open(layers.GOLDEN / f"explain_{build.__name__}.txt", "w") as file:
        file.write(f"{N_EXPLAINED} {len(rows[0])} {N_STEPS} {BASELINE_CODE}\n")
        file.write("".join(f"{value:.9g}\n" for row in rows for value in row.tolist()))
