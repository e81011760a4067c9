"""What a kernel lacks of the options that cases depend on, as it shows."""

import errno
import os
from typing import NoReturn

import pytest

from hibtest.probe import syscalls
from hibtest.probe.snapshotdev import lacks
from tests.probe.tree import Tree

WHOLE = {
    "/dev/snapshot": "",
    "/dev/kmsg": "",
    lacks.CPU1: "1",
    "/proc/kallsyms": "ffff0001 T start\nffff0002 T report_bug\n",
}
LOCKED = "Kernel is locked down from command line; see man kernel_lockdown.7"


@pytest.fixture
def kernel(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """One that lacks nothing."""
    for path, text in WHOLE.items():
        tree.put(path, text)
    monkeypatch.setattr(syscalls, "syscall", lambda *_: os.open("/dev/null", os.O_RDONLY))
    monkeypatch.setattr(lacks, "said", lambda _: iter(["Linux version 6.12"]))
    return tree


def test_a_kernel_that_has_all_lacks_nothing(kernel: Tree) -> None:
    assert lacks.lacks() == {}


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/dev/snapshot", {"HIBERNATION_SNAPSHOT_DEV"}),
        (lacks.CPU1, {"HOTPLUG_CPU"}),
        ("/proc/kallsyms", {"KALLSYMS"}),
    ],
)
def test_a_file_that_is_not_there_tells_of_its_option(
    kernel: Tree, path: str, options: set[str]
) -> None:
    kernel.drop(path)
    found = lacks.lacks()
    assert set(found) == options
    assert [why for why in found.values() if path in why] != []


def test_a_kernel_without_warnings_has_no_report_of_them(kernel: Tree) -> None:
    kernel.put("/proc/kallsyms", "ffff0001 T report_bugs\n")
    assert set(lacks.lacks()) == {"BUG"}


def test_memory_that_bars_a_hibernation_may_be_off(
    kernel: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> NoReturn:
        raise OSError(errno.ENOSYS, "memfd_secret: Function not implemented")

    monkeypatch.setattr(syscalls, "syscall", fails)
    assert lacks.lacks() == {"SECRETMEM": "memfd_secret: Function not implemented"}


def test_a_kernel_that_is_locked_down_has_no_hibernation(
    kernel: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lacks, "said", lambda _: iter(["Linux version 6.12", LOCKED]))
    assert lacks.lacks() == {"HIBERNATION": LOCKED}
