"""The probe is shipped once, with the first command."""

from typing import Any, cast

import pytest

from hibtest import zipapp
from hibtest.cycle import workload
from hibtest.cycle.probe import PATH, Probe
from hibtest.deadline import Deadline
from hibtest.errors import GuestError, KernelError
from hibtest.reach.shell import Result, Shell
from hibtest.spec import FuseDirty, Nbd


class _Shell:
    """A guest that keeps what it was told and sent."""

    def __init__(self, *, status: int = 0, loses: int = 0) -> None:
        self.told: list[tuple[str, bytes]] = []
        self.status = status
        self.loses = loses
        self.answer = '{"a": 1}'

    def run(self, command: str, _deadline: Deadline, *, stdin: bytes, **_: Any) -> Result:
        self.told.append((command, stdin))
        if len(self.told) <= self.loses:
            raise GuestError("the connection to the guest was lost")
        return Result(command=command, status=self.status, stdout=self.answer, stderr="")

    def sent(self) -> list[bool]:
        shipped = {(True, zipapp.probe()): True, (False, b""): False}
        return [
            shipped[command.startswith(f"cat >{PATH} && "), data] for command, data in self.told
        ]


def _probe(shell: _Shell, **facts: Any) -> Probe:
    return Probe(cast(Shell, shell), 2.5, **facts)


def _soon() -> Deadline:
    return Deadline.after(10, "an answer")


def test_workloads_and_witnesses_are_one_shipment() -> None:
    shell = _Shell()
    probe = _probe(shell)
    workload.plant(probe, [Nbd(), FuseDirty()], _soon())
    assert probe.ask("plant", _soon()) == {"a": 1}
    assert shell.sent() == [True, False, False]
    assert shell.told[-1][0] == f"HIBTEST_PATIENCE=2.5 python3 -ISB {PATH} plant"


def test_a_workload_that_the_kernel_lacks_something_for_names_the_option() -> None:
    shell = _Shell(status=1)
    shell.answer = (
        '{"error": {"kind": "lacking", "message": "no driver fuse", "option": "FUSE_FS"}}'
    )
    with pytest.raises(KernelError, match="fuse-dirty cannot be set up: CONFIG_FUSE_FS") as caught:
        workload.plant(_probe(shell), [FuseDirty()], _soon())
    assert "no driver fuse" in caught.value.message
    assert "CONFIG_FUSE_FS" in str(caught.value.hint)


def test_after_a_resume_it_is_there() -> None:
    shell = _Shell()
    _probe(shell, shipped=True).ask("check", _soon())
    assert shell.sent() == [False]


def test_what_was_lost_on_the_way_is_shipped_again() -> None:
    shell = _Shell(loses=1)
    probe = _probe(shell)
    with pytest.raises(GuestError, match="lost"):
        probe.ask("plant", _soon())
    probe.ask("plant", _soon())
    assert shell.sent() == [True, True]


def test_an_answer_of_a_command_that_failed_is_none() -> None:
    with pytest.raises(GuestError, match="the probe's plant ended with status 3"):
        _probe(_Shell(status=3)).ask("plant", _soon())
