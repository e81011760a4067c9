"""Trees of files for the search: recorded in guests, or written by hand."""

import json
from pathlib import Path
from typing import Any

from hibtest.agent.needed.asked import Asked

RECORDED = Path(__file__).parent / "recorded"
OWN = "mnt:[1]"


def recorded(name: str, root: Path) -> Asked:
    """Lay out below ``root`` what the search read in a guest; return what that kernel answered."""
    record = json.loads((RECORDED / f"{name}.json").read_text())
    # links before what lies behind them
    for path, value in sorted(record["tree"].items(), key=lambda item: isinstance(item[1], str)):
        lay(root, path, value)
        if path.startswith("/sys/class/") and "link" in value:
            (root / path.lstrip("/")).resolve().mkdir(parents=True, exist_ok=True)
    return Asked(record["asked"]["unix_peers"], record["asked"]["targets"])


def lay(root: Path, path: str, value: Any) -> None:
    """Lay out a file (text), a link (``{"link": target}``) or a directory (``{"names": []}``)."""
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, str):
        if path.endswith("/stat"):
            value += " 0" * (52 - len(value.split()))  # only its first fields are laid out
        place.write_text(value + "\n")
    elif "link" in value:
        place.symlink_to(value["link"])
    else:
        for name in value["names"]:
            (place / name).mkdir(parents=True, exist_ok=True)


class Machine:
    """A machine that is written by hand, below a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mounts: list[str] = []
        self.swaps = ["Filename Type Size Used Priority"]
        lay(root, "/proc/self/ns/mnt", {"link": OWN})
        self.mount("/", "ext4", "8:1", "/dev/sda1")
        self.block("sda", "8:0")
        self.block("sda1", "8:1", partition="1")

    def lay(self, path: str, value: Any) -> None:
        lay(self.root, path, value)

    def mount(
        self, point: str, fstype: str, device: str, source: str = "none", options: str = "rw"
    ) -> int:
        """Mount a filesystem; return the mount's number."""
        number = 20 + len(self.mounts)
        line = f"{number} 1 {device} / {point} rw shared:1 - {fstype} {source} {options}"
        self.mounts.append(line)
        path = self.root / "proc/self/mountinfo"
        path.write_text("\n".join(self.mounts) + "\n")
        return number

    def swap(self, path: str) -> None:
        self.swaps.append(f"{path} file 1 0 -1")
        (self.root / "proc/swaps").write_text("\n".join(self.swaps) + "\n")

    def block(self, name: str, device: str, **files: str) -> None:
        """Add a block device, with files below its directory (``__`` stands for a slash)."""
        whole = "sda/" if name == "sda1" else ""
        path = f"../../devices/virtual/block/{whole}{name}"
        self.lay(f"/sys/dev/block/{device}", {"link": path})
        self.lay(f"/sys/block/{name}", {"names": ["slaves"]})
        directory = self.root / "sys/devices/virtual/block" / whole / name
        directory.mkdir(parents=True, exist_ok=True)
        self.lay(f"/sys/class/block/{name}", {"link": path})
        for file, text in files.items():
            inside = directory / file.replace("__", "/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.write_text(text + "\n")

    def slave(self, above: str, below: str) -> None:
        directory = self.root / "sys/devices/virtual/block" / above / "slaves" / below
        directory.mkdir(parents=True)

    def process(
        self,
        pid: int,
        comm: str,
        files: dict[str, str] | None = None,
        parent: int = 1,
        tracer: int = 0,
        flags: int = 0x400000,
        space: str = OWN,
    ) -> None:
        """Add a process; ``files`` are its descriptors and what their links say.

        :param space: Its mount namespace; empty for a zombie, which is in none.
        """
        here = f"/proc/{pid}"
        self.lay(f"{here}/stat", f"{pid} ({comm}) S {parent} 1 1 0 -1 {flags} 0")
        self.lay(f"{here}/status", f"Name:\t{comm}\nTracerPid:\t{tracer}")
        if space:
            self.lay(f"{here}/ns/mnt", {"link": space})
            self.lay(f"{here}/ns/net", {"link": "net:[1]"})
        for fd, link in (files or {}).items():
            self.lay(f"{here}/fd/{fd}", {"link": link})

    def fdinfo(self, pid: int, fd: str, text: str) -> None:
        self.lay(f"/proc/{pid}/fdinfo/{fd}", text)
