"""Fixtures of the benchmarks' tests: small adapters in files."""

from __future__ import annotations

from textwrap import dedent

import pytest

from benchmarks.adapters import read_adapter


@pytest.fixture
def adapter(tmp_path):
    """Return a maker of adapters: the body of ``predict``, and what stands above it."""

    def make(body, name="mine", above=""):
        path = tmp_path / f"{name}.py"
        lines = dedent(body).strip().replace("\n", "\n    ")
        head = f'"""What {name} is."""\nimport pandas as pd\n{above}\n'
        path.write_text(f"{head}\ndef predict(log, cutoff, days, seed):\n    {lines}\n")
        return read_adapter(path)

    return make
