"""Run one adapter on one task, in a process and a Python of its own.

Called as ``python worker.py FOLDER`` with ``request.json`` and ``log.parquet`` in the folder;
leaves ``answer.json`` there and, unless the adapter failed, ``prediction.parquet``. It imports
pandas and the standard library only, for it also runs in the environments of peers.
"""

import importlib.metadata
import importlib.util
import inspect
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

#: What is predicted of a customer beside quantiles of the spend.
NAMES = ("spend", "purchases", "active")


def load(path):
    """Import the adapter; files beside it can be imported by it."""
    sys.path.append(str(Path(path).parent))
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_customer(prediction, customers, levels):
    """Return the prediction as a frame of numbers by customer, or say what is wrong with it.

    Customers may be left out, and nobody predicted at all; but numbers by anything else than
    customers are a mistake.
    """
    if isinstance(prediction, pd.Series):
        prediction = prediction.astype("float64").to_frame("spend")
    if not isinstance(prediction, pd.DataFrame):
        kind = type(prediction).__name__
        raise TypeError(f"predict returned a {kind}, not a Series or a DataFrame")
    if prediction.index.nlevels > 1:
        names = ", ".join(map(str, prediction.index.names))
        raise ValueError(f"predict returned what is indexed by {names}, not by customer alone")
    if prediction.index.has_duplicates:
        twice = prediction.index[prediction.index.duplicated()][0]
        raise ValueError(f"predict returned customer {twice} more than once")
    check_columns(list(prediction.columns), levels)
    prediction = prediction.astype("float64").rename(columns=str)
    spend = prediction["spend"]
    usable = np.isfinite(spend) & prediction.index.isin(customers)
    if len(prediction) and not usable.any():
        first = prediction.index.tolist()[0]
        raise ValueError(
            f"predict returned no number for any customer: it has {spend.iloc[0]} for "
            f"{first!r} first, and the first customer of the log is {customers[0]!r}"
        )
    return prediction[usable].rename_axis("customer_id")


def check_columns(columns, levels):
    """Refuse columns that nobody asked for, and quantiles at some of the levels only."""
    given = [column for column in columns if not isinstance(column, str)]
    unknown = [column for column in columns if column not in (*NAMES, *levels)]
    if "spend" not in columns or unknown or (given and sorted(given) != sorted(levels)):
        raise ValueError(
            f"predict returned the columns {columns}; there may be 'spend', which is needed, "
            "'purchases', 'active' and all of the levels"
        )


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
        given = [log, pd.Timestamp(request["cutoff"]), request["days"], request["seed"]]
        if "levels" in inspect.signature(adapter.predict).parameters:
            given.append(request["levels"])
        wall, processor = time.perf_counter(), time.process_time()
        prediction = adapter.predict(*given)
        answer["seconds"] = time.perf_counter() - wall
        answer["cpu_seconds"] = time.process_time() - processor
        table = by_customer(prediction, customers, request["levels"])
        table.to_parquet(folder / "prediction.parquet")
    except Exception as error:
        answer["error"] = " ".join(f"{type(error).__name__}: {error}".split())
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
