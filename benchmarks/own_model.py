"""An estimator of one's own as a competitor: ``--model my_module:make_estimator``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.pipeline import make_pipeline

from benchmarks.adapters import Adapter, read_adapter
from benchmarks.errors import BenchmarkError
from clvkit import latest_histories
from clvkit.features import default_features
from clvkit.model_selection import SnapshotRegressor

__all__ = ["own_adapter", "predict_with"]

TEMPLATE = '''\
"""{module}:{factory}, an estimator of one's own."""

import importlib
import sys

from benchmarks.own_model import predict_with

sys.path.insert(0, {folder!r})
factory = getattr(importlib.import_module({module!r}), {factory!r})


def predict(log, cutoff, days, seed):
    return predict_with(factory, log, cutoff, days)
'''


def own_adapter(text: str, folder: Path) -> Adapter:
    """Return the competitor for ``MODULE:FACTORY``, whose file is written to ``folder``.

    The module is imported when it competes, from the folder in which the benchmark was started
    or from wherever it is installed.
    """
    module, _, factory = text.partition(":")
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise BenchmarkError(
            f"--model {text}: write MODULE:FACTORY, such as my_module:make_estimator."
        )
    path = folder / f"{text.replace(':', '-').replace('.', '-')}.py"
    here = str(Path.cwd())
    path.write_text(TEMPLATE.format(module=module, factory=factory, folder=here), encoding="utf-8")
    return read_adapter(path)


def predict_with(
    factory: Callable[..., Any], log: pd.DataFrame, cutoff: pd.Timestamp, days: int
) -> pd.Series:
    """Return what an estimator of one's own predicts.

    A factory with a parameter ``horizon`` makes an estimator from histories to spend, such as a
    ``BTYDRegressor``. One without makes any regressor of scikit-learn: it is trained on the default
    features of past snapshots.
    """
    horizon = f"{days}D"
    if "horizon" in inspect.signature(factory).parameters:
        estimator = factory(horizon=horizon)
    else:
        pipeline = make_pipeline(default_features(), factory())
        estimator = SnapshotRegressor(pipeline, horizon=horizon)
    histories = latest_histories(log, cutoff.date().isoformat())
    index = histories.index.get_level_values("customer_id")
    return pd.Series(estimator.fit(histories).predict(histories), index=index)
