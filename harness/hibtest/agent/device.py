"""/dev/snapshot: the kernel's door for hibernation from userspace.

kernel/power/user.c, 6.1 to 7.3; what it answers to what, scenarios/test_snapshot_device.py pins.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from contextlib import AbstractContextManager

from hibtest.agent.errors import AgentError, from_os
from hibtest.linux.snapshot import DEVICE, IOCTLS, swap_area

_HINTS = {
    1: "hibernation is switched off (nohibernate, lockdown), or this is not root",
    16: "another hibernation is under way, or /dev/snapshot is open elsewhere",
    2: "the kernel lacks CONFIG_HIBERNATION_SNAPSHOT_DEV",
}


class SnapshotDevice(AbstractContextManager["SnapshotDevice"]):
    """The device, open.

    Closing it gives back everything: the image, swap slots, and it thaws the tasks.
    """

    def __init__(self, *, write: bool = False) -> None:
        """Open for saving, or, with ``write``, for resuming.

        :raise AgentError: When the kernel will not have it.
        """
        mode = os.O_WRONLY if write else os.O_RDONLY
        try:
            self._fd = os.open(DEVICE, mode | os.O_CLOEXEC)
        except OSError as error:
            raise from_os(DEVICE, error, _HINTS.get(error.errno or 0, "")) from error
        self._number = bytearray(8)

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._fd

    def close(self) -> None:
        """Close it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def freeze(self) -> None:
        """Freeze all user tasks but the calling thread; the kernel syncs first."""
        self._call("FREEZE")

    def unfreeze(self) -> None:
        """Thaw them. Without effect as long as an image is there: :meth:`free` it first."""
        self._call("UNFREEZE")

    def free(self) -> None:
        """Let go of the image."""
        self._call("FREE")

    def create_image(self) -> bool:
        """Make the snapshot.

        :return: ``True`` in the life that is to be saved; ``False`` in the one that was resumed.
        """
        answer = bytearray(4)
        self._call("CREATE_IMAGE", answer)
        return bool(struct.unpack("i", answer)[0])

    def atomic_restore(self) -> None:
        """Jump into the image; returns only to raise.

        :raise AgentError: When the kernel did not jump.
        """
        self._call("ATOMIC_RESTORE")
        raise AgentError("SNAPSHOT_ATOMIC_RESTORE came back")

    def image_size(self) -> int:
        """Return the bytes of the image's stream."""
        return self._get("GET_IMAGE_SIZE")

    def prefer_image_size(self, size: int) -> None:
        """Ask for an image of at most ``size`` bytes, as far as memory can be freed for it."""
        # by ctypes: fcntl.ioctl() takes no number of more than 31 bits
        libc, call = ctypes.CDLL(None, use_errno=True), IOCTLS["PREF_IMAGE_SIZE"].number
        if libc.ioctl(self._fd, ctypes.c_ulong(call), ctypes.c_ulong(size)):
            number = ctypes.get_errno()
            raise from_os("SNAPSHOT_PREF_IMAGE_SIZE", OSError(number, os.strerror(number)))

    def platform(self, *, wanted: bool) -> None:
        """Say whether the firmware takes part: ACPI S4."""
        self._call("PLATFORM_SUPPORT", int(wanted))

    def power_off(self) -> None:
        """Power off through the firmware; without platform support it does nothing."""
        self._call("POWER_OFF")

    def set_swap_area(self, device: int, offset: int) -> None:
        """Choose the swap that slots are allocated from.

        :param device: Its device number.
        :param offset: Where its header lies on the device, in pages: 0 unless it is a file.
        """
        self._call("SET_SWAP_AREA", bytearray(swap_area(device, offset)))

    def swap_available(self) -> int:
        """Return the bytes that are free in the swap area."""
        return self._get("AVAIL_SWAP_SIZE")

    def allocate(self) -> int:
        """Return the offset on the device, in bytes, of a swap slot that is ours now.

        :raise AgentError: ENOSPC when there is none left.
        """
        return self._get("ALLOC_SWAP_PAGE")

    def _get(self, name: str) -> int:
        self._call(name, self._number)
        value: int = struct.unpack("q", self._number)[0]
        return value

    def _call(self, name: str, argument: int | bytearray = 0) -> None:
        try:
            fcntl.ioctl(self._fd, IOCTLS[name].number, argument)
        except OSError as error:
            raise from_os(f"SNAPSHOT_{name}", error) from error
