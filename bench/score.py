"""Scoring all flights into a table, from SQL, beside export + PyTorch, ONNX Runtime or XGBoost + COPY back.

Rivals are fed the same way (peer.py): the joined rows by COPY to the client, pandas, numbers scaled and categories coded as their model was
trained, scores back by COPY.  bench/rivals feeds them faster: binary fields with ready codes.
"""

import io
import statistics
import sys

import numpy
import onnxruntime
import torch

import lib
import peer
from rival_models import make_onnx, train_trees, two_threads

N_RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
SHAPES = sys.argv[2:] or ["64, 32", "256, 256"]
KEY = "carrier, flight, time_hour, origin"
ALL = "SELECT * FROM late_source"
torch.set_num_threads(2)
server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
lib.make_task(connection)
connection.execute("""SELECT cerebro.create_task('own', source => 'SELECT * FROM flights WHERE arr_delay IS NOT NULL', label => 'arr_delay > 15',
    key => '{carrier,flight,time_hour,origin}', exclude => '{arr_delay,arr_time,air_time,dep_delay,dep_time}')""")
connection.execute("SET jit = off")
connection.execute("SET parallel_tuple_cost = 0")  # else one process is planned for all that a leader writes


class Rivals:
    """The network and the trees of one shape, trained on the same exported rows."""

    def __init__(self, units):
        frame = peer.export(connection)
        self.encoder, self.network, _ = peer.train(frame, units, n_epochs=1)
        tables = [n for n, _ in self.encoder.tables()]
        self.session = onnxruntime.InferenceSession(make_onnx(self.network.eval(), tables), two_threads(), providers=["CPUExecutionProvider"])
        part = frame.sample(100_000, random_state=1)
        self.trees = train_trees(self.join(part), part["arr_delay"] > 15)
        x, codes = self.encoder.encode(part[:5000])
        assert numpy.abs(self.by_torch(part[:5000]) - self.by_onnx(part[:5000])).max() < 1e-5, (x.shape, codes.shape)

    def join(self, frame):
        """What trees read: numbers as they are (a tree needs no scale), codes beside them."""
        codes = [self.encoder.encode_category(frame[name], name).astype("float32") for name in lib.CATEGORIES]
        return numpy.concatenate([frame[lib.NUMBERS].to_numpy("float32"), numpy.stack(codes, axis=1)], axis=1)

    def by_torch(self, frame):
        return peer.predict(self.network, *self.encoder.encode(frame)).numpy()

    def by_onnx(self, frame, batch=8192):
        x, codes = (tensor.numpy() for tensor in self.encoder.encode(frame))
        return numpy.concatenate([self.session.run(None, {"x": x[i:i + batch], "codes": codes[i:i + batch]})[0][:, 1] for i in range(0, len(x), batch)])

    def by_trees(self, frame):
        return self.trees.inplace_predict(self.join(frame))


def write(scores_of):
    """A rival's whole way: rows out, scores in."""
    connection.execute("DROP TABLE IF EXISTS scored_by_rival")
    frame = peer.export(connection, ALL)
    frame["late"] = scores_of(frame)
    connection.execute("CREATE TABLE scored_by_rival (carrier text, flight integer, time_hour timestamptz, origin text, late real)")
    text = io.StringIO()
    frame[KEY.split(", ") + ["late"]].to_csv(text, index=False, header=False)
    with connection.cursor().copy("COPY scored_by_rival FROM STDIN (FORMAT csv)") as copy:
        copy.write(text.getvalue())


def ours(n_processes, source):
    connection.execute(f"SET max_parallel_workers_per_gather = {n_processes - 1}")
    connection.execute("DROP TABLE IF EXISTS scored")
    connection.execute(f"CREATE TABLE scored AS SELECT {KEY}, late(s) AS late FROM {source} s")


def count(table):
    return connection.execute(f"SELECT count(*) FROM {table} WHERE late BETWEEN 0 AND 1").fetchone()[0]


for shape in SHAPES:
    for task, triple in (("own", lib.own_triple(shape, 1)), ("late", lib.triple(shape, 1))):
        model = connection.execute("SELECT cerebro.train(%s, %s)", (task, triple)).fetchone()[0]
        connection.execute("SELECT cerebro.deploy(%s, 'public.late')", (model,))
    rivals = Rivals(tuple(map(int, shape.split(", "))))
    ways = {"CEREBRO, its own joins, two processes": lambda: ours(2, "flights"),
            "its own joins, one process": lambda: ours(1, "flights"),
            "the join written out, two processes": lambda: ours(2, "late_source"),
            "export, PyTorch, COPY back": lambda rivals=rivals: write(rivals.by_torch),
            "export, ONNX Runtime, COPY back": lambda rivals=rivals: write(rivals.by_onnx),
            "export, XGBoost (100 trees), COPY back": lambda rivals=rivals: write(rivals.by_trees)}
    for way in list(ways.values())[:3]:
        way()
    runs = [[lib.seconds(way) for way in ways.values()] for _ in range(N_RUNS)]
    medians = dict(zip(ways, (statistics.median(column) for column in zip(*runs))))
    assert count("scored") == count("scored_by_rival") == 336776
    lib.print_table(f"All 336,776 flights scored into a table over the five-table join, mlp({shape}) (median of {N_RUNS}; right: times CEREBRO)",
                    list(medians.items()), base="CEREBRO, its own joins, two processes")
    fastest, _, _, *theirs = medians.values()
    for name, seconds, asked in zip(("PyTorch", "ONNX Runtime", "XGBoost"), theirs, (10, 8, 6)):
        lib.aim(f"mlp({shape}), times faster than {name}", seconds / fastest, asked, "at least")
