"""ext2, ext3 and ext4, by e2fsck(8), which tells by its exit status what is damage."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from hibtest.cycle.filesystems.tool import Ran, Told, ran
from hibtest.deadline import Deadline

PROGRAM = "e2fsck"
_WHOLE = 0  # exit status of e2fsck: nothing to be said
_UNCORRECTED = 4  # a bit of it: errors were left
_TROUBLE = ~7  # any other than these: it could not look, or not to the end (e2fsck(8), 1.47)
_SUPERBLOCK = 1024
_STATE = struct.Struct("<H")  # s_state at 0x3a; 2: EXT4_ERROR_FS (fs/ext4/ext4.h, 6.1 to 7.3)
_ERRORS = struct.Struct("<I")  # s_error_count, s_first_error_line
_MARKED = 2
_MAGIC = b"\x53\xef"  # s_magic, at 0x38
# What is printed beside problems.
_BESIDE = re.compile(
    r"e2fsck \d|Pass \d|Warning: skipping journal recovery|.*: recovering journal"
    r"|.*: \d+/\d+ files \(.*\), \d+/\d+ blocks|.*: Clearing orphaned inode"
    r"|.*\*{5,} .* \*{5,}"
)
# Problems that are none, with PR_NO_OK in their table ("if user answers no, don't make fs invalid",
# e2fsck/problemP.h, e2fsprogs 1.47). Counts: the kernel makes them anew at each mount, and does not
# keep them right meanwhile (check_if_skip(), e2fsck/unix.c: "for cosmetic reasons only").
_COUNTS = re.compile(r"Free (blocks|inodes) count wrong \(")
_ORPHANS, _ORPHAN_PRESENT = "orphan_present", 0x10000  # s_feature_ro_compat, fs/ext4/ext4.h
# the table of prompts, e2fsck/problem.c (1.47)
_ASKS = re.compile(
    r"(^|\s+)(Fix|Clear( inode| HTree index| flag)?|Relocate|Allocate|Expand|Create|Salvage"
    r"|Connect to /lost\+found|Truncate|Abort|Split|Continue|Clone multiply-claimed blocks"
    r"|Delete file|Suppress messages|Unlink|Recreate|Optimize|Update quota info.*)\? no$"
)
_DONE = "IGNORED."


def replayed(copy: Path, deadline: Deadline) -> Ran:
    """Do to a copy what the kernel does when it mounts: replay the journal, end orphans.

    ext4_orphan_cleanup(), fs/ext4/orphan.c (6.1 to 7.3); release_orphan_inodes(), e2fsck/super.c.
    """
    return ran((PROGRAM, "-E", "journal_only", "-p", copy), deadline)


def told_of_copy(copy: Path, deadline: Deadline) -> Told:
    """Look at a filesystem whose machine went off with it mounted, on a copy."""
    first = replayed(copy, deadline)
    failed = first.status != _WHOLE
    if _is_mounted(copy):
        ran(("debugfs", "-w", "-R", f"feature -{_ORPHANS}", copy), deadline)
    look = told(copy, deadline)
    return Told(
        problems=(*(_problems(first) if failed else ()), *_noted(copy), *look.problems),
        ran=(first, *look.ran),
        lacking=_lacking(first) or look.lacking,
    )


def _is_mounted(copy: Path) -> bool:
    """Return whether a filesystem says that it is mounted, and may have orphans.

    ext4_setup_super(), fs/ext4/super.c (6.1 to 7.3). e2fsck 1.47.0 calls that an error, so that its
    exit status would say nothing of what else there is; later ones do not.
    """
    flags = _ERRORS.unpack_from(_superblock(copy).ljust(_SUPERBLOCK, b"\0"), 0x64)[0]
    return bool(flags & _ORPHAN_PRESENT)


def told(disk: Path, deadline: Deadline) -> Told:
    """Look at a filesystem, and write nothing."""
    look = ran((PROGRAM, "-fn", disk), deadline)
    if look.status == _WHOLE:
        return Told(problems=(), ran=(look,))
    problems = _problems(look)
    if look.status == _UNCORRECTED and not problems:
        problems = (f"e2fsck ends with {look.status}: errors are left",)
    return Told(problems=problems, ran=(look,), lacking=_lacking(look))


def _lacking(look: Ran) -> str:
    """Return why e2fsck could not look, or not to the end; empty when it did."""
    if look.status is None:
        return f"{PROGRAM} did not end in time"
    if not look.status & _TROUBLE:
        return ""
    last = look.text.strip().splitlines()[-1:] or ["nothing was printed"]
    return f"{PROGRAM} ended with {look.status}: {last[0]}"


def _problems(look: Ran) -> tuple[str, ...]:
    """Return the problems that e2fsck printed: each up to its question, or an empty line.

    What damages nothing is left out; so are, when it could not look to the end and tells why in
    the same way, words without a question.
    """
    end = look.status is not None and not look.status & _TROUBLE
    found: list[str] = []
    lines: list[str] = []
    for line in (*look.text.splitlines(), ""):
        if line.strip() and not _BESIDE.match(line):
            lines.append(line.strip())
        asks = line.endswith(("? no", _DONE))
        if asks or not line.strip():
            if asks or end:
                found.append(_ASKS.sub("", " ".join(lines)))
            lines = []
    return tuple(one for one in found if one and not _COUNTS.match(one))


def _noted(disk: Path) -> Iterator[str]:
    """Yield what the kernel, or the replay of the journal, has noted in the superblock."""
    block = _superblock(disk).ljust(_SUPERBLOCK, b"\0")
    if block[0x38:0x3A] != _MAGIC:
        yield "its superblock is gone"
        return
    if not _STATE.unpack_from(block, 0x3A)[0] & _MARKED:
        return
    count, line = (_ERRORS.unpack_from(block, at)[0] for at in (0x194, 0x1C8))
    where = block[0x1A8:0x1C8].split(b"\0")[0].decode(errors="replace")
    first = f", the first in {where}() line {line}" if where else ""
    yield f"it is marked as having errors; the kernel noted {count}{first}"


def block_size(disk: Path) -> int:
    """Return the bytes of a block: 1024 << s_log_block_size, at 0x18; at most 64 KiB."""
    (log,) = _ERRORS.unpack_from(_superblock(disk).ljust(_SUPERBLOCK, b"\0"), 0x18)
    return 1024 << min(int(log), 6)


def _superblock(disk: Path) -> bytes:
    with disk.open("rb") as file:
        file.seek(_SUPERBLOCK)
        return file.read(_SUPERBLOCK)
