"""How sure a prediction is: intervals learnt from out-of-fold predictions."""

from clvkit.calibration._conformal_interval import ConformalInterval

__all__ = ["ConformalInterval"]
