"""Customer lifetime value from a transaction log, honestly validated.

The front door is :class:`clvkit.AutoCLV`; the parts it is made of live in the
subpackages (``clvkit.history``, ``clvkit.features``, ``clvkit.btyd``, ...).
"""

__version__ = "0.1.0"
