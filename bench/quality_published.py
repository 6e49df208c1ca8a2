"""Test log-loss of the published RealMLP-TD and TabM on the sets of bench/quality: same rows, same splits, seeds 0 to 4.

    quality_published.py MODEL SET [SEED ...]        in an environment with pytabkit, tabm and rtdl_num_embeddings

The published defaults, but for what would spoil probabilities (the epoch is chosen by validation log-loss, and labels
are not smoothed) and for sizes that a day of one core cannot pay (SIZES), which bench/quality_networks.py gives to the
other side, too.
"""

import json
import pathlib
import sys
import time

import duckdb
import numpy
import pandas
from pytabkit import RealMLP_TD_Classifier, TabM_D_Classifier
from sklearn.metrics import log_loss

DATA = pathlib.Path(__file__).resolve().parent.parent / "data/sets"
SIZES = json.loads((DATA.parent.parent / "bench/quality_networks.json").read_text())


def make(model, size, seed):
    same = dict(device="cpu", random_state=seed, n_threads=1, val_metric_name="cross_entropy", batch_size=size["batch"],
                n_epochs=size[model])
    if model == "realmlp":
        return RealMLP_TD_Classifier(use_ls=False, **same)
    return TabM_D_Classifier(num_emb_type="pwl", d_block=size["width"], n_blocks=size["layers"], tabm_k=size["members"], **same)


def read(name):
    """Features, labels and the part of each row, as the reference query has them."""
    folder = DATA / name
    manifest = json.loads((folder / "manifest.json").read_text())
    connection = duckdb.connect()
    for table in manifest["tables"]:
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{folder / table}.csv', header = true)")
    split = pandas.read_csv(folder / "split_random.csv").set_index("row_id").part
    rows = connection.execute(manifest["reference_query"]).df().set_index("row_id").sort_index()
    labels = rows.pop("label")
    for column in rows.columns:
        if not pandas.api.types.is_numeric_dtype(rows[column]) or column in manifest["force_categorical"]:
            rows[column] = rows[column].astype(str).astype("category")
        else:
            rows[column] = rows[column].astype(float)
            if rows[column].isna().any():
                rows[f"no_{column}"] = rows[column].isna().astype(float)
                rows[column] = rows[column].fillna(rows[column].median())
    return rows, labels.to_numpy(), split.loc[rows.index].to_numpy()


def main():
    model, name, *seeds = sys.argv[1:]
    rows, labels, part = read(name)
    parts = [part == each for each in ("train", "valid", "test")]
    for seed in map(int, seeds or range(5)):
        start = time.process_time()
        fitted = make(model, SIZES[name], seed).fit(rows[parts[0]], labels[parts[0]], rows[parts[1]], labels[parts[1]])
        took = time.process_time() - start
        valid, test = (log_loss(labels[p], numpy.clip(fitted.predict_proba(rows[p]), 1e-7, 1)) for p in parts[1:])
        print(json.dumps(dict(model=model, set=name, seed=seed, valid=valid, test=test, seconds=took)), flush=True)


if __name__ == "__main__":
    main()
