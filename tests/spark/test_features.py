import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from clvkit.errors import ArgumentError
from clvkit.features import RFMFeatures, default_features
from clvkit.history import latest_histories
from clvkit.spark import features


@pytest.mark.parametrize("n_partitions", [None, 3])
def test_features_are_those_of_one_machine(n_partitions, sdf, log, collected):
    X = latest_histories(log, "2021-09-30", attributes=["shop"])
    transformer = default_features().fit(X)
    result = features(
        transformer, sdf, "2021-09-30", attributes=["shop"], n_partitions=n_partitions
    )
    got = collected(result)
    want = transformer.transform(X)
    names = list(transformer.get_feature_names_out())
    assert got.columns.tolist() == ["cutoff", *names]
    assert got.index.tolist() == X.index.get_level_values(0).tolist()
    np.testing.assert_allclose(got[names], want, rtol=1e-9)
    assert any("web" in name for name in names)


def test_frames_and_arrays_may_come_out_of_a_transformer(sdf, log, collected):
    X = latest_histories(log)
    plain = RFMFeatures().fit(X)
    framed = RFMFeatures().set_output(transform="pandas").fit(X)
    want = plain.transform(X)
    np.testing.assert_allclose(collected(features(framed, sdf)).iloc[:, 1:], want, rtol=1e-9)


def test_transformers_must_be_fitted_and_name_their_features(sdf, log):
    X = latest_histories(log)
    with pytest.raises(NotFittedError):
        features(RFMFeatures(), sdf)
    nameless = make_pipeline(RFMFeatures(), FunctionTransformer()).fit(X)
    with pytest.raises(ArgumentError, match="Pipeline does not name its features"):
        features(nameless, sdf)


def test_a_feature_cannot_be_called_like_the_customers(sdf, log):
    transformer = RFMFeatures().fit(latest_histories(log))
    with pytest.raises(ArgumentError, match="calls a feature 'frequency', as the key"):
        features(
            transformer,
            sdf.withColumnRenamed("customer_id", "frequency"),
            customer_id="frequency",
        )
