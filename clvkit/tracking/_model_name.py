"""Names in MLflow's registry."""

from __future__ import annotations

from clvkit.errors import OutputError

__all__ = ["check_model_name"]

#: MLflow reads these as parts of a URI, as in ``models:/name/version``.
_RESERVED = "/:"


def check_model_name(name: object) -> str:
    """Return the name if MLflow's registry can take a model under it.

    It is for before a fit: MLflow itself says so when the model is registered, at the end.

    Parameters
    ----------
    name : str

    Raises
    ------
    OutputError
        If it is empty, a path, or holds a character of model URIs.

    Examples
    --------
    >>> from clvkit.tracking import check_model_name
    >>> check_model_name("shop-clv")
    'shop-clv'
    >>> check_model_name("shop/clv")
    Traceback (most recent call last):
        ...
    clvkit.errors.OutputError: 'shop/clv' cannot be the name of a registered model: ...
    """
    if not isinstance(name, str) or not name.strip() or name in (".", ".."):
        reason = "it must be text that names something"
    elif taken := [character for character in _RESERVED if character in name]:
        reason = f"MLflow reads {taken[0]!r} as a part of model URIs"
    else:
        return name
    raise OutputError(
        f"{name!r} cannot be the name of a registered model: {reason}. Choose another one, such "
        "as 'shop-clv'."
    )
