import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.calibration import LevelIntervals
from clvkit.calibration._origins import read_origins, total_ratio


def draw(seed, level=1.0, n=4_000):
    rng = np.random.default_rng(seed)
    p = rng.lognormal(2, 1, n)
    return np.where(rng.random(n) < 0.5, level * 2 * p * rng.gamma(1.5, 1 / 1.5, n), 0.0), p


def test_a_ratio_and_its_standard_error_over_many_draws():
    ratios, errors = zip(*(total_ratio(*draw(seed, 1.2)) for seed in range(200)), strict=True)
    assert np.mean(ratios) == pytest.approx(1.2, abs=0.02)
    assert np.mean(errors) == pytest.approx(np.std(np.log(ratios)), rel=0.2)


def test_each_origin_has_its_own_level_and_chance_has_none():
    (y0, p0), (y1, p1) = draw(0, 1.5), draw(1, 1.0)
    read = read_origins(
        np.append(y0, y1), np.append(p0, p1), np.repeat(["a", "b"], 4_000), None, None
    )
    assert read.told
    assert read.level[0] == pytest.approx(1.5, rel=0.1)
    assert read.level[-1] == pytest.approx(1.0, abs=0.03)
    assert len(read.log_ratios) == 2


def test_origins_that_do_not_tell_are_left_out_and_errors_added():
    (y0, p0), (y1, p1) = draw(0, 1.5), draw(1, 1.0)
    tells = np.repeat([False, True], 4_000)
    y, p, origin = np.append(y0, y1), np.append(p0, p1), np.repeat([0, 1], 4_000)
    read = read_origins(y, p, origin, tells, np.full(8_000, 0.1))
    assert len(read.log_ratios) == 1
    assert read.errors[0] == pytest.approx(np.hypot(0.1, total_ratio(y1, p1)[1]))
    assert read.level[0] > 1.3  # its rows are compared at their level all the same


def test_an_origin_without_spend_is_taken_as_it_is():
    read = read_origins(np.zeros(5), np.ones(5), np.zeros(5), None, None)
    assert_allclose(read.level, 1.0)
    assert len(read.log_ratios) == 0


def test_without_origins_nothing_is_known_of_levels():
    y, p = draw(0, 1.5)
    plain = LevelIntervals().fit(y, p)
    assert not plain.knows_levels_
    assert plain.spread_weights_[0] == pytest.approx(0.5)
    # The rows are then taken to be exchangeable with those to come, their level included.
    lower, upper = plain.interval(p)
    assert 0.9 <= np.mean((lower <= y) & (y <= upper)) < 0.97


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="inconsistent numbers"):
        LevelIntervals().fit([1.0, 2.0], [1.0, 2.0], origin=[0])
