"""Numbers of the command line, refused where nothing could be done with them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

__all__ = ["seconds", "whole_number"]


def whole_number(least: int, most: float = math.inf) -> Callable[[str], int]:
    """Return a reader of whole numbers within limits, for ``add_argument(type=...)``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            limit = "" if most == math.inf else f" and at most {most:g}"
            raise argparse.ArgumentTypeError(
                f"{text!r} is no whole number of at least {least}{limit}"
            )
        return value

    return read


def seconds(text: str) -> float:
    """Read a number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value
