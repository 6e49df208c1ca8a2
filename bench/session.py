"""A session of 40 edits (session_trace.txt): each edit trained by CEREBRO with and without what earlier steps left, by
export + pandas + PyTorch, and by PyTorch on encoded columns that are cached by hand.

CEREBRO as one who uses it would: an edit is train_change(model, change), which begins with the model's weights, for a
share of the epochs that training from scratch has (WARM_SHARE); more epochs go on from the kept state; a return asks once more for
what that step asked for.  Fewer layers and another seed begin from scratch, as nothing of the weights is of use to
them.  Losses stand beside those from scratch.

The peers train the same network on the same rows and columns: rows split at random 70, 15, 15, categories embedded,
Adam.  They start over with each edit, as scripts do; the second one exports and encodes a column only once.

    bench/session [EDITS [THREADS [own | bits]]]     the first so many edits; all sides with so many threads (2); without
                                                     peers; nothing beside but the same steps with reuse off, for their bits
    bench/session star [...]                         over a generated star of 10^6 rows (session_star.sql), with words as above
In pieces, where a machine is quiet only for a while:
    bench/session [star] hold FOLDER                 a server with the flights, until FOLDER/stop is there
    bench/session piece FOLDER SECONDS [THREADS [own | bits]]    further edits, as many as begin within the seconds
    bench/session report FOLDER                      of the pieces so far
"""

import io
import os
import pathlib
import pickle
import statistics
import sys
import time

import numpy
import pandas
import psycopg
import torch

import lib
import peer
from network import Network

WARM_SHARE = 0.35  # what shares cost is in README.md
N_THREADS = 2

START = {"columns": {c: None for c in ("month", "day", "hour", "minute", "sched_arr_time", "distance", "origin", "dest", "carrier")},
         "units": (64, 32), "epochs": 4, "lr": 0.001, "batch": 1024, "dropout": 0, "decay": 0, "seed": 1, "role": "analyst"}
CATEGORIES = {"origin", "dest", "carrier", "planes.manufacturer", "planes.engine"}
JOINS = {"planes": ("JOIN planes USING (tailnum)", "LEFT JOIN planes ON planes.tailnum = f.tailnum"),
         "weather": ("JOIN weather USING (origin, time_hour)", "LEFT JOIN weather ON weather.origin = f.origin AND weather.time_hour = f.time_hour"),
         "airports": ("JOIN airports ON (airports.faa = source.dest)", "LEFT JOIN airports ON airports.faa = f.dest")}
EXPRESSIONS = {"dow": "extract(dow FROM time_hour)"}


# ------------------------------------------------------------------ the trace

def edit(state, words):
    """The state after an edit; see the trace's head."""
    state = dict(state, columns=dict(state["columns"]))
    if not words:
        return state
    if words[0] == "+":
        state["columns"] |= {name: None for name in words[1:]}
    elif words[0] == "-":
        for name in words[1:]:
            del state["columns"][name]
    elif words[1:2] == [":"]:
        state["columns"][words[0]] = words[2]
    elif words[0] == "units":
        state["units"] = tuple(map(int, words[1:]))
    else:
        state[words[0]] = type(START[words[0]])(words[1]) if words[0] in ("epochs", "batch", "seed") else float(words[1])
    return state


def read_trace():
    """(kind, text, state, number of the step before, words) of each step."""
    states, steps = [START], []
    for line in (lib.ROOT / "bench/session_trace.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        kind, *words = line.split()
        before, role = len(states) - 1, "analyst"
        while words and (words[0].startswith("@") or words[0].endswith(":")):
            if words[0].startswith("@"):
                before = int(words[0][1:])
            else:
                role = words[0][:-1]
            words = words[1:]
        states.append(edit(states[before], words) | {"role": role})
        steps.append((kind, line, states[-1], before, words))
    return steps


# ----------------------------------------------------------------------- ours

def triple(state):
    joins = sorted({name.split(".")[0] for name in state["columns"] if "." in name})
    items = [f"{name} = ({EXPRESSIONS[name]})" if name in EXPRESSIONS else name + (f" : {encoder}" if encoder else "")
             for name, encoder in state["columns"].items()]
    items += [JOINS[join][0] for join in joins]
    return (f"FE {', '.join(items)} AS mlp({', '.join(map(str, state['units']))}) PT adam(lr = {state['lr']}), batch = {state['batch']}, "
            f"epochs = {state['epochs']}, patience = 0, dropout = {state['dropout']}, decay = {state['decay']}, seed = {state['seed']}")


class Ours:
    """Models and epochs by step, 0 the start, which is trained before the clock runs."""

    def __init__(self, server, is_reusing, is_warm):
        self.is_reusing, self.is_warm = is_reusing, is_warm
        self.models, self.epochs, self.calls = {}, {}, {}
        self.connect(server)
        self.train(START | {"role": "analyst"}, 0, "PT", None, [])

    def connect(self, server):
        self.sessions = {}
        for role in ("analyst", "colleague"):
            session = server.connect()
            session.execute(f"SET SESSION AUTHORIZATION {role}")
            session.execute("SET client_min_messages = error")
            session.execute(f"SET cerebro.reuse = {'on' if self.is_reusing else 'off'}")
            session.execute(f"SET cerebro.plan_extract = {'on' if self.is_reusing else 'off'}")
            session.execute(f"SET cerebro.threads = {N_THREADS}")
            session.execute(f"SET max_parallel_workers_per_gather = {N_THREADS - 1}")
            self.sessions[role] = session

    def warm_up(self):
        """New connections know what those of the piece before knew: catalogs, the library."""
        for session in self.sessions.values():
            session.execute("SELECT cerebro.explain_train('late', %s)", [triple(START)])

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "sessions"}

    def connection_of(self, state):
        return self.sessions[state["role"]]

    def has_way(self, before, state):
        """Whether no layer is taken away."""
        return len(state["units"]) >= len(before["units"])

    def begins_warm(self, kind, before, state, words):
        if not self.is_warm or before is None or words[0] == "seed":
            return False
        return kind != "AS" or self.has_way(before["state"], state)

    def find_call(self, state, kind, before, words):
        """(SQL, parameters, epochs); a return's are those of the step that it returns to."""
        epochs = state["epochs"]
        if before is not None and not words:
            return self.calls[before["number"]]
        if not self.begins_warm(kind, before, state, words):
            return "SELECT cerebro.train('late', %s)", [triple(state)], epochs
        epochs = max(1, round(epochs * WARM_SHARE))
        if words[0] == "epochs":
            epochs = self.epochs[before["number"]] + max(1, round((state["epochs"] - before["state"]["epochs"]) * WARM_SHARE))
        return ("SELECT cerebro.train_change(id, %s::cerebro.mst OPERATOR(cerebro.-) mst) FROM cerebro.model WHERE id = %s",
                [triple(state | {"epochs": epochs}), self.models[before["number"]]], epochs)

    def train(self, state, number, kind, before, words):
        session = self.sessions[state["role"]]
        call = self.calls[number] = self.find_call(state, kind, before, words)
        model, epochs = session.execute(*call[:2]).fetchone()[0], call[2]
        self.models[number], self.epochs[number] = model, epochs
        return session.execute("SELECT m.valid_log_loss, m.valid_auc, m.n_epochs, (SELECT md5(string_agg(p.content::text, ',' ORDER BY p.ordinal))"
                               " FROM cerebro.model_part p WHERE p.model = m.id AND p.kind <> 'header') FROM cerebro.model m WHERE id = %s",
                               [model]).fetchone()


# ----------------------------------------------------------------- the peers

def export(connection, columns):
    """These columns, and the label, of all flights that arrived, in the table's order."""
    columns = list(columns)
    targets = [f'{EXPRESSIONS[c].replace("time_hour", "f.time_hour") if c in EXPRESSIONS else c if "." in c else "f." + c} AS "{c}"' for c in columns]
    joins = [JOINS[j][1] for j in sorted({c.split(".")[0] for c in columns if "." in c})]
    query = f"SELECT {', '.join([*targets, 'f.arr_delay AS label'])} FROM flights f {' '.join(joins)} WHERE f.arr_delay IS NOT NULL"
    text = io.BytesIO()
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)") as copy:
        for block in copy:
            text.write(block)
    text.seek(0)
    return pandas.read_csv(text, dtype={c: "category" if c in CATEGORIES else "float32" for c in columns})


def encode(column, encoder, is_train):
    """A number as (n, 1 or 2) floats; a category as codes (n) and how many there are."""
    if isinstance(column.dtype, pandas.CategoricalDtype):
        counts = column[is_train].value_counts()
        known = pandas.Index(counts[counts >= 3].index.astype(str))
        codes = known.get_indexer(column.cat.categories.astype(str)) + 2
        codes = numpy.where(codes == 1, 1, codes)
        return numpy.where(column.cat.codes.to_numpy() < 0, 0, codes[column.cat.codes.to_numpy()]).astype("int64"), len(known) + 2
    values = column.to_numpy("float32")
    seen = values[is_train]
    if encoder == "standardize":
        scaled = (values - numpy.nanmean(seen)) / max(float(numpy.nanstd(seen)), 1e-30)
    else:
        low, middle, high = numpy.nanquantile(seen, [0.25, 0.5, 0.75])
        scaled = (values - middle) / (high - low if high > low else 1)
        scaled = scaled / numpy.sqrt(1 + (scaled / 3) ** 2)
    missing = numpy.isnan(values)
    parts = [numpy.where(missing, 0, scaled)] + ([missing] if missing[is_train].any() else [])
    return numpy.stack(parts, axis=1).astype("float32"), 0


def fit(encoded, labels, is_train, is_valid, state):
    torch.manual_seed(state["seed"])
    numbers = [values for values, n in encoded if n == 0]
    codes = [values for values, n in encoded if n > 0]
    x = torch.from_numpy(numpy.concatenate(numbers, axis=1))
    c = torch.from_numpy(numpy.stack(codes, axis=1)) if codes else torch.zeros((len(x), 0), dtype=torch.int64)
    y = torch.from_numpy(labels)
    train_x, train_c, train_y = x[is_train], c[is_train], y[is_train]
    network = Network(x.shape[1], [(n, 8 if n > 9 else 0) for _, n in encoded if n > 0], state["units"])
    optimizer = torch.optim.AdamW(network.parameters(), lr=state["lr"], weight_decay=state["decay"])
    for _ in range(state["epochs"]):
        order = torch.randperm(len(train_x))
        for i in range(0, len(train_x), state["batch"]):
            rows = order[i:i + state["batch"]]
            loss = torch.nn.functional.cross_entropy(network(train_x[rows], train_c[rows]), train_y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        score = peer.auc(peer.predict(network, x[is_valid], c[is_valid]), y[is_valid])
    return score


class Peer:
    """Exports and encodes all columns of an edit, or with a cache those that it lacks."""

    def __init__(self, connection, has_cache):
        self.connection, self.has_cache = connection, has_cache
        self.raw, self.encoded = {}, {}

    def connect(self, server):
        self.connection = server.connect()

    def __getstate__(self):
        return vars(self) | {"connection": None}

    def connection_of(self, state):
        return self.connection

    def train(self, state, *_):
        if not self.has_cache:
            self.raw, self.encoded = {}, {}
        lacking = [c for c in state["columns"] if c not in self.raw]
        if lacking:
            frame = export(self.connection, lacking)
            self.labels = (frame["label"] > 15).to_numpy().astype("int64")
            self.raw |= {c: frame[c] for c in lacking}
        is_train, is_valid = peer.split(self.labels)
        for name, encoder in state["columns"].items():
            if (name, encoder) not in self.encoded:
                self.encoded[name, encoder] = encode(self.raw[name], encoder, is_train)
        return fit([self.encoded[item] for item in state["columns"].items()], self.labels, is_train, is_valid, state)


# ------------------------------------------------------------------- all of it

def processor_seconds(connection):
    """Of this process, the server's process behind the connection, and the engines that it has waited for."""
    fields = pathlib.Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def make_star(server, connection):
    connection.execute((lib.ROOT / "bench/session_star.sql").read_text())
    connection.execute("VACUUM ANALYZE")
    connection.execute("CREATE EXTENSION cerebro")


# how the tables are made, and what the task says of them
DATA = {"flights": (lib.load_flights, "{carrier,flight,time_hour,origin}", "{arr_delay,dep_delay,arr_time,air_time,dep_time}"),
        "star": (make_star, "{id}", "{arr_delay}")}


def set_up(server, data):
    load, key, exclude = DATA[data]
    connection = server.connect()
    load(server, connection)
    connection.execute("CREATE ROLE analyst; CREATE ROLE colleague; GRANT analyst TO colleague")
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO analyst, colleague")
    connection.execute("SET ROLE analyst")
    connection.execute("""
        SELECT cerebro.create_task('late', source => 'SELECT * FROM flights WHERE arr_delay IS NOT NULL',
            label => 'arr_delay > 15', key => %s, exclude => %s)""", (key, exclude))
    connection.execute("RESET ROLE")
    return connection


def choose_runners(server, connection, which):
    if which == "bits":
        return {"CEREBRO": Ours(server, True, True), "CEREBRO, the same steps, reuse off": Ours(server, False, True)}
    runners = {"CEREBRO": Ours(server, True, True), "CEREBRO, nothing reused": Ours(server, False, False)}
    if which != "own":
        runners |= {"export + pandas + PyTorch": Peer(connection, False), "PyTorch, columns cached by hand": Peer(connection, True)}
    return runners


class Session:
    """The steps so far, of all sides."""

    def __init__(self, runners):
        self.runners = runners
        self.steps = read_trace()
        self.seconds = {name: [] for name in runners}
        self.processor = {name: [] for name in runners}
        self.losses, self.n_equal = [], 0

    def count(self):
        return len(self.losses)

    def go_on(self):
        number = self.count() + 1
        kind, text, state, before, words = self.steps[number - 1]
        old = {"number": before, "state": self.steps[before - 1][2] if before > 0 else START | {"role": "analyst"}}
        results = {}
        for name, runner in self.runners.items():
            start, processor_start = time.perf_counter(), processor_seconds(runner.connection_of(state))
            results[name] = runner.train(state, number, kind, old, words)
            self.seconds[name].append(time.perf_counter() - start)
            self.processor[name].append(processor_seconds(runner.connection_of(state)) - processor_start)
        is_equal = results["CEREBRO"] == results.get("CEREBRO, the same steps, reuse off", results["CEREBRO"])
        self.n_equal += is_equal
        self.losses.append(results["CEREBRO"][0] - results.get("CEREBRO, nothing reused", results["CEREBRO"])[0])
        auc = [r[1] if isinstance(self.runners[name], Ours) else r for name, r in results.items()]
        print(f"  {number:2} {text:46.46} " + " ".join(f"{s[-1]:7.2f}" for s in self.seconds.values()) + "  processor "
              + " ".join(f"{s[-1]:6.2f}" for s in self.processor.values()) + "  AUC " + " ".join(f"{a:.4f}" for a in auc)
              + f"  log-loss {self.losses[-1]:+.4f}" + ("" if is_equal else "  OTHER BITS"), flush=True)

    def report(self, connection):
        report(self.steps[:self.count()], self.seconds, self.processor)
        if "CEREBRO, nothing reused" in self.runners:
            print(f"  validation log-loss, less that from scratch: mean {statistics.mean(self.losses):+.4f}, most {max(self.losses):+.4f}")
        if "CEREBRO, the same steps, reuse off" in self.runners:
            print(f"  weights and metrics equal bit by bit with and without reuse: {self.n_equal} of {self.count()}")
        kept = connection.execute("SELECT sum(bytes)::float8 / max(n_rows), count(*) - 1, sum(bytes)::float8 FROM cerebro.extracts").fetchone()
        print(f"  kept: {kept[1]} columns, {kept[0]:.1f} bytes a row, {kept[2] / 1e6:.1f} MB")


def report(steps, seconds, processor):
    means = {name: statistics.mean(values) for name, values in processor.items()}
    lib.print_table(f"seconds an edit, mean of {len(steps)} (right: times CEREBRO)",
                    [(name, statistics.mean(values)) for name, values in seconds.items()], base="CEREBRO")
    lib.print_table("processor seconds an edit, mean", list(means.items()), base="CEREBRO")
    for kind in ("FE", "AS", "PT"):
        chosen = [i for i, step in enumerate(steps) if step[0] == kind]
        if chosen:
            lib.print_table(f"processor seconds, mean of the {len(chosen)} edits of {kind}",
                            [(name, statistics.mean(values[i] for i in chosen)) for name, values in processor.items()], base="CEREBRO")
    for name, bound in (("export + pandas + PyTorch", 8), ("PyTorch, columns cached by hand", 5), ("CEREBRO, nothing reused", 2.5)):
        if name in means:
            lib.aim(f"times faster than {name}", statistics.mean(seconds[name]) / statistics.mean(seconds["CEREBRO"]), bound, "at least")
            lib.aim("  in processor time", means[name] / means["CEREBRO"], bound, "at least")


# ------------------------------------------------------------------ in pieces

class HeldServer:
    """One that another process holds."""

    def __init__(self, folder):
        self.conninfo = (folder / "server").read_text()

    def connect(self):
        return psycopg.connect(self.conninfo, autocommit=True)


def hold(folder, data):
    folder.mkdir(parents=True)
    server = lib.start_server()
    set_up(server, data)
    (folder / "server").write_text(server.conninfo())
    print(f"ready: {server.data}", flush=True)
    while not (folder / "stop").exists():
        time.sleep(1)


def load_session(folder, which):
    server = HeldServer(folder)
    connection = server.connect()
    if not (folder / "session").exists():
        return Session(choose_runners(server, connection, which)), connection
    session = pickle.loads((folder / "session").read_bytes())
    for runner in session.runners.values():
        runner.connect(server)
        if isinstance(runner, Ours):
            runner.warm_up()
    return session, connection


def run_piece(folder, limit, which):
    start = time.perf_counter()
    session, _ = load_session(folder, which)
    while session.count() < len(session.steps) and time.perf_counter() - start < limit:
        session.go_on()
    (folder / "session").write_bytes(pickle.dumps(session))


def run_all(data, n_edits, which):
    server = lib.start_server()
    connection = set_up(server, data)
    session = Session(choose_runners(server, connection, which))
    for _ in session.steps[:n_edits]:
        session.go_on()
    session.report(connection)


def set_threads(argument):
    global N_THREADS
    N_THREADS = argument
    torch.set_num_threads(argument)


def main():
    words = sys.argv[1:]
    data = words.pop(0) if words[:1] == ["star"] else "flights"
    if words[:1] == ["hold"]:
        hold(pathlib.Path(words[1]), data)
    elif words[:1] == ["piece"]:
        set_threads(int(words[3]) if len(words) > 3 else 2)
        run_piece(pathlib.Path(words[1]), float(words[2]), words[4] if len(words) > 4 else "all")
    elif words[:1] == ["report"]:
        session, connection = load_session(pathlib.Path(words[1]), "all")
        session.report(connection)
    else:
        set_threads(int(words[1]) if len(words) > 1 else 2)
        run_all(data, int(words[0]) if words else None, words[2] if len(words) > 2 else "all")


main()
