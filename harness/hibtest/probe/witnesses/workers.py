"""Witnesses that work: memory of each kind, by processes and threads of many shapes."""

from __future__ import annotations

import _thread
import contextlib
import errno
import mmap
import os
import signal
from collections.abc import Callable
from typing import NamedTuple

from hibtest.probe import procfs, syscalls
from hibtest.probe.base import DISK, RUN, Facts, Lacking, Planted, Witness
from hibtest.probe.detached import child
from hibtest.probe.pages import SIZE
from hibtest.probe.shared import Words
from hibtest.probe.witnesses.memory import MADV_COLLAPSE, MIB
from hibtest.probe.witnesses.processes import CGROUP
from hibtest.probe.witnesses.working import (
    ASKED,
    DONE,
    PAGES,
    TURNS,
    Area,
    Counts,
    Crew,
    mapped,
    mapped_file,
    new_file,
    private,
    written,
)

# include/uapi/asm-generic/mman-common.h.
MADV_HUGEPAGE = 14
HUGE = 2 * MIB
# The one that nobody's files belong to.
NOBODY = 65534
STACK = 256 << 10
# Time to begin; to answer, and go on.
BEGIN, ANSWER = 5.0, 2.0


class Shape(NamedTuple):
    """What a crew looks like.

    :ivar names: Of its processes, one each; some read like fields of /proc/PID/stat.
    :ivar threads: That each process has, the first included.
    :ivar user: Who the last process belongs to, where the probe is root.
    :ivar group: A control group of their own, where there are any.
    """

    names: tuple[str, ...]
    threads: int = 1
    user: int = 0
    group: str = ""


def crew(
    area: Area, seed: int, shape: Shape, prepare: Callable[[], object] = lambda: None
) -> Planted:
    """Have a crew work on an area.

    Planted: ``{"workers": [{"pid", "starttime"}], "threads", "step"}``, workers being processes.
    Found: the same, ``"goes_on"``: whether steps were done within 2 s, and ``"silent"``: how many
    did not look at everything within that time; of all their life ``"errors"`` and ``"first"``,
    see :meth:`working.Crew.facts`.

    :param prepare: What the first process does before the first pass.
    """
    count = len(shape.names) * shape.threads
    DISK.mkdir(parents=True, exist_ok=True)
    work = Crew(area, seed, count, Counts(DISK / f"counts-{seed}", count))
    pids = [start(work, shape, number, prepare) for number in range(len(shape.names))]
    if not procfs.wait_for(lambda: work.words[DONE] >= TURNS * count, BEGIN):
        raise OSError(errno.ETIMEDOUT, f"it came to step {work.words[DONE]}")

    def found() -> Facts:
        return {"workers": [procfs.identity(pid) for pid in pids], **work.facts()}

    asked = [0]

    def ask() -> None:
        asked[0] = work.words[DONE]
        work.words.add(ASKED)

    def goes_on() -> bool:
        return work.words[DONE] > asked[0]

    def look() -> Facts:
        procfs.wait_for(lambda: goes_on() and not work.silent(), ANSWER)
        return {**found(), "goes_on": goes_on(), "silent": work.silent()}

    return Planted({**found(), "threads": shape.threads}, look, ask)


def start(work: Crew, shape: Shape, number: int, prepare: Callable[[], object]) -> int:
    """Start one process of a crew."""
    parent = os.getpid()

    def process() -> None:
        if number == 0:
            prepare()
            work.begin()
        procfs.write("/proc/self/comm", shape.names[number])
        if shape.group:
            join(shape.group)
        if shape.user and number == len(shape.names) - 1 and os.geteuid() == 0:
            os.setgid(shape.user)
            os.setuid(shape.user)
            # forgotten by whoever becomes another user (kernel/cred.c commit_creds(), 6.1 to 7.3)
            syscalls.die_with_parent(parent)
        _thread.stack_size(STACK)
        for more in range(1, shape.threads):
            _thread.start_new_thread(work.work, (number * shape.threads + more,))
        work.work(number * shape.threads)

    return child(process)


def join(name: str) -> None:
    if not (CGROUP / "cgroup.procs").exists():
        return
    (CGROUP / name).mkdir(exist_ok=True)
    procfs.write(CGROUP / name / "cgroup.procs", str(os.getpid()))


def anonymous() -> Planted:
    """Private memory, that three threads work on. Facts of all: see :func:`crew`."""
    return crew(mapped(private(PAGES)), 40, Shape(("work) R 1 (hib",), threads=3))


def shared() -> Planted:
    """Memory that two processes share, one of them of another user."""
    area = mmap.mmap(-1, PAGES * SIZE)
    return crew(mapped(area), 41, Shape(("shared (one)", "shared (other)"), user=NOBODY))


def tmpfs() -> Planted:
    """A mapped file on a tmpfs."""
    return crew(mapped_file(RUN / "working"), 42, Shape((") Z ( work",), user=NOBODY))


def page_cache() -> Planted:
    """A mapped file on a disk: its pages are dirty, or on their way, at any time."""
    return crew(mapped_file(DISK / "working-mapped"), 43, Shape(("mapped file",)))


def file() -> Planted:
    """A file on a disk that is read and written, by a process in a control group of its own."""
    shape = Shape(("written file",), group="hibtest (working)")
    return crew(written(new_file(DISK / "working-written")), 44, shape)


def huge() -> Planted:
    """A huge page, of which every eighth small page is worked on, by two threads.

    Planted: ``"huge_kib"`` as well. Pages of hugetlbfs would have to be taken from all others.
    """
    area = private(2 * HUGE // SIZE)
    start = -syscalls.address(area) % HUGE
    kib = Words(1)

    def prepare() -> None:
        for advice in (MADV_HUGEPAGE, MADV_COLLAPSE):
            with contextlib.suppress(OSError):  # without CONFIG_TRANSPARENT_HUGEPAGE
                area.madvise(advice, start, HUGE)
                area[start] = 1
        kib[0] = procfs.kib("/proc/self/smaps_rollup", "AnonHugePages")

    work = crew(mapped(area, start, HUGE // PAGES), 45, Shape(("huge",), threads=2), prepare)
    if not kib[0]:
        pid = work.facts["workers"][0]["pid"]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise Lacking("the kernel gives no huge pages")
    return work._replace(facts={**work.facts, "huge_kib": kib[0]})


WITNESSES = (
    Witness("working-memory", anonymous),
    Witness("working-shared", shared),
    Witness("working-tmpfs", tmpfs),
    Witness("working-page-cache", page_cache),
    Witness("working-file", file, private=False),
    Witness("working-huge", huge),
)
