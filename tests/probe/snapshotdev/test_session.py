"""A session with a device that is a file, and ioctls that are kept."""

import ctypes
import errno
import fcntl
import os
import signal
import struct
from pathlib import Path
from typing import Any

import pytest

from hibtest.linux.pages import PAGE
from hibtest.linux.snapshot import IOCTLS
from hibtest.probe import syscalls
from hibtest.probe.snapshotdev import around, session, stream
from hibtest.probe.snapshotdev.session import Session
from tests.probe.tree import Tree

INFO = bytearray(PAGE)
struct.pack_into("<Q", INFO, stream.MAGIC_AT, stream.MAGIC)
FRAMES = struct.pack("<512Q", *range(512))


class Device:
    """What /dev/snapshot answers to ioctls.

    :ivar numbers: What it tells, by name.
    :ivar errors: What it refuses, by name: an errno.
    :ivar asked: ``(name, argument)`` of all that was asked.
    """

    def __init__(self, tree: Tree, patch: pytest.MonkeyPatch) -> None:
        tree.put("/dev/snapshot", bytes(INFO) + FRAMES + bytes(3 * PAGE))
        self.names = {one.number: name for name, one in IOCTLS.items()}
        self.numbers: dict[str, int] = {}
        self.errors: dict[str, int] = {}
        self.asked: list[tuple[str, Any]] = []
        patch.setattr(fcntl, "ioctl", self.ioctl)

    def ioctl(self, _fd: int, number: int, argument: Any = 0, mutate: bool = False) -> int:
        """Stand for the kernel."""
        name = self.names.get(number, hex(number))
        self.asked.append((name, argument if isinstance(argument, int) else bytes(argument)))
        if name in self.errors:
            raise OSError(self.errors[name], os.strerror(self.errors[name]))
        if name in self.numbers and IOCTLS[name].out:
            assert mutate
            struct.pack_into(IOCTLS[name].out, argument, 0, self.numbers[name])
            return 0
        return self.numbers.get(name, 0)


@pytest.fixture
def device(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Device:
    return Device(tree, monkeypatch)


def answers(*steps: str) -> list[int | str]:
    """Return the answers to the steps of one case."""
    one = Session()
    try:
        return [one.do(step) for step in steps]
    finally:
        one.end()


def test_ioctls_go_to_what_was_opened_last(device: Device) -> None:
    steps = ["FREEZE", "open r", "FREEZE", "UNFREEZE", "close", "FREEZE"]
    assert answers(*steps) == ["EBADF", 0, 0, 0, 0, "EBADF"]
    assert device.asked == [("FREEZE", 0), ("UNFREEZE", 0)]


@pytest.mark.parametrize(("mode", "written"), [("r", "EBADF"), ("w", 5), ("rw", 5)])
def test_a_device_is_opened_in_a_mode(device: Device, mode: str, written: int | str) -> None:
    assert answers(f"open {mode}", "write zeros 5") == [0, written]


def test_what_an_ioctl_tells_is_its_answer(device: Device) -> None:
    device.numbers = {"GET_IMAGE_SIZE": 1 << 40, "PLATFORM_SUPPORT": 3, "CREATE_IMAGE": 1}
    steps = ["open r", "GET_IMAGE_SIZE", "PLATFORM_SUPPORT", "CREATE_IMAGE"]
    assert answers(*steps) == [0, 1 << 40, 3, 1]


def test_a_refusal_is_an_answer(device: Device) -> None:
    device.errors = {"CREATE_IMAGE": errno.EPERM, "ALLOC_SWAP_PAGE": errno.ENOSPC}
    assert answers("open r", "CREATE_IMAGE", "ALLOC_SWAP_PAGE", "fill") == [0, "EPERM", "ENOSPC", 0]


@pytest.mark.parametrize(
    ("step", "argument"),
    [("CREATE_IMAGE NULL", 0), ("CREATE_IMAGE", bytes(4)), ("PREF_IMAGE_SIZE 4096", 4096),
     ("SET_SWAP_AREA NULL", 0), ("SET_SWAP_AREA 0 7", struct.pack("<qI", 7, 0)), ("FREE", 0)],
)  # fmt: skip
def test_arguments_of_ioctls(device: Device, step: str, argument: object) -> None:
    assert answers("open r", step) == [0, 0]
    assert device.asked == [(step.split(maxsplit=1)[0], argument)]


def test_a_swap_is_named_by_its_disk(device: Device, tree: Tree) -> None:
    tree.at(around.BY_ID).parent.mkdir(parents=True)
    tree.link(f"{around.BY_ID}swap", "/dev/null")
    assert answers("open r", "SET_SWAP_AREA swap 3", "SET_SWAP_AREA none 3") == [0, 0, "ENOENT"]
    assert device.asked[0][1] == struct.pack("<qI", 3, 0x103)  # 1:3


def test_an_ioctl_that_is_none_goes_by_its_number(device: Device) -> None:
    assert answers("open r", "ioctl 33ff") == [0, 0]
    assert device.asked == [("0x33ff", 0)]


def test_slots_are_taken_until_there_are_none(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [None] * 5

    def take(*_: object) -> int:
        if not left:
            raise OSError(errno.ENOSPC, "no room")
        left.pop()
        return 0

    monkeypatch.setattr(fcntl, "ioctl", take)
    assert answers("open r", "fill", "fill") == [0, 5, 0]


def test_a_stream_is_read_to_its_end(device: Device) -> None:
    device.numbers = {"GET_IMAGE_SIZE": 5 * PAGE}
    assert answers("open r", f"read {PAGE}", "page", f"read {PAGE}", "page", "drain") == [
        0, PAGE, "info", PAGE, "other", 0,
    ]  # fmt: skip


def test_pages_that_never_came_are_counted(device: Device) -> None:
    device.numbers = {"GET_IMAGE_SIZE": 7 * PAGE}
    # a part of a page is none; the last read ends it all
    assert answers("open r", "read 100", f"read {PAGE} 2", "drain") == [0, 100, PAGE, 3]


def test_a_new_reading_counts_anew(device: Device) -> None:
    device.numbers = {"GET_IMAGE_SIZE": 5 * PAGE}
    assert answers("open r", "drain", "close", "open r", "drain") == [0, 0, 0, 0, 0]
    assert answers("open r", "drain", "seek", f"read {PAGE}", "page") == [0, 0, 0, PAGE, "info"]


def test_a_tiny_stream_is_borrowed_once(
    device: Device, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(session, "FIRST_PAGES", tmp_path / "first-pages")
    device.errors = {"CREATE_IMAGE": errno.EBUSY}
    assert answers("borrow") == ["EBUSY"]
    device.errors = {}
    assert answers("borrow", "FREEZE") == [0, "EBADF"]  # it has closed what it opened
    device.asked = []
    assert answers("borrow", "open w", "write info", "write frames 9") == [0, 0, PAGE, 9]
    assert device.asked == []
    assert (tmp_path / "first-pages").read_bytes() == bytes(INFO) + FRAMES


def test_pages_are_written_by_their_names(device: Device, tree: Tree, tmp_path: Path) -> None:
    one = Session()
    one.tiny = {"data": b"\xa5" * PAGE}
    assert [one.do(step) for step in ("open w", "write data", "write none 4", "write data 2")] == [
        0, PAGE, 4, 2,
    ]  # fmt: skip
    one.end()
    assert one.descriptors == []
    written = tree.at("/dev/snapshot").read_bytes()[: PAGE + 6]
    assert written == b"\xa5" * PAGE + bytes(4) + b"\xa5\xa5"


def test_numbers_are_compared_with_the_last_ones(device: Device, recorded: Tree) -> None:
    device.numbers = {"AVAIL_SWAP_SIZE": 100}
    one = Session()
    for step in ("open r", "change AVAIL_SWAP_SIZE", "change MemFree"):
        assert one.do(step) == 0
    device.numbers = {"AVAIL_SWAP_SIZE": 60}
    free = one.numbers["MemFree"]
    recorded.edit("/proc/meminfo", f"{free} kB", f"{free + 8} kB")
    assert [one.do(f"change {name}") for name in ("AVAIL_SWAP_SIZE", "MemFree")] == [-40, 8]
    assert one.do("change MemNone") == "ENOENT"
    assert one.do("AVAIL_SWAP_SIZE") == 60
    one.end()


def test_files_are_seen_and_written(device: Device, tree: Tree) -> None:
    tree.put("/sys/power/image_size", "5\n")
    assert answers("see /sys/power/image_size", "put /sys/power/image_size 7 MB") == ["5", 0]
    assert tree.wrote == [("/sys/power/image_size", "7 MB")]


def test_a_disks_first_page_is_written_as_it_is(device: Device, tree: Tree) -> None:
    tree.put(f"{around.BY_ID}swap", b"a" * (PAGE + 5))
    assert answers("overwrite swap", "overwrite none") == [PAGE, "ENOENT"]
    assert tree.at(f"{around.BY_ID}swap").read_bytes() == b"a" * (PAGE + 5)


def test_what_waits_for_ever_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(around, "HELD", 0.05)
    reader, writer = os.pipe()
    byte = ctypes.create_string_buffer(1)
    signal.alarm(1000)

    def wait() -> int:
        return syscalls.check(int(syscalls.LIBC.read(reader, byte, 1)), "read")

    with pytest.raises(InterruptedError):
        around.interrupted(wait)
    os.write(writer, b"a")
    assert around.interrupted(wait) == 1
    assert 0 < signal.alarm(0) <= 1000  # the watchdog's
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    ("status", "word"), [(0, "nothing"), (0x137F, "stopped"), (0xFFFF, "continued")]
)
def test_what_wait_tells(monkeypatch: pytest.MonkeyPatch, status: int, word: str) -> None:
    one = Session()
    one.helpers["a"] = type("Helper", (), {"pid": 7})()
    monkeypatch.setattr(os, "waitpid", lambda pid, _: (pid if status else 0, status))
    assert one.do("reported a") == word
