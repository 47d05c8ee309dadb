"""Customers in the order of a prediction, ties as blocks.

A constant stretch of a prediction says nothing about the order within it, so no metric may
depend on the order in which its rows happen to stand. Every ranked metric therefore reads off
cumulative curves that are linear inside a block of tied predictions: what a random order within
the block would give on average.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvkit.metrics._validation import Checked

__all__ = ["Blocks", "rank_in_blocks"]

FloatArray = NDArray[np.float64]


class Blocks(NamedTuple):
    """Blocks of tied predictions, highest first; one entry a block.

    Attributes
    ----------
    weight, spend, predicted : ndarray
        Sums of the weights, of weight x target and of weight x prediction.
    buyers : ndarray
        Weight of the rows with a target above zero.
    lapsed : ndarray
        Weight of the other rows.
    """

    weight: FloatArray
    spend: FloatArray
    predicted: FloatArray
    buyers: FloatArray
    lapsed: FloatArray

    def share_of_customers(self) -> FloatArray:
        """Return the share of customers up to the end of each block, from 0 to exactly 1."""
        total = _cumulated(self.weight)
        return total / total[-1]

    def spend_up_to(self, share: FloatArray) -> FloatArray:
        """Return the spend of the best ``share`` of customers."""
        return np.interp(share, self.share_of_customers(), _cumulated(self.spend))

    def predicted_up_to(self, share: FloatArray) -> FloatArray:
        """Return the predicted spend of the best ``share`` of customers."""
        return np.interp(share, self.share_of_customers(), _cumulated(self.predicted))

    def gain_over_random(self) -> float:
        """Return the area between the curve of cumulative spend and its diagonal."""
        share, spend = self.share_of_customers(), _cumulated(self.spend)
        gain = spend - share * spend[-1]
        return float(np.diff(share) @ (gain[1:] + gain[:-1]) / 2)


def rank_in_blocks(checked: Checked) -> Blocks:
    """Sort by the prediction, highest first, and sum within ties."""
    order = np.argsort(-checked.pred, kind="stable")
    y, pred, weight = (values[order] for values in checked)
    starts = np.flatnonzero(np.r_[True, pred[1:] != pred[:-1]])
    bought = np.where(y > 0, weight, 0.0)
    columns = (weight, weight * y, weight * pred, bought, weight - bought)
    return Blocks(*(np.add.reduceat(column, starts) for column in columns))


def _cumulated(values: FloatArray) -> FloatArray:
    return np.r_[0.0, np.cumsum(values)]
