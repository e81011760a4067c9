"""The guest kernel's memory as it lies in RAM: symbols, addresses, the bitmaps of swsusp."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hibtest.cycle.proof.pages import Memory, Numbers
from hibtest.cycle.proof.x86_64 import KERNEL_MAP, PAGE_OFFSET
from hibtest.errors import GuestError
from hibtest.image.header import PAGE_SIZE

Extent = tuple[int, int]  # first byte and the byte after the last

_MASK = (1 << 64) - 1
_MOST = 1 << 16  # zones, or leaves of one: more are no list that a kernel made


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things of the guest's kernel lie (hibtest/probe/places.py).

    :ivar symbols: Virtual addresses by name; a name may have several.
    :ivar system_ram: Physical addresses of what the kernel takes for RAM.
    """

    symbols: Mapping[str, Sequence[Extent]] = field(default_factory=dict)
    system_ram: Sequence[Extent] = ()

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Places":
        """Return what the probe has told."""
        symbols = {
            name: [(first, end) for first, end in extents]
            for name, extents in facts.get("symbols", {}).items()
        }
        ram = [(first, last + 1) for first, last in facts.get("system_ram", ())]
        return cls(symbols=symbols, system_ram=ram)

    def address(self, name: str) -> int:
        """Return where the only symbol of this name lies.

        :raise GuestError: When there is none, or the guest does not tell.
        """
        extents = self.symbols.get(name, ())
        if len(extents) != 1 or not extents[0][0]:
            raise GuestError(
                f"/proc/kallsyms of the guest has {len(extents)} symbols {name}, not one",
                hint="the proof needs a kernel with CONFIG_KALLSYMS_ALL",
            )
        return extents[0][0]


@dataclass(frozen=True, slots=True)
class Space:
    """From the kernel's virtual addresses to physical ones.

    :ivar page_offset: Where all of RAM is mapped.
    :ivar phys_base: How far the kernel was moved in physical memory (KASLR).
    """

    page_offset: int = PAGE_OFFSET
    phys_base: int = 0

    def physical(self, address: int) -> int:
        """Return the physical address behind one of the kernel's image or the map of RAM."""
        if address >= KERNEL_MAP:
            return (address - KERNEL_MAP + self.phys_base) & _MASK
        return (address - self.page_offset) & _MASK


class KernelMemory:
    """Memory of a stopped guest by the kernel's own addresses."""

    def __init__(self, memory: Memory, space: Space) -> None:
        self.memory = memory
        self.space = space

    def page(self, address: int) -> NDArray[np.uint8]:
        """Return the page that an address lies in.

        :raise GuestError: When there is no RAM behind it.
        """
        pfn = self.space.physical(address) // PAGE_SIZE
        row = -1 if pfn >= 1 << 52 else int(self.memory.rows(np.array([pfn]))[0])
        if row < 0:
            raise GuestError(f"the guest kernel's address {address:#x} is none of its RAM")
        page: NDArray[np.uint8] = self.memory.pages[row]
        return page

    def read(self, address: int, size: int) -> bytes:
        """Return so many bytes, which follow one another in physical memory, too.

        :raise GuestError: When there is no RAM behind one of them.
        """
        first, end = address & ~(PAGE_SIZE - 1), address + size
        data = b"".join(self.page(at).tobytes() for at in range(first, end, PAGE_SIZE))
        return data[address - first : end - first]

    def words(self, address: int, count: int) -> tuple[int, ...]:
        """Return so many 64-bit words, which lie within a page.

        :raise GuestError: When they do not, or there is no RAM behind them.
        """
        at = address % PAGE_SIZE
        if at + 8 * count > PAGE_SIZE:
            raise GuestError(f"the guest kernel's address {address:#x} is none of {count} words")
        return struct.unpack_from(f"<{count}Q", self.page(address).tobytes(), at)

    def bitmap(self, address: int) -> Numbers:
        """Return the PFNs that are set in a ``struct memory_bitmap``, ascending.

        Its zones are linked; each has its leaves linked, one page of bits each
        (kernel/power/snapshot.c, v6.1 line 381, v6.12 line 384, v7.3 line 383).

        :raise GuestError: When it is none.
        """
        found = [np.empty(0, dtype=np.int64)]
        for zone in self.listed(address):
            # list, nodes, leaves (two words each), start_pfn, end_pfn
            start, end = self.words(zone + 48, 2)
            leaves = [self.words(leaf + 16, 1)[0] for leaf in self.listed(zone + 32)]
            if not leaves:
                continue
            bits = np.concatenate([self.page(data) for data in leaves])
            pfns = start + np.flatnonzero(np.unpackbits(bits, bitorder="little"))
            found.append(pfns[pfns < end])
        return np.sort(np.concatenate(found))

    def listed(self, head: int) -> Iterator[int]:
        """Yield the address of each ``struct list_head`` in a list, but for the head's own.

        :raise GuestError: When the list has no end.
        """
        member = self.words(head, 1)[0]
        for _ in range(_MOST):
            if member == head:
                return
            yield member
            member = self.words(member, 1)[0]
        raise GuestError(f"the guest kernel's list at {head:#x} has no end")
