"""Scoring all flights into a table, from SQL, beside export + PyTorch + COPY back."""

import io
import statistics

import pandas
import torch

import lib
import peer

N_RUNS = 3
torch.set_num_threads(2)
server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
lib.make_task(connection)
model = connection.execute(f"SELECT cerebro.train('late', '{lib.triple('256, 256', 1)}')").fetchone()[0]
connection.execute("SELECT cerebro.deploy(%s, 'public.late')", (model,))
encoder, network, _ = peer.train(peer.export(connection), (256, 256), n_epochs=1)
ALL = "SELECT * FROM late_source"


def own():
    connection.execute("DROP TABLE IF EXISTS scored")
    connection.execute("CREATE TABLE scored AS SELECT carrier, flight, time_hour, origin, late(s) AS late FROM late_source s")


def peers():
    connection.execute("DROP TABLE IF EXISTS scored_by_peer")
    frame = peer.export(connection, ALL)
    frame["late"] = peer.predict(network, *encoder.encode(frame)).numpy()
    connection.execute("CREATE TABLE scored_by_peer (carrier text, flight integer, time_hour timestamptz, origin text, late real)")
    text = io.StringIO()
    frame[["carrier", "flight", "time_hour", "origin", "late"]].to_csv(text, index=False, header=False)
    with connection.cursor().copy("COPY scored_by_peer FROM STDIN (FORMAT csv)") as copy:
        copy.write(text.getvalue())


runs = [(lib.seconds(own), lib.seconds(peers)) for _ in range(N_RUNS)]
ours, theirs = (statistics.median(column) for column in zip(*runs))
n_ours, n_theirs = (connection.execute(f"SELECT count(*) FROM {t} WHERE late BETWEEN 0 AND 1").fetchone()[0]
                    for t in ("scored", "scored_by_peer"))
assert n_ours == n_theirs == 336776, (n_ours, n_theirs)
lib.print_table(f"Scoring all 336,776 flights into a table, mlp(256, 256) (median of {N_RUNS}; right: times CEREBRO)", [
    ("CEREBRO: CREATE TABLE AS SELECT late(f)", ours),
    ("export + PyTorch + COPY back", theirs)], base="CEREBRO: CREATE TABLE AS SELECT late(f)")
lib.aim("times faster", theirs / ours, 10, "at least")
