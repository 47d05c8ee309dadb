"""What the out-of-fold predictions of the champion teach of intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clvkit.automl._evaluation import Evaluation
from clvkit.automl._level import learn_level
from clvkit.automl._validation import Validation
from clvkit.calibration import LevelIntervals
from clvkit.history import latest_rows

__all__ = ["learn_intervals", "out_of_fold"]


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
    """
    oof = out_of_fold(best, validation)
    seasonal = False
    if validation.levelled:
        now = learn_level(latest_rows(X), horizon)
        seasonal = now is not None and not now.reason_
    tells = [
        (not seasonal or fold.seasonal) and not fold.knew_level(best.candidate.label_trained)
        for fold in validation.folds
    ]
    parts = [np.full(len(f.y_test), told) for f, told in zip(validation.folds, tells, strict=True)]
    errors = [np.full(len(fold.y_test), fold.total_error) for fold in validation.folds]
    return LevelIntervals().fit(
        oof["y_true"],
        oof["y_pred"],
        origin=oof.index.get_level_values("cutoff"),
        tells_level=np.concatenate(parts),
        level_error=np.concatenate(errors),
    )
