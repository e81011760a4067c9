"""The end of a machine whose image is written."""

from __future__ import annotations

import ctypes
import os

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError, from_os
from hibtest.agent.log import Log

_POWER_OFF = 0x4321FEDC  # LINUX_REBOOT_CMD_POWER_OFF, include/uapi/linux/reboot.h


def off(device: SnapshotDevice, mode: str, log: Log) -> None:
    """Power off; never returns but to raise.

    :param mode: ``platform`` (ACPI S4) or ``shutdown``; without S4 the former becomes the latter.
    """
    if mode == "platform":
        try:
            device.power_off()
        except AgentError as error:
            log.say(f"no power-off by the platform: {error}")
    # Not sync(): what is written to a file system now is not known to the saved kernel.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.reboot(ctypes.c_int(_POWER_OFF & 0xFFFFFFFF))
    number = ctypes.get_errno()
    raise from_os("reboot(2)", OSError(number, os.strerror(number)))
