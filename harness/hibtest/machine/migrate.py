"""A machine that was paused, saved to a file with its memory; a new one that goes on from it.

QEMU calls it migration (docs/devel/migration/main.rst, 10.0). The new machine must have the same
command line but for its wires, and disks that hold what the old one's held.
"""

import os
from pathlib import Path

from hibtest.deadline import Deadline, poll
from hibtest.errors import QemuError
from hibtest.machine.monitor import Monitor
from hibtest.spec.release import release_of

# QEMU that is told to take the disks over (blockdev-set-active). Before, only QMP's cont does that;
# a guest that the gdb stub lets run ends QEMU at its first write ("Assertion `!(bs->open_flags &
# BDRV_O_INACTIVE)' failed", block/io.c, 10.0).
_SINCE = (10, 0)
_EVERY = 0.02  # s
# Each page of memory has its place in the file, which is sparse. Of 512 MiB a stream of pages took
# 1.4 s to load on a busy host, this 0.4 s.
_HOW = {"capability": "mapped-ram", "state": True}
_FAST = 1 << 40  # bytes a second; by default QEMU leaves room on a network


def can_migrate(version: str) -> bool:
    """Return whether a QEMU of this version saves machines to files, and loads them.

    :param version: Such as ``10.0.2``; of one that is not known nothing is expected.
    """
    return release_of(version) >= _SINCE


def save(monitor: Monitor, path: Path, deadline: Deadline) -> None:
    """Save a machine that was paused; it can only be ended afterwards.

    :param path: The new file.
    :raise QemuError: When QEMU cannot save it, or it stands at a breakpoint: the QEMU that loads
        such a one aborts ("invalid runstate transition: 'inmigrate' -> 'debug'", 10.0).
    :raise DeadlineExpired: When it is not done in time.
    """
    told = monitor.execute("query-status", deadline=deadline)
    status = told.get("status") if isinstance(told, dict) else told
    if status != "paused":
        raise QemuError(f"a machine cannot be saved while it is {status}", hint="pause it")
    _choose_how(monitor, deadline)
    monitor.execute("migrate-set-parameters", {"max-bandwidth": _FAST}, deadline=deadline)
    monitor.execute("migrate", {"channels": _channels(path)}, deadline=deadline)
    _wait(monitor, f"the machine could not be saved to {path}", deadline)


def load(monitor: Monitor, path: Path, deadline: Deadline) -> None:
    """Load what was saved into a machine that was started for it; it stands still then.

    :raise QemuError: When QEMU cannot: it is another machine's, or damaged.
    :raise DeadlineExpired: When it is not done in time.
    """
    _choose_how(monitor, deadline)
    arguments = {"channels": _channels(path), "exit-on-error": False}
    monitor.execute("migrate-incoming", arguments, deadline=deadline)
    _wait(monitor, f"{path} could not be loaded", deadline)
    monitor.execute("blockdev-set-active", {"active": True}, deadline=deadline)


def _choose_how(monitor: Monitor, deadline: Deadline) -> None:
    monitor.execute("migrate-set-capabilities", {"capabilities": [_HOW]}, deadline=deadline)


# Not as a URI: a comma would end the name in one.
def _channels(path: Path) -> list[dict[str, object]]:
    where = {"transport": "file", "filename": os.fspath(path.absolute()), "offset": 0}
    return [{"channel-type": "main", "addr": where}]


def _wait(monitor: Monitor, failed: str, deadline: Deadline) -> None:
    def over() -> dict[str, object] | None:
        told = monitor.execute("query-migrate", deadline=deadline)
        if isinstance(told, dict) and told.get("status") in {"completed", "failed"}:
            return told
        return None

    told = poll(over, deadline, every=_EVERY)
    if told.get("status") == "failed":
        why = told.get("error-desc", "QEMU does not say why")
        raise QemuError(f"{failed}: {why}")
