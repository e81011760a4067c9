"""The ioctls of /dev/snapshot: include/uapi/linux/suspend_ioctls.h, the same from 6.1 to 7.3."""

from __future__ import annotations

import struct
from typing import NamedTuple

from hibtest.linux.devices import encoded

DEVICE = "/dev/snapshot"


class Ioctl(NamedTuple):
    """An ioctl.

    :ivar number: What ioctl(2) takes.
    :ivar out: struct format of what the kernel writes to the argument, if it does.
    """

    number: int
    out: str = ""


IOCTLS = {
    "FREEZE": Ioctl(0x3301),
    "UNFREEZE": Ioctl(0x3302),
    "ATOMIC_RESTORE": Ioctl(0x3304),
    "FREE": Ioctl(0x3305),
    "FREE_SWAP_PAGES": Ioctl(0x3309),
    "S2RAM": Ioctl(0x330B),
    "SET_SWAP_AREA": Ioctl(0x400C330D),
    "GET_IMAGE_SIZE": Ioctl(0x8008330E, "<q"),
    "PLATFORM_SUPPORT": Ioctl(0x330F),
    "POWER_OFF": Ioctl(0x3310),
    "CREATE_IMAGE": Ioctl(0x40043311, "<i"),
    "PREF_IMAGE_SIZE": Ioctl(0x3312),
    "AVAIL_SWAP_SIZE": Ioctl(0x80083313, "<q"),
    "ALLOC_SWAP_PAGE": Ioctl(0x80083314, "<q"),
}


def swap_area(device: int, offset: int) -> bytes:
    """Return a ``struct resume_swap_area``.

    :param device: A device number as :func:`os.makedev` makes it.
    :param offset: Where the swap's first extent begins, in pages.
    """
    return struct.pack("<qI", offset, encoded(device))
