"""Which swap is in use, and where on its device it lies."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from pathlib import Path
from typing import NamedTuple

from hibtest.agent.errors import AgentError, from_os
from hibtest.agent.target import medium
from hibtest.linux import devices
from hibtest.linux.pages import PAGE
from hibtest.linux.swaps import Swap, parse

_FIBMAP = 1  # include/uapi/linux/fs.h
_FIGETBSZ = 2


class Area(NamedTuple):
    """A swap in use.

    :ivar name: As /proc/swaps has it.
    :ivar device: The block device that it lies on.
    :ivar offset: Pages of the device before its header.
    :ivar free: Bytes that are free.
    """

    name: str
    device: str
    offset: int
    free: int


def in_use(where: str = "", listing: str = "/proc/swaps") -> Area:
    """Return the swap of a name, or of those that can keep an image the one of highest priority.

    :raise AgentError: When there is none, or it cannot keep an image.
    """
    found = parse(Path(listing).read_bytes())
    if where:
        real = os.path.realpath(where.partition("@")[0])
        found = [swap for swap in found if os.path.realpath(swap.name) == real]
    if not found:
        what = f"{where} is no swap in use" if where else "no swap is in use"
        raise AgentError(what, "swapon one, or choose --target raw:DEVICE")
    unfit = []
    for swap in sorted(found, key=lambda swap: (swap.priority, swap.name), reverse=True):
        try:
            area = _area(swap)
        except FileNotFoundError:
            unfit.append(f"{swap.name} is not there: its file was deleted or renamed")
            continue
        why = medium.why_not(area.device)
        if not why:
            return area
        unfit.append(f"{swap.name} cannot keep an image: {why}")
    raise AgentError("; ".join(unfit), "swapon a disk, or choose another --target")


def _area(swap: Swap) -> Area:
    name, free = swap.name, (swap.size - swap.used) << 10
    facts = Path(name).stat()
    if stat.S_ISBLK(facts.st_mode):
        return Area(name, name, 0, free)
    return Area(name, device_of(facts.st_dev), _first_page(name), free)


def device_of(number: int) -> str:
    """Return the node in /dev of a block device number.

    :raise AgentError: When there is none: not a file on a disk.
    """
    path = Path(f"/sys/dev/block/{devices.number(number)}/uevent")
    try:
        lines = dict(line.split("=", 1) for line in path.read_text().splitlines())
    except OSError as error:
        raise from_os(str(path), error, "a swap file must lie on one block device") from error
    return f"/dev/{lines['DEVNAME']}"


def _first_page(name: str) -> int:
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = struct.unpack("i", fcntl.ioctl(fd, _FIGETBSZ, bytes(4)))[0]
        block = struct.unpack("i", fcntl.ioctl(fd, _FIBMAP, bytes(4)))[0]
    except OSError as error:
        raise from_os(
            f"{name}: FIBMAP", error, "its file system cannot say where it lies"
        ) from error
    finally:
        os.close(fd)
    return int(block) * int(size) // PAGE
