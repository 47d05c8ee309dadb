"""What a candidate predicted, as an estimator that a scorer can ask."""

from clvkit.metrics._given_predictions import GivenPredictions as CandidatePredictions

__all__ = ["CandidatePredictions"]
