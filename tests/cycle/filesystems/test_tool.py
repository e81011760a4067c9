"""Programs that look: their words, their end, and what becomes of those that do not end."""

import pytest

from hibtest.cycle.filesystems.tool import ran
from hibtest.deadline import Deadline
from hibtest.errors import HostError


def soon() -> Deadline:
    return Deadline.after(60, "a program")


def test_both_outputs_are_heard_and_the_status_is_told() -> None:
    found = ran(("sh", "-c", "echo one; echo two >&2; exit 4"), soon())
    assert (found.status, found.text, found.cut) == (4, "one\ntwo\n", False)
    assert str(found) == "$ sh -c echo one; echo two >&2; exit 4\none\ntwo\n[it ended with 4]\n"


def test_what_prints_without_end_is_heard_only_so_far() -> None:
    found = ran(("head", "-c", "5000000", "/dev/zero"), soon())
    assert (found.status, len(found.text), found.cut) == (0, 1 << 20, True)


@pytest.mark.parametrize("command", ["sleep 600", "yes", "sleep 600 >&- 2>&-"])
def test_what_does_not_end_is_ended(command: str) -> None:
    found = ran(("sh", "-c", f"exec {command}"), Deadline.after(0.5, "a program"))
    assert found.status is None


def test_a_program_that_is_missing_is_the_host_s() -> None:
    with pytest.raises(HostError, match="no-such-fsck not found"):
        ran(("no-such-fsck",), soon())
