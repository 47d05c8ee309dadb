"""Monotone constraints by the names of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clvkit.errors import ArgumentError, UnknownNameError

__all__ = ["constraint_list"]


def constraint_list(
    constraints: Mapping[str, int] | Sequence[int] | None,
    names: Sequence[str] | None,
    n_features: int,
    categorical: Sequence[str],
) -> list[int] | None:
    """Return one of -1, 0 and 1 for each feature, or None without constraints.

    Parameters
    ----------
    constraints : dict of str to int, sequence of int, or None
        1: never falls with the feature, -1: never rises, 0: free. A dict leaves the features that
        it does not name free; a sequence has one for each feature.
    names : sequence of str, or None
        Names of the features; None when ``X`` had none.
    n_features : int
        Number of features.
    categorical : sequence of str
        Names of the features without an order.

    Raises
    ------
    UnknownNameError
        When a name is none of the features'.
    ArgumentError
        When there are no names, the length is another, a value is none of the three, or a
        categorical feature is constrained.
    """
    if constraints is None:
        return None
    if isinstance(constraints, Mapping):
        values = _by_name(constraints, names, n_features)
    else:
        values = np.asarray(constraints).tolist()
    if len(values) != n_features:
        raise ArgumentError(
            f"monotone_constraints has {len(values)} values and X has {n_features} features."
        )
    if odd := [value for value in values if value not in (-1, 0, 1)]:
        raise ArgumentError(
            f"monotone_constraints holds {odd[0]!r}; each must be -1 (never rises), 0 (free) or 1 "
            "(never falls)."
        )
    bound = dict(zip(names or (), values, strict=False))
    if unordered := [name for name in categorical if bound.get(name, 0)]:
        raise ArgumentError(
            f"monotone_constraints names the categorical feature {unordered[0]!r}, whose values "
            "have no order. Leave it free."
        )
    return [int(value) for value in values]


def _by_name(
    constraints: Mapping[str, int], names: Sequence[str] | None, n_features: int
) -> list[Any]:
    if names is None:
        raise ArgumentError(
            "monotone_constraints goes by name and X has no column names. Give a DataFrame (in a "
            f"pipeline: features.set_output(transform='pandas')), or a list of {n_features} values."
        )
    if unknown := [name for name in constraints if name not in names]:
        raise UnknownNameError(
            f"monotone_constraints names {len(unknown)} features that X does not have, such as "
            f"{unknown[0]!r}. X has: {', '.join(map(str, names))}."
        )
    return [constraints.get(name, 0) for name in names]
