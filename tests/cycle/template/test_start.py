"""What a boot starts from, with a machine that is only pretended."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from hibtest.cycle.template import put_back, start, template_for
from hibtest.deadline import Deadline
from hibtest.errors import QemuError
from hibtest.events import Event
from hibtest.job import Job
from hibtest.machine.shape import MachineSpec
from hibtest.spec import Role
from tests.cycle.pretend import Machine
from tests.cycle.template.warm import notes, order_of

Warm = Callable[..., Job]


class Booting(Machine):
    """A guest that comes to where it waits, and is saved there."""

    heard = b""

    def save(self, path: Path, _: Deadline) -> None:
        """Save it; then it has ended."""
        path.write_bytes(b"state")
        (self.directory / "console.log").write_bytes(self.heard + b"hibtest: waits early\n")
        self.ends()


@pytest.fixture(name="boots", autouse=True)
def _boots(monkeypatch: pytest.MonkeyPatch) -> list[MachineSpec]:
    """Pretend guests that come to where they wait, and write to their swap before."""
    begun: list[MachineSpec] = []

    @contextmanager
    def starts(spec: MachineSpec, directory: Path) -> Iterator[Booting]:
        begun.append(spec)
        directory.mkdir()
        machine = Booting(directory, spec)
        place = "ready" if spec.followed.endswith("=ready") else "early"
        swap = next(disk.path for disk in spec.disks if disk.serial == "swap")
        if place == "ready":
            swap.write_bytes(b"used")
        machine.prints(f"hibtest: waits {place}; Enter lets it go on")
        try:
            yield machine
        finally:
            machine.close()

    monkeypatch.setattr(start, "start", starts)
    return begun


def test_early_template_is_made_at_once_since_a_run_has_two_such_boots(
    warm: Warm, boots: list[MachineSpec]
) -> None:
    job = warm()
    first, second = (template_for(order_of(job, role)) for role in (Role.RESUME, Role.COLD))
    assert first is not None
    assert second is not None
    assert first.key == second.key
    assert first.key.startswith("template-early-")
    assert first.saved.state.read_bytes() == b"state"
    assert first.saved.console == b"hibtest: waits early\n"
    assert len(boots) == 1


def test_save_boots_template_is_made_when_it_is_met_again(
    warm: Warm, boots: list[MachineSpec]
) -> None:
    job = warm()
    assert template_for(order_of(job, Role.SAVE)) is None
    assert boots == []
    order = order_of(job, Role.SAVE)
    template = template_for(order)
    assert template is not None
    assert len(boots) == 1
    swap = job.directory / "swap.raw"
    assert swap.read_bytes() == b"used"
    order.storage.make(job.files, job.directory)  # as the next run does
    assert swap.read_bytes() != b"used"
    again = template_for(order_of(job, Role.SAVE))
    assert again is not None
    assert again.key == template.key
    assert swap.read_bytes() == b"used"
    assert len(boots) == 1


def test_guest_that_does_not_come_up_is_told_and_the_boot_starts_with_fresh_disks(
    warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(spec: MachineSpec, _: Path) -> AbstractContextManager[Booting]:
        next(disk.path for disk in spec.disks if disk.serial == "swap").write_bytes(b"used")
        raise QemuError("QEMU was ended by SIGABRT")

    monkeypatch.setattr(start, "start", dies)
    job, events = warm(), list[Event]()
    template_for(order_of(job, Role.SAVE))
    assert template_for(order_of(job, Role.SAVE, events)) is None
    assert notes(events)[-1] == "save: no template: QEMU was ended by SIGABRT"
    assert (job.directory / "swap.raw").read_bytes() != b"used"


def test_guest_whose_kernel_reports_trouble_is_no_template(
    warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall = b"[    9.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\r\n"
    monkeypatch.setattr(Booting, "heard", stall)
    events = list[Event]()
    assert template_for(order_of(warm(), Role.RESUME, events)) is None
    assert "no template: while it was made, the kernel reported" in notes(events)[-1]
    assert "detected stalls" in notes(events)[-1]


def test_damaged_template_is_told_and_made_anew(warm: Warm, boots: list[MachineSpec]) -> None:
    job, events = warm(), list[Event]()
    template = template_for(order_of(job, Role.RESUME))
    assert template is not None
    template.saved.state.chmod(0o600)
    template.saved.state.write_bytes(b"other")
    again = template_for(order_of(job, Role.RESUME, events))
    assert again is not None
    assert again.saved.state.read_bytes() == b"state"
    assert "a damaged template" in notes(events)[0]
    assert len(boots) == 2


def test_template_that_no_machine_goes_on_from_is_given_up(
    warm: Warm, boots: list[MachineSpec]
) -> None:
    job, events = warm(), list[Event]()
    order = order_of(job, Role.RESUME, events)
    template = template_for(order)
    assert template is not None
    put_back(order, template, QemuError("it could not be loaded"))
    assert not template.saved.state.exists()
    assert notes(events)[-1].endswith("it could not be loaded")
    assert template_for(order) is not None
    assert len(boots) == 2
