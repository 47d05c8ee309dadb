import pytest

from clvkit.utils._axes import axes_or_new


def test_axes_are_made_where_there_are_none():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    ax = axes_or_new(None)
    assert axes_or_new(ax) is ax
    pyplot.close(ax.figure)
