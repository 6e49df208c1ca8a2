"""What the archive takes and how fast it gives back: 300 models of one session beside full copies, and reading a
model's weights beside reading one bytea of the same size.

The session: 60 triples (structures, rates) over the flights of January, each trained for 4, then 8, 12, 16, 20 epochs,
with the states of every second epoch kept.  Full copies are what it would take if each of the 300 kept its own model and
its own states.  A state that is kept by its id alone is fetched by a training that ends with it: the fetch is reading
the rows and the epochs from the last state that is there; the whole training starts the engine, too, fits encoders,
validates and keeps a model, as any training does."""

import random
import statistics

import lib

BOUND = 2.0  # seconds in which a training that goes on from a state has it
N_FETCHES = 20

server = lib.start_server()
connection = server.connect()
lib.load_flights(server, connection)
connection.execute("SET cerebro.reuse = on")
connection.execute("""
    SELECT cerebro.create_task('late', source => 'SELECT * FROM late_source WHERE arr_delay IS NOT NULL AND month = 1',
        label => 'arr_delay > 15', key => '{carrier,flight,time_hour,origin}', exclude => '{arr_delay}')""")
structures = ["16", "32", "64", "96", "128", "32, 16", "64, 32", "96, 48", "128, 64", "64, 64"]
rates = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01]
edits = [(units, lr) for units in structures for lr in rates]


def value(*query):
    return connection.execute(*query).fetchone()[0]


def train(edit, epochs):
    return lib.seconds(connection.execute, "SELECT cerebro.train('late', %s)",
                       (f"AS mlp({edit[0]}) PT adamw(lr = {edit[1]}), epochs = {epochs}, patience = 0",))


def stored():
    return value("SELECT sum(length(bytes)) FROM cerebro.content")


connection.execute("SET cerebro.keep_states = 2")
seconds = sum(train(edit, epochs) for edit in edits for epochs in (4, 8, 12, 16, 20))
copies = value("""SELECT (SELECT sum(a.bytes) FROM cerebro.epoch e JOIN cerebro.artefact a ON a.id = e.state)
    + (SELECT sum(length(c.bytes)) FROM cerebro.model_part p JOIN cerebro.content c ON c.id = p.content)""")
n_models, n_states = value("SELECT count(*) FROM cerebro.model"), value("SELECT count(DISTINCT state) FROM cerebro.state_part")
models = value("SELECT sum(length(bytes)) FROM cerebro.content c WHERE EXISTS (SELECT FROM cerebro.model_part p WHERE p.content = c.id)")
shared = stored()
packing = lib.seconds(connection.execute, f"SELECT cerebro.archive_pack({BOUND})")
packed = stored()
kept = connection.execute(f"SELECT keep, count(*) FROM cerebro.archive_plan({BOUND}) GROUP BY 1 ORDER BY 1").fetchall()
random.seed(1)
trainings, fetches = [], []
for edit in random.sample(edits, N_FETCHES):
    trainings.append(train(edit, random.choice([2, 6, 10, 14, 18])))
    fetches.append(value("SELECT read_seconds + train_seconds FROM cerebro.job ORDER BY id DESC LIMIT 1"))

print(f"\n{n_models} models of one session ({seconds:.0f} s), {n_states} states")
print(f"  full copies                       {copies / 2**20:8.1f} MiB")
print(f"  shared by id, states as planes    {shared / 2**20:8.1f} MiB  {shared / copies:6.3f}")
print(f"  after archive_pack({BOUND:g})             {packed / 2**20:8.1f} MiB  {packed / copies:6.3f}   in {packing:.1f} s")
print(f"  of that, models                   {models / 2**20:8.1f} MiB  {models / copies:6.3f}")
print("  states still there: " + ", ".join(f"{count} {keep}" for keep, count in kept))
print(f"  one that is not: median {statistics.median(fetches):.2f} s, longest {max(fetches):.2f} s; "
      f"the whole training that asks for it {statistics.median(trainings):.2f} s, {max(trainings):.2f} s")
lib.aim("bytes over full copies", packed / copies, 0.25, "at most")
lib.aim("seconds of the longest fetch", max(fetches), BOUND, "at most")

# reading: all tensors of a model, and one bytea
connection.execute("RESET cerebro.keep_states")
model = value("SELECT cerebro.train('late', 'AS mlp(1024, 1024) PT epochs = 1')")
connection.execute("CREATE TABLE one (bytes bytea)")
connection.execute("ALTER TABLE one ALTER bytes SET STORAGE EXTERNAL")
connection.execute("""INSERT INTO one SELECT string_agg(c.bytes, '' ORDER BY p.ordinal, c.chunk)
    FROM cerebro.model_part p JOIN cerebro.content c ON c.id = p.content WHERE p.model = %s AND p.kind = 'tensor'""", (model,))
size = value("SELECT length(bytes) FROM one")
whole = lib.median_seconds(lambda: value("SELECT get_byte(bytes, length(bytes) - 1) FROM one"), 51)
tensors = lib.median_seconds(lambda: value("""SELECT sum(cardinality(cerebro.tensor(%s, name))) FROM cerebro.model_part
    WHERE model = %s AND kind = 'tensor'""", (model, model)), 51)
layer = lib.median_seconds(lambda: value("SELECT cardinality(cerebro.tensor(%s, 'output.weight'))", (model,)), 51)
lib.print_table(f"Reading a model's weights ({size / 2**20:.1f} MiB; median of 51)", [
    ("one bytea of that size", whole), ("its tensors, each by its id", tensors), ("one layer of it (2,048 weights)", layer)],
    base="one bytea of that size")
lib.aim("reading a model over one bytea", tensors / whole, 1.3, "at most")
