"""Training beside PyTorch: the same network, rows, batches, optimizer, two threads on the same cores, in turns.

The flights with 22 features of their five-table join; both sides train on the numbers that our encoders made.
PyTorch is eager, as it is commonly written, categories one-hot below ten codes.  Embeddings are as wide as the usual
rule has it, min(50, (values + 1) / 2), which makes 167 inputs; then again with the width 8 that FE has by default,
73 inputs, where there is less to save.  Then peers whose step is compiled: PyTorch by torch.compile, Keras by XLA.

    bench/train [RUNS [PART]]      runs in turns, of which the median counts (3); one of pytorch, compiled, bf16, narrow, encoders (all)
"""

import json
import pathlib
import statistics
import subprocess
import sys

import pandas

import rows_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build/bench"
NUMBERS = ["month", "day", "dep_min", "arr_min", "dow", "flight", "distance", "plane_year", "seats", "temp", "humid",
           "wind_speed", "precip", "pressure", "visib"]
CATEGORIES = ["carrier", "origin", "dest", "plane_type", "manufacturer", "model", "engine"]
WIDTHS = {"carrier": 8, "dest": 50, "manufacturer": 18, "model": 50}


def list_features(number, widths):
    """Every column with an encoder of its own: `*` would have the training rows choose them."""
    numbers = [f"{name} : {number}" for name in NUMBERS]
    return "FE " + ", ".join(numbers + [f"{name} : embed({widths[name]})" if name in widths else name
                                        for name in CATEGORIES])


USUAL_WIDTHS = list_features("robust", WIDTHS)
DEFAULT_WIDTHS = list_features("robust", {})
BINS = list_features("ple(16)", WIDTHS)
N_EPOCHS = 5
N_THREADS = 2


def read(name):
    return pandas.read_csv(ROOT / f"data/flights/{name}.csv", keep_default_na=False, na_values=["", "NA"])


def join_flights():
    flights, planes, weather = read("flights"), read("planes"), read("weather")
    flights = flights[flights.arr_delay.notna()].reset_index(drop=True)
    planes = planes.rename(columns={"year": "plane_year", "type": "plane_type"}).drop(columns="speed")
    weather = weather.drop_duplicates(["origin", "time_hour"])
    weather = weather.drop(columns=["year", "month", "day", "hour"])
    rows = flights.merge(planes, "left", "tailnum").merge(weather, "left", ["origin", "time_hour"])
    rows["dep_min"] = rows.sched_dep_time // 100 * 60 + rows.sched_dep_time % 100
    rows["arr_min"] = rows.sched_arr_time // 100 * 60 + rows.sched_arr_time % 100
    rows["dow"] = pandas.to_datetime(rows[["year", "month", "day"]]).dt.day_of_week
    assert len(rows) == len(flights)
    return rows


def run(command):
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    result = {"rates": [], "cpu": float("inf")}
    for line in lines:
        values = json.loads(line)
        result["rates"] += [values["rows_per_second"]] if "rows_per_second" in values else []
        result["cpu"] = min(result["cpu"], values.get("cpu_seconds", result["cpu"]))
        result |= values
    # the first epoch warms up: allocator, caches, generated kernels
    result["rate"] = statistics.median(result["rates"][1:])
    return result


def run_own(features, units, n_epochs=N_EPOCHS, n_threads=N_THREADS, settings=""):
    triple = (f"{features} AS mlp({', '.join(map(str, units))}) PT adam(lr = 0.001), batch = 1024, epochs = {n_epochs}, "
              f"patience = {n_epochs}, dropout = 0, seed = 1{settings}")
    return run([ROOT / "build/bench/train_net", WORK / "flights.rows", triple, str(n_threads), WORK / "flights.encoded"])


def run_peer(units, *options):
    return run([sys.executable, ROOT / "bench/train_peer.py", WORK / "flights.encoded", *options, *map(str, units)])


def run_keras(units):
    venv = subprocess.run([ROOT / "tools/venv", "keras"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    return run([f"{venv}/bin/python", ROOT / "bench/train_keras.py", WORK / "flights.encoded", *map(str, units)])


def compare(title, features, units, bound, n_runs):
    runs = [(run_own(features, units), run_peer(units)) for _ in range(n_runs)]
    own, peer = runs[-1]
    ratios = [mine["rate"] / theirs["rate"] for mine, theirs in runs]
    name = f"mlp({', '.join(map(str, units))})"
    print(f"\n{title}: {name}, {N_EPOCHS} epochs, batch 1024, Adam, fp32, {N_THREADS} threads; medians of {n_runs} runs in turns")
    print(f"  {'':10} {'rows/s':>12} {'valid AUC':>10} {'test AUC':>10} {'test loss':>10} {'peak MB':>8}")
    for who, results in ("CEREBRO", [mine for mine, _ in runs]), ("PyTorch", [theirs for _, theirs in runs]):
        rate = statistics.median(result["rate"] for result in results)
        last = results[-1]
        print(f"  {who:10} {rate:12,.0f} {last['valid_auc']:10.4f} {last['test_auc']:10.4f} {last['test_loss']:10.4f} "
              f"{last['peak_mb']:8.0f}")
    ratio = statistics.median(ratios)
    asked = f"asked: at least {bound}; " if bound else ""
    print(f"  times PyTorch's rows/s: {ratio:.2f} ({asked}single runs {', '.join(f'{r:.2f}' for r in ratios)})")
    print(f"  test AUC less PyTorch's: {own['test_auc'] - peer['test_auc']:+.4f} (asked: at least -0.002)", flush=True)


def compare_compiled(units, bounds, n_runs):
    """Peers whose step is compiled: PyTorch by torch.compile, Keras by XLA."""
    runs = [{"CEREBRO": run_own(USUAL_WIDTHS, units), "PyTorch, compile": run_peer(units, "--compile"),
             "Keras, XLA": run_keras(units)} for _ in range(n_runs)]
    print(f"\nbeside compiled steps: mlp({', '.join(map(str, units))}), embeddings by the usual rule, fp32; medians of {n_runs} runs in turns")
    for who in runs[0]:
        rate = statistics.median(one[who]["rate"] for one in runs)
        last = runs[-1][who]
        print(f"  {who:16} {rate:12,.0f} rows/s, test AUC {last['test_auc']:.4f}, loss {last['test_loss']:.4f}, peak {last['peak_mb']:.0f} MB")
    for who, bound in bounds.items():
        ratios = [one["CEREBRO"]["rate"] / one[who]["rate"] for one in runs]
        print(f"  times {who}: {statistics.median(ratios):.2f} (asked: at least {bound}; single runs {', '.join(f'{r:.2f}' for r in ratios)})",
              flush=True)


def compare_bf16(units, bound, n_runs):
    """Products of bf16 on both sides; PyTorch's by autocast, as it is and through torch.compile."""
    if "avx512_bf16" not in pathlib.Path("/proc/cpuinfo").read_text():
        print("\nno products of bf16: this processor has none")
        return
    runs = [{"fp32": run_own(USUAL_WIDTHS, units), "bf16": run_own(USUAL_WIDTHS, units, settings=", products = bf16"),
             "PyTorch, bf16": run_peer(units, "--bf16"), "PyTorch, bf16, compile": run_peer(units, "--bf16", "--compile")}
            for _ in range(n_runs)]
    print(f"\nproducts of bf16: mlp({', '.join(map(str, units))}), embeddings by the usual rule; medians of {n_runs} runs in turns")
    for who in runs[0]:
        rate = statistics.median(one[who]["rate"] for one in runs)
        print(f"  {who:24} {rate:12,.0f} rows/s, test AUC {runs[-1][who]['test_auc']:.4f}, loss {runs[-1][who]['test_loss']:.4f}")
    for who, asked in ("PyTorch, bf16, compile", f"asked: at least {bound}; "), ("PyTorch, bf16", ""), ("fp32", ""):
        ratios = [one["bf16"]["rate"] / one[who]["rate"] for one in runs]
        print(f"  bf16, times {who}: {statistics.median(ratios):.2f} ({asked}single runs {', '.join(f'{r:.2f}' for r in ratios)})")


def compare_encoders(units, bound, n_runs):
    """What ple costs beside robust numbers: processor time of an epoch with one thread, least of all runs in turns."""
    name = f"mlp({', '.join(map(str, units))})"
    seconds = {}
    for _ in range(n_runs):
        for features in USUAL_WIDTHS, BINS:
            now = run_own(features, units, N_EPOCHS, 1)["cpu"]
            seconds[features] = min(seconds.get(features, now), now)
    print(f"\n{name}, 15 numbers as ple(16) beside robust ones, one thread: {seconds[BINS]:.3f} s beside "
          f"{seconds[USUAL_WIDTHS]:.3f} s of an epoch, {seconds[BINS] / seconds[USUAL_WIDTHS]:.2f} times (asked: at most {bound})",
          flush=True)


def beside_pytorch(n_runs):
    compare("embeddings by the usual rule", USUAL_WIDTHS, (256, 256), 3, n_runs)
    compare("embeddings by the usual rule", USUAL_WIDTHS, (64, 32), 10, 3 * n_runs)  # they are short


def beside_compiled(n_runs):
    compare_compiled((256, 256), {"PyTorch, compile": 3.2, "Keras, XLA": 2.3}, n_runs)
    compare_compiled((64, 32), {"PyTorch, compile": 13, "Keras, XLA": 15}, n_runs)


def with_narrow_embeddings(n_runs):
    compare("embeddings of 8", DEFAULT_WIDTHS, (256, 256), None, n_runs)
    compare("embeddings of 8", DEFAULT_WIDTHS, (64, 32), None, 3 * n_runs)


def with_encoders(n_runs):
    compare_encoders((256, 256), 1.3, n_runs)
    compare_encoders((64, 32), 1.3, n_runs)


PARTS = {
    "pytorch": beside_pytorch,
    "compiled": beside_compiled,
    "bf16": lambda n_runs: compare_bf16((256, 256), 1.8, n_runs),
    "narrow": with_narrow_embeddings,
    "encoders": with_encoders,
}


def main():
    n_runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    chosen = sys.argv[2:]
    WORK.mkdir(parents=True, exist_ok=True)
    if not (WORK / "flights.rows").exists():
        rows = join_flights()
        rows_file.write(WORK / "flights.rows", rows, NUMBERS, CATEGORIES, rows.arr_delay > 15)
    for part, measure in PARTS.items():
        if not chosen or part in chosen:
            measure(n_runs)


main()
