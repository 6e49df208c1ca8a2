"""Sixteen triples together, cerebro.train('late', mst[]), beside PyTorch: one after another, and torch.func.vmap over the
stacked weights of all of them (equal shapes only).

The flights with 22 features, embeddings of width 8, batch 1024, Adam.  Two measures:

- time, on the same two cores: an epoch of all models, CEREBRO's from the difference of a call with one epoch and one with
  more, so with metrics, but without reading rows, coding and packing; PyTorch's from the first 24 batches of an epoch over
  tensors in memory, with one thread or two, whichever is faster.  Both score validation rows after an epoch.  For a machine without other work.
- processor time, which other work disturbs less: of CEREBRO what cerebro.job has of each model, packing, too; of PyTorch
  with one thread, where it does most for a second of it (its threads wait for each other by spinning).

    bench/group [EPOCHS [RUNS [SHAPES]]]     of CEREBRO (3); runs in turns, of which the median ratio counts (3); a part of
                                             the name of what to compare, as 64 (all)
"""

import statistics
import sys
import time

import torch

import lib
import peer
from network import Network

N_MODELS = 16
N_EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
N_RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
CHOSEN = sys.argv[3] if len(sys.argv) > 3 else ""
BATCH = 1024
N_BATCHES = 24  # of PyTorch
MIXED = [(256, 256), (64, 32), (128, 64), (96, 96), (192,), (64, 64, 64), (320, 64), (48, 24),
         (160, 80), (80, 40, 20), (128, 128), (32, 16), (224, 112), (96,), (256, 64), (112, 112)]


# ----------------------------------------------------------------------- ours

def triples(shapes, n_epochs):
    return [f"FE {lib.FEATURES} AS mlp({', '.join(map(str, units))}) PT adam(lr = 0.001), dropout = 0, batch = {BATCH}, "
            f"epochs = {n_epochs}, patience = 0, seed = {seed}" for seed, units in enumerate(shapes, 1)]


def read_cpu(connection, models):
    return connection.execute("SELECT sum(cpu_seconds) FROM cerebro.job WHERE model = ANY (%s)", [models]).fetchone()[0]


def train_together(connection, shapes, n_epochs):
    """Seconds of the call, and processor seconds."""
    start = time.perf_counter()
    models = connection.execute("SELECT cerebro.train('late', %s::cerebro.mst[])", [triples(shapes, n_epochs)]).fetchone()[0]
    whole = time.perf_counter() - start
    assert None not in models
    return whole, read_cpu(connection, models)


def run_own(connection, shapes):
    """Of an epoch of all models."""
    first, _ = train_together(connection, shapes, 1)
    whole, cpu = train_together(connection, shapes, 1 + N_EPOCHS)
    return {"whole": whole, "epoch": (whole - first) / N_EPOCHS, "cpu": cpu / (1 + N_EPOCHS)}


def run_own_alone(connection, shapes):
    """Processor time of all threads, one after another, and seconds of the calls."""
    start = time.perf_counter()
    models = [connection.execute("SELECT cerebro.train('late', %s::cerebro.mst)", [triple]).fetchone()[0]
              for triple in triples(shapes, 1)]
    return {"whole": time.perf_counter() - start, "cpu": read_cpu(connection, models)}


# ----------------------------------------------------------------- the peers

N_VALID = N_BATCHES * BATCH * 15 // 70  # as many for so many batches


class Rows:
    def __init__(self, connection):
        frame = peer.export(connection)
        is_train, _ = peer.split(frame)
        encoder = peer.Encoder().fit(frame[is_train])
        self.x, self.codes = encoder.encode(frame[is_train])
        self.y = torch.from_numpy((frame[is_train]["arr_delay"] > 15).to_numpy().astype("int64"))
        self.tables = encoder.tables()

    def make_network(self, units, seed):
        torch.manual_seed(seed)
        return Network(self.x.shape[1], self.tables, units)


def measure(epoch, n_times):
    """Of an epoch: seconds with one thread or two, processor seconds with one; medians, but for the first two times, which warm up."""
    found = {}
    for n_threads in 1, 2:
        torch.set_num_threads(n_threads)
        seconds, processor = [], []
        for _ in range(n_times):
            start, start_processor = time.perf_counter(), time.process_time()
            epoch()
            seconds.append(time.perf_counter() - start)
            processor.append(time.process_time() - start_processor)
        found[n_threads] = statistics.median(seconds[2:]), statistics.median(processor[2:])
    return min(found[1][0], found[2][0]), found[1][1]


def scale(rows, seconds, processor, share=1):
    """From so many batches to all rows."""
    share *= len(rows.x) / (N_BATCHES * BATCH)
    return {"epoch": seconds * share, "cpu": processor * share}


def train_one(network, rows):
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)

    def epoch():
        order = torch.randperm(len(rows.x))
        for i in range(0, N_BATCHES * BATCH, BATCH):
            chosen = order[i:i + BATCH]
            loss = torch.nn.functional.cross_entropy(network(rows.x[chosen], rows.codes[chosen]), rows.y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            torch.softmax(network(rows.x[:N_VALID], rows.codes[:N_VALID]), dim=1)

    return epoch


def run_one_after_another(rows, shapes):
    """Equal shapes take the same time: one of them stands for all; of mixed ones each is trained."""
    chosen = shapes if len(set(shapes)) > 1 else shapes[:1]
    times = [measure(train_one(rows.make_network(units, seed), rows), 7 if len(chosen) == 1 else 4) for seed, units in enumerate(chosen, 1)]
    return scale(rows, sum(t[0] for t in times), sum(t[1] for t in times), len(shapes) / len(chosen))


def run_vmap(rows, shapes):
    networks = [rows.make_network(units, seed) for seed, units in enumerate(shapes, 1)]
    weights, buffers = torch.func.stack_module_state(networks)
    base = networks[0]

    def call(params, x, codes):
        return torch.func.functional_call(base, params, (x, codes))

    def loss_of(params, x, codes, y):
        return torch.nn.functional.cross_entropy(call(params, x, codes), y)

    optimizer = torch.optim.Adam(weights.values(), lr=0.001, foreach=True)

    def epoch():
        order = torch.randperm(len(rows.x))
        for i in range(0, N_BATCHES * BATCH, BATCH):
            chosen = order[i:i + BATCH]
            gradients = torch.func.vmap(torch.func.grad(loss_of), in_dims=(0, None, None, None))(
                weights, rows.x[chosen], rows.codes[chosen], rows.y[chosen])
            for name, weight in weights.items():
                weight.grad = gradients[name]
            optimizer.step()
        with torch.no_grad():
            torch.softmax(torch.func.vmap(call, in_dims=(0, None, None))(weights, rows.x[:N_VALID], rows.codes[:N_VALID]), dim=2)

    return scale(rows, *measure(epoch, 4))


# ------------------------------------------------------------------- all of it

def compare(connection, rows, name, shapes, bounds):
    if CHOSEN not in name:
        return
    runs = []
    for _ in range(N_RUNS):
        run = {"CEREBRO together": run_own(connection, shapes), "PyTorch one after another": run_one_after_another(rows, shapes)}
        if "vmap" in bounds:
            run["PyTorch vmap"] = run_vmap(rows, shapes)
        runs.append(run)
    n_rows = len(rows.x) * len(shapes)
    print(f"\n16 times {name}, batch {BATCH}; {N_RUNS} runs in turns; rows of all models")
    for who in runs[0]:
        rates = [statistics.median(n_rows / run[who][what] for run in runs) for what in ("epoch", "cpu")]
        print(f"  {who:28} {rates[0]:12,.0f} a second, {rates[1]:12,.0f} a processor second")
    if not CHOSEN:
        alone = run_own_alone(connection, shapes)
        print(f"  {'CEREBRO one after another':28} {'':12}           {n_rows / alone['cpu']:12,.0f}")
    for who, bound in (("PyTorch one after another", bounds["one"]), ("PyTorch vmap", bounds.get("vmap"))):
        for what, unit in (("epoch", "time"), ("cpu", "processor time")) if bound else ():
            ratios = [run[who][what] / run["CEREBRO together"][what] for run in runs]
            lib.aim(f"times {who}, {unit} (single runs {', '.join(f'{r:.2f}' for r in ratios)})", statistics.median(ratios), bound,
                    "at least")


def main():
    server = lib.start_server()
    connection = server.connect()
    lib.load_flights(server, connection)
    lib.make_task(connection)
    connection.execute("SET client_min_messages = error; SET cerebro.threads = 2; SET cerebro.plan_extract = on")
    rows = Rows(connection)
    run_own(connection, [(8,)] * N_MODELS)  # columns are kept from here on
    compare(connection, rows, "mlp(64, 32)", [(64, 32)] * N_MODELS, {"one": 15, "vmap": 5})
    compare(connection, rows, "mlp(256, 256)", [(256, 256)] * N_MODELS, {"one": 5, "vmap": 2.2})
    compare(connection, rows, "mixed shapes", MIXED, {"one": 5})


main()
