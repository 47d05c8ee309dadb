"""The NBD model's rows of the reference table."""

from clvkit.btyd import NBD

MODELS = {"NBD": NBD}


def test_table_is_read(reference_table):
    assert len(reference_table(MODELS)) == 9


def test_reference_number(reference_case):
    assert reference_case.compute() == reference_case.expected
