"""Sixteen triples together, cerebro.train('late', mst[]), beside PyTorch: one after another, and torch.func.vmap over the
stacked weights of all of them (equal shapes only).

The flights with 22 features, embeddings of width 8, batch 1024, Adam; CEREBRO has two threads.  PyTorch has one, where it
does most for a second of processor time (its threads wait for each other by spinning), and trains on tensors that are
encoded and in memory, the first 24 batches of an epoch, the faster of two times.  Processor time of CEREBRO is what
cerebro.job has of each model: validation after each epoch, states and packing, too; for PyTorch it is the batches
alone.  Other work on the machine disturbs that less than time.

    bench/group [EPOCHS [RUNS]]     of CEREBRO (3); runs in turns, of which the median ratio counts (3)
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
BATCH = 1024
N_BATCHES = 24  # of PyTorch
MIXED = [(256, 256), (64, 32), (128, 64), (96, 96), (192,), (64, 64, 64), (320, 64), (48, 24),
         (160, 80), (80, 40, 20), (128, 128), (32, 16), (224, 112), (96,), (256, 64), (112, 112)]
torch.set_num_threads(1)


# ----------------------------------------------------------------------- ours

def triples(shapes):
    return [f"FE {lib.FEATURES} AS mlp({', '.join(map(str, units))}) PT adam(lr = 0.001), dropout = 0, batch = {BATCH}, "
            f"epochs = {N_EPOCHS}, patience = 0, seed = {seed}" for seed, units in enumerate(shapes, 1)]


def run_own(connection, shapes):
    """Seconds and processor seconds of an epoch of all models."""
    start = time.perf_counter()
    models = connection.execute("SELECT cerebro.train('late', %s::cerebro.mst[])", [triples(shapes)]).fetchone()[0]
    whole = time.perf_counter() - start
    assert None not in models
    cpu = connection.execute("SELECT sum(cpu_seconds) FROM cerebro.job WHERE model = ANY (%s)", [models]).fetchone()[0]
    return {"whole": whole, "cpu": cpu / N_EPOCHS}


def run_own_alone(connection, shapes):
    """The same, one after another: the processor time of all threads of each."""
    start = time.perf_counter()
    models = [connection.execute("SELECT cerebro.train('late', %s::cerebro.mst)", [triple]).fetchone()[0] for triple in triples(shapes)]
    whole = time.perf_counter() - start
    cpu = connection.execute("SELECT sum(cpu_seconds) FROM cerebro.job WHERE model = ANY (%s)", [models]).fetchone()[0]
    return {"whole": whole, "cpu": cpu / N_EPOCHS}


# ----------------------------------------------------------------- the peers

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
    """Least of all epochs, as the first ones warm up."""
    seconds, processor = [], []
    for _ in range(n_times):
        start, start_processor = time.perf_counter(), time.process_time()
        epoch()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    return min(seconds), min(processor)


def scale(rows, result):
    """From so many batches to all rows."""
    return {what: value * len(rows.x) / (N_BATCHES * BATCH) for what, value in result.items()}


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

    return epoch


def run_one_after_another(rows, shapes):
    """Equal shapes take the same time: two of them stand for all; of mixed ones each is trained."""
    chosen = shapes if len(set(shapes)) > 1 else shapes[:2]
    times = [measure(train_one(rows.make_network(units, seed), rows), 2)
             for seed, units in enumerate(chosen, 1)]
    share = len(shapes) / len(chosen)
    return scale(rows, {"epoch": share * sum(t[0] for t in times), "cpu": share * sum(t[1] for t in times)})


def run_vmap(rows, shapes):
    networks = [rows.make_network(units, seed) for seed, units in enumerate(shapes, 1)]
    weights, buffers = torch.func.stack_module_state(networks)
    base = networks[0]

    def loss_of(params, x, codes, y):
        return torch.nn.functional.cross_entropy(torch.func.functional_call(base, params, (x, codes)), y)

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

    seconds, processor = measure(epoch, 2)
    return scale(rows, {"epoch": seconds, "cpu": processor})


# ------------------------------------------------------------------- all of it

def compare(connection, rows, name, shapes, bounds):
    runs = []
    for _ in range(N_RUNS):
        run = {"CEREBRO together": run_own(connection, shapes), "PyTorch one after another": run_one_after_another(rows, shapes)}
        if "vmap" in bounds:
            run["PyTorch vmap"] = run_vmap(rows, shapes)
        runs.append(run)
    alone = run_own_alone(connection, shapes)
    n_rows = len(rows.x) * len(shapes)
    print(f"\n16 times {name}, batch {BATCH}; {N_RUNS} runs in turns")
    for who in runs[0]:
        print(f"  {who:28} {statistics.median(n_rows / run[who]['cpu'] for run in runs):12,.0f} model-rows a processor second")
    print(f"  {'CEREBRO one after another':28} {n_rows / alone['cpu']:12,.0f}; whole calls {alone['whole']:.2f} s, together "
          f"{statistics.median(run['CEREBRO together']['whole'] for run in runs):.2f} s")
    for who, bound in (("PyTorch one after another", bounds["one"]), ("PyTorch vmap", bounds.get("vmap"))):
        if bound:
            ratios = [run[who]["cpu"] / run["CEREBRO together"]["cpu"] for run in runs]
            print(f"    single runs {', '.join(f'{r:.2f}' for r in ratios)}")
            lib.aim(f"times {who}, processor time", statistics.median(ratios), bound, "at least")


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
