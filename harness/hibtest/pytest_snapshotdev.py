"""Fixtures of the scenarios that drive /dev/snapshot: a guest that is kept from case to case.

A test takes ``case`` (parametrized) and ``hib_answers``. It runs once per kernel; with a kernel of
one's own, on that one.
"""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest

from hibtest.errors import SpecError
from hibtest.pytest_options import said, skip, tell_waiting
from hibtest.snapshotdev import Answers, Case
from hibtest.spec import OWN_KERNEL

if TYPE_CHECKING:
    from hibtest.bench.prepare import Bench
    from hibtest.snapshotdev.guest import DeviceGuests

KERNELS = ("bookworm", "trixie", "backports")


def on(kernel: str) -> str:
    """Return the parameter's id of a test that shares its guest of this kernel."""
    return f"on-{kernel}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what drives /dev/snapshot on each kernel."""
    if "hib_device_kernel" not in metafunc.fixturenames:
        return
    try:
        own = said(metafunc.config).kernel is not None
    except SpecError:  # the fixture of this host says what is wrong
        own = False
    kernels = (OWN_KERNEL,) if own else KERNELS
    metafunc.parametrize("hib_device_kernel", kernels, ids=on, scope="module")


@pytest.fixture(scope="module")
def hib_device_guests(
    pytestconfig: pytest.Config, hib_device_kernel: str, hib_bench: "Bench"
) -> Iterator["DeviceGuests"]:
    """The guests of one kernel; a directory of its own in the runs directory.

    Not kept for longer than a module: an emulated guest has the host's CPUs to itself.
    """
    from hibtest import images
    from hibtest.bench.rundir import new_directory
    from hibtest.events import fan_out
    from hibtest.report.jsonl import to_file
    from hibtest.snapshotdev.guest import DeviceGuests, Shelf

    if hib_device_kernel != OWN_KERNEL:
        images.build([hib_device_kernel])
    directory = new_directory(hib_bench.runs, f"device-{hib_device_kernel}")
    with to_file(directory / "events.jsonl") as sink:
        shelf = Shelf(
            files=hib_bench.files(hib_device_kernel),
            qemu=hib_bench.qemu,
            host=hib_bench.host,
            directory=directory,
            sink=fan_out(sink, partial(tell_waiting, pytestconfig)),
        )
        with closing(DeviceGuests(shelf)) as guests:
            yield guests


@pytest.fixture
def hib_answers(
    request: pytest.FixtureRequest,
    hib_device_guests: "DeviceGuests",
    hib_device_kernel: str,
    case: Case,
) -> Answers:
    """What a guest did with the test's ``case``; harness trouble is an error of this fixture.

    A case that does not apply to one's own kernel is skipped. Debian's kernels lack nothing.
    """
    answers = hib_device_guests.carry_out(case)
    if answers.inapplicable and hib_device_kernel == OWN_KERNEL:
        skip(request.node, answers.inapplicable)
    return answers
