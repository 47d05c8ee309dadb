"""The one place that talks to MLflow while a fit is recorded."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from clvkit.errors import TrackingWarning
from clvkit.tracking import _mlflow_models
from clvkit.tracking._create_version import create_version
from clvkit.tracking._digest import DIGEST_TAG
from clvkit.tracking._quiet import quiet_mlflow, without_retries
from clvkit.tracking._records import (
    ArtifactRecord,
    CandidateRecord,
    FitRecord,
    ModelRecord,
    PipelineRecord,
    Record,
    TrackedRun,
)
from clvkit.utils._imports import try_import
from clvkit.utils._warnings import warn_user

__all__ = ["MLflowWriter"]

#: What MLflow takes in one request, and as the value of one parameter.
_BATCH, _TEXT = 100, 6_000


class MLflowWriter:
    """Writes the records of one fit to MLflow: a run, and a nested run a candidate.

    It uses MLflow's client only, so that neither the active run nor the active experiment of the
    user changes. Where a run of his is active in the same experiment the fit is nested in it.

    Parameters
    ----------
    tracking_uri : str or None, default=None
        By default the one that is set in MLflow.

    Attributes
    ----------
    tracked : TrackedRun or None
        Where the fit is written to; None until the :class:`FitRecord` was sent.

    See Also
    --------
    clvkit.tracking.write : Warns instead of raising where the server is out of reach.

    Examples
    --------
    >>> from clvkit.tracking import CandidateRecord, MLflowWriter
    >>> MLflowWriter().write([CandidateRecord("BG/NBD", "btyd")])
    Traceback (most recent call last):
        ...
    TypeError: a fit opens with a FitRecord, got CandidateRecord.
    """

    def __init__(self, tracking_uri: str | None = None) -> None:
        self.tracking_uri = tracking_uri
        self.tracked: TrackedRun | None = None
        self._client: Any = None
        self._running: list[str] = []
        self._ended: float | None = None
        self._commit: str | None = None

    def write(self, records: Iterable[Record]) -> TrackedRun | None:
        """Send all records and close the run; what goes wrong marks it as failed and raises."""
        try:
            for record in records:
                self.send(record)
        except BaseException:
            self.abort()
            raise
        self.close()
        return self.tracked

    def send(self, record: Record) -> None:
        """Write one record; the first one must be a :class:`FitRecord`."""
        if (self.tracked is None) != isinstance(record, FitRecord):
            raise TypeError(f"a fit opens with a FitRecord, got {type(record).__name__}.")
        # MLflow sets up its loggers when it is imported, so that comes before they are quietened.
        try_import("mlflow", install="pip install mlflow", purpose="track a fit")
        with quiet_mlflow():
            if isinstance(record, FitRecord):
                self._open(record)
            elif isinstance(record, CandidateRecord):
                self._candidate(record)
            elif isinstance(record, ArtifactRecord):
                self._artifact(record)
            else:
                self._export(record)

    def close(self) -> None:
        """Mark the run as finished."""
        if self.tracked is not None:
            with quiet_mlflow():
                self._end(self.tracked.run_id, "FINISHED")

    def abort(self) -> None:
        """Mark what is running as failed, as far as the server can still be reached."""
        with quiet_mlflow(), contextlib.suppress(Exception), without_retries():
            for run_id in reversed(self._running[:]):
                self._end(run_id, "FAILED")

    # --- runs ---------------------------------------------------------------------------------

    def _open(self, record: FitRecord) -> None:
        import mlflow

        self._client = mlflow.MlflowClient(tracking_uri=self.tracking_uri)
        experiment_id = self._experiment(record.experiment)
        outer = mlflow.active_run()
        nested = outer is not None and outer.info.experiment_id == experiment_id
        parent = outer.info.run_id if nested else None
        self._ended = record.ended
        self._commit = record.environment.get("git_commit")
        run_id = self._run(
            experiment_id, record.run_name, record.tags, record.seconds, parent=parent
        )
        self.tracked = TrackedRun(run_id, experiment_id)
        self._log(run_id, record.params, _steps(record.metrics))
        if record.dataset is not None:
            self._client.log_inputs(run_id, [_dataset_input(record.dataset)])
        if record.environment:
            self._artifact(ArtifactRecord("environment.json", dict(record.environment)))

    def _candidate(self, record: CandidateRecord) -> None:
        assert self.tracked is not None
        run_id = self._run(
            self.tracked.experiment_id,
            record.name,
            {"family": record.family, **record.tags},
            record.seconds,
            parent=self.tracked.run_id,
        )
        metrics = [*_steps(record.metrics), *_steps({"fit_seconds": record.seconds})]
        for step, values in enumerate(record.origin_metrics, start=1):
            metrics += _steps({f"{name}_by_origin": v for name, v in values.items()}, step)
        self._log(run_id, record.params, metrics)
        self._end(run_id, "FAILED" if record.failed else "FINISHED")

    def _experiment(self, name: str) -> str:
        known = self._client.get_experiment_by_name(name)
        return self._client.create_experiment(name) if known is None else known.experiment_id

    def _run(
        self,
        experiment_id: str,
        name: str | None,
        tags: Mapping[str, str],
        seconds: float,
        *,
        parent: str | None,
    ) -> str:
        from mlflow.tracking.context.registry import resolve_tags

        told = {key: str(value)[:_TEXT] for key, value in tags.items()}
        if parent is not None:
            told["mlflow.parentRunId"] = parent
        told = resolve_tags(told)
        if self._commit is not None:  # MLflow finds one where a script in a repository runs
            told.setdefault("mlflow.source.git.commit", self._commit)
        run = self._client.create_run(
            experiment_id,
            start_time=int(1000 * (self._now() - seconds)),
            tags=told,
            run_name=name,
        )
        self._running.append(run.info.run_id)
        return run.info.run_id

    def _end(self, run_id: str, status: str) -> None:
        self._client.set_terminated(run_id, status, end_time=int(1000 * self._now()))
        self._running.remove(run_id)

    def _now(self) -> float:
        """Return when the fit ended; one that is replayed ended long ago."""
        return time.time() if self._ended is None else self._ended

    def _log(
        self, run_id: str, params: Mapping[str, Any], metrics: Iterable[tuple[str, float, int]]
    ) -> None:
        from mlflow.entities import Metric, Param

        texts = [Param(str(key), str(value)[:_TEXT]) for key, value in params.items()]
        now = int(1000 * self._now())
        values = [Metric(key, value, now, step) for key, value, step in metrics]
        for start in range(0, max(len(texts), len(values)), _BATCH):
            part = slice(start, start + _BATCH)
            self._client.log_batch(run_id, metrics=values[part], params=texts[part])

    # --- files and models ---------------------------------------------------------------------

    def _artifact(self, record: ArtifactRecord) -> None:
        assert self.tracked is not None
        name = Path(record.name)
        with TemporaryDirectory() as place:
            file = Path(place) / name.name
            _write_file(record.content, file)
            folder = None if name.parent == Path() else name.parent.as_posix()
            self._client.log_artifact(self.tracked.run_id, str(file), folder)

    def _export(self, record: ModelRecord | PipelineRecord) -> None:
        """Write a model to disk first; one that cannot be stored costs only itself."""
        assert self.tracked is not None
        with TemporaryDirectory() as place:
            folder = Path(place) / "model"
            logged = self._client.create_logged_model(
                self.tracked.experiment_id, name=record.name, source_run_id=self.tracked.run_id
            )
            tags = {}
            try:
                if isinstance(record, ModelRecord):
                    save = _mlflow_models.save_model
                    tags[DIGEST_TAG] = save(record, folder, logged, self.tracked.run_id)
                else:
                    _mlflow_models.save_pipeline(record, folder, logged, self.tracked.run_id)
            except Exception as error:
                self._client.finalize_logged_model(logged.model_id, "FAILED")
                _warn_not_exported(record.name, error)
                return
            self._upload(logged.model_id, folder, tags)
        self._announce(record, logged.model_id, tags)

    def _upload(self, model_id: str, folder: Path, tags: dict[str, str]) -> None:
        from mlflow.entities import LoggedModelOutput

        assert self.tracked is not None
        self._client.log_model_artifacts(model_id, str(folder))
        if tags:
            self._client.set_logged_model_tags(model_id, tags)
        self._client.finalize_logged_model(model_id, "READY")
        self._client.log_outputs(self.tracked.run_id, [LoggedModelOutput(model_id, step=0)])

    def _announce(
        self, record: ModelRecord | PipelineRecord, model_id: str, tags: dict[str, str]
    ) -> None:
        assert self.tracked is not None
        uri = f"models:/{model_id}"
        if isinstance(record, PipelineRecord):
            self.tracked = dataclasses.replace(self.tracked, pipeline_uri=uri)
            return
        self.tracked = dataclasses.replace(self.tracked, model_uri=uri)
        if record.register_as is None:
            return
        try:
            version = self._register(record.register_as, model_id, tags)
        except Exception as error:
            _warn_not_registered(record.register_as, uri, error)
            return
        self.tracked = dataclasses.replace(
            self.tracked, model_uri=f"models:/{record.register_as}/{version}", version=version
        )

    def _register(self, name: str, model_id: str, tags: dict[str, str]) -> int:
        assert self.tracked is not None
        source = self._source(model_id)
        return create_version(self._client, name, model_id, source, self.tracked.run_id, tags)

    def _source(self, model_id: str) -> str:
        """Return where the registry finds the model.

        A database store looks up ``models:/<id>`` at the tracking URI that is set in MLflow,
        whichever the client has, so it is told the place itself.
        """
        if self.tracking_uri is None or self.tracking_uri.startswith(("http", "databricks")):
            return f"models:/{model_id}"
        return self._client.get_logged_model(model_id).artifact_location


def _steps(metrics: Mapping[str, float], step: int = 0) -> Iterator[tuple[str, float, int]]:
    """Return the metrics that have a value."""
    for name, value in metrics.items():
        if value is not None and not np.isnan(value):
            yield name, float(value), step


def _dataset_input(record: Any) -> Any:
    from mlflow.entities import Dataset, DatasetInput

    fields = dataclasses.asdict(record)
    dataset = Dataset(
        name=fields.pop("name"),
        digest=record.digest,
        source_type="clvkit",
        source="{}",  # where the log lies is the user's own business
        profile=json.dumps(fields),
    )
    return DatasetInput(dataset)


def _write_file(content: Any, file: Path) -> None:
    if isinstance(content, pd.DataFrame):
        content.to_csv(file, index=not isinstance(content.index, pd.RangeIndex))
    elif isinstance(content, Path):
        file.write_bytes(content.read_bytes())
    elif isinstance(content, str):
        file.write_text(content, encoding="utf-8")
    elif isinstance(content, (dict, list)):
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    elif hasattr(content, "savefig"):
        content.savefig(file)
    elif hasattr(content, "plot"):
        _save_display(content, file)
    else:
        raise TypeError(f"'{file.name}' cannot be made of a {type(content).__name__}.")


def _save_display(display: Any, file: Path) -> None:
    """Draw on a figure of its own, which no list of open figures keeps."""
    figures = try_import(
        "matplotlib.figure", install="pip install matplotlib", purpose="draw plots of a fit"
    )
    figure = figures.Figure(figsize=(7, 5), layout="constrained")
    display.plot(figure.add_subplot())
    figure.savefig(file, dpi=120)


def _warn_not_registered(name: str, uri: str, error: Exception) -> None:
    warn_user(
        f"the model is logged as '{uri}', but could not be registered as {name!r}: "
        f"{type(error).__name__}: {str(error)[:500]}. Register it later: "
        f"mlflow.register_model('{uri}', 'another-name').",
        TrackingWarning,
    )


def _warn_not_exported(name: str, error: Exception) -> None:
    warn_user(
        f"the {name} could not be exported to MLflow: {type(error).__name__}: {str(error)[:500]}. "
        "Everything else was written.",
        TrackingWarning,
    )
