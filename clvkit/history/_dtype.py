"""The pandas dtype of a history column."""

from __future__ import annotations

import builtins
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import pandas as pd
from pandas.api.extensions import ExtensionDtype, register_extension_dtype

from clvkit.history._granularity import Granularity, get_granularity
from clvkit.history._history import History

__all__ = ["HistoryDtype"]

_SETTINGS = ("attributes", "horizon", "target", "floor", "end")


@register_extension_dtype
class HistoryDtype(ExtensionDtype):
    """Dtype of a column of histories; it records how the histories were made.

    Parameters
    ----------
    granularity : str, default="D"
        Period in which purchases are counted.
    attributes : tuple of str, default=()
        Names of the attribute columns that the events carry.
    horizon : str or None, default=None
        The horizon of the samples' ``y``, where they were made with one. An estimator that
        is given another one raises.
    target, floor : str or None, default=None
        What ``y`` is, and the floor it was given.
    end : str or None, default=None
        End of observation, as an ISO date.

    Examples
    --------
    >>> HistoryDtype("D", horizon="13W")
    history[D, horizon=13W]
    >>> HistoryDtype.construct_from_string("history[D, horizon=13W]").horizon
    '13W'
    """

    type = History
    na_value: ClassVar[Any] = pd.NA
    _metadata = ("granularity", *_SETTINGS)

    def __init__(
        self,
        granularity: str = "D",
        *,
        attributes: tuple[str, ...] = (),
        horizon: str | None = None,
        target: str | None = None,
        floor: str | None = None,
        end: str | None = None,
    ) -> None:
        get_granularity(granularity)
        self.granularity = granularity
        self.attributes = tuple(attributes)
        self.horizon = horizon
        self.target = target
        self.floor = floor
        self.end = end

    @property
    def name(self) -> str:  # type: ignore[override]  # stubs declare an attribute
        """The dtype as a string from which it can be made again."""
        parts = [self.granularity]
        if self.attributes:
            parts.append("attributes=" + "|".join(quote(a, safe="") for a in self.attributes))
        parts += [f"{key}={value}" for key in _SETTINGS[1:] if (value := getattr(self, key))]
        return f"history[{', '.join(parts)}]"

    def __repr__(self) -> str:
        return self.name

    @classmethod
    def construct_from_string(cls, string: str) -> HistoryDtype:
        """Make the dtype from its name; ``"history"`` alone is ``history[D]``.

        Raises
        ------
        TypeError
            When the string is not the name of a history dtype (pandas asks every dtype).
        """
        if not isinstance(string, str):
            raise TypeError(f"'construct_from_string' expects a string, got {type(string)}")
        if string == "history":
            return cls()
        if not (string.startswith("history[") and string.endswith("]")):
            raise TypeError(f"Cannot construct a 'HistoryDtype' from '{string}'")
        granularity, *parts = string[len("history[") : -1].split(", ")
        try:
            settings: dict[str, Any] = dict(part.split("=", 1) for part in parts)
            if "attributes" in settings:
                settings["attributes"] = tuple(map(unquote, settings["attributes"].split("|")))
            return cls(granularity, **settings)
        except (ValueError, TypeError) as error:
            raise TypeError(f"Cannot construct a 'HistoryDtype' from '{string}'") from error

    @classmethod
    def construct_array_type(cls) -> builtins.type:
        """Return :class:`HistoryArray`."""
        from clvkit.history._history_array import HistoryArray

        return HistoryArray

    @property
    def period(self) -> Granularity:
        """The granularity with its resolution and length."""
        return get_granularity(self.granularity)

    @property
    def resolution(self) -> str:
        """Unit in which moments are stored."""
        return self.period.resolution

    def replace(self, **settings: Any) -> HistoryDtype:
        """Return a dtype with some of the settings changed."""
        now = {key: getattr(self, key) for key in self._metadata}
        return HistoryDtype(**{**now, **settings})

    def holds_like(self, other: HistoryDtype) -> bool:
        """Whether the histories count alike and carry the same attributes, in any order."""
        same_attributes = sorted(self.attributes) == sorted(other.attributes)
        return self.granularity == other.granularity and same_attributes

    def _get_common_dtype(self, dtypes: list[Any]) -> HistoryDtype | None:
        """Let histories of one granularity be concatenated; settings that differ are dropped."""
        if not all(isinstance(dtype, HistoryDtype) for dtype in dtypes):
            return None
        if not all(dtypes[0].holds_like(dtype) for dtype in dtypes):
            return None
        shared = {
            key: getattr(self, key) if len({getattr(d, key) for d in dtypes}) == 1 else None
            for key in _SETTINGS[1:]
        }
        return dtypes[0].replace(**shared)

    def __from_arrow__(self, array: Any) -> Any:
        """Make a :class:`HistoryArray` from Arrow (called by pyarrow)."""
        from clvkit.history._arrow import from_arrow

        return from_arrow(array, self)
