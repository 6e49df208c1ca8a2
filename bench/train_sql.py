"""From SQL to a trained model, 5 epochs, everything included, beside export + pandas + PyTorch on the same two threads.

    bench/run train_sql torch [RUNS [UNITS...]]      such as 3 64,32

The two sides take turns, each after the same pause, in which what the other left (dirty buffers, memory given back) settles;
one run of each goes before, unmeasured.
"""

import statistics
import sys
import time

import torch

import lib
import peer

N_RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
NETWORKS = [tuple(map(int, units.split(","))) for units in sys.argv[2:]] or [(256, 256), (64, 32)]
BOUNDS = {(256, 256): 3, (64, 32): 6}
PAUSE = 1.5
torch.set_num_threads(2)
server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
lib.make_task(connection)
peer_auc = None


def own(units, features=lib.FEATURES):
    return lib.seconds(connection.execute, f"SELECT cerebro.train('late', '{lib.triple(units, 5, features)}')")


def read_auc():
    return connection.execute("SELECT valid_auc FROM cerebro.model ORDER BY id DESC LIMIT 1").fetchone()[0]


def peer_whole(units):
    global peer_auc
    peer_auc = peer.train(peer.export(connection), units)[2]


def measure(work, *args):
    time.sleep(PAUSE)
    return lib.seconds(work, *args)


for units in NETWORKS:
    name = f"mlp({', '.join(map(str, units))})"
    widths = ", ".join(map(str, units))
    runs = [(measure(own, widths), measure(peer_whole, units)) for _ in range(N_RUNS + 1)][1:]
    ours, theirs = (statistics.median(column) for column in zip(*runs))
    auc = read_auc()
    chosen = measure(own, widths, lib.CHOSEN)
    lib.print_table(f"SQL to trained {name}, 5 epochs over 229,000 training rows (median of {N_RUNS}; right: times CEREBRO)", [
        ("CEREBRO: SELECT cerebro.train(...)", ours),
        (f"the same, FE *: encoders chosen by the rows (AUC {read_auc():.4f})", chosen),
        ("export + pandas + PyTorch", theirs)], base="CEREBRO: SELECT cerebro.train(...)",
        note=f"AUC on validation rows: CEREBRO {auc:.4f}, PyTorch {peer_auc:.4f} (each on its own random 15 %)")
    print("  single runs:", ", ".join(f"{a:.2f} and {b:.2f} s" for a, b in runs))
    lib.aim(f"times faster, {name}", theirs / ours, BOUNDS.get(units, 3), "at least")
