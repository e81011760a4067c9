"""Btrfs, by btrfs-check(8), checksums of data included.

What was committed is whole by itself, and is what it looks at. What fsync(2) has written since
lies in a log tree, which the kernel replays when it mounts it.
"""

import re
import struct
from pathlib import Path

from hibtest.cycle.filesystems.tool import Ran, Told, ran
from hibtest.deadline import Deadline

PROGRAM = "btrfs"
_COMMAND = ("check", "--readonly", "--check-data-csum")
_WHOLE, _DAMAGED = 0, 1  # exit status (btrfs-check(8), 6.2)
# struct btrfs_super_block: magic at 0x40, log_root at 0x60 (fs/btrfs/ctree.h in 6.1,
# include/uapi/linux/btrfs_tree.h in 6.12 and 7.3)
_SUPERBLOCK, _MAGIC = 0x10000, b"_BHRfS_M"
_LOG_ROOT = struct.Struct("<Q")
_NEWER = re.compile(r".*unsupported (option )?features.*", re.MULTILINE)
_BESIDE = re.compile(
    r"\[\d/\d\] |Opening filesystem|Checking filesystem on |UUID: |found \d+ bytes used"
    r"|total |btree space waste|file data blocks allocated|\s*referenced \d"
    r"|cache and super generation don't match"
)


def told(disk: Path, deadline: Deadline) -> Told:
    """Look at a filesystem, and write nothing."""
    with disk.open("rb") as file:
        file.seek(_SUPERBLOCK)
        block = file.read(0x68).ljust(0x68, b"\0")
    there = block[0x40:0x48] == _MAGIC
    if there and _LOG_ROOT.unpack_from(block, 0x60)[0]:
        return Told(problems=(), ran=(), logged=True)
    look = ran((PROGRAM, *_COMMAND, disk), deadline)
    problems = _problems(look) if look.status == _DAMAGED else ()
    if not there:
        problems = ("its superblock is gone", *problems)
    lacking = _lacking(look)
    return Told(problems=() if lacking else problems, ran=(look,), lacking=lacking)


def _lacking(look: Ran) -> str:
    """Return why btrfs could not look, or not to the end; empty when it did."""
    if look.status is None:
        return f"{PROGRAM} check did not end in time"
    if newer := _NEWER.search(look.text):
        return f"this {PROGRAM} does not know all of it: {newer[0].strip()}"
    if look.status in {_WHOLE, _DAMAGED}:
        return ""
    last = look.text.strip().splitlines()[-1:] or ["nothing was printed"]
    return f"{PROGRAM} check ended with {look.status}: {last[0]}"


def _problems(look: Ran) -> tuple[str, ...]:
    lines = [line.strip() for line in look.text.splitlines() if line.strip()]
    found = tuple(line for line in lines if not _BESIDE.match(line))
    return found or (f"{PROGRAM} check ends with {look.status}: it is damaged",)
