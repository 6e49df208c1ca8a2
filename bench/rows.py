"""What a row costs, of few rows and of many; what memory a session takes, whatever the size of the table that the model joins.

Generated tables of 10^4 rows up to the first argument (10^7), scored by one process: processor nanoseconds a row.  Then a source whose model joins
a table of 10^4 up to as many rows: anonymous memory of a new session, the most that was seen every 2 ms, by settings: cerebro.model_memory, and
as much as hash tables may take (work_mem times hash_mem_multiplier).
"""

import sys
import threading
import time

import lib

MOST = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
N_RUNS = 5
SIZES = [10**k for k in range(4, 8) if 10**k <= MOST]
SETTINGS = (4, 16, 64)  # MB of either
N_SOURCE = 200_000

server = lib.server.Server()
connection = server.connect()
connection.execute("CREATE EXTENSION cerebro")


def prepare(session):
    for setting in ("max_parallel_workers_per_gather = 0", "jit = off", "cerebro.reuse = off", "cerebro.plan_extract = off",
                    "client_min_messages = warning"):
        session.execute(f"SET {setting}")
    return session


def make_table(name, n, columns):
    connection.execute(f"CREATE UNLOGGED TABLE {name} AS SELECT i AS id, {columns} FROM generate_series(1, {n}) i")
    connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
    connection.execute(f"VACUUM ANALYZE {name}")


def learn(name, table, fe):
    connection.execute("SELECT cerebro.create_task(%s, source => %s, label => 'y', key => '{id}')", (name, f"SELECT * FROM {table}"))
    model, = connection.execute("SELECT cerebro.train(%s, %s)", (
        name, f"FE {fe} AS mlp(64, 32) PT epochs = 1, batch = 4096, patience = 1")).fetchone()
    connection.execute("SELECT cerebro.deploy(%s, %s)", (model, f"public.{name}"))


def get_pid(session):
    return session.execute("SELECT pg_backend_pid()").fetchone()[0]


def used_seconds(pid):
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def measure(session, query):
    pid = get_pid(session)
    start = used_seconds(pid)
    session.execute(query).fetchall()
    return used_seconds(pid) - start


def anonymous_bytes(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))


def measure_memory(session, query):
    """Anonymous memory before the query and the most that was seen while it ran, twice."""
    pid = get_pid(session)
    before = most = anonymous_bytes(pid)
    is_over = threading.Event()

    def watch():
        nonlocal most
        while not is_over.is_set():
            most = max(most, anonymous_bytes(pid))
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(2):
        session.execute(query).fetchall()
    is_over.set()
    watcher.join()
    return before, most


prepare(connection)
NUMBERS = [f"v{c}" for c in range(8)]
INPUTS = [f"{name} : robust" for name in NUMBERS] + ["c0 : embed(8)", "c1"]
COLUMNS = (", ".join(f"(hashint4(i * {c + 1}) & 1023)::real AS v{c}" for c in range(8))
           + ", (hashint4(i * 11) & 255)::text AS c0, (hashint4(i * 12) & 3)::text AS c1, hashint4(i) % 3 > 0 AS y")
for n in SIZES:
    make_table(f"flat{n}", n, COLUMNS)
learn("late", f"flat{SIZES[0]}", ", ".join(INPUTS))
model, = connection.execute("SELECT model FROM cerebro.deployments").fetchone()
by_size = {}
print("processor nanoseconds a row, one process, mlp(64, 32) over ten columns of one table; the same columns, one sum of them")
for n in SIZES:
    runs = min(max(N_RUNS, 1_000_000 // n), 50)
    queries = (f"SELECT sum(cerebro.predict({model}, f)) FROM flat{n} f", f"SELECT sum({' + '.join(NUMBERS)} + length(c0) + length(c1)) FROM flat{n}")
    least = [min(measure(connection, query) for _ in range(runs)) / n * 1e9 for query in queries]
    by_size[n] = least
    print(f"  {n:>10,} rows {least[0]:8.0f} {least[1]:8.0f}", flush=True)
lib.aim("the dearest row beside the cheapest, by sizes", max(v[0] for v in by_size.values()) / min(v[0] for v in by_size.values()), 1.2, "at most")

print("\nanonymous memory of a new session, MB: before, most; rows of the joined table, MB of cerebro.model_memory and of hash tables")
worst = 0.0
for n in SIZES:
    make_table(f"dim{n}", n, ", ".join(f"(hashint4(i * {c + 1}) & 1023)::real AS w{c}" for c in range(8)))
    make_table(f"fact{n}", N_SOURCE, f"1 + (hashint4(i * 3) & 2147483647) % {n} AS d, (hashint4(i * 5) & 1023) AS v, hashint4(i) % 3 > 0 AS y")
    fe = ["v : robust", f"JOIN dim{n} t ON (t.id = source.d)"] + [f"t.w{c} : robust" for c in range(8)]
    learn(f"own{n}", f"fact{n}", ", ".join(fe))
    for setting in SETTINGS:
        session = prepare(server.connect())
        session.execute(f"SET cerebro.model_memory = '{setting}MB'")
        session.execute("SET hash_mem_multiplier = 1")
        session.execute(f"SET work_mem = '{setting}MB'")
        # what a session of any kind takes, the library and catalogs among it
        session.execute(f"SELECT own{n}(f) FROM fact{n} f LIMIT 1").fetchall()
        before, most = measure_memory(session, f"SELECT sum(own{n}(f)) FROM fact{n} f")
        seconds = measure(session, f"SELECT sum(own{n}(f)) FROM fact{n} f")
        more = (most - before) / 1e6
        worst = max(worst, more / (2 * setting))
        print(f"  {n:>10,} {setting:>3} {before / 1e6:8.1f} {most / 1e6:8.1f}   {seconds / N_SOURCE * 1e9:6.0f} ns a row", flush=True)
        session.close()
print(f"  at most {worst:.2f} times both settings was added")
