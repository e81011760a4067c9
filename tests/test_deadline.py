"""Deadlines and polling."""

import os

import pytest

from hibtest.deadline import Deadline, DeadlineExpired, poll, wait_readable


def test_poll_returns_the_first_fact_that_is_there() -> None:
    answers = iter([None, None, "there"])
    assert poll(lambda: next(answers), Deadline.after(10, "it"), every=0.001) == "there"


def test_poll_names_what_did_not_come() -> None:
    with pytest.raises(DeadlineExpired, match="the guest did not come within 0 s"):
        poll(lambda: None, Deadline.after(0.01, "the guest"), every=0.001)


def test_poll_asks_once_more_after_the_deadline_so_that_the_real_error_shows() -> None:
    def fact() -> None:
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        poll(fact, Deadline.after(0, "the guest"))


def test_poll_is_not_late_with_a_fact_that_is_there_at_a_past_deadline() -> None:
    assert poll(lambda: 7, Deadline.after(0, "it")) == 7


def test_wait_readable_tells_which_descriptor() -> None:
    quiet, quiet_end = os.pipe()
    loud, loud_end = os.pipe()
    try:
        os.write(loud_end, b"x")
        assert wait_readable([quiet, loud], Deadline.after(10, "a byte")) == [loud]
        assert wait_readable([quiet], Deadline.after(0, "a byte")) == []
    finally:
        for fd in (quiet, quiet_end, loud, loud_end):
            os.close(fd)


def test_wait_readable_sees_a_hang_up() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    try:
        assert wait_readable([reader], Deadline.after(10, "the end")) == [reader]
    finally:
        os.close(reader)


def test_check_raises_when_no_time_is_left() -> None:
    Deadline.after(10, "it").check()
    with pytest.raises(DeadlineExpired):
        Deadline.after(0, "it").check()
