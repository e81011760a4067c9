"""Entries of a firmware's memory map, and how they differ in two boots."""

from collections.abc import Iterator
from dataclasses import dataclass

# enum e820_type, arch/x86/include/asm/e820/types.h; the words are those of e820_print_type() and
# its like, arch/x86/kernel/e820.c: "usable" and "reserved" up to 6.12, "System RAM" and "device
# reserved" in 7.3.
E820_TYPES = {
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
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "bytes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """An entry of a memory map.

    :ivar start: Its first address.
    :ivar end: Its last one.
    :ivar type: Its number, as firmware has it.
    """

    start: int
    end: int
    type: int

    @property
    def words(self) -> str:
        """The type as kernels print it."""
        known = (words for words, number in E820_TYPES.items() if number == self.type)
        return next(known, f"type {self.type}")

    def overlaps(self, other: "Region") -> bool:
        """Return whether they have an address in common."""
        return self.start <= other.end and other.start <= self.end

    def __str__(self) -> str:
        return f"{self.start:#x}-{self.end:#x} {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapChange:
    """An entry that is not in both maps as it is in one.

    :ivar old: It in the earlier map; ``None``: it came.
    :ivar new: It in the later one; ``None``: it went.
    """

    old: Region | None = None
    new: Region | None = None

    def __str__(self) -> str:
        old, new = self.old, self.new
        if old is None or new is None:
            return f"came: {new}" if new else f"went: {old}"
        if old.type != new.type:
            return f"{old} is {new.words} now"
        return f"{old} {', '.join(_moved(old, new))}"


def _moved(old: Region, new: Region) -> Iterator[str]:
    begin, end = new.start - old.start, new.end - old.end
    if begin == end:
        yield f"moved {_by(begin)}, to {new.start:#x}-{new.end:#x}"
        return
    for word, by, at in (("begins", begin, new.start), ("ends", end, new.end)):
        if by:
            yield f"{word} {_by(by)}, at {at:#x}"


def _by(difference: int) -> str:
    size = abs(difference)
    many = next(f"{size // unit} {name}" for unit, name in _UNITS if size % unit == 0)
    return f"{many} {'lower' if difference < 0 else 'higher'}"
