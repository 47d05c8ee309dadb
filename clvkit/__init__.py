"""Customer lifetime value from a transaction log, honestly validated.

The front door is :class:`clvkit.AutoCLV`; the parts it is made of live in the subpackages
(``clvkit.history``, ``clvkit.features``, ``clvkit.btyd``, ``clvkit.boosting``, ...).
"""

from clvkit.automl import AutoCLV
from clvkit.history import latest_histories, make_samples
from clvkit.serving import CLVModel

__all__ = ["AutoCLV", "CLVModel", "__version__", "latest_histories", "make_samples"]

__version__ = "0.1.0"
