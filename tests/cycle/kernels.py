"""A kernel that is made up: RAM with the structures that a proof reads, and a way through it.

Its image is the one that tests/image/writer.py makes of :data:`RECIPE`, and its RAM holds the same
pages. A guest that has it comes to breakpoints when somebody waits for it there.
"""

import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from hibtest.deadline import Deadline
from hibtest.machine.breakpoint import Stop
from hibtest.machine.memory import GuestMemory, RamRange
from hibtest.machine.registers import Registers
from tests.cycle.pretend import AUDIT, BEGINS, Machine, Scene, log
from tests.cycle.scenes import saves
from tests.image.writer import PAGE, ZERO, Recipe, write

PAGES = 128  # of RAM
DATA = tuple(range(16, 116))
ZEROES = (120, 121)
FREE = (116, 117, 118, 119)
JUMP, CR3 = 0x123000, 0x1F000000
RECIPE = Recipe(words=(*DATA, *(pfn | ZERO for pfn in ZEROES)), info={"jump": JUMP, "cr3": CR3})

OFFSET = 0xFFFF888000000000  # where a kernel maps all of RAM
_SAVE, _CALLER, _STACK = OFFSET + 0x8000, OFFSET + 0x9000, OFFSET + 0xA800
_NOSAVE = 0xB  # page
_WORDS = {"__per_cpu_offset": 0, "free_pages_map": 1, "forbidden_pages_map": 2, "phys_base": 3}
_AT = 0x1000  # of those words
_MAPS = {"orig_bm": 0x2000, "free_pages_map": 0x3000, "forbidden_pages_map": 0x4000}
_LOADED = "Image loading done"
_HEADER_AT = 4056  # byte of a swap's first page, kernel/power/swap.c
_TRAP, _INTERRUPT = Stop(thread=1, signal=5), Stop(thread=1, signal=2)


class Ram:
    """RAM that is made up, and who writes to it."""

    def __init__(self, pages: int) -> None:
        self.bytes = np.zeros((pages, PAGE), dtype=np.uint8)
        self.memory = GuestMemory(self.bytes, (RamRange(pfn=0, row=0, pages=pages),))

    def put(self, at: int, data: bytes) -> None:
        """Write bytes to a physical address."""
        self.bytes.reshape(-1)[at : at + len(data)] = np.frombuffer(data, dtype=np.uint8)

    def words(self, at: int, *words: int) -> None:
        """Write 64-bit words to a physical address."""
        self.put(at, struct.pack(f"<{len(words)}Q", *words))

    def word(self, at: int) -> int:
        """Return a 64-bit word of a physical address."""
        return int.from_bytes(self.bytes.reshape(-1)[at : at + 8].tobytes(), "little")

    def bitmap(self, head: int, *, zone: int, start: int, end: int, leaves: dict[int, int]) -> None:
        """Write a ``struct memory_bitmap`` of one zone, kernel/power/snapshot.c.

        :param leaves: Addresses of the zone's leaves, and of the page of bits of each.
        """
        chain = [*leaves, zone + 32]
        self.words(head, OFFSET + zone, OFFSET + zone)
        self.words(zone, OFFSET + head, OFFSET + head, 0, 0, OFFSET + chain[0])
        self.words(zone + 40, OFFSET + [zone + 32, *leaves][-1], start, end)
        for leaf, after in zip(leaves, chain[1:], strict=True):
            self.words(leaf, OFFSET + after, 0, OFFSET + leaves[leaf])

    def bits(self, page: int, numbers: Iterable[int]) -> None:
        """Set bits in a page of them."""
        for number in numbers:
            self.bytes[page, number // 8] |= 1 << number % 8


def made_up() -> Ram:
    """Return RAM at a snapshot: all that is in use is in :data:`RECIPE`'s image."""
    ram = Ram(PAGES)
    for pfn, content in zip(DATA, RECIPE.pages(), strict=True):
        ram.put(pfn * PAGE, content)
    ram.words(_AT, 0, OFFSET + _MAPS["free_pages_map"], OFFSET + _MAPS["forbidden_pages_map"], 0)
    wanted = {"orig_bm": (*DATA, *ZEROES), "free_pages_map": FREE, "forbidden_pages_map": ()}
    for page, (name, pfns) in enumerate(wanted.items(), 5):
        at = _MAPS[name]
        leaves = {at + 0x200: page * PAGE}
        ram.bitmap(at, zone=at + 0x100, start=0, end=PAGES, leaves=leaves)
        ram.bits(page, pfns)
    ram.words(_STACK - OFFSET, _CALLER)
    return ram


def places() -> dict[str, Any]:
    """Return what the probe tells of where things lie."""
    symbols = {name: OFFSET + _AT + 8 * word for name, word in _WORDS.items()}
    symbols |= {"orig_bm": OFFSET + _MAPS["orig_bm"], "swsusp_save": _SAVE}
    symbols |= {"__nosave_begin": OFFSET + _NOSAVE * PAGE}
    symbols |= {"__nosave_end": OFFSET + (_NOSAVE + 1) * PAGE}
    return {
        "symbols": {name: [[at, at + 8]] for name, at in symbols.items()},
        "system_ram": [[DATA[0] * PAGE, (ZEROES[-1] + 1) * PAGE - 1]],
    }


class Debugger:
    """QEMU's gdb stub.

    :ivar way: What the guest comes to, one after the other, as soon as somebody waits for it.
    :ivar then: What the guest does once it has come to all of it.
    :ivar set: Addresses with a breakpoint.
    """

    def __init__(self, ram: Ram) -> None:
        self.ram = ram
        self.way: list[Registers] = []
        self.then: Callable[[], None] = lambda: None
        self.set: set[int] = set()
        self.fd = os.eventfd(0)
        self._stop: Stop | None = None
        self._at: Registers | None = None

    def goes(self, then: Callable[[], None], *way: Registers) -> None:
        """Have the guest go this way."""
        self.way, self.then = [*way], then
        self._on()

    def _on(self) -> None:
        if self.way and self.way[0].rip in self.set:
            self._at = self.way.pop(0)
            self._stop = _TRAP
            os.eventfd_write(self.fd, 1)

    def fileno(self) -> int:
        """Return what can be read when the guest has come to a breakpoint."""
        return self.fd

    def stopped(self) -> Stop | None:
        """Return why the guest stands still, ``None`` while it runs."""
        return self._stop

    def pause(self, _deadline: Deadline) -> Stop:
        """Stop the guest."""
        self._stop = self._stop or _INTERRUPT
        return self._stop

    def resume(self, _deadline: Deadline) -> None:
        """Let it run."""
        came, self._at, self._stop = self._at, None, None
        self._on()
        if came is not None and not self.way and self._stop is None:
            self.then()

    def stop_at(self, address: int, _deadline: Deadline) -> None:
        """Set a breakpoint."""
        self.set.add(address)

    def clear(self, address: int, _deadline: Deadline) -> None:
        """Take a breakpoint away."""
        self.set.remove(address)

    def registers(self, _deadline: Deadline) -> Registers:
        """Return the registers of a guest that stands still."""
        return self._at or Registers(*range(33))

    def read(self, address: int, count: int, _deadline: Deadline) -> bytes:
        """Return bytes of virtual memory."""
        assert count == 8
        return self.ram.word(address - OFFSET).to_bytes(8, "little")


def debugged(machine: Machine, ram: Ram) -> Debugger:
    """Give a machine memory that can be looked into, and a debugger."""

    def translated(command: str) -> str:
        address = int(command.removeprefix("gva2gpa "), 16) - OFFSET
        return f"gpa: {address:#x}\r\n" if 0 <= address < PAGES * PAGE else "Unmapped\r\n"

    machine.monitor.human = translated
    machine.answers.plant["places"] = places()
    machine.memory = ram.memory
    machine.debugger = debugger = Debugger(ram)
    return debugger


def _registers(rip: int, **others: int) -> Registers:
    return replace(Registers(*[0] * 33), rip=rip, **others)


def holds_image(machine: Machine, recipe: Recipe = RECIPE) -> None:
    """Have an image in the swap."""
    with machine.swap.open("r+b") as disk:
        kept = disk.read(_HEADER_AT)  # a kernel writes its own fields behind it
        disk.seek(0)
        disk.write(write(recipe).disk)
        disk.seek(0)
        disk.write(kept)


def saves_debugged(
    ram: Ram, *, rax: int = 0, meanwhile: Callable[[Machine], None] = lambda _: None
) -> Scene:
    """Boot afresh, and hibernate when told to, by way of swsusp_save().

    :param rax: What that returns.
    :param meanwhile: What happens between the snapshot and the end.
    """

    def scene(machine: Machine) -> None:
        saves()(machine)
        debugger = debugged(machine, ram)
        way = _registers(_SAVE, rsp=_STACK), _registers(_CALLER, rsp=_STACK + 8, rax=rax)

        def ends() -> None:
            holds_image(machine)
            meanwhile(machine)
            machine.powers_off(signs=False)

        def hibernates(_words: str) -> None:
            machine.prints(*log("trixie", "save", since=BEGINS))
            debugger.goes(ends, *way)

        machine.hibernates = hibernates

    return scene


def resumes_debugged(ram: Ram) -> Scene:
    """Resume, by way of the jump into the kernel that is restored."""

    def scene(machine: Machine) -> None:
        debugger = debugged(machine, ram)
        machine.prints(*log("trixie", "resume", until=_LOADED))

        def goes_on() -> None:
            machine.signs(b"SWAPSPACE2")
            machine.prints(*log("trixie", "resume", since=_LOADED, until=AUDIT))

        debugger.goes(goes_on, _registers(JUMP, r8=JUMP, r9=CR3))

    return scene
