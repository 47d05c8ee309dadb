"""The rows of the reference table of the GGompertz/NBD.

Its parameters on CDNOW lie on a boundary and are not identified, which a warning says; the table
gives them for information, and holds the log-likelihood.
"""

import pytest

from clvkit.btyd import GompertzGammaNBD

MODELS = {"GGompertz/NBD": GompertzGammaNBD}

pytestmark = pytest.mark.filterwarnings("ignore::clvkit.errors.BoundaryWarning")


def test_table_is_read(reference_table):
    assert len(reference_table(MODELS)) == 2


def test_reference_number(reference_case):
    assert reference_case.compute() == reference_case.expected
