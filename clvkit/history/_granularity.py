"""The period in which purchases are counted, and the resolution in which moments are stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clvkit.errors import DurationError, UnknownNameError
from clvkit.utils._duration import RESOLUTIONS

__all__ = ["MONDAY", "Granularity", "get_granularity"]

#: A Monday, in days since 1970-01-01, which was a Thursday.
MONDAY = -3


@dataclass(frozen=True)
class Granularity:
    """A period: two purchases of a customer in the same one are one purchase.

    Parameters
    ----------
    name : str
        ``"W"`` (weeks from Monday), ``"D"``, ``"h"``, ``"min"`` or ``"s"``.
    resolution : str
        Unit of the stored moments: days for ``"W"`` and ``"D"``, else the period itself.
    length : int
        Length of a period in units of the resolution.
    origin : int
        A moment at which a period starts, in units of the resolution since 1970-01-01.
    """

    name: str
    resolution: str
    length: int = 1
    origin: int = 0

    @property
    def seconds(self) -> int:
        """Length of a period in seconds."""
        return self.length * RESOLUTIONS[self.resolution][1]

    def period(self, moments: NDArray[np.int64], resolution: str) -> NDArray[np.int64]:
        """Return the number of the period that each moment (in units of ``resolution``) lies in.

        Raises
        ------
        DurationError
            If the period is finer than the resolution.
        """
        ratio = RESOLUTIONS[self.resolution][1] // RESOLUTIONS[resolution][1]
        if ratio == 0:
            raise DurationError(
                f"granularity={self.name!r} is finer than the histories, which know no more than "
                f"{resolution!r}. Make them from the log with granularity={self.name!r}."
            )
        if ratio == self.length == 1:
            return moments
        return (moments - self.origin * ratio) // (self.length * ratio)


_GRANULARITIES = {
    "W": Granularity("W", "D", length=7, origin=MONDAY),
    **{name: Granularity(name, name) for name in RESOLUTIONS},
}


def get_granularity(name: str) -> Granularity:
    """Return the granularity of that name.

    Raises
    ------
    UnknownNameError
        For any other name; months have no fixed length and cannot count age.
    """
    try:
        return _GRANULARITIES[name]
    except (KeyError, TypeError):
        raise UnknownNameError(
            f"granularity={name!r} is not known. Choose one of "
            f"{', '.join(map(repr, _GRANULARITIES))}."
        ) from None
