"""Scoring where the rows are: the scan node beside the plain query, row-at-a-time calls, one and two workers."""

import re
import statistics

import lib

N_RUNS = 5
INPUTS = ("month, day, hour, minute, sched_arr_time, distance, origin, dest, airline, plane_year, manufacturer, engines, seats, "
          "engine, temp, dewp, humid, wind_speed, visib, pressure, dest_lat, dest_alt")
server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
lib.make_task(connection)
for name, units in (("late", "64, 32"), ("late_wide", "256, 256")):
    model = connection.execute(f"SELECT cerebro.train('late', '{lib.triple(units, 1)}')").fetchone()[0]
    connection.execute("SELECT cerebro.deploy(%s, %s)", (model, f"public.{name}"))
connection.execute("SET max_parallel_workers_per_gather = 0")
connection.execute("SET jit = off")


def run(query):
    """Seconds of a query whose rows are made and thrown away in the server."""
    text = connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {query}").fetchall()
    return next(float(line.split()[2]) for (line,) in text if line.startswith("Execution Time")) / 1000


def side_by_side(*queries):
    """Median seconds of each, taken in turns."""
    for query in queries:
        run(query)
    runs = [[run(query) for query in queries] for _ in range(N_RUNS)]
    return [statistics.median(column) for column in zip(*runs)]


def force_worker(is_on):
    connection.execute("SELECT set_config(name, %s, false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')", ("on" if is_on else "off",))


def print_workers(what, query):
    """Two workers beside one, the leader only gathers: both sides start workers, one alone as PostgreSQL is told to."""
    connection.execute("SET parallel_leader_participation = off")
    seconds = []
    for n in (1, 2):
        connection.execute(f"SET max_parallel_workers_per_gather = {n}")
        force_worker(n == 1)
        seconds += side_by_side(query)
    connection.execute("SET max_parallel_workers_per_gather = 0")
    connection.execute("SET parallel_leader_participation = on")
    print(f"  {what}: one worker {seconds[0]:.3f} s, two workers {seconds[1]:.3f} s (the leader gathers only)")
    lib.aim("two workers, times one worker", seconds[0] / seconds[1], 1.8, "at least")


plain, narrow, wide, total = side_by_side(f"SELECT {INPUTS} FROM late_source", "SELECT late(s) FROM late_source s",
                                          "SELECT late_wide(s) FROM late_source s", "SELECT sum(late(s)) FROM late_source s")
lib.print_table(f"All 336,776 flights over the written-out five-table join, one process (median of {N_RUNS})", [
    ("the 22 input columns", plain), ("late(s), mlp(64, 32)", narrow), ("sum(late(s))", total),
    ("late(s), mlp(256, 256)", wide)], base="the 22 input columns")
lib.aim("with mlp(64, 32), times the plain query", narrow / plain, 1.25, "at most")

connection.execute("""SELECT cerebro.create_task('own', source => 'SELECT * FROM flights WHERE arr_delay IS NOT NULL', label => 'arr_delay > 15',
    key => '{carrier,flight,time_hour,origin}', exclude => '{arr_delay,arr_time,air_time,dep_delay,dep_time}')""")
for name, encoder in (("own", " : robust"), ("chosen", "")):
    model = connection.execute("SELECT cerebro.train('own', %s)", (lib.own_triple("64, 32", 1, encoder),)).fetchone()[0]
    connection.execute("SELECT cerebro.deploy(%s, %s)", (model, f"public.{name}"))
plain, joined, chosen = side_by_side(f"SELECT {INPUTS} FROM late_source", "SELECT sum(own(f)) FROM flights f", "SELECT sum(chosen(f)) FROM flights f")
lib.print_table("A model whose joins are its own, mlp(64, 32)", [
    ("the 22 input columns over the join", plain), ("sum(own(f)) over flights", joined),
    ("the same, numbers by encoders that are chosen", chosen)], base="the 22 input columns over the join")
lib.aim("with its own joins, times the plain query", joined / plain, 0.5, "at most")
lib.aim("the same, encoders that are chosen", chosen / plain, 0.5, "at most")


def print_together(what, one, other):
    """Two models in one query beside the sum of each alone."""
    *alone, both = side_by_side(f"SELECT sum({one}(f)) FROM flights f", f"SELECT sum({other}(f)) FROM flights f",
                                f"SELECT sum({one}(f)), sum({other}(f)) FROM flights f")
    plan = connection.execute(f"EXPLAIN SELECT sum({one}(f)), sum({other}(f)) FROM flights f").fetchall()
    shared = next(line.strip() for (line,) in plan if "Shared" in line)
    print(f"  two models, {what}: {alone[0]:.3f} s and {alone[1]:.3f} s alone, {both:.3f} s in one query, "
          f"{both / sum(alone):.2f} of the sum ({shared})", flush=True)


def deploy(model, name):
    connection.execute("SELECT cerebro.deploy(%s, %s)", (model, f"public.{name}"))
    return model


# numbers alone: a change with steps that move no weight leaves the layers before its new one as they are
NUMBERS = re.sub(r", (origin|dest|airlines\.name|planes\.manufacturer|planes\.engine|JOIN airlines USING \(carrier\))(?=,)", "",
                 lib.own_triple("64, 32", 1).replace("\n", " "))
trunk = deploy(connection.execute("SELECT cerebro.train('own', %s)", (NUMBERS,)).fetchone()[0], "trunk")
deploy(connection.execute("SELECT cerebro.train_change(%s, 'SET AS = mlp(64, 32, 16), SET PT.lr = 1e-30')", (trunk,)).fetchone()[0], "head")
deploy(connection.execute("SELECT cerebro.train('own', %s)", (lib.own_triple("64, 32", 1) + ", seed = 2",)).fetchone()[0], "seeded")
print_together("all but the head the same", "trunk", "head")
print_together("the same rows, other weights", "own", "seeded")


def per_row(query, n):
    """Microseconds of a row, the better of two runs: the first one reads the model."""
    return min(run(f"{query} LIMIT {n}") for _ in range(2)) / n * 1e6


WHY = "SELECT own_why(f) FROM flights f"
why, both = per_row(WHY, 20000), per_row("SELECT own(f), own_why(f) FROM flights f", 20000)
connection.execute("SET cerebro.batch_scoring = off")
alone = per_row(WHY, 5000)
connection.execute("SET cerebro.batch_scoring = on")
print(f"  explained over its own joins, mlp(64, 32), microseconds a row: {why:.0f} in the node, {both:.0f} with its score, "
      f"{alone:.0f} row by row: {alone / why:.2f} times", flush=True)

connection.prepare_threshold = 0
ROW = "FROM flights f WHERE ctid = '(100,5)'"
one_plain, one_own = (statistics.median(lib.seconds(lambda: connection.execute(f"SELECT {what} {ROW}").fetchone()) for _ in range(200))
                      for what in ("year", "own(f)"))
print(f"  one row, prepared: {one_plain * 1000:.3f} ms, scored over its own joins {one_own * 1000:.3f} ms", flush=True)
connection.prepare_threshold = 5

connection.execute(f"CREATE TABLE flat AS SELECT {INPUTS}, carrier, flight, time_hour, arr_delay FROM late_source")
connection.execute("VACUUM ANALYZE flat")
connection.execute("""SELECT cerebro.create_task('flat', source => 'SELECT * FROM flat WHERE arr_delay IS NOT NULL',
    label => 'arr_delay > 15', key => '{carrier,flight,time_hour,origin}', exclude => '{arr_delay}')""")
flat = connection.execute(f"SELECT cerebro.train('flat', '{lib.triple('64, 32', 1)}')").fetchone()[0]
connection.execute("SELECT cerebro.deploy(%s, 'public.late')", (flat,))
CALL = "SELECT sum(late(f)) FROM flat f"
one, = side_by_side(CALL)
connection.execute("SET cerebro.batch_scoring = off")
by_row, = side_by_side(CALL)
connection.execute("SET cerebro.batch_scoring = on")
connection.execute("SET max_parallel_workers_per_gather = 1")
two, = side_by_side(CALL)
connection.execute("SET max_parallel_workers_per_gather = 0")
lib.print_table("sum(late(f)) over one table of the same columns, mlp(64, 32)", [
    ("one process", one), ("two processes", two), ("one process, row by row", by_row)], base="one process")
lib.aim("leader and one worker, times one process", one / two, 1.8, "at least")
print_workers("flat, mlp(64, 32)", CALL)
print_workers("four joins of its own, mlp(64, 32)", "SELECT sum(own(f)) FROM flights f")
lib.aim("row by row, times batches", by_row / one, 2.5, "at least")

few, few_scored = side_by_side("SELECT month FROM flat f LIMIT 10", "SELECT late(f) FROM flat f LIMIT 10")
lib.aim("LIMIT 10, milliseconds more", (few_scored - few) * 1000, 2, "at most")
fresh = statistics.median(lib.seconds(lambda c: c.execute("SELECT late(f) FROM flat f LIMIT 1").fetchone(), server.connect())
                          for _ in range(N_RUNS))
lib.aim("first call after connecting, milliseconds", fresh * 1000, 20, "at most")
