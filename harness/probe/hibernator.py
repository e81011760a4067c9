"""The process that asks the kernel to hibernate, so that no SSH session has to.

It waits on a FIFO; a line written there is the mode. What the kernel answers is written to the
kernel log, which in a life that was resumed happens after the resume.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.probe import procfs
from harness.probe.base import errno_name

FIFO = "hibernate"
POWER = Path("/sys/power")


def serve(run: Path, power: Path = POWER, kmsg: str = "/dev/kmsg") -> None:
    """Hibernate once for every line that comes through the FIFO, for ever."""
    # Opened for both, so that it never ends when a writer closes it.
    fd = os.open(run / FIFO, os.O_RDWR | os.O_CLOEXEC)
    with os.fdopen(fd, "rb", buffering=0) as fifo:
        while True:
            for mode in fifo.readline().decode(errors="replace").split():
                procfs.say(f"hibernate {mode} begins", kmsg)
                procfs.say(f"hibernate {mode} returned {hibernate(mode, power)}", kmsg)


def hibernate(mode: str, power: Path) -> str:
    """Hibernate in a mode; return ``ERRNO NAME text``, ``0 OK success`` after the resume."""
    try:
        procfs.write(power / "disk", mode)
        procfs.write(power / "state", "disk")
    except OSError as error:
        number = error.errno or 0
        return f"{number} {errno_name(number)} {error.strerror} ({error.filename or 'state'})"
    return "0 OK success"


def make(run: Path) -> None:
    """Make the FIFO."""
    path = run / FIFO
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
