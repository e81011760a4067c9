"""Streams that look like an image and are four pages long: enough to see how each is taken.

Made from the first two pages of a real image of the running kernel; see kernel/power/power.h
(struct swsusp_info) and arch/x86/power/hibernate.c (struct restore_data_record), 6.1 to 7.3.
Nothing here may ever be restored.
"""

from __future__ import annotations

import struct

from hibtest.linux.pages import PAGE

MAGIC, MAGIC_AT = 0x23456789ABCDEF02, 24
E820_AT, MEMORY_AT, PAGES_AT = 32, 400, 416
END = 0xFFFFFFFFFFFFFFFF
# A page that is all zero has its bit set here and no data in the stream: 6.12 and newer.
ZERO = 1 << 63
DATA_PAGES = 2


def is_info(page: bytes) -> bool:
    """Return whether a page is the first one of a stream."""
    return len(page) == PAGE and struct.unpack_from("<Q", page, MAGIC_AT)[0] == MAGIC


def tiny(info: bytes, frames: bytes) -> dict[str, bytes]:
    """Return the pages of a tiny stream by name.

    ``info``, ``frames``, ``data``: of a stream info, frames, data, data. ``info-magic``,
    ``info-e820``, ``info-memory``: with what its name says spoilt.

    :param info: The first page of a real stream.
    :param frames: The second one, with page frame numbers.
    """
    pages = struct.pack("<QQQ", DATA_PAGES, DATA_PAGES + 2, (DATA_PAGES + 2) * PAGE)
    good = info[:PAGES_AT] + pages + info[PAGES_AT + len(pages) :]
    numbers = struct.unpack_from(f"<{DATA_PAGES}Q", frames)
    listed = struct.pack(f"<{DATA_PAGES + 1}Q", *(n & ~ZERO for n in numbers), END)
    return {
        "info": good,
        "info-magic": spoilt(good, MAGIC_AT),
        "info-e820": spoilt(good, E820_AT),
        "info-memory": spoilt(good, MEMORY_AT),
        "frames": listed.ljust(PAGE, b"\0"),
        "data": b"\xa5" * PAGE,
    }


def spoilt(page: bytes, at: int) -> bytes:
    """Return a page with one byte changed."""
    return page[:at] + bytes([page[at] ^ 1]) + page[at + 1 :]
