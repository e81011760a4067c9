"""The header page of a swap area: does it hold a hibernation image, and of which kind?

    struct swsusp_header, the end of a page (packed), here of 4096 bytes and little endian:

        4056  u32   hw_sig    FACS hardware signature, valid with HW_SIG
        4060  u32   crc32     of the uncompressed stream, valid with CRC32_MODE
        4064  u64   image     block of the first swap map page
        4072  u32   flags     SF_*
        4076  char  orig_sig  10 bytes: the signature that swapon knows
        4086  char  sig       10 bytes: S1SUSPEND when the next boot would resume

Linux kernel, kernel/power/swap.c (v6.1 line 106, v6.12 line 105, v7.3 line 103); the flags:
kernel/power/power.h (v6.1 line 171, v6.12 line 174, v7.3 line 179).
A resume restores ``sig`` and leaves the other fields as they were.
"""

import hashlib
import struct

from hibtest.evidence import SwapHeader

PAGE_SIZE = 4096
ARMED_SIGNATURE = b"S1SUSPEND\0"  # HIBERNATE_SIG, kernel/power/swap.c

_LAYOUT = {order: struct.Struct(f"{order}IIQI10s10s") for order in "<>"}
_SIZE = _LAYOUT["<"].size
NOCOMPRESS_MODE, CRC32_MODE, HW_SIG, LZ4 = 2, 4, 8, 16
_FLAG_NAMES = {
    1: "PLATFORM_MODE",
    NOCOMPRESS_MODE: "NOCOMPRESS_MODE",
    CRC32_MODE: "CRC32_MODE",
    HW_SIG: "HW_SIG",
    LZ4: "COMPRESSION_ALG_LZ4",  # since v6.9; older kernels know LZO only
}


def parse_header(page: bytes, order: str = "<") -> SwapHeader:
    """Return what a header page says, whatever it says.

    :param page: Its end, at least.
    :param order: Of the bytes of its numbers, as :mod:`struct` has it.
    """
    layout = _LAYOUT[order]
    hw_sig, crc32, image, flags, orig_sig, sig = layout.unpack_from(page, len(page) - _SIZE)
    return SwapHeader(
        sig=_printable(sig),
        orig_sig=_printable(orig_sig),
        armed=sig == ARMED_SIGNATURE,
        image=image,
        flags=flags,
        flag_names=flag_names(flags),
        crc32=crc32,
        hw_sig=hw_sig,
        rest=hashlib.blake2b(page[: len(page) - _SIZE], digest_size=8).hexdigest(),
    )


def flag_names(flags: int) -> tuple[str, ...]:
    """Return the kernel's names of the flags that are set, lowest bit first."""
    bits = (1 << n for n in range(flags.bit_length()) if flags >> n & 1)
    return tuple(_FLAG_NAMES.get(bit, f"BIT_{bit.bit_length() - 1}") for bit in bits)


def _printable(signature: bytes) -> str:
    text = signature.rstrip(b"\0").decode("ascii", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
