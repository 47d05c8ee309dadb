"""Costs are told apart by two logs, and large numbers are reckoned from them."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks import sizing
from benchmarks.__main__ import main
from benchmarks.errors import BenchmarkError
from benchmarks.published import RESULTS, ROOT
from benchmarks.sizing import STAGES, estimate, measure_costs, update_page


@pytest.fixture
def costs():
    rows = {"stage": ["door", "fit btyd"], "what": ["", ""]}
    return pd.DataFrame(
        rows | {"s_per_1e6_customers": [1.0, 36.0], "s_per_1e6_events": [0.36, 0.0]}
    )


def test_hours_are_seconds_a_million_times_the_millions(costs):
    table = estimate(costs, 100e6, 10e9, cores=10).set_index("stage")
    assert table.loc["door", "processor_hours"] == pytest.approx((100 + 3600) / 3600)
    assert table.loc["fit btyd", "processor_hours"] == pytest.approx(1.0)
    assert table.loc["fit btyd", "hours"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("seconds", "customers", "events"),
    [
        (lambda n, density: n * 2e-6 + n * density * 3e-6, 2.0, 3.0),
        (lambda n, density: n * 5e-6 / density, 1.25, 0.0),  # noise: more lines took less
        (lambda n, density: n * density**2 * 1e-6, 0.0, 24.0),
    ],
    ids=["a line", "falling", "bent"],
)
def test_customers_and_events_are_told_apart(monkeypatch, seconds, customers, events):
    def measured(n_customers, n_fitted, density, repeats):
        sizes = {stage: n_fitted if "fit" in stage else n_customers for stage in STAGES}
        return {stage: seconds(n, density) for stage, n in sizes.items()}

    monkeypatch.setattr(sizing, "_measure", measured)
    table = measure_costs(1000, 100)
    assert table["stage"].tolist() == list(STAGES)
    assert table["s_per_1e6_customers"].to_numpy() == pytest.approx(customers)
    assert table["s_per_1e6_events"].to_numpy() == pytest.approx(events)


def test_tables_stand_between_their_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- sizing: x -->\nold\n<!-- sizing: end of x -->\nb\n")
    for text in ("one", "two"):
        update_page(page, "x", text)
    expected = "a\n<!-- sizing: x -->\n\ntwo\n\n<!-- sizing: end of x -->\nb\n"
    assert page.read_text() == expected
    with pytest.raises(BenchmarkError, match="has no lines"):
        update_page(page, "y", "text")


def test_the_command_reckons_from_what_was_measured(tmp_path, costs, capsys):
    arguments = ["sizing", "--customers", "100e6", "--events", "10e9", "--out", str(tmp_path)]
    with pytest.raises(SystemExit):
        main(arguments)
    assert "measure first" in capsys.readouterr().err
    costs.to_csv(tmp_path / "sizing.csv")
    page = tmp_path / "page.md"
    page.write_text("<!-- sizing: reckoned -->\n<!-- sizing: end of reckoned -->\n")
    main([*arguments, "--cores", "64", "--page", str(page)])
    assert "hours on 64 cores" in capsys.readouterr().out
    assert "| door | 1.03 | 0.02 |" in page.read_text()


@pytest.mark.long
def test_every_stage_is_measured(tmp_path):
    arguments = ["--size", "3000", "--fit-size", "1000", "--repeats", "1", "--out", str(tmp_path)]
    main(["sizing", *arguments])
    table = pd.read_csv(tmp_path / "sizing.csv")
    assert table["stage"].tolist() == list(STAGES)
    assert (table[["s_per_1e6_customers", "s_per_1e6_events"]].sum(axis=1) > 0).all()


def test_the_page_is_as_in_the_results():
    """Run `python -m benchmarks sizing --page docs/sizing.md`, both ways, where it fails."""
    page = (ROOT / "docs" / "sizing.md").read_text(encoding="utf-8")
    costs = sizing._read_costs(RESULTS / "sizing.csv")
    assert sizing._markdown(costs) in page
    assert sizing._reckoned(estimate(costs, 100e6, 10e9, 64)) in page
