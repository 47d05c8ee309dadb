"""Tables are written where they can be, and know their run."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.tables import heading, markdown_table, results_folder, write_tables


def test_cells_cannot_break_a_table():
    assert markdown_table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x/y |"


def test_a_heading_says_by_what_it_was_measured():
    assert heading("Speed", {"date": "today"}) == "## Speed\n\n- date: today\n"


def test_files_know_their_run(tmp_path):
    frames = {"speed_models": pd.DataFrame({"a": [1, 2]}), "speed_logs": pd.DataFrame()}
    (tmp_path / "speed_logs.csv").write_text("of another run")
    (tmp_path / "speed_scaling.csv").write_text("not measured again")
    files = write_tables(tmp_path, "speed", "## Speed", frames, {"date": "today"})
    assert [path.name for path in files] == ["speed.md", "speed_models.csv"]
    assert files[0].read_text() == "## Speed"
    assert pd.read_csv(files[1]).to_dict("list") == {"a": [1, 2], "run_date": ["today"] * 2}
    assert not (tmp_path / "speed_logs.csv").exists()
    assert (tmp_path / "speed_scaling.csv").exists()


def test_a_folder_of_results_is_made_or_refused(tmp_path):
    assert results_folder(str(tmp_path / "new" / "folder")).is_dir()
    (tmp_path / "file").touch()
    for name in ("file", "file/below"):
        with pytest.raises(BenchmarkError, match=r"cannot be written to .*file.*--out"):
            results_folder(str(tmp_path / name))
