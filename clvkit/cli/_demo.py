"""The main job on a real log: fit on its past, compare with what came."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from clvkit.cli._output import programs_prefix, say, show_frame, show_leaderboard
from clvkit.cli._tables import check_model_place, save_model, write_table

__all__ = ["run_demo"]

CUTOFF, HORIZON = "1998-03-31", "13W"
EXPERIMENT, MODEL = "clvkit-demo", "cdnow-clv"


def run_demo(folder: Path, *, n_trials: int = 40) -> None:
    """Fit on the CDNOW log up to 1998-03-31, compare with the quarter after it, keep it all.

    Parameters
    ----------
    folder : Path
        Gets ``predictions.csv``, ``leaderboard.csv``, ``holdout.csv``,
        ``decile_calibration.png``, ``cumulative_gains.png``, the model and the MLflow store.
    n_trials : int, default=40
    """
    from clvkit.automl import AutoCLV
    from clvkit.datasets import load_cdnow

    check_model_place(folder / "model")
    log = load_cdnow()
    past = log[log["date"] <= CUTOFF]
    say(
        f"CDNOW: {len(past):,} transactions of {past['customer_id'].nunique():,} customers up to "
        f"{CUTOFF}. What will each of them spend in the {HORIZON} after it?\n"
    )
    auto = AutoCLV(
        HORIZON,
        n_trials=n_trials,
        random_state=0,
        end=CUTOFF,
        tracking=EXPERIMENT,
        register_as=MODEL,
    )
    with _own_store(folder) as store:
        auto.fit(past)
    show_leaderboard(auto.leaderboard_)
    values = auto.predict_customers(past)
    comparison = _compare(auto, log, folder)
    show_frame(
        comparison,
        "Against what they really spent from 1998-04-01 to 1998-06-30 (others by their defaults)",
    )
    write_table(values, folder / "predictions.csv")
    write_table(auto.leaderboard_, folder / "leaderboard.csv")
    write_table(comparison, folder / "holdout.csv")
    save_model(auto.model_, folder / "model")
    _say_what_next(folder, store)


def _compare(auto: Any, log: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Score champion and defaults of all candidates on the quarter, and draw the champion."""
    from matplotlib import pyplot as plt

    from clvkit.automl import default_candidates
    from clvkit.history import make_samples
    from clvkit.inspection import CumulativeGainsDisplay, DecileCalibrationDisplay
    from clvkit.metrics import clv_metrics

    X, y = make_samples(log, HORIZON, cutoffs=CUTOFF)
    champion = auto.best_params_["candidate"]
    predictions = {f"champion: {champion}": auto.predict(X)}
    for candidate in default_candidates():
        model = candidate.estimator(HORIZON, random_state=0)
        predictions[candidate.name] = model.fit(X).predict(X)
    name = next(iter(predictions))
    for display, file in (
        (DecileCalibrationDisplay, "decile_calibration.png"),
        (CumulativeGainsDisplay, "cumulative_gains.png"),
    ):
        figure = display.from_predictions(y, predictions[name], name=name).figure_
        figure.savefig(folder / file, dpi=150, bbox_inches="tight")
        plt.close(figure)
    shown = ("d2_tweedie", "normalized_gini", "total_bias", "top_share_capture", "mae", "rmse")
    rows = {name: clv_metrics(y, prediction) for name, prediction in predictions.items()}
    table = pd.DataFrame.from_dict(rows, orient="index")[list(shown)]
    table.index.name = "model"
    return table


@contextmanager
def _own_store(folder: Path) -> Iterator[str]:
    """Point MLflow to a store of its own inside the folder, and back afterwards."""
    import mlflow

    store = f"sqlite:///{(folder / 'mlflow.db').resolve()}"
    with _mlflow_as_it_was():
        mlflow.set_tracking_uri(store)
        mlflow.set_registry_uri(store)
        if mlflow.get_experiment_by_name(EXPERIMENT) is None:
            mlflow.create_experiment(
                EXPERIMENT, artifact_location=(folder / "mlartifacts").resolve().as_uri()
            )
        yield store


@contextmanager
def _mlflow_as_it_was() -> Iterator[None]:
    """Restore afterwards where MLflow writes to, in this process and in those it starts."""
    import mlflow

    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    environment = {name: os.environ.get(name) for name in names}
    tracking, registry = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    was_set = mlflow.is_tracking_uri_set()
    # The tables of a new store are made without an account of each step.
    logger = logging.getLogger("mlflow.store.db.utils")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
        mlflow.set_tracking_uri(tracking if was_set else None)
        mlflow.set_registry_uri(registry if registry != tracking else None)
        for name, value in environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _say_what_next(folder: Path, store: str) -> None:
    files = {
        "predictions.csv": "value, interval and segment of each customer",
        "leaderboard.csv": "all candidates with all metrics",
        "holdout.csv": "the comparison above",
        "decile_calibration.png": "predicted against actual spend by tenth of the customers",
        "cumulative_gains.png": "how much of the spend the best customers bring",
        "model/": "the fitted model, for clvkit predict",
        "mlflow.db, mlartifacts/": f"the runs, and the model registered as {MODEL}",
    }
    say(f"\nIn {folder}/:")
    width = max(map(len, files))
    for file, text in files.items():
        say(f"  {file:<{width}}  {text}")
    programs = programs_prefix()
    say("\nNext, look at the runs, or take a log of your own:\n")
    say(f"  {programs}mlflow ui --backend-store-uri {store}")
    say(f"  {programs}clvkit fit LOG.csv --horizon 26W --customer-id COLUMN --date COLUMN \\")
    say("      --amount COLUMN --out my-model")
