"""A star whose dimensions have towers, which are kept for each of a dimension's rows, beside a perceptron over the written join.

Towers of (256, 256, 64) for four dimensions, of 64 for the source, and 64 above; the perceptron has 256, 256, 64.  Both read the same columns,
of which the source has 6 and each dimension 12.  Seconds of one process, and processor seconds, in turns.
"""

import statistics
import sys

import lib

N_SOURCE = 300_000
N_RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
DIMENSIONS = {"a": 3000, "b": 300, "c": 10_000, "d": 1000}
N_FAR = 12
N_NEAR = 6

server = lib.server.Server()
connection = server.connect()
connection.execute("CREATE EXTENSION cerebro")
for setting in ("max_parallel_workers_per_gather = 0", "jit = off", "cerebro.reuse = off", "cerebro.plan_extract = off",
                "client_min_messages = warning"):
    connection.execute(f"SET {setting}")
pid = connection.execute("SELECT pg_backend_pid()").fetchone()[0]
for name, n in DIMENSIONS.items():
    columns = ", ".join(f"(hashint4(i * {c + 1}) & 1023)::real AS v{c}" for c in range(N_FAR))
    connection.execute(f"CREATE TABLE {name} AS SELECT i AS id, {columns} FROM generate_series(1, {n}) i")
    connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
keys = ", ".join(f"1 + (hashint4(i * {k + 3}) & 2147483647) % {n} AS {name}_id" for k, (name, n) in enumerate(DIMENSIONS.items()))
near = ", ".join(f"(hashint4(i * {c + 11}) & 1023)::real AS n{c}" for c in range(N_NEAR))
connection.execute(f"CREATE TABLE fact AS SELECT i AS id, {keys}, {near}, hashint4(i) % 3 > 0 AS y FROM generate_series(1, {N_SOURCE}) i")
connection.execute("ALTER TABLE fact ADD PRIMARY KEY (id)")
far = ", ".join(f"{name}.v{c} AS {name}_v{c}" for name in DIMENSIONS for c in range(N_FAR))
joins = " ".join(f"LEFT JOIN {name} ON {name}.id = fact.{name}_id" for name in DIMENSIONS)
connection.execute(f"CREATE VIEW wide AS SELECT fact.*, {far} FROM fact {joins}")
connection.execute("VACUUM ANALYZE")
TRAINING = "PT epochs = 1, batch = 4096, patience = 1"


def learn(name, source, fe, structure):
    connection.execute("SELECT cerebro.create_task(%s, source => %s, label => 'y', key => '{id}')", (name, f"SELECT * FROM {source} WHERE id <= 20000"))
    model = connection.execute("SELECT cerebro.train(%s, %s)", (name, f"FE {fe} AS {structure} {TRAINING}")).fetchone()[0]
    connection.execute("SELECT cerebro.deploy(%s, %s)", (model, f"public.{name}"))


NEAR = [f"n{c} : robust" for c in range(N_NEAR)]
items = NEAR + [f"JOIN {name} ON ({name}.id = source.{name}_id)" for name in DIMENSIONS] + [
    f"{name}.v{c} : robust" for name in DIMENSIONS for c in range(N_FAR)]
towers = ", ".join(["of_table(source, mlp(64))"] + [f"of_table({name}, mlp(256, 256, 64))" for name in DIMENSIONS])
learn("star", "fact", ", ".join(items), f"concat({towers}) > mlp(64)")
learn("flat", "wide", ", ".join(NEAR + [f"{name}_v{c} : robust" for name in DIMENSIONS for c in range(N_FAR)]), "mlp(256, 256, 64)")


def used_seconds():
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def measure(query):
    start = used_seconds()
    taken = lib.seconds(lambda: connection.execute(query).fetchall())
    return taken, used_seconds() - start


QUERIES = {"towers kept, sum(star(f)) FROM fact f": "SELECT sum(star(f)) FROM fact f",
           "mlp(256, 256, 64) over the join": "SELECT sum(flat(w)) FROM wide w",
           "the join, one sum of its columns": f"SELECT sum({' + '.join(f'{name}_v{c}' for name in DIMENSIONS for c in range(N_FAR))}) FROM wide"}
print("\n".join(line for (line,) in connection.execute("EXPLAIN (COSTS OFF) SELECT star(f) FROM fact f").fetchall()))
network, = (line for (line,) in connection.execute("EXPLAIN (ANALYZE, TIMING ON) SELECT sum(star(f)) FROM fact f").fetchall() if "Network Time" in line)
print(f"  of the towers' query: {network.strip()}")
runs = {what: [] for what in QUERIES}
for run in range(N_RUNS + 1):
    for what, query in QUERIES.items():
        if run > 0:
            runs[what].append(measure(query))
        else:
            measure(query)
for k, title in enumerate(("seconds", "processor seconds")):
    rows = [(what, statistics.median(run[k] for run in runs[what])) for what in QUERIES]
    lib.print_table(f"{N_SOURCE:,} rows of a star, {title} (median of {N_RUNS})", rows, base=rows[0][0])
connection.execute("CREATE TEMP TABLE batched AS SELECT id, star(f) AS p FROM fact f")
connection.execute("SET cerebro.batch_scoring = off")
wrong = connection.execute("SELECT count(*) FROM fact f JOIN batched USING (id) WHERE id <= 2000 AND star(f) <> p").fetchone()[0]
print(f"  of 2,000 rows scored alone differ: {wrong}")
assert wrong == 0
lib.aim("times faster than over the join (processor time)", rows[1][1] / rows[0][1], 6, "at least")
