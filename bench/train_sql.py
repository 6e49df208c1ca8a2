"""From SQL to a trained model, 5 epochs, everything included, beside export + pandas + PyTorch on the same two threads."""

import statistics

import torch

import lib
import peer

N_RUNS = 5
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


for units, bound in ((256, 256), 3), ((64, 32), 6):
    name = f"mlp({', '.join(map(str, units))})"
    widths = ", ".join(map(str, units))
    runs = [(own(widths), lib.seconds(peer_whole, units)) for _ in range(N_RUNS)]
    ours, theirs = (statistics.median(column) for column in zip(*runs))
    auc = read_auc()
    chosen = own(widths, lib.CHOSEN)
    lib.print_table(f"SQL to trained {name}, 5 epochs over 229,000 training rows (median of {N_RUNS}; right: times CEREBRO)", [
        ("CEREBRO: SELECT cerebro.train(...)", ours),
        (f"the same, FE *: encoders chosen by the rows (AUC {read_auc():.4f})", chosen),
        ("export + pandas + PyTorch", theirs)], base="CEREBRO: SELECT cerebro.train(...)",
        note=f"AUC on validation rows: CEREBRO {auc:.4f}, PyTorch {peer_auc:.4f} (each on its own random 15 %)")
    lib.aim(f"times faster, {name}", theirs / ours, bound, "at least")
