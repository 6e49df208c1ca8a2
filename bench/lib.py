"""What the measurements share: a server of their own with the flights in it, a clock, a table of results."""

import atexit
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import psycopg

ROOT = pathlib.Path(__file__).resolve().parent.parent
PG_BIN = pathlib.Path(subprocess.check_output(
    [os.environ.get("PG_CONFIG", "/usr/lib/postgresql/15/bin/pg_config"), "--bindir"], text=True).strip())
TABLES = ["airlines", "airports", "planes", "weather", "flights"]

# Settings that anybody would give a server of this size; durability is on.
CONF = """
listen_addresses = ''
shared_buffers = 1GB
work_mem = 64MB
max_wal_size = 4GB
"""


class Server:
    """A new cluster below /tmp, run as user postgres where we are root; gone at exit."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="cerebro-bench.", dir="/tmp"))
        atexit.register(self.remove)
        shutil.copytree(ROOT / "build/stage", self.home / "stage")
        shutil.copytree(ROOT / "data/flights", self.home / "flights")
        self.home.chmod(0o755)
        if os.getuid() == 0:
            subprocess.check_call(["chown", "-R", "postgres", self.home])
        self.data = self.home / "data"
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--locale=C.UTF-8", "-E", "UTF8")
        lib = subprocess.check_output([PG_BIN / "pg_config", "--pkglibdir"], text=True).strip()
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(CONF + f"unix_socket_directories = '{self.home}'\n"
                       f"extension_destdir = '{self.home}/stage'\n"
                       f"dynamic_library_path = '{self.home}/stage{lib}:$libdir'\n")
        self.run("pg_ctl", "-D", self.data, "-l", self.home / "server.log", "-w", "start")

    def run(self, program, *args):
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run([*as_postgres, PG_BIN / program, *map(str, args)], check=True, cwd=self.home,
                       stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def remove(self):
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")
        shutil.rmtree(self.home, ignore_errors=True)

    def conninfo(self, dbname="postgres"):
        return f"host={self.home} user=postgres dbname={dbname}"

    def connect(self, dbname="postgres"):
        return psycopg.connect(self.conninfo(dbname), autocommit=True)


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


def triple(units, n_epochs):
    """All 22 features, PyTorch's Adam, no early stop."""
    return (f"FE *, EXCEPT (carrier, flight, time_hour) AS mlp({units}) "
            f"PT adam(lr = 0.001), batch = 1024, epochs = {n_epochs}, patience = {n_epochs}")
