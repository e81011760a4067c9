"""The process that has the guest hibernate, so that no SSH session has to.

It waits on a FIFO; a line written there is the mode and, for a rehearsal, the pm_test level; or
``agent`` with the arguments of a save by the userspace agent (hibtest/agent). What came of it is
written to the kernel log, which in a life that was resumed happens after the resume.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from hibtest.probe import procfs
from hibtest.probe.base import errno_name

FIFO = "hibernate"
AGENT = "/run/hibtest-agent.pyz"
# There once /dev/snapshot was used in this life.
BY_AGENT = "by-agent"
# When the last write returned, in ticks (procfs.py): after the resume, if there was one.
RETURNED = "returned"
NOT_UNDONE = 4  # hibtest/agent/cli.py
POWER = Path("/sys/power")


def serve(run: Path, power: Path = POWER, kmsg: str = "/dev/kmsg") -> None:
    """Hibernate once for every line that comes through the FIFO, for ever."""
    # Opened for both, so that it never ends when a writer closes it.
    fd = os.open(run / FIFO, os.O_RDWR | os.O_CLOEXEC)
    with os.fdopen(fd, "rb", buffering=0) as fifo:
        while True:
            mode, *words = fifo.readline().decode(errors="replace").split() or [""]
            if not mode:
                continue
            procfs.say(f"hibernate {mode} begins", kmsg)
            if mode == "agent":
                (run / BY_AGENT).touch()
            else:
                procfs.say(f"hibernate {writes_to(power)}", kmsg)
            came = by_agent(words) if mode == "agent" else hibernate(mode, power, *words)
            (run / RETURNED).write_text(str(procfs.ticks()))
            procfs.say(f"hibernate {mode} returned {came}", kmsg)


def writes_to(power: Path, swaps: str = "/proc/swaps") -> str:
    """Return where the kernel will write an image: what it is told, and which swaps there are.

    With no device it takes the first one in that order (find_first_swap(), mm/swapfile.c, 6.1 to
    7.3).
    """
    device, offset = (procfs.read_or(power / name, "") for name in ("resume", "resume_offset"))
    names = [line.split()[0] for line in procfs.read_or(swaps, "").splitlines()[1:]]
    there = " ".join(map(numbered, names))
    return f"to {device.strip() or '0:0'} offset {offset.strip() or 0} of {there}"


def numbered(name: str) -> str:
    """Return a swap's name, and the number of its device, where it is one."""
    try:
        found = os.stat(name)  # noqa: PTH116 - one of /proc/swaps, as it stands there
    except OSError:
        return name
    if not stat.S_ISBLK(found.st_mode):
        return name
    return f"{name}={os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"


def hibernate(mode: str, power: Path, pm_test: str = "") -> str:
    """Hibernate in a mode; return ``ERRNO NAME text``, ``0 OK success`` after the resume.

    :param pm_test: How far a rehearsal goes; empty: it is none.
    """
    try:
        procfs.write(power / "disk", mode)
        if pm_test:
            procfs.write(power / "pm_test", pm_test)
        try:
            procfs.write(power / "state", "disk")
        finally:
            if pm_test:
                procfs.write(power / "pm_test", "none")
    except OSError as error:
        number = error.errno or 0
        return f"{number} {errno_name(number)} {error.strerror} ({error.filename or 'state'})"
    return "0 OK success"


def by_agent(words: list[str], agent: str = AGENT) -> str:
    """Have the agent save; return the same as :func:`hibernate`."""
    argv = [sys.executable, "-IB", agent, *words]
    done = subprocess.run(argv, capture_output=True, check=False)
    try:
        told = json.loads(done.stdout)
        number, why = int(told["errno"]), str(told["why"])
    except (ValueError, LookupError, TypeError):
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        number, why = errno.EIO, f"the agent's status is {done.returncode}: {' '.join(last)}"
    if done.returncode == 0:
        return "0 OK success"
    if done.returncode == NOT_UNDONE:
        number, why = errno.ENOTRECOVERABLE, f"not all could be undone: {why}"
    return f"{number} {errno_name(number)} {why}"


def make(run: Path) -> None:
    """Make the FIFO."""
    path = run / FIFO
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
