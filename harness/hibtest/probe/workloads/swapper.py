"""A process whose memory is swapped out, and which reads it when it is asked."""

from __future__ import annotations

import json
import os
import socket
import zlib

from hibtest.probe import pages, procfs, syscalls
from hibtest.probe.base import PATIENCE, RUN, Facts
from hibtest.probe.detached import detach
from hibtest.probe.witnesses import memory

SOCKET = RUN / "swapper.sock"
MIB = 1 << 20


def start(device: str) -> Facts:
    """Start it; return ``{"bytes", "crc", "swapped", "device"}``, ``swapped`` in pages."""
    SOCKET.unlink(missing_ok=True)
    detach(lambda: serve(device), RUN / "swapper.log")
    procfs.wait_for(SOCKET.exists, 20)
    return ask("planted")


def look() -> Facts:
    """Return the same after its memory has been read, ``swapped`` as it was before that."""
    return ask("look")


def ask(word: str) -> Facts:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(30 * PATIENCE)
        link.connect(str(SOCKET))
        link.sendall(word.encode())
        link.shutdown(socket.SHUT_WR)
        return dict(json.loads(b"".join(iter(lambda: link.recv(1 << 16), b""))))


def serve(device: str) -> None:
    area = memory.private(MIB)
    area[:] = pages.content(MIB // pages.SIZE, 41)
    start_ = syscalls.address(area)
    area.madvise(memory.MADV_PAGEOUT)

    def facts(*, reading: bool) -> Facts:
        swapped = memory.swapped_pages(start_, MIB // pages.SIZE)
        crc = zlib.crc32(area) if reading else 0
        if reading:
            area.madvise(memory.MADV_PAGEOUT)
        return {"bytes": MIB, "crc": crc, "swapped": swapped, "device": device}

    planted = {**facts(reading=False), "crc": zlib.crc32(pages.content(MIB // pages.SIZE, 41))}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(SOCKET) + ".part")
        listener.listen(2)
        os.rename(str(SOCKET) + ".part", SOCKET)  # noqa: PTH104
        while True:
            link, _ = listener.accept()
            with link:
                word = b"".join(iter(lambda: link.recv(64), b""))  # noqa: B023
                answer = planted if word == b"planted" else facts(reading=True)
                link.sendall(json.dumps(answer).encode())
