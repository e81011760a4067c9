"""A /proc/kcore that was made up."""

import struct

from hibtest.probe.audit.symbols import PHDR

PAGE = 4096
NOTE, LOAD = 4, 1


def kcore(segments: dict[int, bytes]) -> bytes:
    """Return a core file: a note, then the contents of memory by virtual address."""
    count = 1 + len(segments)
    at = 64 + count * PHDR.size
    headers = [PHDR.pack(NOTE, 0, at, 0, 0, 16, 16, 0)]
    data = bytes(16)
    for address, content in segments.items():
        headers.append(PHDR.pack(LOAD, 7, at + len(data), address, 0, *[len(content)] * 2, PAGE))
        data += content
    head = bytearray(64)
    struct.pack_into("<Q", head, 32, 64)
    struct.pack_into("<H", head, 56, count)
    return bytes(head) + b"".join(headers) + data
