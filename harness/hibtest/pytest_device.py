"""Fixtures of the scenarios that drive /dev/snapshot: a guest that is kept from case to case.

A test takes ``case`` (parametrized) and ``answers``. It runs once per kernel; with a kernel of
one's own, on that one.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from hibtest.device import Answers, Case
from hibtest.pytest_workers import on
from hibtest.spec import OWN_KERNEL

if TYPE_CHECKING:
    from hibtest.cli.prepare import Bench
    from hibtest.device.guest import DeviceGuests

KERNELS = ("bookworm", "trixie", "backports")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what drives /dev/snapshot on each kernel."""
    if "device_kernel" not in metafunc.fixturenames:
        return
    from hibtest.pytest_plugin import option

    kernels = KERNELS if option(metafunc.config, "kernel") is None else (OWN_KERNEL,)
    ids = [on(kernel) for kernel in kernels]
    metafunc.parametrize("device_kernel", kernels, ids=ids, scope="module")


@pytest.fixture(scope="module")
def device_guests(device_kernel: str, bench: "Bench") -> Iterator["DeviceGuests"]:
    """The guests of one kernel; a directory of its own in the runs directory.

    Not kept for longer than a module: an emulated guest has the host's CPUs to itself.
    """
    from hibtest import images
    from hibtest.cli.prepare import new_directory
    from hibtest.device.guest import DeviceGuests, Shelf
    from hibtest.machine.shape import Accel
    from hibtest.report.jsonl import to_file

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
