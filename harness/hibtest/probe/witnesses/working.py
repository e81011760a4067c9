"""Workers: they rewrite memory until they are frozen, and find what did not keep step with them.

A crew of processes and threads takes turns over one area of 64 pages. Every word of a page tells
in which pass it was written, and by its turn each worker knows, from memory of its own, how far
the passes have come: the pages before that place are of this pass, those behind it of the one
before. Whoever's turn it is looks at a page before it writes the next pass into it. So a page that
was copied before its writer was frozen is found, and so is a writer that was.

The turn itself is in flight in a pipe: between pages, shared words, pipes and what each worker
remembers nothing may be older than the rest. And each worker counts on the disk, past the page
cache: one that ran on after the snapshot finds a count there that it knows nothing of.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hibtest.linux.descriptors import closing
from hibtest.probe.base import Facts
from hibtest.probe.pages import SIZE
from hibtest.probe.shared import Words

PAGES = 64
# Pages that are written in one step, and how many steps a pass has.
STEP = 4
STEPS = PAGES // STEP
# A worker naps before each step, and does some before the next one has its turn. So four pages of
# each area change in this time, and all crews together take little of an emulated CPU.
NAP = 0.2
TURNS = 4
# How often each counts on the disk. An image takes seconds to be written.
COUNTED = 0.5

# Of a page: seed, pass, number and the pass's complement, again and again.
LINE = struct.Struct("<QQQQ")
ALL = (1 << 64) - 1
TURN = struct.Struct("<Q")

# Words that a crew shares with the daemon: steps done, how often something was wrong, and the
# first of it; how often the daemon has asked. Behind them, how often each worker has answered.
DONE, ERRORS, KIND, PLACE, WANTED, FOUND, ASKED, ANSWERED = range(8)
# What may be wrong, by its number in KIND. Found of a page that is torn is its first pass.
KINDS = ("", "page", "torn", "turn", "disk", "errno")


class Area(NamedTuple):
    """Pages that are worked on: how to read one, and how to write it, by its number."""

    read: Callable[[int], bytes]
    write: Callable[[int, bytes], object]


def mapped(area: mmap.mmap, start: int = 0, stride: int = SIZE) -> Area:
    """Return pages of memory, so many bytes from one to the next."""

    def place(page: int) -> slice:
        return slice(start + page * stride, start + page * stride + SIZE)

    def write(page: int, data: bytes) -> None:
        area[place(page)] = data

    return Area(lambda page: area[place(page)], write)


def written(fd: int) -> Area:
    """Return pages of a file, read and written by system calls."""
    return Area(
        lambda page: os.pread(fd, SIZE, page * SIZE),
        lambda page, data: os.pwrite(fd, data, page * SIZE),
    )


def content(seed: int, number: int, page: int) -> bytes:
    """Return what a page holds in a pass."""
    return LINE.pack(seed, number, page, number ^ ALL) * (SIZE // LINE.size)


class Counts:
    """Counts on a disk, past the page cache, a page for each worker.

    :ivar fd: ``None`` where the filesystem has no such access.
    """

    def __init__(self, path: Path, workers: int) -> None:
        self.fd: int | None = None
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_DIRECT | os.O_CLOEXEC
        try:
            self.fd = os.open(path, flags, 0o600)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return
        with mmap.mmap(-1, workers * SIZE) as zeros:
            os.pwritev(self.fd, [zeros], 0)


class Counter:
    """One worker's count on the disk, which it also knows by heart."""

    def __init__(self, counts: Counts, slot: int) -> None:
        self.fd = counts.fd
        self.at = slot * SIZE
        self.count = 0
        self.due = 0.0
        self.page = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    def go_on(self, fd: int) -> int:
        """Count up; return what the disk held before, which is ``count`` less one."""
        os.preadv(fd, [self.page], self.at)
        found = TURN.unpack_from(self.page)[0]
        self.count += 1
        TURN.pack_into(self.page, 0, self.count)
        os.pwritev(fd, [self.page], self.at)
        self.due = time.monotonic() + COUNTED
        return int(found)


class Crew:
    """Workers that take turns over an area.

    :param seed: Tells areas apart.
    :param workers: How many take turns.
    :ivar words: What the daemon sees of it, see :data:`DONE`.
    """

    def __init__(self, area: Area, seed: int, workers: int, counts: Counts) -> None:
        self.area = area
        self.seed = seed
        self.workers = workers
        self.counts = counts
        self.words = Words(ANSWERED + workers)
        self.pipes = [os.pipe() for _ in range(workers)]

    def begin(self) -> None:
        """Write pass 0, and give the first worker its turn."""
        for page in range(PAGES):
            self.area.write(page, content(self.seed, 0, page))
        os.write(self.pipes[0][1], TURN.pack(0))

    def work(self, me: int) -> None:
        """Take every turn that is a worker's, for ever.

        :param me: Which worker, from 0.
        """
        number, counter = TURNS * me, Counter(self.counts, me)
        while True:
            number = self.take(me, number, counter)

    def take(self, me: int, number: int, counter: Counter) -> int:
        """Wait for a worker's turn, and do its steps.

        :param number: The first of them, as the worker remembers it.
        :return: The first of its next turn.
        """
        told = TURN.unpack(os.read(self.pipes[me][0], TURN.size))[0]
        for _ in range(TURNS):
            if number >= TURNS * self.workers and not self.silent():
                time.sleep(NAP)
            # It may have been frozen in this nap: what it has in hand is held against all else
            # after it, not before.
            for other in (told, self.words[DONE]):
                if other != number:
                    self.complain("turn", me, number, other)
            number = told
            self.count(me, counter)
            self.answer(me, number)
            self.step(number)
            number = told = number + 1
            self.words[DONE] = number
        os.write(self.pipes[(me + 1) % self.workers][1], TURN.pack(number))
        return int(number + TURNS * (self.workers - 1))

    def answer(self, me: int, number: int) -> None:
        """Answer what the daemon asked; the first to do so looks at all pages, before its step."""
        if self.silent() == self.workers:
            first = number % STEPS * STEP
            for page in range(PAGES):
                self.inspect(page, number // STEPS + (page < first))
        self.words[ANSWERED + me] = self.words[ASKED]

    def answered(self, me: int) -> bool:
        """Return whether a worker has answered all that the daemon asked."""
        return self.words[ANSWERED + me] == self.words[ASKED]

    def step(self, number: int) -> None:
        """Write the next pass into four pages."""
        first = number % STEPS * STEP
        for page in range(first, first + STEP):
            self.inspect(page, number // STEPS)
            self.area.write(page, content(self.seed, number // STEPS + 1, page))

    def inspect(self, page: int, wanted: int) -> None:
        """Look whether a page is of this pass."""
        data = self.area.read(page)
        if data == content(self.seed, wanted, page):
            return
        found = LINE.unpack_from(data.ljust(LINE.size, b"\0"))[1]
        whole = data == content(self.seed, found, page)
        self.complain("page" if whole else "torn", page, wanted, found)

    def count(self, me: int, counter: Counter) -> None:
        """Count on the disk, when it is time or somebody asks."""
        if counter.fd is None or (self.answered(me) and time.monotonic() < counter.due):
            return
        try:
            found = counter.go_on(counter.fd)
        except OSError as error:
            self.complain("errno", me, 0, error.errno or errno.EIO)
            return
        if found != counter.count - 1:
            self.complain("disk", me, counter.count - 1, found)

    def complain(self, kind: str, place: int, wanted: int, found: int) -> None:
        """Note that something is wrong; the first of it is kept."""
        words = self.words
        if not words[ERRORS]:
            words[KIND], words[PLACE] = KINDS.index(kind), place
            words[WANTED], words[FOUND] = wanted, found
        words.add(ERRORS)

    def silent(self) -> int:
        """Return how many workers have not answered all that the daemon asked."""
        return sum(not self.answered(me) for me in range(self.workers))

    def facts(self) -> Facts:
        """Return ``{"step", "errors", "first": [kind, place, wanted, found] or None}``."""
        _, errors, kind, *first = list(self.words)[:ASKED]
        named = [KINDS[kind], *first] if errors else None
        return {"step": self.words[DONE], "errors": errors, "first": named}


def new_file(path: Path) -> int:
    """Return a descriptor of a file that has as many pages as are worked on, all of them zero."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.write(fd, bytes(PAGES * SIZE))
    return fd


def mapped_file(path: Path) -> Area:
    """Return the pages of a new file, mapped."""
    with closing(new_file(path)) as fd:
        return mapped(mmap.mmap(fd, PAGES * SIZE))


def private(count: int) -> mmap.mmap:
    """Return so many pages of private memory."""
    return mmap.mmap(-1, count * SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
