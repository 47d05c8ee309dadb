"""A hash of customers that is the same in every run, on every machine and in every version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clvkit.utils._ragged import segment_reduce

if TYPE_CHECKING:
    import polars as pl

__all__ = ["hash_customers"]

#: Its powers modulo 2**64 weigh the bytes of a text (Knuth, TAOCP 2, section 3.3.4, table 1).
_BASE = np.uint64(6364136223846793005)

#: Texts that are hashed at a time, which bounds the memory.
_BLOCK = 2**18


def hash_customers(ids: pl.Series) -> NDArray[np.uint64]:
    """Return a hash of each identifier.

    The hashes of Polars and DuckDB may change with their versions; this one is fixed by its
    definition. Whole numbers and floats are mixed by the finalizer of SplitMix64 (Steele, Lea and
    Flood, 2014). Of a text, the bytes b_0, b_1, ... of its UTF-8 give the sum of (1 + b_j) c^j
    modulo 2^64 first. Identifiers of any other type are hashed as their text.

    Parameters
    ----------
    ids : polars.Series of shape (n_rows,)
        Cleaned by :func:`clvkit.history._clean.read_customers`, none of them missing.

    Returns
    -------
    ndarray of uint64 of shape (n_rows,)

    Examples
    --------
    >>> import polars as pl
    >>> hash_customers(pl.Series([1, 2])) % 10
    array([5, 0], dtype=uint64)
    >>> hash_customers(pl.Series(["1", "01"])) % 10
    array([9, 7], dtype=uint64)
    """
    import polars as pl

    if ids.dtype.is_integer() and ids.dtype not in (pl.Int128, pl.UInt128):
        return _mix(ids.to_numpy().astype(np.int64).view(np.uint64))
    if ids.dtype.is_float():
        return _mix((ids.cast(pl.Float64).to_numpy() + 0.0).view(np.uint64))  # -0.0 is 0.0
    text = ids.cast(pl.String)
    parts = [_fold(text.slice(start, _BLOCK)) for start in range(0, len(text), _BLOCK)]
    return _mix(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)


def _fold(text: pl.Series) -> NDArray[np.uint64]:
    """Return the weighted sum of the bytes of each text."""
    import polars as pl

    array = text.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    bound = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    begin, end = bound[:-1], bound[1:]
    length = end - begin
    written = np.frombuffer(data or b"", dtype=np.uint8)[bound[0] : bound[-1]]
    place = np.arange(bound[-1] - bound[0]) - np.repeat(begin - bound[0], length)
    weights = np.full(int(length.max(initial=0)) + 1, _BASE)
    weights[0] = 1
    terms = (written.astype(np.uint64) + np.uint64(1)) * np.cumprod(weights)[place]
    return segment_reduce(np.add, terms, begin - bound[0], end - bound[0], empty=0)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
