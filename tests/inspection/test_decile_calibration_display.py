import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from clvkit.inspection import DecileCalibrationDisplay
from clvkit.metrics import decile_calibration_curve, total_bias


def test_the_frame_is_what_is_plotted(spend):
    display = DecileCalibrationDisplay.from_predictions(*spend)
    frame = display.frame()
    predicted, actual = decile_calibration_curve(*spend)
    np.testing.assert_array_equal(frame["predicted"], predicted)
    np.testing.assert_array_equal(frame["actual"], actual)
    assert list(frame.index) == list(range(10, 0, -1))
    np.testing.assert_array_equal(display.line_.get_ydata(), predicted)
    np.testing.assert_array_equal([bar.get_height() for bar in display.bars_], actual)


def test_axes_and_legend_say_what_is_shown(spend):
    y, pred = spend
    display = DecileCalibrationDisplay.from_predictions(y, 1.2 * pred, name="BG/NBD")
    ax = display.ax_
    assert display.figure_ is ax.figure
    assert ax.get_xlabel() == "Decile of customers by prediction (10 = highest)"
    assert ax.get_ylabel() == "Mean spend per customer"
    texts = {text.get_text() for text in ax.get_legend().get_texts()}
    assert texts == {"Actual", f"Predicted by BG/NBD (total {total_bias(y, 1.2 * pred):+.1%})"}


def test_the_miss_is_written_above_each_decile_with_spend():
    display = DecileCalibrationDisplay(predicted=[30, 11, 1], actual=[20, 10, 0])
    assert [text.get_text() for text in display.plot().misses_] == ["+50%", "+10%"]


def test_plain_data_are_enough_to_draw_again(spend):
    first = DecileCalibrationDisplay.from_predictions(*spend, name="again")
    second = DecileCalibrationDisplay(
        predicted=first.predicted, actual=first.actual, name=first.name
    )
    assert not hasattr(second, "ax_")
    assert second.plot() is second
    np.testing.assert_array_equal(second.line_.get_ydata(), first.line_.get_ydata())
    assert second.figure_ is not first.figure_


def test_given_axes_and_style_are_used(spend):
    _, (left, right) = plt.subplots(ncols=2)
    display = DecileCalibrationDisplay.from_predictions(*spend, ax=right, color="black", marker="x")
    assert display.ax_ is right
    assert display.line_.get_color() == "black"
    assert display.line_.get_marker() == "x"
    assert not left.has_data()


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
    display = DecileCalibrationDisplay.from_estimator(
        wrap(regressor), pred.reshape(-1, 1), y, name=name
    )
    assert display.name == (name or "Itself")
    np.testing.assert_array_equal(display.predicted, decile_calibration_curve(y, pred)[0])


def test_weights_are_used(spend):
    y, pred = spend
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    weighted = DecileCalibrationDisplay.from_predictions(y, pred, sample_weight=weight)
    repeated = DecileCalibrationDisplay.from_predictions(
        np.repeat(y, weight), np.repeat(pred, weight)
    )
    np.testing.assert_allclose(weighted.frame(), repeated.frame())


def test_nobody_spends():
    display = DecileCalibrationDisplay.from_predictions(np.zeros(50), np.arange(50.0))
    assert display.misses_ == []
    assert display.line_.get_label() == "Predicted"


def test_it_can_be_saved(spend, tmp_path):
    path = tmp_path / "calibration.png"
    DecileCalibrationDisplay.from_predictions(*spend).figure_.savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")
