"""Numbers that nothing could be done with are refused, with their limits."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import main
from benchmarks.arguments import seconds, whole_number


def test_numbers_within_the_limits_are_read():
    assert whole_number(1)("12") == 12
    assert whole_number(0, 3)("3") == 3
    assert seconds("0.5") == 0.5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["accuracy", "--resamples", "0"], "--resamples: '0' is no whole number of at least 1"),
        (["accuracy", "--seed", "-1"], "--seed: '-1' is no whole number of at least 0"),
        (["accuracy", "--seed", "4294967296"], "at most 4"),
        (["accuracy", "--time-limit", "nan"], "--time-limit: 'nan' is no number of seconds"),
        (["accuracy", "--time-limit", "0"], "--time-limit: '0' is no number of seconds above 0"),
        (["accuracy", "--time-limit", "soon"], "'soon' is no number of seconds"),
        (["speed", "--repeats", "1.5"], "--repeats: '1.5' is no whole number"),
        (["speed", "--sizes", "100", "-5"], "--sizes: '-5' is no whole number"),
        (["speed", "--threads", "0"], "--threads: '0' is no whole number of at least 1"),
    ],
)
def test_others_are_refused(words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
