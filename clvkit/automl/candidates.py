"""What competes: named pipeline builders, each with its search space.

A candidate knows how to build an unfitted pipeline from histories to spend. To add one's own,
give ``AutoCLV(candidates={"name": pipeline, ...})`` an estimator, or a :class:`Candidate` where it
should be tuned.

Not all of them compete unless asked for: ``AutoCLV(candidates=["default", "hybrid", "ridge"])``
adds a family and a candidate, ``candidates="all"`` takes :func:`all_candidates`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sklearn.pipeline import Pipeline

from clvkit.automl import _hybrid_builders as hybrids
from clvkit.automl import _regressor_builders as regressors
from clvkit.automl._own import OwnBuilder, needs_no_labels
from clvkit.baselines import HistoricalRate, LastPeriod, PopulationMean
from clvkit.boosting import TweedieLGBMRegressor
from clvkit.btyd import BetaGeoNBD, BTYDRegressor, GammaGamma
from clvkit.errors import UnknownNameError
from clvkit.features import default_features
from clvkit.model_selection import ShortHorizonRegressor, SnapshotRegressor

__all__ = [
    "FAMILIES",
    "MIXTURE",
    "Candidate",
    "all_candidates",
    "default_candidates",
    "resolve_candidates",
]

#: Families in the order in which they are tried: the cheap and strong ones first.
FAMILIES = ("baseline", "btyd", "boosting", "hybrid", "regressor")

#: The name of the mixture on the leaderboard.
MIXTURE = "ensemble"

Params = dict[str, Any]


def _no_space(trial: Any) -> Params:
    """Return nothing: there is nothing to tune."""
    return {}


@dataclass(frozen=True)
class Candidate:
    """A kind of pipeline that competes.

    Parameters
    ----------
    name : str
        As it stands on the leaderboard.
    family : str
        The kind it belongs to: baseline, btyd, boosting, hybrid, regressor (of scikit-learn),
        or any other word.
    build : callable
        ``build(horizon, random_state, **params)`` returns an unfitted pipeline that takes a
        DataFrame with a ``history`` column. Where it holds a :class:`SnapshotRegressor`, that
        makes its own labels, and none is put around the pipeline.
    label_trained : bool, default=True
        Whether it learns from ``y``; it is then trained on snapshots of the histories.
    space : callable, optional
        ``space(trial)`` returns the ``params`` that an Optuna trial suggests. Parameters whose
        name starts with ``snapshots__`` go to the :class:`SnapshotRegressor` around it; they are
        left at their defaults where labels of one origin are validated across customers.

    Examples
    --------
    >>> from clvkit.automl.candidates import default_candidates
    >>> [candidate.name for candidate in default_candidates()]
    ['historical_rate', 'last_period', 'population_mean', 'bg_nbd', 'mbg_nbd', 'pareto_nbd',
     'bg_nbd_conditional', 'tweedie', 'hybrid', 'tweedie_glm']
    >>> default_candidates()[3].estimator("13W", random_state=0)
    Pipeline(steps=[('regressor', BTYDRegressor(horizon='13W', ...))])
    """

    name: str
    family: str
    build: Callable[..., Any]
    label_trained: bool = True
    space: Callable[[Any], Params] = _no_space

    @property
    def tunable(self) -> bool:
        """Whether there is anything to search."""
        return self.space is not _no_space

    def estimator(
        self,
        horizon: str,
        *,
        random_state: int | None = None,
        params: Params | None = None,
        labels: str = "histories",
    ) -> Any:
        """Return an unfitted estimator that is fitted on histories, whatever it learns from."""
        snapshots, own = _split(params or {})
        pipeline = self.build(horizon, random_state, **own)
        inner = pipeline.get_params(deep=True) | {"": pipeline}
        if any(isinstance(part, SnapshotRegressor) for part in inner.values()):
            for regressor in _at_this_horizon(inner):
                regressor.set_params(horizon=horizon, labels=labels, **snapshots)
            return pipeline
        if not self.label_trained:
            return pipeline
        return SnapshotRegressor(pipeline, horizon=horizon, labels=labels, **snapshots)


def default_candidates() -> list[Candidate]:
    """Return the candidates that compete unless others are named, the cheap ones first."""
    h, r = hybrids, regressors
    return [
        Candidate("historical_rate", "baseline", _historical_rate, label_trained=False),
        Candidate("last_period", "baseline", _last_period, label_trained=False),
        Candidate("population_mean", "baseline", _population_mean),
        Candidate("bg_nbd", "btyd", _bg_nbd, label_trained=False),
        Candidate("mbg_nbd", "btyd", h.mbg_nbd, label_trained=False),
        Candidate("pareto_nbd", "btyd", h.pareto_nbd, label_trained=False),
        Candidate("bg_nbd_conditional", "btyd", h.bg_nbd_conditional, label_trained=False),
        Candidate("tweedie", "boosting", _tweedie, space=_tweedie_space),
        Candidate("hybrid", "hybrid", h.hybrid, space=h.hybrid_space),
        Candidate("tweedie_glm", "regressor", r.tweedie_glm, space=r.tweedie_glm_space),
    ]


def all_candidates() -> list[Candidate]:
    """Return every candidate there is: the default ones, and those that compete when asked for.

    Of ``candidates="all"`` and ``"btyd"`` those of regular purchases, ``mbg_cnbd`` and
    ``pareto_ggg``, are left out where :func:`clvkit.btyd.regularity` does not speak for them: where
    k, less two standard errors, is below 1.25 at the earliest origin. Named themselves they always
    compete.

    Examples
    --------
    >>> from clvkit.automl.candidates import all_candidates
    >>> [candidate.name for candidate in all_candidates() if candidate.family == "hybrid"]
    ['hybrid', 'hybrid_average']
    """
    h, r = hybrids, regressors
    return [
        *default_candidates(),
        Candidate("mbg_cnbd", "btyd", h.mbg_cnbd, label_trained=False),
        Candidate("pareto_ggg", "btyd", h.pareto_ggg, label_trained=False),
        Candidate("ggompertz_nbd", "btyd", h.ggompertz_nbd, label_trained=False),
        Candidate("pareto_nbd_season", "btyd", h.pareto_nbd_season, label_trained=False),
        Candidate("hybrid_average", "hybrid", h.hybrid_average, space=h.hybrid_average_space),
        Candidate("ridge", "regressor", r.ridge, space=r.ridge_space),
        Candidate("decision_tree", "regressor", r.decision_tree, space=r.decision_tree_space),
        Candidate("hist_boosting", "regressor", r.hist_boosting, space=r.hist_boosting_space),
        Candidate("random_forest", "regressor", r.random_forest, space=r.random_forest_space),
        Candidate("svr", "regressor", r.svr, space=r.svr_space),
        Candidate("mlp", "regressor", r.mlp, space=r.mlp_space),
    ]


def resolve_candidates(candidates: Any) -> list[Candidate]:
    """Return what ``AutoCLV(candidates=...)`` means.

    Parameters
    ----------
    candidates : "default", str, list or dict
        ``"default"``, ``"all"``; names of families or candidates; or a dict of a user's own,
        name -> estimator or :class:`Candidate`, which compete beside the default ones; one that
        has the name of a default one takes its place.

    Raises
    ------
    UnknownNameError
        For a name that is neither a family nor a candidate, and for that of the mixture.
    """
    if isinstance(candidates, dict):
        default = default_candidates()
        own = {name: _adopt(name, value) for name, value in candidates.items()}
        # One's own come first: where there are few trials, they are what one asked about.
        return [*own.values(), *(candidate for candidate in default if candidate.name not in own)]
    if isinstance(candidates, str):
        candidates = [candidates]
    chosen: list[Candidate] = []
    for entry in candidates:
        chosen += [entry] if isinstance(entry, Candidate) else _named(entry)
    unique = {candidate.name: candidate for candidate in chosen}
    if not unique:
        raise UnknownNameError("candidates is empty. Give 'default', or names such as 'btyd'.")
    return list(unique.values())


def _named(name: Any) -> list[Candidate]:
    """Return what a word stands for: a family before a candidate of the same name."""
    if name == "default":
        return default_candidates()
    every = all_candidates()
    found = [c for c in every if name == "all" or name == c.family]
    if found:
        return found
    found = [c for c in every if name == c.name]
    if found:
        return found
    known = ["default", "all", *FAMILIES, *(candidate.name for candidate in every)]
    close = difflib.get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise UnknownNameError(
        f"candidates={name!r} is neither a family nor a candidate.{hint} Families: "
        f"{', '.join(FAMILIES)}; candidates: {', '.join(c.name for c in every)}. Your own go "
        "into a dict: candidates={'name': pipeline}."
    )


def _adopt(name: str, value: Any) -> Candidate:
    if not isinstance(name, str) or name in ("", MIXTURE):
        raise UnknownNameError(
            f"candidates={{{name!r}: ...}}: a candidate's name is a text of its own, and "
            f"{MIXTURE!r} is that of the mixture on the leaderboard. Give another one."
        )
    if isinstance(value, Candidate):
        return replace(value, name=name)
    is_estimator = hasattr(value, "fit") and hasattr(value, "get_params")
    if isinstance(value, type) or not (is_estimator and hasattr(value, "predict")):
        raise UnknownNameError(
            f"candidates[{name!r}] must be a regressor from histories to spend (an instance with "
            f"fit, predict and get_params) or a Candidate, got {value!r}."
        )
    return Candidate(name, "own", OwnBuilder(value), label_trained=not needs_no_labels(value))


def _at_this_horizon(inner: Params) -> list[SnapshotRegressor]:
    """Return those that learn the horizon which is to be predicted, and not a shorter one."""
    others = tuple(f"{k}__" for k, part in inner.items() if isinstance(part, ShortHorizonRegressor))
    parts = [part for key, part in inner.items() if not key.startswith(others)]
    return [part for part in parts if isinstance(part, SnapshotRegressor)]


def _split(params: Params) -> tuple[Params, Params]:
    prefix = "snapshots__"
    outer = {k[len(prefix) :]: v for k, v in params.items() if k.startswith(prefix)}
    return outer, {k: v for k, v in params.items() if not k.startswith(prefix)}


# --- the builders ---------------------------------------------------------------------------


def _historical_rate(horizon: str, random_state: int | None) -> Pipeline:
    return Pipeline([("regressor", HistoricalRate(horizon=horizon))])


def _last_period(horizon: str, random_state: int | None) -> Pipeline:
    return Pipeline([("regressor", LastPeriod(horizon=horizon))])


def _population_mean(horizon: str, random_state: int | None) -> Pipeline:
    return Pipeline([("regressor", PopulationMean())])


def _bg_nbd(horizon: str, random_state: int | None) -> Pipeline:
    return Pipeline([("regressor", BTYDRegressor(BetaGeoNBD(), GammaGamma(), horizon))])


def _tweedie(horizon: str, random_state: int | None, **params: Any) -> Pipeline:
    regressor = TweedieLGBMRegressor(random_state=random_state, **params)
    return Pipeline([("features", default_features()), ("regressor", regressor)])


def _tweedie_space(trial: Any) -> Params:
    return {
        "n_estimators": trial.suggest_int("n_estimators", 40, 400, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 3, 24, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 20, 300, log=True),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 100.0, log=True),
        "tweedie_variance_power": trial.suggest_float("tweedie_variance_power", 1.1, 1.7),
        "snapshots__n_snapshots": trial.suggest_int("n_snapshots", 1, 8),
    }
