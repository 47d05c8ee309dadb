"""Run one adapter on one task, in a process and a Python of its own.

Called as ``python _worker.py FOLDER`` with ``request.json`` and ``log.parquet`` in the folder;
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


def by_customer(prediction):
    """Return the prediction as numbers by customer, or say what is wrong with it."""
    if not isinstance(prediction, pd.Series):
        raise TypeError(f"predict returned a {type(prediction).__name__}, not a Series")
    if prediction.index.has_duplicates:
        twice = prediction.index[prediction.index.duplicated()][0]
        raise ValueError(f"predict returned customer {twice} more than once")
    return prediction.astype("float64").rename("prediction").rename_axis("customer_id")


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
    try:
        np.random.seed(request["seed"])  # noqa: NPY002 - for peers that know no other seed
        adapter = load(request["adapter"])
        wall, processor = time.perf_counter(), time.process_time()
        prediction = adapter.predict(
            log, pd.Timestamp(request["cutoff"]), request["days"], request["seed"]
        )
        answer["seconds"] = time.perf_counter() - wall
        answer["cpu_seconds"] = time.process_time() - processor
        by_customer(prediction).to_frame().to_parquet(folder / "prediction.parquet")
    except Exception as error:
        answer["error"] = " ".join(f"{type(error).__name__}: {error}".split())
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
