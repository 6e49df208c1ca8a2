"""Random edits of a model, begun with its weights (train_change) and from scratch: epochs until the parent's loss on
validation rows is reached, and the best loss of as many epochs.

The parent is a network over 16,000 made-up flights whose label is noisy. Each edit is one change of FE, AS or PT, or two.
What seeds alone make of the final loss is measured by the parent's triple from scratch with other seeds."""

import random
import statistics
import sys

import lib

N_EDITS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
EPOCHS = 12

ROWS = """
    CREATE TABLE late AS SELECT i AS id, (random() * 24)::int AS hour, (random() * 2500)::float8 AS distance,
        'c' || (random() * 14)::int AS carrier, 'd' || (power(random(), 2) * 90)::int AS dest, 'o' || (random() * 3)::int AS origin,
        (random() * 1440)::int AS sched_dep_time, (random() * 31)::int AS day, random() AS noise FROM generate_series(1, 16000) i;
    ALTER TABLE late ADD label boolean;
    UPDATE late SET label = sin(hour / 4.0) + cos(distance / 400) * (hashtext(carrier) % 5) / 5.0 + (hashtext(dest) % 7) / 7.0
        + (hashtext(origin) % 3) / 6.0 + sin(sched_dep_time / 200.0) / 2 > 3 * (noise - 0.5);
    ALTER TABLE late ADD PRIMARY KEY (id);"""

server = lib.server.Server()
connection = server.connect()
connection.execute("CREATE EXTENSION cerebro")
connection.execute("SELECT setseed(0.5)")
connection.execute(ROWS)
connection.execute("SELECT cerebro.create_task('late', source => 'SELECT * FROM late', label => 'label', exclude => '{noise}')")
connection.execute("SET client_min_messages = warning")


def value(query, *args):
    return connection.execute(query, args).fetchone()[0]


def losses(model):
    return [row[0] for row in connection.execute(
        "SELECT valid_log_loss FROM cerebro.epoch WHERE model = %s ORDER BY epoch", (model,)).fetchall()]


BASE = "FE carrier, dest, distance, hour AS mlp(48, 24) PT adamw(lr = 0.002), batch = 512, dropout = 0.1, patience = 0"
connection.execute("SET cerebro.reuse = on")
parent = value("SELECT cerebro.train('late', %s)", f"{BASE}, epochs = {EPOCHS}")
target = value("SELECT valid_log_loss FROM cerebro.model WHERE id = %s", parent)

EDITS = [
    lambda r: f"SET AS = mlp({r.randint(49, 128)}, 24)",
    lambda r: f"SET AS = mlp(48, {r.randint(25, 64)})",
    lambda r: f"SET AS = mlp({r.randint(49, 96)}, {r.randint(25, 48)})",
    lambda r: f"SET AS = mlp(48, {r.choice([48, 24])}, 24)",
    lambda r: f"SET AS = mlp({r.randint(20, 47)}, 24)",
    lambda r: f"ADD FE {r.choice(['origin', 'sched_dep_time', 'day'])}",
    lambda r: f"ADD FE {r.choice(['origin', 'day'])}, ADD FE sched_dep_time",
    lambda r: f"DROP FE {r.choice(['distance', 'hour', 'carrier', 'dest'])}",
    lambda r: f"SET PT.lr = {r.uniform(0.0005, 0.004):.5f}",
    lambda r: f"SET PT.dropout = {r.uniform(0, 0.3):.3f}",
    lambda r: f"SET PT.batch = {r.randint(256, 1024)}",
    lambda r: f"SET PT.decay = {r.uniform(0.001, 0.1):.4f}",
    lambda r: f"SET PT.activation = {r.choice(['gelu', 'silu'])}",
    lambda r: f"ADD FE origin, SET PT.lr = {r.uniform(0.001, 0.004):.5f}",
    lambda r: f"SET AS = mlp({r.randint(49, 96)}, 24), SET PT.dropout = {r.uniform(0.05, 0.2):.3f}",
]


def reach(curve):
    """Epochs until the parent's loss; one more than there are where it is never reached."""
    return next((i + 1 for i, loss in enumerate(curve) if loss <= target), len(curve) + 1)


rng = random.Random(1)
edits = set()
while len(edits) < N_EDITS:
    edits.add(rng.choice(EDITS)(rng))
rows = []
for edit in sorted(edits):
    warm = value("SELECT cerebro.train_change(%s, %s::cerebro.mst_change)", parent, edit)
    cold = value("SELECT cerebro.train_change(%s, %s::cerebro.mst_change, warm => false)", parent, edit)
    start = value("SELECT start FROM cerebro.model WHERE id = %s", warm)
    rows.append((edit, start, losses(warm), losses(cold)))
    print(f"  {edit:<46} {start[:40]:<40} warm {reach(rows[-1][2]):2d} scratch {reach(rows[-1][3]):2d} "
          f"best {min(rows[-1][2]):.4f} {min(rows[-1][3]):.4f}", flush=True)
seeds = [min(losses(value("SELECT cerebro.train('late', %s)", f"{BASE}, epochs = {EPOCHS}, seed = {seed}")))
         for seed in range(2, 8)]
noise = statistics.stdev(seeds)
warm_epochs = statistics.median(reach(row[2]) for row in rows)
cold_epochs = statistics.median(reach(row[3]) for row in rows)
worse = [min(row[2]) - min(row[3]) for row in rows]
print(f"\n{len(rows)} random edits of {BASE}, parent's loss {target:.4f}")
print(f"  {sum(row[1].startswith('same') for row in rows)} begin with the same function, "
      f"{sum(row[1].startswith('near') for row in rows)} near it, {sum(row[1].startswith('from') for row in rows)} from scratch")
print(f"  epochs to the parent's loss, median: {warm_epochs} warm, {cold_epochs} from scratch ({EPOCHS + 1}: not within {EPOCHS})")
lib.aim("from scratch over warm", cold_epochs / warm_epochs, 2, "at least")
print(f"  best loss, warm minus scratch: mean {statistics.mean(worse):+.5f}, largest {max(worse):+.5f}; "
      f"deviation of seeds {noise:.5f}; {sum(w > 2 * noise for w in worse)} edits worse by more than twice that")
