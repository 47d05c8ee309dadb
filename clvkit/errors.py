"""Errors and warnings of clvkit.

Every error is a :class:`ClvkitError` and, beside it, the built-in error that scikit-learn
would raise at that place, so that ``except ValueError`` keeps working.

Examples
--------
>>> from clvkit.errors import ClvkitError, MissingColumnError
>>> issubclass(MissingColumnError, (ClvkitError, ValueError))
True
"""

__all__ = [
    "AmountError",
    "ArgumentError",
    "BoundaryWarning",
    "CalibrationWarning",
    "CandidateWarning",
    "ClvkitError",
    "ClvkitWarning",
    "CovariateWarning",
    "CutoffError",
    "DataWarning",
    "DateError",
    "DuplicateRowsError",
    "DurationError",
    "EmptyLogError",
    "FewCustomersError",
    "HistoryTypeError",
    "HorizonError",
    "IndependenceWarning",
    "LogError",
    "LogTypeError",
    "MissingColumnError",
    "ModelFormatError",
    "NoComponentsError",
    "NotInstalledError",
    "OutputError",
    "RefundError",
    "RegimeWarning",
    "ShortLogError",
    "StudyError",
    "SummaryError",
    "TargetError",
    "TrackingWarning",
    "UnitWarning",
    "UnknownCustomerError",
    "UnknownNameError",
    "UntrustedModelError",
]


class ClvkitError(Exception):
    """Base class of every error that clvkit raises on purpose."""


class LogError(ClvkitError, ValueError):
    """The transaction log holds something that cannot be used."""


class MissingColumnError(LogError):
    """A column that was asked for is not in the table."""


class DateError(LogError):
    """Dates that cannot be read, are missing, or are ambiguous."""


class AmountError(LogError):
    """Amounts that are missing, infinite or not numbers."""


class RefundError(LogError):
    """The log holds refunds (negative amounts) and ``refunds="raise"`` was asked for."""


class DuplicateRowsError(LogError):
    """The log repeats whole rows and ``duplicates="raise"`` was asked for."""


class EmptyLogError(LogError):
    """Nothing is left of the log."""


class ShortLogError(LogError):
    """The log does not cover the time that the task needs."""


class FewCustomersError(LogError):
    """The log has too few customers to compare candidates by."""


class LogTypeError(ClvkitError, TypeError):
    """The log is not a table of a kind that the door can read."""


class HistoryTypeError(ClvkitError, TypeError):
    """Something else was given where a ``history`` column is needed."""


class DurationError(ClvkitError, ValueError):
    """A duration such as a horizon that cannot be read."""


class HorizonError(ClvkitError, ValueError):
    """A horizon is missing, or contradicts the one that the samples were made for."""


class CutoffError(ClvkitError, ValueError):
    """A cutoff that cannot be used: a time of day, a time zone, or a later one than known."""


class SummaryError(ClvkitError, ValueError):
    """An RFM summary that no customer can have (recency after T, ...)."""


class TargetError(ClvkitError, ValueError):
    """Targets that a model or metric is not defined for, such as negative ones."""


class NoComponentsError(ClvkitError, AttributeError):
    """A model cannot tell the components of its predictions that were asked for."""


class StudyError(ClvkitError, ValueError):
    """A stored study cannot be continued: it belongs to another search."""


class UnknownCustomerError(ClvkitError, LookupError):
    """A customer who was asked for is not in the log, or not by the cutoff."""


class UnknownNameError(ClvkitError, ValueError):
    """A name (scorer, family, candidate, policy) that clvkit does not know."""


class UntrustedModelError(ClvkitError, ValueError):
    """A stored model holds types that are not on the list of trusted ones, or was changed."""


class ModelFormatError(ClvkitError, ValueError):
    """A folder or registered model is no model of clvkit, or one that it cannot read."""


class OutputError(ClvkitError, ValueError):
    """A place that results cannot be written to."""


class ArgumentError(ClvkitError, ValueError):
    """An argument that cannot be used here: a coverage out of range, labels that are missing."""


class NotInstalledError(ClvkitError, ImportError):
    """An optional dependency is not installed."""


class ClvkitWarning(UserWarning):
    """Base class of every warning that clvkit gives."""


class DataWarning(ClvkitWarning):
    """Rows of the log were left out or changed; says how many and why."""


class UnitWarning(ClvkitWarning):
    """A unit of time had to be assumed."""


class RegimeWarning(ClvkitWarning):
    """The validation is weaker than the usual one: a short log, or a splitter that leaks."""


class BoundaryWarning(ClvkitWarning):
    """A parameter ran to the boundary of its range: a simpler model fits as well."""


class CandidateWarning(ClvkitWarning):
    """A candidate could not be validated, and the search went on without it."""


class CalibrationWarning(ClvkitWarning):
    """Predictions could not be calibrated, or are asked for where the calibration does not hold."""


class CovariateWarning(ClvkitWarning):
    """Covariates whose coefficients nothing tells: constant, or collinear with others."""


class IndependenceWarning(ClvkitWarning):
    """Spend per purchase depends on how often customers buy, which the model takes not to be."""


class TrackingWarning(ClvkitWarning):
    """A fit could not be written to the tracking server; the fit itself is unharmed."""
