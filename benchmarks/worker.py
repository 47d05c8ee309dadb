"""Run one adapter on one task, in a process and a Python of its own.

Called as ``python worker.py FOLDER`` with ``request.json`` and ``log.parquet`` in the folder;
leaves ``answer.json`` there and, unless the adapter failed, ``prediction.parquet``. It imports
pandas and the standard library only, for it also runs in the environments of peers.
"""

import importlib.metadata
import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd


def load(path):
    """Import the adapter; files beside it can be imported by it."""
    sys.path.append(str(Path(path).parent))
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_customer(prediction, customers):
    """Return the prediction as numbers by customer, or say what is wrong with it.

    Customers may be left out, and nobody predicted at all; but numbers by anything else than
    customers are a mistake.
    """
    if not isinstance(prediction, pd.Series):
        raise TypeError(f"predict returned a {type(prediction).__name__}, not a Series")
    if prediction.index.nlevels > 1:
        levels = ", ".join(map(str, prediction.index.names))
        raise ValueError(f"predict returned a Series indexed by {levels}, not by customer alone")
    if prediction.index.has_duplicates:
        twice = prediction.index[prediction.index.duplicated()][0]
        raise ValueError(f"predict returned customer {twice} more than once")
    prediction = prediction.astype("float64").rename("prediction")
    usable = np.isfinite(prediction) & prediction.index.isin(customers)
    if len(prediction) and not usable.any():
        first = prediction.index.tolist()[0]
        raise ValueError(
            f"predict returned no number for any customer: it has {prediction.iloc[0]} for "
            f"{first!r} first, and the first customer of the log is {customers[0]!r}"
        )
    return prediction[usable].rename_axis("customer_id")


def versions(packages):
    """Return the versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def main(folder):
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    answer = {"error": None, "versions": versions(request["packages"])}
    log = pd.read_parquet(folder / "log.parquet")
    customers = log["customer_id"].unique().tolist()
    try:
        np.random.seed(request["seed"])  # noqa: NPY002 - for peers that know no other seed
        adapter = load(request["adapter"])
        wall, processor = time.perf_counter(), time.process_time()
        prediction = adapter.predict(
            log, pd.Timestamp(request["cutoff"]), request["days"], request["seed"]
        )
        answer["seconds"] = time.perf_counter() - wall
        answer["cpu_seconds"] = time.process_time() - processor
        by_customer(prediction, customers).to_frame().to_parquet(folder / "prediction.parquet")
    except Exception as error:
        answer["error"] = " ".join(f"{type(error).__name__}: {error}".split())
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
