"""Settings of a search that have proved themselves, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvkit.automl.candidates import resolve_candidates

if TYPE_CHECKING:
    from clvkit.automl._auto_clv import AutoCLV

__all__ = ["Presets"]


class Presets:
    """The constructors of :class:`AutoCLV` for those who want no knobs."""

    @classmethod
    def quick(cls: type[Any], horizon: str, **settings: Any) -> AutoCLV:
        """Return a search that tries every candidate once, with its defaults.

        For a first look, and for logs that are scored anew every day: seconds on some thousand
        customers. Nothing is tuned; on logs with some hundred buyers tuning gains little anyway.

        Parameters
        ----------
        horizon : str
            Length of the period to predict.
        **settings
            Parameters of :class:`AutoCLV`. Where they leave it open, ``n_trials`` is the number
            of candidates and ``n_origins`` is 2.

        Returns
        -------
        AutoCLV
            Not fitted.

        Examples
        --------
        >>> from clvkit import AutoCLV
        >>> AutoCLV.quick("13W", random_state=0)
        AutoCLV(horizon='13W', n_origins=2, n_trials=..., random_state=0)
        >>> AutoCLV.quick("13W", candidates=["bg_nbd", "tweedie"]).n_trials
        2
        """
        candidates = resolve_candidates(settings.get("candidates", "default"))
        return cls(horizon, **{"n_trials": len(candidates), "n_origins": 2, **settings})

    @classmethod
    def thorough(cls: type[Any], horizon: str, **settings: Any) -> AutoCLV:
        """Return a search over every candidate there is, each tuned, at more origins.

        For a model that will be in use for months: up to an hour on some ten thousand customers
        and two cores, most of it for little gain. More trials find the luckiest candidate as well
        as the best one, so that more origins go with them.

        Parameters
        ----------
        horizon : str
            Length of the period to predict.
        **settings
            Parameters of :class:`AutoCLV`. Where they leave it open, ``candidates`` is
            ``"all"``, ``n_trials`` 200, ``patience`` 60 and ``n_origins`` 5.

        Returns
        -------
        AutoCLV
            Not fitted.

        Examples
        --------
        >>> from clvkit import AutoCLV
        >>> AutoCLV.thorough("13W", timeout=3600)
        AutoCLV(candidates='all', horizon='13W', n_origins=5, n_trials=200, patience=60,
                timeout=3600)
        """
        preset = {"candidates": "all", "n_trials": 200, "patience": 60, "n_origins": 5}
        return cls(horizon, **{**preset, **settings})
