"""200 connections that score single rows by key, with pgbench: transactions a second and the slowest hundredth, beside the same query without the model.

The first argument is the seconds of a run, of which the first three do not count: sessions load the library and the model then.  Runs are taken
in turns.  Prepared statements, as an application has them.
"""

import pathlib
import statistics
import subprocess
import sys

import lib

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
WARM = 3
N_RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
N_CLIENTS = 200
INPUTS = lib.NUMBERS + lib.CATEGORIES

server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
connection.execute(f"CREATE TABLE flat AS SELECT row_number() OVER ()::integer AS id, {', '.join(INPUTS)}, arr_delay FROM late_source")
connection.execute("ALTER TABLE flat ADD PRIMARY KEY (id)")
connection.execute("CREATE TABLE numbered AS SELECT row_number() OVER ()::integer AS id, f.* FROM flights f")
connection.execute("ALTER TABLE numbered ADD PRIMARY KEY (id)")
connection.execute("VACUUM ANALYZE")
connection.execute("SELECT cerebro.create_task('flat', source => 'SELECT * FROM flat WHERE arr_delay IS NOT NULL', label => 'arr_delay > 15')")
connection.execute("""SELECT cerebro.create_task('own', source => 'SELECT * FROM numbered WHERE arr_delay IS NOT NULL', label => 'arr_delay > 15',
    exclude => '{arr_delay,arr_time,air_time,dep_delay,dep_time}')""")
for name, triple in (("flat", lib.triple("64, 32", 1)), ("own", lib.own_triple("64, 32", 1))):
    model = connection.execute("SELECT cerebro.train(%s, %s)", (name, triple)).fetchone()[0]
    connection.execute("SELECT cerebro.deploy(%s, %s)", (model, f"public.{name}"))
connection.execute(f"ALTER SYSTEM SET max_connections = {N_CLIENTS + 20}")
connection.execute("ALTER SYSTEM SET shared_buffers = '1GB'")
connection.close()
server.run("pg_ctl", "-D", server.data, "-l", server.home / "server.log", "-w", "-m", "fast", "restart")

JOIN = """numbered s LEFT JOIN airlines a USING (carrier) LEFT JOIN planes p USING (tailnum)
    LEFT JOIN weather w ON (w.origin = s.origin AND w.time_hour = s.time_hour) LEFT JOIN airports d ON (d.faa = s.dest)"""
OWN_INPUTS = """s.month, s.day, s.hour, s.minute, s.sched_arr_time, s.distance, s.origin, s.dest, a.name, p.year, p.manufacturer, p.engines, p.seats,
    p.engine, w.temp, w.dewp, w.humid, w.wind_speed, w.visib, w.pressure, d.lat, d.alt"""
QUERIES = {
    "the row's inputs": f"SELECT {', '.join(INPUTS)} FROM flat WHERE id = :id",
    "flat(t), mlp(64, 32)": "SELECT flat(t) FROM flat t WHERE id = :id",
    "the inputs over four joins": f"SELECT {OWN_INPUTS} FROM {JOIN} WHERE s.id = :id".replace("\n", " "),
    "own(s), its joins its own": "SELECT own(s) FROM numbered s WHERE id = :id",
}


def run(query):
    """Transactions a second, and the 99th of a hundred latencies in milliseconds; no query may fail."""
    folder = server.home / "pgbench"
    subprocess.run(["rm", "-rf", folder], check=True)
    folder.mkdir()
    (folder / "script").write_text(f"\\set id random(1, 336776)\n{query};\n")
    subprocess.run(["chmod", "-R", "777", folder], check=True)
    text = subprocess.run([lib.server.PG_BIN / "pgbench", "-h", server.home, "-U", "postgres", "-n", "-M", "prepared", "-c", str(N_CLIENTS), "-j", "2",
                           "-T", str(SECONDS), "-l", "--log-prefix", folder / "log", "-f", folder / "script", "postgres"],
                          check=True, capture_output=True, text=True).stdout
    assert "number of failed transactions: 0 " in text, text
    done = [line.split() for log in pathlib.Path(folder).glob("log*") for line in log.read_text().splitlines()]
    ends = [int(line[4]) + int(line[5]) / 1e6 for line in done]
    start, end = min(ends) + WARM, max(ends)
    latencies = sorted(int(line[2]) for line, at in zip(done, ends) if at >= start)
    return len(latencies) / (end - start), latencies[len(latencies) * 99 // 100] / 1000


runs = {what: [] for what in QUERIES}
for _ in range(N_RUNS):
    for what, query in QUERIES.items():
        runs[what].append(run(query))
print(f"{N_CLIENTS} connections, one row by key, {SECONDS - WARM} s a run (medians of {N_RUNS})")
medians = {what: [statistics.median(run[k] for run in of) for k in (0, 1)] for what, of in runs.items()}
for what, (tps, slow) in medians.items():
    print(f"  {what:<28} {tps:9.0f} a second, the slowest hundredth {slow:7.1f} ms")
for plain, scored in (list(QUERIES)[:2], list(QUERIES)[2:]):
    lib.aim(f"{scored}: throughput beside {plain}", medians[scored][0] / medians[plain][0], 0.7, "at least")
    lib.aim(f"{scored}: slowest hundredth beside {plain}", medians[scored][1] / medians[plain][1], 2, "at most")
