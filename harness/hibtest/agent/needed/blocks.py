"""What block devices stand on: other block devices, files, processes (sysfs)."""

from __future__ import annotations

from collections.abc import Iterator

from hibtest.agent.needed.asked import Asked
from hibtest.agent.needed.graph import Node
from hibtest.agent.needed.mounts import Mounts
from hibtest.agent.needed.nodes import Below, Found, filesystem
from hibtest.agent.needed.processes import Processes
from hibtest.agent.needed.sockets import Sockets
from hibtest.agent.needed.tree import Tree

BLOCKS = "/sys/class/block"
# dm targets -> the daemon that answers their events: I/O waits for it when a leg fails, a pool
# or a snapshot is full, or no path is left
EVENTS = {
    "mirror": "dmeventd",
    "raid": "dmeventd",
    "snapshot": "dmeventd",
    "thin-pool": "dmeventd",
    "vdo": "dmeventd",
    "multipath": "multipathd",
}


class Blocks:
    """The block devices of this machine."""

    def __init__(
        self, tree: Tree, mounts: Mounts, processes: Processes, sockets: Sockets, asked: Asked
    ) -> None:
        self.tree = tree
        self.mounts = mounts
        self.processes = processes
        self.sockets = sockets
        self.asked = asked

    def of_number(self, device: str) -> str:
        """Return the name of the block device ``MAJOR:MINOR``, empty when there is none."""
        return self.tree.link(f"/sys/dev/block/{device}").rpartition("/")[2]

    def of_path(self, path: str) -> str:
        """Return the name of the block device that a path such as /dev/mapper/a means."""
        if not path.startswith("/dev/"):
            return ""
        for _ in range(8):
            target = self.tree.link(path)
            if not target:
                break
            base = "" if target.startswith("/") else path.rpartition("/")[0] + "/"
            path = normal(base + target)
        name = path[len("/dev/") :].replace("/", "!")  # as sysfs writes names such as cciss/c0d0
        return name if self.tree.link(f"{BLOCKS}/{name}") else ""

    def below(self, name: str) -> Iterator[Below]:
        """Yield what a block device stands on."""
        disk = whole(self.tree, name)
        if disk != name:
            yield Node("block", disk), "its partition"
            return
        for slave in self.tree.names(f"{BLOCKS}/{name}/slaves"):
            yield Node("block", slave), "made of it"
        yield from self.file(name)
        for process, why in self.servers(name):
            yield process.node, why

    def file(self, name: str) -> Iterator[Below]:
        """Yield the filesystem or device that a loop device's or zram's backing file is on."""
        path = self.tree.text(f"{BLOCKS}/{name}/loop/backing_file")
        if name.startswith("zram"):
            path = self.tree.text(f"{BLOCKS}/{name}/backing_dev")
        if not path.startswith("/"):
            return
        block, mount = self.of_path(path), self.mounts.of(path)
        if block:
            yield Node("block", block), f"backing device {path}"
        elif mount is not None:
            yield filesystem(mount), f"backing file {path}"

    def servers(self, name: str) -> Found:
        """Yield the processes that carry out a device's I/O."""
        if name.startswith("nbd"):
            yield from self.nbd(name)
        if name.startswith("ublkb"):
            for process in self.processes.holding(f"/dev/ublkc{name[len('ublkb') :]}"):
                yield process, "its ublk server"
        if name.startswith("md"):
            yield from self.md(name)
        if name.startswith("dm-"):
            yield from self.events(name)
        yield from self.scsi(name)

    def nbd(self, name: str) -> Found:
        """Yield the client of a network block device, and its server if that is on this machine.

        The client that attached it by ioctl stays in the kernel with the device open. One that
        used netlink has ended (drivers/block/nbd.c, 6.1 to 7.3: ``pid`` in sysfs names it
        still), and the kernel has its sockets.
        """
        client = self.processes.by_pid.get(number(self.tree.text(f"{BLOCKS}/{name}/pid")))
        if client is not None:
            yield client, f"its client, by {name}/pid"
        for process in self.processes.holding(f"/dev/{name}"):
            yield process, f"has /dev/{name} open: its client, or one who uses it"
        yield from self.sockets.kernels()

    def md(self, name: str) -> Found:
        """Yield mdmon: with external metadata a write waits until it has marked the array dirty."""
        if self.tree.text(f"{BLOCKS}/{name}/md/metadata_version").startswith("external:"):
            for process in self.processes.named("mdmon"):
                yield process, "keeps an array's external metadata"

    def events(self, name: str) -> Found:
        targets = self.asked.targets.get(self.tree.text(f"{BLOCKS}/{name}/dm/name"), [])
        kinds = {line.partition(" ")[0] for line in targets}
        daemons = {EVENTS[kind]: kind for kind in sorted(kinds) if kind in EVENTS}
        if self.tree.text(f"{BLOCKS}/{name}/dm/uuid").startswith("mpath-"):
            daemons["multipathd"] = "multipath"
        if any(" userspace " in f"{line} " for line in targets):
            daemons["cmirrord"] = "mirror with a userspace log"
        for daemon, kind in daemons.items():
            for process in self.processes.named(daemon):
                yield process, f"answers the events of target {kind}"

    def scsi(self, name: str) -> Found:
        path = self.tree.link(f"{BLOCKS}/{name}")
        if "/session" in path and "/target" in path:
            for process in self.processes.named("iscsid"):
                yield process, "mends the sessions of iSCSI"
        if "/tcm_loop_" in path:
            for process in self.processes.by_pid.values():
                if any(link.startswith("/dev/uio") for _, link in process.files):
                    yield process, "may serve a disk of target_core_user: has /dev/uio open"


def whole(tree: Tree, name: str) -> str:
    """Return the disk that a partition is on, or the name itself."""
    if not tree.text(f"{BLOCKS}/{name}/partition"):
        return name
    return tree.link(f"{BLOCKS}/{name}").split("/")[-2]


def number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def normal(path: str) -> str:
    """Return a path without ``..`` and ``.``, by its text alone."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
