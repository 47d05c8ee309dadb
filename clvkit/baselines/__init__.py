"""What any model must beat."""

from clvkit.baselines._historical_rate import HistoricalRate
from clvkit.baselines._last_period import LastPeriod
from clvkit.baselines._population_mean import PopulationMean

__all__ = ["HistoricalRate", "LastPeriod", "PopulationMean"]
