"""The writer: it numbers what it writes to a disk, and acknowledges what the disk has.

A record has a number, the time, a checksum of the record before, and one of its own. Each number is
written in three ways: appended to a file, then fsync(2); past the page cache into a ring of blocks;
into a file that takes the place of the one before, by rename(2). Once the disk has all three it is
acknowledged: in memory, which goes back to the snapshot with everything, and to the host, which
does not, whenever the witness is looked at.

So after a resume the disk has what was acknowledged at the snapshot, at most the next one, and
nothing from a future that this life does not know of; and after a power cut all that the host was
told. A record that does not have the checksum of the one before was written by another life.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hibtest.linux.descriptors import closing
from hibtest.probe.base import Facts
from hibtest.probe.shared import Words

# Of a record: magic, number, ns of CLOCK_REALTIME, checksum of the one before, its own.
RECORD = struct.Struct("<8sQQII")
MAGIC = b"hibwrite"
LENGTH = 64
BLOCK = 4096
SLOTS = 64
NAP = 0.5
WAYS = ("appended", "direct", "renamed")
# What may be wrong with a number, by its place in the words: see :class:`Wrong`.
KINDS = ("", "lost", "future", "errno")
DONE, ERRORS, KIND, WAY, NUMBER, PLACE, COUNT = range(7)


class Wrong(NamedTuple):
    """A number that is not as it should be.

    :ivar kind: ``lost``: it is not there, or damaged. ``future``: it is there, and nobody of this
        life wrote it. ``errno``: the system call for it failed.
    :ivar number: Which; for ``errno`` the error.
    :ivar place: Its byte offset in the file.
    """

    kind: str
    number: int
    place: int


class Record(NamedTuple):
    """A record as it was read."""

    number: int
    before: int
    own: int


def record(number: int, before: int) -> bytes:
    """Return a record, :data:`RECORD` bytes.

    :param before: The checksum of the record before.
    """
    text = RECORD.pack(MAGIC, number, time.time_ns(), before, 0)[:-4]
    return text + struct.pack("<I", zlib.crc32(text))


def parsed(data: bytes) -> Record | None:
    """Return the record that bytes begin with, ``None`` when it is none or damaged."""
    if len(data) < RECORD.size:
        return None
    magic, number, _, before, own = RECORD.unpack_from(data)
    whole = magic == MAGIC and own == zlib.crc32(data[: RECORD.size - 4])
    return Record(number, before, own) if whole else None


class Read(NamedTuple):
    """The records of a file.

    :ivar there: Number -> record.
    :ivar slots: How many there is room for; 0: for all.
    :ivar length: Bytes of each.
    """

    there: dict[int, Record]
    slots: int
    length: int

    @property
    def last(self) -> int:
        """The highest number, 0 without any."""
        return max(self.there, default=0)

    def place(self, number: int) -> int:
        """Return the offset of a number."""
        return (number - 1) % (self.slots or number) * self.length

    def wrong(self, acknowledged: int, most: int | None) -> Wrong | None:
        """Return the first that is wrong of those that should be there.

        :param acknowledged: The last that the disk must have.
        :param most: The last that it may have; ``None``: nobody knows.
        """
        if most is not None and self.last > most:
            future = min(number for number in self.there if number > most)
            return Wrong("future", future, self.place(future))
        if self.slots == 1:
            return Wrong("lost", acknowledged, 0) if self.last < acknowledged else None
        upto = max(acknowledged, self.last)
        # one more may be on its way, in the place of the oldest
        first = max(1, upto - self.slots + 2) if self.slots else 1
        for number in range(first, upto + 1):
            if number not in self.there:
                return Wrong("lost", number, self.place(number))
        for number in range(first + 1, upto + 1):
            if self.there[number].before != self.there[number - 1].own:
                return Wrong("future", number, self.place(number))
        return None


def chunks(data: bytes, length: int) -> Iterator[Record]:
    """Yield the records of a file that lie where their numbers say."""
    count = len(data) // length
    for at in range(count):
        found = parsed(data[at * length : (at + 1) * length])
        if found and (found.number - 1) % count == at:
            yield found


def read_back(place: Path) -> dict[str, Read]:
    """Return what a writer has written, read past the page cache where that can be done."""
    found = {}
    for way, slots, length in zip(WAYS, (0, SLOTS, 1), (LENGTH, BLOCK, LENGTH), strict=True):
        try:
            data = past_cache(place / way)
        except FileNotFoundError:
            data = b""
        first = parsed(data)
        alone = [first] if first else []
        records = alone if way == "renamed" else chunks(data, length)
        found[way] = Read({one.number: one for one in records}, slots, length)
    return found


def opened(path: Path, flags: int) -> int:
    """Open a file, past the page cache where its filesystem can."""
    try:
        return os.open(path, flags | os.O_DIRECT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.open(path, flags | os.O_CLOEXEC, 0o600)


def past_cache(path: Path) -> bytes:
    """Return what a file holds on its disk."""
    with closing(opened(path, os.O_RDONLY)) as fd:
        size = os.fstat(fd).st_size
        if not size:
            return b""
        with mmap.mmap(-1, -(-size // BLOCK) * BLOCK) as area:
            return area[: os.preadv(fd, [area], 0)]


class Writer:
    """Who writes below a directory; see this module.

    :ivar words: What the daemon sees of it: :data:`DONE` is the last number acknowledged, and
        :data:`ERRORS` how often something was wrong, of which the first is kept.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.words = Words(COUNT)
        self.before = 0
        place.mkdir(parents=True, exist_ok=True)
        for way in WAYS:
            (place / way).unlink(missing_ok=True)
        flags = os.O_RDWR | os.O_CREAT
        self.appended = os.open(place / WAYS[0], flags | os.O_CLOEXEC, 0o600)
        self.direct = opened(place / WAYS[1], flags | os.O_DSYNC)
        self.directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.page = mmap.mmap(-1, BLOCK, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for slot in range(SLOTS):
            os.pwritev(self.direct, [self.page], slot * BLOCK)
        os.fsync(self.directory)

    def work(self) -> None:
        """Write, for ever."""
        while True:
            self.go_on()
            time.sleep(NAP)

    def go_on(self) -> None:
        """Write the next number in all ways, and acknowledge it."""
        number = self.words[DONE] + 1
        text = record(number, self.before)
        for at, write in enumerate((self.append, self.put, self.replace)):
            try:
                write(number, text)
            except OSError as error:
                self.complain(at, Wrong("errno", error.errno or errno.EIO, 0))
        self.before = zlib.crc32(text[: RECORD.size - 4])
        self.words[DONE] = number

    def append(self, number: int, text: bytes) -> None:
        place, size = (number - 1) * LENGTH, os.fstat(self.appended).st_size
        if size != place:
            kind, which = ("lost", size // LENGTH + 1) if size < place else ("future", number)
            self.complain(0, Wrong(kind, which, min(size, place)))
        os.pwrite(self.appended, text.ljust(LENGTH, b"\0"), place)
        os.fsync(self.appended)

    def put(self, number: int, text: bytes) -> None:
        place = (number - 1) % SLOTS * BLOCK
        os.preadv(self.direct, [self.page], place)
        self.compare(1, max(number - SLOTS, 0), place, parsed(self.page[:]))
        self.page[:] = text.ljust(BLOCK, b"\0")
        os.pwritev(self.direct, [self.page], place)

    def replace(self, number: int, text: bytes) -> None:
        path, new = self.place / WAYS[2], self.place / "new"
        there = parsed(path.read_bytes()) if number > 1 else None
        self.compare(2, number - 1, 0, there)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with closing(os.open(new, flags, 0o600)) as fd:
            os.write(fd, text.ljust(LENGTH, b"\0"))
            os.fsync(fd)
        new.rename(path)
        os.fsync(self.directory)

    def compare(self, way: int, old: int, place: int, there: Record | None) -> None:
        """Look whether a place has the number that it should before the next is written there."""
        found = there.number if there else 0
        if found > old:
            self.complain(way, Wrong("future", found, place))
        elif found < old:
            self.complain(way, Wrong("lost", old, place))

    def complain(self, way: int, wrong: Wrong) -> None:
        """Note that something is wrong; the first of it is kept."""
        words = self.words
        if not words[ERRORS]:
            words[KIND], words[WAY] = KINDS.index(wrong.kind), way
            words[NUMBER], words[PLACE] = wrong.number, wrong.place
        words.add(ERRORS)

    def first(self) -> list[object] | None:
        """Return the first that was wrong, ``[way, kind, number, place]``."""
        words = self.words
        if not words[ERRORS]:
            return None
        return [WAYS[words[WAY]], KINDS[words[KIND]], words[NUMBER], words[PLACE]]


def told(reads: dict[str, Read], acknowledged: int, most: int | None = None) -> Facts:
    """Return what is to be said of what a writer has written.

    ``{"last": {way: number}, "wrong": [way, kind, number, place] or None}``.

    :param reads: As :func:`read_back` returned them.
    :param acknowledged: The last number that must be there.
    :param most: The last that may be; ``None``: nobody knows, and nobody writes any more. A number
        was begun when the one before was acknowledged, so that must be there in all ways.
    """
    wrong = first_wrong(reads, acknowledged, most)
    if wrong is None and most is None:
        begun = max(read.last for read in reads.values())
        wrong = first_wrong(reads, max(acknowledged, begun - 1), most)
    return {"last": {way: read.last for way, read in reads.items()}, "wrong": wrong}


def first_wrong(reads: dict[str, Read], acknowledged: int, most: int | None) -> list[object] | None:
    """Return the first that is wrong, ``[way, kind, number, place]``."""
    found = ((way, read.wrong(acknowledged, most)) for way, read in reads.items())
    return next(([way, *wrong] for way, wrong in found if wrong), None)
