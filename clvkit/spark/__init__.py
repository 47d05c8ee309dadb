"""The same features and models on Spark: a log past one machine, by the same code."""

from clvkit.spark._features import features
from clvkit.spark._fit import fit
from clvkit.spark._predict_customers import predict_customers
from clvkit.spark._rfm_summary import rfm_summary

__all__ = ["features", "fit", "predict_customers", "rfm_summary"]
