"""A snowflake: flights, their planes and airports, the makers and time zones of these; each way to read and add up what the model joins."""

import statistics

import lib

N_RUNS = 7
PLAIN = """SELECT month, hour, distance, a.name, o.lat, o.alt, d.lat, d.lon, z.lat, z.n, p.seats, p.engines, k.n, k.size FROM flights f
    LEFT JOIN airlines a ON a.carrier = f.carrier LEFT JOIN airports o ON o.faa = f.origin LEFT JOIN airports d ON d.faa = f.dest
    LEFT JOIN zones z ON z.name = d.tzone LEFT JOIN planes p ON p.tailnum = f.tailnum LEFT JOIN makers k ON k.name = p.manufacturer"""
FE = ("month : robust, hour : robust, distance : robust, JOIN airlines ON (airlines.carrier = source.carrier), airlines.name, "
      "JOIN airports o ON (o.faa = source.origin), o.lat : robust, o.alt : robust, JOIN airports d ON (d.faa = source.dest), d.lat : robust, d.lon : robust, "
      "JOIN zones ON (zones.name = d.tzone), zones.lat : robust, zones.n : robust, JOIN planes ON (planes.tailnum = source.tailnum), planes.seats : robust, "
      "planes.engines : robust, JOIN makers ON (makers.name = planes.manufacturer), makers.n : robust, makers.size : robust")
WAYS = (("auto", "auto"), ("pass", "tables"), ("pass", "folded"), ("pass", "combined"), ("batch", "auto"))

server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
connection.execute("SET max_parallel_workers_per_gather = 0")
connection.execute("SET jit = off")
connection.execute("CREATE TABLE makers AS SELECT manufacturer AS name, count(*)::float8 AS n, avg(seats)::float8 AS size FROM planes GROUP BY 1")
connection.execute("CREATE TABLE zones AS SELECT tzone AS name, avg(lat)::float8 AS lat, count(*)::float8 AS n FROM airports WHERE tzone IS NOT NULL GROUP BY 1")
for table in ("makers", "zones"):
    connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (name)")
connection.execute("ANALYZE")
connection.execute("""SELECT cerebro.create_task('own', source => 'SELECT * FROM flights WHERE arr_delay IS NOT NULL', label => 'arr_delay > 15',
    key => '{carrier,flight,time_hour,origin}', exclude => '{arr_delay,arr_time,air_time,dep_delay,dep_time}')""")


def run(query, join, partials):
    """Milliseconds of a query whose rows are made and thrown away in the server."""
    connection.execute(f"SET cerebro.plan_join = {join}")
    connection.execute(f"SET cerebro.plan_partials = {partials}")
    text = connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {query}").fetchall()
    return next(float(line.split()[2]) for (line,) in text if line.startswith("Execution Time"))


for units in ("64, 32", "256, 64"):
    model = connection.execute("SELECT cerebro.train('own', %s)", (f"FE {FE} AS mlp({units}) PT epochs = 1, batch = 4096",)).fetchone()[0]
    connection.execute("SELECT cerebro.deploy(%s, 'public.snow')", (model,))
    queries = {"the 14 input columns over the six joins": (PLAIN, "auto", "auto")}
    queries |= {f"sum(snow(f)), {join} {partials}": ("SELECT sum(snow(f)) FROM flights f", join, partials) for join, partials in WAYS}
    runs = {name: [] for name in queries}
    for i in range(N_RUNS + 1):
        for name, what in queries.items():
            seconds = run(*what) / 1000
            if i > 0:
                runs[name].append(seconds)
    medians = {name: statistics.median(times) for name, times in runs.items()}
    lib.print_table(f"All flights, mlp({units}) (median of {N_RUNS})", list(medians.items()), base=next(iter(medians)))
    lib.aim("tables behind others read once, beside one query for each batch", medians["sum(snow(f)), batch auto"] / medians["sum(snow(f)), auto auto"], 3, "at least")
