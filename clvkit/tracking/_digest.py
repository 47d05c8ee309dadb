"""A digest of a stored model, kept apart from the files that it is of."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["DIGEST_TAG", "digest_of_folder"]

#: Key of the digest in the metadata of an MLflow model, and of the tag in MLflow's database.
DIGEST_TAG = "clvkit.sha256"


def digest_of_folder(folder: Path) -> str:
    """Return the SHA-256 over names and contents of all files in a folder.

    Parameters
    ----------
    folder : Path

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     empty = digest_of_folder(Path(place))
    ...     _ = Path(place, "a").write_text("b")
    ...     digest_of_folder(Path(place)) == empty, len(empty)
    (False, 64)
    """
    total = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        total.update(hashlib.sha256(file.relative_to(folder).as_posix().encode()).digest())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()
