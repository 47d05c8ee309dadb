"""Transaction logs to try things on."""

from clvkit.datasets._cdnow import load_cdnow

__all__ = ["load_cdnow"]
