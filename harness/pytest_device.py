"""Fixtures of the scenarios that drive /dev/snapshot: a guest that is kept from case to case.

A test takes ``case`` (parametrized) and ``answers``. It runs once per kernel; with a kernel of
one's own, on that one. With pytest-xdist, a kernel's tests stay on one worker.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from harness.device import Answers, Case
from harness.spec import OWN_KERNEL

if TYPE_CHECKING:
    from harness.cli.prepare import Bench
    from harness.device.guest import DeviceGuests

KERNELS = ("bookworm", "trixie", "backports")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what drives /dev/snapshot on each kernel."""
    if "device_kernel" not in metafunc.fixturenames:
        return
    from harness.pytest_plugin import option

    kernels = KERNELS if option(metafunc.config, "kernel") is None else (OWN_KERNEL,)
    metafunc.parametrize("device_kernel", kernels, scope="module")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of one guest on one worker; all others go to the next that is free.

    Not by ``xdist_group``: with pytest 9.2, pytest-xdist 3.8 does not see these groups.
    """
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = guest_of
    return scheduler


def guest_of(nodeid: str) -> str:
    """Return a name that tests have in common when they share a guest.

    >>> guest_of("scenarios/test_snapshot_device.py::test_snapshot_device[trixie-swap-full]")
    'trixie'
    """
    found = re.search(r"\btest_snapshot_device\[(\w+)-", nodeid)
    return found[1] if found else nodeid


@pytest.fixture(scope="module")
def device_guests(device_kernel: str, bench: "Bench") -> Iterator["DeviceGuests"]:
    """The guests of one kernel; a directory of its own in the runs directory.

    Not kept for longer than a module: an emulated guest has the host's CPUs to itself.
    """
    import images
    from harness.cli.prepare import new_directory
    from harness.device.guest import DeviceGuests, Shelf
    from harness.machine.shape import Accel
    from harness.report.jsonl import to_file

    if device_kernel != OWN_KERNEL:
        images.build([device_kernel])
    directory = new_directory(bench.runs, f"device-{device_kernel}")
    with to_file(directory / "events.jsonl") as sink:
        shelf = Shelf(
            files=bench.files(device_kernel),
            qemu=bench.qemu,
            accel=Accel(bench.host.accel),
            directory=directory,
            sink=sink,
        )
        with DeviceGuests(shelf) as guests:
            yield guests


@pytest.fixture
def answers(device_guests: "DeviceGuests", case: Case) -> Answers:
    """What a guest did with the test's ``case``; harness trouble is an error of this fixture."""
    return device_guests.carry_out(case)
