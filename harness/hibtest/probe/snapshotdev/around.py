"""What a case does beside the device: swap, processes, capabilities, files, memory."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hibtest.linux import tasks
from hibtest.linux.pages import PAGE
from hibtest.probe import procfs, syscalls
from hibtest.probe.detached import child
from hibtest.probe.witnesses.processes import pause

BY_ID = "/dev/disk/by-id/virtio-"
# A process gets into its state within this time after a signal or a thaw.
SETTLE = 5.0
# What does not come back within this time waits for something that we hold.
HELD = 1.0
CAPABILITY_VERSION = 0x20080522
CAP_SYS_ADMIN = 21
# The verbs, each a method of Around: what is done with processes, with files, with this process.
PROCESSES = ("start", "signal", "state", "becomes", "reported")
FILES = ("swapoff", "swapon", "overwrite", "see", "lists", "put", "change")
ITSELF = ("secret", "forget", "renounce", "die")


def idle() -> None:
    """Do nothing, and hold nothing: frozen, an open /dev/snapshot would keep all frozen."""
    os.closerange(3, 256)
    pause()


class Helper:
    """A process that does nothing, and its /proc/PID/stat, open."""

    def __init__(self) -> None:
        self.pid = child(idle)
        self.stat = os.open(f"/proc/{self.pid}/stat", os.O_RDONLY | os.O_CLOEXEC)

    @property
    def state(self) -> str:
        """Its state, a letter."""
        return tasks.parse(os.pread(self.stat, 512, 0)).state


class Around:
    """The verbs that are not the device's."""

    def __init__(self) -> None:
        self.helpers: dict[str, Helper] = {}
        self.numbers: dict[str, int] = {}
        self.secrets: list[int] = []

    def dismiss(self) -> None:
        """End the processes; they must not be frozen."""
        for helper in self.helpers.values():
            os.kill(helper.pid, signal.SIGKILL)
            os.waitpid(helper.pid, 0)
            os.close(helper.stat)

    def number(self, name: str, value: int) -> int:
        """Remember a number that was seen, and return it."""
        self.numbers[name] = value
        return value

    def value(self, name: str) -> int:
        """Return a number of /proc/meminfo, in KiB."""
        for line in procfs.read("/proc/meminfo").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
        raise OSError(2, name)

    def change(self, name: str) -> int | str:
        """Return how much more a number is than when it was last asked for."""
        before = self.numbers.get(name)
        now = self.number(name, self.value(name))
        return 0 if before is None else now - before

    def device(self, name: str) -> int:
        """Return a disk's device number; 0 is no device."""
        return 0 if name == "0" else Path(BY_ID + name).stat().st_rdev

    def start(self, name: str) -> int | str:
        """Start a process that does nothing."""
        self.helpers[name] = Helper()
        return self.becomes(name, "S")

    def signal(self, name: str, number: str) -> int | str:
        """Send a signal to a process."""
        os.kill(self.helpers[name].pid, getattr(signal, number))
        return 0

    def state(self, name: str) -> int | str:
        """Return the state of a process at this moment."""
        return self.helpers[name].state

    def becomes(self, name: str, state: str) -> int | str:
        """Wait for a process to get into a state; return the one that it is in."""
        helper = self.helpers[name]
        procfs.wait_for(lambda: helper.state == state, SETTLE)
        return helper.state

    def reported(self, name: str) -> int | str:
        """Return what wait4(2) has to tell of a process."""
        flags = os.WNOHANG | os.WUNTRACED | os.WCONTINUED
        pid, status = os.waitpid(self.helpers[name].pid, flags)
        if not pid:
            return "nothing"
        return "stopped" if os.WIFSTOPPED(status) else "continued"

    def die(self) -> int | str:
        """End this process as the kernel would."""
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def swapoff(self, name: str = "swap") -> int | str:
        """Switch a swap off; interrupted if it takes too long."""
        path = ctypes.c_char_p((BY_ID + name).encode())
        return interrupted(lambda: syscalls.check(syscalls.LIBC.swapoff(path), "swapoff"))

    def swapon(self, name: str = "swap") -> int | str:
        """Switch a swap on."""
        path = ctypes.c_char_p((BY_ID + name).encode())
        return syscalls.check(syscalls.LIBC.swapon(path, 0), "swapon")

    def overwrite(self, name: str) -> int | str:
        """Write a disk's first page to it once more, as it is."""
        fd = os.open(BY_ID + name, os.O_RDWR | os.O_CLOEXEC)
        try:
            return os.pwrite(fd, os.pread(fd, PAGE, 0), 0)
        finally:
            os.close(fd)

    def see(self, path: str) -> int | str:
        """Return what is in a file."""
        return procfs.read(path)

    def lists(self, path: str, word: str) -> int | str:
        """Return whether a word is in a file, whatever else this kernel has beside it."""
        return "yes" if word in procfs.read(path).split() else "no"

    def put(self, path: str, *words: str) -> int | str:
        """Write words to a file."""
        procfs.write(Path(path), " ".join(words))
        return 0

    def secret(self) -> int | str:
        """Make memory that only this process can see (memfd_secret(2)), and keep it."""
        self.secrets.append(syscalls.syscall("memfd_secret", os.O_CLOEXEC))
        return 0

    def forget(self) -> int | str:
        """Give that memory back, if there is any."""
        while self.secrets:
            os.close(self.secrets.pop())
        return 0

    def renounce(self) -> int | str:
        """Give up CAP_SYS_ADMIN."""
        header = ctypes.create_string_buffer(struct.pack("<Ii", CAPABILITY_VERSION, 0))
        data = ctypes.create_string_buffer(24)
        syscalls.syscall("capget", header, data)
        sets = list(struct.unpack("<6I", data.raw[:24]))
        sets[0] &= ~(1 << CAP_SYS_ADMIN)
        data = ctypes.create_string_buffer(struct.pack("<6I", *sets))
        return syscalls.syscall("capset", header, data)


def interrupted(work: Callable[[], int]) -> int:
    """Do what may wait for ever; a signal interrupts it then, and the watchdog goes on."""

    def ring(*_: Any) -> None:
        """Nothing: that it came is enough."""

    watchdog = signal.alarm(0)
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, HELD)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.alarm(watchdog)
