"""Jobs whose boots may start from templates, with a QEMU that is a file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.cycle.lab import Lab
from hibtest.cycle.template import Order, identity
from hibtest.events import Event, Note
from hibtest.job import Job
from hibtest.spec import Role, Scenario
from hibtest.spec.course import first
from tests.cycle.jobs import ONE, job_in


@pytest.fixture(name="warm")
def _warm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Job]:
    """Return what makes a job, with disks that are there, and files of which each says its name."""
    qemu, bios = tmp_path / "qemu", tmp_path / "bios"
    for path in (qemu, bios):
        path.write_bytes(path.name.encode())
    qemu.chmod(0o755)
    monkeypatch.setattr(identity, "_firmware", lambda _: (bios,))

    def make(scenario: Scenario = ONE) -> Job:
        job = job_in(tmp_path, scenario)
        for path in (job.files.kernel, job.files.initrd, job.files.toolbox):
            path.write_bytes(path.name.encode())
        job = replace(job, qemu=str(qemu), templates=tmp_path / "templates")
        lab_of(job).storage.make(job.files, job.directory)
        return job

    return make


def lab_of(job: Job, events: list[Event] | None = None) -> Lab:
    """Return the lab of a job."""
    return Lab.of(job, (events if events is not None else []).append)


def order_of(job: Job, role: Role, events: list[Event] | None = None) -> Order:
    """Return what its first boot of a role may start from."""
    order = lab_of(job, events).template(first(job.scenario, role))
    assert order is not None
    return order


def notes(events: list[Event]) -> list[str]:
    """Return what was said in words."""
    return [event.text for event in events if isinstance(event, Note)]
