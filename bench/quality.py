"""How good networks are on real data, beside boosted trees: test log-loss and AUC on fixed splits.

    bench/quality [--sets a,b] [--seeds N] [TRIPLE ...]
    bench/quality [--sets a,b] --structures             each structure with its defaults, and an ensemble of them
    bench/quality [--sets a,b] --networks RESULTS       realmlp and tabm, five seeds, encoders chosen and the published ones, beside
                                                        what quality_published.py wrote
    bench/quality [--sets a,b] --tables                  towers by table beside mlp, three seeds, over the model's own joins

Without triples: the default.  Each set is loaded as its tables, joined by its reference query as the peers saw it,
and split by the part that the set's rule gives each row.  The peers' scores were measured once, on the same rows and
features, one seed each (quality_peers.json): below 1 % of the log-loss they are noise on the smaller sets.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import lib

ROOT = lib.ROOT
DATA = ROOT / "data/sets"
SETS = ["adult", "churn", "credit", "letter", "allstar", "movielens", "flights"]
# with their defaults, but for those that a core would take hours for
STRUCTURES = ["mlp", "snn", "residual", "realmlp", "tabm(128 x 2, members = 8)", "tabm_mini(128 x 2, members = 8)", "dcn", "wide_deep",
              "deepfm", "autoint(2, 16)", "ft_transformer(2, 64, hidden = 64)", "gandalf", "modern_nca"]
SIZES = json.loads((ROOT / "bench/quality_networks.json").read_text())
N_SEEDS = 5

# sets of several tables: the task's own rows, and the features of the reference query by joins
FLIGHTS = """SELECT f.*, part, sched_dep_time / 100 * 60 + sched_dep_time % 100 AS dep_min, sched_arr_time / 100 * 60 + sched_arr_time % 100 AS arr_min,
    extract(dow FROM time_hour)::integer AS dow FROM flights f JOIN split USING (row_id)"""
TABLES = {
    "flights": (FLIGHTS, "late", """month, day, dep_min, arr_min, dow, flight, distance, carrier, origin, dest,
        JOIN airports ON (airports.faa = source.dest), airports.lat, airports.lon, airports.alt, airports.tz,
        JOIN planes USING (tailnum), planes.year, planes.type, planes.manufacturer, planes.model, planes.engines, planes.seats, planes.engine,
        JOIN weather ON (weather.origin = source.origin AND weather.time_hour = source.time_hour), weather.temp, weather.dewp, weather.humid,
        weather.wind_dir, weather.wind_speed, weather.wind_gust, weather.precip, weather.pressure, weather.visib"""),
    "movielens": ("SELECT r.*, part FROM ratings r JOIN split USING (row_id)", "liked", """*, JOIN users USING (user_id), JOIN movies USING (movie_id),
        EXCEPT (users.user_id, movies.movie_id)"""),
}
TOWERS = ["mlp", "by_table(mlp(256, 128))", "by_table(mlp(256, 128), sum)", "by_table(mlp(128)) > mlp(128)"]


def prepare(names):
    missing = [name for name in names if not (DATA / name / "manifest.json").exists()]
    if missing:
        DATA.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, ROOT / "bench/quality_sets.py", DATA, "--sets", ",".join(missing)], check=True)


def load(connection, home, name):
    """Tables, keys, the reference view with each row's part, and a task over it."""
    folder = home / name
    manifest = json.loads((folder / "manifest.json").read_text())
    connection.execute(f"CREATE SCHEMA {name}")
    connection.execute(f"SET search_path = {name}, public")
    for line in (folder / "schema.sql").read_text().splitlines():
        if line.startswith("CREATE TABLE"):
            connection.execute(line)
    connection.execute("CREATE TABLE split (row_id integer PRIMARY KEY, part text)")
    for table in manifest["tables"]:
        copy_in(connection, table, folder / f"{table}.csv")
    copy_in(connection, "split", folder / "split_random.csv")
    query = (folder / "reference.sql").read_text().rstrip().rstrip(";")
    connection.execute(f"CREATE VIEW rows AS SELECT r.*, s.part FROM ({query}) r JOIN split s USING (row_id)")
    connection.execute("VACUUM ANALYZE")
    positive = str(manifest["positive"]) if manifest.get("positive") is not None else None
    connection.execute("SELECT cerebro.create_task(%s, source => %s, label => 'label', positive => %s, key => '{row_id}', "
                       "exclude => '{part}', split => 'column(part)')", (name, f"SELECT * FROM {name}.rows", positive))


def copy_in(connection, table, path):
    with open(path, "rb") as file, connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv, HEADER)") as copy:
        while block := file.read(1 << 20):
            copy.write(block)


def judge(connection, model, took=0.0):
    """Test log-loss and AUC, validation log-loss, seconds, best epoch of how many."""
    loss, auc = connection.execute("SELECT log_loss, auc FROM cerebro.evaluate(%s)", (model,)).fetchone()
    valid, epochs, best = connection.execute(
        "SELECT valid_log_loss, n_epochs, best_epoch FROM cerebro.models WHERE id = %s", (model,)).fetchone()
    return loss, auc, valid, took, f"{best}/{epochs}"


def score(connection, task, triple, models=None):
    """Of one training; its model is added to models."""
    start = time.perf_counter()
    model = connection.execute("SELECT cerebro.train(%s, %s)", (task, triple)).fetchone()[0]
    if models is not None:
        models.append(model)
    return judge(connection, model, time.perf_counter() - start)


def with_seed(triple, seed):
    return f"{triple}{', ' if ' PT ' in f' {triple} ' else ' PT '}seed = {seed}" if seed else triple


def spread(values):
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}" if len(values) > 1 else f"{values[0]:.4f}"


NUMBERS = """SELECT attname, format_type(atttypid, NULL) IN ('integer', 'bigint', 'numeric', 'double precision') FROM pg_attribute
    WHERE attrelid = 'rows'::regclass AND NOT attname = ANY ('{row_id,label,part}') ORDER BY attnum"""


def features(connection, name, encoder):
    """FE with the published encoder of numbers."""
    categories = json.loads((DATA / name / "manifest.json").read_text())["force_categorical"]
    columns = connection.execute(NUMBERS).fetchall()
    return "FE " + ", ".join(f"{column} : {encoder}" if is_number and column not in categories else column for column, is_number in columns)


def networks(size):
    """Encoder of numbers and settings as published, and the triple."""
    return {"realmlp": ("pbld", ", fade = 0.5", f"AS realmlp PT batch = {size['batch']}, epochs = {size['realmlp']}"),
            "tabm": ("ple(48, 16)", "", f"AS tabm({size['width']} x {size['layers']}, members = {size['members']}) "
                                        f"PT batch = {size['batch']}, epochs = {size['tabm']}")}


def compare(connection, name, path):
    """Of the same sizes on both sides; the published ones are those of RESULTS."""
    published = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for model, (encoder, more, triple) in networks(SIZES[name]).items():
        theirs = [row for row in published if (row["model"], row["set"]) == (model, name)]
        for what, asked in (("as chosen", f"FE * {triple}"), (encoder + more, f"{features(connection, name, encoder)} {triple}{more}")):
            own = [score(connection, name, with_seed(asked, seed)) for seed in range(N_SEEDS)]
            print(f"{name:<10} {model:<8} {what:<18} test {spread([run[0] for run in own])}, "
                  f"valid {spread([run[2] for run in own])}", flush=True)
        if theirs:
            print(f"{'':<10} published test {spread([row['test'] for row in theirs])}, "
                  f"valid {spread([row['valid'] for row in theirs])}", flush=True)


def measure_structures(connection, name):
    models = []
    connection.execute("SET cerebro.threads = 1")
    print(f"\n{name:<46} {'log-loss':>9} {'AUC':>8} {'valid':>9} {'seconds':>8}  best epoch")
    for structure in STRUCTURES:
        show(structure, score(connection, name, f"AS {structure}", models))
    show("ensemble", judge(connection, connection.execute("SELECT cerebro.ensemble(%s)", (models,)).fetchone()[0]))


def measure_towers(connection, name):
    query, label, features = TABLES[name]
    task = f"{name}_tables"
    connection.execute("SELECT cerebro.create_task(%s, source => %s, label => %s, key => '{row_id}', exclude => '{part}', "
                       "split => 'column(part)')", (task, query, label))
    print(f"\n{name}, three seeds")
    for structure in TOWERS:
        runs = [score(connection, task, with_seed(f"FE {features} AS {structure}", seed)) for seed in range(3)]
        loss, auc, valid = (spread(column) for column in list(zip(*runs))[:3])
        print(f"  {structure:<34} test {loss}, AUC {auc}, valid {valid}", flush=True)


def show(what, run):
    loss, auc, valid, *rest = run
    print(f"  {what:<44} {loss:9.4f} {auc:8.4f} {valid:9.4f} {rest[0]:8.1f}  {rest[1]}", flush=True)


def measure(connection, name, triples, n_seeds):
    peers = json.loads((ROOT / "bench/quality_peers.json").read_text())
    print(f"\n{name:<46} {'log-loss':>9} {'AUC':>8} {'valid':>9} {'seconds':>8}  best epoch")
    for triple in triples:
        runs = [score(connection, name, with_seed(triple, seed)) for seed in range(n_seeds)]
        loss, auc, valid, took = (statistics.mean(column) for column in list(zip(*runs))[:4])
        print(f"  {triple or 'default':<44} {loss:9.4f} {auc:8.4f} {valid:9.4f} {took:8.1f}  {runs[0][4]}", flush=True)
    for peer, scores in peers.items():
        if name in scores:
            loss, auc, took = scores[name]
            print(f"  {peer:<44} {loss:9.4f} {auc:8.4f} {'':9} {took:8.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--structures", action="store_true")
    parser.add_argument("--networks", type=pathlib.Path)
    parser.add_argument("--tables", action="store_true")
    parser.add_argument("triples", nargs="*")
    args = parser.parse_args()
    names = args.sets.split(",")
    prepare(names)
    server = lib.server.Server([DATA / name for name in names])
    connection = server.connect()
    connection.execute("CREATE EXTENSION cerebro")
    for name in names:
        load(connection, server.home, name)
        if args.networks:
            compare(connection, name, args.networks)
        elif args.tables:
            measure_towers(connection, name)
        elif args.structures:
            measure_structures(connection, name)
        else:
            measure(connection, name, args.triples or [""], args.seeds)


if __name__ == "__main__":
    main()
