"""What ranks the candidates, and what else they are scored by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from clvkit.errors import NoComponentsError, UnknownNameError
from clvkit.metrics import get_clv_scorer

__all__ = ["Scoring", "other_scores", "resolve_scoring"]

Scorer = Callable[..., float]


class Scoring:
    """One scorer that ranks, and any number beside it.

    Parameters
    ----------
    scorers : dict of str to callable
        By name.
    name : str
        Of the one that ranks.
    """

    def __init__(self, scorers: dict[str, Scorer], name: str) -> None:
        self.scorers = scorers
        self.name = name

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        """Return the score that ranks."""
        return self.scorers[self.name](estimator, X, y)

    @property
    def identity(self) -> str:
        """The scoring in one text that is the same in every process."""
        if len(self.scorers) == 1:
            return _described(self.name, self.scorers[self.name])
        every = ", ".join(_described(name, scorer) for name, scorer in self.scorers.items())
        return f"{self.name} of {every}"


def resolve_scoring(scoring: Any, refit: str | None) -> Scoring:
    """Return what ``AutoCLV(scoring=..., refit=...)`` means.

    Parameters
    ----------
    scoring : str, callable, list of these, or dict of str to these
    refit : str or None
        Name of the scorer that ranks; None is the first one.

    Raises
    ------
    UnknownNameError
        For the name of a metric that there is not, names that are not unique, no scorer at all,
        or a ``refit`` that is none of the names.
    """
    named = _named(scoring)
    scorers = {name: get_clv_scorer(scorer) for name, scorer in named}
    if len(scorers) < len(named) or not named:
        raise UnknownNameError(
            f"scoring names {[name for name, _ in named]}: give at least one scorer, each with a "
            "name of its own, such as {'all': 'd2_tweedie', 'best': profit_scorer(0.3, 2, 500)}."
        )
    if refit is not None and refit not in scorers:
        raise UnknownNameError(
            f"refit={refit!r} is none of the scorers, which are {', '.join(map(repr, scorers))}. "
            "Give the name of the one that ranks the candidates."
        )
    return Scoring(scorers, next(iter(scorers)) if refit is None else refit)


def other_scores(scorer: Any, estimator: Any, X: Any, y: Any) -> dict[str, float]:
    """Return every score by name, as ``score_<name>``; nothing where there is one scorer only.

    One that asks for what the candidate cannot tell is NaN: it does not rank.
    """
    if not isinstance(scorer, Scoring) or len(scorer.scorers) == 1:
        return {}
    return {
        f"score_{name}": _score_or_nan(one, estimator, X, y) for name, one in scorer.scorers.items()
    }


def _score_or_nan(scorer: Scorer, estimator: Any, X: Any, y: Any) -> float:
    try:
        return float(scorer(estimator, X, y))
    except NoComponentsError:
        return np.nan


def _named(scoring: Any) -> list[tuple[str, Any]]:
    if isinstance(scoring, Mapping):
        return [(str(name), scorer) for name, scorer in scoring.items()]
    scorers = [scoring] if isinstance(scoring, str) or callable(scoring) else list(scoring)
    return [(_name_of(scorer), scorer) for scorer in scorers]


def _name_of(scorer: Any) -> str:
    return scorer if isinstance(scorer, str) else getattr(scorer, "__name__", repr(scorer))


def _described(name: str, scorer: Scorer) -> str:
    """Return the name, and what tells scorers of one name apart where it is no address."""
    text = repr(scorer)
    if name == text or " at 0x" in text or scorer is _known(name):
        return name
    return f"{name}={text}"


def _known(name: str) -> Any:
    try:
        return get_clv_scorer(name)
    except UnknownNameError:
        return None
