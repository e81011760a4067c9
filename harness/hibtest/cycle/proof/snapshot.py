"""What memory holds at the instant of the snapshot: when swsusp_save() returns.

All copies are made then, interrupts are off, the other CPUs are down, and all that still runs
is the way back to the caller.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hibtest.cycle.proof import x86_64
from hibtest.cycle.proof.blocks import Blocks, read_blocks
from hibtest.cycle.proof.explain import Region, own_log, written
from hibtest.cycle.proof.kept import Kept
from hibtest.cycle.proof.kernel import Extent, KernelMemory, Places, Space
from hibtest.cycle.proof.kinds import Kinds, kinds
from hibtest.cycle.proof.pages import Numbers
from hibtest.cycle.proof.relations import Digests
from hibtest.cycle.proof.stops import Stops
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.image.header import PAGE_SIZE
from hibtest.machine.memory import GuestMemory
from hibtest.machine.process import Machine
from hibtest.machine.registers import Registers

_SAVE = "swsusp_save"
_LIMIT = 60.0  # s for QEMU to translate an address
_GPA = re.compile(r"gpa: 0x([0-9a-f]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The guest at the snapshot.

    :ivar kept: The pages that the kernel is to save.
    :ivar may_differ: Where it writes to after it copied them.
    :ivar regions: What lies where, as far as can be told.
    :ivar ram: PFNs of all RAM of the machine.
    :ivar free: PFNs in swsusp's map of free pages.
    :ivar forbidden: PFNs in its map of pages that are never saved.
    :ivar nosave: PFNs that are not RAM for the kernel, or its nosave data.
    :ivar kinds: What its pages are used for.
    :ivar asked: Pages that an image is to have at most; ``None``: the kernel does not tell.
    :ivar space: Where the kernel's addresses are.
    :ivar blocks: What each disk holds that is to be compared.
    :ivar stopped: Seconds for which the guest stood still.
    :ivar before: The snapshot before it in the same life, if there was one.
    """

    kept: Kept
    may_differ: tuple[Region, ...]
    regions: tuple[Region, ...]
    ram: Numbers
    free: Numbers
    forbidden: Numbers
    nosave: Numbers
    kinds: Kinds
    asked: int | None
    space: Space
    blocks: tuple[Blocks, ...]
    stopped: float
    before: tuple[Digests, ...] = ()

    def what(self, pfn: int) -> str:
        """Return what a page is used for."""
        return self.names(np.array([pfn]))[0]

    def digested(self) -> Digests:
        """Return what is to be known of it when its pages are forgotten."""
        return Digests.of("stale: as at the snapshot before", self.kept, self.kept.pfns)

    def names(self, pfns: Numbers) -> list[str]:
        """Return what each of these pages is used for."""
        parts = [_part(int(pfn) * PAGE_SIZE, self.regions) for pfn in pfns]
        return [part or kind for part, kind in zip(parts, self.kinds.names(pfns), strict=True)]


class Taker:
    """Takes a snapshot's picture when the guest comes to it.

    :param directory: Where there is room for the pages.
    :param disks: Raw disks to be compared.
    :param before: The snapshot before this one in the same life, if there was one.
    :ivar snapshot: What was taken, ``None`` when the guest has not come to it.
    :ivar lacking: Why there is none.
    """

    def __init__(
        self,
        machine: Machine,
        stops: Stops,
        places: Places,
        directory: Path,
        disks: Sequence[Path] = (),
        before: tuple[Digests, ...] = (),
    ) -> None:
        self.snapshot: Snapshot | None = None
        self.lacking = "swsusp_save() was not called"
        self._machine = machine
        self._stops = stops
        self._places = places
        self._directory = directory
        self._disks = tuple(disks)
        self._before = before
        self._entry = places.address(_SAVE)
        stops.add(self._entry, self._entered)

    def drop(self) -> None:
        """Take the breakpoint away: the guest lives on."""
        self._stops.drop(self._entry)

    def _entered(self, registers: Registers) -> None:
        self._stops.drop(self._entry)
        back = self._stops.word(x86_64.return_address(registers))

        def returned(registers: Registers) -> None:
            self._stops.drop(back)
            if x86_64.result(registers):
                self.lacking = "swsusp_save() returned an error"
                return
            try:
                self.snapshot = self._take(registers)
                self.lacking = ""
            except GuestError as error:
                self.lacking = error.message

        self.lacking = "swsusp_save() did not return"
        self._stops.add(back, returned)

    def _take(self, registers: Registers) -> Snapshot:
        began = time.monotonic()
        memory, places = self._machine.memory, self._places
        if memory is None:
            raise GuestError("the machine's memory cannot be looked into")
        space = self._space()
        kernel = KernelMemory(memory, space)
        per_cpu = kernel.words(places.address("__per_cpu_offset"), 1)[0]
        free, forbidden = (
            kernel.bitmap(kernel.words(places.address(name), 1)[0])
            for name in ("free_pages_map", "forbidden_pages_map")
        )
        wanted = kernel.bitmap(places.address("orig_bm"))
        ram = memory.pfns()
        return Snapshot(
            kept=Kept(memory, wanted, self._directory),
            may_differ=(
                *written(places, space, per_cpu, self._dead_stack(registers.rsp)),
                *own_log(kernel, places),
            ),
            regions=_regions(places, space),
            ram=ram,
            free=free,
            forbidden=forbidden,
            nosave=_nosave(ram, places, space),
            kinds=self._kinds(memory),
            asked=_asked(kernel, places),
            space=space,
            blocks=tuple(read_blocks(path) for path in self._disks),
            stopped=round(time.monotonic() - began, 3),
            before=self._before,
        )

    def _kinds(self, memory: GuestMemory) -> Kinds:
        return kinds(memory, self._base("vmemmap_base", x86_64.VMEMMAP), self._physical)

    def _space(self) -> Space:
        phys_base = self._stops.word(self._places.address("phys_base"))
        return Space(self._base("page_offset_base", x86_64.PAGE_OFFSET), phys_base)

    def _base(self, name: str, fixed: int) -> int:
        """Return where a map begins: a variable, in kernels that move it about (KASLR)."""
        if name not in self._places.symbols:
            return fixed
        return self._stops.word(self._places.address(name))

    def _dead_stack(self, rsp: int) -> Iterator[Extent]:
        """Yield the physical ranges of the stack below the stack pointer."""
        at = rsp & ~(x86_64.STACK - 1)
        while at < rsp:
            end = min(rsp, (at | PAGE_SIZE - 1) + 1)
            physical = self._physical(at)
            if physical is not None:
                yield physical, physical + end - at
            at = end

    def _physical(self, address: int) -> int | None:
        answer = self._machine.monitor.execute(
            "human-monitor-command",
            {"command-line": f"gva2gpa {address:#x}"},
            deadline=Deadline.after(_LIMIT, "QEMU's translation of an address"),
        )
        found = _GPA.search(str(answer))
        return int(found[1], 16) if found else None


def _asked(kernel: KernelMemory, places: Places) -> int | None:
    """Return ``image_size`` in pages, rounded up, as hibernate_preallocate_memory() takes it.

    kernel/power/snapshot.c, v6.1 line 116 and 1855 (SNAPSHOT_PREF_IMAGE_SIZE sets the same).
    """
    if "image_size" not in places.symbols:
        return None
    return -(-kernel.words(places.address("image_size"), 1)[0] // PAGE_SIZE)


def _part(address: int, regions: Sequence[Region]) -> str:
    return next((r.what for r in regions if r.first <= address < r.end), "")


def _regions(places: Places, space: Space) -> tuple[Region, ...]:
    found = []
    for what, first, end in x86_64.PARTS:
        if places.symbols.get(first) and places.symbols.get(end):
            begin, over = places.address(first), places.address(end)
            physical = space.physical(begin)
            found.append(Region(what, physical, physical + over - begin))
    return tuple(found)


def _nosave(ram: Numbers, places: Places, space: Space) -> Numbers:
    """Return the pages of RAM that the kernel does not take for RAM, and its nosave data."""
    usable = np.zeros(len(ram), dtype=bool)
    for first, end in places.system_ram:
        # Only whole pages count.
        usable |= (ram >= -(-first // PAGE_SIZE)) & (ram < end // PAGE_SIZE)
    first = space.physical(places.address("__nosave_begin")) // PAGE_SIZE
    end = space.physical(places.address("__nosave_end") + PAGE_SIZE - 1) // PAGE_SIZE
    return np.union1d(ram[~usable], np.arange(first, end))
