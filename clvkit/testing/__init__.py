"""Contract suites: run them on your own models to learn whether clvkit can use them."""

from clvkit.testing._check_purchase_model import check_purchase_model, purchase_model_checks
from clvkit.testing._history_transformer import check_history_transformer

__all__ = ["check_history_transformer", "check_purchase_model", "purchase_model_checks"]
