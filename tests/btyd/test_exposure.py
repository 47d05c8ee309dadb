"""Exposure: time as it passes under rates that vary."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from clvkit.btyd._exposure import Exposure, spans
from clvkit.btyd._pieces import Pieces

EDGES = np.array([0.0, 1.0, 3.0, 3.5, 7.0])
VALUES = np.random.default_rng(0).normal(size=(2, 4, 3))
PIECES = Pieces(EDGES, VALUES)
COLUMNS, COEFS = [2, 0], np.array([0.7, -0.4])


def exposure(coefs=COEFS):
    return Exposure(PIECES, COLUMNS, coefs)


def by_hand(code, moment, coefs=COEFS):
    rate = np.exp(VALUES[code][:, COLUMNS] @ coefs)
    spent = np.clip(moment - EDGES[:-1], 0.0, np.diff(EDGES))
    return float(rate @ spent)


MOMENTS = np.array([0.0, 0.4, 1.0, 2.9, 3.2, 7.0])
CODES = np.array([0, 1, 0, 1, 1, 0])


def test_exposure_is_the_integral_of_the_rate():
    own = exposure()
    found = own.at(PIECES.find(CODES, MOMENTS), MOMENTS)
    assert_allclose(found, [by_hand(*one) for one in zip(CODES, MOMENTS, strict=True)], atol=1e-14)


def test_moments_come_back():
    own = exposure()
    piece, moment = own.moment_of(CODES, own.at(PIECES.find(CODES, MOMENTS), MOMENTS))
    assert_allclose(moment, MOMENTS, atol=1e-13)
    assert_allclose(own.at(piece, moment), own.at(PIECES.find(CODES, MOMENTS), MOMENTS))
    assert own.moment_of(np.array([0]), np.array([np.inf]))[1] == 7.0


def test_derivatives():
    own, weights = exposure(), np.array([0.3, 1.0, -0.5, 2.0, 0.7, 1.1])
    piece = PIECES.find(CODES, MOMENTS)
    slopes = own.slopes_at(own.slopes(), piece, MOMENTS)
    step = 1e-5 * np.eye(2)
    numeric = [
        (exposure(COEFS + e).at(piece, MOMENTS) - exposure(COEFS - e).at(piece, MOMENTS)) / 2e-5
        for e in step
    ]
    assert_allclose(slopes.T, numeric, atol=1e-8)
    since = MOMENTS - PIECES.begin(piece)
    found = own.curvature(np.bincount(piece, weights, 8), np.bincount(piece, weights * since, 8))

    def slope(coefs):
        other = exposure(coefs)
        return weights @ other.slopes_at(other.slopes(), piece, MOMENTS)

    assert_allclose(found, [(slope(COEFS + e) - slope(COEFS - e)) / 2e-5 for e in step], atol=1e-7)


@pytest.mark.parametrize(
    ("begin", "end", "pieces", "lengths"),
    [
        (0.2, 0.7, [0], [0.5]),
        (0.2, 3.2, [0, 1, 2], [0.8, 2.0, 0.2]),
        (1.0, 3.0, [1], [2.0]),
        (2.0, 2.0, [1], [0.0]),
        (7.0, 7.0, [3], [0.0]),
        (0.0, 7.0, [0, 1, 2, 3], [1.0, 2.0, 0.5, 3.5]),
    ],
)
def test_spans(begin, end, pieces, lengths):
    found = spans(PIECES, np.array([1, 0]), np.array([begin, 0.5]), np.array([end, 0.6]))
    assert_array_equal(found.offsets, [0, len(pieces), len(pieces) + 1])
    assert_array_equal(found.piece[: len(pieces)], 4 + np.array(pieces))
    assert_allclose(found.length[: len(pieces)], lengths, atol=1e-15)
    assert found.piece[-1] == 0
    assert found.row.tolist() == [0] * len(pieces) + [1]
