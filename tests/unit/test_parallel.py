"""One act for several things: in bounded number, told in their order, whatever becomes of the others."""

from __future__ import annotations

import os
import threading
import time

import pytest

from libpod.errors import InvalidError, LibpodError
from libpod.parallel import each

MANY = 200


def test_no_more_at_once_than_is_good_and_told_in_order() -> None:
    limit = (os.cpu_count() or 1) * 3 + 1
    lock, running, most = threading.Lock(), 0, 0

    def act(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.001 if number % 2 else 0.003)
        with lock:
            running -= 1
        return number * 2

    assert list(each(act, range(MANY))) == [(number, number * 2) for number in range(MANY)]
    assert 1 < most <= limit


def test_an_error_of_one_is_its_outcome() -> None:
    def act(number: int) -> int:
        if number == 1:
            raise InvalidError("no")
        if number == 2:
            raise PermissionError(13, "Permission denied", "/x")
        return number

    outcomes = [outcome for _, outcome in each(act, range(4))]
    assert (outcomes[0], outcomes[3]) == (0, 3)
    assert isinstance(outcomes[1], LibpodError)
    assert isinstance(outcomes[2], PermissionError)


@pytest.mark.parametrize("count", [1, 3])
def test_a_fault_of_the_program_ends_all(count: int) -> None:
    def act(_number: int) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(each(act, range(count)))


def test_one_thing_is_done_by_the_caller() -> None:
    assert list(each(lambda _: threading.current_thread(), ["one"])) == [("one", threading.current_thread())]
    assert list(each(lambda _: None, [])) == []
