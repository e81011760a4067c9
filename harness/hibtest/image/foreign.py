"""Images of other machines than x86-64 with pages of 4096 bytes: told of, and not read.

The swap's header and the first block that the map names are everywhere the same but for the size
of a page and the order of bytes: kernel/power/swap.c. What the info page begins with is each
architecture's own:

    arm64, riscv      struct arch_hibernate_hdr: 65 characters, the kernel's version as uname -v
                      has it: arch/arm64/kernel/hibernate.c, arch/riscv/kernel/hibernate.c (v6.12)
    all others        struct new_utsname, 65 characters each: init_header_complete(),
                      kernel/power/snapshot.c (v6.12)
    x86, 32 bits      the words of x86-64 in u32, with magics of its own
    x86-64, older     other magics, and at first no physical address before cr3:
                      arch/x86/power/hibernate_64.c (v4.4, v4.19)
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hibtest.evidence import SwapHeader
from hibtest.image.blocks import Blocks
from hibtest.image.header import PAGE_SIZE, parse_header

_UTS = 65  # __NEW_UTS_LEN + 1
_RELEASE, _MACHINE = 2 * _UTS, 4 * _UTS
_BEGIN = 6 * _UTS
_FEWEST = 8  # characters of a version
_MAGICS = (
    (24, struct.pack("<Q", 0x23456789ABCDEF01), "x86-64, of an older kernel"),
    (16, struct.pack("<Q", 0x0123456789ABCDEF), "x86-64, of an older kernel"),
    (12, struct.pack("<I", 0x12345678), "x86 of 32 bits"),
    (12, struct.pack("<I", 0x12345679), "x86 of 32 bits"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine whose images are not read.

    :ivar page_size: Bytes of its pages.
    :ivar architecture: Empty when that cannot be told.
    :ivar kernel: What the image says of its kernel, release or version.
    :ivar big_endian: The order of its bytes.
    """

    page_size: int
    architecture: str = ""
    kernel: str = ""
    big_endian: bool = False


def header_of(device: Blocks, offset: int, machine: Machine) -> SwapHeader:
    """Return the header page of a swap of a machine."""
    end = offset * PAGE_SIZE + machine.page_size
    page = device.peek(end - PAGE_SIZE, PAGE_SIZE)
    return parse_header(page, ">" if machine.big_endian else "<")


def writer(device: Blocks, offset: int, page_size: int) -> Machine | None:
    """Return the machine that wrote an image, as its info page tells; ``None`` when it does not.

    :param offset: Block, of 4096 bytes, at which the swap begins.
    :param page_size: Of its machine.
    """
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    for order in orders:
        big = order == "big"
        image = header_of(device, offset, Machine(page_size=page_size, big_endian=big)).image
        first = int.from_bytes(device.peek(image * page_size, 8), order) if image else 0
        info = device.peek(first * page_size, _BEGIN) if first else b""
        for architecture, kernel in _said(info):
            return Machine(
                page_size=page_size, architecture=architecture, kernel=kernel, big_endian=big
            )
    return None


def _said(info: bytes) -> Iterator[tuple[str, str]]:
    """Yield architecture and kernel, if an info page says them."""
    if len(info) < _BEGIN:
        return
    for at, magic, name in _MAGICS:
        if info[at : at + len(magic)] == magic:
            yield name, ""
    if info.startswith(b"Linux\0"):
        yield _text(info, _MACHINE) or "unknown", _text(info, _RELEASE)
    version = _text(info, 0)
    if len(version) >= _FEWEST:
        yield "arm64 or riscv", version


def _text(info: bytes, at: int) -> str:
    """Return a string that fills its 65 bytes with zeros, "" for anything else."""
    text = info[at : at + _UTS].rstrip(b"\0")
    plain = len(text) < _UTS and all(0x20 <= byte < 0x7F for byte in text)
    return text.decode("ascii") if plain else ""
