"""Import of the flights (types, NULLs and keys found by itself) beside COPY of the same file into a ready typed table."""

import subprocess

import lib

server = lib.start_server()
csv = server.home / "flights/flights.csv"
cerebro = [lib.ROOT / "build/cerebro", "--connect", server.conninfo(), "import"]
connection = server.connect()
connection.execute("CREATE EXTENSION cerebro")
connection.execute("""CREATE TABLE ready (year integer, month integer, day integer, dep_time integer, sched_dep_time integer,
    dep_delay integer, arr_time integer, sched_arr_time integer, arr_delay integer, carrier text, flight integer, tailnum text,
    origin text, dest text, air_time integer, distance integer, hour integer, minute integer, time_hour timestamptz)""")


def plain_copy():
    connection.execute("TRUNCATE ready")
    return lib.seconds(subprocess.run, [lib.server.PG_BIN / "psql", "-Xq", server.conninfo(), "-c",
                       f"\\copy ready FROM '{csv}' (FORMAT csv, HEADER, NULL 'NA')"])


def imported(*files):
    for file in files:
        connection.execute(f"DROP TABLE IF EXISTS {file.stem} CASCADE")
    return lib.seconds(lambda: subprocess.run([*cerebro, *files], check=True, capture_output=True))


runs = [(plain_copy(), imported(csv)) for _ in range(5)]
copy, own = (sorted(column)[2] for column in zip(*runs))
five = imported(*sorted((server.home / "flights").glob("*.csv")))
assert connection.execute("SELECT count(*) FROM flights").fetchone() == (336776,)
lib.print_table("Import of 336,776 flights (median of 5; the right column: times plain COPY)", [
    ("COPY into a ready typed table", copy),
    ("cerebro import flights.csv", own),
    ("cerebro import of all five tables, references found", five)], base="COPY into a ready typed table")
lib.aim("import over COPY", own / copy, 2, "at most")
