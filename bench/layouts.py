"""Scoring with products of floats and of bf16: the network's part beside its arithmetic at the processor's peak, and the AUC.

Arithmetic is that of the layers as they are scored: numbers times the first layer's weights, the products after it; what categories and joined
tables add is looked up.  The peak is that of a loop of multiplications and additions of floats in registers (bench/roofline).
"""

import subprocess
import sys

import lib

N_RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 7
N_EPOCHS = int(sys.argv[2]) if len(sys.argv) > 2 else 1
N_ROWS = 336_776
subprocess.run(["make", "-s", "-C", str(lib.ROOT), "build/bench/roofline"], check=True)
server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
lib.make_task(connection)
connection.execute(f"CREATE TABLE flat AS SELECT {', '.join(lib.NUMBERS + lib.CATEGORIES)}, carrier, flight, time_hour, arr_delay FROM late_source")
connection.execute("VACUUM ANALYZE flat")
connection.execute("""SELECT cerebro.create_task('flat', source => 'SELECT * FROM flat WHERE arr_delay IS NOT NULL',
    label => 'arr_delay > 15', key => '{carrier,flight,time_hour,origin}', exclude => '{arr_delay}')""")
connection.execute("SET max_parallel_workers_per_gather = 0")
connection.execute("SET jit = off")


def get_peak():
    """GFLOP/s of floats of one core."""
    text = subprocess.run([lib.ROOT / "build/bench/roofline", "avx512", "1"], check=True, capture_output=True, text=True).stdout
    return float(next(line for line in text.splitlines() if "GFLOP/s in registers" in line).split(" GFLOP/s")[0].split()[-1])


def get_network_seconds(name):
    text = connection.execute(f"EXPLAIN (ANALYZE, TIMING ON) SELECT sum({name}(f)) FROM flat f").fetchall()
    return next(float(line.split()[2]) for (line,) in text if "Network Time" in line) / 1000


def get_auc(name):
    return connection.execute(f"""WITH ranked AS (SELECT arr_delay > 15 AS y, rank() OVER w + (count(*) OVER t - 1) / 2.0 AS r
        FROM (SELECT arr_delay, {name}(f) AS p FROM flat f WHERE arr_delay IS NOT NULL) s WINDOW w AS (ORDER BY p), t AS (PARTITION BY p))
        SELECT (sum(r) FILTER (WHERE y) - count(*) FILTER (WHERE y) * (count(*) FILTER (WHERE y) + 1) / 2.0)
            / (count(*) FILTER (WHERE y)::float8 * count(*) FILTER (WHERE NOT y)) FROM ranked""").fetchone()[0]


nullable = ", ".join(f"(count(*) > count({name}))::integer" for name in lib.NUMBERS)
n_numbers = len(lib.NUMBERS) + sum(connection.execute(f"SELECT {nullable} FROM flat").fetchone())  # NULLs have a number beside
for units in ((64, 32), (256, 256), (512, 512)):
    model = connection.execute("SELECT cerebro.train('flat', %s)", (lib.triple(", ".join(map(str, units)), N_EPOCHS),)).fetchone()[0]
    flops = 2 * (n_numbers * units[0] + units[0] * units[1] + units[1] * 2)
    for layout in ("fp32", "bf16"):
        connection.execute("SELECT cerebro.deploy(%s, %s, %s)", (model, f"public.{layout}", layout))
    best = {"fp32": float("inf"), "bf16": float("inf")}
    peak = get_peak()
    for run in range(N_RUNS):
        for layout in best:
            best[layout] = min(best[layout], get_network_seconds(layout))
    at_peak = N_ROWS * flops / peak / 1e9
    lib.print_table(f"mlp{units}: seconds in the network of {N_ROWS:,} rows, one process (best of {N_RUNS})", [
        (f"its arithmetic at {peak:.0f} GFLOP/s", at_peak), ("fp32", best["fp32"]), ("bf16", best["bf16"])], base=f"its arithmetic at {peak:.0f} GFLOP/s")
    print(f"  bf16, times fp32: {best['bf16'] / best['fp32']:.3f}")
    if units == (256, 256):
        lib.aim("fp32, times its arithmetic", best["fp32"] / at_peak, 1.2, "at most")
        lib.aim("bf16, times its arithmetic as floats", best["bf16"] / at_peak, 0.6, "at most")
    aucs = [get_auc(layout) for layout in best]
    print(f"  AUC over all rows {aucs[0]:.5f}, {aucs[1]:.5f}", flush=True)
