"""XFS, by xfs_repair(8), which cannot replay its log: the kernel alone can, when it mounts it."""

import re
from pathlib import Path

from hibtest.cycle.filesystems.tool import Ran, Told, ran
from hibtest.deadline import Deadline

PROGRAM = "xfs_repair"
_WHOLE, _DAMAGED = 0, 1  # exit status with -n (xfs_repair(8), 6.1); 1 of a log that is full, too
_MAGIC = b"XFSB"  # sb_magicnum, fs/xfs/libxfs/xfs_format.h (6.1 to 7.3)
_LOGGED = "ALERT: The filesystem has valuable metadata changes in a log"
# "Found unsupported filesystem features", "unknown incompat features" (repair/versions.c, 6.1)
_NEWER = re.compile(r".*(unsupported filesystem features|unknown \S+ features).*", re.MULTILINE)
# What is printed beside problems, and what would be done about them.
_BESIDE = re.compile(
    r"Phase \d|\s+- |No modify flag set|Cannot get host filesystem geometry"
    r"|Repair may fail if there is a sector size mismatch|the image and the host filesystem"
    r"|\s*would |attempting to find secondary superblock|\.*found candidate secondary"
    r"|verified secondary superblock|Primary superblock would|Cannot proceed further|Exiting now"
)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+,")  # of a function: another one each time


def told(disk: Path, deadline: Deadline) -> Told:
    """Look at a filesystem, and write nothing."""
    look = ran((PROGRAM, "-n", "-f", disk), deadline)
    if _LOGGED in look.text:
        return Told(problems=(), ran=(look,), logged=True)
    problems = _problems(look) if look.status == _DAMAGED else ()
    with disk.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            problems = ("its superblock is gone", *problems)
    if look.status == _DAMAGED and not problems:
        problems = (f"{PROGRAM} ends with {look.status}: it is damaged",)
    lacking = _lacking(look)
    return Told(problems=() if lacking else problems, ran=(look,), lacking=lacking)


def _lacking(look: Ran) -> str:
    """Return why xfs_repair could not look, or not to the end; empty when it did."""
    if look.status is None:
        return f"{PROGRAM} did not end in time"
    if newer := _NEWER.search(look.text):
        return f"this {PROGRAM} does not know all of it: {newer[0].strip()}"
    if look.status in {_WHOLE, _DAMAGED}:
        return ""
    last = look.text.strip().splitlines()[-1:] or ["nothing was printed"]
    return f"{PROGRAM} ended with {look.status}: {last[0]}"


def _problems(look: Ran) -> tuple[str, ...]:
    lines = (line for line in look.text.splitlines() if line.strip(" ."))
    return tuple(_ADDRESS.sub("", line.strip()) for line in lines if not _BESIDE.match(line))
