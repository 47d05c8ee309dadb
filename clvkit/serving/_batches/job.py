"""One log to score in parts: what it hangs on, and its three passes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from clvkit.errors import EmptyLogError
from clvkit.history._clean import may_be_far_before, warn_far_before, warn_missing_customers
from clvkit.history._covariates import Covariates
from clvkit.history._granularity import get_granularity
from clvkit.history._history import format_cutoff
from clvkit.history._log_columns import LogColumns
from clvkit.history._log_files import LogFiles
from clvkit.history._moments import format_moment, parse_cutoff
from clvkit.history._read import find_files
from clvkit.serving._batches.facts import Facts, check_whole
from clvkit.serving._batches.finish import write_parts
from clvkit.serving._batches.moments import count_events
from clvkit.serving._batches.partition import Partitioner
from clvkit.serving._batches.progress import BatchProgress
from clvkit.serving._batches.run import RunFolder
from clvkit.serving._batches.score import PartResult, Scorer
from clvkit.serving._batches.sizes import MemoryPlan
from clvkit.serving._histories import read_moment, take_columns
from clvkit.serving._learning import attribute_names, transaction_columns
from clvkit.utils._versions import installed_versions

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """A log to score in parts.

    Attributes
    ----------
    model : CLVModel
    log, target, work : Path
    cutoff : date-like or None
    coverage : float
    covariates : table, path or None
    plan : MemoryPlan
    n_partitions : int or None
        None chooses by the plan.
    overwrite : bool
    """

    model: Any
    log: Path
    target: Path
    work: Path
    cutoff: Any
    coverage: float
    covariates: Any
    plan: MemoryPlan
    n_partitions: int | None
    overwrite: bool

    def run(self, progress: BatchProgress) -> tuple[PartResult, str, int]:
        """Score the log; return customers and total, the cutoff, and the number of parts."""
        covariates = self._open_covariates()
        run = RunFolder(self.work)
        identity = self._identity(covariates)
        with run.held(identity, overwrite=self.overwrite) as noted:
            files, n_parts = self._surveyed(run, identity, noted)
            partitioner = Partitioner(
                run, files, self._columns, self._resolution, self.model.refunds, n_parts
            )
            progress.begin("by customer", files.n_rows)
            facts = partitioner.write(progress.advance)
            self._check(facts, partitioner)
            scorer = Scorer(
                self.model,
                partitioner,
                self.cutoff,
                int(facts.latest or 0),
                self.coverage,
                covariates,
                facts.fractional,
            )
            result = self._score(scorer, n_parts, progress)
            run.remove()
        return result, self._cutoff_of(facts), n_parts

    def _score(self, scorer: Scorer, n_parts: int, progress: BatchProgress) -> PartResult:
        progress.begin("predicting", n_parts)
        told = []
        for part in range(n_parts):
            told.append(scorer.write(part))
            progress.advance(1)
        n_customers = sum(part.n_customers for part in told)
        filled = [scorer.place(i) for i, part in enumerate(told) if part.n_customers]
        progress.begin("writing", n_customers)
        write_parts(filled, n_customers, self.target, self.plan.room, progress.advance)
        return PartResult(n_customers, sum(part.total for part in told))

    def _surveyed(
        self, run: RunFolder, identity: dict[str, Any], noted: dict[str, Any]
    ) -> tuple[LogFiles, int]:
        """Return the files and the number of parts: those of the run that is continued."""
        if noted:
            return LogFiles.from_json(noted["files"]), noted["n_partitions"]
        files = LogFiles.survey(
            self.log,
            self._columns.roles,
            whole=self.model.duplicates != "keep",
            chunk_rows=self.plan.chunk_rows,
        )
        n_parts = self.n_partitions
        if n_parts is None:
            n_parts = self.plan.n_partitions(files.n_rows, len(self._columns.attributes))
        run.note(identity, {"files": files.to_json(), "n_partitions": n_parts})
        return files, n_parts

    def _identity(self, covariates: Covariates | None) -> dict[str, Any]:
        """Return what the results hang on, by the names that a refusal uses."""
        files = [(str(path), path.stat()) for path in find_files(self.log, "the log")]
        table = None if covariates is None else covariates.frame.to_pandas()
        return {
            "log": [[path, about.st_size, about.st_mtime_ns] for path, about in files],
            "model": joblib.hash(self.model),
            "covariates table": None if table is None else joblib.hash(table),
            "cutoff": self._limit,
            "coverage": self.coverage,
            "number of parts": self.n_partitions,
            "set of package versions": installed_versions(),
        }

    def _open_covariates(self) -> Covariates | None:
        """Return the covariates, if they are those of training; this is asked before the work."""
        opened = None
        if self.covariates is not None:
            opened = Covariates(self.covariates, self._columns.customer_id, self._resolution)
        names = [] if opened is None else opened.frame.columns
        beside = [name for name in names if name not in ("customer_id", "valid_from")]
        empty = pd.DataFrame(columns=["history", *beside])
        take_columns(empty, self.model.feature_names_in_)
        return opened

    def _check(self, facts: Facts, partitioner: Partitioner) -> None:
        """Say what concerns the whole log, once."""
        import polars as pl

        columns, resolution = self._columns, self._resolution
        check_whole(facts, columns)
        assert facts.earliest is not None  # some rows were kept
        assert facts.latest is not None
        if self._limit is not None and facts.earliest > self._limit:
            start = format_moment(facts.earliest, resolution)
            raise EmptyLogError(
                f"no event is left: the log starts on {start}, after the cutoff that was given. "
                "Give a later one."
            )
        if facts.missing:
            first = int(facts.first_missing or 0)
            warn_missing_customers(facts.missing, facts.rows, first, columns.customer_id)
        if may_be_far_before(facts.earliest, facts.latest, resolution):
            moments, counts = count_events(partitioner, self._limit)
            who = pl.Series([facts.earliest_customer])  # of the first moment, the example
            warn_far_before(moments, who, columns.date, resolution, counts=counts)

    def _cutoff_of(self, facts: Facts) -> str:
        trained = read_moment(self.model.training_end_, self.model.granularity)
        end = max(trained, int(facts.latest or 0)) if self._limit is None else self._limit
        return format_cutoff(end, self._resolution)

    @property
    def _limit(self) -> int | None:
        return None if self.cutoff is None else parse_cutoff(self.cutoff, self._period)

    @property
    def _columns(self) -> LogColumns:
        return LogColumns(*transaction_columns(self.model), attribute_names(self.model.attributes))

    @property
    def _period(self) -> Any:
        return get_granularity(self.model.granularity)

    @property
    def _resolution(self) -> str:
        return self._period.resolution
