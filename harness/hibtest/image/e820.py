"""The firmware's memory map as a kernel's log tells it, its checksum, and two of them compared.

Before an image is restored, x86 compares the checksum of the machine's memory map with the one
in the image: compute_e820_crc32(), arch/x86/power/hibernate.c (v6.1 to v7.3), over struct
e820_table, arch/x86/include/asm/e820/types.h: u32 number of entries, then u64 address, u64 size,
u32 type of each. It is the ordinary CRC-32, and an entry counts whatever its type.

The log shows the same table: e820__print_table(), arch/x86/kernel/e820.c. 7.3 has other words for
the types than 6.1 and 6.12, and lines for gaps, which are no entries; all print ``type N`` for a
number without words. Kernels before 3.6 print the end as the first address behind the entry, and
the type in brackets.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from math import prod

from hibtest.errors import SpecError
from hibtest.evidence import E820_TYPES

_DIGITS = 16
_MOST_ENTRIES = 3200  # E820_MAX_ENTRIES, arch/x86/include/asm/e820/types.h (v6.12)
_MOST_READINGS = 4096
_MOST_READ = 1 << 20  # entries, of all ways to read a map together
_LONGEST = 200  # characters of a line that are looked at, and told

Entry = tuple[int, int, int]  # address, size, type


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMap:
    """A memory map as a log tells it.

    :ivar entries: For each entry, in the log's order, how it may be read: a serial console
        sometimes prints a character twice. As it stands comes first.
    """

    entries: tuple[tuple[Entry, ...], ...]

    def checksums(self) -> frozenset[int]:
        """Return the kernel's checksum of it, all that it may be."""
        return frozenset(checksum(list(entries)) for entries in product(*self.entries))


def checksum(entries: list[Entry]) -> int:
    """Return the kernel's checksum of a memory map."""
    table = b"".join(struct.pack("<QQI", *entry) for entry in entries)
    return zlib.crc32(struct.pack("<I", len(entries)) + table)


def log_map(log: str) -> MemoryMap:
    """Return the memory map that the first boot in a log tells.

    :raise SpecError: When the log tells no memory map, or one that cannot be read.
    """
    entries = tuple(map(tuple, islice(_readings(log), _MOST_ENTRIES + 1)))
    if not entries:
        raise SpecError(
            "the log has no BIOS-e820 lines",
            hint="give the console log of a boot from its first line on, without `quiet`",
        )
    if len(entries) > _MOST_ENTRIES:
        raise SpecError(f"the log has a memory map of more than {_MOST_ENTRIES} entries")
    readings = prod(map(len, entries))
    if readings > _MOST_READINGS or readings * len(entries) > _MOST_READ:
        raise SpecError("the log's BIOS-e820 lines are too garbled to be read")
    return MemoryMap(entries=entries)


def log_checksums(log: str) -> frozenset[int]:
    """Return the checksums that the memory map of the first boot in a log may have.

    :raise SpecError: See :func:`log_map`.
    """
    return log_map(log).checksums()


def _stutter(text: str) -> str:
    return "".join(re.escape(letter) + "{1,2}" for letter in text)


_LINE = re.compile(_stutter("BIOS-e820: ") + f"([^\r\n]{{0,{_LONGEST}}})")
_GAP = re.compile(_stutter("[gap "))
_HEX = f"([0-9a-f]{{{_DIGITS},{_DIGITS + 1}}})"
_NUMBER = _stutter("0x") + _HEX
_ENTRY = re.compile(f"{_stutter('[mem ')}{_NUMBER}{_stutter('-')}{_NUMBER}{_stutter(']')} +(.*)")
_OLD_ENTRY = re.compile(f"{_HEX}{_stutter(' - ')}{_HEX} +(.*)")
_TYPE = re.compile(_stutter("type ") + "([0-9]{1,11})")
_TYPE_WORDS = [
    (re.compile(f"{_stutter(words)}|{_stutter(f'({words})')}"), number)
    for words, number in E820_TYPES.items()
]


def _readings(log: str) -> Iterator[list[Entry]]:
    """Yield for each line of the first map how it may be read."""
    last = -1
    for line in _LINE.finditer(log):
        if _GAP.match(line[1]):
            continue
        found = _entries(line[1].strip())
        if not found:
            raise SpecError(f"the log has a BIOS-e820 line that cannot be read: {line[0]!r}")
        if max(address for address, _, _ in found) <= last:
            return  # the next boot
        last = min(address for address, _, _ in found)
        yield found


def _entries(text: str) -> list[Entry]:
    found, old = _ENTRY.fullmatch(text), _OLD_ENTRY.fullmatch(text)
    parts = found or old
    if parts is None:
        return []
    ranges = product(_numbers(parts[1]), _numbers(parts[2]), _types(parts[3].strip()))
    more = 0 if old else 1
    return [(start, end - start + more, kind) for start, end, kind in ranges if start < end + more]


def _types(text: str) -> list[int]:
    if number := _TYPE.fullmatch(text):
        return [kind for kind in (int(number[1]), *_undoubled(number[1])) if kind < 1 << 32]
    return [number for words, number in _TYPE_WORDS if words.fullmatch(text)]


def _numbers(digits: str) -> list[int]:
    """Return what a number of 16 digits may be if one of 17 was printed twice."""
    return [int(digits, 16)] if len(digits) == _DIGITS else _undoubled(digits, 16)


def _undoubled(digits: str, base: int = 10) -> list[int]:
    """Return what numbers may be meant where a digit that stands twice was printed twice."""
    doubled = (n for n in range(len(digits) - 1) if digits[n] == digits[n + 1])
    return sorted({int(digits[:n] + digits[n + 1 :], base) for n in doubled})
