"""Properties of the whole path, over tables that hypothesis makes up: any types, NULLs, NaN, infinities, odd texts."""

import datetime
import os
import pathlib
import sys

import hypothesis
from hypothesis import strategies as st

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import server  # noqa: E402

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
VALUES = {
    "integer": st.integers(-2**31, 2**31 - 1),
    "bigint": st.integers(-2**63, 2**63 - 1),
    "real": st.floats(width=32),
    "double precision": st.floats(),
    "numeric": st.decimals(-10**20, 10**20, allow_nan=False),
    "boolean": st.booleans(),
    "text": TEXTS,
    "date": st.dates(datetime.date(1, 1, 1)),
    "timestamptz": st.datetimes(datetime.datetime(1970, 1, 2), datetime.datetime(2100, 1, 1),
                                timezones=st.just(datetime.timezone.utc)),
}


@st.composite
def tables(draw):
    """(types, rows): between 1 and 5 columns, 60 to 200 rows drawn from a few values each."""
    types = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5))
    columns = []
    n_rows = draw(st.integers(60, 200))
    for name in types:
        pool = draw(st.lists(st.none() | VALUES[name], min_size=1, max_size=12))
        seed = draw(st.randoms(use_true_random=False))
        columns.append([seed.choice(pool) for _ in range(n_rows)])
    return types, list(zip(*columns))


class Properties:
    def __init__(self):
        self.connection = server.Server().connect()
        self.execute("CREATE EXTENSION cerebro")
        self.execute("SET client_min_messages = warning")
        self.n = 0

    def execute(self, *args):
        return self.connection.execute(*args)

    def value(self, *args):
        return self.execute(*args).fetchone()[0]

    def make_table(self, types, rows, order):
        self.execute("DROP TABLE IF EXISTS t CASCADE")
        columns = ", ".join(f"c{i} {name}" for i, name in enumerate(types))
        self.execute(f"CREATE TABLE t (id integer PRIMARY KEY, label boolean, {columns})")
        with self.connection.cursor().copy("COPY t FROM STDIN") as copy:
            for i in order:
                copy.write_row((i, i % 3 == 0, *rows[i]))

    def train(self, rows):
        """A new task over t and one model of it."""
        self.n += 1
        self.execute(f"SELECT cerebro.create_task('task{self.n}', 'SELECT * FROM t', 'label')")
        return self.value(f"SELECT cerebro.train('task{self.n}', 'FE * AS mlp(8) PT epochs = 2, batch = 32')")

    def contents(self, model):
        return self.execute("SELECT name, content FROM cerebro.model_part WHERE model = %s AND kind <> 'header' ORDER BY ordinal",
                            (model,)).fetchall()

    def check(self, types, rows):
        order = list(range(len(rows)))
        self.make_table(types, rows, order)
        first = self.train(rows)
        self.execute("SELECT cerebro.deploy(%s, 'public.score')", (first,))
        wrong = self.value("""SELECT count(*) FROM t
            WHERE score(t) IS NULL OR NOT score(t) BETWEEN 0 AND 1 OR score(t) <> cerebro.predict(%s, t)""", (first,))
        assert wrong == 0, f"{wrong} scores are missing, no probability, or differ from predict()"
        many = self.execute("SELECT id, score(t) FROM t ORDER BY id").fetchall()
        one = [(i, self.value("SELECT score(t) FROM t WHERE id = %s", (i,))) for i in order[:5]]
        assert many[:5] == one, "a row's score depends on the rows beside it"
        before = self.contents(first)
        assert before, "a model without parts"
        self.execute("SELECT cerebro.undeploy('public.score')")
        self.make_table(types, rows, order[::-1])
        second = self.train(rows)
        assert self.contents(second) == before, "the same rows in another order gave other weights"


def main():
    n_examples = int(os.environ.get("EXAMPLES", "25"))
    properties = Properties()
    n = 0

    @hypothesis.settings(max_examples=n_examples, deadline=None, database=None, print_blob=True,
                         derandomize="SEED" not in os.environ, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(tables())
    def holds(table):
        nonlocal n
        n += 1
        properties.check(*table)

    if "SEED" in os.environ:
        holds = hypothesis.seed(int(os.environ["SEED"]))(holds)
    try:
        holds()
    except Exception:
        print("not ok 1 - the whole path over tables of any types", flush=True)
        raise
    print(f"ok 1 - the whole path over tables of any types ({n} tables)\n1..1")


main()
