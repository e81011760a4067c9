"""A guest that never stops printing: limits hold, and so do deadlines."""

import time
from types import SimpleNamespace

import pytest

from hibtest import deadline
from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import GuestError
from hibtest.reach.shell import Shell
from tests.reach.limits import notes, soon


def late() -> Deadline:
    return Deadline.after(300, "16 MiB, on however busy a host")


@pytest.mark.parametrize("command", ["yes", "yes >&2", "cat /dev/zero", "cat /dev/zero >&2"])
def test_endless_output_has_a_limit(shell: Shell, command: str) -> None:
    with pytest.raises(GuestError, match="printed output of over 16 MiB"):
        shell.run(command, late())
    assert shell.run("echo alive", soon()).stdout == "alive\n"


@pytest.mark.parametrize(
    ("command", "what"), [("cat /dev/zero", "a line of over 1"), ("yes", "output of over 16")]
)
def test_an_endless_stream_has_a_limit(shell: Shell, command: str, what: str) -> None:
    with pytest.raises(GuestError, match=f"printed {what} MiB"):
        for _ in shell.stream(command, late()):
            pass


def test_a_deadline_holds_while_data_flow(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shell.stream("while :; do echo; done", Deadline.after(300, "the audit"))
    assert next(lines) == ""
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 301)
    monkeypatch.setattr(deadline, "time", later)
    with pytest.raises(DeadlineExpired, match="the audit") as caught:
        for _ in lines:
            pass
    assert notes(caught.value) == "last line seen: "


def test_json_that_is_nested_without_end_is_an_error(shell: Shell) -> None:
    with pytest.raises(GuestError, match="printed no JSON"):
        shell.run_json("head -c 200000 /dev/zero | tr '\\0' '['", soon())
