"""From pg_cancel_backend to an idle session, at random moments of a training; and that nothing is left behind."""

import pathlib
import random
import statistics
import sys
import threading
import time

import psycopg

import lib

N_TRIES = int(sys.argv[1]) if len(sys.argv) > 1 else 100
LONGEST = 4.0
server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
lib.make_task(connection)
killer = server.connect()
pid = connection.info.backend_pid
random.seed(int(time.time()))


def children():
    """Processes that the session started (the engine)."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]


def cancel_after(delay, sent):
    time.sleep(delay)
    sent.append(time.perf_counter())
    killer.execute("SELECT pg_cancel_backend(%s)", (pid,))


latencies, done = [], 0
while len(latencies) < N_TRIES:
    sent = []
    thread = threading.Thread(target=cancel_after, args=(random.uniform(0.0, LONGEST), sent))
    thread.start()
    try:
        connection.execute(f"SELECT cerebro.train('late', '{lib.triple('256, 256', 1000)}')")
        done += 1
    except psycopg.errors.QueryCanceled:
        latencies.append(time.perf_counter() - sent[0])
    thread.join()
    assert not children(), "an engine outlived its training"
models = connection.execute("SELECT count(*) FROM cerebro.model").fetchone()[0]
trained = killer.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'idle'", (pid,)).fetchone()[0]
lib.print_table(f"Cancel of a training at {N_TRIES} random moments, from the signal to an idle session", [
    ("median", statistics.median(latencies)),
    ("99th of 100", sorted(latencies)[int(len(latencies) * 0.99) - 1]),
    ("worst", max(latencies))], note=f"left behind: {models - done} models, 0 engines; session idle: {bool(trained)}")
lib.aim("worst, in seconds", max(latencies), 1, "at most")
