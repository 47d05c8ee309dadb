"""Which versions of the packages that matter are installed."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

__all__ = ["PACKAGES", "installed_versions"]

#: What a model is made and served with, by the names that pip knows.
PACKAGES = (
    "clvkit-automl",
    "mlflow",
    "scikit-learn",
    "skops",
    "lightgbm",
    "numpy",
    "scipy",
    "pandas",
    "polars",
    "narwhals",
    "pyarrow",
)


def installed_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the version of each distribution that is installed; others are left out.

    Parameters
    ----------
    names : iterable of str, default=PACKAGES

    Examples
    --------
    >>> list(installed_versions(["scikit-learn", "no-such-distribution"]))
    ['scikit-learn']
    """
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
