"""Sizes of memory as people write them."""

from __future__ import annotations

import re

from clvkit.errors import ArgumentError

__all__ = ["parse_memory"]

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def parse_memory(memory: str) -> int:
    """Return a size such as ``"4GB"`` or ``"512 MiB"`` in bytes.

    Raises
    ------
    ArgumentError
        For anything else.

    Examples
    --------
    >>> from clvkit.utils._memory import parse_memory
    >>> parse_memory("4GB"), parse_memory("0.5 GiB")
    (4000000000, 536870912)
    >>> parse_memory("plenty")
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: memory='plenty' is no size. Give one such as '4GB' or '512MiB'.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(k|M|G|T|Ki|Mi|Gi|Ti)?B\s*", str(memory))
    size = float(found[1]) * (_UNITS | _BINARY)[found[2] or ""] if found else 0.0
    if size < 1:
        raise ArgumentError(f"memory={memory!r} is no size. Give one such as '4GB' or '512MiB'.")
    return int(size)
