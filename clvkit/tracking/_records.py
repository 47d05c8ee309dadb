"""What a fit has to tell, as plain data: nothing here knows MLflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = [
    "ArtifactRecord",
    "CandidateRecord",
    "DatasetRecord",
    "FitRecord",
    "ModelRecord",
    "PipelineRecord",
    "Record",
    "TrackedRun",
]


@dataclass(frozen=True)
class DatasetRecord:
    """A fingerprint of the data of a fit, without any of the data; see :func:`fingerprint`.

    Parameters
    ----------
    n_rows, n_customers : int
        Events and customers.
    start, end : str
        First event and end of observation as ISO dates.
    digest : str
        Equal for equal histories, whatever the order of the log's lines.
    name : str, default="transaction log"
    """

    n_rows: int
    n_customers: int
    start: str
    end: str
    digest: str
    name: str = "transaction log"


@dataclass(frozen=True)
class FitRecord:
    """A fit (or a comparison of models) as a whole; the first record, which opens the run.

    Parameters
    ----------
    experiment : str
        Name of the experiment; made where it is missing.
    run_name : str or None, default=None
        MLflow invents one for None.
    params : mapping, default={}
        Settings, of any type; stored as text.
    metrics : mapping of str to float, default={}
    tags : mapping of str to str, default={}
    dataset : DatasetRecord or None, default=None
    environment : mapping, default={}
        What :func:`describe_environment` found; stored as ``environment.json``, and its
        ``git_commit`` as MLflow's own tag.
    seconds : float, default=0.0
        How long the fit took.
    ended : float or None, default=None
        When it ended, in seconds since the epoch; None is when the record is written.
    """

    experiment: str
    run_name: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset: DatasetRecord | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    ended: float | None = None


@dataclass(frozen=True)
class CandidateRecord:
    """A candidate that was validated; a nested run.

    Parameters
    ----------
    name : str
    family : str
        The kind it belongs to: ``"baseline"``, ``"btyd"``, ``"boosting"``, ...
    params : mapping, default={}
    metrics : mapping of str to float, default={}
        In the mean over the origins.
    origin_metrics : sequence of mappings of str to float, default=()
        At each origin, the earliest first. They are stored as ``<name>_by_origin`` with the
        number of the origin, from 1, as step.
    seconds : float, default=0.0
        How long fitting and scoring took.
    failed : bool, default=False
        Whether the candidate could not be fitted.
    tags : mapping of str to str, default={}
        Such as the error of a failed one.
    """

    name: str
    family: str
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    origin_metrics: Sequence[Mapping[str, float]] = ()
    seconds: float = 0.0
    failed: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ArtifactRecord:
    """A file that the run keeps.

    Parameters
    ----------
    name : str
        Path in the run, such as ``"leaderboard.csv"`` or ``"plots/gains.png"``.
    content : DataFrame, Display, matplotlib Figure, dict, list, str or Path
        A table is stored as CSV, a figure in the format that the name says, a dict or list as
        JSON, a string as it is, and a path stands for the file there. A Display (anything with
        ``plot(ax)``) is drawn when it is written.
    """

    name: str
    content: Any


@dataclass(frozen=True)
class ModelRecord:
    """A model that scores raw logs, as a pyfunc from code; made by ``serving.model_record``.

    Parameters
    ----------
    save : callable
        Writes the model into a folder: ``CLVModel.save``.
    artifact : str
        Name of that folder inside the MLflow model.
    code : Path
        Python file that calls ``mlflow.models.set_model``.
    inputs : mapping of str to str, or None
        Columns of a request and their types: ``"integer"``, ``"string"``, ``"number"`` or
        ``"any"``. None takes requests as they come, where MLflow drops columns not named here.
    outputs : mapping of str to str
        Columns of the answer and their types.
    params : mapping of str to (str, default)
        Parameters of a request: type and default.
    example : DataFrame
        An example of a request.
    requirements : sequence of str
        What pip installs where the model is served.
    name : str, default="model"
        Name in the run.
    register_as : str or None, default=None
        Name in the registry; None does not register it.
    """

    save: Callable[[Path], object]
    artifact: str
    code: Path
    inputs: Mapping[str, str] | None
    outputs: Mapping[str, str]
    params: Mapping[str, tuple[str, Any]]
    example: pd.DataFrame
    requirements: Sequence[str]
    name: str = "model"
    register_as: str | None = None


@dataclass(frozen=True)
class PipelineRecord:
    """A plain pipeline from histories to spend, in MLflow's scikit-learn flavour.

    Parameters
    ----------
    pipeline : estimator
        Fitted.
    trusted_types : sequence of str
        Qualified names of the types that skops may load with it.
    requirements : sequence of str
    name : str, default="pipeline"
    """

    pipeline: Any
    trusted_types: Sequence[str]
    requirements: Sequence[str]
    name: str = "pipeline"


@dataclass(frozen=True)
class TrackedRun:
    """Where a fit was written to.

    Attributes
    ----------
    run_id, experiment_id : str
    model_uri : str or None
        Of the model for raw logs: ``"models:/<name>/<version>"`` if it was registered, else
        ``"models:/<id>"``. For ``mlflow.pyfunc.load_model`` and :func:`clvkit.serving.load`.
    pipeline_uri : str or None
        Of the pipeline, for ``mlflow.sklearn.load_model``.
    version : int or None
        Of the registered model.
    """

    run_id: str
    experiment_id: str
    model_uri: str | None = None
    pipeline_uri: str | None = None
    version: int | None = None


#: Anything that the writer takes.
Record = FitRecord | CandidateRecord | ArtifactRecord | ModelRecord | PipelineRecord
