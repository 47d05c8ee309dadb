"""Renewal functions against those that are elementary, of k = 1 and k = 2: good to seven digits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from clvkit.btyd._rhythm_renewal import excess, look_up, look_up_earlier, mixed_transients

SHAPES = np.array([1.5, 4.0, 30.0])
XI = np.geomspace(1e-4, 50.0, 40)


def at(k):
    """Return the tables at k, looked up at every shape (rows) and xi."""
    mixed = mixed_transients(k, SHAPES, np.log(XI[0]), np.log(XI[-1]))
    shape = np.repeat(np.arange(3), len(XI)).reshape(3, -1)
    return look_up(mixed, slice(None), shape, np.broadcast_to(np.log(XI), (3, len(XI))))


def test_random_purchases_have_no_transient():
    assert excess(1.0) == 0.0
    for table in at(1.0):
        assert_allclose(table, 0.0, atol=2e-7)


def test_every_second_event_of_a_poisson_process():
    # M(t) = t / 2 - (1 - e^-2t) / 4, so that tau(t) = e^-2t / 4, mixed over a gamma rate.
    N = SHAPES[:, None]
    decay = (1.0 + 2.0 * XI) ** -N
    once = (1.0 - (1.0 + 2.0 * XI) * decay) / (N - 1.0)
    twice = (2.0 * XI - (1.0 - (1.0 + 2.0 * XI) ** 2 * decay) / (N - 2.0)) / (N - 1.0)
    assert excess(2.0) == -0.25
    for table, exact in zip(at(2.0), (decay / 4.0, once / 8.0, twice / 16.0), strict=True):
        assert_allclose(table, exact, rtol=4e-7, atol=5e-8)


@pytest.mark.parametrize("k", [0.3, 2.5, 12.0])
def test_earlier_places_are_those_of_the_table(k):
    mixed = mixed_transients(k, SHAPES, np.log(XI[0]) - 1.0, np.log(XI[-1]))
    shape, steps = np.zeros(len(XI), dtype=np.intp), np.array([0, 3])
    found = look_up_earlier(mixed, shape, np.log(XI), steps)
    for row, step in zip(found, steps, strict=True):
        (direct,) = look_up(mixed, slice(2, 3), shape, np.log(XI) - step * mixed.step)
        assert_allclose(row, direct, rtol=1e-9, atol=1e-15)
