"""The CDNOW log, the classic of the field."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

__all__ = ["load_cdnow"]


def load_cdnow() -> pd.DataFrame:
    """Load the published 1/10 sample of the CDNOW log.

    Purchases of music at the online shop CDNOW, from 1997-01-01 to 1998-06-30, by a systematic
    sample of the customers who bought for the first time in the first quarter of 1997. Nearly
    every paper of the field is tried on it: customary is a cutoff of 1997-09-30 (39 weeks) and
    a horizon of 39 weeks.

    Returns
    -------
    DataFrame of shape (6919, 4)
        One row a transaction: ``customer_id`` (2,357 customers), ``date``, ``amount`` (US
        dollars) and ``quantity`` (number of CDs). Several transactions of a customer on one day
        are kept; eight are free (amount 0), none is a refund.

    References
    ----------
    Fader and Hardie (2001), Forecasting Repeat Sales at CDNOW: A Case Study, Interfaces 31(3).
    The data are theirs, from brucehardie.com; this copy was taken from the package `lifetimes`.

    Examples
    --------
    >>> from clvkit.datasets import load_cdnow
    >>> load_cdnow().head(2)
       customer_id       date  amount  quantity
    0            1 1997-01-01   29.33         2
    1            1 1997-01-18   29.73         2
    """
    place = files("clvkit.datasets") / "data" / "cdnow_sample.csv.gz"
    with place.open("rb") as file:
        return pd.read_csv(file, compression="gzip", parse_dates=["date"])
