"""What wrote to places of a disk: the files that lie there, the last written first."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from hibtest.cycle.filesystems.ext4 import block_size, replayed
from hibtest.cycle.filesystems.flat import copied
from hibtest.cycle.filesystems.kinds import found_on
from hibtest.cycle.filesystems.tool import ran
from hibtest.cycle.storage import Stored
from hibtest.deadline import Deadline
from hibtest.errors import HibtestError
from hibtest.spec import Filesystem

_LIMIT = 20.0  # s; a root of 600 MB takes 0.4
_PLACES = 64  # that are looked at
_NAMED = 3
_AT_ONCE = 256  # a command is a line of at most 8191 bytes (debugfs.c, 1.47)
_JOURNAL = 8  # EXT4_JOURNAL_INO, fs/ext4/ext4.h (6.1 to 7.3)
_OWNED = re.compile(r"^\d+\t(\d+)$", re.MULTILINE)
_PATH = re.compile(r"^(\d+)\t/?(/.*)$", re.MULTILINE)  # "//name" in the root
_STAT = re.compile(r"^Inode: (\d+) .*?^ *ctime: 0x([0-9a-f]+)", re.MULTILINE | re.DOTALL)


def written(stored: Stored, places: Sequence[int], piece: int, directory: Path) -> tuple[str, ...]:
    """Return what lies at places of a disk, as far as that can be told in time.

    Which of the blocks of a piece were written is not known, but who was written to last is.

    :param places: Where pieces begin, in bytes.
    :param piece: How many bytes a piece has.
    :param directory: Where there is room for a copy.
    """
    deadline = Deadline.after(_LIMIT, "the names of files")
    try:
        with copied(stored, directory) as copy:
            if found_on(copy) is not Filesystem.EXT4:
                return ()
            replayed(copy, deadline)
            return tuple(_owners(copy, places[:_PLACES], piece, deadline))
    except (HibtestError, OSError):
        return ()  # that blocks differ is known without


def _owners(copy: Path, places: Sequence[int], piece: int, deadline: Deadline) -> Iterator[str]:
    def asked(word: str, things: Sequence[object]) -> str:
        return _asked(copy, _commands(word, things), deadline)

    size = block_size(copy)
    blocks = list(chain.from_iterable(range(at // size, (at + piece) // size) for at in places))
    inodes = sorted({int(one) for one in _OWNED.findall(asked("icheck", blocks))})
    files = [inode for inode in inodes if inode != _JOURNAL]
    stats = _asked(copy, [f"stat <{inode}>" for inode in files], deadline)
    changed = {int(inode): int(ctime, 16) for inode, ctime in _STAT.findall(stats)}
    named = {int(inode): path for inode, path in _PATH.findall(asked("ncheck", files))}
    last = sorted(files, key=lambda inode: -changed.get(inode, 0))[:_NAMED]
    yield from (named.get(inode, f"inode {inode}") for inode in last)
    if _JOURNAL in inodes:
        yield "the journal"


def _commands(word: str, things: Sequence[object]) -> Iterator[str]:
    for at in range(0, len(things), _AT_ONCE):
        yield " ".join((word, *map(str, things[at : at + _AT_ONCE])))


def _asked(copy: Path, commands: Iterable[str], deadline: Deadline) -> str:
    """Have debugfs(8) carry out commands; return what it printed."""
    asks = copy.with_suffix(".ask")
    try:
        asks.write_text("".join(f"{command}\n" for command in commands))
        return ran(("debugfs", "-f", asks, copy), deadline).text
    finally:
        asks.unlink(missing_ok=True)
