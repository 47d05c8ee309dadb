"""Logs whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from clvkit.datasets._simulation.clock import Clock, make_clock
from clvkit.datasets._simulation.processes import PROCESSES, Latent, Process
from clvkit.datasets._simulation.refunds import (
    Refunds,
    draw_refunds,
    expected_kept,
    expected_pending,
)
from clvkit.datasets._simulation.settings import Settings, read_settings
from clvkit.datasets._simulation.spends import SPENDS
from clvkit.errors import ArgumentError

__all__ = ["simulate_log"]

Array = NDArray[np.float64]


class _Purchases(NamedTuple):
    """All purchases of the log, and what customers are like."""

    customer: NDArray[np.int64]
    day: Array
    amount: Array
    birth: Array
    lost: Array
    latent: Latent
    spend: Array


def simulate_log(
    process: str = "bg_nbd",
    *,
    n_customers: int = 1000,
    params: Mapping[str, float] | None = None,
    spend: str = "gamma_gamma",
    spend_params: Mapping[str, float] | None = None,
    start: str = "2021-01-01",
    cutoff: str = "2021-12-31",
    horizon: str = "26W",
    entry: str | None = "13W",
    season: Mapping[int, float] | None = None,
    growth: float = 0.0,
    refunds: float = 0.0,
    attributes: Mapping[str, Mapping[Any, float]] | None = None,
    granularity: str = "D",
    time_unit: str = "7D",
    random_state: int | np.random.Generator | None = None,
) -> Bunch:
    r"""Simulate a transaction log together with what a perfect forecaster would know.

    Use it to see whether a model recovers what is there to recover, and how far from the best
    possible its predictions are. The world of a simulation is simpler than any real one, so it
    cannot tell which model is best for your customers.

    Every customer buys once on entry, and from then on at random with a rate of their own,
    until they drop out. The rate can have a season and grow. All draws are exact, not stepped
    through time, and all parts combine. Parts have random streams of their own: another spend,
    or refunds, leave the times of the purchases as they were.

    Parameters
    ----------
    process : {"bg_nbd", "mbg_nbd", "pareto_nbd", "nbd"}, default="bg_nbd"
        How customers drop out: at a repeat purchase, at any purchase, at any time, or never.
    n_customers : int, default=1000
    params : mapping of str to float, optional
        Parameters of the process, under the names of the literature and in ``time_unit``:
        ``r``, ``alpha``; with ``a`` and ``b`` for (modified) BG/NBD or ``s`` and ``beta`` for
        Pareto/NBD. Those left out are estimates from the CDNOW log, which are in weeks.
    spend : {"gamma_gamma", "zero_inflated_lognormal"}, default="gamma_gamma"
        What a purchase is worth. The latter is free with chance ``zero``, else lognormal.
    spend_params : mapping of str to float, optional
        ``p``, ``q`` (above 1, for a finite mean), ``gamma``; or ``zero``, ``mu``, ``sigma``
        (of a customer's purchases) and ``sigma_customers`` (of the customers' means), of the
        logarithm of the amount.
    start, cutoff : str, default="2021-01-01", "2021-12-31"
        First day of the log, and the last day that counts as known.
    horizon : str, default="26W"
        Length of the time after the cutoff, in days or longer units. The log ends with it.
    entry : str or None, default="13W"
        Customers enter evenly over this time from ``start`` on; it ends by the cutoff. None:
        one cohort, all of the first day.
    season : mapping of int to float, optional
        Month (1 to 12) -> factor of the purchase rate, 1 for months left out. ``{12: 3.0}``
        triples December. Entry and dropout over time have no season; dropout at purchases
        comes with the purchases.
    growth : float, default=0.0
        Yearly growth of the purchase rate, above -1, in monthly steps: 0.1 is 10 % a year.
    refunds : float, default=0.0
        Share of the purchases that are returned after 1 to 30 days (evenly): a line of the
        exact negative amount. Free purchases are not returned.
    attributes : mapping of str to mapping, optional
        Further columns: name -> (value -> share), drawn independently for every purchase. A
        refund has those of its purchase.
    granularity : {"D", "s"}, default="D"
        Whether ``date`` is a day or has a time, in whole seconds. Purchases of one day then
        merge where the log is read by day, so that models see a few less than there were.
    time_unit : str, default="7D"
        Unit of time of ``params`` and of the rates in ``truth``.
    random_state : int or numpy.random.Generator, optional
        Seed, or the generator to draw from.

    Returns
    -------
    Bunch
        log : DataFrame
            ``customer_id``, ``date``, ``amount`` and the attributes: one row a transaction,
            in no order, from ``start`` to ``end``.
        truth : DataFrame of shape (n_customers, 9 or 10)
            Indexed by ``customer_id``.

            - ``first_purchase``, ``dropout``: when; ``NaT`` for a dropout after ``end``.
            - ``rate``: latent purchases per unit of time, before season and growth.
            - ``dropout_probability`` at a purchase, or ``dropout_rate`` per unit of time;
              neither for ``"nbd"``.
            - ``spend_per_purchase``: latent mean, before refunds.
            - ``alive``: whether at the cutoff.
            - ``expected_purchases``, ``expected_spend``: of the horizon, given these latent
              values, being alive or not, and (for refunds) the log up to the cutoff. The
              spend is net of refunds.
            - ``realised_purchases``, ``realised_spend``: what came of it, in the log. The
              spend has its sign: it is the y of ``make_samples(..., floor=None)``.
        params, spend_params : dict
            All parameters that were used.
        start, cutoff, end : str
            Days.
        horizon, time_unit : str

    Raises
    ------
    ArgumentError
        When a parameter is unknown or out of its range.
    UnknownNameError
        When there is no such process or spend.

    See Also
    --------
    load_cdnow : A real log.

    Notes
    -----
    No forecaster can know the latent values or who is alive, so ``expected_spend`` is not
    within reach; its distance to ``realised_spend`` is the part that is mere chance. The best
    that can be had from a log is the prediction of the same process with the true parameters,
    such as ``clvkit.btyd.BetaGeoNBD.from_params(**params)``.

    With a season, purchases are those of a constant rate on the clock
    :math:`S(t) = \int_0^t m(u)\,du`, where m is the product of season and growth.

    References
    ----------
    Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting Your Customers: Who
    Are They and What Will They Do Next? Management Science 33(1), 1-24.

    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting Your Customers" the Easy
    Way: An Alternative to the Pareto/NBD Model. Marketing Science 24(2), 275-284.

    Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical validation and comparison
    of models for customer base analysis. International Journal of Research in Marketing
    24(3), 201-209.

    Fader, P. S. and Hardie, B. G. S. (2013), The Gamma-Gamma Model of Monetary Value.

    Examples
    --------
    >>> from clvkit.datasets import simulate_log
    >>> shop = simulate_log("pareto_nbd", n_customers=2000, season={12: 3.0}, random_state=0)
    >>> list(shop.log.columns), shop.end
    (['customer_id', 'date', 'amount'], '2022-07-01')
    >>> totals = shop.truth[["expected_spend", "realised_spend"]].sum()
    >>> bool(0.9 < totals["realised_spend"] / totals["expected_spend"] < 1.1)
    True

    Parameters are those of the process, by name:

    >>> simulate_log("nbd", params={"s": 0.6})
    Traceback (most recent call last):
        ...
    clvkit.errors.ArgumentError: params has 's', which is no parameter of 'nbd'. It has r, alpha...
    """
    settings = read_settings(
        process=process,
        n_customers=n_customers,
        params=params,
        spend=spend,
        spend_params=spend_params,
        start=start,
        cutoff=cutoff,
        horizon=horizon,
        entry=entry,
        season=season,
        growth=growth,
        refunds=refunds,
        attributes=attributes,
        granularity=granularity,
        time_unit=time_unit,
    )
    clock = make_clock(settings.start, settings.end_day, settings.months, settings.growth)
    streams = _streams(random_state, 6)
    purchases = _draw_purchases(settings, clock, streams)
    returned = draw_refunds(
        purchases.day, purchases.amount, settings.refunds, clock.days[-1], streams[3]
    )
    return Bunch(
        log=_log(settings, purchases, returned, streams[4], streams[5]),
        truth=_truth(settings, purchases, returned, clock),
        **settings.told(),
    )


def _streams(
    random_state: int | np.random.Generator | None, number: int
) -> Sequence[np.random.Generator]:
    """Return independent generators: one for every part of the simulation."""
    try:
        return np.random.default_rng(random_state).spawn(number)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"random_state={random_state!r} must be a whole number of 0 or more, a "
            "numpy.random.Generator, or None."
        ) from error


def _draw_purchases(
    settings: Settings, clock: Clock, streams: Sequence[np.random.Generator]
) -> _Purchases:
    process, model = PROCESSES[settings.process], SPENDS[settings.spend]
    customers, times, amounts = streams[:3]
    n = settings.n_customers
    birth = settings.entry_days * customers.random(n)
    latent = process.draw_latent(settings.params, n, settings.unit_days, customers)
    repeats = process.draw_repeats(latent, birth, clock, times)
    customer = np.concatenate([np.arange(n), repeats.customer])
    spend = model.draw_latent(settings.spend_params, n, amounts)
    amount = model.draw(settings.spend_params, spend[customer], amounts)
    day = np.concatenate([birth, repeats.day])
    return _Purchases(
        customer,
        day,
        amount,
        birth,
        repeats.lost,
        latent,
        model.mean(settings.spend_params, spend),
    )


def _log(
    settings: Settings,
    purchases: _Purchases,
    returned: Refunds,
    values: np.random.Generator,
    shuffle: np.random.Generator,
) -> pd.DataFrame:
    """Return purchases and refunds as lines in no order."""
    purchase = np.concatenate([np.arange(len(purchases.day)), returned.purchase])
    day = np.concatenate([purchases.day, returned.day])
    sign = np.where(np.arange(len(purchase)) < len(purchases.day), 1.0, -1.0)
    order = shuffle.permutation(len(purchase))
    purchase = purchase[order]
    columns: dict[str, Any] = {
        "customer_id": purchases.customer[purchase] + 1,
        "date": settings.dates(day[order]),
        "amount": sign[order] * purchases.amount[purchase],
    }
    for name, shares in settings.attributes.items():
        kinds = pd.Index(list(shares))
        weights = np.array(list(shares.values()), dtype=float)
        drawn = values.choice(len(kinds), len(purchases.day), p=weights / weights.sum())
        columns[name] = kinds.take(drawn[purchase])
    return pd.DataFrame(columns)


def _truth(
    settings: Settings, purchases: _Purchases, returned: Refunds, clock: Clock
) -> pd.DataFrame:
    """Return one row a customer: latent values, what to expect of them, what came."""
    process = PROCESSES[settings.process]
    latent = purchases.latent
    alive = purchases.lost >= settings.cutoff_day
    columns = {
        "first_purchase": settings.dates(purchases.birth),
        "dropout": settings.dates(purchases.lost),
        "rate": latent.rate * settings.unit_days,
        "spend_per_purchase": purchases.spend,
        "alive": alive,
        **_expected(settings, process, purchases, returned, clock, alive),
        **_realised(settings, purchases, returned),
    }
    frame = pd.DataFrame(
        columns, index=pd.RangeIndex(1, settings.n_customers + 1, name="customer_id")
    )
    if process.dropout_name == "dropout_probability":
        frame.insert(3, process.dropout_name, latent.dropout)
    elif process.dropout_name is not None:
        frame.insert(3, process.dropout_name, latent.dropout * settings.unit_days)
    return frame


def _expected(
    settings: Settings,
    process: Process,
    purchases: _Purchases,
    returned: Refunds,
    clock: Clock,
    alive: NDArray[np.bool_],
) -> dict[str, Array]:
    begin, end = settings.cutoff_day, settings.end_day
    latent, share = purchases.latent, settings.refunds
    bought = process.expected(latent, begin, end, clock)
    kept = expected_kept(process, latent, begin, end, share, clock)
    pending = expected_pending(purchases.day, purchases.amount, returned, begin, end, share)
    refunds = np.bincount(purchases.customer, pending, settings.n_customers)
    return {
        "expected_purchases": alive * bought,
        "expected_spend": alive * kept * purchases.spend - refunds,
    }


def _realised(settings: Settings, purchases: _Purchases, returned: Refunds) -> dict[str, Array]:
    n, inside = settings.n_customers, purchases.day >= settings.cutoff_day
    back = returned.purchase[returned.day >= settings.cutoff_day]
    gross = np.bincount(purchases.customer[inside], purchases.amount[inside], n)
    refunded = np.bincount(purchases.customer[back], purchases.amount[back], n)
    count = np.bincount(purchases.customer[inside], minlength=n)
    return {
        "realised_purchases": count.astype(np.float64),
        "realised_spend": np.asarray(gross - refunded, dtype=np.float64),
    }
