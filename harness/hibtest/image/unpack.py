"""A qcow2 disk, unpacked by qemu-img into a file that is gone when it is no longer needed."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hibtest.errors import HostError, SpecError
from hibtest.given import opened
from hibtest.image.qcow2 import Leads, leads

_LIMIT = 600  # seconds
_MEMORY = 4 << 30  # bytes of address space; qemu-img has 0.5 GiB mapped before it does anything
_MOST_LAYERS = 64
_FORMATS = ("", "qcow2", "raw")


@contextmanager
def unpacked(source: Path, fd: int, *, backing: bool) -> Iterator[int]:
    """Unpack a qcow2 disk; yield a descriptor of the raw disk.

    :param backing: Whether the disks that it lies on may be opened, and a file with its data.
    :raise SpecError: When it leads to other files, and they may not be opened.
    :raise HostError: When it cannot be unpacked; nothing but files and block devices is opened.
    """
    if shutil.which("qemu-img") is None:
        raise HostError(f"{source}: a qcow2 disk needs qemu-img", hint="apt install qemu-utils")
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="hibtest-") as directory:
        layers = _Layers(stack=stack, backing=backing, fds=[])
        disk = f"json:{json.dumps(layers.node(source, fd, 'qcow2'))}"
        _require_room(_run(source, layers, "measure", "--output=json", "-O", "qcow2", disk))
        raw = Path(directory) / "raw"
        _run(source, layers, "convert", "-O", "raw", disk, str(raw))
        yield stack.enter_context(opened(raw, "disk"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layers:
    """The disks that lie on each other, as QEMU is told of them: by descriptors that are open."""

    stack: ExitStack
    backing: bool
    fds: list[int]

    def node(self, path: Path, fd: int, kind: str) -> dict[str, Any]:
        """Return a disk as a block node, with all that it lies on."""
        self.fds.append(fd)
        file = {"driver": "file", "filename": f"/proc/self/fd/{fd}"}
        if not os.path.isfile(f"/proc/self/fd/{fd}"):  # noqa: PTH113 (a descriptor)
            file["driver"] = "host_device"
        # force-share: a machine may still have it open
        node: dict[str, Any] = {"driver": kind, "file": file, "force-share": True}
        found = leads(fd, str(path)) if kind == "qcow2" else None
        if kind == "qcow2":
            if found is None:
                raise HostError(f"{path}: is no qcow2 disk, as the disk above it says")
            self._require_allowed(path, found)
            node["backing"] = self._below(path, found) if found.backing else None
            if found.data:
                node["data-file"] = self.node(*self._open(path, found.data), "raw")
        return node

    def _require_allowed(self, path: Path, found: Leads) -> None:
        names = [name for name in (found.backing, found.data) if name]
        if names and not self.backing:
            raise SpecError(
                f"{path}: this qcow2 disk lies on {' and '.join(map(repr, names))}",
                hint="say --backing to have that opened, too, if you trust who made the disk",
            )

    def _below(self, path: Path, found: Leads) -> dict[str, Any]:
        if found.backing_format not in _FORMATS:
            raise HostError(f"{path}: lies on a disk of format {found.backing_format!r}")
        below, fd = self._open(path, found.backing)
        kind = found.backing_format or ("raw" if leads(fd, str(below)) is None else "qcow2")
        return self.node(below, fd, kind)

    def _open(self, path: Path, name: str) -> tuple[Path, int]:
        if len(self.fds) >= _MOST_LAYERS:
            raise HostError(f"{path}: more than {_MOST_LAYERS} disks lie on each other")
        name = name.removeprefix("file:")
        if ":" in name.partition("/")[0]:  # path_has_protocol(), QEMU, block.c (10.0)
            raise HostError(f"{path}: lies on {name!r}, which is no file of this machine")
        below = path.parent / name
        return below, self.stack.enter_context(opened(below, "disk"))


def _require_room(measured: str) -> None:
    """See that what a disk holds has room; a small file may say that it holds the world."""
    needed = int(json.loads(measured)["required"])
    where = tempfile.gettempdir()
    free = shutil.disk_usage(where).free
    if needed > free:
        raise HostError(
            f"{where}: {needed >> 20} MiB are needed to unpack the disk, {free >> 20} are free",
            hint="set TMPDIR to a directory with more room",
        )


def _run(source: Path, layers: _Layers, *words: str) -> str:
    try:
        done = subprocess.run(
            ["prlimit", f"--as={_MEMORY}", "--core=0", "qemu-img", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_LIMIT,
            pass_fds=layers.fds,
        )
    except subprocess.TimeoutExpired as error:
        raise HostError(f"{source}: not unpacked within {_LIMIT} s") from error
    if done.returncode != 0:
        last = done.stderr.strip().splitlines() or ["no reason given"]
        raise HostError(f"{source}: qemu-img cannot unpack it: {last[-1]}")
    return done.stdout
