"""Files that are there whole or not at all."""

from __future__ import annotations

import errno

import pytest

from clvkit.errors import OutputError
from clvkit.utils._files import replacing


def write_half(target, error):
    with replacing(target) as partial:
        partial.write_text("half")
        raise error


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "t"
    target.write_text("old")
    with replacing(target) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_goes_wrong_in_between_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "t"
    target.write_text("old")
    with pytest.raises(error):
        write_half(target, error)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_a_message(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OutputError, match=r"'.*t' cannot be written \(No space left on device\)"):
        write_half(tmp_path / "t", full)
    assert not list(tmp_path.iterdir())
