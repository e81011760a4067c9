"""The cgroup v2 hierarchy: where it is mounted, what is in it, reading and writing its files."""

from __future__ import annotations

import os
from pathlib import Path

from hibtest.agent.errors import AgentError
from hibtest.linux import mounts
from hibtest.linux.descriptors import closing

_MOUNTINFO = "/proc/self/mountinfo"
_READ_ONLY = os.ST_RDONLY


def mounted_root(mountinfo: str = _MOUNTINFO) -> str:
    """Return the directory of the root cgroup.

    :raise AgentError: When the root of a cgroup2 hierarchy is not mounted, or not writable.
    """
    listed = mounts.parse(Path(mountinfo).read_bytes())
    # a part of the hierarchy has another root
    found = [one.point for one in listed if one.fstype == "cgroup2" and one.root == "/"]
    if not found:
        raise AgentError(
            "no cgroup2 file system is mounted",
            "mount -t cgroup2 cgroup /sys/fs/cgroup, or take another stopper",
        )
    root = found[0]
    if Path(root, "cgroup.freeze").exists():  # the root cgroup has none
        raise AgentError(
            f"{root} is not the root of the cgroup hierarchy: this is a container",
            "run the agent outside of it",
        )
    if os.statvfs(root).f_flag & _READ_ONLY:
        raise AgentError(f"{root} is mounted read-only", f"mount -o remount,rw {root}")
    return root


def subgroups(path: str) -> list[str]:
    """Return the directories of the cgroups right below one; none when it is gone."""
    try:
        with os.scandir(path) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def members(path: str) -> list[int]:
    """Return the processes of a cgroup, without those below it; none when it is gone."""
    try:
        return [int(pid) for pid in read(f"{path}/cgroup.procs").split()]
    except OSError:
        return []


def cgroup_of(pid: int, root: str) -> str:
    """Return the directory of a process's cgroup, or "" when the process is gone."""
    try:
        lines = read(f"/proc/{pid}/cgroup").splitlines()
    except OSError:
        return ""
    found = (line[3:] for line in lines if line.startswith("0::"))
    return root + next(found, "").rstrip("/")


def read(path: str) -> str:
    """Return a file's text.

    :raise OSError: When it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts).decode(errors="surrogateescape")
    finally:
        os.close(fd)


def write(path: str, text: str) -> None:
    """Write a text into a file of the kernel.

    :raise OSError: When the kernel does not take it.
    """
    with closing(os.open(path, os.O_WRONLY)) as fd:
        os.write(fd, text.encode())
