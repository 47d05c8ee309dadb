import numpy as np
import pandas as pd
import pytest

from benchmarks.intervals import check_intervals, pinball, simulate_totals
from benchmarks.logs import load_log
from benchmarks.tasks import Task


def test_pinball_is_least_at_the_quantile():
    y = np.arange(101.0)
    losses = [pinball(y, np.full(101, q), 0.9) for q in (80.0, 90.0, 100.0)]
    assert min(losses) == losses[1]
    assert pinball(np.array([10.0, 0.0]), np.array([8.0, 8.0]), 0.75) == pytest.approx(1.75)


# It has no year before; the benchmark itself is silent about that.
@pytest.mark.filterwarnings("ignore::clvkit.errors.CalibrationWarning")
def test_a_small_log_is_checked():
    task = Task("cdnow_sample", "1998-01-31", 91)
    found = check_intervals(task, "bg_nbd", load_log("cdnow_sample", None))
    assert 0.85 <= found["coverage"] <= 0.96
    assert found["deciles"].shape == (10,)
    assert found["pinball"] < 1.0
    assert found["total"]["lower"] < 1.0 < found["total"]["upper"]


# A season that the model does not know may look as if nobody ever dropped out.
@pytest.mark.filterwarnings("ignore::clvkit.errors.BoundaryWarning")
@pytest.mark.parametrize("season", [None, {12: 2.0}], ids=["steady", "december"])
@pytest.mark.parametrize("n_runs", [2, pytest.param(100, marks=pytest.mark.long)])
def test_totals_of_simulated_logs_are_held(season, n_runs):
    runs = pd.DataFrame(simulate_totals(n_runs, season))
    assert runs["half_width"].mean() < 0.2
    if n_runs >= 100:
        assert 0.83 <= runs["held"].mean() <= 0.97
