"""Parameters and customers to try models on: the kinds in which implementations fail."""

from __future__ import annotations

__all__ = ["PARETO_STRATA", "STRATA", "draw", "draw_pareto", "uniform"]

#: What is drawn for every model of purchases.
STRATA = ("ordinary", "heavy", "silence", "small shapes", "large shapes", "long", "wild")

#: And for the Pareto/NBD in particular.
PARETO_STRATA = ("ordinary", "alpha ~ beta", "heavy", "small shapes", "long", "wild")

#: Exponents of ten between which shapes are drawn.
_SHAPES = {"small shapes": (-4, -2), "large shapes": (2, 4), "wild": (-2.5, 2.5)}


def uniform(rng, low, high):
    """Draw a number whose logarithm to base ten is uniform."""
    return 10.0 ** rng.uniform(low, high)


def draw(name, kinds, rng):
    """Draw parameters and a customer of a stratum.

    Parameters
    ----------
    name : str
        One of :data:`STRATA`.
    kinds : str
        A letter a parameter: ``"s"`` for a shape, ``"t"`` for a scale in time.
    rng : numpy.random.Generator

    Returns
    -------
    tuple
        The parameters; frequency, recency and T; and a horizon.
    """
    shapes = _SHAPES.get(name, (-1, 1))
    times = (-2, 3) if name == "wild" else (-1, 2)
    params = tuple(uniform(rng, *(shapes if kind == "s" else times)) for kind in kinds)
    x, T = int(rng.integers(0, 30)), uniform(rng, -0.5, 2.5)
    if name == "heavy":
        x = int(rng.integers(100, 3001))
    elif name == "silence":
        x, T = int(rng.integers(1, 200)), uniform(rng, 1, 3)
    elif name == "long":
        T = uniform(rng, 4, 6)
    elif name == "wild":
        x, T = int(rng.choice([0, 1, 5, 100, 3000])), uniform(rng, -2, 4)
    share = rng.random() * 0.2 if name == "silence" else rng.random() ** 0.5
    return params, (x, T * share if x else 0.0, T), uniform(rng, -1, 3)


def draw_pareto(name, rng):
    """Draw parameters and a customer of the Pareto/NBD: six kinds in which others fail."""
    r, s = uniform(rng, -1, 1), uniform(rng, -1, 1)
    alpha, beta = uniform(rng, -1, 2), uniform(rng, -1, 2)
    x, T = int(rng.integers(0, 30)), uniform(rng, -0.5, 2.5)
    if name == "alpha ~ beta":
        beta = alpha * (1 + rng.choice([0.0, 1e-12, 1e-8, 1e-3]))
    elif name == "heavy":
        x = int(rng.integers(100, 3001))
    elif name == "small shapes":
        r, s = uniform(rng, -4, -2), uniform(rng, -4, -2)
    elif name == "long":
        T = uniform(rng, 4, 6)
    elif name == "wild":
        r, s = uniform(rng, -4, 4), uniform(rng, -4, 4)
        alpha, beta = uniform(rng, -5, 5), uniform(rng, -5, 5)
        x, T = int(rng.choice([0, 1, 5, 100, 3000])), uniform(rng, -3, 6)
    return (r, alpha, s, beta), (x, T * rng.random() ** 2 if x else 0.0, T)
