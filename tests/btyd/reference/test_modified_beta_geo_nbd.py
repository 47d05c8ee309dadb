"""The MBG/NBD model's rows of the reference table."""

from clvkit.btyd import ModifiedBetaGeoNBD

MODELS = {"MBG/NBD": ModifiedBetaGeoNBD}

#: (data set, model, quantity, value) -> why it does not hold.
EXCEPTIONS = {}


def test_table_is_read(reference_table):
    assert len(reference_table(MODELS)) > 150


def test_reference_number(reference_case):
    assert reference_case.compute() == reference_case.expected
