"""The package as a whole: what importing it costs, and what it must not do."""

from __future__ import annotations

import subprocess
import sys

import pytest

import clvkit


def run(code: str) -> str:
    """Run code in a new process and return what it printed."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_importing_clvkit_costs_scikit_learn_at_most():
    # rich is not on the list: scikit-learn 1.9 imports it itself where it is installed.
    code = (
        "import sys, clvkit, clvkit.cli, clvkit.testing, clvkit.inspection\n"
        "heavy = ('mlflow', 'lightgbm', 'optuna', 'matplotlib', 'polars', 'pyspark', "
        "'skops', 'hypothesis')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run(code).strip() == "[]"


def test_a_fit_writes_nothing_and_looks_up_no_network_name(tmp_path):
    code = (
        "import os, socket\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "def refuse(*args, **kwargs):\n"
        "    raise AssertionError(f'a network name was looked up: {args}')\n"
        "socket.getaddrinfo = socket.create_connection = refuse\n"
        "import warnings\n"
        "from clvkit import AutoCLV\n"
        "from clvkit.datasets import load_cdnow\n"
        "log = load_cdnow()\n"
        "auto = AutoCLV('13W', n_trials=5, random_state=0).fit(log)\n"
        "auto.predict_customers(log)\n"
        "print(os.listdir('.'))"
    )
    assert run(code).strip() == "[]"


@pytest.mark.parametrize("name", clvkit.__all__)
def test_public_names_are_there(name):
    assert getattr(clvkit, name) is not None


def test_the_version_is_the_distributions():
    from importlib.metadata import version

    assert version("clvkit-automl") == clvkit.__version__
