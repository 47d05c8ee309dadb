"""One way to import what is optional or slow to load."""

from __future__ import annotations

import importlib
from types import ModuleType

from clvkit.errors import NotInstalledError


def try_import(module: str, *, install: str, purpose: str) -> ModuleType:
    """Import ``module``, or say in one sentence how to get it.

    Parameters
    ----------
    module : str
        Dotted name of the module.
    install : str
        The command that installs it, shown in the message.
    purpose : str
        What it is needed for, as the object of "is needed to ...".

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    NotInstalledError
        When the import fails. A missing system library (``OSError`` from the dynamic
        loader, as for LightGBM without ``libgomp``) counts as not installed.

    Examples
    --------
    >>> try_import("no_such_module", install="pip install nothing", purpose="show this")
    Traceback (most recent call last):
        ...
    clvkit.errors.NotInstalledError: no_such_module is needed to show this, ... pip install nothing
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise NotInstalledError(
            f"{module} is needed to {purpose}, and could not be imported ({error}). "
            f"To install it: {install}"
        ) from error
