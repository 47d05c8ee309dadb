"""The BG/NBD model's rows of the reference table."""

from clvkit.btyd import BetaGeoNBD

MODELS = {"BG/NBD": BetaGeoNBD}

#: (data set, model, quantity, value) -> why it does not hold.
EXCEPTIONS = {
    ("cdnow_exact", "BG/NBD", "E[X(t)]", "1.8576"): (
        "The spreadsheet sums 150 terms of a hypergeometric series, which give 1.85762; the whole "
        "series gives 1.857958 (see test_beta_geo_nbd.py::test_newcomer_against_mpmath)."
    ),
}


def test_table_is_read(reference_table):
    assert len(reference_table(MODELS)) > 180


def test_reference_number(reference_case):
    assert reference_case.compute() == reference_case.expected
