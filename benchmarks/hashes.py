"""Whether a log is the file that published figures were measured on."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["SHA256", "unlike"]

#: Of the files that the standard tasks are of; one of another name may hold anything.
SHA256 = {
    "apparel_sim.parquet": "e6ba0bfe4bc9e77921ee44e9c8fa4bfdf10e4b772b5b51e967d5c03e2bd532ad",
    "cdnow.parquet": "e6bb902b58c56e8618c0366ecf51cd420569d228cb686c79255642947985d4c0",
    "cdnow_sample.parquet": "660e6054e9d17f6f1b03a92fa3f96c712097d0fbcc05bd3a3a5936c978c7c4fe",
    "complete_journey_baskets.parquet": (
        "b8924856f0365a31d22de3dce0de89f01ab5be2f5c8b55645ba82536d2d3762f"
    ),
    "grocery_elog.parquet": "4c145edba1b9c3014d1595c440b7ca62f856704c7f017e3d955192048c787d90",
    "online_retail_II.parquet": "6d6187135b469cb1f53b16ed906325d161b78b17e07f8bc0006c127267635c1d",
}


def unlike(path: Path) -> str:
    """Return what is to be said of a file that has the name of a known log and not its content."""
    expected = SHA256.get(path.name)
    if expected is None:
        return ""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == expected:
        return ""
    return (
        f"{path} is not the file that the published results were measured on: its SHA-256 is "
        f"{found[:12]}..., not {expected[:12]}.... Its results cannot be compared with them."
    )
