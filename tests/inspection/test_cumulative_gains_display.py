import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from clvkit.inspection import CumulativeGainsDisplay
from clvkit.metrics import normalized_gini, top_share_capture


def area(frame, column):
    gain = (frame[column] - frame["random"]).to_numpy()
    return float(np.diff(frame["customers"]) @ (gain[1:] + gain[:-1]) / 2)


def test_the_frame_is_what_is_plotted(spend):
    display = CumulativeGainsDisplay.from_predictions(*spend)
    frame = display.frame()
    assert list(frame.columns) == ["customers", "spend", "perfect", "random"]
    assert frame.iloc[0].tolist() == [0, 0, 0, 0]
    assert frame.iloc[-1].tolist() == pytest.approx([1, 1, 1, 1])
    assert (frame["spend"] <= frame["perfect"] + 1e-12).all()
    np.testing.assert_array_equal(display.line_.get_xdata(), frame["customers"])
    np.testing.assert_array_equal(display.line_.get_ydata(), frame["spend"])


@pytest.mark.parametrize("n_samples", [40, 400, 3000])
def test_areas_give_the_gini_of_the_legend(spend, n_samples):
    y, pred = (values[:n_samples] for values in spend)
    display = CumulativeGainsDisplay.from_predictions(y, pred, name="truth")
    frame = display.frame()
    gini = normalized_gini(y, pred)
    # Thinning of curves with more than 1001 points is the only approximation.
    tolerance = 1e-12 if n_samples < 1000 else 1e-4
    assert area(frame, "spend") / area(frame, "perfect") == pytest.approx(gini, abs=tolerance)
    assert display.gini == gini
    assert display.line_.get_label() == f"truth (normalised Gini {gini:.2f})"


def test_points_are_what_the_top_share_captures(spend):
    y, pred = spend
    frame = CumulativeGainsDisplay.from_predictions(y, pred).frame().set_index("customers")
    for share in (0.1, 0.25, 0.5):
        nearest = frame["spend"].iloc[np.abs(frame.index - share).argmin()]
        assert nearest == pytest.approx(top_share_capture(y, pred, share=share), abs=1e-9)


def test_large_data_are_thinned_and_small_ones_exact(spend):
    y, pred = spend
    assert len(CumulativeGainsDisplay.from_predictions(y, pred).frame()) == 1001
    assert len(CumulativeGainsDisplay.from_predictions(y[:300], pred[:300]).frame()) == 301


def test_axes_and_legend_say_what_is_shown(spend):
    display = CumulativeGainsDisplay.from_predictions(*spend)
    ax = display.ax_
    assert display.figure_ is ax.figure
    assert ax.get_xlabel() == "Share of customers, best predictions first"
    assert ax.get_ylabel() == "Share of all spend"
    assert ax.yaxis.get_major_formatter()(0.2) == "20%"
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["Perfect order", "Random order", display.line_.get_label()]


def test_models_share_axes_with_one_pair_of_references(spend):
    y, pred = spend
    first = CumulativeGainsDisplay.from_predictions(y, pred, name="one")
    second = CumulativeGainsDisplay.from_predictions(
        y, np.sqrt(pred) + 3, name="two", ax=first.ax_, plot_references=False, linestyle="-."
    )
    assert second.ax_ is first.ax_
    assert len(first.ax_.lines) == 4
    assert second.line_.get_linestyle() == "-."
    assert second.line_.get_color() != first.line_.get_color()


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (lambda model: model, None),
        (lambda model: make_pipeline("passthrough", make_pipeline(model)), None),
        (lambda model: model, "given"),
    ],
    ids=["class", "pipeline", "given"],
)
def test_from_estimator_predicts_and_names(spend, regressor, wrap, name):
    y, pred = spend
    _, ax = plt.subplots()
    display = CumulativeGainsDisplay.from_estimator(
        wrap(regressor), pred.reshape(-1, 1), y, name=name, ax=ax
    )
    assert display.ax_ is ax
    assert display.name == (name or "Itself")
    assert display.gini == normalized_gini(y, pred)


def test_weights_are_used(spend):
    y, pred = (values[:200] for values in spend)
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    weighted = CumulativeGainsDisplay.from_predictions(y, pred, sample_weight=weight)
    repeated = CumulativeGainsDisplay.from_predictions(
        np.repeat(y, weight), np.repeat(pred, weight)
    )
    points = np.linspace(0, 1, 50)
    for column in ("spend", "perfect"):
        ours, theirs = (
            np.interp(points, display.frame()["customers"], display.frame()[column])
            for display in (weighted, repeated)
        )
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert weighted.gini == pytest.approx(repeated.gini)


def test_plain_data_are_enough_to_draw():
    display = CumulativeGainsDisplay(customers=[0, 0.5, 1], spend=[0, 0.8, 1], perfect=[0, 1, 1])
    assert not hasattr(display, "ax_")
    assert display.plot() is display
    assert display.line_.get_label() == "Prediction"


def test_a_constant_prediction_lies_on_the_random_line(spend):
    y, _ = spend
    frame = CumulativeGainsDisplay.from_predictions(y, np.ones_like(y)).frame()
    np.testing.assert_allclose(frame["spend"], frame["random"], atol=1e-12)


@pytest.mark.parametrize("y", [[0, 0, 0], [1, -2, 0]], ids=["zero", "negative"])
def test_no_spend_is_refused(y):
    with pytest.raises(ValueError, match=r"the 3 values of y_true sum to"):
        CumulativeGainsDisplay.from_predictions(y, [1, 2, 3])
