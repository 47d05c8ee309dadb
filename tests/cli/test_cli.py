"""The command as a person uses it: files, tables, exit codes, messages."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from clvkit import AutoCLV
from clvkit.baselines import HistoricalRate
from clvkit.cli import main
from clvkit.history import latest_histories
from clvkit.serving import CLVModel, load

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
    assert len(board) == 4 + 1  # the trials, and their mixture
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


@pytest.mark.filterwarnings("ignore:the season was learnt for:clvkit.errors.CalibrationWarning")
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


def test_columns_that_were_given_by_the_name_of_the_log_are_named_too(tmp_path, cdnow, capsys):
    names = {"customer_id": {"transactions": "customer_id"}, "attributes": "channel"}
    X = latest_histories(cdnow.assign(channel=1.0), **names)
    CLVModel(HistoricalRate(), horizon="13W", **names).fit(X).save(tmp_path / "model")
    cdnow.to_csv(tmp_path / "log.csv", index=False)
    arguments = [str(tmp_path / "model"), str(tmp_path / "log.csv")]
    assert main(["predict", *arguments, "--out", str(tmp_path / "values.csv")]) == 2
    assert "fitted on: customer_id, date, amount, channel." in capsys.readouterr().err


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


@pytest.fixture
def fit_arguments(log_file):
    columns = ["--customer-id", "client", "--date", "day", "--amount", "paid"]
    return ["fit", str(log_file), "--horizon", "13W", *columns, "--n-trials", "1", "--quiet"]


def test_no_jobs_at_all_are_refused(fit_arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*fit_arguments, "--out", str(tmp_path), "--n-jobs", "0"])
    assert stopped.value.code == 2
    assert "--n-jobs: 0 jobs do nothing: give 1 or more" in capsys.readouterr().err


def test_a_place_that_holds_something_else_fails_before_the_search(
    fit_arguments, tmp_path, monkeypatch, capsys
):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.tex").touch()
    monkeypatch.setattr(AutoCLV, "fit", lambda self, X: pytest.fail("the search was started"))
    assert main([*fit_arguments, "--out", str(tmp_path)]) == 2
    assert "holds something else (thesis.tex)" in capsys.readouterr().err
    assert not (tmp_path / "leaderboard.csv").exists()


def test_a_model_that_cannot_be_saved_costs_no_leaderboard(
    fit_arguments, tmp_path, monkeypatch, capsys
):
    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CLVModel, "save", full)
    assert main([*fit_arguments, "--out", str(tmp_path)]) == 2
    assert "cannot be saved" in capsys.readouterr().err
    assert len(pd.read_csv(tmp_path / "leaderboard.csv")) == 1


def test_a_model_may_be_replaced_by_the_next_one(fit_arguments, tmp_path):
    assert main([*fit_arguments, "--out", str(tmp_path)]) == 0
    assert main([*fit_arguments, "--out", str(tmp_path), "--coverage", "0.5"]) == 0
    assert load(tmp_path / "model").coverage == 0.5


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files_that_cannot_be_read_are_a_message(fitted, tmp_path, ending, capsys):
    log = tmp_path / f"log.{ending}"
    log.write_bytes(b"customer_id,date,amount,client,day,paid\n" + bytes(range(128, 256)))
    assert main(["fit", str(log), "--horizon", "13W", "--out", str(tmp_path / "out")]) == 2
    assert f"'{log}' could not be read" in capsys.readouterr().err
    assert main(["predict", str(fitted), str(log), "--out", str(tmp_path / "values.csv")]) == 2
    assert f"'{log}' could not be read" in capsys.readouterr().err
    assert not (tmp_path / "values.csv").exists()


@pytest.mark.parametrize("uri", ["models:/nobody/1", "models:/nobody@champion", "runs:/0123/model"])
def test_a_model_that_mlflow_does_not_know_is_a_message(
    uri, log_file, tmp_path, monkeypatch, capsys, mlflow_at
):
    """No store is made either by asking one that is not there."""
    monkeypatch.chdir(tmp_path)
    with mlflow_at(None):
        assert main(["predict", uri, str(log_file), "--out", "values.csv"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: '{uri}' was not found")
    assert "Traceback" not in printed
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_files_is_a_message(tmp_path, capsys):
    (tmp_path / "logs").mkdir()
    arguments = ["fit", str(tmp_path / "logs"), "--horizon", "13W"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert "a folder that holds files of one of these kinds; found none" in capsys.readouterr().err


def test_a_file_closed_to_the_user_is_a_message(monkeypatch, tmp_path, capsys):
    def closed(self, X, y=None):
        raise PermissionError(13, "Permission denied", "log.csv")

    monkeypatch.setattr(AutoCLV, "fit", closed)
    assert main(["fit", "log.csv", "--horizon", "13W", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "error: 'log.csv' is closed to you (Permission denied).\n"


@pytest.fixture(scope="module")
def covariates(cdnow, tmp_path_factory):
    """Which customers had spent more than 50 by the cutoff, under names of countries."""
    spent = cdnow[cdnow["date"] <= "1998-03-31"].groupby("customer_id")["amount"].sum()
    table = pd.DataFrame({"country": spent.gt(50).map({True: "NO", False: "SE"})})
    path = tmp_path_factory.mktemp("covariates") / "customers.csv"
    table.rename_axis("client").to_csv(path)
    return path


def test_covariates_reach_the_model(fit_arguments, log_file, covariates, tmp_path, capsys):
    out, values = tmp_path / "fit", tmp_path / "values.csv"
    arguments = [*fit_arguments, "--candidates", "boosting", "--out", str(out)]
    assert main([*arguments, "--covariates", str(covariates)]) == 0
    model = load(out / "model")
    assert list(model.feature_names_in_) == ["history", "country"]

    predict = ["predict", str(out), str(log_file), "--out", str(values)]
    assert main(predict) == 2
    message = capsys.readouterr().err
    assert "was trained with the covariates 'country'" in message
    assert "Give --covariates FILE, a table with these columns" in message
    assert main([*predict, "--covariates", str(covariates)]) == 0
    expected = model.predict_customers(log_file, covariates=covariates)
    pd.testing.assert_frame_equal(pd.read_csv(values, index_col="customer_id"), expected)

    missing = str(tmp_path / "no.csv")
    assert main([*predict, "--covariates", missing]) == 2
    assert f"there is no file or folder '{missing}'" in capsys.readouterr().err


def test_the_next_command_names_the_covariates(
    fit_arguments, log_file, covariates, tmp_path, capsys
):
    arguments = [word for word in fit_arguments if word != "--quiet"]
    assert main([*arguments, "--out", str(tmp_path), "--covariates", str(covariates)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "clvkit predict" in line)
    assert f"{tmp_path} {log_file} --covariates {covariates} --out values.csv" in line


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


@pytest.mark.parametrize(
    ("unknown", "message"),
    [
        (
            "--trials",
            "clvkit fit: error: unrecognized arguments: --trials. Did you mean --n-trials?",
        ),
        ("--horizont=3", "Did you mean --horizon?"),
        ("--qqq", "unrecognized arguments: --qqq.\n"),
    ],
)
def test_an_argument_that_the_command_does_not_have(fit_arguments, unknown, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*fit_arguments, "--out", "nowhere", unknown])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


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
