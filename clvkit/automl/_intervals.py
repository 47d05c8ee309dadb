"""What the out-of-fold predictions of the champion teach of intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvkit.automl._evaluation import Evaluation
from clvkit.automl._level import learn_level
from clvkit.automl._validation import Validation
from clvkit.calibration import LevelIntervals, SeasonCalibration
from clvkit.calibration._spend_shape import (
    SpendDistribution,
    join_distributions,
    learn_spend_shape,
    predicted_distribution,
)
from clvkit.history import latest_rows

__all__ = ["learn_intervals", "out_of_fold"]

Array = NDArray[np.float64]

#: Quantiles by which intervals with and without distributions are compared, and rows at most.
_LEVELS: Array = np.arange(1, 20) / 20
_MOST_ROWS = 20_000


def out_of_fold(best: Evaluation, validation: Validation) -> pd.DataFrame:
    """Return the champion's predictions at the origins with what came, by customer and cutoff."""
    assert best.predictions is not None
    parts = [
        pd.DataFrame({"y_true": fold.y_test, "y_pred": prediction}, index=fold.X_test.index)
        for fold, prediction in zip(validation.folds, best.predictions, strict=True)
    ]
    return pd.concat(parts)


def learn_intervals(
    best: Evaluation, validation: Validation, X: pd.DataFrame, horizon: str
) -> LevelIntervals:
    """Return intervals learnt at the origins.

    The totals of an origin tell how far the level of predictions to come may be off, unless they
    were made otherwise: by a candidate that had seen labels of that very period, or without the
    season that the final total knows.

    Whatever the champion is, the purchase model behind the level tells a distribution of spend
    around its predictions: somebody who has probably left may have the same prediction as
    somebody who buys often and little, and has other quantiles. It is used where quantiles at
    the origins were better with it: on dense logs the level of the prediction says more.
    """
    oof = out_of_fold(best, validation)
    latest = latest_rows(X)
    now = learn_level(latest, horizon) if validation.levelled else None
    seasonal = now is not None and not now.reason_
    tells = [
        (not seasonal or fold.seasonal) and not fold.knew_level(best.candidate.label_trained)
        for fold in validation.folds
    ]
    parts = [np.full(len(f.y_test), told) for f, told in zip(validation.folds, tells, strict=True)]
    errors = [np.full(len(fold.y_test), fold.total_error) for fold in validation.folds]
    told: dict[str, Any] = {
        "origin": oof.index.get_level_values("cutoff"),
        "tells_level": np.concatenate(parts),
        "level_error": np.concatenate(errors),
    }
    columns = oof["y_true"].to_numpy(), oof["y_pred"].to_numpy()
    plain = LevelIntervals().fit(*columns, **told)
    distributions = _distributions(best, validation) if _will_tell(now, latest) else None
    if distributions is None:
        return plain
    shaped = LevelIntervals().fit(*columns, **told, distributions=distributions)
    rows = slice(None, None, 1 + len(oof) // _MOST_ROWS)
    around = _rows_of(join_distributions(distributions), rows)
    compared = [(plain, None), (shaped, around)]
    losses = [_loss(one, columns[0][rows], columns[1][rows], around) for one, around in compared]
    return shaped if losses[1] < losses[0] else plain


def _will_tell(now: SeasonCalibration | None, latest: pd.DataFrame) -> bool:
    """Whether the model that will be fitted on everything tells distributions."""
    return now is not None and learn_spend_shape(now, latest) is not None


def _distributions(best: Evaluation, validation: Validation) -> list[SpendDistribution] | None:
    """Return what the purchase model tells around the predictions at each origin, or None."""
    assert best.predictions is not None
    found = []
    for fold, prediction in zip(validation.folds, best.predictions, strict=True):
        level = learn_level(latest_rows(fold.X_known), validation.horizon)
        told = None if level is None else predicted_distribution(level, fold.X_test, prediction)
        if told is None:
            return None
        found.append(told)
    return found


def _rows_of(distribution: SpendDistribution, rows: slice) -> SpendDistribution:
    return distribution._replace(
        zeros=distribution.zeros[rows],
        position=distribution.position[rows],
        unit=distribution.unit[rows],
    )


def _loss(
    intervals: LevelIntervals, y: Array, predicted: Array, distribution: SpendDistribution | None
) -> float:
    """Return the mean pinball loss of the quantiles."""
    quantiles = intervals.quantiles(predicted, _LEVELS, distribution=distribution)
    above = y[:, None] - quantiles
    return float(np.mean(np.maximum(_LEVELS * above, (_LEVELS - 1.0) * above)))
