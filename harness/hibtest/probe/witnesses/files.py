"""Witnesses behind file descriptors: files, pipes, sockets and what is in flight in them."""

from __future__ import annotations

import fcntl
import os
import socket
import zlib

from hibtest.linux.descriptors import closing
from hibtest.probe import pages, procfs
from hibtest.probe.base import DISK, RUN, Facts, Lacking, Planted, Witness

# A pipe holds 64 KiB; part of a page at its end is of interest.
FLIGHT = 3 * pages.SIZE + 100


def unlinked() -> Planted:
    """An open file on a disk that has no name any more.

    Planted and found: ``{"size", "crc", "offset", "inode", "links"}``.
    """
    DISK.mkdir(parents=True, exist_ok=True)
    path = DISK / "unlinked"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.write(fd, pages.content(16, 10))
    path.unlink()
    os.lseek(fd, 12345, os.SEEK_SET)

    def look() -> Facts:
        status = os.fstat(fd)
        return {
            "size": status.st_size,
            "crc": zlib.crc32(os.pread(fd, 1 << 20, 0)),
            "offset": os.lseek(fd, 0, os.SEEK_CUR),
            "inode": status.st_ino,
            "links": status.st_nlink,
        }

    return Planted(look(), look)


def pipe() -> Planted:
    """A pipe with bytes in it. Planted and found: ``{"bytes", "crc"}``."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    data = pages.content(4, 11)[:FLIGHT]

    def look() -> Facts:
        found = read_all(reader)
        os.write(writer, data)
        return {"bytes": len(found), "crc": zlib.crc32(found)}

    os.write(writer, data)
    return Planted(look(), look)


def read_all(fd: int) -> bytes:
    found = b""
    try:
        while part := os.read(fd, 1 << 16):
            found += part
    except BlockingIOError:
        pass  # all that is in flight was read
    return found


def descriptor() -> Planted:
    """A descriptor of a file that has no name, in flight in a pair of unix sockets.

    Planted and found: ``{"bytes", "crc", "descriptors", "file_crc"}``.
    """
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)
    data = pages.content(1, 12)

    def send() -> None:
        path = RUN / "in-flight"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        path.unlink()
        os.write(fd, pages.content(4, 13))
        socket.send_fds(one, [data], [fd])
        os.close(fd)

    def look() -> Facts:
        message, fds, _, _ = socket.recv_fds(other, 1 << 16, 4)
        sums = [zlib.crc32(os.pread(fd, 1 << 20, 0)) for fd in fds]
        for fd in fds:
            os.close(fd)
        send()
        facts = {"bytes": len(message), "crc": zlib.crc32(message)}
        return {**facts, "descriptors": len(fds), "file_crc": sums[0] if sums else None}

    send()
    return Planted(look(), look)


def eventfd() -> Planted:
    """An eventfd that was counted up. Planted and found: ``{"value"}``."""
    if not hasattr(os, "eventfd"):
        raise Lacking("this Python has no os.eventfd")
    fd = os.eventfd(7, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def look() -> Facts:
        value = os.eventfd_read(fd)
        os.eventfd_write(fd, value)
        return {"value": value}

    return Planted(look(), look)


def memfd() -> Planted:
    """A memory file with seals. Planted: ``{"pages", "crc", "seals"}``."""
    fd = os.memfd_create("hibtest-witness", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    data = pages.content(16, 14)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    region = pages.Region(lambda: os.pread(fd, len(data), 0), data)

    def look() -> Facts:
        return {**region.look(), "seals": fcntl.fcntl(fd, fcntl.F_GET_SEALS)}

    return Planted({**region.facts, "seals": fcntl.fcntl(fd, fcntl.F_GET_SEALS)}, look)


def locks() -> Planted:
    """A file that is locked by flock(2) and one that is locked by fcntl(2).

    Planted and found: ``{"locks", "refused"}``: the lines of /proc/locks without their numbers,
    and whether another descriptor of the first file is refused the lock.
    """
    first = open_lock("flock")
    fcntl.flock(first, fcntl.LOCK_EX)
    second = open_lock("fcntl")
    fcntl.lockf(second, fcntl.LOCK_EX, 100, 10)
    inodes = [f":{os.fstat(fd).st_ino}" for fd in (first, second)]

    def look() -> Facts:
        lines = [line.split(" ", 1)[1].split() for line in procfs.read("/proc/locks").splitlines()]
        mine = [" ".join(words) for words in lines if words[4].endswith(tuple(inodes))]
        return {"locks": sorted(mine), "refused": flock_refused()}

    return Planted(look(), look)


def open_lock(name: str) -> int:
    return os.open(RUN / f"lock-{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def flock_refused() -> bool:
    with closing(open_lock("flock")) as fd:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


WITNESSES = (
    Witness("unlinked-file", unlinked),
    Witness("pipe", pipe),
    Witness("descriptor-in-flight", descriptor),
    Witness("eventfd", eventfd),
    Witness("memfd", memfd),
    Witness("locks", locks),
)
