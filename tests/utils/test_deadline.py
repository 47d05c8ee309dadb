"""Work is given up at its deadline, in its own thread."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from clvkit.utils._deadline import OutOfTime, check_deadline, deadline


def test_nothing_happens_before_the_deadline_or_without_one():
    check_deadline()
    with deadline(None):
        check_deadline()
    with deadline(time.perf_counter() + 60):
        check_deadline()


def test_work_is_given_up_after_it_and_only_inside_the_block():
    with deadline(time.perf_counter() - 1), pytest.raises(OutOfTime):
        check_deadline()
    check_deadline()


def test_the_nearer_one_ends_where_its_block_ends():
    with deadline(time.perf_counter() + 60):
        with deadline(time.perf_counter() - 1), pytest.raises(OutOfTime):
            check_deadline()
        check_deadline()


def test_other_threads_have_their_own():
    with deadline(time.perf_counter() - 1), ThreadPoolExecutor(1) as threads:
        threads.submit(check_deadline).result()


def test_it_is_not_caught_with_the_errors_of_an_estimator():
    assert not issubclass(OutOfTime, Exception)
