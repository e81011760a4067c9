"""Who writes the image, and how the machine is left: one small frozen class per method."""

from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """What ``/sys/power/disk`` is set to."""

    PLATFORM = "platform"  # ACPI S4
    SHUTDOWN = "shutdown"  # plain power-off


class KernelMethod(msgspec.Struct, frozen=True, kw_only=True, tag="kernel"):
    """``echo disk > /sys/power/state``: the kernel writes the image itself.

    :ivar mode: How the machine is powered off.
    """

    mode: Mode = Mode.PLATFORM


Method = KernelMethod
