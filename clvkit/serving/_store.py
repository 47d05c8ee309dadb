"""A model as a folder: ``model.skops`` beside ``model.json``; nothing in it is ever unpickled."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import uuid
import zipfile
from pathlib import Path
from typing import Any

from clvkit.errors import ModelFormatError, OutputError, UntrustedModelError
from clvkit.serving._trust import TRUSTED_TYPES, cached, untrusted
from clvkit.utils._imports import try_import
from clvkit.utils._versions import installed_versions

__all__ = ["SCHEMA_VERSION", "card_of", "check_save_folder", "load_folder", "save_folder"]

#: Raised whenever a model stored by an older clvkit could no longer be read as it is.
SCHEMA_VERSION = 2

_FORMAT = "clvkit.CLVModel"
_OBJECT, _CARD = "model.skops", "model.json"

#: What file managers leave in every folder that somebody looks at; nobody misses it.
_LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")


def save_folder(model: Any, folder: Path, about: dict[str, Any]) -> None:
    """Write the model into ``folder`` at one stroke: the old one or the new one, never half.

    Raises
    ------
    OutputError
        If the folder holds anything else, or cannot be made.
    ModelFormatError
        If the model holds something that cannot be stored.
    UntrustedModelError
        If the model holds types that :func:`load_folder` would refuse.
    """
    check_save_folder(folder)
    data = _dump(model)
    card = {
        "format": _FORMAT,
        "schema_version": SCHEMA_VERSION,
        **about,
        "versions": {"python": platform.python_version(), **installed_versions()},
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    fresh = folder.parent / f".{folder.name}-{uuid.uuid4().hex}"
    try:
        fresh.mkdir(parents=True)
    except OSError as error:
        raise OutputError(
            f"'{folder}' cannot be written ({error.strerror}). Give another folder."
        ) from error
    try:
        (fresh / _OBJECT).write_bytes(data)
        (fresh / _CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def check_save_folder(path: str | os.PathLike[str]) -> None:
    """Raise if a model could not be saved here, before hours are spent on the model.

    Nothing is written. A disk may still be full when the time comes.

    Parameters
    ----------
    path : str or path-like
        The folder that will be given to :meth:`CLVModel.save`.

    Raises
    ------
    OutputError
        If the folder holds anything but a model, or cannot be made.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> from clvkit.serving import check_save_folder
    >>> check_save_folder("a/new/folder")
    >>> with NamedTemporaryFile() as file:
    ...     check_save_folder(f"{file.name}/model")
    Traceback (most recent call last):
        ...
    clvkit.errors.OutputError: '.../model' cannot be made: '...' is no folder. ...
    """
    folder = Path(path)
    if folder.exists():
        held = {entry.name for entry in folder.iterdir()} if folder.is_dir() else {folder.name}
        held = {name for name in held if name not in _LITTER and not name.startswith("._")}
        if held and held != {_OBJECT, _CARD}:
            raise OutputError(
                f"'{folder}' exists and is no folder of a model (it holds {sorted(held)[:3]}). "
                "Give a new or empty folder, or that of a model to replace."
            )
    # A model is written beside its folder and then put in its place.
    above = next(place for place in folder.absolute().parents if place.exists())
    if not above.is_dir():
        raise OutputError(f"'{folder}' cannot be made: '{above}' is no folder. Give another one.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"'{folder}' cannot be made: '{above}' may not be written to.")


def card_of(model: Any) -> dict[str, Any]:
    """Return what the card tells people about a fitted model."""
    return {
        "horizon": model.horizon,
        "coverage": float(model.coverage),
        "training_end": model.training_end_,
        "n_customers": model.n_customers_,
    }


def load_folder(folder: Path) -> Any:
    """Read the object of a folder that :func:`save_folder` wrote.

    Raises
    ------
    ModelFormatError
        If it is no such folder, or one of a later clvkit.
    UntrustedModelError
        If the file was changed, or holds a type that is not on the fixed list, or an estimator
        that keeps a cache of pickles.
    """
    card = _read_card(folder)
    try:
        data = (folder / _OBJECT).read_bytes()
    except OSError as error:
        raise ModelFormatError(f"'{folder / _OBJECT}' could not be read: {error}") from error
    if hashlib.sha256(data).hexdigest() != card.get("sha256"):
        raise UntrustedModelError(
            f"'{folder / _OBJECT}' was changed after it was saved: its SHA-256 is not the one in "
            f"{_CARD}. Fetch the model again from where it was registered."
        )
    return _restore(data, folder)


def _dump(model: Any) -> bytes:
    io = _skops()
    try:
        data = io.dumps(model, compression=zipfile.ZIP_DEFLATED)
    except Exception as error:  # skops and the objects themselves raise whatever they like
        raise ModelFormatError(
            f"the model cannot be stored: {type(error).__name__}: {error}. Estimators may hold "
            "numbers, strings, lists, dicts, arrays and estimators, and no functions of your own."
        ) from error
    if refused := untrusted(io.get_untrusted_types(data=data)):
        raise UntrustedModelError(
            f"the model holds types that would be refused when it is loaded: {', '.join(refused)}. "
            "A served model is made of the estimators of clvkit, the common ones of scikit-learn "
            "and LightGBM's regressor, without functions of your own. Export the pipeline "
            "(pipeline_) by MLflow's sklearn flavour, trusting these types yourself."
        )
    if caches := cached(model):
        raise UntrustedModelError(
            f"the model would be refused when it is loaded: {', '.join(caches)} keeps a cache of "
            "pickles on disk. Fit it with memory=None."
        )
    return data


def _restore(data: bytes, folder: Path) -> Any:
    io = _skops()
    try:
        refused = untrusted(io.get_untrusted_types(data=data))
    except Exception as error:  # a file made to break the reader may raise anything
        raise UntrustedModelError(
            f"'{folder / _OBJECT}' is no readable skops file: {type(error).__name__}: {error}"
        ) from error
    if refused:
        raise UntrustedModelError(
            f"'{folder / _OBJECT}' holds types that clvkit does not trust, and nothing of it was "
            f"loaded: {', '.join(refused)}. Load models from places that you trust only."
        )
    try:
        model = io.loads(data, trusted=list(TRUSTED_TYPES))
    except Exception as error:
        raise ModelFormatError(
            f"'{folder / _OBJECT}' could not be read: {type(error).__name__}: {error}. Load it "
            f"with the versions of packages that {_CARD} names."
        ) from error
    if caches := cached(model):
        raise UntrustedModelError(
            f"'{folder / _OBJECT}' holds a {', '.join(caches)} with a cache on disk (memory), from "
            "which a refit would read pickles. Load models from places that you trust only."
        )
    return model


def _read_card(folder: Path) -> dict[str, Any]:
    if not (folder / _CARD).is_file():
        inside = [one.parent for one in sorted(folder.glob(f"*/{_CARD}"))]
        hint = f" There is one inside: '{inside[0]}'." if inside else ""
        raise ModelFormatError(
            f"'{folder}' is no folder of a model: it has no {_CARD}.{hint} Give the folder that "
            "CLVModel.save wrote, or an MLflow URI such as 'models:/name@champion'."
        )
    try:
        card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelFormatError(f"'{folder / _CARD}' is no JSON: {error}") from error
    if not isinstance(card, dict) or card.get("format") != _FORMAT:
        raise ModelFormatError(f"'{folder / _CARD}' does not describe a model of clvkit.")
    if card.get("schema_version") != SCHEMA_VERSION:
        saved_by = (card.get("versions") or {}).get("clvkit-automl", "of unknown version")
        raise ModelFormatError(
            f"'{folder}' has schema version {card.get('schema_version')!r}, this clvkit reads "
            f"version {SCHEMA_VERSION}. It was saved by clvkit {saved_by}: load it with that."
        )
    return card


def _swap(fresh: Path, folder: Path) -> None:
    """Put the fresh folder in place of the old one, which is deleted afterwards."""
    if not folder.exists():
        os.replace(fresh, folder)
        return
    aside = fresh.with_name(fresh.name + "-old")
    os.replace(folder, aside)
    try:
        os.replace(fresh, folder)
    except OSError:
        os.replace(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _skops() -> Any:
    return try_import("skops.io", install="pip install skops", purpose="store a model")
