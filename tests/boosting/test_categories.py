import numpy as np
import pandas as pd
import pytest

from clvkit.boosting import TweedieLGBMRegressor
from clvkit.boosting._categories import encode, learn_categories


@pytest.mark.parametrize(
    ("categories", "values", "codes"),
    [
        pytest.param(["a", "b"], pd.Categorical(["b", "a", None]), [1, 0, np.nan], id="text"),
        pytest.param(["a", "b"], pd.Categorical(["z", "b"]), [np.nan, 1], id="unseen"),
        pytest.param(["a", "b"], ["b", "a", None], [1, 0, np.nan], id="no category dtype"),
        pytest.param([10, 20], [20.0, np.nan, 10.0], [1, np.nan, 0], id="numbers"),
        pytest.param([False, True], [True, False], [1, 0], id="booleans"),
        pytest.param(["a", "b"], pd.Categorical([None, None]), [np.nan] * 2, id="all missing"),
    ],
)
def test_codes_go_by_value(categories, values, codes):
    frame = pd.DataFrame({"country": values})
    encoded = encode(frame, {"country": categories})["country"]
    np.testing.assert_array_equal(encoded, codes)
    assert encoded.dtype == float


def test_learning_keeps_plain_lists():
    frame = pd.DataFrame(
        {"x": [1.0, 2.0], "c": pd.Categorical(["v", "u"]), "k": pd.Categorical([3, 1])}
    )
    assert learn_categories(frame) == {"c": ["u", "v"], "k": [1, 3]}
    assert all(type(value) is int for value in learn_categories(frame)["k"])
    assert learn_categories(frame.to_numpy()) == {}


def test_the_frame_of_the_user_stays_as_it_is():
    frame = pd.DataFrame({"c": pd.Categorical(["v", "u"])})
    before = frame.copy()
    encode(frame, learn_categories(frame))
    pd.testing.assert_frame_equal(frame, before)


def test_categories_are_used(spend_data):
    X, y = spend_data
    model = TweedieLGBMRegressor().fit(X, y)
    same = X.assign(rate=15.0, gap=30.0, noise=0.0)
    german, polish = (
        model.predict(same.assign(country=pd.Categorical([code] * len(same))))[0]
        for code in ("DE", "PL")
    )
    assert german > 5 * polish


def test_predictions_do_not_depend_on_which_categories_a_frame_knows(spend_data):
    X, y = spend_data
    model = TweedieLGBMRegressor().fit(X, y)
    french = X[X["country"] == "FR"]
    expected = model.predict(X)[X["country"] == "FR"]
    few = french.assign(country=french["country"].cat.remove_unused_categories())
    text = french.assign(country=french["country"].astype(str))
    more = french.assign(country=french["country"].cat.set_categories(["UK", "FR", "AT"]))
    for frame in (few, text, more):
        np.testing.assert_array_equal(model.predict(frame), expected)


def test_unseen_categories_count_as_missing(spend_data):
    X, y = spend_data
    model = TweedieLGBMRegressor().fit(X, y)
    unseen, missing = (
        X.assign(country=pd.Categorical([value] * len(X), categories=["UK"]))
        for value in ("UK", None)
    )
    np.testing.assert_array_equal(model.predict(unseen), model.predict(missing))


def test_an_array_cannot_stand_for_named_categories(spend_data):
    X, y = spend_data
    model = TweedieLGBMRegressor().fit(X, y)
    with pytest.raises(TypeError, match=r"must be a pandas DataFrame, got ndarray.*'country'"):
        model.predict(np.zeros((2, 4)))


def test_columns_are_checked_by_name(spend_data):
    X, y = spend_data
    model = TweedieLGBMRegressor().fit(X, y)
    with pytest.raises(ValueError, match="in the same order"):
        model.predict(X[["gap", "rate", "country", "noise"]])
    with pytest.raises(ValueError, match="missing"):
        model.predict(X.drop(columns="country"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param({"noise": "x"}, ValueError, "1 columns hold text, such as 'noise'", id="text"),
        pytest.param(
            {"noise": pd.Categorical([1] * 3000)},
            ValueError,
            "were not when the model was fitted, such as 'noise'",
            id="category",
        ),
    ],
)
def test_columns_that_changed_their_kind_are_refused(spend_data, change, error, message):
    X, y = spend_data
    model = TweedieLGBMRegressor().fit(X, y)
    with pytest.raises(error, match=message):
        model.predict(X.assign(**change))


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        pytest.param(
            pd.DataFrame({"age": pd.cut([1, 5, 9], 2)}),
            TypeError,
            r"'age' has 2 categories that are neither.*rename_categories\(str\)",
            id="intervals",
        ),
        pytest.param(
            pd.DataFrame({0: pd.Categorical(["a", "b", "a"])}), TypeError, "no text as name", id="0"
        ),
        pytest.param(
            pd.concat([pd.DataFrame({"c": pd.Categorical(["a", "b", "a"])})] * 2, axis=1),
            ValueError,
            "2 columns are named 'c'",
            id="twice",
        ),
    ],
)
def test_categories_that_cannot_be_remembered_are_refused(frame, error, message):
    with pytest.raises(error, match=message):
        TweedieLGBMRegressor().fit(frame, [0, 1, 2])
