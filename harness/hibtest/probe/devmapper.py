"""The witness in device mapper: its devices and tables, and one device of our own.

Through the ioctls of include/uapi/linux/dm-ioctl.h (the same from 6.1 to 7.3): starting
dmsetup several times would cost more than all the rest.
"""

from __future__ import annotations

import fcntl
import os
import struct
from typing import NamedTuple

from hibtest.probe.base import Facts, Lacking, Planted, Witness

CONTROL = "/dev/mapper/control"
NAME = "hibtest-witness"
SECTORS = 2048
# struct dm_ioctl: version[3], data_size, data_start, target_count, open_count, flags, event_nr,
# padding, dev, name[128], uuid[129], padding to 312 bytes.
HEADER = struct.Struct("<3IIIIiIIIQ128s129s7x")
LIST, CREATE, SUSPEND, STATUS, LOAD, TABLE = 2, 3, 6, 7, 9, 12
STATUS_TABLE = 1 << 4
# struct dm_target_spec: start, length, status, next, type[16].
TARGET = struct.Struct("<QQiI16s")
SPACE = 16384


class Reply(NamedTuple):
    """What the kernel answered: the header's fields that matter, and its data."""

    targets: int
    opens: int
    flags: int
    device: int
    uuid: str
    data: bytes


def ask(control: int, number: int, name: str = "", data: bytes = b"", flags: int = 0) -> Reply:
    """Make one ioctl of device mapper.

    :raise OSError: When the kernel refuses.
    """
    targets = 1 if data else 0
    header = HEADER.pack(
        4, 0, 0, SPACE, HEADER.size, targets, 0, flags, 0, 0, 0, name.encode(), b""
    )
    buffer = bytearray((header + data).ljust(SPACE, b"\0"))
    # _IOWR(0xfd, number, struct dm_ioctl)
    fcntl.ioctl(control, 3 << 30 | HEADER.size << 16 | 0xFD << 8 | number, buffer)
    fields = HEADER.unpack_from(buffer)
    uuid = fields[12].split(b"\0")[0].decode(errors="replace")
    return Reply(fields[5], fields[6], fields[7], fields[10], uuid, bytes(buffer[fields[4] :]))


def names(control: int) -> list[str]:
    """Return the names of all devices (struct dm_name_list: dev, next, name)."""
    reply = ask(control, LIST)
    found, at = [], 0
    while reply.device or reply.data[:8] != bytes(8):
        device, following = struct.unpack_from("<QI", reply.data, at)
        if device:
            found.append(reply.data[at + 12 :].split(b"\0")[0].decode(errors="replace"))
        if not following:
            break
        at += following
    return sorted(found)


def table(control: int, name: str, flags: int) -> list[str]:
    """Return the targets of a device, ``start length type parameters`` each."""
    reply = ask(control, TABLE, name, flags=flags)
    lines, at = [], 0
    for _ in range(reply.targets):
        start, length, _, following, kind = TARGET.unpack_from(reply.data, at)
        text = reply.data[at + TARGET.size :].split(b"\0")[0].decode(errors="replace")
        lines.append(f"{start} {length} {kind.rstrip(bytes(1)).decode()} {text}".rstrip())
        at = following
    return lines


def tables() -> Planted:
    """Devices of device mapper, one of our own (a zero target) among them.

    Planted and found: ``{"devices": {name: {"device", "uuid", "flags", "table", "status"}}}``.
    """
    try:
        control = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Lacking(f"no device mapper: no {CONTROL}") from error
    if NAME not in names(control):
        create(control)

    def look() -> Facts:
        return {"devices": {name: device(control, name) for name in names(control)}}

    return Planted(look(), look)


def create(control: int) -> None:
    ask(control, CREATE, NAME)
    try:
        ask(control, LOAD, NAME, TARGET.pack(0, SECTORS, 0, 0, b"zero") + bytes(8))
    except OSError as error:
        raise Lacking(f"no zero target: {error.strerror}") from error
    ask(control, SUSPEND, NAME)  # without the suspend flag: resume


def device(control: int, name: str) -> Facts:
    status = ask(control, STATUS, name)
    return {
        "device": status.device,
        "uuid": status.uuid,
        "flags": status.flags,
        "table": table(control, name, STATUS_TABLE),
        "status": table(control, name, 0),
    }


WITNESSES = (Witness("device-mapper", tables, private=False),)
