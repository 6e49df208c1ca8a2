"""What the measurements share: a server of their own with the flights in it, a clock, a table of results."""

import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test/lib"))

import server  # noqa: E402

TABLES = ["airlines", "airports", "planes", "weather", "flights"]

NUMBERS = ["month", "day", "hour", "minute", "sched_arr_time", "distance", "plane_year", "engines", "seats", "temp",
           "dewp", "humid", "wind_speed", "visib", "pressure", "dest_lat", "dest_alt"]
CATEGORIES = ["origin", "dest", "airline", "manufacturer", "engine"]
FEATURES = ", ".join([f"{name} : robust" for name in NUMBERS] + CATEGORIES)
CHOSEN = "*, EXCEPT (carrier, flight, time_hour)"  # the same columns, encoders as the training rows say


def start_server():
    return server.Server([ROOT / "data/flights"])


def copy_in(connection, table, path):
    """Plain COPY of a CSV file, the client's way: the file's bytes over the socket."""
    with open(path, "rb") as file, connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv, HEADER, NULL 'NA')") as copy:
        while block := file.read(1 << 20):
            copy.write(block)


def load_flights(server, connection):
    """The five tables, typed and keyed, and the view `late_source` over their join."""
    connection.execute((ROOT / "bench/flights.sql").read_text())
    for table in TABLES:
        copy_in(connection, table, server.home / "flights" / f"{table}.csv")
    connection.execute("VACUUM ANALYZE")
    connection.execute("CREATE EXTENSION cerebro")
    # a second training of the same triple is to train, not to find what the first one left
    connection.execute("ALTER DATABASE postgres SET cerebro.reuse = off")
    connection.execute("SET cerebro.reuse = off")
    # nor to find its columns coded already
    connection.execute("ALTER DATABASE postgres SET cerebro.plan_extract = off")
    connection.execute("SET cerebro.plan_extract = off")


def make_task(connection):
    connection.execute("""
        SELECT cerebro.create_task('late', source => 'SELECT * FROM late_source WHERE arr_delay IS NOT NULL',
            label => 'arr_delay > 15', key => '{carrier,flight,time_hour,origin}', exclude => '{arr_delay}')""")


def seconds(work, *args):
    start = time.perf_counter()
    work(*args)
    return time.perf_counter() - start


def median_seconds(work, n_runs=5):
    return statistics.median(seconds(work) for _ in range(n_runs))


def print_table(title, rows, base=None, note=None):
    """rows are (what, seconds, ...); the last column is each row's time over that of `base`."""
    print(f"\n{title}")
    width = max(len(what) for what, _ in rows)
    over = dict(rows).get(base)
    for what, value in rows:
        ratio = f"{value / over:8.2f}" if over else ""
        print(f"  {what:<{width}} {value:9.3f} s {ratio}")
    if note:
        print(f"  {note}")
    print(flush=True)


def aim(what, value, bound, better):
    met = value <= bound if better == "at most" else value >= bound
    print(f"  {what}: {value:.2f} (asked: {better} {bound}) {'met' if met else 'NOT MET'}", flush=True)


def triple(units, n_epochs, features=FEATURES):
    """All 22 features, encoded as the peer does; PyTorch's Adam, no early stop."""
    return (f"FE {features} AS mlp({units}) "
            f"PT adam(lr = 0.001), dropout = 0, batch = 1024, epochs = {n_epochs}, patience = {n_epochs}")


OWN_FEATURES = """month:, day:, hour:, minute:, sched_arr_time:, distance:, origin, dest, JOIN airlines USING (carrier), airlines.name,
JOIN planes USING (tailnum), planes.year:, planes.manufacturer, planes.engines:, planes.seats:, planes.engine,
JOIN weather ON (weather.origin = source.origin AND weather.time_hour = source.time_hour), weather.temp:, weather.dewp:,
weather.humid:, weather.wind_speed:, weather.visib:, weather.pressure:, JOIN airports d ON (d.faa = source.dest), d.lat:, d.alt:"""


def own_triple(units, n_epochs, encoder=" : robust"):
    """The same features by the model's own joins; numbers by the encoder, or "": as the rows say."""
    return (f"FE {OWN_FEATURES.replace(':', encoder)} "
            f"AS mlp({units}) PT adam(lr = 0.001), dropout = 0, batch = 1024, epochs = {n_epochs}, patience = {n_epochs}")
