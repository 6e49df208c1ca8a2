"""Writes test/golden/train_*.txt: what PyTorch computes with small nets.

Weights and rows are random but fixed; weights are written in our names and as (n_in, n_out).  For each net: the loss
and probabilities before the first step, the gradients, and the weights after five steps of each optimizer.
PyTorch works in double precision, so that its own rounding is none of ours.

    python test/reference/train.py        (torch==2.13.0, numpy)
"""

import math
import pathlib

import numpy
import torch

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
N_STEPS = 5
ACTIVATIONS = {
    "identity": torch.nn.Identity(),
    "relu": torch.nn.ReLU(),
    "leaky_relu": torch.nn.LeakyReLU(),
    "gelu": torch.nn.GELU(),
    "silu": torch.nn.SiLU(),
    "selu": torch.nn.SELU(),
    "tanh": torch.nn.Tanh(),
    "sigmoid": torch.nn.Sigmoid(),
}
OPTIMIZERS = {
    "sgd": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9),
    "sgd_decay": lambda w: torch.optim.SGD(w, lr=0.1, weight_decay=0.05),
    "adam": lambda w: torch.optim.Adam(w, lr=0.01),
    "adam_decay": lambda w: torch.optim.Adam(w, lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.05),
    "adamw": lambda w: torch.optim.AdamW(w, lr=0.01, weight_decay=0.1),
}
# name: (numbers, tables (codes, width), classes, units, activation, rows)
NETS = {f"train_{name}": (3, [(4, 0), (6, 3), (70, 2)], 3, [9, 5], name, 11) for name in ACTIVATIONS}
NETS["train_linear"] = (5, [], 2, [], "relu", 7)
NETS["train_one_row"] = (2, [(5, 4)], 2, [6], "gelu", 1)
ACTIVATIONS.update(mish=torch.nn.Mish(), elu=torch.nn.ELU())
NETS.update({f"train_{name}": (3, [(4, 0), (6, 3), (70, 2)], 3, [9, 5], name, 11) for name in ("mish", "elu")})


class Net:
    def __init__(self, n_numbers, tables, n_classes, units, activation):
        self.tables = tables
        self.activation = ACTIVATIONS[activation]
        self.weights = {}
        widths = [*units, n_classes]
        if n_numbers:
            self.add("first.numbers", n_numbers, widths[0])
        for i, (n_codes, width) in enumerate(tables):
            self.add(f"first(t{i})", width or n_codes, widths[0])
            if width:
                self.add(f"embed(t{i})", n_codes, width)
        self.add("first.bias", widths[0])
        for i in range(1, len(widths)):
            name = "output" if i == len(units) else f"dense({widths[i]})[0]"
            self.add(f"{name}.weight", widths[i - 1], widths[i])
            self.add(f"{name}.bias", widths[i])

    def add(self, name, *dims):
        values = torch.randn(*dims, dtype=torch.float64) * 0.4
        # what the test reads is float32
        self.weights[name] = values.float().double().requires_grad_()

    def forward(self, numbers, codes, mix=lambda x: x):
        w = self.weights
        z = w["first.bias"]
        if "first.numbers" in w:
            z = z + mix(numbers) @ w["first.numbers"]
        for i, (n, width) in enumerate(self.tables):
            ones = torch.nn.functional.one_hot(codes[:, i], n).double()
            z = z + mix(ones @ w[f"embed(t{i})"] if width else ones) @ w[f"first(t{i})"]
        for name in [name for name in w if name.endswith(".weight")]:
            z = self.activation(z) @ w[name] + w[name.replace("weight", "bias")]
        return z


def write_floats(file, what, values):
    values = numpy.asarray(values.detach() if isinstance(values, torch.Tensor) else values, "float32").ravel()
    file.write(f"{what} {len(values)}\n" + "".join(f"{value:.9g}\n" for value in values.tolist()))


def write_weights(file, what, weights, pick=lambda w: w):
    for name, values in weights.items():
        write_floats(file, f"{what} {name}", pick(values))


def smoothed(smoothing):
    return lambda logits, labels: torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)


def focal(gamma):
    def loss(logits, labels):
        p = torch.softmax(logits, 1).gather(1, labels[:, None])[:, 0]
        return (-((1 - p) ** gamma) * p.log()).mean()
    return loss


def weighted(weights):
    """Divided by the rows, not by the sum of their weights, which differs from batch to batch."""
    weights = torch.tensor(weights).double()
    return lambda logits, labels: torch.nn.functional.cross_entropy(logits, labels, weights, reduction="sum") / len(labels)


def step(net, make_optimizer, numbers, codes, labels, find_loss, mix):
    """Weights after N_STEPS; the net's own stay."""
    kept = {name: values.detach().clone() for name, values in net.weights.items()}
    weights = list(net.weights.values())
    optimizer, clip, share = make_optimizer(weights), None, None
    if isinstance(optimizer, tuple):
        optimizer, clip, share = optimizer
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share) if share else None
    for _ in range(N_STEPS):
        optimizer.zero_grad()
        find_loss(net.forward(numbers, codes, mix), labels).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(weights, clip)
        optimizer.step()
        if schedule:
            schedule.step()
    moved = {name: values.detach().clone() for name, values in net.weights.items()}
    with torch.no_grad():
        for name, values in net.weights.items():
            values.copy_(kept[name])
    return moved


def write_net(name, n_numbers, tables, n_classes, units, activation, n_rows, find_loss=smoothed(0.0), optimizers=OPTIMIZERS, mix=lambda x: x):
    net = Net(n_numbers, tables, n_classes, units, activation)
    numbers = torch.randn(n_rows, n_numbers).double()
    codes = torch.stack([torch.randint(0, n, (n_rows,)) for n, _ in tables], 1) if tables else torch.zeros(n_rows, 0)
    labels = torch.randint(0, n_classes, (n_rows,))
    with open(GOLDEN / f"{name}.txt", "w") as file:
        file.write(f"net {n_numbers} {len(tables)} {n_classes} {len(units)} {activation} {n_rows}\n")
        file.write("".join(f"table {n} {width}\n" for n, width in tables) + "".join(f"units {n}\n" for n in units))
        write_weights(file, "weight", net.weights)
        write_floats(file, "numbers -", numbers)
        write_floats(file, "codes -", codes)
        write_floats(file, "labels -", labels)
        loss = find_loss(net.forward(numbers, codes, mix), labels)
        write_floats(file, "proba -", torch.softmax(net.forward(numbers, codes), 1))
        write_floats(file, "loss -", loss.reshape(1))
        loss.backward()
        write_weights(file, "gradient", net.weights, lambda w: w.grad)
        for optimizer, make in optimizers.items():
            write_weights(file, optimizer, step(net, make, numbers, codes, labels, find_loss, mix))
    return net, numbers, codes, labels


torch.manual_seed(20261122)
GOLDEN.mkdir(exist_ok=True)
for name, spec in NETS.items():
    write_net(name, *spec)


def cosine(i, n=N_STEPS):
    return 0.5 * (1 + math.cos(math.pi * i / n))


def onecycle(i, n=N_STEPS):
    t = i / n
    if t < 0.3:
        return 1 / 25 + (1 - 1 / 25) * 0.5 * (1 - math.cos(math.pi * t / 0.3))
    return 1 / 250000 + (1 - 1 / 250000) * 0.5 * (1 + math.cos(math.pi * (t - 0.3) / 0.7))


def coslog(i, n=N_STEPS):
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * i / n)))


def warm(i, n=N_STEPS):
    return min(1.0, (i + 1) / (0.7 * n))


class Fading(torch.optim.AdamW):
    """Its decay falls to 0 in the last 0.8 of all steps."""

    i = 0

    def step(self):
        t = self.i / N_STEPS
        share = 1.0 if t <= 0.2 else 0.5 * (1 + math.cos(math.pi * (t - 0.2) / 0.8))
        self.param_groups[0]["weight_decay"] = self.defaults["weight_decay"] * share
        self.i += 1
        super().step()


# optimizer, largest norm of the gradient, share of the rate in step i
RECIPES = {
    "sgd_clip": lambda w: (torch.optim.SGD(w, lr=0.1, momentum=0.9), 0.05, None),
    "adamw_cosine": lambda w: (torch.optim.AdamW(w, lr=0.01, weight_decay=0.1), None, cosine),
    "adam_onecycle": lambda w: (torch.optim.Adam(w, lr=0.01), 100.0, onecycle),
    "sgd_coslog": lambda w: (torch.optim.SGD(w, lr=0.1), None, coslog),
    "adamw_warm": lambda w: (torch.optim.AdamW(w, lr=0.01, weight_decay=0.1), 0.2, lambda i: warm(i) * cosine(i)),
    "adamw_fade": lambda w: (Fading(w, lr=0.01, weight_decay=0.5), None, None),
}
torch.manual_seed(20261123)
write_net("train_recipe", 3, [(4, 0), (6, 3), (70, 2)], 3, [9, 5], "gelu", 11, smoothed(0.15), RECIPES)

NADAM = {
    "nadam": lambda w: torch.optim.NAdam(w, lr=0.01),
    "nadam_decay": lambda w: torch.optim.NAdam(w, lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.05, momentum_decay=0.05),
}
torch.manual_seed(20261124)
write_net("train_focal", 3, [(4, 0), (6, 3), (70, 2)], 3, [9, 5], "gelu", 11, focal(2.0), NADAM)
write_net("train_weighted", 3, [(4, 0), (6, 3), (70, 2)], 3, [9, 5], "relu", 11, weighted([0.25, 1.0, 3.0]), NADAM)


def orthogonal(u):
    """Newton and Schulz's rounds, as torch.optim.Muon has them, in full precision."""
    x = u.T if u.shape[0] > u.shape[1] else u
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if u.shape[0] > u.shape[1] else x


class Muon(torch.optim.Optimizer):
    def __init__(self, weights, lr, momentum, weight_decay):
        super().__init__(weights, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for w in group["params"]:
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                m.lerp_(w.grad, 1 - momentum)
                w *= 1 - lr * group["weight_decay"]
                w -= 0.2 * lr * max(w.shape) ** 0.5 * orthogonal(w.grad.lerp(m, momentum))


class Both:
    """Muon of hidden matrices, AdamW of the rest; is what step() above asks of an optimizer."""

    def __init__(self, weights, lr, momentum, betas, eps, decay):
        matrices = [w for w in weights if w.dim() == 2]
        hidden = matrices[-4:-1]  # not of inputs, not of the output
        rest = [w for w in weights if all(w is not h for h in hidden)]
        self.parts = [Muon(hidden, lr, momentum, decay), torch.optim.AdamW(rest, lr=lr, betas=betas, eps=eps, weight_decay=decay)]

    def zero_grad(self):
        for part in self.parts:
            part.zero_grad()

    def step(self):
        for part in self.parts:
            part.step()


def check_muon():
    """PyTorch's own, which multiplies in bfloat16, goes the same way."""
    for shape in ((9, 5), (5, 12)):
        start = torch.randn(shape)
        ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
        optimizers = (Muon([ours], 0.1, 0.9, 0.1),
                      torch.optim.Muon([theirs], 0.1, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw"))
        for _ in range(3):
            gradient = torch.randn(shape)
            ours.grad, theirs.grad = gradient.clone(), gradient.clone()
            for optimizer in optimizers:
                optimizer.step()
        assert ((ours - theirs).norm() / (ours - start).norm()).item() < 0.03


check_muon()
MUON = {
    "muon": lambda w: Both(w, 0.01, 0.95, (0.9, 0.999), 1e-8, 0.0),
    "muon_decay": lambda w: Both(w, 0.02, 0.8, (0.8, 0.99), 1e-6, 0.05),
    "muon_clip": lambda w: (Both(w, 0.01, 0.95, (0.9, 0.999), 1e-8, 0.0), 0.05, None),
}
torch.manual_seed(20261125)
write_net("train_muon", 3, [(4, 0), (6, 3), (70, 2)], 3, [9, 5, 12, 7], "gelu", 11, smoothed(0.0), MUON)


def philox(counter, key, n_rounds=7):
    """Philox 4x32 (Salmon and others 2011)."""
    c, (k0, k1) = list(counter), key
    for _ in range(n_rounds):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k0, b & 0xFFFFFFFF, a >> 32 ^ c[3] ^ k1, a & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


MIXUP_KEY = (0x56CF422C, 0x8C7FAA24)  # XXH3 of "mixup" with seed 1


def draw_share(alpha, epoch, row_key):
    """Beta(alpha, alpha), see core/nn/mix.c."""
    u, v = ((bits + 0.5) / 2**32 for bits in philox([0, epoch, row_key, 0], MIXUP_KEY)[:2])
    g, c = u ** (1 / alpha), math.cos(2 * math.pi * v)
    return numpy.float32(0.5 + 0.5 * c * math.sqrt(1 - g) / math.sqrt(g + (1 - g) * c * c))


class Mixup:
    """Rows 0 and 1 are partners, 2 and 3, ...; the last of an odd number is alone.  Their keys are 1, 2, ..."""

    def __init__(self, alpha, n_rows):
        self.partners = [i ^ 1 if i ^ 1 < n_rows else i for i in range(n_rows)]
        self.shares = torch.tensor([1.0 if self.partners[i] == i else draw_share(alpha, 1, i + 1) for i in range(n_rows)]).double()

    def mix(self, x):
        return self.shares[:, None] * x + (1 - self.shares[:, None]) * x[self.partners]

    def find_loss(self, of_rows):
        return lambda logits, labels: (self.shares * of_rows(logits, labels) + (1 - self.shares) * of_rows(logits, labels[self.partners])).mean()


def smoothed_rows(logits, labels):
    return torch.nn.functional.cross_entropy(logits, labels, reduction="none", label_smoothing=0.15)


def focal_rows(logits, labels):
    p = torch.softmax(logits, 1).gather(1, labels[:, None])[:, 0]
    return torch.tensor([0.25, 1.0, 3.0]).double()[labels] * -((1 - p) ** 2) * p.log()


torch.manual_seed(20261126)
for name, of_rows in [("train_mixup", smoothed_rows), ("train_mixup_focal", focal_rows)]:
    mixup = Mixup(0.4, 11)
    write_net(name, 3, [(4, 0), (6, 3), (70, 2)], 3, [9, 5], "gelu", 11, mixup.find_loss(of_rows), NADAM, mixup.mix)


N_EPOCHS = 24


def train_epochs(net, rows, valid, average):
    """Of one batch each.  The rate falls to 0.3 after three epochs without a better one; what is validated is the mean
    of weights, if there is one, which forgets the first ones soon."""
    numbers, codes, labels = rows
    weights = list(net.weights.values())
    start = [w.detach().clone() for w in weights]
    optimizer = torch.optim.SGD(weights, lr=0.5, momentum=0.9)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=2, threshold=0)
    module = torch.nn.ParameterList(weights)
    mean = torch.optim.swa_utils.AveragedModel(
        module, avg_fn=lambda m, w, t: m + (1 - min(average, (1 + t) / (10 + t))) * (w - m))
    mean.n_averaged.fill_(1)  # it begins with the weights as they are
    losses, rates = [], []
    for _ in range(N_EPOCHS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net.forward(numbers, codes), labels).backward()
        optimizer.step()
        mean.update_parameters(module)
        judged = Net.__new__(Net)
        judged.tables, judged.activation = net.tables, net.activation
        judged.weights = dict(zip(net.weights, mean.module if average else weights))
        losses.append(torch.nn.functional.cross_entropy(judged.forward(*valid[:2]), valid[2]).item())
        plateau.step(losses[-1])
        rates.append(optimizer.param_groups[0]["lr"])
    last = {name: w.detach().clone() for name, w in judged.weights.items()}
    with torch.no_grad():
        for w, values in zip(weights, start):
            w.copy_(values)
    return losses, rates, last


torch.manual_seed(20261127)
net, *rows = write_net("train_epochs", 4, [(5, 2)], 3, [9], "gelu", 11, optimizers={})
valid = [torch.randn(7, 4).float().double(), torch.randint(0, 5, (7, 1)), torch.randint(0, 3, (7,))]
with open(GOLDEN / "train_epochs.txt", "a") as file:
    for what, values in zip(("numbers", "codes", "labels"), valid):
        write_floats(file, f"valid_{what} -", values)
    for what, average in (("plateau", 0.0), ("average", 0.8)):
        losses, rates, last = train_epochs(net, rows, valid, average)
        assert len(set(rates)) > 3
        write_floats(file, f"losses {what}", losses)
        write_floats(file, f"rate {what}", rates[-1:])
        write_weights(file, what, last)
