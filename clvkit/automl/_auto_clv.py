"""The front door: from a log to the value of each customer by the model that does it best."""

from __future__ import annotations

import time
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from clvkit.automl._delegation import ModelDelegation
from clvkit.automl._evaluation import Evaluation, level_scores
from clvkit.automl._inputs import check_registration, door_settings
from clvkit.automl._intervals import learn_intervals, out_of_fold
from clvkit.automl._leaderboard import make_leaderboard, warn_of_failures
from clvkit.automl._level import with_level
from clvkit.automl._preparation import prepare_search
from clvkit.automl._presentation import Presentation
from clvkit.automl._presets import Presets
from clvkit.automl._progress import SearchProgress
from clvkit.automl._records import fit_records
from clvkit.automl._scoring import resolve_scoring
from clvkit.automl._search import Search, run_search
from clvkit.automl._selection import choose, quickest
from clvkit.errors import ClvkitWarning
from clvkit.history import latest_rows
from clvkit.serving import CLVModel
from clvkit.tracking import keep, write
from clvkit.utils._deadline import OutOfTime, deadline
from clvkit.utils._duration import parse_duration
from clvkit.utils._warnings import warn_user

__all__ = ["AutoCLV"]


class AutoCLV(ModelDelegation, Presentation, Presets, RegressorMixin, BaseEstimator):
    """Find the model that predicts each customer's spend best, and fit it.

    Candidates of several families (baselines, purchase models, boosting) are validated out of
    time: at past origins each of them is fitted on the histories as they were then, and compared
    by what customers spent afterwards. The best one is fitted on everything.

    Use it to get honest values out of a log. To fit one known model, use its class alone.

    Parameters
    ----------
    horizon : str
        Length of the period to predict: ``"90D"``, ``"26W"``, ``"12M"`` or ``"1Y"``.
    candidates : "default", str, list or dict, default="default"
        Names of families (``"baseline"``, ``"btyd"``, ``"boosting"``) or of candidates; or a
        dict of a user's own, name -> regressor from histories to spend, which compete beside
        the default ones. See :mod:`clvkit.automl.candidates`.
    n_trials : int, default=40
        How many candidates and parameter settings to try: all defaults first, one of each family
        before the rest.
    timeout : float or None, default=None
        Seconds for everything, the final fit included: a trial that would last longer is not
        begun, and a running one is stopped. Something is fitted in any case.
    scoring : str, callable, list or dict of str to these, default="d2_tweedie"
        What ranks the candidates: a name known to :func:`clvkit.metrics.get_clv_scorer`, or a
        scorer ``(estimator, X, y)`` such as that of :func:`clvkit.metrics.profit_scorer`; greater
        is better. The scorer is handed an object with ``predict`` and ``predict_components``,
        which returns what the candidate predicted. Of several, all stand on the leaderboard.
    refit : str or None, default=None
        Which of several scorers ranks, by its name: the key of the dict, the text or the
        ``__name__`` of the function in the list. None is the first one.
    n_origins : int, default=3
        Number of past origins, half a horizon apart; fewer where the log is short.
    validation : splitter of scikit-learn or None, default=None
        Splits the samples of ``fit(X, y)`` in place of the origins; one that wants groups is given
        the customers. Candidates that need no labels are fitted on the training rows, too.
    groups : {"customers"} or None, default=None
        ``"customers"`` validates a cold start: customers, in five folds, are predicted by
        candidates that were fitted on the other four, histories included.
    ensemble : bool, default=True
        Whether a weighted mixture of the candidates competes, too. Its score on the leaderboard
        is that of weights which never saw the rows they are scored on.
    level : {"season", "own"}, default="season"
        Where the total of all customers comes from: the BG/NBD with the season of the year before
        (see :class:`~clvkit.calibration.TotalCalibration`), or each candidate itself, as always
        where labels are given or the BG/NBD was off by more than a factor of 2 at the origins.
    n_jobs : int or None, default=1
        Trials evaluated at the same time. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the search and of the candidates.
    storage : str, path, Optuna storage or None, default=None
        Where the study is kept: a journal file, or the URL of a data base that Optuna knows, such
        as ``"postgresql://..."``, which several machines may serve. None keeps it in memory.
    study_name : str or None, default=None
        A study of that name in the storage is continued, if it is of the same log, horizon and
        scoring, as if it had never been interrupted.
    patience : int or None, default=None
        The search ends after so many trials without a better one. None goes on to the end.
    memory : str or None, default=None
        About what the fits of the search and of the champion may take together, such as
        ``"4GB"``. Where their features would take more, customers are drawn at random, with a
        warning. None is no limit.
    tracking : str or None, default=None
        Name of an MLflow experiment to write to, at the tracking server that MLflow is set to.
        By default nothing is tracked, and nothing is written anywhere.
    register_as : str or None, default=None
        Name under which the model is registered in MLflow; needs ``tracking``.
    customer_id, date, amount, attributes, covariates, end, refunds, duplicates, granularity
        How to read a log, see :func:`clvkit.latest_histories`; the model reads later logs in the
        same way. Where histories are given to ``fit``, granularity and attributes are theirs.
    coverage : float, default=0.9
        Coverage of ``lower`` and ``upper`` in ``predict_customers``.
    verbose : int, default=1
        0 shows no progress. Progress is only ever shown on a terminal or in a notebook.

    Attributes
    ----------
    model_ : CLVModel
        The small fitted object to save, register, promote and serve.
    best_pipeline_ : Pipeline
        A plain fitted pipeline from histories to spend.
    best_params_ : dict
        ``candidate`` and the parameters found for it.
    best_score_ : float
        Its mean score over the origins.
    leaderboard_ : DataFrame
        One row a trial, the best one first; see the page on validation for its columns.
    regime_ : {"rolling", "single", "short", "custom"}
        How much validation the log allowed, ``custom`` with ``validation=``; with ``groups`` it
        ends in ``", cold start"``. Also on the leaderboard.
    origins_ : list of str
        Origins of the validation as ISO dates, the latest first; or names of the splits.
    oof_predictions_ : DataFrame
        Out-of-fold predictions of the best candidate: ``y_true`` and ``y_pred``, indexed by
        (``customer_id``, ``cutoff``).
    tracked_run_ : TrackedRun or None
        Where the fit was written to: ``run_id``, ``model_uri``, ``pipeline_uri``. None without
        ``tracking``.
    fit_records_ : list or None
        What was told to MLflow, for :func:`clvkit.tracking.replay`. None without ``tracking``.
    study_ : optuna.Study
    horizon_ : str
        The horizon in use.

    Raises
    ------
    LogError, LogTypeError, DurationError
        At fit, when the log or the horizon cannot be used.
    ArgumentError
        At fit, when there is a ``validation`` and no samples that it could split.
    UnknownNameError
        For an unknown scoring, family or candidate.
    StudyError
        When the study of that name belongs to another search.

    Warns
    -----
    RegimeWarning
        When the log is too short for the full validation, or ``validation`` trains on labels of
        the period that it tests on.
    CandidateWarning
        When candidates could not be validated; the leaderboard says why.

    See Also
    --------
    clvkit.serving.CLVModel : What comes out.
    clvkit.model_selection.RollingOrigin : Such a validation by hand.

    Examples
    --------
    >>> from clvkit import AutoCLV
    >>> from clvkit.datasets import load_cdnow
    >>> log = load_cdnow()
    >>> auto = AutoCLV(horizon="13W", candidates=["baseline", "btyd"], verbose=0).fit(log)
    >>> auto.leaderboard_["family"].nunique(), auto.regime_
    (3, 'rolling')
    >>> list(auto.predict_customers(log).columns)
    ['clv', 'lower', 'upper', 'expected_purchases', 'probability_alive', 'segment']
    >>> AutoCLV(horizon="13W", scoring="r-squared").fit(log)
    Traceback (most recent call last):
        ...
    clvkit.errors.UnknownNameError: scoring='r-squared' is not known. ...
    """

    _parameter_constraints: dict = {
        "horizon": [str],
        "candidates": [str, list, tuple, dict],
        "n_trials": [Interval(Integral, 1, None, closed="left")],
        "timeout": [Interval(Real, 0, None, closed="neither"), None],
        "scoring": [str, callable, list, tuple, dict],
        "refit": [str, None],
        "n_origins": [Interval(Integral, 1, None, closed="left")],
        "validation": [HasMethods(["split", "get_n_splits"]), None],
        "groups": [StrOptions({"customers"}), None],
        "ensemble": ["boolean"],
        "level": [StrOptions({"season", "own"})],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
        "random_state": ["random_state"],
        "memory": [str, None],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "tracking": [str, None],
        "register_as": [str, None],
        "refunds": [StrOptions({"net", "drop", "raise"})],
        "duplicates": [StrOptions({"keep", "drop", "raise"})],
        "coverage": [Interval(Real, 0, 1, closed="neither")],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        horizon: str,
        *,
        candidates: Any = "default",
        n_trials: int = 40,
        timeout: float | None = None,
        scoring: Any = "d2_tweedie",
        refit: str | None = None,
        n_origins: int = 3,
        validation: Any = None,
        groups: str | None = None,
        ensemble: bool = True,
        level: str = "season",
        n_jobs: int | None = 1,
        random_state: Any = None,
        storage: Any = None,
        study_name: str | None = None,
        patience: int | None = None,
        memory: str | None = None,
        tracking: str | None = None,
        register_as: str | None = None,
        customer_id: str = "customer_id",
        date: str = "date",
        amount: str = "amount",
        attributes: Sequence[str] = (),
        covariates: Any = None,
        end: Any = None,
        refunds: str = "net",
        duplicates: str = "keep",
        granularity: str = "D",
        coverage: float = 0.9,
        verbose: int = 1,
    ) -> None:
        self.horizon = horizon
        self.candidates = candidates
        self.n_trials = n_trials
        self.timeout = timeout
        self.scoring = scoring
        self.refit = refit
        self.n_origins = n_origins
        self.validation = validation
        self.groups = groups
        self.ensemble = ensemble
        self.level = level
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.storage = storage
        self.study_name = study_name
        self.patience = patience
        self.memory = memory
        self.tracking = tracking
        self.register_as = register_as
        self.customer_id = customer_id
        self.date = date
        self.amount = amount
        self.attributes = attributes
        self.covariates = covariates
        self.end = end
        self.refunds = refunds
        self.duplicates = duplicates
        self.granularity = granularity
        self.coverage = coverage
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> AutoCLV:
        """Search for the best candidate and fit it on everything.

        Parameters
        ----------
        X : transaction log, or DataFrame with a column ``history``
            A log of any kind that :func:`clvkit.latest_histories` reads, or the histories that
            it or :func:`clvkit.make_samples` returned.
        y : array-like of shape (n_samples,), default=None
            Labels of samples, where X holds samples and they are to count rather than the
            histories' own.

        Returns
        -------
        self
        """
        start = time.perf_counter()
        check_registration(self)
        self.horizon_ = str(parse_duration(self.horizon))
        scorer = resolve_scoring(self.scoring, self.refit)
        deadline = None if self.timeout is None else start + self.timeout
        search, study, histories = prepare_search(self, X, y, scorer, deadline)
        with SearchProgress(self.n_trials, scorer.name, enabled=self.verbose > 0) as progress:
            self.study_, evaluations = study.study, run_search(search, study, progress)
            level_scores(evaluations)
            best = self._choose(evaluations, search)
            progress.say(f"fitting {best.name} on everything")
            self._keep_in_time(best, evaluations, (histories, y), search)
        self.fit_seconds_ = time.perf_counter() - start
        self.tracked_run_, self.fit_records_ = None, None
        if self.tracking is not None:
            self.fit_records_ = keep(fit_records(self, evaluations, search.validation, histories))
            self.tracked_run_ = write(self.fit_records_)
        return self

    @property
    def _score_name(self) -> str:
        return resolve_scoring(self.scoring, self.refit).name

    def _choose(self, evaluations: list[Evaluation], search: Search) -> Evaluation:
        """Return the champion; keep the leaderboard."""
        try:
            mixes = self.ensemble and search.budget.has_room_to_mix(evaluations)
            best = choose(evaluations, search, ensemble=mixes)
        finally:
            self.leaderboard_ = make_leaderboard(evaluations, search.validation, self._score_name)
        self.leaderboard_ = self.leaderboard_.with_first(best.name)
        warn_of_failures(evaluations)
        return best

    def _keep_in_time(
        self, best: Evaluation, evaluations: list[Evaluation], data: tuple[Any, Any], search: Search
    ) -> None:
        """Fit the champion, or what is fitted the quickest where the champion overruns."""
        other = None if search.deadline is None else quickest(evaluations, best)
        try:
            with deadline(None if other is None else search.deadline):
                self._keep(best, *data, search)
            return
        except OutOfTime:
            assert other is not None
        warn_user(
            f"the final fit of {best.name}, the best candidate, did not end within timeout="
            f"{self.timeout:g} seconds: {other.name} was fitted in its place. Give more time.",
            ClvkitWarning,
        )
        board = make_leaderboard(evaluations, search.validation, self._score_name)
        self.leaderboard_ = board.with_first(other.name)
        self._keep(other, *data, search)

    def _keep(self, best: Evaluation, X: pd.DataFrame, y: Any, search: Search) -> None:
        """Fit the best candidate on everything, and keep what the search found."""
        validation, seed = search.validation, search.seed
        self.regime_ = validation.name
        self.origins_ = [fold.origin for fold in validation.folds]
        self.best_params_ = {"candidate": best.candidate.name, **best.params}
        self.best_score_ = best.score
        self.oof_predictions_ = out_of_fold(best, validation)
        estimator = best.candidate.estimator(
            self.horizon_,
            random_state=seed,
            params=best.params,
            labels="histories" if y is None else "given",
        )
        if validation.levelled:
            estimator = with_level(estimator, self.horizon_)
        model = CLVModel(
            estimator,
            horizon=self.horizon_,
            interval=learn_intervals(best, validation, X, self.horizon_),
            coverage=self.coverage,
            **door_settings(self, X),
        )
        self.model_ = model.fit(X if y is not None else latest_rows(X), y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags
