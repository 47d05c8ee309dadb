"""A model as a folder: ``model.skops`` beside ``model.json``; nothing in it is ever unpickled."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import uuid
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

from clvkit.errors import ModelFormatError, UntrustedModelError
from clvkit.serving._trust import TRUSTED_TYPES, untrusted
from clvkit.utils._imports import try_import

__all__ = ["SCHEMA_VERSION", "load_folder", "save_folder"]

#: Raised whenever a model stored by an older clvkit could no longer be read as it is.
SCHEMA_VERSION = 1

_FORMAT = "clvkit.CLVModel"
_OBJECT, _CARD = "model.skops", "model.json"
_PACKAGES = ("clvkit-automl", "scikit-learn", "numpy", "scipy", "pandas", "lightgbm", "skops")


def save_folder(model: Any, folder: Path, about: dict[str, Any]) -> None:
    """Write the model into ``folder`` at one stroke: the old one or the new one, never half.

    Raises
    ------
    ModelFormatError
        If the folder holds anything else, or the model something that cannot be stored.
    UntrustedModelError
        If the model holds types that :func:`load_folder` would refuse.
    """
    _check_free(folder)
    data = _dump(model)
    card = {
        "format": _FORMAT,
        "schema_version": SCHEMA_VERSION,
        **about,
        "versions": {"python": platform.python_version(), **_versions()},
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.parent / f".{folder.name}-{uuid.uuid4().hex}"
    fresh.mkdir()
    try:
        (fresh / _OBJECT).write_bytes(data)
        (fresh / _CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def load_folder(folder: Path) -> Any:
    """Read the object of a folder that :func:`save_folder` wrote.

    Raises
    ------
    ModelFormatError
        If it is no such folder, or one of a later clvkit.
    UntrustedModelError
        If the file was changed, or holds a type that is not on the fixed list.
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
            "A served model is made of estimators of clvkit and scikit-learn; export a pipeline "
            "with estimators of your own by MLflow's sklearn flavour, trusting them yourself."
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
    return io.loads(data, trusted=list(TRUSTED_TYPES))


def _read_card(folder: Path) -> dict[str, Any]:
    if not (folder / _CARD).is_file():
        raise ModelFormatError(
            f"'{folder}' is no folder of a model: it has no {_CARD}. Give the folder that "
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


def _check_free(folder: Path) -> None:
    """Refuse to replace anything but a model."""
    if not folder.exists():
        return
    held = {entry.name for entry in folder.iterdir()} if folder.is_dir() else {folder.name}
    if held and held != {_OBJECT, _CARD}:
        raise ModelFormatError(
            f"'{folder}' exists and is no folder of a model (it holds {sorted(held)[:3]}). Give a "
            "new or empty folder, or that of a model to replace."
        )


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


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _skops() -> Any:
    return try_import("skops.io", install="pip install skops", purpose="store a model")
