"""What a later epoch takes to have the rows of its batches, beside DuckDB over tables of its own.

The rows are those that an extract has sent: 22 features of the flights' five tables, encoded, in the engine's memory.  An epoch draws a new order
and brings each batch's rows to the first layer.  DuckDB does the five-table join over its own tables and gives the 22 columns as arrays of
numpy, in whatever order, not encoded; or, what gives nobody anything, aggregates them.

    bench/epoch [RUNS]
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import duckdb

import lib
import rows_file

N_RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
FROM = "FROM late_source WHERE arr_delay IS NOT NULL"
COLUMNS = lib.NUMBERS + lib.CATEGORIES
QUERY = f"SELECT {', '.join(COLUMNS)} {FROM}"
AGGREGATES = f"SELECT {', '.join([f'sum({name})' for name in lib.NUMBERS] + [f'max({name})' for name in lib.CATEGORIES])} {FROM}"


def make_tables(path):
    """The server's tables and view, in DuckDB's own file."""
    connection = duckdb.connect(path)
    connection.execute((lib.ROOT / "bench/flights.sql").read_text())
    for table in lib.TABLES:
        connection.execute(f"COPY {table} FROM '{lib.ROOT}/data/flights/{table}.csv' (HEADER, NULL 'NA')")
    connection.execute("ANALYZE")
    connection.execute("CHECKPOINT")
    return connection


def write_rows(connection, path):
    rows = connection.execute(f"SELECT {', '.join(COLUMNS)}, arr_delay > 15 AS is_late {FROM}").df()
    rows_file.write(path, rows, lib.NUMBERS, lib.CATEGORIES, rows.is_late)
    return len(rows)


def read_epoch(path, n_threads):
    """(ns a row for the order, for the batches), least of the rounds of a run."""
    lines = subprocess.run([lib.ROOT / "build/bench/train_net", path, lib.triple("64, 32", 1), str(n_threads), "reading"],
                           stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    rounds = [values for values in map(json.loads, lines) if "order_ns" in values]
    return tuple(statistics.median(one[what] for one in rounds) for what in ("order_ns", "batches_ns"))


def compare(connection, path, n_rows, n_threads):
    connection.execute(f"SET threads = {n_threads}")

    def duckdb_ns(work):
        return 1e9 * lib.seconds(work) / n_rows

    runs = [(*read_epoch(path, n_threads), duckdb_ns(lambda: connection.execute(QUERY).fetchnumpy()),
             duckdb_ns(lambda: connection.execute(AGGREGATES).fetchall())) for _ in range(N_RUNS)]
    order, batches, arrays, aggregates = (statistics.median(column) for column in zip(*runs))
    print(f"\n{n_threads} thread{'s' if n_threads > 1 else ''}: ns a row, medians of {N_RUNS} runs in turns")
    for what, value in (("CEREBRO: batches of a later epoch", order + batches), ("  of which their order", order),
                        ("DuckDB: 22 columns of the join as arrays", arrays), ("DuckDB: their sums and maxima", aggregates)):
        print(f"  {what:<42} {value:8.1f}")
    lib.aim("us a row", (order + batches) / 1000, 0.28, "at most")
    lib.aim("times DuckDB's speed, arrays", arrays / (order + batches), 1, "at least")
    lib.aim("times DuckDB's speed, aggregates", aggregates / (order + batches), 1, "at least")


with tempfile.TemporaryDirectory(prefix="cerebro-epoch.") as folder:
    database = make_tables(f"{folder}/flights.duckdb")
    rows = pathlib.Path(folder) / "flights.rows"
    count = write_rows(database, rows)
    print(f"{count} rows, 22 features of five tables; DuckDB {duckdb.__version__}")
    for threads in (2, 1):
        compare(database, rows, count, threads)
