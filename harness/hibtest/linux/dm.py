"""Device mapper through its own ioctls: no dmsetup, nothing is started or opened on the way.

include/uapi/linux/dm-ioctl.h, drivers/md/dm-ioctl.c (the same from 6.1 to 7.3).
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTROL = "/dev/mapper/control"
# struct dm_ioctl: version[3], data_size, data_start, target_count, open_count, flags, event_nr,
# padding, dev, name[128], uuid[129], padding to 312 bytes.
HEADER = struct.Struct("<3IIIIiIIIQ128s129s7x")
# struct dm_target_spec: sector_start, length, status, next, type[16]; then the parameters.
TARGET = struct.Struct("<QQiI16s")
VERSION, LIST, CREATE, REMOVE, SUSPEND = 0, 2, 3, 4, 6
STATUS, LOAD, CLEAR, TABLE, TARGET_VERSION = 7, 9, 10, 12, 17
SUSPEND_FLAG, STATUS_TABLE, ACTIVE_PRESENT, INACTIVE_PRESENT = 1 << 1, 1 << 4, 1 << 5, 1 << 6
BUFFER_FULL, SKIP_LOCKFS, SECURE_DATA = 1 << 8, 1 << 10, 1 << 15
SPACE = 16384
MOST_SPACE = 1 << 22


class Target(NamedTuple):
    """A line of a table: sectors ``start`` to ``start + length``, its kind, its parameters."""

    start: int
    length: int
    kind: str
    params: str


class Info(NamedTuple):
    """What a device is: its number, how often it is open, its flags, its UUID."""

    device: int
    opens: int
    flags: int
    uuid: str


def pack(
    name: str = "",
    *,
    uuid: str = "",
    flags: int = 0,
    targets: Sequence[Target] = (),
    space: int = SPACE,
) -> bytearray:
    """Return the argument of an ioctl, ``space`` bytes long or as long as its table needs."""
    body = bytearray()
    for target in targets:
        text = target.params.encode() + b"\0"
        size = -(-(TARGET.size + len(text)) // 8) * 8
        spec = TARGET.pack(target.start, target.length, 0, size, target.kind.encode())
        body += (spec + text).ljust(size, b"\0")
    whole = max(space, HEADER.size + len(body))
    header = HEADER.pack(
        *(4, 0, 0, whole, HEADER.size, len(targets), 0, flags, 0, 0, 0),
        *(name.encode(), uuid.encode()),
    )
    return bytearray((header + body).ljust(whole, b"\0"))


def unpack_info(answer: bytes | bytearray) -> Info:
    """Return what an answer says of its device."""
    fields = HEADER.unpack_from(answer)
    return Info(device=fields[10], opens=fields[6], flags=fields[7], uuid=_text(fields[12]))


def unpack_targets(answer: bytes | bytearray) -> list[Target]:
    """Return the table that an answer holds."""
    fields = HEADER.unpack_from(answer)
    data, at, found = memoryview(answer)[fields[4] :], 0, []
    for _ in range(fields[5]):
        start, length, _, following, kind = TARGET.unpack_from(data, at)
        found.append(Target(start, length, _text(kind), _text(data[at + TARGET.size :])))
        at = following
    return found


def unpack_names(answer: bytes | bytearray) -> dict[str, int]:
    """Return names and numbers of all devices (struct dm_name_list: dev, next, name)."""
    (at,) = HEADER.unpack_from(answer)[4:5]
    found = {}
    while True:
        device, following = struct.unpack_from("<QI", answer, at)
        if device:
            found[_text(answer[at + 12 : at + 12 + 128])] = device
        if not following:
            return found
        at += following


class Control(AbstractContextManager["Control"]):
    """The control device, open.

    :raise OSError: When there is no device mapper, or we may not use it.
    """

    def __init__(self) -> None:
        self._fd = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)

    def ask(self, number: int, argument: bytearray) -> bytearray:
        """Make one ioctl; return the kernel's answer.

        :raise OSError: When the kernel refuses.
        """
        # _IOWR(0xfd, number, struct dm_ioctl)
        fcntl.ioctl(self._fd, 3 << 30 | HEADER.size << 16 | 0xFD << 8 | number, argument)
        return argument

    def _read(self, number: int, name: str = "", flags: int = 0) -> bytearray:
        space = SPACE
        while True:
            answer = self.ask(number, pack(name, flags=flags, space=space))
            if not unpack_info(answer).flags & BUFFER_FULL or space >= MOST_SPACE:
                return answer
            space *= 4

    def version(self) -> tuple[int, ...]:
        """Return the interface's version."""
        return HEADER.unpack_from(self.ask(VERSION, pack()))[:3]

    def names(self) -> dict[str, int]:
        """Return names and numbers of all devices."""
        return unpack_names(self._read(LIST))

    def info(self, name: str) -> Info | None:
        """Return what a device is, ``None`` when there is none of that name."""
        try:
            return unpack_info(self.ask(STATUS, pack(name)))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return None

    def table(self, name: str) -> list[Target]:
        """Return a device's live table; keys of dm-crypt stand in it."""
        return unpack_targets(self._read(TABLE, name, STATUS_TABLE | SECURE_DATA))

    def status(self, name: str) -> list[Target]:
        """Return what each target of a device says of itself, in place of its parameters."""
        return unpack_targets(self._read(TABLE, name))

    def has_target(self, kind: str) -> bool:
        """Return whether the kernel knows a target; its module is loaded if need be."""
        try:
            self.ask(TARGET_VERSION, pack(kind))
        except OSError:
            return False
        return True

    def create(self, name: str, targets: Sequence[Target], uuid: str = "") -> int:
        """Make a device, running; return its number.

        :raise OSError: When the kernel refuses; then there is no such device.
        """
        device = unpack_info(self.ask(CREATE, pack(name, uuid=uuid))).device
        try:
            self.load(name, targets)
            self.resume(name)
        except OSError:
            self.remove(name)
            raise
        return device

    def remove(self, name: str) -> None:
        """Remove a device, if it is there.

        :raise OSError: When it is in use.
        """
        try:
            self.ask(REMOVE, pack(name))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise

    def load(self, name: str, targets: Sequence[Target]) -> None:
        """Give a device the table that it will have when it is resumed next."""
        self.ask(LOAD, pack(name, flags=SECURE_DATA, targets=targets))

    def clear(self, name: str) -> None:
        """Take away a table that was loaded, if there is one."""
        self.ask(CLEAR, pack(name))

    def suspend(self, name: str) -> None:
        """Hold back I/O from now on and wait for what is under way; no filesystem is frozen."""
        self.ask(SUSPEND, pack(name, flags=SUSPEND_FLAG | SKIP_LOCKFS))

    def resume(self, name: str) -> None:
        """Go on, with the table that was loaded if there is one.

        A device that runs is suspended for the exchange, all within this one call (do_resume(),
        drivers/md/dm-ioctl.c): with the root filesystem on it, nothing of ours may run between.
        """
        self.ask(SUSPEND, pack(name, flags=SKIP_LOCKFS))

    def swap(self, name: str, targets: Sequence[Target]) -> None:
        """Exchange the table of a device that runs.

        :raise OSError: When the kernel refuses; then the old table stays.
        """
        try:
            self.load(name, targets)
            self.resume(name)
        except OSError:
            self.clear(name)
            self.resume(name)  # do_resume() leaves it suspended when the exchange fails
            raise


def _text(field: bytes | bytearray | memoryview) -> str:
    return bytes(field).split(b"\0", 1)[0].decode(errors="replace")
