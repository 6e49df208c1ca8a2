"""Reading and encoding 22 features over the five-table join, beside the query alone and beside pandas.

CEREBRO's time is that of a whole train() of one epoch less the epoch itself: it holds reading, coding, the way to the
engine, fitting and applying the encoders, and also start of the engine and storing the model, which it could do without."""

import statistics

import lib
import peer

N_RUNS = 5
server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
lib.make_task(connection)


def explain(options):
    plan = connection.execute(f"EXPLAIN ({options}) {peer.QUERY}").fetchall()
    return float(plan[-1][0].split()[-2]) / 1000


def read_and_encode():
    whole = lib.seconds(connection.execute, f"SELECT cerebro.train('late', '{lib.triple('8', 1)}')")
    epochs = connection.execute("SELECT sum(seconds) FROM cerebro.epoch WHERE model = (SELECT max(id) FROM cerebro.model)")
    return whole - epochs.fetchone()[0]


def read_only():
    return connection.execute("SELECT read_seconds FROM cerebro.job ORDER BY id DESC LIMIT 1").fetchone()[0]


def pandas_encode():
    frame = peer.export(connection)
    peer.Encoder().fit(frame).encode(frame)


runs = [(explain("ANALYZE"), explain("ANALYZE, TIMING OFF"), read_and_encode(), read_only(), lib.seconds(pandas_encode))
        for _ in range(N_RUNS)]
timed, untimed, own, read, pandas = (statistics.median(column) for column in zip(*runs))
lib.print_table(f"Reading and encoding 22 features of 327,346 flights (median of {N_RUNS}; right: times the query)", [
    ("EXPLAIN (ANALYZE) of the query", timed),
    ("the same with TIMING OFF", untimed),
    ("CEREBRO: reading (rows on their way to the engine)", read),
    ("CEREBRO: reading, encoding, all else but the epoch", own),
    ("COPY to a client, pandas, encode", pandas)], base="EXPLAIN (ANALYZE) of the query")
lib.aim("reading and encoding over the query", own / timed, 1.3, "at most")
lib.aim("times faster than COPY + pandas + encode", pandas / own, 3, "at least")
