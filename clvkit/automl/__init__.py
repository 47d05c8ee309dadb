"""The search for the best model of a log."""

from clvkit.automl._auto_clv import AutoCLV
from clvkit.automl.candidates import Candidate, all_candidates, default_candidates

__all__ = ["AutoCLV", "Candidate", "all_candidates", "default_candidates"]
