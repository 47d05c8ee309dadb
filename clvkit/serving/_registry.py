"""Versions of a model in MLflow's registry, and which of them is in use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clvkit.errors import (
    ArgumentError,
    ClvkitError,
    ModelFormatError,
    OutputError,
    UntrustedModelError,
)
from clvkit.serving._clv_model import CLVModel
from clvkit.serving._load import load
from clvkit.serving._records import model_record
from clvkit.tracking import FitRecord, MLflowWriter, check_model_name, describe_environment
from clvkit.tracking._create_version import create_version
from clvkit.tracking._quiet import quiet_mlflow
from clvkit.utils._imports import try_import

__all__ = ["CHAMPION", "PREVIOUS", "client", "register", "rollback", "version_at"]

#: Aliases of the version in use, and of the one before it.
CHAMPION, PREVIOUS = "champion", "previous"


def register(auto: Any, name: str, *, experiment: str | None = None) -> int:
    """Register a fitted model as the next version of ``name`` in MLflow's registry.

    No alias moves: which version is in use, :func:`promote` decides.

    Parameters
    ----------
    auto : AutoCLV or CLVModel
        Fitted. A fit that was tracked, but not registered, is registered from its own run; any
        other model is written in a run of its own first.
    name : str
        Name of the registered model; made where it is missing.
    experiment : str or None, default=None
        Experiment of a new run; by default one of the name of the model.

    Returns
    -------
    int
        The version.

    Raises
    ------
    OutputError
        If MLflow cannot take a model of that name, or cannot be reached.
    ArgumentError
        If the model cannot be served, see :func:`model_record`.

    Examples
    --------
    >>> from clvkit.serving import register
    >>> register("no model", "shop-clv")
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: only an AutoCLV or a CLVModel can be registered, got a str. ...
    """
    check_model_name(name)
    model = getattr(auto, "model_", auto)
    if not isinstance(model, CLVModel):
        raise ArgumentError(
            f"only an AutoCLV or a CLVModel can be registered, got a {type(auto).__name__}. Wrap a "
            "pipeline of your own: CLVModel(pipeline, horizon='13W').fit(histories)."
        )
    record = model_record(model)
    with quiet_mlflow():
        try:
            version = _register_logged(getattr(auto, "tracked_run_", None), name)
            return _register_new(record, model, name, experiment) if version is None else version
        except Exception as error:  # stores raise what they like
            raise OutputError(
                f"the model could not be registered as {name!r}: {type(error).__name__}: "
                f"{str(error)[:500]}. Check MLflow's tracking and registry URIs."
            ) from error


def rollback(name: str, *, check: bool = True) -> int:
    """Put the version that was champion before the present one back into use.

    The two change places, so that a rollback can itself be taken back. The version is loaded
    before any alias moves: one that cannot be loaded would leave nothing to serve.

    Parameters
    ----------
    name : str
        Name of the registered model.
    check : bool, default=True
        False moves the aliases unseen, as from a machine that may not read the artifacts.

    Returns
    -------
    int
        The version that is champion now.

    Raises
    ------
    ArgumentError
        If there is no such model, or no version before the champion.
    ModelFormatError, UntrustedModelError
        If that version cannot be loaded; see :func:`load`. No alias moves.
    OutputError
        If MLflow cannot be reached.

    See Also
    --------
    promote : Moves the aliases forward.
    """
    with quiet_mlflow():
        registry = client()
        champion, previous = (version_at(registry, name, alias) for alias in (CHAMPION, PREVIOUS))
        if previous is None or previous == champion:
            raise ArgumentError(
                f"{name!r} has no version to roll back to: no version has the alias {PREVIOUS!r}. "
                f"Aliases are moved by clvkit.serving.promote({name!r}, ...)."
            )
        if check:
            _check_loads(name, previous)
        move_champion(registry, name, champion, previous)
    return previous


def _check_loads(name: str, version: int) -> None:
    try:
        load(f"models:/{name}/{version}")
    except (ModelFormatError, UntrustedModelError) as error:
        raise type(error)(
            f"{name!r} was not rolled back, and no alias was moved: version {version} "
            f"cannot be loaded. {error}"
        ) from error


def move_champion(registry: Any, name: str, old: int | None, new: int) -> None:
    """Let ``new`` be the champion; the alias of the old one first, so that it is never lost."""
    with _registry_errors(f"version {new} of {name!r} could not be made champion"):
        if old is not None:
            registry.set_registered_model_alias(name, PREVIOUS, str(old))
        registry.set_registered_model_alias(name, CHAMPION, str(new))


def version_at(registry: Any, name: str, alias: str) -> int | None:
    """Return the version that has the alias, if there is one."""
    from mlflow.exceptions import MlflowException

    with _registry_errors(f"the {alias} of {name!r} could not be looked up"):
        try:
            return int(registry.get_model_version_by_alias(name, alias).version)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


@contextmanager
def _registry_errors(what: str) -> Iterator[None]:
    """Raise an error of ours for whatever the registry raises."""
    try:
        yield
    except ClvkitError:
        raise
    except Exception as error:  # stores raise what they like
        raise OutputError(
            f"{what}: {type(error).__name__}: {str(error)[:500]}. Check MLflow's registry URI and "
            "whether the server is up."
        ) from error


def client() -> Any:
    """Return a client of the registry that MLflow is set to."""
    mlflow = try_import("mlflow", install="pip install mlflow", purpose="register models")
    with _registry_errors("the registry could not be opened"):
        return mlflow.MlflowClient()


def _register_logged(tracked: Any, name: str) -> int | None:
    """Register the model of a tracked fit from its run, if that is there and has one."""
    from mlflow.exceptions import MlflowException

    uri = getattr(tracked, "model_uri", None) or ""
    if not uri.startswith("models:/m-"):
        return None
    registry = client()
    try:
        logged = registry.get_logged_model(uri.removeprefix("models:/"))
    except MlflowException:  # it was tracked elsewhere
        return None
    run_id = logged.source_run_id
    return create_version(registry, name, logged.model_id, uri, run_id, logged.tags)


def _register_new(record: Any, model: CLVModel, name: str, experiment: str | None) -> int:
    from dataclasses import replace

    opening = FitRecord(
        experiment or name,
        run_name="register",
        params={"horizon": model.horizon, "model": repr(model)},
        environment=describe_environment(),
    )
    tracked = MLflowWriter().write([opening, replace(record, register_as=name)])
    if tracked is None or tracked.version is None:
        raise OutputError("MLflow took the model, but not its registration")
    return tracked.version
