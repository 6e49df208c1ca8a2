"""Scores of all flights into a table, beside rival methods rebuilt on the same rows and the same shape of network.

A rival reads its inputs by COPY in binary, the fastest way out of the server (numbers as float4, categories as codes that lie in the tables
already, no text to parse), encodes them by numpy on whole columns, and sends scores back the same way.  Its networks keep their first weights,
as scores cost the same; its trees are trained on a part of the rows.

The partial sums of every dimension, always (cerebro.plan_join = pass), are greedy factorised inference within the same node.
"""

import io
import statistics
import sys

import numpy
import onnxruntime
import torch

import lib
from network import Network
from rival_models import make_onnx, train_trees, two_threads

N_RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
UNITS = (64, 32)
torch.set_num_threads(2)
torch.manual_seed(1)
server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
connection.execute("CREATE TABLE numbered AS SELECT row_number() OVER ()::integer AS id, f.* FROM flights f")
connection.execute("ALTER TABLE numbered ADD PRIMARY KEY (id)")
for table, column in (("numbered", "origin"), ("numbered", "dest"), ("airlines", "name"), ("planes", "manufacturer"), ("planes", "engine")):
    connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}_code integer")
    connection.execute(f"""UPDATE {table} t SET {column}_code = c.code
        FROM (SELECT {column}, 1 + row_number() OVER (ORDER BY {column}) AS code FROM {table} GROUP BY 1) c WHERE c.{column} = t.{column}""")
connection.execute("VACUUM FULL numbered, airlines, planes")
connection.execute("VACUUM ANALYZE")
connection.execute("""SELECT cerebro.create_task('own', source => 'SELECT * FROM numbered WHERE arr_delay IS NOT NULL', label => 'arr_delay > 15',
    exclude => '{arr_delay,arr_time,air_time,dep_delay,dep_time}')""")
connection.execute("SET jit = off")
connection.execute("SET max_parallel_workers_per_gather = 1")
connection.execute("SET parallel_tuple_cost = 0")  # else one process is planned for all that a leader writes


class Case:
    """What is scored: the columns of rivals and where they are from, and a triple."""

    def __init__(self, name, title, numbers, codes, source, triple, fewest):
        self.name, self.title, self.n_numbers, self.n_codes, self.fewest = name, title, len(numbers), len(codes), fewest
        self.query = (f"SELECT s.id, {', '.join(f'''coalesce({n}::float4, 'NaN')''' for n in numbers)}, "
                      f"{', '.join(f'coalesce({c}, 0)' for c in codes)} FROM {source}")
        model = connection.execute("SELECT cerebro.train('own', %s)", (triple,)).fetchone()[0]
        connection.execute("SELECT cerebro.deploy(%s, %s)", (model, f"public.{name}"))
        self.fit()

    def read(self, where=""):
        """id, numbers, codes: one array of big-endian fields; every row has as many bytes."""
        text = io.BytesIO()
        with connection.cursor().copy(f"COPY ({self.query} {where}) TO STDOUT (FORMAT binary)") as copy:
            for block in copy:
                text.write(block)
        fields = [("id", ">i4")] + [(f"n{i}", ">f4") for i in range(self.n_numbers)] + [(f"c{i}", ">i4") for i in range(self.n_codes)]
        row = [("count", ">i2")] + [field for name, kind in fields for field in ((f"{name}_size", ">i4"), (name, kind))]
        rows = numpy.frombuffer(text.getbuffer()[19:-2], dtype=row)
        columns = [rows[f"n{i}"].astype("float32") for i in range(self.n_numbers)]
        codes = [rows[f"c{i}"].astype("int64") for i in range(self.n_codes)]
        return rows["id"].astype("int32"), numpy.stack(columns, axis=1), numpy.stack(codes, axis=1)

    def encode(self, numbers):
        x = (numbers - self.median) * self.scale
        missing = numpy.isnan(x)
        x = numpy.where(missing, 0, x / numpy.sqrt(1 + (x / 3) ** 2))
        return numpy.concatenate([x, missing[:, self.has_missing].astype("float32")], axis=1)

    def fit(self):
        ids, numbers, codes = self.read()
        low, self.median, high = numpy.nanquantile(numbers, [0.25, 0.5, 0.75], axis=0).astype("float32")
        self.scale = (1 / numpy.maximum(high - low, 1e-3)).astype("float32")
        self.has_missing = numpy.isnan(numbers).any(axis=0)
        n_codes = [int(n) + 2 for n in codes.max(axis=0)]
        x = self.encode(numbers)
        self.network = Network(x.shape[1], [(n, 8 if n > 9 else 0) for n in n_codes], UNITS).eval()
        self.session = onnxruntime.InferenceSession(make_onnx(self.network, n_codes), two_threads(), providers=["CPUExecutionProvider"])
        late = dict(connection.execute("SELECT id, coalesce(arr_delay > 15, false) FROM numbered").fetchall())
        part = numpy.random.default_rng(1).permutation(len(ids))[:100_000]
        self.trees = train_trees(numpy.concatenate([numbers, codes], axis=1)[part].astype("float32"), [late[i] for i in ids[part].tolist()])
        some = slice(0, 5000)
        assert numpy.abs(self.by_torch(numbers[some], codes[some]) - self.by_onnx(numbers[some], codes[some])).max() < 1e-5

    def by_torch(self, numbers, codes, batch=8192):
        x, codes = torch.from_numpy(self.encode(numbers)), torch.from_numpy(codes)
        with torch.no_grad():
            return torch.cat([torch.softmax(self.network(x[i:i + batch], codes[i:i + batch]), dim=1)[:, 1] for i in range(0, len(x), batch)]).numpy()

    def by_onnx(self, numbers, codes, batch=8192):
        x = self.encode(numbers)
        return numpy.concatenate([self.session.run(None, {"x": x[i:i + batch], "codes": codes[i:i + batch]})[0][:, 1] for i in range(0, len(x), batch)])

    def by_trees(self, numbers, codes):
        return self.trees.inplace_predict(numpy.concatenate([numbers, codes], axis=1).astype("float32"))

    def write(self, scores_of):
        """A rival's whole way: rows out, scores in."""
        ids, numbers, codes = self.read()
        scores = scores_of(numbers, codes)
        rows = numpy.empty(len(ids), dtype=[("count", ">i2"), ("a", ">i4"), ("id", ">i4"), ("b", ">i4"), ("score", ">f4")])
        rows["count"], rows["a"], rows["b"] = 2, 4, 4
        rows["id"], rows["score"] = ids, scores
        connection.execute("DROP TABLE IF EXISTS scored_by_rival")
        connection.execute("CREATE TABLE scored_by_rival (id integer, score real)")
        with connection.cursor().copy("COPY scored_by_rival FROM STDIN (FORMAT binary)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff")

    def own(self, setting="auto", is_batched="on"):
        connection.execute(f"SET cerebro.plan_join = {setting}")
        connection.execute(f"SET cerebro.batch_scoring = {is_batched}")
        connection.execute("DROP TABLE IF EXISTS scored")
        connection.execute(f"CREATE TABLE scored AS SELECT id, {self.name}(f) AS score FROM numbered f")

    def few(self, setting):
        connection.execute(f"SET cerebro.plan_join = {setting}")
        connection.execute("SET cerebro.batch_scoring = on")
        connection.execute(f"SELECT sum({self.name}(f)) FROM numbered f WHERE id <= 100").fetchall()


JOIN = """numbered s LEFT JOIN airlines a USING (carrier) LEFT JOIN planes p USING (tailnum)
    LEFT JOIN weather w ON (w.origin = s.origin AND w.time_hour = s.time_hour) LEFT JOIN airports d ON (d.faa = s.dest)"""
NEAR = ["s.month", "s.day", "s.hour", "s.minute", "s.sched_arr_time", "s.distance"]
FAR = ["p.year", "p.engines", "p.seats", "w.temp", "w.dewp", "w.humid", "w.wind_speed", "w.visib", "w.pressure", "d.lat", "d.alt"]
CASES = [
    Case("own", "22 inputs, 14 of them of four joined tables", NEAR + FAR, ["s.origin_code", "s.dest_code", "a.name_code", "p.manufacturer_code", "p.engine_code"],
         JOIN, lib.own_triple("64, 32", 1), 5),
    Case("near", "8 inputs, all of the scored table", NEAR, ["s.origin_code", "s.dest_code"], "numbered s",
         "FE month, day, hour, minute, sched_arr_time, distance, origin, dest AS mlp(64, 32) PT batch = 1024, epochs = 1", 1.5)]
for case in CASES:
    ways = {"CEREBRO": case.own,
            "CEREBRO, row by row": lambda case=case: case.own(is_batched="off"),
            "COPY, PyTorch, COPY": lambda case=case: case.write(case.by_torch),
            "COPY, ONNX Runtime, COPY": lambda case=case: case.write(case.by_onnx),
            "COPY, XGBoost (100 trees), COPY": lambda case=case: case.write(case.by_trees)}
    for way in ways.values():
        way()
    runs = [[lib.seconds(way) for way in ways.values()] for _ in range(N_RUNS)]
    medians = dict(zip(ways, (statistics.median(column) for column in zip(*runs))))
    n, m = (connection.execute(f"SELECT count(*) FROM {t} WHERE score BETWEEN 0 AND 1").fetchone()[0] for t in ("scored", "scored_by_rival"))
    assert n == m == 336776, (n, m)
    lib.print_table(f"336,776 flights scored into a table, mlp(64, 32), {case.title} (median of {N_RUNS})", list(medians.items()), base="CEREBRO")
    ours = medians["CEREBRO"]
    if case.name == "own":
        lib.aim("times faster than ONNX Runtime", medians["COPY, ONNX Runtime, COPY"] / ours, 8, "at least")
        lib.aim("times faster than XGBoost", medians["COPY, XGBoost (100 trees), COPY"] / ours, 6, "at least")
    rivals = [medians[way] for way in list(ways)[1:4]]
    lib.aim("times faster than the best of row by row, PyTorch, ONNX Runtime", min(rivals) / ours, case.fewest, "at least")
case = CASES[0]
for title, work in (("all flights into a table", case.own), ("sum over 100 flights", case.few)):
    work("auto")
    work("pass")
    runs = [[lib.seconds(work, setting) for setting in ("auto", "pass")] for _ in range(2 * N_RUNS + 1)]
    chosen, greedy = (statistics.median(column) for column in zip(*runs))
    print(f"\n{title}: {chosen * 1000:.1f} ms as chosen, {greedy * 1000:.1f} ms with partial sums of every dimension")
    lib.aim("greedy partial sums, times the chosen way", greedy / chosen, 1 / 1.05, "at least")
