"""Pushes the memory of stopped processes out to swap before the snapshot, as TuxOnIce did.

TuxOnIce (then Suspend2) wrote what stopped processes occupy before the atomic copy and used that
memory for the copy. Today the kernel can be asked to swap it out, which frees it for the copy.

``madvise``: process_madvise(MADV_PAGEOUT) of each process's private mappings: exactly these
processes, but only pages that one process alone has mapped (madvise_cold_or_pageout_pte_range(),
mm/madvise.c, 6.1 to 7.3). ``reclaim``: as much through memory.reclaim of the root cgroup: the
kernel chooses the pages, page cache among them, and whose they are.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hibtest.agent.errors import AgentError
from hibtest.agent.stop import hierarchy
from hibtest.linux import syscalls
from hibtest.linux.descriptors import closing

WAYS = ("madvise", "reclaim")

_MADV_PAGEOUT = 21
_VECTOR = 1024  # ranges a call: UIO_MAXIOV
_PAGE = os.sysconf("SC_PAGE_SIZE")
_WRITEBACK = 10.0  # s; that writing to swap may take
_WITHOUT = "run without pushing memory out"
_LIBC = ctypes.CDLL(None, use_errno=True)
Range = tuple[int, int]  # first address, bytes


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def run(pids: Iterable[int], how: str) -> dict[str, Any]:
    """Push the memory of these processes out; return how it was before and after.

    All in pages: ``resident_before`` and ``_after``, what belongs to the processes alone;
    ``swapped_before`` and ``_after``, swap in use; ``cached_after``, what is in swap and still in
    memory; ``asked``. Besides: ``refused``, mappings (``madvise``) or requests (``reclaim``) that
    the kernel would not; ``seconds``.

    :param how: One of :data:`WAYS`.
    :raise AgentError: When there is no such way, no swap, or the kernel lacks it.
    """
    if how not in WAYS:
        raise AgentError(f"memory cannot be pushed out by {how!r}", f"one of {', '.join(WAYS)}")
    chosen = tuple(pids)
    swap, used = _swap()
    if not swap:
        raise AgentError("no swap is active to push memory out to", "swapon DEVICE")
    began, resident = time.monotonic(), _resident(chosen)
    if how == "madvise":
        asked, refused = _by_madvise(chosen)
        _release()
    else:
        asked = resident
        refused = 0 if _reclaim(f"{hierarchy.mounted_root()}/memory.reclaim", resident) else 1
    return {
        "how": how,
        "processes": len(chosen),
        "resident_before": resident,
        "resident_after": _resident(chosen),
        "swapped_before": used,
        "swapped_after": _swap()[1],
        "cached_after": _meminfo()["SwapCached"],
        "asked": asked,
        "refused": refused,
        "seconds": round(time.monotonic() - began, 3),
    }


def _by_madvise(pids: Iterable[int]) -> tuple[int, int]:
    asked = refused = 0
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except OSError:  # it has ended
            continue
        with closing(fd):
            ranges = list(_private(pid))
            refused += _advise(fd, ranges)
            asked += sum(length for _, length in ranges) // _PAGE
    return asked, refused


def _advise(pidfd: int, ranges: list[Range]) -> int:
    # The kernel stops at a range it refuses (locked memory, say): we go on behind it.
    refused = at = 0
    while at < len(ranges):
        part = ranges[at : at + _VECTOR]
        done = _process_madvise(pidfd, part)
        for _, length in part:
            if done < length:
                break
            done -= length
            at += 1
        else:
            continue
        refused += 1
        at += 1
    return refused


def _process_madvise(pidfd: int, ranges: list[Range]) -> int:
    # bytes of the ranges that were advised
    vector = (_Iovec * len(ranges))(*(_Iovec(*one) for one in ranges))
    count = ctypes.c_size_t(len(ranges))
    call = ctypes.c_long(syscalls.number("process_madvise"))
    done = _LIBC.syscall(call, pidfd, vector, count, _MADV_PAGEOUT, ctypes.c_uint(0))
    if done >= 0:
        return int(done)
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOMEM):
        return 0
    if number == errno.ESRCH:  # it has ended: nothing is left to be pushed out
        return sum(length for _, length in ranges)
    raise AgentError(f"process_madvise: {os.strerror(number)}", _WITHOUT)


def _private(pid: int) -> Iterator[Range]:
    # private mappings, anonymous or of files, without the kernel's own ([vdso], [vvar])
    for line in _text(f"/proc/{pid}/maps").splitlines():
        words = line.split(None, 5)
        if words[1][3] == "p" and not (len(words) > 5 and words[5].startswith("[v")):
            first, _, last = words[0].partition("-")
            yield int(first, 16), int(last, 16) - int(first, 16)


def _release() -> None:
    # What was written to swap stays in memory, as swap cache, and would be part of the snapshot
    # (shrink_folio_list(), mm/vmscan.c): only a reclaim that comes later frees it. Without
    # memory.reclaim that is the kernel's own, when the image has to be made smaller.
    end = time.monotonic() + _WRITEBACK
    while _meminfo()["Writeback"] and time.monotonic() < end:
        select.select([], [], [], 0.01)
    try:
        path = f"{hierarchy.mounted_root()}/memory.reclaim"
    except AgentError:
        return
    cached = _meminfo()["SwapCached"]
    if cached and Path(path).exists():
        _reclaim(path, cached)


def _reclaim(path: str, pages: int) -> bool:
    # False when less could be freed. The swappiness key is there from 6.8 on (Documentation/
    # admin-guide/cgroup-v2.rst); an older kernel answers EINVAL before it has done anything.
    for request in (f"{pages * _PAGE} swappiness=200", f"{pages * _PAGE}"):
        try:
            hierarchy.write(path, request)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return False
            if error.errno != errno.EINVAL:
                raise AgentError(f"{path}: {error.strerror}", _WITHOUT) from error
        else:
            return True
    raise AgentError(f"{path} does not take a number of bytes", _WITHOUT)


def _resident(pids: Iterable[int]) -> int:
    # pages in memory that are not of files (proc_pid_statm(5): resident less shared)
    total = 0
    for pid in pids:
        words = _text(f"/proc/{pid}/statm").split()
        total += int(words[1]) - int(words[2]) if words else 0
    return total


def _swap() -> tuple[int, int]:
    # pages of swap, and how many are in use
    found = _meminfo()
    return found["SwapTotal"], found["SwapTotal"] - found["SwapFree"]


def _meminfo() -> dict[str, int]:
    # pages; the few lines that are not in kB are not asked for
    lines = (line.split() for line in _text("/proc/meminfo").splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 // _PAGE for words in lines}


def _text(path: str) -> str:
    try:
        return hierarchy.read(path)
    except OSError:  # the process has ended
        return ""
