"""The Gamma-Gamma model's rows of the reference table."""

from clvkit.btyd import GammaGamma

MODELS = {"Gamma-Gamma": GammaGamma}


def spend(case):
    if "row" in case.args:
        return case.model.expected_spend(case.summary.iloc[[case.args["row"]]])[0]
    return case.model.expected_spend([[case.args["x"], 1, 1, case.args["zbar"]]])[0]


QUANTITIES = {"expected_spend": spend}


def test_table_is_read(reference_table):
    assert len(reference_table(MODELS)) > 20


def test_reference_number(reference_case):
    assert reference_case.compute() == reference_case.expected
