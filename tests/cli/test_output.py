"""What the command shows, on whatever is at the other end."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clvkit.cli._output import (
    _number,
    fail,
    programs_prefix,
    say,
    show_frame,
    show_leaderboard,
    warnings_on_one_line,
)
from clvkit.errors import DataWarning


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


def make_board(n_rows):
    """Return a leaderboard of ``n_rows`` tuned candidates and, last, one default."""
    names = [f"tuned {n}" for n in range(n_rows)] + ["default"]
    board = pd.DataFrame(
        {
            "family": "boosting",
            "score": np.linspace(0.5, 0.1, n_rows + 1),
            "normalized_gini": 0.75,
            "total_bias": -0.123,
            "top_share_capture": 0.5,
            "mae": 1234.5,
            "fit_seconds": 12.34,
            "params": [{"num_leaves": 5}] * n_rows + [{}],
            "regime": "rolling",
            "error": "",
        },
        index=pd.Index(names, name="candidate"),
    )
    board.attrs.update(scoring="d2_tweedie", protocol="2 origins")
    return board


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (0.12345, "score", "0.123"),
        (-9.87654, "score", "-9.877"),
        (12.345, "mae", "12.3"),
        (1234.5, "mae", "1,234"),
        (7, "n", "7"),
        (12345, "n", "12,345"),
        (-0.123, "total_bias", "-12%"),
        (0.05, "total_bias", "+5%"),
        (0.5, "top_share_capture", "50%"),
        (float("nan"), "score", "-"),
        (None, "score", "-"),
        ("text", "score", "text"),
    ],
)
def test_numbers_are_short(value, column, text):
    assert _number(value, column) == text


def test_the_leaderboard_shows_the_best_and_every_default(wide, capsys):
    show_leaderboard(make_board(20), n_rows=3)
    printed = capsys.readouterr().out
    title, header, *rows = [line.strip() for line in printed.splitlines() if line.strip(" ─╶╴")]
    assert title == "Leaderboard by d2_tweedie: regime rolling (2 origins)"
    assert " ".join(header.split()) == "# candidate family score gini bias top10 mae fit s"
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "21"]
    assert rows[-1].split(maxsplit=1)[1].split() == [
        *("default", "boosting"),
        *("0.100", "0.750", "-12%", "50%", "1,234", "12.3"),
    ]


def test_failures_are_told_below_the_leaderboard(wide, capsys):
    board = make_board(2)
    board.loc["default", ["score", "error"]] = [np.nan, "ValueError: [no] luck"]
    show_leaderboard(board)
    assert capsys.readouterr().out.rstrip().endswith("default failed: ValueError: [no] luck")


def test_a_table_of_numbers(wide, capsys):
    frame = pd.DataFrame({"mae": [1.0], "rmse": [2000.0]}, index=pd.Index(["a"], name="model"))
    show_frame(frame, "Title")
    words = capsys.readouterr().out.split()
    assert words[:4] == ["Title", "model", "mae", "rmse"]
    assert words[-3:] == ["a", "1.000", "2,000"]


def test_messages_are_shown_as_they_are(monkeypatch, capsys):
    """Markup and line width must not touch a command or a column called [amount]."""
    monkeypatch.setenv("COLUMNS", "20")
    text = "clvkit fit log.csv --amount [amount] --horizon 26W --out my-model"
    say(text)
    fail(text)
    printed = capsys.readouterr()
    assert printed.out == text + "\n"
    assert printed.err == f"error: {text}\n"


def test_warnings_are_one_sentence_each(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    shown = warnings.showwarning
    with warnings_on_one_line():
        warnings.simplefilter("always")
        warnings.warn("3 rows without a customer were left out.", DataWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: 3 rows without a customer were left out.\n"
    assert warnings.showwarning is shown


@pytest.mark.parametrize(
    ("path", "place", "prefix"),
    [
        ("here/.venv/bin", "here", ""),
        ("", "here", ".venv/bin/"),
        ("", "elsewhere", "{here}/.venv/bin/"),
    ],
    ids=["on PATH", "inside", "outside"],
)
def test_commands_can_be_typed_as_shown(monkeypatch, tmp_path, path, place, prefix):
    here = tmp_path / "here"
    for folder in (here, tmp_path / "elsewhere"):
        folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(here / ".venv/bin/python"))
    monkeypatch.setenv("PATH", os.pathsep.join(["/nowhere", str(tmp_path / path) if path else ""]))
    monkeypatch.chdir(tmp_path / place)
    assert programs_prefix() == prefix.format(here=here)
    assert Path.cwd() == tmp_path / place
