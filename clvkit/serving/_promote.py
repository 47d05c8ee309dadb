"""Whether a challenger takes the champion's place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from clvkit.errors import ArgumentError, OutputError
from clvkit.metrics import clv_metrics, get_clv_scorer
from clvkit.serving._backtest import Backtest, backtest
from clvkit.serving._bootstrap import Gain, paired_gain
from clvkit.serving._load import load
from clvkit.serving._promotion import Promotion
from clvkit.serving._registry import CHAMPION, client, move_champion, register, version_at
from clvkit.tracking import ArtifactRecord, FitRecord, MLflowWriter, describe_environment
from clvkit.tracking._quiet import quiet_mlflow

__all__ = ["promote", "refresh"]

#: Customers who must have bought in the period; draws of fewer say little about any others.
MIN_BUYERS = 30


def promote(
    name: str,
    challenger: Any,
    log: Any,
    min_gain: float = 0.0,
    *,
    scoring: str | Callable[..., float] = "d2_tweedie",
    covariates: Any = None,
    end: Any = None,
    confidence: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int = 0,
    experiment: str | None = None,
) -> Promotion:
    """Compare a challenger with the champion on fresh data, and let it take over if it wins.

    Both predict the latest period of a horizon's length that ``log`` covers, for the same
    customers. A model that was trained before that period predicts as it is. One that has seen it
    would only be asked what it knows: its estimator is fitted anew without it, on data that end as
    long before the period as the model's training ended before the end of the log.

    The challenger wins if the lower end of the interval around its gain exceeds ``min_gain``. With
    the default it must be better beyond the noise between customers. With ``min_gain=-0.01`` it
    may be worse by 0.01, but not beyond doubt more: for a monthly refit of the same estimator. It
    never wins where fewer than 30 customers bought anything in the period.

    What a challenger was searched with is not undone by fitting it anew: a search (``AutoCLV``)
    that knew the period has chosen its candidate, parameters and weights by it. Search on data
    that end a horizon before the log does, as by ``end=``, and let that model challenge.

    Use it wherever a version goes into production. It says nothing of whether the champion is any
    good; for that see the run's metrics, and the leaderboard of a new search.

    Parameters
    ----------
    name : str
        Name of the registered model.
    challenger : int, str, AutoCLV or CLVModel
        A version, its URI ``"models:/<name>/<version>"``, or a fitted model, which is registered
        as a version first.
    log : table or path
        All transactions up to today, as for :func:`clvkit.latest_histories`; not those of the new
        month alone.
    min_gain : float, default=0.0
        In units of the score.
    scoring : str or callable, default="d2_tweedie"
        See :func:`clvkit.metrics.get_clv_scorer`; greater is better.
    covariates : table, path or None, default=None
        Where the models were trained with covariates.
    end : date-like or None, default=None
        The last known day, by default that of the last event.
    confidence : float, default=0.95
        Of the interval.
    n_bootstrap : int, default=1000
        Draws of customers; as many as leave one beyond each end of the interval, or more.
    random_state : int, default=0
        Seed of the draws.
    experiment : str or None, default=None
        Experiment of the run that keeps the comparison; by default one of the name of the model.

    Returns
    -------
    Promotion
        Whether the challenger was promoted, and why. Where nobody was champion it is promoted
        without a comparison, if it can be loaded.

    Raises
    ------
    ArgumentError
        If the challenger is the champion, belongs to another name, or cannot be compared; or if
        ``n_bootstrap`` is too small for an interval.
    ShortLogError
        If the log does not cover the horizon and some history before it.
    ModelFormatError, UntrustedModelError
        If a version cannot be loaded; see :func:`load`.
    OutputError
        If MLflow cannot be reached or written to. No alias moves before the comparison is recorded.

    See Also
    --------
    rollback : Takes a promotion back.
    refresh : Refit and promotion in one.
    """
    scorer = get_clv_scorer(scoring)
    _check_draws(confidence, n_bootstrap)
    with quiet_mlflow():
        registry = client()
        champion = version_at(registry, name, CHAMPION)
        version = _version(registry, name, challenger, champion, experiment)
        result = Promotion(
            name, champion, version, True, "There was no champion.", min_gain=min_gain
        )
        new = load(f"models:/{name}/{version}")  # the first champion is held to that, too
        if champion is not None:
            models = [load(f"models:/{name}/{champion}"), new]
            test = backtest(models, log, covariates=covariates, end=end)
            gain = paired_gain(
                test,
                scorer,
                needs_X=callable(scoring),
                n_bootstrap=n_bootstrap,
                confidence=confidence,
                random_state=random_state,
            )
            shown = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score")
            result = _decide(replace(result, scoring=shown), test, gain, models[0].horizon)
        run_id = _record(result, experiment or name, confidence, n_bootstrap)
        if result.promoted:
            move_champion(registry, name, champion, version)
    return replace(result, run_id=run_id)


def refresh(name: str, log: Any, min_gain: float = 0.0, **settings: Any) -> Promotion:
    """Refit the champion on a new log, and promote the result if it wins: the monthly routine.

    The estimator and its parameters stay as they are; nothing is searched. The refitted model is
    registered as the next version, whether it wins or not.

    Parameters
    ----------
    name : str
        Name of the registered model; one of its versions must be champion.
    log, min_gain
        See :func:`promote`.
    **settings
        Further parameters of :func:`promote`.

    Returns
    -------
    Promotion

    Raises
    ------
    ArgumentError
        If there is no champion.
    """
    with quiet_mlflow():
        if version_at(client(), name, CHAMPION) is None:
            raise ArgumentError(
                f"{name!r} has no champion to refresh. Register a model and promote it first: "
                f"clvkit.serving.promote({name!r}, auto, log)."
            )
    end, covariates = settings.get("end"), settings.get("covariates")
    champion = load(f"models:/{name}@{CHAMPION}")
    challenger = champion.refit(log, cutoff=end, covariates=covariates)
    return promote(name, challenger, log, min_gain, **settings)


def _version(
    registry: Any, name: str, challenger: Any, champion: int | None, experiment: str | None
) -> int:
    """Return the version of the challenger; a model that has none is registered."""
    if not isinstance(challenger, (int, str)):
        return register(challenger, name, experiment=experiment)
    text = str(challenger).removeprefix(f"models:/{name}/")
    if not text.isdecimal():
        raise ArgumentError(
            f"{challenger!r} is no version of {name!r}. Give its number, its URI "
            f"'models:/{name}/<version>', or a fitted model."
        )
    if int(text) == champion:
        raise ArgumentError(f"version {text} of {name!r} is the champion already.")
    return int(text)


def _decide(result: Promotion, test: Backtest, gain: Gain, horizon: str) -> Promotion:
    promoted, sentence = _judge(result, gain, int(np.count_nonzero(test.y > 0)))
    return replace(
        result,
        promoted=promoted,
        reason=sentence,
        **gain._asdict(),
        horizon=horizon,
        origin=test.origin,
        n_customers=len(test.y),
        metrics=_metrics(result, test),
    )


def _judge(result: Promotion, gain: Gain, n_buyers: int) -> tuple[bool, str]:
    """Return whether the challenger wins, and why."""
    if n_buyers < MIN_BUYERS:
        return False, (
            f"Only {n_buyers} of the customers bought anything in the test period, and "
            f"{MIN_BUYERS} are the fewest that decide: {result.scoring} {gain.gain:+.4f} may be "
            "chance."
        )
    promoted = gain.lower > result.min_gain
    if promoted:
        reason = "better beyond the noise" if result.min_gain >= 0 else "not worse than allowed"
    else:
        reason = "worse" if gain.upper < 0 else "not better beyond the noise"
    least = f", where {result.min_gain:+g} is the least" if result.min_gain else ""
    return promoted, (
        f"The challenger is {reason}: {result.scoring} {gain.gain:+.4f} "
        f"[{gain.lower:+.4f}, {gain.upper:+.4f}]{least}."
    )


def _metrics(result: Promotion, test: Backtest) -> pd.DataFrame:
    rows = {}
    pairs = {"champion": result.champion, "challenger": result.challenger}
    for (role, version), said in zip(pairs.items(), test.predicted, strict=True):
        known = {"version": version, "trained_to": said.trained}
        rows[role] = known | clv_metrics(test.y, said.spend, said.active)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def _record(result: Promotion, experiment: str, confidence: float, n_bootstrap: int) -> str:
    """Write the comparison as a run, before any alias moves; return its id."""
    names = ("champion", "challenger", "scoring", "min_gain", "horizon", "origin", "n_customers")
    table = result.frame()
    metrics = {name: getattr(result, name) for name in ("gain", "lower", "upper")}
    for role, row in (
        table.select_dtypes("number").drop(columns="version", errors="ignore").iterrows()
    ):
        metrics |= {f"{role}_{name}": value for name, value in row.items()}
    records: list[Any] = [
        FitRecord(
            experiment,
            run_name=f"promote {result.challenger}",
            params={name: getattr(result, name) for name in names}
            | {"confidence": confidence, "n_bootstrap": n_bootstrap},
            metrics=metrics,
            tags={"promoted": str(result.promoted).lower(), "reason": result.reason},
            environment=describe_environment(),
        )
    ]
    if len(table):
        records.append(ArtifactRecord("comparison.csv", table))
        records.append(ArtifactRecord("plots/gain.png", result))
    try:
        tracked = MLflowWriter().write(records)
    except Exception as error:  # stores raise what they like
        raise OutputError(
            "the comparison could not be recorded, and no alias was moved: "
            f"{type(error).__name__}: {str(error)[:500]}. Check MLflow's tracking URI and whether "
            "the server is up."
        ) from error
    assert tracked is not None  # write raises where no run was opened
    return tracked.run_id


def _check_draws(confidence: float, n_bootstrap: int) -> None:
    if not 0 < confidence < 1:
        raise ArgumentError(
            f"confidence must be above 0 and below 1 (0.95 is 95 %); got {confidence}."
        )
    least = math.ceil(round(2 / (1 - confidence), 6))
    if n_bootstrap < least:
        raise ArgumentError(
            f"an interval of confidence {confidence} needs {least} draws of customers or more, so "
            f"that one lies beyond each of its ends; got n_bootstrap={n_bootstrap}."
        )
