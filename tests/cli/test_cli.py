"""The command as a person uses it: files, tables, exit codes, messages."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from clvkit import AutoCLV
from clvkit.cli import main
from clvkit.serving import load

pytestmark = pytest.mark.filterwarnings("default::clvkit.errors.BoundaryWarning")


@pytest.fixture(scope="module")
def log_file(cdnow, tmp_path_factory):
    path = tmp_path_factory.mktemp("logs") / "log.csv"
    names = {"customer_id": "client", "date": "day", "amount": "paid"}
    cdnow[cdnow["date"] <= "1998-03-31"].rename(columns=names).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(log_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("fit")
    columns = ["--customer-id", "client", "--date", "day", "--amount", "paid"]
    arguments = ["fit", str(log_file), "--horizon", "13W", *columns, "--out", str(out)]
    assert main([*arguments, "--n-trials", "4", "--end", "1998-03-31"]) == 0
    return out


def test_fit_leaves_the_model_and_the_leaderboard(fitted, log_file):
    board = pd.read_csv(fitted / "leaderboard.csv", index_col="candidate")
    assert len(board) == 4
    auto = AutoCLV(
        "13W", n_trials=4, random_state=0, customer_id="client", date="day", amount="paid",
        end="1998-03-31",
    ).fit(log_file)  # fmt: skip
    assert board["score"].tolist() == pytest.approx(auto.leaderboard_["score"].tolist())
    values = load(fitted / "model").predict_customers(log_file)
    pd.testing.assert_frame_equal(values, auto.predict_customers(log_file))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_predict_writes_what_the_model_says(fitted, log_file, tmp_path, ending, capsys):
    out = tmp_path / f"values.{ending}"
    assert main(["predict", str(fitted), str(log_file), "--out", str(out)]) == 0
    table = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
    values = load(fitted / "model").predict_customers(log_file)
    pd.testing.assert_frame_equal(table.set_index("customer_id"), values)
    assert f"{len(values):,} customers" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_predict_takes_a_cutoff_and_a_coverage(fitted, log_file, tmp_path):
    out = tmp_path / "values.csv"
    arguments = ["--cutoff", "1998-06-30", "--coverage", "0.5"]
    assert main(["predict", str(fitted), str(log_file), "--out", str(out), *arguments]) == 0
    table = pd.read_csv(out, index_col="customer_id")
    model = load(fitted / "model")
    pd.testing.assert_frame_equal(table, model.predict_customers(log_file, "1998-06-30", 0.5))
    assert (table["upper"] < model.predict_customers(log_file, "1998-06-30")["upper"]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "LOG", "--horizon", "13W"], "no column 'customer_id' (customer_id)"),
        (["fit", "LOG", "--horizon", "13W"], "for example --customer-id"),
        (["fit", "no.csv", "--horizon", "13W"], "there is no file or folder 'no.csv'"),
        (["fit", "LOG", "--horizon", "3m", "--customer-id", "client"], "minutes or months"),
        (["fit", "LOG", "--horizon", "13W", "--scoring", "r"], "scoring='r' is not known"),
        (["fit", "LOG", "--horizon", "13W", "--candidates", "btid"], "Did you mean 'btyd'?"),
    ],
    ids=["column", "option", "file", "horizon", "scoring", "candidate"],
)
def test_what_a_person_can_mend_is_a_message(arguments, message, log_file, tmp_path, capsys):
    arguments = [str(log_file) if word == "LOG" else word for word in arguments]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert message in printed.replace("\n", " ")
    assert "Traceback" not in printed


def test_predict_says_what_is_wrong_with_its_places(fitted, log_file, tmp_path, capsys):
    model, log = str(fitted), str(log_file)
    assert main(["predict", model, log, "--out", str(tmp_path / "values.xlsx")]) == 2
    assert "End it in '.csv' or '.parquet'" in capsys.readouterr().err
    assert main(["predict", model, log, "--out", str(tmp_path / "no" / "values.csv")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert main(["predict", str(tmp_path), log, "--out", str(tmp_path / "values.csv")]) == 2
    assert "is no folder of a model" in capsys.readouterr().err
    file = tmp_path / "taken"
    file.touch()
    assert main(["fit", log, "--horizon", "13W", "--out", str(file)]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_predict_names_the_columns_of_the_model(fitted, tmp_path, cdnow, capsys):
    cdnow.to_csv(tmp_path / "log.csv", index=False)
    out = str(tmp_path / "values.csv")
    assert main(["predict", str(fitted), str(tmp_path / "log.csv"), "--out", out]) == 2
    message = capsys.readouterr().err
    assert "has no column 'client'" in message
    assert "The model reads the columns it was fitted on: client, day, paid." in message


def test_a_coverage_in_percent_is_refused(fitted, log_file, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["predict", str(fitted), str(log_file), "--out", "x.csv", "--coverage", "90"])
    assert stopped.value.code == 2
    assert "90 is no share between 0 and 1" in capsys.readouterr().err


def test_settings_out_of_range_are_a_message_too(log_file, tmp_path, capsys):
    columns = ["--customer-id", "client", "--date", "day", "--amount", "paid"]
    arguments = ["fit", str(log_file), "--horizon", "13W", *columns, "--out", str(tmp_path)]
    assert main([*arguments, "--n-trials", "0"]) == 2
    assert "'n_trials'" in capsys.readouterr().err


def test_a_usage_error_exits_with_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["fit"])
    assert stopped.value.code == 2
    assert "--horizon" in capsys.readouterr().err


def test_a_defect_is_not_hidden(monkeypatch, log_file, tmp_path):
    def broken(self, X, y=None):
        raise RuntimeError("a defect")

    monkeypatch.setattr(AutoCLV, "fit", broken)
    with pytest.raises(RuntimeError, match="a defect"):
        main(["fit", str(log_file), "--horizon", "13W", "--out", str(tmp_path)])


def test_quiet_says_nothing(log_file, tmp_path, capsys):
    columns = ["--customer-id", "client", "--date", "day", "--amount", "paid"]
    arguments = ["fit", str(log_file), "--horizon", "13W", *columns, "--out", str(tmp_path)]
    assert main([*arguments, "--n-trials", "1", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith("clvkit 0.")


def test_the_command_is_installed():
    from importlib.metadata import entry_points

    (command,) = entry_points(group="console_scripts", name="clvkit")
    assert command.load() is main
    assert sys.modules["clvkit.cli"].main is main
