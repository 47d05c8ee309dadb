"""Arguments, exit codes, and messages that a person can act on."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from typing import Any

from clvkit.cli._production_arguments import add_production

__all__ = ["main"]

_DOOR = (
    ("--customer-id", "customer_id", "COLUMN", "column with the customer"),
    ("--date", "date", "COLUMN", "column with the date of the transaction"),
    ("--amount", "amount", "COLUMN", "column with the net amount of the line"),
)
_COVARIATES = "CSV or Parquet file with the covariates"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        Arguments; those of the process by default.

    Returns
    -------
    int
        0 when it worked, 2 when the arguments or the data cannot be used (the message says what
        helps), 130 when it was interrupted. Anything else that goes wrong is a defect and shows
        its traceback.
    """
    # Read once, when LightGBM loads its OpenMP library: idle threads must not spin on the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = _read(argv)
    from sklearn.utils._param_validation import InvalidParameterError

    from clvkit.cli import _commands, _output
    from clvkit.errors import ClvkitError

    try:
        with _output.warnings_on_one_line():
            getattr(_commands, arguments.command)(arguments)
    except (ClvkitError, InvalidParameterError) as error:
        _output.fail(str(error))
        return 2
    except PermissionError as error:
        _output.fail(f"'{error.filename}' is closed to you ({error.strerror}).")
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        _output.fail("interrupted")
        return 130
    return 0


def _read(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments, or leave with a message of the command that has no such argument."""
    parser, commands = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        command = commands.choices[arguments.command]
        flags = [flag for action in command._actions for flag in action.option_strings]
        close = difflib.get_close_matches(unknown[0].partition("=")[0], flags, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        command.error(f"unrecognized arguments: {' '.join(unknown)}.{hint}")
    return arguments


def _parser() -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser, and its commands by name."""
    from clvkit import __version__

    parser = argparse.ArgumentParser(
        prog="clvkit",
        description="Customer lifetime value from a transaction log, honestly validated.",
    )
    parser.add_argument("--version", action="version", version=f"clvkit {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_fit(commands)
    _add_predict(commands)
    add_production(commands)
    return parser, commands


def _share(text: str) -> float:
    """Read a share such as 0.9."""
    share = float(text)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share between 0 and 1, such as 0.9")
    return share


def _jobs(text: str) -> int:
    """Read a number of jobs such as 2, or -1 for one a core."""
    if (jobs := int(text)) == 0:
        raise argparse.ArgumentTypeError("0 jobs do nothing: give 1 or more, or -1 for all cores")
    return jobs


def _add_demo(commands: argparse._SubParsersAction) -> None:
    demo = commands.add_parser(
        "demo",
        help="the main job on the CDNOW log",
        description="Fit on the CDNOW log up to 1998-03-31 and compare with the quarter after it.",
    )
    demo.add_argument("--out", default="clvkit-demo", metavar="DIR", help="folder for the results")
    demo.add_argument(
        "--n-trials", type=int, default=40, metavar="N", help="candidates and settings to try"
    )


def _add_fit(commands: argparse._SubParsersAction) -> None:
    fit = commands.add_parser(
        "fit",
        help="find and fit the best model of a log",
        description="Validate candidates on a log, fit the best one, and save it.",
    )
    fit.add_argument("log", metavar="LOG", help="CSV or Parquet file, or a folder of them")
    fit.add_argument(
        "--horizon", required=True, help="period to predict: 90D, 26W, 12M, 1Y", metavar="LENGTH"
    )
    for flag, default, metavar, text in _DOOR:
        fit.add_argument(flag, default=default, metavar=metavar, help=f"{text} ({default})")
    fit.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    fit.add_argument("--covariates", metavar="FILE", help=f"{_COVARIATES}, one row a customer")
    fit.add_argument("--end", metavar="DATE", help="end of observation (the last event's day)")
    fit.add_argument("--refunds", choices=("net", "drop", "raise"), default="net")
    fit.add_argument("--duplicates", choices=("keep", "drop", "raise"), default="keep")
    fit.add_argument("--granularity", choices=("D", "W", "h", "min", "s"), default="D")
    fit.add_argument(
        "--candidates", nargs="+", default=["default"], metavar="NAME",
        help="families or candidates (baseline, btyd, boosting, ...)",
    )  # fmt: skip
    fit.add_argument("--n-trials", type=int, default=40, metavar="N")
    fit.add_argument("--timeout", type=float, metavar="SECONDS")
    fit.add_argument("--scoring", default="d2_tweedie", metavar="NAME", help="what ranks them")
    fit.add_argument("--n-jobs", type=_jobs, default=1, metavar="N", help="trials at the same time")
    fit.add_argument("--seed", type=int, default=0, metavar="N")
    fit.add_argument("--coverage", type=_share, default=0.9, metavar="SHARE")
    fit.add_argument("--tracking", metavar="EXPERIMENT", help="MLflow experiment to write to")
    fit.add_argument("--register-as", metavar="NAME", help="name in MLflow's model registry")
    fit.add_argument("--quiet", action="store_true", help="show no progress and no tables")


def _add_predict(commands: argparse._SubParsersAction) -> None:
    predict = commands.add_parser(
        "predict",
        help="value of each customer of a log, by a saved model",
        description="Score a log with a model that was saved or registered.",
    )
    predict.add_argument(
        "model", metavar="DIR_OR_MODEL_URI",
        help="folder of `clvkit fit --out`, or an MLflow URI such as models:/NAME/1",
    )  # fmt: skip
    predict.add_argument("log", metavar="LOG", help="CSV or Parquet file, or a folder of them")
    predict.add_argument(
        "--out", required=True, metavar="FILE", help="CSV or Parquet file, or a new folder"
    )
    predict.add_argument("--covariates", metavar="FILE", help=f"{_COVARIATES} of the fit")
    predict.add_argument("--cutoff", metavar="DATE", help="last known day")
    predict.add_argument("--coverage", type=_share, metavar="SHARE", help="of lower and upper")
    predict.add_argument(
        "--memory", default="4GB", metavar="SIZE", help="it may take; larger logs go in parts (4GB)"
    )
    predict.add_argument("--work", metavar="DIR", help="folder for working files of a large log")
    predict.add_argument(
        "--overwrite", action="store_true", help="discard an unfinished run of something else"
    )
    predict.add_argument("--quiet", action="store_true", help="show no progress and no summary")
