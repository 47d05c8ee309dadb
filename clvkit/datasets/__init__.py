"""Transaction logs to try things on: a real one, and simulated ones whose truth is known."""

from clvkit.datasets._cdnow import load_cdnow
from clvkit.datasets._simulate_log import simulate_log

__all__ = ["load_cdnow", "simulate_log"]
