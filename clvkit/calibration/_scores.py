"""Scores of conformal inference: how far the truth falls from what was predicted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.calibration._spend_shape import SpendDistribution

__all__ = ["TAILS", "Errors", "one_sided", "score_ends"]

Array = NDArray[np.float64]

#: Shares that may be left out at each end; the scores at these are all that is kept. Shares in
#: between use the next smaller one, which makes the interval a little wider than asked.
TAILS: Array = np.r_[0, 0.0005, 0.001, 0.0025, np.arange(1, 20) / 200, np.arange(4, 21) / 40]

#: Shares of zeros from which on an interval is a little, and altogether, one-sided.
_MOST, _NEARLY_ALL = 0.6, 0.9

#: Of more scores than that in a group, some are taken where quantiles are costly.
_MOST_SCORES = 20_000


class Errors(NamedTuple):
    """What came and what was predicted, the unit of errors there, and levels that it may have."""

    truth: Array
    predicted: Array
    unit: Array
    nodes: Array


def score_ends(
    errors: Errors, rows: NDArray[np.intp], distribution: SpendDistribution | None
) -> tuple[Array, Array]:
    """Return the scores of some rows that leave each of :data:`TAILS` below and above them."""
    if distribution is not None:
        return _ends_of_quantiles(errors, rows[:: 1 + len(rows) // _MOST_SCORES], distribution)
    possible = np.multiply.outer(errors.nodes, errors.truth[rows])
    scores = np.sort((possible - errors.predicted[rows]) / errors.unit[rows], axis=None)
    beyond = _n_beyond(len(rows), len(errors.nodes))
    return scores[beyond - 1], scores[scores.size - beyond]


def one_sided(zeros: Array) -> Array:
    """Return how far an interval is one-sided, by the share that spends nothing."""
    return np.clip((zeros - _MOST) / (_NEARLY_ALL - _MOST), 0.0, 1.0)


def _ends_of_quantiles(
    errors: Errors, rows: NDArray[np.intp], distribution: SpendDistribution
) -> tuple[Array, Array]:
    possible = np.multiply.outer(errors.nodes, errors.truth[rows])
    ends = np.empty((2, len(TAILS)))
    beyond = _n_beyond(len(rows), len(errors.nodes))
    for column, (tail, number) in enumerate(zip(TAILS, beyond, strict=True)):
        for side, level in enumerate((tail, 1.0 - tail)):
            base = distribution.quantile(level, rows)
            scores = ((possible - base) / errors.unit[rows]).ravel()
            rank = scores.size - number if side else number - 1
            ends[side, column] = np.partition(scores, rank)[rank]
    return ends[0], ends[1]


def _n_beyond(n_scores: int, n_copies: int) -> NDArray[np.int64]:
    """Return how many of the scores, each in so many copies, lie at or beyond each share."""
    beyond = np.floor(np.round((n_scores + 1) * n_copies * TAILS, 9)).astype(np.int64)
    return np.clip(beyond, 1, n_scores * n_copies)
