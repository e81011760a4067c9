"""The workloads by their names: ``plant`` sets one up, ``check`` looks at it again."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

from hibtest.probe import procfs, syscalls
from hibtest.probe.base import RUN, Facts, ProbeError
from hibtest.probe.detached import detach
from hibtest.probe.workloads import (
    disks,
    filler,
    fuse_server,
    hoarder,
    nbd_server,
    pressure,
    swapper,
)

PORT = 969  # below 1024, so that no other process of the guest is given it by chance
SIZE = 64 * disks.MIB
NBD = "/dev/nbd0"
PRESSURE = "pressure-"
SWAP_PRIORITY = 0x8000 | 100  # SWAP_FLAG_PREFER: before the disk, include/linux/swap.h


def fuse_dirty() -> Facts:
    """A file on a FUSE filesystem with writeback cache."""
    server = fuse("fuse-dirty")
    return disks.planted(where("fuse-dirty"), server)


def loop_on_fuse() -> Facts:
    """A file on ext4 on a loop device on a file of such a filesystem."""
    server = fuse("below-loop")
    disk = disks.sparse(disks.point("below-loop") / "loop.img", SIZE)
    disks.ext4(disks.loop(disk), disks.point("loop-on-fuse"))
    return disks.planted(where("loop-on-fuse"), server)


def swap_on_loop_on_fuse() -> Facts:
    """Memory that is swapped out to a loop device on a file of such a filesystem."""
    server = fuse("below-swap")
    device = disks.loop(disks.sparse(disks.point("below-swap") / "swap.img", SIZE))
    disks.run("mkswap", device)
    syscalls.check(syscalls.LIBC.swapon(device.encode(), SWAP_PRIORITY), f"swapon {device}")
    return {**swapper.start(device), "server": server}


def nbd_netlink() -> Facts:
    """A file on ext4 on a network block device of this guest's own; its client has ended."""
    return nbd()


def nbd_ioctl() -> Facts:
    """The same, but its client stays in an ioctl."""
    return nbd("-nonetlink")


def much_memory() -> Facts:
    """More memory than a snapshot could have a copy of."""
    return hoarder.start(locked=False)


def locked_memory() -> Facts:
    """The same, locked."""
    return hoarder.start(locked=True)


def full_swap() -> Facts:
    """Memory that fills a half of all swap."""
    return filler.start()


def pressed(name: str) -> Facts:
    """Memory in use, of the kind and as much as the name says: ``pressure-tmpfs-60``."""
    kind, _, percent = name.removeprefix(PRESSURE).rpartition("-")
    return pressure.start(kind, int(percent))


def fuse(name: str) -> Facts:
    disks.load("fuse", "FUSE_FS")
    return fuse_server.mount(disks.point(name), disks.store(name))


def nbd(*options: str) -> Facts:
    disks.load("nbd", "BLK_DEV_NBD")
    store = disks.store("nbd")
    store.mkdir(parents=True, exist_ok=True)
    backing = disks.sparse(store / "nbd.img", SIZE)
    note = RUN / "nbd.server"

    def serve() -> None:
        listener = socket.create_server(("127.0.0.1", PORT))
        note.write_text(str(os.getpid()))
        nbd_server.serve(listener, os.open(backing, os.O_RDWR), SIZE)

    note.unlink(missing_ok=True)
    detach(serve, RUN / "nbd.log")
    procfs.wait_for(lambda: procfs.number(note) is not None, 20)
    disks.run("nbd-client", "127.0.0.1", str(PORT), NBD, *options)
    procfs.wait_for(lambda: procfs.number("/sys/block/nbd0/size") != 0, 20)
    disks.ext4(NBD, disks.point("nbd"))
    return disks.planted(where("nbd"), procfs.identity(procfs.number(note) or 0))


def where(name: str) -> Path:
    """Return the file that a workload has written."""
    return disks.point("nbd" if name.startswith("nbd") else name) / "file"


PLANT: dict[str, Callable[[], Facts]] = {
    "fuse-dirty": fuse_dirty,
    "loop-on-fuse": loop_on_fuse,
    "swap-on-loop-on-fuse": swap_on_loop_on_fuse,
    "nbd-netlink": nbd_netlink,
    "nbd-ioctl": nbd_ioctl,
    "much-memory": much_memory,
    "locked-memory": locked_memory,
    "full-swap": full_swap,
}


def plant(name: str) -> Facts:
    """Set a workload up; return ``{"workload": name, ...its facts}``.

    :raise ProbeError: When it is there already.
    """
    RUN.mkdir(parents=True, exist_ok=True)
    note = RUN / f"workload-{name}.json"
    if note.exists():
        raise ProbeError("planted", f"the workload {name} is set up already in this life")
    facts = pressed(name) if name.startswith(PRESSURE) else PLANT[name]()
    note.write_text(json.dumps(facts))
    return {"workload": name, **facts}


def check(name: str) -> Facts:
    """Return how a workload is now.

    :raise ProbeError: When it was not set up in this life.
    """
    note = RUN / f"workload-{name}.json"
    if not note.exists():
        raise ProbeError("planted", f"the workload {name} was not set up in this life")
    planted = json.loads(note.read_text())
    if name.startswith(PRESSURE):
        return {"workload": name, **pressure.look(planted)}
    if name in {"much-memory", "locked-memory", "full-swap"}:
        return {"workload": name, **hoarder.look(planted)}
    server = disks.again(planted["server"])
    if name == "swap-on-loop-on-fuse":
        return {"workload": name, **swapper.look(), "server": server}
    return {"workload": name, **disks.found(where(name), server)}
