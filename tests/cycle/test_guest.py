"""A guest that is kept is booted again when its first seconds go wrong."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from hibtest.cycle import guest
from hibtest.cycle.boot import Running
from hibtest.cycle.lab import Lab
from hibtest.errors import GuestError, HibtestError, QemuError
from hibtest.spec import OWN_KERNEL, GuestSpec, Scenario
from tests.cycle.jobs import job_in


def _lab(directory: Path, kernel: str = "trixie", accel: str = "tcg") -> Lab:
    job = job_in(directory, Scenario(name="kept", guest=GuestSpec(kernel=kernel)))
    return Lab.of(replace(job, host=replace(job.host, accel=accel)))


@dataclass
class _Boots:
    """Boots of which the first ``bad`` go wrong."""

    bad: int
    error: HibtestError = field(default_factory=lambda: QemuError("QEMU was ended by SIGABRT"))
    directories: list[str] = field(default_factory=list)
    ended: int = 0

    @contextmanager
    def running(self, _lab: Lab, _role: object, _number: int, directory: Path) -> Iterator[Running]:
        directory.mkdir()
        self.directories.append(directory.name)
        try:
            yield cast(Running, self)
        finally:
            self.ended += 1

    def wait(self, _run: Running) -> None:
        if len(self.directories) <= self.bad:
            raise self.error


def _boots(monkeypatch: pytest.MonkeyPatch, bad: int) -> _Boots:
    boots = _Boots(bad)
    monkeypatch.setattr(guest, "running", boots.running)
    monkeypatch.setattr(guest, "_wait", boots.wait)
    return boots


def test_the_third_try_may_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boots = _boots(monkeypatch, 2)
    with ExitStack() as stack:
        guest._ready(_lab(tmp_path), stack, 3)
        assert boots.ended == 2  # the one that is ready runs
    assert boots.directories == ["boot-1", "boot-2", "boot-3"]


def test_what_goes_wrong_three_times_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots = _boots(monkeypatch, 3)
    with ExitStack() as stack, pytest.raises(QemuError, match="SIGABRT"):
        guest._ready(_lab(tmp_path), stack, 3)
    assert boots.ended == 3


@pytest.mark.parametrize(
    ("lab", "boots"),
    [({}, 2), ({"kernel": OWN_KERNEL}, 1), ({"accel": "kvm"}, 1)],
)
def test_a_guest_that_does_not_boot_is_tried_again_where_the_emulator_may_be_to_blame(
    lab: dict[str, Any], boots: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _boots(monkeypatch, 1)
    made.error = GuestError("the guest did not boot")
    with ExitStack() as stack, suppress(GuestError):
        guest._ready(_lab(tmp_path, **lab), stack, 3)
    assert len(made.directories) == boots
