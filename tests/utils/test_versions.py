import sklearn

from clvkit.utils._versions import PACKAGES, installed_versions


def test_what_is_installed_is_found():
    assert installed_versions(["scikit-learn"]) == {"scikit-learn": sklearn.__version__}


def test_what_is_not_installed_is_left_out():
    assert installed_versions(["no-such-distribution"]) == {}


def test_the_order_is_that_of_the_names():
    assert list(installed_versions()) == [name for name in PACKAGES if name in installed_versions()]
