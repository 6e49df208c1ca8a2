"""Search over archived triples, asked by an ordinary role under the row policies: those that have what a pattern names,
and the ten nearest to a triple or a pattern.  Beside: the same question over a jsonb column with its GIN index under the
same policy, and a scan.  The triples are drawn from spaces of twelve subjects with columns of their own.

    bench/search            a million triples
    bench/search 100000
    bench/search 1000000 hold    loads them, tells the folder of its server and waits to be ended
    bench/search ask FOLDER      asks that server, so that asking can have the machine for itself
    bench/search ask FOLDER brief    the same without the scans, which take minutes"""

import statistics
import sys
import time

import lib
import psycopg
import server as server_lib

N_TRIPLES = int(sys.argv[1]) if sys.argv[1:2] not in ([], ["ask"]) else 1_000_000
IS_BRIEF = sys.argv[3:4] == ["brief"]
SUBJECTS = ["flight", "order", "ticket", "visit", "loan", "claim", "click", "meter", "patient", "parcel", "player", "song"]
SPACE = ("FE *, ?JOIN {0}_place, ?JOIN {0}_hour, ?{0}_kind : {{onehot, embed(4..32)}}, ?{0}_town : embed(4..64), ?{0}_size : standardize "
         "AS {{mlp(32..512 step 32 x 1..4), residual(1..6, 64..512 step 16), wide_deep(64..512, 32..256), tabm(128..512 x 1..3)}} "
         "PT {{adam, adamw(decay = 1e-6..1e-2 log), sgd(momentum = 0.8..0.99)}}, lr = 1e-4..1e-2 log, "
         "batch = {{256, 512, 1024, 2048}}, dropout = 0..0.5 step 0.1, ?activation = {{gelu, tanh}}")

NEAR = ["AS mlp(256, 256)", "FE song_kind : onehot AS residual(3, 100) PT lr = 0.003", "AS residual(2, 200) PT sgd, lr = 0.01",
        "AS tabm(300, 300) PT lr = 0.0017", "FE * AS mlp(100, 100, 100) PT sgd(momentum = 0.85)", "PT lr = 0.003, batch = 1000"]
# pattern, the same in JSON
PATTERNS = [
    ("FE song_kind : onehot AS residual(width = 128) PT sgd",
     '{"fe": [{"column": "song_kind", "encoder": "onehot"}], "as": {"residual": {"width": 128}}, "pt": {"optimizer": {"sgd": {}}}}'),
    ("FE JOIN loan_place, loan_kind : onehot AS wide_deep PT adamw, batch = 512",
     '{"fe": [{"join": "loan_place"}, {"column": "loan_kind", "encoder": "onehot"}], "as": {"wide_deep": {}}, '
     '"pt": {"optimizer": {"adamw": {}}, "batch": 512}}'),
    ("FE click_size : standardize AS residual(width = 64, blocks = 3)",
     '{"fe": [{"column": "click_size", "encoder": "standardize"}], "as": {"residual": {"width": 64, "blocks": 3}}}'),
]


def load(connection):
    connection.execute("CREATE EXTENSION cerebro")
    connection.execute("CREATE ROLE analyst LOGIN")
    connection.execute("DROP INDEX cerebro.model_mst, cerebro.model_near, cerebro.model_near_built, cerebro.model_training")
    connection.execute("""
        INSERT INTO cerebro.task (id, name, owner, source, query, n_columns, label, classes, key, exclude, split, hash_key, metric, settings)
        VALUES (1, 'late', 'analyst', 'SELECT', 'SELECT', 1, 'label', '{no,yes}', '{id}', '{}', 'random(0.7, 0.15, 0.15)', 0, 'auc', '{}')""")
    connection.execute("INSERT INTO cerebro.data_version (id, task, n_rows, class_rows, row_hash) VALUES (1, 1, 0, '{}', 0)")
    for i, subject in enumerate(SUBJECTS):
        connection.execute(f"""
            INSERT INTO cerebro.model (task, data_version, mst, owner, n_weights, n_epochs, best_epoch, valid_log_loss, valid_auc,
                valid_accuracy, seconds, executor, kernel_class, version)
            SELECT 1, 1, s, CASE WHEN random() < 0.9 THEN 'analyst' ELSE 'postgres' END::regrole, 1000, 5, 5, 0.5, 0.5 + random() / 2,
                0.8, 1, 'native', 'plain', '0.1.0'
            FROM cerebro.sample(%s, %s, %s) s""", (SPACE.format(subject), -(-N_TRIPLES // len(SUBJECTS)), i))
    index_seconds = [lib.seconds(connection.execute, f"CREATE INDEX {name} ON cerebro.model USING {kind} (mst cerebro.mst_{ops}_ops)")
                     for name, kind, ops in (("model_mst", "gin", "gin"), ("model_near", "gist", "gist"), ("model_near_built", "gist", "gist_built"))]
    connection.execute("""
        CREATE TABLE public.document AS SELECT id, owner, cerebro.mst_to_jsonb(mst) AS doc FROM cerebro.model;
        CREATE INDEX ON public.document USING gin (doc);
        ALTER TABLE public.document ENABLE ROW LEVEL SECURITY;
        CREATE POLICY visible ON public.document FOR SELECT USING (cerebro.is_mine(owner));
        GRANT SELECT ON public.document TO analyst""")
    connection.execute("VACUUM ANALYZE")
    sizes = connection.execute("""SELECT relname, pg_relation_size(oid) / 1e6 FROM pg_class
        WHERE relname IN ('model', 'model_mst', 'model_near', 'model_near_built', 'document', 'document_doc_idx') ORDER BY 1""").fetchall()
    print(f"  indexes built in {index_seconds[0]:.0f} s (GIN), {index_seconds[1]:.0f} and {index_seconds[2]:.0f} s (GiST); MB: "
          + ", ".join(f"{name} {size:.0f}" for name, size in sizes), flush=True)


def ask(connection, sql, n_runs=9):
    """Planned anew each time, warm; the fastest run, as others work on the machine, too."""
    connection.execute(sql)
    return min(lib.seconds(lambda: connection.execute(sql).fetchall()) for _ in range(n_runs))


def plan(connection, sql):
    return "\n".join(row[0] for row in connection.execute("EXPLAIN " + sql))


def check_plan(connection, sql, index):
    assert index in plan(connection, sql), plan(connection, sql)


def containment(connection):
    own, documents = [], []
    for pattern, document in PATTERNS:
        by_mst = f"SELECT id, mst FROM cerebro.models WHERE mst @> '{pattern}'"
        by_json = f"SELECT id, doc FROM document WHERE doc @> '{document}'"
        check_plan(connection, by_mst, "model_mst")
        ids = [sorted(row[0] for row in connection.execute(sql)) for sql in (by_mst, by_json)]
        assert ids[0] == ids[1] and 0 < len(ids[0]) <= 1000, (pattern, len(ids[0]), len(ids[1]))
        own.append(ask(connection, by_mst))
        documents.append(ask(connection, by_json, 3))
        print(f"  {len(ids[0]):5} match  {own[-1] * 1000:8.2f} ms  jsonb {documents[-1] * 1000:9.1f} ms  {pattern}", flush=True)
    return max(own), min(d / o for d, o in zip(documents, own))


def nearest(connection, probes):
    own, scans = [], []
    for probe in probes:
        sql = f"SELECT mst <-> {probe} FROM cerebro.models ORDER BY mst <-> {probe} LIMIT 10"
        check_plan(connection, sql, "model_near")
        found = [row[0] for row in connection.execute(sql)]
        own.append(ask(connection, sql))
        if IS_BRIEF:
            print(f"  to {found[-1]:5.2f}      {own[-1] * 1000:8.2f} ms  {probe}", flush=True)
            continue
        connection.execute("SET enable_indexscan = off")
        scans.append(ask(connection, sql, 1))
        assert found == [row[0] for row in connection.execute(sql)], probe
        connection.execute("RESET enable_indexscan")
        print(f"  to {found[-1]:5.2f}      {own[-1] * 1000:8.2f} ms  scan  {scans[-1] * 1000:9.1f} ms  {probe}", flush=True)
    return statistics.median(own), max(own), min((s / o for s, o in zip(scans, own)), default=None)


def hold(home):
    """For another process to ask; 24 hours at most."""
    print(f"  held: {home}", flush=True)
    time.sleep(24 * 3600)


if sys.argv[1:2] == ["ask"]:
    home = sys.argv[2]
    connection = psycopg.connect(f"host={home} user=postgres dbname=postgres", autocommit=True)
else:
    server = server_lib.Server()
    home = server.home
    connection = server.connect()
    print(f"\nSearch over {N_TRIPLES} archived triples", flush=True)
    load(connection)
    if sys.argv[2:3] == ["hold"]:
        hold(home)
drawn = [f"'{row[0]}'::mst" for row in connection.execute(
    "SELECT mst FROM cerebro.model WHERE id % 99991 = 7 ORDER BY id LIMIT 6")]
analyst = psycopg.connect(f"host={home} user=analyst dbname=postgres", autocommit=True, prepare_threshold=None)
analyst.execute("SET search_path = public, cerebro")
slowest, ratio = containment(analyst)
lib.aim("containment, slowest, ms", slowest * 1000, 10, "at most")
lib.aim("times faster than jsonb", ratio, 20, "at least")
middle, slowest, ratio = nearest(analyst, drawn + [f"'{pattern}'::mst_pattern" for pattern in NEAR])
lib.aim("ten nearest, median, ms", middle * 1000, 20, "at most")
lib.aim("ten nearest, slowest, ms", slowest * 1000, 20, "at most")
if ratio is not None:
    lib.aim("times faster than a scan", ratio, 20, "at least")
both = ("SELECT * FROM cerebro.models WHERE mst @> 'AS residual PT adamw' AND valid_auc > 0.7 "
        "ORDER BY mst <-> 'AS mlp(256,256)'::cerebro.mst_pattern LIMIT 10")
print(f"  containment, a metric and the ten nearest: {ask(analyst, both, 3) * 1000:.2f} ms\n" + plan(analyst, both))
