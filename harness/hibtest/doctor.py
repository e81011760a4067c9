"""What this machine has of what hibtest needs, one check at a time. Changes nothing.

:func:`checks` never raises: what goes wrong is what it reports.
"""

import os
import pwd
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import psutil

from hibtest import programs
from hibtest.errors import HibtestError
from hibtest.machine import turns
from hibtest.machine.accel import choose
from hibtest.machine.version import PACKAGE, QEMU, known_trouble, qemu_version

GIB = 1 << 30

_GUEST_MEMORY = GIB  # a guest of 512 MiB, and QEMU itself
_CACHE_ROOM = 4 * GIB  # to build the guest disks of three kernels
_RUN_ROOM = 2 * GIB  # overlays, swap and consoles of a few runs at a time
_FULL = GIB // 4  # less than this is as good as nothing
_SUBUID = Path("/etc/subuid")
_SYSCTL = Path("/proc/sys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    :ivar name: What.
    :ivar ok: Whether it is as it must be; ``None``: hibtest works, with the reservation that
        ``detail`` names.
    :ivar detail: What was found.
    :ivar remedy: What to do about it, empty when nothing needs to be done.
    """

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def checks(tools: Mapping[str, str], runs: Path) -> tuple[Check, ...]:
    """Look at this machine.

    :param tools: Programs that building guest disks takes, with the package of each.
    :param runs: Directory that run directories go to.
    """
    return (
        _guarded("QEMU", _qemu),
        _guarded("acceleration", _acceleration),
        check_program("qemu-img", "qemu-utils"),
        check_program("e2fsck", "e2fsprogs"),
        check_program("xfs_repair", "xfsprogs"),
        check_program("btrfs", "btrfs-progs"),
        check_tools(tools),
        check_extra("dot", "graphviz", "pictures of graphs"),
        check_user_namespaces(_SUBUID, _SYSCTL),
        check_directory("cache", platformdirs.user_cache_path("hibtest"), _CACHE_ROOM),
        check_directory("runs", runs.absolute(), _RUN_ROOM),
        check_memory(psutil.virtual_memory().available),
        _guarded("CPUs", _seats),
    )


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except HibtestError as error:
        return Check(name=name, ok=False, detail=error.message, remedy=error.hint or "")


def _qemu() -> Check:
    version = qemu_version(QEMU)
    trouble = known_trouble(version)
    if trouble:
        remedy = f"install a newer {PACKAGE}; on Debian 12: from bookworm-backports"
        return Check(name="QEMU", ok=None, detail=trouble, remedy=remedy)
    return Check(name="QEMU", ok=True, detail=f"{version}, {shutil.which(QEMU)}")


def _acceleration() -> Check:
    accel, reason = choose(QEMU, "auto")
    return Check(name="acceleration", ok=True, detail=f"{accel}: {reason}")


def _seats() -> Check:
    """Look whether emulated guests would have to wait for others."""
    free = turns.seats()
    detail = f"{free} guests can be emulated side by side"
    if held := turns.holders():
        detail += f"; running: {', '.join(f'process {one}' for one in held)}"
    return Check(name="CPUs", ok=True, detail=detail)


def check_program(name: str, package: str) -> Check:
    """Look for a program on the search path, and where only root has them in his."""
    found = programs.find(name)
    remedy = "" if found else f"apt install {package}"
    return Check(name=name, ok=bool(found), detail=found or "not found", remedy=remedy)


def check_extra(name: str, package: str, what: str) -> Check:
    """Look for a program without which one thing is left out."""
    found = check_program(name, package)
    if found.ok:
        return found
    detail = f"not found: {what} will be left out"
    return Check(name=name, ok=None, detail=detail, remedy=found.remedy)


def check_tools(tools: Mapping[str, str]) -> Check:
    """Look for programs on the search path, all in one check."""
    name = "tools for guest disks"
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if not missing:
        return Check(name=name, ok=True, detail=f"all {len(tools)} found")
    packages = " ".join(dict.fromkeys(tools[tool] for tool in missing))
    detail = f"not found: {' '.join(missing)}"
    return Check(name=name, ok=False, detail=detail, remedy=f"apt install {packages}")


def check_user_namespaces(subuid: Path, sysctl: Path) -> Check:
    """Look whether this user may build root filesystems without being root.

    :param subuid: The table of subordinate user ids, subuid(5).
    :param sysctl: The kernel's settings, normally ``/proc/sys``.
    """
    name = "user namespaces"
    if os.geteuid() == 0:
        return Check(name=name, ok=True, detail="not needed: this is root")
    for switch in ("user/max_user_namespaces", "kernel/unprivileged_userns_clone"):
        if _first_line(sysctl / switch) == "0":
            remedy = f"sysctl {switch.replace('/', '.')}=… above 0, or build guest disks as root"
            return Check(name=name, ok=False, detail=f"{switch} is 0", remedy=remedy)
    user = _user()
    if not _has_entry(subuid, user):
        detail = f"{subuid} has no line for {user}"
        return Check(name=name, ok=False, detail=detail, remedy=f"see usermod --add-subuids {user}")
    return Check(name=name, ok=True, detail=f"{user} has subordinate ids")


def check_directory(name: str, directory: Path, room: int) -> Check:
    """Look whether a directory is there, or can be made, can be written and has room.

    :param room: Bytes that should be free.
    """
    there = directory
    while not there.exists() and there != there.parent:
        there = there.parent
    remedy = "give it to this user, or choose another one"
    if not there.is_dir():
        return Check(name=name, ok=False, detail=f"{there} is no directory", remedy=remedy)
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        detail = f"{there} cannot be read and written"
        return Check(name=name, ok=False, detail=detail, remedy=remedy)
    free = shutil.disk_usage(there).free
    detail = f"{directory}, {free / GIB:.1f} GiB free"
    if free >= room:
        return Check(name=name, ok=True, detail=detail)
    remedy = f"free some room: {room / GIB:.0f} GiB may be needed"
    return Check(name=name, ok=None if free >= _FULL else False, detail=detail, remedy=remedy)


def check_memory(available: int) -> Check:
    """Look whether there is memory for one guest.

    :param available: Bytes that programs can still get.
    """
    detail = f"{available / GIB:.1f} GiB available"
    if available >= _GUEST_MEMORY:
        return Check(name="memory", ok=True, detail=detail)
    remedy = f"free some: one guest takes {_GUEST_MEMORY / GIB:.0f} GiB"
    return Check(name="memory", ok=False, detail=detail, remedy=remedy)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # containers run users that have no name
        return str(os.geteuid())


def _first_line(path: Path) -> str:
    try:
        return path.read_text().partition("\n")[0].strip()
    except OSError:  # not every kernel has every switch
        return ""


def _has_entry(subuid: Path, user: str) -> bool:
    try:
        lines = subuid.read_text().splitlines()
    except OSError:
        return False
    return any(line.partition(":")[0] in {user, str(os.geteuid())} for line in lines)
