r"""Rates that covariates move in pieces, and time as it passes under them.

A process of rate :math:`\lambda e^{\gamma' x(t)}`, x constant between edges, has made of a customer
born at b what a process of rate :math:`\lambda` makes in the time

.. math:: A(t) = \int_b^t e^{\gamma' x(v)} dv,

his exposure, which is linear in each piece.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.btyd._pieces import Pieces
from clvkit.utils._ragged import concatenated_ranges, ragged_searchsorted

__all__ = ["Exposure", "Spans", "spans"]

Array = NDArray[np.float64]
Ints = NDArray[np.intp]


#: Beyond a factor of e^100 a rate is nothing, or for ever; floats stay finite this way where
#: estimates are wide open.
_FARTHEST = 100.0


class Spans(NamedTuple):
    """Parts of the time of customers, each within one piece: whose, which piece, from, how long.

    ``offsets`` of shape (n_rows + 1,): the spans of a row come one after the other.
    """

    row: Ints
    piece: Ints
    begin: Array
    length: Array
    offsets: Ints


def spans(pieces: Pieces, code: Ints, begin: Array, end: Array) -> Spans:
    """Cut the time of each row at the edges; a row has one span at least."""
    n = len(pieces.edges) - 1
    first = pieces.find(code, begin)
    last = np.maximum(
        code * n + np.clip(np.searchsorted(pieces.edges, end, side="left") - 1, 0, n - 1), first
    )
    count = last - first + 1
    row = np.repeat(np.arange(len(code)), count)
    piece = concatenated_ranges(first, last + 1)
    left = pieces.edges[piece % n]
    right = pieces.edges[piece % n + 1]
    # The first and last span reach as far as asked, by rounding beyond an edge too.
    starts = np.concatenate([[0], np.cumsum(count)])
    left[starts[:-1]] = begin
    right[starts[1:] - 1] = end
    return Spans(row, piece, left, np.maximum(right - left, 0.0), starts)


class Exposure:
    """The exposure of one process under known coefficients.

    Parameters
    ----------
    pieces : Pieces
    columns : list of int
        Which columns move the rate.
    coefs : ndarray of shape (n_columns,)
    """

    def __init__(self, pieces: Pieces, columns: list[int], coefs: Array) -> None:
        self.pieces = pieces
        self.x = pieces.values[:, :, columns]
        self.log_rate = np.clip((self.x @ coefs).ravel(), -_FARTHEST, _FARTHEST)
        self.rate = np.exp(self.log_rate)
        n = len(pieces.edges) - 1
        self._grown = self.rate.reshape(-1, n) * np.diff(pieces.edges)
        self.before = _summed(self._grown[..., None])[..., 0].ravel()

    def at(self, piece: Ints, moment: Array) -> Array:
        """Return the exposure since the first edge at moments within pieces."""
        since = moment - self.pieces.begin(piece)
        return np.asarray(self.before[piece] + since * self.rate[piece])

    def slopes(self) -> Array:
        """Return the derivative of ``before`` in the coefficients."""
        return _summed(self._grown[..., None] * self.x).reshape(self._table.shape)

    def slopes_at(self, before: Array, piece: Ints, moment: Array) -> Array:
        """Return the derivative of :meth:`at`, given :meth:`slopes`."""
        since = (moment - self.pieces.begin(piece)) * self.rate[piece]
        return np.asarray(before[piece] + since[:, None] * self._table[piece])

    def curvature(self, weight_before: Array, weight_since: Array) -> Array:
        """Return the second derivative of a weighted sum of exposures.

        Parameters
        ----------
        weight_before : ndarray of shape (n_calendars * n_pieces,)
            Sum of the weights of moments within each piece.
        weight_since : ndarray of shape (n_calendars * n_pieces,)
            Sum of weights times the time since the piece began.
        """
        n = self._grown.shape[1]
        later = weight_before.reshape(-1, n)
        # What lies before a piece counts for all moments in later pieces.
        after = later[:, ::-1].cumsum(axis=1)[:, ::-1] - later
        weight = (after * self._grown).ravel() + weight_since * self.rate
        return np.asarray((self._table * weight[:, None]).T @ self._table)

    def moment_of(self, code: Ints, exposure: Array) -> tuple[Ints, Array]:
        """Return the pieces and moments at which exposures are reached; the last edge at most."""
        n = self._grown.shape[1]
        begin = code * n
        piece = ragged_searchsorted(self.before, begin, begin + n, exposure) - 1
        piece = np.clip(piece, begin, begin + n - 1)
        since = (exposure - self.before[piece]) / self.rate[piece]
        moment = np.minimum(self.pieces.begin(piece) + since, self.pieces.edges[-1])
        return piece, moment

    @property
    def _table(self) -> Array:
        calendars, n, columns = self.x.shape
        return self.x.reshape(calendars * n, columns)


def _summed(grown: Array) -> Array:
    """Return the sums over all pieces before each piece."""
    before = np.zeros_like(grown)
    np.cumsum(grown[:, :-1], axis=1, out=before[:, 1:])
    return before
