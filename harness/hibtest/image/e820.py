"""The firmware's memory map as a kernel's log tells it, and its checksum.

Before an image is restored, x86 compares the checksum of the machine's memory map with the one
in the image: compute_e820_crc32(), arch/x86/power/hibernate.c (v6.1 to v7.3), over struct
e820_table, arch/x86/include/asm/e820/types.h: u32 number of entries, then u64 address, u64 size,
u32 type of each. It is the ordinary CRC-32.

The log shows the same table: e820__print_table(), arch/x86/kernel/e820.c. 7.3 has other words for
the types than 6.1 and 6.12, and lines for gaps, which are no entries.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice, product
from math import prod

from hibtest.errors import SpecError

# enum e820_type; "usable" and "reserved" up to 6.12, "System RAM" and "device reserved" in 7.3
_TYPES = {
    "usable": 1,
    "System RAM": 1,
    "reserved": 2,
    "device reserved": 2,
    "ACPI data": 3,
    "ACPI NVS": 4,
    "unusable": 5,
    "persistent (type 7)": 7,
    "persistent RAM (type 7)": 7,
    "persistent (type 12)": 12,
    "persistent RAM (type 12)": 12,
    "soft reserved": 0xEFFFFFFF,
}
_DIGITS = 16
_MOST_READINGS = 4096

Entry = tuple[int, int, int]  # address, size, type


def checksum(entries: list[Entry]) -> int:
    """Return the kernel's checksum of a memory map."""
    table = b"".join(struct.pack("<QQI", *entry) for entry in entries)
    return zlib.crc32(struct.pack("<I", len(entries)) + table)


def log_checksums(log: str) -> frozenset[int]:
    """Return the checksum of the memory map that the first boot in a log tells.

    A serial console sometimes prints a character twice. Where that leaves more than one way to
    read an address, all checksums that it may be are returned.

    :raise SpecError: When the log tells no memory map, or one that cannot be read.
    """
    readings = list(_readings(log))
    if not readings:
        raise SpecError(
            "the log has no BIOS-e820 lines",
            hint="give the console log of a boot from its first line on, without `quiet`",
        )
    if prod(map(len, readings)) > _MOST_READINGS:
        raise SpecError("the log's BIOS-e820 lines are too garbled to be read")
    return frozenset(checksum(list(entries)) for entries in product(*readings))


def _stutter(text: str) -> str:
    return "".join(re.escape(letter) + "{1,2}" for letter in text)


_MARK = re.compile(_stutter("BIOS-e820: [mem "))
_NUMBER = _stutter("0x") + f"([0-9a-f]{{{_DIGITS},{_DIGITS + 1}}})"
_REST = re.compile(f"{_NUMBER}{_stutter('-')}{_NUMBER}{_stutter(']')} +(.*)")
_TYPE_WORDS = [(re.compile(_stutter(words)), number) for words, number in _TYPES.items()]


def _readings(log: str) -> Iterator[list[Entry]]:
    """Yield for each line of the first map how it may be read."""
    last = -1
    for line in log.splitlines():
        mark = _MARK.search(line)
        if mark is None:
            continue
        found = _entries(line[mark.end() :])
        if not found:
            raise SpecError(f"the log has a BIOS-e820 line that cannot be read: {line.strip()!r}")
        if max(address for address, _, _ in found) <= last:
            return  # the next boot
        last = min(address for address, _, _ in found)
        yield found


def _entries(text: str) -> list[Entry]:
    found = _REST.fullmatch(text.rstrip())
    if found is None:
        return []
    starts, ends = _numbers(found[1]), _numbers(found[2])
    types = [number for words, number in _TYPE_WORDS if words.fullmatch(found[3].strip())]
    return [
        (start, end - start + 1, kind)
        for start, end, kind in product(starts, ends, types)
        if start <= end
    ]


def _numbers(digits: str) -> list[int]:
    """Return what a number of 16 digits may be if one of 17 was printed twice."""
    if len(digits) == _DIGITS:
        return [int(digits, 16)]
    doubled = (n for n in range(_DIGITS) if digits[n] == digits[n + 1])
    return sorted({int(digits[:n] + digits[n + 1 :], 16) for n in islice(doubled, _DIGITS)})
