"""Which filesystems can be written to and lie on block devices, and in what order to freeze them.

Attributes in sysfs: drivers/md/dm-sysfs.c and drivers/block/loop.c, the same from 6.1 to 7.3.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hibtest.agent.errors import AgentError
from hibtest.linux.devices import number
from hibtest.linux.mounts import Mount, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 16  # devices below each other; ends what cannot be true


class Mounted(NamedTuple):
    """A filesystem, and where it is mounted.

    :ivar device: Its device's number, ``MAJOR:MINOR``.
    :ivar kind: Its type, such as ``ext4``.
    :ivar where: Where it is mounted, as its mount namespace sees it.
    :ivar path: A path to that for us, whatever its mount namespace.
    :ivar source: What was mounted.
    """

    device: str
    kind: str
    where: str
    path: str
    source: str


class Places(NamedTuple):
    """Where the kernel tells of itself."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")


PLACES = Places()


def writable(places: Places = PLACES) -> list[Mounted]:
    """Return the filesystems that can be written to and lie on a block device, each once.

    In the order in which to freeze them: what lies in a file of another one before that one, and
    what was mounted last first.
    """
    found: dict[str, Mounted] = {}
    for mount in mounts(places):
        found.setdefault(mount.device, mount)
    late = list(found.values())[::-1]
    return sorted(late, key=lambda mount: -_loops(mount.device, places.sys))


def mounts(places: Places = PLACES) -> Iterator[Mounted]:
    """Yield where filesystems on block devices that can be written to are mounted.

    Our own mount namespace first, then the others, as far as a process shows them.
    """
    seen = set()
    for process in ["self", *_processes(places.proc)]:
        base = places.proc / process
        try:
            namespace = (base / "ns/mnt").readlink() if process != "self" else None
            namespace = namespace or (places.proc / "self/ns/mnt").readlink()
            if namespace in seen:
                continue
            listed = parse((base / "mountinfo").read_bytes())
        except OSError:
            continue  # it has ended, or is a kernel thread
        seen.add(namespace)
        root = "" if process == "self" else str(base / "root")
        yield from (found for mount in listed if (found := _mounted(mount, root)))


def _processes(proc: Path) -> list[str]:
    return sorted((path.name for path in proc.iterdir() if path.name.isdigit()), key=int)


def _mounted(mount: Mount, root: str) -> Mounted | None:
    if not mount.writable:
        return None
    device = _block(mount.device, mount.fstype, mount.source)
    if device is None:
        return None
    return Mounted(device, mount.fstype, mount.point, root + mount.point, mount.source)


def _block(device: str, kind: str, source: str) -> str | None:
    """Return the number of the block device that a filesystem lies on, ``None`` for none."""
    if not device.startswith("0:"):
        return device
    if kind.startswith("fuse") or not source.startswith("/"):
        return None
    try:
        status = Path(source).stat()  # btrfs numbers its filesystems itself
    except OSError:
        return None
    return number(status.st_rdev) if status.st_rdev else None


def mapped_name(device: str, places: Places = PLACES) -> str:
    """Return the name of a device of device mapper, "" when it is another one."""
    try:
        return (places.sys / "dev/block" / device / "dm/name").read_text().strip()
    except OSError:
        return ""


def _loops(device: str, sys: Path, depth: int = 0) -> int:
    """Return how many files are between a device and the hardware."""
    here = sys / "dev/block" / device
    if depth > _DEEPEST or not here.exists():
        return 0
    below = [path / "dev" for path in sorted((here / "slaves").glob("*"))]
    if (here / "partition").exists():
        below.append(here.resolve().parent / "dev")
    numbers = [path.read_text().strip() for path in below]
    backing, more = here / "loop/backing_file", 0
    if backing.exists():
        more = 1
        with suppress(OSError):  # deleted, or not to be seen from here
            numbers.append(number(Path(backing.read_text().strip()).stat().st_dev))
    return more + max((_loops(one, sys, depth + 1) for one in numbers), default=0)


def open_mount(mount: Mounted) -> int:
    """Open where a filesystem is mounted, for ioctls on it.

    :raise AgentError: When it cannot be opened, or something else is mounted over it.
    """
    try:
        fd = os.open(mount.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise AgentError(
            f"{mount.where} ({mount.device}) cannot be opened: {error.strerror}", "unmount it"
        ) from error
    found = number(os.fstat(fd).st_dev)
    # btrfs gives each subvolume a number of its own, with major 0
    if found != mount.device and not found.startswith("0:"):
        os.close(fd)
        raise AgentError(
            f"{mount.where} is device {found}, not {mount.device}: something is mounted over it",
            "unmount one of them",
        )
    return fd
