"""Numbers of devices, as the kernel writes them and as it takes them."""

from __future__ import annotations

import os


def number(device: int) -> str:
    """Return a device's number as sysfs and mountinfo have it: ``MAJOR:MINOR``."""
    return f"{os.major(device)}:{os.minor(device)}"


def encoded(device: int) -> int:
    """Return a device's number in 32 bits: new_encode_dev(), include/linux/kdev_t.h, 6.1 to 7.3.

    >>> hex(encoded(os.makedev(254, 0x112)))
    '0x10fe12'
    """
    major, minor = os.major(device), os.minor(device)
    return (minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12)
