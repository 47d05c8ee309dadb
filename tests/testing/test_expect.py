import pytest

from clvkit.testing._expect import must_raise


def test_the_error_and_its_subclasses_are_expected():
    for error in (LookupError, KeyError):
        with must_raise(LookupError, "looking"):
            raise error


def test_no_error_is_told():
    with (
        pytest.raises(AssertionError, match="looking must raise LookupError"),
        must_raise(LookupError, "looking"),
    ):
        pass


def test_another_error_passes_through():
    with pytest.raises(ZeroDivisionError), must_raise(LookupError, "looking"):
        1 / 0
